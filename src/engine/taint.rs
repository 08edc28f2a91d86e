//! Files that carry what was read.
//!
//! What a life that carries a read writes, renames, links or copies carries it too: archives, encryption, splitting and
//! re-encoding follow from that alone. A file is known by device and inode and by canonical path; either finds it.

mod names;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::model::{FileId, FilePath, Hop, PathHash, Table, Timestamp};
use crate::policy::is_resource_fork;

use super::window::{Read, Way};

/// Tainted files remembered at most; about 300 bytes each, 20 MB. Beyond it the one that expires first makes room.
pub const MAX_FILES: usize = 1 << 16;
/// Reads in one load at most: the most sensitive ones. Whoever picks the file up is told of no more; the first reader's
/// own alert knows all. A rule that counts more files raises it, up to `policy::rule::MAX_COUNT`.
pub const MAX_ORIGINS: usize = 16;
/// Loads that one file carries at most; the oldest makes room.
const MAX_PARTS: usize = 4;
/// Steps kept of a load's way through files.
const MAX_HOPS: usize = 8;

/// A read that a file carries, and how it came into it.
#[derive(Clone, Debug)]
pub struct Origin {
    pub read: Arc<Read>,
    pub way: Option<Arc<Way>>,
}

/// Everything one life carried at a moment, shared by all the files it wrote meanwhile.
#[derive(Debug)]
pub struct Load {
    /// Rises; tells loads apart.
    pub id: u64,
    pub origins: Vec<Origin>,
    /// The moment after which some of it is no longer carried.
    pub until: Timestamp,
}

/// A load that came into a file, and by which steps.
#[derive(Clone, Debug)]
pub struct Part {
    pub load: Arc<Load>,
    /// Oldest first.
    pub hops: Vec<Hop>,
}

impl Part {
    /// The reads, each with its whole way.
    pub fn origins(&self) -> impl Iterator<Item = Origin> {
        self.load
            .origins
            .iter()
            .map(|origin| Origin { read: Arc::clone(&origin.read), way: self.way_of(origin) })
    }

    /// How a read of the load came here.
    pub fn way_of(&self, origin: &Origin) -> Option<Arc<Way>> {
        self.hops.iter().fold(origin.way.clone(), |way, hop| Some(Way::then(way.as_ref(), hop.clone())))
    }

    /// Was it put into a fork of the file, and so is not what the file's own bytes are?
    pub fn in_fork(&self) -> bool {
        let put = self.hops.first().and_then(|hop| hop.path.as_ref());
        put.is_some_and(|path| is_resource_fork(path.as_bytes()))
    }

    /// One step further.
    pub fn step(&mut self, hop: Hop) {
        if self.hops.len() >= MAX_HOPS {
            self.hops.remove(0);
        }
        self.hops.push(hop);
    }
}

#[derive(Debug)]
pub struct Tainted {
    pub path: FilePath,
    /// Canonical; what lies in one folder stands together.
    pub(super) name: Box<[u8]>,
    pub(super) hash: PathHash,
    pub(super) id: Option<FileId>,
    pub parts: Vec<Part>,
    pub until: Timestamp,
}

/// All tainted files.
#[derive(Debug, Default)]
pub struct Taints {
    pub(super) files: Table<u64, Tainted>,
    pub(super) by_path: Table<PathHash, u64>,
    pub(super) by_name: BTreeMap<Box<[u8]>, u64>,
    pub(super) by_id: Table<FileId, u64>,
    pub(super) expiry: BTreeSet<(Timestamp, u64)>,
    pub(super) next: u64,
    pub(super) evicted: u64,
    /// Files brought back from an earlier run, and whether their paths and canonical names lead to them.
    pub(super) unnamed: Vec<(u64, bool, bool)>,
}

impl Taints {
    pub fn len(&self) -> usize {
        self.files.len()
    }

    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// By path first, then by inode; a path hit teaches the inode. Where another file is known to have had the path, something
    /// came in its place that nobody told of: it is taken for what was there, which is found by its inode as before.
    pub fn find(&mut self, path: PathHash, id: Option<FileId>) -> Option<&Tainted> {
        let key = match (self.by_path.get(&path).copied(), id) {
            (Some(key), Some(id)) => match self.files.get(&key)?.id {
                Some(other) if other != id => match self.by_id.get(&id) {
                    Some(known) => *known,
                    None => self.double(key, id)?,
                },
                _ => {
                    self.learn_id(key, id);
                    key
                }
            },
            (Some(key), None) => key,
            (None, Some(id)) => *self.by_id.get(&id)?,
            (None, None) => return None,
        };
        self.files.get(&key)
    }

    /// `name` is the canonical path. The file at `path` carries these reads until `until`, beside those it carries already.
    pub fn stain(
        &mut self,
        path: &FilePath,
        name: &[u8],
        hash: PathHash,
        id: Option<FileId>,
        parts: &[Part],
        until: Timestamp,
    ) {
        if parts.is_empty() {
            return;
        }
        let known =
            self.by_path.get(&hash).or_else(|| id.as_ref().and_then(|id| self.by_id.get(id))).copied();
        let key = known.unwrap_or_else(|| self.create(path, name, hash));
        if let Some(id) = id {
            self.learn_id(key, id);
        }
        let Some(file) = self.files.get_mut(&key) else { return };
        for part in parts {
            if let Some(known) = file.parts.iter_mut().find(|known| known.load.id == part.load.id) {
                // It came further, under another name; or into the file proper.
                if part.hops.len() > known.hops.len() || known.in_fork() && !part.in_fork() {
                    known.hops.clone_from(&part.hops);
                }
                continue;
            }
            if file.parts.len() >= MAX_PARTS {
                file.parts.remove(0);
            }
            file.parts.push(part.clone());
        }
        if until > file.until {
            self.expiry.remove(&(file.until, key));
            file.until = until;
            self.expiry.insert((until, key));
        }
    }

    /// Devices have other numbers: only paths lead to files.
    pub fn forget_inodes(&mut self) {
        for (_, key) in &self.expiry {
            self.files.get_mut(key).into_iter().for_each(|file| file.id = None);
        }
        self.by_id.clear();
    }

    /// The file was emptied: it carries no longer but what is to be kept.
    pub fn emptied(&mut self, path: PathHash, id: Option<FileId>, keep: impl FnMut(&Part) -> bool) {
        let Some(key) = self.meant(path, id) else { return };
        let Some(file) = self.files.get_mut(&key) else { return };
        file.parts.retain(keep);
        if file.parts.is_empty() {
            self.drop_file(key);
        }
    }

    pub fn expire(&mut self, now: Timestamp) {
        while let Some(&(until, key)) = self.expiry.first()
            && until < now
        {
            self.drop_file(key);
        }
    }

    /// Files pushed out of the full table since last asked.
    pub fn take_evicted(&mut self) -> u64 {
        std::mem::take(&mut self.evicted)
    }

    fn create(&mut self, path: &FilePath, name: &[u8], hash: PathHash) -> u64 {
        if self.files.len() >= MAX_FILES
            && let Some(&(_, key)) = self.expiry.first()
        {
            self.drop_file(key);
            self.evicted += 1;
        }
        let key = self.next;
        self.next += 1;
        let (path, name) = (path.clone(), Box::<[u8]>::from(name));
        self.by_name.insert(name.clone(), key);
        let file = Tainted { path, name, hash, id: None, parts: Vec::new(), until: Timestamp::MIN };
        self.files.insert(key, file);
        self.by_path.insert(hash, key);
        self.expiry.insert((Timestamp::MIN, key));
        key
    }

    fn learn_id(&mut self, key: u64, id: FileId) {
        let Some(file) = self.files.get_mut(&key) else { return };
        if file.id == Some(id) {
            return;
        }
        if let Some(old) = file.id.replace(id) {
            self.by_id.remove(&old);
        }
        self.by_id.insert(id, key);
    }

    fn drop_file(&mut self, key: u64) {
        let Some(file) = self.files.remove(&key) else { return };
        self.expiry.remove(&(file.until, key));
        if self.by_path.get(&file.hash) == Some(&key) {
            self.by_path.remove(&file.hash);
        }
        if self.by_name.get(&file.name) == Some(&key) {
            self.by_name.remove(&file.name);
        }
        if let Some(id) = file.id
            && self.by_id.get(&id) == Some(&key)
        {
            self.by_id.remove(&id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::testing;
    use crate::model::Span;

    const T0: Timestamp = Timestamp::from_nanos(0);

    fn part() -> Part {
        let origins = vec![Origin { read: testing::read("/Users/a/.ssh/id_rsa", T0), way: None }];
        Part { load: Arc::new(Load { id: 1, origins, until: T0 }), hops: Vec::new() }
    }

    fn until(secs: u64) -> Timestamp {
        T0.plus(Span::from_secs(secs))
    }

    #[test]
    fn found_by_path_then_by_inode_after_a_rename() {
        let mut taints = Taints::default();
        let id = FileId::new(1, 7).unwrap();
        taints.stain(&"/tmp/x".into(), b"/tmp/x", PathHash(1), None, &[part()], until(10));
        assert!(taints.find(PathHash(2), Some(id)).is_none());
        assert!(taints.find(PathHash(1), Some(id)).is_some(), "the path teaches the inode");
        assert!(taints.find(PathHash(2), Some(id)).is_some());
        let key = taints.meant(PathHash(1), None).unwrap();
        taints.renamed(key, PathHash(1), &"/tmp/x.png".into(), b"/tmp/x.png", PathHash(3));
        assert!(taints.find(PathHash(1), None).is_none());
        assert_eq!(taints.find(PathHash(3), None).unwrap().path.to_string(), "/tmp/x.png");
    }

    #[test]
    fn expires_and_forgets_removed_names() {
        let mut taints = Taints::default();
        taints.stain(&"/tmp/x".into(), b"/tmp/x", PathHash(1), None, &[part()], until(10));
        taints.stain(&"/tmp/y".into(), b"/tmp/y", PathHash(2), None, &[part()], until(20));
        taints.expire(until(11));
        assert_eq!(taints.len(), 1);
        taints.removed(PathHash(2), None, 1);
        assert!(taints.is_empty());
    }
}
