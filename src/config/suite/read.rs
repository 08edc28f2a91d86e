//! Reading a file of tests. Everything that could be wrong with a story is said here, with its place.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::config::diagnostics::{Complaint, Diagnostic, Origin, Place};
use crate::config::schema::ANY;
use crate::config::section::{Complaints, Section, boolean, expected, one_of, text};
use crate::config::tree::{self, Kind, Node, Source};
use crate::config::values;
use crate::model::{Confidence, Severity, Span, Timestamp};

use super::steps::{self, Cast};
use super::{Expected, PolicyUnderTest, ProgramSpec, Suite, Test, Verdict};

/// Steps of one story.
const MAX_STEPS: usize = 10_000;
/// What policies hold and tests do not.
const POLICY_KEYS: [&str; 6] = ["sensitive", "service", "sync_root", "allow", "rule", "window"];
/// The day on which stories happen that do not say when: 2026-01-01.
const SOME_DAY: Timestamp = Timestamp::from_nanos(1_767_225_600_000_000_000);

/// Reads one file of tests. With an error among the diagnostics it must not be run.
pub fn read(source: &Source) -> (Suite, Vec<Diagnostic>) {
    let mut complaints = Complaints::default();
    let table = tree::parse(source, &mut complaints.0);
    let whole = Place::whole(source.origin, &source.name);
    if table.get("test").is_none() && POLICY_KEYS.iter().any(|key| table.get(key).is_some()) {
        let complaint = Complaint::new("is a policy, not a file of tests");
        let hint =
            "name it in a file of tests, `policy = \"..\"`, or look it over with `cloudward check --config`";
        complaints.error(&whole, complaint.hint(hint));
        return (Suite { policy: PolicyUnderTest::BuiltIn, tests: Vec::new() }, complaints.0);
    }
    let mut root = Section::new(ANY, "top level", &whole, &table, &mut complaints);
    let policy = policy(&mut root, source);
    let defaults = Defaults {
        user: root.read("user", text).map_or_else(|| "alice".to_owned(), |user| user.value),
        on: root.read("on", day).map_or(SOME_DAY, |day| day.value),
    };
    let programs = programs(&mut root);
    let mut tests = Vec::new();
    for (table, at) in root.tables("test") {
        let mut section = Section::new(ANY, "[[test]]", &at, table, root.complaints);
        tests.extend(test(&mut section, &programs, &defaults));
        section.finish();
    }
    let nothing_wrong = root.complaints.0.is_empty();
    root.finish();
    if tests.is_empty() && nothing_wrong && complaints.0.is_empty() {
        let complaint = Complaint::new("there is no test in it");
        complaints.error(&whole, complaint.hint("a test is `[[test]]` with `name`, `events` and `expect`"));
    }
    let mut diagnostics = complaints.0;
    diagnostics.sort_by(|a, b| a.place.cmp(&b.place));
    (Suite { policy, tests }, diagnostics)
}

struct Defaults {
    user: String,
    on: Timestamp,
}

fn policy(root: &mut Section<'_, '_>, source: &Source) -> PolicyUnderTest {
    let file = root.read("policy", text);
    let inline = root.read("policy_text", text);
    match (file, inline) {
        (Some(file), Some(_)) => {
            let complaint = Complaint::new("is there beside `policy`").hint("leave one of the two out");
            root.complain(&file.at, "policy_text", complaint);
            PolicyUnderTest::BuiltIn
        }
        (Some(file), None) => PolicyUnderTest::File(PathBuf::from(file.value), file.at),
        (None, Some(inline)) => {
            let name = format!("{} `policy_text`", source.name);
            PolicyUnderTest::Inline(Source::new(Origin::File, &name, inline.value))
        }
        (None, None) => PolicyUnderTest::BuiltIn,
    }
}

fn day(node: &Node) -> Result<Timestamp, Complaint> {
    match &node.kind {
        Kind::Date(date) if date.time.is_none() => {
            values::end_of(date).map(|end| end.minus(Span::from_secs(86_400)))
        }
        _ => Err(expected("a date", node).hint("such as 2027-06-30, without quotes")),
    }
}

fn programs(root: &mut Section<'_, '_>) -> BTreeMap<String, ProgramSpec> {
    let mut programs = BTreeMap::new();
    let Some(node) = root.node("program") else { return programs };
    let Some(table) = node.table() else {
        root.complain(&node.at, "program", expected("a table", node).hint("write `[program]`"));
        return programs;
    };
    for entry in &table.0 {
        let title = format!("[program] `{}`", entry.key);
        let Some(table) = entry.value.table() else {
            let complaint = expected("a table", &entry.value).hint("{ path = \"/usr/bin/curl\", .. }");
            root.complain(&entry.key_at, "program", complaint);
            continue;
        };
        let mut section = Section::new(ANY, title, &entry.value.at, table, root.complaints);
        programs.extend(program(&mut section).map(|program| (entry.key.clone(), program)));
        section.finish();
    }
    programs
}

fn program(section: &mut Section<'_, '_>) -> Option<ProgramSpec> {
    let path = section.require("path", "where it lies: path = \"/usr/bin/curl\"", steps::path);
    let team_id = section.read("team_id", text).map(|id| id.value);
    let signing_id = section.read("signing_id", text).map(|id| id.value);
    let flag = |section: &mut Section<'_, '_>, key| section.read(key, boolean).is_some_and(|one| one.value);
    let platform = flag(section, "platform");
    let ad_hoc = flag(section, "ad_hoc");
    let cdhash = section.read("cdhash", |node| values::hex(&text(node)?)).map(|hash| hash.value);
    Some(ProgramSpec { path: path?.value, team_id, signing_id, platform, cdhash, ad_hoc })
}

fn test(
    section: &mut Section<'_, '_>,
    programs: &BTreeMap<String, ProgramSpec>,
    defaults: &Defaults,
) -> Option<Test> {
    let name = section.require("name", "say what the story is", text)?.value;
    section.set_title(format!("[[test]] \"{name}\""));
    let user = section.read("user", text).map_or_else(|| defaults.user.clone(), |user| user.value);
    let number = |node: &Node| match node.kind {
        Kind::Integer(id) => u32::try_from(id).map_err(|_| Complaint::new("no such user id")),
        _ => Err(expected("an integer", node)),
    };
    let uid = section.read("uid", number).map_or(if user == "root" { 0 } else { 501 }, |uid| uid.value);
    let on = section.read("on", day).map_or(defaults.on, |day| day.value);
    let at = section.at().clone();
    let mut cast = Cast::new(programs, &user);
    let tables = section.tables("events");
    if tables.is_empty() {
        section.missing("events", "events = [ { by = \"curl\", reads = \"~/.ssh/id_rsa\" }, .. ]");
    }
    if tables.len() > MAX_STEPS {
        let complaint = Complaint::new(format!("has more than {MAX_STEPS} steps"));
        section.complain(&at, "events", complaint);
    }
    let mut steps = Vec::new();
    for (number, (table, at)) in (1..).zip(tables.into_iter().take(MAX_STEPS)) {
        let title = format!("{} step {number}", section.title());
        let mut inner = Section::new(ANY, title, &at, table, section.complaints);
        steps.extend(steps::read(&mut inner, &mut cast));
        inner.finish();
    }
    // The player wants them in the order in which they happen; the sort is stable.
    steps.sort_by_key(|step| step.time);
    let expected = expectation(section)?;
    Some(Test { name, at, user, uid, on, steps, expected })
}

fn expectation(section: &mut Section<'_, '_>) -> Option<Expected> {
    let words = Verdict::ALL.map(|verdict| (verdict.as_str(), verdict));
    let hint = "expect = \"ALERT\", or { verdict = \"ALERT\", rules = [..], severity = \"high\", .. }";
    let Some(node) = section.node("expect") else {
        section.missing("expect", hint);
        return None;
    };
    let Some(table) = node.table() else {
        return match one_of(&words)(node) {
            Ok(verdict) => Some(Expected::only(verdict)),
            Err(complaint) => {
                section.complain(&node.at, "expect", complaint);
                None
            }
        };
    };
    let title = format!("{} `expect`", section.title());
    let mut inner = Section::new(ANY, title, &node.at, table, section.complaints);
    let verdict = inner.require("verdict", "ALERT, LOW, NONE or NOTE", one_of(&words));
    let severities = Severity::ALL.map(|one| (one.as_str(), one));
    let confidences = Confidence::ALL.map(|one| (one.as_str(), one));
    let found = Expected {
        rules: texts(&mut inner, "rules"),
        severity: inner.read("severity", one_of(&severities)).map(|one| one.value),
        confidence: inner.read("confidence", one_of(&confidences)).map(|one| one.value),
        service: inner.read("service", text).map(|one| one.value),
        tenant: inner.read("tenant", text).map(|one| one.value),
        reasons: texts(&mut inner, "reasons"),
        notes: texts(&mut inner, "notes"),
        ..Expected::only(Verdict::None)
    };
    inner.finish();
    Some(Expected { verdict: verdict?.value, ..found })
}

fn texts(section: &mut Section<'_, '_>, key: &'static str) -> Vec<String> {
    let list = section.list(key, text).map(|list| list.value).unwrap_or_default();
    list.into_iter().map(|item| item.value).collect()
}
