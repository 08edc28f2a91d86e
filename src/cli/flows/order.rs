//! Flows end in one order and are printed in another: by their start.

use std::collections::VecDeque;
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
    /// Those that wait, the earliest first.
    waiting: VecDeque<Waiting>,
    /// Those that came since they were last put in order. Most have their place near the end: to sort them in together costs
    /// less than to keep a heap.
    new: Vec<Waiting>,
    kept: Vec<Option<FlowSummary>>,
    free: Vec<u32>,
}

/// When a flow began, which it is, and where in `kept` it waits.
type Waiting = (Timestamp, FlowId, u32);

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
            let at = self.free.pop().unwrap_or(self.kept.len() as u32);
            self.new.push((flow.start, flow.id, at));
            match self.kept.get_mut(at as usize) {
                Some(room) => *room = Some(flow),
                None => self.kept.push(Some(flow)),
            }
        }
    }

    /// Forgets those that ended, from the front, or all when they are too many.
    fn forget(&mut self) {
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

    /// Gives new ones their places among those that wait.
    fn sort_in(&mut self) {
        let Some(first) = self.new.iter().min() else { return };
        let at = self.waiting.partition_point(|known| known < first);
        self.new.extend(self.waiting.drain(at..));
        self.new.sort();
        self.waiting.extend(self.new.drain(..));
    }

    /// Hands over those whose turn has come.
    pub(super) fn ready(&mut self, mut write: impl FnMut(&FlowSummary) -> io::Result<()>) -> io::Result<()> {
        self.forget();
        self.sort_in();
        let oldest = self.opened.front().map_or(Timestamp::MAX, |flow| flow.time.minus(SLACK));
        while let Some((start, ..)) = self.waiting.front() {
            if *start >= oldest && self.waiting.len() <= MAX_WAITING {
                break;
            }
            self.next(&mut write)?;
        }
        Ok(())
    }

    /// Hands over all.
    pub(super) fn all(&mut self, mut write: impl FnMut(&FlowSummary) -> io::Result<()>) -> io::Result<()> {
        self.sort_in();
        while !self.waiting.is_empty() {
            self.next(&mut write)?;
        }
        Ok(())
    }

    fn next(&mut self, write: impl FnOnce(&FlowSummary) -> io::Result<()>) -> io::Result<()> {
        let Some((.., at)) = self.waiting.pop_front() else { return Ok(()) };
        self.free.push(at);
        let Some(kept) = self.kept.get_mut(at as usize) else { return Ok(()) };
        let written = kept.as_ref().map_or(Ok(()), write);
        *kept = None;
        written
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;
    use crate::model::{Close, Endpoint, Transport};

    fn summary(id: u32, start: Timestamp) -> FlowSummary {
        let end = Endpoint { ip: Ipv4Addr::LOCALHOST.into(), port: 1 };
        FlowSummary {
            id: FlowId(id),
            start,
            end: start,
            transport: Transport::Tcp,
            client: end,
            server: end,
            owner: None,
            name: None,
            aliases: None,
            nameless: None,
            disputed: None,
            hello: None,
            bytes_out: 0,
            bytes_in: 0,
            bytes_lost: 0,
            packets_out: 0,
            packets_in: 0,
            interface: None,
            midstream: false,
            close: Close::Finished,
        }
    }

    fn note(printed: &mut Vec<(Timestamp, FlowId)>, flow: &FlowSummary) -> io::Result<()> {
        printed.push((flow.start, flow.id));
        Ok(())
    }

    fn at(tenths: u32) -> Timestamp {
        Timestamp::from_nanos(i64::from(tenths) * 100_000_000)
    }

    #[test]
    fn flows_are_printed_by_their_start_whatever_their_end() {
        const FLOWS: u32 = 400;
        /// Begins in the middle, and ends last.
        const LONG: u32 = 200;
        let mut order = InOrder::default();
        let mut printed = Vec::new();
        order.opened((0..FLOWS).map(|id| (FlowId(id), at(id))));
        for turn in (0..FLOWS).map(|turn| turn * 37 % FLOWS).filter(|id| *id != LONG) {
            // Some turn out to have begun earlier.
            let start = at(turn - turn.min(turn % 8));
            order.ended(std::iter::once(summary(turn, start)));
            if turn % 5 == 0 {
                order.ready(|flow| note(&mut printed, flow)).unwrap();
            }
        }
        order.ready(|flow| note(&mut printed, flow)).unwrap();
        assert!(!printed.is_empty() && printed.iter().all(|(start, _)| *start < at(LONG).minus(SLACK)));
        order.ended(std::iter::once(summary(LONG, at(LONG))));
        order.all(|flow| note(&mut printed, flow)).unwrap();
        assert_eq!(printed.len(), FLOWS as usize);
        assert!(printed.is_sorted());
    }
}
