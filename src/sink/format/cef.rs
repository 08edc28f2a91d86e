//! ArcSight Common Event Format, version 0 (the implementation standard's revision 25).
//!
//! `CEF:0|Vendor|Product|Version|Class|Name|Severity|key=value …`. In the header `\` and `|` are escaped, in values `\`,
//! `=` and line breaks; everything else that could hide or break a line is shown as `\u{…}`. Lengths are those of the
//! standard's dictionary; a value that was cut ends in `[cut]`.

use std::net::IpAddr;

use crate::model::{Actor, Alert, CloudAccount, Coverage, Heartbeat, Record};
use crate::sink::redact::{self, Redacted};

use super::heartbeat;
use super::levels::Level;
use super::words::{self, PRODUCT, VERSION, millis, visible, within};

/// Longest value of the text fields: `msg`, `reason`, `filePath`, `fname`, `dhost`, `suser`, `sproc` (1023 in the
/// dictionary), and of the custom strings, which may have 4000.
const LONG: usize = 1023;

/// The record as one line.
pub fn cef(record: &Record) -> String {
    within_octets(&redact::record(record), usize::MAX).0 + "\n"
}

/// In at most `limit` octets, without line feed: the pairs that no longer fit are left out, and that is said.
pub(super) fn within_octets(record: &Redacted, limit: usize) -> (String, bool) {
    let (line, pairs) = match &**record {
        Record::Alert(alert) => (alert_header(alert), alert_pairs(alert)),
        Record::Coverage(coverage) => (coverage_header(coverage), coverage_pairs(coverage)),
        Record::Heartbeat(beat) => (header("heartbeat", "Heartbeat", Level::Info), heartbeat_pairs(beat)),
    };
    let pairs: Vec<String> = pairs.iter().map(|(key, value)| format!("{key}={}", escape(value))).collect();
    words::joined(line, &pairs, ' ', limit)
}

fn header(class: &str, name: &str, level: Level) -> String {
    let severity = level.scale().cef;
    let field = |text: &str| visible(&within(text, 255)).replace('\\', "\\\\").replace('|', "\\|");
    format!("CEF:0|{PRODUCT}|{PRODUCT}|{VERSION}|{}|{}|{severity}|", field(class), field(name))
}

/// A value. Line breaks keep their own escapes, the rest is made visible before its backslashes are doubled.
fn escape(value: &str) -> String {
    let mut written = String::with_capacity(value.len() + 8);
    for piece in value.split_inclusive(['\n', '\r']) {
        let text = piece.trim_end_matches(['\n', '\r']);
        written.push_str(&visible(text).replace('\\', "\\\\").replace('=', "\\="));
        written.extend(piece[text.len()..].chars().map(|c| if c == '\n' { "\\n" } else { "\\r" }));
    }
    written
}

type Pairs = Vec<(&'static str, String)>;

fn alert_header(alert: &Alert) -> String {
    let rule = alert.rules.first();
    header(rule.map_or("", |rule| &rule.id), rule.map_or("", |rule| &rule.name), alert.severity.into())
}

/// What matters most comes first: receivers cut at the end.
fn alert_pairs(alert: &Alert) -> Pairs {
    let mut pairs = vec![
        ("externalId", alert.id.to_string()),
        ("rt", millis(alert.time).to_string()),
        ("start", millis(alert.window.0).to_string()),
        ("end", millis(alert.window.1).to_string()),
        ("cat", alert.category.as_deref().unwrap_or("exfiltration").to_owned()),
        ("act", "detected".to_owned()),
    ];
    pairs.extend(alert.user.map(|user| ("suid", user.0.to_string())));
    match &alert.uploader {
        Actor::Process(process) => {
            pairs.push(("spid", process.info.key.pid.0.to_string()));
            pairs.push(("sproc", within(&process.info.program.path.to_string(), LONG)));
        }
        Actor::Account(account) => account_pairs(&mut pairs, account),
    }
    pairs.extend([
        ("out", alert.bytes_out.to_string()),
        ("in", alert.bytes_in.to_string()),
        ("cn1Label", "count".to_owned()),
        ("cn1", alert.count.to_string()),
        ("cn2Label", "revision".to_owned()),
        ("cn2", alert.revision.to_string()),
        ("cs4Label", "confidence".to_owned()),
        ("cs4", alert.confidence.as_str().to_owned()),
        ("cs1Label", "techniques".to_owned()),
        ("cs1", words::techniques(alert).join(" ")),
    ]);
    if let (Some(name), Some(_)) = (&alert.user_name, alert.uploader.process()) {
        pairs.push(("suser", within(name, LONG)));
    }
    destination(&mut pairs, alert);
    if let Some(read) = alert.reads.first() {
        pairs.push(("filePath", within(&read.path.to_string(), LONG)));
        pairs.push(("fname", within(&words::file_name(&read.path), LONG)));
        pairs.push(("cn3Label", "files".to_owned()));
        pairs.push(("cn3", (alert.reads.len() as u64 + alert.reads_omitted).to_string()));
    }
    if let (Some(event), None) = (alert.audit.first(), alert.reads.first()) {
        pairs.push(("fname", within(&event.items.join(" "), LONG)));
    }
    pairs.push(("msg", within(&words::message(alert), LONG)));
    pairs.push(("reason", words::reason_codes(alert)));
    custom(&mut pairs, alert);
    pairs
}

/// Who it was in the cloud, and from where.
fn account_pairs(pairs: &mut Pairs, account: &CloudAccount) {
    pairs.push(("suser", within(account.name(), LONG)));
    let address = account.address.as_deref().and_then(|address| address.parse::<IpAddr>().ok());
    pairs.extend(address.filter(IpAddr::is_ipv4).map(|ip| ("src", ip.to_string())));
    let known = [("suid", &account.principal), ("requestClientApplication", &account.agent)];
    let known = known.map(|(key, value)| Some((key, within(value.as_deref()?, LONG))));
    pairs.extend(known.into_iter().flatten());
    pairs.push(("sourceServiceName", account.log.as_str().to_owned()));
}

/// The first flow. `src` and `dst` hold version 4 only; version 6 has custom fields of its own.
fn destination(pairs: &mut Pairs, alert: &Alert) {
    if let Some(service) = &alert.service {
        pairs.push(("destinationServiceName", within(service, LONG)));
    }
    let Some(flow) = alert.flows.first() else { return };
    if let Some(domain) = &flow.domain {
        pairs.push(("dhost", domain.to_string()));
    }
    let mut address = |ip: IpAddr, four, six, label, words: &str| {
        if ip.is_ipv4() {
            pairs.push((four, ip.to_string()));
        } else {
            pairs.push((label, words.to_owned()));
            pairs.push((six, ip.to_string()));
        }
    };
    address(flow.server.ip, "dst", "c6a3", "c6a3Label", "Destination IPv6 Address");
    address(flow.client.ip, "src", "c6a2", "c6a2Label", "Source IPv6 Address");
    pairs.push(("dpt", flow.server.port.to_string()));
    pairs.push(("spt", flow.client.port.to_string()));
    pairs.push(("proto", words::transport(flow).to_ascii_uppercase()));
    pairs.push(("app", words::protocol(flow).to_ascii_uppercase()));
}

/// Custom strings, each with its label.
fn custom(pairs: &mut Pairs, alert: &Alert) {
    let team = alert.uploader.process().and_then(|process| process.info.program.team_id.as_deref());
    let mut add = |label, key, name: &str, value: Option<String>| {
        if let Some(value) = value {
            pairs.push((label, name.to_owned()));
            pairs.push((key, within(&value, LONG)));
        }
    };
    let parent = alert.chain.first().map(|process| process.info.program.path.to_string());
    add("cs5Label", "cs5", "tenant", alert.tenant.as_deref().map(ToOwned::to_owned));
    add("cs2Label", "cs2", "team id", team.map(ToOwned::to_owned));
    add("cs3Label", "cs3", "parent process", parent);
    add("cs6Label", "cs6", "config hash", Some(alert.config_hash.to_string()));
    add("flexString1Label", "flexString1", "rules", words::several_rules(alert));
}

fn coverage_header(coverage: &Coverage) -> String {
    let kind = coverage.kind.as_str();
    header(&format!("coverage.{kind}"), &format!("Not seen: {kind}"), Level::COVERAGE)
}

fn coverage_pairs(coverage: &Coverage) -> Pairs {
    vec![
        ("externalId", words::coverage_id(coverage).to_string()),
        ("rt", millis(coverage.end).to_string()),
        ("start", millis(coverage.start).to_string()),
        ("end", millis(coverage.end).to_string()),
        ("cat", "coverage".to_owned()),
        ("cn1Label", "count".to_owned()),
        ("cn1", coverage.count.to_string()),
        ("msg", within(&coverage.text, LONG)),
    ]
}

fn heartbeat_pairs(beat: &Heartbeat) -> Pairs {
    vec![
        ("externalId", heartbeat::id(beat).to_string()),
        ("rt", millis(beat.time).to_string()),
        ("start", millis(beat.since).to_string()),
        ("cat", "heartbeat".to_owned()),
        ("act", beat.pulse.as_str().to_owned()),
        ("cn1Label", "sequence".to_owned()),
        ("cn1", beat.sequence.to_string()),
        ("cs6Label", "config hash".to_owned()),
        ("cs6", beat.config_hash.to_string()),
        ("cs1Label", "counters".to_owned()),
        ("cs1", within(&heartbeat::sum(beat), LONG)),
        ("msg", within(&heartbeat::message(beat), LONG)),
    ]
}
