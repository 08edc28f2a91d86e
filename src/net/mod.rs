//! Packet bytes in, facts about flows out. Parses portably; opens nothing.
//!
//! ```text
//!  Packet ─► frame ─► flow ─► NetFact
//!                      ├─ tls: the ClientHello, where the handshake ends
//!                      ├─ proxy: the host that a proxy is asked for
//!                      ├─ starttls: what is said in plain before TLS
//!                      ├─ dns: names of addresses
//!                      └─ quic: the ClientHello in its Initial packets
//! ```
//!
//! Every parser takes bytes as they come from strangers: nothing panics, no length is believed before it is checked,
//! what cannot be read is counted by kind.

#![deny(clippy::disallowed_methods, clippy::disallowed_types)]

mod dns;
mod flow;
mod frame;
mod known;
mod packet;
mod proxy;
mod quic;
mod starttls;
mod stats;
mod tap;
mod tls;

#[cfg(fuzzing)]
pub mod fuzzing;
#[cfg(test)]
mod testing;

pub use flow::FlowSummary;
pub use frame::Unread;
pub use packet::{LinkType, Packet};
pub use stats::Stats;
pub use tap::{Limits, Tap};
