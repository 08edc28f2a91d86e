//! Whoever can write the configuration can switch detection off: it must be root's, or of whoever runs the daemon. And
//! whoever can read its memory reads what it watches over.

use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use rustix::process::{Resource, Rlimit, setrlimit};

const OTHERS_WRITE: u32 = 0o022;
/// In such a folder nobody can replace another's files.
const STICKY: u32 = 0o1000;

/// Memory holds names of files, arguments and records before they are redacted: a crash must not write it to disk, nor
/// one of a child's.
pub(super) fn leave_no_core_file() {
    if let Err(error) = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) }) {
        tracing::warn!("core files cannot be switched off: {error}");
    }
}

/// Why this file must not be trusted, with the mend. A file that cannot be looked at is for its reader to complain of.
pub(super) fn distrust(file: &Path) -> Option<String> {
    // What it is in the end, wherever links lead.
    let file = fs::canonicalize(file).ok()?;
    let metadata = fs::metadata(&file).ok()?;
    if let Some(why) = weak(&file, &metadata, 0) {
        return Some(why);
    }
    let folder = file.parent()?;
    weak(folder, &fs::metadata(folder).ok()?, STICKY)
}

/// The same of one file or folder. `unless`: a bit of the mode that makes up for it, or 0.
pub(super) fn weak(path: &Path, metadata: &Metadata, unless: u32) -> Option<String> {
    let (mode, path) = (metadata.mode(), path.display());
    if mode & OTHERS_WRITE != 0 && mode & unless == 0 {
        let mode = mode & 0o7777;
        return Some(format!(
            "{path} can be written by others than its owner (mode {mode:o}), who could switch detection off: \
             `sudo chmod go-w '{path}'`"
        ));
    }
    let owner = metadata.uid();
    let own = rustix::process::geteuid().as_raw();
    (owner != 0 && owner != own).then(|| {
        format!("{path} belongs to user {owner}, who could switch detection off: `sudo chown root '{path}'`")
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn what_others_can_write_is_not_trusted() {
        let folder = std::env::temp_dir().join(format!("cloudward-guard-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        let file = folder.join("policy.toml");
        fs::write(&file, "").unwrap();
        let set = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        set(&folder, 0o755);
        for (mode, trusted) in [(0o600, true), (0o644, true), (0o664, false), (0o646, false)] {
            set(&file, mode);
            assert_eq!(distrust(&file).is_none(), trusted, "{mode:o}");
        }
        set(&file, 0o644);
        for (mode, trusted) in [(0o777, false), (0o1777, true), (0o775, false), (0o755, true)] {
            set(&folder, mode);
            assert_eq!(distrust(&file).is_none(), trusted, "{mode:o}");
        }
        let link = folder.join("link.toml");
        std::os::unix::fs::symlink(&file, &link).unwrap();
        set(&file, 0o666);
        assert!(distrust(&link).is_some_and(|why| why.contains("policy.toml")));
        assert_eq!(distrust(&folder.join("missing.toml")), None);
        fs::remove_dir_all(&folder).unwrap();
    }
}
