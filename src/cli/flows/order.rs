//! Flows end in one order and are printed in another: by their start.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::io;

use crate::model::{FlowId, Span, Timestamp};
use crate::net::FlowSummary;

/// A flow may turn out to have begun a little earlier than its first packet said, and flows open a little out of order:
/// recordings are out of order by at most two seconds.
const SLACK: Span = Span::from_secs(4);
/// Ended flows that wait for an older one to end, about 500 bytes each. Beyond this, the oldest is printed before its turn.
const MAX_WAITING: usize = 1 << 15;

/// Holds ended flows back until no open one can come before them.
#[derive(Default)]
pub(super) struct InOrder {
    /// By id, which is the order of opening; those that ended are marked, and go when they are at the front or too many.
    opened: VecDeque<Opened>,
    ended: usize,
    /// Those that wait, the earliest on top, and where in `kept` they do.
    waiting: BinaryHeap<Reverse<(Timestamp, FlowId, usize)>>,
    kept: Vec<Option<FlowSummary>>,
    free: Vec<usize>,
}

struct Opened {
    id: FlowId,
    time: Timestamp,
    has_ended: bool,
}

impl InOrder {
    /// Takes note of flows that opened.
    pub(super) fn opened(&mut self, opened: impl Iterator<Item = (FlowId, Timestamp)>) {
        self.opened.extend(opened.map(|(id, time)| Opened { id, time, has_ended: false }));
    }

    /// Takes note of flows that ended.
    pub(super) fn ended(&mut self, ended: impl Iterator<Item = FlowSummary>) {
        for flow in ended {
            self.end(flow.id);
            let at = self.free.pop().unwrap_or(self.kept.len());
            self.waiting.push(Reverse((flow.start, flow.id, at)));
            match self.kept.get_mut(at) {
                Some(room) => *room = Some(flow),
                None => self.kept.push(Some(flow)),
            }
        }
        while self.opened.front().is_some_and(|first| first.has_ended) {
            self.opened.pop_front();
            self.ended -= 1;
        }
        if self.ended > self.opened.len() / 2 {
            self.opened.retain(|flow| !flow.has_ended);
            self.ended = 0;
        }
    }

    fn end(&mut self, id: FlowId) {
        // Ids follow each other, unless some were taken out of the middle.
        let guess = self.opened.front().map_or(0, |first| id.0.wrapping_sub(first.id.0) as usize);
        let at = match self.opened.get(guess) {
            Some(flow) if flow.id == id => Ok(guess),
            _ => self.opened.binary_search_by_key(&id, |flow| flow.id),
        };
        if let Some(flow) = at.ok().and_then(|at| self.opened.get_mut(at)) {
            self.ended += usize::from(!flow.has_ended);
            flow.has_ended = true;
        }
    }

    /// Hands over those whose turn has come.
    pub(super) fn ready(&mut self, mut write: impl FnMut(&FlowSummary) -> io::Result<()>) -> io::Result<()> {
        let oldest = self.opened.front().map_or(Timestamp::MAX, |flow| flow.time.minus(SLACK));
        while let Some(Reverse((start, ..))) = self.waiting.peek() {
            if *start >= oldest && self.waiting.len() <= MAX_WAITING {
                break;
            }
            self.next(&mut write)?;
        }
        Ok(())
    }

    /// Hands over all.
    pub(super) fn all(&mut self, mut write: impl FnMut(&FlowSummary) -> io::Result<()>) -> io::Result<()> {
        while !self.waiting.is_empty() {
            self.next(&mut write)?;
        }
        Ok(())
    }

    fn next(&mut self, write: impl FnOnce(&FlowSummary) -> io::Result<()>) -> io::Result<()> {
        let Some(Reverse((.., at))) = self.waiting.pop() else { return Ok(()) };
        self.free.push(at);
        let Some(kept) = self.kept.get_mut(at) else { return Ok(()) };
        let written = kept.as_ref().map_or(Ok(()), write);
        *kept = None;
        written
    }
}
