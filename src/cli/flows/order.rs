//! Flows end in one order and are printed in another: by their start.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use crate::model::{FlowId, NetFact, NetKind, Span, Timestamp};
use crate::net::FlowSummary;

/// A flow may turn out to have begun a little earlier than its first packet said; recordings are out of order by at most
/// two seconds.
const SLACK: Span = Span::from_secs(4);
/// Ended flows that wait for an older one to end, about 500 bytes each. Beyond this, the oldest is printed before its turn.
const MAX_WAITING: usize = 1 << 17;

/// Holds ended flows back until no open one can come before them.
#[derive(Default)]
pub(super) struct InOrder {
    open: BTreeSet<(Timestamp, FlowId)>,
    opened: BTreeMap<FlowId, Timestamp>,
    waiting: BTreeMap<(Timestamp, FlowId), FlowSummary>,
}

impl InOrder {
    /// Takes note of flows that opened and flows that ended.
    pub(super) fn note(&mut self, facts: &mut Vec<NetFact>, ended: impl Iterator<Item = FlowSummary>) {
        for fact in facts.drain(..) {
            if matches!(fact.kind, NetKind::Opened(_)) {
                self.open.insert((fact.time, fact.flow));
                self.opened.insert(fact.flow, fact.time);
            }
        }
        for flow in ended {
            if let Some(time) = self.opened.remove(&flow.id) {
                self.open.remove(&(time, flow.id));
            }
            self.waiting.insert((flow.start, flow.id), flow);
        }
    }

    /// Hands over those whose turn has come.
    pub(super) fn ready(&mut self, mut write: impl FnMut(FlowSummary) -> io::Result<()>) -> io::Result<()> {
        let oldest = self.open.first().map_or(Timestamp::MAX, |(time, _)| time.minus(SLACK));
        while let Some(entry) = self.waiting.first_entry() {
            if entry.key().0 >= oldest && self.waiting.len() <= MAX_WAITING {
                break;
            }
            if let Some((_, flow)) = self.waiting.pop_first() {
                write(flow)?;
            }
        }
        Ok(())
    }

    /// Hands over all.
    pub(super) fn all(&mut self, write: impl FnMut(FlowSummary) -> io::Result<()>) -> io::Result<()> {
        std::mem::take(&mut self.waiting).into_values().try_for_each(write)
    }
}
