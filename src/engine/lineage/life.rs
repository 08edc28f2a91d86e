//! One life: a process from fork to exit, who it is between two execs, and what it carries.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::engine::commands::Named;
use crate::engine::identity;
use crate::engine::taint::Load;
use crate::engine::tally::{MAX_TALLIES, Sender, Tally};
use crate::engine::unseen::Unseen;
use crate::engine::window::Bearing;
use crate::model::{
    Attribution, CommName, ExecFacts, PipeEnd, ProcessEvidence, ProcessInfo, ProcessKey, Script, Timestamp,
};
use crate::policy::Identity;

use super::SKEW;

/// Ancestors kept for the evidence.
pub const MAX_ANCESTORS: u8 = 16;

/// Names one life. Never reused.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct LifeId(pub(in crate::engine) u64);

/// Who a process is between two execs.
#[derive(Clone, Debug)]
pub struct Image {
    pub since: Timestamp,
    pub evidence: Arc<ProcessEvidence>,
    pub identity: Arc<Identity>,
    /// The code identity as one word: equal for equal programs, scripts included.
    pub code: Arc<str>,
    /// Tenants that its command line names.
    pub(in crate::engine) named: Vec<Named>,
    /// What its first packets called it.
    pub(in crate::engine) called: Option<CommName>,
}

/// An ancestor, shared by all its descendants.
#[derive(Debug)]
pub struct Ancestor {
    pub evidence: Arc<ProcessEvidence>,
    pub identity: Arc<Identity>,
    pub parent: Option<Arc<Ancestor>>,
    pub(in crate::engine) depth: u8,
}

/// One process and what it carries.
#[derive(Debug)]
pub struct Life {
    pub id: LifeId,
    pub image: Image,
    pub(in crate::engine) keys: Vec<ProcessKey>,
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
    /// Its children that sent what they carry, at most [`MAX_SENDERS`](crate::engine::siblings::MAX_SENDERS).
    pub(in crate::engine) senders: Vec<LifeId>,
}

impl Life {
    /// One that begins and carries nothing.
    pub(super) fn new(
        id: LifeId,
        key: ProcessKey,
        image: Image,
        born: Timestamp,
        parent: Option<LifeId>,
        ancestor: Option<Arc<Ancestor>>,
    ) -> Self {
        Self {
            id,
            image,
            keys: vec![key],
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
            senders: Vec::new(),
        }
    }

    /// It had not ended yet.
    pub fn lived_at(&self, time: Timestamp) -> bool {
        self.ended.is_none_or(|ended| time <= ended.plus(SKEW))
    }

    /// A tally more, and where it is; where there are too many, the one whose place it took: least undecided, then least
    /// sent. Small change to many places must not hide what goes to the next.
    pub(in crate::engine) fn open_tally(&mut self, tally: Tally) -> (usize, Option<Tally>) {
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
    pub(in crate::engine) fn leave_behind(&mut self, at: u16, time: Timestamp, attribution: Attribution) {
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
    pub(in crate::engine) fn uncross(&mut self, at: u16) {
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
        is_git(sender) || self.ancestors().take(2).any(|ancestor| is_git(&ancestor.evidence))
    }

    pub(super) fn as_ancestor(&self) -> Arc<Ancestor> {
        let depth = self.ancestor.as_ref().map_or(0, |parent| parent.depth);
        // Deeper than kept: start anew, so that no chain grows without bound.
        let parent = if depth >= MAX_ANCESTORS { None } else { self.ancestor.clone() };
        let depth = parent.as_ref().map_or(1, |_| depth + 1);
        let (evidence, identity) = (Arc::clone(&self.image.evidence), Arc::clone(&self.image.identity));
        Arc::new(Ancestor { evidence, identity, parent, depth })
    }
}

/// Git itself, or what it starts to reach a remote.
pub fn is_git(evidence: &ProcessEvidence) -> bool {
    let name = evidence.info.program.path.file_name();
    name == b"git" || name.starts_with(b"git-remote-")
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
        let script = identity.script.clone().map(|path| Script { path });
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
