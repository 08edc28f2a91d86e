//! One step of a story: who, when, and exactly one deed.

use std::collections::{BTreeMap, BTreeSet};

use crate::config::diagnostics::Complaint;
use crate::config::section::{Section, Value, boolean, duration, size, text};
use crate::config::tree::Node;
use crate::config::values;
use crate::model::Span;

use super::{Deed, Duplicate, ProgramSpec, Run, Step};

/// What a step without `at` waits after the one before it.
const PAUSE: Span = Span::from_secs(1);

/// The verbs of a step, as messages list them.
const DEEDS: &str = "reads, writes, copies, clones, links, renames, drops, removes, starts, becomes, uploads, tampered, exits";

/// Who has appeared so far.
pub(super) struct Cast<'p> {
    programs: &'p BTreeMap<String, ProgramSpec>,
    known: BTreeSet<String>,
    home: String,
    now: Span,
}

impl<'p> Cast<'p> {
    pub(super) fn new(programs: &'p BTreeMap<String, ProgramSpec>, user: &str) -> Self {
        let home = if user == "root" { "/var/root".to_owned() } else { format!("/Users/{user}") };
        Self { programs, known: BTreeSet::new(), home, now: Span::ZERO }
    }

    fn program(&self, name: &str) -> Result<ProgramSpec, Complaint> {
        let unknown = || {
            let complaint = Complaint::new(format!("no program is named `{name}`"));
            let complaint = complaint.did_you_mean(name, self.programs.keys().map(String::as_str));
            let hint = || format!("describe it: [program] {name} = {{ path = \"..\", .. }}");
            if complaint.hint.is_none() { complaint.hint(hint()) } else { complaint }
        };
        self.programs.get(name).cloned().ok_or_else(unknown)
    }

    /// `~` is the home of the story's user.
    fn expand(&self, path: String) -> String {
        match path.strip_prefix('~') {
            Some(rest) => format!("{}{rest}", self.home),
            None => path,
        }
    }
}

/// A path from the root or from the home.
pub(super) fn path(node: &Node) -> Result<String, Complaint> {
    let path = text(node)?;
    let fits = path.starts_with('/') || path == "~" || path.starts_with("~/");
    let wrong = || Complaint::new(format!("`{path}` begins nowhere")).hint("begin with `/` or `~/`");
    if fits { Ok(path) } else { Err(wrong()) }
}

pub(super) fn read(section: &mut Section<'_, '_>, cast: &mut Cast<'_>) -> Option<Step> {
    let at = section.at().clone();
    let before = section.complaints.0.len();
    let time = section
        .read("at", duration)
        .map_or_else(|| cast.now.as_nanos().saturating_add(PAUSE.as_nanos()), |time| time.value.as_nanos());
    let time = Span::from_nanos(time);
    cast.now = time;
    let by = section.require("by", "who does it: by = \"curl\"", text);
    let first = by.as_ref().and_then(|by| introduce(section, cast, by));
    let deeds = deeds(section, cast);
    let mut deeds = deeds.into_iter();
    let deed = match (deeds.next(), deeds.next()) {
        (Some(deed), None) => deed,
        // A deed with a mistake in it has been complained of already.
        (None, _) if section.complaints.0.len() > before => return None,
        (None, _) => {
            let complaint = Complaint::new(format!("{} says nothing that is done", section.title()));
            section.complaints.error(&at, complaint.hint(format!("add one of {DEEDS}")));
            return None;
        }
        (Some(_), Some(_)) => {
            let complaint = Complaint::new(format!("{} says two things at once", section.title()));
            section.complaints.error(&at, complaint.hint("make two steps of it"));
            return None;
        }
    };
    Some(Step { at, time, by: by?.value, first, deed })
}

/// The program to start first, when the actor is new. Complains when it is nobody.
fn introduce(section: &mut Section<'_, '_>, cast: &mut Cast<'_>, by: &Value<String>) -> Option<ProgramSpec> {
    if cast.known.contains(&by.value) {
        return None;
    }
    match cast.program(&by.value) {
        Ok(program) => {
            cast.known.insert(by.value.clone());
            Some(program)
        }
        Err(complaint) => {
            section.complain(&by.at, "by", complaint);
            None
        }
    }
}

/// Every deed that the step names; there should be one.
fn deeds(section: &mut Section<'_, '_>, cast: &mut Cast<'_>) -> Vec<Deed> {
    let mut deeds = Vec::new();
    if let Some(list) = section.list("reads", path) {
        deeds.push(Deed::Reads(list.value.into_iter().map(|one| cast.expand(one.value)).collect()));
    }
    deeds.extend(section.read("writes", path).map(|one| Deed::Writes(cast.expand(one.value))));
    deeds.extend(section.read("removes", path).map(|one| Deed::Removes(cast.expand(one.value))));
    deeds.extend(duplicates(section, cast));
    deeds.extend(drops(section, cast));
    for key in ["starts", "becomes"] {
        deeds.extend(runs(section, cast, key));
    }
    deeds.extend(uploads(section));
    for (key, deed) in [("tampered", Deed::Tampered), ("exits", Deed::Exits)] {
        let said = section.read(key, boolean).is_some_and(|said| said.value);
        deeds.extend(said.then_some(deed));
    }
    deeds
}

fn duplicates(section: &mut Section<'_, '_>, cast: &Cast<'_>) -> Vec<Deed> {
    const WAYS: [(&str, Duplicate); 4] = [
        ("copies", Duplicate::Copy),
        ("clones", Duplicate::Clone),
        ("links", Duplicate::Link),
        ("renames", Duplicate::Rename),
    ];
    let read = |(key, how): (&'static str, Duplicate)| Some((how, section.read(key, path)?.value));
    let found: Vec<(Duplicate, String)> = WAYS.into_iter().filter_map(read).collect();
    if found.is_empty() {
        return Vec::new();
    }
    let Some(to) = section.require("to", "the new name: to = \"/tmp/x\"", path) else { return Vec::new() };
    let to = cast.expand(to.value);
    let deed = |(how, from)| Deed::Duplicates { how, from: cast.expand(from), to: to.clone() };
    found.into_iter().map(deed).collect()
}

fn drops(section: &mut Section<'_, '_>, cast: &Cast<'_>) -> Option<Deed> {
    let from = section.read("drops", path)?.value;
    let into = section.require("into", "the folder: into = \"~/Library/CloudStorage/..\"", path)?.value;
    let name = from.rsplit('/').next().unwrap_or_default();
    let to = format!("{}/{name}", into.trim_end_matches('/'));
    Some(Deed::Duplicates { how: Duplicate::Copy, to: cast.expand(to), from: cast.expand(from) })
}

fn runs(section: &mut Section<'_, '_>, cast: &mut Cast<'_>, key: &'static str) -> Option<Deed> {
    let label = section.read(key, text)?;
    let program = match cast.program(&label.value) {
        Ok(program) => program,
        Err(complaint) => {
            section.complain(&label.at, key, complaint);
            return None;
        }
    };
    let args = section.list("args", text).map(|list| list.value).unwrap_or_default();
    let args = args.into_iter().map(|arg| arg.value).collect();
    let script = section.read("script", path).map(|script| cast.expand(script.value));
    let script_sha256 =
        section.read("script_sha256", |node| values::hex(&text(node)?)).map(|hash| hash.value);
    let (stdin, stdout) = (section.read("stdin", text), section.read("stdout", text));
    let name = (key == "starts").then(|| {
        let name = section.read("as", text).map_or(label.value, |name| name.value);
        cast.known.insert(name.clone());
        name
    });
    let (stdin, stdout) = (stdin.map(|pipe| pipe.value), stdout.map(|pipe| pipe.value));
    Some(Deed::Runs(Box::new(Run { program, args, script, script_sha256, stdin, stdout, name })))
}

fn uploads(section: &mut Section<'_, '_>) -> Option<Deed> {
    let bytes = section.read("uploads", size)?.value;
    let to = section.require("to", "the host: to = \"content.dropboxapi.com\"", host)?.value;
    let received = section.read("receives", size).map_or(300, |size| size.value);
    let hidden = section.read("hidden", boolean).is_some_and(|hidden| hidden.value);
    Some(Deed::Uploads { bytes, received, to, hidden })
}

/// A host name or an address; not an URL.
fn host(node: &Node) -> Result<String, Complaint> {
    let host = text(node)?;
    let wrong = || Complaint::new(format!("`{host}` is no host name")).hint("such as content.dropboxapi.com");
    let address = host.parse::<std::net::IpAddr>().is_ok();
    let name = crate::model::DomainName::from_wire(crate::policy::canonical_name(&host).as_bytes());
    if address || name.is_some() { Ok(host) } else { Err(wrong()) }
}
