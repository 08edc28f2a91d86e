//! The pcapng format (draft-ietf-opsawg-pcapng) and what Apple adds to it: process information blocks, and packet
//! options that point to them (libpcap's `pcap/pcap-ng.h` as Apple ships it).

use std::sync::Arc;

use super::MAX_RECORD;
use super::buffer::Window;
use super::error::Fault;
use super::interface::{Drops, Interface, Resolution, resolution};
use super::reader::Record;
use crate::model::{CommName, Direction, Owner, Pid, Timestamp};
use crate::net::LinkType;

const SECTION_HEADER: u32 = 0x0a0d_0d0a;
const INTERFACE: u32 = 1;
const PACKET: u32 = 2;
const SIMPLE_PACKET: u32 = 3;
const STATISTICS: u32 = 5;
const ENHANCED_PACKET: u32 = 6;
const DARWIN_PROCESS: u32 = 0x8000_0001;
const BYTE_ORDER: u32 = 0x1a2b_3c4d;
/// Blocks that are kept whole, packets included: a packet, its options, its frame.
const MAX_BLOCK: usize = MAX_RECORD + (64 << 10);
/// Interfaces and processes of one section that are remembered.
const MAX_INTERFACES: usize = 4096;
const MAX_PROCESSES: usize = 1 << 16;
/// Blocks behind a packet among which the process that it names is looked for.
const MAX_AHEAD: usize = 256;

const OPTION_END: u16 = 0;
const IF_NAME: u16 = 2;
const IF_TSRESOL: u16 = 9;
const IF_TSOFFSET: u16 = 14;
const PACKET_FLAGS: u16 = 2;
const PACKET_DROPS: u16 = 4;
const DROPPED_BY_INTERFACE: u16 = 5;
const DROPPED_BY_SYSTEM: u16 = 7;
const PACKET_PROCESS: u16 = 0x8001;
const PACKET_EFFECTIVE_PROCESS: u16 = 0x8003;
const PROCESS_NAME: u16 = 2;

/// State of the current section.
#[derive(Default)]
pub(super) struct Pcapng {
    big_endian: bool,
    /// Of all sections; `base` is where the current one begins.
    interfaces: Vec<Interface>,
    base: usize,
    processes: Vec<(Pid, CommName)>,
    last_time: Timestamp,
}

impl Pcapng {
    pub(super) fn interface_name(&self, index: usize) -> Option<&Arc<str>> {
        self.interfaces.get(index)?.name.as_ref()
    }

    /// Packets that the capture says it dropped, so far.
    pub(super) fn dropped(&self) -> u64 {
        let each = self.interfaces.iter().map(|interface| interface.drops.all());
        each.fold(0, u64::saturating_add)
    }

    fn word(&self, bytes: &[u8], at: usize) -> Option<u32> {
        let word = *bytes.get(at..)?.first_chunk::<4>()?;
        Some(if self.big_endian { u32::from_be_bytes(word) } else { u32::from_le_bytes(word) })
    }

    fn half(&self, bytes: &[u8], at: usize) -> Option<u16> {
        let half = *bytes.get(at..)?.first_chunk::<2>()?;
        Some(if self.big_endian { u16::from_be_bytes(half) } else { u16::from_le_bytes(half) })
    }

    fn long(&self, bytes: &[u8]) -> Option<u64> {
        let long = *bytes.first_chunk::<8>()?;
        Some(if self.big_endian { u64::from_be_bytes(long) } else { u64::from_le_bytes(long) })
    }

    /// Puts the next packet block, whole and in the window, into `record`; false at the end. Other blocks are read on the
    /// way.
    #[inline]
    pub(super) fn record(&mut self, window: &mut Window, record: &mut Record) -> Result<bool, Fault> {
        loop {
            let Some((kind, length)) = self.block(window)? else { return Ok(false) };
            let offset = window.offset();
            let kept = matches!(
                kind,
                INTERFACE | PACKET | SIMPLE_PACKET | STATISTICS | ENHANCED_PACKET | DARWIN_PROCESS
            );
            if !kept && kind != SECTION_HEADER {
                if !window.skip(u64::from(length))? {
                    return Err(Fault::Cut { offset });
                }
                continue;
            }
            let size = length as usize;
            if size > MAX_BLOCK {
                let limit = MAX_BLOCK as u64;
                return Err(Fault::TooLong { offset, length: u64::from(length), limit });
            }
            if window.fill(size)? < size {
                return Err(Fault::Cut { offset });
            }
            // Between the type and length in front and the length repeated behind.
            let body = window.slice(8, size.saturating_sub(12));
            let read = match kind {
                SECTION_HEADER => self.section(),
                INTERFACE => self.interface(body),
                DARWIN_PROCESS => self.process(body),
                STATISTICS => {
                    self.statistics(body);
                    Some(())
                }
                _ => match self.packet(kind, body, size, window.known().get(size..).unwrap_or_default()) {
                    Some(read) => {
                        *record = read;
                        return Ok(true);
                    }
                    None => None,
                },
            };
            if read.is_none() {
                return Err(Fault::Malformed { offset, what: name_of(kind) });
            }
            window.consume(size);
        }
    }

    /// Does a whole packet block lie at the start of these bytes?
    pub(super) fn lies_in(&self, known: &[u8]) -> bool {
        let length = self.word(known, 4).map(|length| length as usize);
        self.word(known, 0) == Some(ENHANCED_PACKET) && length.is_some_and(|length| length <= known.len())
    }

    /// Type and total length of the next block. A section header settles the byte order before its length is read.
    #[inline]
    fn block(&mut self, window: &mut Window) -> Result<Option<(u32, u32)>, Fault> {
        let offset = window.offset();
        match window.fill(12)? {
            0 => return Ok(None),
            have if have < 12 => return Err(Fault::Cut { offset }),
            _ => {}
        }
        let head = window.slice(0, 12);
        let malformed = |what| Fault::Malformed { offset, what };
        let kind = self.word(head, 0).unwrap_or_default();
        if kind == SECTION_HEADER {
            match head {
                [.., 0x1a, 0x2b, 0x3c, 0x4d] => self.big_endian = true,
                [.., 0x4d, 0x3c, 0x2b, 0x1a] => self.big_endian = false,
                _ => return Err(malformed("byte order of a section")),
            }
            debug_assert_eq!(self.word(head, 8), Some(BYTE_ORDER));
        }
        let length = self.word(head, 4).unwrap_or_default();
        if length < 12 || !length.is_multiple_of(4) {
            return Err(malformed("length of a block"));
        }
        Ok(Some((kind, length)))
    }

    /// Interfaces and processes are numbered anew in each section.
    fn section(&mut self) -> Option<()> {
        self.base = self.interfaces.len();
        self.processes.clear();
        Some(())
    }

    fn interface(&mut self, body: &[u8]) -> Option<()> {
        let mut interface = Interface {
            link: LinkType::from_number(u32::from(self.half(body, 0)?)),
            name: None,
            resolution: Resolution::Times(1000),
            offset: 0,
            snap_len: self.word(body, 4)?,
            drops: Drops::default(),
        };
        let mut options = body.get(8..)?;
        while let Some((code, value)) = self.option(&mut options) {
            match (code, value) {
                (IF_NAME, name) => interface.name = text(name),
                (IF_TSRESOL, [exponent, ..]) => interface.resolution = resolution(*exponent)?,
                (IF_TSOFFSET, value) => interface.offset = self.long(value)?.cast_signed(),
                _ => {}
            }
        }
        if self.interfaces.len() >= MAX_INTERFACES {
            return None;
        }
        self.interfaces.push(interface);
        Some(())
    }

    /// How the capture on one interface went. What makes no sense in it is passed over: no packet depends on it.
    fn statistics(&mut self, body: &[u8]) -> Option<()> {
        let index = self.base.checked_add(self.word(body, 0)? as usize)?;
        let (mut options, mut dropped) = (body.get(12..)?, 0u64);
        while let Some((code, value)) = self.option(&mut options) {
            if matches!(code, DROPPED_BY_INTERFACE | DROPPED_BY_SYSTEM) {
                dropped = dropped.saturating_add(self.long(value)?);
            }
        }
        let drops = &mut self.interfaces.get_mut(index)?.drops;
        drops.counted = drops.counted.max(dropped);
        Some(())
    }

    /// The order of these blocks in the section is their number.
    fn process(&mut self, body: &[u8]) -> Option<()> {
        let process = self.read_process(body)?;
        if self.processes.len() < MAX_PROCESSES {
            self.processes.push(process);
        }
        Some(())
    }

    /// pid, then options.
    fn read_process(&self, body: &[u8]) -> Option<(Pid, CommName)> {
        let pid = Pid(self.word(body, 0)?.cast_signed());
        let mut name = CommName::default();
        let mut options = body.get(4..)?;
        while let Some((code, value)) = self.option(&mut options) {
            if code == PROCESS_NAME {
                name = CommName::new(value);
            }
        }
        Some((pid, name))
    }

    #[inline]
    fn packet(&mut self, kind: u32, body: &[u8], size: usize, ahead: &[u8]) -> Option<Record> {
        if kind == SIMPLE_PACKET {
            return self.simple(body, size);
        }
        // The obsolete packet block has a 16-bit interface and a drop count where the enhanced one has 32 bits.
        let number = match kind {
            PACKET => u32::from(self.half(body, 0)?),
            _ => self.word(body, 0)?,
        };
        let index = self.base.checked_add(number as usize)?;
        let interface = self.interfaces.get(index)?;
        let units = u64::from(self.word(body, 4)?) << 32 | u64::from(self.word(body, 8)?);
        let (length, wire_len) = (self.word(body, 12)?, self.word(body, 16)?);
        let len = length as usize;
        let mut record = Record {
            time: interface.time(units),
            link: interface.link,
            at: 8 + 20,
            len,
            wire_len,
            size,
            direction: None,
            interface: interface.name.is_some().then_some(index),
            owner: None,
        };
        let mut options = body.get(20..)?.get(len..)?;
        options = options.get(len.next_multiple_of(4) - len..).unwrap_or_default();
        let dropped = self.packet_options(options, ahead, &mut record);
        if dropped > 0 {
            self.note_dropped(index, dropped);
        }
        self.last_time = record.time;
        Some(record)
    }

    /// Returns how many packets were dropped before this one.
    fn packet_options(&self, mut options: &[u8], ahead: &[u8], record: &mut Record) -> u64 {
        let (mut process, mut effective, mut dropped) = (None, None, 0);
        while let Some((code, value)) = self.option(&mut options) {
            match code {
                PACKET_FLAGS => record.direction = self.word(value, 0).and_then(direction),
                PACKET_PROCESS => process = self.process_at(value, ahead),
                PACKET_DROPS => dropped = self.long(value).unwrap_or_default(),
                PACKET_EFFECTIVE_PROCESS => effective = self.process_at(value, ahead),
                _ => {}
            }
        }
        if let Some((pid, name)) = process.or(effective) {
            let effective = effective.filter(|(other, _)| *other != pid);
            record.owner = Some(Owner { pid, name, effective });
        }
        dropped
    }

    #[cold]
    fn note_dropped(&mut self, index: usize, dropped: u64) {
        if let Some(interface) = self.interfaces.get_mut(index) {
            interface.drops.between = interface.drops.between.saturating_add(dropped);
        }
    }

    /// The process with this number. Its block may follow the packets that name it.
    fn process_at(&self, value: &[u8], ahead: &[u8]) -> Option<(Pid, CommName)> {
        let index = self.word(value, 0)? as usize;
        let known = self.processes.get(index).copied();
        known.or_else(|| self.process_ahead(index, ahead)).filter(|(pid, _)| pid.0 >= 0)
    }

    /// Looks for the block of a process in what was read ahead, without waiting for more.
    #[cold]
    fn process_ahead(&self, index: usize, mut ahead: &[u8]) -> Option<(Pid, CommName)> {
        let mut missing = index.checked_sub(self.processes.len())?;
        for _ in 0..MAX_AHEAD {
            let (kind, length) = (self.word(ahead, 0)?, self.word(ahead, 4)? as usize);
            let (block, rest) = ahead.split_at_checked(length)?;
            match kind {
                SECTION_HEADER => return None,
                DARWIN_PROCESS if missing == 0 => {
                    return self.read_process(block.get(8..length.checked_sub(4)?)?);
                }
                DARWIN_PROCESS => missing -= 1,
                _ => {}
            }
            ahead = rest;
        }
        None
    }

    /// No timestamp, no interface number: it belongs to the first interface and, for want of better, to the last time.
    fn simple(&self, body: &[u8], size: usize) -> Option<Record> {
        let interface = self.interfaces.get(self.base)?;
        let wire_len = self.word(body, 0)?;
        let limit = if interface.snap_len == 0 { u32::MAX } else { interface.snap_len };
        let len = (wire_len.min(limit) as usize).min(body.len() - 4);
        Some(Record {
            time: self.last_time,
            link: interface.link,
            at: 8 + 4,
            len,
            wire_len,
            size,
            direction: None,
            interface: interface.name.is_some().then_some(self.base),
            owner: None,
        })
    }

    /// Code, length, value padded to four bytes. Ends at the end mark, or where the bytes make no sense.
    fn option<'a>(&self, rest: &mut &'a [u8]) -> Option<(u16, &'a [u8])> {
        let (code, length) = (self.half(rest, 0)?, usize::from(self.half(rest, 2)?));
        let value = rest.get(4..4 + length)?;
        *rest = rest.get(4 + length.next_multiple_of(4)..).unwrap_or_default();
        (code != OPTION_END).then_some((code, value))
    }
}

fn direction(flags: u32) -> Option<Direction> {
    match flags & 3 {
        1 => Some(Direction::In),
        2 => Some(Direction::Out),
        _ => None,
    }
}

fn text(bytes: &[u8]) -> Option<Arc<str>> {
    let bytes = bytes.split(|byte| *byte == 0).next()?;
    (!bytes.is_empty()).then(|| Arc::from(String::from_utf8_lossy(bytes)))
}

fn name_of(kind: u32) -> &'static str {
    match kind {
        INTERFACE => "an interface description",
        DARWIN_PROCESS => "a process information block",
        _ => "a packet block",
    }
}
