//! Names that an attacker chose: whatever they hold, one record stays one line that its reader reads back.

use std::sync::Arc;

use cloudward::model::{Actor, Alert, Record, RuleRef};
use cloudward::sink::format::{self, Body, Level, Sender};
use serde_json::Value;

use super::parsers;
use super::records::{self, MACHINES};

/// What each name tries.
fn names() -> Vec<Vec<u8>> {
    let mut names: Vec<Vec<u8>> = [
        "plain.docx",
        "quote\"s 'and' `ticks`.docx",
        "bracket] [cloudward@1 id=\"x\"].docx",
        "back\\slash\\\\ \\n \\u0041.docx",
        "pipe|pipe||.docx",
        "a=b cs1=evil msg=x externalId=0.docx",
        "line\nCEF:0|a|b|c|d|e|10|\r\n<13>1 - - - - - -",
        "tab\tcat=x\tsev=1",
        "nul\0bell\u{7}escape\u{1b}[2J\u{9b}31mdel\u{7f}",
        "rtl\u{202e}xcod.exe\u{2066}x\u{2069}\u{200f}\u{61c}",
        "breaks\u{85}\u{b}\u{c}\u{2028}\u{2029}",
        "hidden\u{feff}\u{200b}\u{e0041}\u{fffe}",
        "}\"],\"event\":{\"id\":\"x\"}",
        "${jndi:ldap://x.test/a} %s%n $(id) `id`",
        "Überraschung \u{1f600} 日本語.docx",
        " spaces at both ends ",
        "trailing backslash\\",
        "",
    ]
    .map(|name| name.as_bytes().to_vec())
    .to_vec();
    names.push(b"invalid \xff\xfe\xc3\x28 \xed\xa0\x80 utf-8".to_vec());
    names.push([b'A'; 4096].to_vec());
    names.push("\u{202e}\u{1f600}\"]\\|=\n".repeat(300).into_bytes());
    names.push((0..=255).collect());
    names
}

fn is_breaking(c: char) -> bool {
    c.is_control() && c != '\t'
        || matches!(c, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}')
}

fn each(check: impl Fn(&[u8], &Record)) {
    for name in names() {
        records::all(&name).iter().for_each(|record| check(&name, record));
    }
}

/// Every list, not only that of the reads.
#[test]
fn text_for_people_counts_what_it_leaves_out() {
    let mut alert = records::alert(b"/tmp/x", 0);
    for _ in 0..20 {
        alert.hops.push(alert.hops.iter().find(|hop| hop.path.is_some()).unwrap().clone());
        alert.flows.push(alert.flows[0].clone());
        alert.chain.push(alert.chain[0].clone());
    }
    let listed =
        [alert.hops.iter().filter(|hop| hop.path.is_some()).count(), alert.flows.len(), alert.chain.len()];
    let text = format::text(&Record::Alert(Box::new(alert)));
    for many in listed {
        assert!(text.contains(&format!("and {} more\n", many - 12)), "{many}: {text}");
    }
}

#[test]
fn every_machine_format_is_one_line_a_record() {
    each(|name, record| {
        for (format, write) in MACHINES {
            let line = write(record);
            let body = line.strip_suffix('\n').unwrap_or_else(|| panic!("{format}: no line feed"));
            let bad = body.chars().find(|c| is_breaking(*c));
            assert_eq!(bad, None, "{format} of {:?}", String::from_utf8_lossy(name));
            assert!(!body.contains('\t') || format.ends_with("leef"), "{format}: {body}");
        }
    });
}

#[test]
fn text_for_people_obeys_no_name() {
    each(|_, record| {
        let text = format::text(record);
        assert!(!text.replace('\n', "").chars().any(is_breaking), "{text:?}");
        assert!(text.lines().all(|line| !line.starts_with("<13>") && !line.starts_with("CEF")), "{text}");
    });
}

#[test]
fn json_gives_every_name_back() {
    each(|name, record| {
        let path = format!("/Users/alice/{}", String::from_utf8_lossy(name));
        let back: Value = serde_json::from_str(&format::ecs(record)).unwrap();
        let finding: Value = serde_json::from_str(&format::ocsf(record)).unwrap();
        match record {
            Record::Alert(alert) if !alert.reads.is_empty() => {
                assert_eq!(back["file"]["path"], *path);
                assert_eq!(back["event"]["id"], *alert.id.to_string());
                assert_eq!(finding["evidences"][1]["file"]["path"], *path);
            }
            Record::Coverage(coverage) => {
                assert_eq!(back["message"], *coverage.text);
                assert_eq!(finding["message"], *coverage.text);
            }
            Record::Alert(_) | Record::Heartbeat(_) => {}
        }
    });
}

#[test]
fn cef_reads_back_and_no_name_adds_a_key() {
    each(|name, record| {
        let line = format::cef(record);
        let (header, pairs) = parsers::cef(line.trim_end_matches('\n'));
        let (_, plain) = parsers::cef(format::cef(&same_kind(record)).trim_end_matches('\n'));
        assert_eq!(pairs.keys().collect::<Vec<_>>(), plain.keys().collect::<Vec<_>>());
        assert_eq!(header[..3], ["cloudward", "cloudward", env!("CARGO_PKG_VERSION")]);
        assert!(pairs["externalId"].len() <= 40);
        for (key, value) in &pairs {
            assert!(value.len() <= 1023 + 8 * 1023, "{key}");
        }
        let whole = name.len() < 900 && std::str::from_utf8(name).is_ok_and(|text| !text.chars().any(is_odd));
        if whole && let Some(path) = pairs.get("filePath") {
            assert_eq!(*path, format!("/Users/alice/{}", String::from_utf8_lossy(name)));
        }
        if name.len() == 4096
            && let Some(path) = pairs.get("filePath")
        {
            assert!(path.len() == 1023 && path.ends_with("[cut]"), "{path}");
        }
    });
}

/// Shown otherwise than it is, except for line breaks, which CEF can carry.
fn is_odd(c: char) -> bool {
    is_breaking(c) && !matches!(c, '\n' | '\r')
        || matches!(c, '\t' | '\u{200b}' | '\u{61c}' | '\u{feff}' | '\u{e0041}')
}

/// The same record with harmless names.
fn same_kind(record: &Record) -> Record {
    let [alert, bare, coverage, heartbeat, audited] = records::all(b"plain");
    match record {
        Record::Alert(of) if !of.audit.is_empty() => audited,
        Record::Alert(of) if of.reads.is_empty() => bare,
        Record::Alert(_) => alert,
        Record::Coverage(_) => coverage,
        Record::Heartbeat(_) => heartbeat,
    }
}

#[test]
fn leef_reads_back_and_no_name_adds_a_key() {
    each(|_, record| {
        let (header, pairs) = parsers::leef(format::leef(record).trim_end_matches('\n'));
        let (_, plain) = parsers::leef(format::leef(&same_kind(record)).trim_end_matches('\n'));
        assert_eq!(pairs.keys().collect::<Vec<_>>(), plain.keys().collect::<Vec<_>>());
        assert_eq!(header[..3], ["cloudward", "cloudward", env!("CARGO_PKG_VERSION")]);
        assert!((1..=10).contains(&pairs["sev"].parse::<u8>().unwrap()));
    });
}

/// Whoever has the one receiver is told no less than who has the other.
#[test]
fn leef_tells_what_cef_tells() {
    let told = |alert: Alert| {
        let record = Record::Alert(Box::new(alert));
        let (header, leef) = parsers::leef(format::leef(&record).trim_end_matches('\n'));
        let (of_cef, cef) = parsers::cef(format::cef(&record).trim_end_matches('\n'));
        assert_eq!(header[3], of_cef[3]);
        assert_eq!(leef.get("ruleName"), of_cef.get(4));
        let said = |value: &String| leef.values().any(|other| other.eq_ignore_ascii_case(value));
        // That it was seen, and the last part of a path, need no key of their own.
        let told = |key: &str| !key.ends_with("Label") && !["act", "fname"].contains(&key);
        cef.iter()
            .filter(|(key, _)| told(key))
            .filter(|(_, value)| !said(value))
            .map(|(key, _)| key.clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(told(records::alert(b"x", 0)), [""; 0]);
    assert_eq!(told(records::audited(b"x")), [""; 0]);
}

/// Several rules on one chain are one alert that names them all, whoever reads it.
#[test]
fn every_rule_of_an_alert_is_named() {
    let mut alert = records::alert(b"x", 0);
    let first = alert.rules[0].clone();
    alert.rules.push(RuleRef { id: "own.second".into(), ..first.clone() });
    let record = Record::Alert(Box::new(alert));
    let text: fn(&Record) -> String = format::text;
    for (name, write) in MACHINES.into_iter().chain([("text", text)]) {
        let written = write(&record);
        assert!(written.contains(&*first.id) && written.contains("own.second"), "{name}: {written}");
    }
}

/// A service of the provider calls by its name, and fields of addresses take none.
#[test]
fn a_source_that_is_no_address_is_none() {
    let src = |address: &str| {
        let mut alert = records::audited(b"x");
        let Actor::Account(account) = &mut alert.uploader else { panic!("an account shares") };
        Arc::make_mut(account).address = Some(address.into());
        let record = Record::Alert(Box::new(alert));
        let (_, leef) = parsers::leef(format::leef(&record).trim_end_matches('\n'));
        let (_, cef) = parsers::cef(format::cef(&record).trim_end_matches('\n'));
        [leef, cef].map(|pairs| pairs.get("src").cloned())
    };
    assert_eq!(src("203.0.113.9"), [Some("203.0.113.9".into()), Some("203.0.113.9".into())]);
    assert_eq!(src("2001:db8::9"), [Some("2001:db8::9".into()), None]);
    assert_eq!(src("cloudformation.amazonaws.com"), [None, None]);
}

#[test]
fn syslog_reads_back_within_its_budget() {
    each(|_, record| {
        for body in [Body::Ecs, Body::Ocsf, Body::Cef, Body::Leef] {
            for max_octets in [480, 2_048, 8_000, 1 << 20] {
                let sender = Sender { max_octets, sequence: 42, ..Sender::default() };
                let frame = format::rfc5424(record, body, &sender);
                assert!(frame.len() <= max_octets, "{} of {max_octets}", frame.len());
                check_frame(&frame, body, record, max_octets);
            }
        }
    });
}

fn check_frame(frame: &str, body: Body, record: &Record, max_octets: usize) {
    let read = parsers::syslog(frame);
    let own = &read.data["cloudward@32473"];
    let (kind, level, id) = match record {
        Record::Alert(alert) => ("alert", Level::from(alert.severity), Some(alert.id.to_string())),
        Record::Coverage(_) => ("coverage", Level::COVERAGE, None),
        Record::Heartbeat(_) => ("heartbeat", Level::Info, Some(format::id(record).to_string())),
    };
    assert_eq!((own["kind"].as_str(), read.id.as_str()), (kind, kind));
    assert_eq!(read.priority, 128 + u32::from(level.scale().syslog));
    assert_eq!(read.time.len(), if body == Body::Leef { 24 } else { 27 });
    assert_eq!([&*read.app, &*read.host, &*read.process], ["cloudward", "-", "-"]);
    assert_eq!(read.data["meta"]["sequenceId"], "42");
    assert!(id.is_none_or(|id| own["id"] == id));
    let cut = own.get("truncated").is_some_and(|word| word == "true");
    assert!(max_octets < 1 << 20 || !cut, "cut without need");
    let Some(message) = &read.message else {
        assert!(cut, "no message and no mark: {frame}");
        return;
    };
    match body {
        Body::Ecs | Body::Ocsf => {
            assert!(message.is_ascii());
            let value: Value = serde_json::from_str(message).unwrap();
            let home = if body == Body::Ecs { &value } else { &value["unmapped"] };
            assert_eq!(home["cloudward"]["truncated"] == true, cut);
        }
        Body::Cef => assert_eq!(parsers::cef(message).1.contains_key("truncated"), cut),
        Body::Leef => assert_eq!(parsers::leef(message).1.contains_key("truncated"), cut),
    }
}

/// A host name that is none does not break the header.
#[test]
fn syslog_header_takes_only_printable_names() {
    let record = &records::all(b"x")[0];
    for (name, shown) in
        [("mac-01.example.org", "mac-01.example.org"), ("two words", "-"), ("ü", "-"), ("", "-")]
    {
        let sender = Sender { hostname: Some(name), facility: 200, sequence: 0, ..Sender::default() };
        let read = parsers::syslog(&format::rfc5424(record, Body::Ecs, &sender));
        assert_eq!((read.host.as_str(), read.data["meta"]["sequenceId"].as_str()), (shown, "1"));
    }
}
