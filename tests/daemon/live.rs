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

const REPLAY: [&str; 9] =
    ["replay", "--format", "ecs", "--events", "events", "--capture", "capture", "--config", "config.toml"];

fn recording(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recordings").join(name)
}

fn unpacked(path: &Path) -> Vec<u8> {
    let mut bytes = Vec::new();
    flate2::read::GzDecoder::new(fs::File::open(path).unwrap()).read_to_end(&mut bytes).unwrap();
    bytes
}

pub fn time_of(line: &str) -> (&str, Timestamp) {
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
    lived(name, name, policy).1
}

/// Runs a verb where the stage's files are; its standard output.
fn verb(stage: &Stage, arguments: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cloudward"));
    let command = command.args(arguments).current_dir(&stage.folder).stdin(Stdio::null());
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Runs the daemon until the whole of the stage's recording went through it: events from its `eslogger`, packets from the FIFO.
fn live(stage: &mut Stage, packets: PathBuf, capture: Vec<u8>) {
    stage.start(&["--sensor", "eslogger"]);
    let writer = thread::spawn(move || {
        fs::OpenOptions::new().write(true).open(packets).unwrap().write_all(&capture).unwrap();
    });
    stage.wait_for("printed", "\n");
    stage.wait_for("log", "its writer ended");
    writer.join().unwrap();
    stage.stop();
}

/// The same, with the stage as the daemon left it.
fn lived(title: &str, name: &str, policy: &str) -> (Stage, [BTreeSet<String>; 2]) {
    let mut stage = Stage::set(&format!("live-{title}"), "cat events; echo > printed; exec sleep 600");
    // All of it is past, so that the end of its packets, which is told as a blind spot of the moment when they end, lies
    // outside: an alert names the blind spots of its own span, and the replay has none.
    let (events, capture) = retimed(name, -1);
    let (packets, source) = stage.tap();
    stage.write("events", events.as_bytes());
    stage.write("capture", &capture);
    stage.write("config.toml", format!("{HOLD}{source}{}{policy}", stage.state()).as_bytes());
    let replayed = verb(&stage, &REPLAY);
    live(&mut stage, packets, capture);
    let lived = stage.read("records");
    assert!(!lived.contains("late-event") && !lived.contains("event-loss"), "{lived}");
    let all = [alerts(&lived), alerts(&replayed)];
    (stage, all)
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

/// A clock that is set back sets back what all sensors say: events must not stay ahead of the packets.
#[test]
fn a_clock_that_was_set_back_blinds_nobody() {
    let mut stage = Stage::set("live-set-back", "cat events; echo > printed; exec sleep 600");
    let (events, capture) = retimed("curl-dropbox", -1);
    let (text, time) = time_of(events.lines().next().unwrap());
    let before = Timestamp::from_nanos(time.as_nanos() + 3600 * SECOND).to_string();
    stage.write("events", events.replacen(text, &before, 1).as_bytes());
    let (packets, source) = stage.tap();
    stage.write("config.toml", format!("{source}{}", stage.state()).as_bytes());
    // Heard, not only printed: what comes behind the packets is another matter.
    stage.level = "trace";
    stage.start(&["--sensor", "eslogger"]);
    stage.wait_for("log", "actor: ProcessKey { pid: Pid(28869), version: 31010 }, info: None, what: Exit");
    fs::OpenOptions::new().write(true).open(packets).unwrap().write_all(&capture).unwrap();
    stage.wait_for("log", "its writer ended");
    stage.stop();
    let records = stage.read("records");
    assert_eq!(alerts(&records).len(), 1, "{records}");
    assert!(records.contains("late-event"), "and it is told: {records}");
}

fn ids(alerts: &BTreeSet<String>) -> BTreeSet<String> {
    let id = |line: &String| {
        let value: serde_json::Value = serde_json::from_str(line).unwrap();
        value["event"]["id"].as_str().unwrap().to_owned()
    };
    alerts.iter().map(id).collect()
}

/// What a proposal says it would have silenced.
fn silenced(proposed: &str) -> BTreeSet<String> {
    let claims = proposed.lines().filter_map(|line| line.strip_prefix("#   silences  "));
    claims.flat_map(|claim| claim.split_once(": ").unwrap().1.split(", ")).map(str::to_owned).collect()
}

/// The daemon's history proposes what its recording proposes, and what is proposed silences what it says and no more.
#[test]
fn what_was_lived_is_learned() {
    let (stage, [lived, _]) = lived("learned", "demo", "");
    let from_history = verb(&stage, &["learn", "--config", "config.toml"]);
    let of_recording = ["learn", "--config", "config.toml", "--events", "events", "--capture", "capture"];
    // A history also knows of an alert's earlier reports.
    let timeless = |text: &str| text.lines().filter(|line| !line.contains("; first ")).collect::<String>();
    assert_eq!(timeless(&from_history), timeless(&verb(&stage, &of_recording)));
    assert!(from_history.contains("name      = \"ArqAgent to s3 corp-backup\""), "{from_history}");

    let before = stage.read("config.toml");
    stage.write("config.toml", format!("{before}{from_history}").as_bytes());
    let after = ids(&alerts(&verb(&stage, &REPLAY)));
    let gone: BTreeSet<String> = ids(&lived).difference(&after).cloned().collect();
    assert_eq!(gone, silenced(&from_history));
    assert!(gone.len() == 1 && after.len() == 1, "{gone:?} {after:?}");

    let baseline = verb(&stage, &["learn", "--baseline", "--format", "json", "--config", "config.toml"]);
    let baseline: serde_json::Value = serde_json::from_str(&baseline).unwrap();
    let client = |code: &str| {
        let clients = baseline["client"].as_array().unwrap().iter();
        clients.filter(|client| client["code"] == code).cloned().collect::<Vec<_>>().remove(0)
    };
    let arq = client("signed:48ZCSDVL96:com.haystacksoftware.arqagent");
    assert!(arq["tenants"][0] == "corp-backup" && arq["users"][0] == "alice" && arq["alerts"] == 1, "{arq}");
    assert_eq!(client("platform:com.apple.curl")["usual"], 9447);
}

/// `printf abc | shasum -a 256`
const ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

/// The script that a recording's interpreter is told to run, by a path relative to where it is started, lies in the stage's
/// folder and holds this. What the daemon says of it, and what the recording that holds no contents says.
fn lived_with_content(title: &str, content: Option<&str>) -> [BTreeSet<String>; 2] {
    const SCRIPT: &str = "node_modules/left-padder/postinstall.mjs";
    let mut stage =
        Stage::set(&format!("live-content-{title}"), "cat events; echo > printed; exec sleep 600");
    let script = stage.folder.join(SCRIPT);
    fs::create_dir_all(script.parent().unwrap()).unwrap();
    content.inspect(|content| fs::write(&script, content).unwrap());
    let (events, capture) = retimed("node-blob", -1);
    let moved = events.lines().map(|line| {
        let mut event: serde_json::Value = serde_json::from_str(line).unwrap();
        if let Some(exec) = event["event"].get_mut("exec") {
            exec["cwd"]["path"] = stage.folder.to_str().unwrap().into();
        }
        format!("{event}\n")
    });
    let packets = stage.folder.join("packets");
    assert!(Command::new("mkfifo").arg(&packets).status().unwrap().success());
    stage.write("events", moved.collect::<String>().as_bytes());
    stage.write("capture", &capture);
    let policy = format!(
        "[sensor]\ncapture = \"{}\"\n[[allow]]\nname = \"postinstall\"\nscript = \"{}\"\nscript_sha256 = \"{ABC}\"\n\
         process = {{ path = \"/opt/homebrew/bin/node\", unsigned = true }}\nsensitive = \"*\"\nservices = [\"azure-blob\"]\n\
         tenants = \"*\"\nusers = \"*\"\nreason = \"ours\"\n",
        packets.display(),
        script.display()
    );
    stage.write("config.toml", format!("{HOLD}{}{policy}", stage.state()).as_bytes());
    let replayed = verb(&stage, &REPLAY);
    live(&mut stage, packets, capture);
    [alerts(&stage.read("records")), alerts(&replayed)]
}

#[test]
fn a_script_is_allowed_by_what_it_holds() {
    let [lived, replayed] = lived_with_content("same", Some("abc"));
    assert!(lived.is_empty(), "{lived:?}");
    assert_eq!(replayed.len(), 1, "a recording tells of no content");
}

#[test]
fn a_script_that_was_changed_is_not_the_one_that_was_allowed() {
    for (title, content) in [("changed", Some("abd")), ("gone", None)] {
        let [lived, replayed] = lived_with_content(title, content);
        assert_eq!(lived, replayed);
        assert!(lived.len() == 1 && lived.iter().all(|alert| alert.contains("but for its script_sha256")));
    }
}

/// With the entry in force it is a client that somebody approved.
#[test]
fn what_is_allowed_is_in_the_history() {
    let (stage, _) = lived("approved", "demo", include_str!("../recordings/demo/policy.toml"));
    let text = verb(&stage, &["learn", "--baseline", "--config", "config.toml"]);
    assert!(text.contains("approved  by corporate Arq backup\n"), "{text}");
    assert!(text.contains("NOT       approved by any entry: 1 alert\n"), "{text}");
    // Ten times what is usual is another matter.
    let rule = "[[rule]]\nid = \"corp.volume\"\nname = \"Ten times the usual\"\nseverity = \"critical\"\n\
                step = [{ on = \"read\" }, { on = \"upload\", times_usual = 10 }]\n";
    let toml = verb(&stage, &["learn", "--baseline", "--format", "toml", "--config", "config.toml"]);
    let before = stage.read("config.toml");
    stage.write("config.toml", format!("{before}{rule}").as_bytes());
    for (usual, fires) in [("9447", false), ("900", true)] {
        stage.write("baseline.toml", toml.replace("= 9447", &format!("= {usual}")).as_bytes());
        let said = verb(&stage, &[&REPLAY[..], &["--baseline", "baseline.toml"]].concat());
        assert_eq!(said.contains("corp.volume"), fires, "{said}");
        assert_eq!(
            said.contains("more than 10 times the 900 bytes that curl usually sends to dropbox"),
            fires
        );
    }
}
