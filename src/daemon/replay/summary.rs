//! What became of the inputs of a replay.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use crate::daemon::history::Entries;
use crate::engine::Stats;
use crate::model::Timestamp;
use crate::sensor::eslogger::LineError;

/// Complaints kept with their line number; more are only counted.
pub(super) const MAX_COMPLAINTS: usize = 20;
/// So many of every file are kept, however much there was to say of others.
const OF_EVERY_FILE: usize = 3;

/// Something wrong with a line of a recording. It never ends the replay.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Complaint {
    pub file: Arc<str>,
    pub line: u64,
    pub what: String,
}

impl fmt::Display for Complaint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file, self.line, self.what)
    }
}

/// What became of the inputs.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Summary {
    pub lines: u64,
    /// Lines that could not be read at all.
    pub rejected: u64,
    /// Last lines that were cut off.
    pub truncated: u64,
    /// Lines of files that are no recordings, which one sentence for each file tells, beside the first of them.
    pub foreign: u64,
    pub packets: u64,
    pub complaints: Vec<Complaint>,
    /// Records of audit logs.
    pub records: u64,
    /// Inputs that ended before their end, each a sentence that names file and place.
    pub failures: Vec<String>,
    /// Event types that no verdict needs, with how often they came in all files together.
    pub skipped: BTreeMap<String, u64>,
    /// Fields of events that this version does not know, as `object.name`, with how often they stood in `looked_at` lines.
    pub unknown_fields: BTreeMap<String, u64>,
    pub looked_at: u64,
    /// Captures that were stopped within a packet, and what the tap did not understand of them, each a sentence; traffic that
    /// every network has is left out.
    pub notes: Vec<String>,
    pub stats: Stats,
    /// What was sent by whom, if [`Replay::keep_history`](super::Replay::keep_history) asked for it.
    pub history: Entries,
    pub first: Option<Timestamp>,
    pub last: Option<Timestamp>,
}

impl Summary {
    /// Keeps what was decoded, notes what was wrong.
    pub(super) fn take<T>(
        &mut self,
        file: &Arc<str>,
        line: u64,
        complete: bool,
        decoded: Result<Option<T>, LineError>,
    ) -> Option<T> {
        match decoded {
            Ok(decoded) => decoded,
            Err(error) if !complete && may_be_cut(error) => {
                self.truncated += 1;
                self.complain(file, line, "the last line is cut off; left out".to_owned());
                None
            }
            Err(error) => {
                self.rejected += 1;
                self.complain(file, line, error.to_string());
                None
            }
        }
    }

    pub(super) fn too_long(&mut self, file: &Arc<str>, line: u64, bytes: u64) {
        self.lines += 1;
        self.rejected += 1;
        let limit = crate::sensor::lines::MAX_LINE;
        self.complain(file, line, format!("a line of {bytes} bytes is longer than {limit}; left out"));
    }

    /// One sentence about the file says more than one for each of its lines; the first ones show why. Where the file looks
    /// like something else, that is why.
    pub(super) fn no_recording(&mut self, name: &Arc<str>, lines: u64, looks: &str) {
        let none = if lines == 1 { "its one line is no event" } else { "none of its lines is an event" };
        let counted = if lines == 1 { String::new() } else { format!(" ({lines} lines)") };
        let looks = if looks.is_empty() { String::new() } else { format!("; {looks}") };
        self.failures.push(format!("{name}: is no eslogger recording: {none}{counted}{looks}"));
        let show = if looks.is_empty() { OF_EVERY_FILE } else { 0 };
        let mut shown = 0;
        self.complaints.retain(|complaint| {
            let kept = !Arc::ptr_eq(&complaint.file, name) || shown < show;
            shown += usize::from(kept && Arc::ptr_eq(&complaint.file, name));
            kept
        });
        self.foreign += lines.saturating_sub(shown as u64);
    }

    pub(super) fn complain(&mut self, file: &Arc<str>, line: u64, what: String) {
        let of_file = || self.complaints.iter().filter(|said| Arc::ptr_eq(&said.file, file)).count();
        if self.complaints.len() < MAX_COMPLAINTS || of_file() < OF_EVERY_FILE {
            self.complaints.push(Complaint { file: Arc::clone(file), line, what });
        }
    }

    pub(super) fn saw(&mut self, time: Timestamp) {
        self.first = Some(self.first.map_or(time, |first| first.min(time)));
        self.last = Some(self.last.map_or(time, |last| last.max(time)));
    }
}

/// Is that what an object's beginning looks like, or is all of it there?
fn may_be_cut(error: LineError) -> bool {
    !matches!(error, LineError::NotJson | LineError::SeveralObjects | LineError::Trailing)
}
