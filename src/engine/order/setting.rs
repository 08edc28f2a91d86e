//! The clock that stamps inputs is set while some of them wait and others are on their way.

use crate::model::{ClockStep, Input, Span, Timestamp};

use super::{Key, Order, Queue, Source};

/// No sensor is later than this.
const LATEST: Span = Span::from_secs(30);

/// Clocks that stragglers may show at once: one that is set again and again within [`LATEST`].
const MAX_CLOCKS: usize = 8;

/// What a clock would show now that was not set.
#[derive(Clone, Copy, Debug)]
struct Clock {
    shows: Timestamp,
    /// By how much it was set since.
    step: ClockStep,
}

/// A clock that was set a moment ago, perhaps not for the first time. What was stamped before may still come, and shows the
/// time that it showed then.
#[derive(Debug)]
pub(super) struct Setting {
    /// As it is, and as it was before.
    now: Clock,
    before: Vec<Clock>,
    /// After this no stragglers are expected. So long before it is halfway to another clock that some input, and be it a
    /// tick, comes in between.
    until: Timestamp,
}

impl Setting {
    fn new(step: ClockStep, now: Timestamp, earlier: Option<Self>) -> Self {
        let undone = ClockStep::from_nanos(step.as_nanos().saturating_neg());
        let mut before = vec![Clock { shows: now.set(undone), step }];
        if let Some(earlier) = earlier {
            let passed = ClockStep::from_nanos(difference(now.set(undone), earlier.now.shows));
            before.extend(earlier.before.iter().map(|clock| Clock {
                shows: clock.shows.set(passed),
                step: ClockStep::from_nanos(clock.step.as_nanos().saturating_add(step.as_nanos())),
            }));
        }
        // One that was set back to what it was says nothing new.
        before.retain(|clock| clock.step.as_nanos().unsigned_abs() >= NEAR);
        before.truncate(MAX_CLOCKS);
        let nearest = before.iter().map(|clock| clock.step.as_nanos().unsigned_abs()).min().unwrap_or(0);
        let until = now.plus(Span::from_nanos(nearest / 4).min(LATEST));
        Self { now: Clock { shows: now, step: ClockStep::NONE }, before, until }
    }

    /// Before the clock is set by another step and shows `now`: is it so long ago?
    fn is_over(&self, step: ClockStep, now: Timestamp) -> bool {
        let undone = ClockStep::from_nanos(step.as_nanos().saturating_neg());
        now.set(undone) > self.now.shows.plus(LATEST)
    }

    /// The input as if it had been stamped since, by the clock that it is nearest to; nothing once that is no longer needed.
    fn put_right(&self, input: Input) -> (Input, bool) {
        let time = input.time();
        let far = |clock: &Clock| difference(time, clock.shows).unsigned_abs();
        let (mut nearest, mut least) = (self.now, far(&self.now));
        for clock in &self.before {
            if far(clock) < least {
                (nearest, least) = (*clock, far(clock));
            }
        }
        match nearest.step {
            ClockStep::NONE => (input, time > self.until),
            step => (input.set(step), false),
        }
    }
}

/// Settings that are as good as none.
const NEAR: u64 = 1_000_000_000;

fn difference(one: Timestamp, other: Timestamp) -> i64 {
    one.as_nanos().saturating_sub(other.as_nanos())
}

impl Order {
    /// The clock that stamps all inputs was set and shows `now`. What waits goes by it from now on; and what was stamped
    /// before and comes within half a minute, which is told by the time that it shows.
    pub fn clock_set(&mut self, step: ClockStep, now: Timestamp) {
        self.sources.iter_mut().for_each(|source| source.clock_set(step));
        self.released = self.released.map(|time| time.set(step));
        self.disordered = self.disordered.map(|time| time.set(step));
        let earlier = self.setting.take().filter(|setting| !setting.is_over(step, now));
        self.setting = Some(Setting::new(step, now, earlier));
        self.look_for_the_hungriest();
        self.look_for_the_first();
    }

    #[cold]
    pub(super) fn put_right(&mut self, input: Input) -> Input {
        let Some(setting) = &self.setting else { return input };
        let (input, over) = setting.put_right(input);
        if over {
            self.setting = None;
        }
        input
    }
}

impl Source {
    fn clock_set(&mut self, step: ClockStep) {
        self.reached = self.reached.map(|time| time.set(step));
        let waiting = std::mem::replace(&mut self.waiting, Queue::new()).inputs;
        let stragglers = std::mem::replace(&mut self.stragglers, Queue::new()).inputs;
        for input in waiting.into_iter().chain(stragglers) {
            let input = input.set(step);
            self.wait(Key::of(&input), input);
        }
    }
}
