//! Alerts that one entry would silence, put together and told.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;

use crate::cli::alerts;
use crate::cli::alerts::proposal::{self, Concern, Proposal};
use crate::cli::paint::{size, visible};
use crate::config::Settings;

use super::seen::Seen;

/// Ids and paths listed of one entry; more are counted.
const MAX_LISTED: usize = 6;

/// What is told of an entry.
#[derive(Debug, Default)]
pub struct Group<'a> {
    concerns: Vec<Concern>,
    seen: Vec<&'a Seen>,
}

/// Everything that was learned.
#[derive(Debug, Default)]
pub struct Learned<'a> {
    /// By what identifies them: program, script, parent, sets, service, tenant.
    entries: BTreeMap<Proposal, Group<'a>>,
    /// By program and reason.
    refused: BTreeMap<(String, String), Vec<&'a Seen>>,
}

pub fn gather(seen: &[Seen]) -> Learned<'_> {
    let mut learned = Learned::default();
    for seen in seen {
        match proposal::propose(&seen.told) {
            Ok((proposal, concerns)) => {
                let broad = concerns.iter().find(|concern| matches!(concern, Concern::Broad(_)));
                match broad {
                    Some(concern) => learned.refuse(seen, concern),
                    None => learned.take(seen, proposal, concerns),
                }
            }
            Err(concern) => learned.refuse(seen, &concern),
        }
    }
    learned
}

impl<'a> Learned<'a> {
    fn take(&mut self, seen: &'a Seen, proposal: Proposal, concerns: Vec<Concern>) {
        // The same entry for other users is one entry for all of them.
        let key = Proposal { users: Vec::new(), ..proposal };
        let group = self.entries.entry(key).or_default();
        group.concerns = concerns;
        group.seen.push(seen);
    }

    fn refuse(&mut self, seen: &'a Seen, concern: &Concern) {
        let key = (seen.told.process.executable.clone(), concern.text().to_owned());
        self.refused.entry(key).or_default().push(seen);
    }
}

/// The whole proposal as TOML.
pub fn write(learned: &Learned<'_>, settings: &Settings, config: Option<&Path>) -> String {
    let groups = learned.entries.values().map(|group| &group.seen).chain(learned.refused.values());
    let alerts = groups.map(|seen| alerts_in(seen)).sum();
    let mut text = format!(
        "# {} from {}. Nothing here is in force. Review each: what an entry lets\n\
         # through no longer alerts. Then copy it into your configuration and look that over with `cloudward check`.\n",
        counted(learned.entries.len() as u64, "entry proposed", "entries proposed"),
        counted(alerts, "alert", "alerts"),
    );
    let mut names: BTreeSet<String> =
        settings.policy.allow.entries().iter().map(|entry| entry.name.to_string()).collect();
    for (proposal, group) in &learned.entries {
        let mut proposal = proposal.clone();
        let users: BTreeSet<&str> = group.seen.iter().map(|seen| seen.told.user()).collect();
        proposal.users = users.into_iter().map(str::to_owned).collect();
        text.push_str(&entry(&proposal, group, &mut names, config));
    }
    for ((program, why), alerts) in &learned.refused {
        _ = write!(
            text,
            "\n# NOT PROPOSED for {} ({}): {}.\n#   alerts    {}\n",
            visible(program),
            counted(alerts_in(alerts), "alert", "alerts"),
            visible(why),
            ids(alerts)
        );
    }
    text
}

fn entry(
    proposal: &Proposal,
    group: &Group<'_>,
    names: &mut BTreeSet<String>,
    config: Option<&Path>,
) -> String {
    let name = unused(proposal.name(), names);
    let alerts = alerts_in(&group.seen);
    let reason = format!("seen in {}: say who approved it, and where", counted(alerts, "alert", "alerts"));
    let toml = proposal.toml(&name, &reason);
    let mut text = String::from("\n");
    facts(&mut text, &group.seen);
    for concern in &group.concerns {
        _ = writeln!(text, "#   risk      {}", visible(concern.text()));
    }
    // Proved, not claimed.
    let silent: Vec<&Seen> = match alerts::with_entry(config, &toml) {
        Ok(settings) => {
            let is_silent = |seen: &&&Seen| alerts::is_silent(&settings, &seen.told);
            group.seen.iter().filter(is_silent).copied().collect()
        }
        Err(_) => Vec::new(),
    };
    _ = writeln!(text, "#   silences  {} of {alerts}: {}", alerts_in(&silent), ids(&silent));
    text + &toml
}

fn alerts_in(seen: &[&Seen]) -> u64 {
    seen.iter().map(|seen| seen.alerts).sum()
}

/// How often, when, how much, from where.
fn facts(text: &mut String, all: &[&Seen]) {
    let uploads: u64 = all.iter().map(|seen| seen.uploads).sum();
    let first = all.iter().map(|seen| seen.first.as_str()).min().unwrap_or_default();
    let last = all.iter().map(|seen| seen.last.as_str()).max().unwrap_or_default();
    let total = all.iter().map(|seen| seen.bytes_out).fold(0, u64::saturating_add);
    let most = all.iter().map(|seen| seen.most).max().unwrap_or(0);
    let alerts = counted(alerts_in(all), "alert", "alerts");
    let uploads = counted(uploads, "read and upload", "reads and uploads");
    let (first, last) = (visible(first), visible(last));
    _ = writeln!(text, "#   seen      {alerts}, {uploads}; first {first}, last {last}");
    _ = writeln!(text, "#   volume    {} sent in all, {} at most in one alert", size(total), size(most));
    let folders: BTreeSet<&str> = all.iter().flat_map(|seen| &seen.folders).map(String::as_str).collect();
    let folders: Vec<String> = folders.into_iter().map(visible).collect();
    _ = writeln!(text, "#   paths     {}", some_of(&folders, folders.len()));
}

fn ids(seen: &[&Seen]) -> String {
    let ids: Vec<String> = seen.iter().flat_map(|seen| &seen.ids).map(|id| visible(id)).collect();
    some_of(&ids, usize::try_from(alerts_in(seen)).unwrap_or(usize::MAX))
}

/// The first of them; `total` may be more than are named.
fn some_of(items: &[String], total: usize) -> String {
    let listed = items.len().min(MAX_LISTED);
    let more = total.saturating_sub(listed);
    let names = items[..listed].join(", ");
    if more > 0 { format!("{names} and {more} more") } else { names }
}

fn unused(name: String, names: &mut BTreeSet<String>) -> String {
    let mut candidate = name.clone();
    let mut number = 2;
    while !names.insert(candidate.clone()) {
        candidate = format!("{name} ({number})");
        number += 1;
    }
    candidate
}

fn counted(count: u64, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}
