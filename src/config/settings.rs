//! The effective configuration: what the built-in default, a file and configuration profiles say together.
//!
//! In: [`Source`]s, weakest first. Out: [`Settings`], and a [`Diagnostic`] for each thing that could not be used.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use sha2::{Digest, Sha256};

use crate::policy::{Draft, Policy, Services};
use crate::sink::output::{Heartbeats, Output};
use crate::sink::spool;

use super::builtin;
use super::diagnostics::{Complaint, Diagnostic, Level, Origin, Place};
use super::merge::{disable, merge, name_of};
use super::read_allow::{self, Context};
use super::read_catalogue::{Sets, mail, services, sync_roots};
use super::read_options::{self, Capture, Socket};
use super::read_outputs::{self, Speech};
use super::read_rule::{self, Known};
use super::read_tools::tools;
use super::schema;
use super::section::{Complaints, Section};
use super::tree::{self, Kind, Node, Source, Table};

/// How large a configuration file may be, in bytes.
const FILE_LIMIT: u64 = 4 << 20;

/// Everything configured, checked and compiled.
#[derive(Clone, Debug)]
pub struct Settings {
    pub policy: Arc<Policy>,
    pub outputs: Vec<Output>,
    pub spool: spool::Options,
    pub heartbeats: Heartbeats,
    /// Where the live daemon gets packets from.
    pub capture: Capture,
    /// Where the daemon keeps its lock and whether it ended in order; an installation's folder if not said.
    pub state: Option<PathBuf>,
    /// Where the live daemon answers who asks how it is.
    pub socket: Socket,
    /// Where each value comes from, in the order of the tree.
    pub provenance: Vec<Provenance>,
    /// The merged text, for citing places.
    pub(super) root: Arc<Table>,
}

/// One value and its place.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Provenance {
    /// `window.default`, or `sensitive "ssh-keys"`.
    pub key: String,
    /// As configuration writes it; empty for entries.
    pub value: String,
    pub at: Place,
}

/// The built-in default.
pub fn default_settings() -> Settings {
    load(&[]).0
}

/// The built-in services alone: path patterns take fifty times as long to compile.
pub fn default_services() -> Services {
    let mut complaints = Complaints::default();
    let mut root = Table::default();
    for source in builtin::with("\n[[service]]\n") {
        let mut table = tree::parse(&source, &mut complaints.0);
        table.0.retain(|entry| entry.key == "service");
        merge(&mut root, table, &mut complaints);
    }
    let whole = Place::whole(Origin::BuiltIn, &Arc::from("configuration"));
    Services::compile(services(&mut Section::new(schema::TOP, "top level", &whole, &root, &mut complaints)))
}

/// Reads one file.
pub fn load_file(path: &Path) -> (Settings, Vec<Diagnostic>) {
    match read_source(path) {
        Ok(source) => load(&[source]),
        Err(diagnostic) => (default_settings(), vec![diagnostic]),
    }
}

/// The text of a file, or why it cannot be had.
pub fn read_source(path: &Path) -> Result<Source, Diagnostic> {
    let name: Arc<str> = Arc::from(path.to_string_lossy());
    let whole = Place::whole(Origin::File, &name);
    let refuse = |complaint: Complaint| Diagnostic::error(&whole, complaint);
    let unreadable = |error: std::io::Error| {
        let complaint = Complaint::new(format!("cannot be read: {error}"));
        refuse(complaint.hint("give the path of a configuration with --config FILE"))
    };
    let metadata = std::fs::metadata(path).map_err(unreadable)?;
    if metadata.is_dir() {
        return Err(refuse(Complaint::new("is a directory, not a file").hint("name the file inside it")));
    }
    if metadata.len() > FILE_LIMIT {
        let complaint = Complaint::new(format!("is larger than {} MiB", FILE_LIMIT >> 20));
        return Err(refuse(
            complaint.hint("is it a configuration? what is built in need not be repeated in it"),
        ));
    }
    let bytes = std::fs::read(path).map_err(unreadable)?;
    let text = String::from_utf8(bytes).map_err(|error| not_text(&error, &whole))?;
    Ok(Source { origin: Origin::File, name, text: text.strip_prefix('\u{FEFF}').unwrap_or(&text).to_owned() })
}

fn not_text(error: &std::string::FromUtf8Error, whole: &Place) -> Diagnostic {
    let good = &error.as_bytes()[..error.utf8_error().valid_up_to()];
    let start = good.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    let column = String::from_utf8_lossy(&good[start..]).chars().count() + 1;
    let line = good.iter().filter(|byte| **byte == b'\n').count() + 1;
    let place = Place { line: line as u32, column: column as u32, ..whole.clone() };
    Diagnostic::error(&place, Complaint::new("is not UTF-8").hint("save the file as UTF-8 text"))
}

/// Reads sources, weakest first, over the built-in default. Settings come back whatever was wrong; with an error among the
/// diagnostics they must not be put in force.
pub fn load(sources: &[Source]) -> (Settings, Vec<Diagnostic>) {
    load_over(&builtin::sources().collect::<Vec<_>>(), sources)
}

/// The same over nothing: to read and to merge the built-in default is nearly all that a small configuration takes.
#[cfg(fuzzing)]
pub fn load_alone(sources: &[Source]) -> (Settings, Vec<Diagnostic>) {
    load_over(&[], sources)
}

fn load_over(builtin: &[Source], sources: &[Source]) -> (Settings, Vec<Diagnostic>) {
    let mut complaints = Complaints::default();
    let mut root = Table::default();
    for source in builtin {
        let table = tree::parse(source, &mut complaints.0);
        merge(&mut root, table, &mut complaints);
    }
    let builtin_sets = names(&root, "sensitive");
    let trees: Vec<Table> = sources.iter().map(|source| tree::parse(source, &mut complaints.0)).collect();
    let disabled = trees.iter().rev().find_map(|tree| tree.get("builtin")?.table()?.get("disable"));
    if let Some(disabled) = disabled {
        disable(&mut root, disabled, &mut complaints);
    }
    for tree in trees {
        merge(&mut root, tree, &mut complaints);
    }
    let settings = read(root, &builtin_sets, &mut complaints);
    let mut diagnostics = complaints.0;
    // What is weak in the built-in default is known to be; its mistakes are not.
    diagnostics.retain(|found| found.place.origin != Origin::BuiltIn || found.level == Level::Error);
    diagnostics.sort_by(|a, b| a.place.cmp(&b.place));
    (settings, diagnostics)
}

fn names(root: &Table, list: &str) -> Vec<String> {
    match root.get(list).map(|node| &node.kind) {
        Some(Kind::List(items)) => {
            items.iter().filter_map(|item| name_of(list, item)).map(str::to_owned).collect()
        }
        _ => Vec::new(),
    }
}

fn read(root: Table, builtin_sets: &[String], complaints: &mut Complaints) -> Settings {
    let whole = Place::whole(Origin::BuiltIn, &Arc::from("configuration"));
    let mut section = Section::new(schema::TOP, "top level", &whole, &root, complaints);
    let singles = read_options::read(&mut section);
    let sets = Sets::read(&mut section, &singles.options, &singles.volumes, builtin_sets);
    let services = services(&mut section);
    let mail = mail(&mut section);
    let sync_roots = sync_roots(&mut section, &services, &singles.volumes);
    let context =
        Context { sets: &sets, services: &services, sync_roots: &sync_roots, volumes: &singles.volumes };
    let allow = read_allow::read(&mut section, &context);
    let known = Known { context: &context, allow: &allow, options: &singles.options };
    let rules = read_rule::read(&mut section, &known);
    let tools = tools(&mut section, &services);
    let Speech { outputs, spool, heartbeats } = read_outputs::read(&mut section, &rules);
    section.finish();
    let (provenance, hash) = (provenance(&root), hash(&root));
    let mut draft = Draft {
        options: singles.options,
        sets: sets.sets,
        set_paths: sets.paths,
        services,
        mail,
        sync_roots,
        allow,
        rules,
        tools,
        volumes: singles.volumes,
        homes: singles.homes,
        hash,
    };
    let policy = Policy::compile(draft.clone()).unwrap_or_else(|error| {
        let complaint = Complaint::new(error.to_string());
        complaints
            .error(&whole, complaint.hint("write fewer or shorter patterns in the `paths` of [[sensitive]]"));
        draft.set_paths.clear();
        Policy::compile(draft).expect("a policy without path patterns compiles")
    });
    let (capture, state, socket) = (singles.capture, singles.state, singles.socket);
    Settings {
        policy: Arc::new(policy),
        outputs,
        spool,
        heartbeats,
        capture,
        state,
        socket,
        provenance,
        root: Arc::new(root),
    }
}

/// 16 hex digits over the meaning of the configuration: comments, order of keys and spelling of numbers do not count.
fn hash(root: &Table) -> Arc<str> {
    let at = Place::whole(Origin::BuiltIn, &Arc::from(""));
    let mut text = String::new();
    Node { at, kind: Kind::Table(root.clone()), under: None }.canonical(&mut text);
    let digest = Sha256::digest(text.as_bytes());
    Arc::from(digest[..8].iter().map(|byte| format!("{byte:02x}")).collect::<String>())
}

fn provenance(root: &Table) -> Vec<Provenance> {
    let mut all = Vec::new();
    for entry in &root.0 {
        match &entry.value.kind {
            Kind::Table(table) => all.extend(table.0.iter().map(|single| {
                let mut value = String::new();
                single.value.canonical(&mut value);
                let key = format!("{}.{}", entry.key, single.key);
                Provenance { key, value, at: single.value.at.clone() }
            })),
            Kind::List(items) => all.extend(items.iter().map(|item| {
                let name = name_of(&entry.key, item).unwrap_or_default();
                let key = format!("{} {name:?}", entry.key);
                Provenance { key, value: String::new(), at: item.at.clone() }
            })),
            _ => {}
        }
    }
    all
}
