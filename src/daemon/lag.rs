//! Whether events of processes lag behind the packets.
//!
//! Both are stamped by one clock and held for as long as stragglers may take. Where a sensor is behind by more, as under a
//! flood of events, an upload would be judged before the read is heard of. So long as late events keep coming, packets wait
//! for them.

use crate::model::{Span, Timestamp};

/// A sensor that lags has something to say so often, or nothing at all.
const PAUSE: Span = Span::from_secs(1);
/// Nobody waits longer than this: a sensor may be late for good.
const LONGEST: Span = Span::from_secs(60);

#[derive(Debug)]
pub(super) struct Lag {
    hold: Span,
    /// As late it was when the time was last said.
    now: Timestamp,
    /// When the first and the last of the late events were heard.
    late: Option<(Timestamp, Timestamp)>,
}

impl Lag {
    pub(super) fn new(hold: Span) -> Self {
        Self { hold, now: Timestamp::MIN, late: None }
    }

    /// Does it come later than what is held would wait for it?
    #[inline]
    pub(super) fn is_late(&self, time: Timestamp) -> bool {
        time.plus(self.hold) < self.now
    }

    /// An event of a process was heard. One that is in time may be of another client than those that are late.
    #[inline]
    pub(super) fn heard(&mut self, time: Timestamp) {
        if self.is_late(time) {
            let lately = self.late.filter(|(_, last)| self.now.since(*last) <= PAUSE);
            let (first, _) = lately.unwrap_or((self.now, self.now));
            self.late = Some((first, self.now));
        }
    }

    /// It is so late now.
    pub(super) fn is_now(&mut self, now: Timestamp) {
        self.now = now;
    }

    /// Are events expected from before what the packets show?
    #[inline]
    pub(super) fn lasts(&self) -> bool {
        let lasts = |(first, last)| self.now.since(last) <= PAUSE && self.now.since(first) <= LONGEST;
        self.late.is_some_and(lasts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_nanos(millis * 1_000_000)
    }

    #[test]
    fn lasts_while_late_events_come() {
        let mut lag = Lag::new(Span::from_millis(500));
        let mut lasts = |now, heard| {
            lag.is_now(at(now));
            let lasts = lag.lasts();
            lag.heard(at(heard));
            lasts
        };
        assert!(!lasts(10_000, 9_600));
        assert!(!lasts(10_250, 9_700), "what came was in time");
        assert!(lasts(10_500, 9_800) && lasts(11_500, 9_900));
        assert!(!lasts(12_501, 10_000), "nothing came for a second");
        assert!(lasts(12_600, 12_200));
        assert!(lasts(12_601, 12_200), "of another client, perhaps");
        assert!(!lasts(13_502, 13_300), "they caught up");
    }

    #[test]
    fn nobody_waits_for_ever() {
        let mut lag = Lag::new(Span::from_millis(500));
        let waited = (0..200).filter(|second| {
            lag.is_now(at(second * 1000));
            let lasts = lag.lasts();
            lag.heard(at(second * 1000 - 5_000));
            lasts
        });
        assert_eq!(waited.count(), 60);
    }
}
