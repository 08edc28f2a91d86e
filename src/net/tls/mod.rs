//! TLS as a bystander sees it: the ClientHello, and where the handshake ends.

mod client;
mod hello;
mod ja4;

pub(super) use client::{Client, Step};
pub(super) use hello::Hello;

use crate::model::Transport;

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

/// Fingerprints of late: most hellos of one machine are of few kinds.
#[derive(Debug, Default)]
pub(super) struct Fingerprints {
    known: Vec<(Hello, char, Box<str>)>,
    next: usize,
}

impl Fingerprints {
    /// How many are remembered, about 500 bytes each.
    const LIMIT: usize = 16;

    /// The JA4 fingerprint of a hello.
    pub(super) fn of(&mut self, hello: &Hello, transport: Transport) -> Box<str> {
        let letter = if transport == Transport::Quic { 'q' } else { 't' };
        let is_known = |entry: &&(Hello, char, Box<str>)| entry.1 == letter && ja4::is_alike(&entry.0, hello);
        if let Some((.., print)) = self.known.iter().find(is_known) {
            return print.clone();
        }
        let print = ja4::fingerprint(hello, letter);
        let entry = (Hello { name: None, alpn: Vec::new(), ..hello.clone() }, letter, print.clone());
        if self.known.len() < Self::LIMIT {
            self.known.push(entry);
        } else {
            self.known[self.next % Self::LIMIT] = entry;
            self.next += 1;
        }
        print
    }
}

#[cfg(test)]
mod tests;
