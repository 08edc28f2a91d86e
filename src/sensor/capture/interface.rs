//! What a pcapng section says of an interface, once for all its packets.

use std::sync::Arc;

use crate::model::Timestamp;
use crate::net::LinkType;

/// How to turn timestamp units into nanoseconds.
#[derive(Clone, Copy)]
pub(super) enum Resolution {
    /// Nanoseconds per unit.
    Times(u64),
    /// Units per second.
    PerSecond(u64),
}

pub(super) struct Interface {
    pub(super) link: LinkType,
    pub(super) name: Option<Arc<str>>,
    pub(super) resolution: Resolution,
    /// Seconds to add.
    pub(super) offset: i64,
    pub(super) snap_len: u32,
    pub(super) drops: Drops,
}

/// What a capture says that it missed, told in two ways of which a writer may use either.
#[derive(Clone, Copy, Default)]
pub(super) struct Drops {
    /// The last statistics, since the capture began.
    pub(super) counted: u64,
    /// Those before each packet.
    pub(super) between: u64,
}

impl Drops {
    pub(super) fn all(self) -> u64 {
        self.counted.max(self.between)
    }
}

impl Interface {
    #[inline]
    pub(super) fn time(&self, units: u64) -> Timestamp {
        let nanos = match self.resolution {
            Resolution::Times(factor) => i128::from(units) * i128::from(factor),
            Resolution::PerSecond(rate) => i128::from(units) * 1_000_000_000 / i128::from(rate),
        };
        let nanos = nanos + i128::from(self.offset) * 1_000_000_000;
        Timestamp::from_nanos(nanos.clamp(i128::from(i64::MIN), i128::from(i64::MAX)) as i64)
    }
}

/// `if_tsresol`: a negative power of ten, or of two when the high bit is set.
pub(super) fn resolution(exponent: u8) -> Option<Resolution> {
    match exponent {
        0..=9 => Some(Resolution::Times(10u64.pow(9 - u32::from(exponent)))),
        10..=19 => Some(Resolution::PerSecond(10u64.pow(u32::from(exponent)))),
        0x80..=0xbf => Some(Resolution::PerSecond(1 << (exponent & 0x3f))),
        _ => None,
    }
}
