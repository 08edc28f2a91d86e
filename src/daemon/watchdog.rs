//! Whether the engine still moves. Its inputs include a tick every second at least, so it always should.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Longer than any input should take, and than an output may hold the engine up.
const PATIENCE: Duration = Duration::from_secs(15);

/// How many inputs the engine has been through; it counts, the watchdog looks.
pub(super) type Progress = Arc<AtomicU64>;

/// Looks at the engine's progress.
pub(super) struct Watchdog {
    progress: Progress,
    last: u64,
    since: Instant,
    barked: bool,
}

impl Watchdog {
    pub(super) fn new(progress: Progress, now: Instant) -> Self {
        Self { progress, last: 0, since: now, barked: false }
    }

    /// Call every second or more often. How long the engine has stood still, once for each time it does so too long.
    pub(super) fn look(&mut self, now: Instant) -> Option<Duration> {
        let progress = self.progress.load(Ordering::Relaxed);
        if progress != self.last {
            (self.last, self.since, self.barked) = (progress, now, false);
            return None;
        }
        let still = now.saturating_duration_since(self.since);
        if still < PATIENCE || self.barked {
            return None;
        }
        self.barked = true;
        Some(still)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn barks_once_for_each_standstill() {
        let (progress, start) = (Progress::default(), Instant::now());
        let mut dog = Watchdog::new(Arc::clone(&progress), start);
        let after = |seconds| start + Duration::from_secs(seconds);
        assert_eq!(dog.look(after(14)), None);
        assert_eq!(dog.look(after(16)), Some(Duration::from_secs(16)));
        assert_eq!(dog.look(after(60)), None);
        progress.fetch_add(1, Ordering::Relaxed);
        assert_eq!(dog.look(after(61)), None);
        assert_eq!(dog.look(after(90)), Some(Duration::from_secs(29)));
    }
}
