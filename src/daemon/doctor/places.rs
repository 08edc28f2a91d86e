//! Folders of the daemon: who may enter, and how much room is left.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use rustix::fs::statvfs;

use crate::config::Settings;
use crate::daemon::{guard, state};

use super::Finding;

const OTHERS_ENTER: u32 = 0o077;
/// With less, a busy hour of records does not find room.
const LEAST_ROOM: u64 = 16 << 20;

pub(super) fn state(configured: Option<&Path>) -> Finding {
    const CHECK: &str = "state";
    let Some(folder) = state::folder(configured) else {
        return Finding::warning(
            CHECK,
            "no folder: two daemons could run at once, and a sudden end leaves no mark",
            "install the package, which makes /var/db/cloudward, or name one in `[daemon] state`",
        );
    };
    match fs::metadata(&folder) {
        Err(_) => Finding::ok(CHECK, format!("{} is made by the first start", folder.display())),
        Ok(found) => match guard::weak(&folder, &found, 0) {
            Some(why) => Finding::error(CHECK, why, format!("`sudo chmod 700 '{}'`", folder.display())),
            None => Finding::ok(CHECK, format!("{} is the daemon's alone", folder.display())),
        },
    }
}

/// Nothing is spooled without outputs.
pub(super) fn spool(settings: &Settings) -> Option<Finding> {
    const CHECK: &str = "spool";
    if settings.outputs.is_empty() {
        return None;
    }
    let (path, most) = (&settings.spool.path, settings.spool.max_bytes);
    // What is not there yet will lie where its parent does.
    let there = path.ancestors().find(|folder| folder.is_dir()).unwrap_or(Path::new("/"));
    if let (true, Ok(found)) = (there == path, fs::metadata(path)) {
        if let Some(why) = guard::weak(path, &found, 0) {
            return Some(Finding::error(CHECK, why, format!("`sudo chmod 700 '{}'`", path.display())));
        }
        if found.mode() & OTHERS_ENTER != 0 {
            let text =
                format!("{} can be read by others: records hold paths and command lines", path.display());
            return Some(Finding::warning(CHECK, text, format!("`sudo chmod 700 '{}'`", path.display())));
        }
    }
    Some(match statvfs(there) {
        Ok(disk) => room(path, disk.f_bavail.saturating_mul(disk.f_frsize), most),
        Err(error) => Finding::error(
            CHECK,
            format!("{}: {error}", there.display()),
            "name a folder on a disk that is there in `[spool] path`",
        ),
    })
}

fn room(path: &Path, free: u64, most: u64) -> Finding {
    const CHECK: &str = "spool";
    let mib = |bytes: u64| bytes >> 20;
    let path = path.display();
    let mend = "make room, or name another disk in `[spool] path`; what finds no room is counted as coverage";
    if free < LEAST_ROOM {
        return Finding::error(CHECK, format!("{path}: {} MiB left on its disk", mib(free)), mend);
    }
    if free < most {
        let text =
            format!("{path}: {} MiB left on its disk, and it may grow to {} MiB", mib(free), mib(most));
        return Finding::warning(CHECK, text, mend);
    }
    Finding::ok(
        CHECK,
        format!("{path}: {} MiB left on its disk, of which it takes {} at most", mib(free), mib(most)),
    )
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::daemon::doctor::Verdict;

    #[test]
    fn room_is_judged_by_what_the_spool_may_take() {
        let verdict = |free| room(Path::new("/spool"), free, 256 << 20).verdict;
        assert_eq!(verdict(1 << 30), Verdict::Ok);
        assert_eq!(verdict(100 << 20), Verdict::Warning);
        assert_eq!(verdict(1 << 20), Verdict::Error);
    }

    #[test]
    fn a_folder_that_others_write_is_an_error() {
        let folder = std::env::temp_dir().join(format!("cloudward-doctor-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        assert_eq!(state(Some(&folder)).verdict, Verdict::Ok);
        fs::create_dir_all(&folder).unwrap();
        for (mode, verdict) in [(0o700, Verdict::Ok), (0o777, Verdict::Error)] {
            fs::set_permissions(&folder, fs::Permissions::from_mode(mode)).unwrap();
            assert_eq!(state(Some(&folder)).verdict, verdict, "{mode:o}");
        }
        fs::remove_dir_all(&folder).unwrap();
    }
}
