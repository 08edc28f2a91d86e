//! How each output goes: written by its task, read by whoever asks.
//!
//! `daemon::run` keeps one [`Board`]; a status reader holds a clone of the `Arc` and calls [`Board::look`].

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::model::Timestamp;

use super::output::Output;
use super::spool::Shared;

/// Longest error text that is kept.
const LONGEST: usize = 300;

#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub enum State {
    /// Nothing to send.
    #[default]
    Idle,
    Sending,
    /// Sent, the receiver's word is awaited.
    Confirming,
    /// The last try failed; another comes.
    Failing,
}

impl State {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Sending => "sending",
            Self::Confirming => "confirming",
            Self::Failing => "failing",
        }
    }
}

/// One output's numbers since the start.
#[derive(Default, Debug)]
pub struct Counters {
    /// Handed over, those that were sent again included.
    pub(super) sent: AtomicU64,
    pub(super) acked: AtomicU64,
    /// The receiver will never take them.
    pub(super) refused: AtomicU64,
    pub(super) failures: AtomicU64,
    now: Mutex<(State, Option<String>)>,
}

impl Counters {
    fn now(&self) -> MutexGuard<'_, (State, Option<String>)> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn is(&self, state: State) {
        self.now().0 = state;
    }

    pub(super) fn failed(&self, error: &str) {
        self.failures.fetch_add(1, Ordering::Relaxed);
        *self.now() = (State::Failing, Some(error.chars().take(LONGEST).collect()));
    }
}

/// What one output looks like at a moment.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Look {
    pub name: String,
    /// As configuration names it.
    pub kind: &'static str,
    pub state: State,
    /// Records handed over since the start, those that were sent again included.
    pub sent: u64,
    /// Records that the receiver has.
    pub acked: u64,
    /// Records that the receiver will never take.
    pub refused: u64,
    /// Tries that failed.
    pub failures: u64,
    /// Records and bytes in the spool that this output still has to get, and when the oldest was raised.
    pub spooled: u64,
    pub spooled_bytes: u64,
    pub oldest: Option<Timestamp>,
    /// The last error; stays when it is over.
    pub last_error: Option<String>,
}

/// An output's name, its type, and how it goes.
type Listed = (String, &'static str, Arc<Counters>);

/// The outputs of this run. There are none before the first [`Board::list`].
#[derive(Default, Debug)]
pub struct Board(Mutex<Option<(Arc<Shared>, Vec<Listed>)>>);

impl Board {
    pub fn new(spool: Arc<Shared>, outputs: &[Output]) -> Self {
        let board = Self::default();
        board.list(spool, outputs);
        board
    }

    /// These are the outputs from now on. Those that were there before count on.
    pub fn list(&self, spool: Arc<Shared>, outputs: &[Output]) {
        let of = |output: &Output| (output.name.clone(), output.type_name(), self.counters(&output.name));
        let listed = outputs.iter().map(of).collect();
        *self.now() = Some((spool, listed));
    }

    fn now(&self) -> MutexGuard<'_, Option<(Arc<Shared>, Vec<Listed>)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn counters(&self, output: &str) -> Arc<Counters> {
        let now = self.now();
        let found = now.iter().flat_map(|(_, listed)| listed).find(|(name, _, _)| name == output);
        found.map_or_else(Arc::default, |(_, _, counters)| Arc::clone(counters))
    }

    /// Every output as it is now. Takes a walk over the spool's index: for people and heartbeats.
    pub fn look(&self) -> Vec<Look> {
        let Some((spool, listed)) = self.now().clone() else { return Vec::new() };
        let looks = listed.iter().map(|(name, kind, counters)| {
            let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
            let backlog = spool.backlog(name);
            let (state, last_error) = counters.now().clone();
            Look {
                name: name.clone(),
                kind,
                state,
                sent: count(&counters.sent),
                acked: count(&counters.acked),
                refused: count(&counters.refused),
                failures: count(&counters.failures),
                spooled: backlog.records,
                spooled_bytes: backlog.bytes,
                oldest: backlog.oldest,
                last_error,
            }
        });
        looks.collect()
    }
}
