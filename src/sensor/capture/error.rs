//! What can go wrong with a capture, said so that a person can mend it.

use std::io;

/// Offsets are in bytes from the start of the capture; of a compressed one, after decompression.
#[derive(thiserror::Error, Debug)]
pub enum CaptureError {
    #[error("{path}: cannot open: {source}")]
    Open { path: String, source: io::Error },
    #[error("{path}: is a directory, not a capture file")]
    Directory { path: String },
    #[error("{path}: is empty")]
    Empty { path: String },
    #[error("{path}: is not a pcap or pcapng capture: {looks}")]
    Unrecognised { path: String, looks: &'static str },
    #[error("{path}: reading failed at byte {offset}: {source}")]
    Read { path: String, offset: u64, source: io::Error },
    #[error("{path}: cut off at byte {offset}, in the middle of a record; all before it was read")]
    Cut { path: String, offset: u64 },
    /// The reader was told to end, and the file had not come to the end of a record: nothing is wrong with it.
    #[error("{path}: stopped within a record, at byte {offset}; all before it was read")]
    Stopped { path: String, offset: u64 },
    #[error(
        "{path}: the record at byte {offset} claims {length} bytes (limit {limit}); the rest cannot be read"
    )]
    TooLong { path: String, offset: u64, length: u64, limit: u64 },
    #[error("{path}: the block at byte {offset} is malformed ({what}); the rest cannot be read")]
    Malformed { path: String, offset: u64, what: &'static str },
}

/// The same without the path, as the readers inside make it.
#[derive(Debug)]
pub(super) enum Fault {
    Read { offset: u64, source: io::Error },
    Cut { offset: u64 },
    TooLong { offset: u64, length: u64, limit: u64 },
    Malformed { offset: u64, what: &'static str },
}

impl Fault {
    /// Where the file ends too early, if that is the fault.
    pub(super) fn cut_at(&self) -> Option<u64> {
        match self {
            Self::Cut { offset } => Some(*offset),
            Self::Read { offset, source } if source.kind() == io::ErrorKind::UnexpectedEof => Some(*offset),
            Self::Read { .. } | Self::TooLong { .. } | Self::Malformed { .. } => None,
        }
    }

    pub(super) fn of(self, path: &str) -> CaptureError {
        let path = path.to_owned();
        match self {
            Self::Read { offset, source } => CaptureError::Read { path, offset, source },
            Self::Cut { offset } => CaptureError::Cut { path, offset },
            Self::TooLong { offset, length, limit } => CaptureError::TooLong { path, offset, length, limit },
            Self::Malformed { offset, what } => CaptureError::Malformed { path, offset, what },
        }
    }
}
