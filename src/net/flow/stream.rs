//! One direction of a TCP connection: which bytes were seen, each counted once.
//!
//! Sequence numbers are unwrapped to 64-bit offsets, so that a stream may be longer than 4 GiB and begin anywhere. What
//! was seen is one contiguous range and, while segments are missing or late, some islands beside it.

use std::ops::Range;

use crate::model::Timestamp;

/// Islands that are kept before the first hole is given up as lost. 24 bytes each.
const MAX_ISLANDS: usize = 64;
/// A hole longer than this is believed only if the other side acknowledged what lies behind it.
const MAX_HOLE: i64 = 1 << 20;
/// What lies further than this from the beginning belongs to another beginning; nearer, it is only out of order.
const MAX_STRAY: i64 = 1 << 24;
/// Offsets further than this from what was seen cannot be of this connection (RFC 7323: windows end at 2^30).
const MAX_JUMP: i64 = 1 << 30;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Island {
    start: i64,
    end: i64,
}

/// An offset, once it is known, in the room of one: flows are many, and most of them wait in memory.
#[derive(Clone, Copy, Debug)]
struct Offset(i64);

impl Offset {
    const UNKNOWN: Self = Self(i64::MIN);

    fn known(self) -> Option<i64> {
        (self.0 != Self::UNKNOWN.0).then_some(self.0)
    }
}

impl Default for Offset {
    fn default() -> Self {
        Self::UNKNOWN
    }
}

/// What one direction has carried.
#[derive(Debug, Default)]
pub(in crate::net) struct Stream {
    /// The sequence number of offset zero.
    origin: u32,
    /// Some sequence number is known.
    begun: bool,
    /// Where the connection began, if a SYN or its answer was seen.
    pub(in crate::net) start: Option<i64>,
    /// All of `low..next` was seen.
    low: i64,
    next: i64,
    /// Disjoint, sorted, none touching another or the contiguous range.
    islands: Vec<Island>,
    /// When the first of the present islands appeared.
    stalled: Timestamp,
    /// Everything below was acknowledged by the other side.
    acked: i64,
    /// Where the FIN stands, once seen.
    fin: Offset,
    /// A hole before is of a handshake, if there was one.
    counts_from: Offset,
    /// Bytes that passed: seen ones, and holes that were given up.
    pub(in crate::net) total: u64,
    /// Bytes of holes that were given up and counted all the same.
    pub(in crate::net) lost: u64,
}

/// Ranges of bytes that had not been seen before.
pub(in crate::net) type Pieces = Vec<Range<i64>>;

impl Stream {
    pub(in crate::net) fn begun(&self) -> bool {
        self.begun
    }

    pub(in crate::net) fn next(&self) -> i64 {
        self.next
    }

    /// The sequence number behind the last byte seen.
    pub(in crate::net) fn next_seq(&self) -> Option<u32> {
        self.begun.then(|| self.origin.wrapping_add(self.next as u32))
    }

    pub(in crate::net) fn is_whole(&self) -> bool {
        self.islands.is_empty()
    }

    /// FIN seen, and every byte before it, as far back as is known.
    pub(in crate::net) fn finished(&self) -> bool {
        let whole = self.islands.is_empty() && self.start.is_none_or(|start| self.low <= start);
        whole && self.fin.known().is_some_and(|fin| self.next >= fin)
    }

    /// The handshake is over: all that was sent so far belongs to it, whether it was seen or only acknowledged.
    pub(in crate::net) fn end_handshake(&mut self) {
        let seen = self.islands.last().map_or(self.next, |last| last.end.max(self.next));
        self.counts_from = Offset(seen.max(self.acked));
    }

    /// How many bytes of a hole are not of a handshake.
    pub(in crate::net) fn countable(&self, hole: &Range<i64>) -> u64 {
        let start = self.counts_from.known().map_or(hole.start, |from| from.max(hole.start));
        u64::try_from(hole.end - start).unwrap_or_default()
    }

    /// Whether a reset here ends the connection: where the next byte is expected, as far as can be told, or none was yet
    /// (RFC 5961, section 3.2). Elsewhere the receiver leaves it out.
    pub(in crate::net) fn is_next(&self, offset: i64) -> bool {
        let seen = self.islands.last().map_or(self.next, |last| last.end.max(self.next));
        let fin = i64::from(self.has_fin());
        [self.next, seen, self.acked].iter().any(|end| (0..=fin).contains(&(offset - end)))
    }

    pub(in crate::net) fn has_fin(&self) -> bool {
        self.fin.known().is_some()
    }

    /// The offset that a sequence number stands for, taken as near as possible to what was seen last.
    #[inline]
    pub(in crate::net) fn offset(&self, seq: u32) -> i64 {
        let expected = self.origin.wrapping_add(self.next as u32);
        self.next + i64::from(seq.wrapping_sub(expected).cast_signed())
    }

    /// A segment of these offsets may belong to this connection.
    pub(in crate::net) fn fits(&self, start: i64, tolerance: i64) -> bool {
        !self.begun || (start - self.next).abs() <= tolerance
    }

    /// Takes note of where the connection begins: the sequence number of its first payload byte.
    pub(in crate::net) fn begin(&mut self, first: u32) {
        if !self.begun {
            (self.origin, self.begun) = (first, true);
        }
        if self.start.is_none() {
            self.start = Some(self.offset(first));
        }
    }

    /// Takes note of an acknowledgment by the other side.
    #[inline]
    pub(in crate::net) fn acknowledge(&mut self, ack: u32) {
        if !self.begun {
            return;
        }
        let offset = self.offset(ack);
        if self.total == 0 && (offset - self.next).abs() > MAX_STRAY {
            self.restart(ack);
        } else {
            self.acked = self.acked.max(offset);
        }
    }

    /// The other side expects something else than this stream was thought to begin with: of several answers to one SYN
    /// (anycast servers do that) it took another. Only while nothing was sent.
    #[cold]
    fn restart(&mut self, first: u32) {
        let start = self.start.map(|_| 0);
        *self = Self { origin: first, begun: true, start, ..Self::default() };
    }

    pub(in crate::net) fn set_fin(&mut self, offset: i64) {
        self.fin = Offset(self.fin.known().unwrap_or(offset));
    }

    /// Adds a segment if it comes right behind what was seen, and nothing is missing.
    #[inline]
    pub(in crate::net) fn extend(&mut self, seq: u32, len: u32) -> bool {
        let follows =
            self.begun && seq == self.origin.wrapping_add(self.next as u32) && self.islands.is_empty();
        if follows {
            self.next += i64::from(len);
            self.total += u64::from(len);
        }
        follows
    }

    /// Adds a segment; appends to `pieces` what had not been seen before. `None` if it cannot belong here.
    pub(in crate::net) fn add(
        &mut self,
        seq: u32,
        len: u32,
        time: Timestamp,
        pieces: &mut Pieces,
    ) -> Option<i64> {
        if !self.begun {
            (self.origin, self.begun) = (seq, true);
        }
        let start = self.offset(seq);
        let end = start + i64::from(len);
        if start == self.next && self.islands.is_empty() {
            self.next = end;
            self.total += u64::from(len);
            if len > 0 {
                pieces.push(start..end);
            }
            return Some(start);
        }
        if (start - self.next).abs() > MAX_JUMP {
            return None;
        }
        // What stands in the place of the SYN, or before, is no payload: a keep-alive's byte.
        let first = self.start.map_or(start, |begin| begin.max(start));
        if first < end {
            self.add_elsewhere(first, end, time, pieces);
        }
        Some(start)
    }

    #[cold]
    fn add_elsewhere(&mut self, start: i64, end: i64, time: Timestamp, pieces: &mut Pieces) {
        if self.low <= start && end <= self.next {
            return;
        }
        if self.islands.is_empty() {
            self.stalled = time;
        }
        let before = pieces.len();
        self.uncovered(start, end, pieces);
        self.total += pieces[before..].iter().map(|piece| (piece.end - piece.start) as u64).sum::<u64>();
        self.cover(start, end);
    }

    /// The parts of `start..end` that neither the contiguous range nor an island holds.
    fn uncovered(&self, start: i64, end: i64, pieces: &mut Pieces) {
        let main = Island { start: self.low, end: self.next };
        let split = self.islands.partition_point(|island| island.end <= main.start);
        let (below, above) = self.islands.split_at(split);
        let mut at = start;
        for seen in below.iter().chain([&main]).chain(above) {
            if seen.end <= at {
                continue;
            }
            if seen.start >= end {
                break;
            }
            if seen.start > at {
                pieces.push(at..seen.start);
            }
            at = seen.end;
        }
        if at < end {
            pieces.push(at..end);
        }
    }

    /// Marks `start..end` as seen, merging what touches.
    fn cover(&mut self, mut start: i64, mut end: i64) {
        self.islands.retain(|island| {
            let touches = island.start <= end && start <= island.end;
            if touches {
                start = start.min(island.start);
                end = end.max(island.end);
            }
            !touches
        });
        // Merging may have made the range long enough to touch an island passed over before.
        while let Some(index) = self.islands.iter().position(|other| other.start <= end && start <= other.end)
        {
            let other = self.islands.remove(index);
            start = start.min(other.start);
            end = end.max(other.end);
        }
        if start <= self.next && self.low <= end {
            self.low = self.low.min(start);
            self.next = self.next.max(end);
            self.absorb();
            return;
        }
        let at = self.islands.partition_point(|island| island.start < start);
        self.islands.insert(at, Island { start, end });
    }

    /// Takes islands that touch the contiguous range into it.
    fn absorb(&mut self) {
        while let Some(at) =
            self.islands.iter().position(|island| island.start <= self.next && self.low <= island.end)
        {
            let island = self.islands.remove(at);
            self.low = self.low.min(island.start);
            self.next = self.next.max(island.end);
        }
    }

    /// Holes have been open since `stalled`, or too many: it is time to give the first one up.
    #[inline]
    pub(in crate::net) fn overdue(&self, before: Timestamp) -> bool {
        !self.islands.is_empty() && (self.stalled < before || self.islands.len() > MAX_ISLANDS)
    }

    /// Gives up the lowest hole. Its bytes passed unseen and count, unless nothing shows that they existed. Says where
    /// the hole was and whether it counts.
    pub(in crate::net) fn give_up(&mut self) -> Option<(Range<i64>, bool)> {
        let first = *self.islands.first()?;
        let hole = if first.end < self.low { first.end..self.low } else { self.next..first.start };
        let hole = match self.islands.get(1) {
            Some(second) if first.end < self.low && second.start < self.low => first.end..second.start,
            _ => hole,
        };
        let length = hole.end - hole.start;
        let counts = length <= MAX_HOLE || self.acked >= hole.end;
        if counts {
            self.total += length as u64;
            self.lost += length as u64;
        }
        self.cover(hole.start, hole.end);
        Some((hole, counts))
    }
}
