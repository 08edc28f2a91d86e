//! One file of the log.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::entry::Entry;
use super::{folder, frame};

/// Names that are tried before giving up.
const TRIES: u32 = 1000;
const SUFFIX: &str = "seg";

/// An open segment. Whoever reads from it can go on when it has been deleted or rewritten.
#[derive(Debug)]
pub struct Segment {
    path: PathBuf,
    file: File,
}

impl Segment {
    /// A new one, named after its first record. Its name is on disk when this returns.
    pub fn create(folder: &Path, first: u64) -> io::Result<Arc<Self>> {
        for number in 0..TRIES {
            let path = folder.join(format!("{first:020}-{number}.{SUFFIX}"));
            match folder::create_new(&path) {
                Ok(file) => {
                    folder::sync(folder)?;
                    return Ok(Arc::new(Self { path, file }));
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
        Err(io::Error::other("too many segments of one name"))
    }

    pub fn open(path: PathBuf) -> io::Result<Arc<Self>> {
        let file = folder::open(&path)?;
        Ok(Arc::new(Self { path, file }))
    }

    /// Those of a folder, by name.
    pub fn list(folder: &Path) -> io::Result<Vec<PathBuf>> {
        let mut paths: Vec<PathBuf> =
            fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<io::Result<_>>()?;
        paths.retain(|path| path.extension().is_some_and(|end| end == SUFFIX));
        paths.sort();
        Ok(paths)
    }

    /// Writes at a place and waits until it is on disk.
    pub fn write(&self, bytes: &[u8], at: u64) -> io::Result<()> {
        self.file.write_all_at(bytes, at)?;
        self.file.sync_data()
    }

    /// The frame at a place, as it is.
    pub fn raw(&self, at: u64, length: u32) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; length as usize];
        self.file.read_exact_at(&mut bytes, at)?;
        Ok(bytes)
    }

    pub fn read(&self, at: u64, length: u32) -> io::Result<Entry> {
        let entry = frame::decode(&self.raw(at, length)?);
        entry.map(|(entry, _)| entry).ok_or_else(|| io::Error::other("the record is damaged"))
    }

    pub fn whole(&self) -> io::Result<Vec<u8>> {
        let length = self.file.metadata()?.len();
        let mut bytes = vec![0; usize::try_from(length).unwrap_or(usize::MAX)];
        self.file.read_exact_at(&mut bytes, 0)?;
        Ok(bytes)
    }

    pub fn remove(&self) -> io::Result<()> {
        fs::remove_file(&self.path)
    }

    pub fn path(&self) -> &Path {
        &self.path
    }
}
