//! How the folder stays small: segments that hold nothing any more are deleted, and where all of them together are larger
//! than they may be, records are given up and what lives of a segment is written into a new one (compaction).

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use super::index::{Place, Slot};
use super::pressure::{Why, give_up};
use super::segment::Segment;
use super::writer::{Held, Writer};

/// Files that the disk keeps although they should be gone, remembered at most.
const MAX_STUBBORN: usize = 1024;

impl Writer {
    /// Deletes segments that hold nothing any more: neither a slot nor a reader has them.
    pub(super) fn remove_empty(&mut self) {
        let (count, open) = (self.held.len(), self.open);
        let mut position = 0;
        let mut empty = Vec::new();
        self.held.retain(|held| {
            position += 1;
            let current = open && position == count;
            let keep = current || Arc::strong_count(&held.segment) > 1;
            if !keep {
                empty.push(Arc::clone(&held.segment));
            }
            keep
        });
        empty.iter().for_each(|segment| self.remove(segment));
        let held = &self.held;
        self.stubborn.retain(|path| {
            // The name may be another's by now, should the disk have removed the file after all.
            let taken = held.iter().any(|held| held.segment.path() == path);
            !taken && is_there(&std::fs::remove_file(path))
        });
    }

    fn remove(&mut self, segment: &Segment) {
        let removed = segment.remove();
        if let (Err(error), true) = (&removed, is_there(&removed)) {
            let path = segment.path();
            tracing::warn!("{} cannot be removed, which will be tried again: {error}", path.display());
            if self.stubborn.len() < MAX_STUBBORN {
                self.stubborn.push(path.to_owned());
            }
        }
    }

    /// Gives up the records worth least until the spool is no larger than it may be, and writes what is left of a segment anew.
    pub(super) fn keep_to_limit(&mut self) {
        let limit = self.options.max_bytes;
        let on_disk = |held: &[Held]| held.iter().map(|held| held.size).sum::<u64>();
        if on_disk(&self.held) <= limit {
            return;
        }
        {
            let mut index = self.shared.index();
            let over = index.bytes(false).saturating_sub(limit - limit / 8);
            let mut dropped = self.shared.dropped();
            give_up(
                &mut index,
                over,
                |slot| !slot.in_memory(),
                |slot| dropped.add(Why::Bytes, slot.level, slot.raised),
            );
        }
        self.open = false;
        self.remove_empty();
        let mut position = 0;
        // All of them: what was counted as given up must not come back at the next start.
        while position < self.held.len() {
            if let Err(error) = self.rewrite(position) {
                return tracing::warn!("the spool is larger than it may be: {error}");
            }
            position += 1;
        }
        self.remove_empty();
    }

    /// Writes the live records of a segment into a new one.
    fn rewrite(&mut self, position: usize) -> io::Result<()> {
        let old = Arc::clone(&self.held[position].segment);
        let here =
            |slot: &&Slot| matches!(&slot.place, Place::Disk { segment, .. } if Arc::ptr_eq(segment, &old));
        let live: Vec<Slot> = self.shared.index().slots.iter().filter(here).cloned().collect();
        let size: u64 = live.iter().map(|slot| u64::from(slot.length)).sum();
        let Some(first) = live.first().filter(|_| size < self.held[position].size) else { return Ok(()) };
        let new = Segment::create(&self.options.path, first.seq)?;
        let (mut bytes, mut places) = (Vec::with_capacity(size as usize), BTreeMap::new());
        for slot in &live {
            let Place::Disk { segment, at } = &slot.place else { continue };
            places.insert(slot.seq, Place::Disk { segment: Arc::clone(&new), at: bytes.len() as u64 });
            bytes.extend_from_slice(&segment.raw(*at, slot.length)?);
        }
        new.write(&bytes, 0)?;
        for slot in &mut self.shared.index().slots {
            if let Some(place) = places.remove(&slot.seq) {
                slot.place = place;
            }
        }
        self.held[position] = Held { segment: new, size };
        self.remove(&old);
        Ok(())
    }
}

/// Is a file still there that was to be removed?
fn is_there(removed: &io::Result<()>) -> bool {
    removed.as_ref().is_err_and(|error| error.kind() != io::ErrorKind::NotFound)
}
