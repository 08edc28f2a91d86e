//! `[[tool]]`: the command lines of cloud tools.

use std::sync::Arc;

use crate::policy::{Does, Operand, Role, ServiceId, ServiceNames, Syntax, Tool, ToolCommand, ToolOptions};

use super::diagnostics::{Complaint, Origin};
use super::read_catalogue::{name, plain, service_named, unknown_service};
use super::schema;
use super::section::{Section, Value, boolean, duration, expected, one_of, text};
use super::tree::{Kind, Node};

pub(super) fn tools(root: &mut Section<'_, '_>, services: &[ServiceNames]) -> Vec<Tool> {
    let mut tools = Vec::new();
    for (table, at) in root.tables("tool") {
        let mut section = Section::new(schema::TOOL, "[[tool]]", &at, table, root.complaints);
        tools.extend(tool(&mut section, services));
        section.finish();
    }
    tools
}

fn tool(section: &mut Section<'_, '_>, services: &[ServiceNames]) -> Option<Tool> {
    let name = name(section, "tool")?;
    section.extends();
    let names = words(section, "names");
    let modules = words(section, "modules");
    let signing_ids = words(section, "signing_ids");
    let syntax = section.read("syntax", one_of(&Syntax::ALL)).map_or(Syntax::Uri, |value| value.value);
    let service = self::service(section, "service", services);
    let accounts = accounts(section, services);
    let schemes = schemes(section, services);
    let account_of = self::service(section, "account_of", services);
    let mut tenant_env = words(section, "tenant_env");
    if account_of.is_none() && section.node("account_of").is_some() {
        // They say nothing of any other.
        tenant_env.clear();
    }
    let mut tool = Tool {
        names: if names.is_empty() { vec![Box::from(name.as_str())] } else { names },
        name: Arc::from(name),
        modules,
        signing_ids,
        syntax,
        service,
        accounts,
        schemes,
        buckets: words(section, "buckets"),
        endpoint_env: words(section, "endpoint_env"),
        tenant_env,
        account_of,
        to_env: words(section, "to_env"),
        from_env: words(section, "from_env"),
        profile_env: words(section, "profile_env"),
        home_env: words(section, "home_env"),
        prefixes: words(section, "prefixes"),
        options: options(section),
        flags: words(section, "flags"),
        valued: section.read("valued", boolean).is_some_and(|value| value.value),
        abbreviates: section.read("abbreviates", boolean).is_some_and(|value| value.value),
        stdin: section.read("stdin", boolean).is_some_and(|value| value.value),
        commands: Vec::new(),
    };
    for (table, at) in section.tables("command") {
        let title = format!("{} command", section.title());
        let mut command_section = Section::new(schema::COMMAND, title, &at, table, section.complaints);
        tool.commands.push(command(&mut command_section, services));
        command_section.finish();
    }
    if tool.commands.is_empty() {
        section.missing("command", "say what it does: [[tool.command]] does = \"transfer\"");
    }
    Some(tool)
}

fn command(section: &mut Section<'_, '_>, services: &[ServiceNames]) -> ToolCommand {
    let split = |line: &str| line.split_whitespace().map(Box::from).collect::<Vec<Box<str>>>();
    let calls: Vec<Vec<Box<str>>> = words(section, "words").iter().map(|line| split(line)).collect();
    ToolCommand {
        words: if calls.is_empty() { vec![Vec::new()] } else { calls },
        when: self::words(section, "when"),
        does: section.read("does", one_of(&Does::ALL)).map_or(Does::Transfer, |value| value.value),
        service: service(section, "service", services),
        args: plain(section.list("args", operand)),
        options: options(section),
        public: section.read("public", boolean).is_some_and(|value| value.value),
        exports: section.read("exports", boolean).is_some_and(|value| value.value),
        lives: section.read("lives", duration).map(|value| value.value),
        reads: words(section, "reads"),
    }
}

fn words(section: &mut Section<'_, '_>, key: &'static str) -> Vec<Box<str>> {
    plain(section.list(key, text)).into_iter().map(String::into_boxed_str).collect()
}

/// `file`, or `file...` for several in a row.
fn operand(node: &Node) -> Result<Operand, Complaint> {
    let word = text(node)?;
    let (plain, many) = word.strip_suffix("...").map_or((&*word, false), |role| (role, true));
    let role = Role::ALL.iter().find(|(name, _)| *name == plain).map(|(_, role)| *role);
    let wrong = || {
        let known: Vec<&str> = Role::ALL.iter().map(|(name, _)| *name).collect();
        Complaint::new(format!("`{plain}` is none of {}", known.join(", "))).did_you_mean(plain, known)
    };
    role.map(|role| Operand { role, many }).ok_or_else(wrong)
}

/// `options = { file = ["-T", "--upload-file"], … }`: which options have values of which role.
fn options(section: &mut Section<'_, '_>) -> ToolOptions {
    let Some(node) = section.node("options") else { return Vec::new() };
    let Some(table) = node.table() else {
        section.complain(&node.at, "options", expected("a table", node));
        return Vec::new();
    };
    let mut all = ToolOptions::new();
    for entry in &table.0 {
        let role = Node { at: entry.key_at.clone(), kind: Kind::Text(entry.key.clone()), under: None };
        let names: Vec<&Node> = match &entry.value.kind {
            Kind::List(items) => items.iter().collect(),
            _ => vec![&entry.value],
        };
        match operand(&role) {
            Err(complaint) => section.complain(&entry.key_at, "options", complaint),
            Ok(operand) => {
                for node in names {
                    match text(node) {
                        Ok(name) => all.push((name.into_boxed_str(), operand)),
                        Err(complaint) => section.complain(&node.at, "options", complaint),
                    }
                }
            }
        }
    }
    all
}

fn known(services: &[ServiceNames]) -> impl Fn(&Node) -> Result<ServiceId, Complaint> {
    |node| {
        let name = text(node)?;
        service_named(services, &name).ok_or_else(|| unknown_service(&name, services))
    }
}

/// A built-in tool goes on without a service that is switched off.
fn service(section: &mut Section<'_, '_>, key: &'static str, services: &[ServiceNames]) -> Option<ServiceId> {
    let builtin = section.at().origin == Origin::BuiltIn;
    match section.node(key) {
        Some(node) if builtin => known(services)(node).ok(),
        _ => section.read(key, known(services)).map(|Value { value, .. }| value),
    }
}

fn accounts(section: &mut Section<'_, '_>, services: &[ServiceNames]) -> Vec<ServiceId> {
    if section.at().origin == Origin::BuiltIn {
        return words(section, "accounts").iter().filter_map(|name| service_named(services, name)).collect();
    }
    plain(section.list("accounts", known(services)))
}

/// `schemes = { s3 = "s3", gs = "gcs" }`
fn schemes(section: &mut Section<'_, '_>, services: &[ServiceNames]) -> Vec<(Box<str>, ServiceId)> {
    let builtin = section.at().origin == Origin::BuiltIn;
    let Some(node) = section.node("schemes") else { return Vec::new() };
    let Some(table) = node.table() else {
        section.complain(&node.at, "schemes", expected("a table", node));
        return Vec::new();
    };
    let mut all = Vec::new();
    for entry in &table.0 {
        match known(services)(&entry.value) {
            Ok(service) => all.push((Box::from(entry.key.as_str()), service)),
            Err(_) if builtin => {}
            Err(complaint) => section.complain(&entry.value.at, "schemes", complaint),
        }
    }
    all
}
