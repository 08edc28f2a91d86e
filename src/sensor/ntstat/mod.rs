//! What the kernel counts of each connection (`com.apple.network.statistics`): the fallback where packets cannot be captured.
//!
//! It tells owners and bytes, and no names: `message` reads it, `flows` makes facts of it, `listen` is the loop. The
//! device is opened by `kernel_counts`, on macOS only. What it cannot do as well as the tap: bytes are dated by the look
//! that found them, a second apart; handshakes and what TCP sent again count as payload; a connection that begins and
//! ends between two looks is seen only if the kernel tells its last counts; this Mac's own proxies are not seen through.

mod flows;
mod listen;
mod message;
#[cfg(test)]
mod testing;

pub use listen::{Control, listen};
pub use message::{MAX_DATAGRAM, Message, messages};
