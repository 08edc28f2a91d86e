//! Who is forgotten, when and in which order; and who is known again after a restart.

use crate::model::{ProcessKey, Set, Timestamp};

use super::{Life, LifeId, Lineage, MAX_LIVES, TOMBSTONE};

/// Marks a flow as one of an earlier run of the program.
const EARLIER_RUN: u32 = 1 << 31;

impl Lineage {
    /// A life of an earlier run, put back in the order of its birth.
    pub(in crate::engine) fn put_back(&mut self, mut life: Life, idle: bool) {
        let (id, pid) = (life.id, life.image.evidence.info.key.pid);
        life.keys.iter().for_each(|key| _ = self.by_key.insert(*key, id));
        self.by_pid.or_insert_with(pid, Vec::new).push(id);
        if idle {
            self.idle.insert(id);
        }
        // What the allow list says is asked anew.
        life.tallies.iter_mut().for_each(|tally| tally.epoch = u32::MAX);
        self.lives.insert(id, life);
    }

    /// Flows are counted anew: no number of an earlier run is one of this.
    pub fn begin_anew(&mut self) {
        for id in self.ids() {
            let tallies = self.lives.get_mut(&id).map(|life| &mut life.tallies);
            for tally in tallies.into_iter().flatten() {
                tally.flows.iter_mut().for_each(|exchange| exchange.flow.0 |= EARLIER_RUN);
                tally.local = None;
            }
        }
    }

    /// The machine began anew: whoever ran runs no more, and keys name others now.
    pub fn end_all(&mut self, time: Timestamp) {
        self.ids().into_iter().for_each(|id| self.end(id, time));
        self.by_key.clear();
        self.by_pid.clear();
    }

    /// Those whose image is not among these have ended meanwhile.
    pub fn end_all_but(&mut self, running: &Set<ProcessKey>, time: Timestamp) {
        for id in self.ids() {
            if self.lives.get(&id).is_some_and(|life| !running.contains(&life.image.evidence.info.key)) {
                self.end(id, time);
            }
        }
    }

    /// Whoever this one started and is not forgotten. Looks through all lives.
    pub fn children(&self, of: LifeId) -> Vec<LifeId> {
        let lives = self.lives.sorted().into_iter();
        lives.filter(|(_, life)| life.parent == Some(of)).map(|(id, _)| *id).collect()
    }

    /// Those of the lives that have not ended which are so. Looks through all.
    pub fn running(&self, is: impl Fn(&Life) -> bool) -> Vec<LifeId> {
        let lives = self.lives.sorted().into_iter().filter(|(_, life)| life.ended.is_none() && is(life));
        lives.map(|(id, _)| *id).collect()
    }

    fn ids(&self) -> Vec<LifeId> {
        self.lives.sorted().into_iter().map(|(id, _)| *id).collect()
    }

    /// Forgets ended lives whose time is up. `keep` says until when a life must still be remembered, if it must.
    pub fn bury(&mut self, now: Timestamp, keep: impl Fn(&Life) -> Option<Timestamp>) {
        while let Some(&(due, id)) = self.graves.first()
            && due <= now
        {
            self.graves.pop_first();
            let until = self.lives.get(&id).and_then(&keep).filter(|until| *until > now);
            match until {
                Some(until) => _ = self.graves.insert((until, id)),
                None => self.forget(id),
            }
        }
    }

    /// Lives forgotten since last asked.
    pub fn take_gone(&mut self) -> Vec<Life> {
        std::mem::take(&mut self.gone)
    }

    fn forget(&mut self, id: LifeId) {
        let Some(life) = self.lives.remove(&id) else { return };
        self.idle.remove(&id);
        let grave = life.ended.map(|ended| (ended.plus(TOMBSTONE), id));
        grave.into_iter().for_each(|grave| _ = self.idle_graves.remove(&grave));
        for key in &life.keys {
            self.by_key.remove(key);
        }
        let pid = life.image.evidence.info.key.pid;
        if let Some(lives) = self.by_pid.get_mut(&pid) {
            lives.retain(|other| *other != id);
            if lives.is_empty() {
                self.by_pid.remove(&pid);
            }
        }
        if !(life.bearings.is_empty() && life.pipes.is_empty()) {
            self.gone.push(life);
        }
    }

    /// A full table gives up ended lives first, the longest dead before the others; then nothing more is taken in from
    /// the oldest that carries no sensitive read.
    pub(super) fn make_room(&mut self) {
        while self.lives.len() >= MAX_LIVES {
            let victim = self.idle_graves.first().or_else(|| self.graves.first()).copied();
            match victim {
                Some(grave) => {
                    self.graves.remove(&grave);
                    self.forget(grave.1);
                }
                None => match self.oldest_idle() {
                    Some(id) => self.forget(id),
                    None => return,
                },
            }
            self.evicted += 1;
        }
    }

    /// The oldest that carries nothing; if all do, the oldest.
    fn oldest_idle(&mut self) -> Option<LifeId> {
        if let Some(idle) = self.idle.first() {
            return Some(*idle);
        }
        while self.oldest < self.next && !self.lives.contains(&LifeId(self.oldest)) {
            self.oldest += 1;
        }
        Some(LifeId(self.oldest)).filter(|id| self.lives.contains(id))
    }

    /// The life carries something from now on.
    pub fn burden(&mut self, id: LifeId) {
        if !self.idle.remove(&id) {
            return;
        }
        let ended = self.lives.get(&id).and_then(|life| life.ended);
        ended.into_iter().for_each(|ended| _ = self.idle_graves.remove(&(ended.plus(TOMBSTONE), id)));
    }
}
