//! The same engine over recordings.
//!
//! One thread takes from whichever source is furthest behind in event time, one line or packet at a time, so that pipes
//! that still grow are followed closely and the result does not depend on how bytes arrive.

mod clocks;
mod sources;
mod summary;

use std::collections::{BTreeMap, VecDeque};
use std::hash::Hasher;
use std::sync::Arc;

use crate::engine::Engine;
use crate::engine::habits::Baseline;
use crate::engine::order::{Order, SourceId, SourceRank};
use crate::model::{Input, Record, Span};
use crate::policy::Policy;
use crate::sensor::audit::Audit;
use crate::sensor::capture::CaptureReader;
use crate::sensor::compressed;
use crate::sensor::eslogger::Decoder;
use crate::sensor::gate::PolicyGate;
use crate::sensor::lines::{Item, Lines};

use super::history::{self, Sums};
use sources::{Audits, Captures, Events};
pub use summary::{Complaint, Summary};

/// Recordings are put in order within this much event time.
pub const RECORDING_HOLD: Span = Span::from_secs(10);

/// A replay being set up, then run.
pub struct Replay {
    order: Order,
    engine: Engine,
    events: Vec<Events>,
    captures: Option<Captures>,
    audits: Vec<Audits>,
    policy: Arc<Policy>,
    history: Option<Sums>,
    summary: Summary,
}

impl Replay {
    pub fn new(policy: Arc<Policy>) -> Self {
        Self {
            order: Order::new(RECORDING_HOLD),
            engine: Engine::new(Arc::clone(&policy)),
            events: Vec::new(),
            captures: None,
            audits: Vec::new(),
            policy,
            history: None,
            summary: Summary::default(),
        }
    }

    /// Sums up who sends what where; the summary has it.
    pub fn keep_history(&mut self) {
        self.engine.tell_uploads();
        self.history = Some(Sums::default());
    }

    /// What programs usually do, for rules that ask.
    pub fn accustom(&mut self, baseline: Baseline) {
        self.engine.accustom(Arc::new(baseline));
    }

    /// Adds an eslogger recording. Its rank comes from its first line, so the order of the files does not matter.
    pub fn events(&mut self, mut lines: Lines) {
        let name: Arc<str> = Arc::from(lines.name());
        let mut decoder = Decoder::new();
        let mut gate = PolicyGate::new(Arc::clone(&self.policy));
        let mut hash = std::hash::DefaultHasher::new();
        let (mut read, mut understood, mut looks) = (1, 0, "");
        let first = match lines.next_line() {
            Ok(Some(Item::Line(line))) => {
                hash.write(line.bytes);
                self.summary.lines += 1;
                let (number, complete) = (line.number, line.complete);
                let decoded = decoder.decode(line.bytes, &mut gate);
                understood += u64::from(decoded.is_ok());
                looks = looks_like(line.bytes);
                self.summary.take(&name, number, complete, decoded)
            }
            Ok(Some(Item::TooLong { number, bytes })) => {
                self.summary.too_long(&name, number, bytes);
                None
            }
            Ok(None) => {
                self.summary.failures.push(format!("{name}: is empty: no events in it"));
                read = 0;
                None
            }
            Err(error) => {
                self.summary.failures.push(error.to_string());
                read = 0;
                None
            }
        };
        let source = self.order.open(SourceRank(hash.finish()));
        if let Some(observed) = first {
            self.summary.saw(observed.time);
            self.order.push(source, Input::Process(observed));
        }
        let ahead = VecDeque::with_capacity(sources::AHEAD);
        self.events.push(Events { source, name, lines, decoder, gate, ahead, read, understood, looks });
    }

    /// Adds all captures; they share one view of the network.
    pub fn captures(&mut self, readers: Vec<CaptureReader>) {
        if readers.is_empty() {
            return;
        }
        let source = self.order.open(SourceRank::default());
        self.captures = Some(Captures::new(source, readers));
    }

    /// Adds what an audit log of a cloud tells; `name` is for complaints.
    pub fn audit(&mut self, name: &str, audit: Audit) {
        let file: Arc<str> = Arc::from(name);
        self.summary.records += audit.records;
        self.summary.rejected += audit.rejected;
        audit.complaints.into_iter().for_each(|(line, what)| self.summary.complain(&file, line, what));
        if audit.left_out > 0 {
            let left_out = audit.left_out;
            let failure = format!(
                "{name}: tells of more than can be kept: {left_out} records left out; split it by day"
            );
            self.summary.failures.push(failure);
        }
        let mut events = audit.events;
        let mut hash = std::hash::DefaultHasher::new();
        events.first().into_iter().for_each(|first| hash.write(first.record.as_bytes()));
        events.reverse();
        let source = self.order.open(SourceRank(hash.finish()));
        self.audits.push(Audits { source, events });
    }

    /// Runs to the end of all inputs. `emit` gets each record as soon as it is certain; `false` stops the replay.
    /// `progress` is called before each line and packet, which may have to be waited for.
    pub fn run(
        mut self,
        mut emit: impl FnMut(Record) -> bool,
        mut progress: impl FnMut(&Summary),
    ) -> Summary {
        let mut records = Vec::new();
        if let Some(captures) = &mut self.captures {
            captures.begin(&mut self.events, &mut self.order, &mut self.summary);
        }
        while let Some(source) = self.order.hungriest() {
            progress(&self.summary);
            self.read_one(source);
            while let Some(input) = self.order.pop() {
                self.engine.step(input, &mut records);
            }
            self.remember(&records);
            if !records.drain(..).all(&mut emit) {
                return self.conclude();
            }
        }
        while let Some(input) = self.order.pop() {
            self.engine.step(input, &mut records);
        }
        let (late, hurried) = self.order.disorder();
        self.engine.note_disorder(&mut self.order, late + hurried);
        self.engine.finish(&mut records);
        self.remember(&records);
        records.drain(..).all(&mut emit);
        self.conclude()
    }

    fn remember(&mut self, said: &[Record]) {
        let Some(history) = &mut self.history else { return };
        self.engine.take_uploads().iter().for_each(|upload| history.add(upload));
        for record in said {
            if let Record::Alert(alert) = record {
                history::of_alert(alert).iter().for_each(|upload| history.add(upload));
            }
        }
    }

    /// Takes one line or packet of this source; closes it at its end.
    #[inline]
    fn read_one(&mut self, source: SourceId) {
        match self.events.iter_mut().find(|events| events.source == source) {
            Some(events) => events.take(&mut self.order, &mut self.summary),
            None => match &mut self.captures {
                Some(captures) if captures.source == source => {
                    captures.take(&mut self.events, &mut self.order, &mut self.summary)
                }
                _ => self.read_record(source),
            },
        }
    }

    fn read_record(&mut self, source: SourceId) {
        let audit = self.audits.iter_mut().find(|audit| audit.source == source);
        match audit.and_then(|audit| audit.events.pop()) {
            Some(event) => {
                self.summary.saw(event.time);
                self.order.push(source, Input::Audit(Arc::new(event)));
            }
            None => self.order.close(source),
        }
    }

    fn conclude(mut self) -> Summary {
        self.summary.stats = self.engine.stats;
        self.summary.history = self.history.take().map(Sums::into_entries).unwrap_or_default();
        for counts in self.events.iter().map(|events| events.decoder.counts()) {
            add(&mut self.summary.skipped, counts.unread());
            add(&mut self.summary.unknown_fields, counts.unknown_fields());
            self.summary.looked_at += counts.looked_at();
        }
        self.summary
    }
}

/// Names are a stranger's: what would move a terminal is escaped.
fn add<'a>(sums: &mut BTreeMap<String, u64>, counts: impl Iterator<Item = (&'a [u8], u64)>) {
    for (name, count) in counts {
        let name = String::from_utf8_lossy(name).escape_debug().to_string();
        *sums.entry(name).or_default() += count;
    }
}

/// A hint for a file that is something else.
fn looks_like(start: &[u8]) -> &'static str {
    const CAPTURES: [&[u8]; 5] = [
        b"\xa1\xb2\xc3\xd4",
        b"\xd4\xc3\xb2\xa1",
        b"\xa1\xb2\x3c\x4d",
        b"\x4d\x3c\xb2\xa1",
        b"\x0a\x0d\x0d\x0a",
    ];
    const OWN: &[u8] = b"\"dataset\":\"cloudward.";
    if let Some(how) = compressed::otherwise(start) {
        how
    } else if CAPTURES.iter().any(|magic| start.starts_with(magic)) {
        "it looks like a capture: give it with --capture"
    } else if memchr::memmem::find(start, OWN).is_some() {
        "it looks like alerts: `cloudward explain` and `cloudward report` read them"
    } else if is_audit(start) {
        "it looks like an audit log of a cloud: give it with --audit"
    } else {
        ""
    }
}

fn is_audit(start: &[u8]) -> bool {
    let has = |word: &str| memchr::memmem::find(start, word.as_bytes()).is_some();
    ["\"eventSource\"", "\"Records\"", "AuditData", "\"CreationTime\"", "admin#reports#"].into_iter().any(has)
}

#[cfg(test)]
mod tests;
