//! What people are shown: nothing that draws by itself, times and sizes for reading.

pub use crate::sink::format::{size, visible};

/// The time of day of an RFC 3339 time, with milliseconds.
pub fn clock(time: &str) -> &str {
    time.get(11..23).unwrap_or_default()
}
