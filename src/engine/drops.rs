//! Files put into synchronised folders. What is put there is uploaded; what lies there was.

use std::sync::Arc;

use crate::model::{Evidence, ExecFacts, File, FileId, FilePath, PathHash, Timestamp};
use crate::policy::Scratch;

use super::Engine;
use super::argv::{self, Understood};
use super::files::Looked;
use super::lineage::LifeId;
use super::taint::{Origin, Part};
use super::window::Way;

/// What a life does to a file that it may have put there already: one file is created, written and closed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Put {
    New,
    /// There is more in it now.
    More,
    /// Another event tells of the same.
    Same,
}

impl Engine {
    /// To be asked before the file is stained with these parts.
    pub(super) fn put(
        &mut self,
        life: LifeId,
        path: &FilePath,
        hash: PathHash,
        id: Option<FileId>,
        parts: &[Part],
    ) -> Put {
        let key = self.lineage.get(life).map(|life| life.image.evidence.info.key);
        let Some(file) = self.taints.find(hash, id) else { return Put::New };
        let here = |part: &Part| part.hops.last().filter(|hop| hop.path.as_ref() == Some(path)).cloned();
        let own = |part: &Part| here(part).is_some_and(|hop| Some(hop.process.info.key) == key);
        let known = |part: &Part| file.parts.iter().any(|other| other.load.id == part.load.id);
        let came = |part: &Part| {
            file.parts.iter().any(|other| other.load.id == part.load.id && here(other).is_some())
        };
        match file.parts.iter().any(own) {
            // Another one moved it there while its writer was at it.
            false if parts.iter().all(came) => Put::Same,
            false => Put::New,
            true if parts.iter().all(known) => Put::Same,
            true => Put::More,
        }
    }

    /// A file that carries these parts lies in a sync root now.
    pub(super) fn put_into_root(
        &mut self,
        life: LifeId,
        time: Timestamp,
        path: &FilePath,
        looked: &Looked,
        parts: &[Part],
        put: Put,
    ) {
        let (Some((root, _)), false) = (&looked.class.root, put == Put::Same) else { return };
        let mut scratch = std::mem::take(&mut self.scratch);
        let canonical = self.policy.paths.canonical(path.as_bytes(), &mut scratch);
        let folder = self.policy.paths.root_folder(&canonical, *root, &self.homes).map(<[u8]>::to_vec);
        self.scratch = scratch;
        let mut origins: Vec<Origin> = parts.iter().flat_map(Part::origins).collect();
        if let Some(folder) = folder {
            origins.retain(|origin| !self.lay_below(&folder, origin, path));
        }
        self.dropped(life, time, looked, &origins, put == Put::New);
    }

    /// Does a sync client read what was put into a folder of its own, be it from there or from where another of its clients
    /// laid a copy for it? That was judged when it was put there.
    pub(super) fn takes_up(
        &mut self,
        life: LifeId,
        time: Timestamp,
        path: &FilePath,
        parts: &[Part],
    ) -> bool {
        let Some(life) = self.lineage.get(life) else { return false };
        let subject = self.subject(life, time);
        let mut scratch = Scratch::new();
        let mut judged = |path: &FilePath| {
            let canonical = self.policy.paths.canonical(path.as_bytes(), &mut scratch);
            let root = self.policy.paths.classify(&canonical, &self.homes).root;
            root.is_some_and(|(root, _)| self.policy.allow.takes_up(&subject, root))
        };
        judged(path)
            || parts.iter().all(|part| part.hops.iter().filter_map(|hop| hop.path.as_ref()).any(&mut judged))
    }

    /// A symbolic link into a sync root shows there what a folder holds, and whoever makes it reads that. No event says where a
    /// link leads: the words of the command do. A file, and a folder that is sensitive as a whole, they named at the exec.
    pub(super) fn linked_folders(&mut self, life: LifeId, time: Timestamp, link: &File) {
        let Some(maker) = self.lineage.get(life).map(|life| &life.image.evidence) else { return };
        if !link.symlink && !maker.info.program.path.as_bytes().ends_with(b"/ln") {
            return;
        }
        let maker = Arc::clone(maker);
        if self.look_as_named(life, &link.path, time).class.root.is_none() {
            return;
        }
        // Its words are relative to where it lies.
        let path = link.path.as_bytes();
        let end = path.iter().rposition(|byte| *byte == b'/').unwrap_or_default();
        let here = path.get(..end).unwrap_or_default();
        let (args, cwd) = (maker.args.to_vec(), Some(FilePath::new(here)));
        let facts = ExecFacts { args, cwd, ..ExecFacts::default() };
        let here = self.canonical(here);
        for named in argv::paths(&facts, &Understood::default()) {
            let folder = self.canonical(named.path.as_bytes());
            if folder != here {
                self.linked_folder(life, time, &named.path, &folder);
            }
        }
    }

    fn linked_folder(&mut self, life: LifeId, time: Timestamp, path: &FilePath, folder: &[u8]) {
        let looked = self.look(life, path, time);
        let mut looked = self.with_content(life, time, path, looked);
        if looked.class.root.is_some() {
            return;
        }
        let mut scratch = std::mem::take(&mut self.scratch);
        let canonical = self.policy.paths.canonical(folder, &mut scratch);
        let named = self.policy.paths.named_below(&canonical, &self.homes).without(looked.class.sets);
        looked.sets = self.unexcused(life, named, &canonical, time);
        self.scratch = scratch;
        if !looked.sets.is_empty() {
            self.read(life, time, path, &looked, Evidence::Argv, false);
        }
    }

    /// Was it read in this folder, or did it lie there on its way to `to`? Whoever edits a file there, or puts it back, puts
    /// nothing into it.
    fn lay_below(&mut self, folder: &[u8], origin: &Origin, to: &FilePath) -> bool {
        let steps = Way::steps(origin.way.as_ref()).filter_map(|hop| hop.path.as_ref());
        let places = std::iter::once(&origin.read.path).chain(steps.filter(|path| *path != to));
        let mut scratch = std::mem::take(&mut self.scratch);
        let mut inside = |path: &FilePath| {
            let canonical = self.policy.paths.canonical(path.as_bytes(), &mut scratch);
            canonical.bytes().strip_prefix(folder).is_some_and(|rest| rest.starts_with(b"/"))
        };
        let lay = places.into_iter().any(&mut inside);
        self.scratch = scratch;
        lay
    }
}
