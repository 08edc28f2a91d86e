//! The files that launchd appends standard output and error to (`StandardOutPath`, `StandardErrorPath`). It opens them once and
//! never begins them anew, and what rotates logs by renaming them leaves it writing to the renamed one: so they are kept
//! small from within, by copying what they hold and cutting them.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::fs::OFlags;

use crate::sink::transport::make_room;

/// Between two looks at how long they are.
const LOOK: Duration = Duration::from_secs(5);
/// After a failure: a full disk and a file that may only grow do not change in a moment, and each try costs.
const AGAIN: Duration = Duration::from_secs(3600);
/// Records: as an output of type `file` keeps them, if not told otherwise.
const RECORDS: Kind = Kind { name: "alerts.ndjson", limit: 64 << 20, keep: 5 };
/// The daemon's own log.
const LOG: Kind = Kind { name: "daemon.log", limit: 8 << 20, keep: 3 };

#[derive(Clone, Copy)]
struct Kind {
    name: &'static str,
    /// Bytes from which on it is begun anew.
    limit: u64,
    /// Older ones: `.1` is the youngest.
    keep: u32,
}

/// Those of the two that are files of the folder.
pub(super) struct Logs {
    kept: Vec<Kept>,
    looked: Option<Instant>,
}

struct Kept {
    kind: Kind,
    path: PathBuf,
    file: File,
    failed: Option<Instant>,
}

impl Logs {
    /// What standard output and error are, if they are what launchd makes them: files that are appended to.
    pub(super) fn of(folder: &Path) -> Self {
        let (out, err) = (io::stdout(), io::stderr());
        let found = [Kept::find(folder, RECORDS, out.as_fd()), Kept::find(folder, LOG, err.as_fd())];
        let mut kept = Vec::new();
        for found in found {
            match found {
                Ok(found) => kept.push(found),
                Err(why) => tracing::warn!("--log-folder: {why}: nothing keeps it small"),
            }
        }
        Self { kept, looked: None }
    }

    /// Call now and then.
    pub(super) fn tend(&mut self, now: Instant) {
        if self.looked.is_some_and(|looked| now.duration_since(looked) < LOOK) {
            return;
        }
        self.looked = Some(now);
        self.kept.iter_mut().for_each(|kept| kept.tend(now));
    }
}

impl Kept {
    fn find(folder: &Path, kind: Kind, stream: BorrowedFd<'_>) -> Result<Self, String> {
        let path = folder.join(kind.name);
        let is_it = || -> io::Result<Option<File>> {
            let file = File::from(stream.try_clone_to_owned()?);
            let (there, open) = (fs::symlink_metadata(&path)?, file.metadata()?);
            // Whoever does not append goes on where he was, behind a hole as long as what was cut.
            let appends = rustix::fs::fcntl_getfl(&file)?.contains(OFlags::APPEND);
            Ok((id(&there) == id(&open) && open.is_file() && appends).then_some(file))
        };
        match is_it() {
            Ok(Some(file)) => {
                let mut kept = Self { kind, path, file, failed: None };
                kept.end_torn_line();
                Ok(kept)
            }
            Ok(None) => Err(format!("{} is not what is appended to", path.display())),
            Err(error) => Err(format!("{}: {error}", path.display())),
        }
    }

    /// What a sudden end or a full disk cut would spoil the first line of this run.
    fn end_torn_line(&mut self) {
        let last = || -> io::Result<u8> {
            let (file, mut byte) = (self.read()?, [b'\n']);
            if let Some(at) = file.metadata()?.len().checked_sub(1) {
                file.read_exact_at(&mut byte, at)?;
            }
            Ok(byte[0])
        };
        if last().is_ok_and(|byte| byte != b'\n') {
            _ = self.file.write_all(b"\n");
        }
    }

    fn tend(&mut self, now: Instant) {
        if self.failed.is_some_and(|failed| now.duration_since(failed) < AGAIN) {
            return;
        }
        if !self.file.metadata().is_ok_and(|found| found.len() >= self.kind.limit) {
            return;
        }
        match self.begin_anew() {
            Ok(()) => self.failed = None,
            Err(error) => {
                self.failed = Some(now);
                tracing::warn!("{} stays long, it cannot be begun anew: {error}", self.path.display());
            }
        }
    }

    /// What it holds becomes `.1`, and it is empty. On an error before that it stays what it is, and so do the older ones.
    fn begin_anew(&self) -> io::Result<()> {
        // Other threads log, too. A file does not block: this lasts as long as a copy of 8 MiB.
        let _nobody_logs = (self.kind.name == LOG.name).then(|| io::stderr().lock());
        // A file that may only grow says so before anything is moved.
        let length = self.file.metadata()?.len();
        self.file.set_len(length)?;
        let mut copy = self.path.clone().into_os_string();
        copy.push(".new");
        let copied = self.copy_to(Path::new(&copy)).and_then(|()| {
            fs::rename(&copy, make_room(&self.path, self.kind.keep)?)?;
            self.file.set_len(0)
        });
        if copied.is_err() {
            _ = fs::remove_file(&copy);
        }
        copied
    }

    /// The file, to read from its beginning.
    fn read(&self) -> io::Result<File> {
        let file = OpenOptions::new().read(true).custom_flags(libc::O_NOFOLLOW).open(&self.path)?;
        match id(&file.metadata()?) == id(&self.file.metadata()?) {
            true => Ok(file),
            false => Err(io::Error::other("another file has its name now")),
        }
    }

    fn copy_to(&self, copy: &Path) -> io::Result<()> {
        match fs::remove_file(copy) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut from = self.read()?;
        let found = from.metadata()?;
        let disk = rustix::fs::fstatvfs(&from)?;
        if disk.f_bavail.saturating_mul(disk.f_frsize) / 2 < found.len() {
            return Err(io::Error::other("its disk has too little room for a copy"));
        }
        let mut to = OpenOptions::new().write(true).create_new(true).mode(0o600).open(copy)?;
        to.set_permissions(found.permissions())?;
        io::copy(&mut from, &mut to)?;
        to.sync_all()
    }
}

/// Which file it is.
fn id(metadata: &Metadata) -> (u64, u64) {
    (metadata.dev(), metadata.ino())
}
