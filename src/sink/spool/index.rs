//! What the spool holds and where, in memory: some fifty bytes a record.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::model::Timestamp;
use crate::sink::format::Level;

use super::cursors::Cursors;
use super::entry::Entry;
use super::segment::Segment;

#[derive(Clone, Debug)]
pub enum Place {
    Disk {
        segment: Arc<Segment>,
        at: u64,
    },
    /// The disk did not take it yet.
    Memory(Arc<Entry>),
}

#[derive(Clone, Debug)]
pub struct Slot {
    pub seq: u64,
    pub level: Level,
    pub raised: Timestamp,
    /// Of the frame on disk, or what it would be.
    pub length: u32,
    pub place: Place,
}

impl Slot {
    pub fn in_memory(&self) -> bool {
        matches!(self.place, Place::Memory(_))
    }
}

/// Slots in the order of their numbers, and who has passed them.
#[derive(Default, Debug)]
pub struct Index {
    pub slots: VecDeque<Slot>,
    /// One for each output there is now.
    pub cursors: Cursors,
}

impl Index {
    /// Those from a number on.
    pub fn from(&self, seq: u64) -> impl Iterator<Item = &Slot> {
        let start = self.slots.partition_point(|slot| slot.seq < seq);
        self.slots.range(start..)
    }

    /// Forgets what every output has.
    pub fn forget_passed(&mut self) {
        let Some(passed) = self.cursors.values().copied().min() else { return };
        while self.slots.front().is_some_and(|slot| slot.seq < passed) {
            self.slots.pop_front();
        }
    }

    /// Bytes of the slots that are in memory, or of those on disk.
    pub fn bytes(&self, in_memory: bool) -> u64 {
        let of_kind = self.slots.iter().filter(|slot| slot.in_memory() == in_memory);
        of_kind.map(|slot| u64::from(slot.length)).sum()
    }
}
