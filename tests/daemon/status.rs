//! Asking the daemon how it is, and changing its configuration while it runs.

use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::process::{Command, Output};

use serde_json::Value;

use super::*;

fn config(stage: &Stage, more: &str) -> String {
    let socket = format!("socket = \"{}\"", stage.folder.join("run/c.sock").display());
    format!("{CONFIG}{}{more}", stage.state().replace("socket = \"off\"", &socket))
}

fn running(name: &str) -> Stage {
    let mut stage = Stage::set(name, "cat line line; echo > printed; exec sleep 600");
    stage.write("config.toml", config(&stage, "").as_bytes());
    stage.start(&ESLOGGER);
    stage.wait_for("log", "`cloudward status` is answered at");
    stage.wait_for("printed", "\n");
    stage
}

fn status(stage: &Stage, arguments: &[&str]) -> Output {
    let socket = stage.folder.join("run/c.sock");
    let mut command = Command::new(env!("CARGO_BIN_EXE_cloudward"));
    command.arg("status").arg("--socket").arg(socket).args(arguments).output().unwrap()
}

/// Asks until the answer is as wanted: figures are published several times a second.
#[track_caller]
fn until(stage: &Stage, wanted: impl Fn(&Value) -> bool) -> Value {
    let start = Instant::now();
    loop {
        let said = status(stage, &["--json"]);
        assert_eq!(said.status.code(), Some(0), "{}", String::from_utf8_lossy(&said.stderr));
        let value: Value = serde_json::from_slice(&said.stdout).unwrap();
        if wanted(&value) {
            return value;
        }
        assert!(start.elapsed() < PATIENCE, "{value:#}");
        thread::sleep(Duration::from_millis(50));
    }
}

fn total(status: &Value, name: &str) -> Option<u64> {
    let totals = status["totals"].as_array()?;
    totals.iter().find(|total| total["name"] == name)?["count"].as_u64()
}

#[test]
fn a_doctor_sees_the_daemon_that_runs() {
    let mut stage = running("doctor");
    let mut doctor = Command::new(env!("CARGO_BIN_EXE_cloudward"));
    let said = doctor
        .arg("doctor")
        .args(["--json", "--config"])
        .arg(stage.folder.join("config.toml"))
        .output()
        .unwrap();
    let value: Value = serde_json::from_slice(&said.stdout).unwrap();
    let check =
        |name: &str| value["checks"].as_array().unwrap().iter().find(|one| one["check"] == name).unwrap();
    let text = check("daemon")["text"].as_str().unwrap();
    assert!(text.contains("runs as process"), "{text}");
    assert_eq!(
        (check("configuration")["verdict"].as_str(), check("state")["verdict"].as_str()),
        (Some("ok"), Some("ok"))
    );
    // No [[output]]: what launchd writes grows for ever.
    let text = check("receivers")["text"].as_str().unwrap();
    assert!(text.contains("records stay on this Mac") && text.contains("[[output]]"), "{text}");
    for one in value["checks"].as_array().unwrap() {
        assert_eq!(one["mend"].is_string(), one["verdict"] != "ok", "{one}");
    }
    // Here no Endpoint Security is, and no launchd.
    assert_eq!((said.status.code(), value["verdict"].as_str()), (Some(1), Some("warning")));
    stage.stop();
}

#[test]
fn a_running_daemon_says_how_it_is() {
    let mut stage = running("status");
    let folder = fs::metadata(stage.folder.join("run")).unwrap().permissions().mode();
    let socket = fs::metadata(stage.folder.join("run/c.sock")).unwrap().permissions().mode();
    assert_eq!((folder & 0o777, socket & 0o777), (0o700, 0o600));
    let said = until(&stage, |status| total(status, "events") == Some(2));
    assert_eq!(said["sensors"][0]["name"], "eslogger");
    assert_eq!(said["sensors"][0]["heard"], 2);
    assert_eq!(said["sensors"][1]["well"], false, "the tap is off: {said:#}");
    assert!(
        said["tables"]
            .as_array()
            .unwrap()
            .iter()
            .any(|table| table["name"] == "processes" && table["limit"] == 65_536)
    );
    let hash = said["configuration"]["hash"].as_str().unwrap();
    let values = said["configuration"]["values"].as_array().unwrap();
    let capture = values.iter().find(|value| value["key"] == "sensor.capture").unwrap();
    assert!(
        capture["builtin"] == false && capture["origin"].as_str().unwrap().ends_with("config.toml:4:11"),
        "{capture}"
    );
    let text = String::from_utf8(status(&stage, &[]).stdout).unwrap();
    assert!(text.contains("BLIND packets") && text.contains(hash), "{text}");
    let samples = String::from_utf8(status(&stage, &["--prometheus"]).stdout).unwrap();
    assert!(samples.contains("cloudward_sensor_heard_total{sensor=\"eslogger\"} 2\n"), "{samples}");
    stage.stop();
    assert!(!stage.folder.join("run/c.sock").exists());
}

#[test]
fn without_a_daemon_it_says_so() {
    let stage = Stage::set("nobody", "true");
    for left_behind in [false, true] {
        if left_behind {
            fs::create_dir(stage.folder.join("run")).unwrap();
            drop(UnixListener::bind(stage.folder.join("run/c.sock")).unwrap());
        }
        let said = status(&stage, &[]);
        let error = String::from_utf8_lossy(&said.stderr).into_owned();
        assert_eq!(said.status.code(), Some(1));
        assert!(error.contains("no daemon answers at") && error.contains("it is not running"), "{error}");
    }
}

#[test]
fn the_socket_of_a_daemon_that_died_is_taken_over() {
    let mut stage = Stage::set("stale", "echo > printed; exec sleep 600");
    fs::create_dir(stage.folder.join("run")).unwrap();
    fs::set_permissions(stage.folder.join("run"), fs::Permissions::from_mode(0o700)).unwrap();
    drop(UnixListener::bind(stage.folder.join("run/c.sock")).unwrap());
    stage.write("config.toml", config(&stage, "").as_bytes());
    stage.start(&ESLOGGER);
    stage.wait_for("log", "`cloudward status` is answered at");
    assert_eq!(status(&stage, &["--json"]).status.code(), Some(0));
    stage.stop();
}

#[test]
fn a_socket_in_a_folder_that_others_enter_is_refused() {
    let mut stage = Stage::set("open", "echo > printed; exec sleep 600");
    fs::create_dir(stage.folder.join("run")).unwrap();
    fs::set_permissions(stage.folder.join("run"), fs::Permissions::from_mode(0o755)).unwrap();
    stage.write("config.toml", config(&stage, "").as_bytes());
    stage.start(&ESLOGGER);
    stage.wait_for("log", "`cloudward status` will not be answered");
    stage.stop();
    assert!(stage.read("log").contains("others may enter"), "{}", stage.read("log"));
}

/// Only the file changes, nobody sends a signal. A wrong one is refused, said, and mended by the next right one.
#[test]
fn a_changed_file_is_read_and_a_wrong_one_refused() {
    let mut stage = running("change");
    let first = until(&stage, |_| true)["configuration"]["hash"].clone();
    stage.write("config.toml", config(&stage, "[window]\ndefault = \"7m\"\n").as_bytes());
    let second = until(&stage, |status| status["configuration"]["hash"] != first);
    assert_eq!(second["configuration"]["rejected"], Value::Null);
    stage.write("config.toml", config(&stage, "[window]\ndefalt = \"8m\"\n").as_bytes());
    let third = until(&stage, |status| status["configuration"]["rejected"] != Value::Null);
    assert_eq!(third["configuration"]["hash"], second["configuration"]["hash"]);
    assert!(third["configuration"]["rejected"].as_str().unwrap().contains("did you mean"), "{third:#}");
    stage.wait_for("records", "config-rejected");
    stage.write("config.toml", config(&stage, "").as_bytes());
    until(&stage, |status| {
        status["configuration"]["hash"] == first && status["configuration"]["rejected"] == Value::Null
    });
    stage.stop();
    assert!(stage.read("log").contains("its file changed: the configuration was read again and is in force"));
}

#[test]
fn a_child_that_may_not_look_is_blind_and_says_why() {
    let mut stage = Stage::set("status-ill", "echo 'ES_NEW_CLIENT_RESULT_ERR_NOT_PERMITTED' >&2; exit 1");
    stage.write("config.toml", config(&stage, "").as_bytes());
    stage.start(&ESLOGGER);
    stage.wait_for("log", "`cloudward status` is answered at");
    let said =
        until(&stage, |status| status["sensors"][0]["state"].as_str().unwrap().contains("Full Disk Access"));
    assert_eq!(said["sensors"][0]["well"], false, "{said:#}");
    let text = String::from_utf8(status(&stage, &[]).stdout).unwrap();
    assert!(text.contains("BLIND eslogger") && text.contains("Full Disk Access"), "{text}");
    stage.stop();
}
