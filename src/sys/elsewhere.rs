//! What of the system's own calls is needed, and is the same, on every system.

#![allow(unsafe_code)]

use rustix::time::ClockId;

pub mod signals;

/// The clock that nobody sets, and that goes on in sleep (`clock_gettime(2)` of Linux).
pub const SINCE_BOOT: ClockId = ClockId::Boottime;
