//! A wall clock that was set back, made to go on.
//!
//! Windows run on the time that passed, not on what a clock was set to meanwhile. Events and packets carry the wall clock
//! alone (`mach_time` has another unit on every processor, and stands still in sleep), so a step back shows as a fall of
//! it where everything else goes on. From there on a stream's times go on from the last one before the step. A step
//! forward cannot be told from sleep, and is taken for it.

use crate::model::{Coverage, CoverageKind, Span, Timestamp};

/// No disorder of lines or packets reaches so far back.
const LEAST: Span = Span::from_secs(60);

/// One stream's clock.
#[derive(Debug, Default)]
pub(super) struct Steady {
    newest: Option<(Timestamp, Mark)>,
    /// `global_seq_num` of the newest message.
    latest: u64,
    /// What is added to the wall clock; nothing before the first step.
    offset: Span,
    steps: u64,
    stepped: Timestamp,
}

/// Where a message stands by what does not follow the wall clock.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct Mark {
    /// `global_seq_num`; a recording begun anew begins it anew.
    pub(super) global: u64,
    /// `mach_time`, in ticks since the Mac started.
    pub(super) ticks: u64,
    /// When that was, by the clock before all steps.
    time: Timestamp,
}

impl Mark {
    /// By the ticks since then, on either kind of processor, it is as late as its wall clock says.
    fn agrees(&self, time: Timestamp, ticks: u64) -> bool {
        let passed = i128::from(time.as_nanos()) - i128::from(self.time.as_nanos());
        let since = i128::from(ticks.saturating_sub(self.ticks));
        let nanos = [since, since * 125 / 3];
        nanos.iter().any(|nanos| (nanos - passed).abs() < i128::from(LEAST.as_nanos() / 2))
    }
}

impl Steady {
    /// The time of a message by the clock before all steps. `mark` is asked for only if the wall clock has fallen, and now
    /// and then.
    #[inline]
    pub(super) fn message(
        &mut self,
        wall: Timestamp,
        global: u64,
        ticks: impl FnOnce() -> Option<u64>,
    ) -> Timestamp {
        let time = wall.plus(self.offset);
        let Some((newest, mark)) = &mut self.newest else {
            self.newest = ticks().map(|ticks| (time, Mark { global, ticks, time }));
            self.latest = global;
            return time;
        };
        if time >= *newest {
            // Known well enough to tell an older recording from a later line.
            if global >= mark.global.saturating_add(EVERY) {
                if let Some(ticks) = ticks().filter(|ticks| *ticks >= mark.ticks) {
                    (mark.ticks, mark.time) = (ticks, time);
                }
                mark.global = global;
            }
            *newest = time;
            self.latest = global;
            return time;
        }
        // What came before the newest message stands in a late place, and tells nothing of the clock.
        if newest.since(time) < LEAST || global <= mark.global || global <= self.latest {
            return time;
        }
        let newest = *newest;
        if ticks().is_none_or(|ticks| ticks <= mark.ticks || mark.agrees(time, ticks)) {
            return time;
        }
        self.step(newest, time)
    }

    /// The time of a packet: its file keeps an order of its own.
    #[inline]
    pub(super) fn packet(&mut self, wall: Timestamp) -> Timestamp {
        let time = wall.plus(self.offset);
        match &mut self.newest {
            None => self.newest = Some((time, Mark::default())),
            Some((newest, _)) if time >= *newest => *newest = time,
            Some((newest, _)) if newest.since(time) < LEAST => {}
            Some((newest, _)) => {
                let newest = *newest;
                return self.step(newest, time);
            }
        }
        time
    }

    #[cold]
    fn step(&mut self, newest: Timestamp, time: Timestamp) -> Timestamp {
        let fall = newest.since(time);
        self.offset = Span::from_nanos(self.offset.as_nanos().saturating_add(fall.as_nanos()));
        self.steps += 1;
        self.stepped = newest;
        newest
    }

    /// Says that the clock was set back since the last time this was asked.
    pub(super) fn take_coverage(&mut self) -> Option<Coverage> {
        let count = std::mem::take(&mut self.steps);
        let ahead = self.offset.as_secs();
        let text = format!(
            "the wall clock was set back; since then times are {ahead} s ahead of it, as if it had not been"
        );
        let (kind, at) = (CoverageKind::ClockStep, self.stepped);
        (count > 0).then_some(Coverage { kind, start: at, end: at, count, text })
    }
}

/// Messages between two looks at the ticks.
const EVERY: u64 = 256;

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_nanos(seconds * 1_000_000_000)
    }

    #[test]
    fn a_clock_set_back_goes_on() {
        let mut steady = Steady::default();
        let mut message = |wall, global| steady.message(at(wall), global, || Some(global * 10)).as_nanos();
        assert_eq!(message(10_000, 1), at(10_000).as_nanos());
        assert_eq!(message(10_001, 3), at(10_001).as_nanos());
        assert_eq!(message(10_000, 2), at(10_000).as_nanos(), "out of order");
        assert_eq!(message(6_401, 4), at(10_001).as_nanos());
        assert_eq!(message(6_500, 6), at(10_100).as_nanos());
        assert_eq!(message(6_499, 5), at(10_099).as_nanos());
        assert_eq!(message(2_900, 7), at(10_100).as_nanos(), "a second step");
        assert_eq!(message(2_901, 8), at(10_101).as_nanos());
        let told = steady.take_coverage().unwrap();
        assert_eq!((told.count, told.start), (2, at(10_100)));
        assert!(told.text.contains(" 7200 s "), "{}", told.text);
        assert_eq!(steady.take_coverage(), None);
    }

    #[test]
    fn an_older_recording_is_older() {
        let mut steady = Steady::default();
        assert_eq!(steady.message(at(9_000), 50, || Some(500)), at(9_000));
        assert_eq!(steady.message(at(100), 4, || Some(40)), at(100), "its numbers begin anew");
        assert_eq!(steady.message(at(101), 90, || Some(41)), at(101), "its ticks are older");
        assert_eq!(steady.message(at(102), 91, || None), at(102), "nothing tells");
        assert_eq!(steady.take_coverage(), None);
    }

    /// A line far out of its place is late, and the clock is what it was.
    #[test]
    fn a_late_line_is_no_step() {
        for frequency in [24_000_000, 1_000_000_000] {
            let mut steady = Steady::default();
            let mut message = |wall: i64, global, since: u64| {
                steady.message(at(wall), global, || Some((5_000 + since) * frequency)).as_nanos()
                    / 1_000_000_000
            };
            assert_eq!(message(10_000, 1, 0), 10_000);
            assert_eq!(message(10_200, 5, 200), 10_200);
            assert_eq!(message(10_050, 3, 50), 10_050, "its number tells");
            assert_eq!(message(10_060, 6, 60), 10_060, "its ticks tell, where numbers were given anew");
            assert_eq!(message(10_201, 7, 201), 10_201);
            assert_eq!(message(6_602, 8, 202), 10_201, "set back by an hour");
            assert_eq!(steady.take_coverage().map(|told| told.count), Some(1));
        }
    }

    #[test]
    fn packets_of_one_file() {
        let mut steady = Steady::default();
        let times: Vec<_> =
            [100, 101, 99, 5, 6, 4].map(|wall| steady.packet(at(wall)).as_nanos() / 1_000_000_000).into();
        assert_eq!(times, [100, 101, 99, 101, 102, 100]);
    }
}
