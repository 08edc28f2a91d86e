//! Where people live.

use crate::model::Set;

use super::canonical::{Scratch, Volumes};

/// How many homes are learned from exec environments. Homes under `/Users` need no learning.
const LEARNED_LIMIT: usize = 256;

/// Every home: `/Users/*` (for what is secret those of other disks, too), `/var/root`, those that `[paths] homes` names, and
/// each `HOME` seen in an exec environment.
#[derive(Clone, Debug)]
pub struct Homes {
    volumes: Volumes,
    known: Set<Box<[u8]>>,
    /// Length of the longest known home, in bytes: no need to look for longer ones.
    longest: usize,
    /// How many `known` may hold.
    limit: usize,
}

/// What became of a `HOME`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Learned {
    New,
    /// Known already, or none that could be one (`/`, empty, relative, an app's sandbox container).
    Nothing,
    /// New, but the table is full: patterns under `~` will not match there.
    Full,
}

impl Homes {
    pub(super) fn new(volumes: Volumes, configured: &[Box<str>]) -> Self {
        let mut homes = Self { volumes, known: Set::new(), longest: 0, limit: LEARNED_LIMIT };
        homes.learn(b"/var/root");
        for home in configured {
            homes.learn(home.as_bytes());
        }
        homes.limit = homes.known.len() + LEARNED_LIMIT;
        homes
    }

    /// Takes in a `HOME` of an exec environment.
    pub fn learn(&mut self, raw_home: &[u8]) -> Learned {
        let mut scratch = Scratch::new();
        let home = self.volumes.canonical(raw_home, &mut scratch).bytes();
        let sandbox = home.windows(12).any(|part| part.eq_ignore_ascii_case(b"/containers/"));
        if !home.starts_with(b"/") || home == b"/" || sandbox || self.is_home(home) {
            return Learned::Nothing;
        }
        if self.known.len() >= self.limit {
            return Learned::Full;
        }
        self.longest = self.longest.max(home.len());
        self.known.insert(home.into());
        Learned::New
    }

    /// All that are known, in canonical form and in their order; those under `/Users` need not be.
    pub fn known(&self) -> Vec<Box<[u8]>> {
        self.known.sorted().into_iter().cloned().collect()
    }

    fn is_home(&self, path: &[u8]) -> bool {
        users_home(path) == Some(path.len()) || self.known.contains(path)
    }

    /// Every home that the path lies in (or is), as the lengths of their paths. One home may lie in another.
    fn lengths(&self, path: &[u8]) -> impl Iterator<Item = usize> {
        let users = users_home(path);
        let ends = (1..=path.len().min(self.longest)).filter(|at| matches!(path.get(*at), None | Some(b'/')));
        let known = ends.filter(move |at| Some(*at) != users && self.known.contains(&path[..*at]));
        users.into_iter().chain(known)
    }

    /// What follows each home that the path lies in, beginning with `/`, or empty for the home itself.
    pub(super) fn rests<'p>(&self, path: &'p [u8]) -> impl Iterator<Item = &'p [u8]> {
        self.lengths(path).map(|length| &path[length..])
    }

    /// The same of every home that there is: those of other disks too. A clone of a Mac, a backup, a Windows, and a snapshot
    /// of the running system have theirs below `Users` at a place that whoever mounts them chooses. What a home here holds is
    /// no disk (`drive_c/users`), and of a disk in `/Volumes` the homes lie at the top.
    pub(super) fn rests_anywhere<'p>(&self, path: &'p [u8]) -> impl Iterator<Item = &'p [u8]> {
        let here = self.lengths(path).next().is_some();
        // Whoever makes a path of nothing but `Users` has the last two looked at.
        let slashes = memchr::memrchr_iter(b'/', path).filter(move |at| !here && *at > 0);
        let homes = slashes.filter_map(|at| users_home(&path[at..]).map(|length| (at, &path[at + length..])));
        let others = homes.filter(|(at, _)| is_top_of_disk(&path[..*at])).map(|(_, rest)| rest).take(2);
        self.rests(path).chain(others)
    }
}

/// Might the folder be where a disk is mounted? Below `/Volumes` its top, and `Data` or the like in it.
fn is_top_of_disk(folder: &[u8]) -> bool {
    const VOLUMES: &[u8] = b"/volumes/";
    match folder.split_at_checked(VOLUMES.len()) {
        Some((first, disk)) if first.eq_ignore_ascii_case(VOLUMES) => {
            memchr::memchr_iter(b'/', disk).count() <= 1
        }
        _ => true,
    }
}

/// The length of `/Users/<name>` at the front of the path.
fn users_home(path: &[u8]) -> Option<usize> {
    const USERS: &[u8] = b"/users/";
    let name = path.get(USERS.len()..)?;
    if !path[..USERS.len()].eq_ignore_ascii_case(USERS) || name.is_empty() {
        return None;
    }
    Some(name.iter().position(|b| *b == b'/').map_or(path.len(), |at| USERS.len() + at))
}
