//! Runs: sensors on their own threads, one thread that thinks, one that speaks, and around them a tokio runtime for
//! signals, timers and the `eslogger` child.
//!
//! ```text
//!  Endpoint Security callback ─┐
//!  eslogger child's lines ─────┤
//!  packets, through the tap ───┼─► inlet ─► inputs (bounded) ─► thinking ─► records (bounded) ─► speaking ─► stdout
//!  ticks, coverage ────────────┘
//! ```
//!
//! Sensors never wait: what finds no room is counted and told. The thinker waits for the speaker: a record is worth more
//! than an event. Stopping closes the channels in the direction of the flow, so that whatever was heard is still judged
//! and said. The clock is read here and nowhere else.

mod beat;
pub(crate) mod clock;
mod contents;
mod delivering;
mod desk;
pub mod doctor;
mod eslogger;
mod guard;
mod health;
mod heartbeat;
pub mod history;
mod house;
pub mod interrupt;
mod lag;
mod last_good;
mod logs;
mod memory;
pub mod replay;
mod senders;
mod sensors;
mod speaking;
mod state;
pub mod status;
mod stop;
mod tapping;
#[cfg(test)]
mod testing;
mod thinking;
pub mod threats;
mod voice;
mod watchdog;
mod watching;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::SyncSender;
use std::time::Instant;

use thiserror::Error;
use tokio::signal::unix::{Signal, SignalKind, signal};

use self::interrupt::Heard;
use crate::engine::Engine;
use crate::model::{Coverage, CoverageKind, Input, Record, Span};
use crate::policy::Policy;
use crate::sensor::inlet::Inlet;
use crate::sensor::processes::Processes;
use crate::sensor::queue::queue;
use crate::sensor::selection::Selection;
use crate::sensor::trouble::Trouble;

use beat::Beat;
use desk::Desk;
use health::Health;
use heartbeat::Heartbeats;
use house::{Loaded, Thinker};
use logs::Logs;
use memory::{Keeping, Memory};
use sensors::Sensor;
use state::{State, StateError};
use tapping::Tapping;
use thinking::Thinking;
use voice::Voice;
use watchdog::Watchdog;
use watching::Watching;

pub use sensors::Choice;
pub use state::state_folder;

/// Inputs on their way to the engine: a second of a busy Mac, some 7 MB at most, and as much again in its hands.
const INPUTS: usize = 32_768;
/// Of a complaint, in the record that tells of it.
const LONGEST_COMPLAINT: usize = 300;

/// What the command line asked for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Options {
    pub config: Option<PathBuf>,
    pub sensor: Choice,
    /// Start with the configuration that was in force last, where the present one is wrong.
    pub last_good: bool,
    /// Where launchd appends standard output and error to files that are to be kept small.
    pub log_folder: Option<PathBuf>,
}

/// Why the daemon did not start, or ended by itself.
#[derive(Error, Debug)]
pub enum RunError {
    #[error("the configuration is wrong:\n{0}")]
    Config(String),
    #[error("{0}: {remedy}", remedy = .0.remedy())]
    Sensor(Trouble),
    #[error(
        "there is no `eslogger` in PATH: it is part of macOS 13 and later (/usr/bin/eslogger); recordings are read by \
         `cloudward replay`"
    )]
    NoEslogger,
    #[error(transparent)]
    State(#[from] StateError),
    #[error("{0} cannot be started: {1}")]
    Start(&'static str, std::io::Error),
    #[error("the engine stopped by a fault of its own; please report it with the log")]
    EngineGone,
    #[error("records cannot be written to standard output: {0}")]
    Output(std::io::Error),
    #[error("the spool {0} cannot be opened: {1}; [spool] path names another folder")]
    Spool(PathBuf, std::io::Error),
}

/// The daemon, until a signal ends it.
pub fn run(options: &Options) -> Result<(), RunError> {
    guard::leave_no_core_file();
    // Before anything is said: what cannot start is started again and again, and complains each time.
    let mut logs = options.log_folder.as_deref().map(Logs::of);
    logs.iter_mut().for_each(|logs| logs.tend(Instant::now()));
    let (loaded, refused) = load(options)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| RunError::Start("the runtime", error))?;
    runtime.block_on(live(options, loaded, refused.as_deref(), logs))
}

/// The configuration to start with, and the complaints about the one that it stands in for.
fn load(options: &Options) -> Result<(Loaded, Option<String>), RunError> {
    let wrong = match house::load(options.config.as_deref()) {
        Ok(loaded) => return Ok((loaded, None)),
        Err(wrong) => wrong,
    };
    let last_good = options.last_good.then(|| house::load_last_good(&wrong)).flatten();
    match last_good {
        Some(loaded) => Ok((loaded, Some(wrong.complaints))),
        None => Err(RunError::Config(wrong.complaints)),
    }
}

/// The whole story: open from the end of the flow to its beginning, mind it, close from the beginning to the end.
async fn live(
    options: &Options,
    loaded: Loaded,
    refused: Option<&str>,
    logs: Option<Logs>,
) -> Result<(), RunError> {
    let Loaded { settings, sources } = loaded;
    let folder = state::folder(settings.state.as_deref());
    let state = folder.as_deref().map(State::take).transpose()?;
    folder.iter().for_each(|folder| last_good::keep(folder, &sources));
    let mut signals = Signals::new().map_err(|error| RunError::Start("signal handling", error))?;
    let (mut voice, records) = Voice::start(&settings, logs)?;
    let mut heartbeats = Heartbeats::new(&settings, records.clone());
    let policy = Arc::clone(&settings.policy);
    let (inputs, heard) = queue(INPUTS);
    let memory = folder.as_deref().map(Memory::new);
    let (engine, gap) = go_on(&policy, memory.as_ref(), state.as_ref());
    let (keeping, keeper) = memory.map(Keeping::start).transpose()?.unzip();
    let (notes, history) = history::start(folder.as_deref()).unzip();
    let thinker = Thinker::new(&policy, engine, notes);
    let mut thinking = Thinking::start(thinker, heard, records.clone(), keeper)?;
    let processes = Arc::new(Processes::default());
    let inlet = Arc::new(Inlet::new(house::gate(&policy), inputs, Arc::clone(&processes)));

    let outcome = match Sensor::open(options.sensor, &inlet, Selection::new(&policy.paths)) {
        Ok(mut sensor) => {
            let mut tapping = Tapping::start(&settings.capture, policy.options.hold, &inlet)?;
            begin(state.as_ref(), gap, &inlet);
            let mut desk = Desk::open(options, &settings, thinking.figures());
            refused.into_iter().for_each(|complaints| refuse("start", complaints, &mut desk, &inlet));
            let mut watching = Watching::new(options.config.clone());
            let mut parts = Parts {
                sensor: &mut sensor,
                tapping: &mut tapping,
                watchdog: Watchdog::new(thinking.progress(), Instant::now()),
                thinking: &mut thinking,
                records,
                state: state.as_ref(),
                heartbeats: &mut heartbeats,
                voice: &mut voice,
                desk: &mut desk,
                watching: &mut watching,
            };
            let outcome = mind(options, &inlet, &mut parts, &mut signals).await;
            drop(parts);
            tapping.stop();
            sensor.stop().await;
            outcome
        }
        Err(error) => {
            // The last of them ends the speaker.
            drop(records);
            Err(error)
        }
    };
    // It holds an end of the records, which must all close.
    drop(heartbeats);
    // Whatever the sensor would have needed, it never had it: to the next run this one is none.
    let refused = outcome.is_err() && inlet.counts().heard == 0;
    keeping.iter().filter(|_| refused).for_each(Keeping::forget);
    let outcome = stop::in_flow_order(&inlet, thinking, voice, outcome, signals.stop(), keeping).await;
    history.into_iter().for_each(history::Keeping::ended);
    match state {
        Some(state) if refused => state.refused(),
        Some(state) if outcome.is_ok() => state.end(),
        _ => {}
    }
    outcome
}

/// The engine as an earlier run left it, and the span since then, in which nobody watched.
fn go_on(policy: &Arc<Policy>, memory: Option<&Memory>, state: Option<&State>) -> (Engine, Option<Coverage>) {
    let recalled = memory.and_then(|memory| memory.recall(clock::now()));
    let alive = state.and_then(State::before);
    let gap = state::gap(alive, recalled.as_ref().map(|recalled| recalled.state.now), clock::now());
    (house::engine(policy, memory, recalled.as_ref()), gap)
}

/// From here on something is watched, and the gap before it is over.
fn begin(state: Option<&State>, gap: Option<Coverage>, inlet: &Inlet) {
    if let Some(gap) = gap {
        tracing::warn!("{}", gap.text);
        drop(inlet.offer(Input::Coverage(gap)));
    }
    state.inspect(|state| state.alive(clock::now()));
}

/// What is minded between start and stop.
struct Parts<'a> {
    sensor: &'a mut Sensor,
    tapping: &'a mut Tapping,
    thinking: &'a mut Thinking,
    watchdog: Watchdog,
    /// Past the engine, for when it is the engine that must be told of.
    records: SyncSender<Record>,
    state: Option<&'a State>,
    heartbeats: &'a mut Heartbeats,
    voice: &'a mut Voice,
    desk: &'a mut Desk,
    watching: &'a mut Watching,
}

/// What goes on between start and stop. Returns at a signal, or when a part cannot go on.
async fn mind(
    options: &Options,
    inlet: &Arc<Inlet>,
    parts: &mut Parts<'_>,
    signals: &mut Signals,
) -> Result<(), RunError> {
    let mut beat = Beat::new(Instant::now());
    let mut health = Health::new();
    loop {
        tokio::select! {
            _ = signals.terminate.recv() => return stopping("SIGTERM"),
            () = signals.interrupt.recv() => return stopping("SIGINT"),
            _ = signals.hangup.recv() => reload("SIGHUP", options, inlet, parts),
            why = parts.watching.changed() => reload(why, options, inlet, parts),
            question = parts.desk.question() => {
                // Who asked may have gone.
                let _ = question.send(parts.desk.status(inlet, parts.sensor, parts.tapping, parts.voice.board()));
            }
            // A queue without room for a tick has inputs in it, and they tell the time as well.
            () = beat.due() => {
                let heard = parts.desk.sample(inlet, parts.tapping.meter());
                drop(inlet.offer(Input::Tick(clock::now())));
                watch(parts);
                beat.beaten(heard, Instant::now());
            }
            () = health.due() => {
                health.report(inlet, parts.tapping.meter());
                health::log_outputs(parts.voice.board());
                parts.state.inspect(|state| state.alive(clock::now()));
            }
            () = parts.heartbeats.due() => parts.heartbeats.send(inlet),
            failure = parts.sensor.mind(inlet) => return Err(failure),
            () = parts.thinking.gone() => return Err(RunError::EngineGone),
        }
    }
}

/// An engine that stands still can tell nobody: the record goes past it.
fn watch(parts: &mut Parts<'_>) {
    let Some(still) = parts.watchdog.look(Instant::now()) else { return };
    let text = format!("the engine has stood still for {still:?}: nothing is judged until it moves again");
    tracing::error!("{text}");
    let end = clock::now();
    let start = end.minus(Span::from_nanos(u64::try_from(still.as_nanos()).unwrap_or(u64::MAX)));
    let stalled = Coverage { kind: CoverageKind::EngineStalled, start, end, count: 1, text };
    if parts.records.try_send(Record::Coverage(stalled)).is_err() {
        tracing::error!("the output stands still, too: is whoever reads standard output still reading?");
    }
}

fn stopping(signal: &str) -> Result<(), RunError> {
    tracing::info!("{signal}: stopping; what was heard is still judged");
    Ok(())
}

/// New configuration between two events. A wrong one changes nothing, and the fact is told like any blind spot.
fn reload(why: &str, options: &Options, inlet: &Arc<Inlet>, parts: &mut Parts<'_>) {
    parts.watching.taken();
    let loaded = house::load(options.config.as_deref());
    // Whatever can fail comes before anything is taken over.
    let loaded = loaded.map_err(|wrong| wrong.complaints).and_then(|loaded| {
        let adopted = parts.voice.adopt(&loaded.settings);
        adopted.map(|()| loaded).map_err(|error| error.to_string())
    });
    match loaded {
        Ok(Loaded { settings, sources }) => {
            parts.state.into_iter().for_each(|state| last_good::keep(state.folder(), &sources));
            parts.desk.adopted(&settings);
            parts.heartbeats.adopt(&settings);
            let policy = settings.policy;
            inlet.adopt(house::gate(&policy));
            parts.sensor.adopt(Selection::new(&policy.paths));
            parts.tapping.adopt(&settings.capture, policy.options.hold, inlet);
            parts.thinking.adopt(policy);
            tracing::info!("{why}: the configuration was read again and is in force");
        }
        Err(complaints) => refuse(why, &complaints, parts.desk, inlet),
    }
}

/// Says that a configuration was wrong, in the log, to whoever asks for the state, and to the receivers of alerts.
fn refuse(why: &str, complaints: &str, desk: &mut Desk, inlet: &Inlet) {
    tracing::error!(
        "{why}: the configuration cannot be used, the last good one stays in force:\n{complaints}"
    );
    desk.refused(complaints);
    let first: String = gravest(complaints).chars().take(LONGEST_COMPLAINT).collect();
    let text = format!("a new configuration was wrong, the last good one stays in force: {first}");
    say(inlet, CoverageKind::ConfigRejected, &text);
}

/// The complaint by which a configuration was refused, or the first of them; the log has them all.
fn gravest(complaints: &str) -> &str {
    let refuses = |line: &&str| line.contains(": error: ");
    complaints.lines().find(refuses).or_else(|| complaints.lines().next()).unwrap_or_default()
}

/// A blind spot of now, told to the engine like any other input.
fn say(inlet: &Inlet, kind: CoverageKind, text: &str) {
    let now = clock::now();
    let coverage = Coverage { kind, start: now, end: now, count: 1, text: text.to_owned() };
    if inlet.offer(Input::Coverage(coverage)).is_some() {
        tracing::warn!("the engine is behind, this was not told: {text}");
    }
}

/// The signals that mean something here.
struct Signals {
    terminate: Signal,
    interrupt: Heard,
    hangup: Signal,
}

impl Signals {
    fn new() -> std::io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: Heard::of(SignalKind::interrupt())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    /// The next signal that asks to stop.
    async fn stop(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            () = self.interrupt.recv() => {}
        }
    }
}
