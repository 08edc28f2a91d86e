//! One order for what several sensors say.
//!
//! Sensors deliver late and in their own order; verdicts depend on what came before what. So every input waits until no
//! earlier one is expected: until each open source has passed its time by [`Hold`]. Everything before this line may differ
//! between runs (arrival, chunking, threads); nothing after it may.
//!
//! Inputs of one instant are ordered by kind (what processes did, what the network showed, what an audit log says), then by the sensor's own
//! running number, then by the source's rank, which is made from the source's content and so does not depend on the order
//! in which files were named.

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

/// The most inputs that wait at once; beyond it the oldest are let go early and counted. About 170 bytes each with what
/// they point at: 45 MB.
pub const MAX_HELD: usize = 1 << 18;

/// Where an input stands among those of its own source. Equal ones keep the order in which they were told.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct Key {
    time: Timestamp,
    class: u8,
    seq: u64,
}

impl Key {
    #[inline]
    fn of(input: &Input) -> Self {
        let (class, seq) = match input {
            Input::Coverage(_) => (0, 0),
            Input::Process(observed) => (1, observed.seq),
            Input::Net(_) => (2, 0),
            Input::Audit(_) => (3, 0),
            Input::Tick(_) => (4, 0),
        };
        Self { time: input.time(), class, seq }
    }
}

#[derive(Debug)]
struct Source {
    rank: SourceRank,
    /// The greatest time heard; `None` until the first input.
    reached: Option<Timestamp>,
    open: bool,
    /// In the order of their keys.
    waiting: VecDeque<Input>,
    /// Of the first that waits.
    front: Option<Key>,
}

impl Source {
    #[inline]
    fn wait(&mut self, key: Key, input: Input) {
        // Nearly always the newest: look from the back.
        match self.waiting.back() {
            Some(last) if Key::of(last) > key => {
                let at = self.waiting.partition_point(|other| Key::of(other) <= key);
                self.waiting.insert(at, input);
            }
            _ => self.waiting.push_back(input),
        }
        self.front = Some(self.front.map_or(key, |front| front.min(key)));
    }

    #[inline]
    fn take(&mut self) -> Option<Input> {
        let input = self.waiting.pop_front();
        self.front = self.waiting.front().map(Key::of);
        input
    }

    #[inline]
    fn reach(&mut self, time: Timestamp) {
        self.reached = Some(self.reached.map_or(time, |reached| reached.max(time)));
    }
}

/// Merges sources into one order. Feed it with [`push`](Self::push), then take with [`pop`](Self::pop) until `None`.
#[derive(Debug)]
pub struct Order {
    hold: Hold,
    sources: Vec<Source>,
    held: usize,
    /// Time of the last input let go.
    released: Option<Timestamp>,
    late: u64,
    hurried: u64,
    /// The earliest of both since last asked.
    disordered: Option<Timestamp>,
}

impl Order {
    pub fn new(hold: Span) -> Self {
        Self {
            hold: Hold(hold),
            sources: Vec::new(),
            held: 0,
            released: None,
            late: 0,
            hurried: 0,
            disordered: None,
        }
    }

    /// A new source. Until it has spoken or is closed nothing is let go.
    pub fn open(&mut self, rank: SourceRank) -> SourceId {
        self.sources.push(Source { rank, reached: None, open: true, waiting: VecDeque::new(), front: None });
        SourceId(self.sources.len() - 1)
    }

    /// The source will say no more.
    pub fn close(&mut self, source: SourceId) {
        if let Some(source) = self.sources.get_mut(source.0) {
            source.open = false;
        }
    }

    /// May it say more?
    pub fn is_open(&self, source: SourceId) -> bool {
        self.sources.get(source.0).is_some_and(|source| source.open)
    }

    /// The open source that is furthest behind: the one to read from next. Ties go to the lower rank.
    #[inline]
    pub fn hungriest(&self) -> Option<SourceId> {
        let mut hungriest: Option<(usize, &Source)> = None;
        for (index, source) in self.sources.iter().enumerate().filter(|(_, source)| source.open) {
            if hungriest.is_none_or(|(_, other)| (source.reached, source.rank) < (other.reached, other.rank))
            {
                hungriest = Some((index, source));
            }
        }
        hungriest.map(|(index, _)| SourceId(index))
    }

    /// A source vouches that it has nothing from before `time` left to say.
    #[inline]
    pub fn reached(&mut self, source: SourceId, time: Timestamp) {
        if let Some(source) = self.sources.get_mut(source.0) {
            source.reach(time);
        }
    }

    pub fn push(&mut self, source: SourceId, input: Input) {
        let Some(source) = self.sources.get_mut(source.0) else { return };
        let key = Key::of(&input);
        // What a sensor could not see is told when it is known, not when it was.
        let dated = !matches!(input, Input::Coverage(_));
        let late = dated && self.released.is_some_and(|released| key.time < released);
        source.reach(key.time);
        source.wait(key, input);
        self.held += 1;
        if late {
            self.late += 1;
            self.out_of_order(key.time);
        }
    }

    /// The next input whose turn has come. At the end, when every source is closed, all of them.
    #[inline]
    pub fn pop(&mut self) -> Option<Input> {
        let (first, key) = self.first()?;
        let due = self.watermark().is_none_or(|mark| key.time <= mark);
        let crowded = self.held > MAX_HELD;
        if !due && !crowded {
            return None;
        }
        if !due {
            self.hurried += 1;
            self.out_of_order(key.time);
        }
        let input = self.sources.get_mut(first)?.take()?;
        self.held -= 1;
        self.released = Some(self.released.map_or(key.time, |released| released.max(key.time)));
        Some(input)
    }

    /// When the input that waits longest may go: once every open source has passed this time.
    pub fn due(&self) -> Option<Timestamp> {
        let (_, first) = self.first()?;
        Some(first.time.plus(self.hold.0))
    }

    /// How long inputs wait.
    pub fn hold(&self) -> Span {
        self.hold.0
    }

    pub fn held(&self) -> usize {
        self.held
    }

    #[cold]
    fn out_of_order(&mut self, time: Timestamp) {
        self.disordered = Some(self.disordered.map_or(time, |earliest| earliest.min(time)));
    }

    /// The earliest moment that was out of order since this was last asked.
    pub fn take_disordered(&mut self) -> Option<Timestamp> {
        self.disordered.take()
    }

    /// Inputs that came after their turn, and those let go before it because too many waited.
    pub fn disorder(&self) -> (u64, u64) {
        (self.late, self.hurried)
    }

    /// The source whose front is earliest, and that front's key.
    #[inline]
    fn first(&self) -> Option<(usize, Key)> {
        let mut first: Option<(usize, Key, SourceRank)> = None;
        for (index, source) in self.sources.iter().enumerate() {
            if let Some(key) = source.front
                && first.is_none_or(|(_, earliest, rank)| (key, source.rank) < (earliest, rank))
            {
                first = Some((index, key, source.rank));
            }
        }
        first.map(|(index, key, _)| (index, key))
    }

    /// Everything up to here may go. `None` when no source is open any more; the earliest moment while one is silent.
    #[inline]
    fn watermark(&self) -> Option<Timestamp> {
        let mut least: Option<Timestamp> = None;
        for source in self.sources.iter().filter(|source| source.open) {
            let reached = source.reached.unwrap_or(Timestamp::MIN);
            least = Some(least.map_or(reached, |least| least.min(reached)));
        }
        let reached = least?;
        Some(if reached == Timestamp::MIN { reached } else { reached.minus(self.hold.0) })
    }
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
        assert_eq!(order.take_disordered(), Some(Timestamp::from_nanos(50_000_000)));
        assert_eq!(order.take_disordered(), None);
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
                    order.first().map(|(first, _)| {
                        order.sources[first].take();
                        order.sources[first].rank
                    })
                })
                .collect::<Vec<_>>()
        };
        assert_eq!(run(false), run(true));
    }
}
