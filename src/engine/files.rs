//! What processes did with files: reads that count, and copies that carry them on.

use std::sync::Arc;

use crate::model::{
    CoverageKind, Evidence, File, FileId, FilePath, Hop, HopKind, Mark, OpenFlags, PathHash, Span, Timestamp,
};
use crate::policy::{Canonical, PathClass, RESOURCE_FORK, SetId, SetMask, is_resource_fork};

use super::Engine;
use super::identity::marks_as_usual;
use super::lineage::{Life, LifeId};
use super::moves::way_of;
use super::pipes::is_shell;
use super::taint::{Load, MAX_ORIGINS, Origin, Part};
use super::window::{Bearing, Read};

/// Within this much time a file taken over again brings nothing new.
const AT_ONCE: Span = Span::from_secs(1);
/// Loads a life remembers having taken over.
const MAX_ABSORBED: usize = 64;

/// How a file that carries something was read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum By {
    Itself,
    /// By its resource fork, which is not where its bytes are.
    Fork,
    /// On a volume that an image shows.
    Volume,
}

/// A path as policy sees it, for one process.
pub(super) struct Looked {
    pub class: PathClass,
    pub hash: PathHash,
    pub named_fork: bool,
    /// The sets that no allowance excuses this process from.
    pub sets: SetMask,
    /// The step by which the file came to this name, if it is a sensitive one by another.
    pub came: Option<Hop>,
}

impl Engine {
    pub(super) fn opened(&mut self, life: LifeId, time: Timestamp, file: &File, flags: OpenFlags) {
        if flags.empties() {
            let hash = self.hash(file.path.as_bytes());
            self.emptied(life, hash, file.id);
        }
        // To list a folder is to read no file.
        if !flags.reads() || file.directory {
            return;
        }
        let hash = self.opened_by_name(life, time, file);
        self.touched(life, time, hash, file.id, Some(&file.path));
    }

    /// An open for reading: what policy says of the file's name.
    pub(super) fn opened_by_name(&mut self, life: LifeId, time: Timestamp, file: &File) -> PathHash {
        let looked = self.look(life, &file.path, time);
        if let (Some(id), false) = (file.id, looked.class.sets.is_empty()) {
            self.aliases.know(id, &file.path);
        }
        if !looked.class.sets.is_empty() && looked.sets.is_empty() {
            self.stats.excused += 1;
        }
        if !looked.sets.is_empty() {
            self.read(life, time, &file.path, &looked, Evidence::Open, file.truncated);
        }
        if file.truncated {
            self.note(
                CoverageKind::NameHidden,
                1,
                "paths that the system cut: only their beginnings could be judged",
            );
        }
        looked.hash
    }

    /// An open for reading of whatever file: it matters if the file is tainted. `name`: by which it was opened, where that
    /// came along.
    pub(super) fn touched(
        &mut self,
        life: LifeId,
        time: Timestamp,
        path: PathHash,
        id: Option<FileId>,
        name: Option<&FilePath>,
    ) {
        if self.taints.is_empty() {
            return;
        }
        let Some(file) = self.taints.find(path, id) else { return };
        let Some(reader) = self.lineage.get(life) else { return };
        let parts = fresh(reader, &file.parts, time);
        if !parts.is_empty() {
            let path = file.path.clone();
            self.image(time, &path, &parts);
            let by = match name.is_some_and(|name| is_resource_fork(name.as_bytes())) {
                true => By::Fork,
                false => By::Itself,
            };
            self.take_over(life, time, &path, &parts, by);
        }
    }

    /// Reading a file that carries reads carries them too.
    pub(super) fn take_over(
        &mut self,
        life: LifeId,
        time: Timestamp,
        path: &FilePath,
        parts: &[Part],
        by: By,
    ) {
        // Whoever looks into the fork first has not read the file.
        if by != By::Fork {
            parts.iter().for_each(|part| self.absorb(life, part.load.id, time));
        }
        let reads = parts.iter().flat_map(|part| &part.load.origins);
        let sets = reads.fold(SetMask::default(), |sets, origin| sets.union(self.sets_of(&origin.read)));
        let mut scratch = std::mem::take(&mut self.scratch);
        let canonical = self.policy.paths.canonical(path.as_bytes(), &mut scratch);
        let sets = self.unexcused(life, sets, &canonical, time);
        self.scratch = scratch;
        if sets.is_empty() || self.takes_up(life, time, path, parts) {
            return;
        }
        let Some(staged) = self.new_read(life, time, path, sets, Evidence::Taint) else { return };
        self.carries(life);
        let named_fork = by == By::Fork || parts.iter().all(Part::in_fork);
        let staged = Arc::new(Read { nested: by == By::Volume, named_fork, ..staged });
        let until = Bearing::deadline(&self.policy, sets, time);
        for part in parts {
            for origin in &part.load.origins {
                if self.sets_of(&origin.read).intersection(sets).is_empty()
                    || self.renew(life, (part, origin), &staged, until)
                {
                    continue;
                }
                let (read, through) = (Arc::clone(&origin.read), Some(Arc::clone(&staged)));
                let way = part.way_of(origin);
                self.bear(
                    life,
                    Bearing { read, through, way, since: time, until, marks: Vec::new(), former: Vec::new() },
                );
            }
        }
    }

    fn absorb(&mut self, life: LifeId, load: u64, time: Timestamp) {
        let Some(life) = self.lineage.get_mut(life) else { return };
        life.absorbed.retain(|(other, _)| *other != load);
        if life.absorbed.len() >= MAX_ABSORBED {
            life.absorbed.pop_front();
        }
        life.absorbed.push_back((load, time));
    }

    /// What was in the file is gone. Only who wrote it may still be at it: it is created, and then opened to be written.
    pub(super) fn emptied(&mut self, life: LifeId, path: PathHash, id: Option<FileId>) {
        let Some(life) = self.lineage.get(life).filter(|_| !self.taints.is_empty()) else { return };
        let key = life.image.evidence.info.key;
        let own = |part: &Part| part.hops.last().is_some_and(|hop| hop.process.info.key == key);
        self.taints.emptied(path, id, own);
    }

    /// `created`: it is a new file, whatever had its name before.
    pub(super) fn wrote(&mut self, life: LifeId, time: Timestamp, file: &File, created: bool) {
        if file.path.as_bytes().starts_with(b"/dev/") {
            return;
        }
        if !self.taints.is_empty() {
            let hash = self.hash(file.path.as_bytes());
            self.taints.replaced(hash, file.id, created);
        }
        if created {
            self.linked_folders(life, time, file);
        }
        let own = self.own_part(life, time);
        let Some(mut part) = own.or_else(|| self.received_part(life, time, file, created)) else { return };
        part.hops.extend(self.hop(life, HopKind::Stage, time, &file.path));
        let looked = self.look(life, &file.path, time);
        self.stain(&file.path, file.id, &[part], time, life, &looked);
    }

    /// An extended attribute was set: it holds what its setter carries, unless it only says what attributes of its name do.
    /// Data in one is told of as in the file's resource fork, which is one.
    pub(super) fn marked(&mut self, life: LifeId, time: Timestamp, file: &File, mark: Mark) {
        if self.lineage.get(life).is_none_or(|life| marks_as_usual(&life.image.identity, mark)) {
            return;
        }
        let path = FilePath::new(&[file.path.as_bytes(), RESOURCE_FORK].concat());
        self.wrote(life, time, &File { path, ..file.clone() }, false);
    }

    /// A link, clone or copy: the acting process read the source, and the new name carries what the source did.
    pub(super) fn duplicated(
        &mut self,
        life: LifeId,
        time: Timestamp,
        from: &File,
        to: &FilePath,
        kind: HopKind,
    ) {
        let source = self.look_at(life, from, time);
        let target = self.look(life, to, time);
        if !source.sets.is_empty() {
            self.read(life, time, &from.path, &source, Evidence::Open, from.truncated);
        }
        self.touched(life, time, source.hash, from.id, Some(&from.path));
        if from.directory {
            self.folder_moved(life, time, &from.path, to, kind);
        }
        let mut parts = self.carried(source.hash, from.id);
        parts.extend(self.own_part(life, time));
        let hop = self.hop(life, kind, time, to);
        hop.into_iter().for_each(|hop| parts.iter_mut().for_each(|part| part.step(hop.clone())));
        // A link shares the inode; a copy has its own, not yet known.
        let id = if kind == HopKind::Link { from.id } else { None };
        self.stain(to, id, &parts, time, life, &target);
    }

    /// What a file carries.
    pub(super) fn carried(&mut self, path: PathHash, id: Option<FileId>) -> Vec<Part> {
        if self.taints.is_empty() {
            return Vec::new();
        }
        self.taints.find(path, id).map(|file| file.parts.clone()).unwrap_or_default()
    }

    /// What a file written now by this life would carry, put together once for all that it writes meanwhile.
    pub(super) fn own_part(&mut self, id: LifeId, time: Timestamp) -> Option<Part> {
        let life = self.lineage.get(id).filter(|life| !life.bearings.is_empty())?;
        if let Some(load) = life.load.as_ref().filter(|load| time <= load.until) {
            return Some(Part { load: Arc::clone(load), hops: Vec::new() });
        }
        let mut live: Vec<&Bearing> = life.bearings.iter().filter(|bearing| time <= bearing.until).collect();
        let until = live.iter().map(|bearing| bearing.until).min()?;
        live.sort_by_key(|bearing| {
            let severity = self.sets_of(&bearing.read).iter().map(|set| self.policy.set(set).severity).max();
            (std::cmp::Reverse(severity), bearing.read.id)
        });
        let origin =
            |bearing: &&Bearing| Origin { read: Arc::clone(&bearing.read), way: bearing.way.clone() };
        let origins: Vec<Origin> =
            live.iter().take(MAX_ORIGINS.max(self.policy.rules.counted())).map(origin).collect();
        let load = self.new_load(origins, until);
        let life = self.lineage.get_mut(id)?;
        life.load = Some(Arc::clone(&load));
        life.last_load = Some(Arc::clone(&load));
        Some(Part { load, hops: Vec::new() })
    }

    pub(super) fn new_load(&mut self, origins: Vec<Origin>, until: Timestamp) -> Arc<Load> {
        self.next_load += 1;
        Arc::new(Load { id: self.next_load, origins, until })
    }

    pub(super) fn hop(&self, life: LifeId, kind: HopKind, time: Timestamp, path: &FilePath) -> Option<Hop> {
        let process = Arc::clone(&self.lineage.get(life)?.image.evidence);
        Some(Hop { kind, time, process, path: Some(path.clone()) })
    }

    /// The file at `path` carries these parts from now on; if it lies in a sync root, it is uploaded.
    pub(super) fn stain(
        &mut self,
        path: &FilePath,
        id: Option<FileId>,
        parts: &[Part],
        time: Timestamp,
        life: LifeId,
        looked: &Looked,
    ) {
        if parts.is_empty() {
            return;
        }
        let until = time.plus(self.policy.options.file_taint);
        let name = self.canonical(path.as_bytes());
        let put = looked.class.root.is_some().then(|| self.put(life, path, looked.hash, id, parts));
        self.taints.stain(path, &name, looked.hash, id, parts, until);
        if self.aliases.any_image() {
            self.put_into_image(time, &name, parts);
        }
        if !self.served.is_empty() {
            self.hand_to_server(life, time, path, &name, parts);
        }
        if let Some(put) = put {
            self.put_into_root(life, time, path, looked, parts, put);
        }
    }

    /// A sensitive file came into this life.
    pub(super) fn read(
        &mut self,
        life: LifeId,
        time: Timestamp,
        path: &FilePath,
        looked: &Looked,
        evidence: Evidence,
        truncated: bool,
    ) {
        let Some(read) = self.new_read(life, time, path, looked.sets, evidence) else { return };
        self.stats.reads += 1;
        self.carries(life);
        let read = Read { truncated, named_fork: looked.named_fork, ..read };
        let until = Bearing::deadline(&self.policy, looked.sets, time);
        let way = way_of(looked);
        self.bear(
            life,
            Bearing {
                read: Arc::new(read),
                through: None,
                former: Vec::new(),
                way,
                since: time,
                until,
                marks: Vec::new(),
            },
        );
        self.hear_again(path);
    }

    pub(super) fn hash(&mut self, path: &[u8]) -> PathHash {
        let canonical = self.policy.paths.canonical(path, &mut self.scratch);
        self.policy.paths.hash(&canonical)
    }

    /// What policy says of a path, and which of its sets this process is not excused from.
    pub(super) fn look_as_named(&mut self, life: LifeId, path: &FilePath, time: Timestamp) -> Looked {
        let mut scratch = std::mem::take(&mut self.scratch);
        let canonical = self.policy.paths.canonical(path.as_bytes(), &mut scratch);
        let class = self.policy.paths.classify(&canonical, &self.homes);
        let own_code = self.lineage.get(life).is_some_and(|life| {
            let script = life.image.identity.script.as_ref();
            script == Some(path) || life.image.identity.program.path == *path
        });
        let sets =
            if own_code { SetMask::default() } else { self.unexcused(life, class.sets, &canonical, time) };
        let looked = Looked {
            hash: self.policy.paths.hash(&canonical),
            named_fork: is_resource_fork(path.as_bytes()),
            class,
            sets,
            came: None,
        };
        self.scratch = scratch;
        looked
    }

    /// Does it print the keys that it reads?
    pub(super) fn prints(&self, life: &Life) -> bool {
        let evidence = &life.image.evidence;
        let script = evidence.script.as_ref().map(|script| &script.path);
        self.policy.tools.reveals(&evidence.info.program, &evidence.args, script)
    }

    pub(super) fn unexcused(
        &self,
        life: LifeId,
        sets: SetMask,
        path: &Canonical<'_>,
        time: Timestamp,
    ) -> SetMask {
        let Some(life) = self.lineage.get(life).filter(|_| !sets.is_empty()) else {
            return SetMask::default();
        };
        let subject = self.subject(life, time);
        // To use a key is one thing, to print it another: only an administrator lets that through.
        let excused = |set: &SetId| {
            let entry = self.policy.allow.excuses_read(&subject, *set, path);
            entry.is_some_and(|entry| !entry.builtin || !self.prints(life) && !redirects(life))
        };
        sets.iter().filter(|set| !excused(set)).collect()
    }
}

/// What the life has not taken over just now.
pub(super) fn fresh(life: &Life, parts: &[Part], time: Timestamp) -> Vec<Part> {
    let fresh = |part: &&Part| {
        let lately = |(load, at): &(u64, Timestamp)| *load == part.load.id && time.since(*at) <= AT_ONCE;
        !life.absorbed.iter().any(lately)
    };
    parts.iter().filter(fresh).cloned().collect()
}

/// A shell's fork opens files for what it becomes: `tool < file`.
fn redirects(life: &Life) -> bool {
    let parent = life.ancestor.as_ref();
    parent.is_some_and(|parent| Arc::ptr_eq(&parent.identity, &life.image.identity))
        && is_shell(life.image.identity.program.path.file_name())
}
