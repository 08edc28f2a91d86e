//! The socket that `cloudward status` asks: for root, and for whoever the daemon runs as.
//!
//! One request a connection, one line: `status`. The answer is one JSON object, and the end of the stream. The socket
//! lies in a folder that only its owner enters; who asks is checked all the same.

use std::fs::{self, DirBuilder, Permissions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::time::timeout;

use super::Status;

/// Where it is if the configuration says `auto` and the daemon runs as root.
pub const DEFAULT_SOCKET: &str = "/var/run/cloudward/control.sock";
/// Who asks must do so within this time, and take the answer.
const PATIENCE: Duration = Duration::from_secs(2);
/// Connections served at once; more wait.
const AT_ONCE: usize = 4;
const REQUEST: &[u8] = b"status\n";

/// Somebody wants to know.
pub type Question = oneshot::Sender<Status>;

/// The socket, open. Its file is taken away at the end.
pub struct Control {
    path: PathBuf,
    questions: mpsc::Receiver<Question>,
}

impl Control {
    /// Opens the socket and serves it from tasks of the present runtime.
    pub fn open(path: &Path) -> io::Result<Self> {
        let owner = prepare(path)?;
        let listener = UnixListener::bind(path)?;
        fs::set_permissions(path, Permissions::from_mode(0o600))?;
        let (asked, questions) = mpsc::channel(AT_ONCE);
        tokio::spawn(serve(listener, owner, asked));
        Ok(Self { path: path.to_owned(), questions })
    }

    /// The next question. May be dropped and asked again.
    pub async fn question(&mut self) -> Question {
        match self.questions.recv().await {
            Some(question) => question,
            None => std::future::pending().await,
        }
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        // Whoever starts next removes it too.
        let _ = fs::remove_file(&self.path);
    }
}

/// Makes the folder, and room for the socket. The answer is the user id that this daemon runs as.
fn prepare(path: &Path) -> io::Result<u32> {
    let folder = path.parent().unwrap_or(Path::new("/"));
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let metadata = fs::metadata(folder)?;
    if metadata.mode() & 0o077 != 0 {
        let why = format!("others may enter {}: `chmod 700` it, or name another folder", folder.display());
        return Err(io::Error::new(ErrorKind::PermissionDenied, why));
    }
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => return Err(error),
        Ok(old) if !old.file_type().is_socket() => {
            return Err(io::Error::new(ErrorKind::AlreadyExists, "something that is no socket is there"));
        }
        Ok(_) => match std::os::unix::net::UnixStream::connect(path) {
            Ok(_) => return Err(io::Error::new(ErrorKind::AddrInUse, "another cloudward answers there")),
            Err(_) => fs::remove_file(path)?,
        },
    }
    Ok(metadata.uid())
}

async fn serve(listener: UnixListener, owner: u32, asked: mpsc::Sender<Question>) {
    let room = Arc::new(Semaphore::new(AT_ONCE));
    loop {
        let Ok(permit) = Arc::clone(&room).acquire_owned().await else { return };
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!("the control socket: {error}");
                tokio::time::sleep(PATIENCE).await;
                continue;
            }
        };
        let asked = asked.clone();
        tokio::spawn(async move {
            let _permit = permit;
            match timeout(PATIENCE, answer(stream, owner, asked)).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => tracing::debug!("the control socket: {error}"),
                Err(_) => tracing::debug!("the control socket: who asked was too slow"),
            }
        });
    }
}

/// Root, and whoever the daemon runs as: file modes could be loosened by a mistake.
const fn may_ask(peer: u32, owner: u32) -> bool {
    peer == 0 || peer == owner
}

async fn answer(mut stream: UnixStream, owner: u32, asked: mpsc::Sender<Question>) -> io::Result<()> {
    let peer = stream.peer_cred()?.uid();
    if !may_ask(peer, owner) {
        tracing::warn!("user {peer} asked at the control socket and got no answer");
        return Ok(());
    }
    let mut request = [0; REQUEST.len()];
    stream.read_exact(&mut request).await?;
    if request != REQUEST {
        return Err(io::Error::new(ErrorKind::InvalidData, "not a request"));
    }
    let (question, told) = oneshot::channel();
    let gone = |_| io::Error::from(ErrorKind::BrokenPipe);
    asked.send(question).await.map_err(|_| io::Error::from(ErrorKind::BrokenPipe))?;
    let status = serde_json::to_vec(&told.await.map_err(gone)?)?;
    stream.write_all(&status).await?;
    stream.shutdown().await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn root_and_the_owner_may_ask() {
        assert!(may_ask(0, 0) && may_ask(0, 501) && may_ask(501, 501));
        assert!(!may_ask(501, 0) && !may_ask(502, 501));
    }
}
