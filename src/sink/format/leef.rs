//! IBM QRadar's Log Event Extended Format 2.0 (DSM guide, "LEEF event components").
//!
//! `LEEF:2.0|Vendor|Product|Version|EventID|x09|key=value<tab>…`. The format has no escapes: what could end a field is
//! shown as `\u{…}` instead, in values the tab and line breaks, in the header also `|`.

use std::net::IpAddr;

use crate::model::{Actor, Alert, Coverage, Heartbeat, ProcessEvidence, Record};
use crate::sink::redact::{self, Redacted};

use super::heartbeat;
use super::levels::Level;
use super::words::{self, PRODUCT, VERSION, millis, visible, within};

/// Longest value of one attribute.
const LONG: usize = 1023;

/// The record as one line.
pub fn leef(record: &Record) -> String {
    within_octets(&redact::record(record), usize::MAX).0 + "\n"
}

/// In at most `limit` octets, without line feed: the pairs that no longer fit are left out, and that is said.
pub(super) fn within_octets(record: &Redacted, limit: usize) -> (String, bool) {
    let (id, pairs) = match &**record {
        Record::Alert(alert) => {
            (alert.rules.first().map_or("", |rule| &rule.id).to_owned(), alert_pairs(alert))
        }
        Record::Coverage(coverage) => {
            (format!("coverage.{}", coverage.kind.as_str()), coverage_pairs(coverage))
        }
        Record::Heartbeat(beat) => ("heartbeat".to_owned(), heartbeat_pairs(beat)),
    };
    let id = visible(&within(&id, 255)).replace('|', "\\u{7c}");
    let line = format!("LEEF:2.0|{PRODUCT}|{PRODUCT}|{VERSION}|{id}|x09|");
    let pairs: Vec<String> = pairs.iter().map(|(key, value)| format!("{key}={}", visible(value))).collect();
    words::joined(line, &pairs, '\t', limit)
}

type Pairs = Vec<(&'static str, String)>;

/// Predefined keys first, then our own, which become custom properties.
fn alert_pairs(alert: &Alert) -> Pairs {
    let mut pairs = vec![
        ("devTime", millis(alert.time).to_string()),
        ("cat", alert.category.as_deref().unwrap_or("exfiltration").to_owned()),
        ("sev", Level::from(alert.severity).scale().leef.to_string()),
        ("usrName", within(&words::user(alert), LONG)),
        ("srcBytes", alert.bytes_out.to_string()),
        ("dstBytes", alert.bytes_in.to_string()),
        ("alertId", alert.id.to_string()),
        ("revision", alert.revision.to_string()),
        ("count", alert.count.to_string()),
        ("confidence", alert.confidence.as_str().to_owned()),
    ];
    match &alert.uploader {
        Actor::Process(process) => {
            pairs.push(("process", within(&process.info.program.path.to_string(), LONG)));
            pairs.push(("pid", process.info.key.pid.0.to_string()));
        }
        Actor::Account(account) => {
            // `src` takes addresses alone; what the provider calls by a name goes by a key of ours.
            let is_ip = account.address.as_deref().is_some_and(|address| address.parse::<IpAddr>().is_ok());
            let from = if is_ip { "src" } else { "sourceName" };
            let known = [(from, &account.address), ("accountName", &account.account)];
            let known = known.map(|(key, value)| Some((key, within(value.as_deref()?, LONG))));
            pairs.extend(known.into_iter().flatten());
        }
    }
    if let Some(event) = alert.audit.first() {
        pairs.push(("auditLog", event.by.log.as_str().to_owned()));
        pairs.push(("operation", within(&event.operation, LONG)));
        pairs.push(("objects", within(&event.items.join(" "), LONG)));
    }
    if let Some(read) = alert.reads.first() {
        pairs.push(("resource", within(&read.path.to_string(), LONG)));
        pairs.push(("files", (alert.reads.len() as u64 + alert.reads_omitted).to_string()));
    }
    if let Some(flow) = alert.flows.first() {
        pairs.push(("src", flow.client.ip.to_string()));
        pairs.push(("srcPort", flow.client.port.to_string()));
        pairs.push(("dst", flow.server.ip.to_string()));
        pairs.push(("dstPort", flow.server.port.to_string()));
        pairs.push(("proto", words::transport(flow).to_ascii_uppercase()));
        if let Some(domain) = &flow.domain {
            pairs.push(("domain", domain.to_string()));
        }
    }
    let optional = [("service", &alert.service), ("tenant", &alert.tenant)]
        .map(|(key, value)| Some((key, value.as_deref()?)));
    pairs.extend(optional.into_iter().flatten().map(|(key, value)| (key, within(value, LONG))));
    pairs.push(("techniques", words::techniques(alert).join(" ")));
    pairs.push(("msg", within(&words::message(alert), LONG)));
    pairs.extend(more(alert).map(|(key, value)| (key, within(&value, LONG))));
    pairs
}

/// What is left out first where room is short.
fn more(alert: &Alert) -> impl Iterator<Item = (&'static str, String)> {
    let process = alert.uploader.process();
    let path = |process: &ProcessEvidence| process.info.program.path.to_string();
    let some = [
        ("ruleName", alert.rules.first().map(|rule| rule.name.to_string())),
        ("rules", words::several_rules(alert)),
        ("start", Some(millis(alert.window.0).to_string())),
        ("end", Some(millis(alert.window.1).to_string())),
        ("reasons", Some(words::reason_codes(alert))),
        ("tenantVerdict", Some(alert.tenant_verdict.as_str().to_owned())),
        ("userId", alert.user.map(|user| user.0.to_string())),
        ("teamId", process.and_then(|process| process.info.program.team_id.as_deref()).map(str::to_owned)),
        ("parentProcess", alert.chain.first().map(|parent| path(parent))),
        ("protocol", alert.flows.first().map(|flow| words::protocol(flow).to_owned())),
        ("configHash", Some(alert.config_hash.to_string())),
    ];
    some.into_iter().filter_map(|(key, value)| Some((key, value?)))
}

fn coverage_pairs(coverage: &Coverage) -> Pairs {
    vec![
        ("devTime", millis(coverage.end).to_string()),
        ("cat", "coverage".to_owned()),
        ("sev", Level::COVERAGE.scale().leef.to_string()),
        ("alertId", words::coverage_id(coverage).to_string()),
        ("count", coverage.count.to_string()),
        ("start", millis(coverage.start).to_string()),
        ("msg", within(&coverage.text, LONG)),
    ]
}

fn heartbeat_pairs(beat: &Heartbeat) -> Pairs {
    vec![
        ("devTime", millis(beat.time).to_string()),
        ("cat", "heartbeat".to_owned()),
        ("sev", Level::Info.scale().leef.to_string()),
        ("alertId", heartbeat::id(beat).to_string()),
        ("pulse", beat.pulse.as_str().to_owned()),
        ("sequence", beat.sequence.to_string()),
        ("configHash", beat.config_hash.to_string()),
        ("counters", within(&heartbeat::sum(beat), LONG)),
        ("msg", within(&heartbeat::message(beat), LONG)),
    ]
}
