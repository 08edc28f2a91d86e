//! Drive activities of Google Workspace (developers.google.com, "Drive Audit Activity Events"), as the Reports API lists
//! them, or flattened to one event each.

use std::sync::Arc;

use serde_json::Value;

use crate::model::{AuditEvent, AuditLog, CloudAccount, CommandKind};
use crate::policy::ANYONE;

use super::record::{NO_TIME, Record, kept, moment};

/// Changes of who may see a document.
const CHANGES: [&str; 4] =
    ["change_document_access_scope", "change_document_visibility", "change_owner", "change_user_access"];
/// Visibilities beyond the organisation.
const OUTSIDE: [&str; 3] = ["people_with_link", "public_on_the_web", "shared_externally"];
/// New values by which access is taken away.
const TAKEN: [&str; 2] = ["none", "private"];

pub(super) fn read(record: Record<'_>) -> Vec<Result<AuditEvent, &'static str>> {
    let drive = record.at("/id/applicationName").is_none_or(|name| name == "drive");
    if !drive {
        return Vec::new();
    }
    let events = record.0.get("events").and_then(Value::as_array).map(Vec::as_slice);
    let events = events.unwrap_or_else(|| std::slice::from_ref(record.0));
    let by = Arc::new(account(record));
    let mut told = Vec::new();
    for event in events.iter().map(Record) {
        let Some((kind, with)) = handed_over(event, by.user.as_deref().unwrap_or_default()) else { continue };
        let Some(time) = record.at("/id/time").and_then(moment) else {
            told.push(Err(NO_TIME));
            continue;
        };
        let items = ["doc_title", "doc_id"].iter().filter_map(|name| parameter(event, name)).map(kept);
        told.push(Ok(AuditEvent {
            time,
            record: kept(record.at("/id/uniqueQualifier").unwrap_or_default()),
            operation: kept(event.text("name").unwrap_or_default()),
            by: Arc::clone(&by),
            kind,
            service: Arc::from("google-drive"),
            with,
            into: None,
            items: items.collect(),
        }));
    }
    told
}

fn account(record: Record<'_>) -> CloudAccount {
    CloudAccount {
        log: AuditLog::GoogleWorkspace,
        user: record.at("/actor/email").map(|email| kept(&email.to_lowercase())),
        principal: record.at("/actor/profileId").map(kept),
        account: record.at("/id/customerId").map(kept),
        address: record.text("ipAddress").map(kept),
        agent: None,
    }
}

/// Who is let in by this event, if anybody outside is.
fn handed_over(event: Record<'_>, by: &str) -> Option<(CommandKind, Vec<Arc<str>>)> {
    let named = |name| parameter(event, name).unwrap_or_default();
    if event.text("name")? == "shared_drive_membership_change" {
        // Who joins a shared drive sees all that lies in it.
        let target = parameter(event, "target")?.to_lowercase();
        let domain = |who: &str| who.rsplit_once('@').map(|(_, domain)| domain.to_lowercase());
        let joins = named("membership_change_type") == "add_to_shared_drive";
        let outsider = domain(&target).is_some_and(|theirs| Some(theirs) != domain(by));
        return (joins && outsider).then(|| (CommandKind::Share, vec![kept(&target)]));
    }
    let (visibility, change) = (named("visibility"), named("visibility_change"));
    let new = parameters(event, "new_value");
    let taken = !new.is_empty() && new.iter().all(|value| TAKEN.contains(value));
    let outside = OUTSIDE.contains(&visibility) || change == "external";
    if !CHANGES.contains(&event.text("name")?) || taken || !outside {
        return None;
    }
    let own = |domain: &str| by.rsplit_once('@').is_some_and(|(_, own)| own.eq_ignore_ascii_case(domain));
    let became_external = change == "external";
    let whom = |name: &str| vec![kept(&name.to_lowercase())];
    if let Some(user) = parameter(event, "new_owner").or_else(|| parameter(event, "target_user")) {
        // A colleague who joins a document that others outside see already.
        let colleague = user.rsplit_once('@').is_some_and(|(_, domain)| own(domain)) && !became_external;
        return (!colleague).then(|| (CommandKind::Share, whom(user)));
    }
    match (parameter(event, "target_domain"), visibility) {
        (_, "public_on_the_web") => Some((CommandKind::Share, whom(ANYONE))),
        (Some("all") | None, "people_with_link") => Some((CommandKind::Link, Vec::new())),
        (Some("all"), _) => Some((CommandKind::Share, whom(ANYONE))),
        (Some(domain), _) if !own(domain) => Some((CommandKind::Share, whom(domain))),
        // It says that somebody outside is let in, and not who.
        _ => became_external.then(|| (CommandKind::Share, Vec::new())),
    }
}

fn parameter<'a>(event: Record<'a>, name: &str) -> Option<&'a str> {
    parameters(event, name).into_iter().next()
}

/// `[{"name": n, "value": v}]`, `[{"name": n, "multiValue": [..]}]`, or `{n: v}` in flattened exports.
fn parameters<'a>(event: Record<'a>, name: &str) -> Vec<&'a str> {
    let value = match event.0.get("parameters") {
        Some(Value::Array(list)) => list
            .iter()
            .find(|one| one.get("name").is_some_and(|own| own == name))
            .and_then(|one| one.get("value").or_else(|| one.get("multiValue"))),
        Some(object) => object.get(name),
        None => None,
    };
    match value {
        Some(Value::String(text)) => vec![text.as_str()],
        Some(Value::Array(list)) => list.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}
