//! Where records go: standard output, or the outputs of the configuration.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::SyncSender;

use crate::config::Settings;
use crate::model::{Record, Span};
use crate::sink::counters::Board;

use super::RunError;
use super::delivering::Delivering;
use super::heartbeat::Heartbeats;
use super::speaking::Speaking;

/// Whoever takes the records of this run. It ends when there are no more.
pub(super) enum Voice {
    Speaking(Speaking),
    Delivering(Delivering),
}

impl Voice {
    pub(super) fn start(settings: &Settings) -> Result<(Self, SyncSender<Record>), RunError> {
        if settings.outputs.is_empty() {
            Speaking::start().map(|(voice, records)| (Self::Speaking(voice), records))
        } else {
            Delivering::start(settings).map(|(voice, records)| (Self::Delivering(voice), records))
        }
    }

    /// How the outputs go, for whoever reports it; nothing where records go to standard output.
    pub(super) fn board(&self) -> Option<Arc<Board>> {
        match self {
            Self::Speaking(_) => None,
            Self::Delivering(voice) => Some(voice.board()),
        }
    }

    /// Standard output has none: whoever reads it sees the daemon end.
    pub(super) fn heartbeats(&self, settings: &Settings, records: &SyncSender<Record>) -> Heartbeats {
        let every = match self {
            Self::Speaking(_) => Span::ZERO,
            Self::Delivering(_) => settings.heartbeats.every,
        };
        Heartbeats::new(every, &settings.policy.hash, records.clone())
    }

    pub(super) async fn gone(&mut self) {
        match self {
            Self::Speaking(voice) => voice.gone().await,
            Self::Delivering(voice) => voice.gone().await,
        }
    }

    /// Call when [`Voice::gone`] has returned.
    pub(super) fn outcome(self) -> io::Result<()> {
        match self {
            Self::Speaking(voice) => voice.outcome(),
            Self::Delivering(voice) => voice.outcome(),
        }
    }
}
