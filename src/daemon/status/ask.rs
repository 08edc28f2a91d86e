//! The other end of the socket.

use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use thiserror::Error;

use super::Status;

/// The daemon answers at once; it may be busy.
const PATIENCE: Duration = Duration::from_secs(5);
/// An answer is some 10 KB.
const LONGEST: u64 = 16 << 20;

/// Why there is no answer.
#[derive(Error, Debug)]
pub enum AskError {
    #[error(
        "no daemon answers at {0}: it is not running (`sudo launchctl kickstart system/com.cloudward.daemon` starts an \
         installed one, `sudo cloudward run` one in this terminal), or it listens elsewhere (`[daemon] socket`)"
    )]
    NotRunning(PathBuf),
    #[error("{0} is closed to you: only root and the user that the daemon runs as may ask; use `sudo`")]
    Denied(PathBuf),
    #[error("{0} did not answer in time: {1}")]
    Silent(PathBuf, io::Error),
    #[error("{0} answered with something else: {1}")]
    Garbled(PathBuf, serde_json::Error),
}

/// Asks the daemon at a socket. Fails where none answers within five seconds what a daemon would.
pub fn ask(path: &Path) -> Result<Status, AskError> {
    let silent = |error| AskError::Silent(path.to_owned(), error);
    let mut stream = UnixStream::connect(path).map_err(|error| match error.kind() {
        ErrorKind::PermissionDenied => AskError::Denied(path.to_owned()),
        ErrorKind::NotFound | ErrorKind::ConnectionRefused => AskError::NotRunning(path.to_owned()),
        _ => silent(error),
    })?;
    stream.set_read_timeout(Some(PATIENCE)).map_err(silent)?;
    stream.set_write_timeout(Some(PATIENCE)).map_err(silent)?;
    let mut answer = Vec::new();
    stream.write_all(b"status\n").map_err(silent)?;
    stream.take(LONGEST).read_to_end(&mut answer).map_err(silent)?;
    if answer.is_empty() {
        return Err(AskError::Denied(path.to_owned()));
    }
    serde_json::from_slice(&answer).map_err(|error| AskError::Garbled(path.to_owned(), error))
}
