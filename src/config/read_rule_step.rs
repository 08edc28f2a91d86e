//! One step of a rule: what happens, by whom, where it goes.

use std::sync::Arc;

use crate::model::{AuditLog, Evidence, HopKind};
use crate::policy::rule::{
    Actor, CommandKind, Deed, FirstSeen, LastStep, Leave, Leaving, PathPattern, ReadStep, Step,
    TenantCondition, Who,
};
use crate::policy::{Category, ProcessMatcher, ServiceId, SetId, SetMask, TenantPattern};

use super::diagnostics::{Complaint, Origin, Place};
use super::read_allow::{set_named, user};
use super::read_catalogue::{plain, service_named, unknown_service};
use super::read_rule::{Known, count};
use super::schema;
use super::section::{Section, Value, boolean, duration, one_of, size, text};
use super::tree::{Kind, Node, Table};
use super::{read_process, values};

/// A step that was read.
pub(super) enum Taken {
    Before(Step),
    Last(LastStep),
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum On {
    Read,
    Stage,
    Exec,
    Upload,
    SyncDrop,
    Command,
    Audit,
}

pub(super) const ON: [(&str, On); 7] = [
    ("read", On::Read),
    ("stage", On::Stage),
    ("exec", On::Exec),
    ("upload", On::Upload),
    ("sync-drop", On::SyncDrop),
    ("command", On::Command),
    ("audit", On::Audit),
];

pub(super) const EVIDENCE: [(&str, Evidence); 2] = [("open", Evidence::Open), ("argv", Evidence::Argv)];

pub(super) const HOW: [(&str, HopKind); 5] = [
    (HopKind::Stage.as_str(), HopKind::Stage),
    (HopKind::Rename.as_str(), HopKind::Rename),
    (HopKind::Link.as_str(), HopKind::Link),
    (HopKind::Clone.as_str(), HopKind::Clone),
    (HopKind::Copy.as_str(), HopKind::Copy),
];

pub(super) const FIRST_SEEN: [(&str, FirstSeen); 2] =
    [("service", FirstSeen::Service), ("network", FirstSeen::Network)];

pub(super) fn read(
    parent: &mut Section<'_, '_>,
    title: String,
    table: &Table,
    at: &Place,
    known: &Known<'_>,
) -> Option<Taken> {
    let mut section = Section::new(schema::STEP, title, at, table, parent.complaints);
    let before = section.complaints.count();
    let on = section.filled("on", one_of(&ON));
    if on.is_none() {
        section.missing("on", "read, stage, exec, upload, sync-drop, command or audit");
    }
    let on = plain(on);
    if on.is_empty() {
        return None;
    }
    let within = section.read("within", duration).map(|span| span.value);
    let actor = actor(&mut section, known);
    let leaves = |on: &On| matches!(on, On::Upload | On::SyncDrop | On::Command | On::Audit);
    let taken = match on.as_slice() {
        [On::Read] => Taken::Before(Step { within, actor, deed: Deed::Read(reading(&mut section, known)) }),
        [On::Stage] => Taken::Before(Step { within, actor, deed: staging(&mut section, known) }),
        [On::Exec] => Taken::Before(Step { within, actor, deed: Deed::Exec }),
        ways if ways.iter().all(leaves) => {
            if ways.contains(&On::Audit) && !actor.process.is_empty() {
                let complaint = Complaint::new("a log of the cloud names no program");
                section.complain(
                    at,
                    "process",
                    complaint.hint("say `users`, or put `process` into the step before"),
                );
            }
            Taken::Last(LastStep { within, actor, leave: leaving(&mut section, ways, known) })
        }
        _ => {
            let complaint = Complaint::new("only ways by which data leaves can stand together");
            section.complain(
                at,
                "on",
                complaint.hint("upload, sync-drop, command, audit; make a step of each other"),
            );
            return None;
        }
    };
    let sound = section.complaints.is_sound_since(before);
    section.finish();
    sound.then_some(taken)
}

fn reading(section: &mut Section<'_, '_>, known: &Known<'_>) -> ReadStep {
    let mut named = |key| section.filled(key, |node| set_named(node, known.context.sets));
    let (sets, except) = (named("sets"), named("except_sets"));
    let not_meant: SetMask = plain(except.clone()).into_iter().flatten().collect();
    let all = || (0..).map(SetId).take(known.context.sets.sets.len()).collect();
    let meant = sets.map(|sets| plain(Some(sets)).into_iter().flatten().collect::<SetMask>());
    let meant = meant.or_else(|| except.is_some().then(all));
    ReadStep {
        sets: meant.map(|meant| meant.iter().filter(|set| !not_meant.contains(*set)).collect()),
        paths: paths(section, "paths", known),
        evidence: plain(section.filled("evidence", one_of(&EVIDENCE))),
        count: section.read("count", count).map_or(1, |count| count.value),
        span: section.read("span", duration).map(|span| span.value),
        same_process: section.read("same_process", boolean).is_some_and(|truth| truth.value),
    }
}

fn staging(section: &mut Section<'_, '_>, known: &Known<'_>) -> Deed {
    let how = section.filled("how", one_of(&HOW));
    let how = how.map_or_else(|| HOW.map(|(_, kind)| kind).to_vec(), |how| plain(Some(how)));
    Deed::Stage { paths: paths(section, "paths", known), how }
}

fn leaving(section: &mut Section<'_, '_>, ways: &[On], known: &Known<'_>) -> Leave {
    let mut leave = Leave::default();
    if ways.contains(&On::Upload) {
        let nameless = section.read("nameless", boolean).is_some_and(|truth| truth.value);
        leave.ways.push(if nameless { Leaving::Nameless } else { Leaving::Upload });
        leave.min_bytes = section.read("min_bytes", size).map_or(0, |size| size.value);
        leave.first_seen = section.read("first_seen", one_of(&FIRST_SEEN)).map(|first| first.value);
        leave.times_usual = section.read("times_usual", times).map(|times| times.value);
    }
    if ways.contains(&On::SyncDrop) {
        leave.ways.push(Leaving::SyncDrop);
    }
    if ways.contains(&On::Command) {
        let commands =
            section.filled("commands", one_of(&CommandKind::ALL.map(|kind| (kind.as_str(), kind))));
        let commands = commands.map_or_else(|| CommandKind::ALL.to_vec(), |list| plain(Some(list)));
        leave.ways.extend(commands.into_iter().map(Leaving::Command));
    }
    if ways.contains(&On::Audit) {
        audited(section, &mut leave);
    }
    let before = section.complaints.count();
    let categories = section.filled("categories", one_of(&Category::ALL.map(|one| (one.as_str(), one))));
    let services = section.filled("services", |node| service(node, known));
    if section.complaints.count() == before {
        judge_places(section, &leave, categories.as_ref(), services.as_ref(), known);
    }
    leave.categories = plain(categories);
    leave.services = services.map(|services| plain(Some(services)).into_iter().flatten().collect());
    leave.tenants = plain(section.filled("tenants", tenant));
    leave
}

/// What the log of a cloud says.
fn audited(section: &mut Section<'_, '_>, leave: &mut Leave) {
    let deeds = section.filled("deeds", one_of(&CommandKind::ALL.map(|kind| (kind.as_str(), kind))));
    let deeds = deeds.map_or_else(|| CommandKind::ALL.to_vec(), |list| plain(Some(list)));
    leave.ways.extend(deeds.into_iter().map(Leaving::Audit));
    leave.logs = plain(section.filled("logs", one_of(&AuditLog::ALL.map(|log| (log.as_str(), log)))));
    leave.operations = plain(section.filled("operations", |node| Ok(TenantPattern::new(&text(node)?))));
}

fn times(node: &Node) -> Result<u32, Complaint> {
    match node.kind {
        Kind::Integer(times) if (2..=1_000_000).contains(&times) => Ok(times as u32),
        _ => Err(Complaint::new("expected a number of times, at least 2").hint("times_usual = 10")),
    }
}

/// A service that is not built in any more is nothing to complain of in a built-in rule.
fn service(node: &Node, known: &Known<'_>) -> Result<Option<ServiceId>, Complaint> {
    let name = text(node)?;
    let services = known.context.services;
    match service_named(services, &name) {
        None if node.at.origin != Origin::BuiltIn => Err(unknown_service(&name, services)),
        found => Ok(found),
    }
}

/// Says when no service can be meant.
fn judge_places(
    section: &mut Section<'_, '_>,
    leave: &Leave,
    categories: Option<&Value<Vec<Value<Category>>>>,
    services: Option<&Value<Vec<Value<Option<ServiceId>>>>>,
    known: &Known<'_>,
) {
    let Some(at) = services.map(|list| &list.at).or(categories.map(|list| &list.at)) else { return };
    if leave.ways.contains(&Leaving::Nameless) {
        let complaint = Complaint::new("what has no name belongs to no service");
        section.complain(at, "nameless", complaint.hint("leave out `services` and `categories`"));
        return;
    }
    let wanted =
        |category: Category| categories.is_none_or(|list| list.value.iter().any(|one| one.value == category));
    let listed = |id: usize| {
        services.is_none_or(|list| {
            list.value.iter().any(|one| one.value.is_some_and(|one| usize::from(one.0) == id))
        })
    };
    let mut meant = known
        .context
        .services
        .iter()
        .enumerate()
        .filter(|(id, names)| listed(*id) && wanted(names.service.category) && names.service.upload);
    if meant.next().is_none() {
        let message = "never fires: no service that takes uploads is among the `services` and `categories`";
        section.warn(
            at,
            Complaint::new(message).hint("each service stands with its category in config/services.toml"),
        );
    }
}

fn tenant(node: &Node) -> Result<TenantCondition, Complaint> {
    Ok(match text(node)?.as_str() {
        "allowed" => TenantCondition::Allowed,
        "foreign" => TenantCondition::Foreign,
        "unknown" => TenantCondition::Unknown,
        name => TenantCondition::Named(TenantPattern::new(name)),
    })
}

fn paths(section: &mut Section<'_, '_>, key: &'static str, known: &Known<'_>) -> Vec<PathPattern> {
    plain(section.filled(key, |node| pattern(&text(node)?, known)))
}

fn pattern(text: &str, known: &Known<'_>) -> Result<PathPattern, Complaint> {
    Ok(PathPattern::parse(text, known.context.volumes)?)
}

fn actor(section: &mut Section<'_, '_>, known: &Known<'_>) -> Actor {
    let mut process = Vec::new();
    for (table, at) in section.tables("process") {
        let title = format!("{} `process`", section.title());
        let mut inner = Section::new(schema::WHO, title, &at, table, section.complaints);
        process.push(who(&mut inner, known));
        inner.finish();
    }
    let users = section.filled("users", user);
    Actor { process, users: plain(users) }
}

fn who(section: &mut Section<'_, '_>, known: &Known<'_>) -> Who {
    let before = section.complaints.count();
    let team_id = section.read("team_id", |node| read_process::identifier(node, "team_id"));
    let signing_id = section.read("signing_id", |node| read_process::identifier(node, "signing_id"));
    let cdhash = section.read("cdhash", |node| values::hex(&text(node)?));
    let signed = team_id.is_some() || signing_id.is_some() || cdhash.is_some();
    let matcher = ProcessMatcher {
        team_id: team_id.map(|id| id.value.into_boxed_str()),
        signing_id: signing_id.map(|id| id.value.into_boxed_str()),
        cdhash: cdhash.map(|hash| crate::model::CdHash(hash.value)),
        ..ProcessMatcher::default()
    };
    let truth = |value: Option<Value<bool>>| value.map(|value| value.value);
    let glob = |node: &Node| pattern(&text(node)?, known);
    let name = |node: &Node| match text(node)? {
        name if name.contains('/') => {
            Err(Complaint::new("a name holds no `/`").hint("say `path` for a whole path"))
        }
        name => pattern(&format!("**/{name}"), known),
    };
    let who = Who {
        platform: truth(section.read("platform", boolean)),
        unsigned: truth(section.read("unsigned", boolean)),
        interpreter: truth(section.read("interpreter", boolean)),
        path: section.read("path", glob).map(|glob| glob.value),
        name: section.read("name", name).map(|glob| glob.value),
        script: section.read("script", glob).map(|glob| glob.value),
        entry: section.read("allow", |node| entry(node, known)).and_then(|entry| entry.value),
        signed: signed.then_some(matcher),
    };
    if section.complaints.count() == before {
        judge_who(section, &who);
    }
    who
}

fn entry(node: &Node, known: &Known<'_>) -> Result<Option<Arc<crate::policy::AllowEntry>>, Complaint> {
    let name = text(node)?;
    let found = known.allow.iter().find(|entry| *entry.name == *name);
    if found.is_none() && node.at.origin != Origin::BuiltIn {
        let complaint = Complaint::new(format!("no allow entry is named `{name}`"));
        return Err(complaint.did_you_mean(&name, known.allow.iter().map(|entry| &*entry.name)));
    }
    Ok(found.cloned().map(Arc::new))
}

fn judge_who(section: &mut Section<'_, '_>, who: &Who) {
    let at = section.at().clone();
    let signer = who.signed.as_ref().is_some_and(|one| one.team_id.is_some() || one.signing_id.is_some());
    let team = who.signed.as_ref().is_some_and(|one| one.team_id.is_some());
    let (message, hint) = if *who == Who::default() {
        ("names no program", "give path, name, team_id and signing_id, unsigned = true, ...")
    } else if who.unsigned == Some(true) && (signer || who.platform == Some(true)) {
        ("what is unsigned has no signer", "leave out `unsigned`, or the signer's ids")
    } else if who.platform == Some(true) && team {
        ("programs of macOS have no team", "leave out `team_id` or `platform`")
    } else if who.interpreter == Some(false) && who.script.is_some() {
        ("a program that runs a script is an interpreter", "leave out `interpreter`, or `script`")
    } else {
        return;
    };
    let title = section.title().to_owned();
    section.complaints.error(&at, Complaint::new(format!("{title}: {message}")).hint(hint));
}
