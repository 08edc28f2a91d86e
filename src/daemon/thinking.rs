//! The thread that owns the engine.
//!
//! In: inputs from the queue, as the sensors put them there, and new policies. Out: records, which it waits to hand over;
//! figures for whoever asks how it goes; and, at ticks, states to keep.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{self, Receiver, Sender, SyncSender};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tokio::sync::{oneshot, watch};

use crate::model::{ClockStep, Input, Record, Span, Timestamp};
use crate::policy::Policy;
use crate::sensor::queue::{Outlet, Patience, Taken};

use super::RunError;
use super::beat::{REST, TICK};
use super::clock::{self, Watch};
use super::desk::Figures;
use super::house::Thinker;
use super::memory::Keeper;
use super::watchdog::Progress;

/// The shortest sleep while something is held back, as a part of the hold: what falls due in between goes together.
const GATHER: u32 = 400;
/// The shortest sleep for a sensor that lags, whose inputs wait for later ones.
const GATHER_LATE: Duration = Duration::from_millis(1);

/// The engine at work. It ends by itself when its inputs end, or when nobody takes its records any more.
pub(super) struct Thinking {
    adoptions: Sender<Arc<Policy>>,
    gone: oneshot::Receiver<()>,
    thread: JoinHandle<()>,
    progress: Progress,
    figures: watch::Receiver<Figures>,
}

impl Thinking {
    pub(super) fn start(
        mut thinker: Thinker,
        inputs: Outlet,
        records: SyncSender<Record>,
        mut keeper: Option<Keeper>,
    ) -> Result<Self, RunError> {
        let (adoptions, adopted) = mpsc::channel();
        let (here, gone) = oneshot::channel();
        let progress = Progress::default();
        let counted = Arc::clone(&progress);
        let (publish, figures) = watch::channel(Figures::default());
        let thread = thread::Builder::new().name("thinking".to_owned()).spawn(move || {
            // Dropped at the end of the thread, however it ends.
            let _here = here;
            let mut mind = Mind {
                thinker: &mut thinker,
                records: &records,
                progress: &counted,
                figures: &publish,
                keeper: keeper.as_mut(),
                clock: Watch::new(),
                said: Vec::new(),
            };
            if mind.think(&inputs, &adopted).is_ok() {
                thinker.conclude(&records);
            }
            keeper.into_iter().for_each(|keeper| keeper.keep_last(thinker.save()));
        });
        let thread = thread.map_err(|error| RunError::Start("the engine's thread", error))?;
        Ok(Self { adoptions, gone, thread, progress, figures })
    }

    /// Grows with every input that was thought about.
    pub(super) fn progress(&self) -> Progress {
        Arc::clone(&self.progress)
    }

    /// What the thread publishes of itself several times a second.
    pub(super) fn figures(&self) -> watch::Receiver<Figures> {
        self.figures.clone()
    }

    /// Another policy, from the next input on.
    pub(super) fn adopt(&self, policy: Arc<Policy>) {
        // If the thread is gone, `gone` says so.
        let _ = self.adoptions.send(policy);
    }

    /// Waits until the thread has ended. May be dropped and asked again.
    pub(super) async fn gone(&mut self) {
        if !self.gone.is_terminated() {
            let _ = (&mut self.gone).await;
        }
    }

    /// Call when [`Thinking::gone`] has returned; false if it ended by a panic.
    pub(super) fn ended_well(self) -> bool {
        self.thread.join().is_ok()
    }
}

/// Nobody takes the records any more.
struct Unheard;

/// What the thread works with.
struct Mind<'a> {
    thinker: &'a mut Thinker,
    records: &'a SyncSender<Record>,
    progress: &'a Progress,
    figures: &'a watch::Sender<Figures>,
    keeper: Option<&'a mut Keeper>,
    clock: Watch,
    said: Vec<Record>,
}

impl Mind<'_> {
    fn think(&mut self, inputs: &Outlet, adopted: &Receiver<Arc<Policy>>) -> Result<(), Unheard> {
        let (mut batch, mut busy) = (VecDeque::new(), false);
        let gather = gather(self.thinker.hold());
        loop {
            let taken = inputs.take(&mut batch, patience(self.thinker.due(), gather, busy, clock::now()));
            adopted.try_iter().for_each(|policy| self.thinker.adopt(policy));
            if taken == Taken::End {
                return Ok(());
            }
            // Before what was taken is heard: all of that was stamped by now.
            if let Some(step) = self.clock.look() {
                self.clock_set(step, clock::now())?;
            }
            busy = !batch.is_empty();
            for input in batch.drain(..) {
                self.hear(input)?;
            }
            let now = clock::now();
            if self.thinker.due().is_some_and(|due| due <= now && !lags(due, now)) {
                self.thinker.let_go(now, &mut self.said);
                self.progress.fetch_add(1, Ordering::Relaxed);
                self.tell(false)?;
            }
        }
    }

    fn clock_set(&mut self, step: ClockStep, now: Timestamp) -> Result<(), Unheard> {
        self.thinker.clock_set(step, now, &mut self.said);
        if let Some(keeper) = self.keeper.as_deref_mut() {
            keeper.clock_set(step);
        }
        self.tell(true)
    }

    fn hear(&mut self, input: Input) -> Result<(), Unheard> {
        let tick = matches!(input, Input::Tick(_));
        tracing::trace!(?input);
        self.thinker.feed(input, &mut self.said);
        self.progress.fetch_add(1, Ordering::Relaxed);
        self.tell(tick)?;
        if tick && let Some(keeper) = self.keeper.as_deref_mut() {
            self.thinker.keep(keeper);
        }
        Ok(())
    }

    fn tell(&mut self, tick: bool) -> Result<(), Unheard> {
        if tick || !self.said.is_empty() {
            self.figures.send_modify(|figures| figures.update(self.thinker, &self.said));
            self.thinker.remember(&self.said);
        }
        self.said.drain(..).try_for_each(|record| self.records.send(record).map_err(|_| Unheard))
    }
}

/// How long nothing need be done. `due` is when what is held back longest may go; whatever comes meanwhile waits at least
/// as long.
fn patience(due: Option<Timestamp>, gather: Duration, busy: bool, now: Timestamp) -> Patience {
    match due {
        None => Patience::Any,
        Some(due) if !lags(due, now) => {
            let wait = Duration::from_nanos(due.since(now).as_nanos());
            Patience::Until(wait.clamp(gather, REST))
        }
        Some(_) if busy => Patience::Until(GATHER_LATE),
        Some(_) => Patience::Any,
    }
}

/// How long due inputs may collect before they are released together: a fraction of the hold, which delays no alert much.
fn gather(hold: Span) -> Duration {
    (Duration::from_nanos(hold.as_nanos()) / GATHER).min(TICK)
}

/// What came long after its time is of a sensor that lags: let go at ticks, such a stream is put in order at least between
/// them.
fn lags(due: Timestamp, now: Timestamp) -> bool {
    now.since(due) > Span::from_nanos(TICK.as_nanos() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sleeps_until_what_is_held_back_may_go() {
        let now = clock::now();
        let patience = |due, busy| patience(due, gather(Span::from_millis(400)), busy, now);
        let due = |millis| Some(now.plus(Span::from_millis(millis)));
        assert_eq!(patience(None, true), Patience::Any);
        assert_eq!(patience(due(20), false), Patience::Until(Duration::from_millis(20)));
        assert_eq!(patience(Some(now), true), Patience::Until(Duration::from_millis(1)));
        assert_eq!(patience(due(60_000), false), Patience::Until(REST), "beats are heard meanwhile");
        assert_eq!(gather(Span::from_secs(3600)), TICK);
    }

    #[test]
    fn a_sensor_that_lags_is_left_to_its_inputs_and_the_ticks() {
        let now = clock::now();
        let long_ago = now.minus(Span::from_secs(60));
        let gather = Duration::from_millis(3);
        assert_eq!(patience(Some(long_ago), gather, true, now), Patience::Until(GATHER_LATE));
        assert_eq!(patience(Some(long_ago), gather, false, now), Patience::Any);
    }
}
