//! The daemon says that it is alive, so that its silence means something.

use std::sync::Arc;
use std::sync::mpsc::SyncSender;
use std::time::Duration;

use tokio::time::{Interval, MissedTickBehavior, interval};

use crate::config::Settings;
use crate::model::{Heartbeat, Pulse, Record, Span, Timestamp};
use crate::sensor::inlet::Inlet;

use super::clock;

/// When the next one is due, and to whom it goes.
pub(super) struct Heartbeats {
    beat: Option<Interval>,
    every: Span,
    since: Timestamp,
    sequence: u64,
    config_hash: Arc<str>,
    records: SyncSender<Record>,
}

impl Heartbeats {
    /// The first is due at once.
    pub(super) fn new(settings: &Settings, records: SyncSender<Record>) -> Self {
        let config_hash = Arc::clone(&settings.policy.hash);
        let mut beats =
            Self { beat: None, every: Span::ZERO, since: clock::now(), sequence: 0, config_hash, records };
        beats.adopt(settings);
        beats
    }

    pub(super) async fn due(&mut self) {
        match &mut self.beat {
            Some(beat) => _ = beat.tick().await,
            None => std::future::pending().await,
        }
    }

    /// Another configuration is in force. With another pace the next one is due at once.
    pub(super) fn adopt(&mut self, settings: &Settings) {
        self.config_hash = Arc::clone(&settings.policy.hash);
        // Standard output has none: whoever reads it sees the daemon end.
        let silent = settings.outputs.is_empty();
        let every = if silent { Span::ZERO } else { settings.heartbeats.every };
        if every == self.every {
            return;
        }
        self.every = every;
        self.beat = (every > Span::ZERO).then(|| {
            let mut beat = interval(Duration::from_nanos(every.as_nanos()));
            beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
            beat
        });
    }

    pub(super) fn send(&mut self, inlet: &Inlet) {
        self.sequence += 1;
        let counts = inlet.counts();
        let counters = [
            ("events.heard", counts.heard),
            ("events.told", counts.told),
            ("events.lost", counts.lost),
            ("events.faults", counts.faults),
            ("processes", inlet.processes.len() as u64),
        ];
        let beat = Heartbeat {
            time: clock::now(),
            pulse: if self.sequence == 1 { Pulse::Start } else { Pulse::Alive },
            since: self.since,
            sequence: self.sequence,
            every: Some(self.every),
            config_hash: Arc::clone(&self.config_hash),
            counters: counters.map(|(name, count)| (name.into(), count)).to_vec(),
            coverage: Vec::new(),
        };
        if self.records.try_send(Record::Heartbeat(Box::new(beat))).is_err() {
            tracing::warn!("a heartbeat found no room among the records");
        }
    }
}
