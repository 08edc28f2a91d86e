//! Whether the configuration's file is another one than it was: looked at now and then, which needs nothing of the
//! system and works for files that are replaced, on every volume.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::time::Duration;

use tokio::time::{Interval, MissedTickBehavior, interval};

const EVERY: Duration = Duration::from_secs(2);

/// Which file it is, how long, and when it was written: seconds and nanoseconds.
type Stamp = Option<(u64, u64, i64, i64)>;

/// Looks at one file.
pub(super) struct Watching {
    file: Option<PathBuf>,
    look: Interval,
    change: Change,
}

/// What is known of the file's stamps.
#[derive(Default)]
struct Change {
    taken: Stamp,
    seen: Stamp,
}

impl Change {
    /// True once for each change, when the file has stayed as it is from one look to the next: writers write in parts.
    fn settled(&mut self, stamp: Stamp) -> bool {
        let still = stamp == self.seen;
        self.seen = stamp;
        let new = still && stamp.is_some() && stamp != self.taken;
        if new {
            self.taken = stamp;
        }
        new
    }
}

impl Watching {
    pub(super) fn new(file: Option<PathBuf>) -> Self {
        let mut look = interval(EVERY);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut watching = Self { file, look, change: Change::default() };
        watching.taken();
        watching
    }

    /// The file as it is now has been read.
    pub(super) fn taken(&mut self) {
        let stamp = self.stamp();
        self.change = Change { taken: stamp, seen: stamp };
    }

    /// Returns when the file has changed. May be dropped and asked again.
    pub(super) async fn changed(&mut self) {
        loop {
            self.look.tick().await;
            let stamp = self.stamp();
            if self.change.settled(stamp) {
                return;
            }
        }
    }

    fn stamp(&self) -> Stamp {
        let metadata = fs::metadata(self.file.as_ref()?).ok()?;
        Some((metadata.ino(), metadata.len(), metadata.mtime(), metadata.mtime_nsec()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_told_once_and_when_it_is_whole() {
        let (a, b, c) = (Some((1, 10, 5, 0)), Some((1, 20, 6, 0)), Some((2, 20, 6, 0)));
        let mut change = Change { taken: a, seen: a };
        let looks = [(a, false), (b, false), (c, false), (c, true), (c, false), (None, false), (None, false)];
        for (look, (stamp, told)) in looks.into_iter().enumerate() {
            assert_eq!(change.settled(stamp), told, "{look}");
        }
        assert!(!change.settled(c) && !change.settled(c), "the same file, back again");
        assert!(!change.settled(a) && change.settled(a));
    }
}
