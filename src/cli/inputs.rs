//! Recordings as verbs open them.

use std::path::{Path, PathBuf};

use crate::daemon::replay::Replay;
use crate::sensor::audit::Audit;
use crate::sensor::capture::CaptureReader;
use crate::sensor::lines::Lines;

/// Whether no two of these files are standard input; says so where they are: whoever reads first would get what was meant
/// for the other.
pub fn are_apart<'a>(files: impl IntoIterator<Item = &'a PathBuf>) -> bool {
    let named = files.into_iter().filter(|path| path.as_path() == Path::new("-")).count();
    if named > 1 {
        complain!(
            "cloudward: `-`, standard input, is named {named} times, and can be read only once: give the others as files"
        );
    }
    named <= 1
}

/// Opens every input. One that fails is said and left out, and false comes back; the others are replayed.
pub fn open(events: &[PathBuf], captures: &[PathBuf], replay: &mut Replay) -> bool {
    let mut whole = true;
    for path in events {
        match Lines::open(path) {
            Ok(lines) => replay.events(lines),
            Err(error) => {
                complain!("cloudward: {error}");
                whole = false;
            }
        }
    }
    let mut readers = Vec::new();
    for path in captures {
        match CaptureReader::open(path) {
            Ok(reader) => readers.push(reader),
            Err(error) => {
                complain!("cloudward: {error}");
                whole = false;
            }
        }
    }
    replay.captures(readers);
    whole
}

/// The same for audit logs of clouds.
pub fn open_audits(audits: &[PathBuf], replay: &mut Replay) -> bool {
    let mut whole = true;
    for path in audits {
        match Audit::open(path) {
            Ok(audit) => replay.audit(&path.to_string_lossy(), audit),
            Err(error) => {
                complain!("cloudward: {error}");
                whole = false;
            }
        }
    }
    whole
}
