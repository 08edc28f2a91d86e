//! Sensitive files under other names: moved folders, hard links, inode paths, volumes of images.

use std::sync::Arc;

use crate::model::{CoverageKind, Evidence, File, FileId, FilePath, Hop, HopKind, Timestamp};

use super::Engine;
use super::aliases::ATTACHING;
use super::files::{By, Looked};
use super::lineage::LifeId;
use super::taint::{Origin, Part};
use super::window::Way;

/// What disk images are called. A sparse bundle is a folder; its bands are what is opened.
const IMAGES: [&[u8]; 8] =
    [b".dmg", b".iso", b".cdr", b".img", b".sparseimage", b".sparsebundle", b".udif", b".asif"];
/// What is opened first of a sparse bundle, which is a folder.
const BUNDLE: &[u8] = b".sparsebundle";
const FIRST_OF_BUNDLE: [&[u8]; 3] = [b"/Info.plist", b"/token", b"/lock"];
/// Programs that attach images, for others or as their command line tells.
const ATTACHERS: [&[u8]; 6] =
    [b"hdiutil", b"open", b"diskutil", b"DiskImageMounter", b"diskimages-helper", b"diskimagesiod"];
const MOVED_FULL: &str = "moved folders: the oldest is no longer followed";
const VOLUMES_FULL: &str = "volumes of disk images: the oldest is no longer followed";

impl Engine {
    pub(super) fn renamed(&mut self, life: LifeId, time: Timestamp, from: &File, to: &File) {
        let source = self.look_at(life, from, time);
        let target = self.look(life, &to.path, time);
        let file = self.taints.meant(source.hash, from.id);
        if source.hash != target.hash {
            self.taints.replaced(target.hash, from.id, true);
        }
        self.goes(file, &source, &to.path, &target);
        from.id.into_iter().for_each(|id| self.aliases.forget(id));
        if from.directory {
            self.tainted_below(&from.path, &to.path);
            self.folder_moved(life, time, &from.path, &to.path, HopKind::Rename);
        }
        self.came(life, time, (from, &source), (&to.path, &target), file);
    }

    /// Two files, or folders, have each other's name: what each carries is found where the other lay.
    pub(super) fn exchanged(&mut self, life: LifeId, time: Timestamp, [one, other]: [&File; 2]) {
        let looked = [self.look_at(life, one, time), self.look_at(life, other, time)];
        if looked[0].hash == looked[1].hash {
            return;
        }
        let files =
            [(one, &looked[0]), (other, &looked[1])].map(|(file, at)| self.taints.meant(at.hash, file.id));
        files.into_iter().flatten().zip(&looked).for_each(|(key, at)| self.taints.lifted(key, at.hash));
        for (from, to, way) in [(0, 1, [one, other]), (1, 0, [other, one])] {
            self.taints.replaced(looked[to].hash, way[0].id, true);
            self.goes(files[from], &looked[from], &way[1].path, &looked[to]);
            way[0].id.into_iter().for_each(|id| self.aliases.forget(id));
        }
        self.folders_exchanged(life, time, one, other);
        self.came(life, time, (one, &looked[0]), (&other.path, &looked[1]), files[0]);
        self.came(life, time, (other, &looked[1]), (&one.path, &looked[0]), files[1]);
    }

    fn folders_exchanged(&mut self, life: LifeId, time: Timestamp, one: &File, other: &File) {
        /// No file is called so.
        const ASIDE: &str = "/\u{1}aside";
        if !one.directory && !other.directory {
            return;
        }
        let aside = FilePath::from(ASIDE);
        for (from, to) in [(&one.path, &aside), (&other.path, &one.path), (&aside, &other.path)] {
            self.tainted_below(from, to);
        }
        for (from, to) in [(one, other), (other, one)] {
            if from.directory {
                self.folder_moved(life, time, &from.path, &to.path, HopKind::Rename);
            }
        }
    }

    /// A file that carries something goes from one name to another.
    fn goes(&mut self, file: Option<u64>, source: &Looked, to: &FilePath, target: &Looked) {
        let Some(key) = file else { return };
        let name = self.canonical(to.as_bytes());
        self.taints.renamed(key, source.hash, to, &name, target.hash);
    }

    /// What came to another name carries there what the file did, what was sensitive where it lay, and what its mover does.
    fn came(
        &mut self,
        life: LifeId,
        time: Timestamp,
        (from, source): (&File, &Looked),
        (to, target): (&FilePath, &Looked),
        file: Option<u64>,
    ) {
        let mut parts = file.map(|key| self.taints.parts(key).to_vec()).unwrap_or_default();
        parts.extend(self.moved_part(life, time, &from.path, source));
        // What it wrote itself it does not put in once more.
        let own = self.own_part(life, time);
        parts.extend(own.filter(|own| !parts.iter().any(|part| part.load.id == own.load.id)));
        let hop = self.hop(life, HopKind::Rename, time, to);
        hop.into_iter().for_each(|hop| parts.iter_mut().for_each(|part| part.step(hop.clone())));
        self.stain(to, from.id, &parts, time, life, target);
    }

    /// What a file or folder carries that was sensitive where it lay.
    fn moved_part(
        &mut self,
        life: LifeId,
        time: Timestamp,
        from: &FilePath,
        source: &Looked,
    ) -> Option<Part> {
        if source.sets.is_empty() {
            return None;
        }
        let moved = self.new_read(life, time, from, source.sets, Evidence::Taint)?;
        let origins = vec![Origin { read: Arc::new(moved), way: None }];
        let load = self.new_load(origins, time.plus(self.policy.options.file_taint));
        Some(Part { load, hops: Vec::new() })
    }

    /// The tainted files in a folder go with it.
    fn tainted_below(&mut self, from: &FilePath, to: &FilePath) {
        let name = self.canonical(from.as_bytes());
        let (policy, scratch) = (&self.policy, &mut self.scratch);
        self.taints.folder_renamed(&name, to, |path| policy.paths.hash_and_name(path, scratch));
    }

    /// A folder got another name, or a copy of itself: what lies below it is found there from now on.
    pub(super) fn folder_moved(
        &mut self,
        life: LifeId,
        time: Timestamp,
        from: &FilePath,
        to: &FilePath,
        kind: HopKind,
    ) {
        let names = (self.canonical(from.as_bytes()), self.canonical(to.as_bytes()));
        let earlier = self.aliases.original(&names.0, time).map(|(path, _)| path);
        let lost = |from: &[u8]| self.policy.paths.lost_below(from, &names.1, &self.homes);
        let sets = lost(&names.0).union(earlier.as_deref().map(lost).unwrap_or_default());
        if sets.is_empty() {
            return;
        }
        let until = time.plus(self.policy.options.file_taint);
        if let Some(hop) = self.hop(life, kind, time, to) {
            let full = self.aliases.moved(&names.0, &names.1, hop, until);
            self.note_full(full, MOVED_FULL);
        }
        self.moved_into_root(life, time, from, to, sets);
    }

    /// A folder of sensitive files that comes to lie in a sync root is uploaded with all that it holds.
    fn moved_into_root(
        &mut self,
        life: LifeId,
        time: Timestamp,
        from: &FilePath,
        to: &FilePath,
        sets: crate::policy::SetMask,
    ) {
        let target = self.look_as_named(life, to, time);
        let source = self.look_as_named(life, from, time);
        let mut source = self.with_content(life, time, from, source);
        if target.class.root.is_none() || source.class.root.is_some() || !source.class.sets.is_empty() {
            return;
        }
        source.sets = sets;
        if let Some(part) = self.moved_part(life, time, from, &source) {
            let origins: Vec<_> = part.origins().collect();
            self.dropped(life, time, &target, &origins, true);
        }
    }

    /// A file opened by a name that no pattern knows: is it a sensitive one all the same?
    pub(super) fn by_other_name(
        &mut self,
        life: LifeId,
        time: Timestamp,
        name: &FilePath,
        id: Option<FileId>,
        links: u32,
    ) {
        self.attaches(life, time, name);
        if let Some(id) = id.or_else(|| inode_path(name.as_bytes()))
            && let Some(known) = self.aliases.known(id).cloned()
        {
            let mut looked = self.look_as_named(life, &known, time);
            if !looked.sets.is_empty() {
                looked.came = self.hop(life, HopKind::Link, time, name);
                self.read(life, time, &known, &looked, Evidence::Open, false);
            }
            return;
        }
        if links > 1 {
            self.unseen(life).into_iter().for_each(|unseen| unseen.hard_link = Some(time));
        }
        if self.aliases.any_moved() && self.lay_elsewhere(name, time) {
            let looked = self.look(life, name, time);
            if !looked.sets.is_empty() {
                self.read(life, time, name, &looked, Evidence::Open, false);
            }
        }
        if self.aliases.any_attached() {
            let canonical = self.canonical(name.as_bytes());
            let parts = self.aliases.shown(&canonical, time).map(<[Part]>::to_vec);
            if let Some(parts) = parts {
                self.take_over(life, time, name, &parts, By::Volume);
            }
        }
    }

    /// A snapshot appeared: what lies below it is what lay at the root, but for those whose place the canonical form knows.
    pub(super) fn shown_again(&mut self, life: LifeId, time: Timestamp, at: &FilePath) {
        let canonical = self.canonical(at.as_bytes());
        let known = self.canonical(&[at.as_bytes(), b"/Users"].concat()) == b"/users";
        let until = time.plus(self.policy.options.file_taint);
        if canonical != b"/"
            && !known
            && let Some(hop) = self.hop(life, HopKind::Clone, time, at)
        {
            let full = self.aliases.moved(b"", &canonical, hop, until);
            self.note_full(full, MOVED_FULL);
        }
    }

    /// A volume appeared: if a process has just opened an image that carries reads, it shows that image; and it shows the one
    /// that a command has just attached, whatever that holds so far.
    pub(super) fn mounted(&mut self, time: Timestamp, at: &FilePath) {
        let canonical = self.canonical(at.as_bytes());
        if canonical == b"/" {
            return;
        }
        let full = self.aliases.appeared(time, &canonical);
        self.note_full(full, VOLUMES_FULL);
        let Some((opened, parts)) = self.image_opened.take() else { return };
        if time.since(opened) <= ATTACHING {
            let until = time.plus(self.policy.options.file_taint);
            let full = self.aliases.attached(&canonical, parts, (time, until));
            self.note_full(full, VOLUMES_FULL);
        }
    }

    /// A tainted file was opened: an image may be shown as a volume next.
    pub(super) fn image(&mut self, time: Timestamp, path: &FilePath, parts: &[Part]) {
        let path = path.as_bytes().to_ascii_lowercase();
        let named = |end: &&[u8]| {
            path.ends_with(end) || path.windows(end.len() + 1).any(|part| part == [end, &b"/"[..]].concat())
        };
        if IMAGES.iter().any(named) {
            self.image_opened = Some((time, parts.to_vec()));
        }
    }

    /// A program's command line names an image, or it opens one: those that attach images may show it as a volume next.
    pub(super) fn attaches(&mut self, life: LifeId, time: Timestamp, path: &FilePath) {
        let Some(image) = image_in(path.as_bytes()) else { return };
        let attaches = self.lineage.get(life).is_some_and(|life| {
            let program = life.image.evidence.info.program.path.as_bytes();
            program.rsplit(|byte| *byte == b'/').next().is_some_and(|name| ATTACHERS.contains(&name))
        });
        if attaches {
            let canonical = self.canonical(image);
            self.aliases.attaching = Some((time, canonical.into()));
        }
    }

    /// A copy was put on a volume: it lies in the image that the volume shows, by whatever part of it.
    pub(super) fn put_into_image(&mut self, time: Timestamp, canonical: &[u8], parts: &[Part]) {
        let Some(image) = self.aliases.image_of(canonical).map(<[u8]>::to_vec) else { return };
        let until = time.plus(self.policy.options.file_taint);
        let full = self.aliases.attached(&image, parts.to_vec(), (time, until));
        self.note_full(full, VOLUMES_FULL);
        self.note(
            CoverageKind::NestedVolume,
            1,
            "copies put into a disk image: which part of it holds them cannot be seen",
        );
    }

    fn lay_elsewhere(&mut self, path: &FilePath, time: Timestamp) -> bool {
        let canonical = self.canonical(path.as_bytes());
        self.aliases.original(&canonical, time).is_some()
    }

    pub(super) fn canonical(&mut self, path: &[u8]) -> Vec<u8> {
        self.policy.paths.canonical(path, &mut self.scratch).bytes().to_vec()
    }

    /// What policy says of a file, or of a folder and all that lies in it.
    pub(super) fn look_at(&mut self, life: LifeId, file: &File, time: Timestamp) -> Looked {
        let looked = self.look(life, &file.path, time);
        if file.directory { self.with_content(life, time, &file.path, looked) } else { looked }
    }

    /// The same where the path may be that of a folder: it belongs to the sets that everything in it belongs to.
    pub(super) fn with_content(
        &mut self,
        life: LifeId,
        time: Timestamp,
        path: &FilePath,
        mut looked: Looked,
    ) -> Looked {
        let mut scratch = std::mem::take(&mut self.scratch);
        let canonical = self.policy.paths.canonical(path.as_bytes(), &mut scratch);
        let (paths, homes) = (&self.policy.paths, &self.homes);
        let whole = paths.whole(&canonical, homes);
        // Sets within a set have their folders below.
        let below = if whole.is_empty() { whole } else { paths.named_below(&canonical, homes) };
        let sets = whole.union(below).without(looked.class.sets);
        looked.class.sets = looked.class.sets.union(sets);
        looked.sets = looked.sets.union(self.unexcused(life, sets, &canonical, time));
        self.scratch = scratch;
        looked
    }

    /// What policy says of where the file lay before its folder was moved, beside what it says of where it lies.
    pub(super) fn look(&mut self, life: LifeId, path: &FilePath, time: Timestamp) -> Looked {
        let mut looked = self.look_as_named(life, path, time);
        if !self.aliases.any_moved() {
            return looked;
        }
        let canonical = self.canonical(path.as_bytes());
        let Some((earlier, hop)) = self.aliases.original(&canonical, time) else { return looked };
        let hop: Hop = hop.clone();
        let before = self.look_as_named(life, &FilePath::new(&earlier), time);
        if !before.class.sets.is_empty() {
            looked.class.sets = looked.class.sets.union(before.class.sets);
            looked.sets = looked.sets.union(before.sets);
            looked.came = Some(hop);
        }
        looked
    }
}

/// The way of a read that came by another name.
pub(super) fn way_of(looked: &Looked) -> Option<Arc<Way>> {
    looked.came.clone().map(|hop| Way::then(None, hop))
}

/// `/.vol/<device>/<inode>`
fn inode_path(path: &[u8]) -> Option<FileId> {
    let rest = std::str::from_utf8(path.strip_prefix(b"/.vol/")?).ok()?;
    let (device, inode) = rest.split_once('/')?;
    FileId::new(device.parse().ok()?, inode.parse().ok()?)
}

/// The image that this is the path of, or of a part that is opened first.
fn image_in(path: &[u8]) -> Option<&[u8]> {
    let ends = |path: &[u8], end: &[u8]| {
        path.len() > end.len() && path[path.len() - end.len()..].eq_ignore_ascii_case(end)
    };
    if IMAGES.iter().any(|end| ends(path, end)) {
        return Some(path);
    }
    let first = FIRST_OF_BUNDLE.iter().find(|end| path.ends_with(end))?;
    let bundle = &path[..path.len() - first.len()];
    ends(bundle, BUNDLE).then_some(bundle)
}
