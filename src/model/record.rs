//! What the engine says.

use std::sync::Arc;

use super::{Alert, Coverage, CoverageKind, Span, Timestamp};

/// Why the daemon speaks of itself.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Pulse {
    Start,
    Alive,
    Stop,
    /// Asked for by a person who wants to see it arrive.
    Test,
}

impl Pulse {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Alive => "alive",
            Self::Stop => "stop",
            Self::Test => "test",
        }
    }
}

/// The daemon is alive: a receiver that hears no more of these has reason to ask.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Heartbeat {
    pub time: Timestamp,
    pub pulse: Pulse,
    /// When this daemon started.
    pub since: Timestamp,
    /// Rises by one with each of this daemon.
    pub sequence: u64,
    /// The next one comes no later than this after `time`; nothing if none will.
    pub every: Option<Span>,
    /// 16 hex digits of the SHA-256 of the effective configuration.
    pub config_hash: Arc<str>,
    /// Totals since the start, by name.
    pub counters: Vec<(Box<str>, u64)>,
    /// What could not be seen since the start, and how many times.
    pub coverage: Vec<(CoverageKind, u64)>,
}

/// One line of output.
#[derive(Clone, PartialEq, Debug)]
pub enum Record {
    Alert(Box<Alert>),
    Coverage(Coverage),
    Heartbeat(Box<Heartbeat>),
}

impl Record {
    pub fn time(&self) -> Timestamp {
        match self {
            Self::Alert(alert) => alert.time,
            Self::Coverage(coverage) => coverage.end,
            Self::Heartbeat(heartbeat) => heartbeat.time,
        }
    }
}
