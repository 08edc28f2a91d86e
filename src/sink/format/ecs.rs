//! Elastic Common Schema (ECS 9), one JSON object a line.
//!
//! Standard fields first in meaning, our own evidence under `cloudward.*`. Keys are written in alphabetical order; numbers
//! are bytes, times RFC 3339 in UTC with nanoseconds.

use serde_json::{Map, Value, json};

use crate::model::{
    Alert, Coverage, FlowEvidence, Hop, ProcessEvidence, ProcessKey, ReadEvidence, Record, Severity,
    SigningState, Timestamp,
};
use crate::sink::redact;

/// The record as one line.
pub fn ecs(record: &Record) -> String {
    let mut line = match &*redact::record(record) {
        Record::Alert(alert) => alert_value(alert),
        Record::Coverage(coverage) => coverage_value(coverage),
    }
    .to_string();
    line.push('\n');
    line
}

fn alert_value(alert: &Alert) -> Value {
    let mut root = json!({
        "@timestamp": time(alert.time),
        "ecs": { "version": "9.4.0" },
        "message": message(alert),
        "event": event(alert),
        "rule": rule(alert),
        "threat": threat(alert),
        "process": process(&alert.uploader, alert),
        "user": { "id": alert.user.0.to_string() },
        "source": { "bytes": alert.bytes_out },
        "network": { "direction": "egress", "bytes": alert.bytes_out + alert.bytes_in },
        "cloudward": own(alert),
    });
    if let Some(name) = &alert.user_name {
        root["user"]["name"] = (&**name).into();
    }
    if let Some(read) = alert.reads.first() {
        root["file"] = file(read);
    }
    if let Some(service) = &alert.service {
        root["cloud"] = json!({ "service": { "name": &**service } });
    }
    root["destination"] = json!({ "bytes": alert.bytes_in });
    if let Some(flow) = alert.flows.first() {
        destination(&mut root, flow);
    }
    root
}

fn event(alert: &Alert) -> Value {
    json!({
        "kind": "alert",
        "category": ["intrusion_detection", "network", "file"],
        "type": ["info"],
        "id": alert.id.to_string(),
        "module": "cloudward",
        "dataset": "cloudward.alert",
        "severity": alert.severity.ecs_score(),
        "risk_score": alert.severity.ecs_score(),
        "code": alert.rules.first().map(|rule| &*rule.id),
        "start": time(alert.window.0),
        "end": time(alert.window.1),
        "duration": alert.window.1.since(alert.window.0).as_nanos(),
        "outcome": "unknown",
        "reason": alert.reasons.iter().map(|reason| reason.text.as_str()).collect::<Vec<_>>().join("; "),
    })
}

fn rule(alert: &Alert) -> Value {
    alert.rules.first().map_or(Value::Null, |rule| {
        json!({ "id": &*rule.id, "name": &*rule.name, "version": &*rule.version, "ruleset": "cloudward" })
    })
}

/// Techniques of every rule that fired; a sub-technique is listed with its parent.
fn threat(alert: &Alert) -> Value {
    let mut ids: Vec<&str> =
        alert.rules.iter().flat_map(|rule| rule.techniques.iter().map(|id| &**id)).collect();
    let parents: Vec<&str> =
        ids.iter().filter_map(|id| id.split_once('.').map(|(parent, _)| parent)).collect();
    let mut subs: Vec<&str> = ids.iter().filter(|id| id.contains('.')).copied().collect();
    ids.extend(parents);
    for list in [&mut ids, &mut subs] {
        list.sort_unstable();
        list.dedup();
    }
    json!({
        "framework": "MITRE ATT&CK",
        "tactic": { "id": ["TA0010"], "name": ["Exfiltration"] },
        "technique": { "id": ids, "subtechnique": { "id": subs } },
    })
}

fn process(uploader: &ProcessEvidence, alert: &Alert) -> Value {
    let mut value = process_value(uploader);
    if let Some(parent) = alert.chain.first() {
        value["parent"] = process_value(parent);
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
        "entity_id": entity(info.key),
        "executable": program.path.to_string(),
        "name": crate::model::Lossy(program.path.file_name()).to_string(),
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
    let status = match state {
        _ if process.invalidated => "invalidated",
        SigningState::Trusted => "trusted",
        SigningState::AdHoc => "ad-hoc",
        SigningState::Invalid => "invalid",
        SigningState::Unsigned => "unsigned",
    };
    let mut value = json!({
        "exists": state != SigningState::Unsigned,
        "valid": valid,
        "trusted": valid,
        "status": status,
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

/// Stable name of a process image on this Mac since boot: the pid with its version.
fn entity(key: ProcessKey) -> String {
    format!("{}-{}", key.pid.0, key.version)
}

fn file(read: &ReadEvidence) -> Value {
    let path = read.path.to_string();
    let name = crate::model::Lossy(read.path.file_name()).to_string();
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
    let transport = match flow.transport {
        crate::model::Transport::Tcp => "tcp",
        crate::model::Transport::Udp | crate::model::Transport::Quic => "udp",
    };
    root["network"]["transport"] = transport.into();
    root["network"]["type"] = if flow.server.ip.is_ipv4() { "ipv4" } else { "ipv6" }.into();
    let quic = flow.transport == crate::model::Transport::Quic;
    let protocol = if quic {
        "quic"
    } else if flow.hello.is_some() {
        "tls"
    } else {
        transport
    };
    root["network"]["protocol"] = protocol.into();
    if let Some(domain) = &flow.domain {
        root["destination"]["domain"] = domain.as_str().into();
        root["related"] = json!({ "hosts": [domain.as_str()], "ip": [flow.server.ip.to_string()] });
    }
    if let Some(hello) = &flow.hello {
        let name = flow.domain.as_ref().map(|domain| domain.as_str());
        root["tls"] = json!({ "version_protocol": "tls", "client": { "server_name": name } });
        let version = tls_version(hello.version);
        root["tls"]["version"] = version.map_or(Value::Null, Into::into);
    }
}

/// The highest version that the client offered.
fn tls_version(version: u16) -> Option<&'static str> {
    Some(match version {
        0x0301 => "1.0",
        0x0302 => "1.1",
        0x0303 => "1.2",
        0x0304 => "1.3",
        _ => return None,
    })
}

fn own(alert: &Alert) -> Value {
    let (start, end, limit) = alert.window;
    let rules = alert.rules.iter().map(|rule| {
        json!({ "id": &*rule.id, "name": &*rule.name, "version": &*rule.version, "severity": rule.severity.as_str() })
    });
    let reasons =
        alert.reasons.iter().map(|reason| json!({ "code": reason.code.as_str(), "text": reason.text }));
    let mut value = json!({
        "confidence": alert.confidence.as_str(),
        "severity": alert.severity.as_str(),
        "rules": rules.collect::<Vec<_>>(),
        "reasons": reasons.collect::<Vec<_>>(),
        "reads": alert.reads.iter().map(read_value).collect::<Vec<_>>(),
        "hops": alert.hops.iter().map(hop_value).collect::<Vec<_>>(),
        "chain": alert.chain.iter().map(|process| brief(process)).collect::<Vec<_>>(),
        "flows": alert.flows.iter().map(flow_value).collect::<Vec<_>>(),
        "tenant": { "name": alert.tenant.as_deref(), "verdict": alert.tenant_verdict.as_str() },
        "attribution": alert.attribution.as_str(),
        "window": { "start": time(start), "end": time(end), "seconds": limit.as_secs() },
        "coverage": { "degraded": alert.degraded.iter().map(|kind| kind.as_str()).collect::<Vec<_>>() },
        "config_hash": &*alert.config_hash,
        "revision": alert.revision,
        "count": alert.count,
        "bytes_out": alert.bytes_out,
        "bytes_in": alert.bytes_in,
    });
    if alert.reads_omitted > 0 {
        value["reads_omitted"] = alert.reads_omitted.into();
    }
    if let Some(category) = &alert.category {
        value["category"] = (&**category).into();
    }
    if let Some(script) = &alert.uploader.script {
        value["script"] = script.path.to_string().into();
    }
    if let Some(ja4) = alert.flows.iter().find_map(|flow| flow.hello.as_ref()?.ja4.clone()) {
        value["ja4"] = ja4.to_string().into();
    }
    value
}

/// A process in a list: who it is, in few fields.
fn brief(process: &ProcessEvidence) -> Value {
    let program = &process.info.program;
    let mut value = Map::new();
    value.insert("pid".into(), process.info.key.pid.0.into());
    value.insert("entity_id".into(), entity(process.info.key).into());
    value.insert("executable".into(), program.path.to_string().into());
    let ids = [("signing_id", &program.signing_id), ("team_id", &program.team_id)];
    for (name, id) in ids {
        if let Some(id) = id {
            value.insert(name.into(), id.to_string().into());
        }
    }
    value.insert("platform".into(), program.platform.into());
    if let Some(script) = &process.script {
        value.insert("script".into(), script.path.to_string().into());
    }
    if process.older_than_sensor {
        value.insert("exec_seen".into(), false.into());
    }
    Value::Object(value)
}

fn read_value(read: &ReadEvidence) -> Value {
    let sets: Vec<&str> = read.sets.iter().map(|set| &**set).collect();
    json!({
        "path": read.path.to_string(),
        "set": sets.first(),
        "sets": sets,
        "time": time(read.time),
        "process": brief(&read.process),
        "evidence": read.evidence.as_str(),
    })
}

fn hop_value(hop: &Hop) -> Value {
    let mut value =
        json!({ "kind": hop.kind.as_str(), "time": time(hop.time), "process": brief(&hop.process) });
    if let Some(path) = &hop.path {
        value["path"] = path.to_string().into();
    }
    value
}

fn flow_value(flow: &FlowEvidence) -> Value {
    let mut value = json!({
        "transport": flow.transport.as_str(),
        "client": { "ip": flow.client.ip.to_string(), "port": flow.client.port },
        "server": { "ip": flow.server.ip.to_string(), "port": flow.server.port },
        "domain": flow.domain.as_ref().map(|domain| domain.as_str()),
        "domain_source": flow.source.map_or("none", |source| source.as_str()),
        "bytes_out": flow.bytes_out,
        "bytes_in": flow.bytes_in,
        "start": time(flow.start),
        "end": time(flow.end),
    });
    if let Some(hello) = &flow.hello {
        value["ja4"] = hello.ja4.as_deref().map_or(Value::Null, Into::into);
        value["alpn"] = hello.alpn.iter().map(|name| Value::from(&**name)).collect();
        value["ech"] = hello.ech.into();
    }
    value
}

fn coverage_value(coverage: &Coverage) -> Value {
    json!({
        "@timestamp": time(coverage.end),
        "ecs": { "version": "9.4.0" },
        "message": coverage.text,
        "event": {
            "kind": "state",
            "category": ["host"],
            "type": ["info"],
            "module": "cloudward",
            "dataset": "cloudward.coverage",
            "severity": Severity::Low.ecs_score(),
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

/// One sentence: what happened.
fn message(alert: &Alert) -> String {
    alert.reasons.iter().take(3).map(|reason| reason.text.as_str()).collect::<Vec<_>>().join("; ")
}

fn time(time: Timestamp) -> Value {
    Value::String(time.to_string())
}
