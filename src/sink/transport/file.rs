//! Records in a file, one after another: its owner's alone, synced, and a new one begun by size or age.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use crate::sink::output::File as Options;

use super::{Failure, Message, Outcome};

#[derive(Debug)]
pub struct FileLink {
    options: Options,
    open: Option<Open>,
}

#[derive(Debug)]
struct Open {
    file: File,
    size: u64,
    begun: SystemTime,
    inode: u64,
}

impl FileLink {
    pub fn new(options: Options) -> Self {
        Self { options, open: None }
    }

    pub fn reset(&mut self) {
        self.open = None;
    }

    pub fn send(&mut self, batch: &[Message]) -> Outcome {
        match self.append(batch) {
            Ok(()) => Outcome::all(batch, "written and synced"),
            Err(error) => {
                // Where the end is now nobody knows: a new look finds it.
                self.open = None;
                Outcome::failed(Failure::new(format!("{}: {error}", self.options.path.display())))
            }
        }
    }

    fn append(&mut self, batch: &[Message]) -> io::Result<()> {
        self.look_again();
        if self.open.as_ref().is_some_and(|open| self.is_full(open)) {
            self.open = None;
            rotate(&self.options)?;
        }
        let open = match self.open.take() {
            Some(open) => open,
            None => Open::new(&self.options.path)?,
        };
        let open = self.open.insert(open);
        let text: String = batch.iter().map(|message| message.text.as_str()).collect();
        open.file.write_all(text.as_bytes())?;
        open.file.sync_data()?;
        open.size += text.len() as u64;
        Ok(())
    }

    /// Somebody else may have moved or removed it.
    fn look_again(&mut self) {
        let there = fs::symlink_metadata(&self.options.path).map(|found| found.ino()).ok();
        if self.open.as_ref().is_some_and(|open| there != Some(open.inode)) {
            self.open = None;
        }
    }

    fn is_full(&self, open: &Open) -> bool {
        let age = Duration::from_nanos(self.options.rotate_after.as_nanos());
        let old = !age.is_zero() && open.begun.elapsed().is_ok_and(|is| is >= age);
        let long = self.options.rotate > 0 && open.size >= self.options.rotate;
        open.size > 0 && (old || long)
    }
}

impl Open {
    fn new(path: &Path) -> io::Result<Self> {
        if let Some(parent) = path.parent() {
            DirBuilder::new().recursive(true).mode(0o750).create(parent)?;
        }
        let mut options = OpenOptions::new();
        options.read(true).append(true).create(true).mode(0o600).custom_flags(libc::O_NOFOLLOW);
        let mut file = options.open(path)?;
        let found = file.metadata()?;
        if !found.is_file() {
            return Err(io::Error::other("is no ordinary file"));
        }
        if found.permissions().mode() & 0o077 != 0 {
            file.set_permissions(fs::Permissions::from_mode(0o600))?;
        }
        let size = cut_torn_line(&mut file, found.len())?;
        // The birth of the file where the file system tells it.
        let begun = found.created().or_else(|_| found.modified()).unwrap_or_else(|_| SystemTime::now());
        if found.len() == 0
            && let Some(parent) = path.parent()
        {
            File::open(parent)?.sync_all()?;
        }
        Ok(Self { file, size, begun, inode: found.ino() })
    }
}

/// A line without its end was cut by a sudden end; its record comes again.
fn cut_torn_line(file: &mut File, size: u64) -> io::Result<u64> {
    const LONGEST: u64 = 1 << 20;
    let start = size.saturating_sub(LONGEST);
    let mut tail = Vec::new();
    file.seek(SeekFrom::Start(start))?;
    file.take(LONGEST).read_to_end(&mut tail)?;
    if tail.last().is_none_or(|byte| *byte == b'\n') {
        return Ok(size);
    }
    let end = start + tail.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at as u64 + 1);
    file.set_len(end)?;
    Ok(end)
}

/// `path` becomes `path.1`, `path.1` becomes `path.2`; the last is removed.
fn rotate(options: &Options) -> io::Result<()> {
    if options.keep == 0 {
        return fs::remove_file(&options.path);
    }
    fs::rename(&options.path, make_room(&options.path, options.keep)?)
}

/// `path.1` becomes `path.2` and so on, so that `keep` are left with the one that will be `path.1`: its name.
pub fn make_room(path: &Path, keep: u32) -> io::Result<PathBuf> {
    let numbered = |number: u32| -> PathBuf {
        let mut name = path.to_path_buf().into_os_string();
        name.push(format!(".{number}"));
        name.into()
    };
    for number in (1..keep).rev() {
        match fs::rename(numbered(number), numbered(number + 1)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(numbered(1))
}
