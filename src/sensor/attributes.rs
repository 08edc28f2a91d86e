//! Extended attributes as places for data, whichever sensor saw one set.

use crate::model::{File, FilePath, What};
use crate::policy::RESOURCE_FORK;

/// Those that macOS keeps for itself (quarantine, tags, where from) hold nothing of what a program read, and are nearly all
/// that are set; but for this one, a fork of the file by another name.
const OF_MACOS: &[u8] = b"com.apple.";
const FORK: &[u8] = b"com.apple.ResourceFork";

/// Can data be put into the attribute of this name?
pub fn may_hold(name: &[u8]) -> bool {
    !name.starts_with(OF_MACOS) || name == FORK
}

/// What is put into an attribute of a file is told of as put into its resource fork, which is one.
pub fn put_into(file: File) -> What {
    let path = FilePath::new(&[file.path.as_bytes(), RESOURCE_FORK].concat());
    What::Written { file: File { path, ..file } }
}
