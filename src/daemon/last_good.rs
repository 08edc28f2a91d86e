//! The configuration that was in force last, kept beside the state: a wrong one must not keep a Mac from being watched when
//! it starts anew.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::config::{Origin, Source};

use super::guard;

const FILE: &str = "config.good";
/// More bytes than this no configuration has.
const MAX_BYTES: u64 = 64 << 20;

/// One source of it. The built-in one goes with the program.
#[derive(Serialize, Deserialize)]
struct Kept {
    /// Forced by a profile; else from a file.
    managed: bool,
    name: String,
    text: String,
}

/// Keeps these sources for the next start. What cannot be written is said in the log: detection does not depend on it.
pub(super) fn keep(folder: &Path, sources: &[Source]) {
    if let Err(error) = write(folder, sources) {
        tracing::warn!("{} cannot be written: {error}", folder.join(FILE).display());
    }
}

fn write(folder: &Path, sources: &[Source]) -> io::Result<()> {
    let kept = |source: &Source| Kept {
        managed: source.origin == Origin::Managed,
        name: source.name.to_string(),
        text: source.text.clone(),
    };
    let kept = serde_json::to_vec(&sources.iter().map(kept).collect::<Vec<_>>())?;
    let new = folder.join("config.good.new");
    let mut file = OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(&new)?;
    file.write_all(&kept)?;
    file.sync_all()?;
    fs::rename(&new, folder.join(FILE))
}

/// The sources that were kept, if there are any that can be read and that nobody else could have written.
pub(super) fn recall(folder: &Path) -> Option<Vec<Source>> {
    let path = folder.join(FILE);
    if let Some(why) = guard::distrust(&path) {
        tracing::error!("{why}");
        return None;
    }
    let mut kept = Vec::new();
    File::open(&path).ok()?.take(MAX_BYTES).read_to_end(&mut kept).ok()?;
    match serde_json::from_slice::<Vec<Kept>>(&kept) {
        Ok(kept) => Some(kept.into_iter().map(Kept::source).collect()),
        Err(error) => {
            tracing::error!("{} is damaged: {error}", path.display());
            None
        }
    }
}

impl Kept {
    fn source(self) -> Source {
        let origin = if self.managed { Origin::Managed } else { Origin::File };
        Source::new(origin, &self.name, self.text)
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::daemon::testing::Folder;

    #[test]
    fn what_was_kept_is_recalled_unless_others_could_write_it() {
        let folder = Folder::new("last-good");
        fs::create_dir(&folder.0).unwrap();
        assert_eq!(recall(&folder.0), None);
        let sources = [
            Source::new(Origin::File, "/etc/a.toml", "[window]\ndefault = \"5m\"\n"),
            Source::new(Origin::Managed, "managed preferences", "x = 1\n"),
        ];
        keep(&folder.0, &sources[..1]);
        keep(&folder.0, &sources);
        assert_eq!(recall(&folder.0).as_deref(), Some(&sources[..]));
        let file = folder.0.join(FILE);
        let mode = |mode| fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        mode(0o622);
        assert_eq!(recall(&folder.0), None);
        mode(0o600);
        fs::write(&file, b"[{\"managed\":true").unwrap();
        assert_eq!(recall(&folder.0), None);
    }
}
