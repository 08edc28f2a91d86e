//! The clock that stamps inputs is set while some of them wait and others are on their way.

use crate::model::{ClockStep, Input, Span, Timestamp};

use super::{Key, Order, Queue, Source};

/// No sensor is later than this.
const LATEST: Span = Span::from_secs(30);

/// A clock that was set a moment ago. What was stamped before may still come, and shows the time that it showed then.
#[derive(Debug)]
pub(super) struct Setting {
    step: ClockStep,
    /// Between what the clock shows and what it would show.
    halfway: Timestamp,
    /// After this none are expected. So long before halfway that some input, and be it a tick, comes in between.
    until: Timestamp,
}

impl Setting {
    fn new(step: ClockStep, now: Timestamp) -> Self {
        let half = ClockStep::from_nanos(-(step.as_nanos() / 2));
        let quarter = Span::from_nanos(half.as_nanos().unsigned_abs() / 2);
        Self { step, halfway: now.set(half), until: now.plus(quarter.min(LATEST)) }
    }

    /// The input as if it had been stamped since; nothing once that is no longer needed.
    fn put_right(&self, input: Input) -> (Input, bool) {
        let before = match self.step.as_nanos() {
            ..0 => input.time() > self.halfway,
            _ => input.time() < self.halfway,
        };
        let over = !before && input.time() > self.until;
        (if before { input.set(self.step) } else { input }, over)
    }
}

impl Order {
    /// The clock that stamps all inputs was set and shows `now`. What waits goes by it from now on; and what was stamped
    /// before and comes within half a minute, which is told by the time that it shows.
    pub fn clock_set(&mut self, step: ClockStep, now: Timestamp) {
        self.sources.iter_mut().for_each(|source| source.clock_set(step));
        self.released = self.released.map(|time| time.set(step));
        self.disordered = self.disordered.map(|time| time.set(step));
        self.setting = Some(Setting::new(step, now));
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
