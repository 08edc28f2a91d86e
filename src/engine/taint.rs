//! Files that carry what was read.
//!
//! What a life that carries a read writes, renames, links or copies carries it too: archives, encryption, splitting and
//! re-encoding follow from that alone. A file is known by device and inode and by canonical path; either finds it.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::model::{FileId, FilePath, PathHash, Table, Timestamp};

use super::window::{Read, Way};

/// Tainted files remembered at most; about 300 bytes each, 20 MB. Beyond it the one that expires first makes room.
pub const MAX_FILES: usize = 1 << 16;
/// Reads that one file carries at most.
pub const MAX_ORIGINS: usize = 64;

/// A read that a file carries, and how it came into it.
#[derive(Clone, Debug)]
pub struct Origin {
    pub read: Arc<Read>,
    pub way: Option<Arc<Way>>,
}

#[derive(Debug)]
pub struct Tainted {
    pub path: FilePath,
    hash: PathHash,
    id: Option<FileId>,
    pub origins: Vec<Origin>,
    pub until: Timestamp,
}

/// All tainted files.
#[derive(Debug, Default)]
pub struct Taints {
    files: Table<u64, Tainted>,
    by_path: Table<PathHash, u64>,
    by_id: Table<FileId, u64>,
    expiry: BTreeSet<(Timestamp, u64)>,
    next: u64,
    evicted: u64,
}

impl Taints {
    pub fn len(&self) -> usize {
        self.files.len()
    }

    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// By path first, then by inode; a path hit teaches the inode.
    pub fn find(&mut self, path: PathHash, id: Option<FileId>) -> Option<&Tainted> {
        let key = match (self.by_path.get(&path), id) {
            (Some(key), Some(id)) => {
                let key = *key;
                self.learn_id(key, id);
                key
            }
            (Some(key), None) => *key,
            (None, Some(id)) => *self.by_id.get(&id)?,
            (None, None) => return None,
        };
        self.files.get(&key)
    }

    /// The file at `path` carries these reads until `until`, beside those it carries already.
    pub fn stain(&mut self, path: &FilePath, hash: PathHash, id: Option<FileId>, origins: &[Origin], until: Timestamp) {
        if origins.is_empty() {
            return;
        }
        let known = self.by_path.get(&hash).or_else(|| id.as_ref().and_then(|id| self.by_id.get(id))).copied();
        let key = known.unwrap_or_else(|| self.create(path, hash));
        if let Some(id) = id {
            self.learn_id(key, id);
        }
        let Some(file) = self.files.get_mut(&key) else { return };
        for origin in origins {
            let carried = file.origins.iter().any(|other| other.read.id == origin.read.id);
            if !carried && file.origins.len() < MAX_ORIGINS {
                file.origins.push(origin.clone());
            }
        }
        if until > file.until {
            self.expiry.remove(&(file.until, key));
            file.until = until;
            self.expiry.insert((until, key));
        }
    }

    /// The file got another name and lost the old one.
    pub fn renamed(&mut self, from: PathHash, to: &FilePath, to_hash: PathHash) {
        let Some(key) = self.by_path.remove(&from) else { return };
        if let Some(replaced) = self.by_path.get(&to_hash).copied() {
            self.drop_file(replaced);
        }
        if let Some(file) = self.files.get_mut(&key) {
            file.path = to.clone();
            file.hash = to_hash;
            self.by_path.insert(to_hash, key);
        }
    }

    /// The name is gone; other names of the inode may live on, so only the name is forgotten if the inode is known.
    pub fn removed(&mut self, path: PathHash, links: u32) {
        let Some(key) = self.by_path.remove(&path) else { return };
        let known = self.files.get(&key).is_some_and(|file| file.id.is_some());
        if !known || links <= 1 {
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

    fn create(&mut self, path: &FilePath, hash: PathHash) -> u64 {
        if self.files.len() >= MAX_FILES
            && let Some(&(_, key)) = self.expiry.first()
        {
            self.drop_file(key);
            self.evicted += 1;
        }
        let key = self.next;
        self.next += 1;
        let file = Tainted { path: path.clone(), hash, id: None, origins: Vec::new(), until: Timestamp::MIN };
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

    fn origin() -> Origin {
        Origin { read: testing::read("/Users/a/.ssh/id_rsa", T0), way: None }
    }

    fn until(secs: u64) -> Timestamp {
        T0.plus(Span::from_secs(secs))
    }

    #[test]
    fn found_by_path_then_by_inode_after_a_rename() {
        let mut taints = Taints::default();
        let id = FileId { device: 1, inode: 7 };
        taints.stain(&"/tmp/x".into(), PathHash(1), None, &[origin()], until(10));
        assert!(taints.find(PathHash(2), Some(id)).is_none());
        assert!(taints.find(PathHash(1), Some(id)).is_some(), "the path teaches the inode");
        assert!(taints.find(PathHash(2), Some(id)).is_some());
        taints.renamed(PathHash(1), &"/tmp/x.png".into(), PathHash(3));
        assert!(taints.find(PathHash(1), None).is_none());
        assert_eq!(taints.find(PathHash(3), None).unwrap().path.to_string(), "/tmp/x.png");
    }

    #[test]
    fn expires_and_forgets_removed_names() {
        let mut taints = Taints::default();
        taints.stain(&"/tmp/x".into(), PathHash(1), None, &[origin()], until(10));
        taints.stain(&"/tmp/y".into(), PathHash(2), None, &[origin()], until(20));
        taints.expire(until(11));
        assert_eq!(taints.len(), 1);
        taints.removed(PathHash(2), 1);
        assert!(taints.is_empty());
    }
}
