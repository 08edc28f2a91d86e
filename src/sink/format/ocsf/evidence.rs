//! `evidences` and `observables` of a finding: the process, the files it read, where the bytes went.

use std::net::IpAddr;

use serde_json::{Value, json};

use crate::model::{
    Actor, Alert, AuditEvent, Evidence, FlowEvidence, ProcessEvidence, ReadEvidence, SigningState, Uid,
};
use crate::sink::format::words;

/// Numbers of `observable.type_id` with their captions (`dictionary.json`, `metaschema` observables).
#[derive(Clone, Copy)]
enum Observable {
    Hostname = 1,
    Ip = 2,
    User = 4,
    Hash = 8,
    ProcessName = 9,
    CommandLine = 13,
    FilePath = 45,
}

impl Observable {
    const fn caption(self) -> &'static str {
        match self {
            Self::Hostname => "Hostname",
            Self::Ip => "IP Address",
            Self::User => "User Name",
            Self::Hash => "Hash",
            Self::ProcessName => "Process Name",
            Self::CommandLine => "Command Line",
            Self::FilePath => "File Path",
        }
    }
}

#[derive(Default)]
struct Found {
    evidences: Vec<Value>,
    observables: Vec<Value>,
}

impl Found {
    /// `name` points at the attribute within the evidence added next.
    fn observe(&mut self, name: &str, kind: Observable, value: impl Into<Value>) {
        let name = format!("evidences[{}].{name}", self.evidences.len());
        self.observables.push(
            json!({ "name": name, "type_id": kind as u8, "type": kind.caption(), "value": value.into() }),
        );
    }
}

/// Both lists. Evidence is one object each: the uploader, then every read, then every flow.
pub fn of(alert: &Alert) -> (Vec<Value>, Vec<Value>) {
    let mut found = Found::default();
    match &alert.uploader {
        Actor::Process(process) => uploader(&mut found, alert, process),
        Actor::Account(_) => {}
    }
    alert.audit.iter().for_each(|event| recorded(&mut found, event));
    alert.reads.iter().for_each(|read| file_read(&mut found, read));
    alert.flows.iter().for_each(|flow| sent(&mut found, flow, alert));
    (found.evidences, found.observables)
}

/// One record of an audit log: `objects/actor.json`, `objects/api.json`, and what it was about.
fn recorded(found: &mut Found, event: &AuditEvent) {
    let by = &event.by;
    let mut user = json!({ "name": by.name() });
    if let Some(id) = &by.principal {
        user["uid"] = (&**id).into();
    }
    if let Some(email) = by.user.as_deref().filter(|user| user.contains('@')) {
        user["email_addr"] = email.into();
    }
    found.observe("actor.user.name", Observable::User, by.name());
    let mut value = json!({
        "name": "audit log",
        "actor": { "user": user },
        "api": { "operation": &*event.operation, "service": { "name": by.log.as_str() } },
        "data": {
            "items": event.items.iter().map(|item| Value::from(&**item)).collect::<Vec<_>>(),
            "kind": event.kind.as_str(),
            "with": event.with.iter().map(|with| Value::from(&**with)).collect::<Vec<_>>(),
            "record": &*event.record,
            "time": words::millis(event.time),
        },
    });
    if let Some(account) = &by.account {
        value["actor"]["user"]["account"] = json!({ "uid": &**account });
    }
    if let Some(address) = by.address.as_deref().filter(|address| address.parse::<IpAddr>().is_ok()) {
        value["src_endpoint"] = json!({ "ip": address });
        found.observe("src_endpoint.ip", Observable::Ip, address);
    }
    found.evidences.push(value);
}

fn uploader(found: &mut Found, alert: &Alert, process: &ProcessEvidence) {
    let mut value = process_value(process);
    if let Some(name) = &alert.user_name {
        value["user"]["name"] = (&**name).into();
        found.observe("process.user.name", Observable::User, &**name);
    }
    // Nearest first: each is the parent of the one before.
    let ancestors = alert.chain.iter().rev().fold(None, |above: Option<Value>, process| {
        let mut value = process_value(process);
        if let Some(above) = above {
            value["parent_process"] = above;
        }
        Some(value)
    });
    if let Some(parent) = ancestors {
        value["parent_process"] = parent;
    }
    found.observe("process.name", Observable::ProcessName, words::process_name(process));
    if let Some(line) = value.get("cmd_line") {
        found.observe("process.cmd_line", Observable::CommandLine, line.clone());
    }
    let program = process.info.program.path.to_string();
    found.observe("process.file.path", Observable::FilePath, program);
    if let Some(hash) = value.pointer("/file/signature/digest/value") {
        found.observe("process.file.signature.digest.value", Observable::Hash, hash.clone());
    }
    found.evidences.push(json!({ "name": "process", "process": value }));
}

/// `objects/process.json`.
fn process_value(process: &ProcessEvidence) -> Value {
    let info = &process.info;
    let mut value = json!({
        "pid": info.key.pid.0,
        "uid": words::entity(info.key),
        "name": words::process_name(process),
        "path": info.program.path.to_string(),
        "file": program_file(process),
        "user": user(info.euid),
    });
    if !process.args.is_empty() {
        value["cmd_line"] = process.args.join(" ").into();
    }
    if let Some(started) = info.started {
        value["created_time"] = words::millis(started).into();
    }
    value
}

/// `objects/file.json` with its signature (`objects/digital_signature.json`).
fn program_file(process: &ProcessEvidence) -> Value {
    let program = &process.info.program;
    let mut file = json!({
        "name": words::process_name(process),
        "path": program.path.to_string(),
        "type_id": 1,
        "type": "Regular File",
    });
    if program.flags.state() == SigningState::Unsigned {
        return file;
    }
    let mut signature = json!({ "algorithm_id": 0, "algorithm": "Unknown" });
    match program.flags.state() {
        SigningState::Trusted if !process.invalidated => signature["state_id"] = 1.into(),
        SigningState::Invalid | SigningState::Trusted => signature["state_id"] = 9.into(),
        _ => {}
    }
    if let Some(team) = &program.team_id {
        signature["developer_uid"] = (&**team).into();
    }
    if let Some(hash) = program.cdhash {
        signature["digest"] = json!({ "algorithm_id": 99, "algorithm": "cdhash", "value": hash.to_string() });
    }
    file["signature"] = signature;
    file
}

fn user(uid: Uid) -> Value {
    json!({ "uid": uid.0.to_string() })
}

fn file_read(found: &mut Found, read: &ReadEvidence) {
    let path = read.path.to_string();
    let how = match read.evidence {
        Evidence::Open => "sensitive file opened",
        Evidence::Argv => "sensitive file named in arguments",
        Evidence::Taint => "staged copy opened",
    };
    found.observe("file.path", Observable::FilePath, path.clone());
    found.evidences.push(json!({
        "name": how,
        "file": {
            "name": words::file_name(&read.path),
            "path": path,
            "type_id": 1,
            "type": "Regular File",
            "accessed_time": words::millis(read.time),
        },
        "process": brief(&read.process),
    }));
}

/// Who, without the whole of it: the readers of many files are few.
fn brief(process: &ProcessEvidence) -> Value {
    let mut value = json!({
        "pid": process.info.key.pid.0,
        "uid": words::entity(process.info.key),
        "name": words::process_name(process),
        "path": process.info.program.path.to_string(),
    });
    if !process.args.is_empty() {
        value["cmd_line"] = process.args.join(" ").into();
    }
    value
}

fn sent(found: &mut Found, flow: &FlowEvidence, alert: &Alert) {
    let mut endpoint = json!({ "ip": flow.server.ip.to_string(), "port": flow.server.port });
    found.observe("dst_endpoint.ip", Observable::Ip, flow.server.ip.to_string());
    if let Some(domain) = &flow.domain {
        endpoint["hostname"] = domain.as_str().into();
        found.observe("dst_endpoint.hostname", Observable::Hostname, domain.as_str());
    }
    if let Some(service) = &alert.service {
        endpoint["svc_name"] = (&**service).into();
    }
    let transport = words::transport(flow);
    let version = if flow.server.ip.is_ipv4() { 4 } else { 6 };
    let mut value = json!({
        "name": "destination",
        "dst_endpoint": endpoint,
        "src_endpoint": { "ip": flow.client.ip.to_string(), "port": flow.client.port },
        "connection_info": {
            "direction_id": 2,
            "direction": "Outbound",
            "protocol_name": transport,
            "protocol_num": if transport == "tcp" { 6 } else { 17 },
            "protocol_ver_id": version,
        },
    });
    if let Some(version) = words::tls_version(flow) {
        value["tls"] = json!({ "version": version });
        if let Some(name) = words::server_name(flow) {
            value["tls"]["sni"] = name.into();
        }
    }
    if let Some(ja4) = flow.hello.as_ref().and_then(|hello| hello.ja4.as_deref()) {
        value["ja4_fingerprint_list"] = json!([{ "type_id": 1, "type": "JA4", "value": ja4 }]);
    }
    found.evidences.push(value);
}
