//! What the writer and the outputs both see.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use crate::model::Timestamp;

use super::entry::Entry;
use super::index::{Index, Place, Slot};
use super::pressure::{Dropped, Why};

/// The readers' side of the spool. Locks are held for look-ups only, never while the disk works.
#[derive(Debug)]
pub struct Shared {
    index: Mutex<Index>,
    dropped: Mutex<Dropped>,
    raised: watch::Sender<u64>,
}

/// Some records in their order, and the number to ask from next.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Taken {
    pub entries: Vec<Arc<Entry>>,
    pub next: u64,
}

/// What an output does not have yet.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Backlog {
    pub records: u64,
    pub bytes: u64,
    /// When the oldest of them was raised.
    pub oldest: Option<Timestamp>,
}

impl Shared {
    pub(super) fn new(index: Index) -> Self {
        let last = index.slots.back().map_or(0, |slot| slot.seq);
        Self { index: Mutex::new(index), dropped: Mutex::default(), raised: watch::Sender::new(last) }
    }

    pub(super) fn index(&self) -> MutexGuard<'_, Index> {
        self.index.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn dropped(&self) -> MutexGuard<'_, Dropped> {
        self.dropped.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn tell(&self, last: u64) {
        self.raised.send_replace(last);
    }

    /// Changes with every record raised.
    pub fn raised(&self) -> watch::Receiver<u64> {
        self.raised.subscribe()
    }

    /// Where an output goes on.
    pub fn cursor(&self, output: &str) -> u64 {
        self.index().cursors.get(output).copied().unwrap_or_default()
    }

    /// The output has everything before `next`.
    pub fn ack(&self, output: &str, next: u64) {
        if let Some(cursor) = self.index().cursors.get_mut(output) {
            *cursor = next.max(*cursor);
        }
    }

    /// Up to `count` records from a number on, at least one but else no more than `bytes`. Records that cannot be read
    /// back are given up.
    pub fn take(&self, from: u64, count: usize, bytes: u64) -> Taken {
        let slots: Vec<Slot> = {
            let index = self.index();
            let mut sum = 0;
            let fits = |slot: &&Slot| {
                let first = sum == 0;
                sum += u64::from(slot.length);
                first || sum <= bytes
            };
            index.from(from).take(count).take_while(fits).cloned().collect()
        };
        let mut taken = Taken { entries: Vec::with_capacity(slots.len()), next: from };
        for slot in slots {
            taken.next = slot.seq + 1;
            let entry = match &slot.place {
                Place::Memory(entry) => Ok(Arc::clone(entry)),
                Place::Disk { segment, at } => segment.read(*at, slot.length).map(Arc::new),
            };
            match entry {
                Ok(entry) => taken.entries.push(entry),
                Err(error) => {
                    let mut dropped = self.dropped();
                    dropped.add(Why::Damaged, slot.level, slot.raised);
                    dropped.remark(Why::Damaged, error.to_string());
                }
            }
        }
        taken
    }

    /// An output's receiver will never take this record; it is counted as lost.
    pub fn refuse(&self, output: &str, entry: &Entry, reason: &str) {
        let mut dropped = self.dropped();
        dropped.add(Why::Refused, entry.head.level, entry.raised);
        dropped.remark(Why::Refused, format!("{output}: {reason}"));
    }

    /// The output is gone, and this record had not reached its receiver.
    pub fn leave_behind(&self, output: &str, entry: &Entry) {
        let mut dropped = self.dropped();
        dropped.add(Why::Removed, entry.head.level, entry.raised);
        dropped.remark(Why::Removed, output.to_owned());
    }

    /// Nothing is kept for this output any more.
    pub fn forget(&self, output: &str) {
        let mut index = self.index();
        index.cursors.remove(output);
        if index.cursors.is_empty() {
            index.slots.clear();
        }
    }

    /// Counts what an output still has to get; for people who look, not for every record.
    pub fn backlog(&self, output: &str) -> Backlog {
        let index = self.index();
        let from = index.cursors.get(output).copied().unwrap_or_default();
        let mut backlog = Backlog::default();
        for slot in index.from(from) {
            backlog.records += 1;
            backlog.bytes += u64::from(slot.length);
            backlog.oldest = backlog.oldest.or(Some(slot.raised));
        }
        backlog
    }
}
