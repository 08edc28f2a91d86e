//! One alert in words, and step by step.

use crate::model::{Confidence, Timestamp};
use crate::sink::format::words::size;

use super::html::{Html, fitted};
use super::record::{Process, Story};
use super::words::{self, many};

/// Steps listed one by one; the tables have all of them.
const MAX_STEPS: usize = 40;
/// Names in a sentence; more are counted.
const MAX_NAMES: usize = 3;

/// `curl sent 9.2 KiB to content.dropboxapi.com`
pub fn headline(story: &Story) -> String {
    let name = fitted(words::process_name(&story.uploader), 40);
    let place = fitted(&words::place(story), 80);
    if story.bytes_out > 0 {
        format!("{name} sent {} to {place}", size(story.bytes_out))
    } else if story.hops.iter().any(|hop| hop.kind == "sync") {
        format!("{name} put files where they are uploaded to {place}")
    } else {
        format!("{name} handed data to {place}")
    }
}

/// Severity and confidence, as words with a colour.
pub fn chips(html: &mut Html, story: &Story) {
    severity_chip(html, story);
    html.raw(" <span class=\"chip plain\">")
        .text(words::confidence(story.confidence))
        .raw(" confidence</span>");
}

pub fn severity_chip(html: &mut Html, story: &Story) {
    let severity = words::severity(story.severity);
    html.tag("span", &[("class", &format!("chip {severity}"))], |html| _ = html.text(severity));
}

/// What happened, as one would tell it.
pub fn told(html: &mut Html, story: &Story) {
    html.raw("<div class=\"story\"><p>");
    let account = story.uploader.signature.as_deref() == Some("account");
    if !account {
        html.raw("User ").strong(&words::user(story)).raw(" ran ");
    }
    program(html, &story.uploader);
    if let Some((runner, script)) = words::script(story) {
        let verb = if runner.entity == story.uploader.entity { "running" } else { "started by the script" };
        html.text(&format!(", {verb} ")).path(script);
    }
    html.raw(if account { " " } else { ". It " });
    sent(html, story);
    html.raw(".</p><p>");
    recorded(html, story);
    reads(html, story);
    moved(html, story);
    html.raw("</p><p>");
    verdict(html, story);
    html.raw("</p></div>");
}

fn program(html: &mut Html, process: &Process) {
    let (identity, trusted) = words::identity(process);
    html.strong(words::process_name(process)).raw(" (").name(&identity).raw(")");
    if !trusted {
        html.raw(" <span class=\"chip warn\">not a trusted identity</span>");
    }
}

fn sent(html: &mut Html, story: &Story) {
    if story.bytes_out > 0 {
        html.raw("sent ").strong(&size(story.bytes_out)).raw(" to ");
    } else if story.hops.iter().any(|hop| hop.kind == "sync") {
        html.raw("put a file into a folder that is uploaded to ");
    } else {
        html.raw("handed data to ");
    }
    html.strong(&words::place(story));
    match (&story.service, &story.tenant) {
        (Some(service), Some(tenant)) => {
            html.raw(" (").name(service).raw(", tenant ").name(tenant).raw(": ");
            html.raw(tenant_words(&story.tenant_verdict)).raw(")");
        }
        (Some(service), None) if *service != words::place(story) => {
            html.raw(" (").name(service).raw(")");
        }
        _ => {}
    }
    html.text(&format!(" at {}", words::moment(story.time)));
    if story.bytes_in > 0 {
        html.text(&format!(" and received {}", size(story.bytes_in)));
    }
}

pub fn tenant_words(verdict: &str) -> &'static str {
    match verdict {
        "allowed" => "one of yours",
        "foreign" => "not one of yours",
        _ => "cannot be told whose",
    }
}

fn reads(html: &mut Html, story: &Story) {
    let original = || story.reads.iter().filter(|read| read.evidence != "taint");
    let mut paths: Vec<&str> = original().map(|read| &*read.path).collect();
    let count = paths.len() as u64 + story.reads_omitted;
    paths.dedup();
    let Some(first) = original().filter_map(|read| read.time).min() else {
        if story.audit.is_empty() {
            html.text("The record lists no sensitive read.");
        }
        return;
    };
    let before = words::lasting(story.time.since(first).as_nanos());
    html.text(&format!("{before} before, "));
    let mut readers: Vec<String> =
        original().map(|read| fitted(words::process_name(&read.process), 40)).collect();
    readers.sort_unstable();
    readers.dedup();
    readers.truncate(MAX_NAMES);
    html.name(&words::listed(&readers)).raw(" read ").strong(&many(count, "sensitive file"));
    html.raw(" of ").name(&words::listed(&words::sets(story))).raw(": ");
    for (index, path) in paths.iter().take(MAX_NAMES).enumerate() {
        html.raw(if index > 0 { ", " } else { "" }).path(path);
    }
    let more = count.saturating_sub(MAX_NAMES as u64);
    if more > 0 {
        html.text(&format!(" and {more} more"));
    }
    html.raw(". ");
}

fn moved(html: &mut Html, story: &Story) {
    let copies: Vec<&str> =
        story.reads.iter().filter(|read| read.evidence == "taint").map(|read| &*read.path).collect();
    let mut staged: Vec<&str> = story.hops.iter().filter_map(|hop| hop.path.as_deref()).collect();
    staged.retain(|path| !copies.contains(path));
    staged.dedup();
    if let Some(copy) = copies.last() {
        html.raw("What was sent came from the staged file ").path(copy);
        if !staged.is_empty() {
            html.text(&format!(", made by way of {}", many(staged.len() as u64, "other file")));
        }
        html.raw(".");
    } else if let Some(path) = staged.last() {
        html.raw("It went through ").path(path).raw(".");
    } else if story.hops.iter().any(|hop| hop.kind == "pipe") {
        html.raw("It went through a pipe.");
    }
}

/// What the other witness says.
fn recorded(html: &mut Html, story: &Story) {
    for record in story.audit.iter().take(MAX_NAMES) {
        html.raw("The log ").name(&record.log).raw(" says: ").text(&record.text).raw(". ");
    }
    let more = story.audit.len().saturating_sub(MAX_NAMES) as u64;
    if more > 0 {
        html.text(&format!("It has {} more. ", many(more, "record")));
    }
}

/// Why it is an alert at all, and how sure that is.
fn verdict(html: &mut Html, story: &Story) {
    let reason = |code: &str| story.reasons.iter().find(|(own, _)| own == code).map(|(_, text)| text);
    if let Some(text) = reason("not-allowed") {
        sentence(html, text);
    }
    match story.confidence {
        Some(Confidence::High) => {
            html.raw("Confidence is high: nothing in the evidence lowers it.");
        }
        Some(confidence) => {
            html.raw("Confidence is ").raw(confidence.as_str()).raw(" because ");
            let why: Vec<String> = capping(story, confidence).map(ToOwned::to_owned).collect();
            let why =
                if why.is_empty() { "the evidence is indirect".to_owned() } else { words::listed(&why) };
            html.text(&why).raw(".");
        }
        None => {}
    }
    if !story.degraded.is_empty() {
        html.raw(" Meanwhile not everything could be seen: ").text(&story.degraded.join(", ")).raw(".");
    }
}

/// The sentences of the reasons that hold the confidence down.
fn capping(story: &Story, confidence: Confidence) -> impl Iterator<Item = &str> {
    story.reasons.iter().filter(move |(code, _)| cap(code) == Some(confidence)).map(|(_, text)| &**text)
}

/// How sure an alert with this reason can be at most; the contract's list.
pub fn cap(code: &str) -> Option<Confidence> {
    const LOW: [&str; 13] = [
        "tenant-unknown",
        "path-truncated",
        "named-fork",
        "second-hop",
        "tunnel",
        "name-by-address",
        "fronting-suspected",
        "order-uncertain",
        "bytes-unknown",
        "nested-volume",
        "apple-events",
        "exec-not-seen",
        "bearer-link",
    ];
    const MEDIUM: [&str; 2] = ["attribution-indirect", "name-host-wide"];
    if LOW.contains(&code) {
        Some(Confidence::Low)
    } else {
        MEDIUM.contains(&code).then_some(Confidence::Medium)
    }
}

fn sentence(html: &mut Html, text: &str) {
    let mut chars = text.chars();
    let first: String = chars.next().into_iter().flat_map(char::to_uppercase).collect();
    html.text(&first).text(chars.as_str()).raw(". ");
}

/// One step of the way, in the order of time.
struct Step<'a> {
    time: Timestamp,
    rank: u8,
    class: &'static str,
    who: &'a Process,
    verb: &'static str,
    what: &'a str,
    note: String,
}

/// The time line of one alert: who did what when.
pub fn time_line(html: &mut Html, story: &Story) {
    let mut steps = steps(story);
    steps.sort_by(|a, b| (a.time, a.rank, a.what).cmp(&(b.time, b.rank, b.what)));
    let Some(first) = steps.first().map(|step| step.time) else { return };
    let more = steps.len().saturating_sub(MAX_STEPS);
    html.raw("<ol class=\"steps-list\">");
    for step in steps.iter().take(MAX_STEPS) {
        html.tag("li", &[("class", step.class)], |html| {
            let stamp = step.time.to_string();
            html.tag("time", &[("datetime", &stamp)], |html| _ = html.text(&words::fine_clock(step.time)));
            html.raw("<span class=\"offset\">+").text(&words::lasting(step.time.since(first).as_nanos()));
            html.raw("</span><span class=\"what\">").strong(words::process_name(step.who));
            html.raw(" ").raw(step.verb).raw(" ");
            if step.what.starts_with('/') {
                html.path(step.what)
            } else {
                html.name(step.what)
            };
            if !step.note.is_empty() {
                html.raw(" <small>").name(&step.note).raw("</small>");
            }
            html.raw("</span>");
        });
    }
    html.raw("</ol>");
    if more > 0 {
        html.raw("<p class=\"note\">and ").show(more).raw(" more steps; the evidence tables have them</p>");
    }
}

fn steps(story: &Story) -> Vec<Step<'_>> {
    let mut steps = Vec::new();
    for read in &story.reads {
        let Some(time) = read.time else { continue };
        let (class, verb) = match read.evidence.as_str() {
            "taint" => ("take", "took up the staged file"),
            "argv" => ("read", "was told on its command line to use"),
            _ => ("read", "read"),
        };
        let (who, what, note) = (&read.process, &*read.path, read.sets.join(", "));
        steps.push(Step { time, rank: 0, class, who, verb, what, note });
    }
    for hop in &story.hops {
        let Some(time) = hop.time else { continue };
        let verb = match hop.kind.as_str() {
            "fork" => "was forked off",
            "exec" => "was started",
            "pipe" => "read from the pipe",
            "stage" => "wrote",
            "rename" => "renamed it to",
            "link" => "linked it as",
            "clone" | "copy" => "copied it to",
            "sync" => "put it into the folder that is uploaded:",
            _ => "passed it on",
        };
        let what = hop.path.as_deref().unwrap_or_default();
        steps.push(Step { time, rank: 1, class: "hop", who: &hop.process, verb, what, note: String::new() });
    }
    for flow in &story.flows {
        let Some(time) = flow.start else { continue };
        let what = flow.domain.as_deref().unwrap_or(&flow.server);
        let note = format!("{} out, {} in", size(flow.bytes_out), size(flow.bytes_in));
        let verb = "sent to";
        steps.push(Step { time, rank: 2, class: "sent", who: &story.uploader, verb, what, note });
    }
    for record in &story.audit {
        let Some(time) = record.time else { continue };
        let (who, verb, what) = (&story.uploader, "did this, says the cloud's audit log:", &*record.text);
        steps.push(Step { time, rank: 2, class: "sent", who, verb, what, note: record.log.clone() });
    }
    let verb = match story.bytes_out {
        0 if !story.audit.is_empty() => "had done enough for an alert:",
        _ => "had done enough to call it an upload:",
    };
    let who = &story.uploader;
    let what = story.rules.first().map_or("alert", |rule| &*rule.name);
    steps.push(Step { time: story.time, rank: 3, class: "alerted", who, verb, what, note: String::new() });
    steps
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ReasonCode;

    /// The table above is the engine's own.
    #[test]
    fn caps_are_those_of_the_engine() {
        for code in [
            ReasonCode::SensitiveRead,
            ReasonCode::NotAllowed,
            ReasonCode::TenantUnknown,
            ReasonCode::PathTruncated,
            ReasonCode::NamedFork,
            ReasonCode::SecondHop,
            ReasonCode::Tunnel,
            ReasonCode::NameByAddress,
            ReasonCode::FrontingSuspected,
            ReasonCode::OrderUncertain,
            ReasonCode::BytesUnknown,
            ReasonCode::NestedVolume,
            ReasonCode::AppleEvents,
            ReasonCode::ExecNotSeen,
            ReasonCode::AttributionIndirect,
            ReasonCode::NameHostWide,
            ReasonCode::BearerLink,
            ReasonCode::SeenInAuditLog,
        ] {
            assert_eq!(cap(code.as_str()).unwrap_or(Confidence::High), code.cap(), "{code:?}");
        }
    }
}
