//! The unified audit log of Microsoft 365 (learn.microsoft.com, "Office 365 Management Activity API schema" and "Use
//! sharing auditing in the audit log").

use std::sync::Arc;

use crate::model::{AuditEvent, AuditLog, CloudAccount, CommandKind};

use super::record::{NO_TIME, Record, address, distinct, kept, moment};

/// Somebody is let in, if he is a guest.
const SHARING: [&str; 5] = [
    "AddedToSecureLink",
    "AddedToSharingLink",
    "SharingInvitationCreated",
    "SharingInvitationUpdated",
    "SharingSet",
];
/// A link for people who are named elsewhere, if at all.
const SECURE: [&str; 2] = ["SecureLinkCreated", "SecureLinkUpdated"];
/// A link for whoever has it.
const ANONYMOUS: [&str; 2] = ["AnonymousLinkCreated", "AnonymousLinkUpdated"];

pub(super) fn read(record: Record<'_>) -> Vec<Result<AuditEvent, &'static str>> {
    let Some((kind, with)) = record.text("Operation").and_then(|operation| told(record, operation)) else {
        return Vec::new();
    };
    if record.text("ResultStatus").is_some_and(|status| status.to_ascii_lowercase().starts_with("fail")) {
        return Vec::new();
    }
    let Some(time) = record.text("CreationTime").and_then(moment) else { return vec![Err(NO_TIME)] };
    vec![Ok(AuditEvent {
        time,
        record: kept(record.text("Id").unwrap_or_default()),
        operation: kept(record.text("Operation").unwrap_or_default()),
        by: Arc::new(account(record)),
        kind,
        service: Arc::from("sharepoint"),
        with,
        into: None,
        // The file's name, and its whole address.
        items: distinct(["SourceFileName", "ObjectId"].map(|name| record.text(name).map(kept))),
    })]
}

/// What the operation lets happen, and whom it lets in.
fn told(record: Record<'_>, operation: &str) -> Option<(CommandKind, Vec<Arc<str>>)> {
    let guest = record.text("TargetUserOrGroupType").map(|kind| kind.eq_ignore_ascii_case("guest"));
    let target =
        || record.text("TargetUserOrGroupName").map(|name| Arc::from(person(name))).into_iter().collect();
    // The newer name for all of them says in a field of its own for whom it is.
    let scope = record.text("SharingLinkScope").unwrap_or_default();
    let anyone = operation.starts_with("SharingLink")
        && matches!(scope.to_ascii_lowercase().as_str(), "anyone" | "anonymous");
    if ANONYMOUS.contains(&operation) || anyone && !operation.ends_with("Used") {
        return Some((CommandKind::Link, Vec::new()));
    }
    match guest {
        Some(true) if SHARING.contains(&operation) || SECURE.contains(&operation) => {
            Some((CommandKind::Share, target()))
        }
        None if SECURE.contains(&operation) || operation == "SharingInvitationCreated" => {
            Some((CommandKind::Share, target()))
        }
        _ => None,
    }
}

fn account(record: Record<'_>) -> CloudAccount {
    CloudAccount {
        log: AuditLog::Microsoft365,
        user: record.text("UserId").map(|user| Arc::from(person(user))),
        principal: record.text("UserKey").map(kept),
        account: record.text("OrganizationId").map(kept),
        address: record.text("ClientIP").or_else(|| record.text("ClientIPAddress")).map(address),
        agent: record.text("UserAgent").map(kept),
    }
}

/// `i:0#.f|membership|eve@evil.example` is a claim, `eve_evil.example#EXT#@corp.onmicrosoft.com` a guest's account here.
pub(super) fn person(text: &str) -> String {
    let name = text.rsplit('|').next().unwrap_or(text).to_lowercase();
    let name = match name.find("#ext#").and_then(|at| name[..at].rsplit_once('_')) {
        Some((who, domain)) => format!("{who}@{domain}"),
        None => name,
    };
    kept(&name).to_string()
}
