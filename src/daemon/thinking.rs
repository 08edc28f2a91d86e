//! The thread that owns the engine.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{self, Receiver, Sender, SyncSender};
use std::thread::{self, JoinHandle};

use tokio::sync::{oneshot, watch};

use crate::model::{Input, Record};
use crate::policy::Policy;

use super::RunError;
use super::desk::Figures;
use super::house::Thinker;
use super::memory::Keeper;
use super::watchdog::Progress;

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
    for input in inputs {
        tracing::trace!(?input);
        adopted.try_iter().for_each(|policy| thinker.adopt(policy));
        let tick = matches!(input, Input::Tick(_));
        thinker.feed(input, &mut said);
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
    true
}
