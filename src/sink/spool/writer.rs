//! The one who writes: raises records, remembers which receiver has what, tells of what the disk did not take. What is
//! deleted to keep the folder small, `compact` decides.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use crate::model::{Span, Timestamp};
use crate::sink::format::Level;

use super::cursors::{self, Cursors};
use super::entry::{Draft, Entry};
use super::index::{Index, Place, Slot};
use super::pressure::{Why, give_up};
use super::segment::Segment;
use super::shared::Shared;
use super::{Loss, LossKind, MEMORY, Options, SEGMENT, folder, frame};

/// Between two tries to write what the disk did not take.
const RETRY: Span = Span::from_secs(1);
/// Between two times that the cursors are saved: what a kill in between costs is sent again.
const SAVE: Span = Span::from_secs(1);
/// Between two reports that the disk still fails.
const REMIND: Span = Span::from_secs(300);
/// A record past its age limit is still offered to the outputs for so long after the program starts, the Mac wakes or the clock
/// is set. A Mac that was closed for two weeks has what it did not send before in its spool, and
/// its network comes back after its daemons.
const CHANCE: Span = Span::from_secs(3600);
/// [`Writer::tend`] is called several times a second. Whoever was not called for longer slept, or the clock was set.
const SLEPT: Span = Span::from_secs(60);

/// A segment and its length in bytes.
pub(super) struct Held {
    pub(super) segment: Arc<Segment>,
    pub(super) size: u64,
}

/// The disk did not take what was written.
struct Failing {
    since: Timestamp,
    tried: Timestamp,
    told: Option<Timestamp>,
    error: String,
}

/// The writing side of the spool.
pub struct Writer {
    pub(super) shared: Arc<Shared>,
    pub(super) options: Options,
    pub(super) held: Vec<Held>,
    /// Files that could not be removed. Tried again until they are gone: at the next start what they hold would go out once
    /// more, and what was told as given up would come after all, behind records that came after it.
    pub(super) stubborn: Vec<PathBuf>,
    /// The last of `held` may be appended to.
    pub(super) open: bool,
    next: u64,
    failing: Option<Failing>,
    saved: (Timestamp, Cursors),
    /// Since when the outputs could take records without a break, and when that was last so.
    running: Option<(Timestamp, Timestamp)>,
}

/// What was found at the start.
pub struct Opened {
    pub writer: Writer,
    pub shared: Arc<Shared>,
    /// Sentences for the log.
    pub remarks: Vec<String>,
}

impl Writer {
    /// Opens or makes the folder and reads what is in it. Outputs that the spool has not known start with the oldest
    /// record that it holds.
    pub fn open(options: Options, outputs: &[&str]) -> io::Result<Opened> {
        folder::prepare(&options.path)?;
        let known = cursors::load(&options.path);
        let (held, slots, mut remarks) = recover(Segment::list(&options.path)?);
        let strangers = known.keys().filter(|name| !outputs.contains(&name.as_str()));
        remarks.extend(strangers.map(|name| {
            format!("the output `{name}` is no longer configured: what it had not got yet is not kept for it")
        }));
        let passed = known.values().copied().max().unwrap_or_default();
        let next = slots.last_key_value().map_or(1, |(seq, _)| seq + 1).max(passed);
        let cursors = outputs.iter().map(|name| {
            let name = (*name).to_owned();
            let cursor = known.get(&name).copied().unwrap_or_default();
            (name, cursor)
        });
        let index = Index { slots: slots.into_values().collect(), cursors: cursors.collect() };
        let shared = Arc::new(Shared::new(index));
        let writer = Self {
            shared: Arc::clone(&shared),
            options,
            held,
            stubborn: Vec::new(),
            open: false,
            next,
            failing: None,
            saved: (Timestamp::MIN, known),
            running: None,
        };
        Ok(Opened { writer, shared, remarks })
    }

    /// Other limits and other outputs, from now on. The folder stays what it is. An output that is new starts with the
    /// oldest record there is; one that is gone keeps its place until it says that it leaves ([`Shared::forget`]).
    pub fn adopt(&mut self, options: &Options, outputs: &[&str]) {
        (self.options.max_bytes, self.options.max_age) = (options.max_bytes, options.max_age);
        let mut index = self.shared.index();
        for name in outputs {
            let saved = self.saved.1.get(*name).copied().unwrap_or_default();
            index.cursors.entry((*name).to_owned()).or_insert(saved);
        }
    }

    /// The number that the next record will have.
    pub fn next(&self) -> u64 {
        self.next
    }

    /// Puts records into the spool, all with one `fsync`. When this returns they are raised: on disk, or, if the disk
    /// does not take them, in memory, which [`Writer::tend`] tells.
    pub fn raise(&mut self, drafts: Vec<Draft>, now: Timestamp) {
        let (mut bytes, mut slots) = (Vec::new(), Vec::with_capacity(drafts.len()));
        for draft in drafts {
            let entry = Entry { seq: self.next, raised: now, head: draft.head, forms: draft.forms };
            let start = bytes.len();
            if frame::encode(&entry, &mut bytes) {
                let length = (bytes.len() - start) as u32;
                let (seq, level) = (entry.seq, entry.head.level);
                let place = Place::Memory(Arc::new(entry));
                slots.push(Slot { seq, level, raised: now, length, place });
                self.next += 1;
            } else {
                self.shared.dropped().add(Why::TooLong, entry.head.level, now);
            }
        }
        let Some(last) = slots.last().map(|slot| slot.seq) else { return };
        if self.failing.is_none() {
            self.settle(&bytes, &mut slots, now);
        }
        let mut index = self.shared.index();
        index.slots.extend(slots);
        let waiting = if self.failing.is_some() { index.bytes(true) } else { 0 };
        let over = waiting.saturating_sub(MEMORY as u64);
        if over > 0 {
            let mut dropped = self.shared.dropped();
            give_up(&mut index, over, Slot::in_memory, |slot| {
                dropped.add(Why::Memory, slot.level, slot.raised)
            });
        }
        drop(index);
        self.shared.tell(last);
    }

    /// Writes frames and says in the slots where they are; or remembers why that failed.
    fn settle(&mut self, bytes: &[u8], slots: &mut [Slot], now: Timestamp) {
        match self.append(bytes, slots.first().map_or(self.next, |slot| slot.seq)) {
            Ok((segment, mut at)) => {
                for slot in slots {
                    slot.place = Place::Disk { segment: Arc::clone(&segment), at };
                    at += u64::from(slot.length);
                }
                self.failing = None;
            }
            Err(error) => {
                let error = format!("{}: {error}", self.options.path.display());
                tracing::error!("the spool cannot be written, records stay in memory: {error}");
                let (since, told) =
                    self.failing.take().map_or((now, None), |failing| (failing.since, failing.told));
                self.failing = Some(Failing { since, tried: now, told, error });
            }
        }
    }

    fn append(&mut self, bytes: &[u8], first: u64) -> io::Result<(Arc<Segment>, u64)> {
        let limit = SEGMENT.min(self.options.max_bytes / 8);
        if !self.open || self.held.last().is_none_or(|held| held.size >= limit) {
            let segment = Segment::create(&self.options.path, first)?;
            self.held.push(Held { segment, size: 0 });
            self.open = true;
        }
        let Some(held) = self.held.last_mut() else { return Err(io::ErrorKind::NotFound.into()) };
        let at = held.size;
        // After a failed sync nobody knows what is on disk: such a segment is not written to again.
        if let Err(error) = held.segment.write(bytes, at) {
            self.open = false;
            held.size += bytes.len() as u64;
            return Err(error);
        }
        held.size += bytes.len() as u64;
        Ok((Arc::clone(&held.segment), at))
    }

    /// Everything that can wait; call it several times a second. Returns what must be told.
    pub fn tend(&mut self, now: Timestamp) -> Vec<Loss> {
        self.shared.index().forget_passed();
        self.retry(now);
        self.age(now);
        self.remove_empty();
        self.keep_to_limit();
        self.save(now, SAVE);
        let mut losses = self.shared.dropped().due(now);
        losses.extend(self.failure(now));
        losses
    }

    /// Every record is delivered, and all that was given up is told.
    pub fn rests(&self) -> bool {
        self.failing.is_none() && self.shared.index().slots.is_empty() && self.shared.dropped().is_empty()
    }

    /// Shortly before the end: what was given up and not told yet, however lately something like it was told.
    pub fn untold(&self) -> Vec<Loss> {
        self.shared.dropped().rest()
    }

    /// At the end: the cursors as they are now.
    pub fn close(&mut self, now: Timestamp) {
        self.shared.index().forget_passed();
        self.retry(now.plus(RETRY));
        self.remove_empty();
        self.save(now, Span::ZERO);
    }

    /// Writes what is in memory, if it is time to try.
    fn retry(&mut self, now: Timestamp) {
        let waits = |failing: &Failing| failing.tried <= now && now.since(failing.tried) < RETRY;
        if self.failing.as_ref().is_none_or(waits) {
            return;
        }
        let mut slots: Vec<Slot> =
            self.shared.index().slots.iter().filter(|slot| slot.in_memory()).cloned().collect();
        let mut bytes = Vec::new();
        for slot in &slots {
            if let Place::Memory(entry) = &slot.place {
                frame::encode(&**entry, &mut bytes);
            }
        }
        self.settle(&bytes, &mut slots, now);
        if self.failing.is_some() {
            return;
        }
        tracing::info!("the spool can be written again");
        let mut places: BTreeMap<u64, Place> = slots.into_iter().map(|slot| (slot.seq, slot.place)).collect();
        for slot in &mut self.shared.index().slots {
            if let Some(place) = places.remove(&slot.seq) {
                slot.place = place;
            }
        }
    }

    fn age(&mut self, now: Timestamp) {
        let goes_on = |last: Timestamp| last.since(now) <= RETRY && now.since(last) <= SLEPT;
        let since = self.running.filter(|(_, last)| goes_on(*last)).map_or(now, |(since, _)| since);
        self.running = Some((since, now));
        if now.since(since) < CHANCE.min(self.options.max_age) {
            return;
        }
        let oldest = now.minus(self.options.max_age);
        let mut index = self.shared.index();
        while let Some(slot) = index.slots.front().filter(|slot| slot.raised < oldest) {
            self.shared.dropped().add(Why::Age, slot.level, slot.raised);
            index.slots.pop_front();
        }
    }

    fn save(&mut self, now: Timestamp, after: Span) {
        let (last, saved) = &self.saved;
        let cursors = self.shared.index().cursors.clone();
        if cursors == *saved || (*last <= now && now.since(*last) < after) {
            return;
        }
        match cursors::save(&self.options.path, &cursors) {
            Ok(()) => self.saved = (now, cursors),
            Err(error) => {
                tracing::warn!("the spool's cursors cannot be saved: {error}");
                self.saved.0 = now;
            }
        }
    }

    fn failure(&mut self, now: Timestamp) -> Option<Loss> {
        let count = self.shared.index().slots.iter().filter(|slot| slot.in_memory()).count() as u64;
        let failing = self.failing.as_mut()?;
        if failing.told.is_some_and(|told| told <= now && now.since(told) < REMIND) {
            return None;
        }
        failing.told = Some(now);
        let text = format!(
            "records are in memory only, a sudden end would lose them: the spool cannot be written: {}",
            failing.error
        );
        Some(Loss { kind: LossKind::Failing, start: failing.since, end: now, count, text })
    }
}

/// Reads all segments. Of frames with one number the first counts.
fn recover(paths: Vec<PathBuf>) -> (Vec<Held>, BTreeMap<u64, Slot>, Vec<String>) {
    let (mut held, mut slots, mut remarks) = (Vec::new(), BTreeMap::new(), Vec::new());
    for path in paths {
        let name = path.display().to_string();
        let read = Segment::open(path).and_then(|segment| Ok((segment.whole()?, segment)));
        let (bytes, segment) = match read {
            Ok(read) => read,
            Err(error) => {
                remarks.push(format!("{name} cannot be read and is left alone: {error}"));
                continue;
            }
        };
        let damaged = frame::scan(&bytes, |at, length, entry| {
            let Entry { seq, raised, head, .. } = entry;
            let place = Place::Disk { segment: Arc::clone(&segment), at };
            let level: Level = head.level;
            slots.entry(seq).or_insert(Slot { seq, level, raised, length, place });
        });
        if damaged > 0 {
            remarks.push(format!("{name}: {damaged} bytes that were not wholly written are skipped"));
        }
        held.push(Held { segment, size: bytes.len() as u64 });
    }
    (held, slots, remarks)
}
