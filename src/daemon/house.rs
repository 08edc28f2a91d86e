//! What the daemon asks of the other rooms, in one place: a configuration, an engine, a gate; and the [`Thinker`], which is
//! the engine behind the order of its inputs.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::mpsc::SyncSender;

use crate::config::{self, Level, Settings, Source, managed};
use crate::engine::order::{MAX_HELD, Order, SourceId, SourceRank};
use crate::engine::state::{Away, State};
use crate::engine::{Engine, Occupancy, Stats};
use crate::model::{
    ClockStep, Coverage, CoverageKind, Input, ProcessKey, Record, Set, Span, Timestamp, What,
};
use crate::policy::Policy;
use crate::sensor::gate::{Gate, PolicyGate};
use crate::sensor::running;
use crate::sink::format::ecs;
use crate::sink::output::To;

use super::contents::Contents;
use super::guard;
use super::history::Notes;
use super::lag::Lag;
use super::memory::{Keeper, Memory, Recalled};
use super::{last_good, state};

/// A configuration, and what it was made from.
#[derive(Debug)]
pub(super) struct Loaded {
    pub(super) settings: Settings,
    pub(super) sources: Vec<Source>,
}

/// Why a configuration cannot be used.
#[derive(Debug)]
pub(super) struct Wrong {
    /// Every complaint.
    pub(super) complaints: String,
    /// Where the state would be, as far as it says so.
    pub(super) state: Option<PathBuf>,
}

impl Wrong {
    fn unread(complaints: String) -> Self {
        Self { complaints, state: None }
    }
}

/// Reads and compiles the configuration, file and managed preferences; every complaint at once if it is wrong. Warnings go to the log.
pub(super) fn load(file: Option<&Path>) -> Result<Loaded, Wrong> {
    let mut sources = Vec::new();
    if let Some(file) = file {
        if let Some(why) = guard::distrust(file) {
            return Err(Wrong::unread(why));
        }
        sources.push(config::read_source(file).map_err(|wrong| Wrong::unread(wrong.to_string()))?);
    }
    sources.extend(managed::read());
    compile(sources)
}

/// The configuration that was in force last, where one was kept that this version can use.
pub(super) fn load_last_good(wrong: &Wrong) -> Option<Loaded> {
    let folder = state::folder(wrong.state.as_deref())?;
    match compile(last_good::recall(&folder)?) {
        Ok(loaded) => Some(loaded),
        Err(wrong) => {
            tracing::error!("the last good configuration cannot be used either:\n{}", wrong.complaints);
            None
        }
    }
}

fn compile(sources: Vec<Source>) -> Result<Loaded, Wrong> {
    let (settings, diagnostics) = config::load(&sources);
    let (errors, warnings): (Vec<_>, Vec<_>) =
        diagnostics.into_iter().partition(|said| said.level == Level::Error);
    warnings.iter().for_each(|warning| tracing::warn!("{warning}"));
    if errors.is_empty() {
        return Ok(Loaded { settings: named(settings), sources });
    }
    let complaints = errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
    Err(Wrong { complaints, state: settings.state })
}

/// Syslog messages say which Mac they come from, unless the configuration says otherwise.
fn named(mut settings: Settings) -> Settings {
    let syslogs = settings.outputs.iter_mut().filter_map(|output| match &mut output.to {
        To::Syslog(syslog) => Some(syslog),
        _ => None,
    });
    let mut name = None;
    for syslog in syslogs.filter(|syslog| syslog.hostname.is_none()) {
        syslog.hostname = name.get_or_insert_with(system_name).clone();
    }
    settings
}

/// What `hostname` prints; both macOS and Linux have it there.
fn system_name() -> Option<String> {
    let output = Command::new("/bin/hostname").output().ok()?;
    let name = String::from_utf8(output.stdout).ok()?.trim().to_owned();
    let good = !name.is_empty() && name.len() <= 255 && name.bytes().all(|byte| byte.is_ascii_graphic());
    good.then_some(name)
}

/// The engine, going on with what an earlier run knew.
pub(super) fn engine(policy: &Arc<Policy>, memory: Option<&Memory>, recalled: Option<&Recalled>) -> Engine {
    let resumed = recalled.map(|recalled| (recalled, Engine::resume(Arc::clone(policy), &recalled.state)));
    match resumed {
        Some((recalled, Ok(mut engine))) => {
            let running: Set<ProcessKey> = running::all().map(|info| info.key).collect();
            let running = (!running.is_empty()).then_some(&running);
            engine.restarted(&Away { rebooted: recalled.rebooted, running });
            let tables = engine.occupancy().into_iter().map(|table| format!("{} {}", table.used, table.name));
            let (since, tables) = (recalled.state.now, tables.collect::<Vec<_>>().join(", "));
            tracing::info!("what was known at {since} is known again: {tables}");
            engine
        }
        Some((_, Err(why))) => {
            memory.into_iter().for_each(|memory| memory.set_aside(&why.to_string()));
            Engine::new(Arc::clone(policy))
        }
        None => Engine::new(Arc::clone(policy)),
    }
}

/// What a sensor asks about paths.
pub(super) fn gate(policy: &Arc<Policy>) -> Box<dyn Gate + Send> {
    Box::new(PolicyGate::new(Arc::clone(policy)))
}

/// One record as a JSON object, with its line feed.
pub(super) fn write(record: &Record, out: &mut Vec<u8>) {
    out.extend_from_slice(ecs(record).as_bytes());
}

/// The engine with the hold before it that puts its inputs in order. There are two sources: events of processes, and all else.
/// While some of the events come late, the punctual ones among them are put to the second.
#[derive(Debug)]
pub(super) struct Thinker {
    order: Order,
    events: SourceId,
    others: SourceId,
    lag: Lag,
    engine: Engine,
    contents: Contents,
    notes: Option<Notes>,
    /// Inputs out of order that were already told.
    told: u64,
}

impl Thinker {
    pub(super) fn new(policy: &Arc<Policy>, mut engine: Engine, notes: Option<Notes>) -> Self {
        if notes.is_some() {
            engine.tell_uploads();
        }
        let mut order = Order::new(policy.options.hold);
        let (events, others) = (order.open(SourceRank::default()), order.open(SourceRank::default()));
        let lag = Lag::new(policy.options.hold);
        let contents = Contents::new(Arc::clone(policy));
        Self { order, events, others, lag, engine, contents, notes, told: 0 }
    }

    /// One input in; what it and the inputs whose turn came led to is added to `said`. A tick moves time on even if
    /// nothing happens.
    pub(super) fn feed(&mut self, mut input: Input, said: &mut Vec<Record>) {
        let tick = matches!(input, Input::Tick(_));
        // Before the hold: the sooner it is read, the less can have been put in its place.
        self.contents.fill(&mut input);
        // Who runs is told by whoever sees it first. What is in time while other events are late is of another client, and
        // does not tell how far those are.
        let event = matches!(&input, Input::Process(observed) if observed.what != What::Seen)
            && (!self.lag.lasts() || self.lag.is_late(input.time()));
        let time = self.order.push(if event { self.events } else { self.others }, input);
        // What is heard moves all on, but for what waits where events lag behind it.
        if event {
            self.order.reached(self.others, time);
            self.lag.heard(time);
        } else if !self.lag.lasts() {
            self.order.reached(self.events, time);
        }
        if tick {
            self.let_go(time, said);
            self.tell_disorder();
        } else {
            self.think(said);
        }
    }

    /// When what waits longest may go.
    pub(super) fn due(&self) -> Option<Timestamp> {
        self.order.due()
    }

    /// How long inputs are held back.
    pub(super) fn hold(&self) -> Span {
        self.order.hold()
    }

    /// It is so late now: what was held back until then goes, unless events from before are still coming.
    pub(super) fn let_go(&mut self, now: Timestamp, said: &mut Vec<Record>) {
        self.order.reached(self.others, now);
        self.lag.is_now(now);
        if !self.lag.lasts() {
            self.order.reached(self.events, now);
        }
        self.think(said);
    }

    /// How full everything is that has a limit, and what was counted.
    pub(super) fn figures(&self) -> (Stats, Vec<Occupancy>) {
        let mut tables = self.engine.occupancy();
        tables.push(Occupancy { name: "held_back", used: self.order.held(), limit: MAX_HELD });
        (self.engine.stats, tables)
    }

    /// Another policy, from now on. The hold stays what it was at the start.
    pub(super) fn adopt(&mut self, policy: Arc<Policy>) {
        self.contents.adopt(Arc::clone(&policy));
        self.engine.adopt(policy);
    }

    /// The clock was set and shows `now`: what waits, what is known, and what comes late, goes by it from now on.
    pub(super) fn clock_set(&mut self, step: ClockStep, now: Timestamp, said: &mut Vec<Record>) {
        self.tell_disorder();
        self.order.clock_set(step, now);
        self.lag = Lag::new(self.order.hold());
        let text = match self.engine.clock_set(step) {
            Ok(()) => format!("the wall clock was set {step}; what is known goes by the new time"),
            Err(why) => format!(
                "the wall clock was set {step}; what is known cannot be put right ({why}): what was read before is not \
                 joined with what is sent after"
            ),
        };
        tracing::warn!("{text}");
        let coverage = Coverage { kind: CoverageKind::ClockStep, start: now, end: now, count: 1, text };
        self.engine.step(Input::Coverage(coverage), said);
    }

    /// Hands on what is known, if it is time to.
    pub(super) fn keep(&self, keeper: &mut Keeper) {
        let (weight, now) = (self.engine.weight(), self.engine.now());
        if keeper.is_due(weight, now) {
            keeper.keep(self.engine.save(), weight, now);
        }
    }

    /// What is known.
    pub(super) fn save(&self) -> State {
        self.engine.save()
    }

    /// Puts down what was sent and said, where a history is kept; and learns what is usual.
    pub(super) fn remember(&mut self, said: &[Record]) {
        let Some(notes) = &mut self.notes else { return };
        notes.remember(self.engine.take_uploads(), said);
        notes.baseline().into_iter().for_each(|baseline| self.engine.accustom(baseline));
    }

    /// Nothing more will come: the last that there is to say.
    pub(super) fn conclude(&mut self, records: &SyncSender<Record>) {
        let mut said = Vec::new();
        self.finish(&mut said);
        self.remember(&said);
        // Nobody to tell if nobody listens.
        let _ = said.into_iter().try_for_each(|record| records.send(record));
    }

    fn finish(&mut self, said: &mut Vec<Record>) {
        self.order.close(self.events);
        self.order.close(self.others);
        self.think(said);
        self.tell_disorder();
        self.engine.finish(said);
    }

    fn think(&mut self, said: &mut Vec<Record>) {
        while let Some(input) = self.order.pop() {
            self.engine.step(input, said);
        }
    }

    fn tell_disorder(&mut self) {
        let (late, hurried) = self.order.disorder();
        let new = (late + hurried).saturating_sub(self.told);
        self.engine.note_disorder(&mut self.order, new);
        self.told += new;
    }
}

#[cfg(test)]
mod tests;
