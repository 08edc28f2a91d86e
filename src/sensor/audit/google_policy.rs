//! Whom a call of Google Cloud lets in (cloud.google.com/iam/docs, "Principal identifiers" and `Policy`; for BigQuery,
//! `BigQueryAuditMetadata` and the older `AuditData`).

use std::sync::Arc;

use serde_json::Value;

use crate::policy::ANYONE;

use super::record::{Record, is_colleague, kept};

/// Fields that hold the members of a grant of BigQuery's.
const FIELDS: [&str; 6] =
    ["userByEmail", "userEmail", "groupByEmail", "groupEmail", "specialGroup", "iamMember"];
/// Things of another project that a data set of BigQuery's lets read it.
const READERS: [&str; 4] = ["view", "viewName", "routine", "dataset"];
/// How deep below `serviceData` and `metadata` the changes of a policy may lie.
const DEPTH: u8 = 4;

/// Members that are let in, without those that are one's own by what the record itself says.
#[derive(Default)]
pub(super) struct Members {
    pub names: Vec<Arc<str>>,
    /// Somebody is let in of whom it is not told where he belongs.
    pub unsaid: bool,
}

/// Members that this call adds; of a policy that is set as a whole without saying what changes, all that it lets in.
pub(super) fn added(payload: Record<'_>, sets_policy: bool, actor: &str, project: &str) -> Members {
    let mut all = Members::default();
    let mut add = |member: &str| all.add(member, actor, project);
    let parts = ["serviceData", "metadata"].iter().filter_map(|name| payload.0.get(name));
    let changes = |name| parts.clone().find_map(|part| list(part, name, DEPTH));
    let is_new = |change: &&Value| change["action"] == "ADD";
    let bindings = |pointer| payload.0.pointer(pointer).and_then(Value::as_array).into_iter().flatten();
    if let Some(deltas) = changes("bindingDeltas") {
        deltas.iter().filter(is_new).for_each(|delta| members(delta, &mut add));
    } else if let Some(changes) = changes("accessChanges") {
        changes.iter().filter(is_new).for_each(|change| entry(&change["access"], &mut add));
    } else if parts.clone().any(|part| part.get("policyDelta").is_some()) {
        // It changes nothing.
    } else if sets_policy {
        bindings("/request/policy/bindings").for_each(|binding| members(binding, &mut add));
    } else {
        let created = bindings("/metadata/datasetCreation/dataset/acl/policy/bindings");
        created.for_each(|binding| members(binding, &mut add));
        requested(payload).for_each(|access| entry(access, &mut add));
    }
    all
}

/// The list of this name, wherever below.
fn list<'a>(value: &'a Value, name: &str, depth: u8) -> Option<&'a Vec<Value>> {
    let map = value.as_object().filter(|_| depth > 0)?;
    let here = map.get(name).and_then(Value::as_array);
    here.or_else(|| map.values().find_map(|below| list(below, name, depth - 1)))
}

/// The grants of a data set in records of the older form.
fn requested<'a>(payload: Record<'a>) -> impl Iterator<Item = &'a Value> {
    let requests = ["datasetUpdateRequest", "datasetInsertRequest"];
    let of = move |name| payload.0.pointer(&format!("/serviceData/{name}/resource/acl/entries"));
    requests.into_iter().filter_map(of).filter_map(Value::as_array).flatten()
}

/// Members of a binding, or the one member of its change. Roles of service agents are for Google's own accounts.
fn members(binding: &Value, add: &mut impl FnMut(&str)) {
    let role = binding["role"].as_str().unwrap_or_default();
    if !role.ends_with("erviceAgent") {
        let many = binding["members"].as_array().into_iter().flatten();
        many.chain(binding.get("member")).filter_map(Value::as_str).for_each(add);
    }
}

/// A grant of BigQuery's.
fn entry(access: &Value, add: &mut impl FnMut(&str)) {
    FIELDS.iter().filter_map(|field| access.get(field)?.as_str()).for_each(&mut *add);
    if let Some(domain) = access.get("domain").and_then(Value::as_str) {
        add(&format!("domain:{domain}"));
    }
    for reader in READERS.iter().filter_map(|field| access.get(field)) {
        let project = reader.get("projectId").or_else(|| reader.pointer("/dataset/projectId"));
        if let Some(project) = project.and_then(Value::as_str) {
            add(&format!("project:{project}"));
        }
    }
}

impl Members {
    pub fn add(&mut self, member: &str, actor: &str, project: &str) {
        let (kind, name) = member.split_once(':').unwrap_or(("", member));
        let lower = name.split('?').next().unwrap_or(name).to_ascii_lowercase();
        let plain: Arc<str> = match kind {
            _ if matches!(lower.as_str(), "allusers" | "allauthenticatedusers" | "//goog/public:all") => {
                Arc::from(ANYONE)
            }
            // The owners, editors and viewers of the project that it is in; what is deleted is nobody.
            "deleted" => return,
            "" if lower.starts_with("project") => return,
            // Identities of other directories: the pool's number does not tell whose it is.
            "principal" | "principalSet" => return self.unsaid = true,
            _ => kept(&lower),
        };
        let colleague = *plain == *actor || is_colleague(&plain, actor);
        let own_project = *plain == *project || project_of(&plain) == Some(project);
        if !colleague && !own_project && !self.names.contains(&plain) {
            self.names.push(plain);
        }
    }
}

/// The project that a service account belongs to.
fn project_of(account: &str) -> Option<&str> {
    let Some((who, host)) = account.split_once('@') else {
        return account.split_once(".svc.id.goog").map(|(project, _)| project);
    };
    let appspot = || (host == "appspot.gserviceaccount.com").then_some(who);
    host.strip_suffix(".iam.gserviceaccount.com").or_else(appspot)
}
