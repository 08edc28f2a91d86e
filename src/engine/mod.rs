//! The engine thinks: inputs in event time, verdicts out.
//!
//! The stages keep their plain names, in the order data flows:
//! [`order`] (one sequence from many sensors) → [`lineage`] (who is who) → [`window`] and [`taint`] (who and what carries
//! which sensitive reads) → `judge` (is it an upload, is it allowed) → `chains` (one chain is one alert) → `rules` (which
//! detections it fulfils).
//!
//! Nothing here reads a clock, opens a file, starts a thread or draws a visible random number: the same inputs in the
//! same order give the same records, whenever and wherever they run.

#![deny(clippy::disallowed_methods, clippy::disallowed_types)]

mod acts;
mod aliases;
mod apps;
mod argv;
mod audits;
mod carry;
mod chain;
mod chain_key;
mod chains;
mod commands;
mod completion;
mod coverage;
mod deeds;
mod describe;
mod drops;
mod fetched;
mod fifos;
mod files;
mod floors;
mod flows;
pub mod habits;
mod identity;
mod judge;
pub mod lineage;
mod locals;
mod moves;
mod occupancy;
pub mod order;
mod outbox;
mod pipes;
mod reasons;
mod relays;
mod rules;
mod sends;
mod served;
mod siblings;
mod sizes;
pub mod state;
pub mod taint;
pub mod tally;
#[cfg(test)]
mod testing;
mod unseen;
mod uploads;
mod verdict;
pub mod window;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::model::{ClockStep, CoverageKind, Input, Record, Set, Table, Timestamp, Uid};
use crate::policy::{Homes, Policy, Scratch, SetId, SetMask};

pub use identity::of as identity_of;

use aliases::Aliases;
use chains::{ChainId, Chains};
use coverage::CoverageLog;
use flows::Flows;
use habits::{Baseline, Habits};
use lineage::{LifeId, Lineage};
use outbox::Outbox;
use served::Served;
pub use sizes::Sizes;
use taint::Taints;
use window::ReadId;

pub use occupancy::Occupancy;

/// Something the engine must look at again when event time has come so far.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
enum Timer {
    /// Has this tally of this life been silent?
    Silence(LifeId, u16),
    /// May this chain report again?
    Revise(ChainId),
    /// Is this chain still within reach of a next step?
    Forget(ChainId),
    /// Say what could not be seen lately.
    Coverage,
}

/// For each set of an earlier policy its number in the present one, if it still exists.
type Renumbering = Vec<Option<SetId>>;

/// Earlier policies whose numbers reads may have; beyond it all reads are told in the present ones.
const MAX_RENUMBERINGS: usize = 64;

/// Sets of an earlier policy as the present one numbers them; those that are no more are dropped.
fn renumbered(renumber: &Renumbering, sets: SetMask) -> SetMask {
    sets.iter().filter_map(|set| renumber.get(usize::from(set.0)).copied().flatten()).collect()
}

/// Figures of one run, for summaries and status.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Stats {
    pub events: u64,
    pub net_facts: u64,
    /// Records of audit logs by which data was handed over.
    pub audit_events: u64,
    /// Sensitive reads that no allowance excused.
    pub reads: u64,
    /// Sensitive opens that an allowance excused.
    pub excused: u64,
    /// Chains raised as alerts.
    pub alerts: u64,
    pub coverage: u64,
    /// Events of a process that nothing ever introduced.
    pub strangers: u64,
}

/// The state machine.
///
/// Calling contract: feed inputs with [`step`](Self::step) in the order [`order::Order`] lets them go; records come out in
/// the order of their event time. Time never goes backwards: an input from before the latest is judged by its own time
/// against what is remembered. At the end of a recording call [`finish`](Self::finish) once. [`adopt`](Self::adopt) takes
/// a new policy between inputs; windows and chains survive it.
///
/// Memory is bounded by the limits of its stages: [`lineage::MAX_LIVES`], [`window::MAX_BEARINGS`] per life,
/// [`taint::MAX_FILES`], [`order::MAX_HELD`], `chains::MAX_CHAINS`; each names its size.
#[derive(Debug)]
pub struct Engine {
    policy: Arc<Policy>,
    homes: Homes,
    lineage: Lineage,
    taints: Taints,
    aliases: Aliases,
    /// Volumes that programs of this Mac serve.
    served: Served,
    /// An image that carries reads was opened: when, and what it carries.
    image_opened: Option<(Timestamp, Vec<taint::Part>)>,
    /// Lives that lately read something sensitive themselves.
    carriers: unseen::Carriers,
    carriers_apps: apps::CarriersApps,
    /// Rises with each change of who carries or was told something.
    carried_version: u64,
    /// Apps that a script told to do something.
    told: apps::AllTold,
    locals: locals::Locals,
    flows: Flows,
    /// Which lives carry a read, so that the bytes of all of them can be summed.
    bearers: Table<ReadId, Vec<LifeId>>,
    /// Lives started with an end of this pipe, and whether they read from it.
    pipes: Table<u64, Vec<(LifeId, bool)>>,
    /// Login names, learned from exec environments.
    users: Table<Uid, Arc<str>>,
    habits: Habits,
    baseline: Arc<Baseline>,
    /// For whoever keeps a history of them.
    uploads: Option<Vec<crate::model::Upload>>,
    chains: Chains,
    coverage: CoverageLog,
    outbox: Outbox,
    timers: BTreeSet<(Timestamp, Timer)>,
    /// Crossings not yet judged: no later record may overtake them.
    pending: BTreeMap<(Timestamp, LifeId, u16), ()>,
    /// Flows that were already reported as nobody's.
    unattributed: Set<crate::model::FlowId>,
    /// How many times the policy changed, and for each earlier one what its sets are called now.
    epoch: u32,
    renumberings: Vec<Renumbering>,
    next_read: u64,
    next_load: u64,
    now: Timestamp,
    scratch: Scratch,
    pub stats: Stats,
}

impl Engine {
    pub fn new(policy: Arc<Policy>) -> Self {
        let homes = policy.paths.homes();
        Self {
            policy,
            homes,
            lineage: Lineage::default(),
            taints: Taints::default(),
            aliases: Aliases::default(),
            served: Served::default(),
            image_opened: None,
            carriers: unseen::Carriers::default(),
            carriers_apps: apps::CarriersApps::default(),
            carried_version: 1,
            told: apps::AllTold::default(),
            locals: locals::Locals::default(),
            flows: Flows::default(),
            bearers: Table::new(),
            pipes: Table::new(),
            users: Table::new(),
            habits: Habits::default(),
            baseline: Arc::default(),
            uploads: None,
            chains: Chains::default(),
            coverage: CoverageLog::default(),
            outbox: Outbox::default(),
            timers: BTreeSet::new(),
            pending: BTreeMap::new(),
            unattributed: Set::new(),
            epoch: 0,
            renumberings: Vec::new(),
            next_read: 0,
            next_load: 0,
            now: Timestamp::MIN,
            scratch: Scratch::new(),
            stats: Stats::default(),
        }
    }

    /// What programs usually do, for rules that ask. It outlives policies.
    pub fn accustom(&mut self, baseline: Arc<Baseline>) {
        self.baseline = baseline;
    }

    /// From the next input on this policy is in force. What was read and sent under the old one is remembered.
    pub fn adopt(&mut self, policy: Arc<Policy>) {
        let earlier = std::mem::replace(&mut self.policy, policy);
        let names: Vec<_> = earlier.sets.iter().map(|set| Arc::clone(&set.name)).collect();
        let renumber = self.numbers_of(&names);
        for older in &mut self.renumberings {
            older.iter_mut().for_each(|set| *set = set.and_then(|set| renumber[usize::from(set.0)]));
        }
        self.chains.renumber(|sets| renumbered(&renumber, sets));
        self.renumberings.push(renumber);
        self.epoch += 1;
        let (policy, scratch) = (&self.policy, &mut self.scratch);
        self.taints.rehash(|path| policy.paths.hash_and_name(path, scratch));
        if self.renumberings.len() > MAX_RENUMBERINGS {
            // All that is known is told in the numbers of now; an engine reads what it wrote itself.
            let told = self.clock_set(ClockStep::NONE);
            debug_assert!(told.is_ok(), "{told:?}");
        }
    }

    /// How the present policy numbers the sets of these names.
    fn numbers_of(&self, names: &[Arc<str>]) -> Renumbering {
        let now_called = |name: &Arc<str>| self.policy.sets.iter().position(|set| set.name == *name);
        names.iter().map(|name| now_called(name).map(|at| SetId(at as u8))).collect()
    }

    /// Feed one input. Same inputs in the same order give the same records, whenever and wherever run.
    pub fn step(&mut self, input: Input, records: &mut Vec<Record>) {
        let time = input.time();
        self.advance(time);
        match input {
            Input::Process(observed) => self.act(observed),
            Input::Net(fact) => self.send(fact),
            Input::Audit(event) => self.audited(&event),
            Input::Coverage(coverage) => {
                self.darken(coverage.start, coverage.end);
                self.coverage.tell(coverage, &mut self.outbox);
            }
            Input::Tick(_) => {}
        }
        self.release(records);
    }

    /// The recording has ended: open uploads are judged as they stand, everything owed is said. What is known stays known,
    /// so that it can be saved.
    pub fn finish(&mut self, records: &mut Vec<Record>) {
        let mut later = BTreeSet::new();
        while let Some((due, timer)) = self.timers.pop_first() {
            match timer {
                Timer::Silence(life, tally) => self.judge_now(life, tally),
                Timer::Revise(chain) => self.revise(chain),
                Timer::Forget(_) => _ = later.insert((due, timer)),
                Timer::Coverage => {}
            }
        }
        self.timers = later;
        self.chains.take_dirty().into_iter().for_each(|chain| self.report(chain));
        self.coverage.flush(self.now, &mut self.outbox);
        self.pending.clear();
        self.release(records);
    }

    /// Notes a blind spot that the caller knows of: late events counted by the order, for example.
    pub fn note(&mut self, kind: CoverageKind, count: u64, text: &str) {
        self.note_since(self.now, kind, count, text);
    }

    /// A table that is full let go of something that still counted.
    fn note_full(&mut self, lost: bool, text: &str) {
        if lost {
            self.note(CoverageKind::TableFull, 1, text);
        }
    }

    /// As [`Engine::note`], for what began before now.
    fn note_since(&mut self, since: Timestamp, kind: CoverageKind, count: u64, text: &str) {
        let now = self.now;
        if self.coverage.is_told() {
            self.timers.insert((now.plus(coverage::EVERY), Timer::Coverage));
        }
        self.coverage.note(kind, since.min(now), count, text);
    }

    /// Notes what the order could not put in order: so many events since it was last noted.
    pub fn note_disorder(&mut self, order: &mut order::Order, count: u64) {
        let text = "events that came too late to be put in order with the others; judged by their own time";
        let since = order.take_disordered().unwrap_or(self.now);
        if count > 0 {
            self.note_since(since, CoverageKind::LateEvent, count, text);
        }
    }

    /// The sets of a read as the present policy numbers them.
    fn sets_of(&self, read: &window::Read) -> SetMask {
        match self.renumberings.get(read.epoch as usize) {
            None => read.sets,
            Some(renumber) => renumbered(renumber, read.sets),
        }
    }

    /// The greatest event time seen.
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// Event time moves on: what falls due on the way is done at its own moment.
    fn advance(&mut self, time: Timestamp) {
        while let Some(&(due, timer)) = self.timers.first()
            && due <= time
        {
            self.timers.pop_first();
            self.now = self.now.max(due);
            match timer {
                Timer::Silence(life, tally) => self.silence(life, tally, due),
                Timer::Revise(chain) => self.revise(chain),
                Timer::Forget(chain) => self.reach(chain, due),
                Timer::Coverage => self.coverage.flush(due, &mut self.outbox),
            }
        }
        self.now = self.now.max(time);
        self.taints.expire(self.now);
        self.bury();
    }

    fn bury(&mut self) {
        // What an ended life carried matters only with what it sent: its children and files have their own copies, and the
        // clipboard has none.
        let until = |life: &lineage::Life| {
            life.bearings.iter().map(|bearing| bearing.until.plus(window::OVERHANG)).max()
        };
        let keep = |life: &lineage::Life| {
            until(life).filter(|_| !life.tallies.is_empty() || unseen::fills_clipboard(life))
        };
        self.lineage.bury(self.now, keep);
        for life in self.lineage.take_gone() {
            for bearing in &life.bearings {
                self.unbear(life.id, bearing.read.id);
            }
            self.pending.retain(|(_, pending, _), ()| *pending != life.id);
            for pipe in &life.pipes {
                self.unplug(life.id, pipe.id);
            }
        }
        let evicted = [
            (self.lineage.take_evicted(), "processes forgotten early: the process table is full"),
            (
                self.habits.take_evicted(),
                "programs' first uses of a service forgotten early: the table of habits is full",
            ),
            (self.taints.take_evicted(), "staged files forgotten early: the file table is full"),
            (
                self.served.take_evicted(),
                "volumes that programs serve, or programs that serve one, forgotten early: the table of them is full",
            ),
        ];
        for (count, what) in evicted.into_iter().filter(|(count, _)| *count > 0) {
            self.note(CoverageKind::TableFull, count, what);
        }
    }

    /// Lets records go that nothing still undecided can precede.
    fn release(&mut self, records: &mut Vec<Record>) {
        if self.outbox.is_empty() {
            return;
        }
        let floor = self.pending.first_key_value().map(|((crossed, _, _), ())| *crossed);
        let before = records.len();
        self.outbox.release(floor, self.now, records);
        for record in &records[before..] {
            match record {
                Record::Alert(alert) => self.stats.alerts += u64::from(alert.revision == 1),
                Record::Coverage(_) => self.stats.coverage += 1,
                Record::Heartbeat(_) => {}
            }
        }
    }
}
