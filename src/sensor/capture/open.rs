//! From a path to plain bytes: opening, decompression, and a look at what it is.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use super::error::CaptureError;
use crate::sensor::compressed;

/// Opens a file or a FIFO, which messages call `name`.
pub(super) fn open(path: &Path, name: &str) -> Result<File, CaptureError> {
    let failed = |source| CaptureError::Open { path: name.to_owned(), source };
    let file = File::open(path).map_err(failed)?;
    match file.metadata().map_err(failed)?.is_dir() {
        true => Err(CaptureError::Directory { path: name.to_owned() }),
        false => Ok(file),
    }
}

/// Undoes gzip (RFC 1952) or zstd (RFC 8878) if the first bytes say so.
pub(super) fn plain(raw: Box<dyn Read + Send>) -> io::Result<Box<dyn Read + Send>> {
    compressed::detect(raw).map(|(_, plain)| plain)
}

/// What a stream that is no capture seems to be.
pub(super) fn looks_like(head: &[u8]) -> &'static str {
    if let Some(how) = compressed::otherwise(head) {
        return how;
    }
    let text = head.iter().all(|byte| matches!(byte, b'\t' | b'\n' | b'\r' | 0x20..=0x7e));
    match head {
        [b'P', b'K', 3 | 5 | 7, ..] => "it looks like a zip archive",
        [0x7f, b'E', b'L', b'F', ..] | [0xcf, 0xfa, 0xed, 0xfe, ..] | [0xca, 0xfe, 0xba, 0xbe, ..] => {
            "it is an executable"
        }
        [b's', b'n', b'o', b'o', b'p', 0, ..] => "it is a snoop capture, which is not read",
        [b'b', b'p', b'l', b'i', b's', b't', ..] => "it is a property list",
        [b'{', ..] | [b'[', b'{' | b'\n', ..] => "it looks like JSON; event recordings go to --events",
        _ if text => "it looks like text",
        _ => "its first bytes are unknown",
    }
}
