//! An alert, told as a story, and the entry that would silence exactly it.

use std::fmt::Write as _;
use std::path::Path;

use crate::cli::alerts;
use crate::cli::alerts::proposal::{self, Concern};
use crate::cli::alerts::told::{Brief, Told};
use crate::cli::paint::{clock, size, visible};
use crate::model::counted;

/// Reads listed; more are counted.
const MAX_READS: usize = 8;

/// Every alert of a file, one after the other; or a sentence about what is wrong with it.
pub fn explain(file: &Path, config: Option<&Path>) -> Result<String, String> {
    let told = alerts::read_file(file)?;
    let texts: Vec<String> = told.iter().map(|told| one(told, config)).collect();
    Ok(texts.join("\n"))
}

fn one(told: &Told, config: Option<&Path>) -> String {
    let mut text = head(told);
    events(told).into_iter().for_each(|(time, sentence)| {
        _ = writeln!(text, "  {:<12}  {}", clock(&time), visible(&sentence));
    });
    for reason in &told.cloudward.reasons {
        _ = writeln!(text, "  because       {} ({})", visible(&reason.text), visible(&reason.code));
    }
    for rule in &told.cloudward.rules {
        _ = writeln!(text, "  rule          {}: {}", visible(&rule.id), visible(&rule.name));
    }
    text.push('\n');
    text.push_str(&silence(told, config));
    text
}

fn head(told: &Told) -> String {
    let own = &told.cloudward;
    let times = if own.count > 1 { format!(", {} times", own.count) } else { String::new() };
    format!(
        "Alert {} of {}: {} severity, {} confidence{times}\n",
        visible(&told.event.id),
        visible(&told.time),
        visible(&own.severity),
        visible(&own.confidence)
    )
}

/// What happened, in its order.
fn events(told: &Told) -> Vec<(String, String)> {
    let mut events = Vec::new();
    events.push((String::new(), who(told)));
    for read in told.cloudward.reads.iter().take(MAX_READS) {
        let verb = match read.evidence.as_str() {
            "argv" => "was told to use",
            "taint" => "took up the staged copy",
            _ => "read",
        };
        let by = named(&read.process);
        events.push((read.time.clone(), format!("{by} {verb} {} ({})", read.path, read.sets.join(", "))));
    }
    let more = told.cloudward.reads.len().saturating_sub(MAX_READS) as u64 + told.cloudward.reads_omitted;
    for hop in &told.cloudward.hops {
        let by = named(&hop.process);
        let sentence = match (hop.kind.as_str(), &hop.path) {
            ("fork", _) => format!("{by} was forked and carried on what its parent had read"),
            ("exec", _) => format!("the process became {by}"),
            ("pipe", _) => format!("the data went through a pipe to {by}"),
            ("stage", Some(path)) => format!("{by} wrote {path}"),
            ("sync", Some(path)) => format!("{by} put it where it is uploaded from: {path}"),
            (kind, Some(path)) => format!("{by} made a {kind} of it: {path}"),
            (kind, None) => format!("the data moved on by {kind} to {by}"),
        };
        events.push((hop.time.clone(), sentence));
    }
    for flow in &told.cloudward.flows {
        let address = format!("{}:{}", flow.server.ip, flow.server.port);
        let to = flow.domain.as_ref().map_or(address.clone(), |domain| format!("{domain} ({address})"));
        let (out, into) = (size(flow.bytes_out), size(flow.bytes_in));
        events.push((
            flow.start.clone(),
            format!("{} sent {out} to {to} and received {into}", told.process.name()),
        ));
    }
    for record in &told.cloudward.audit {
        events.push((record.time.clone(), format!("{} says: {}", record.log, record.text)));
    }
    // Times are all written alike, so that their texts sort as they do; the sort keeps the order of equals.
    events.sort_by(|a, b| a.0.cmp(&b.0));
    events.dedup();
    if more > 0 {
        events.push((String::new(), format!("and {} more", counted(more, "read"))));
    }
    events
}

fn who(told: &Told) -> String {
    if told.process.executable.is_empty() {
        return format!("{} did it in the cloud; nothing on this Mac is known to have", told.user());
    }
    let program = &told.process.executable;
    let script =
        told.cloudward.script.as_ref().map(|script| format!(" running {script}")).unwrap_or_default();
    let chain: Vec<String> = told.cloudward.chain.iter().map(named).collect();
    let by = if chain.is_empty() { String::new() } else { format!(", started by {}", chain.join(", by ")) };
    format!("{program}{script} acted for user {}{by}", told.user())
}

fn named(process: &Brief) -> String {
    match &process.script {
        Some(script) => format!("{} running {script} ({})", process.name(), process.pid),
        None => format!("{} ({})", process.name(), process.pid),
    }
}

/// The entry, what is to be said of it, and whether it was seen to work.
fn silence(told: &Told, config: Option<&Path>) -> String {
    let (proposal, concerns) = match proposal::propose(told) {
        Ok(found) => found,
        Err(why) => return format!("No [[allow]] entry silences it: {}.\n", why.text()),
    };
    let reason = format!("alert {} of {}: say who approved it, and where", told.event.id, day(told));
    let entry = proposal.toml(&proposal.name(), &reason);
    let broad = concerns.iter().any(|concern| matches!(concern, Concern::Broad(_)));
    let mut text = String::from(match broad {
        false => "This entry silences what happened here and nothing wider:\n\n",
        true => {
            "The narrowest entry that silences it would let more through than happened here; think twice:\n\n"
        }
    });
    for concern in &concerns {
        _ = writeln!(text, "# risk: {}", visible(concern.text()));
    }
    // Quoted as TOML, which writes what would draw as escapes.
    text.push_str(&entry);
    text.push('\n');
    text.push_str(&match alerts::with_entry(config, &entry) {
        Ok(settings) if alerts::is_silent(&settings, told) => {
            "Checked: with it in the configuration this alert is not raised.\n".to_owned()
        }
        Ok(_) => "Checked: even with it this alert is raised; the configuration here is not the one it came from.\n"
            .to_owned(),
        Err(why) => format!("Not checked: {}\n", visible(&why)),
    });
    text
}

fn day(told: &Told) -> &str {
    told.time.get(..10).unwrap_or(&told.time)
}
