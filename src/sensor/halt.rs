//! Pipes that stay open, read until somebody says that it is enough.

use std::fs::File;
use std::io::{self, PipeReader, PipeWriter, Read};
use std::os::fd::AsFd as _;
use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

/// How long what is still on its way is waited for: whoever writes the pipe is often told at the same time, and hands out
/// what it held back.
const GRACE: Duration = Duration::from_millis(250);

/// Whether it was said. Clones hear the same; the default never hears anything.
#[derive(Clone, Debug, Default)]
pub struct Halt(Option<Arc<Shared>>);

#[derive(Debug)]
struct Shared {
    said: OnceLock<Instant>,
    /// At its end once it was said.
    bell: PipeReader,
}

/// Says it, once.
#[derive(Debug)]
pub struct Halter {
    shared: Arc<Shared>,
    bell: PipeWriter,
}

impl Halter {
    /// Fails where the system gives no pipe.
    pub fn new() -> io::Result<Self> {
        let (reader, bell) = io::pipe()?;
        Ok(Self { shared: Arc::new(Shared { said: OnceLock::new(), bell: reader }), bell })
    }

    /// Who hears it.
    pub fn ear(&self) -> Halt {
        Halt(Some(Arc::clone(&self.shared)))
    }

    pub fn halt(self) {
        self.shared.said.get_or_init(Instant::now);
        drop(self.bell);
    }
}

impl Halt {
    pub fn was_said(&self) -> bool {
        self.0.as_ref().is_some_and(|shared| shared.said.get().is_some())
    }

    /// Whether it was said, or is at this moment being said to whoever wrote a pipe that has just ended.
    pub(super) fn is_being_said(&self) -> bool {
        let Some(shared) = &self.0 else { return false };
        let grace = Timespec::try_from(GRACE).ok();
        let mut bell = [PollFd::new(&shared.bell, PollFlags::IN)];
        // The signal itself may end the wait.
        let mut rung = || poll(&mut bell, grace.as_ref()).or_else(|_| poll(&mut bell, grace.as_ref()));
        self.was_said() || rung().is_ok_and(|rung| rung > 0)
    }

    /// What may end this file: nothing, if it is one that ends by itself.
    pub(super) fn of(&self, file: &File) -> Self {
        if never_ends(file) { self.clone() } else { Self::default() }
    }

    /// The same file, which ends there and then if it is one that may never end by itself.
    pub(super) fn over(&self, file: File) -> Box<dyn Read + Send> {
        match self.of(&file).0 {
            Some(shared) => Box::new(Stream { file, shared }),
            None => Box::new(file),
        }
    }

    /// Standard input. It is not read through the library's buffer: what lies there no wait for the file would show.
    pub(super) fn over_input(&self) -> io::Result<Box<dyn Read + Send>> {
        match &self.0 {
            None => Ok(Box::new(io::stdin())),
            Some(_) => Ok(self.over(standard_input()?)),
        }
    }
}

/// Is it a pipe, a terminal or the like? `-` is standard input.
pub fn is_stream(path: &Path) -> bool {
    match path.as_os_str() == "-" {
        true => standard_input().is_ok_and(|file| never_ends(&file)),
        false => path.metadata().is_ok_and(|found| !found.is_file() && !found.is_dir()),
    }
}

pub(super) fn standard_input() -> io::Result<File> {
    Ok(File::from(io::stdin().as_fd().try_clone_to_owned()?))
}

fn never_ends(file: &File) -> bool {
    file.metadata().is_ok_and(|found| !found.is_file() && !found.is_dir())
}

struct Stream {
    file: File,
    shared: Arc<Shared>,
}

impl Stream {
    /// False when it was said, and nothing is there any more. A file that cannot be waited for is read at once.
    fn wait(&self) -> bool {
        loop {
            let since = self.shared.said.get();
            let left = since.map(|said| GRACE.saturating_sub(said.elapsed()));
            if left.is_some_and(|left| left.is_zero()) {
                return false;
            }
            // The bell rings on and on.
            let watched = if left.is_some() { 1 } else { 2 };
            let mut files =
                [PollFd::new(&self.file, PollFlags::IN), PollFd::new(&self.shared.bell, PollFlags::IN)];
            let left = left.and_then(|left| Timespec::try_from(left).ok());
            match poll(files.get_mut(..watched).unwrap_or_default(), left.as_ref()) {
                Ok(_) => {}
                Err(rustix::io::Errno::INTR) => continue,
                Err(_) => return true,
            }
            if files.first().is_some_and(|file| !file.revents().is_empty()) {
                return true;
            }
        }
    }
}

impl Read for Stream {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.wait() { self.file.read(out) } else { Ok(0) }
    }
}
