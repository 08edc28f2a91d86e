//! Tainted files under other names: moved, swapped, replaced, gone.

use std::ops::Bound;

use crate::model::{FileId, FilePath, PathHash};

use super::{Part, Tainted, Taints};

impl Taints {
    /// The file that an event means, which tells both: by its path, unless another file is known to lie there.
    pub fn meant(&self, path: PathHash, id: Option<FileId>) -> Option<u64> {
        let lies = |key: &u64| {
            let other = self.files.get(key).and_then(|file| file.id);
            other.is_none() || id.is_none() || other == id
        };
        let by_id = || id.as_ref().and_then(|id| self.by_id.get(id));
        self.by_path.get(&path).filter(|key| lies(key)).or_else(by_id).copied()
    }

    /// What this file carries.
    pub fn parts(&self, key: u64) -> &[Part] {
        self.files.get(&key).map_or(&[], |file| &file.parts)
    }

    /// The file got another name and lost `from`. Where it is known by a name beside that, it keeps it.
    pub fn renamed(&mut self, key: u64, from: PathHash, to: &FilePath, name: &[u8], to_hash: PathHash) {
        let Some(hash) = self.files.get(&key).map(|file| file.hash) else { return };
        if hash != from && self.by_path.get(&hash) == Some(&key) {
            return;
        }
        self.unname(key);
        if let Some(replaced) = self.by_path.get(&to_hash).copied() {
            self.drop_file(replaced);
        }
        if let Some(file) = self.files.get_mut(&key) {
            file.path = to.clone();
            file.name = name.into();
            file.hash = to_hash;
            self.by_path.insert(to_hash, key);
            self.by_name.insert(name.into(), key);
        }
    }

    /// The file no longer lies at `from`, and is about to lie elsewhere.
    pub fn lifted(&mut self, key: u64, from: PathHash) {
        if self.by_path.get(&from) == Some(&key) {
            self.unname(key);
        }
    }

    /// No name leads to the file any more, only its inode.
    pub fn unname(&mut self, key: u64) {
        let Some(file) = self.files.get(&key) else { return };
        if self.by_name.get(&file.name) == Some(&key) {
            self.by_name.remove(&file.name);
        }
        if self.by_path.get(&file.hash) == Some(&key) {
            self.by_path.remove(&file.hash);
        }
    }

    /// Another file, `id`, is found where this one lay: it carries the same, and the name is its own.
    pub(super) fn double(&mut self, key: u64, id: FileId) -> Option<u64> {
        self.unname(key);
        let file = self.files.get(&key)?;
        let (path, name, hash) = (file.path.clone(), file.name.clone(), file.hash);
        let (parts, until) = (file.parts.clone(), file.until);
        self.stain(&path, &name, hash, Some(id), &parts, until);
        self.by_path.get(&hash).copied()
    }

    /// The folder `from` (canonical) became `to` with all that it holds. `hash` gives that of a path.
    pub fn folder_renamed(
        &mut self,
        from: &[u8],
        to: &FilePath,
        mut hash: impl FnMut(&[u8]) -> (PathHash, Box<[u8]>),
    ) {
        // `0` follows `/`: everything below the folder, nothing else.
        let (first, end) = ([from, b"/"].concat(), [from, b"0"].concat());
        let range = (Bound::Included(&first[..]), Bound::Excluded(&end[..]));
        let inside: Vec<(u64, PathHash, Vec<u8>)> = self
            .by_name
            .range::<[u8], _>(range)
            .filter_map(|(name, key)| Some((*key, self.files.get(key)?.hash, name[from.len()..].to_vec())))
            .collect();
        for (key, earlier, rest) in inside {
            let path = [to.as_bytes(), &rest].concat();
            let (hash, name) = hash(&path);
            self.renamed(key, earlier, &FilePath::new(&path), &name, hash);
        }
    }

    /// Files of an earlier run are found by the hashes of this one. `hash` gives that of a path, and its canonical form.
    pub fn rename_all(&mut self, mut hash: impl FnMut(&[u8]) -> (PathHash, Box<[u8]>)) {
        for (key, by_path, by_name) in std::mem::take(&mut self.unnamed) {
            let Some(file) = self.files.get_mut(&key) else { continue };
            (file.hash, file.name) = hash(file.path.as_bytes());
            if by_path {
                self.by_path.insert(file.hash, key);
            }
            if by_name {
                self.by_name.insert(file.name.clone(), key);
            }
        }
    }

    /// Another policy hashes paths otherwise.
    pub fn rehash(&mut self, hash: impl FnMut(&[u8]) -> (PathHash, Box<[u8]>)) {
        let leads = |(key, file): (&u64, &Tainted)| {
            let by_path = self.by_path.get(&file.hash) == Some(key);
            (*key, by_path, self.by_name.get(&file.name) == Some(key))
        };
        self.unnamed = self.files.sorted().into_iter().map(leads).collect();
        self.by_path.clear();
        self.by_name.clear();
        self.rename_all(hash);
    }

    /// The name is gone; other names of the inode may live on, so only the name is forgotten if the inode is known.
    pub fn removed(&mut self, path: PathHash, id: Option<FileId>, links: u32) {
        let Some(key) = self.by_path.get(&path).copied() else { return };
        if self.meant(path, id) != Some(key) {
            return self.unname(key);
        }
        let known = self.files.get(&key).is_some_and(|file| file.id.is_some());
        if !known || links <= 1 {
            return self.drop_file(key);
        }
        self.by_path.remove(&path);
    }

    /// The name leads to another file now. Its inode may have other names that live on.
    /// `anew`: the file `id` was created or moved there; else it was seen there, and only another number tells.
    pub fn replaced(&mut self, path: PathHash, id: Option<FileId>, anew: bool) {
        let Some((key, file)) = self.by_path.get(&path).and_then(|key| Some((*key, self.files.get(key)?)))
        else {
            return;
        };
        let (same, told) = (file.id == id, file.id.is_some() && id.is_some());
        if told && same || !told && !anew {
            return;
        }
        if file.id.is_none() {
            return self.drop_file(key);
        }
        self.unname(key);
    }
}
