//! Who may look where. Inside one crate the compiler does not keep rooms apart, so this does: it reads the sources and
//! names the file and line that looks uphill.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Each room and the rooms it may name. What is not here is refused; a new room needs a line.
const MAY_NAME: &[(&str, &[&str])] = &[
    ("model", &[]),
    ("policy", &["model"]),
    ("net", &["model"]),
    ("engine", &["model", "policy"]),
    ("sys", &["model"]),
    ("sensor", &["model", "net", "policy", "sys"]),
    // `sys` for the unified log.
    ("sink", &["model", "sys"]),
    // `net` and `engine` for the types of their limits only.
    // `sys` for managed preferences.
    ("config", &["model", "policy", "net", "engine", "sink", "sys"]),
    ("daemon", &["model", "policy", "net", "engine", "sys", "sensor", "sink", "config"]),
    ("cli", &["model", "policy", "net", "engine", "sys", "sensor", "sink", "config", "daemon"]),
];

/// Rooms without clock, I/O, threads and chance. `.clippy.toml` says what that means; this header switches it on.
const PURE: &[&str] = &["model", "policy", "net", "engine"];
const PURE_HEADER: &str = "#![deny(clippy::disallowed_methods, clippy::disallowed_types)]";

/// The doors where the program may ask which system it runs on.
const PLATFORM_DOORS: &[&str] =
    &["src/lib.rs", "src/sensor/mod.rs", "src/config/managed.rs", "src/sink/transport/mod.rs"];

/// Where the program is `unsafe`, how often, and why it must be there. A new one needs a reason above it and a look at
/// this table: whatever can be said with a safe function of a crate that is here anyway does not belong in it.
const UNSAFE: &[(&str, usize, &str)] = &[
    ("src/sys/mod.rs", 2, "system calls that no crate wraps: the system's version, the own audit token"),
    ("src/sys/ntstat.rs", 9, "kernel controls have an address family of their own, which no crate opens"),
    ("src/sys/oslog.rs", 6, "the unified log is C, and its arguments are packed by hand"),
    ("src/sys/pcap.rs", 30, "libpcap is C, and loaded by hand: a third are the types of its functions"),
    ("src/sys/prefs.rs", 16, "CFPreferences is C, and counts its references by hand"),
    ("src/sys/processes.rs", 11, "libproc and csops fill buffers of the caller"),
    (
        "src/sys/signals.rs",
        1,
        "only the system knows whether a signal is ignored, and no crate asks without changing it",
    ),
];

const CODE_ROOTS: &[&str] = &["src", "tests", "benches", "fuzz"];
const TREE: &[&str] = &[
    "src",
    "tests",
    "benches",
    "fuzz",
    "config",
    "launchd",
    ".ci",
    "README.md",
    "Cargo.toml",
    ".clippy.toml",
    ".deny.toml",
];

#[test]
fn no_room_looks_uphill() {
    report(
        sources("src")
            .iter()
            .flat_map(|source| source.room().map(|room| looks_uphill(source, room)))
            .flatten(),
    );
}

#[test]
fn imports_are_written_so_that_they_can_be_read() {
    report(sources("src").iter().flat_map(hides_an_import));
}

#[test]
fn pure_rooms_wear_their_header() {
    report(PURE.iter().filter_map(|room| {
        let path = root().join("src").join(room).join("mod.rs");
        let text = fs::read_to_string(&path).unwrap_or_default();
        let worn = text.lines().any(|line| line.trim() == PURE_HEADER);
        (!worn).then(|| format!("src/{room}/mod.rs:1: a pure room starts with `{PURE_HEADER}`"))
    }));
}

#[test]
fn unsafe_lives_in_sys_and_gives_its_reason() {
    report(
        CODE_ROOTS.iter().flat_map(|folder| sources(folder)).flat_map(|source| unsafe_without_leave(&source)),
    );
}

#[test]
fn the_inventory_of_unsafe_is_true() {
    let mut counted: BTreeMap<String, usize> = BTreeMap::new();
    for source in CODE_ROOTS.iter().flat_map(|folder| sources(folder)) {
        let blocks = source.code().filter(|(_, code)| has_word(code, "unsafe")).count();
        if blocks > 0 {
            counted.insert(source.name, blocks);
        }
    }
    let inventory: BTreeMap<String, usize> =
        UNSAFE.iter().map(|(name, count, _)| ((*name).to_owned(), *count)).collect();
    assert_eq!(counted, inventory, "the table UNSAFE of tests/architecture.rs says otherwise");
}

/// A line of the threat model that no test holds is a promise; one whose test was renamed is lost.
#[test]
fn each_threat_has_its_test() {
    let model = fs::read_to_string(root().join("src/daemon/threats.rs")).unwrap();
    let tests: BTreeSet<String> = ["src", "tests"]
        .iter()
        .flat_map(|folder| sources(folder))
        .flat_map(|source| source.tests().map(str::to_owned).collect::<Vec<_>>())
        .collect();
    let lines: Vec<&str> = model.lines().filter(|line| line.starts_with("//! | ")).skip(2).collect();
    assert!(lines.len() > 20, "the table is not where it was");
    for line in lines {
        let named: Vec<&str> =
            line.trim_end_matches(" |").rsplit(" | ").next().unwrap_or_default().split(", ").collect();
        for name in named {
            let name = name.trim_matches('`');
            assert!(tests.contains(name), "`{name}` is no test: {line}");
        }
    }
}

#[test]
fn the_platform_is_asked_at_its_doors_only() {
    report(sources("src").iter().filter(|source| !is_platform_door(&source.name)).flat_map(|source| {
        let asks = source.code().filter(|(_, code)| code.contains("target_os"));
        asks.map(|(line, _)| {
            format!("{}:{line}: `target_os` outside {}", source.name, PLATFORM_DOORS.join(", "))
        })
    }));
}

#[test]
fn the_tree_names_no_machine() {
    let homes = [["/wor", "k/"], ["/ro", "ot/"], ["/fa", "rm/"]].map(|halves| halves.concat());
    let texts = TREE.iter().flat_map(|part| files(&root().join(part)));
    report(texts.filter_map(|path| Some((relative(&path), fs::read_to_string(&path).ok()?))).flat_map(
        |(name, text)| {
            let numbered = text.lines().enumerate();
            let found = numbered.filter(|(_, line)| homes.iter().any(|home| names_home(line, home)));
            found.map(|(index, _)| format!("{name}:{}: a path of one machine", index + 1)).collect::<Vec<_>>()
        },
    ));
}

struct Source {
    /// Relative to the repository, with `/`.
    name: String,
    text: String,
}

impl Source {
    /// Names of the functions behind `#[test]`.
    fn tests(&self) -> impl Iterator<Item = &str> {
        let marked = self.text.split("#[test]").skip(1);
        marked.filter_map(|after| after.split_once("fn ")?.1.split_once('(').map(|(name, _)| name))
    }

    /// `src/<room>/…` or `src/<room>.rs`; nothing for `lib.rs` and `main.rs`, which may see everything.
    fn room(&self) -> Option<&str> {
        let first = self.name.strip_prefix("src/")?.split('/').next()?.trim_end_matches(".rs");
        (!matches!(first, "lib" | "main")).then_some(first)
    }

    /// Lines with their numbers, without comments.
    fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        let numbered = self.text.lines().enumerate();
        numbered.map(|(index, line)| (index + 1, line.split("//").next().unwrap_or_default()))
    }
}

fn looks_uphill(source: &Source, room: &str) -> Vec<String> {
    let Some((_, may)) = MAY_NAME.iter().find(|(name, _)| *name == room) else {
        return vec![format!(
            "{}:1: the room `{room}` has no line in the table of tests/architecture.rs",
            source.name
        )];
    };
    let at_the_door = source.name == format!("src/{room}/mod.rs") || source.name == format!("src/{room}.rs");
    let mut found = Vec::new();
    for (line, code) in source.code() {
        let named =
            after(code, "crate::").chain(after(code, "super::").filter(|name| at_the_door && is_room(name)));
        for name in named.filter(|name| *name != room && !may.contains(name)) {
            found.push(format!("{}:{line}: `{room}` may not name `{name}`", source.name));
        }
    }
    found
}

fn is_room(name: &str) -> bool {
    MAY_NAME.iter().any(|(room, _)| *room == name)
}

/// The identifiers that follow each `prefix` in a line.
fn after<'a>(code: &'a str, prefix: &'a str) -> impl Iterator<Item = &'a str> {
    code.match_indices(prefix).map(move |(at, _)| {
        let rest = &code[at + prefix.len()..];
        let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
        &rest[..end]
    })
}

fn hides_an_import(source: &Source) -> Vec<String> {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let mut found = Vec::new();
    for (line, code) in source.code() {
        if code.contains("crate::{") || code.contains("crate::*") {
            found.push(format!(
                "{}:{line}: one `use crate::room::…` for each room, no group at the crate",
                source.name
            ));
        }
        if code.contains("super::super") {
            found.push(format!(
                "{}:{line}: `super::super` hides where it leads; write `crate::…`",
                source.name
            ));
        }
        // Scopes are told apart by their indentation: tests may import for themselves.
        if let Some(parent) = imported_parent(code)
            && let Some(first) = seen.insert(parent.clone(), line)
        {
            let name = parent.trim_start();
            found.push(format!(
                "{}:{line}: a second `use {name}::…`, the first is in line {first}",
                source.name
            ));
        }
    }
    found
}

/// `use crate::a::b::C;` → `crate::a::b`, with the line's indentation and visibility in front.
fn imported_parent(code: &str) -> Option<String> {
    let (before, path) = code.split_once("use crate::")?;
    if !matches!(before.trim(), "" | "pub" | "pub(crate)" | "pub(super)") {
        return None;
    }
    let end = path.find(['{', ';', '*']).unwrap_or(path.len());
    let whole = path[..end].trim_end_matches("::");
    let parent =
        if path[end..].starts_with(';') { whole.rsplit_once("::").map_or(whole, |(p, _)| p) } else { whole };
    Some(format!("{before}crate::{parent}"))
}

fn unsafe_without_leave(source: &Source) -> Vec<String> {
    let at_home = source.name.starts_with("src/sys/");
    let lines: Vec<&str> = source.text.lines().collect();
    let mut found = Vec::new();
    for (line, code) in source.code() {
        if !has_word(code, "unsafe") {
            continue;
        }
        if !at_home {
            found.push(format!("{}:{line}: `unsafe` outside src/sys", source.name));
        } else if !gives_reason(&lines[..line]) {
            found.push(format!("{}:{line}: no `// SAFETY:` above this `unsafe`", source.name));
        }
    }
    found
}

/// The last line holds the `unsafe`: a reason stands on it, or in the comment right above its statement.
fn gives_reason(lines: &[&str]) -> bool {
    let Some((own, above)) = lines.split_last() else { return false };
    let comment =
        above.iter().rev().skip_while(|line| !line.trim().starts_with("//") && !ends_statement(line));
    own.contains("SAFETY:")
        || comment.take_while(|line| line.trim().starts_with("//")).any(|line| line.contains("SAFETY:"))
}

fn ends_statement(line: &str) -> bool {
    let line = line.trim_end();
    line.is_empty() || line.ends_with([';', '{', '}', ','])
}

fn has_word(code: &str, word: &str) -> bool {
    let part_of_name = |c: char| c.is_alphanumeric() || c == '_' || matches!(c, '"' | '`');
    code.match_indices(word).any(|(at, _)| {
        !code[..at].ends_with(part_of_name) && !code[at + word.len()..].starts_with(part_of_name)
    })
}

fn is_platform_door(name: &str) -> bool {
    PLATFORM_DOORS.contains(&name) || name.starts_with("src/sys/")
}

/// `/var/…` homes belong to macOS, not to a machine of ours.
fn names_home(line: &str, home: &str) -> bool {
    line.match_indices(home)
        .any(|(at, _)| !line[..at].ends_with("/var") && !line[..at].ends_with(char::is_alphanumeric))
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn relative(path: &Path) -> String {
    path.strip_prefix(root()).unwrap_or(path).to_string_lossy().replace('\\', "/")
}

fn sources(folder: &str) -> Vec<Source> {
    let rust =
        files(&root().join(folder)).into_iter().filter(|path| path.extension().is_some_and(|e| e == "rs"));
    rust.map(|path| Source { name: relative(&path), text: fs::read_to_string(&path).unwrap() }).collect()
}

/// Every file at or under a path, in order; none if there is no such path. What building and fuzzing leave is not
/// part of the tree.
fn files(path: &Path) -> Vec<PathBuf> {
    const LEFT: [&str; 3] = ["target", "corpus", "artifacts"];
    if path.is_file() {
        return vec![path.to_owned()];
    }
    let Ok(entries) = fs::read_dir(path) else { return Vec::new() };
    let mut entries: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    entries.retain(|path| path.file_name().is_none_or(|name| LEFT.iter().all(|left| name != *left)));
    entries.sort();
    entries.iter().flat_map(|path| files(path)).collect()
}

fn report(complaints: impl IntoIterator<Item = String>) {
    let complaints: Vec<String> = complaints.into_iter().collect();
    assert!(complaints.is_empty(), "\n{}\n", complaints.join("\n"));
}
