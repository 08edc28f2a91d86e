//! Packets made by hand, for the tests of this room.

use super::packet::{LinkType, Packet};
use super::{FlowSummary, Limits, Tap};
use crate::model::{NetFact, Timestamp};

/// One TCP segment or datagram as raw IPv4 bytes.
#[derive(Clone, Debug)]
pub(super) struct Made {
    pub(super) time: i64,
    pub(super) bytes: Vec<u8>,
}

/// 192.0.2.1 is the server's address; the client's is private.
pub(super) const CLIENT: ([u8; 4], u16) = ([10, 0, 0, 1], 50_000);
pub(super) const SERVER: ([u8; 4], u16) = ([192, 0, 2, 1], 443);

type End = ([u8; 4], u16);

fn ipv4(protocol: u8, src: End, dst: End, body: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0x45, 0];
    bytes.extend((20 + body.len() as u16).to_be_bytes());
    bytes.extend([0, 0, 0, 0, 64, protocol, 0, 0]);
    bytes.extend(src.0);
    bytes.extend(dst.0);
    bytes.extend(body);
    bytes
}

pub(super) fn tcp(time: i64, src: End, dst: End, seq: u32, ack: u32, flags: u8, payload: &[u8]) -> Made {
    let mut body = Vec::new();
    body.extend(src.1.to_be_bytes());
    body.extend(dst.1.to_be_bytes());
    body.extend(seq.to_be_bytes());
    body.extend(ack.to_be_bytes());
    body.extend([0x50, flags, 0, 0, 0, 0, 0, 0]);
    body.extend(payload);
    Made { time, bytes: ipv4(6, src, dst, &body) }
}

pub(super) fn udp(time: i64, src: End, dst: End, payload: &[u8]) -> Made {
    let mut body = Vec::new();
    body.extend(src.1.to_be_bytes());
    body.extend(dst.1.to_be_bytes());
    body.extend((8 + payload.len() as u16).to_be_bytes());
    body.extend([0, 0]);
    body.extend(payload);
    Made { time, bytes: ipv4(17, src, dst, &body) }
}

/// An IPv4 packet in fragments that carry at most `size` bytes, a multiple of eight.
pub(super) fn fragments(made: &Made, id: u8, size: usize) -> Vec<Made> {
    let (header, body) = made.bytes.split_at(20);
    let last = (body.len() - 1) / size;
    let part = |(index, part): (usize, &[u8])| {
        let mut bytes = [header, part].concat();
        let field = (index * size / 8) as u16 | if index < last { 0x2000 } else { 0 };
        bytes[2..4].copy_from_slice(&(20 + part.len() as u16).to_be_bytes());
        bytes[5] = id;
        bytes[6..8].copy_from_slice(&field.to_be_bytes());
        Made { time: made.time, bytes }
    };
    body.chunks(size).enumerate().map(part).collect()
}

/// The same over IPv6.
pub(super) fn as_ipv6(made: &Made) -> Made {
    let (header, body) = made.bytes.split_at(20);
    let field = u16::from_be_bytes([header[6], header[7]]);
    let field = ((field & 0x1fff) * 8) | u16::from(field & 0x2000 != 0);
    let mut bytes = vec![0x60, 0, 0, 0];
    bytes.extend((body.len() as u16 + 8).to_be_bytes());
    bytes.extend([44, 64]);
    for address in [&header[12..16], &header[16..20]] {
        bytes.extend([0xfd; 12]);
        bytes.extend(address);
    }
    bytes.extend([header[9], 0]);
    bytes.extend(field.to_be_bytes());
    bytes.extend([0, 0, 0, header[5]]);
    bytes.extend(body);
    Made { time: made.time, bytes }
}

/// A DNS response: the name asked for, an alias if any, one address.
pub(super) fn dns_answer(asked: &str, alias: Option<&str>, ttl: u32, address: [u8; 4]) -> Vec<u8> {
    let name = |text: &str| {
        let mut bytes = Vec::new();
        for label in text.split('.') {
            bytes.push(label.len() as u8);
            bytes.extend(label.as_bytes());
        }
        bytes.push(0);
        bytes
    };
    let mut message = vec![0, 1, 0x81, 0x80, 0, 1, 0, 1 + u8::from(alias.is_some()), 0, 0, 0, 0];
    message.splice(6..8, [0, 1 + u8::from(alias.is_some())]);
    message.extend(name(asked));
    message.extend([0, 1, 0, 1]);
    let mut owner = name(asked);
    if let Some(alias) = alias {
        let target = name(alias);
        message.extend(&owner);
        message.extend([0, 5, 0, 1]);
        message.extend(ttl.to_be_bytes());
        message.extend((target.len() as u16).to_be_bytes());
        message.extend(&target);
        owner = target;
    }
    message.extend(owner);
    message.extend([0, 1, 0, 1]);
    message.extend(ttl.to_be_bytes());
    message.extend([0, 4]);
    message.extend(address);
    message
}

/// A ClientHello record for a name, `padding` bytes longer than it need be.
pub(super) fn hello(name: Option<&str>, padding: usize) -> Vec<u8> {
    let mut extensions = Vec::new();
    if let Some(name) = name {
        let length = name.len() as u16;
        extensions.extend([0, 0]);
        extensions.extend((length + 5).to_be_bytes());
        extensions.extend((length + 3).to_be_bytes());
        extensions.push(0);
        extensions.extend(length.to_be_bytes());
        extensions.extend(name.as_bytes());
    }
    extensions.extend([0, 16, 0, 5, 0, 3, 2, b'h', b'2']);
    extensions.extend([0, 43, 0, 5, 4, 3, 4, 3, 3]);
    extensions.extend([0, 21]);
    extensions.extend((padding as u16).to_be_bytes());
    extensions.extend(vec![0; padding]);
    let mut body = vec![3, 3];
    body.extend([7; 32]);
    body.extend([0, 0, 2, 0x13, 0x01, 1, 0]);
    body.extend((extensions.len() as u16).to_be_bytes());
    body.extend(extensions);
    let mut message = vec![1, 0];
    message.extend((body.len() as u16).to_be_bytes());
    message.extend(body);
    record(22, &message)
}

pub(super) fn record(kind: u8, body: &[u8]) -> Vec<u8> {
    let mut bytes = vec![kind, 3, 3];
    bytes.extend((body.len() as u16).to_be_bytes());
    bytes.extend(body);
    bytes
}

/// Runs packets through a tap to their end.
pub(super) fn run(packets: &[Made]) -> (Vec<NetFact>, Vec<FlowSummary>) {
    let mut tap = Tap::new(Limits { summaries: true, ..Limits::default() });
    let mut facts = Vec::new();
    for made in packets {
        tap.packet(&packet(made), &mut facts);
    }
    tap.finish(Timestamp::MIN, &mut facts);
    (facts, tap.finished().collect())
}

pub(super) fn packet(made: &Made) -> Packet<'_> {
    Packet {
        time: Timestamp::from_nanos(made.time),
        link: LinkType::Raw,
        data: &made.bytes,
        wire_len: made.bytes.len() as u32,
        interface: None,
        owner: None,
        direction: None,
    }
}
