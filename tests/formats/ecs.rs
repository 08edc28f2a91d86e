//! Every key of the ECS format is an official field or our own.

use std::collections::BTreeSet;
use std::sync::Arc;

use cloudward::model::{Actor, CodeSigning, Pid, ProcessKey, Record};
use cloudward::sink::format;
use serde_json::Value;

use super::records;

/// Fields of ECS 9 that this program may use, one a line.
const OFFICIAL: &str = include_str!("ecs-fields.txt");

fn keys(value: &Value, prefix: &str, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                let path = if prefix.is_empty() { key.clone() } else { format!("{prefix}.{key}") };
                if path != "cloudward" {
                    keys(value, &path, found);
                }
            }
        }
        _ => _ = found.insert(prefix.to_owned()),
    }
}

/// `process.parent` is reused by the schema with every field of `process`.
fn is_official(key: &str, official: &BTreeSet<&str>) -> bool {
    let own = key.replacen("process.parent.", "process.", 1);
    official.contains(own.as_str())
}

#[test]
fn every_key_is_official_or_ours() {
    let official: BTreeSet<&str> =
        OFFICIAL.lines().filter(|line| !line.starts_with('#') && !line.is_empty()).collect();
    for record in records::all(b"x") {
        let value: Value = serde_json::from_str(&format::ecs(&record)).unwrap();
        let mut found = BTreeSet::new();
        keys(&value, "", &mut found);
        let odd: Vec<&String> = found.iter().filter(|key| !is_official(key, &official)).collect();
        assert!(odd.is_empty(), "no ECS fields: {odd:?}");
    }
}

/// Fields that ECS defines as lists are lists, and the others are not.
#[test]
fn lists_are_lists() {
    let signed = CodeSigning::VALID | CodeSigning::SIGNED;
    let record = Record::Alert(Box::new(records::alert(b"x", signed)));
    let value: Value = serde_json::from_str(&format::ecs(&record)).unwrap();
    let lists = [
        "/event/category",
        "/event/type",
        "/process/args",
        "/threat/tactic/id",
        "/threat/tactic/name",
        "/threat/technique/id",
        "/threat/technique/subtechnique/id",
        "/related/hosts",
        "/related/ip",
        "/related/hash",
        "/related/user",
    ];
    let mut found = BTreeSet::new();
    pointers(&value, "", &mut found);
    assert_eq!(found.iter().map(String::as_str).collect::<BTreeSet<_>>(), {
        let parent = ["/process/parent/args"];
        lists.into_iter().chain(parent).collect()
    });
}

fn pointers(value: &Value, at: &str, found: &mut BTreeSet<String>) {
    match value {
        Value::Array(_) => _ = found.insert(at.to_owned()),
        Value::Object(map) => {
            let standard = map.iter().filter(|(key, _)| *key != "cloudward");
            standard.for_each(|(key, value)| pointers(value, &format!("{at}/{key}"), found));
        }
        _ => {}
    }
}

/// What CONTRACT.md, section 4, names is there under that name.
#[test]
fn what_the_contract_names_is_there() {
    let signed = CodeSigning::VALID | CodeSigning::SIGNED;
    let record = Record::Alert(Box::new(records::alert(b"x.docx", signed)));
    let value: Value = serde_json::from_str(&format::ecs(&record)).unwrap();
    let named = "@timestamp event.kind event.id event.dataset event.severity rule.id rule.name rule.version \
        threat.framework threat.technique.id process.pid process.entity_id process.executable process.name process.args \
        process.working_directory process.parent.pid process.code_signature.valid process.hash.cdhash user.id file.path \
        destination.domain destination.ip destination.port source.bytes destination.bytes network.protocol tls.version \
        cloud.service.name cloudward.confidence cloudward.reasons cloudward.reads cloudward.hops cloudward.chain \
        cloudward.flows cloudward.tenant.name cloudward.tenant.verdict cloudward.attribution cloudward.window \
        cloudward.coverage.degraded cloudward.config_hash cloudward.revision cloudward.count cloudward.rules";
    for name in named.split_whitespace() {
        let pointer = format!("/{}", name.replace('.', "/"));
        assert!(value.pointer(&pointer).is_some_and(|value| !value.is_null()), "{name} is missing");
    }
    assert_eq!(
        (&value["event"]["kind"], &value["event"]["dataset"]),
        (&"alert".into(), &"cloudward.alert".into())
    );
    let coverage = Record::Coverage(records::coverage(b"x"));
    let value: Value = serde_json::from_str(&format::ecs(&coverage)).unwrap();
    assert_eq!(value["event"]["kind"], "state");
    assert_eq!(value["event"]["dataset"], "cloudward.coverage");
    assert_eq!(value["cloudward"]["coverage"]["kind"], "event-loss");
    assert_eq!(value["event"]["id"], format::id(&coverage).to_string());
    let heartbeat = Record::Heartbeat(Box::new(records::heartbeat()));
    let value: Value = serde_json::from_str(&format::ecs(&heartbeat)).unwrap();
    assert_eq!((&value["event"]["kind"], &value["event"]["action"]), (&"metric".into(), &"alive".into()));
    assert_eq!(value["event"]["dataset"], "cloudward.heartbeat");
    assert_eq!(value["agent"]["version"], env!("CARGO_PKG_VERSION"));
    let own = &value["cloudward"]["heartbeat"];
    assert_eq!(
        (&own["counters"]["outputs.siem.sent"], &own["coverage"]["event-loss"]),
        (&3.into(), &4.into())
    );
    assert_eq!((&own["uptime"], &own["every"]), (&60.into(), &300.into()));
}

/// Whose exec nobody saw, but whom the child's own events name.
#[test]
fn a_parent_is_named_as_far_as_it_is_known() {
    let mut alert = records::alert(b"x", 0);
    alert.chain.clear();
    let Actor::Process(uploader) = &mut alert.uploader else { panic!("a process uploads") };
    Arc::make_mut(&mut Arc::make_mut(uploader).info).parent =
        Some(ProcessKey { pid: Pid(640), version: 1281 });
    let value: Value = serde_json::from_str(&format::ecs(&Record::Alert(Box::new(alert)))).unwrap();
    assert_eq!(value["process"]["parent"], serde_json::json!({ "pid": 640, "entity_id": "640-1281" }));
}
