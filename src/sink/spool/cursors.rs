//! How far each output is, kept over restarts. A cursor that is behind costs duplicates, never a record.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read, Write};
use std::path::Path;

use super::folder;

const FILE: &str = "cursors.json";
/// The names of some hundred outputs.
const LONGEST: u64 = 1 << 20;

/// By output name, the number of the first record it may not have.
pub type Cursors = BTreeMap<String, u64>;

/// Nothing readable is nothing passed: everything in the spool is sent again.
pub fn load(path: &Path) -> Cursors {
    let mut bytes = Vec::new();
    let read = folder::open(&path.join(FILE)).and_then(|file| file.take(LONGEST).read_to_end(&mut bytes));
    match read {
        Ok(_) => serde_json::from_slice(&bytes).unwrap_or_default(),
        Err(_) => Cursors::new(),
    }
}

/// Aside, synced, renamed: the file is the old one or the new one.
pub fn save(path: &Path, cursors: &Cursors) -> io::Result<()> {
    let aside = path.join("cursors.new");
    let mut file = folder::create_over(&aside)?;
    file.write_all(&serde_json::to_vec(cursors)?)?;
    file.sync_data()?;
    fs::rename(&aside, path.join(FILE))
}
