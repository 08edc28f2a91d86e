//! OCSF 1.5.0, one JSON object a line: every record is a Detection Finding (class 2004).
//!
//! Names and numbers are those of the schema's `events/findings/detection_finding.json` and the objects it uses. An
//! alert's first report is a Create, each later revision an Update of the same `finding_info.uid`. A blind spot is a
//! finding too, but no alert (`is_alert`). What the schema has no attribute for is in `unmapped.cloudward`, named as the
//! ECS format names it. The Mac itself is not known to a replay: no `device`, so no `host` profile.

mod evidence;

use serde_json::{Value, json};

use crate::model::{Alert, Coverage, Heartbeat, Record};
use crate::sink::redact;

use super::levels::{Level, confidence};
use super::words::{PRODUCT, VERSION, millis};
use super::{attack, ecs, heartbeat, json, words};

const SCHEMA: &str = "1.5.0";
const CLASS: u32 = 2004;

/// The record as one line.
pub fn ocsf(record: &Record) -> String {
    json::line(&value(&redact::record(record))) + "\n"
}

/// The record as a value, for those who wrap it.
pub(super) fn value(record: &redact::Redacted) -> Value {
    match &**record {
        Record::Alert(alert) => alert_value(alert),
        Record::Coverage(coverage) => coverage_value(coverage),
        Record::Heartbeat(beat) => heartbeat_value(beat),
    }
}

/// What every finding carries (`base_event` and `finding`). `activity` is 1 Create or 2 Update.
fn finding(activity: u32, level: Level, uid: &str) -> Value {
    let (severity_id, severity) = level.scale().ocsf;
    let name = if activity == 1 { "Create" } else { "Update" };
    json!({
        "category_uid": 2,
        "category_name": "Findings",
        "class_uid": CLASS,
        "class_name": "Detection Finding",
        "activity_id": activity,
        "activity_name": name,
        "type_uid": CLASS * 100 + activity,
        "type_name": format!("Detection Finding: {name}"),
        "severity_id": severity_id,
        "severity": severity,
        "status_id": 1,
        "status": "New",
        "metadata": {
            "version": SCHEMA,
            "uid": uid,
            "log_name": PRODUCT,
            "product": { "name": PRODUCT, "vendor_name": PRODUCT, "version": VERSION },
        },
    })
}

fn alert_value(alert: &Alert) -> Value {
    let activity = if alert.revision <= 1 { 1 } else { 2 };
    let uid = format!("{}.{}", alert.id, alert.revision);
    let mut root = finding(activity, alert.severity.into(), &uid);
    let (confidence_id, confidence) = confidence(alert.confidence);
    let (evidences, observables) = evidence::of(alert);
    let more = json!({
        "time": millis(alert.time),
        "start_time": millis(alert.window.0),
        "end_time": millis(alert.window.1),
        "is_alert": true,
        "confidence_id": confidence_id,
        "confidence": confidence,
        "risk_score": Level::from(alert.severity).scale().ecs,
        "message": words::message(alert),
        "action_id": 1,
        "action": "Allowed",
        "disposition_id": 15,
        "disposition": "Detected",
        "finding_info": finding_info(alert),
        "evidences": evidences,
        "observables": observables,
        "unmapped": { "cloudward": unmapped(alert) },
    });
    merge(&mut root, more);
    root["metadata"]["profiles"] = json!(["security_control"]);
    root["metadata"]["event_code"] = alert.rules.first().map_or("", |rule| &*rule.id).into();
    root["metadata"]["correlation_uid"] = alert.id.to_string().into();
    root
}

/// Our own evidence, without the lists that standard attributes hold whole.
fn unmapped(alert: &Alert) -> Value {
    let mut own = ecs::own(alert);
    if let Some(own) = own.as_object_mut() {
        own.retain(|name, _| !matches!(name.as_str(), "chain" | "rules"));
    }
    own
}

fn merge(root: &mut Value, more: Value) {
    if let (Value::Object(root), Value::Object(more)) = (root, more) {
        root.extend(more);
    }
}

/// `objects/finding_info.json`, its analytic and its attacks.
fn finding_info(alert: &Alert) -> Value {
    let mut info = json!({
        "uid": alert.id.to_string(),
        "title": alert.rules.first().map_or("", |rule| &*rule.name),
        "desc": words::why(alert),
        "types": ["Data exfiltration"],
        "first_seen_time": millis(alert.window.0),
        "last_seen_time": millis(alert.window.1),
        "modified_time": millis(alert.time),
        "data_sources": data_sources(alert),
        "attacks": words::techniques(alert).into_iter().map(attack_value).collect::<Vec<_>>(),
        "related_events_count": alert.reads.len() as u64 + alert.reads_omitted + alert.flows.len() as u64 + alert.audit.len() as u64,
    });
    let mut analytics = alert.rules.iter().map(|rule| {
        json!({
            "type_id": 1, "type": "Rule", "uid": &*rule.id, "name": &*rule.name, "version": &*rule.version,
        })
    });
    if let Some(first) = analytics.next() {
        info["analytic"] = first;
    }
    let related: Vec<Value> = analytics.collect();
    if !related.is_empty() {
        info["related_analytics"] = related.into();
    }
    info
}

fn data_sources(alert: &Alert) -> Vec<&'static str> {
    let here = alert.uploader.process().is_some() || !alert.reads.is_empty();
    let mut sources = if here { vec!["Endpoint Security"] } else { Vec::new() };
    sources.extend((!alert.flows.is_empty()).then_some("Packet capture"));
    for event in &alert.audit {
        if !sources.contains(&event.by.log.name()) {
            sources.push(event.by.log.name());
        }
    }
    sources
}

/// `objects/attack.json`: one technique, with its sub-technique and its tactic where they are known.
fn attack_value(id: &str) -> Value {
    let entity = |id: &str| match attack::technique(id) {
        Some((name, _)) => json!({ "uid": id, "name": name }),
        None => json!({ "uid": id }),
    };
    let parent = id.split('.').next().unwrap_or(id);
    let mut value = json!({ "version": attack::VERSION, "technique": entity(parent) });
    if parent != id {
        value["sub_technique"] = entity(id);
    }
    if let Some((_, (uid, name))) = attack::technique(id) {
        value["tactic"] = json!({ "uid": uid, "name": name });
    }
    value
}

fn coverage_value(coverage: &Coverage) -> Value {
    let id = words::coverage_id(coverage).to_string();
    let kind = coverage.kind.as_str();
    let mut root = finding(1, Level::COVERAGE, &id);
    let more = json!({
        "time": millis(coverage.end),
        "start_time": millis(coverage.start),
        "end_time": millis(coverage.end),
        "is_alert": false,
        "message": coverage.text,
        "finding_info": {
            "uid": id,
            "title": format!("Not seen: {kind}"),
            "desc": coverage.text,
            "types": ["Sensor coverage"],
            "first_seen_time": millis(coverage.start),
            "last_seen_time": millis(coverage.end),
            "analytic": { "type_id": 1, "type": "Rule", "uid": format!("coverage.{kind}"), "name": kind },
        },
        "unmapped": { "cloudward": { "coverage": { "kind": kind, "count": coverage.count } } },
    });
    merge(&mut root, more);
    root["metadata"]["event_code"] = format!("coverage.{kind}").into();
    root
}

fn heartbeat_value(beat: &Heartbeat) -> Value {
    let id = heartbeat::id(beat).to_string();
    let mut root = finding(1, Level::Info, &id);
    let more = json!({
        "time": millis(beat.time),
        "is_alert": false,
        "message": heartbeat::message(beat),
        "finding_info": {
            "uid": id,
            "title": format!("Heartbeat: {}", beat.pulse.as_str()),
            "desc": heartbeat::message(beat),
            "types": ["Heartbeat"],
            "analytic": { "type_id": 1, "type": "Rule", "uid": "heartbeat", "name": "heartbeat" },
        },
        "unmapped": {
            "cloudward": { "heartbeat": ecs::heartbeat_own(beat), "config_hash": &*beat.config_hash },
        },
    });
    merge(&mut root, more);
    root["metadata"]["event_code"] = "heartbeat".into();
    root
}
