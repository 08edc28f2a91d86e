//! The part of a TCP flow before its bytes count: the opener's bytes put in order, the answer's bytes kept aside until it
//! is known whether they belong to a handshake.

use std::ops::Range;

use crate::model::{DomainName, Span, Timestamp};
use crate::net::tls::{Client, Hello, MAX_HELLO, Step};

/// How far apart in time packets of one recording may change places.
pub(in crate::net) const DISORDER: Span = Span::from_secs(2);
/// Segments of one flow that wait for an earlier one.
const MAX_HELD: usize = 128;
/// Their bytes: a hello of the largest size, wholly out of order.
const MAX_HELD_BYTES: usize = MAX_HELLO + (16 << 10);
/// Segments of the other side that wait for a verdict: times and lengths only.
const MAX_EARLY: usize = 64;

/// Which side of a flow sent something.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::net) enum Side {
    Opener,
    Answerer,
}

/// What became known; filled by [`Handshake`], emptied by the tap.
#[derive(Debug, Default)]
pub(in crate::net) struct Progress {
    /// Bytes that count, with the time of their own packets.
    pub(in crate::net) bytes: Vec<(Timestamp, Side, u64)>,
    pub(in crate::net) hello: Option<(Timestamp, Box<Hello>)>,
    /// The host that a proxy was asked for.
    pub(in crate::net) target: Option<(Timestamp, DomainName)>,
    /// It is a connection to another user's machine, or to a server that stands in for it.
    pub(in crate::net) peer: Option<Timestamp>,
    /// TLS or not is known as of this time.
    pub(in crate::net) classified: Option<(Timestamp, bool)>,
    /// The other side's bytes count from this time on.
    pub(in crate::net) answers_from: Option<Timestamp>,
    /// Everything counts from now on; the handshake can be dropped.
    pub(in crate::net) settled: bool,
}

#[derive(Debug)]
struct Held {
    start: i64,
    len: u32,
    time: Timestamp,
    bytes: Box<[u8]>,
}

/// Offset, captured bytes, bytes sent, time.
#[derive(Clone, Copy)]
pub(in crate::net) struct Run<'a> {
    pub(in crate::net) start: i64,
    pub(in crate::net) bytes: &'a [u8],
    pub(in crate::net) len: u32,
    pub(in crate::net) time: Timestamp,
}

impl<'a> Run<'a> {
    /// The part of this run that lies in `piece`.
    pub(in crate::net) fn part(&self, piece: &Range<i64>) -> Self {
        let skip = usize::try_from(piece.start - self.start).unwrap_or_default();
        let len = u32::try_from(piece.end - piece.start).unwrap_or_default();
        let bytes = self.bytes.get(skip..).unwrap_or_default();
        let bytes = &bytes[..bytes.len().min(len as usize)];
        Run { start: piece.start, bytes, len, time: self.time }
    }
}

#[derive(Debug, Default)]
pub(in crate::net) struct Handshake {
    client: Client,
    /// Offset of the next byte to feed; unknown until the beginning is.
    pos: Option<i64>,
    /// Runs that wait, disjoint, by offset.
    held: Vec<Held>,
    held_bytes: usize,
    early: Vec<(Timestamp, u64)>,
    /// Bytes count at present, although that may still change (STARTTLS).
    counting: bool,
    classified: bool,
}

impl Handshake {
    /// As new, with the room it had; only small buffers are kept.
    pub(in crate::net) fn reset(&mut self) {
        self.held.clear();
        self.early.clear();
        self.client.reset();
        let client = std::mem::take(&mut self.client);
        let (held, early) = (std::mem::take(&mut self.held), std::mem::take(&mut self.early));
        *self = Self { client, held, early, ..Self::default() };
    }

    /// Gives back a hello that was told.
    pub(in crate::net) fn give_back(&mut self, told: Box<Hello>) {
        self.client.give_back(told);
    }

    /// Bytes held, for the sum over all flows.
    pub(in crate::net) fn size(&self) -> usize {
        self.held_bytes + self.client.size()
    }

    /// The opener sent bytes not seen before. `start`: where its stream begins, if known.
    pub(in crate::net) fn opener(&mut self, run: Run<'_>, start: Option<i64>, progress: &mut Progress) {
        if self.pos.is_none() {
            // What was said before, and is there, may have led to the hello.
            let earliest = || self.held.first().map_or(run.start, |first| first.start.min(run.start));
            self.pos = start.or_else(|| Client::is_hello(run.bytes).then(earliest));
        }
        if self.pos.is_some_and(|pos| run.start <= pos) {
            self.feed(run, progress);
        } else {
            self.hold(run);
        }
        self.drain(progress);
        let full = self.held.len() > MAX_HELD || self.held_bytes > MAX_HELD_BYTES;
        if full && !progress.settled {
            self.force(progress);
        }
    }

    /// The other side sent bytes not seen before.
    pub(in crate::net) fn answerer(&mut self, time: Timestamp, len: u64, progress: &mut Progress) {
        if self.counting {
            progress.bytes.push((time, Side::Answerer, len));
            return;
        }
        if self.early.len() >= MAX_EARLY {
            if self.client.untouched() && self.held.is_empty() {
                // TLS never begins like this: a server that talks first.
                self.counts(time, progress);
            } else {
                self.early.remove(0);
            }
        }
        match self.counting {
            true => progress.bytes.push((time, Side::Answerer, len)),
            false => self.early.push((time, len)),
        }
    }

    /// Gives up waiting for what should have come by `now`.
    pub(in crate::net) fn expire(&mut self, now: Timestamp, progress: &mut Progress) {
        let waited = |held: &Held| now.since(held.time) > DISORDER;
        while !progress.settled && self.held.iter().any(waited) {
            self.force(progress);
        }
    }

    /// Bytes count at present: also those that passed unseen.
    pub(in crate::net) fn is_counting(&self) -> bool {
        self.counting
    }

    pub(in crate::net) fn is_waiting(&self) -> bool {
        !self.held.is_empty()
    }

    /// The flow is over: judges by what there is.
    pub(in crate::net) fn conclude(&mut self, time: Timestamp, progress: &mut Progress) {
        while !progress.settled && !self.held.is_empty() {
            self.force(progress);
        }
        let undecided = self.client.finish();
        self.take_hello(time, progress);
        if progress.settled {
            return;
        }
        if let (Some(from), Some(pos)) = (undecided, self.pos) {
            self.counts(time, progress);
            progress.bytes.push((time, Side::Opener, (pos - from).max(0) as u64));
        } else if self.client.untouched() && !self.early.is_empty() {
            self.counts(time, progress);
        }
    }

    /// Goes on at the first run that waits, whatever is missing before it.
    pub(in crate::net) fn force(&mut self, progress: &mut Progress) {
        let Some(first) = self.held.first() else { return };
        let (start, time) = (first.start, first.time);
        if let Some(pos) = self.pos {
            self.client.gap((start - pos).max(0) as u64);
            self.take_hello(time, progress);
        }
        self.pos = Some(start);
        self.drain(progress);
    }

    fn hold(&mut self, run: Run<'_>) {
        let at = self.held.partition_point(|held| held.start < run.start);
        self.held_bytes += run.bytes.len();
        let held = Held { start: run.start, len: run.len, time: run.time, bytes: run.bytes.into() };
        self.held.insert(at, held);
    }

    fn drain(&mut self, progress: &mut Progress) {
        while let (Some(pos), Some(first)) = (self.pos, self.held.first()) {
            if first.start > pos && !progress.settled {
                break;
            }
            let held = self.held.remove(0);
            self.held_bytes -= held.bytes.len();
            if progress.settled {
                progress.bytes.push((held.time, Side::Opener, u64::from(held.len)));
            } else {
                let run = Run { start: held.start, bytes: &held.bytes, len: held.len, time: held.time };
                self.feed(run, progress);
            }
        }
    }

    fn feed(&mut self, run: Run<'_>, progress: &mut Progress) {
        let end = run.start + i64::from(run.len);
        let step = self.client.feed(run.start, run.bytes, run.len);
        self.pos = Some(end);
        self.take_hello(run.time, progress);
        if let Some(target) = self.client.take_target() {
            progress.target = Some((run.time, target));
        }
        if std::mem::take(&mut self.client.is_stun) {
            progress.peer = Some(run.time);
        }
        if self.client.is_tls && !self.classified {
            self.classified = true;
            progress.classified = Some((run.time, true));
        }
        match step {
            Step::Handshake => self.counting = false,
            Step::Counts { from, settled } => {
                if !self.counting {
                    self.counts(run.time, progress);
                }
                progress.bytes.push((run.time, Side::Opener, (end - from).max(0) as u64));
                progress.settled |= settled;
            }
        }
    }

    /// From now on bytes count. Of the other side's, those that came later; of a plain connection, all.
    fn counts(&mut self, time: Timestamp, progress: &mut Progress) {
        self.counting = true;
        let is_tls = self.client.is_tls;
        if !self.classified {
            self.classified = true;
            progress.classified = Some((time, is_tls));
        }
        progress.answers_from = is_tls.then_some(time);
        let counted = self.early.drain(..).filter(|(early, _)| !is_tls || *early > time);
        progress.bytes.extend(counted.map(|(early, len)| (early, Side::Answerer, len)));
    }

    fn take_hello(&mut self, time: Timestamp, progress: &mut Progress) {
        if let Some(hello) = self.client.take_hello() {
            self.classified = true;
            progress.hello = Some((time, hello));
            progress.classified = Some((time, true));
        }
    }
}
