//! Recordings as verbs open them.

use std::path::{Path, PathBuf};

use crate::daemon::interrupt;
use crate::daemon::replay::Replay;
use crate::sensor::audit::Audit;
use crate::sensor::capture::CaptureReader;
use crate::sensor::halt::{self, Halt};
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

/// Where an input is a pipe, which may stay open for ever: hears of the signal that says it is enough. Files end by
/// themselves, and there a signal ends the program.
pub fn until_told<'a>(mut files: impl Iterator<Item = &'a PathBuf>) -> Halt {
    match files.any(|path| halt::is_stream(path)) {
        true => interrupt::watch().unwrap_or_default(),
        false => Halt::default(),
    }
}

/// Opens every input. One that fails is said and left out, and false comes back; the others are replayed. `halt` ends pipes.
pub fn open(events: &[PathBuf], captures: &[PathBuf], halt: &Halt, replay: &mut Replay) -> bool {
    let mut whole = true;
    for path in events {
        match Lines::open_until(path, halt) {
            Ok(lines) => replay.events(lines),
            Err(error) => {
                complain!("cloudward: {error}");
                whole = false;
            }
        }
    }
    let mut readers = Vec::new();
    for path in captures {
        match CaptureReader::open_until(path, halt) {
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
