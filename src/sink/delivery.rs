//! One output's task: from the spool to its receiver, in order, until the receiver has it.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::counters::{Counters, State};
use super::output::Output;
use super::spool::{Entry, Shared};
use super::transport::{Backoff, Failure, Link, Message, Outcome};

/// Records that are sent and not confirmed, at most: what a break costs is sent again. Fewer after a break, more with
/// every confirmation.
const MOST: u64 = 1 << 16;
const LEAST: u64 = 256;
const FIRST: u64 = 4096;
/// Records and bytes of a batch, at most.
const BATCH: usize = 500;
const BATCH_BYTES: u64 = 1 << 20;

/// An output at work.
pub struct Delivery {
    output: Output,
    key: String,
    spool: Arc<Shared>,
    counters: Arc<Counters>,
    link: Link,
    backoff: Backoff,
    /// The first record that was not handed over yet.
    next: u64,
    /// Handed over and not confirmed: the number behind the last record of a batch, and how many it had.
    unconfirmed: VecDeque<(u64, u64)>,
    /// Between [`LEAST`] and [`MOST`].
    window: u64,
    /// Smaller after the receiver found a batch too large.
    batch: usize,
    /// Records from here on are not for this output.
    before: u64,
    pace: Pace,
}

/// How long an output goes on.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub enum Stay {
    #[default]
    On,
    /// Until nothing is left to send or to confirm.
    Settle,
    /// The same, for records before this number: the output is no longer configured.
    Leave { before: u64 },
}

/// What to do after a step.
enum Step {
    Again,
    Wait(Duration),
    /// Nothing to send.
    Idle,
}

impl Step {
    /// Whoever told of a change may be gone: then look again in a while.
    fn of(told: bool) -> Self {
        if told { Self::Again } else { Self::Wait(Duration::from_millis(100)) }
    }
}

impl Delivery {
    pub fn new(output: Output, spool: Arc<Shared>, counters: Arc<Counters>) -> Self {
        let next = spool.cursor(&output.name);
        Self {
            key: output.form_key(),
            link: Link::new(&output.to),
            backoff: Backoff::default(),
            next,
            unconfirmed: VecDeque::new(),
            window: FIRST,
            batch: BATCH,
            before: u64::MAX,
            pace: Pace::new(output.rate),
            output,
            spool,
            counters,
        }
    }

    /// Delivers as long as `stay` says, or until nobody says so any more. Dropping it is safe at any moment.
    pub async fn run(&mut self, mut stay: watch::Receiver<Stay>) {
        let mut raised = self.spool.raised();
        loop {
            raised.mark_unchanged();
            let told = *stay.borrow_and_update();
            let ending = told != Stay::On || stay.has_changed().is_err();
            if let Stay::Leave { before } = told {
                self.before = before;
            }
            if ending {
                self.link.hurry();
            }
            let mut step = self.step().await;
            if matches!(step, Step::Idle) {
                if ending && self.settled() {
                    return;
                }
                step = tokio::select! {
                    changed = raised.changed(), if raised.has_changed().is_ok() => Step::of(changed.is_ok()),
                    changed = stay.changed(), if !ending => Step::of(changed.is_ok()),
                    progress = self.link.progress(true) => self.progressed(progress),
                };
            }
            if let Step::Wait(pause) = step {
                tokio::select! {
                    () = sleep(pause) => {}
                    _ = stay.changed(), if !ending => {}
                }
            }
        }
    }

    /// Gives up the output's place in the spool. What it never got is counted as lost.
    pub fn leave(mut self) {
        self.next = self.spool.cursor(&self.output.name);
        loop {
            let (left, next) = self.collect();
            left.iter().for_each(|message| self.spool.leave_behind(&self.output.name, &message.entry));
            if next <= self.next {
                break;
            }
            self.next = next;
        }
        self.spool.forget(&self.output.name);
    }

    /// Sends the next batch, if there is one.
    async fn step(&mut self) -> Step {
        if self.on_the_way() >= self.window {
            self.counters.is(State::Confirming);
            return Step::Idle;
        }
        let (batch, next) = self.collect();
        if batch.is_empty() && next > self.next {
            self.next = next;
            return Step::Again;
        }
        if batch.is_empty() {
            if self.settled() {
                self.spool.ack(&self.output.name, self.next);
            }
            self.counters.is(if self.settled() { State::Idle } else { State::Confirming });
            return Step::Idle;
        }
        self.pace.wait(batch.len()).await;
        self.counters.is(State::Sending);
        let outcome = self.link.send(&batch).await;
        self.note(&batch, next, &outcome);
        if let Some(failure) = &outcome.failure {
            return self.failed(failure, batch.len());
        }
        // Confirmations that are there already.
        match timeout(Duration::ZERO, self.link.progress(false)).await {
            Ok(progress) => self.progressed(progress),
            Err(_) => Step::Again,
        }
    }

    /// What became of a batch; `next` is the number to go on from if all of it was taken.
    fn note(&mut self, batch: &[Message], next: u64, outcome: &Outcome) {
        self.counters.sent.fetch_add(outcome.taken as u64, Ordering::Relaxed);
        for (number, reason) in &outcome.refused {
            self.counters.refused.fetch_add(1, Ordering::Relaxed);
            tracing::warn!(output = %self.output.name, "a record was refused for good: {reason}");
            if let Some(message) = batch.get(*number) {
                self.spool.refuse(&self.output.name, &message.entry, reason);
            }
        }
        let Some(last) = outcome.taken.checked_sub(1).and_then(|last| batch.get(last)) else { return };
        self.next = if outcome.taken == batch.len() { next } else { last.entry.seq + 1 };
        let counted = outcome.taken.saturating_sub(outcome.refused.len()) as u64;
        self.unconfirmed.push_back((last.entry.seq + 1, counted));
        if !self.link.confirms_later() {
            self.confirmed(self.next);
        }
    }

    /// Messages that this output wants, and the number to go on from.
    fn collect(&self) -> (Vec<Message>, u64) {
        if self.next >= self.before {
            return (Vec::new(), self.next);
        }
        let taken = self.spool.take(self.next, self.pace.limit(self.batch), BATCH_BYTES);
        let wanted = |entry: &Arc<Entry>| entry.seq < self.before && self.output.choice.takes(&entry.head);
        let mut batch = Vec::new();
        for entry in taken.entries.into_iter().filter(wanted) {
            match entry.form(&self.key).map(str::to_owned) {
                Some(text) => batch.push(Message { entry, text }),
                None => {
                    let reason = "it was raised before this output was configured";
                    self.spool.refuse(&self.output.name, &entry, reason);
                }
            }
        }
        (batch, taken.next)
    }

    fn progressed(&mut self, progress: Result<u64, Failure>) -> Step {
        match progress {
            Ok(next) => {
                self.confirmed(next);
                Step::Again
            }
            Err(failure) => self.failed(&failure, self.batch),
        }
    }

    /// The receiver has everything before `next`.
    fn confirmed(&mut self, next: u64) {
        while let Some((_, count)) = self.unconfirmed.front().filter(|(after, _)| *after <= next) {
            self.counters.acked.fetch_add(*count, Ordering::Relaxed);
            self.unconfirmed.pop_front();
        }
        self.window = (self.window * 2).min(MOST);
        self.backoff.succeeded();
        self.spool.ack(&self.output.name, next);
    }

    fn failed(&mut self, failure: &Failure, size: usize) -> Step {
        self.counters.failed(&failure.text);
        tracing::warn!(output = %self.output.name, "{}", failure.text);
        self.link.reset();
        // Whatever was not confirmed goes out again, in its order.
        self.unconfirmed.clear();
        self.window = (self.window / 2).max(LEAST);
        self.next = self.spool.cursor(&self.output.name);
        if failure.too_large && size > 1 {
            self.batch = size / 2;
            return Step::Again;
        }
        self.batch = BATCH;
        Step::Wait(self.backoff.failed(failure.wait))
    }

    fn on_the_way(&self) -> u64 {
        self.unconfirmed.iter().map(|(_, count)| count).sum()
    }

    fn settled(&self) -> bool {
        self.unconfirmed.is_empty() && !self.link.waits()
    }
}

/// Delays, never loses: as many records a second as the output's `rate` allows.
struct Pace {
    rate: u32,
    free: Instant,
}

impl Pace {
    fn new(rate: u32) -> Self {
        Self { rate, free: Instant::now() }
    }

    /// At most a second's worth in one batch.
    fn limit(&self, batch: usize) -> usize {
        if self.rate == 0 { batch } else { batch.min((self.rate as usize).div_ceil(10)) }
    }

    async fn wait(&mut self, count: usize) {
        if self.rate == 0 {
            return;
        }
        sleep_until(self.free).await;
        let cost = Duration::from_secs(1).mul_f64(count as f64 / f64::from(self.rate));
        self.free = self.free.max(Instant::now()) + cost;
    }
}
