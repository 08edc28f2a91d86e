//! Answers at the control socket: gathers what the parts know of themselves.

use std::collections::VecDeque;
use std::io::ErrorKind;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use tokio::sync::{oneshot, watch};

use crate::config::{Origin, Provenance, Settings, Socket};
use crate::engine::{Occupancy, Stats};
use crate::model::{Record, Timestamp};
use crate::sensor::inlet::Inlet;
use crate::sensor::processes::Processes;
use crate::sensor::tap::Meter;
use crate::sink::{
    counters::{Board, Look},
    format::brief,
};

use super::house::Thinker;
use super::sensors::Sensor;
use super::status::{self, Configuration, Control, LAST_ALERTS, Rates, Status, Total, Value};
use super::tapping::Tapping;
use super::{Options, clock};

/// What the engine's thread publishes of itself.
#[derive(Clone, Debug, Default)]
pub(super) struct Figures {
    stats: Stats,
    tables: Vec<Occupancy>,
    /// One line each, the newest last.
    last: VecDeque<Arc<str>>,
}

impl Figures {
    pub(super) fn update(&mut self, thinker: &Thinker, said: &[Record]) {
        (self.stats, self.tables) = thinker.figures();
        for line in said.iter().filter_map(brief) {
            self.last.push_back(Arc::from(line));
        }
        while self.last.len() > LAST_ALERTS {
            self.last.pop_front();
        }
    }
}

/// The daemon's front desk.
pub(super) struct Desk {
    control: Option<Control>,
    figures: watch::Receiver<Figures>,
    started: Timestamp,
    /// Events and packets.
    rates: Rates<2>,
    configuration: Configuration,
}

impl Desk {
    /// Without a socket nobody can ask; that is said, and no reason not to run.
    pub(super) fn open(options: &Options, settings: &Settings, figures: watch::Receiver<Figures>) -> Self {
        let control = place(&settings.socket).and_then(|path| match Control::open(&path) {
            Ok(control) => {
                tracing::info!("`cloudward status` is answered at {}", path.display());
                Some(control)
            }
            // Only root makes files in /var/run; whoever is not asked for nothing else.
            Err(error) if settings.socket == Socket::Auto && error.kind() == ErrorKind::PermissionDenied => {
                tracing::info!(
                    "not root: `cloudward status` is answered only at a `[daemon] socket` of your own"
                );
                None
            }
            Err(error) => {
                tracing::warn!("`cloudward status` will not be answered: {}: {error}", path.display());
                None
            }
        });
        let started = clock::now();
        let file = options.config.as_ref().map(|path| path.display().to_string());
        let configuration = Configuration { file, ..in_force(settings, started) };
        Self { control, figures, started, rates: Rates::new(), configuration }
    }

    /// The next question. May be dropped and asked again.
    pub(super) async fn question(&mut self) -> oneshot::Sender<Status> {
        match &mut self.control {
            Some(control) => control.question().await,
            None => std::future::pending().await,
        }
    }

    /// Notes how much was heard until now; returns the sum.
    pub(super) fn sample(&mut self, inlet: &Inlet, meter: &Meter) -> u64 {
        let counts = [inlet.counts().heard, meter.packets.load(Ordering::Relaxed)];
        self.rates.sample(Instant::now(), counts);
        counts.into_iter().fold(0, u64::wrapping_add)
    }

    /// Another configuration is in force.
    pub(super) fn adopted(&mut self, settings: &Settings) {
        let file = self.configuration.file.take();
        self.configuration = Configuration { file, ..in_force(settings, clock::now()) };
    }

    /// Another configuration was wrong.
    pub(super) fn refused(&mut self, complaints: &str) {
        self.configuration.rejected = Some(complaints.to_owned());
    }

    pub(super) fn status(&self, inlet: &Inlet, sensor: &Sensor, tapping: &Tapping, board: &Board) -> Status {
        let figures = self.figures.borrow().clone();
        let now = clock::now();
        Status {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            pid: std::process::id(),
            started: self.started.to_string(),
            uptime_seconds: now.since(self.started).as_secs(),
            sensors: self.sensors(inlet, sensor, tapping),
            tables: tables(&figures, inlet),
            totals: totals(&figures.stats, inlet),
            outputs: board.look().into_iter().map(output).collect(),
            last_alerts: figures.last.iter().map(ToString::to_string).collect(),
            configuration: self.configuration.clone(),
        }
    }

    fn sensors(&self, inlet: &Inlet, sensor: &Sensor, tapping: &Tapping) -> Vec<status::Sensor> {
        let (counts, [events, packets]) = (inlet.counts(), self.rates.per_second());
        let (name, mut state, mut well) = sensor.state();
        if well && events == 0.0 && self.rates.is_full() {
            (state, well) = (format!("{state}, but silent"), false);
        }
        let events = status::Sensor {
            name: name.to_owned(),
            state,
            well,
            per_second: events,
            heard: counts.heard,
            lost: counts.lost,
        };
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let meter = tapping.meter();
        let trouble = tapping.trouble();
        let tap = status::Sensor {
            name: "packets".to_owned(),
            well: trouble.is_none(),
            state: trouble.unwrap_or_else(|| "listening".to_owned()),
            per_second: packets,
            heard: count(&meter.packets),
            lost: count(&meter.dropped),
        };
        vec![events, tap]
    }
}

/// Where the socket is, if there is to be one.
fn place(socket: &Socket) -> Option<PathBuf> {
    match socket {
        Socket::At(path) => Some(path.clone()),
        Socket::Off => None,
        Socket::Auto => Some(PathBuf::from(status::DEFAULT_SOCKET)),
    }
}

fn in_force(settings: &Settings, since: Timestamp) -> Configuration {
    let shown = |value: &&Provenance| !value.value.is_empty() || value.at.origin != Origin::BuiltIn;
    let value = |value: &Provenance| Value {
        key: value.key.clone(),
        value: value.value.clone(),
        origin: value.at.to_string(),
        builtin: value.at.origin == Origin::BuiltIn,
    };
    Configuration {
        hash: settings.policy.hash.to_string(),
        file: None,
        since: since.to_string(),
        rejected: None,
        values: settings.provenance.iter().filter(shown).map(value).collect(),
    }
}

fn tables(figures: &Figures, inlet: &Inlet) -> Vec<status::Table> {
    let table = |name: &str, used: usize, limit: usize| status::Table {
        name: name.to_owned(),
        used: used as u64,
        limit: limit as u64,
    };
    let engine = figures.tables.iter().map(|own| table(own.name, own.used, own.limit));
    let live = table("live_processes", inlet.processes.len(), Processes::LIMIT);
    engine.chain([live]).collect()
}

fn totals(stats: &Stats, inlet: &Inlet) -> Vec<Total> {
    let counts = inlet.counts();
    let all = [
        ("heard", counts.heard),
        ("told", counts.told),
        ("lost", counts.lost),
        ("faults", counts.faults),
        ("events", stats.events),
        ("net_facts", stats.net_facts),
        ("sensitive_reads", stats.reads),
        ("excused_reads", stats.excused),
        ("alerts", stats.alerts),
        ("coverage", stats.coverage),
        ("strangers", stats.strangers),
    ];
    all.into_iter().map(|(name, count)| Total { name: name.to_owned(), count }).collect()
}

fn output(look: Look) -> status::Output {
    status::Output {
        name: look.name,
        kind: look.kind.to_owned(),
        state: look.state.as_str().to_owned(),
        sent: look.sent,
        failures: look.failures,
        refused: look.refused,
        spooled: look.spooled,
        spooled_bytes: look.spooled_bytes,
        last_error: look.last_error,
    }
}
