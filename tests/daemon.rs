//! `cloudward run` as a process, with a script in the place of the system's `eslogger`.

#[cfg(target_os = "linux")]
mod clock;
mod live;
mod logs;
mod outputs;
mod restart;
mod secrets;
mod status;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// How long anything may take before a test fails. Generous: test machines are shared.
const PATIENCE: Duration = Duration::from_secs(60);
/// What is sensitive is not the matter here, and compiling the built-in list takes a debug build its time.
const CONFIG: &str = "[builtin]\ndisable = [\"*\"]\n[sensor]\ncapture = \"off\"\n";
const LINE: &str = include_str!("daemon/exit.ndjson");

/// A folder of its own for each test, with a script called `eslogger`, and the daemon's output in files.
struct Stage {
    folder: PathBuf,
    daemon: Option<Child>,
    /// How much the daemon logs.
    level: &'static str,
    /// Where to.
    log: &'static str,
    /// As launchd does; else each start begins both anew.
    appends: bool,
    /// What it finds in its environment beside that.
    environment: Vec<(&'static str, PathBuf)>,
}

impl Stage {
    fn new(name: &str, script: &str, arguments: &[&str]) -> Self {
        let mut stage = Self::set(name, script);
        stage.start(arguments);
        stage
    }

    /// Everything but the daemon.
    fn set(name: &str, script: &str) -> Self {
        let folder =
            Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("daemon-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(folder.join("bin")).unwrap();
        let (level, log) = ("info", "log");
        let stage = Self { folder, daemon: None, level, log, appends: false, environment: Vec::new() };
        stage.write("line", LINE.as_bytes());
        stage.write("config.toml", format!("{CONFIG}{}", stage.state()).as_bytes());
        let program = stage.folder.join("bin/eslogger");
        fs::write(&program, format!("#!/bin/sh\ncd '{}'\n{script}\n", stage.folder.display())).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        stage
    }

    /// A place for the state of this stage alone, and no socket.
    fn state(&self) -> String {
        format!("[daemon]\nstate = \"{}/state\"\nsocket = \"off\"\n", self.folder.display())
    }

    /// A FIFO for packets, and the configuration that has the daemon read it.
    fn tap(&self) -> (PathBuf, String) {
        let packets = self.folder.join("packets");
        assert!(Command::new("mkfifo").arg(&packets).status().unwrap().success());
        let source = format!("[sensor]\ncapture = \"{}\"\n", packets.display());
        (packets, source)
    }

    #[cfg(target_os = "linux")]
    fn set_environment(&mut self, name: &'static str, value: PathBuf) {
        self.environment.push((name, value));
    }

    fn write(&self, name: &str, bytes: &[u8]) {
        fs::write(self.folder.join(name), bytes).unwrap();
    }

    fn start(&mut self, arguments: &[&str]) {
        let path = format!("{}:/usr/bin:/bin", self.folder.join("bin").display());
        let daemon = Command::new(env!("CARGO_BIN_EXE_cloudward"))
            .arg("run")
            .args(arguments)
            .arg("--config")
            .arg(self.folder.join("config.toml"))
            .env("PATH", path)
            .env("CLOUDWARD_LOG", self.level)
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(self.stream("records"))
            .stderr(self.stream(self.log))
            .spawn();
        self.daemon = Some(daemon.unwrap());
    }

    fn stream(&self, name: &str) -> fs::File {
        let mut options = fs::File::options();
        let options = if self.appends { options.append(true) } else { options.write(true).truncate(true) };
        options.create(true).open(self.folder.join(name)).unwrap()
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.folder.join(name)).unwrap_or_default()
    }

    #[track_caller]
    fn wait_for(&self, name: &str, text: &str) {
        let start = Instant::now();
        while !self.read(name).contains(text) {
            assert!(
                start.elapsed() < PATIENCE,
                "`{text}` never came: {}\n{}",
                self.read("records"),
                self.read("log")
            );
            thread::sleep(Duration::from_millis(10));
        }
    }

    #[track_caller]
    fn wait_for_bytes(&self, name: &str, bytes: &[u8]) {
        let start = Instant::now();
        let held =
            || fs::read(self.folder.join(name)).is_ok_and(|all| all.windows(bytes.len()).any(|w| w == bytes));
        while !held() {
            assert!(start.elapsed() < PATIENCE, "it never came into {name}\n{}", self.read("log"));
            thread::sleep(Duration::from_millis(50));
        }
    }

    fn signal(&self, name: &str) {
        let pid = self.daemon.as_ref().unwrap().id().to_string();
        assert!(Command::new("kill").args(["-s", name, &pid]).status().unwrap().success());
    }

    /// Waits for the end. What it wrote stays readable.
    #[track_caller]
    fn end(&mut self) -> ExitStatus {
        let start = Instant::now();
        loop {
            if let Some(status) = self.daemon.as_mut().unwrap().try_wait().unwrap() {
                return status;
            }
            assert!(start.elapsed() < PATIENCE, "it did not end\n{}", self.read("log"));
            thread::sleep(Duration::from_millis(10));
        }
    }

    #[track_caller]
    fn stop(&mut self) {
        self.signal("TERM");
        assert_eq!(self.end().code(), Some(0), "{}", self.read("log"));
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        if let Some(daemon) = &mut self.daemon {
            let _ = daemon.kill();
            let _ = daemon.wait();
        }
        let _ = fs::remove_dir_all(&self.folder);
    }
}

const ESLOGGER: [&str; 2] = ["--sensor", "eslogger"];

#[test]
fn hears_an_eslogger_and_stops_in_order() {
    let mut stage = Stage::new("hears", "cat line line; echo done > printed; exec sleep 600", &ESLOGGER);
    stage.wait_for("printed", "done");
    stage.stop();
    let log = stage.read("log");
    assert!(log.contains("stopped heard=2 ") && log.contains(" lost=0 faults=0"), "{log}");
    let records = stage.read("records");
    assert!(records.contains("no packets are seen"), "{records}");
    assert!(records.lines().all(|line| line.starts_with('{') && line.ends_with('}')), "{records}");
}

/// What a child inherits is what the daemon has.
#[test]
fn leaves_no_core_file() {
    let mut stage = Stage::new("core", "ulimit -H -c > cores; exec sleep 600", &ESLOGGER);
    stage.wait_for("cores", "\n");
    stage.stop();
    assert_eq!(stage.read("cores").trim(), "0");
}

#[test]
fn asks_for_the_events_it_needs() {
    let mut stage = Stage::new("asks", "echo \"$@\" > asked; exec sleep 600", &ESLOGGER);
    stage.wait_for("asked", "\n");
    stage.stop();
    assert_eq!(
        stage.read("asked").trim(),
        "exec fork exit open close create rename exchangedata unlink link clone copyfile setextattr cs_invalidated remote_thread_create mount unmount uipc_connect"
    );
}

#[test]
fn starts_a_dead_eslogger_again_and_says_what_it_missed() {
    let script = "cat line; echo life >> lives; [ $(wc -l < lives) -ge 2 ] && exec sleep 600; exit 3";
    let mut stage = Stage::new("again", script, &ESLOGGER);
    stage.wait_for("lives", "life\nlife\n");
    stage.stop();
    let records = stage.read("records");
    assert!(
        records.contains("event-loss") && records.contains("eslogger ended (exit status: 3)"),
        "{records}"
    );
    assert!(stage.read("log").contains("stopped heard=2 "), "{}", stage.read("log"));
}

/// What is not read to its end is a blind spot, and so it is told.
#[test]
fn an_output_that_stays_open_does_not_hold_up_the_stop() {
    let script = "cat line; (sleep 5; cat line) & echo done > printed; exec sleep 600";
    let mut stage = Stage::new("held-open", script, &ESLOGGER);
    stage.wait_for("printed", "done");
    stage.stop();
    let records = stage.read("records");
    assert!(records.contains("event-loss") && records.contains("may be missing"), "{records}");
    assert!(stage.read("log").contains("stopped heard=1 "), "{}", stage.read("log"));
}

#[test]
fn missing_full_disk_access_is_a_state_not_an_end() {
    let script = "echo 'ES_NEW_CLIENT_RESULT_ERR_NOT_PERMITTED' >&2; exit 1";
    let mut stage = Stage::new("permission", script, &ESLOGGER);
    stage.wait_for("records", "permission-lost");
    stage.stop();
    assert!(stage.read("log").contains("System Settings > Privacy & Security > Full Disk Access"));
}

#[test]
fn a_user_who_is_not_root_is_told_to_be() {
    let script = "echo 'ES_NEW_CLIENT_RESULT_ERR_NOT_PRIVILEGED' >&2; exit 1";
    let mut stage = Stage::new("privilege", script, &ESLOGGER);
    assert_eq!(stage.end().code(), Some(1));
    let log = stage.read("log");
    assert!(log.contains("does not run as root") && log.contains("sudo"), "{log}");
}

#[test]
fn a_line_that_is_not_understood_is_counted() {
    let mut stage =
        Stage::new("garbage", "echo '{\"x\":1}'; cat line; echo > printed; exec sleep 600", &ESLOGGER);
    stage.wait_for("printed", "\n");
    stage.stop();
    let log = stage.read("log");
    assert!(log.contains("line 1 was not understood") && log.contains(" lost=1 faults=1"), "{log}");
    assert!(stage.read("records").contains("event-loss"));
}

/// Its log lies on the disk that is full, and that it has to tell of.
#[cfg(target_os = "linux")]
#[test]
fn a_log_that_takes_nothing_stops_nobody() {
    let mut stage = Stage::set("no-log", "echo '{\"x\":1}'; cat line; echo > printed; exec sleep 600");
    stage.log = "/dev/full";
    stage.start(&ESLOGGER);
    stage.wait_for("printed", "\n");
    stage.stop();
    assert!(stage.read("records").contains("event-loss"), "{}", stage.read("records"));
}

#[test]
fn a_hangup_reads_the_configuration_again() {
    let mut stage = Stage::new("reload", "echo > printed; exec sleep 600", &ESLOGGER);
    stage.wait_for("printed", "\n");
    stage.signal("HUP");
    stage.wait_for("log", "SIGHUP: the configuration was read again");
    stage.stop();
}

#[test]
fn a_second_daemon_is_refused() {
    let mut stage = Stage::new("second", "echo > printed; exec sleep 600", &ESLOGGER);
    stage.wait_for("printed", "\n");
    let second = Command::new(env!("CARGO_BIN_EXE_cloudward"))
        .args(["run", "--sensor", "eslogger", "--config"])
        .arg(stage.folder.join("config.toml"))
        .output()
        .unwrap();
    assert_eq!(second.status.code(), Some(1));
    let said = String::from_utf8_lossy(&second.stderr);
    assert!(said.contains("runs already on this machine"), "{said}");
    stage.stop();
}

#[test]
fn m48_a_daemon_that_was_killed_says_so_when_it_runs_again() {
    let mut stage = Stage::new("killed", "echo > printed; exec sleep 600", &ESLOGGER);
    stage.wait_for("printed", "\n");
    stage.signal("KILL");
    assert_eq!(stage.end().code(), None);
    stage.start(&ESLOGGER);
    stage.wait_for("records", r#""kind":"gap""#);
    stage.stop();
    let _ = fs::remove_file(stage.folder.join("printed"));
    stage.start(&ESLOGGER);
    stage.wait_for("printed", "\n");
    stage.wait_for("records", "cloudward was stopped and has been started again");
    stage.stop();
    assert!(!stage.read("records").contains("without being asked to"), "it had ended in order");
}

#[test]
fn a_configuration_that_others_can_write_is_refused() {
    let mut stage = Stage::set("weak", "exec sleep 600");
    let config = stage.folder.join("config.toml");
    fs::set_permissions(&config, fs::Permissions::from_mode(0o666)).unwrap();
    stage.start(&ESLOGGER);
    assert_eq!(stage.end().code(), Some(2));
    assert!(stage.read("log").contains("chmod go-w"), "{}", stage.read("log"));
}

#[cfg(not(target_os = "macos"))]
#[test]
fn without_endpoint_security_it_says_so_and_what_to_do() {
    let mut stage = Stage::new("client", "exit 9", &["--sensor", "endpoint-security"]);
    assert_eq!(stage.end().code(), Some(1));
    assert!(stage.read("log").contains("run with `--sensor eslogger`"), "{}", stage.read("log"));
    assert_eq!(stage.read("records"), "");
}

/// What keeps it from starting is no end that nobody asked for; what an earlier run left stays as it was.
#[cfg(not(target_os = "macos"))]
#[test]
fn a_refused_start_leaves_no_gap_and_loses_none() {
    const CLIENT: [&str; 2] = ["--sensor", "endpoint-security"];
    let refused = |stage: &mut Stage, arguments: &[&str]| {
        stage.start(arguments);
        assert_eq!(stage.end().code(), Some(1), "{}", stage.read("log"));
        let told = stage.read("records") + &stage.read("log");
        assert!(!told.contains("nothing was watched") && !told.contains("known again"), "{told}");
    };
    let script = "[ -e may ] || { echo ES_NEW_CLIENT_RESULT_ERR_NOT_PRIVILEGED >&2; exit 1; }\n\
                  echo > printed; exec sleep 600";
    let mut stage = Stage::set("refused", script);
    for arguments in [CLIENT, CLIENT, ESLOGGER, ESLOGGER] {
        refused(&mut stage, &arguments);
    }
    stage.write("may", b"");
    stage.start(&ESLOGGER);
    stage.wait_for("printed", "\n");
    stage.signal("KILL");
    assert_eq!(stage.end().code(), None);
    assert!(!stage.read("records").contains("gap"), "{}", stage.read("records"));
    let left = stage.read("state/alive");
    refused(&mut stage, &CLIENT);
    assert_eq!(stage.read("state/alive"), left);
    stage.start(&ESLOGGER);
    stage.wait_for("records", "without being asked to");
    stage.stop();
    assert!(stage.read("records").contains(left.trim()), "{left}: {}", stage.read("records"));
}

#[cfg(not(target_os = "macos"))]
#[test]
fn auto_turns_to_eslogger() {
    let mut stage = Stage::new("auto", "echo > printed; exec sleep 600", &[]);
    stage.wait_for("printed", "\n");
    stage.stop();
    assert!(stage.read("log").contains("using the system's `eslogger` instead"));
}
