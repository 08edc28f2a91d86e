//! TLS as a bystander sees it: the ClientHello, and where the handshake ends.

mod client;
mod hello;
mod ja4;

pub(super) use client::{Client, Step};
pub(super) use hello::Hello;

/// The record header: type, version, length (RFC 8446, section 5.1).
const RECORD_HEADER: usize = 5;
/// The longest record any version allows: 2^14 bytes and 2048 of expansion (RFC 5246, section 6.2.3).
const MAX_RECORD: usize = (1 << 14) + 2048;
/// The longest ClientHello that is put together.
pub(super) const MAX_HELLO: usize = 64 << 10;

/// A record header that makes sense: its type and length.
fn record_header(header: [u8; RECORD_HEADER]) -> Option<(u8, usize)> {
    let [kind, major, minor, high, low] = header;
    let length = usize::from(u16::from_be_bytes([high, low]));
    let sane = (20..=24).contains(&kind) && major == 3 && minor <= 4 && length <= MAX_RECORD;
    sane.then_some((kind, length))
}

#[cfg(test)]
mod tests;

impl Hello {
    /// The JA4 fingerprint; `transport` is `t` for TLS over TCP.
    pub(super) fn ja4(&self, transport: char) -> Box<str> {
        ja4::fingerprint(self, transport)
    }
}
