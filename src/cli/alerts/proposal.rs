//! An `[[allow]]` entry as narrow as the evidence of an alert permits.

use std::fmt::Write as _;
use std::sync::Arc;

use crate::cli::alerts::Told;
use crate::cli::alerts::told::Process;
use crate::engine;
use crate::model::{ExecFacts, FilePath, Script, SigningState};
use crate::policy::Identity;
use crate::sink::format::is_trick;

/// Programs that do whatever they are told: an entry for one of them says little about what will be done.
const GENERAL: [&str; 38] = [
    "aws",
    "awk",
    "az",
    "b2",
    "bash",
    "bun",
    "cat",
    "cp",
    "curl",
    "deno",
    "ditto",
    "fish",
    "gcloud",
    "git",
    "gsutil",
    "http",
    "ksh",
    "mc",
    "nc",
    "ncat",
    "node",
    "openssl",
    "osascript",
    "perl",
    "php",
    "pwsh",
    "python",
    "rclone",
    "rsync",
    "ruby",
    "s3cmd",
    "s5cmd",
    "scp",
    "sftp",
    "sh",
    "socat",
    "wget",
    "zsh",
];

/// Which program, as an entry names it. In the order in which it is written.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub struct Who {
    team_id: Option<String>,
    platform: bool,
    signing_id: Option<String>,
    path: Option<String>,
    unsigned: bool,
    cdhash: Option<String>,
}

/// What is proposed.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Proposal {
    pub program: String,
    pub who: Who,
    /// A pattern that means this script alone.
    pub script: Option<String>,
    /// Who must have started it, for programs that do whatever they are told.
    pub parent: Option<Who>,
    pub sensitive: Vec<String>,
    pub service: String,
    pub tenant: Option<String>,
    pub users: Vec<String>,
}

/// Why an entry cannot be, or should be thought about.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Concern {
    /// No entry covers it.
    Impossible(&'static str),
    /// An entry would let much more through than was seen.
    Broad(String),
    Weak(String),
}

impl Concern {
    pub fn text(&self) -> &str {
        match self {
            Self::Impossible(text) => text,
            Self::Broad(text) | Self::Weak(text) => text,
        }
    }
}

/// The narrowest entry for an alert, with what is to be said about it; only the reason if none can be.
pub fn propose(told: &Told) -> Result<(Proposal, Vec<Concern>), Concern> {
    if told.process.executable.is_empty() {
        return Err(Concern::Impossible(
            "only an audit log of the cloud tells of it: name the account that received under `tenants` of an entry \
             for this service if it is yours",
        ));
    }
    let identity = identity(told);
    if told.process.invalidated() || told.said("identity-invalid") {
        return Err(Concern::Impossible("its code no longer matches its signature: nothing vouches for it"));
    }
    if identity.runs_other_code {
        return Err(Concern::Impossible("it runs code that is not its own, and no entry names that"));
    }
    let Some(service) = told.cloud.service.name.clone() else {
        return Err(Concern::Impossible("the destination has no name; [upload] unknown decides about such"));
    };
    let sensitive: Vec<String> = told.sets().into_iter().map(str::to_owned).collect();
    if sensitive.is_empty() {
        return Err(Concern::Impossible("it tells of no sensitive read that an entry could name"));
    }
    if told.cloudward.tenant.name.as_deref().is_some_and(|tenant| tenant.contains('*')) {
        return Err(Concern::Impossible("the account's name has a * in it, which in an entry means any"));
    }
    let general = is_general(told.process.name());
    let parent = told.process.parent.as_deref().filter(|parent| !parent.executable.is_empty());
    let parent = parent.filter(|_| general && identity.script.is_none());
    let proposal = Proposal {
        program: told.process.name().to_owned(),
        who: who(&told.process),
        script: identity.script.as_ref().map(|path| literal(&path.to_string())),
        parent: parent.map(who).filter(|_| parent.is_some_and(|parent| !parent.invalidated())),
        sensitive,
        service,
        tenant: told.cloudward.tenant.name.clone(),
        users: vec![told.user().to_owned()],
    };
    let concerns = concerns(&proposal, general);
    Ok((proposal, concerns))
}

/// The code that ran, as the engine sees it.
pub fn identity(told: &Told) -> Identity {
    let process = &told.process;
    let facts = ExecFacts {
        args: process.args.iter().map(|arg| Box::from(arg.as_str())).collect(),
        script: told.cloudward.script.as_deref().map(|path| Script { path: FilePath::from(path) }),
        ..ExecFacts::default()
    };
    let mut identity = engine::identity_of(&process.program().into(), &facts);
    // The environment is not told, what it led to is.
    identity.runs_other_code |= told.cloudward.runs_other_code;
    if told.cloudward.script.is_none() && !identity.runs_other_code {
        identity.script = None;
    }
    identity.invalidated = process.invalidated();
    identity
}

/// Who a process is, as surely as can be said.
fn who(process: &Process) -> Who {
    let program = process.program();
    let text = |id: &Option<Box<str>>| id.as_deref().map(str::to_owned);
    // As policy asks it: a hash that the kernel does not vouch for names nobody.
    let vouched = Identity::new(Arc::new(program.clone())).cdhash();
    let cdhash = vouched.map(|hash| hash.to_string());
    match program.flags.state() {
        SigningState::Trusted if program.platform && program.signing_id.is_some() => {
            Who { platform: true, signing_id: text(&program.signing_id), ..Who::default() }
        }
        SigningState::Trusted if program.team_id.is_some() => {
            Who { team_id: text(&program.team_id), signing_id: text(&program.signing_id), ..Who::default() }
        }
        // Anybody may sign with this identifier: the hash says which code it was.
        SigningState::Trusted => Who { signing_id: text(&program.signing_id), cdhash, ..Who::default() },
        SigningState::AdHoc | SigningState::Invalid | SigningState::Unsigned => {
            Who { path: Some(literal(&process.executable)), unsigned: true, cdhash, ..Who::default() }
        }
    }
}

fn concerns(proposal: &Proposal, general: bool) -> Vec<Concern> {
    let mut concerns = Vec::new();
    let (program, service) = (&proposal.program, &proposal.service);
    if general && proposal.script.is_none() && proposal.tenant.is_none() {
        concerns.push(Concern::Broad(format!(
            "{program} does whatever it is told, and whose account at {service} it is cannot be seen"
        )));
    } else if general && proposal.script.is_none() {
        concerns.push(Concern::Weak(format!(
            "{program} does whatever it is told: anything that runs it may send this"
        )));
    }
    if general && proposal.script.is_none() && proposal.parent.is_none() {
        concerns.push(Concern::Weak(
            "nothing vouches for who started it: whoever does is let through".to_owned(),
        ));
    }
    if let Some(script) = proposal.script.as_ref().filter(|script| !is_kept_by_root(script)) {
        concerns.push(Concern::Weak(format!("whoever can write {script} decides what is sent")));
    }
    match &proposal.who {
        Who { unsigned: true, cdhash: None, path: Some(path), .. } => {
            concerns.push(Concern::Weak(format!("not signed: any program put at {path} is let through")));
        }
        Who { unsigned: true, .. } => {
            concerns.push(Concern::Weak(
                "not signed: held by its hash, so every update needs a new entry".to_owned(),
            ));
        }
        Who { signing_id: None, .. } => {
            concerns.push(Concern::Weak("every program of this team is let through".to_owned()));
        }
        _ => {}
    }
    if proposal.tenant.is_none() {
        concerns.push(Concern::Weak(format!(
            "whose account at {service} it is cannot be seen: any is let through"
        )));
    }
    concerns
}

/// Only root writes there.
fn is_kept_by_root(path: &str) -> bool {
    ["/usr/bin/", "/usr/sbin/", "/bin/", "/sbin/", "/System/", "/Library/"]
        .iter()
        .any(|root| path.starts_with(root))
}

/// By the name alone, version digits aside: what matters is how it reads to whoever reviews.
fn is_general(name: &str) -> bool {
    let stem =
        name.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.' || c == '-').to_ascii_lowercase();
    GENERAL.contains(&stem.as_str())
}

/// A path as a pattern that means only itself.
fn literal(path: &str) -> String {
    let mut pattern = String::with_capacity(path.len());
    for letter in path.chars() {
        if matches!(letter, '*' | '?' | '[' | ']' | '{' | '}' | '\\') {
            pattern.push('\\');
        }
        pattern.push(letter);
    }
    pattern
}

impl Who {
    fn toml(&self) -> String {
        let mut parts = Vec::new();
        let mut add = |key: &str, value: &Option<String>| {
            parts.extend(value.as_ref().map(|value| format!("{key} = {}", quoted(value))));
        };
        add("team_id", &self.team_id);
        add("signing_id", &self.signing_id);
        add("path", &self.path);
        add("cdhash", &self.cdhash);
        parts.extend(self.platform.then(|| "platform = true".to_owned()));
        parts.extend(self.unsigned.then(|| "unsigned = true".to_owned()));
        format!("{{ {} }}", parts.join(", "))
    }
}

impl Proposal {
    /// What it is called, unless something else is called so.
    pub fn name(&self) -> String {
        let tenant = self.tenant.as_ref().map(|tenant| format!(" {tenant}")).unwrap_or_default();
        format!("{} to {}{tenant}", self.program, self.service)
    }

    /// The entry, ready to be pasted.
    pub fn toml(&self, name: &str, reason: &str) -> String {
        let mut text = String::from("[[allow]]\n");
        let mut add = |key: &str, value: String| _ = writeln!(text, "{key:<9} = {value}");
        add("name", quoted(name));
        add("process", self.who.toml());
        if let Some(script) = &self.script {
            add("script", quoted(script));
        }
        if let Some(parent) = &self.parent {
            add("parent", parent.toml());
        }
        add("sensitive", list(&self.sensitive));
        add("services", list(std::slice::from_ref(&self.service)));
        let tenants =
            self.tenant.as_ref().map_or_else(|| quoted("*"), |tenant| list(std::slice::from_ref(tenant)));
        add("tenants", tenants);
        let users: Vec<String> = self.users.iter().map(|user| self.user(user)).collect();
        add("users", format!("[{}]", users.join(", ")));
        add("reason", quoted(reason));
        text
    }

    /// A number is a user id.
    fn user(&self, user: &str) -> String {
        if user.parse::<u32>().is_ok() { user.to_owned() } else { quoted(user) }
    }
}

pub fn list(items: &[String]) -> String {
    format!("[{}]", items.iter().map(|item| quoted(item)).collect::<Vec<_>>().join(", "))
}

/// A basic string of TOML, on one line whatever the text holds: names in alerts are hostile.
pub fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for letter in text.chars() {
        match letter {
            '"' | '\\' => quoted.extend(['\\', letter]),
            _ if letter.is_control() || is_trick(letter) => {
                _ = write!(quoted, "\\U{:08X}", u32::from(letter))
            }
            _ => quoted.push(letter),
        }
    }
    quoted + "\""
}
