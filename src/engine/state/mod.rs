//! What the engine knows, as a value that outlives it: [`Engine::save`] makes it, [`Engine::resume`] makes an engine of it
//! that goes on where the other stood. An engine that was saved and resumed says what the one would have said that was
//! not; only facts of flows whose first packet has not come yet are lost.
//!
//! What each table keeps stands in `tables`, how it becomes bytes in `codec`.
//!
//! A state outlives the policy that it was made under: sensitive sets are found by their names, and those that no longer
//! exist are dropped from what was read; services are kept by name anyway. It outlives the seed of path hashes: files are
//! kept by path. What does not outlive the end of a program, its flows, and what does not outlive a boot, its processes and
//! inodes, is taken away by [`Engine::restarted`].
//!
//! **Cost.** Saving walks all tables once, on the thread that owns the engine; [`MAX_STATE`] bounds what it writes, and the
//! daemon asks for it every few seconds at most. Where a state is full the entries worth least are left out:
//! processes that carry nothing before those that do, older files and chains before newer ones.

mod codec;
mod seal;
mod tables;
mod values;
mod words;

use std::sync::Arc;

use crate::model::{ClockStep, ProcessKey, Set, Table, Timestamp};
use crate::policy::{Policy, SetMask};

use super::{Engine, Renumbering, renumbered};

use codec::{Kept, Reader, Writer, all};

pub use codec::Unreadable;
pub use seal::{Broken, open, seal};

/// Bytes of a state: at this size tables stop. One entry more may go beyond it.
pub const MAX_STATE: usize = 32 << 20;
/// Of the format. To be raised with every change of what is kept; a test watches over it.
pub const VERSION: u32 = 11;

/// What an engine knew at a moment.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct State {
    /// In the format of [`VERSION`].
    pub bytes: Vec<u8>,
    /// Event time had come so far.
    pub now: Timestamp,
    /// Entries that found no room.
    pub omitted: u64,
}

/// What happened between the end of one engine and the beginning of the next.
#[derive(Clone, Copy, Debug)]
pub struct Away<'a> {
    /// The machine began anew: no process, no inode and no device is what it was.
    pub rebooted: bool,
    /// Every image that runs now, where that can be known.
    pub running: Option<&'a Set<ProcessKey>>,
}

impl Engine {
    /// All that is known now. `policy`, the baseline and the figures are not part of it.
    pub fn save(&self) -> State {
        self.save_within(MAX_STATE)
    }

    /// As much of it as goes into so many bytes.
    pub fn save_within(&self, limit: usize) -> State {
        self.save_by(limit, ClockStep::NONE)
    }

    /// The clock that stamps inputs was set. What is known happened when it did: its times are put as the clock would have
    /// shown them that shows the time from now on. Windows run on, and later inputs are judged as if nothing had been.
    ///
    /// As saving does, it walks all tables, and for a moment they are in memory twice. Fails only if an engine cannot read
    /// what it wrote itself; it goes on as it was then.
    pub fn clock_set(&mut self, step: ClockStep) -> Result<(), Unreadable> {
        let state = self.save_by(usize::MAX, step);
        let now = Self::resume(Arc::clone(&self.policy), &state)?;
        let before = std::mem::replace(self, now);
        self.flows.early = before.flows.early;
        self.flows.early.retain(|_, facts| {
            facts.iter_mut().for_each(|fact| fact.time = fact.time.set(step));
            true
        });
        (self.baseline, self.uploads, self.stats) = (before.baseline, before.uploads, before.stats);
        Ok(())
    }

    fn save_by(&self, limit: usize, step: ClockStep) -> State {
        let epochs: Vec<Renumbering> = self.renumberings.clone();
        let mut to = Writer::new(epochs, limit);
        to.step = step;
        let Self {
            policy,
            homes,
            lineage,
            taints,
            aliases,
            served,
            image_opened,
            carriers,
            carriers_apps: _,
            carried_version,
            told,
            locals,
            flows,
            bearers,
            pipes,
            users,
            habits,
            baseline: _,
            chains,
            coverage,
            outbox,
            timers,
            pending,
            unattributed,
            epoch: _,
            renumberings: _,
            next_read,
            next_load,
            now,
            scratch: _,
            uploads: _,
            stats: _,
        } = self;
        let names: Vec<Arc<str>> = policy.sets.iter().map(|set| Arc::clone(&set.name)).collect();
        let homes: Vec<Box<[u8]>> = homes.known();
        all!(&mut to; names, homes, now);
        all!(&mut to; next_read, next_load, carried_version);
        // The small and the worthy first: what comes last may find no room.
        all!(&mut to; outbox, coverage, chains, carriers);
        all!(&mut to; timers, pending, users, told);
        all!(&mut to; aliases, served, image_opened, taints, lineage);
        all!(&mut to; bearers, pipes, habits);
        all!(&mut to; flows, locals, unattributed);
        State { bytes: to.bytes, now: now.set(step), omitted: to.omitted }
    }

    /// An engine that goes on where the one stood that `state` is from, under this policy. Fails where the bytes are not
    /// what [`Engine::save`] of this [`VERSION`] writes; nothing of them is used then.
    pub fn resume(policy: Arc<Policy>, state: &State) -> Result<Self, Unreadable> {
        let mut engine = Self::new(policy);
        let from = &mut Reader::new(&state.bytes);
        let names: Vec<Arc<str>> = Kept::give(from)?;
        let homes: Vec<Box<[u8]>> = Kept::give(from)?;
        homes.iter().for_each(|home| _ = engine.homes.learn(home));
        engine.now = Kept::give(from)?;
        (engine.next_read, engine.next_load) = (from.counter()?, from.counter()?);
        engine.carried_version = from.counter()?;
        engine.outbox = Kept::give(from)?;
        engine.coverage = Kept::give(from)?;
        engine.chains = Kept::give(from)?;
        engine.carriers = Kept::give(from)?;
        engine.timers = Kept::give(from)?;
        engine.pending = Kept::give(from)?;
        engine.users = Kept::give(from)?;
        engine.told = Kept::give(from)?;
        engine.aliases = Kept::give(from)?;
        engine.served = Kept::give(from)?;
        engine.image_opened = Kept::give(from)?;
        engine.taints = Kept::give(from)?;
        engine.lineage = Kept::give(from)?;
        engine.bearers = Kept::give(from)?;
        engine.pipes = Kept::give(from)?;
        engine.habits = Kept::give(from)?;
        engine.flows = Kept::give(from)?;
        engine.locals = Kept::give(from)?;
        engine.unattributed = Kept::give(from)?;
        if !from.is_empty() {
            return Err(Unreadable::Value);
        }
        engine.fit(&names);
        Ok(engine)
    }

    /// What was kept is brought into the terms of this run: its set numbers, its path hashes.
    fn fit(&mut self, names: &[Arc<str>]) {
        let renumber = self.numbers_of(names);
        self.chains.renumber(|sets: SetMask| renumbered(&renumber, sets));
        self.renumberings = vec![renumber];
        self.epoch = 1;
        let (policy, scratch) = (&self.policy, &mut self.scratch);
        self.taints.rename_all(|path| policy.paths.hash_and_name(path, scratch));
        let lineage = &self.lineage;
        self.pending.retain(|(_, life, _), ()| lineage.get(*life).is_some());
        self.cast_carriers();
    }

    /// The program began anew after this state was saved. Flows have other numbers now, and those that are gone on with are
    /// known again by their addresses alone.
    pub fn restarted(&mut self, away: &Away<'_>) {
        self.flows.begin_anew();
        self.locals = super::locals::Locals::default();
        self.unattributed.clear();
        self.lineage.begin_anew();
        self.carried_version += 1;
        if away.rebooted {
            self.lineage.end_all(self.now);
            self.taints.forget_inodes();
            self.aliases.forget_inodes();
            self.served = super::served::Served::default();
            self.image_opened = None;
            self.pipes = Table::new();
            self.told.clear();
        } else if let Some(running) = away.running {
            self.lineage.end_all_but(running, self.now);
        }
    }

    /// Rises with all that is worth saving: reads, copies that carry them, alerts.
    pub fn weight(&self) -> u64 {
        self.next_read + self.next_load + self.stats.alerts + u64::from(self.epoch)
    }
}

#[cfg(test)]
mod tests {
    use super::VERSION;

    /// The fields that are kept, and their order, are the format.
    #[test]
    fn a_change_of_the_format_raises_its_version() {
        let code = |text: &str| {
            let lines = text.lines().map(str::trim).filter(|line| !line.starts_with("//"));
            lines.collect::<Vec<_>>().join("\n")
        };
        let sources = [
            include_str!("codec.rs"),
            include_str!("tables.rs"),
            include_str!("values.rs"),
            include_str!("words.rs"),
            include_str!("mod.rs"),
        ];
        let sources = sources.map(|text| code(text.split("#[cfg(test)]").next().unwrap_or_default()));
        let print = crc32fast::hash(sources.concat().as_bytes());
        assert_eq!(
            (VERSION, print),
            (11, 3967539574),
            "if bytes of an earlier build would be read wrongly now, raise VERSION; then note the new print here"
        );
    }
}
