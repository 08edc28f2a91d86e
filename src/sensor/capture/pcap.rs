//! The pcap format (draft-ietf-opsawg-pcap): a header of 24 bytes, then records of 16 bytes and a packet.

use super::MAX_RECORD;
use super::buffer::Window;
use super::error::Fault;
use super::reader::Record;
use crate::model::Timestamp;
use crate::net::LinkType;

/// How the numbers of this file are written.
pub(super) struct Pcap {
    big_endian: bool,
    /// Nanoseconds per unit of the second timestamp word.
    unit: i64,
    /// 16, or 24 in the form that some Linux kernels of the 1990s wrote.
    header: usize,
    link: LinkType,
}

impl Pcap {
    /// Reads the file header. `None` if the magic number is not pcap's.
    pub(super) fn header(magic: [u8; 4], window: &mut Window) -> Result<Option<Self>, Fault> {
        let (little, big) = (u32::from_le_bytes(magic), u32::from_be_bytes(magic));
        let known = |number| match number {
            0xa1b2_c3d4 => Some((1000, 16)),
            0xa1b2_3c4d => Some((1, 16)),
            0xa1b2_cd34 => Some((1000, 24)),
            _ => None,
        };
        let (big_endian, (unit, header)) = match (known(little), known(big)) {
            (Some(form), _) => (false, form),
            (_, Some(form)) => (true, form),
            _ => return Ok(None),
        };
        if window.fill(24)? < 24 {
            return Err(Fault::Cut { offset: 0 });
        }
        let mut pcap = Self { big_endian, unit, header, link: LinkType::Raw };
        // The upper half holds the length of a frame check sequence and whether it is meant, which IP lengths make
        // superfluous, and reserved bits, which readers must ignore.
        pcap.link = LinkType::from_number(
            pcap.word(window.slice(20, 4).first_chunk().copied().unwrap_or_default()) & 0xffff,
        );
        window.consume(24);
        Ok(Some(pcap))
    }

    #[inline(always)]
    fn word(&self, word: [u8; 4]) -> u32 {
        if self.big_endian { u32::from_be_bytes(word) } else { u32::from_le_bytes(word) }
    }

    /// What records are read into: what all of them have in common is there already.
    pub(super) fn blank(&self) -> Record {
        Record { link: self.link, ..Record::NONE }
    }

    /// Puts the next record, whole and in the window, into `record`, a [`Self::blank`] one or one read before; false at the
    /// end.
    #[inline(always)]
    pub(super) fn record(&mut self, window: &mut Window, record: &mut Record) -> Result<bool, Fault> {
        let known = window.known();
        if self.header_of(known, record) && record.len <= MAX_RECORD && record.size <= known.len() {
            return Ok(true);
        }
        self.read_on(window, record)
    }

    /// Does a whole record lie at the start of these bytes?
    #[inline]
    pub(super) fn lies_in(&self, known: &[u8]) -> bool {
        let mut record = Record::NONE;
        self.header_of(known, &mut record) && record.size <= known.len()
    }

    /// The next record is not all in the window.
    #[cold]
    fn read_on(&self, window: &mut Window, record: &mut Record) -> Result<bool, Fault> {
        let offset = window.offset();
        match window.fill(self.header)? {
            0 => return Ok(false),
            have if have < self.header => return Err(Fault::Cut { offset }),
            _ => self.header_of(window.known(), record),
        };
        if record.len > MAX_RECORD {
            return Err(Fault::TooLong { offset, length: record.len as u64, limit: MAX_RECORD as u64 });
        }
        if window.fill(record.size)? < record.size { Err(Fault::Cut { offset }) } else { Ok(true) }
    }

    /// Reads a record's header, if it is in the window.
    #[inline(always)]
    fn header_of(&self, known: &[u8], record: &mut Record) -> bool {
        let Some(header) = known.first_chunk::<16>().filter(|_| known.len() >= self.header) else {
            return false;
        };
        let ([seconds, fraction, length, wire_len], _) = header.as_chunks::<4>() else { return false };
        let words = [seconds, fraction, length, wire_len].map(|word| u32::from_le_bytes(*word));
        let [seconds, fraction, length, wire_len] =
            if self.big_endian { words.map(u32::swap_bytes) } else { words };
        let nanos = i64::from(seconds) * 1_000_000_000 + i64::from(fraction) * self.unit;
        record.time = Timestamp::from_nanos(nanos);
        record.at = self.header;
        record.len = length as usize;
        record.wire_len = wire_len;
        record.size = self.header + record.len;
        true
    }
}
