//! The system's own `eslogger` as a child: sees with Apple's entitlement, so that any Mac can be watched today.
//!
//! The child shares our process group on purpose: `eslogger` leaves out the events of its own group, and so ours.
//! It is ended when the daemon ends. Of a daemon that was killed it is left over, and the next line that it writes ends it:
//! nobody reads (SIGPIPE, which the standard library gives children as the system has it).

use std::io::{self, PipeReader};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::Command;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};

use crate::model::{CoverageKind, Input};
use crate::sensor::eslogger::Decoder;
use crate::sensor::gather::Gather;
use crate::sensor::inlet::Inlet;
use crate::sensor::lines::{Item, Lines};
use crate::sensor::running;
use crate::sensor::trouble::{Next, Trouble};

use super::sensors::report;
use super::{RunError, say};

/// What is asked for. All exist since macOS 13, the first that has `eslogger`.
const EVENTS: [&str; 18] = [
    "exec",
    "fork",
    "exit",
    "open",
    "close",
    "create",
    "rename",
    "exchangedata",
    "unlink",
    "link",
    "clone",
    "copyfile",
    "setextattr",
    "cs_invalidated",
    "remote_thread_create",
    "mount",
    "unmount",
    "uipc_connect",
];

/// Waits before a new start: doubled from the first to the last, and back to the first after a life of [`LONG_LIFE`].
const FIRST_WAIT: Duration = Duration::from_secs(1);
const LAST_WAIT: Duration = Duration::from_secs(60);
const LONG_LIFE: Duration = Duration::from_secs(60);
/// For lines that were printed but not yet read when the child ended.
const LAST_LINES: Duration = Duration::from_secs(2);
/// Between two looks for room in the queue. Meanwhile the pipe fills, `eslogger` waits, and the system numbers what it
/// drops.
const NO_ROOM: Duration = Duration::from_millis(2);

/// The child and the task that keeps it alive.
pub(super) struct Child {
    stop: oneshot::Sender<()>,
    task: JoinHandle<Option<RunError>>,
    trouble: watch::Receiver<Option<String>>,
}

/// Where it is noted that nothing is seen, and why; until an event is understood.
type Ill = Arc<watch::Sender<Option<String>>>;

/// How one life of the child ended.
enum Ending {
    Stopped,
    Died { status: io::Result<ExitStatus>, trouble: Option<Trouble> },
}

impl Child {
    pub(super) fn start(inlet: &Arc<Inlet>) -> Result<Self, RunError> {
        let program = find("eslogger").ok_or(RunError::NoEslogger)?;
        tracing::info!(program = %program.display(), "reading the system's eslogger");
        let (stop, stopped) = oneshot::channel();
        let trouble = Arc::new(watch::Sender::new(None));
        let told = trouble.subscribe();
        let task = tokio::spawn(keep_alive(program, Arc::clone(inlet), trouble, stopped));
        Ok(Self { stop, task, trouble: told })
    }

    /// Why nothing is seen at the moment, and what to do about it.
    pub(super) fn trouble(&self) -> Option<String> {
        self.trouble.borrow().clone()
    }

    /// Returns when the child cannot be kept alive. May be dropped and asked again until then.
    pub(super) async fn failure(&mut self) -> RunError {
        match (&mut self.task).await {
            Ok(Some(error)) => error,
            Ok(None) | Err(_) => RunError::EngineGone,
        }
    }

    /// Ends the child; what it had printed is still read.
    pub(super) async fn stop(self) {
        // An error means that it has ended by itself.
        if self.stop.send(()).is_ok() {
            let _ = self.task.await;
        }
    }
}

/// An executable file of that name in `PATH`.
pub(super) fn find(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| is_executable(file))
}

fn is_executable(file: &Path) -> bool {
    file.metadata().is_ok_and(|data| data.is_file() && data.permissions().mode() & 0o111 != 0)
}

/// Starts the child again and again. Each death is a blind spot, told with its cause.
async fn keep_alive(
    program: PathBuf,
    inlet: Arc<Inlet>,
    ill: Ill,
    mut stopped: oneshot::Receiver<()>,
) -> Option<RunError> {
    let mut wait = FIRST_WAIT;
    let mut known = None;
    loop {
        let born = Instant::now();
        let (status, trouble) = match live(&program, &inlet, &ill, &mut stopped).await {
            Ok(Ending::Stopped) => return None,
            Ok(Ending::Died { status, trouble }) => (status, trouble),
            Err(error) => return Some(RunError::Start("eslogger", error)),
        };
        if born.elapsed() >= LONG_LIFE {
            (wait, known) = (FIRST_WAIT, None);
        }
        let status = status.map_or_else(|error| error.to_string(), |status| status.to_string());
        ill.send_replace(Some(match &trouble {
            Some(trouble) => format!("{trouble}; {}", trouble.remedy()),
            None => format!("ended ({status}) and is started again"),
        }));
        if let Some(trouble) = trouble {
            if trouble.next() == Next::GiveUp {
                return Some(RunError::Sensor(trouble));
            }
            if known.as_ref() != Some(&trouble) {
                report(&inlet, &trouble);
            }
            known = Some(trouble);
        }
        tracing::error!("eslogger ended ({status}), starting it again in {wait:?}");
        say(
            &inlet,
            CoverageKind::EventLoss,
            &format!("eslogger ended ({status}): nothing is seen until it runs again"),
        );
        tokio::select! {
            () = sleep(wait) => {}
            _ = &mut stopped => return None,
        }
        wait = (wait * 2).min(LAST_WAIT);
    }
}

/// One life, from start to end.
async fn live(
    program: &Path,
    inlet: &Arc<Inlet>,
    ill: &Ill,
    stopped: &mut oneshot::Receiver<()>,
) -> io::Result<Ending> {
    let (lines, pipe) = io::pipe()?;
    let mut command = Command::new(program);
    command.args(EVENTS).stdin(Stdio::null()).stdout(pipe).stderr(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn()?;
    // Our copy of the writing end is in it; the reader must see the end when the child is gone.
    drop(command);
    let complaints = tokio::spawn(complaints(child.stderr.take()));
    let (here, read) = oneshot::channel();
    let (ears, well) = (Arc::clone(inlet), Arc::clone(ill));
    thread::Builder::new().name("eslogger".to_owned()).spawn(move || {
        let _here: oneshot::Sender<()> = here;
        ears.introduce(running::all(), super::clock::now());
        read_lines(lines, &ears, &well);
    })?;
    let status = tokio::select! {
        status = child.wait() => Some(status),
        _ = stopped => None,
    };
    if status.is_none() {
        // It keeps nothing that a gentler end would save.
        let _ = child.kill().await;
    }
    if timeout(LAST_LINES, read).await.is_err() {
        tracing::warn!("eslogger is gone, yet something holds its output open");
        if status.is_none() {
            let text =
                "stopped before eslogger's output came to its end: the last events it told of may be missing";
            say(inlet, CoverageKind::EventLoss, text);
        }
    }
    let Some(status) = status else { return Ok(Ending::Stopped) };
    let trouble = timeout(LAST_LINES, complaints).await;
    Ok(Ending::Died { status, trouble: trouble.ok().and_then(Result::ok).flatten() })
}

/// What the child says on standard error goes to our log; the last cause we know is kept.
async fn complaints(stderr: Option<impl AsyncRead + Unpin>) -> Option<Trouble> {
    let mut lines = BufReader::new(stderr?).lines();
    let mut trouble = None;
    while let Ok(Some(line)) = lines.next_line().await {
        tracing::warn!("eslogger: {line}");
        trouble = cause(&line).or(trouble);
    }
    trouble
}

/// The result of `es_new_client`, by the name it has in the system's header.
fn cause(line: &str) -> Option<Trouble> {
    let causes = [
        ("ERR_NOT_PERMITTED", Trouble::NotPermitted),
        ("ERR_NOT_PRIVILEGED", Trouble::NotPrivileged),
        ("ERR_TOO_MANY_CLIENTS", Trouble::TooManyClients),
        ("ERR_INTERNAL", Trouble::Internal),
    ];
    causes.into_iter().find_map(|(name, trouble)| line.contains(name).then_some(trouble))
}

/// Reads until the pipe ends. The same lines and the same decoder as a replay has.
fn read_lines(pipe: PipeReader, inlet: &Inlet, ill: &Ill) {
    let mut lines = match Lines::new("eslogger".to_owned(), Box::new(Gather::new(pipe))) {
        Ok(lines) => lines,
        Err(error) => return tracing::error!("{error}"),
    };
    let (mut decoder, mut heard) = (Decoder::by_the_wall(), false);
    loop {
        match lines.next_line() {
            Ok(Some(Item::Line(line))) => {
                let observed = inlet.hear_with(|gate| decoder.decode(line.bytes, gate));
                if !heard && observed.is_ok() {
                    heard = true;
                    ill.send_replace(None);
                }
                match observed {
                    Ok(Some(observed)) => {
                        inlet.processes.follow(&observed);
                        offer(inlet, Input::Process(observed));
                    }
                    Ok(None) => {}
                    // Cut by the end of the child.
                    Err(_) if !line.complete => {}
                    Err(error) => refuse(inlet, line.number, &error),
                }
            }
            Ok(Some(Item::TooLong { number, bytes })) => {
                refuse(inlet, number, &format!("{bytes} bytes long"))
            }
            Ok(None) => break,
            Err(error) => {
                tracing::error!("{error}");
                break;
            }
        }
        decoder.take_coverage().into_iter().for_each(|loss| offer(inlet, Input::Coverage(loss)));
    }
    decoder.finish().into_iter().for_each(|loss| offer(inlet, Input::Coverage(loss)));
    for (name, count) in decoder.counts().unknown_fields() {
        let name = String::from_utf8_lossy(name);
        tracing::info!(%name, count, "eslogger writes a field that this version does not know");
    }
}

fn refuse(inlet: &Inlet, number: u64, error: &dyn std::fmt::Display) {
    tracing::warn!("eslogger: line {number} was not understood: {error}");
    inlet.gave_up(super::clock::now());
}

/// Waits for room: the pipe and `eslogger` behind it hold what we cannot take yet.
fn offer(inlet: &Inlet, mut input: Input) {
    while let Some(back) = inlet.offer(input) {
        input = back;
        thread::sleep(NO_ROOM);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_eslogger_are_understood() {
        let line = "Failed to create ES client: ES_NEW_CLIENT_RESULT_ERR_NOT_PERMITTED";
        assert_eq!(cause(line), Some(Trouble::NotPermitted));
        assert_eq!(cause("ES_NEW_CLIENT_RESULT_ERR_NOT_PRIVILEGED"), Some(Trouble::NotPrivileged));
        assert_eq!(cause("hello"), None);
    }

    #[test]
    fn only_programs_are_found() {
        assert!(find("sh").is_some());
        assert_eq!(find("no-such-program-anywhere"), None);
        assert!(!is_executable(Path::new("/")));
    }
}
