//! Doors to the parsers of this room, for the fuzzer alone (`fuzz/`).

use super::dns::{Answers, read};
use super::quic::{Opening, application_bytes};
use super::tls::{Client, Hello};
use crate::model::Timestamp;

pub fn dns(bytes: &[u8]) {
    let mut answers = Answers::default();
    for multicast in [false, true] {
        read(bytes, multicast, &mut answers);
    }
}

/// The first byte says in pieces of what size the rest comes.
pub fn hello(bytes: &[u8]) {
    Hello::read(bytes);
    Hello::read_v2(bytes);
    let Some((size, bytes)) = bytes.split_first() else { return };
    let (mut client, mut at) = (Client::default(), 0);
    for piece in bytes.chunks(usize::from(*size).max(1)) {
        client.feed(at, piece, piece.len() as u32);
        at += piece.len() as i64;
        client.take_hello();
        client.take_target();
    }
    client.finish();
}

pub fn quic(bytes: &[u8]) {
    let (mut opening, mut buffer) = (Opening::new(), Vec::new());
    for datagram in bytes.chunks(1400) {
        opening.datagram(Timestamp::MIN, datagram, &mut buffer);
        assert!(application_bytes(datagram, datagram.len() as u32) <= datagram.len() as u32);
    }
    let mut opening = Opening::new();
    for frames in bytes.chunks(200) {
        opening.frames(frames);
    }
    opening.give_up();
}
