//! For people: what happened, in order, in plain words.

use std::fmt::Write;

use crate::model::{
    Actor, Alert, CloudAccount, Coverage, Evidence, Heartbeat, ProcessEvidence, Record, SigningState,
    TenantVerdict, Timestamp,
};
use crate::sink::redact;

use super::heartbeat;
use super::words::{self, size, visible};

/// Lines listed of one kind; the rest is counted.
const MAX_LINES: usize = 12;

/// The record as a block of lines, with an empty line behind an alert.
pub fn text(record: &Record) -> String {
    match &*redact::record(record) {
        Record::Alert(alert) => alert_text(alert),
        Record::Coverage(coverage) => coverage_text(coverage),
        Record::Heartbeat(beat) => heartbeat_text(beat),
    }
}

fn alert_text(alert: &Alert) -> String {
    let mut lines = Lines::default();
    actors(&mut lines, alert);
    evidence(&mut lines, alert);
    verdict(&mut lines, alert);
    head(alert) + &lines.0 + "\n"
}

/// Labelled lines, every one of them safe to show.
#[derive(Default)]
struct Lines(String);

impl Lines {
    fn add(&mut self, label: &str, text: &str) {
        _ = writeln!(self.0, "  {label:<9} {}", visible(text));
    }

    /// A line for each, up to [`MAX_LINES`]. The others, and those that were `omitted` before, are counted.
    fn list<T>(
        &mut self,
        mut items: impl Iterator<Item = T>,
        omitted: u64,
        line: impl Fn(T) -> (&'static str, String),
    ) {
        for (label, text) in items.by_ref().take(MAX_LINES).map(line) {
            self.add(label, &text);
        }
        let more = items.count() as u64 + omitted;
        if more > 0 {
            self.add("", &format!("and {more} more"));
        }
    }
}

fn head(alert: &Alert) -> String {
    let mut what = visible(&words::deed(alert));
    if words::handed_over(alert).is_none() {
        let service = visible(alert.service.as_deref().unwrap_or("no known service"));
        _ = write!(what, " ({service}) after a sensitive read");
    }
    format!(
        "ALERT {} severity, {} confidence  {}\n  {what}\n",
        alert.severity.as_str(),
        alert.confidence.as_str(),
        alert.time,
    )
}

/// Who did it, and on whose behalf.
fn actors(lines: &mut Lines, alert: &Alert) {
    let uid = alert.user.map(|user| user.0.to_string()).unwrap_or_default();
    let user = alert.user_name.as_deref().map(|name| format!("{name} ({uid})")).unwrap_or(uid);
    match &alert.uploader {
        Actor::Process(process) => uploader(lines, alert, process, &user),
        Actor::Account(account) => {
            lines.add("who", &account_words(account));
            if !user.is_empty() {
                lines.add("here", &format!("user {user} of this Mac"));
            }
        }
    }
    lines.list(alert.chain.iter(), 0, |process| ("run by", who(process)));
}

fn uploader(lines: &mut Lines, alert: &Alert, process: &ProcessEvidence, user: &str) {
    lines.add("who", &format!("{}, user {user}", who(process)));
    let inherited = || alert.chain.iter().find_map(|process| process.script.as_ref());
    if let Some(script) = process.script.as_ref().or_else(inherited) {
        lines.add("script", &script.path.to_string());
    }
    if !process.args.is_empty() {
        lines.add("command", &process.args.join(" "));
    }
}

/// An account of the cloud, with where it came from.
fn account_words(account: &CloudAccount) -> String {
    let account_of = account.account.as_ref().map(|own| format!(", account {own}")).unwrap_or_default();
    let from = account.address.as_ref().map(|address| format!(", from {address}")).unwrap_or_default();
    let with = account.agent.as_ref().map(|agent| format!(" with {agent}")).unwrap_or_default();
    format!("{}{account_of}{from}{with}", account.name())
}

/// What was read, how it moved, where it went.
fn evidence(lines: &mut Lines, alert: &Alert) {
    lines.list(alert.reads.iter(), alert.reads_omitted, |read| {
        let how = match read.evidence {
            Evidence::Open => "read",
            Evidence::Argv => "named",
            Evidence::Taint => "staged",
        };
        let (time, sets, reader) =
            (clock(read.time), read.sets.join(", "), words::process_name(&read.process));
        (how, format!("{time}  {}  [{sets}] by {reader}", read.path))
    });
    let moved = alert.hops.iter().filter_map(|hop| Some((hop, hop.path.as_ref()?)));
    lines.list(moved, 0, |(hop, path)| (hop.kind.as_str(), format!("{}  {path}", clock(hop.time))));
    lines.list(alert.flows.iter(), 0, |flow| {
        let name = flow.domain.as_ref().map_or_else(|| "(no name)".to_owned(), ToString::to_string);
        let server = format!("{}:{}", flow.server.ip, flow.server.port);
        let bytes = format!("{} out, {} in", size(flow.bytes_out), size(flow.bytes_in));
        ("sent", format!("{}  {name}  {server}  {bytes}", clock(flow.start)))
    });
    lines.list(alert.audit.iter(), 0, |event| {
        let by = if alert.uploader.process().is_some() { account_words(&event.by) } else { String::new() };
        let by = if by.is_empty() { by } else { format!("  by {by}") };
        let (log, items) = (event.by.log.as_str(), event.items.join(", "));
        ("log", format!("{}  {log} {}  {items}{by}", clock(event.time), event.operation))
    });
}

/// Why it is an alert, and how to find it again.
fn verdict(lines: &mut Lines, alert: &Alert) {
    if let Some(tenant) = &alert.tenant {
        let verdict = match alert.tenant_verdict {
            TenantVerdict::Allowed => "one of yours",
            TenantVerdict::Foreign => "not one of yours",
            TenantVerdict::Unknown => "unknown",
        };
        lines.add("tenant", &format!("{tenant} ({verdict})"));
    }
    for reason in &alert.reasons {
        lines.add("because", &format!("{} ({})", reason.text, reason.code.as_str()));
    }
    if !alert.degraded.is_empty() {
        let kinds: Vec<&str> = alert.degraded.iter().map(|kind| kind.as_str()).collect();
        lines.add("unseen", &kinds.join(", "));
    }
    for rule in &alert.rules {
        lines.add("rule", &format!("{} {}", rule.id, rule.techniques.join(", ")));
    }
    let (revision, count, hash) = (alert.revision, alert.count, &alert.config_hash);
    lines.add("alert", &format!("{} revision {revision}, {count} in all, config {hash}", alert.id));
}

fn coverage_text(coverage: &Coverage) -> String {
    let span =
        if coverage.start == coverage.end { String::new() } else { format!(" since {}", coverage.start) };
    format!(
        "NOT SEEN {}  {} ({} times{span}): {}\n",
        coverage.end,
        coverage.kind.as_str(),
        coverage.count,
        visible(&coverage.text)
    )
}

/// Path, pid and what its signature is worth.
fn who(process: &ProcessEvidence) -> String {
    let program = &process.info.program;
    let id = program.signing_id.as_deref().unwrap_or("no identifier");
    let signer = match program.flags.state() {
        _ if process.invalidated => "signature no longer valid".to_owned(),
        SigningState::Trusted if program.platform => format!("macOS, {id}"),
        SigningState::Trusted => format!("{id}, team {}", program.team_id.as_deref().unwrap_or("none")),
        SigningState::AdHoc => format!("ad-hoc signed, {id}"),
        SigningState::Invalid => "invalid signature".to_owned(),
        SigningState::Unsigned => "unsigned".to_owned(),
    };
    let script = match &process.script {
        Some(script) => format!(" running {}", script.path),
        None if process.runs_other_code => " running code that is not its own".to_owned(),
        None => String::new(),
    };
    format!("{}{script} (pid {}; {signer})", program.path, process.info.key.pid.0)
}

fn clock(time: Timestamp) -> String {
    time.to_string().get(11..23).unwrap_or_default().to_owned()
}

fn heartbeat_text(beat: &Heartbeat) -> String {
    let sum = heartbeat::sum(beat);
    format!(
        "HEARTBEAT {}  {}\n  {}\n  {}\n",
        beat.sequence,
        beat.time,
        visible(&heartbeat::message(beat)),
        visible(&sum)
    )
}
