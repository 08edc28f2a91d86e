//! How often the engine hears what time it is.

use std::time::{Duration, Instant};

use tokio::time::sleep_until;

/// The time between two beats, while something happens.
pub(super) const TICK: Duration = Duration::from_millis(250);
/// The longest time between two beats, while nothing does: what only time decides then is told in seconds, and a
/// processor that sleeps is not woken for it.
pub(super) const REST: Duration = Duration::from_secs(1);

/// Beats fast while something happens, slower and slower while nothing does.
pub(super) struct Beat {
    due: Instant,
    wait: Duration,
    heard: u64,
}

impl Beat {
    /// The first beat is due at once.
    pub(super) fn new(now: Instant) -> Self {
        Self { due: now, wait: TICK, heard: 0 }
    }

    /// Returns when the next one is due. May be dropped and asked again.
    pub(super) async fn due(&self) {
        sleep_until(self.due.into()).await;
    }

    /// Call at each beat. `heard`: what came in so far, as a number that grows.
    pub(super) fn beaten(&mut self, heard: u64, now: Instant) {
        self.wait = if heard == self.heard { (self.wait * 2).min(REST) } else { TICK };
        self.heard = heard;
        self.due = now + self.wait;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slower_while_nothing_happens_and_fast_again_when_something_does() {
        let start = Instant::now();
        let mut beat = Beat::new(start);
        assert_eq!(beat.due, start);
        let mut wait = |heard| {
            beat.beaten(heard, start);
            beat.due.duration_since(start).as_millis()
        };
        assert_eq!([7, 9, 9, 9, 9, 9, 10, 10].map(&mut wait), [250, 250, 500, 1000, 1000, 1000, 250, 500]);
    }
}
