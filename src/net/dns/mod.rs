//! DNS: which names led to which addresses, who asked, and what the answers fit.

mod conversation;
mod message;
mod names;

pub(super) use conversation::{Conversation, Fit};
pub(super) use message::{Answers, Question, read};
pub(super) use names::{Asker, Names};

/// Unicast DNS, and multicast DNS.
pub(super) const PORT: u16 = 53;
pub(super) const MULTICAST_PORT: u16 = 5353;

#[cfg(test)]
mod tests;
