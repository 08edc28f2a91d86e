//! Records on their way out, in the order of their event time.

use std::collections::BTreeMap;

use crate::model::{Record, Span, Timestamp};

/// A record waits at most this long for an undecided earlier one.
const PATIENCE: Span = Span::from_secs(10);

#[derive(Debug, Default)]
pub struct Outbox {
    waiting: BTreeMap<(Timestamp, u64), Record>,
    next: u64,
}

impl Outbox {
    pub fn put(&mut self, record: Record) {
        self.waiting.insert((record.time(), self.next), record);
        self.next += 1;
    }

    /// Moves out what is earlier than `floor` (the earliest undecided moment), or all if there is none.
    pub fn release(&mut self, floor: Option<Timestamp>, now: Timestamp, records: &mut Vec<Record>) {
        while let Some(entry) = self.waiting.first_entry() {
            let time = entry.key().0;
            if floor.is_some_and(|floor| floor < time) && now.since(time) <= PATIENCE {
                return;
            }
            records.push(entry.remove());
        }
    }
}
