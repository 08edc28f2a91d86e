//! Elastic Common Schema (ECS 9), one JSON object a line.
//!
//! Standard fields first in meaning, our own evidence under `cloudward.*`. Keys are written in alphabetical order; numbers
//! are bytes, times RFC 3339 in UTC with nanoseconds.

mod own;

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use crate::model::{
    Actor, Alert, AuditEvent, Coverage, FlowEvidence, Heartbeat, ProcessEvidence, ReadEvidence, Record,
    SigningState, Span, Timestamp,
};
use crate::sink::redact::{self, Redacted};

use super::levels::Level;
use super::{attack, heartbeat, json, words};

pub(super) use own::own;

/// The record as one line.
pub fn ecs(record: &Record) -> String {
    json::line(&value(&redact::record(record))) + "\n"
}

/// The record as a value, for those who wrap it.
pub(super) fn value(record: &Redacted) -> Value {
    match &**record {
        Record::Alert(alert) => alert_value(alert),
        Record::Coverage(coverage) => coverage_value(coverage),
        Record::Heartbeat(beat) => heartbeat_value(beat),
    }
}

fn alert_value(alert: &Alert) -> Value {
    let mut root = json!({
        "@timestamp": time(alert.time),
        "ecs": { "version": "9.4.0" },
        "message": words::message(alert),
        "event": event(alert),
        "threat": threat(alert),
        "source": { "bytes": alert.bytes_out },
        "network": { "direction": "egress", "bytes": alert.bytes_out + alert.bytes_in },
        "related": related(alert),
        "cloudward": own(alert),
    });
    actor(&mut root, alert);
    if let Some(rule) = alert.rules.first() {
        root["event"]["code"] = (&*rule.id).into();
        root["rule"] = json!({
            "id": &*rule.id, "name": &*rule.name, "version": &*rule.version, "ruleset": words::PRODUCT,
        });
    }
    if let Some(read) = alert.reads.first() {
        root["file"] = file(read);
    }
    if let Some(service) = &alert.service {
        root["cloud"]["service"] = json!({ "name": &**service });
    }
    root["destination"] = json!({ "bytes": alert.bytes_in });
    if let Some(flow) = alert.flows.first() {
        destination(&mut root, flow);
    }
    if let Some(event) = alert.audit.first() {
        recorded(&mut root, event);
    }
    root
}

/// `process.*` and `user.*` of this Mac, or `user.*` and `source.*` of the cloud.
fn actor(root: &mut Value, alert: &Alert) {
    match &alert.uploader {
        Actor::Process(uploader) => {
            root["process"] = process(uploader, alert);
            root["user"] = json!({});
            if let Some(user) = alert.user {
                root["user"]["id"] = user.0.to_string().into();
            }
            if let Some(name) = &alert.user_name {
                root["user"]["name"] = (&**name).into();
            }
        }
        Actor::Account(account) => {
            root["user"] = json!({ "name": account.name() });
            if let Some((_, domain)) = account.user.as_deref().and_then(|user| user.split_once('@')) {
                root["user"]["email"] = account.name().into();
                root["user"]["domain"] = domain.into();
            }
            if let Some(id) = &account.principal {
                root["user"]["id"] = (&**id).into();
            }
            if let Some(address) = &account.address {
                root["source"]["address"] = (&**address).into();
                if address.parse::<std::net::IpAddr>().is_ok() {
                    root["source"]["ip"] = (&**address).into();
                }
            }
            if let Some(agent) = &account.agent {
                root["user_agent"] = json!({ "original": &**agent });
            }
        }
    }
}

/// What the cloud's log adds: its name, its word for the deed, whose account it is.
fn recorded(root: &mut Value, event: &AuditEvent) {
    root["event"]["provider"] = event.by.log.as_str().into();
    root["event"]["action"] = (&*event.operation).into();
    root["cloud"]["provider"] = event.by.log.provider().into();
    if let Some(account) = &event.by.account {
        root["cloud"]["account"] = json!({ "id": &**account });
    }
    if let (Some(item), true) = (event.items.first(), root.get("file").is_none()) {
        let name = item.trim_end_matches('/').rsplit('/').next().unwrap_or(item);
        root["file"] = json!({ "path": &**item, "name": name });
    }
}

fn event(alert: &Alert) -> Value {
    // What the cloud did by itself is a change of who may reach what; neither a file nor the network of this Mac shows it.
    let here = !alert.reads.is_empty() || !alert.flows.is_empty();
    let (category, kind) = match (here, alert.audit.is_empty()) {
        (true, true) => (json!(["intrusion_detection", "network", "file"]), "info"),
        (true, false) => (json!(["intrusion_detection", "configuration", "file"]), "change"),
        (false, _) => (json!(["intrusion_detection", "configuration"]), "change"),
    };
    json!({
        "kind": "alert",
        "category": category,
        "type": [kind],
        "id": alert.id.to_string(),
        "module": "cloudward",
        "dataset": "cloudward.alert",
        "severity": Level::from(alert.severity).scale().ecs,
        "risk_score": Level::from(alert.severity).scale().ecs,
        "start": time(alert.window.0),
        "end": time(alert.window.1),
        "duration": alert.window.1.since(alert.window.0).as_nanos(),
        "outcome": "unknown",
        "reason": words::why(alert),
    })
}

/// Techniques of every rule that fired; a sub-technique is listed with its parent.
fn threat(alert: &Alert) -> Value {
    let ids = words::techniques(alert);
    let mut whole: Vec<&str> = ids.iter().map(|id| id.split('.').next().unwrap_or(id)).collect();
    whole.dedup();
    let subs: Vec<&str> = ids.iter().filter(|id| id.contains('.')).copied().collect();
    let tactics = attack::tactics(ids.iter().copied());
    let (tactic_ids, tactic_names): (Vec<_>, Vec<_>) = tactics.into_iter().unzip();
    let mut technique = named(&whole);
    if !subs.is_empty() {
        technique["subtechnique"] = named(&subs);
    }
    json!({
        "framework": "MITRE ATT&CK",
        "tactic": { "id": tactic_ids, "name": tactic_names },
        "technique": technique,
    })
}

/// Ids, and their names where all are known: the lists are read side by side.
fn named(ids: &[&str]) -> Value {
    let names: Option<Vec<&str>> = ids.iter().map(|id| Some(attack::technique(id)?.0)).collect();
    match names {
        Some(names) => json!({ "id": ids, "name": names }),
        None => json!({ "id": ids }),
    }
}

fn process(uploader: &ProcessEvidence, alert: &Alert) -> Value {
    let mut value = process_value(uploader);
    let info = &uploader.info;
    value["real_user"] = json!({ "id": info.ruid.0.to_string() });
    value["group_leader"] = json!({ "pid": info.group_id.0 });
    value["session_leader"] = json!({ "pid": info.session_id.0 });
    // A parent whose exec nobody saw has at least its pid, from the child's own events.
    if let Some(parent) = alert.chain.first() {
        value["parent"] = process_value(parent);
    } else if let Some(parent) = info.parent {
        value["parent"] = json!({ "pid": parent.pid.0, "entity_id": words::entity(parent) });
    }
    value
}

/// The `process.*` fields of one process.
fn process_value(process: &ProcessEvidence) -> Value {
    let info = &process.info;
    let program = &info.program;
    let args = &process.args;
    let mut value = json!({
        "pid": info.key.pid.0,
        "entity_id": words::entity(info.key),
        "executable": program.path.to_string(),
        "name": words::process_name(process),
        "code_signature": signature(process),
        "user": { "id": info.euid.0.to_string() },
        "interactive": info.has_tty,
    });
    let Some(object) = value.as_object_mut() else { return value };
    if !args.is_empty() {
        object.insert("args_count".into(), args.len().into());
        object.insert("command_line".into(), args.join(" ").into());
        object.insert("args".into(), args.iter().map(|arg| Value::from(&**arg)).collect());
    }
    if let Some(cwd) = &process.cwd {
        object.insert("working_directory".into(), cwd.to_string().into());
    }
    if let Some(started) = info.started {
        object.insert("start".into(), time(started));
    }
    if let Some(hash) = program.cdhash {
        object.insert("hash".into(), json!({ "cdhash": hash.to_string() }));
    }
    value
}

fn signature(process: &ProcessEvidence) -> Value {
    let program = &process.info.program;
    let state = program.flags.state();
    let valid = state == SigningState::Trusted && !process.invalidated;
    let mut value = json!({
        "exists": state != SigningState::Unsigned,
        "valid": valid,
        "trusted": valid,
        "status": words::signature_status(process),
        "flags": format!("{:?}", program.flags),
    });
    let Some(object) = value.as_object_mut() else { return value };
    if let Some(id) = &program.signing_id {
        object.insert("signing_id".into(), id.to_string().into());
    }
    if let Some(id) = &program.team_id {
        object.insert("team_id".into(), id.to_string().into());
    }
    value
}

fn file(read: &ReadEvidence) -> Value {
    let path = read.path.to_string();
    let name = words::file_name(&read.path);
    let directory = path.strip_suffix(name.as_str()).map(|head| head.trim_end_matches('/').to_owned());
    let mut value = json!({ "path": path, "name": name, "type": "file" });
    if let Some(directory) = directory.filter(|directory| !directory.is_empty()) {
        value["directory"] = directory.into();
    }
    if let Some((stem, extension)) = name.rsplit_once('.')
        && !stem.is_empty()
    {
        value["extension"] = extension.into();
    }
    value
}

fn destination(root: &mut Value, flow: &FlowEvidence) {
    let address = flow.domain.as_ref().map_or_else(|| flow.server.ip.to_string(), ToString::to_string);
    root["destination"]["address"] = address.into();
    root["destination"]["ip"] = flow.server.ip.to_string().into();
    root["destination"]["port"] = flow.server.port.into();
    root["source"]["ip"] = flow.client.ip.to_string().into();
    root["source"]["port"] = flow.client.port.into();
    root["network"]["transport"] = words::transport(flow).into();
    root["network"]["type"] = if flow.server.ip.is_ipv4() { "ipv4" } else { "ipv6" }.into();
    root["network"]["protocol"] = words::protocol(flow).into();
    if let Some(domain) = &flow.domain {
        root["destination"]["domain"] = domain.as_str().into();
    }
    if flow.hello.is_some() {
        root["tls"] = json!({ "version_protocol": "tls" });
        if let Some(name) = words::server_name(flow) {
            root["tls"]["client"] = json!({ "server_name": name });
        }
        if let Some(version) = words::tls_version(flow) {
            root["tls"]["version"] = version.into();
        }
    }
}

/// Every host, address, hash and user above: analysts pivot on them.
fn related(alert: &Alert) -> Value {
    let mut related = Map::new();
    let mut add = |name: &str, values: &mut dyn Iterator<Item = String>| {
        let values: BTreeSet<String> = values.collect();
        if !values.is_empty() {
            related.insert(name.into(), values.into_iter().collect());
        }
    };
    let flows = || alert.flows.iter();
    add("hosts", &mut flows().filter_map(|flow| flow.domain.as_ref().map(ToString::to_string)));
    let elsewhere = alert.audit.iter().filter_map(|event| event.by.address.as_deref()?.parse().ok());
    let ips = flows().flat_map(|flow| [flow.client.ip, flow.server.ip]).chain(elsewhere);
    add("ip", &mut ips.map(|ip: std::net::IpAddr| ip.to_string()));
    let processes = alert.uploader.process().into_iter().chain(alert.reads.iter().map(|read| &read.process));
    add(
        "hash",
        &mut processes.filter_map(|process| process.info.program.cdhash.map(|hash| hash.to_string())),
    );
    let others = alert.audit.iter().map(|event| event.by.name().to_owned());
    add("user", &mut alert.user_name.iter().map(ToString::to_string).chain(others));
    Value::Object(related)
}

fn coverage_value(coverage: &Coverage) -> Value {
    json!({
        "@timestamp": time(coverage.end),
        "ecs": { "version": "9.4.0" },
        "message": coverage.text,
        "event": {
            "kind": "state",
            "id": words::coverage_id(coverage).to_string(),
            "category": ["host"],
            "type": ["info"],
            "module": "cloudward",
            "dataset": "cloudward.coverage",
            "severity": Level::COVERAGE.scale().ecs,
            "start": time(coverage.start),
            "end": time(coverage.end),
        },
        "cloudward": { "coverage": {
            "kind": coverage.kind.as_str(),
            "count": coverage.count,
            "start": time(coverage.start),
            "end": time(coverage.end),
            "text": coverage.text,
        } },
    })
}

fn heartbeat_value(beat: &Heartbeat) -> Value {
    let mut own = heartbeat_own(beat);
    own["since"] = time(beat.since);
    json!({
        "@timestamp": time(beat.time),
        "ecs": { "version": "9.4.0" },
        "message": heartbeat::message(beat),
        "event": {
            "kind": "metric",
            "id": heartbeat::id(beat).to_string(),
            "action": beat.pulse.as_str(),
            "category": ["host"],
            "type": ["info"],
            "module": "cloudward",
            "dataset": "cloudward.heartbeat",
            "severity": Level::Info.scale().ecs,
            "sequence": beat.sequence,
        },
        "agent": { "type": words::PRODUCT, "version": words::VERSION },
        "cloudward": { "heartbeat": own, "config_hash": &*beat.config_hash },
    })
}

/// What every JSON format says of a heartbeat under our own name. Spans are in seconds.
pub(super) fn heartbeat_own(beat: &Heartbeat) -> Value {
    let counters = |(name, count): &(Box<str>, u64)| (name.to_string(), Value::from(*count));
    let coverage = beat.coverage.iter().map(|(kind, count)| (kind.as_str().to_owned(), Value::from(*count)));
    json!({
        "pulse": beat.pulse.as_str(),
        "sequence": beat.sequence,
        "uptime": beat.time.since(beat.since).as_secs(),
        "every": beat.every.map(Span::as_secs),
        "version": words::VERSION,
        "counters": beat.counters.iter().map(counters).collect::<Map<_, _>>(),
        "coverage": coverage.collect::<Map<_, _>>(),
    })
}

fn time(time: Timestamp) -> Value {
    Value::String(time.to_string())
}
