//! Packets of the stories: PKTAP, Ethernet, IP, TCP and UDP, a ClientHello, a capture file.

use super::world::{EPOCH, Proc};

/// An open connection.
#[derive(Clone, Debug)]
pub struct Conn {
    pub pid: i32,
    pub comm: String,
    /// The process on whose behalf it is sent, if another one.
    pub effective: Option<i32>,
    /// The process at the server's end, if it is on this Mac.
    pub server_pid: Option<i32>,
    pub interface: &'static str,
    pub client: ([u8; 16], u16),
    pub server: ([u8; 16], u16),
    pub v6: bool,
    pub seq: u32,
    pub ack: u32,
}

pub fn dns_name(host: &str) -> Vec<u8> {
    let mut name: Vec<u8> =
        host.split('.').flat_map(|label| [&[label.len() as u8][..], label.as_bytes()].concat()).collect();
    name.push(0);
    name
}

pub fn comm(who: &Proc) -> String {
    who.program.path.rsplit('/').next().unwrap().chars().take(16).collect()
}

pub fn v4(octets: [u8; 4]) -> [u8; 16] {
    let mut address = [0; 16];
    address[12..].copy_from_slice(&octets);
    address
}

/// A public-looking address for each host.
pub fn address(host: &str) -> [u8; 16] {
    let hash = host.bytes().fold(7u32, |h, b| h.wrapping_mul(31).wrapping_add(u32::from(b)));
    v4([34, (hash >> 16) as u8, (hash >> 8) as u8, hash as u8 | 1])
}

pub fn v6_address(host: &str) -> [u8; 16] {
    let mut address = *b"\x26\x06\x47\0\0\0\0\0\0\0\0\0\0\0\0\0";
    address[12..].copy_from_slice(&self::address(host)[12..]);
    address
}

pub fn record(kind: u8, body: &[u8]) -> Vec<u8> {
    let mut record = vec![kind, 3, 3];
    record.extend_from_slice(&(body.len() as u16).to_be_bytes());
    record.extend_from_slice(body);
    record
}

pub fn hello(sni: Option<&str>) -> Vec<u8> {
    let extension =
        |kind: u16, body: &[u8]| [&kind.to_be_bytes()[..], &(body.len() as u16).to_be_bytes(), body].concat();
    let mut extensions = Vec::new();
    if let Some(name) = sni {
        let length = name.len() as u16;
        let entry = [&[0u8][..], &length.to_be_bytes(), name.as_bytes()].concat();
        extensions.extend(extension(0, &[&(entry.len() as u16).to_be_bytes()[..], &entry].concat()));
    }
    if sni == Some("cloudflare-ech.com") {
        // Encrypted ClientHello, outer form (RFC 9849): what is inside cannot be read, so any bytes do.
        extensions.extend(extension(0xfe0d, &[0; 64]));
    }
    extensions.extend(extension(16, b"\x00\x0c\x02h2\x08http/1.1"));
    extensions.extend(extension(43, &[4, 3, 4, 3, 3]));
    let mut body = vec![3, 3];
    body.extend_from_slice(&[0x42; 32]);
    body.extend_from_slice(&[0, 0, 4, 0x13, 1, 0x13, 2, 1, 0]);
    body.extend_from_slice(&(extensions.len() as u16).to_be_bytes());
    body.extend_from_slice(&extensions);
    let mut handshake = vec![1];
    handshake.extend_from_slice(&(body.len() as u32).to_be_bytes()[1..]);
    handshake.extend_from_slice(&body);
    record(22, &handshake)
}

impl Conn {
    /// A connection of `who`, not opened yet.
    pub fn new(who: &Proc, client: ([u8; 16], u16), server: ([u8; 16], u16), v6: bool) -> Self {
        Self {
            pid: who.pid,
            comm: comm(who),
            effective: None,
            server_pid: None,
            interface: "en0",
            client,
            server,
            v6,
            seq: 1000,
            ack: 5000,
        }
    }

    pub fn own(&mut self, pid: i32) {
        self.pid = pid;
    }

    /// PKTAP, Ethernet, IP, TCP or UDP.
    pub fn frame(&self, out: bool, protocol: u8, payload: &[u8], flags: u8) -> Vec<u8> {
        let (from, to) = if out { (&self.client, &self.server) } else { (&self.server, &self.client) };
        let (seq, ack) = if out { (self.seq, self.ack) } else { (self.ack, self.seq) };
        let mut transport = [from.1.to_be_bytes(), to.1.to_be_bytes()].concat();
        if protocol == 17 {
            transport.extend_from_slice(&(8 + payload.len() as u16).to_be_bytes());
            transport.extend_from_slice(&[0, 0]);
        } else {
            transport.extend_from_slice(&seq.to_be_bytes());
            transport.extend_from_slice(&ack.to_be_bytes());
            transport.extend_from_slice(&[0x50, flags, 8, 0, 0, 0, 0, 0]);
        }
        transport.extend_from_slice(payload);
        let mut packet = vec![2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2];
        if self.v6 {
            packet.extend_from_slice(&[0x86, 0xdd, 0x60, 0, 0, 0]);
            packet.extend_from_slice(&(transport.len() as u16).to_be_bytes());
            packet.extend_from_slice(&[protocol, 64]);
            packet.extend_from_slice(&from.0);
            packet.extend_from_slice(&to.0);
        } else {
            packet.extend_from_slice(&[8, 0, 0x45, 0]);
            packet.extend_from_slice(&(20 + transport.len() as u16).to_be_bytes());
            packet.extend_from_slice(&[0, 1, 0x40, 0, 64, protocol, 0, 0]);
            packet.extend_from_slice(&from.0[12..]);
            packet.extend_from_slice(&to.0[12..]);
        }
        packet.extend_from_slice(&transport);
        let pid = if out { self.pid } else { self.server_pid.unwrap_or(self.pid) };
        let mut header = packet_tap(pid, &self.comm, out, self.v6, &packet);
        header[12..12 + self.interface.len()].copy_from_slice(self.interface.as_bytes());
        if let Some(effective) = self.effective {
            header[84..88].copy_from_slice(&effective.to_le_bytes());
        }
        header
    }
}

pub fn pcap(packets: &[(f64, Vec<u8>)]) -> Vec<u8> {
    let mut out = [0xa1b2_3c4du32, 0x0004_0002, 0, 0, 262_144, 258].map(u32::to_le_bytes).concat();
    for (at, data) in packets {
        let nanos = EPOCH * 1_000_000_000 + (at * 1e9).round() as i64;
        let (seconds, rest) =
            (nanos.div_euclid(1_000_000_000) as u32, nanos.rem_euclid(1_000_000_000) as u32);
        let length = data.len() as u32;
        out.extend([seconds, rest, length, length].map(u32::to_le_bytes).concat());
        out.extend_from_slice(data);
    }
    out
}

/// An Ethernet frame behind the header that the packet tap puts before it (PKTAP version 1).
pub fn packet_tap(pid: i32, comm: &str, out: bool, v6: bool, frame: &[u8]) -> Vec<u8> {
    let mut header = vec![0u8; 156];
    header[..4].copy_from_slice(&156u32.to_le_bytes());
    header[4] = 1;
    header[8] = 1;
    header[12..15].copy_from_slice(b"en0");
    header[36] = if out { 2 } else { 1 };
    header[40] = if v6 { 30 } else { 2 };
    header[44] = 14;
    header[52..56].copy_from_slice(&pid.to_le_bytes());
    header[56..56 + comm.len()].copy_from_slice(comm.as_bytes());
    header[84..88].copy_from_slice(&(-1i32).to_le_bytes());
    header.extend_from_slice(frame);
    header
}

/// The frames of a little-endian Ethernet capture, each with its seconds since the first.
pub fn frames(capture: &[u8]) -> Vec<(f64, Vec<u8>)> {
    let word = |at: usize| u32::from_le_bytes(capture[at..at + 4].try_into().unwrap());
    let (mut at, mut frames, mut first) = (24, Vec::new(), None);
    while at < capture.len() {
        let (time, length) = (f64::from(word(at)) + f64::from(word(at + 4)) / 1e6, word(at + 8) as usize);
        frames.push((time - *first.get_or_insert(time), capture[at + 16..at + 16 + length].to_vec()));
        at += 16 + length;
    }
    frames
}
