//! One line of ECS, as the `ecs` format and the daemon's file output write it, read back for people.

use serde_json::Value;
use thiserror::Error;

use crate::model::{Confidence, Severity, Timestamp};

use super::json::At;

/// Items kept of one list of an alert; writers list at most 64 of each.
const MAX_ITEMS: usize = 256;

/// What a line holds.
#[derive(Clone, PartialEq, Debug)]
pub enum Entry {
    Alert(Box<Story>),
    Blind(Blind),
    Beat(Beat),
}

/// Why a line is no record that a report could show.
#[derive(Error, Clone, PartialEq, Eq, Debug)]
pub enum NoRecord {
    #[error("not JSON ({0})")]
    NotJson(String),
    #[error("JSON, but not a record of cloudward (no event.dataset of cloudward)")]
    Foreign,
    #[error("a record without a readable @timestamp")]
    NoTime,
    #[error("{0} bytes long, which is more than any record has")]
    TooLong(u64),
    #[error("an alert without an event.id")]
    NoId,
}

/// An alert, as one of its revisions told it.
#[derive(Clone, PartialEq, Debug)]
pub struct Story {
    pub id: String,
    pub time: Timestamp,
    pub revision: u64,
    pub count: u64,
    /// `None` where the record names none that is known.
    pub severity: Option<Severity>,
    pub confidence: Option<Confidence>,
    pub rules: Vec<Rule>,
    /// Ids and names of ATT&CK techniques, the finest known.
    pub techniques: Vec<(String, String)>,
    /// Code and sentence.
    pub reasons: Vec<(String, String)>,
    pub user_id: String,
    pub user_name: Option<String>,
    /// Without a path where only an audit log of the cloud knows of it.
    pub uploader: Process,
    /// Records of audit logs.
    pub audit: Vec<Record>,
    pub reads: Vec<Read>,
    pub reads_omitted: u64,
    pub hops: Vec<Hop>,
    /// The uploader's ancestors, nearest first.
    pub chain: Vec<Process>,
    pub flows: Vec<Flow>,
    pub service: Option<String>,
    pub category: Option<String>,
    pub tenant: Option<String>,
    pub tenant_verdict: String,
    pub attribution: String,
    pub window: (Option<Timestamp>, Option<Timestamp>, u64),
    pub bytes_out: u64,
    pub bytes_in: u64,
    /// What sensors could not see meanwhile: kinds of coverage.
    pub degraded: Vec<String>,
    pub config_hash: String,
}

/// One record of an audit log, as a sentence.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Record {
    pub log: String,
    pub time: Option<Timestamp>,
    /// Who, says the log.
    pub by: String,
    pub text: String,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Rule {
    pub id: String,
    pub name: String,
    pub version: String,
    pub severity: String,
}

#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Process {
    /// The same for the same process image, if the record has it.
    pub entity: String,
    pub pid: Option<i64>,
    pub path: String,
    pub args: Vec<String>,
    pub cwd: Option<String>,
    pub script: Option<String>,
    pub signing_id: Option<String>,
    pub team_id: Option<String>,
    pub platform: bool,
    /// What the signature is worth: `trusted`, `ad-hoc`, `unsigned`, `invalid`, `invalidated`.
    pub signature: Option<String>,
    pub cdhash: Option<String>,
    pub started: Option<Timestamp>,
    pub exec_not_seen: bool,
    pub parent: Option<String>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Read {
    pub path: String,
    pub sets: Vec<String>,
    pub time: Option<Timestamp>,
    pub process: Process,
    /// `open`, `argv` or `taint`.
    pub evidence: String,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Hop {
    pub kind: String,
    pub time: Option<Timestamp>,
    pub process: Process,
    pub path: Option<String>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Flow {
    pub transport: String,
    pub client: String,
    pub server: String,
    pub domain: Option<String>,
    pub domain_source: String,
    pub ja4: Option<String>,
    pub alpn: Vec<String>,
    pub ech: bool,
    pub bytes_out: u64,
    pub bytes_in: u64,
    pub start: Option<Timestamp>,
    pub end: Option<Timestamp>,
}

/// Something that could not be seen.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Blind {
    pub id: String,
    pub kind: String,
    pub count: u64,
    pub start: Timestamp,
    pub end: Timestamp,
    pub text: String,
}

/// A sign of life.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Beat {
    pub time: Timestamp,
    /// `start`, `alive`, `stop` or `test`.
    pub pulse: String,
    pub sequence: u64,
    /// Seconds until the next at the latest.
    pub every: Option<u64>,
}

impl Entry {
    /// Reads one line. Bytes that are not UTF-8 are kept as replacement characters.
    pub fn read(line: &[u8]) -> Result<Self, NoRecord> {
        let text = String::from_utf8_lossy(line);
        let value: Value =
            serde_json::from_str(&text).map_err(|error| NoRecord::NotJson(error.to_string()))?;
        let root = At(Some(&value));
        let dataset = root.get("event.dataset").text();
        match dataset {
            Some("cloudward.alert") => story(root).map(|story| Self::Alert(Box::new(story))),
            Some("cloudward.coverage") => blind(root).map(Self::Blind),
            Some("cloudward.heartbeat") => beat(root).map(Self::Beat),
            _ => Err(NoRecord::Foreign),
        }
    }
}

fn story(root: At<'_>) -> Result<Story, NoRecord> {
    let own = root.get("cloudward");
    let id = root.get("event.id").owned().filter(|id| !id.is_empty()).ok_or(NoRecord::NoId)?;
    let window = own.get("window");
    let mut uploader = process(root.get("process"));
    if uploader.path.is_empty() && own.get("account").0.is_some() {
        // An account of the cloud stands where a program would: named, and never one of this Mac's.
        uploader.path = root.get("user.name").words();
        uploader.entity = format!("account {}", uploader.path);
        uploader.signature = Some("account".to_owned());
    }
    uploader.script = own.get("script").owned();
    uploader.platform = own.get("platform").is_true();
    let mut chain: Vec<Process> = own.get("chain").list().take(MAX_ITEMS).map(process).collect();
    for child in 1..chain.len() {
        let parent = chain[child].entity.clone();
        chain[child - 1].parent.get_or_insert(parent);
    }
    uploader.parent = uploader.parent.or_else(|| chain.first().map(|parent| parent.entity.clone()));
    Ok(Story {
        id,
        time: root.get("@timestamp").time().ok_or(NoRecord::NoTime)?,
        revision: own.get("revision").number(),
        count: own.get("count").number(),
        severity: own.get("severity").text().and_then(severity),
        confidence: own.get("confidence").text().and_then(confidence),
        rules: own.get("rules").list().take(MAX_ITEMS).map(rule).collect(),
        techniques: techniques(root.get("threat.technique")),
        reasons: reasons(own.get("reasons")),
        user_id: root.get("user.id").words(),
        user_name: root.get("user.name").owned(),
        reads: own.get("reads").list().take(MAX_ITEMS).map(read).collect(),
        reads_omitted: own.get("reads_omitted").number(),
        hops: own.get("hops").list().take(MAX_ITEMS).map(hop).collect(),
        flows: own.get("flows").list().take(MAX_ITEMS).map(flow).collect(),
        audit: own.get("audit").list().take(MAX_ITEMS).map(record).collect(),
        uploader,
        chain,
        service: root.get("cloud.service.name").owned(),
        category: own.get("category").owned(),
        tenant: own.get("tenant.name").owned(),
        tenant_verdict: own.get("tenant.verdict").words(),
        attribution: own.get("attribution").words(),
        window: (window.get("start").time(), window.get("end").time(), window.get("seconds").number()),
        bytes_out: own.get("bytes_out").number(),
        bytes_in: own.get("bytes_in").number(),
        degraded: own.get("coverage.degraded").texts(),
        config_hash: own.get("config_hash").words(),
    })
}

fn blind(root: At<'_>) -> Result<Blind, NoRecord> {
    let own = root.get("cloudward.coverage");
    let end = root.get("@timestamp").time().ok_or(NoRecord::NoTime)?;
    Ok(Blind {
        id: root.get("event.id").words(),
        kind: own.get("kind").words(),
        count: own.get("count").number(),
        start: own.get("start").time().unwrap_or(end),
        end,
        text: own.get("text").words(),
    })
}

fn beat(root: At<'_>) -> Result<Beat, NoRecord> {
    let own = root.get("cloudward.heartbeat");
    Ok(Beat {
        time: root.get("@timestamp").time().ok_or(NoRecord::NoTime)?,
        pulse: own.get("pulse").words(),
        sequence: own.get("sequence").number(),
        every: own.get("every").0.and_then(Value::as_u64),
    })
}

fn severity(word: &str) -> Option<Severity> {
    let all = [Severity::Low, Severity::Medium, Severity::High, Severity::Critical];
    all.into_iter().find(|severity| severity.as_str() == word)
}

fn confidence(word: &str) -> Option<Confidence> {
    let all = [Confidence::Low, Confidence::Medium, Confidence::High];
    all.into_iter().find(|confidence| confidence.as_str() == word)
}

fn rule(at: At<'_>) -> Rule {
    Rule {
        id: at.get("id").words(),
        name: at.get("name").words(),
        version: at.get("version").words(),
        severity: at.get("severity").words(),
    }
}

/// Sub-techniques, and techniques of which no sub-technique is named.
fn techniques(at: At<'_>) -> Vec<(String, String)> {
    let pairs = |at: At<'_>| -> Vec<(String, String)> {
        let names = at.get("name").texts();
        let named = |(index, id): (usize, String)| (id, names.get(index).cloned().unwrap_or_default());
        at.get("id").texts().into_iter().take(MAX_ITEMS).enumerate().map(named).collect()
    };
    let subs = pairs(at.get("subtechnique"));
    let covered = |id: &str| subs.iter().any(|(sub, _)| sub.split('.').next() == Some(id));
    let mut all: Vec<_> = pairs(at).into_iter().filter(|(id, _)| !covered(id)).collect();
    all.extend(subs);
    all.sort_unstable();
    all
}

fn reasons(at: At<'_>) -> Vec<(String, String)> {
    at.list().take(MAX_ITEMS).map(|reason| (reason.get("code").words(), reason.get("text").words())).collect()
}

fn process(at: At<'_>) -> Process {
    let signature = at.get("code_signature");
    let signing_id = at.get("signing_id").owned().or_else(|| signature.get("signing_id").owned());
    Process {
        entity: at.get("entity_id").words(),
        pid: at.get("pid").0.and_then(Value::as_i64),
        path: at.get("executable").words(),
        args: at.get("args").list().take(MAX_ITEMS).filter_map(At::owned).collect(),
        cwd: at.get("working_directory").owned(),
        script: at.get("script").owned(),
        signing_id,
        team_id: at.get("team_id").owned().or_else(|| signature.get("team_id").owned()),
        platform: at.get("platform").is_true(),
        signature: signature.get("status").owned(),
        cdhash: at.get("hash.cdhash").owned(),
        started: at.get("start").time(),
        exec_not_seen: at.get("exec_seen").is_false(),
        parent: at.get("parent.entity_id").owned(),
    }
}

fn read(at: At<'_>) -> Read {
    Read {
        path: at.get("path").words(),
        sets: at.get("sets").texts(),
        time: at.get("time").time(),
        process: process(at.get("process")),
        evidence: at.get("evidence").words(),
    }
}

fn hop(at: At<'_>) -> Hop {
    Hop {
        kind: at.get("kind").words(),
        time: at.get("time").time(),
        process: process(at.get("process")),
        path: at.get("path").owned(),
    }
}

fn record(at: At<'_>) -> Record {
    let by = at.get("by");
    Record {
        log: at.get("log").words(),
        time: at.get("time").time(),
        by: by.get("user").owned().or_else(|| by.get("principal").owned()).unwrap_or_default(),
        text: at.get("text").words(),
    }
}

fn flow(at: At<'_>) -> Flow {
    let endpoint = |at: At<'_>| {
        let (ip, port) = (at.get("ip").words(), at.get("port").number());
        if ip.contains(':') { format!("[{ip}]:{port}") } else { format!("{ip}:{port}") }
    };
    Flow {
        transport: at.get("transport").words(),
        client: endpoint(at.get("client")),
        server: endpoint(at.get("server")),
        domain: at.get("domain").owned(),
        domain_source: at.get("domain_source").words(),
        ja4: at.get("ja4").owned(),
        alpn: at.get("alpn").texts(),
        ech: at.get("ech").is_true(),
        bytes_out: at.get("bytes_out").number(),
        bytes_in: at.get("bytes_in").number(),
        start: at.get("start").time(),
        end: at.get("end").time(),
    }
}
