//! Events that did not reach the engine: gaps in a sensor's numbering, and what found the queue full.

use std::collections::BTreeMap;

use crate::model::{Coverage, CoverageKind, Timestamp};

/// Kinds of message told apart; Endpoint Security has about 150.
const MAX_KINDS: usize = 1024;

/// Which of a sensor's clients heard a message: each numbers its own.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Hearer {
    /// How processes live and files move.
    Life,
    /// Opens.
    Opens,
}

/// Counts what is missing from the messages of a sensor's clients, and holds it until someone can be told.
#[derive(Debug, Default)]
pub struct Losses {
    clients: [Numbering; 2],
    /// Of which kinds the missing ones were; known only when the next of that kind comes, perhaps after the gap was told.
    kinds: BTreeMap<u32, u64>,
    last: Option<Timestamp>,
    /// Not yet told.
    pending: Option<Pending>,
    /// Ever.
    total: u64,
}

/// What one client will be told next.
#[derive(Debug, Default)]
struct Numbering {
    next: Option<u64>,
    next_of_kind: BTreeMap<u32, u64>,
}

#[derive(Clone, Copy, Debug)]
struct Pending {
    start: Timestamp,
    end: Timestamp,
    /// By client.
    by_system: [u64; 2],
    by_us: u64,
}

/// The numbers that a message carries: over all messages of a client, and over those of its kind (`es_message_t`).
#[derive(Clone, Copy, Debug)]
pub struct Numbers {
    pub hearer: Hearer,
    pub kind: u32,
    pub global: Option<u64>,
    pub of_kind: Option<u64>,
}

impl Losses {
    /// Takes note of the next message. The system numbers what it drops, so a gap is what it dropped.
    pub fn heard(&mut self, numbers: Numbers, time: Timestamp) {
        let client = &mut self.clients[numbers.hearer as usize];
        let missing = match numbers.global {
            Some(global) => gap(client.next.replace(global.wrapping_add(1)), global),
            None => 0,
        };
        let missing_of_kind = match numbers.of_kind {
            Some(number) => client.gap_of_kind(numbers.kind, number),
            None => 0,
        };
        if missing_of_kind > 0 {
            *self.kinds.entry(numbers.kind).or_default() += missing_of_kind;
        }
        // Without a global number (message versions below 4) only the same kind's numbers can tell.
        let missing = if numbers.global.is_some() { missing } else { missing_of_kind };
        // One client may be behind the other, and the clock may have been set back.
        let since = self.last.unwrap_or(time).min(time);
        self.last = Some(time);
        if missing > 0 {
            let mut by_system = [0; 2];
            by_system[numbers.hearer as usize] = missing;
            self.note(since, time, by_system, 0);
        }
    }

    /// One event found the queue to the engine full.
    pub fn refused(&mut self, time: Timestamp) {
        self.note(time, time, [0; 2], 1);
    }

    fn note(&mut self, start: Timestamp, end: Timestamp, by_system: [u64; 2], by_us: u64) {
        let [life, opens] = by_system;
        self.total = self.total.saturating_add(life).saturating_add(opens).saturating_add(by_us);
        let pending = self.pending.get_or_insert(Pending { start, end, by_system: [0; 2], by_us: 0 });
        (pending.start, pending.end) = (pending.start.min(start), pending.end.max(end));
        pending.by_system[0] = pending.by_system[0].saturating_add(life);
        pending.by_system[1] = pending.by_system[1].saturating_add(opens);
        pending.by_us = pending.by_us.saturating_add(by_us);
    }

    /// What was not told yet. Give it back with [`Losses::untold`] if telling fails.
    pub fn take(&mut self) -> Option<Coverage> {
        let pending = self.pending.take()?;
        let Pending { start, end, by_system: [life, opens], by_us } = pending;
        let kinds = kinds_in_words(std::mem::take(&mut self.kinds));
        Some(Coverage {
            kind: CoverageKind::EventLoss,
            start,
            end,
            count: life.saturating_add(opens).saturating_add(by_us),
            text: format!(
                "events lost between two that were seen: dropped by the system {life} of processes and files that \
                 move and {opens} opens{kinds}; {by_us} because the engine was behind"
            ),
        })
    }

    /// Takes a record back that could not be delivered. Who dropped what is then no longer told apart.
    pub fn untold(&mut self, coverage: &Coverage) {
        self.total = self.total.saturating_sub(coverage.count);
        self.note(coverage.start, coverage.end, [0; 2], coverage.count);
    }

    /// Lost so far.
    pub fn total(&self) -> u64 {
        self.total
    }
}

/// ` (exec 3, open 12)`, or nothing.
fn kinds_in_words(kinds: BTreeMap<u32, u64>) -> String {
    let words: Vec<String> =
        kinds.into_iter().map(|(kind, count)| format!("{} {count}", name_of(kind))).collect();
    if words.is_empty() { String::new() } else { format!(" (by type, where known: {})", words.join(", ")) }
}

/// `es_event_type_t`, the ones that are subscribed to.
fn name_of(kind: u32) -> std::borrow::Cow<'static, str> {
    let name = match kind {
        9 => "exec",
        10 => "open",
        11 => "fork",
        12 => "close",
        13 => "create",
        14 => "exchangedata",
        15 => "exit",
        19 => "link",
        22 => "mount",
        23 => "unmount",
        25 => "rename",
        27 => "setextattr",
        32 => "unlink",
        61 => "clone",
        78 => "uipc_connect",
        94 => "cs_invalidated",
        97 => "remote_thread_create",
        110 => "copyfile",
        145 => "xpc_connect",
        other => return format!("type {other}").into(),
    };
    name.into()
}

impl Numbering {
    fn gap_of_kind(&mut self, kind: u32, number: u64) -> u64 {
        if self.next_of_kind.len() >= MAX_KINDS && !self.next_of_kind.contains_key(&kind) {
            return 0;
        }
        gap(self.next_of_kind.insert(kind, number.wrapping_add(1)), number)
    }
}

/// How many numbers were skipped before `got`. Numbers that start anew (a new client) are no gap.
fn gap(expected: Option<u64>, got: u64) -> u64 {
    expected.map_or(0, |expected| got.saturating_sub(expected))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hear(losses: &mut Losses, kind: u32, global: Option<u64>, of_kind: u64, time: i64) {
        losses.heard(
            Numbers { hearer: Hearer::Life, kind, global, of_kind: Some(of_kind) },
            Timestamp::from_nanos(time),
        );
    }

    #[test]
    fn a_gap_is_a_loss_with_its_span() {
        let mut losses = Losses::default();
        hear(&mut losses, 10, Some(0), 0, 100);
        hear(&mut losses, 11, Some(1), 0, 200);
        assert_eq!(losses.take(), None);
        hear(&mut losses, 10, Some(5), 3, 900);
        let told = losses.take().unwrap();
        assert_eq!((told.count, told.start.as_nanos(), told.end.as_nanos()), (3, 200, 900));
        assert_eq!((losses.take(), losses.total()), (None, 3));
    }

    #[test]
    fn a_span_does_not_end_before_it_begins() {
        let mut losses = Losses::default();
        hear(&mut losses, 10, Some(0), 0, 900);
        hear(&mut losses, 10, Some(5), 3, 200);
        hear(&mut losses, 10, Some(9), 5, 100);
        let told = losses.take().unwrap();
        assert_eq!((told.count, told.start.as_nanos(), told.end.as_nanos()), (7, 100, 200));
    }

    #[test]
    fn old_messages_are_counted_by_kind() {
        let mut losses = Losses::default();
        hear(&mut losses, 10, None, 0, 1);
        hear(&mut losses, 11, None, 0, 2);
        hear(&mut losses, 10, None, 4, 3);
        assert_eq!(losses.take().map(|told| told.count), Some(3));
    }

    #[test]
    fn each_client_counts_for_itself_and_types_are_named() {
        let mut losses = Losses::default();
        let mut heard = |hearer, kind, number| {
            let (global, of_kind) = (Some(number), Some(number));
            losses.heard(Numbers { hearer, kind, global, of_kind }, Timestamp::from_nanos(1));
        };
        for (hearer, kind, number) in [
            (Hearer::Life, 9, 0),
            (Hearer::Opens, 10, 0),
            (Hearer::Life, 9, 1),
            (Hearer::Opens, 10, 6),
            (Hearer::Life, 9, 4),
        ] {
            heard(hearer, kind, number);
        }
        let told = losses.take().unwrap();
        assert_eq!(told.count, 7);
        assert!(told.text.contains("2 of processes and files that move and 5 opens"), "{}", told.text);
        assert!(told.text.contains("(by type, where known: exec 2, open 5)"), "{}", told.text);
    }

    #[test]
    fn a_new_client_starts_anew() {
        let mut losses = Losses::default();
        hear(&mut losses, 10, Some(900), 900, 1);
        hear(&mut losses, 10, Some(0), 0, 2);
        assert_eq!(losses.take(), None);
    }

    #[test]
    fn what_could_not_be_told_is_told_later() {
        let mut losses = Losses::default();
        losses.refused(Timestamp::from_nanos(5));
        losses.refused(Timestamp::from_nanos(7));
        let told = losses.take().unwrap();
        losses.untold(&told);
        losses.refused(Timestamp::from_nanos(9));
        let told = losses.take().unwrap();
        assert_eq!((told.count, told.start.as_nanos(), told.end.as_nanos(), losses.total()), (3, 5, 9, 3));
    }
}
