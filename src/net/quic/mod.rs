//! QUIC as a bystander sees it: what its headers say, and the ClientHello, which travels under keys that anyone who sees
//! the first packet can derive (RFC 9001, section 5.2).

mod connections;
mod frames;
mod header;
mod keys;
mod opening;

pub(super) use connections::Connections;
pub(super) use header::{application_bytes, is_long, is_quic, is_short, source_id};
pub(super) use opening::{Opening, Step, begins_another};

#[cfg(test)]
pub(super) mod testing;
#[cfg(test)]
mod tests;
