//! Records on their way out, in the order of their event time.

use std::collections::BTreeMap;

use crate::model::{Record, Span, Timestamp};

/// A record waits at most this long for an undecided earlier one.
const PATIENCE: Span = Span::from_secs(10);

#[derive(Debug, Default)]
pub struct Outbox {
    pub(super) waiting: BTreeMap<(Timestamp, u64), Record>,
    pub(super) next: u64,
    /// Time of the last record that went out.
    pub(super) released: Option<Timestamp>,
}

fn postpone(record: &mut Record, until: Timestamp) {
    match record {
        Record::Alert(alert) => alert.time = alert.time.max(until),
        Record::Coverage(coverage) => coverage.end = coverage.end.max(until),
        Record::Heartbeat(_) => {}
    }
}

impl Outbox {
    /// What was completed before the last record that went out, a later revision of an old chain for example, is dated like
    /// that one: records leave in the order of their time.
    pub fn put(&mut self, mut record: Record) {
        if let Some(released) = self.released {
            postpone(&mut record, released);
        }
        self.waiting.insert((record.time(), self.next), record);
        self.next += 1;
    }

    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Moves out what is earlier than `floor` (the earliest undecided moment), or all if there is none.
    pub fn release(&mut self, floor: Option<Timestamp>, now: Timestamp, records: &mut Vec<Record>) {
        while let Some(entry) = self.waiting.first_entry() {
            let time = entry.key().0;
            if floor.is_some_and(|floor| floor < time) && now.since(time) <= PATIENCE {
                return;
            }
            self.released = self.released.max(Some(time));
            records.push(entry.remove());
        }
    }
}
