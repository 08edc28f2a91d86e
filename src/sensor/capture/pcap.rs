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
        // The upper bits hold the length of a frame check sequence, which IP lengths make superfluous.
        pcap.link = LinkType::from_number(pcap.word(window.slice(20, 4), 0) & 0x0fff_ffff);
        window.consume(24);
        Ok(Some(pcap))
    }

    #[inline]
    fn word(&self, bytes: &[u8], at: usize) -> u32 {
        let word = bytes.get(at..).and_then(|rest| rest.first_chunk::<4>()).copied().unwrap_or_default();
        if self.big_endian { u32::from_be_bytes(word) } else { u32::from_le_bytes(word) }
    }

    /// The next record, whole and in the window; `None` at the end.
    #[inline]
    pub(super) fn record(&mut self, window: &mut Window) -> Result<Option<Record>, Fault> {
        let offset = window.offset();
        match window.fill(self.header)? {
            0 => return Ok(None),
            have if have < self.header => return Err(Fault::Cut { offset }),
            _ => {}
        }
        let Some(header) = window.known().first_chunk::<16>() else { return Ok(None) };
        let (seconds, fraction) = (self.word(header, 0), self.word(header, 4));
        let (length, wire_len) = (self.word(header, 8), self.word(header, 12));
        let len = length as usize;
        if len > MAX_RECORD {
            return Err(Fault::TooLong { offset, length: u64::from(length), limit: MAX_RECORD as u64 });
        }
        let size = self.header + len;
        if window.fill(size)? < size {
            return Err(Fault::Cut { offset });
        }
        let nanos = i64::from(seconds) * 1_000_000_000 + i64::from(fraction) * self.unit;
        Ok(Some(Record {
            time: Timestamp::from_nanos(nanos),
            link: self.link,
            at: self.header,
            len,
            wire_len,
            size,
            direction: None,
            interface: None,
            owner: None,
        }))
    }
}
