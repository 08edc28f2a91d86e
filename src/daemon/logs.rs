//! The files that launchd appends standard output and error to (`StandardOutPath`, `StandardErrorPath`). It opens them once and
//! never begins them anew, and what rotates logs by renaming them leaves it writing to the renamed one: so they are kept
//! small from within, by copying what they hold and cutting them.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::fs::OFlags;

use crate::sink::transport::make_room;

/// Between two looks at how long they are.
const LOOK: Duration = Duration::from_secs(5);
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
    failed: bool,
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
        self.kept.iter_mut().for_each(Kept::tend);
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
            Ok(Some(file)) => Ok(Self { kind, path, file, failed: false }),
            Ok(None) => Err(format!("{} is not what is appended to", path.display())),
            Err(error) => Err(format!("{}: {error}", path.display())),
        }
    }

    fn tend(&mut self) {
        if !self.file.metadata().is_ok_and(|found| found.len() >= self.kind.limit) {
            return;
        }
        match self.begin_anew() {
            Ok(()) => self.failed = false,
            Err(error) if !self.failed => {
                self.failed = true;
                tracing::warn!("{} stays long, it cannot be begun anew: {error}", self.path.display());
            }
            Err(_) => {}
        }
    }

    /// What it holds becomes `.1`, and it is empty. On any error it stays what it is.
    fn begin_anew(&self) -> io::Result<()> {
        // Other threads log, too. A file does not block: this lasts as long as a copy of 8 MiB.
        let _nobody_logs = (self.kind.name == LOG.name).then(|| io::stderr().lock());
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

    fn copy_to(&self, copy: &Path) -> io::Result<()> {
        match fs::remove_file(copy) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut options = OpenOptions::new();
        options.read(true).custom_flags(libc::O_NOFOLLOW);
        let mut from = options.open(&self.path)?;
        if id(&from.metadata()?) != id(&self.file.metadata()?) {
            return Err(io::Error::other("another file has its name now"));
        }
        let mut to = OpenOptions::new().write(true).create_new(true).mode(0o600).open(copy)?;
        io::copy(&mut from, &mut to)?;
        to.sync_all()
    }
}

/// Which file it is.
fn id(metadata: &Metadata) -> (u64, u64) {
    (metadata.dev(), metadata.ino())
}
