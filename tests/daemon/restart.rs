//! Read, end of the daemon, start of the daemon, upload: what was known is known again.

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use super::live::{alerts, retimed};
use super::{PATIENCE, Stage};

const KEPT: &str = "state/engine.state";

/// A pipe of `zip` and `curl` that has read the keys and not sent them yet.
fn having_read(name: &str) -> Stage {
    let mut stage = Stage::set(name, "cat events; echo > printed; exec sleep 600");
    let (events, _) = retimed("curl-dropbox", 0);
    // All up to the end of `curl`.
    let lines: String = events.split_inclusive('\n').take(33).collect();
    assert!(lines.contains("cert.pem"));
    stage.write("events", lines.as_bytes());
    let (_, source) = stage.tap();
    stage.write("config.toml", format!("{source}{}", stage.state()).as_bytes());
    stage.start(&["--sensor", "eslogger"]);
    stage.wait_for("printed", "\n");
    stage.wait_for_bytes(KEPT, b"id_ed25519");
    stage
}

/// The daemon once more, with nothing to hear but the packets of the upload.
fn sends(stage: &mut Stage) {
    sends_to(stage, &["--sensor", "eslogger"]);
}

fn sends_to(stage: &mut Stage, arguments: &[&str]) {
    stage.write("events", b"");
    let packets = stage.folder.join("packets");
    stage.start(arguments);
    let writer = thread::spawn(move || {
        // Opens once the daemon reads, however long its start took.
        let mut packets = fs::OpenOptions::new().write(true).open(packets).unwrap();
        // Later than the gap, whatever part of a second this is.
        packets.write_all(&retimed("curl-dropbox", 2).1).unwrap();
    });
    stage.wait_for("log", "its writer ended");
    writer.join().unwrap();
}

fn one_alert(stage: &Stage) -> String {
    let records = stage.read("records");
    let alerts = alerts(&records);
    assert_eq!(alerts.len(), 1, "{records}\n{}", stage.read("log"));
    alerts.into_iter().next().unwrap()
}

#[test]
fn s11_killed_between_read_and_upload() {
    let mut stage = having_read("restart-kill");
    stage.signal("KILL");
    assert_eq!(stage.end().code(), None);
    sends(&mut stage);
    stage.stop();
    let alert = one_alert(&stage);
    let degraded = alert.split_once(r#""degraded":["#).and_then(|(_, rest)| rest.split_once(']')).unwrap().0;
    assert!(alert.contains("/Users/alice/.ssh/id_rsa") && degraded.contains("\"gap\""), "{alert}");
    assert!(stage.read("records").contains("without being asked to"));
    assert!(stage.read("log").contains("is known again"), "{}", stage.read("log"));
}

#[test]
fn s11_stopped_between_read_and_upload() {
    let mut stage = having_read("restart-term");
    stage.stop();
    assert!(alerts(&stage.read("records")).is_empty());
    sends(&mut stage);
    stage.stop();
    assert!(one_alert(&stage).contains("/Users/alice/.ssh/id_rsa"));
    assert!(stage.read("records").contains("was stopped and has been started again"));
}

/// What cannot be used is said and set aside, and the daemon runs.
#[test]
fn a_state_that_cannot_be_used_does_not_stop_the_start() {
    let mut stage = having_read("restart-torn");
    stage.stop();
    let path = stage.folder.join(KEPT);
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let mut bytes = fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&path, bytes).unwrap();
    sends(&mut stage);
    stage.stop();
    let log = stage.read("log");
    assert!(log.contains("cannot be used: it is torn") && log.contains("set aside"), "{log}");
    assert!(stage.folder.join("state/engine.state.unusable").exists());
    assert!(alerts(&stage.read("records")).is_empty(), "it knows of no read");
}

/// A wrong configuration came to a Mac that then started anew. What was in force before is in force again, and that is told.
#[test]
fn a_wrong_configuration_keeps_no_mac_from_being_watched() {
    let mut stage = having_read("restart-wrong");
    stage.stop();
    stage.write("config.toml", format!("[windw]\ndefault = \"5m\"\n{}", stage.state()).as_bytes());
    stage.start(&["--sensor", "eslogger"]);
    assert_eq!(stage.end().code(), Some(2), "unless it is asked to");
    let log = stage.read("log");
    assert!(log.contains("the configuration is wrong") && log.contains("did you mean `window`?"), "{log}");
    sends_to(&mut stage, &["--sensor", "eslogger", "--last-good"]);
    stage.stop();
    assert!(one_alert(&stage).contains("/Users/alice/.ssh/id_rsa"));
    let (records, log) = (stage.read("records"), stage.read("log"));
    assert!(records.contains("config-rejected") && records.contains("config.toml:1:2: error: "), "{records}");
    assert!(records.contains("unknown key `windw`"), "{records}");
    assert!(log.contains("the last good one stays in force") && log.contains("`windw`"), "{log}");
}

/// Where none was in force yet there is none to start with.
#[test]
fn a_first_configuration_that_is_wrong_is_refused() {
    let mut stage = Stage::set("first-wrong", "exec sleep 600");
    stage.write("config.toml", format!("[windw]\n{}", stage.state()).as_bytes());
    stage.start(&["--sensor", "eslogger", "--last-good"]);
    assert_eq!(stage.end().code(), Some(2));
}

/// Nobody ends the `eslogger` of a daemon that was killed: it ends by itself with the next line that nobody reads.
#[test]
fn the_eslogger_of_a_killed_daemon_ends() {
    let script = "echo $$ > child; cat line; echo > printed; while :; do cat line || exit; sleep 0.1; done";
    let mut stage = Stage::new("restart-orphan", script, &["--sensor", "eslogger"]);
    stage.wait_for("printed", "\n");
    let child = stage.read("child").trim().to_owned();
    let lives = || Command::new("kill").args(["-0", &child]).status().unwrap().success();
    assert!(lives());
    stage.signal("KILL");
    stage.end();
    let since = Instant::now();
    while lives() {
        assert!(since.elapsed() < PATIENCE, "it lives on");
        thread::sleep(Duration::from_millis(50));
    }
}
