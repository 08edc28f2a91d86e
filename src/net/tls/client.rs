//! Follows what the side that opened a connection sends, in order, until everything it sends counts.

use super::look::{Look, look, version_2_length};
use super::{Hello, MAX_HELLO, RECORD_HEADER, record_header};
use crate::model::DomainName;
use crate::net::starttls::{self, TDS_HEAD};
use crate::net::{known, proxy};

const HANDSHAKE: u8 = 22;
const APPLICATION_DATA: u8 = 23;
/// A plain connection may still turn into TLS within its first bytes, by other ways than those that are known.
const MAX_PREAMBLE: i64 = 16 << 10;
/// Proxies that are spoken to one behind the other, or again when one wants a password.
const MAX_PROXIES: u8 = 4;

/// No client says more before its first data: common servers take 100 KiB of certificates. Whoever goes on with records that
/// are called a handshake sends something else in them.
const LONGEST_HANDSHAKE: i64 = 256 << 10;

/// A buffer that is kept for the next connection; a common hello fits.
const KEPT: usize = 4 << 10;

/// What a run of bytes amounts to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::net) enum Step {
    /// Handshake: none of it counts, or it is too early to say.
    Handshake,
    /// Counts from this offset on, which may lie before the run if the first bytes were undecided.
    Counts { from: i64, settled: bool },
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
enum State {
    /// Not enough bytes to tell.
    #[default]
    Start,
    /// TLS records of the handshake.
    Records,
    /// The same in packets of SQL Server; what follows the handshake is in none.
    Packets,
    /// Not TLS, or not yet.
    Plain,
    /// Whatever comes counts.
    Settled,
}

/// The reader of one connection's opening.
#[derive(Debug, Default)]
pub(in crate::net) struct Client {
    state: State,
    /// Offset of the first byte that was fed, or that a proxy passed on.
    began: Option<i64>,
    /// Undecided first bytes, or a record header in pieces.
    pending: Vec<u8>,
    /// Type of the current record, and what is left of it.
    kind: u8,
    left: usize,
    /// The head of the packet around the records, as far as it is there, and what is left of the packet.
    head: Vec<u8>,
    packet: usize,
    /// Handshake bytes of the hello so far; bounded by [`MAX_HELLO`].
    message: Vec<u8>,
    hello_done: bool,
    hello: Option<Box<Hello>>,
    /// One that was told, for the next.
    room: Option<Box<Hello>>,
    /// The host that a proxy was asked for, before anything else.
    target: Option<DomainName>,
    proxies: u8,
    /// It begins like SOCKS 5, with an authentication that cannot be read.
    is_socks: bool,
    /// It begins like STUN.
    pub(in crate::net) is_stun: bool,
    /// TLS was recognised, with or without a hello.
    pub(in crate::net) is_tls: bool,
}

impl Client {
    pub(in crate::net) fn untouched(&self) -> bool {
        self.began.is_none()
    }

    /// The hello, once.
    pub(in crate::net) fn take_hello(&mut self) -> Option<Box<Hello>> {
        self.hello.take()
    }

    /// Gives back what was told.
    pub(in crate::net) fn give_back(&mut self, told: Box<Hello>) {
        self.room = Some(told);
    }

    /// The host that a proxy was asked for, once.
    pub(in crate::net) fn take_target(&mut self) -> Option<DomainName> {
        self.target.take()
    }

    /// Bytes held.
    pub(in crate::net) fn size(&self) -> usize {
        self.message.len() + self.pending.len()
    }

    /// These bytes are the beginning of a ClientHello.
    pub(in crate::net) fn is_hello(bytes: &[u8]) -> bool {
        matches!(bytes, [HANDSHAKE, 3, 0..=4, _, _, 1, 0, ..])
    }

    /// The next bytes in order: `bytes` of them captured, `len` of them sent, the first at offset `at`.
    pub(in crate::net) fn feed(&mut self, at: i64, bytes: &[u8], len: u32) -> Step {
        let began = *self.began.get_or_insert(at);
        let missing = (len as usize).saturating_sub(bytes.len());
        let step = match self.state {
            State::Start => self.classify(at, bytes, missing > 0),
            State::Records => self.walk(at, bytes),
            State::Packets => self.unpack(at, bytes),
            State::Settled => Step::Counts { from: at, settled: true },
            State::Plain if Self::is_hello(bytes) => {
                self.state = State::Records;
                self.is_tls = true;
                self.walk(at, bytes)
            }
            State::Plain => {
                if self.is_socks {
                    self.target = proxy::socks_5_target(bytes);
                }
                let settled = at + i64::from(len) - began > MAX_PREAMBLE;
                Step::Counts { from: at, settled }
            }
        };
        if missing > 0 && step == Step::Handshake {
            self.gap(missing as u64);
        }
        if matches!(step, Step::Counts { settled: true, .. }) {
            self.state = State::Settled;
        }
        step
    }

    /// Bytes that were sent and cannot be had.
    pub(in crate::net) fn gap(&mut self, len: u64) {
        if matches!(self.state, State::Plain | State::Settled) {
            return;
        }
        self.cut_hello();
        match usize::try_from(len) {
            Ok(len) if self.state == State::Records && len <= self.left => self.left -= len,
            _ => {
                self.state = State::Start;
                self.pending.clear();
                self.head.clear();
                (self.left, self.packet) = (0, 0);
            }
        }
    }

    /// No more bytes will come: makes what it can of a hello that was cut, and says whether undecided bytes count.
    pub(in crate::net) fn finish(&mut self) -> Option<i64> {
        self.cut_hello();
        let undecided = self.state == State::Start && !self.pending.is_empty() && !self.is_tls;
        undecided.then_some(self.began).flatten()
    }

    fn cut_hello(&mut self) {
        if !self.hello_done && !self.message.is_empty() {
            self.hello = read(&self.message, &mut self.room);
            self.done_with_hello();
        }
    }

    fn done_with_hello(&mut self) {
        self.hello_done = true;
        self.message.clear();
        if self.message.capacity() > KEPT {
            self.message = Vec::new();
        }
    }

    /// As new, with the buffers it had.
    pub(in crate::net) fn reset(&mut self) {
        self.done_with_hello();
        self.pending.clear();
        let (pending, message) = (std::mem::take(&mut self.pending), std::mem::take(&mut self.message));
        *self = Self { pending, message, room: self.room.take(), ..Self::default() };
    }

    fn classify(&mut self, at: i64, bytes: &[u8], cut: bool) -> Step {
        let before = self.pending.len();
        if before == 0 {
            return self.classify_whole(at, bytes, cut);
        }
        let mut whole = std::mem::take(&mut self.pending);
        whole.extend_from_slice(bytes);
        self.classify_whole(at - before as i64, &whole, cut)
    }

    fn classify_whole(&mut self, at: i64, bytes: &[u8], cut: bool) -> Step {
        match look(bytes) {
            Look::Undecided if !cut && bytes.len() < MAX_HELLO => {
                self.pending = bytes.to_vec();
                Step::Handshake
            }
            Look::Records => {
                self.state = State::Records;
                self.is_tls = true;
                self.walk(at, bytes)
            }
            Look::Version2 => self.version_2(at, bytes),
            Look::Proxy(size, host) if self.proxies < MAX_PROXIES => {
                self.proxies += 1;
                self.target = host.or(self.target.take());
                self.passed_on(at + size as i64, &bytes[size..], cut)
            }
            Look::Preamble(size) => self.passed_on(at + size as i64, &bytes[size..], cut),
            Look::Packets(size) => {
                self.state = State::Packets;
                self.is_tls = true;
                self.unpack(at + size as i64, &bytes[size..])
            }
            // Cut within a request, of which the line is there: the rest of the segment is of the request too.
            Look::Undecided if cut && proxy::target(bytes).is_some() => {
                self.target = proxy::target(bytes);
                Step::Handshake
            }
            // After a gap inside TLS, what makes no sense is the middle of some record.
            _ if self.is_tls => Step::Counts { from: at, settled: true },
            _ => {
                self.state = State::Plain;
                self.is_socks = bytes.first() == Some(&5);
                self.is_stun = known::is_stun_stream(bytes);
                Step::Counts { from: at, settled: false }
            }
        }
    }

    /// What was said to a proxy, or to agree on TLS, belongs to the handshake. Behind it the connection begins.
    fn passed_on(&mut self, at: i64, bytes: &[u8], cut: bool) -> Step {
        self.began = Some(at);
        if bytes.is_empty() { Step::Handshake } else { self.classify_whole(at, bytes, cut) }
    }

    fn version_2(&mut self, at: i64, bytes: &[u8]) -> Step {
        let length = version_2_length(bytes);
        let (record, rest) = bytes.split_at_checked(length).unwrap_or((bytes, &[]));
        self.hello = Hello::read_v2(record).map(Box::new);
        self.done_with_hello();
        self.is_tls = true;
        self.state = State::Records;
        self.walk(at + length as i64, rest)
    }

    /// Takes the packets off the records in them. The last of the handshake is the last packet.
    fn unpack(&mut self, at: i64, bytes: &[u8]) -> Step {
        let mut rest = bytes;
        while let Some(first) = rest.first() {
            let here = at + (bytes.len() - rest.len()) as i64;
            if self.packet > 0 {
                let (body, tail) = rest.split_at(self.packet.min(rest.len()));
                self.packet -= body.len();
                rest = tail;
                match self.walk(here, body) {
                    Step::Handshake => continue,
                    counts @ Step::Counts { .. } => return counts,
                }
            }
            if self.head.is_empty() && !starttls::is_packet(*first) {
                self.state = State::Records;
                return self.walk(here, rest);
            }
            let (head, tail) = rest.split_at((TDS_HEAD - self.head.len()).min(rest.len()));
            self.head.extend_from_slice(head);
            rest = tail;
            if self.head.len() == TDS_HEAD {
                let length = starttls::length_at_2(&self.head).unwrap_or_default();
                self.head.clear();
                match length.checked_sub(TDS_HEAD).filter(|body| *body > 0) {
                    Some(body) => self.packet = body,
                    None => return Step::Counts { from: here, settled: true },
                }
            }
        }
        Step::Handshake
    }

    /// Walks record by record. Keeps what belongs to the hello, steps over the rest, stops at application data.
    fn walk(&mut self, at: i64, bytes: &[u8]) -> Step {
        let mut rest = bytes;
        while !rest.is_empty() {
            if self.left == 0 {
                let missing = (RECORD_HEADER - self.pending.len()).min(rest.len());
                let (head, tail) = rest.split_at(missing);
                self.pending.extend_from_slice(head);
                rest = tail;
                let Some(header) = self.pending.first_chunk::<RECORD_HEADER>().copied() else { break };
                self.pending.clear();
                let from = at + (bytes.len() - rest.len()) as i64 - RECORD_HEADER as i64;
                let in_time = self.began.is_none_or(|began| from - began <= LONGEST_HANDSHAKE);
                match record_header(header) {
                    Some((kind, length)) if kind != APPLICATION_DATA && in_time => {
                        (self.kind, self.left) = (kind, length)
                    }
                    _ => {
                        self.cut_hello();
                        return Step::Counts { from, settled: true };
                    }
                }
            }
            let (body, tail) = rest.split_at(self.left.min(rest.len()));
            self.left -= body.len();
            rest = tail;
            if !self.hello_done && self.kind == HANDSHAKE {
                self.handshake(body);
            }
        }
        Step::Handshake
    }

    /// More bytes of the first handshake message. In the common case it is all there and is not copied.
    fn handshake(&mut self, body: &[u8]) {
        if self.message.is_empty() && message_end(body).is_some_and(|end| end <= body.len()) {
            self.hello = read(body, &mut self.room);
            return self.done_with_hello();
        }
        self.message.extend_from_slice(body);
        match message_end(&self.message) {
            Some(end) if end > MAX_HELLO + 4 || self.message[0] != 1 => self.cut_hello(),
            Some(end) if end <= self.message.len() => self.cut_hello(),
            _ => {}
        }
    }
}

/// The hello that a message is, in the room there is.
fn read(message: &[u8], room: &mut Option<Box<Hello>>) -> Option<Box<Hello>> {
    let mut hello = room.take().unwrap_or_default();
    if hello.read_over(message) {
        return Some(hello);
    }
    *room = Some(hello);
    None
}

/// Length of the handshake message that begins here, its header included.
fn message_end(message: &[u8]) -> Option<usize> {
    let header = message.first_chunk::<4>()?;
    Some(4 + u32::from_be_bytes([0, header[1], header[2], header[3]]) as usize)
}
