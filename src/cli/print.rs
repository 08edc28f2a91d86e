//! Standard output of the verbs, and the exit status when it fails.

use std::io::{self, ErrorKind, Write as _};
use std::process::ExitCode;

/// Writes all of it, and ends with this status.
pub fn print(text: &[u8], status: u8) -> ExitCode {
    let mut out = io::stdout().lock();
    ended(out.write_all(text).and_then(|()| out.flush()), status)
}

/// The exit status of a verb that came to `status`, if its output was `written`; where it was not, that is said, and the
/// status is at least 1: half a text must not look like the whole of it.
pub fn ended(written: io::Result<()>, status: u8) -> ExitCode {
    ExitCode::from(match written {
        Ok(()) => status,
        // Whoever closes the pipe has seen enough; the exit status still tells the verdict.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => status,
        Err(error) => {
            _ = writeln!(io::stderr(), "cloudward: cannot write: {error}");
            status.max(1)
        }
    })
}
