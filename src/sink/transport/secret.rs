//! Secrets are read from files when they are needed, and never shown.

use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use super::Failure;

/// No token is longer.
const LONGEST: u64 = 64 << 10;

/// A secret; its `Debug` is none.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

impl Secret {
    /// The content of a file without the white space around it.
    pub fn read(path: &Path) -> Result<Self, Failure> {
        let mut text = String::new();
        let read = File::open(path).and_then(|file| file.take(LONGEST).read_to_string(&mut text));
        let wrong = |what: &dyn fmt::Display| Failure::new(format!("{}: {what}", path.display()));
        read.map_err(|error| wrong(&error))?;
        let secret = text.trim();
        if secret.is_empty() || secret.contains(|c: char| c.is_control()) {
            return Err(wrong(&"holds no secret on one line"));
        }
        Ok(Self(secret.to_owned()))
    }

    pub fn expose(&self) -> &str {
        &self.0
    }
}
