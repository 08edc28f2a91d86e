//! Which opens the system is asked for, and which files join them while carriers of sensitive data write them.
//!
//! Endpoint Security selects by what a path begins with, as it is on disk. So everything here errs towards more: the
//! gate and the engine decide. Patterns that begin anywhere mean everything but the sealed system volume, where nobody's
//! data can be; patterns that begin in a home mean homes, those that come later included.

use std::collections::{BTreeSet, VecDeque};
use std::path::Path;

use crate::model::{File, FilePath, Mark, Pid, ProcessKey, What};
use crate::policy::{Paths, Reach};

/// Files that carriers wrote outside the selected places; the one longest known makes room.
pub const MAX_STAGED: usize = 512;
/// Processes and process groups that carry what was read; the one longest known makes room. 16 bytes each.
const MAX_CARRIERS: usize = 8192;

/// Entries of the root directory that lie on the sealed system volume, or hold no files.
const SEALED: [&str; 8] = ["System", "usr", "bin", "sbin", "dev", "cores", ".vol", ".file"];
/// On every Mac and not sealed, whatever listing the root directory says.
const UNSEALED: [&[u8]; 7] =
    [b"/usr/local/", b"/private/", b"/Volumes/", b"/Library/", b"/Applications/", b"/opt/", b"/Users/"];
/// Where homes are, those of other disks too; `/var/root` as the system reports it.
const HOMES: [&[u8]; 3] = [b"/Users/", b"/private/var/root/", b"/Volumes/"];
/// Links at the root into `/private`, which the system reports resolved.
const LINKED: [&[u8]; 3] = [b"/var", b"/tmp", b"/etc"];

/// What paths may begin with, none of them within another.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Selection(BTreeSet<Vec<u8>>);

impl Selection {
    /// What policy needs on this machine.
    pub fn new(paths: &Paths) -> Self {
        let entries = std::fs::read_dir(Path::new("/")).into_iter().flatten().flatten();
        Self::of(paths.reach(), entries.filter_map(|entry| entry.file_name().into_string().ok()))
    }

    /// `root`: the names in the root directory.
    fn of(reach: &Reach, root: impl Iterator<Item = String>) -> Self {
        let mut all: BTreeSet<Vec<u8>> = reach.beginnings.iter().map(|text| resolved(text)).collect();
        if reach.homes || reach.anywhere {
            all.extend(HOMES.map(<[u8]>::to_vec));
        }
        if reach.anywhere {
            let open = root.filter(|name| !SEALED.contains(&name.as_str()));
            all.extend(open.map(|name| format!("/{name}/").into_bytes()));
            all.extend(UNSEALED.map(<[u8]>::to_vec));
        }
        let within = |one: &Vec<u8>| all.iter().any(|other| other != one && one.starts_with(other));
        Self(all.iter().filter(|one| !within(one)).cloned().collect())
    }

    pub fn prefixes(&self) -> impl Iterator<Item = &[u8]> {
        self.0.iter().map(Vec::as_slice)
    }

    fn covers(&self, path: &[u8]) -> bool {
        self.0.iter().any(|prefix| path.starts_with(prefix))
    }
}

/// As the system reports it: `/var/db` is `/private/var/db`.
fn resolved(text: &[u8]) -> Vec<u8> {
    let linked = |link: &&[u8]| text.starts_with(link) && matches!(text.get(link.len()), None | Some(b'/'));
    match LINKED.iter().any(linked) {
        true => [b"/private", text].concat(),
        false => text.to_vec(),
    }
}

/// Who may carry what was read, as a sensor can tell without waiting for the engine: whoever read, its children, and its
/// pipeline. More than the engine will find, for a short while; never less where files are written by them.
#[derive(Debug, Default)]
pub struct Staging {
    selection: Selection,
    carriers: Known<Pid>,
    groups: Known<Pid>,
    staged: VecDeque<FilePath>,
    evicted: u64,
}

/// What to do about one file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Change {
    Select(FilePath),
    /// No longer: its place was needed.
    Drop(FilePath),
}

impl Staging {
    pub fn new(selection: Selection) -> Self {
        Self { selection, ..Self::default() }
    }

    /// Another policy. Files staged before stay selected.
    pub fn adopt(&mut self, selection: Selection) {
        self.selection = selection;
    }

    pub fn staged(&self) -> impl Iterator<Item = &FilePath> {
        self.staged.iter()
    }

    /// Files that lost their place since the start.
    pub fn evicted(&self) -> u64 {
        self.evicted
    }

    /// Takes note of an event. `group`: the actor's process group.
    pub fn follow(&mut self, actor: ProcessKey, group: Pid, what: &What, mut change: impl FnMut(Change)) {
        let carries = self.carriers.has(&actor.pid) || self.groups.has(&group);
        match what {
            What::Open { flags, .. } if flags.reads() => {
                self.carriers.add(actor.pid);
                // A group of the kernel's or launchd's own is none.
                if group.0 > 1 {
                    self.groups.add(group);
                }
            }
            What::Fork { child } if carries => self.carriers.add(child.key.pid),
            What::Exit => self.carriers.remove(&actor.pid),
            What::Created { file } | What::Written { file } | What::Renamed { to: file, .. } if carries => {
                self.stage(&file.path, &mut change);
            }
            What::Marked { file, mark } if carries && *mark != Mark::Usual => {
                self.stage(&file.path, &mut change);
            }
            What::Exchanged { one, other } => {
                let staged = |file: &File| self.staged.contains(&file.path);
                if carries || staged(one) || staged(other) {
                    self.stage(&one.path, &mut change);
                    self.stage(&other.path, &mut change);
                }
            }
            What::Linked { to, .. } | What::Copied { to, .. } if carries => self.stage(to, &mut change),
            What::Renamed { from, to } if self.staged.contains(&from.path) => {
                self.stage(&to.path, &mut change);
            }
            What::Linked { from, to } | What::Copied { from, to, .. } if self.staged.contains(&from.path) => {
                self.stage(to, &mut change);
            }
            _ => {}
        }
    }

    fn stage(&mut self, path: &FilePath, change: &mut impl FnMut(Change)) {
        if self.selection.covers(path.as_bytes()) || self.staged.contains(path) {
            return;
        }
        if self.staged.len() >= MAX_STAGED
            && let Some(oldest) = self.staged.pop_front()
        {
            self.evicted += 1;
            change(Change::Drop(oldest));
        }
        self.staged.push_back(path.clone());
        change(Change::Select(path.clone()));
    }
}

/// A set that forgets the oldest.
#[derive(Debug)]
struct Known<T> {
    all: BTreeSet<T>,
    order: VecDeque<T>,
}

impl<T> Default for Known<T> {
    fn default() -> Self {
        Self { all: BTreeSet::new(), order: VecDeque::new() }
    }
}

impl<T: Copy + Ord> Known<T> {
    fn has(&self, one: &T) -> bool {
        self.all.contains(one)
    }

    fn add(&mut self, one: T) {
        if !self.all.insert(one) {
            return;
        }
        if self.order.len() >= MAX_CARRIERS
            && let Some(oldest) = self.order.pop_front()
        {
            self.all.remove(&oldest);
        }
        self.order.push_back(one);
    }

    fn remove(&mut self, one: &T) {
        if self.all.remove(one) {
            self.order.retain(|other| other != one);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::OpenFlags;

    fn reach(anywhere: bool, homes: bool, beginnings: &[&str]) -> Reach {
        Reach { anywhere, homes, beginnings: beginnings.iter().map(|text| text.as_bytes().into()).collect() }
    }

    fn selected(reach: &Reach) -> Vec<String> {
        let root = ["System", "Users", "private", "srv", "usr"].map(str::to_owned);
        let selection = Selection::of(reach, root.into_iter());
        selection.prefixes().map(|prefix| String::from_utf8_lossy(prefix).into_owned()).collect()
    }

    #[test]
    fn a_narrow_policy_asks_for_little() {
        let narrow = reach(false, false, &["/etc/ssh/ssh_host_", "/Library/Keychains"]);
        assert_eq!(selected(&narrow), ["/Library/Keychains", "/private/etc/ssh/ssh_host_"]);
    }

    #[test]
    fn homes_are_asked_for_whole_whoever_comes_to_live_there() {
        let homes = reach(false, true, &["/Users/Shared/x", "/srv/home"]);
        assert_eq!(selected(&homes), ["/Users/", "/Volumes/", "/private/var/root/", "/srv/home"]);
    }

    #[test]
    fn anywhere_is_all_but_the_sealed_system() {
        let anywhere = reach(true, true, &["/etc/master.passwd"]);
        assert_eq!(
            selected(&anywhere),
            [
                "/Applications/",
                "/Library/",
                "/Users/",
                "/Volumes/",
                "/opt/",
                "/private/",
                "/srv/",
                "/usr/local/"
            ]
        );
    }

    fn key(pid: i32) -> ProcessKey {
        ProcessKey { pid: Pid(pid), version: 1 }
    }

    fn file(path: &str) -> File {
        File {
            path: path.into(),
            truncated: false,
            id: None,
            links: 1,
            size: 0,
            directory: false,
            symlink: false,
        }
    }

    fn read() -> What {
        What::Open { file: file("/Users/a/.ssh/id_rsa"), flags: OpenFlags(OpenFlags::FREAD) }
    }

    fn staging() -> Staging {
        Staging::new(Selection::of(&reach(false, true, &[]), std::iter::empty()))
    }

    fn changes(staging: &mut Staging, pid: i32, group: i32, what: &What) -> Vec<Change> {
        let mut changes = Vec::new();
        staging.follow(key(pid), Pid(group), what, |change| changes.push(change));
        changes
    }

    #[test]
    fn what_a_reader_its_child_or_its_pipeline_writes_is_selected() {
        let mut staging = staging();
        let written = |path: &str| What::Written { file: file(path) };
        assert_eq!(changes(&mut staging, 9, 9, &written("/opt/before")), []);
        changes(&mut staging, 7, 70, &read());
        let child = std::sync::Arc::new(crate::sensor::tap::testing::process(key(8)));
        changes(&mut staging, 7, 70, &What::Fork { child });
        for (pid, group, path) in [(7, 70, "/opt/own"), (8, 80, "/opt/child"), (6, 70, "/opt/pipeline")] {
            let change = changes(&mut staging, pid, group, &written(path));
            assert_eq!(change, [Change::Select(path.into())]);
            assert_eq!(changes(&mut staging, pid, group, &written(path)), [], "once");
        }
        assert_eq!(changes(&mut staging, 7, 70, &written("/Users/a/x")), [], "selected already");
        assert_eq!(changes(&mut staging, 5, 50, &written("/opt/other")), []);
        let marked = |mark| What::Marked { file: Box::new(file("/opt/marked")), mark };
        assert_eq!(changes(&mut staging, 7, 70, &marked(Mark::Usual)), []);
        assert_eq!(changes(&mut staging, 7, 70, &marked(Mark::Free)), [Change::Select("/opt/marked".into())]);
        let swap = |one: &str, other: &str| What::Exchanged {
            one: Box::new(file(one)),
            other: Box::new(file(other)),
        };
        assert_eq!(changes(&mut staging, 5, 50, &swap("/opt/a", "/opt/b")), []);
        let swapped = changes(&mut staging, 5, 50, &swap("/opt/own", "/opt/b"));
        assert_eq!(swapped, [Change::Select("/opt/b".into())], "whoever swaps it");
        assert_eq!(changes(&mut staging, 7, 70, &swap("/opt/c", "/opt/d")).len(), 2);
        changes(&mut staging, 8, 80, &What::Exit);
        assert_eq!(changes(&mut staging, 8, 80, &written("/opt/next")), [], "another process now");
    }

    #[test]
    fn the_oldest_staged_file_makes_room() {
        let mut staging = staging();
        changes(&mut staging, 7, 70, &read());
        let copied = |at: usize| What::Copied {
            from: Box::new(file("/Users/a/x")),
            to: format!("/opt/{at}").as_str().into(),
            clone: false,
        };
        for at in 0..MAX_STAGED {
            assert_eq!(changes(&mut staging, 7, 70, &copied(at)).len(), 1);
        }
        let change = changes(&mut staging, 7, 70, &copied(MAX_STAGED));
        assert_eq!(change[0], Change::Drop("/opt/0".into()));
        assert_eq!((change.len(), staging.evicted(), staging.staged().count()), (2, 1, MAX_STAGED));
    }
}
