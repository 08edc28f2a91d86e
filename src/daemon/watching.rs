//! Whether the configuration is another one than it was: its file, and what profiles force, are looked at now and then.
//! For files that needs nothing of the system and works when they are replaced, on every volume; of profiles the system
//! tells nobody.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::time::Duration;

use tokio::time::{Interval, MissedTickBehavior, interval};

use crate::config::{Source, managed};

const EVERY: Duration = Duration::from_secs(2);
/// Looks at the file for one at what is forced, which asks another process.
const LOOKS: u32 = 5;

/// Which file it is, how long, and when it was written: seconds and nanoseconds.
type Stamp = Option<(u64, u64, i64, i64)>;

/// Looks at one file, and at what profiles force.
pub(super) struct Watching {
    file: Option<PathBuf>,
    look: Interval,
    change: Change,
    looks: u32,
    forced: Option<Source>,
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
        let mut watching = Self { file, look, change: Change::default(), looks: 0, forced: None };
        watching.taken();
        watching
    }

    /// The configuration as it is now has been read.
    pub(super) fn taken(&mut self) {
        let stamp = self.stamp();
        self.change = Change { taken: stamp, seen: stamp };
        self.forced = managed::read();
    }

    /// Returns when something has changed, and what. May be dropped and asked again.
    pub(super) async fn changed(&mut self) -> &'static str {
        loop {
            self.look.tick().await;
            let stamp = self.stamp();
            if self.change.settled(stamp) {
                return "its file changed";
            }
            self.looks = (self.looks + 1) % LOOKS;
            if self.looks == 0 && managed::read() != self.forced {
                return "managed preferences changed";
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
