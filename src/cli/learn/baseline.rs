//! Who usually sends what of whose where, and how much: for review, and for rules that ask what is usual.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use crate::cli::paint::{size, visible};
use crate::daemon::history::{Entries, Kept};
use crate::engine::habits::Baseline;
use crate::model::counted;

#[derive(Clone, Copy, PartialEq, Eq, Debug, clap::ValueEnum)]
pub enum Form {
    Text,
    Toml,
    Json,
}

/// One program's way to one service: a client of it.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
struct Client {
    /// The code identity by which rules know it.
    code: String,
    executable: String,
    service: String,
    #[serde(default)]
    category: String,
    /// Those whose name can be seen.
    #[serde(default)]
    tenants: Vec<String>,
    #[serde(default)]
    users: Vec<String>,
    #[serde(default)]
    sets: Vec<String>,
    #[serde(default)]
    paths: Vec<String>,
    /// The entries that let it through; nobody has approved what none did.
    #[serde(default)]
    allowed_by: Vec<String>,
    #[serde(default)]
    uploads: u64,
    #[serde(default)]
    alerts: u64,
    #[serde(default)]
    bytes_out: u64,
    /// In one upload: on average, and at most.
    usual: u64,
    #[serde(default)]
    most: u64,
    #[serde(default)]
    first: String,
    #[serde(default)]
    last: String,
}

#[derive(Default, Serialize, Deserialize)]
struct Clients {
    #[serde(default)]
    client: Vec<Client>,
}

/// What `--baseline` printed, in either machine form, as the engine asks it.
pub fn read(text: &str) -> Result<Baseline, String> {
    let parsed: Result<Clients, String> = match text.trim_start().starts_with('{') {
        true => serde_json::from_str(text).map_err(|error| error.to_string()),
        false => toml::from_str(text).map_err(|error| error.to_string()),
    };
    let clients = parsed?.client;
    if clients.is_empty() {
        return Err(
            "there is no [[client]] in it; `cloudward learn --baseline --format toml` writes one".to_owned()
        );
    }
    let mut baseline = Baseline::default();
    for client in clients {
        baseline.tell(&client.code, &client.service, client.usual);
    }
    Ok(baseline)
}

/// All clients, those that send most first.
pub fn write(entries: &Entries, from: &str, form: Form) -> String {
    let clients = clients(entries);
    match form {
        Form::Json => serde_json::to_string_pretty(&Clients { client: clients }).unwrap_or_default() + "\n",
        Form::Toml => {
            let head = head(&clients, from, "# ");
            format!("{head}\n{}", toml::to_string(&Clients { client: clients }).unwrap_or_default())
        }
        Form::Text => clients.iter().fold(head(&clients, from, ""), |text, one| text + &one.text()),
    }
}

fn head(clients: &[Client], from: &str, mark: &str) -> String {
    let approved = clients.iter().filter(|client| !client.allowed_by.is_empty()).count();
    headline(clients.len(), approved, from, mark)
}

fn headline(count: usize, approved: usize, from: &str, mark: &str) -> String {
    format!(
        "{mark}Baseline of {}: {} of cloud services sent sensitive data, {approved} of them by an [[allow]] entry.\n\
         {mark}Nothing here is in force. What nobody approved is marked: `cloudward learn` proposes entries for it.\n",
        visible(from),
        counted(count as u64, "client")
    )
}

fn clients(entries: &Entries) -> Vec<Client> {
    let mut clients: BTreeMap<(&str, &str), Client> = BTreeMap::new();
    for kept in entries.values() {
        clients.entry((&kept.key.code, &kept.key.service)).or_insert_with(|| Client::of(kept)).add(kept);
    }
    let mut clients: Vec<Client> = clients.into_values().collect();
    clients.sort_by_key(|client| std::cmp::Reverse(client.bytes_out));
    clients
}

impl Client {
    fn of(kept: &Kept) -> Self {
        Self {
            code: kept.key.code.clone(),
            executable: kept.uploader.executable.clone(),
            service: kept.key.service.clone(),
            category: kept.key.category.clone().unwrap_or_default(),
            tenants: Vec::new(),
            users: Vec::new(),
            sets: Vec::new(),
            paths: Vec::new(),
            allowed_by: Vec::new(),
            uploads: 0,
            alerts: 0,
            bytes_out: 0,
            usual: 0,
            most: 0,
            first: kept.first().to_string(),
            last: kept.last().to_string(),
        }
    }

    fn add(&mut self, kept: &Kept) {
        let user = kept.user_name.clone().unwrap_or_else(|| kept.key.user.to_string());
        insert(&mut self.tenants, kept.key.tenant.iter());
        insert(&mut self.users, std::iter::once(&user));
        insert(&mut self.sets, kept.key.sets.iter());
        insert(&mut self.paths, kept.folders.iter());
        insert(&mut self.allowed_by, kept.key.allowed_by.iter());
        self.uploads = self.uploads.saturating_add(kept.uploads);
        self.alerts = self.alerts.saturating_add(kept.alerts);
        self.bytes_out = self.bytes_out.saturating_add(kept.bytes_out);
        self.usual = self.bytes_out / self.uploads.max(1);
        self.most = self.most.max(kept.most);
        self.first = kept.first().to_string().min(std::mem::take(&mut self.first));
        self.last = kept.last().to_string().max(std::mem::take(&mut self.last));
    }

    fn text(&self) -> String {
        let mut text = format!("\n{}\n", visible(&self.executable));
        let mut add = |label: &str, what: &str| _ = writeln!(text, "  {label:<9} {}", visible(what));
        add("identity", &self.code);
        let tenants =
            if self.tenants.is_empty() { String::new() } else { format!(", {}", self.tenants.join(", ")) };
        add("to", &format!("{} ({}){tenants}", self.service, self.category));
        add("users", &self.users.join(", "));
        add("data", &self.sets.join(", "));
        add("paths", &self.paths.join(", "));
        let (total, usual, most) = (size(self.bytes_out), size(self.usual), size(self.most));
        let uploads = if self.uploads == 1 { "1 upload" } else { &format!("{} uploads", self.uploads) };
        add("volume", &format!("{uploads}, {total} in all; {usual} usual, {most} at most in one"));
        add("seen", &format!("{} to {}", self.first, self.last));
        if !self.allowed_by.is_empty() {
            add("approved", &format!("by {}", self.allowed_by.join(", ")));
        }
        if self.alerts > 0 {
            let alerts = if self.alerts == 1 { "1 alert" } else { &format!("{} alerts", self.alerts) };
            add("NOT", &format!("approved by any entry: {alerts}"));
        }
        text
    }
}

/// Keeps a list sorted and each word once.
fn insert<'w>(list: &mut Vec<String>, words: impl Iterator<Item = &'w String>) {
    for word in words {
        if let Err(at) = list.binary_search(word) {
            list.insert(at, word.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_not_several() {
        let head = |count| headline(count, 0, "the recordings", "");
        assert!(head(1).contains(": 1 client of cloud services"), "{}", head(1));
        assert!(head(2).contains(": 2 clients of cloud services"), "{}", head(2));
    }
}
