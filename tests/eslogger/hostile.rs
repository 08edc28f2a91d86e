//! Bytes that are no messages, or no longer: never a panic, and what was read stays bounded.

use proptest::prelude::*;
use serde_json::{Value, json};

use cloudward::model::What;
use cloudward::sensor::exec_limits::{MAX_ARG_BYTES, MAX_ARGS};

use super::build::{Style, file, message, process};
use super::decode;

fn samples() -> Vec<String> {
    let exec = json!({
        "target": process(471, 1213), "args": ["a\\\"b", "\u{1F600}"], "env": ["HOME=/x"], "cwd": file("/"), "script": null,
        "fds": [{"fd": 1, "fdtype": 6, "pipe": {"pipe_id": 5}}],
    });
    vec![
        Style::PLAIN.write(&message("open", json!({"fflag": 1, "file": file("/a/.ssh/x")}))),
        Style::PLAIN.write(&message("exec", exec)),
        Style::PLAIN.write(&message(
            "rename",
            json!({"source": file("/a"), "destination": {"existing_file": file("/b")}}),
        )),
        std::fs::read_to_string("tests/eslogger/eslogger-open.jsonl").unwrap(),
        std::fs::read_to_string("tests/eslogger/eslogger-exit.jsonl").unwrap(),
    ]
}

/// A line that lacks no more than its last braces still says all; any other cut one says nothing.
#[test]
fn every_cut_line_is_harmless() {
    for sample in samples() {
        let sample = sample.trim_end().as_bytes();
        let whole = decode(sample);
        assert!(matches!(whole, Ok(Some(_))));
        for len in 0..sample.len() {
            let cut = decode(&sample[..len]);
            assert!(
                cut.is_err() || (cut == whole && sample[len..].iter().all(|byte| *byte == b'}')),
                "{len}"
            );
        }
    }
}

#[test]
fn values_of_any_type_are_harmless() {
    let other =
        [json!(null), json!(1), json!(-1.5), json!("x"), json!([]), json!({}), json!([{}]), json!(true)];
    let exec = json!({"target": process(1, 2), "args": ["a"], "env": ["b=c"], "cwd": file("/"), "script": file("/s"), "fds": []});
    let message = message("exec", exec);
    for pointer in pointers(&message, "") {
        for other in &other {
            let mut changed = message.clone();
            *changed.pointer_mut(&pointer).unwrap() = other.clone();
            let _ = decode(Style::PLAIN.write(&changed).as_bytes());
        }
    }
}

fn pointers(value: &Value, at: &str) -> Vec<String> {
    let mut all = vec![at.to_owned()];
    match value {
        Value::Object(map) => {
            all.extend(map.iter().flat_map(|(key, value)| pointers(value, &format!("{at}/{key}"))));
        }
        Value::Array(items) => {
            all.extend(
                items.iter().enumerate().flat_map(|(key, value)| pointers(value, &format!("{at}/{key}"))),
            );
        }
        _ => {}
    }
    all
}

#[test]
fn huge_execs_are_cut() {
    let facts_of = |args: Vec<String>| {
        let exec = json!({"target": process(471, 1213), "args": args});
        match decode(Style::PLAIN.write(&message("exec", exec)).as_bytes()).unwrap().unwrap().what {
            What::Exec { facts, .. } => facts,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(facts_of(vec!["x".into(); MAX_ARGS + 5]).args.len(), MAX_ARGS);
    let long = facts_of(vec!["x".repeat(MAX_ARG_BYTES - 1), "yz".into(), "never".into()]);
    assert_eq!(long.args.iter().map(|arg| arg.len()).collect::<Vec<_>>(), [MAX_ARG_BYTES - 1, 1]);
}

#[test]
fn file_names_may_hold_any_bytes() {
    let line = Style::PLAIN.write(&message("open", json!({"fflag": 1, "file": file("/a/.ssh/NAME")})));
    let mut bytes = line.into_bytes();
    let at = bytes.windows(4).position(|window| window == b"NAME").unwrap();
    bytes[at..at + 4].copy_from_slice(b"\xff\xfe\xc3(");
    match decode(&bytes).unwrap().unwrap().what {
        What::Open { file, .. } => assert_eq!(file.path.as_bytes(), b"/a/.ssh/\xff\xfe\xc3("),
        other => panic!("{other:?}"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_bytes_are_harmless(bytes: Vec<u8>) {
        let _ = decode(&bytes);
        let _ = decode(&[b"{\"event\":{\"open\":".as_slice(), &bytes, b"}"].concat());
    }

    #[test]
    fn random_json_is_harmless(text in r#"[{}\[\]":,\\ a-z0-9./-]{0,200}"#) {
        let _ = decode(format!("{{\"process\":{text}").as_bytes());
        let _ = decode(format!("{{\"event\":{{\"exec\":{text}}}}}").as_bytes());
    }

    #[test]
    fn mutated_lines_are_harmless(
        which in 0usize..5, edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0u8..3), 1..8),
    ) {
        let mut line = samples().swap_remove(which).into_bytes();
        for (at, byte, how) in edits {
            let at = at.index(line.len());
            match how {
                0 => line[at] = byte,
                1 => line.insert(at, byte),
                _ => drop(line.remove(at)),
            }
        }
        let _ = decode(&line);
    }
}
