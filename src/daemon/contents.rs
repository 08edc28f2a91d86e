//! What a script holds, for the allow entries that ask for it (`script_sha256`).
//!
//! Only here are files read because of an event, and only where an entry asks: without one nothing is opened and no thread
//! started. The engine gets the hash with the exec. It is that of the moment when the exec was heard of, a little after the
//! interpreter was started and before or after it read the file: whoever can write the file can change it in between.
//!
//! A place that an entry names may be one that a stranger can write: a pipe that nobody writes, a link to a dead server.
//! So a thread of its own reads, and whoever asks waits for it within limits. What is not known in time is not known.

use std::ffi::OsStr;
use std::fs::{self, OpenOptions};
use std::io::ErrorKind;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::thread;
use std::time::{Duration, Instant};

use sha2::{Digest, Sha256};

use crate::model::{FilePath, Input, Observed, What};
use crate::policy::Policy;

/// The largest script that is read.
const MAX_SCRIPT: u64 = 4 << 20;
/// Read at once.
const PART: usize = 64 << 10;
/// How long the engine waits for one script.
const PATIENCE: Duration = Duration::from_millis(500);
/// How long for all of them, within each [`ROUND`].
const ALLOWANCE: Duration = Duration::from_secs(1);
const ROUND: Duration = Duration::from_secs(10);

/// SHA-256 of what a file holds.
type Hash = [u8; 32];

/// Adds to execs what policy asks of their scripts.
#[derive(Debug)]
pub(super) struct Contents {
    policy: Arc<Policy>,
    /// From the first question on.
    reader: Option<Reader>,
}

impl Contents {
    pub(super) const fn new(policy: Arc<Policy>) -> Self {
        Self { policy, reader: None }
    }

    /// Another policy, from the next exec on. What runs already was asked about under the earlier one.
    pub(super) fn adopt(&mut self, policy: Arc<Policy>) {
        self.policy = policy;
    }

    #[inline]
    pub(super) fn fill(&mut self, input: &mut Input) {
        let Input::Process(Observed { what: What::Exec { target, facts }, .. }) = input else { return };
        let Some(script) = self.policy.allow.script_to_read(&target.program, facts) else { return };
        if self.reader.is_none() {
            let started = Reader::start(sha256_of);
            self.reader =
                started.inspect_err(|error| tracing::error!("scripts cannot be read: {error}")).ok();
        }
        facts.script_sha256 = self.reader.as_mut().and_then(|reader| reader.ask(script));
    }
}

/// The thread that reads. Not waited for at the end: it may be stuck for ever.
#[derive(Debug)]
struct Reader {
    questions: SyncSender<FilePath>,
    answers: Receiver<Option<Hash>>,
    /// It was given up on, and its answer is still to come.
    owes: bool,
    /// When this round began, and how long was waited in it.
    round: (Instant, Duration),
}

impl Reader {
    fn start(read: fn(&FilePath) -> Option<Hash>) -> std::io::Result<Self> {
        let (questions, asked) = mpsc::sync_channel::<FilePath>(1);
        let (answer, answers) = mpsc::sync_channel(1);
        thread::Builder::new().name("reading".to_owned()).spawn(move || {
            // Ends when nobody asks or listens any more.
            let _ = asked.iter().try_for_each(|script| answer.send(read(&script)));
        })?;
        Ok(Self { questions, answers, owes: false, round: (Instant::now(), Duration::ZERO) })
    }

    /// `None` if it cannot be told, or not in time.
    fn ask(&mut self, script: FilePath) -> Option<Hash> {
        let start = Instant::now();
        if start.duration_since(self.round.0) >= ROUND {
            self.round = (start, Duration::ZERO);
        }
        // What comes late is the answer to another question.
        self.owes = self.owes && self.answers.try_recv().is_err();
        if self.owes || self.round.1 >= ALLOWANCE {
            return None;
        }
        self.questions.try_send(script).ok()?;
        let answer = self.answers.recv_timeout(PATIENCE);
        self.round.1 += start.elapsed();
        if answer.is_err() || self.round.1 >= ALLOWANCE {
            tracing::warn!(
                "reading scripts takes too long: for up to {ROUND:?} no `script_sha256` of an allow entry matches"
            );
        }
        self.owes = answer.is_err();
        answer.ok().flatten()
    }
}

/// What a regular file holds, if it is not too large. A link is followed, as the interpreter does: what it runs is what lies
/// at the end, and that is what is held against the entry. Opening waits for nobody and takes no terminal. Read by
/// position: `/dev/fd/3` is a descriptor of our own, whose place others rely on.
fn sha256_of(script: &FilePath) -> Option<Hash> {
    let path = Path::new(OsStr::from_bytes(script.as_bytes()));
    // To open a pipe would already wake who waits to write it.
    if !fs::metadata(path).ok()?.is_file() {
        return None;
    }
    let flags = libc::O_NONBLOCK | libc::O_NOCTTY;
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path).ok()?;
    let status = file.metadata().ok()?;
    if !status.is_file() || status.len() > MAX_SCRIPT {
        return None;
    }
    let (mut hash, mut at, mut part) = (Sha256::new(), 0, vec![0; PART]);
    loop {
        match file.read_at(&mut part, at) {
            Ok(0) => return Some(hash.finalize().into()),
            Ok(read) => {
                at += read as u64;
                // It grows while it is read.
                if at > MAX_SCRIPT {
                    return None;
                }
                hash.update(part.get(..read)?);
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(_) => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};
    use std::path::PathBuf;
    use std::process::Command;

    use super::*;
    use crate::daemon::testing::Folder;

    /// `printf abc | shasum -a 256`
    const ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    fn hex(hash: Hash) -> String {
        hash.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    fn read(path: &Path) -> Option<String> {
        sha256_of(&FilePath::new(path.as_os_str().as_bytes())).map(hex)
    }

    fn folder(name: &str) -> (Folder, impl Fn(&str) -> PathBuf) {
        let folder = Folder::new(name);
        fs::create_dir_all(&folder.0).unwrap();
        let path = folder.0.clone();
        (folder, move |name| path.join(name))
    }

    #[test]
    fn reads_regular_files_of_bounded_size_and_what_links_lead_to() {
        let (_folder, at) = folder("contents");
        fs::write(at("script"), "abc").unwrap();
        symlink(at("script"), at("link")).unwrap();
        assert_eq!(read(&at("script")).as_deref(), Some(ABC));
        assert_eq!(read(&at("link")).as_deref(), Some(ABC));
        fs::write(at("empty"), "").unwrap();
        assert!(read(&at("empty")).unwrap().starts_with("e3b0c442"));

        fs::write(at("large"), vec![b'#'; MAX_SCRIPT as usize]).unwrap();
        assert!(read(&at("large")).is_some());
        fs::write(at("too-large"), vec![b'#'; MAX_SCRIPT as usize + 1]).unwrap();
        assert_eq!(read(&at("too-large")), None);
    }

    #[test]
    fn reads_nothing_else_and_waits_for_nobody() {
        let (_folder, at) = folder("contents-none");
        fs::create_dir(at("directory")).unwrap();
        symlink(at("loop"), at("loop")).unwrap();
        assert!(Command::new("mkfifo").arg(at("fifo")).status().unwrap().success());
        symlink(at("fifo"), at("link")).unwrap();
        for name in ["missing", "directory", "loop", "fifo", "link"] {
            assert_eq!(read(&at(name)), None, "{name}");
        }
        assert_eq!(read(Path::new("/dev/null")), None);
        assert_eq!(read(Path::new("/dev/tty")), None);
        assert_eq!(read(Path::new("/a\0b")), None);
        fs::write(at("secret"), "abc").unwrap();
        fs::set_permissions(at("secret"), fs::Permissions::from_mode(0o000)).unwrap();
        // Root reads it all the same.
        let root = rustix::process::geteuid().is_root();
        assert_eq!(read(&at("secret")).is_some(), root);
    }

    /// Somebody's dead server, as it looks from here.
    fn slowly(script: &FilePath) -> Option<Hash> {
        match script.as_bytes() {
            b"/dead" => thread::sleep(PATIENCE * 3),
            b"/slow" => thread::sleep(PATIENCE / 5),
            _ => {}
        }
        Some([script.as_bytes().len() as u8; 32])
    }

    #[test]
    fn a_script_that_cannot_be_read_in_time_holds_nobody_up() {
        let mut reader = Reader::start(slowly).unwrap();
        assert_eq!(reader.ask("/a".into()), Some([2; 32]));
        let start = Instant::now();
        assert_eq!(reader.ask("/dead".into()), None);
        assert_eq!(reader.ask("/a".into()), None, "it still reads the other");
        assert!(start.elapsed() < PATIENCE * 3, "{:?}", start.elapsed());
        let next = std::iter::repeat_with(|| {
            thread::sleep(PATIENCE / 50);
            reader.ask("/ab".into())
        });
        assert_eq!(next.flatten().next(), Some([3; 32]), "and not the answer that came late");
    }

    #[test]
    fn the_time_for_reading_scripts_is_a_part_of_all_time() {
        let mut reader = Reader::start(slowly).unwrap();
        let known = (0..100).filter(|_| reader.ask("/slow".into()).is_some()).count();
        let most = (ALLOWANCE.as_millis() / (PATIENCE / 5).as_millis()) as usize;
        assert!((1..=most).contains(&known), "{known}");
        assert_eq!(reader.ask("/a".into()), None);
        reader.round.0 = Instant::now().checked_sub(ROUND).unwrap();
        assert_eq!(reader.ask("/a".into()), Some([2; 32]));
    }
}
