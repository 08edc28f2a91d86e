//! Patience between two tries: doubled each time, and never the same on two Macs.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

const FIRST: Duration = Duration::from_millis(250);
const LAST: Duration = Duration::from_secs(30);

#[derive(Clone, Copy, Default, Debug)]
pub struct Backoff {
    failures: u32,
}

impl Backoff {
    pub fn succeeded(&mut self) {
        self.failures = 0;
    }

    /// How long to wait after one more failure: between a half and the whole of the doubled time, so that a thousand
    /// Macs do not come back in one moment. What the receiver asked for is waited at least.
    pub fn failed(&mut self, asked: Option<Duration>) -> Duration {
        let whole = FIRST.saturating_mul(1 << self.failures.min(16)).min(LAST);
        self.failures = self.failures.saturating_add(1);
        let chance = RandomState::new().hash_one(self.failures) % 1000;
        let wait = whole / 2 + whole / 2 * chance as u32 / 1000;
        asked.map_or(wait, |asked| asked + wait)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_a_limit_and_start_anew() {
        let mut backoff = Backoff::default();
        for doubled in [250, 500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000] {
            let (whole, wait) = (Duration::from_millis(doubled), backoff.failed(None));
            assert!(wait >= whole / 2 && wait <= whole, "{wait:?} of {whole:?}");
        }
        backoff.succeeded();
        assert!(backoff.failed(None) <= FIRST);
        assert!(backoff.failed(Some(Duration::from_secs(7))) >= Duration::from_secs(7));
    }
}
