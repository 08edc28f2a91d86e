//! Recordings as verbs open them, and how far they are read.

use std::cell::Cell;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::daemon::replay::{Replay, Summary};
use crate::sensor::audit::Audit;
use crate::sensor::capture::CaptureReader;
use crate::sensor::lines::Lines;

/// Whether no two of these files are standard input; says so where they are: whoever reads first would get what was meant
/// for the other.
pub fn are_apart<'a>(files: impl IntoIterator<Item = &'a PathBuf>) -> bool {
    let named = files.into_iter().filter(|path| path.as_path() == Path::new("-")).count();
    if named > 1 {
        eprintln!(
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
                eprintln!("cloudward: {error}");
                whole = false;
            }
        }
    }
    let mut readers = Vec::new();
    for path in captures {
        match CaptureReader::open(path) {
            Ok(reader) => readers.push(reader),
            Err(error) => {
                eprintln!("cloudward: {error}");
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
                eprintln!("cloudward: {error}");
                whole = false;
            }
        }
    }
    whole
}

/// How far a replay has come, on a terminal's standard error.
pub struct Progress {
    live: bool,
    start: Instant,
    shown: Cell<Option<Instant>>,
}

/// Between two looks at it.
const EVERY: Duration = Duration::from_millis(200);

impl Progress {
    /// `live`: somebody watches.
    pub fn new(live: bool) -> Self {
        Self { live, start: Instant::now(), shown: Cell::new(None) }
    }

    pub fn show(&self, summary: &Summary) {
        let now = Instant::now();
        if !self.live || self.shown.get().is_some_and(|shown| now - shown < EVERY) {
            return;
        }
        self.shown.set(Some(now));
        eprint!("\r\x1b[K{}", line(summary, now - self.start));
    }

    /// Takes the line away.
    pub fn done(&self) {
        if self.shown.get().is_some() {
            eprint!("\r\x1b[K");
        }
    }
}

fn line(summary: &Summary, elapsed: Duration) -> String {
    let done = summary.lines + summary.packets;
    let rate = (done as f64 / elapsed.as_secs_f64().max(0.001)) as u64;
    let until = summary.last.map(|time| time.to_string().replace('T', " "));
    let until = until.and_then(|text| text.get(..19).map(|text| format!(", at {text}"))).unwrap_or_default();
    format!(
        "{} lines, {} packets{until}; {} a second",
        grouped(summary.lines),
        grouped(summary.packets),
        grouped(rate)
    )
}

/// With a separator between thousands.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let first = digits.len() % 3;
    let mut text = digits[..first].to_owned();
    for at in (first..digits.len()).step_by(3) {
        if !text.is_empty() {
            text.push(',');
        }
        text.push_str(&digits[at..at + 3]);
    }
    text
}

#[cfg(test)]
mod tests {
    use crate::model::Timestamp;

    use super::*;

    #[test]
    fn progress_says_how_far_and_how_fast() {
        let summary = Summary {
            lines: 1_234_567,
            packets: 7,
            last: Timestamp::parse(b"2026-11-22T13:45:27.5Z"),
            ..Summary::default()
        };
        let told = line(&summary, Duration::from_secs(2));
        assert_eq!(told, "1,234,567 lines, 7 packets, at 2026-11-22 13:45:27; 617,287 a second");
    }
}
