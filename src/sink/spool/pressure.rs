//! Giving up when there is no room: the least severe first, among equals the oldest; and counting it.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{Span, Timestamp};
use crate::sink::format::Level;

use super::index::{Index, Slot};
use super::{Loss, LossKind};

/// Between two reports of one cause: a full disk must not fill what is left of it.
const REPORT: Span = Span::from_secs(60);

/// Why records were given up.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Why {
    Bytes,
    Age,
    Memory,
    Damaged,
    TooLong,
    Refused,
    Removed,
}

impl Why {
    const fn text(self) -> &'static str {
        match self {
            Self::Bytes => "given up because the spool is full ([spool] max_bytes)",
            Self::Age => "given up because no output took them in time ([spool] max_age)",
            Self::Memory => "given up because the disk took none and memory is full",
            Self::Damaged => "given up because they could not be read back from the spool",
            Self::TooLong => "given up because they are longer than the spool takes",
            Self::Refused => "given up because a receiver refused them for good",
            Self::Removed => "not delivered before their output was taken out of the configuration",
        }
    }
}

#[derive(Clone, Debug)]
struct Sum {
    start: Timestamp,
    end: Timestamp,
    levels: BTreeMap<Level, u64>,
    more: BTreeSet<String>,
}

/// What was given up and not yet told.
#[derive(Default, Debug)]
pub struct Dropped {
    sums: BTreeMap<Why, Sum>,
    told: BTreeMap<Why, Timestamp>,
}

impl Dropped {
    /// All is told.
    pub fn is_empty(&self) -> bool {
        self.sums.is_empty()
    }

    pub fn add(&mut self, why: Why, level: Level, raised: Timestamp) {
        let fresh = Sum { start: raised, end: raised, levels: BTreeMap::new(), more: BTreeSet::new() };
        let sum = self.sums.entry(why).or_insert(fresh);
        (sum.start, sum.end) = (sum.start.min(raised), sum.end.max(raised));
        *sum.levels.entry(level).or_default() += 1;
    }

    /// Adds what a person wants to know besides; few such words are kept.
    pub fn remark(&mut self, why: Why, text: String) {
        if let Some(sum) = self.sums.get_mut(&why).filter(|sum| sum.more.len() < 4) {
            sum.more.insert(text);
        }
    }

    /// What is due to be told, each cause at most once in [`REPORT`].
    pub fn due(&mut self, now: Timestamp) -> Vec<Loss> {
        let quiet =
            |told: Option<&Timestamp>| told.is_some_and(|told| *told <= now && now.since(*told) < REPORT);
        let due: Vec<Why> = self.sums.keys().copied().filter(|why| !quiet(self.told.get(why))).collect();
        self.told.extend(due.iter().map(|why| (*why, now)));
        due.into_iter().filter_map(|why| Some(self.sums.remove(&why)?.loss(why))).collect()
    }

    /// All that was not told yet.
    pub fn rest(&mut self) -> Vec<Loss> {
        std::mem::take(&mut self.sums).into_iter().map(|(why, sum)| sum.loss(why)).collect()
    }
}

impl Sum {
    fn loss(self, why: Why) -> Loss {
        let levels = self.levels.iter().rev().map(|(level, count)| format!("{count} {}", level.scale().name));
        let mut text = format!("records {}: {}", why.text(), levels.collect::<Vec<_>>().join(", "));
        if !self.more.is_empty() {
            text = format!("{text}; {}", self.more.into_iter().collect::<Vec<_>>().join("; "));
        }
        let count = self.levels.values().sum();
        Loss { kind: LossKind::Dropped, start: self.start, end: self.end, count, text }
    }
}

/// Takes slots away until at least `need` bytes of those that `which` accepts are gone.
pub fn give_up(index: &mut Index, need: u64, which: fn(&Slot) -> bool, mut gone: impl FnMut(&Slot)) {
    let (mut freed, mut victims) = (0, BTreeSet::new());
    for level in Level::ALL {
        for slot in index.slots.iter().filter(|slot| slot.level == level && which(slot)) {
            if freed >= need {
                break;
            }
            freed += u64::from(slot.length);
            victims.insert(slot.seq);
            gone(slot);
        }
    }
    index.slots.retain(|slot| !victims.contains(&slot.seq));
}
