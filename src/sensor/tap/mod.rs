//! Packets as they pass: a live source, understood by `net` at once, told to the engine as facts.
//!
//! `listen` is the loop, whatever the source: the system's packet tap (`pktap`, macOS only, by root) or a stream that
//! another program writes (`stream`). `filter` is what the kernel copies for the former.

pub mod filter;
mod going_on;
mod listen;
mod stream;

pub use listen::{Ended, Heard, Listener, Meter, Source};
pub use stream::Stream;

#[cfg(test)]
pub(super) mod testing;
