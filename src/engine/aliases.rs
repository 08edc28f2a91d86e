//! Other names of sensitive files: what lies in a folder that was moved, what has a second name, what is reached by its
//! inode, what is shown by a volume that was attached from an image.

use std::collections::VecDeque;

use crate::model::{FileId, FilePath, Hop, Table, Timestamp};

use super::taint::Part;

/// Moved folders remembered at most: the latest. Each some 200 bytes.
pub const MAX_MOVED: usize = 64;
/// Sensitive files known by device and inode; about 100 bytes each, 2 MB. Beyond it the oldest makes room.
pub const MAX_INODES: usize = 1 << 14;
/// Volumes attached from tainted images, at most.
pub const MAX_VOLUMES: usize = 16;

/// A folder that held sensitive files has another name.
#[derive(Debug)]
pub(super) struct Moved {
    /// Canonical, without a slash at the end.
    pub(super) from: Box<[u8]>,
    pub(super) to: Box<[u8]>,
    pub(super) hop: Hop,
    pub(super) until: Timestamp,
}

/// A volume whose image carries reads.
#[derive(Debug)]
pub(super) struct Volume {
    /// Canonical mount point.
    pub(super) at: Box<[u8]>,
    pub(super) parts: Vec<Part>,
    pub(super) until: Timestamp,
}

#[derive(Debug, Default)]
pub struct Aliases {
    pub(super) moved: VecDeque<Moved>,
    pub(super) inodes: Table<FileId, FilePath>,
    pub(super) oldest: VecDeque<FileId>,
    pub(super) volumes: VecDeque<Volume>,
}

impl Aliases {
    /// `from` and `to`: canonical paths of the folder.
    pub fn moved(&mut self, from: &[u8], to: &[u8], hop: Hop, until: Timestamp) {
        if self.moved.len() >= MAX_MOVED {
            self.moved.pop_front();
        }
        self.moved.push_back(Moved { from: from.into(), to: to.into(), hop, until });
    }

    pub fn any_moved(&self) -> bool {
        !self.moved.is_empty()
    }

    /// Where a file below a moved folder lay at first, and the move that it came by last. Moves are undone newest first.
    pub fn original(&self, canonical: &[u8], time: Timestamp) -> Option<(Vec<u8>, &Hop)> {
        let mut found: Option<(Vec<u8>, &Hop)> = None;
        for moved in self.moved.iter().rev().filter(|moved| time <= moved.until) {
            let path = found.as_ref().map_or(canonical, |(path, _)| path);
            if let Some(rest) = below(path, &moved.to) {
                let earlier = [&moved.from[..], rest].concat();
                found = Some((earlier, found.map_or(&moved.hop, |(_, hop)| hop)));
            }
        }
        found
    }

    /// A sensitive file was seen under its own name.
    pub fn know(&mut self, id: FileId, path: &FilePath) {
        if self.inodes.contains(&id) {
            return;
        }
        if self.inodes.len() >= MAX_INODES
            && let Some(oldest) = self.oldest.pop_front()
        {
            self.inodes.remove(&oldest);
        }
        self.inodes.insert(id, path.clone());
        self.oldest.push_back(id);
    }

    /// The sensitive name of a file that was opened under another.
    pub fn known(&self, id: FileId) -> Option<&FilePath> {
        self.inodes.get(&id)
    }

    /// The file is gone, or what becomes of it is known from its moves.
    pub fn forget(&mut self, id: FileId) {
        if self.inodes.remove(&id).is_some() {
            self.oldest.retain(|other| *other != id);
        }
    }

    /// Devices have other numbers, and no image is attached.
    pub fn forget_inodes(&mut self) {
        self.inodes.clear();
        self.oldest.clear();
        self.volumes.clear();
    }

    /// A volume shows what an image holds.
    pub fn attached(&mut self, at: &[u8], parts: Vec<Part>, until: Timestamp) {
        if self.volumes.len() >= MAX_VOLUMES {
            self.volumes.pop_front();
        }
        self.volumes.push_back(Volume { at: at.into(), parts, until });
    }

    pub fn any_attached(&self) -> bool {
        !self.volumes.is_empty()
    }

    /// What a file on an attached volume carries.
    pub fn shown(&self, canonical: &[u8], time: Timestamp) -> Option<&[Part]> {
        let mut live = self.volumes.iter().rev().filter(|volume| time <= volume.until);
        live.find(|volume| below(canonical, &volume.at).is_some()).map(|volume| &volume.parts[..])
    }
}

/// What follows the directory, from its slash on; nothing for the directory itself.
pub(super) fn below<'p>(path: &'p [u8], directory: &[u8]) -> Option<&'p [u8]> {
    path.strip_prefix(directory).filter(|rest| matches!(rest.first(), None | Some(b'/')))
}
