//! What the engine knows, kept over the end of the program: one file in the folder of the daemon's state.
//!
//! The thinking thread makes a [`State`] when there is something new worth keeping, at most every [`EVERY`], and at its
//! end; a thread of its own writes it, so that no disk holds up the engine. A file that cannot be used is set aside, said,
//! and never stops a start.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};

use crate::engine::state::{self, MAX_STATE, State};
use crate::model::{ClockStep, Span, Timestamp};
use crate::sensor::running;

use super::{RunError, guard};

const NAME: &str = "engine.state";
/// Where a file goes that cannot be used, for whoever wants to know why.
const ASIDE: &str = "engine.state.unusable";
/// Between two states, where there is something worth keeping: reads, copies that carry them, alerts.
const EVERY: Span = Span::from_secs(5);
/// Between two states where there is nothing but what is seen all the time: who runs, who used the network.
const AT_REST: Span = Span::from_secs(300);
/// A file larger than this was not written by this program.
const MAX_FILE: u64 = MAX_STATE as u64 * 2;
/// A state may be so much from the future: clocks are set.
const AHEAD: Span = Span::from_secs(600);

/// A state that was found.
pub(super) struct Recalled {
    pub(super) state: State,
    /// The machine was started anew since.
    pub(super) rebooted: bool,
}

/// The file of one state folder.
#[derive(Clone, Debug)]
pub(super) struct Memory {
    folder: PathBuf,
}

impl Memory {
    pub(super) fn new(folder: &Path) -> Self {
        Self { folder: folder.to_owned() }
    }

    /// What an earlier run knew, if it can be used.
    pub(super) fn recall(&self, now: Timestamp) -> Option<Recalled> {
        let path = self.folder.join(NAME);
        match read(&path, now) {
            Ok(recalled) => recalled,
            Err(why) => {
                self.set_aside(&why);
                None
            }
        }
    }

    /// The file is of no use; the engine begins with nothing.
    pub(super) fn set_aside(&self, why: &str) {
        let (path, aside) = (self.folder.join(NAME), self.folder.join(ASIDE));
        let moved = fs::rename(&path, &aside);
        let (path, aside) = (path.display(), aside.display());
        match moved {
            Ok(()) => tracing::warn!(
                "{path} cannot be used: {why}; it was set aside as {aside}, and what earlier runs saw is forgotten"
            ),
            Err(error) => tracing::warn!(
                "{path} cannot be used: {why}; what earlier runs saw is forgotten (and it cannot be set aside: {error})"
            ),
        }
    }

    fn write(&self, state: &State, boot: &str) -> io::Result<()> {
        let (path, new) = (self.folder.join(NAME), self.folder.join("engine.state.new"));
        let mut file = OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(&new)?;
        file.write_all(&state::seal(state, boot))?;
        file.sync_all()?;
        fs::rename(&new, &path)?;
        File::open(&self.folder)?.sync_all()
    }
}

/// Nothing if there is no file.
fn read(path: &Path, now: Timestamp) -> Result<Option<Recalled>, String> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error.to_string()),
    };
    if let Some(why) = guard::distrust(path) {
        return Err(why);
    }
    let metadata = file.metadata().map_err(|error| error.to_string())?;
    if !metadata.is_file() || metadata.len() > MAX_FILE {
        return Err(format!("it is no file of at most {} MiB", MAX_FILE >> 20));
    }
    let mut bytes = Vec::new();
    file.take(MAX_FILE).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
    let (state, boot) = state::open(&bytes).map_err(|broken| broken.to_string())?;
    if state.now == Timestamp::MIN {
        // Of a run that saw nothing.
        return Ok(None);
    }
    if state.now > now.plus(AHEAD) {
        return Err(format!("it is from {}, which is yet to come", state.now));
    }
    Ok(Some(Recalled { state, rebooted: running::boot().is_none_or(|now| *now != *boot) }))
}

/// Takes states and writes them.
pub(super) struct Keeping {
    thread: JoinHandle<()>,
    forgotten: Arc<AtomicBool>,
}

impl Keeping {
    pub(super) fn start(memory: Memory) -> Result<(Self, Keeper), RunError> {
        let (states, come) = sync_channel(1);
        let forgotten = Arc::<AtomicBool>::default();
        let asked = Arc::clone(&forgotten);
        let keep = move || keep(&memory, &come, &asked);
        let thread = thread::Builder::new().name("keeping".to_owned()).spawn(keep);
        let thread = thread.map_err(|error| RunError::Start("the thread that keeps the state", error))?;
        Ok((Self { thread, forgotten }, Keeper { states, last: None, weight: 0 }))
    }

    /// What comes from now on is not kept: the file stays as an earlier run left it.
    pub(super) fn forget(&self) {
        self.forgotten.store(true, Ordering::Relaxed);
    }

    /// When it returns, the last state is on the disk. Call when the engine's thread has ended.
    pub(super) fn stop(self) {
        if self.thread.join().is_err() {
            tracing::error!("the thread that keeps the state failed");
        }
    }
}

fn keep(memory: &Memory, states: &Receiver<State>, forgotten: &AtomicBool) {
    let boot = running::boot().unwrap_or_default();
    let mut failed = false;
    for state in states {
        // Of a run that saw nothing there is nothing to keep, not even that it was.
        if forgotten.load(Ordering::Relaxed) || state.now == Timestamp::MIN {
            continue;
        }
        if state.omitted > 0 {
            tracing::warn!("{} entries found no room in the kept state", state.omitted);
        }
        let (length, was) = (state.bytes.len(), failed);
        match memory.write(&state, &boot) {
            Ok(()) => {
                tracing::debug!(bytes = length, "what is known is on the disk");
                failed = false;
            }
            Err(error) => {
                failed = true;
                if !was {
                    tracing::warn!(
                        "what is known cannot be kept over a restart: {}: {error}",
                        memory.folder.display()
                    );
                }
            }
        }
    }
}

/// The engine's thread's end of it.
pub(super) struct Keeper {
    states: SyncSender<State>,
    last: Option<Timestamp>,
    weight: u64,
}

impl Keeper {
    /// Is it time for another state?
    pub(super) fn is_due(&self, weight: u64, now: Timestamp) -> bool {
        let since = self.last.map(|last| now.since(last));
        let every = if weight == self.weight { AT_REST } else { EVERY };
        since.is_none_or(|since| since >= every) && (self.last.is_some() || weight > 0)
    }

    /// The clock was set.
    pub(super) fn clock_set(&mut self, step: ClockStep) {
        self.last = self.last.map(|last| last.set(step));
    }

    /// Hands it on, unless the disk has not taken the last one yet.
    pub(super) fn keep(&mut self, state: State, weight: u64, now: Timestamp) {
        if self.states.try_send(state).is_ok() {
            (self.last, self.weight) = (Some(now), weight);
        }
    }

    /// Nothing will follow.
    pub(super) fn keep_last(self, state: State) {
        // If the writer is gone, it has said why.
        let _ = self.states.send(state);
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_nanos(seconds * 1_000_000_000)
    }

    fn folder(name: &str) -> PathBuf {
        let path = std::env::temp_dir().join(format!("cloudward-memory-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).unwrap();
        path
    }

    #[test]
    fn what_is_written_is_recalled_until_others_can_write_it() {
        let folder = folder("written");
        let memory = Memory::new(&folder);
        assert!(memory.recall(at(0)).is_none());
        let state = State { bytes: vec![7; 10], now: at(50), omitted: 0 };
        let boot = running::boot().unwrap_or_default();
        memory.write(&state, &boot).unwrap();
        let recalled = memory.recall(at(60)).unwrap();
        assert_eq!(recalled.state, state);
        assert_eq!(recalled.rebooted, boot.is_empty());
        memory.write(&state, "another").unwrap();
        assert!(memory.recall(at(60)).unwrap().rebooted);
        let path = folder.join(NAME);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o666)).unwrap();
        assert!(memory.recall(at(60)).is_none());
        assert!(!path.exists() && folder.join(ASIDE).exists());
        fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn a_run_that_saw_nothing_keeps_and_recalls_nothing() {
        let folder = folder("nothing");
        let memory = Memory::new(&folder);
        let known = |now| State { bytes: vec![7; 10], now, omitted: 0 };
        let kept = |now, forgotten| {
            let (keeping, keeper) = Keeping::start(memory.clone()).unwrap();
            if forgotten {
                keeping.forget();
            }
            keeper.keep_last(known(now));
            keeping.stop();
            memory.recall(at(60)).map(|recalled| recalled.state.now)
        };
        assert_eq!(kept(Timestamp::MIN, false), None);
        assert!(!folder.join(NAME).exists());
        assert_eq!(kept(at(40), false), Some(at(40)));
        assert_eq!(kept(at(50), true), Some(at(40)));
        assert_eq!(kept(Timestamp::MIN, false), Some(at(40)));
        memory.write(&known(Timestamp::MIN), "").unwrap();
        assert!(memory.recall(at(60)).is_none() && !folder.join(ASIDE).exists());
        fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn what_cannot_be_used_is_set_aside() {
        let folder = folder("aside");
        let memory = Memory::new(&folder);
        let sealed = state::seal(&State { bytes: vec![7; 10], now: at(5000), omitted: 0 }, "boot");
        let torn = &sealed[..sealed.len() - 3];
        for bytes in [b"not ours".as_slice(), torn, b"", &sealed] {
            fs::write(folder.join(NAME), bytes).unwrap();
            assert!(memory.recall(at(60)).is_none(), "the last is from the future");
            assert!(!folder.join(NAME).exists());
            assert_eq!(fs::read(folder.join(ASIDE)).unwrap(), bytes);
        }
        fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn states_are_due_when_there_is_something_new() {
        let (states, _come) = sync_channel(1);
        let mut keeper = Keeper { states, last: None, weight: 0 };
        assert!(!keeper.is_due(0, at(100)));
        assert!(keeper.is_due(1, at(100)));
        keeper.keep(State { bytes: vec![], now: at(100), omitted: 0 }, 1, at(100));
        for (weight, now, due) in
            [(1, 101, false), (2, 104, false), (2, 105, true), (1, 399, false), (1, 400, true)]
        {
            assert_eq!(keeper.is_due(weight, at(now)), due, "{weight} at {now}");
        }
        keeper.keep(State { bytes: vec![], now: at(105), omitted: 0 }, 2, at(105));
        assert!(keeper.is_due(2, at(105)), "the writer is busy: it is tried again");
    }
}
