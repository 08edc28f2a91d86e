//! The beginning of a QUIC connection: the client's Initial packets, opened, until its hello is there.

use std::ops::Range;

use super::frames::CryptoFrames;
use super::header::{Initial, initials};
use super::keys::Keys;
use crate::model::Timestamp;
use crate::net::tls::{Hello, MAX_HELLO};

/// A handshake message: its header and its body.
const MAX_MESSAGE: usize = 4 + MAX_HELLO;
/// Runs of one hello, with gaps between them, that are kept apart.
const MAX_RUNS: usize = 64;
/// Connection ids of one flow that were tried for keys in vain: those of the server's packets, for instance.
const MAX_TRIES: u8 = 32;

/// What is known of a connection whose hello is not.
#[derive(Debug)]
pub(in crate::net) struct Opening {
    keys: Option<Box<Keys>>,
    tries: u8,
    /// When the first packet was opened.
    pub(in crate::net) since: Option<Timestamp>,
    stream: Stream,
}

/// What a datagram brought.
#[derive(PartialEq, Eq, Debug)]
pub(in crate::net) enum Step {
    /// No Initial packet that a client sealed.
    Nothing,
    /// A part of the hello, from the client.
    Part,
    Hello(Box<Hello>),
    /// A client's handshake that begins otherwise.
    NoHello,
}

impl Opening {
    pub(in crate::net) const fn new() -> Self {
        Self { keys: None, tries: 0, since: None, stream: Stream { bytes: Vec::new(), runs: Vec::new() } }
    }

    /// Bytes held, keys included.
    pub(in crate::net) fn size(&self) -> usize {
        let keys = self.keys.as_ref().map_or(0, |_| size_of::<Keys>());
        size_of::<Self>() + keys + self.stream.bytes.len()
    }

    /// The beginning of the connection id that the client's hello was sealed under. It has at least eight bytes
    /// (RFC 9000, section 7.2), and they are random.
    pub(in crate::net) fn chosen(&self) -> u64 {
        self.keys.as_ref().map_or(0, |keys| beginning(keys.id()))
    }

    /// Takes note of a datagram of either side. `buffer`: room to open packets in.
    pub(in crate::net) fn datagram(
        &mut self,
        time: Timestamp,
        datagram: &[u8],
        buffer: &mut Vec<u8>,
    ) -> Step {
        let mut step = Step::Nothing;
        for initial in initials(datagram) {
            let Some(frames) = self.open(&initial, buffer) else { continue };
            self.since.get_or_insert(time);
            if step == Step::Nothing {
                step = Step::Part;
            }
            if let Some(done) = self.frames(&buffer[frames]) {
                return done;
            }
        }
        step
    }

    /// Takes the frames of an opened packet; says what has come of the hello once that is settled.
    pub(in crate::net) fn frames(&mut self, frames: &[u8]) -> Option<Step> {
        for (offset, piece) in CryptoFrames(frames) {
            self.stream.add(offset, piece);
        }
        match self.stream.message().map(Hello::read) {
            Some(Some(hello)) => Some(Step::Hello(Box::new(hello))),
            Some(None) => Some(Step::NoHello),
            None => self.stream.is_other().then_some(Step::NoHello),
        }
    }

    /// A hello of which no more will come: what stands before the first gap.
    pub(in crate::net) fn give_up(&self) -> Option<Hello> {
        self.stream.prefix().and_then(Hello::read)
    }

    /// With the keys there are; else with those that this packet's connection id gives: the first packet, the first
    /// after a Retry, the first in another version. Those last begin the hello anew. Where in `buffer` the frames are.
    fn open(&mut self, initial: &Initial<'_>, buffer: &mut Vec<u8>) -> Option<Range<usize>> {
        if let Some(keys) = &self.keys {
            let frames = keys.open(initial, buffer);
            if frames.is_some() || keys.are_of(initial) {
                return frames;
            }
        }
        if self.tries >= MAX_TRIES {
            return None;
        }
        self.tries += 1;
        let keys = Keys::of_client(initial.version, initial.destination)?;
        let frames = keys.open(initial, buffer)?;
        self.stream.clear();
        self.keys = Some(Box::new(keys));
        Some(frames)
    }
}

fn beginning(id: &[u8]) -> u64 {
    id.first_chunk().map_or(0, |first| u64::from_be_bytes(*first))
}

/// Whether a client begins a connection with this datagram, under another id than the one that was `chosen`.
#[cold]
pub(in crate::net) fn begins_another(datagram: &[u8], chosen: u64, buffer: &mut Vec<u8>) -> bool {
    initials(datagram).any(|initial| {
        beginning(initial.destination) != chosen
            && Keys::of_client(initial.version, initial.destination)
                .is_some_and(|keys| keys.open(&initial, buffer).is_some())
    })
}

/// The client's handshake bytes, in any order.
#[derive(Debug, Default)]
struct Stream {
    /// As far as anything is known; at most [`MAX_MESSAGE`].
    bytes: Vec<u8>,
    /// Which of them are known: in order, disjoint, with gaps between.
    runs: Vec<Range<usize>>,
}

impl Stream {
    fn clear(&mut self) {
        self.bytes.clear();
        self.runs.clear();
    }

    /// Adds a piece. One that lies too far out, or makes too many gaps, is left out.
    fn add(&mut self, offset: u64, piece: &[u8]) {
        let Some(start) = usize::try_from(offset).ok().filter(|start| *start <= MAX_MESSAGE) else { return };
        let piece = &piece[..piece.len().min(MAX_MESSAGE - start)];
        let end = start + piece.len();
        let first = self.runs.partition_point(|run| run.end < start);
        let after = self.runs.partition_point(|run| run.start <= end);
        if piece.is_empty() || first == after && self.runs.len() >= MAX_RUNS {
            return;
        }
        if self.bytes.len() < end {
            self.bytes.resize(end, 0);
        }
        self.bytes[start..end].copy_from_slice(piece);
        let touched = &self.runs[first..after];
        let start = touched.first().map_or(start, |run| run.start.min(start));
        let end = touched.last().map_or(end, |run| run.end.max(end));
        self.runs.splice(first..after, std::iter::once(start..end));
    }

    /// What is known from the beginning on.
    fn prefix(&self) -> Option<&[u8]> {
        let run = self.runs.first().filter(|run| run.start == 0)?;
        self.bytes.get(run.clone())
    }

    /// The first message, once it is whole.
    fn message(&self) -> Option<&[u8]> {
        let prefix = self.prefix()?;
        let header = prefix.first_chunk::<4>()?;
        let length = u32::from_be_bytes([0, header[1], header[2], header[3]]) as usize;
        prefix.get(..4 + length)
    }

    /// The first message is no ClientHello, or too long to be put together.
    fn is_other(&self) -> bool {
        match self.prefix() {
            Some([1, high, middle, low, ..]) => {
                u32::from_be_bytes([0, *high, *middle, *low]) as usize > MAX_HELLO
            }
            Some([first, ..]) => *first != 1,
            _ => false,
        }
    }
}
