//! The one place that asks what time it is, and whether somebody set the clock that says so.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::model::{ClockStep, Timestamp};
use crate::sys;

/// Now, on the clock that stamps events. Before 1970 it is 1970.
pub(crate) fn now() -> Timestamp {
    let nanos = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
    Timestamp::from_nanos(i64::try_from(nanos).unwrap_or(i64::MAX))
}

/// Less than this is no step: inputs are as much out of order by themselves, and clocks are put right by less all the time.
const LEAST: Duration = Duration::from_secs(5);
/// Two clocks that are asked one after the other were asked at once, if no more passed meanwhile.
const AT_ONCE: Duration = Duration::from_millis(500);
/// A clock is put right without being set by at most one part in so many (`ntp_adjtime` of macOS: 500 in a million).
const SLEWED: i64 = 1000;

/// The wall clock held against the one that nobody sets.
#[derive(Debug)]
pub(super) struct Watch {
    /// How far the wall clock is ahead of the other, in nanoseconds, and when that was by the other.
    known: Option<(i64, Duration)>,
}

impl Watch {
    pub(super) fn new() -> Self {
        Self { known: None }
    }

    /// By how much the wall clock was set since the last look.
    pub(super) fn look(&mut self) -> Option<ClockStep> {
        let (before, wall, after) = (since_boot(), now(), since_boot());
        if after.saturating_sub(before) > AT_ONCE { None } else { self.compare(wall, after) }
    }

    fn compare(&mut self, wall: Timestamp, since_boot: Duration) -> Option<ClockStep> {
        let nanos = |span: Duration| i64::try_from(span.as_nanos()).unwrap_or(i64::MAX);
        let ahead = wall.as_nanos().saturating_sub(nanos(since_boot));
        let Some((known, looked)) = &mut self.known else {
            self.known = Some((ahead, since_boot));
            return None;
        };
        let moved = ahead.saturating_sub(*known);
        if moved.unsigned_abs() >= LEAST.as_nanos() as u64 {
            (*known, *looked) = (ahead, since_boot);
            return Some(ClockStep::from_nanos(moved));
        }
        let slewed = nanos(since_boot.saturating_sub(*looked)) / SLEWED;
        *known += moved.clamp(-slewed, slewed);
        *looked = since_boot;
        None
    }
}

fn since_boot() -> Duration {
    let time = rustix::time::clock_gettime(sys::SINCE_BOOT);
    Duration::new(time.tv_sec.try_into().unwrap_or(0), time.tv_nsec.try_into().unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is said when the wall clock shows these milliseconds, at those since boot.
    fn told(looks: &[(i64, u64)]) -> Vec<i64> {
        let mut watch = Watch::new();
        let steps = looks.iter().filter_map(|(wall, boot)| {
            watch.compare(Timestamp::from_nanos(wall * 1_000_000), Duration::from_millis(*boot))
        });
        steps.map(|step| step.as_nanos() / 1_000_000).collect()
    }

    #[test]
    fn a_clock_that_is_set_shows_against_one_that_is_not() {
        assert_eq!(
            told(&[(90_000_000, 1000), (90_001_000, 2000), (90_100_000, 101_000)]),
            Vec::<i64>::new(),
            "asleep"
        );
        assert_eq!(told(&[(90_000_000, 1000), (86_401_000, 2000), (86_402_000, 3000)]), [-3_600_000]);
        assert_eq!(
            told(&[(90_000_000, 1000), (93_601_000, 2000), (90_002_000, 3000)]),
            [3_600_000, -3_600_000]
        );
        assert_eq!(told(&[(90_000_000, 1000), (89_996_500, 2000)]), Vec::<i64>::new(), "4.5 seconds");
    }

    #[test]
    fn small_steps_add_up_and_slewing_does_not() {
        let second = |n: i64, each: i64| (90_000_000 + n * (1000 + each), 1000 + n as u64 * 1000);
        let back: Vec<_> = (0..10).map(|n| second(n, -900)).collect();
        assert_eq!(told(&back).len(), 1, "0.9 s a second");
        let slewed: Vec<_> = (0..100_000).map(|n| second(n, 1)).collect();
        assert_eq!(told(&slewed), Vec::<i64>::new());
        let faster: Vec<_> = (0..100_000).map(|n| second(n, 2)).collect();
        assert!((15..25).contains(&told(&faster).len()), "one in a thousand is not seen, as much again is");
    }

    #[test]
    fn this_machine_can_be_asked() {
        let mut watch = Watch::new();
        assert!((0..1000).all(|_| watch.look().is_none()));
        assert!(watch.known.is_some(), "the two were asked at once");
    }
}
