//! Who is who at a moment.
//!
//! A [`Life`] is one process from fork to exit, through all its images: exec in place changes who it is, not what it has
//! read. Lives are keyed by pid *and* pidversion, so a reused pid never joins an earlier life. Ended lives stay a while as
//! tombstones, because packets and late events still speak of them.

mod life;
mod room;

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::model::{Owner, Pid, ProcessEvidence, ProcessInfo, ProcessKey, Span, Table, Timestamp};
use crate::policy::Identity;

use super::identity;

pub use life::{Ancestor, Image, Life, LifeId, MAX_ANCESTORS, is_git};

/// The most lives remembered, ended ones included. About 1.5 KiB each with its image and ancestors: 96 MB at the very
/// worst; a desk Mac has some 700.
pub const MAX_LIVES: usize = 1 << 16;
/// How long an ended life that carries nothing stays: packets may trail their process.
pub const TOMBSTONE: Span = Span::from_secs(30);
/// An event of a process may be stamped this much before the event that began it: two queues, two clocks' grain.
const SKEW: Span = Span::from_millis(100);

/// All lives.
#[derive(Debug, Default)]
pub struct Lineage {
    pub(super) lives: Table<LifeId, Life>,
    pub(super) by_key: Table<ProcessKey, LifeId>,
    /// Lives of one pid, oldest first.
    pub(super) by_pid: Table<Pid, Vec<LifeId>>,
    pub(super) next: u64,
    /// No life has a lower number.
    pub(super) oldest: u64,
    /// Lives that never carried anything.
    pub(super) idle: BTreeSet<LifeId>,
    /// When to look at an ended life again.
    pub(super) graves: BTreeSet<(Timestamp, LifeId)>,
    /// Of those, the ones that never carried anything: the first to make room.
    pub(super) idle_graves: BTreeSet<(Timestamp, LifeId)>,
    pub(super) evicted: u64,
    /// How often one became another program, or lost its name, otherwise than by an exec that a sensor told of.
    pub(super) recast: u64,
    /// Forgotten, but not yet taken out of the tables of others.
    pub(super) gone: Vec<Life>,
}

impl Lineage {
    pub fn get(&self, id: LifeId) -> Option<&Life> {
        self.lives.get(&id)
    }

    pub fn get_mut(&mut self, id: LifeId) -> Option<&mut Life> {
        self.lives.get_mut(&id)
    }

    pub fn by_key(&self, key: ProcessKey) -> Option<LifeId> {
        self.by_key.get(&key).copied()
    }

    pub fn len(&self) -> usize {
        self.lives.len()
    }

    pub fn is_empty(&self) -> bool {
        self.lives.is_empty()
    }

    /// Lives pushed out of the full table since last asked.
    pub fn take_evicted(&mut self) -> u64 {
        std::mem::take(&mut self.evicted)
    }

    /// The life of `pid` that was running at `time`. Packets know no pidversion, so this is how they find their process.
    pub fn at(&self, pid: Pid, time: Timestamp) -> Option<LifeId> {
        let lives = self.by_pid.get(&pid)?;
        let runs = |id: &&LifeId| {
            self.lives.get(*id).is_some_and(|life| {
                let born = life.born <= time.plus(SKEW);
                born && life.ended.is_none_or(|ended| time <= ended.plus(TOMBSTONE))
            })
        };
        // The youngest that had begun; one that had already ended only if no other had.
        let begun = lives.iter().rev().filter(runs);
        let strict = begun.clone().find(|id| self.lives.get(*id).is_some_and(|life| life.born <= time));
        strict.or_else(|| begun.clone().next()).copied()
    }

    /// Do packets call the owner otherwise than they called the image that is known to run? A name lasts as long as its
    /// image, so another one runs, and its exec was not seen.
    pub fn is_another(&mut self, owner: Owner, time: Timestamp) -> bool {
        let life = self.at(owner.pid, time).and_then(|id| self.lives.get_mut(&id));
        let Some(image) = life.map(|life| &mut life.image) else { return false };
        // What was sent before the exec may be stamped after it.
        if owner.name.as_bytes().is_empty() || time < image.since.plus(SKEW) {
            return false;
        }
        *image.called.get_or_insert(owner.name) != owner.name
    }

    /// The life that acts in an event: known by its key, or introduced by what the event carries.
    pub fn actor(
        &mut self,
        key: ProcessKey,
        info: Option<&Arc<ProcessInfo>>,
        time: Timestamp,
    ) -> Option<LifeId> {
        if let Some(id) = self.by_key(key) {
            return Some(id);
        }
        let info = info?;
        match self.same_process(info, time) {
            Some(id) => {
                let image = Image::introduced(info, time);
                self.reimage(id, info.key, image);
                self.recast += 1;
                Some(id)
            }
            None => {
                Some(self.begin(info, Image::introduced(info, time), info.started.unwrap_or(time).min(time)))
            }
        }
    }

    /// A running life of the same pid that started at the very same moment is the same process after an exec that no
    /// sensor told of. A different start is a reused pid.
    fn same_process(&self, info: &ProcessInfo, time: Timestamp) -> Option<LifeId> {
        let id = self.at(info.key.pid, time)?;
        let life = self.get(id)?;
        let known = &life.image.evidence.info;
        (life.ended.is_none()
            && info.started.is_some()
            && info.started == known.started
            && known.key.version < info.key.version)
            .then_some(id)
    }

    /// A process begins: by fork, or with the first event that speaks of it.
    pub fn begin(&mut self, info: &Arc<ProcessInfo>, image: Image, born: Timestamp) -> LifeId {
        self.make_room();
        let pid = info.key.pid;
        // Each of them ended those before it.
        let runs = |id: &&LifeId| self.lives.get(*id).is_none_or(|life| life.ended.is_none());
        let older = self.by_pid.get(&pid).into_iter().flat_map(|lives| lives.iter().rev().take_while(runs));
        for older in older.copied().collect::<Vec<_>>() {
            self.end(older, born);
        }
        let id = LifeId(self.next);
        self.next += 1;
        let parent = info.parent.filter(|parent| parent.pid != pid).and_then(|key| self.named(key, born));
        let ancestor = parent.and_then(|parent| self.get(parent)).map(Life::as_ancestor);
        let life = Life::new(id, info.key, image, born, parent, ancestor);
        self.lives.insert(id, life);
        self.idle.insert(id);
        self.by_key.insert(info.key, id);
        self.by_pid.or_insert_with(pid, Vec::new).push(id);
        id
    }

    /// The life that an audit token names; by pid alone if that image was never seen.
    pub fn named(&self, key: ProcessKey, time: Timestamp) -> Option<LifeId> {
        self.by_key(key).or_else(|| {
            let id = self.at(key.pid, time)?;
            // A later image of the same process is fine, an earlier life is not.
            (self.get(id)?.image.evidence.info.key.version >= key.version).then_some(id)
        })
    }

    /// The process becomes another program.
    pub fn reimage(&mut self, id: LifeId, key: ProcessKey, image: Image) {
        let Some(life) = self.lives.get_mut(&id) else { return };
        life.image = image;
        life.keys.push(key);
        if life.keys.len() > 32 {
            let oldest = life.keys.remove(0);
            self.by_key.remove(&oldest);
        }
        self.by_key.insert(key, id);
    }

    /// The kernel no longer vouches for it: every identity it had is void from now on.
    pub fn invalidate(&mut self, id: LifeId) {
        self.discredit(id, |evidence, identity| (evidence.invalidated, identity.invalidated) = (true, true));
    }

    /// Another process runs code in it: it is not itself from now on.
    pub fn take_over(&mut self, id: LifeId) {
        self.discredit(id, |evidence, identity| {
            (evidence.runs_other_code, identity.runs_other_code) = (true, true);
        });
    }

    fn discredit(&mut self, id: LifeId, how: impl FnOnce(&mut ProcessEvidence, &mut Identity)) {
        let Some(life) = self.lives.get_mut(&id) else { return };
        let mut evidence = (*life.image.evidence).clone();
        let mut identity = (*life.image.identity).clone();
        how(&mut evidence, &mut identity);
        life.image.code = identity::code_word(&identity);
        life.image.evidence = Arc::new(evidence);
        life.image.identity = Arc::new(identity);
        self.recast += 1;
    }

    pub fn end(&mut self, id: LifeId, time: Timestamp) {
        if let Some(life) = self.lives.get_mut(&id)
            && life.ended.is_none()
        {
            life.ended = Some(time);
            let grave = (time.plus(TOMBSTONE), id);
            self.graves.insert(grave);
            if self.idle.contains(&id) {
                self.idle_graves.insert(grave);
            }
        }
    }
}
