//! One order for what several sensors say.
//!
//! Sensors deliver late and in their own order; verdicts depend on what came before what. So every input waits until no
//! earlier one is expected: until each open source has passed its time by [`Hold`]. Everything before this line may differ
//! between runs (arrival, chunking, threads); nothing after it may.
//!
//! Inputs of one instant are ordered by kind (what processes did, what the network showed, what an audit log says), then by the sensor's own
//! running number, then by the source's rank, which is made from the source's content and so does not depend on the order
//! in which files were named.

mod setting;

use std::collections::VecDeque;

use crate::model::{Input, Span, Timestamp};

use setting::Setting;

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

/// Where an input stands among those of its own source, as one number that is quickly compared: time, kind, running number.
/// Equal ones keep the order in which they were told.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct Key(u128);

impl Key {
    /// Of no input, behind all.
    const NONE: Self = Self(u128::MAX);
    /// Running numbers are told apart up to here; a Mac would need thousands of years.
    const MAX_SEQ: u64 = (1 << 61) - 1;
    /// Makes times before the epoch the lower ones.
    const SIGN: u64 = 1 << 63;

    #[inline]
    fn of(input: &Input) -> Self {
        let (class, seq) = match input {
            Input::Coverage(_) => (0, 0),
            Input::Process(observed) => (1, observed.seq.min(Self::MAX_SEQ)),
            Input::Net(_) => (2, 0),
            Input::Audit(_) => (3, 0),
            Input::Tick(_) => (4_u64, 0),
        };
        let time = input.time().as_nanos().cast_unsigned() ^ Self::SIGN;
        Self(u128::from(time) << 64 | u128::from(class << 61 | seq))
    }

    #[inline]
    fn time(self) -> Timestamp {
        Timestamp::from_nanos(((self.0 >> 64) as u64 ^ Self::SIGN).cast_signed())
    }
}

/// Inputs in the order of their keys.
#[derive(Debug)]
struct Queue {
    inputs: VecDeque<Input>,
    /// Of the first.
    front: Key,
}

impl Queue {
    const fn new() -> Self {
        Self { inputs: VecDeque::new(), front: Key::NONE }
    }

    #[inline]
    fn push(&mut self, key: Key, input: Input) {
        self.front = self.front.min(key);
        self.inputs.push_back(input);
    }

    #[cold]
    fn insert(&mut self, key: Key, input: Input) {
        let at = self.inputs.partition_point(|other| Key::of(other) <= key);
        self.inputs.insert(at, input);
        self.front = self.front.min(key);
    }

    #[inline]
    fn pop(&mut self) -> Option<Input> {
        let input = self.inputs.pop_front();
        self.front = self.inputs.front().map_or(Key::NONE, Key::of);
        input
    }
}

#[derive(Debug)]
struct Source {
    rank: SourceRank,
    /// The greatest time heard; `None` until the first input.
    reached: Option<Timestamp>,
    open: bool,
    /// Nearly all.
    waiting: Queue,
    /// Told after something later: what takes a while to find out of a flow is dated by its packet. Beside the others,
    /// because these would have to move for it. A straggler goes behind an equal one of the others: none of these was told
    /// after it, for it would have had to wait behind one that was later than both.
    stragglers: Queue,
}

impl Source {
    #[inline]
    fn wait(&mut self, key: Key, input: Input) {
        match self.waiting.inputs.back() {
            Some(last) if Key::of(last) > key => self.stragglers.insert(key, input),
            _ => self.waiting.push(key, input),
        }
    }

    #[inline]
    fn front(&self) -> Key {
        self.waiting.front.min(self.stragglers.front)
    }

    #[inline]
    fn take(&mut self) -> Option<Input> {
        let straggles = self.stragglers.front < self.waiting.front;
        if straggles { self.stragglers.pop() } else { self.waiting.pop() }
    }
}

/// Merges sources into one order. Feed it with [`push`](Self::push), then take with [`pop`](Self::pop) until `None`.
#[derive(Debug)]
pub struct Order {
    hold: Hold,
    sources: Vec<Source>,
    /// The open source that is furthest behind. Kept, like the two below it, because it is asked for with each input and
    /// changes with few.
    hungriest: Option<usize>,
    /// Everything up to here may go. `None` when no source is open any more; the earliest moment while one is silent.
    watermark: Option<Timestamp>,
    /// The source whose front is earliest, and that front's key.
    first: (usize, Key),
    held: usize,
    /// Time of the last input let go.
    released: Option<Timestamp>,
    late: u64,
    hurried: u64,
    /// The earliest of both since last asked.
    disordered: Option<Timestamp>,
    /// Since the clock was set a moment ago.
    setting: Option<Setting>,
}

impl Order {
    pub fn new(hold: Span) -> Self {
        Self {
            hold: Hold(hold),
            sources: Vec::new(),
            hungriest: None,
            watermark: None,
            first: (0, Key::NONE),
            held: 0,
            released: None,
            late: 0,
            hurried: 0,
            disordered: None,
            setting: None,
        }
    }

    /// A new source. Until it has spoken or is closed nothing is let go.
    pub fn open(&mut self, rank: SourceRank) -> SourceId {
        self.sources.push(Source {
            rank,
            reached: None,
            open: true,
            waiting: Queue::new(),
            stragglers: Queue::new(),
        });
        self.look_for_the_hungriest();
        SourceId(self.sources.len() - 1)
    }

    /// The source will say no more.
    pub fn close(&mut self, source: SourceId) {
        if let Some(source) = self.sources.get_mut(source.0) {
            source.open = false;
            self.look_for_the_hungriest();
        }
    }

    /// May it say more?
    pub fn is_open(&self, source: SourceId) -> bool {
        self.sources.get(source.0).is_some_and(|source| source.open)
    }

    /// The open source that is furthest behind: the one to read from next. Ties go to the lower rank.
    #[inline]
    pub fn hungriest(&self) -> Option<SourceId> {
        self.hungriest.map(SourceId)
    }

    /// A source vouches that it has nothing from before `time` left to say.
    #[inline]
    pub fn reached(&mut self, source: SourceId, time: Timestamp) {
        let Some(it) = self.sources.get_mut(source.0) else { return };
        if it.reached.is_none_or(|reached| reached < time) {
            it.reached = Some(time);
            // Another that moves on stays ahead of it.
            if self.hungriest == Some(source.0) {
                self.look_for_the_hungriest();
            }
        }
    }

    /// Takes an input, and gives the time that it goes by: since the clock was set, another than it may show.
    pub fn push(&mut self, source: SourceId, input: Input) -> Timestamp {
        let input = if self.setting.is_none() { input } else { self.put_right(input) };
        let key = Key::of(&input);
        let time = key.time();
        self.reached(source, time);
        let Some(it) = self.sources.get_mut(source.0) else { return time };
        // What a sensor could not see is told when it is known, not when it was.
        let dated = !matches!(input, Input::Coverage(_));
        let late = dated && self.released.is_some_and(|released| time < released);
        it.wait(key, input);
        if self.goes_first(source.0, key) {
            self.first = (source.0, key);
        }
        self.held += 1;
        if late {
            self.late += 1;
            self.out_of_order(time);
        }
        time
    }

    /// The next input whose turn has come. At the end, when every source is closed, all of them.
    #[inline]
    pub fn pop(&mut self) -> Option<Input> {
        let (first, key) = self.first;
        let time = key.time();
        let due = self.watermark.is_none_or(|mark| time <= mark);
        if key == Key::NONE || !due && self.held <= MAX_HELD {
            return None;
        }
        if !due {
            self.hurried += 1;
            self.out_of_order(time);
        }
        let input = self.sources.get_mut(first)?.take()?;
        self.look_for_the_first();
        self.held -= 1;
        self.released = Some(self.released.map_or(time, |released| released.max(time)));
        Some(input)
    }

    /// When the input that waits longest may go: once every open source has passed this time.
    pub fn due(&self) -> Option<Timestamp> {
        let (_, first) = self.first;
        (first != Key::NONE).then(|| first.time().plus(self.hold.0))
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

    #[inline]
    fn look_for_the_first(&mut self) {
        self.first = (0, Key::NONE);
        for index in 0..self.sources.len() {
            let key = self.sources[index].front();
            if self.goes_first(index, key) {
                self.first = (index, key);
            }
        }
    }

    /// Before the one that is known: by key, then by rank; the source that was opened first if even these are equal.
    #[inline]
    fn goes_first(&self, index: usize, key: Key) -> bool {
        let (other, earliest) = self.first;
        let rank = |index: usize| self.sources.get(index).map(|source| (source.rank, index));
        key < earliest || key == earliest && rank(index) < rank(other)
    }

    #[inline]
    fn look_for_the_hungriest(&mut self) {
        let mut hungriest: Option<(usize, &Source)> = None;
        for (index, source) in self.sources.iter().enumerate().filter(|(_, source)| source.open) {
            if hungriest.is_none_or(|(_, other)| (source.reached, source.rank) < (other.reached, other.rank))
            {
                hungriest = Some((index, source));
            }
        }
        self.hungriest = hungriest.map(|(index, _)| index);
        let reached = hungriest.map(|(_, source)| source.reached);
        self.watermark =
            reached.map(|reached| reached.map_or(Timestamp::MIN, |reached| reached.minus(self.hold.0)));
    }
}

#[cfg(test)]
mod tests;
