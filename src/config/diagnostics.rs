//! Complaints about a configuration, each with its place and a way out.

use std::fmt;
use std::sync::Arc;

use crate::sink::format::visible;

/// Who said it. Later ones win.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Origin {
    BuiltIn,
    File,
    Managed,
}

impl Origin {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::BuiltIn => "built-in",
            Self::File => "file",
            Self::Managed => "managed",
        }
    }
}

/// Where something was written. Lines and columns count from 1, columns in characters; 0 is the source as a whole. Of what
/// a profile forces there are no lines: there the source says the keys on the way to the value as well.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Place {
    pub origin: Origin,
    pub source: Arc<str>,
    pub line: u32,
    pub column: u32,
}

impl Place {
    /// The source as a whole.
    pub fn whole(origin: Origin, source: &Arc<str>) -> Self {
        Self { origin, source: Arc::clone(source), line: 0, column: 0 }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => f.write_str(&self.source),
            _ => write!(f, "{}:{}:{}", self.source, self.line, self.column),
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Level {
    Warning,
    /// The configuration cannot be used.
    Error,
}

/// One complaint.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Diagnostic {
    pub level: Level,
    pub place: Place,
    pub message: String,
    pub hint: Option<String>,
}

impl Diagnostic {
    pub fn error(place: &Place, complaint: Complaint) -> Self {
        Self { level: Level::Error, place: place.clone(), message: complaint.message, hint: complaint.hint }
    }

    pub fn warning(place: &Place, complaint: Complaint) -> Self {
        Self { level: Level::Warning, ..Self::error(place, complaint) }
    }
}

/// `file:line:column: error: message`, and the hint on a line of its own. All of it may hold what the file does, which may be
/// a stranger's: what would move a terminal is shown, not obeyed.
impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let level = match self.level {
            Level::Warning => "warning",
            Level::Error => "error",
        };
        write!(f, "{}: {level}: {}", visible(&self.place.to_string()), visible(&self.message))?;
        match &self.hint {
            Some(hint) => write!(f, "\n  hint: {}", visible(hint)),
            None => Ok(()),
        }
    }
}

/// A complaint that does not know its place yet.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Complaint {
    pub message: String,
    pub hint: Option<String>,
}

impl Complaint {
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), hint: None }
    }

    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Suggests the known word that is near, or shows which there are.
    #[must_use]
    pub fn did_you_mean<'w>(self, word: &str, known: impl IntoIterator<Item = &'w str>) -> Self {
        let known: Vec<&str> = known.into_iter().collect();
        match nearest(word, known.iter().copied()) {
            Some(near) => self.hint(format!("did you mean `{near}`?")),
            None if known.is_empty() => self.hint("there is none yet"),
            None => self.hint(format!("known: {}", enumerate(&known))),
        }
    }
}

/// Words in a row, of many the first dozen.
pub fn enumerate(words: &[&str]) -> String {
    const SHOWN: usize = 12;
    let shown = words.iter().take(SHOWN).copied().collect::<Vec<_>>().join(", ");
    if words.len() > SHOWN { shown + " and more" } else { shown }
}

/// The known word that a hurried writer most likely meant.
pub fn nearest<'w>(word: &str, known: impl IntoIterator<Item = &'w str>) -> Option<&'w str> {
    let lower = word.to_lowercase();
    let limit = (lower.chars().count() / 3).max(1);
    let scored = known.into_iter().map(|candidate| (distance(&lower, &candidate.to_lowercase()), candidate));
    let close = scored.filter(|(score, candidate)| {
        *score <= limit
            || candidate.len() > 3 && (lower.starts_with(candidate) || candidate.starts_with(&lower))
    });
    close.min().map(|(_, candidate)| candidate)
}

/// Edits (insert, delete, replace, swap of neighbours) between two words.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut rows: Vec<Vec<usize>> = vec![(0..=b.len()).collect()];
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let replace = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut best = replace.min(rows[i - 1][j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(rows[i - 2][j - 2] + 1);
            }
            row.push(best);
        }
        rows.push(row);
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_words_are_found_and_far_ones_are_not() {
        let known = ["severity", "paths", "exclude", "window", "min_bytes"];
        for (word, near) in [
            ("severty", Some("severity")),
            ("path", Some("paths")),
            ("min-bytes", Some("min_bytes")),
            ("widnow", Some("window")),
            ("colour", None),
            ("x", None),
        ] {
            assert_eq!(nearest(word, known), near, "{word}");
        }
    }

    #[test]
    fn whoever_is_far_off_is_shown_what_there_is() {
        let hint = |known: &[&'static str]| {
            let complaint = Complaint::new("no such word").did_you_mean("zzz", known.iter().copied());
            complaint.hint.unwrap()
        };
        assert_eq!(hint(&["severity", "paths"]), "known: severity, paths");
        assert_eq!(hint(&[]), "there is none yet");
        assert!(hint(&["word"; 15]).ends_with("word, word and more"));
    }
}
