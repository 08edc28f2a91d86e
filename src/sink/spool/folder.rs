//! Files of our own: nobody else's to read, and never through a link that somebody laid.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

/// Makes the folder if it is not there, and makes sure that it is ours alone. Fails where it cannot be made, is no folder,
/// or is another user's.
pub fn prepare(path: &Path) -> io::Result<()> {
    if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        DirBuilder::new().recursive(true).mode(0o755).create(parent)?;
    }
    match DirBuilder::new().mode(0o700).create(path) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    let found = fs::symlink_metadata(path)?;
    if !found.is_dir() {
        return Err(io::Error::other(format!("{} is no folder (a link is not followed)", path.display())));
    }
    if found.mode() & 0o077 != 0 {
        fs::set_permissions(path, Permissions::from_mode(0o700))?;
    }
    let probe = path.join("probe");
    let owner = create_over(&probe)?.metadata()?.uid();
    let _ = fs::remove_file(&probe);
    if owner != found.uid() {
        return Err(io::Error::other(format!("{} belongs to another user", path.display())));
    }
    Ok(())
}

/// A new file; an error if the name is taken.
pub fn create_new(path: &Path) -> io::Result<File> {
    options().read(true).write(true).create_new(true).open(path)
}

/// A file that is empty now.
pub fn create_over(path: &Path) -> io::Result<File> {
    options().write(true).create(true).truncate(true).open(path)
}

/// For reading; a link is not followed.
pub fn open(path: &Path) -> io::Result<File> {
    options().read(true).open(path)
}

fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.mode(0o600).custom_flags(libc::O_NOFOLLOW);
    options
}

/// A name that was made or taken away is on disk only when its folder is.
pub fn sync(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}
