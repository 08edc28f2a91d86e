//! Other names of sensitive files: what lies in a folder that was moved, what has a second name, what is reached by its
//! inode, what is shown by a volume that was attached from an image.

use std::collections::VecDeque;

use crate::model::{FileId, FilePath, Hop, Span, Table, Timestamp};

use super::taint::Part;

/// Moved folders remembered at most: the latest. Each some 200 bytes.
pub const MAX_MOVED: usize = 64;
/// Sensitive files known by device and inode; about 100 bytes each, 2 MB. Beyond it the oldest makes room.
pub const MAX_INODES: usize = 1 << 14;
/// Volumes attached from tainted images, and images that hold copies, at most.
pub const MAX_VOLUMES: usize = 16;
/// Volumes whose image is known, at most the latest; some 300 bytes each.
pub const MAX_IMAGES: usize = 16;
/// What one volume or image is told to carry at most.
const MAX_SHOWN: usize = 64;
/// Between opening an image and the volume that shows it.
pub(super) const ATTACHING: Span = Span::from_secs(60);

/// A folder that held sensitive files has another name.
#[derive(Debug)]
pub(super) struct Moved {
    /// Canonical, without a slash at the end.
    pub(super) from: Box<[u8]>,
    pub(super) to: Box<[u8]>,
    pub(super) hop: Hop,
    pub(super) until: Timestamp,
}

/// A volume that shows an image: what is written there lies in the image.
#[derive(Debug)]
pub(super) struct DiskImage {
    /// Canonical mount point.
    pub(super) at: Box<[u8]>,
    /// Canonical; a folder if it is a sparse bundle.
    pub(super) image: Box<[u8]>,
}

/// A volume whose image carries reads, or an image that copies were put into by its volume.
#[derive(Debug)]
pub(super) struct Volume {
    /// Canonical mount point, or the image itself.
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
    pub(super) images: VecDeque<DiskImage>,
    /// The image that a command line named or a helper opened last to attach it, canonical.
    pub(super) attaching: Option<(Timestamp, Box<[u8]>)>,
}

impl Aliases {
    /// `from` and `to`: canonical paths of the folder. True if one that still counted gave way.
    #[must_use]
    pub fn moved(&mut self, from: &[u8], to: &[u8], hop: Hop, until: Timestamp) -> bool {
        let gone = if self.moved.len() >= MAX_MOVED { self.moved.pop_front() } else { None };
        let lost = gone.is_some_and(|moved| hop.time <= moved.until);
        self.moved.push_back(Moved { from: from.into(), to: to.into(), hop, until });
        lost
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
        self.images.clear();
        self.attaching = None;
    }

    /// A volume appeared: if a command just attached an image, it shows that. True if another one gave way.
    #[must_use]
    pub fn appeared(&mut self, time: Timestamp, at: &[u8]) -> bool {
        let Some((_, image)) = self.attaching.take().filter(|(told, _)| time.since(*told) <= ATTACHING)
        else {
            return false;
        };
        let lost = self.images.len() >= MAX_IMAGES && self.images.pop_front().is_some();
        self.images.push_back(DiskImage { at: at.into(), image });
        lost
    }

    /// The volume shows nothing any more.
    pub fn disappeared(&mut self, at: &[u8]) {
        self.images.retain(|image| *image.at != *at);
    }

    pub fn any_image(&self) -> bool {
        !self.images.is_empty()
    }

    /// The image that a file on a volume lies in.
    pub fn image_of(&self, canonical: &[u8]) -> Option<&[u8]> {
        let mut images = self.images.iter().rev();
        images.find(|image| below(canonical, &image.at).is_some()).map(|image| &*image.image)
    }

    /// A volume shows what an image holds, or an image holds what was put on its volume. True if another one, or something of
    /// this, gave way.
    #[must_use]
    pub fn attached(&mut self, at: &[u8], parts: Vec<Part>, (now, until): (Timestamp, Timestamp)) -> bool {
        if let Some(known) = self.volumes.iter_mut().find(|volume| *volume.at == *at) {
            known.until = known.until.max(until);
            for part in parts {
                if !known.parts.iter().any(|other| other.load.id == part.load.id) {
                    known.parts.push(part);
                }
            }
            let beyond = known.parts.len().saturating_sub(MAX_SHOWN);
            known.parts.drain(..beyond);
            return beyond > 0;
        }
        let gone = if self.volumes.len() >= MAX_VOLUMES { self.volumes.pop_front() } else { None };
        self.volumes.push_back(Volume { at: at.into(), parts, until });
        gone.is_some_and(|volume| now <= volume.until)
    }

    pub fn any_attached(&self) -> bool {
        !self.volumes.is_empty()
    }

    /// What a file on an attached volume, or a part of an image, carries.
    pub fn shown(&self, canonical: &[u8], time: Timestamp) -> Option<&[Part]> {
        let mut live = self.volumes.iter().rev().filter(|volume| time <= volume.until);
        live.find(|volume| below(canonical, &volume.at).is_some()).map(|volume| &volume.parts[..])
    }
}

/// What follows the directory, from its slash on; nothing for the directory itself.
pub(super) fn below<'p>(path: &'p [u8], directory: &[u8]) -> Option<&'p [u8]> {
    path.strip_prefix(directory).filter(|rest| matches!(rest.first(), None | Some(b'/')))
}
