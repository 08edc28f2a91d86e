//! Records on disk until every output has them.
//!
//! One append-only log for all outputs, in segments; each output has a cursor into it. A batch of records is one write
//! and one `fsync`, then it counts as raised. A record leaves when all cursors have passed it: a segment without such
//! records is deleted.
//!
//! ```text
//!  raise ─► [segment][segment][segment ◄─ append, fsync]
//!                ▲          ▲
//!           cursor "siem"   cursor "archive"        cursors.json: written aside, synced, renamed
//! ```
//!
//! * A start never appends to an old segment, so a torn tail stays where it is and is skipped over.
//! * What cannot be written to disk is kept in memory ([`MEMORY`]), said, and written as soon as the disk takes it.
//! * Over its limits the spool gives up the least severe first, among equals the oldest, and counts what it gave up.

mod compact;
mod cursors;
mod entry;
pub mod folder;
pub mod frame;
mod index;
mod pressure;
mod segment;
mod shared;
#[cfg(test)]
mod tests;
mod writer;

use std::path::PathBuf;

use crate::model::{Span, Timestamp};

pub use entry::{Draft, Entry, Head, Kind};
pub use shared::{Backlog, Shared, Taken};
pub use writer::{Opened, Writer};

/// Bytes of records that wait in memory while the disk does not take them.
pub const MEMORY: usize = 16 << 20;
/// A segment is closed when it is at least this long.
const SEGMENT: u64 = 8 << 20;

/// `[spool]`
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Options {
    /// The folder; made if it is not there.
    pub path: PathBuf,
    /// Bytes on disk.
    pub max_bytes: u64,
    /// How long a record waits for an output before it is given up.
    pub max_age: Span,
}

/// Something that the spool could not do, to be told as a coverage record.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Loss {
    pub kind: LossKind,
    pub start: Timestamp,
    pub end: Timestamp,
    /// Records, or for [`LossKind::Failing`] the records that are in memory only.
    pub count: u64,
    pub text: String,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LossKind {
    /// Records that an output will never get.
    Dropped,
    /// The disk does not take records: a sudden end would lose them.
    Failing,
}

/// Door to the reader of segments, for the fuzzer alone (`fuzz/`).
#[cfg(fuzzing)]
pub fn fuzz(segment: &[u8]) {
    let (mut told, mut again) = (0, Vec::new());
    let damaged = frame::scan(segment, |_, length, entry: Entry| {
        told += length as usize;
        // What was read can be written: the spool moves entries from memory to disk.
        assert!(frame::encode(&entry, &mut again));
    });
    assert_eq!(told + damaged, segment.len());
}
