//! The thread that owns the engine.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender, SyncSender, TryRecvError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tokio::sync::{oneshot, watch};

use crate::model::{Input, Record, Span, Timestamp};
use crate::policy::Policy;

use super::clock;
use super::desk::Figures;
use super::house::Thinker;
use super::memory::Keeper;
use super::watchdog::Progress;
use super::{RunError, TICK};

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
        inputs: Receiver<Input>,
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
            let keeping = keeper.as_mut();
            if think(&mut thinker, &inputs, &adopted, &records, (&counted, &publish), keeping) {
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

/// False if nobody takes the records any more.
fn think(
    thinker: &mut Thinker,
    inputs: &Receiver<Input>,
    adopted: &Receiver<Arc<Policy>>,
    records: &SyncSender<Record>,
    (progress, figures): (&Progress, &watch::Sender<Figures>),
    mut keeper: Option<&mut Keeper>,
) -> bool {
    let mut said = Vec::new();
    loop {
        let turn = turn(inputs, thinker.due());
        adopted.try_iter().for_each(|policy| thinker.adopt(policy));
        let tick = matches!(turn, Turn::Input(Input::Tick(_)));
        match turn {
            Turn::Input(input) => {
                tracing::trace!(?input);
                thinker.feed(input, &mut said);
            }
            Turn::Due(now) => thinker.let_go(now, &mut said),
            Turn::End => return true,
        }
        progress.fetch_add(1, Ordering::Relaxed);
        if tick || !said.is_empty() {
            figures.send_modify(|figures| figures.update(thinker, &said));
            thinker.remember(&said);
        }
        if said.drain(..).any(|record| records.send(record).is_err()) {
            return false;
        }
        if tick && let Some(keeper) = keeper.as_deref_mut() {
            thinker.keep(keeper);
        }
    }
}

enum Turn {
    Input(Input),
    /// What is held back may go, at this time.
    Due(Timestamp),
    End,
}

/// What is next: an input, or the end of somebody's hold. Without this an alert would wait for whatever input comes after.
fn turn(inputs: &Receiver<Input>, due: Option<Timestamp>) -> Turn {
    match inputs.try_recv() {
        // A queue that is not empty moves time on by itself.
        Ok(input) => return Turn::Input(input),
        Err(TryRecvError::Disconnected) => return Turn::End,
        Err(TryRecvError::Empty) => {}
    }
    // What came long after its time is of a sensor that lags: let go at ticks, such a stream is put in order at least
    // between them.
    let lags = |due: &Timestamp| clock::now().since(*due) > Span::from_nanos(TICK.as_nanos() as u64);
    let Some(due) = due.filter(|due| !lags(due)) else {
        return inputs.recv().map_or(Turn::End, Turn::Input);
    };
    let wait = due.since(clock::now());
    match inputs.recv_timeout(Duration::from_nanos(wait.as_nanos())) {
        Ok(input) => Turn::Input(input),
        Err(RecvTimeoutError::Timeout) => Turn::Due(clock::now()),
        Err(RecvTimeoutError::Disconnected) => Turn::End,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_held_back_goes_when_its_time_comes() {
        let (send, inputs) = mpsc::sync_channel(4);
        let start = clock::now();
        let due = start.plus(Span::from_millis(20));
        assert!(matches!(turn(&inputs, Some(due)), Turn::Due(now) if now >= due));
        send.send(Input::Tick(start)).unwrap();
        assert!(matches!(turn(&inputs, Some(due)), Turn::Input(_)), "an input goes first");
        let late = clock::now().plus(Span::from_secs(3600));
        send.send(Input::Tick(start)).unwrap();
        assert!(matches!(turn(&inputs, Some(late)), Turn::Input(_)));
        drop(send);
        assert!(matches!(turn(&inputs, Some(late)), Turn::End));
        assert!(matches!(turn(&inputs, None), Turn::End));
    }

    #[test]
    fn a_sensor_that_lags_is_left_to_the_ticks() {
        let (send, inputs) = mpsc::sync_channel(4);
        let long_ago = clock::now().minus(Span::from_secs(60));
        let later = thread::spawn(move || {
            thread::sleep(Duration::from_millis(20));
            send.send(Input::Tick(clock::now())).unwrap();
        });
        assert!(matches!(turn(&inputs, Some(long_ago)), Turn::Input(Input::Tick(_))));
        later.join().unwrap();
    }
}
