//! What outlives a run: that there is one of them on this machine, and whether it ended in order.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};

use crate::config::Settings;
use crate::model::{Coverage, CoverageKind, Timestamp};

/// Where an installation keeps it. The package makes it; without it there is no state.
const INSTALLED: &str = "/var/db/cloudward";
/// Held by whoever runs; it says nothing.
const LOCK: &str = "lock";
/// When the daemon was last alive. Taken away by an orderly end.
pub(super) const ALIVE: &str = "alive";

/// The state of this run, if there is a place for it.
pub(super) struct State {
    folder: PathBuf,
    /// When an earlier run was last alive that did not end in order.
    before: Option<Timestamp>,
    /// Released when this process ends, however it does.
    _lock: File,
}

/// Why the state cannot be taken.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    #[error(
        "cloudward runs already on this machine (it holds {0}): stop that one first, with `sudo launchctl bootout \
         system/com.cloudward.daemon` if launchd started it"
    )]
    Taken(PathBuf),
    #[error("the folder for the daemon's state, {0}, cannot be used: {1}; only its owner may write there")]
    Folder(PathBuf, io::Error),
}

/// Where the state of a daemon with these settings is, whether or not one ever ran.
pub fn state_folder(settings: &Settings) -> PathBuf {
    settings.state.clone().unwrap_or_else(|| PathBuf::from(INSTALLED))
}

/// `configured` is `[daemon] state`; without it an installation's folder, where that exists.
pub(super) fn folder(configured: Option<&Path>) -> Option<PathBuf> {
    configured.map(Path::to_owned).or_else(|| Some(PathBuf::from(INSTALLED)).filter(|path| path.is_dir()))
}

/// Whether somebody holds the lock of this folder now. Nothing is made or changed.
pub(super) fn is_taken(folder: &Path) -> bool {
    let Ok(lock) = OpenOptions::new().read(true).open(folder.join(LOCK)) else { return false };
    // Shared, and let go at once: another look at the same moment is none that runs.
    matches!(flock(&lock, FlockOperation::NonBlockingLockShared), Err(rustix::io::Errno::WOULDBLOCK))
}

impl State {
    /// Takes the machine for this run, and changes nothing else: whatever keeps it from watching, the next one must still
    /// find what the last one left.
    pub(super) fn take(folder: &Path) -> Result<Self, StateError> {
        let unusable = |error| StateError::Folder(folder.to_owned(), error);
        DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(unusable)?;
        let path = folder.join(LOCK);
        let lock = OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(&path);
        let lock = lock.map_err(unusable)?;
        match flock(&lock, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(rustix::io::Errno::WOULDBLOCK) => return Err(StateError::Taken(path)),
            Err(error) => return Err(unusable(error.into())),
        }
        Ok(Self { folder: folder.to_owned(), before: last_alive(folder), _lock: lock })
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// When the last run was alive, if that did not end in order.
    pub(super) const fn before(&self) -> Option<Timestamp> {
        self.before
    }

    /// Notes that this run goes on. What cannot be written is said in the log: detection does not depend on it.
    pub(super) fn alive(&self, now: Timestamp) {
        let (new, path) = (self.folder.join("alive.new"), self.folder.join(ALIVE));
        let write = || -> io::Result<()> {
            let mut file =
                OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(&new)?;
            writeln!(file, "{now}")?;
            fs::rename(&new, &path)
        };
        if let Err(error) = write() {
            tracing::warn!("{} cannot be written: {error}", path.display());
        }
    }

    /// The run ended in order.
    pub(super) fn end(self) {
        match fs::remove_file(self.folder.join(ALIVE)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                tracing::warn!("the marker of an orderly end cannot be set: {error}");
            }
            _ => {}
        }
    }

    /// The run never watched anything: it leaves no gap of its own, and one that was there goes on.
    pub(super) fn refused(self) {
        match self.before {
            Some(last) => self.alive(last),
            None => self.end(),
        }
    }
}

fn last_alive(folder: &Path) -> Option<Timestamp> {
    let text = fs::read_to_string(folder.join(ALIVE)).ok()?;
    // A marker that was cut off still says that there was a run.
    Some(Timestamp::parse(text.trim().as_bytes()).unwrap_or(Timestamp::MIN))
}

/// Nobody watched from then to now. `alive`: when a run was last alive that ended without being asked to. `kept`: when
/// what is known was kept last. Nothing where no run came before this one.
pub(super) fn gap(alive: Option<Timestamp>, kept: Option<Timestamp>, now: Timestamp) -> Option<Coverage> {
    let last = alive.max(kept)?;
    let start = if last == Timestamp::MIN { now } else { last.min(now) };
    let text = if alive.is_some() {
        "nothing was watched: cloudward had ended without being asked to (killed, crashed, or the Mac lost its \
         power); what happened meanwhile is not known"
    } else {
        "nothing was watched: cloudward was stopped and has been started again; what happened meanwhile is not known"
    };
    Some(Coverage { kind: CoverageKind::Gap, start, end: now, count: 1, text: text.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::daemon::testing::Folder;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_nanos(seconds * 1_000_000_000)
    }

    #[test]
    fn there_is_one() {
        let folder = Folder::new("state-one");
        let first = State::take(&folder.0).unwrap();
        assert!(matches!(State::take(&folder.0), Err(StateError::Taken(_))));
        assert!(is_taken(&folder.0));
        drop(first);
        assert!(!is_taken(&folder.0));
        assert!(State::take(&folder.0).is_ok());
    }

    #[test]
    fn every_end_leaves_a_gap_of_its_kind() {
        let folder = Folder::new("state-gap");
        let first = State::take(&folder.0).unwrap();
        assert_eq!(gap(first.before(), None, at(10)), None);
        first.alive(at(70));
        drop(first);
        let second = State::take(&folder.0).unwrap();
        let killed = gap(second.before(), None, at(100)).unwrap();
        assert_eq!((killed.kind, killed.start, killed.end), (CoverageKind::Gap, at(70), at(100)));
        second.end();
        let third = State::take(&folder.0).unwrap();
        assert_eq!(gap(third.before(), None, at(200)), None);
        let stopped = gap(third.before(), Some(at(150)), at(200)).unwrap();
        assert!(stopped.start == at(150) && stopped.text.contains("was stopped"), "{stopped:?}");
        assert_eq!(gap(Some(at(70)), Some(at(90)), at(100)).map(|gap| gap.start), Some(at(90)));
    }

    #[test]
    fn a_refused_start_leaves_no_gap_and_loses_none() {
        let folder = Folder::new("state-refused");
        let run = |watched: Option<i64>| {
            let state = State::take(&folder.0).unwrap();
            watched.into_iter().for_each(|second| state.alive(at(second)));
            state
        };
        run(None).refused();
        run(Some(10)).refused();
        assert_eq!(run(None).before(), None);
        // This one is killed.
        drop(run(Some(70)));
        run(None).refused();
        run(Some(90)).refused();
        // It does not come to watching, and not to its end either.
        drop(run(None));
        assert_eq!(run(None).before(), Some(at(70)));
        run(Some(100)).end();
        assert_eq!(run(None).before(), None);
    }

    #[test]
    fn a_marker_that_cannot_be_read_still_tells() {
        let folder = Folder::new("state-cut");
        fs::create_dir_all(&folder.0).unwrap();
        fs::write(folder.0.join(ALIVE), "20").unwrap();
        State::take(&folder.0).unwrap().refused();
        let gap = gap(State::take(&folder.0).unwrap().before(), None, at(5)).unwrap();
        assert_eq!((gap.start, gap.end), (at(5), at(5)));
    }
}
