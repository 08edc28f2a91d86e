//! Capture files: pcap and pcapng, plain or compressed, from files, pipes and standard input.
//!
//! Everything is read as a stream through one buffer that fits a core's second-level cache (measured: holding the whole
//! file in memory takes twice as long per packet), so a recording may still be growing and memory does not depend on its
//! length. What is cut, absurd or not a capture at all is an error that names the file and the byte.

mod buffer;
mod error;
mod interface;
mod merge;
mod open;
mod pcap;
mod pcapng;
mod reader;

pub use error::CaptureError;
pub use merge::CaptureSet;
pub use reader::CaptureReader;

/// The longest packet record that is believed: a maximal super-packet or jumbogram as tcpdump keeps it, and room for
/// link headers and options. Anything longer is a broken file.
pub const MAX_RECORD: usize = (256 << 10) + (8 << 10);

/// What is read ahead; two records always fit.
const BUFFER: usize = 512 << 10;
const _: () = assert!(BUFFER > MAX_RECORD + 64);

#[cfg(test)]
mod tests;
