//! A recording fed live, events by an `eslogger`, packets by a FIFO: `run` must raise what `replay` raises.

use std::collections::BTreeSet;
use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{SystemTime, UNIX_EPOCH};

use cloudward::model::Timestamp;

use super::Stage;

const SECOND: i64 = 1_000_000_000;
/// Longer than the recording: nothing is judged before all of it has come, whatever came first.
const HOLD: &str = "[engine]\nhold = \"1h\"\n";

fn recording(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recordings").join(name)
}

fn unpacked(path: &Path) -> Vec<u8> {
    let mut bytes = Vec::new();
    flate2::read::GzDecoder::new(fs::File::open(path).unwrap()).read_to_end(&mut bytes).unwrap();
    bytes
}

fn time_of(line: &str) -> (&str, Timestamp) {
    let text = line.split_once(r#""time":""#).and_then(|(_, rest)| rest.split_once('"')).unwrap().0;
    (text, Timestamp::parse(text.as_bytes()).unwrap())
}

/// Both halves of a recording, moved in time so that it ends so many seconds from now.
pub fn retimed(name: &str, ahead: i64) -> (String, Vec<u8>) {
    let events = String::from_utf8(unpacked(&recording(name).join("events.ndjson.gz"))).unwrap();
    let last = events.lines().map(|line| time_of(line).1.as_nanos()).max().unwrap();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() as i64;
    let seconds = now + ahead - last / SECOND;
    let moved = events.lines().map(|line| {
        let (text, time) = time_of(line);
        let moved = Timestamp::from_nanos(time.as_nanos() + seconds * SECOND).to_string();
        line.replacen(text, &moved, 1) + "\n"
    });
    let mut capture = unpacked(&recording(name).join("capture.pcap.gz"));
    assert_eq!(capture[..4], [0xd4, 0xc3, 0xb2, 0xa1], "pcap, little endian, microseconds");
    let mut at = 24;
    while let Some(header) = capture.get_mut(at..at + 16) {
        let time = i64::from(u32::from_le_bytes(header[..4].try_into().unwrap())) + seconds;
        header[..4].copy_from_slice(&(time as u32).to_le_bytes());
        at += 16 + u32::from_le_bytes(header[8..12].try_into().unwrap()) as usize;
    }
    (moved.collect(), capture)
}

pub fn alerts(records: &str) -> BTreeSet<String> {
    records.lines().filter(|line| line.contains(r#""kind":"alert""#)).map(str::to_owned).collect()
}

/// What `run` and `replay` say of one recording.
fn both(name: &str, policy: &str) -> [BTreeSet<String>; 2] {
    let mut stage = Stage::set(&format!("live-{name}"), "cat events; echo > printed; exec sleep 600");
    let (events, capture) = retimed(name, 0);
    let packets = stage.folder.join("packets");
    assert!(Command::new("mkfifo").arg(&packets).status().unwrap().success());
    stage.write("events", events.as_bytes());
    stage.write("capture", &capture);
    let source = format!("[sensor]\ncapture = \"{}\"\n", packets.display());
    stage.write("config.toml", format!("{HOLD}{source}{}{policy}", stage.state()).as_bytes());
    let replayed = Command::new(env!("CARGO_BIN_EXE_cloudward"))
        .args(["replay", "--format", "ecs", "--events", "events", "--capture", "capture"])
        .args(["--config", "config.toml"])
        .current_dir(&stage.folder)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(replayed.status.success(), "{}", String::from_utf8_lossy(&replayed.stderr));
    stage.start(&["--sensor", "eslogger"]);
    let writer = thread::spawn(move || {
        fs::OpenOptions::new().write(true).open(packets).unwrap().write_all(&capture).unwrap();
    });
    stage.wait_for("printed", "\n");
    stage.wait_for("log", "its writer ended");
    writer.join().unwrap();
    stage.stop();
    let lived = stage.read("records");
    assert!(!lived.contains("late-event") && !lived.contains("event-loss"), "{lived}");
    [alerts(&lived), alerts(&String::from_utf8(replayed.stdout).unwrap())]
}

#[test]
fn a_recording_fed_live_raises_the_alerts_of_its_replay() {
    let [lived, replayed] = both("demo", include_str!("../recordings/demo/policy.toml"));
    assert!(!replayed.is_empty());
    assert_eq!(lived, replayed);
}

#[test]
fn another_client_fed_live_raises_the_alerts_of_its_replay() {
    let [lived, replayed] = both("curl-dropbox", "");
    assert!(!replayed.is_empty());
    assert_eq!(lived, replayed);
}
