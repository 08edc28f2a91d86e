//! TLS as a bystander sees it: the ClientHello, and where the handshake ends.

mod client;
mod hello;
mod ja4;
mod look;

pub(super) use client::{Client, Step};
pub(super) use hello::Hello;

use std::sync::Arc;

use crate::model::{ClientHello, Transport};

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

/// What hellos of late say, their fingerprints among it: most hellos of one machine are of few kinds.
#[derive(Debug, Default)]
pub(super) struct Kinds {
    known: Vec<Kind>,
    next: usize,
}

#[derive(Debug)]
struct Kind {
    hello: Hello,
    transport: Transport,
    says: Arc<ClientHello>,
}

impl Kinds {
    /// How many are remembered, about 500 bytes each.
    const LIMIT: usize = 16;

    /// What a hello says beside the name. `ech`: its name is the outer one. `fingerprints`: its JA4 is wanted.
    pub(super) fn of(
        &mut self,
        hello: &Hello,
        transport: Transport,
        ech: bool,
        fingerprints: bool,
    ) -> Arc<ClientHello> {
        let says = |ja4| ClientHello { version: hello.version, alpn: hello.alpn(), ech, ja4 };
        if !(fingerprints && hello.whole) {
            return Arc::new(says(None));
        }
        let is_known =
            |kind: &&Kind| kind.transport == transport && kind.says.ech == ech && kind.hello.is_alike(hello);
        if let Some(kind) = self.known.iter().find(is_known) {
            return Arc::clone(&kind.says);
        }
        let letter = if transport == Transport::Quic { 'q' } else { 't' };
        let says = Arc::new(says(Some(ja4::fingerprint(hello, letter))));
        let hello = Hello { name: None, ..hello.clone() };
        let kind = Kind { hello, transport, says: Arc::clone(&says) };
        if self.known.len() < Self::LIMIT {
            self.known.push(kind);
        } else {
            self.known[self.next % Self::LIMIT] = kind;
            self.next += 1;
        }
        says
    }
}

#[cfg(test)]
mod tests;
