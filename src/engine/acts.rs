//! What processes did: who they are, what they read, where they put it.

use std::sync::Arc;

use crate::model::{
    CoverageKind, Evidence, ExecFacts, File, FileId, FilePath, Hop, HopKind, Observed, OpenFlags, PathHash, ProcessInfo,
    Timestamp, What,
};
use crate::policy::{Canonical, PathClass, SetMask, Subject};

use super::lineage::{Image, LifeId};
use super::taint::Origin;
use super::window::{Bearing, MAX_BEARINGS, Mark, OVERHANG, Read, ReadId, Way};
use super::{Engine, argv};

/// A path as policy sees it, for one process.
pub(super) struct Looked {
    pub class: PathClass,
    pub hash: PathHash,
    pub named_fork: bool,
    /// The sets that no allowance excuses this process from.
    pub sets: SetMask,
}

impl Engine {
    pub(super) fn act(&mut self, observed: Observed) {
        self.stats.events += 1;
        let Observed { time, actor, info, what, .. } = observed;
        if let (What::Exec { target, facts }, None) = (&what, self.lineage.by_key(actor)) {
            // The old image was never introduced: the new one tells who the process is from now on.
            if info.is_none() {
                return self.executed_stranger(target, facts, time);
            }
        }
        let known = self.lineage.by_key(actor).is_some();
        let Some(life) = self.lineage.actor(actor, info.as_ref(), time) else {
            self.stats.strangers += 1;
            return;
        };
        if !known {
            self.inherit_unseen_fork(life);
        }
        match what {
            What::Exec { target, facts } => self.executed(life, time, &target, &facts),
            What::Fork { child } => self.forked(life, time, &child),
            What::Exit => self.lineage.end(life, time),
            What::CodeInvalidated => self.lineage.invalidate(life),
            What::Open { file, flags } => self.opened(life, time, &file, flags),
            What::Touch { path, id } => self.touched(life, time, path, id),
            What::Written { file } | What::Created { file } => self.wrote(life, time, &file),
            What::Renamed { from, to } => self.renamed(life, time, &from, &to),
            What::Removed { file } => {
                let hash = self.hash(file.path.as_bytes());
                self.taints.removed(hash, file.links);
            }
            What::Linked { from, to } => self.duplicated(life, time, &from, &to, HopKind::Link),
            What::Copied { from, to, clone } => {
                self.duplicated(life, time, &from, &to, if clone { HopKind::Clone } else { HopKind::Copy });
            }
            What::ServiceAsked { .. } | What::SocketAsked { .. } => self.asked(life, time),
            What::Seen => {}
        }
    }

    fn executed_stranger(&mut self, target: &Arc<ProcessInfo>, facts: &ExecFacts, time: Timestamp) {
        if self.lineage.by_key(target.key).is_some() {
            return;
        }
        let born = target.started.unwrap_or(time).min(time);
        let life = self.lineage.begin(target, Image::executed(target, facts, time), born);
        self.inherit_unseen_fork(life);
        self.settle(life, time, facts);
    }

    fn executed(&mut self, life: LifeId, time: Timestamp, target: &Arc<ProcessInfo>, facts: &ExecFacts) {
        if self.lineage.by_key(target.key).is_some_and(|known| known == life) && target.key != self.key_of(life) {
            return;
        }
        self.lineage.reimage(life, target.key, Image::executed(target, facts, time));
        self.step_on(life, HopKind::Exec, time);
        self.settle(life, time, facts);
    }

    /// What every exec brings beside the new image: a home, pipes, files named by arguments.
    fn settle(&mut self, life: LifeId, time: Timestamp, facts: &ExecFacts) {
        let variable = |name: &str| facts.env.iter().find(|(key, _)| &**key == name).map(|(_, value)| value);
        if let Some(home) = variable("HOME") {
            self.homes.learn(home.as_bytes());
        }
        let Some(subject) = self.lineage.get(life) else { return };
        let user = subject.image.evidence.info.euid;
        if let (Some(name), Some(home)) = (variable("USER"), variable("HOME"))
            && !name.is_empty()
            && home.rsplit('/').next() == Some(name)
            && self.users.len() < 4096
        {
            self.users.or_insert_with(user, || Arc::from(&**name));
        }
        self.plug(life, time, facts);
        let mut named = Vec::new();
        argv::paths(facts, |path| named.push(FilePath::new(path)));
        for path in named {
            let looked = self.look(life, &path, time);
            if !looked.sets.is_empty() {
                self.read(life, time, &path, &looked, Evidence::Argv, false);
            } else if let Some(origins) = self.carried(looked.hash, None) {
                self.take_over(life, time, &path, &origins);
            }
        }
    }

    fn forked(&mut self, parent: LifeId, time: Timestamp, child: &Arc<ProcessInfo>) {
        if self.lineage.by_key(child.key).is_some() {
            return;
        }
        let Some(image) = self.lineage.get(parent).map(|life| Image::forked(child, &life.image, time)) else { return };
        let id = self.lineage.begin(child, image, time);
        if let Some(life) = self.lineage.get_mut(id) {
            life.parent = Some(parent);
        }
        self.inherit(parent, id, time);
        let pipes = self.lineage.get(parent).map(|life| life.pipes.clone()).unwrap_or_default();
        self.plug_ends(id, time, &pipes);
    }

    /// A process that no fork event introduced was forked all the same, from the parent its token names, when it started.
    fn inherit_unseen_fork(&mut self, life: LifeId) {
        let Some((parent, born)) = self.lineage.get(life).and_then(|life| Some((life.parent?, life.born))) else { return };
        self.inherit(parent, life, born);
    }

    /// The child carries what the parent carried when it was forked. launchd's children are everybody's: nothing comes
    /// through it.
    fn inherit(&mut self, parent: LifeId, child: LifeId, time: Timestamp) {
        let Some(life) = self.lineage.get(parent) else { return };
        if life.image.evidence.info.key.pid.0 <= 1 {
            return;
        }
        let carried: Vec<Bearing> =
            life.bearings.iter().filter(|bearing| bearing.since <= time && time <= bearing.until).cloned().collect();
        self.hand_on(child, carried, HopKind::Fork, time);
    }

    /// Gives bearings of another life to `life`, one step further.
    fn hand_on(&mut self, life: LifeId, carried: Vec<Bearing>, kind: HopKind, time: Timestamp) {
        let Some(process) = self.lineage.get(life).map(|life| Arc::clone(&life.image.evidence)) else { return };
        let mut shared: Option<(Option<*const Way>, Arc<Way>)> = None;
        for mut bearing in carried {
            let before = bearing.way.as_ref().map(Arc::as_ptr);
            let way = match &shared {
                Some((same, way)) if *same == before => Arc::clone(way),
                _ => Way::then(bearing.way.as_ref(), Hop { kind, time, process: Arc::clone(&process), path: None }),
            };
            shared = Some((before, Arc::clone(&way)));
            bearing.way = Some(way);
            bearing.since = time;
            bearing.marks.clear();
            self.bear(life, bearing);
        }
    }

    /// Every bearing of the life takes one step in place (exec).
    fn step_on(&mut self, life: LifeId, kind: HopKind, time: Timestamp) {
        let Some(life) = self.lineage.get_mut(life) else { return };
        let process = Arc::clone(&life.image.evidence);
        let mut shared: Option<(Option<*const Way>, Arc<Way>)> = None;
        for bearing in &mut life.bearings {
            let before = bearing.way.as_ref().map(Arc::as_ptr);
            let way = match &shared {
                Some((same, way)) if *same == before => Arc::clone(way),
                _ => Way::then(bearing.way.as_ref(), Hop { kind, time, process: Arc::clone(&process), path: None }),
            };
            shared = Some((before, Arc::clone(&way)));
            bearing.way = Some(way);
        }
    }

    /// Pipes of an exec'd image: descriptors 1 and 2 write, 0 reads, and so do higher ones (`-F f=@<(cat key)`). That higher
    /// ones may write too is left out: a build's shared job pipe would join strangers.
    fn plug(&mut self, life: LifeId, time: Timestamp, facts: &ExecFacts) {
        let old = self.lineage.get_mut(life).map(|life| std::mem::take(&mut life.pipes)).unwrap_or_default();
        for pipe in old {
            if let Some(ends) = self.pipes.get_mut(&pipe.id) {
                ends.retain(|(end, _)| *end != life);
            }
        }
        self.plug_ends(life, time, &facts.pipes);
    }

    fn plug_ends(&mut self, life: LifeId, time: Timestamp, pipes: &[crate::model::PipeEnd]) {
        const MAX_ENDS: usize = 64;
        for pipe in pipes.iter().take(MAX_ENDS) {
            let (reads, writes) = (pipe.fd == 0 || pipe.fd > 2, matches!(pipe.fd, 1 | 2));
            let ends = self.pipes.or_insert_with(pipe.id, Vec::new);
            if ends.len() < MAX_ENDS {
                ends.extend([(reads, true), (writes, false)].into_iter().filter(|(is, _)| *is).map(|(_, reader)| (life, reader)));
            }
            if reads {
                let writers: Vec<LifeId> =
                    ends.iter().filter(|(end, reader)| !reader && *end != life).map(|(end, _)| *end).collect();
                for writer in writers {
                    let carried = self.lineage.get(writer).map(|life| life.bearings.clone()).unwrap_or_default();
                    self.hand_on(life, carried, HopKind::Pipe, time);
                }
            }
        }
        if let Some(life) = self.lineage.get_mut(life) {
            life.pipes = pipes.iter().take(MAX_ENDS).copied().collect();
        }
    }

    fn opened(&mut self, life: LifeId, time: Timestamp, file: &File, flags: OpenFlags) {
        if !flags.reads() {
            return;
        }
        let looked = self.look(life, &file.path, time);
        if !looked.class.sets.is_empty() && looked.sets.is_empty() {
            self.stats.excused += 1;
        }
        if !looked.sets.is_empty() {
            self.read(life, time, &file.path, &looked, Evidence::Open, file.truncated);
        }
        self.touched(life, time, looked.hash, file.id);
    }

    /// An open for reading of whatever file: it matters if the file is tainted.
    fn touched(&mut self, life: LifeId, time: Timestamp, path: PathHash, id: Option<FileId>) {
        if self.taints.is_empty() {
            return;
        }
        let Some(file) = self.taints.find(path, id) else { return };
        let (path, origins) = (file.path.clone(), file.origins.clone());
        self.take_over(life, time, &path, &origins);
    }

    /// Reading a file that carries reads carries them too.
    fn take_over(&mut self, life: LifeId, time: Timestamp, path: &FilePath, origins: &[Origin]) {
        let mut sets = SetMask::default();
        origins.iter().for_each(|origin| sets = sets.union(self.sets_of(&origin.read)));
        let mut scratch = std::mem::take(&mut self.scratch);
        let canonical = self.policy.paths.canonical(path.as_bytes(), &mut scratch);
        let sets = self.unexcused(life, sets, &canonical, time);
        self.scratch = scratch;
        if sets.is_empty() {
            return;
        }
        let Some(staged) = self.new_read(life, time, path, sets, Evidence::Taint) else { return };
        let staged = Arc::new(staged);
        let until = Bearing::deadline(&self.policy, sets, time);
        for origin in origins {
            if self.sets_of(&origin.read).intersection(sets).is_empty() {
                continue;
            }
            let (read, way) = (Arc::clone(&origin.read), origin.way.clone());
            let through = Some(Arc::clone(&staged));
            self.bear(life, Bearing { read, through, way, since: time, until, marks: Vec::new() });
        }
    }

    fn wrote(&mut self, life: LifeId, time: Timestamp, file: &File) {
        if file.path.as_bytes().starts_with(b"/dev/") {
            return;
        }
        let origins = self.origins(life, HopKind::Stage, time, &file.path);
        if origins.is_empty() {
            return;
        }
        let looked = self.look(life, &file.path, time);
        self.stain(&file.path, looked.hash, file.id, &origins, time);
        self.dropped(life, time, &looked, &origins);
    }

    fn renamed(&mut self, life: LifeId, time: Timestamp, from: &File, to: &File) {
        let source = self.look(life, &from.path, time);
        let target = self.look(life, &to.path, time);
        let mut origins = self.carried(source.hash, from.id).unwrap_or_default();
        self.taints.renamed(source.hash, &to.path, target.hash);
        if !source.sets.is_empty()
            && let Some(moved) = self.new_read(life, time, &from.path, source.sets, Evidence::Taint)
        {
            origins.push(Origin { read: Arc::new(moved), way: None });
        }
        origins.extend(self.origins(life, HopKind::Rename, time, &to.path));
        let origins = self.one_further(life, origins, HopKind::Rename, time, &to.path);
        self.stain(&to.path, target.hash, from.id, &origins, time);
        self.dropped(life, time, &target, &origins);
    }

    /// A link, clone or copy: the acting process read the source, and the new name carries what the source did.
    fn duplicated(&mut self, life: LifeId, time: Timestamp, from: &File, to: &FilePath, kind: HopKind) {
        let source = self.look(life, &from.path, time);
        let target = self.look(life, to, time);
        if !source.sets.is_empty() {
            self.read(life, time, &from.path, &source, Evidence::Open, from.truncated);
        }
        self.touched(life, time, source.hash, from.id);
        let mut origins = self.carried(source.hash, from.id).unwrap_or_default();
        origins.extend(self.origins(life, kind, time, to));
        let origins = self.one_further(life, origins, kind, time, to);
        // A link shares the inode; a copy has its own, not yet known.
        let id = if kind == HopKind::Link { from.id } else { None };
        self.stain(to, target.hash, id, &origins, time);
        self.dropped(life, time, &target, &origins);
    }

    fn asked(&mut self, life: LifeId, time: Timestamp) {
        let carries = self.lineage.get(life).is_some_and(|life| life.bearings.iter().any(|b| time <= b.until));
        if carries {
            self.note(
                CoverageKind::IpcPossible,
                1,
                "a process that had read sensitive files spoke to another one; what it passed on is not visible",
            );
        }
    }

    /// What a file carries.
    fn carried(&mut self, path: PathHash, id: Option<FileId>) -> Option<Vec<Origin>> {
        if self.taints.is_empty() {
            return None;
        }
        self.taints.find(path, id).map(|file| file.origins.clone())
    }

    /// What a file written now by this life would carry.
    fn origins(&self, life: LifeId, kind: HopKind, time: Timestamp, path: &FilePath) -> Vec<Origin> {
        let Some(life) = self.lineage.get(life) else { return Vec::new() };
        let live = life.bearings.iter().filter(|bearing| time <= bearing.until);
        let hop = || Hop { kind, time, process: Arc::clone(&life.image.evidence), path: Some(path.clone()) };
        live.map(|bearing| Origin { read: Arc::clone(&bearing.read), way: Some(Way::then(bearing.way.as_ref(), hop())) }).collect()
    }

    fn one_further(&self, life: LifeId, origins: Vec<Origin>, kind: HopKind, time: Timestamp, path: &FilePath) -> Vec<Origin> {
        let Some(life) = self.lineage.get(life) else { return origins };
        let mut seen: Vec<ReadId> = Vec::new();
        let mut further = Vec::new();
        for origin in origins {
            if seen.contains(&origin.read.id) {
                continue;
            }
            seen.push(origin.read.id);
            let already = origin.way.as_ref().is_some_and(|way| way.hop.kind == kind && way.hop.path.as_ref() == Some(path));
            let hop = Hop { kind, time, process: Arc::clone(&life.image.evidence), path: Some(path.clone()) };
            let way = if already { origin.way } else { Some(Way::then(origin.way.as_ref(), hop)) };
            further.push(Origin { read: origin.read, way });
        }
        further
    }

    fn stain(&mut self, path: &FilePath, hash: PathHash, id: Option<FileId>, origins: &[Origin], time: Timestamp) {
        let until = time.plus(self.policy.options.file_taint);
        self.taints.stain(path, hash, id, origins, until);
    }

    /// A sensitive file came into this life.
    fn read(&mut self, life: LifeId, time: Timestamp, path: &FilePath, looked: &Looked, evidence: Evidence, truncated: bool) {
        let Some(read) = self.new_read(life, time, path, looked.sets, evidence) else { return };
        self.stats.reads += 1;
        let read = Read { truncated, named_fork: looked.named_fork, ..read };
        let until = Bearing::deadline(&self.policy, looked.sets, time);
        self.bear(life, Bearing { read: Arc::new(read), through: None, way: None, since: time, until, marks: Vec::new() });
    }

    pub(super) fn new_read(&mut self, life: LifeId, time: Timestamp, path: &FilePath, sets: SetMask, evidence: Evidence) -> Option<Read> {
        let image = &self.lineage.get(life)?.image;
        let id = ReadId(self.next_read);
        self.next_read += 1;
        Some(Read {
            id,
            path: path.clone(),
            sets,
            epoch: self.epoch,
            time,
            reader: Arc::clone(&image.evidence),
            code: Arc::clone(&image.code),
            evidence,
            truncated: false,
            named_fork: false,
        })
    }

    /// The life carries one read more. Bytes it sent so far do not count against it.
    pub(super) fn bear(&mut self, id: LifeId, mut bearing: Bearing) {
        let now = self.now;
        let Some(life) = self.lineage.get_mut(id) else { return };
        let mut gone: Vec<ReadId> = Vec::new();
        life.bearings.retain(|other| {
            let keep = other.until.plus(OVERHANG) >= now;
            if !keep {
                gone.push(other.read.id);
            }
            keep
        });
        let again = |other: &&mut Bearing| other.read.id == bearing.read.id;
        if let Some(known) = life.bearings.iter_mut().find(again) {
            // The same read by another way, or its staged copy again: the window starts anew, the bytes count on.
            if bearing.until > known.until {
                known.until = bearing.until;
                known.through = bearing.through.or_else(|| known.through.take());
            }
            gone.into_iter().for_each(|read| self.unbear(id, read));
            return;
        }
        if let Some(argv) = life.bearings.iter_mut().find(|other| {
            other.read.evidence == Evidence::Argv && bearing.read.evidence == Evidence::Open && other.read.path == bearing.read.path
        }) {
            // The open that the command line announced. It is the same read, better known.
            bearing.marks.clone_from(&argv.marks);
            bearing.since = argv.since;
            gone.push(argv.read.id);
            *argv = bearing.clone();
        } else {
            bearing.marks = life
                .tallies
                .iter()
                .enumerate()
                .map(|(at, tally)| Mark { tally: at as u16, base_out: tally.out, base_in: tally.into, crossed: None })
                .collect();
            life.tallies.iter_mut().for_each(|tally| tally.check_at = 0);
            if life.bearings.len() >= MAX_BEARINGS {
                life.bearings_omitted += 1;
                let at = weakest(&life.bearings, |set| self.policy.sets[usize::from(set.0)].severity as usize);
                gone.push(life.bearings.swap_remove(at).read.id);
            }
            life.bearings.push(bearing.clone());
        }
        let pipes = life.pipes.clone();
        self.bearers.or_insert_with(bearing.read.id, Vec::new).push(id);
        gone.into_iter().for_each(|read| self.unbear(id, read));
        self.pour(id, &pipes, &bearing);
    }

    /// What came into a life flows on into the readers of the pipes it writes to.
    fn pour(&mut self, life: LifeId, pipes: &[crate::model::PipeEnd], bearing: &Bearing) {
        for pipe in pipes.iter().filter(|pipe| matches!(pipe.fd, 1 | 2)) {
            let ends = self.pipes.get(&pipe.id).cloned().unwrap_or_default();
            for (reader, reads) in ends {
                let carries = self.lineage.get(reader).is_none_or(|other| other.bearings.iter().any(|b| b.read.id == bearing.read.id));
                if reads && reader != life && !carries {
                    self.hand_on(reader, vec![bearing.clone()], HopKind::Pipe, bearing.since);
                }
            }
        }
    }

    pub(super) fn unbear(&mut self, life: LifeId, read: ReadId) {
        if let Some(bearers) = self.bearers.get_mut(&read) {
            bearers.retain(|bearer| *bearer != life);
            if bearers.is_empty() {
                self.bearers.remove(&read);
            }
        }
    }

    pub(super) fn hash(&mut self, path: &[u8]) -> PathHash {
        let canonical = self.policy.paths.canonical(path, &mut self.scratch);
        self.policy.paths.hash(&canonical)
    }

    /// What policy says of a path, and which of its sets this process is not excused from.
    pub(super) fn look(&mut self, life: LifeId, path: &FilePath, time: Timestamp) -> Looked {
        let mut scratch = std::mem::take(&mut self.scratch);
        let canonical = self.policy.paths.canonical(path.as_bytes(), &mut scratch);
        let class = self.policy.paths.classify(&canonical, &self.homes);
        let own_code = self.lineage.get(life).is_some_and(|life| {
            let script = life.image.identity.script.as_ref();
            script == Some(path) || life.image.identity.program.path == *path
        });
        let sets = if own_code { SetMask::default() } else { self.unexcused(life, class.sets, &canonical, time) };
        let looked = Looked { hash: self.policy.paths.hash(&canonical), named_fork: canonical.named_fork(), class, sets };
        self.scratch = scratch;
        looked
    }

    fn unexcused(&self, life: LifeId, sets: SetMask, path: &Canonical<'_>, time: Timestamp) -> SetMask {
        let Some(life) = self.lineage.get(life).filter(|_| !sets.is_empty()) else { return SetMask::default() };
        let user = life.image.evidence.info.euid;
        let subject = Subject {
            identity: &life.image.identity,
            parent: life.ancestor.as_ref().map(|parent| &*parent.identity),
            user,
            user_name: self.users.get(&user).map(|name| &**name),
            time,
        };
        let excused = |set: &crate::policy::SetId| self.policy.allow.excuses_read(&subject, *set, path, &self.homes).is_some();
        sets.iter().filter(|set| !excused(set)).collect()
    }

    fn key_of(&self, life: LifeId) -> crate::model::ProcessKey {
        let none = crate::model::ProcessKey { pid: crate::model::Pid(-1), version: 0 };
        self.lineage.get(life).map_or(none, |life| life.image.evidence.info.key)
    }
}

/// The bearing to give up in a full life: least severe, then nearest its end.
fn weakest(bearings: &[Bearing], severity: impl Fn(crate::policy::SetId) -> usize) -> usize {
    let weight = |bearing: &Bearing| bearing.read.sets.iter().map(&severity).max().unwrap_or(0);
    let weakest = bearings.iter().enumerate().min_by_key(|(_, bearing)| (weight(bearing), bearing.until));
    weakest.map_or(0, |(at, _)| at)
}
