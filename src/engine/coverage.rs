//! What could not be seen: counted by kind, said once a minute of event time, remembered for the alerts of that span.

use std::collections::{BTreeMap, VecDeque};

use crate::model::{Coverage, CoverageKind, Record, Span, Timestamp};

use super::outbox::Outbox;

/// How often a kind of blind spot is reported at most.
pub const EVERY: Span = Span::from_secs(60);
/// Spans remembered, so that alerts can say what was dark meanwhile.
const REMEMBERED: usize = 256;
/// Different sentences counted apart between two reports; more are counted under the last.
const MAX_TEXTS: usize = 64;

#[derive(Debug, Default)]
pub struct CoverageLog {
    pub(super) open: BTreeMap<(CoverageKind, String), (Timestamp, u64)>,
    pub(super) recent: VecDeque<(CoverageKind, Timestamp, Timestamp)>,
}

impl CoverageLog {
    /// A sensor names a span that was dark.
    pub fn tell(&mut self, coverage: Coverage, outbox: &mut Outbox) {
        self.remember(coverage.kind, coverage.start, coverage.end);
        outbox.put(Record::Coverage(coverage));
    }

    /// Nothing has gathered.
    pub fn is_told(&self) -> bool {
        self.open.is_empty()
    }

    /// One more of this kind.
    pub fn note(&mut self, kind: CoverageKind, time: Timestamp, count: u64, text: &str) {
        self.remember(kind, time, time);
        if self.open.len() >= MAX_TEXTS && !self.open.contains_key(&(kind, text.to_owned())) {
            // Whoever chooses texts (they hold paths of programs) must not hide another kind among his own.
            let more = (kind, "more of this kind, of which the texts were not kept".to_owned());
            self.open.entry(more).or_insert((time, 0)).1 += count;
            return;
        }
        self.open.entry((kind, text.to_owned())).or_insert((time, 0)).1 += count;
    }

    /// Says what has gathered.
    pub fn flush(&mut self, now: Timestamp, outbox: &mut Outbox) {
        for ((kind, text), (start, count)) in std::mem::take(&mut self.open) {
            outbox.put(Record::Coverage(Coverage { kind, start: start.min(now), end: now, count, text }));
        }
    }

    /// Kinds that were dark at some moment from `start` to `end`.
    pub fn during(&self, start: Timestamp, end: Timestamp) -> Vec<CoverageKind> {
        let mut kinds: Vec<_> = self
            .recent
            .iter()
            .filter(|(_, from, to)| *from <= end && *to >= start)
            .map(|(kind, _, _)| *kind)
            .collect();
        kinds.sort_unstable();
        kinds.dedup();
        kinds
    }

    fn remember(&mut self, kind: CoverageKind, start: Timestamp, end: Timestamp) {
        if let Some(last) = self.recent.back_mut()
            && last.0 == kind
            && start.since(last.2) <= EVERY
        {
            last.1 = last.1.min(start);
            last.2 = last.2.max(end);
            return;
        }
        if self.recent.len() >= REMEMBERED {
            self.recent.pop_front();
        }
        self.recent.push_back((kind, start, end));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_without_end_hide_no_other_kind() {
        let mut log = CoverageLog::default();
        for number in 0..2 * MAX_TEXTS {
            log.note(CoverageKind::Proxy, Timestamp::MIN, 1, &format!("program {number}"));
        }
        log.note(CoverageKind::EventLoss, Timestamp::MIN, 7, "events were lost");
        let counts = |kind: CoverageKind| -> u64 {
            log.open.iter().filter(|((one, _), _)| *one == kind).map(|(_, (_, count))| count).sum()
        };
        assert_eq!(counts(CoverageKind::EventLoss), 7);
        assert_eq!(counts(CoverageKind::Proxy), 2 * MAX_TEXTS as u64);
        assert!(log.open.len() <= MAX_TEXTS + 2);
    }
}
