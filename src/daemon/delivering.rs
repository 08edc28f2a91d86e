//! Records on their way to the configured outputs: kept on disk first, then sent.
//!
//! ```text
//!  records ─► voice (render, group commit, fsync) ─► spool ─► senders (one task for each output) ─► receivers
//! ```

use std::collections::BTreeMap;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use crate::config::Settings;
use crate::model::{Coverage, CoverageKind, Heartbeat, Pulse, Record};
use crate::sink::counters::Board;
use crate::sink::form::Form;
use crate::sink::output::{Output, head};
use crate::sink::spool::{Draft, Loss, LossKind, Options, Shared, Writer};

use super::RunError;
use super::clock;
use super::senders::Senders;

/// Between two looks at what can wait.
pub(super) const TEND: Duration = Duration::from_millis(100);

/// The outputs that there are to be, and how their records wait.
pub(super) struct Plan {
    pub outputs: Vec<Output>,
    pub spool: Options,
}

impl Plan {
    pub(super) fn of(settings: &Settings) -> Self {
        Self { outputs: settings.outputs.clone(), spool: settings.spool.clone() }
    }

    fn names(&self) -> Vec<&str> {
        self.outputs.iter().map(|output| output.name.as_str()).collect()
    }
}

/// Keeps records on disk, and has them sent.
pub(super) struct Delivering {
    writer: Writer,
    shared: Arc<Shared>,
    senders: Senders,
    board: Arc<Board>,
    forms: Vec<(String, Form)>,
    /// What could not be seen so far, for heartbeats.
    unseen: BTreeMap<CoverageKind, u64>,
    last_heartbeat: Option<Heartbeat>,
    tended: Instant,
}

impl Delivering {
    /// Opens the spool and starts the outputs.
    pub(super) fn open(plan: Plan, board: &Arc<Board>) -> Result<Self, RunError> {
        let opened = Writer::open(plan.spool.clone(), &plan.names());
        let opened = opened.map_err(|error| RunError::Spool(plan.spool.path.clone(), error))?;
        opened.remarks.iter().for_each(|remark| tracing::warn!("spool: {remark}"));
        let senders = Senders::start(Arc::clone(&opened.shared), Arc::clone(board))?;
        let mut delivering = Self {
            writer: opened.writer,
            shared: opened.shared,
            senders,
            board: Arc::clone(board),
            forms: Vec::new(),
            unseen: BTreeMap::new(),
            last_heartbeat: None,
            tended: Instant::now(),
        };
        delivering.adopt(plan);
        for look in board.look() {
            tracing::info!(output = %look.name, kind = look.kind, spooled = look.spooled, "delivering");
        }
        Ok(delivering)
    }

    /// Other outputs, from the next record on.
    pub(super) fn adopt(&mut self, plan: Plan) {
        self.writer.adopt(&plan.spool, &plan.names());
        let forms: BTreeMap<String, Form> =
            plan.outputs.iter().map(|output| (output.form_key(), output.form())).collect();
        self.forms = forms.into_iter().collect();
        self.board.list(Arc::clone(&self.shared), &plan.outputs);
        self.senders.serve(plan.outputs, self.writer.next());
    }

    /// There is an output for records to go to.
    pub(super) fn serves(&self) -> bool {
        !self.forms.is_empty()
    }

    /// All of them with one sync.
    pub(super) fn raise(&mut self, records: impl Iterator<Item = Record>) {
        let mut drafts = Vec::new();
        for (sequence, mut record) in (self.writer.next()..).zip(records) {
            match &mut record {
                Record::Coverage(coverage) => {
                    *self.unseen.entry(coverage.kind).or_default() += coverage.count;
                }
                Record::Heartbeat(beat) => self.fill(beat),
                Record::Alert(_) => {}
            }
            let write = |(key, form): &(String, Form)| (key.clone(), form.write(&record, sequence));
            drafts.push(Draft { head: head(&record), forms: self.forms.iter().map(write).collect() });
        }
        let ids: Vec<String> = drafts
            .iter()
            .filter(|_| tracing::enabled!(tracing::Level::DEBUG))
            .map(|draft| draft.head.id.clone())
            .collect();
        self.writer.raise(drafts, clock::now());
        ids.iter().for_each(|id| tracing::debug!(id, "raised"));
    }

    /// Adds what only this thread knows.
    fn fill(&mut self, beat: &mut Heartbeat) {
        for look in self.board.look() {
            let counters = [
                ("sent", look.sent),
                ("acked", look.acked),
                ("refused", look.refused),
                ("failures", look.failures),
                ("spooled", look.spooled),
                ("spooled_bytes", look.spooled_bytes),
            ];
            let named = counters.map(|(name, count)| (format!("output.{}.{name}", look.name).into(), count));
            beat.counters.extend(named);
        }
        beat.coverage = self.unseen.iter().map(|(kind, count)| (*kind, *count)).collect();
        self.last_heartbeat = Some(beat.clone());
    }

    /// Everything that can wait; call it several times a second. Returns what must be told.
    pub(super) fn tend(&mut self) -> Vec<Record> {
        if self.tended.elapsed() < TEND {
            return Vec::new();
        }
        self.tended = Instant::now();
        self.writer.tend(clock::now()).into_iter().map(|loss| Record::Coverage(told(loss))).collect()
    }

    /// Nothing waits to be delivered, kept or told: until the next record there is little to tend.
    pub(super) fn rests(&self) -> bool {
        self.writer.rests()
    }

    /// The end: what is left is sent, as far as that goes.
    pub(super) fn close(mut self) {
        self.last_words();
        self.senders.finish();
        while !self.senders.is_finished() {
            thread::sleep(Duration::from_millis(20));
            let losses = self.tend();
            self.raise(losses.into_iter());
        }
        // For the next start to deliver: after it nobody knows any more.
        let losses = self.writer.untold();
        self.raise(losses.into_iter().map(|loss| Record::Coverage(told(loss))));
        self.writer.close(clock::now());
    }

    /// Silence after this one is meant.
    fn last_words(&mut self) {
        if let Some(mut beat) = self.last_heartbeat.take().filter(|_| self.serves()) {
            beat.counters.retain(|(name, _)| !name.starts_with("output."));
            (beat.time, beat.pulse, beat.every) = (clock::now(), Pulse::Stop, None);
            beat.sequence += 1;
            self.raise(std::iter::once(Record::Heartbeat(Box::new(beat))));
        }
    }
}

fn told(loss: Loss) -> Coverage {
    let kind = match loss.kind {
        LossKind::Dropped => CoverageKind::OutputDropped,
        LossKind::Failing => CoverageKind::SpoolFailing,
    };
    tracing::error!(count = loss.count, "{}", loss.text);
    Coverage { kind, start: loss.start, end: loss.end, count: loss.count, text: loss.text }
}
