//! A wall clock that was set back, made to go on.
//!
//! Windows run on the time that passed, not on what a clock was set to meanwhile. Events and packets carry the wall clock
//! alone (`mach_time` has another unit on every processor, and stands still in sleep), so a step back shows as a fall of
//! it where everything else goes on. From there on a stream's times go on from the last one before the step, and as much
//! later as the ticks say where they can be read. A step forward cannot be told from sleep, and is taken for it.
//!
//! Packets have no ticks, and a capture may hold none from before the step: there events tell by how much it was
//! ([`Step`]).

use crate::model::{Coverage, CoverageKind, Span, Timestamp};

/// No disorder of lines or packets reaches so far back.
pub(crate) const LEAST: Span = Span::from_secs(60);

/// The most steps that are told to others.
const MAX_STEPS: usize = 64;

/// A step back, for streams that cannot tell it themselves.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Step {
    /// The last moment that was seen before it, by the clock before all steps.
    pub before: Timestamp,
    /// What has to be added to the wall clock since then.
    pub offset: Span,
}

/// What a capture asks of those who may know more of the clock.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Doubt {
    /// Its first packet is of this moment.
    Begins(Timestamp),
    /// Its clock fell after this moment: at least so much must be added since.
    Fell { at: Timestamp, least: Span },
}

/// One stream's clock.
#[derive(Debug, Default)]
pub(super) struct Steady {
    newest: Option<(Timestamp, Mark)>,
    /// Of the first message.
    began: Option<Timestamp>,
    known: Vec<Step>,
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

    /// How long after `newest` a message with these ticks was, as either kind of processor counts them: the slower count
    /// that does not contradict what passed until then. Nothing if both do, as after sleep.
    fn pause(&self, newest: Timestamp, ticks: u64) -> Span {
        let passed = u128::from(newest.since(self.time).as_nanos());
        let since = u128::from(ticks.saturating_sub(self.ticks));
        let later = [since, since * 125 / 3].into_iter().find_map(|nanos| nanos.checked_sub(passed));
        Span::from_nanos(later.and_then(|nanos| u64::try_from(nanos).ok()).unwrap_or(0))
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
            self.began = Some(time);
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
        match ticks() {
            Some(ticks) if ticks > mark.ticks && !mark.agrees(time, ticks) => {
                let pause = mark.pause(newest, ticks);
                self.step(newest, time, pause)
            }
            _ => time,
        }
    }

    pub(super) fn began(&self) -> Option<Timestamp> {
        self.began
    }

    pub(super) fn reached(&self) -> Option<Timestamp> {
        self.newest.map(|(newest, _)| newest)
    }

    pub(super) fn steps(&self) -> &[Step] {
        &self.known
    }

    /// So much is added from the beginning on.
    pub(super) fn begin(&mut self, offset: Span) {
        self.offset = offset;
        self.newest = None;
    }

    /// The time of a packet: its file keeps an order of its own. `ask` may know how far its clock fell.
    #[inline]
    pub(super) fn packet(&mut self, wall: Timestamp, ask: impl FnOnce(Doubt) -> Option<Span>) -> Timestamp {
        let time = wall.plus(self.offset);
        match &mut self.newest {
            None => self.newest = Some((time, Mark::default())),
            Some((newest, _)) if time >= *newest => *newest = time,
            Some((newest, _)) if newest.since(time) < LEAST => {}
            Some((newest, _)) => {
                let newest = *newest;
                let least =
                    Span::from_nanos(self.offset.as_nanos().saturating_add(newest.since(time).as_nanos()));
                let told = ask(Doubt::Fell { at: newest, least }).unwrap_or(least);
                return self.step(
                    newest,
                    time,
                    Span::from_nanos(told.as_nanos().saturating_sub(least.as_nanos())),
                );
            }
        }
        time
    }

    /// `pause` after the newest moment.
    #[cold]
    fn step(&mut self, newest: Timestamp, time: Timestamp, pause: Span) -> Timestamp {
        let now = newest.plus(pause);
        let fall = now.since(time);
        self.offset = Span::from_nanos(self.offset.as_nanos().saturating_add(fall.as_nanos()));
        self.steps += 1;
        self.stepped = newest;
        if self.known.len() < MAX_STEPS {
            self.known.push(Step { before: newest, offset: self.offset });
        }
        if let Some((newest, _)) = &mut self.newest {
            *newest = now;
        }
        now
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
            assert_eq!(message(6_602, 8, 202), 10_202, "set back by an hour");
            assert_eq!(message(6_612, 9, 212), 10_212);
            assert_eq!(steady.take_coverage().map(|told| told.count), Some(1));
        }
    }

    #[test]
    fn packets_of_one_file() {
        let mut steady = Steady::default();
        let times: Vec<_> = [100, 101, 99, 5, 6, 4]
            .map(|wall| steady.packet(at(wall), |_| None).as_nanos() / 1_000_000_000)
            .into();
        assert_eq!(times, [100, 101, 99, 101, 102, 100]);
    }
}
