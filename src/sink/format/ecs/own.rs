//! `cloudward.*`: the evidence that no standard field holds. The contract names these fields.

use serde_json::{Map, Value, json};

use crate::model::{
    Actor, Alert, AuditEvent, CloudAccount, FlowEvidence, Hop, ProcessEvidence, ReadEvidence,
};
use crate::sink::format::words;

use super::time;

pub fn own(alert: &Alert) -> Value {
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
    match &alert.uploader {
        Actor::Process(process) => value["platform"] = process.info.program.platform.into(),
        Actor::Account(account) => value["account"] = account_value(account),
    }
    if !alert.audit.is_empty() {
        value["audit"] = alert.audit.iter().map(|event| audit_value(event)).collect();
    }
    if alert.reads_omitted > 0 {
        value["reads_omitted"] = alert.reads_omitted.into();
    }
    if let Some(category) = &alert.category {
        value["category"] = (&**category).into();
    }
    if let Some(script) = alert.uploader.process().and_then(|process| process.script.as_ref()) {
        value["script"] = script.path.to_string().into();
    }
    if alert.uploader.process().is_some_and(|process| process.runs_other_code) {
        value["runs_other_code"] = true.into();
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
    value.insert("entity_id".into(), words::entity(process.info.key).into());
    value.insert("executable".into(), program.path.to_string().into());
    let ids = [("signing_id", &program.signing_id), ("team_id", &program.team_id)];
    for (name, id) in ids {
        if let Some(id) = id {
            value.insert(name.into(), id.to_string().into());
        }
    }
    value.insert("platform".into(), program.platform.into());
    value.insert("code_signature".into(), json!({ "status": words::signature_status(process) }));
    if let Some(parent) = process.info.parent {
        value.insert("parent".into(), json!({ "entity_id": words::entity(parent) }));
    }
    if let Some(script) = &process.script {
        value.insert("script".into(), script.path.to_string().into());
    }
    if process.runs_other_code {
        value.insert("runs_other_code".into(), true.into());
    }
    if process.older_than_sensor {
        value.insert("exec_seen".into(), false.into());
    }
    Value::Object(value)
}

fn account_value(account: &CloudAccount) -> Value {
    json!({
        "log": account.log.as_str(),
        "user": account.user.as_deref(),
        "principal": account.principal.as_deref(),
        "account": account.account.as_deref(),
        "address": account.address.as_deref(),
        "agent": account.agent.as_deref(),
    })
}

/// One record of an audit log.
fn audit_value(event: &AuditEvent) -> Value {
    let texts = |list: &[std::sync::Arc<str>]| list.iter().map(|one| Value::from(&**one)).collect::<Value>();
    json!({
        "log": event.by.log.as_str(),
        "operation": &*event.operation,
        "kind": event.kind.as_str(),
        "record": &*event.record,
        "time": time(event.time),
        "items": texts(&event.items),
        "with": texts(&event.with),
        "into": event.into.as_deref(),
        "text": event.to_string(),
        "by": account_value(&event.by),
    })
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
