//! One order for what several sensors say.
//!
//! Sensors deliver late and in their own order; verdicts depend on what came before what. So every input waits until no
//! earlier one is expected: until each open source has passed its time by [`Hold`]. Everything before this line may differ
//! between runs (arrival, chunking, threads); nothing after it may.
//!
//! Inputs of one instant are ordered by kind (what processes did, what the network showed, what an audit log says), then by the sensor's own
//! running number, then by the source's rank, which is made from the source's content and so does not depend on the order
//! in which files were named.

use std::cmp::Ordering;
use std::collections::VecDeque;

use crate::model::{Input, Span, Timestamp};

/// Names one source; given out by [`Order::open`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SourceId(usize);

/// Where a source stands among others at the same instant: a hash of its first bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub struct SourceRank(pub u64);

/// How long inputs wait for stragglers, in event time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Hold(pub Span);

/// The most inputs that wait at once; beyond it the oldest are let go early and counted. About 170 bytes each: 45 MB.
pub const MAX_HELD: usize = 1 << 18;

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct Key {
    time: Timestamp,
    class: u8,
    seq: u64,
    rank: SourceRank,
    index: u64,
}

#[derive(Debug)]
struct Source {
    rank: SourceRank,
    /// The greatest time heard; `None` until the first input.
    reached: Option<Timestamp>,
    open: bool,
    next_index: u64,
    waiting: VecDeque<(Key, Input)>,
}

/// Merges sources into one order. Feed it with [`push`](Self::push), then take with [`pop`](Self::pop) until `None`.
#[derive(Debug)]
pub struct Order {
    hold: Hold,
    sources: Vec<Source>,
    held: usize,
    /// Key of the last input let go.
    released: Option<Timestamp>,
    late: u64,
    hurried: u64,
}

impl Order {
    pub fn new(hold: Span) -> Self {
        Self { hold: Hold(hold), sources: Vec::new(), held: 0, released: None, late: 0, hurried: 0 }
    }

    /// A new source. Until it has spoken or is closed nothing is let go.
    pub fn open(&mut self, rank: SourceRank) -> SourceId {
        self.sources.push(Source {
            rank,
            reached: None,
            open: true,
            next_index: 0,
            waiting: VecDeque::new(),
        });
        SourceId(self.sources.len() - 1)
    }

    /// The source will say no more.
    pub fn close(&mut self, source: SourceId) {
        if let Some(source) = self.sources.get_mut(source.0) {
            source.open = false;
        }
    }

    /// The open source that is furthest behind: the one to read from next. Ties go to the lower rank.
    pub fn hungriest(&self) -> Option<SourceId> {
        let open = self.sources.iter().enumerate().filter(|(_, source)| source.open);
        open.min_by_key(|(_, source)| (source.reached, source.rank)).map(|(index, _)| SourceId(index))
    }

    /// A source vouches that it has nothing from before `time` left to say.
    pub fn reached(&mut self, source: SourceId, time: Timestamp) {
        if let Some(source) = self.sources.get_mut(source.0) {
            source.reached = Some(source.reached.map_or(time, |reached| reached.max(time)));
        }
    }

    pub fn push(&mut self, source: SourceId, input: Input) {
        // What a sensor could not see is told when it is known, not when it was.
        let dated = !matches!(input, Input::Coverage(_));
        let late = dated && self.released.is_some_and(|released| input.time() < released);
        self.late += u64::from(late);
        let Some(source) = self.sources.get_mut(source.0) else { return };
        let time = input.time();
        let (class, seq) = match &input {
            Input::Coverage(_) => (0, 0),
            Input::Process(observed) => (1, observed.seq),
            Input::Net(_) => (2, 0),
            Input::Audit(_) => (3, 0),
            Input::Tick(_) => (4, 0),
        };
        let key = Key { time, class, seq, rank: source.rank, index: source.next_index };
        source.next_index += 1;
        source.reached = Some(source.reached.map_or(time, |reached| reached.max(time)));
        // Nearly always the newest: look from the back.
        match source.waiting.back() {
            Some((last, _)) if *last > key => {
                let at = source.waiting.partition_point(|(other, _)| *other < key);
                source.waiting.insert(at, (key, input));
            }
            _ => source.waiting.push_back((key, input)),
        }
        self.held += 1;
    }

    /// The next input whose turn has come. At the end, when every source is closed, all of them.
    pub fn pop(&mut self) -> Option<Input> {
        let first = self.first()?;
        let due = match self.watermark() {
            Some(mark) => self.sources[first].waiting.front().is_some_and(|(key, _)| key.time <= mark),
            None => true,
        };
        let crowded = self.held > MAX_HELD;
        if !due && !crowded {
            return None;
        }
        self.hurried += u64::from(!due);
        let (key, input) = self.sources[first].waiting.pop_front()?;
        self.held -= 1;
        self.released = Some(self.released.map_or(key.time, |released| released.max(key.time)));
        Some(input)
    }

    /// When the input that waits longest may go: once every open source has passed this time.
    pub fn due(&self) -> Option<Timestamp> {
        let first = self.sources[self.first()?].waiting.front()?;
        Some(first.0.time.plus(self.hold.0))
    }

    /// How long inputs wait.
    pub fn hold(&self) -> Span {
        self.hold.0
    }

    pub fn held(&self) -> usize {
        self.held
    }

    /// Inputs that came after their turn, and those let go before it because too many waited.
    pub fn disorder(&self) -> (u64, u64) {
        (self.late, self.hurried)
    }

    /// Index of the source whose front is earliest.
    fn first(&self) -> Option<usize> {
        let fronts = self
            .sources
            .iter()
            .enumerate()
            .filter_map(|(index, source)| Some((index, source.waiting.front()?.0)));
        fronts.min_by(|(_, a), (_, b)| compare(a, b)).map(|(index, _)| index)
    }

    /// Everything up to here may go. `None` when no source is open any more; the earliest moment while one is silent.
    fn watermark(&self) -> Option<Timestamp> {
        let open = self.sources.iter().filter(|source| source.open);
        let reached = open.map(|source| source.reached.unwrap_or(Timestamp::MIN)).min()?;
        Some(if reached == Timestamp::MIN { reached } else { reached.minus(self.hold.0) })
    }
}

fn compare(a: &Key, b: &Key) -> Ordering {
    a.cmp(b)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tick(millis: i64) -> Input {
        Input::Tick(Timestamp::from_nanos(millis * 1_000_000))
    }

    fn drain(order: &mut Order) -> Vec<i64> {
        std::iter::from_fn(|| order.pop()).map(|input| input.time().as_nanos() / 1_000_000).collect()
    }

    #[test]
    fn waits_for_stragglers_and_for_silent_sources() {
        let mut order = Order::new(Span::from_millis(100));
        let (a, b) = (order.open(SourceRank(1)), order.open(SourceRank(2)));
        for at in [10, 5, 300] {
            order.push(a, tick(at));
        }
        assert_eq!(drain(&mut order), [] as [i64; 0], "b has said nothing yet");
        assert_eq!(order.due(), Some(Timestamp::from_nanos(105_000_000)));
        order.push(b, tick(120));
        assert_eq!(drain(&mut order), [5, 10]);
        order.close(b);
        assert_eq!(drain(&mut order), [120]);
        order.close(a);
        assert_eq!(drain(&mut order), [300]);
        assert_eq!(order.disorder(), (0, 0));
    }

    #[test]
    fn latecomers_pass_and_are_counted() {
        let mut order = Order::new(Span::from_millis(10));
        let a = order.open(SourceRank(1));
        order.push(a, tick(1));
        order.push(a, tick(100));
        assert_eq!(drain(&mut order), [1]);
        order.push(a, tick(200));
        assert_eq!(drain(&mut order), [100]);
        order.push(a, tick(50));
        assert_eq!(drain(&mut order), [50]);
        assert_eq!(order.disorder().0, 1);
    }

    #[test]
    fn order_of_equal_times_does_not_depend_on_who_was_opened_first() {
        let run = |flip: bool| {
            let mut order = Order::new(Span::ZERO);
            let ranks = if flip { [SourceRank(2), SourceRank(1)] } else { [SourceRank(1), SourceRank(2)] };
            let ids = ranks.map(|rank| order.open(rank));
            let one = |rank: SourceRank| ids[ranks.iter().position(|r| *r == rank).unwrap()];
            order.push(one(SourceRank(2)), Input::Tick(Timestamp::from_nanos(7)));
            order.push(one(SourceRank(1)), Input::Tick(Timestamp::from_nanos(7)));
            (0..2)
                .map(|_| {
                    order.first().map(|i| {
                        let r = order.sources[i].rank;
                        order.sources[i].waiting.pop_front();
                        r
                    })
                })
                .collect::<Vec<_>>()
        };
        assert_eq!(run(false), run(true));
    }
}
