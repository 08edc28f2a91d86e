//! How it goes, in the daemon's own log.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::{Interval, MissedTickBehavior, interval};

use crate::model::Span;
use crate::sensor::inlet::{Counts, Inlet};
use crate::sensor::tap::Meter;
use crate::sink::counters::{Board, Look, State};

use super::clock;

const EVERY: Duration = Duration::from_secs(60);
/// How long a process that ended stays in the live table.
const AFTERLIFE: Span = Span::from_secs(60);

/// Reports now and then, and sweeps the live table while it is at it.
pub(super) struct Health {
    beat: Interval,
    last: Counts,
}

impl Health {
    pub(super) fn new() -> Self {
        let mut beat = interval(EVERY);
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        beat.reset();
        Self { beat, last: Counts::default() }
    }

    pub(super) async fn due(&mut self) {
        self.beat.tick().await;
    }

    pub(super) fn report(&mut self, inlet: &Inlet, meter: &Meter) {
        inlet.processes.forget(clock::now().minus(AFTERLIFE));
        let counts = inlet.counts();
        if counts.lost > self.last.lost || counts.faults > self.last.faults {
            log_counts(inlet, "events were lost", true);
        } else {
            log_counts(inlet, "well", false);
        }
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let (packets, flows, dropped) = (count(&meter.packets), count(&meter.flows), count(&meter.dropped));
        tracing::info!(packets, flows, dropped, "packet tap");
        if counts.heard == self.last.heard {
            tracing::warn!("nothing was heard for {EVERY:?}: a silent sensor is no clean Mac");
        }
        self.last = counts;
    }
}

/// The sum of a run.
pub(super) fn last_words(inlet: &Inlet) {
    log_counts(inlet, "stopped", inlet.counts().lost > 0);
}

/// How each output goes.
pub(super) fn log_outputs(board: &Board) {
    for Look { name, state, sent, acked, refused, spooled, last_error, .. } in board.look() {
        let (output, state) = (name, state.as_str());
        if state == State::Failing.as_str() {
            let error = last_error.unwrap_or_default();
            tracing::warn!(output, sent, acked, refused, spooled, "{state}: {error}");
        } else {
            tracing::info!(output, sent, acked, refused, spooled, "{state}");
        }
    }
}

fn log_counts(inlet: &Inlet, state: &str, loud: bool) {
    let Counts { heard, told, lost, faults } = inlet.counts();
    let (processes, no_room) = (inlet.processes.len(), inlet.processes.refused());
    if loud {
        tracing::warn!(heard, told, lost, faults, processes, no_room, "{state}");
    } else {
        tracing::info!(heard, told, lost, faults, processes, no_room, "{state}");
    }
}
