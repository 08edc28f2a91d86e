//! Packet time that goes on when the wall clock is set back.
//!
//! The tap's timers run on the time of packets, which never goes backwards to them. A source that is read as it happens has
//! its packets in order, so where their time falls by much, the clock was set. Facts carry what the clock shows.

use crate::model::{Coverage, NetFact, Span, Timestamp};

/// No disorder of the packets of one source reaches so far back.
const LEAST: Span = Span::from_secs(5);

/// The packets' clock.
#[derive(Debug)]
pub(super) struct GoingOn {
    newest: Timestamp,
    /// How far the time that goes on is ahead of what the clock shows.
    ahead: Span,
}

impl GoingOn {
    pub(super) fn new() -> Self {
        Self { newest: Timestamp::MIN, ahead: Span::ZERO }
    }

    /// The time that goes on of what was stamped so.
    #[inline]
    pub(super) fn of(&mut self, stamped: Timestamp) -> Timestamp {
        let time = stamped.plus(self.ahead);
        if time >= self.newest {
            self.newest = time;
            return time;
        }
        let fall = self.newest.since(time);
        if fall < LEAST {
            return time;
        }
        self.ahead = Span::from_nanos(self.ahead.as_nanos().saturating_add(fall.as_nanos()));
        self.newest
    }

    /// The latest of it; before everything if there was none.
    pub(super) fn newest(&self) -> Timestamp {
        self.newest
    }

    /// What the clock shows then.
    pub(super) fn shown(&self, time: Timestamp) -> Timestamp {
        time.minus(self.ahead)
    }

    pub(super) fn show(&self, fact: &mut NetFact) {
        fact.time = self.shown(fact.time);
    }

    pub(super) fn show_coverage(&self, mut coverage: Coverage) -> Coverage {
        (coverage.start, coverage.end) = (self.shown(coverage.start), self.shown(coverage.end));
        coverage
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_goes_on_where_the_clock_falls() {
        let at = |seconds: i64| Timestamp::from_nanos(seconds * 1_000_000_000);
        let mut clock = GoingOn::new();
        let mut of = |seconds| {
            let time = clock.of(at(seconds));
            (time.as_nanos() / 1_000_000_000, clock.shown(time).as_nanos() / 1_000_000_000)
        };
        assert_eq!([of(10_000), of(9_996), of(10_001)], [(10_000, 10_000), (9_996, 9_996), (10_001, 10_001)]);
        assert_eq!([of(6_402), of(6_401), of(6_403)], [(10_001, 6_402), (10_000, 6_401), (10_002, 6_403)]);
        assert_eq!([of(6_000), of(10_000)], [(10_002, 6_000), (14_002, 10_000)], "again, and forward");
        assert_eq!(clock.newest(), at(14_002));
    }
}
