//! Who runs, and what time it is.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime};

use crate::config::{Settings, Socket};
use crate::daemon::status::{AskError, DEFAULT_SOCKET, Status, ask};
use crate::daemon::{guard, state};

use super::Finding;

const LAUNCHCTL: &str = "/bin/launchctl";
const JOB: &str = "system/com.cloudward.daemon";
const PLIST: &str = "/Library/LaunchDaemons/com.cloudward.daemon.plist";
const SYSTEMSETUP: &str = "/usr/sbin/systemsetup";
/// Between two clocks of one disk; more is no drift.
const DRIFT: Duration = Duration::from_secs(60);

pub(super) fn root() -> Finding {
    const CHECK: &str = "root";
    match rustix::process::geteuid().as_raw() {
        0 => Finding::ok(CHECK, "runs as root, as the daemon does"),
        user => Finding::warning(
            CHECK,
            format!("runs as user {user}: what only root can try cannot be told"),
            "`sudo cloudward doctor`; the daemon itself is started by launchd, as root",
        ),
    }
}

/// Windows and certificates are judged by it.
pub(super) fn clock(configured_state: Option<&Path>) -> Finding {
    const CHECK: &str = "clock";
    let mend = "`sudo systemsetup -setusingnetworktime on`, or set the date";
    let own = std::env::current_exe().ok();
    let mark = state::folder(configured_state).map(|folder| folder.join(state::ALIVE));
    let now = SystemTime::now();
    for path in own.into_iter().chain(mark) {
        let ahead = fs::metadata(&path).and_then(|found| found.modified()).ok();
        let ahead = ahead.and_then(|written| written.duration_since(now).ok()).filter(|ahead| *ahead > DRIFT);
        if let Some(ahead) = ahead {
            let text = format!("is behind: {} was written {} s from now", path.display(), ahead.as_secs());
            return Finding::error(CHECK, text, mend);
        }
    }
    match output(SYSTEMSETUP, &["-getusingnetworktime"]) {
        Some((_, text)) if text.contains("Network Time: Off") => {
            Finding::warning(CHECK, "is not kept by network time", mend)
        }
        Some((_, text)) if text.contains("Network Time: On") => Finding::ok(CHECK, "is kept by network time"),
        _ => Finding::ok(CHECK, "plausible; whether network time keeps it cannot be told here"),
    }
}

/// Whether the daemon runs, and is well.
pub(super) fn daemon(settings: &Settings) -> Finding {
    const CHECK: &str = "daemon";
    let socket = match &settings.socket {
        Socket::Off => {
            return Finding::warning(
                CHECK,
                "`[daemon] socket` is off: whether it runs cannot be asked",
                "take the setting away",
            );
        }
        Socket::At(path) => path.clone(),
        Socket::Auto => PathBuf::from(DEFAULT_SOCKET),
    };
    match ask(&socket) {
        Ok(status) => judge(&status),
        Err(AskError::NotRunning(_)) => {
            match state::folder(settings.state.as_deref()).filter(|at| state::is_taken(at)) {
                Some(folder) => Finding::error(
                    CHECK,
                    format!(
                        "another instance holds {}, and does not answer at {}",
                        folder.display(),
                        socket.display()
                    ),
                    format!("`sudo launchctl kickstart -k {JOB}` starts an installed one anew"),
                ),
                None => Finding::warning(
                    CHECK,
                    "none runs: nothing is watched",
                    format!("`sudo launchctl kickstart {JOB}` starts an installed one"),
                ),
            }
        }
        Err(error) => Finding::warning(CHECK, error.to_string(), "`sudo cloudward doctor`"),
    }
}

fn judge(status: &Status) -> Finding {
    const CHECK: &str = "daemon";
    let who = format!("{} runs as process {} since {}", status.version, status.pid, status.started);
    if let Some(sensor) = status.sensors.iter().find(|sensor| !sensor.well) {
        let text = format!("{who}; {}: {}", sensor.name, sensor.state);
        return Finding::warning(CHECK, text, "see the other lines; `sudo cloudward status` shows it all");
    }
    if status.version != env!("CARGO_PKG_VERSION") {
        let text = format!("{who}, this program is {}", env!("CARGO_PKG_VERSION"));
        return Finding::warning(CHECK, text, format!("`sudo launchctl kickstart -k {JOB}`"));
    }
    Finding::ok(CHECK, format!("{who}; its sensors are well"))
}

pub(super) fn launchd() -> Finding {
    const CHECK: &str = "launchd";
    let plist = fs::metadata(PLIST);
    let Some((loaded, _)) = output(LAUNCHCTL, &["print", JOB]) else {
        return Finding::warning(
            CHECK,
            "does not apply: this system has no launchd",
            "on a Mac the package loads the daemon; elsewhere start `cloudward run` by what the system has",
        );
    };
    match (loaded, plist) {
        (_, Ok(plist)) if guard::weak(Path::new(PLIST), &plist, 0).is_some() => Finding::error(
            CHECK,
            format!("{PLIST} is not root's alone: launchd refuses it"),
            format!("`sudo chown root:wheel {PLIST} && sudo chmod 644 {PLIST}`"),
        ),
        (true, Ok(_)) => Finding::ok(CHECK, format!("{JOB} is loaded")),
        (true, Err(_)) => Finding::warning(
            CHECK,
            format!("{JOB} is loaded, but {PLIST} is gone: it ends with the next restart"),
            "install the package again",
        ),
        (false, Ok(_)) => Finding::error(
            CHECK,
            format!("{JOB} is installed, but not loaded"),
            format!("`sudo launchctl bootstrap system {PLIST}`"),
        ),
        (false, Err(_)) => Finding::warning(CHECK, "not installed", "install the package"),
    }
}

/// Whether it ended well, and what it printed; nothing where there is no such program.
fn output(program: &str, arguments: &[&str]) -> Option<(bool, String)> {
    let mut command = Command::new(program);
    let output = command.args(arguments).stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
    Some((output.status.success(), String::from_utf8_lossy(&output.stdout).into_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::daemon::doctor::Verdict;
    use crate::daemon::status::Sensor;

    #[test]
    fn a_daemon_is_well_if_its_sensors_are() {
        let status = |version: &str, well| Status {
            version: version.to_owned(),
            sensors: vec![Sensor { name: "packets".to_owned(), well, ..Sensor::default() }],
            ..Status::default()
        };
        let own = env!("CARGO_PKG_VERSION");
        assert_eq!(judge(&status(own, true)).verdict, Verdict::Ok);
        assert_eq!(judge(&status(own, false)).verdict, Verdict::Warning);
        assert_eq!(judge(&status("0.0.0", true)).verdict, Verdict::Warning);
    }
}
