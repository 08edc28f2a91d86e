//! Alerts that one entry would silence, put together and told.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;

use crate::cli::alerts::proposal::{self, Concern, Proposal};
use crate::cli::alerts::{self, Told};
use crate::cli::paint::{size, visible};
use crate::config::Settings;

/// Ids and paths listed of one entry; more are counted.
const MAX_LISTED: usize = 6;

/// What is told of an entry.
#[derive(Debug, Default)]
pub struct Group<'a> {
    concerns: Vec<Concern>,
    alerts: Vec<&'a Told>,
}

/// Everything that was learned.
#[derive(Debug, Default)]
pub struct Learned<'a> {
    /// By what identifies them: program, script, parent, sets, service, tenant.
    entries: BTreeMap<Proposal, Group<'a>>,
    /// By program and reason.
    refused: BTreeMap<(String, String), Vec<&'a Told>>,
}

pub fn gather(seen: &[Told]) -> Learned<'_> {
    let mut learned = Learned::default();
    for told in seen {
        match proposal::propose(told) {
            Ok((proposal, concerns)) => {
                let broad = concerns.iter().find(|concern| matches!(concern, Concern::Broad(_)));
                match broad {
                    Some(concern) => learned.refuse(told, concern),
                    None => learned.take(told, proposal, concerns),
                }
            }
            Err(concern) => learned.refuse(told, &concern),
        }
    }
    learned
}

impl<'a> Learned<'a> {
    fn take(&mut self, told: &'a Told, proposal: Proposal, concerns: Vec<Concern>) {
        // The same entry for other users is one entry for all of them.
        let key = Proposal { users: Vec::new(), ..proposal };
        let group = self.entries.entry(key).or_default();
        group.concerns = concerns;
        group.alerts.push(told);
    }

    fn refuse(&mut self, told: &'a Told, concern: &Concern) {
        let key = (told.process.executable.clone(), concern.text().to_owned());
        self.refused.entry(key).or_default().push(told);
    }
}

/// The whole proposal as TOML.
pub fn write(learned: &Learned<'_>, settings: &Settings, config: Option<&Path>) -> String {
    let alerts: usize = learned.entries.values().map(|group| group.alerts.len()).sum();
    let refused: usize = learned.refused.values().map(Vec::len).sum();
    let mut text = format!(
        "# {} from {}. Nothing here is in force. Review each: what an entry lets\n\
         # through no longer alerts. Then copy it into your configuration and look that over with `cloudward check`.\n",
        counted(learned.entries.len(), "entry proposed", "entries proposed"),
        counted(alerts + refused, "alert", "alerts"),
    );
    let mut names: BTreeSet<String> =
        settings.policy.allow.entries().iter().map(|entry| entry.name.to_string()).collect();
    for (proposal, group) in &learned.entries {
        let mut proposal = proposal.clone();
        let users: BTreeSet<&str> = group.alerts.iter().map(|told| told.user()).collect();
        proposal.users = users.into_iter().map(str::to_owned).collect();
        text.push_str(&entry(&proposal, group, &mut names, config));
    }
    for ((program, why), alerts) in &learned.refused {
        _ = write!(
            text,
            "\n# NOT PROPOSED for {} ({}): {}.\n#   alerts    {}\n",
            visible(program),
            counted(alerts.len(), "alert", "alerts"),
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
    let reason =
        format!("seen in {}: say who approved it, and where", counted(group.alerts.len(), "alert", "alerts"));
    let toml = proposal.toml(&name, &reason);
    let mut text = String::from("\n");
    facts(&mut text, &group.alerts);
    for concern in &group.concerns {
        _ = writeln!(text, "#   risk      {}", visible(concern.text()));
    }
    // Proved, not claimed.
    let silent = match alerts::with_entry(config, &toml) {
        Ok(settings) => {
            group.alerts.iter().filter(|told| alerts::is_silent(&settings, told)).copied().collect()
        }
        Err(_) => Vec::new(),
    };
    _ = writeln!(text, "#   silences  {} of {}: {}", silent.len(), group.alerts.len(), ids(&silent));
    text + &toml
}

/// How often, when, how much, from where.
fn facts(text: &mut String, alerts: &[&Told]) {
    let pairs: u64 = alerts.iter().map(|told| told.cloudward.count.max(1)).sum();
    let times = alerts.iter().map(|told| told.time.as_str());
    let (first, last) = (times.clone().min().unwrap_or_default(), times.max().unwrap_or_default());
    let volumes = alerts.iter().map(|told| told.cloudward.bytes_out);
    let (total, most) = (volumes.clone().fold(0, u64::saturating_add), volumes.max().unwrap_or(0));
    let alerts_seen = counted(alerts.len(), "alert", "alerts");
    let uploads =
        counted(usize::try_from(pairs).unwrap_or(usize::MAX), "read and upload", "reads and uploads");
    let (first, last) = (visible(first), visible(last));
    _ = writeln!(text, "#   seen      {alerts_seen}, {uploads}; first {first}, last {last}");
    _ = writeln!(text, "#   volume    {} sent in all, {} at most in one alert", size(total), size(most));
    let reads = alerts.iter().flat_map(|told| &told.cloudward.reads).filter(|read| read.evidence != "taint");
    let folders: BTreeSet<&str> = reads.map(|read| folder(&read.path)).collect();
    let folders: Vec<String> = folders.into_iter().map(visible).collect();
    _ = writeln!(text, "#   paths     {}", some_of(&folders));
}

fn folder(path: &str) -> &str {
    path.rsplit_once('/').map_or(path, |(folder, _)| folder)
}

fn ids(alerts: &[&Told]) -> String {
    let ids: Vec<String> = alerts.iter().map(|told| visible(&told.event.id)).collect();
    some_of(&ids)
}

fn some_of(items: &[String]) -> String {
    let more = items.len().saturating_sub(MAX_LISTED);
    let listed = items[..items.len() - more].join(", ");
    if more > 0 { format!("{listed} and {more} more") } else { listed }
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

fn counted(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}
