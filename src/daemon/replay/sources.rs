//! What a replay reads from: lines, packets, audit logs.
//!
//! Lines are decoded and packets taken apart some at a time, as far as they lie in memory already: reading and thinking are
//! two programs, and a processor runs one of them for a while faster than both in turns. They are handed on one by one all
//! the same, in the order of time, so nothing else shows how many were read at once.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::engine::order::{Order, SourceId};
use crate::model::{AuditEvent, Coverage, CoverageKind, Input, NetFact, NetKind, Observed, Span, Timestamp};
use crate::net::{Limits, Tap};
use crate::sensor::capture::{CaptureError, CaptureReader, CaptureSet};
use crate::sensor::eslogger::{Decoder, LineError};
use crate::sensor::gate::PolicyGate;
use crate::sensor::lines::{Item, Lines, LinesError};
use crate::sensor::steady::Doubt;

use super::{Summary, clocks};

/// Lines or packets read at once at most. What is decoded waits in 120 bytes each.
pub(super) const AHEAD: usize = 256;

pub(super) struct Events {
    pub(super) source: SourceId,
    pub(super) name: Arc<str>,
    pub(super) lines: Lines,
    pub(super) decoder: Decoder,
    pub(super) gate: PolicyGate,
    /// Read, but not yet taken.
    pub(super) ahead: VecDeque<Read>,
    pub(super) read: u64,
    /// Lines that were eslogger's.
    pub(super) understood: u64,
    /// What the file looks like if none is.
    pub(super) looks: &'static str,
}

/// What was read of a recording.
pub(super) enum Read {
    Line { number: u64, complete: bool, told: Result<Option<Observed>, LineError> },
    TooLong { number: u64, bytes: u64 },
    End,
    Failed(LinesError),
}

impl Events {
    /// One line further; waits for it if need be.
    pub(super) fn take(&mut self, order: &mut Order, summary: &mut Summary) {
        if self.ahead.is_empty() {
            self.read_ahead();
        }
        match self.ahead.pop_front() {
            Some(Read::Line { number, complete, told }) => {
                self.read += 1;
                summary.lines += 1;
                self.understood += u64::from(told.is_ok());
                if let Some(observed) = summary.take(&self.name, number, complete, told) {
                    summary.saw(observed.time);
                    order.push(self.source, Input::Process(observed));
                }
            }
            Some(Read::TooLong { number, bytes }) => {
                self.read += 1;
                summary.too_long(&self.name, number, bytes);
            }
            Some(Read::End) | None => {
                if self.read > 0 && self.understood == 0 {
                    summary.no_recording(&self.name, self.read, self.looks);
                }
                for loss in self.decoder.finish() {
                    order.push(self.source, Input::Coverage(loss));
                }
                order.close(self.source);
            }
            Some(Read::Failed(error)) => {
                summary.failures.push(error.to_string());
                order.close(self.source);
            }
        }
    }

    /// At least one line; more as long as none has to be waited for.
    fn read_ahead(&mut self) {
        loop {
            let read = match self.lines.next_line() {
                Ok(Some(Item::Line(line))) => {
                    let (number, complete) = (line.number, line.complete);
                    Read::Line { number, complete, told: self.decoder.decode(line.bytes, &mut self.gate) }
                }
                Ok(Some(Item::TooLong { number, bytes })) => Read::TooLong { number, bytes },
                Ok(None) => Read::End,
                Err(error) => Read::Failed(error),
            };
            self.ahead.push_back(read);
            if self.ahead.len() >= AHEAD || !self.lines.is_ready() {
                return;
            }
        }
    }
}

pub(super) struct Captures {
    pub(super) source: SourceId,
    set: CaptureSet,
    tap: Tap,
    /// Read, but not yet taken.
    ahead: VecDeque<Passed>,
    /// What they told, in their order.
    facts: VecDeque<NetFact>,
    told: Vec<NetFact>,
    /// The times of the packets that were taken.
    first: Timestamp,
    last: Timestamp,
}

/// What was read of the captures.
enum Passed {
    /// A packet, and how many facts it told.
    Packet {
        time: Timestamp,
        facts: usize,
    },
    End,
    Failed(CaptureError),
}

impl Captures {
    pub(super) fn new(source: SourceId, readers: Vec<CaptureReader>) -> Self {
        let (set, tap) = (CaptureSet::steady(readers), Tap::new(Limits::default()));
        let (ahead, facts) = (VecDeque::with_capacity(AHEAD), VecDeque::new());
        Self { source, set, tap, ahead, facts, told: Vec::new(), first: Timestamp::MAX, last: Timestamp::MIN }
    }

    /// Sets the clocks of captures that begin long before all events.
    pub(super) fn begin(&mut self, events: &mut [Events], order: &mut Order, summary: &mut Summary) {
        self.set.begin(|doubt| clocks::ask(events, order, summary, doubt));
    }

    /// One packet further; waits for it if need be.
    #[inline]
    pub(super) fn take(&mut self, events: &mut [Events], order: &mut Order, summary: &mut Summary) {
        if self.ahead.is_empty() {
            self.read_ahead(|doubt| clocks::ask(events, order, summary, doubt));
        }
        match self.ahead.pop_front() {
            Some(Passed::Packet { time, facts }) => {
                summary.packets += 1;
                summary.saw(time);
                (self.first, self.last) = (self.first.min(time), self.last.max(time));
                order.reached(self.source, time);
                self.hand_on(facts, order);
            }
            Some(Passed::Failed(error @ CaptureError::Stopped { .. })) => {
                summary.notes.push(error.to_string())
            }
            Some(Passed::Failed(error)) => summary.failures.push(error.to_string()),
            Some(Passed::End) | None => {
                self.tap.finish(self.last, &mut self.told);
                self.facts.extend(self.told.drain(..));
                for coverage in self.tap.coverage() {
                    order.push(self.source, Input::Coverage(coverage));
                }
                if let Some(dropped) = self.dropped() {
                    summary.notes.push(dropped.text.clone());
                    order.push(self.source, Input::Coverage(dropped));
                }
                summary.notes.extend(self.tap.stats().notes(|why| !why.is_ordinary()));
                self.hand_on(self.facts.len(), order);
                order.close(self.source);
            }
        }
    }

    /// What the captures themselves say that they missed. When, they do not say.
    fn dropped(&self) -> Option<Coverage> {
        let (count, text) = self.set.dropped()?;
        let (kind, start, end) = (CoverageKind::CaptureLoss, self.first, self.last);
        (start <= end).then_some(Coverage { kind, start, end, count, text })
    }

    /// At least one packet; more as long as none has to be waited for.
    fn read_ahead(&mut self, mut ask: impl FnMut(Doubt) -> Option<Span>) {
        loop {
            let passed = match self.set.next_asking(&mut ask) {
                Ok(Some(packet)) => {
                    self.tap.packet(&packet, &mut self.told);
                    let facts = self.told.len();
                    self.facts.extend(self.told.drain(..));
                    Passed::Packet { time: packet.time, facts }
                }
                Ok(None) => Passed::End,
                Err(error) => Passed::Failed(error),
            };
            self.ahead.push_back(passed);
            if self.ahead.len() >= AHEAD || !self.set.is_ready() {
                return;
            }
        }
    }

    /// Hands on what the tap told. An end that only silence shows is dated by the packet that showed it.
    fn hand_on(&mut self, facts: usize, order: &mut Order) {
        for mut fact in self.facts.drain(..facts.min(self.facts.len())) {
            if matches!(fact.kind, NetKind::Closed(_)) {
                fact.time = fact.time.max(self.last);
            }
            order.push(self.source, Input::Net(fact));
        }
    }
}

pub(super) struct Audits {
    pub(super) source: SourceId,
    /// The next one last.
    pub(super) events: Vec<AuditEvent>,
}
