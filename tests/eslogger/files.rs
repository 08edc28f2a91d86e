//! Whole recordings. `CLOUDWARD_ESLOGGER_DATA` may name more (files or folders, separated by `:`): every line of theirs
//! must be understood as the oracle understands it.

use std::path::{Path, PathBuf};

use cloudward::sensor::eslogger::{Decoder, LineError};
use cloudward::sensor::lines::{Item, Lines};
use serde_json::{Value, json};

use super::build::{Style, message};
use super::oracle::Oracle;
use super::{TestGate, decode};

/// Compares decoder and oracle over one recording; how many lines and how many observations.
fn agree(path: &Path) -> (u64, u64) {
    let (mut decoder, mut oracle) = (Decoder::new(), Oracle::default());
    let mut lines = Lines::open(path).unwrap();
    let (mut count, mut observed) = (0, 0);
    while let Some(item) = lines.next_line().unwrap() {
        let Item::Line(line) = item else { panic!("{}: a line too long", path.display()) };
        let told = decoder.decode(line.bytes, &mut TestGate);
        let message: Value = serde_json::from_slice(line.bytes).unwrap();
        assert_eq!(told, Ok(oracle.observe(&message)), "{}:{}", path.display(), line.number);
        count += 1;
        observed += u64::from(told.is_ok_and(|told| told.is_some()));
    }
    assert_eq!((decoder.counts().lines, decoder.counts().rejected), (count, 0), "{}", path.display());
    (count, observed)
}

fn recordings(path: PathBuf) -> Vec<PathBuf> {
    match path.read_dir() {
        Ok(entries) => {
            let mut paths: Vec<_> = entries.flat_map(|entry| recordings(entry.unwrap().path())).collect();
            paths
                .retain(|path| matches!(path.extension().and_then(|e| e.to_str()), Some("ndjson" | "jsonl")));
            paths.sort();
            paths
        }
        Err(_) => vec![path],
    }
}

#[test]
fn real_lines_are_understood() {
    for name in ["open", "exit"] {
        assert_eq!(agree(Path::new(&format!("tests/eslogger/eslogger-{name}.jsonl"))), (1, 1));
    }
}

#[test]
fn further_recordings_are_understood() {
    let Some(places) = std::env::var_os("CLOUDWARD_ESLOGGER_DATA") else { return };
    for path in std::env::split_paths(&places).flat_map(recordings) {
        let (lines, observed) = agree(&path);
        println!("{}: {lines} lines, {observed} observed, none rejected", path.display());
    }
}

#[test]
fn what_stands_before_the_object_is_ignored() {
    let line = std::fs::read("tests/eslogger/eslogger-open.jsonl").unwrap();
    let garbled = [b"^D\x08\x08".as_slice(), &line].concat();
    assert_eq!(decode(&garbled), decode(&line));
    assert!(decode(&line).unwrap().is_some());
}

#[test]
fn other_lines_are_rejected_by_what_they_lack() {
    #[track_caller]
    fn check(line: &str, error: LineError) {
        assert_eq!(decode(line.as_bytes()), Err(error), "{line}");
    }
    let trimmed = r#"{"event_type":10,"event":{"open":{"file":{"path":"/a"},"fflag":1}},"process":{"audit_token":{"pid":6954,"auid":501,"pidversion":0},"ppid":1,"executable":{"path":"/b"}},"time":"2026-05-29T07:59:42.757444182Z"}"#;
    check(trimmed, LineError::Missing("process.codesigning_flags"));
    check(
        r#"{"event":{"log":{"flavor":2},"type":"proc_check"},"target_process":{"pid":83}}"#,
        LineError::Missing("time"),
    );
    check("", LineError::NotJson);
    check("No such file or directory", LineError::NotJson);
    check("{}", LineError::Missing("event"));
    check("{", LineError::Cut);
    check("{]", LineError::Malformed);
    check(&trimmed[..trimmed.len() - 20], LineError::Cut);
    let no_time = trimmed.replace("\"time\"", "\"when\"");
    check(&no_time, LineError::Missing("time"));
    let no_path = trimmed.replace("\"path\":\"/a\"", "");
    check(&no_path, LineError::Missing("event.open.file.path"));
}

fn real(name: &str) -> String {
    std::fs::read_to_string(format!("tests/eslogger/eslogger-{name}.jsonl")).unwrap().trim_end().to_owned()
}

#[test]
fn several_messages_in_one_line_are_told() {
    let (open, exit) = (real("open"), real("exit"));
    let spaced = Style { spaces: true, ..Style::PLAIN }.write(&message("exit", json!({"stat": 0})));
    for line in [
        format!("[{open},{exit}]"),
        format!(" [ {exit} , {open} ] "),
        format!("[{spaced},{spaced}]"),
        format!("{open}{exit}"),
        format!("{exit}{exit}"),
        format!("{exit}\r{open}\r"),
        format!("{open} {open} {open}"),
        format!("{spaced}{spaced}"),
        format!("{exit}{open}{{}}"),
    ] {
        assert_eq!(decode(line.as_bytes()), Err(LineError::SeveralObjects), "{line}");
    }
    for line in [format!("{open} and more"), format!("{open}0"), format!("{open}\"}}]")] {
        assert_eq!(decode(line.as_bytes()), Err(LineError::Trailing), "{line}");
    }
}

/// Nothing is lost of a line whose one object has something of an array, or another object, around it.
#[test]
fn one_message_of_an_array_is_read() {
    let open = real("open");
    let told = decode(open.as_bytes());
    assert!(matches!(told, Ok(Some(_))));
    for line in [
        format!("[{open}]"),
        format!("[{open},"),
        format!("{open},"),
        format!(",{open}"),
        format!("{open}]"),
        format!("\u{1e}{open}\0"),
        format!("{{\"host\":\"{}\",\"message\":{open},\"tags\":[{{}}]}}", "x".repeat(1000)),
    ] {
        assert_eq!(decode(line.as_bytes()), told, "{line}");
    }
}
