//! Who is who at a moment.
//!
//! A [`Life`] is one process from fork to exit, through all its images: exec in place changes who it is, not what it has
//! read. Lives are keyed by pid *and* pidversion, so a reused pid never joins an earlier life. Ended lives stay a while as
//! tombstones, because packets and late events still speak of them.

mod room;

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use crate::model::{
    Attribution, CommName, ExecFacts, Owner, Pid, PipeEnd, ProcessEvidence, ProcessInfo, ProcessKey, Span,
    Table, Timestamp,
};
use crate::policy::Identity;

use super::commands::Named;
use super::identity;
use super::taint::Load;
use super::unseen::Unseen;
use super::window::{Bearing, MAX_TALLIES, Sender, Tally};

/// The most lives remembered, ended ones included. About 1.5 KiB each with its image and ancestors: 96 MB at the very
/// worst; a desk Mac has some 700.
pub const MAX_LIVES: usize = 1 << 16;
/// How long an ended life that carries nothing stays: packets may trail their process.
pub const TOMBSTONE: Span = Span::from_secs(30);
/// Ancestors kept for the evidence.
pub const MAX_ANCESTORS: u8 = 16;
/// An event of a process may be stamped this much before the event that began it: two queues, two clocks' grain.
const SKEW: Span = Span::from_millis(100);

/// Names one life. Never reused.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct LifeId(pub(super) u64);

/// Who a process is between two execs.
#[derive(Clone, Debug)]
pub struct Image {
    pub since: Timestamp,
    pub evidence: Arc<ProcessEvidence>,
    pub identity: Arc<Identity>,
    /// The code identity as one word: equal for equal programs, scripts included.
    pub code: Arc<str>,
    /// Tenants that its command line names.
    pub(super) named: Vec<Named>,
    /// What its first packets called it.
    pub(super) called: Option<CommName>,
}

/// An ancestor, shared by all its descendants.
#[derive(Debug)]
pub struct Ancestor {
    pub evidence: Arc<ProcessEvidence>,
    pub identity: Arc<Identity>,
    pub parent: Option<Arc<Ancestor>>,
    pub(super) depth: u8,
}

/// One process and what it carries.
#[derive(Debug)]
pub struct Life {
    pub id: LifeId,
    pub image: Image,
    pub(super) keys: Vec<ProcessKey>,
    pub ancestor: Option<Arc<Ancestor>>,
    pub parent: Option<LifeId>,
    pub born: Timestamp,
    pub ended: Option<Timestamp>,
    pub bearings: Vec<Bearing>,
    pub tallies: Vec<Tally>,
    pub pipes: Vec<PipeEnd>,
    /// What a file written now would carry; `None` when it must be put together anew.
    pub load: Option<Arc<Load>>,
    /// The last one put together.
    pub last_load: Option<Arc<Load>>,
    /// Loads taken over lately, by number: to take one over again at once would change nothing.
    pub absorbed: VecDeque<(u64, Timestamp)>,
    /// What may have brought it a read that no sensor saw.
    pub unseen: Option<Box<Unseen>>,
    /// Sensitive reads beyond those remembered.
    pub bearings_omitted: u64,
}

impl Life {
    /// It had not ended yet.
    pub fn lived_at(&self, time: Timestamp) -> bool {
        self.ended.is_none_or(|ended| time <= ended.plus(SKEW))
    }

    /// A tally more, and where it is; where there are too many, the one whose place it took: least undecided, then least
    /// sent. Small change to many places must not hide what goes to the next.
    pub(super) fn open_tally(&mut self, tally: Tally) -> (usize, Option<Tally>) {
        if self.tallies.len() < MAX_TALLIES {
            self.tallies.push(tally);
            return (self.tallies.len() - 1, None);
        }
        let weight =
            |tally: &Tally| (tally.pending.is_some(), tally.judged.is_some(), tally.out, tally.last_any);
        let least = self.tallies.iter().enumerate().min_by_key(|(_, tally)| weight(tally));
        let at = least.map_or(0, |(at, _)| at);
        self.bearings
            .iter_mut()
            .for_each(|bearing| bearing.marks.retain(|mark| usize::from(mark.tally) != at));
        let replaced = self.tallies.get_mut(at).map(|least| {
            let generation = least.generation.wrapping_add(1);
            std::mem::replace(least, Tally { generation, ..tally })
        });
        (at, replaced)
    }

    /// Bytes at `time` that lie beyond the windows of all reads that this tally was told for begin it anew: they are no more
    /// of that upload.
    pub(super) fn leave_behind(&mut self, at: u16, time: Timestamp, attribution: Attribution) {
        let second = |time: Timestamp| time.as_nanos().div_euclid(1_000_000_000);
        // Once in a second is often enough.
        let told = |tally: &&mut Tally| {
            tally.crossed && tally.pending.is_none() && second(time) != second(tally.last_any)
        };
        let Some(tally) = self.tallies.get_mut(usize::from(at)).filter(told) else { return };
        let began = tally.run_at(time);
        let reaches = |bearing: &Bearing| bearing.mark(at).crossed.is_some() && bearing.reaches(began, time);
        if !self.bearings.iter().any(reaches) {
            tally.begin_anew(self.image.sender(), time, attribution);
            self.uncross(at);
        }
    }

    /// No read has crossed a floor of this tally any more.
    pub(super) fn uncross(&mut self, at: u16) {
        for bearing in &mut self.bearings {
            bearing.marks.iter_mut().filter(|mark| mark.tally == at).for_each(|mark| mark.crossed = None);
        }
    }

    /// Its nearest ancestors, nearest first.
    pub fn ancestors(&self) -> impl Iterator<Item = &Arc<Ancestor>> {
        std::iter::successors(self.ancestor.as_ref(), |ancestor| ancestor.parent.as_ref())
    }

    /// Was it git that sent, or what git started to reach a remote?
    pub fn is_git(&self, sender: &ProcessEvidence) -> bool {
        let named = |evidence: &ProcessEvidence| {
            let name = evidence.info.program.path.file_name();
            name == b"git" || name.starts_with(b"git-remote-")
        };
        named(sender) || self.ancestors().take(2).any(|ancestor| named(&ancestor.evidence))
    }

    fn as_ancestor(&self) -> Arc<Ancestor> {
        let depth = self.ancestor.as_ref().map_or(0, |parent| parent.depth);
        // Deeper than kept: start anew, so that no chain grows without bound.
        let parent = if depth >= MAX_ANCESTORS { None } else { self.ancestor.clone() };
        let depth = parent.as_ref().map_or(1, |_| depth + 1);
        let (evidence, identity) = (Arc::clone(&self.image.evidence), Arc::clone(&self.image.identity));
        Arc::new(Ancestor { evidence, identity, parent, depth })
    }
}

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
        let life = Life {
            id,
            image,
            keys: vec![info.key],
            ancestor,
            parent,
            born,
            ended: None,
            bearings: Vec::new(),
            tallies: Vec::new(),
            pipes: Vec::new(),
            load: None,
            last_load: None,
            absorbed: VecDeque::new(),
            unseen: None,
            bearings_omitted: 0,
        };
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

impl Image {
    /// Who sends what is sent now.
    pub fn sender(&self) -> Sender {
        Sender { evidence: Arc::clone(&self.evidence), identity: Arc::clone(&self.identity) }
    }

    /// From a fork or from the first event that carries the process: no arguments are known.
    pub fn introduced(info: &Arc<ProcessInfo>, time: Timestamp) -> Self {
        Self::new(info, &ExecFacts::default(), time, true)
    }

    /// From an exec event.
    pub fn executed(info: &Arc<ProcessInfo>, facts: &ExecFacts, time: Timestamp) -> Self {
        Self::new(info, facts, time, false)
    }

    /// A forked child is its parent until it execs: same arguments, same script.
    pub fn forked(info: &Arc<ProcessInfo>, parent: &Image, time: Timestamp) -> Self {
        let mut evidence = (*parent.evidence).clone();
        evidence.info = Arc::clone(info);
        Self {
            since: time,
            evidence: Arc::new(evidence),
            identity: Arc::clone(&parent.identity),
            code: Arc::clone(&parent.code),
            named: parent.named.clone(),
            called: None,
        }
    }

    fn new(info: &Arc<ProcessInfo>, facts: &ExecFacts, time: Timestamp, older: bool) -> Self {
        let identity = identity::of(&info.program, facts);
        let script = identity.script.clone().map(|path| crate::model::Script { path });
        let evidence = ProcessEvidence {
            info: Arc::clone(info),
            args: facts.args.as_slice().into(),
            cwd: facts.cwd.clone(),
            script,
            runs_other_code: identity.runs_other_code,
            older_than_sensor: older,
            invalidated: false,
        };
        let code = identity::code_word(&identity);
        Self {
            since: time,
            evidence: Arc::new(evidence),
            identity: Arc::new(identity),
            code,
            named: Vec::new(),
            called: None,
        }
    }
}
