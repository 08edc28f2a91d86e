//! Which sensor, and what to do when it fails.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep, sleep_until};

use crate::model::CoverageKind;
use crate::sensor::endpoint_security;
use crate::sensor::inlet::Inlet;
use crate::sensor::selection::Selection;
use crate::sensor::trouble::{Next, Trouble};

use super::eslogger::Child;
use super::{RunError, clock, say};

/// `--sensor`
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub enum Choice {
    /// Endpoint Security where the program may use it, else `eslogger`.
    #[default]
    Auto,
    EndpointSecurity,
    Eslogger,
}

/// Between two tries to become a client, when the last was refused for a reason that may be mended meanwhile.
const RETRY: Duration = Duration::from_secs(30);

/// After a fault of our own, before a new client: a fault that comes at once must not spin.
const AFTER_FAULT: Duration = Duration::from_secs(1);
/// Between two looks whether a client's owner still lives.
const LOOK: Duration = Duration::from_secs(1);

/// The sensor of this run.
pub(super) enum Sensor {
    Client {
        running: endpoint_security::Running,
        selection: Selection,
    },
    /// No client yet: blind, and saying so.
    Waiting {
        since: Trouble,
        until: Instant,
        selection: Selection,
    },
    Eslogger(Child),
}

impl Sensor {
    /// `selection`: where opens matter. Only Endpoint Security can be asked for no more than that.
    pub(super) fn open(choice: Choice, inlet: &Arc<Inlet>, selection: Selection) -> Result<Self, RunError> {
        match choice {
            Choice::Eslogger => Child::start(inlet).map(Self::Eslogger),
            Choice::EndpointSecurity => Self::client(inlet, selection).map_err(RunError::Sensor),
            Choice::Auto => match Self::client(inlet, selection) {
                Err(trouble) if trouble.next() == Next::Elsewhere => {
                    tracing::warn!("{trouble}: using the system's `eslogger` instead");
                    Child::start(inlet).map(Self::Eslogger)
                }
                other => other.map_err(RunError::Sensor),
            },
        }
    }

    fn client(inlet: &Arc<Inlet>, selection: Selection) -> Result<Self, Trouble> {
        match endpoint_security::start(inlet, selection.clone(), clock::now) {
            Ok(running) => {
                tracing::info!("Endpoint Security: subscribed");
                Ok(Self::Client { running, selection })
            }
            Err(trouble) if trouble.next() == Next::Retry => {
                report(inlet, &trouble);
                Ok(Self::Waiting { since: trouble, until: Instant::now() + RETRY, selection })
            }
            Err(trouble) => Err(trouble),
        }
    }

    /// Does what must be done to keep seeing; returns only if that has become impossible. May be dropped and asked
    /// again.
    pub(super) async fn mind(&mut self, inlet: &Arc<Inlet>) -> RunError {
        loop {
            match self {
                Self::Client { running, selection } => {
                    // First of all: whoever minds the sensor is called away several times a second.
                    if running.has_ended() {
                        report(inlet, &Trouble::Ended);
                        let (until, selection) = (Instant::now() + AFTER_FAULT, selection.clone());
                        *self = Self::Waiting { since: Trouble::Ended, until, selection };
                    } else {
                        sleep(LOOK).await;
                    }
                }
                Self::Eslogger(child) => return child.failure().await,
                Self::Waiting { until, .. } => {
                    sleep_until(*until).await;
                    if let Err(trouble) = self.again(inlet) {
                        return RunError::Sensor(trouble);
                    }
                }
            }
        }
    }

    fn again(&mut self, inlet: &Arc<Inlet>) -> Result<(), Trouble> {
        let Self::Waiting { since, until, selection } = self else { return Ok(()) };
        match endpoint_security::start(inlet, selection.clone(), clock::now) {
            Ok(running) => {
                tracing::info!("Endpoint Security: subscribed at last");
                let selection = selection.clone();
                *self = Self::Client { running, selection };
            }
            Err(trouble) if trouble.next() == Next::Retry => {
                if trouble != *since {
                    report(inlet, &trouble);
                    *since = trouble;
                }
                *until = Instant::now() + RETRY;
            }
            Err(trouble) => return Err(trouble),
        }
        Ok(())
    }

    /// Another policy.
    pub(super) fn adopt(&mut self, new: Selection) {
        match self {
            Self::Client { running, selection } => {
                running.adopt(new.clone());
                *selection = new;
            }
            Self::Waiting { selection, .. } => *selection = new,
            Self::Eslogger(_) => {}
        }
    }

    /// Its name, how it is in a few words, and whether that is well.
    pub(super) fn state(&self) -> (&'static str, String, bool) {
        match self {
            Self::Client { .. } => ("endpoint-security", "subscribed".to_owned(), true),
            Self::Waiting { since, .. } => {
                ("endpoint-security", format!("waiting: {since}; {}", since.remedy()), false)
            }
            Self::Eslogger(child) => match child.trouble() {
                Some(trouble) => ("eslogger", trouble, false),
                None => ("eslogger", "kept running".to_owned(), true),
            },
        }
    }

    pub(super) async fn stop(self) {
        match self {
            Self::Client { running, .. } => running.stop(),
            Self::Waiting { .. } => {}
            Self::Eslogger(child) => child.stop().await,
        }
    }
}

/// A sensor that may not look is the greatest blind spot of all.
pub(super) fn report(inlet: &Inlet, trouble: &Trouble) {
    tracing::error!("{trouble}: {}", trouble.remedy());
    say(inlet, CoverageKind::PermissionLost, &format!("nothing is seen: {trouble}; {}", trouble.remedy()));
}
