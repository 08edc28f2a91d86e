//! The system's own log. Nobody answers: what was handed over has arrived as far as can be known.

use crate::sink::format::Level;
use crate::sink::spool::Kind;
use crate::sys::oslog::{Log, Type};

use super::short::shortened;
use super::{Message, Outcome};

/// Whether this system has it.
pub const HERE: bool = true;

#[derive(Debug)]
pub struct UnifiedLog {
    alerts: Log,
    coverage: Log,
    heartbeats: Log,
    tests: Log,
}

impl UnifiedLog {
    /// One category for each kind of record.
    pub fn new(subsystem: &str) -> Self {
        let log = |category| Log::new(subsystem, category);
        Self {
            alerts: log("alert"),
            coverage: log("coverage"),
            heartbeats: log("heartbeat"),
            tests: log("test"),
        }
    }

    pub fn send(&mut self, batch: &[Message]) -> Outcome {
        for message in batch {
            let head = &message.entry.head;
            let log = match head.kind {
                Kind::Alert => &self.alerts,
                Kind::Coverage => &self.coverage,
                Kind::Heartbeat => &self.heartbeats,
                Kind::Test => &self.tests,
            };
            log.write(kind(head.kind, head.level), &shortened(message.text.trim_end(), &head.id));
        }
        Outcome::all(batch, "handed to the unified log")
    }
}

/// Signs of life need not be kept on disk; everything else must.
fn kind(kind: Kind, level: Level) -> Type {
    match (kind, level) {
        (Kind::Heartbeat, _) => Type::Info,
        (_, Level::Critical) => Type::Fault,
        (_, Level::High) => Type::Error,
        (_, Level::Medium | Level::Low | Level::Info) => Type::Default,
    }
}
