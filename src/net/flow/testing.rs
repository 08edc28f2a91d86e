//! Conversations as packets, and what facts amount to.

use std::sync::Arc;

use crate::model::{CommName, NameScope, NameSource, NetFact, NetKind, Owner, Pid, Timestamp, UnknownName};
use crate::net::testing::{CLIENT, Made, SERVER, dns_answer, hello, packet, record, tcp};
use crate::net::{Limits, Packet, Tap};

pub const MS: i64 = 1_000_000;
pub const SYN: u8 = 0x02;
pub const ACK: u8 = 0x10;
pub const FIN: u8 = 0x11;
pub const RST: u8 = 0x04;

pub fn counted(facts: &[NetFact]) -> (u64, u64) {
    facts.iter().fold((0, 0), |(out, into), fact| match fact.kind {
        NetKind::Bytes { out: o, into: i } => (out + u64::from(o), into + u64::from(i)),
        _ => (out, into),
    })
}

pub fn names(facts: &[NetFact]) -> Vec<(String, NameSource, NameScope)> {
    facts
        .iter()
        .filter_map(|fact| match &fact.kind {
            NetKind::Named { domain, source, scope } => Some((domain.to_string(), *source, *scope)),
            _ => None,
        })
        .collect()
}

pub fn nameless(facts: &[NetFact]) -> Vec<UnknownName> {
    facts
        .iter()
        .filter_map(|fact| match fact.kind {
            NetKind::Nameless(why) => Some(why),
            _ => None,
        })
        .collect()
}

/// The packets of a failed case: time, direction, sequence number, flags, length.
pub fn told(packets: &[Made]) -> String {
    let line = |made: &Made| {
        let [a, b, c, d] = made.bytes[24..28] else { return String::new() };
        let way = if made.bytes[12] == CLIENT.0[0] { "out" } else { "in" };
        let (flags, len) = (made.bytes[33], made.bytes.len() - 40);
        format!("{} {way} {} {flags:#x} {len}\n", made.time / MS, u32::from_be_bytes([a, b, c, d]))
    };
    packets.iter().map(line).collect()
}

/// Segments of at most `size` bytes, a millisecond apart.
pub struct Talk {
    pub packets: Vec<Made>,
    pub time: i64,
    pub seqs: [u32; 2],
}

impl Talk {
    pub fn new(client: u32, server: u32) -> Self {
        let mut talk = Self { packets: Vec::new(), time: 0, seqs: [client, server] };
        talk.push(0, SYN, &[]);
        talk.push(1, SYN | ACK, &[]);
        talk
    }

    pub fn push(&mut self, side: usize, flags: u8, payload: &[u8]) {
        self.time += MS;
        let (src, dst) = if side == 0 { (CLIENT, SERVER) } else { (SERVER, CLIENT) };
        let (seq, ack) = (self.seqs[side], self.seqs[1 - side]);
        self.packets.push(tcp(self.time, src, dst, seq, ack, flags, payload));
        self.seqs[side] = seq.wrapping_add(payload.len() as u32 + u32::from(flags & 3 != 0));
    }

    pub fn say(&mut self, side: usize, payload: &[u8], size: usize) {
        for part in payload.chunks(size.max(1)) {
            self.push(side, ACK, part);
        }
    }

    pub fn end(mut self) -> Vec<Made> {
        self.push(0, FIN, &[]);
        self.push(1, FIN, &[]);
        self.packets
    }
}

/// A TLS upload: how it looks on the wire, and what of it counts.
pub fn upload(name: &str, padding: usize, body: usize, size: usize) -> (Vec<Made>, (u64, u64)) {
    let mut talk = Talk::new(u32::MAX - 700, 5);
    talk.say(0, &hello(Some(name), padding), size);
    talk.say(1, &[record(22, &[2; 90]), record(20, &[1]), record(23, &[0; 3000])].concat(), size);
    let sent = [record(23, &[9; 53]), record(23, &vec![0; body])].concat();
    talk.say(0, &record(20, &[1]), size);
    talk.say(0, &sent, size);
    let answer = record(23, &[0; 400]);
    talk.say(1, &answer, size);
    (talk.end(), (sent.len() as u64, answer.len() as u64))
}

pub const RESOLVER: ([u8; 4], u16) = ([10, 0, 0, 53], 53);
pub const ASKER: ([u8; 4], u16) = ([10, 0, 0, 1], 40_000);

pub fn owner(pid: i32) -> Owner {
    Owner { pid: Pid(pid), name: CommName::new(b"x"), effective: None }
}

/// The question that [`dns_answer`] answers.
pub fn dns_query(asked: &str) -> Vec<u8> {
    let mut message = dns_answer(asked, None, 0, [0; 4]);
    message.truncate(12 + asked.len() + 2 + 4);
    message[2..8].copy_from_slice(&[1, 0, 0, 1, 0, 0]);
    message
}

/// What is told of packets with an owner, each from one interface; and the tap that was told of them.
pub fn owned(packets: &[(&str, i32, Made)]) -> (Vec<NetFact>, Tap) {
    let mut tap = Tap::new(Limits { summaries: true, ..Limits::default() });
    let mut facts = Vec::new();
    for (interface, pid, made) in packets {
        let (interface, owner) = (Arc::<str>::from(*interface), owner(*pid));
        let named = Packet { interface: Some(&interface), owner: Some(&owner), ..packet(made) };
        tap.packet(&named, &mut facts);
    }
    tap.finish(Timestamp::MIN, &mut facts);
    (facts, tap)
}

/// The best source of this name, and how far it reaches.
pub fn named(facts: &[NetFact], name: &str) -> Option<(NameSource, NameScope)> {
    facts.iter().rev().find_map(|fact| match &fact.kind {
        NetKind::Named { domain, source, scope } if domain.as_str() == name => Some((*source, *scope)),
        _ => None,
    })
}

/// What DNS was asked for, where a hello disputes it.
pub fn disputed(facts: &[NetFact]) -> Option<&str> {
    facts.iter().find_map(|fact| match &fact.kind {
        NetKind::Disputed(domain) => Some(domain.as_str()),
        _ => None,
    })
}
