//! The processes that are alive now, for everyone who needs to know at once.
//!
//! The engine keeps its own table, in event time. This one is for the present: the thread that hears a process start
//! writes it, and whoever must say *now* whose pid a packet carries, or how many processes there are, reads it while all
//! goes on. Sharded, so that no reader holds up the sensor.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use dashmap::DashMap;
use dashmap::mapref::entry::Entry;

use crate::model::{Observed, Pid, ProcessKey, Timestamp, What};

/// The image that has a pid, and since when.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Life {
    key: ProcessKey,
    since: Timestamp,
    ended: Option<Timestamp>,
}

/// pid → the image it names. Holds at most [`Processes::LIMIT`] pids, each in about 64 bytes.
#[derive(Debug)]
pub struct Processes {
    lives: DashMap<Pid, Life, foldhash::quality::RandomState>,
    count: AtomicUsize,
    refused: AtomicU64,
}

impl Default for Processes {
    fn default() -> Self {
        Self { lives: DashMap::default(), count: AtomicUsize::new(0), refused: AtomicU64::new(0) }
    }
}

impl Processes {
    /// Above what macOS lets run at once (`kern.maxproc` is some ten thousand at most), so only pids that ended and were
    /// not yet forgotten can fill it: 4 MiB.
    pub const LIMIT: usize = 65_536;

    /// Notes that `key` was running at `time`. True if this image is new to the table: whoever tells of it should
    /// introduce it. An image older than the one known (told late) is new each time and changes nothing.
    pub fn seen(&self, key: ProcessKey, time: Timestamp) -> bool {
        let life = Life { key, since: time, ended: None };
        match self.lives.entry(key.pid) {
            Entry::Occupied(entry) if entry.get().key == key => false,
            Entry::Occupied(mut entry) => {
                if entry.get().key.version < key.version {
                    entry.insert(life);
                }
                true
            }
            Entry::Vacant(entry) => {
                if self.count.load(Ordering::Relaxed) < Self::LIMIT {
                    self.count.fetch_add(1, Ordering::Relaxed);
                    entry.insert(life);
                } else {
                    self.refused.fetch_add(1, Ordering::Relaxed);
                }
                true
            }
        }
    }

    /// Notes that `key` ended. It stays known until [`Processes::forget`]: its last packets may come later.
    pub fn ended(&self, key: ProcessKey, time: Timestamp) {
        if let Some(mut life) = self.lives.get_mut(&key.pid)
            && life.key == key
        {
            life.ended = Some(time);
        }
    }

    /// Notes whoever an event shows to begin or to end.
    pub fn follow(&self, observed: &Observed) {
        match &observed.what {
            What::Exec { target: begun, .. } | What::Fork { child: begun } => {
                self.seen(begun.key, observed.time);
            }
            What::Exit => self.ended(observed.actor, observed.time),
            _ => {
                self.seen(observed.actor, observed.time);
            }
        }
    }

    /// Takes [`Processes::seen`] back: the introduction did not arrive, and the next event must bring it again.
    pub fn unseen(&self, key: ProcessKey) {
        if self.lives.remove_if(&key.pid, |_, life| life.key == key).is_some() {
            self.count.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// The image that had `pid` at `time`, as far as the present table knows: none if that pid is unknown, came to its
    /// present image only later, or had ended before.
    pub fn owner(&self, pid: Pid, time: Timestamp) -> Option<ProcessKey> {
        let life = self.lives.get(&pid)?;
        let alive = life.since <= time && life.ended.is_none_or(|ended| time <= ended);
        alive.then_some(life.key)
    }

    /// Forgets what ended before `time`.
    pub fn forget(&self, time: Timestamp) {
        let mut gone = 0;
        self.lives.retain(|_, life| {
            let keep = life.ended.is_none_or(|ended| ended >= time);
            gone += usize::from(!keep);
            keep
        });
        self.count.fetch_sub(gone, Ordering::Relaxed);
    }

    pub fn len(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How often a process found no room.
    pub fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(pid: i32, version: u32) -> ProcessKey {
        ProcessKey { pid: Pid(pid), version }
    }

    fn at(nanos: i64) -> Timestamp {
        Timestamp::from_nanos(nanos)
    }

    #[test]
    fn an_image_is_new_once_and_again_after_exec() {
        let table = Processes::default();
        assert!(table.seen(key(7, 1), at(10)));
        assert!(!table.seen(key(7, 1), at(11)));
        assert!(table.seen(key(7, 2), at(12)));
        assert!(!table.seen(key(7, 2), at(13)));
        assert_eq!((table.owner(Pid(7), at(12)), table.len()), (Some(key(7, 2)), 1));
    }

    #[test]
    fn a_late_word_of_an_older_image_does_not_take_the_pid_back() {
        let table = Processes::default();
        table.seen(key(7, 2), at(10));
        assert!(table.seen(key(7, 1), at(11)));
        table.ended(key(7, 1), at(12));
        assert_eq!(table.owner(Pid(7), at(13)), Some(key(7, 2)));
    }

    #[test]
    fn a_pid_belongs_to_nobody_before_its_image_and_after_its_end() {
        let table = Processes::default();
        table.seen(key(7, 1), at(10));
        table.ended(key(7, 1), at(20));
        assert_eq!(table.owner(Pid(7), at(9)), None);
        assert_eq!(table.owner(Pid(7), at(20)), Some(key(7, 1)));
        assert_eq!(table.owner(Pid(7), at(21)), None);
        assert_eq!(table.owner(Pid(8), at(15)), None);
    }

    #[test]
    fn an_introduction_can_be_taken_back() {
        let table = Processes::default();
        table.seen(key(7, 2), at(10));
        table.unseen(key(7, 1));
        assert!(!table.seen(key(7, 2), at(11)));
        table.unseen(key(7, 2));
        assert!(table.is_empty() && table.seen(key(7, 2), at(12)));
    }

    #[test]
    fn the_ended_are_forgotten_and_leave_room() {
        let table = Processes::default();
        for pid in 0..=Processes::LIMIT as i32 {
            assert!(table.seen(key(pid, 1), at(1)));
        }
        assert_eq!((table.len(), table.refused()), (Processes::LIMIT, 1));
        table.ended(key(3, 1), at(5));
        table.forget(at(5));
        assert_eq!(table.len(), Processes::LIMIT);
        table.forget(at(6));
        assert_eq!(table.len(), Processes::LIMIT - 1);
        assert!(table.seen(key(-1, 1), at(7)) && !table.is_empty());
    }
}
