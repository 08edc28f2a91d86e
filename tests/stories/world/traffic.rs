//! What programs send, and ask the DNS.

use super::super::wire::*;
use super::{Proc, World};

impl World {
    /// From here on packets name no owner.
    pub fn disown(conn: &mut Conn) -> i32 {
        std::mem::replace(&mut conn.pid, -1)
    }

    /// A DNS answer for `host`, seen on the wire for `who`.
    pub fn resolve(&mut self, at: f64, who: &Proc, host: &str) {
        self.answer(at, who, host, &[]);
    }

    /// The same where `host` is an alias of these, one by one.
    pub fn resolve_alias(&mut self, at: f64, who: &Proc, host: &str, links: &[&str]) {
        self.answer(at, who, host, links);
    }

    fn answer(&mut self, at: f64, who: &Proc, host: &str, links: &[&str]) {
        let (client, server) = ((v4([192, 168, 1, 23]), 53_111), (v4([192, 168, 1, 1]), 53));
        let ask = Conn::new(who, client, server, false);
        let name = dns_name(host);
        let mut query = vec![0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
        query.extend_from_slice(&name);
        query.extend_from_slice(&[0, 1, 0, 1]);
        let mut answer = query.clone();
        answer[2..4].copy_from_slice(&[0x81, 0x80]);
        answer[7] = 1 + links.len() as u8;
        let mut owner = vec![0xc0, 12];
        for link in links {
            let link = dns_name(link);
            answer.extend_from_slice(&owner);
            answer.extend_from_slice(&[0, 5, 0, 1, 0, 0, 0, 60, 0, link.len() as u8]);
            answer.extend_from_slice(&link);
            owner = link;
        }
        answer.extend_from_slice(&owner);
        answer.extend_from_slice(&[0, 1, 0, 1, 0, 0, 0, 60, 0, 4]);
        answer.extend_from_slice(&address(host)[12..]);
        self.packets.push((at, ask.frame(true, 17, &query, 0)));
        self.packets.push((at + 0.01, ask.frame(false, 17, &answer, 0)));
    }

    /// TCP and TLS 1.3 handshake to `host` on 443. `sni` false leaves the name out.
    pub fn connect(&mut self, at: f64, who: &Proc, host: &str, sni: bool) -> Conn {
        self.connect_to(at, who, host, sni.then_some(host), false)
    }

    pub fn connect_to(&mut self, at: f64, who: &Proc, host: &str, sni: Option<&str>, v6: bool) -> Conn {
        let mut conn = self.dial(who, host, v6);
        self.tcp(at, &mut conn, true, 2, &[]);
        self.tcp(at + 0.001, &mut conn, false, 18, &[]);
        self.tcp(at + 0.002, &mut conn, true, 16, &[]);
        self.greet(at, &mut conn, sni);
        conn
    }

    /// A connection for whose bytes the capture names another process, too: `effective`.
    pub fn connect_for(&mut self, at: f64, who: &Proc, effective: &Proc, host: &str) -> Conn {
        let mut conn = self.dial(who, host, false);
        conn.effective = Some(effective.pid);
        self.handshake(at, &mut conn, Some(host));
        conn
    }

    /// Opens a connection that was dialled, TLS included.
    pub fn handshake(&mut self, at: f64, conn: &mut Conn, sni: Option<&str>) {
        self.tcp(at, conn, true, 2, &[]);
        self.tcp(at + 0.001, conn, false, 18, &[]);
        self.greet(at, conn, sni);
    }

    /// The TLS handshake.
    pub fn greet(&mut self, at: f64, conn: &mut Conn, sni: Option<&str>) {
        let hello = hello(sni);
        self.tcp(at + 0.003, conn, true, 24, &hello);
        let mut reply = record(22, &[2, 0, 0, 0]);
        reply.extend_from_slice(&record(23, &[0; 1200]));
        self.tcp(at + 0.01, conn, false, 24, &reply);
    }

    /// The ends of a new connection to port 443.
    pub fn dial(&mut self, who: &Proc, host: &str, v6: bool) -> Conn {
        self.port += 1;
        let client = if v6 { *b"\xfd\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x23" } else { v4([192, 168, 1, 23]) };
        let server = if v6 { v6_address(host) } else { address(host) };
        let (client, server) = ((client, self.port), (server, 443));
        Conn::new(who, client, server, v6)
    }

    /// A connection whose packets name no process.
    pub fn connect_unowned(&mut self, at: f64, who: &Proc, host: &str) -> Conn {
        let before = self.packets.len();
        let mut conn = self.connect(at, who, host, true);
        World::disown(&mut conn);
        for (_, packet) in &mut self.packets[before..] {
            packet[52..56].copy_from_slice(&(-1i32).to_le_bytes());
        }
        conn
    }

    /// A real IPv4 conversation, recorded elsewhere, as if `who` had had it here. `client` is its own side.
    pub fn relive(&mut self, at: f64, who: &Proc, capture: &[u8], client: [u8; 4]) {
        for (since, frame) in frames(capture) {
            let out = frame[26..30] == client;
            self.packets.push((at + since, packet_tap(who.pid, &comm(who), out, false, &frame)));
        }
    }

    /// A connection from one process to another of this Mac.
    pub fn connect_local(&mut self, at: f64, client: &Proc, server: &Proc, port: u16) -> Conn {
        self.port += 1;
        let here = v4([127, 0, 0, 1]);
        let mut conn = Conn::new(client, (here, self.port), (here, port), false);
        (conn.server_pid, conn.interface) = (Some(server.pid), "lo0");
        self.tcp(at, &mut conn, true, 2, &[]);
        self.tcp(at + 0.000_1, &mut conn, false, 18, &[]);
        self.tcp(at + 0.000_2, &mut conn, true, 16, &[]);
        conn
    }

    /// The same, where packets do not tell who listens.
    pub fn connect_to_unknown(&mut self, at: f64, client: &Proc, port: u16) -> Conn {
        self.port += 1;
        let here = v4([127, 0, 0, 1]);
        let mut conn = Conn::new(client, (here, self.port), (here, port), false);
        conn.interface = "lo0";
        self.tcp(at, &mut conn, true, 2, &[]);
        conn
    }

    /// Bytes without TLS.
    pub fn plain(&mut self, at: f64, conn: &mut Conn, out: bool, bytes: &[u8]) -> f64 {
        let mut now = at;
        for segment in bytes.chunks(1400) {
            self.tcp(now, conn, out, 24, segment);
            now += 0.000_14;
        }
        now
    }

    /// Datagrams from `who` to `host`, a millisecond apart, on an interface.
    pub fn datagrams(&mut self, at: f64, who: &Proc, host: &str, interface: &str, payloads: &[Vec<u8>]) {
        let mut conn = self.dial(who, host, false);
        conn.server.1 = 3478;
        for (index, payload) in payloads.iter().enumerate() {
            let mut frame = conn.frame(true, 17, payload, 0);
            frame[12..36].fill(0);
            frame[12..12 + interface.len()].copy_from_slice(interface.as_bytes());
            self.packets.push((at + index as f64 / 1000.0, frame));
        }
    }

    /// Only the packets so far that this Mac sent: PTH_FLAG_DIR_OUT in the flags of the header.
    pub fn only_sent(&mut self) {
        self.packets.retain(|(_, packet)| packet[36] & 2 != 0);
    }

    /// The packets so far, behind headers of the second layout.
    pub fn second_layout(&mut self) {
        for (_, packet) in &mut self.packets {
            let mut header = vec![0u8; 40];
            let text = |at: usize| packet[at..].iter().copied().take_while(|byte| *byte != 0).chain([0]);
            for (slot, from) in [(3, 12), (4, 56)] {
                header[slot] = header.len() as u8;
                header.extend(text(from));
            }
            header[0] = header.len() as u8;
            header[6] = packet[8];
            header[28..32].copy_from_slice(&packet[52..56]);
            header[32..36].copy_from_slice(&packet[84..88]);
            header[36] = packet[36];
            header[38] = 8;
            header.extend_from_slice(&packet[156..]);
            *packet = header;
        }
    }

    /// The tap tells of a packet that the kernel dropped.
    pub fn drop_record(&mut self, at: f64) {
        let mut header = vec![0u8; 156];
        header[..4].copy_from_slice(&156u32.to_le_bytes());
        header[4] = 2;
        self.packets.push((at, header));
    }

    /// A SYN that nobody answers.
    pub fn syn(&mut self, at: f64, who: &Proc, host: &str, v6: bool) {
        let mut conn = self.dial(who, host, v6);
        self.tcp(at, &mut conn, true, 2, &[]);
    }

    /// Application data out, in records of up to 16 KiB and segments of up to 1,400 bytes, at 10 MB/s.
    pub fn send(&mut self, at: f64, conn: &mut Conn, bytes: usize) -> f64 {
        self.data(at, conn, true, bytes)
    }

    pub fn receive(&mut self, at: f64, conn: &mut Conn, bytes: usize) -> f64 {
        self.data(at, conn, false, bytes)
    }

    fn data(&mut self, at: f64, conn: &mut Conn, out: bool, bytes: usize) -> f64 {
        let mut stream = Vec::new();
        let mut left = bytes;
        while left > 0 {
            let size = left.min(16_000);
            stream.extend_from_slice(&record(23, &vec![0x5a; size]));
            left -= size;
        }
        let mut now = at;
        for segment in stream.chunks(1400) {
            self.tcp(now, conn, out, 24, segment);
            now += 0.000_14;
        }
        now
    }

    pub fn close(&mut self, at: f64, conn: &mut Conn) {
        self.tcp(at, conn, true, 17, &[]);
        self.tcp(at + 0.001, conn, false, 17, &[]);
        self.tcp(at + 0.002, conn, true, 16, &[]);
    }

    /// Connects, sends, gets a short answer, closes.
    pub fn upload(&mut self, at: f64, who: &Proc, host: &str, bytes: usize) {
        let mut conn = self.connect(at, who, host, true);
        let end = self.send(at + 0.05, &mut conn, bytes);
        self.receive(end + 0.01, &mut conn, 300);
        self.close(end + 0.02, &mut conn);
    }

    fn tcp(&mut self, at: f64, conn: &mut Conn, out: bool, flags: u8, payload: &[u8]) {
        let frame = conn.frame(out, 6, payload, flags);
        let step = payload.len() as u32 + u32::from(flags & 3 != 0);
        if out {
            conn.seq += step
        } else {
            conn.ack += step
        }
        self.packets.push((at, frame));
    }
}
