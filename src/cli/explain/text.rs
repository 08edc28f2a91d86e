//! The answer for people.

use crate::cli::paint::visible;

use super::decide::bytes;
use super::parts::{Actor, Answer, Cited, Destination, Entry, SetAnswer};

pub fn write(answer: &Answer) -> String {
    let mut lines = Lines::default();
    lines.actor("process", &answer.process);
    if let Some(parent) = &answer.parent {
        lines.actor("parent", parent);
    }
    lines.add("user", &answer.user);
    lines.add("reads", &answer.file.path);
    lines.add("canonical", &answer.file.canonical);
    answer.file.why.iter().for_each(|why| lines.more(&format!("because {why}")));
    sets(&mut lines, answer);
    destination(&mut lines, &answer.destination);
    for set in answer.sets.iter().filter(|set| set.holds()) {
        entries(&mut lines, set, answer.sets.iter().filter(|set| set.holds()).count() > 1);
    }
    rules(&mut lines, answer);
    verdict(&mut lines, answer);
    lines.0
}

/// Labelled lines, every one of them safe to show.
#[derive(Default)]
struct Lines(String);

impl Lines {
    fn add(&mut self, label: &str, text: &str) {
        self.0.push_str(&format!("{label:<9} {}\n", visible(text)));
    }

    fn more(&mut self, text: &str) {
        self.add("", text);
    }

    /// A line and where it is written.
    fn cite(&mut self, label: &str, text: &str, at: &str) {
        let at = if at.is_empty() { String::new() } else { format!("  {at}") };
        self.add(label, &format!("{text}{at}"));
    }

    fn actor(&mut self, label: &str, actor: &Actor) {
        self.add(label, &actor.path);
        self.more(&actor.signature);
        if actor.unsaid {
            self.more("say whose it is: --team-id, --signing-id, --platform");
        }
        if let Some(script) = &actor.script {
            self.more(&format!("running {script}"));
        }
        if actor.runs_other_code {
            self.more("running code that is not its own: no entry that names a program applies");
        }
    }
}

fn sets(lines: &mut Lines, answer: &Answer) {
    if answer.sets.is_empty() {
        lines.add("sets", "none: no pattern matches");
    }
    for (index, set) in answer.sets.iter().enumerate() {
        let label = if index == 0 { "sets" } else { "" };
        let Cited { text, at } = &set.pattern;
        lines.cite(label, &format!("{} ({} severity): \"{text}\"", set.name, set.severity), at);
        match &set.excluded {
            Some(Cited { text, at }) => lines.cite("", &format!("  left out again: \"{text}\""), at),
            None => lines.more(&format!("  within {}, from {}", set.window, bytes(set.min_bytes))),
        }
    }
}

fn destination(lines: &mut Lines, destination: &Destination) {
    match destination {
        Destination::Service(to) => {
            lines.add("sends to", &to.name);
            lines.cite(
                "service",
                &format!("{} ({}): \"{}\"", to.service, to.category, to.pattern.text),
                &to.pattern.at,
            );
            let tenant = match (&to.tenant, to.tenant_verdict) {
                (Some(tenant), "allowed") => format!("{tenant}: an allow entry names it"),
                (Some(tenant), _) => format!("{tenant}: no allow entry names it"),
                (None, _) => "unknown: the name does not tell it".to_owned(),
            };
            lines.add("tenant", &tenant);
        }
        Destination::Elsewhere { name, except } => {
            lines.add("sends to", name);
            match except {
                Some(Cited { text, at }) => {
                    lines.cite("service", &format!("none: left out by \"{text}\""), at)
                }
                None => lines.add("service", "none has this name"),
            }
        }
        Destination::Nameless { address, unknown } => {
            lines.add("sends to", address);
            lines.cite("service", &format!("an address has no name: {}", unknown.text), &unknown.at);
        }
        Destination::Folder { path } => {
            lines.add("puts into", path);
            lines.add("service", "no client synchronises this folder");
        }
    }
}

/// Entries that were looked at; what applies ends the list.
fn entries(lines: &mut Lines, set: &SetAnswer, several: bool) {
    let of = if several { format!(" ({})", set.name) } else { String::new() };
    let mut list = |label: &str, entries: &[Entry]| {
        for (index, entry) in entries.iter().enumerate() {
            let label = if index == 0 { label } else { "" };
            if entry.applies {
                return lines.cite(label, &format!("\"{}\" applies{of}", entry.name), &entry.at);
            }
            let at = match &entry.failed[..] {
                [one] => &one.at,
                _ => &entry.at,
            };
            let failed: Vec<&str> = entry.failed.iter().map(|failed| failed.text.as_str()).collect();
            lines.cite(label, &format!("\"{}\" fails on {}{of}", entry.name, failed.join(", ")), at);
        }
    };
    list("may read", &set.reading);
    if set.excused_by().is_none() {
        list("keeps", &set.keeping);
        list("may send", &set.sending);
    }
}

/// Those that fire by themselves, those that could together, and why others never will.
fn rules(lines: &mut Lines, answer: &Answer) {
    let mut label = "rules";
    for rule in answer.rules.iter().filter(|rule| rule.fires) {
        lines.cite(std::mem::take(&mut label), &format!("{} fires here", rule.id), &rule.at);
    }
    let others =
        |chance: &'static str| answer.rules.iter().filter(move |rule| rule.chance == chance && !rule.fires);
    let can: Vec<&str> = others("can").map(|rule| rule.id.as_str()).collect();
    if !can.is_empty() {
        lines.add(std::mem::take(&mut label), &format!("can fire elsewhere: {}", can.join(", ")));
    }
    for rule in others("degraded") {
        let text = format!("{} sees less: {}", rule.id, rule.why.as_deref().unwrap_or_default());
        lines.cite(std::mem::take(&mut label), &text, &rule.at);
    }
    for rule in others("never") {
        let text = format!("{} can never fire: {}", rule.id, rule.why.as_deref().unwrap_or_default());
        lines.cite(std::mem::take(&mut label), &text, &rule.at);
    }
    if answer.rules.is_empty() {
        lines.add(label, "none in force");
    }
}

fn verdict(lines: &mut Lines, answer: &Answer) {
    let verdict = &answer.verdict;
    let worth = match (verdict.severity, verdict.confidence) {
        (Some(severity), Some(confidence)) => format!(" ({severity} severity, {confidence} confidence)"),
        _ => String::new(),
    };
    lines.0.push('\n');
    lines.add("verdict", &format!("{}{worth}: {}", verdict.verdict, verdict.sentence));
    for reason in &verdict.reasons {
        lines.add("because", reason);
    }
    for (index, line) in verdict.decided_by.iter().enumerate() {
        lines.cite(if index == 0 { "decided" } else { "" }, &format!("by {}", line.text), &line.at);
    }
}
