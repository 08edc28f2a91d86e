//! What the first bytes of a connection look like: TLS, SSL 2, words to a proxy or about TLS, or none of them.
//!
//! In: the bytes so far. Out: a [`Look`], which may be that it takes more of them to tell.

use crate::model::DomainName;
use crate::net::proxy::{self, Said};
use crate::net::starttls::{self, Leads};

use super::record_header;

/// What the first bytes look like.
pub(super) enum Look {
    Undecided,
    Records,
    Version2,
    /// So many bytes said to a proxy, which was asked for this host.
    Proxy(usize, Option<DomainName>),
    /// So many bytes said in plain before TLS.
    Preamble(usize),
    /// The same before packets that carry TLS.
    Packets(usize),
    Plain,
}

/// What these bytes are the beginning of. They are the first of the connection, or of what a proxy passes on.
pub(super) fn look(bytes: &[u8]) -> Look {
    match bytes {
        [20..=24] | [20..=24, 3] => Look::Undecided,
        [20..=24, 3, 0..=4] | [20..=24, 3, 0..=4, _] => Look::Undecided,
        [kind @ 20..=24, 3, minor @ 0..=4, high, low, ..] => {
            match record_header([*kind, 3, *minor, *high, *low]) {
                Some(_) => Look::Records,
                None => Look::Plain,
            }
        }
        [0x80..=0xff] | [0x80..=0xff, _] | [0x80..=0xff, _, 1] | [0x80..=0xff, _, 1, 0 | 3] => {
            Look::Undecided
        }
        [0x80..=0xff, _, 1, 3, 0..=3, ..] | [0x80..=0xff, _, 1, 0, 2, ..] => version_2(bytes),
        _ => match proxy::said(bytes) {
            Said::All(size, host) => Look::Proxy(size, host),
            Said::More => Look::Undecided,
            Said::Nothing => match starttls::leads(bytes) {
                Leads::ToTls(size) => Look::Preamble(size),
                Leads::ToPackets(size) => Look::Packets(size),
                Leads::Perhaps => Look::Undecided,
                Leads::Nowhere => Look::Plain,
            },
        },
    }
}

/// The parts of an SSL 2 hello must add up to its length.
fn version_2(bytes: &[u8]) -> Look {
    let length = version_2_length(bytes);
    match bytes.get(5..11) {
        Some([a, b, c, d, e, f]) => {
            let [ciphers, session, challenge] =
                [[*a, *b], [*c, *d], [*e, *f]].map(|pair| usize::from(u16::from_be_bytes(pair)));
            let adds_up = 11 + ciphers + session + challenge == length && ciphers % 3 == 0;
            match adds_up && (session == 0 || session == 16) && (16..=32).contains(&challenge) {
                true if bytes.len() < length => Look::Undecided,
                true => Look::Version2,
                false => Look::Plain,
            }
        }
        _ => Look::Undecided,
    }
}

/// Length of an SSL 2 record with a two-byte header.
pub(super) fn version_2_length(bytes: &[u8]) -> usize {
    match bytes {
        [high, low, ..] => 2 + usize::from(u16::from_be_bytes([high & 0x7f, *low])),
        _ => 0,
    }
}
