//! `[[allow]]`: every dimension said, or said to be `"*"`.

use std::sync::Arc;

use crate::model::{Timestamp, Uid};
use crate::policy::{
    AllowEntry, Choice, Effect, Glob, Owner, ProcessMatcher, ProgramPath, ServiceId, ServiceNames, SetId,
    SetMask, SyncRoot, TenantPattern, UserMatcher, Volumes,
};

use super::diagnostics::{Complaint, Origin, Place};
use super::read_catalogue::{Sets, name, plain, service_named, unknown_service};
use super::read_process;
use super::schema;
use super::section::{Section, Value, boolean, expected, one_of, text};
use super::tree::{Kind, Node};
use super::values;

pub(super) const EFFECTS: [(&str, Effect); 3] =
    [("upload", Effect::Upload), ("read", Effect::Read), ("keep", Effect::Keep)];

/// What entries refer to.
pub(super) struct Context<'a> {
    pub sets: &'a Sets,
    pub services: &'a [ServiceNames],
    pub sync_roots: &'a [SyncRoot],
    pub volumes: &'a Volumes,
}

pub(super) fn read(root: &mut Section<'_, '_>, context: &Context<'_>) -> Vec<AllowEntry> {
    let mut entries = Vec::new();
    for (table, at) in root.tables("allow") {
        let before = root.complaints.count();
        let mut section = Section::new(schema::ALLOW, "[[allow]]", &at, table, root.complaints);
        let entry = entry(&mut section, context);
        section.finish();
        // Half an exception could be a wider one than was meant: an entry with a mistake in it excuses nothing.
        let sound = root.complaints.is_sound_since(before);
        entries.extend(entry.filter(|_| sound));
    }
    entries
}

fn entry(section: &mut Section<'_, '_>, context: &Context<'_>) -> Option<AllowEntry> {
    let name = name(section, "allow");
    section.extends();
    let effect = section.read("effect", one_of(&EFFECTS)).map_or(Effect::Upload, |effect| effect.value);
    let builtin = section.at().origin == Origin::BuiltIn;
    let (owners, own_containers, own_roots) = owned(section, effect, context);
    let owned = !owners.is_empty() || own_containers;
    let process = process(section, owned, context);
    let script = section.read("script", |node| Ok(ProgramPath::parse_script(&text(node)?, context.volumes)?));
    let script_sha256 = section.read("script_sha256", |node| values::hex(&text(node)?));
    let parent = read_process::list(section, "parent", context.volumes);
    let sensitive = sensitive(section, builtin, context);
    let (services, tenants) = destination(section, effect, builtin, context);
    let users = users(section);
    let reason = reason(section);
    let expires = section.read("expires", expiry);
    Some(AllowEntry {
        name: Arc::from(name?),
        reason: Arc::from(reason),
        builtin,
        effect,
        process: process?,
        script: script.map(|script| script.value),
        script_sha256: script_sha256.map(|hash| hash.value),
        parent,
        sensitive: sensitive?,
        services: services?,
        tenants: tenants?,
        users: users?,
        expires: expires.map(|end| end.value),
        owners,
        own_containers,
        own_roots,
    })
}

/// `*`, or a list of things; `None` if it is not there or nothing of it can be used.
fn choice<T>(
    section: &mut Section<'_, '_>,
    key: &'static str,
    hint: &str,
    parse: impl Fn(&Node) -> Result<T, Complaint>,
) -> Option<Value<Choice<T>>> {
    let before = section.complaints.0.len();
    let any = |node: &Node| match node.text() {
        Some("*") => Ok(None),
        _ => parse(node).map(Some),
    };
    let Some(list) = section.list(key, any) else {
        section.missing(key, hint);
        return None;
    };
    let values = list.value.into_iter().map(|item| item.value).collect::<Option<Vec<T>>>();
    let choice = values.map_or(Choice::Any, Choice::Only);
    let nothing_wrong = section.complaints.0.len() == before;
    if nothing_wrong && matches!(&choice, Choice::Only(list) if list.is_empty()) {
        section.complain(
            &list.at,
            key,
            Complaint::new("the list is empty: the entry can never apply").hint(hint),
        );
    }
    Some(Value { value: choice, at: list.at })
}

fn process(
    section: &mut Section<'_, '_>,
    owned: bool,
    context: &Context<'_>,
) -> Option<Choice<ProcessMatcher>> {
    let node = section.node("process");
    match node {
        Some(node) if node.text() == Some("*") => {
            if !owned {
                let weak = Complaint::new("`process = \"*\"` lets every program through, malware too");
                section
                    .warn(&node.at, weak.hint("name the program: { team_id = \"..\", signing_id = \"..\" }"));
            }
            Some(Choice::Any)
        }
        None if owned => Some(Choice::Any),
        None => {
            section.missing("process", "process = { team_id = \"..\", signing_id = \"..\" }");
            None
        }
        Some(_) => read_process::list(section, "process", context.volumes).map(Choice::Only),
    }
}

/// For entries about reading: whose files they are about, and whether own containers and own roots are among them.
fn owned(section: &mut Section<'_, '_>, effect: Effect, context: &Context<'_>) -> (Vec<Owner>, bool, bool) {
    let tables = section.tables("owners");
    let title = format!("{} `owners`", section.title());
    let mut owners = Vec::new();
    for (table, at) in &tables {
        let mut inner = Section::new(schema::OWNER, title.as_str(), at, table, section.complaints);
        let process = read_process::list(&mut inner, "process", context.volumes).unwrap_or_default();
        let script =
            inner.read("script", |node| Ok(ProgramPath::parse_script(&text(node)?, context.volumes)?));
        let script = script.map(|script| script.value);
        if process.is_empty() && script.is_none() {
            inner.missing("process", "whose files are they?");
        } else if process.is_empty() {
            let weak = Complaint::new("any program that runs this script is let through, whoever made it");
            let at = inner.at().clone();
            inner.warn(
                &at,
                weak.hint("add `process`: the interpreter, by signing_id and team_id or platform"),
            );
        }
        let commands = plain(inner.list("command", |node| Ok(text(node)?.into_boxed_str())));
        let paths = plain(inner.list("paths", |node| Ok(Glob::parse(&text(node)?, context.volumes)?)));
        inner.finish();
        owners.push(Owner { process, script, commands, paths });
    }
    let own_containers = flag(section, "own_containers");
    let own_roots = flag(section, "own_roots");
    if own_roots {
        let clients = context.sync_roots.iter().filter(|root| !root.client.is_empty());
        owners.extend(clients.map(|root| Owner {
            process: root.client.clone(),
            script: None,
            commands: Vec::new(),
            paths: vec![root.path.below()],
        }));
    }
    if effect == Effect::Upload && (!owners.is_empty() || own_containers) {
        let at = section.at().clone();
        section.complain(&at, "owners", Complaint::new("is about reading").hint("add `effect = \"read\"`"));
    }
    (owners, own_containers, own_roots)
}

fn flag(section: &mut Section<'_, '_>, key: &'static str) -> bool {
    section.read(key, boolean).is_some_and(|truth| truth.value)
}

fn sensitive(section: &mut Section<'_, '_>, builtin: bool, context: &Context<'_>) -> Option<SetMask> {
    let known = |node: &Node| set_named(node, context.sets);
    let hint = "names of sets, or sensitive = \"*\" if it is about all of them";
    let chosen = choice(section, "sensitive", hint, known)?.value;
    let all = (0..).map(SetId).zip(&context.sets.sets);
    Some(match chosen {
        // A built-in allowance never covers an administrator's own sets.
        Choice::Any => all.filter(|(_, set)| set.builtin || !builtin).map(|(id, _)| id).collect(),
        Choice::Only(list) => list.into_iter().flatten().collect(),
    })
}

/// The set that a node names; none if a built-in entry names one that was switched off.
pub(super) fn set_named(node: &Node, sets: &Sets) -> Result<Option<SetId>, Complaint> {
    let name = text(node)?;
    let set = sets.named(&name);
    let names = sets.sets.iter().map(|set| &*set.name);
    let unknown = || match sets.off.contains(&name) {
        true => Complaint::new(format!("the sensitive set `{name}` is switched off"))
            .hint("take it out of [builtin] `disable` (`*` is all of them), or out of this list"),
        false => Complaint::new(format!("no sensitive set is named `{name}`")).did_you_mean(&name, names),
    };
    if set.is_none() && !is_builtin(node) { Err(unknown()) } else { Ok(set) }
}

fn is_builtin(node: &Node) -> bool {
    node.at.origin == Origin::BuiltIn
}

/// Which services and tenants. Entries about reading have neither.
fn destination(
    section: &mut Section<'_, '_>,
    effect: Effect,
    builtin: bool,
    context: &Context<'_>,
) -> (Option<Choice<ServiceId>>, Option<Choice<TenantPattern>>) {
    if effect != Effect::Upload {
        return (Some(Choice::Any), Some(Choice::Any));
    }
    let known = |node: &Node| -> Result<Option<ServiceId>, Complaint> {
        let name = text(node)?;
        let service = service_named(context.services, &name);
        if service.is_none() && !is_builtin(node) {
            return Err(unknown_service(&name, context.services));
        }
        Ok(service)
    };
    let services =
        choice(section, "services", "names of services, or services = \"*\" for all of them", known);
    let tenants = choice(section, "tenants", "names of tenants, or tenants = \"*\" if any will do", |node| {
        Ok(TenantPattern::new(&text(node)?))
    });
    let services = services.map(|services| match services.value {
        Choice::Any => Choice::Any,
        Choice::Only(list) => Choice::Only(list.into_iter().flatten().collect()),
    });
    if let (Some(services), Some(tenants), false) = (&services, &tenants, builtin) {
        warn_of_tenantless(section, services, tenants, context);
    }
    (services, tenants.map(|tenants| tenants.value))
}

/// A tenant asked of a service whose names never tell one can never be found.
fn warn_of_tenantless(
    section: &mut Section<'_, '_>,
    services: &Choice<ServiceId>,
    tenants: &Value<Choice<TenantPattern>>,
    context: &Context<'_>,
) {
    let (Choice::Only(services), Choice::Only(_)) = (services, &tenants.value) else { return };
    for service in services {
        let names = &context.services[usize::from(service.0)];
        let root = |root: &SyncRoot| root.service == *service && root.path.has_tenant();
        if names.tenants.is_empty() && !context.sync_roots.iter().any(root) {
            let message =
                format!("the names of `{}` never tell a tenant: this never matches", names.service.name);
            section.warn(&tenants.at, Complaint::new(message).hint("write tenants = \"*\""));
        }
    }
}

fn users(section: &mut Section<'_, '_>) -> Option<Choice<UserMatcher>> {
    choice(section, "users", "short names or ids, or users = \"*\" for everybody", user)
        .map(|users| users.value)
}

/// A user by number or by short name.
pub(super) fn user(node: &Node) -> Result<UserMatcher, Complaint> {
    match &node.kind {
        Kind::Integer(id) => match u32::try_from(*id) {
            Ok(id) => Ok(UserMatcher::Id(Uid(id))),
            Err(_) => Err(Complaint::new("no such user id")),
        },
        Kind::Text(name) if !name.is_empty() => Ok(match name.parse() {
            // No account is called so: shells and property lists make texts of numbers.
            Ok(id) => UserMatcher::Id(Uid(id)),
            Err(_) => UserMatcher::Name(name.clone().into_boxed_str()),
        }),
        _ => Err(expected("a user name or id", node)),
    }
}

fn reason(section: &mut Section<'_, '_>) -> String {
    match section.read("reason", text) {
        Some(reason) => reason.value,
        None => {
            let at: Place = section.at().clone();
            section.warn(
                &at,
                Complaint::new("no `reason`").hint("say who asked for it, and where: \"CHG-1234\""),
            );
            String::new()
        }
    }
}

fn expiry(node: &Node) -> Result<Timestamp, Complaint> {
    match &node.kind {
        Kind::Date(date) => values::end_of(date),
        Kind::Text(text) => {
            let wrong = |_| Complaint::new(format!("`{text}` is no date")).hint("write a date: 2027-06-30");
            values::end_of(&text.parse().map_err(wrong)?)
        }
        _ => Err(expected("a date", node).hint("such as 2027-06-30, without quotes")),
    }
}
