//! Records on their way to the configured outputs: a thread that keeps them on disk, and one that runs the outputs.
//!
//! ```text
//!  records ─► spooling (render, group commit, fsync) ─► spool ─► outputs (one task each) ─► receivers
//! ```

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use tokio::sync::{oneshot, watch};
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::config::Settings;
use crate::model::{Coverage, CoverageKind, Heartbeat, Pulse, Record};
use crate::sink::counters::Board;
use crate::sink::delivery::Delivery;
use crate::sink::output::{Form, Output, head};
use crate::sink::spool::{Draft, Loss, LossKind, Shared, Writer};

use super::RunError;
use super::clock;

/// Records on their way to the disk. Above it the engine waits.
const RECORDS: usize = 1024;
/// Between two looks at what can wait.
const TEND: Duration = Duration::from_millis(100);
/// For the outputs to send what is left, at the end. What they do not send stays in the spool.
const GRACE: Duration = Duration::from_secs(6);

/// The outputs at work.
pub(super) struct Delivering {
    gone: oneshot::Receiver<()>,
    spooling: JoinHandle<()>,
    board: Arc<Board>,
}

impl Delivering {
    pub(super) fn start(settings: &Settings) -> Result<(Self, SyncSender<Record>), RunError> {
        let outputs = &settings.outputs;
        let names: Vec<&str> = outputs.iter().map(|output| output.name.as_str()).collect();
        let opened = Writer::open(settings.spool.clone(), &names);
        let opened = opened.map_err(|error| RunError::Spool(settings.spool.path.clone(), error))?;
        opened.remarks.iter().for_each(|remark| tracing::warn!("spool: {remark}"));
        let board = Arc::new(Board::new(Arc::clone(&opened.shared), outputs));
        let (stop, stopping) = watch::channel(false);
        let senders = send(outputs.clone(), opened.shared, Arc::clone(&board), stopping)?;
        let (records, heard) = sync_channel(RECORDS);
        let (here, gone) = oneshot::channel();
        let spooler = Spooler::new(opened.writer, outputs, Arc::clone(&board));
        let spooling = thread::Builder::new().name("spooling".to_owned()).spawn(move || {
            let _here = here;
            spooler.run(&heard, &stop, &senders);
        });
        let spooling = spooling.map_err(|error| RunError::Start("the spool's thread", error))?;
        for look in board.look() {
            tracing::info!(output = %look.name, kind = look.kind, spooled = look.spooled, "delivering");
        }
        Ok((Self { gone, spooling, board }, records))
    }

    /// What `status` reads.
    pub(super) fn board(&self) -> Arc<Board> {
        Arc::clone(&self.board)
    }

    pub(super) async fn gone(&mut self) {
        if !self.gone.is_terminated() {
            let _ = (&mut self.gone).await;
        }
    }

    /// Call when [`Delivering::gone`] has returned.
    pub(super) fn outcome(self) -> io::Result<()> {
        let ended = self.spooling.join();
        ended.map_err(|_| io::Error::other("a fault of cloudward while keeping a record"))
    }
}

/// Runs the outputs on a thread of their own, until they are done or the grace is over.
fn send(
    outputs: Vec<Output>,
    spool: Arc<Shared>,
    board: Arc<Board>,
    mut stopping: watch::Receiver<bool>,
) -> Result<JoinHandle<()>, RunError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| RunError::Start("the outputs' runtime", error))?;
    let thread = thread::Builder::new().name("delivering".to_owned()).spawn(move || {
        runtime.block_on(async {
            let mut tasks = JoinSet::new();
            for output in outputs {
                let counters = board.counters(&output.name);
                tasks.spawn(Delivery::new(output, Arc::clone(&spool), counters).run(stopping.clone()));
            }
            let _ = stopping.wait_for(|stop| *stop).await;
            if timeout(GRACE, tasks.join_all()).await.is_err() {
                tracing::warn!("not every output took everything in time: the spool keeps the rest");
            }
        });
    });
    thread.map_err(|error| RunError::Start("the outputs' thread", error))
}

/// Keeps records on disk.
struct Spooler {
    writer: Writer,
    board: Arc<Board>,
    forms: Vec<(String, Form)>,
    /// What could not be seen so far, for heartbeats.
    unseen: BTreeMap<CoverageKind, u64>,
    last_heartbeat: Option<Heartbeat>,
    tended: Instant,
}

impl Spooler {
    fn new(writer: Writer, outputs: &[Output], board: Arc<Board>) -> Self {
        let forms: BTreeMap<String, Form> =
            outputs.iter().map(|output| (output.form_key(), output.form())).collect();
        let forms = forms.into_iter().collect();
        let (unseen, last_heartbeat, tended) = (BTreeMap::new(), None, Instant::now());
        Self { writer, board, forms, unseen, last_heartbeat, tended }
    }

    fn run(mut self, records: &Receiver<Record>, stop: &watch::Sender<bool>, senders: &JoinHandle<()>) {
        loop {
            match records.recv_timeout(TEND) {
                Ok(record) => self.raise(std::iter::once(record).chain(records.try_iter().take(RECORDS))),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            self.tend();
        }
        self.last_words();
        stop.send_replace(true);
        while !senders.is_finished() {
            thread::sleep(Duration::from_millis(20));
            self.tend();
        }
        self.writer.close(clock::now());
    }

    /// All of them with one sync.
    fn raise(&mut self, records: impl Iterator<Item = Record>) {
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

    /// Silence after this one is meant.
    fn last_words(&mut self) {
        if let Some(mut beat) = self.last_heartbeat.take() {
            beat.counters.retain(|(name, _)| !name.starts_with("output."));
            (beat.time, beat.pulse, beat.every) = (clock::now(), Pulse::Stop, None);
            beat.sequence += 1;
            self.raise(std::iter::once(Record::Heartbeat(Box::new(beat))));
        }
    }

    fn tend(&mut self) {
        if self.tended.elapsed() < TEND {
            return;
        }
        self.tended = Instant::now();
        let losses = self.writer.tend(clock::now());
        if !losses.is_empty() {
            self.raise(losses.into_iter().map(|loss| Record::Coverage(told(loss))));
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
