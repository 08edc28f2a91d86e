//! Why a line was not understood.

use thiserror::Error;

use super::scan::Fault;

/// One line that is no `eslogger` message, or not a whole one. Never ends a replay.
#[derive(Error, Clone, Copy, PartialEq, Eq, Debug)]
pub enum LineError {
    #[error("no JSON object on the line")]
    NotJson,
    #[error("the line ends before its object does")]
    Cut,
    #[error("malformed JSON")]
    Malformed,
    /// Only the first could be read; taking it alone would lose the others without a word.
    #[error(
        "more than one JSON object in the line: put each on a line of its own (`jq -c .`, of an array `jq -c '.[]'`)"
    )]
    SeveralObjects,
    #[error("something stands behind the JSON object: take it away, or put it on a line of its own")]
    Trailing,
    /// The message lacks what every real one has: another program's format, or a trimmed recording.
    #[error("not an eslogger message, or a trimmed one: no `{0}`")]
    Missing(&'static str),
}

impl From<Fault> for LineError {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Ended => Self::Cut,
            Fault::Malformed => Self::Malformed,
        }
    }
}
