//! Calls of a cloud's own interface by a program that speaks HTTP: `curl https://www.googleapis.com/drive/v3/files/ID/permissions
//! -d '{"type":"anyone"}'`. The address says what is done, the body to whom, as the interfaces' own references have it; of
//! AWS's Query API both stand in the parameters.

use std::sync::Arc;

use serde_json::Value;

use crate::model::Timestamp;
use crate::policy::services::Category;

use super::place::{self, Surroundings};
use super::{ANYONE, Aim, Deed, grantee, lifetime};

/// Fields looked at in one body at most, and how deep.
const MAX_FIELDS: usize = 256;
const MAX_DEPTH: u8 = 6;

/// What a call does.
#[derive(Clone, Copy)]
enum Means {
    /// Lets in whom these fields name.
    Shares(&'static [&'static str]),
    /// Makes a link; where this field is given, only with one of the words for everybody.
    Links(&'static str),
}

/// A call: host, the parts of its path in their order, of which the last is a whole component; in lower case.
type Call = (&'static str, &'static [&'static str], Means);

const MEMBERS: &[&str] = &["members", "member"];
const ACL: &[&str] = &["entity", "acl", "predefinedacl"];

/// Drive API v3, Microsoft Graph, Cloud Storage JSON API, IAM, BigQuery API v2, Dropbox API v2, Box API, Azure Resource Manager,
/// GitHub's and GitLab's REST APIs, Slack's Web API.
const CALLS: [Call; 24] = [
    (
        "www.googleapis.com",
        &["/drive/", "/permissions"],
        Means::Shares(&["type", "emailaddress", "domain", "value"]),
    ),
    ("graph.microsoft.com", &["/invite"], Means::Shares(&["email"])),
    ("graph.microsoft.com", &["/invitations"], Means::Shares(&["inviteduseremailaddress"])),
    ("graph.microsoft.com", &["/createlink"], Means::Links("scope")),
    ("api.onedrive.com", &["/invite"], Means::Shares(&["email"])),
    ("api.onedrive.com", &["/createlink"], Means::Links("scope")),
    ("storage.googleapis.com", &["/b/", "/acl"], Means::Shares(ACL)),
    ("storage.googleapis.com", &["/b/", "/defaultobjectacl"], Means::Shares(ACL)),
    ("storage.googleapis.com", &["/b/", "/iam"], Means::Shares(MEMBERS)),
    ("googleapis.com", &["setiampolicy"], Means::Shares(MEMBERS)),
    (
        "bigquery.googleapis.com",
        &["/datasets/", ""],
        Means::Shares(&["userbyemail", "groupbyemail", "domain", "specialgroup", "iammember"]),
    ),
    ("api.dropboxapi.com", &["/sharing/add_file_member"], Means::Shares(&["email"])),
    ("api.dropboxapi.com", &["/sharing/add_folder_member"], Means::Shares(&["email"])),
    ("api.dropboxapi.com", &["/sharing/create_shared_link_with_settings"], Means::Links("audience")),
    ("api.dropboxapi.com", &["/files/copy_reference/get"], Means::Links("")),
    ("api.box.com", &["/collaborations"], Means::Shares(&["login"])),
    ("management.azure.com", &["/galleries/", "/share"], Means::Shares(&["ids", "email", "type"])),
    ("management.azure.com", &["/begingetaccess"], Means::Links("")),
    ("management.azure.com", &["/listaccountsas"], Means::Links("")),
    ("management.azure.com", &["/listservicesas"], Means::Links("")),
    (
        "management.azure.com",
        &["/storageaccounts/", ""],
        Means::Shares(&["allowblobpublicaccess", "publicaccess"]),
    ),
    ("api.github.com", &["/repos/", ""], Means::Shares(&["private", "visibility"])),
    ("gitlab.com", &["/api/v4/projects/", ""], Means::Shares(&["visibility"])),
    ("slack.com", &["/api/files.sharedpublicurl"], Means::Links("")),
];

/// Headers that name what is copied, and those that let somebody in.
const COPIES: [&str; 3] = ["x-amz-copy-source", "x-goog-copy-source", "x-ms-copy-source"];
const GRANTS: [&str; 6] = [
    "x-amz-acl",
    "x-goog-acl",
    "x-amz-grant-read",
    "x-amz-grant-full-control",
    "x-amz-grant-read-acp",
    "x-ms-blob-public-access",
];
/// Fields that say when a link ends.
const ENDS: [&str; 4] = ["expirationdatetime", "expires", "durationinseconds", "signedexpiry"];

/// What is sent to an address.
pub(super) struct Sent<'a> {
    pub url: &'a str,
    /// Bodies and headers.
    pub texts: &'a [&'a str],
    /// A body stands in a file.
    pub hidden: bool,
}

/// What the call does in the cloud, if it is one that is known.
pub(super) fn deed(sent: &Sent<'_>, around: &Surroundings<'_>, time: Timestamp) -> Option<Deed> {
    if let Some(with) = asked_of_aws(sent) {
        let service = around.services.by_name("aws");
        return (!with.is_empty()).then_some(Deed::Shared { service, with, hidden: false, ids: false });
    }
    let (host, path) = host_and_path(sent.url)?;
    let to = place::url(&host, around.services);
    let service = Some(to.service?);
    let stores = service.is_some_and(|id| around.services.get(id).category == Category::ObjectStore);
    if let Some(named) = bucket_policy(sent).filter(|_| stores) {
        let hidden = named.hidden && named.names.is_empty();
        let lets_in = hidden || !named.names.is_empty();
        return lets_in.then_some(Deed::Shared { service, with: named.names, hidden, ids: false });
    }
    let fields = fields(sent.texts);
    let said = |names: &[&str]| {
        fields
            .iter()
            .filter(|(name, _)| names.contains(&&**name))
            .map(|(_, value)| &**value)
            .collect::<Vec<_>>()
    };
    if let Some(source) = said(&COPIES).first() {
        let from = if source.contains("://") {
            place::url(source, around.services)
        } else {
            place::first_part(source, service)
        };
        return (from != to).then_some(Deed::Copied { from, to });
    }
    if let Some((from, to)) = rewritten(&path) {
        let bucket = |name: &str| Aim { service, tenant: place::name(name) };
        return (from != to).then(|| Deed::Copied { from: bucket(from), to: bucket(to) });
    }
    let shared = |with: Vec<Arc<str>>, hidden: bool| {
        let hidden = hidden && with.is_empty();
        (hidden || !with.is_empty()).then_some(Deed::Shared { service, with, hidden, ids: false })
    };
    let granted = names(said(&GRANTS).into_iter().map(|value| ("", value)));
    if !granted.is_empty() {
        return shared(granted, false);
    }
    let is = |(known, parts, _): &&Call| is_host(&host, known) && is_path(&path, parts);
    match CALLS.iter().find(is)?.2 {
        Means::Shares(keys) => {
            let given = fields.iter().filter(|(name, _)| keys.contains(&&**name));
            // A body that may change anything hides whom it lets in only where that is all that it can say.
            let hides = sent.hidden
                && !matches!(
                    keys,
                    ["private", ..]
                        | ["visibility", ..]
                        | ["allowblobpublicaccess", ..]
                        | ["userbyemail", ..]
                );
            shared(names(given.map(|(name, value)| (&**name, &**value))), hides)
        }
        Means::Links(open) => {
            let closed = said(&[open]).iter().any(|value| !grantee::is_everybody(value));
            let asked = sent.hidden || !sent.texts.is_empty();
            let lives = said(&ENDS).first().and_then(|text| lifetime::parse(text, time));
            (asked && !closed).then_some(Deed::Linked { of: to, lives })
        }
    }
}

/// Whom a call of the Query API of EC2, RDS or Redshift lets in; `None` if it is none.
fn asked_of_aws(sent: &Sent<'_>) -> Option<Vec<Arc<str>>> {
    const ENDS: [&str; 5] =
        [".amazonaws.com", ".amazonaws.com.cn", ".amazonaws.eu", ".api.aws", ".api.amazonwebservices.eu"];
    /// Lists that whoever is let in is added to, and one that is a single name.
    const ADDED: [&str; 5] = [
        "createvolumepermission.add.",
        "launchpermission.add.",
        "loadpermission.add.",
        "valuestoadd.",
        "accountwithrestoreaccess",
    ];
    /// The same in calls that say beside them whether they add or remove.
    const LISTED: [&str; 4] = ["userid.", "usergroup.", "organizationarn.", "organizationalunitarn."];
    let url = sent.url.split_once("://").map_or(sent.url, |(_, rest)| rest);
    let (front, query) = url.split_once('?').unwrap_or((url, ""));
    let host = front.split(['/', ':']).next()?.to_ascii_lowercase();
    let (service, _) = host.split_once('.')?;
    if !matches!(service, "ec2" | "rds" | "redshift") || !ENDS.iter().any(|end| host.ends_with(end)) {
        return None;
    }
    let texts: Vec<&str> = sent.texts.iter().copied().chain([query]).collect();
    let fields = fields(&texts);
    let adds =
        fields.iter().any(|(name, value)| name == "operationtype" && value.eq_ignore_ascii_case("add"));
    let lets_in = |name: &str| {
        let is = |front: &&str| name.starts_with(*front);
        ADDED.iter().any(is) || adds && LISTED.iter().any(is)
    };
    let given = fields.iter().filter(|(name, _)| lets_in(name));
    Some(names(given.map(|(_, value)| ("", &**value))))
}

/// Whom the policy that `PUT /?policy` gives a bucket lets in; `None` if it is no such call.
fn bucket_policy(sent: &Sent<'_>) -> Option<grantee::Named> {
    let (_, query) = sent.url.split_once('?')?;
    if !query.split('&').any(|part| matches!(part, "policy" | "policy=")) {
        return None;
    }
    let policy = sent.texts.iter().find(|text| text.contains("\"Statement\""));
    match policy {
        Some(text) => Some(grantee::of_policy(text)),
        None => sent.hidden.then(|| grantee::Named { hidden: true, ..grantee::Named::default() }),
    }
}

/// Is it the address of some interface that is known? Words that are none are asked, too.
pub(super) fn is_known(url: &str) -> bool {
    let found = host_and_path(url);
    found.is_some_and(|(host, path)| {
        CALLS.iter().any(|(known, parts, _)| is_host(&host, known) && is_path(&path, parts))
    }) || url.contains("/rewriteTo/")
        || url.contains("/copyTo/")
}

/// Host and path in lower case. What begins with an account of Azure is an address of its resource manager.
fn host_and_path(url: &str) -> Option<(String, String)> {
    let url = url.split(['?', '#']).next()?.to_ascii_lowercase();
    if url.starts_with("/subscriptions/") || url.starts_with("/providers/") {
        return Some(("management.azure.com".to_owned(), url));
    }
    let rest = url.split_once("://").map_or(&*url, |(_, rest)| rest);
    let (host, path) = rest.split_once('/')?;
    let host = host.rsplit('@').next()?.split(':').next()?;
    host.contains('.').then(|| (host.to_owned(), format!("/{path}")))
}

fn is_host(host: &str, known: &str) -> bool {
    host.strip_suffix(known).is_some_and(|front| front.is_empty() || front.ends_with('.'))
}

fn is_path(path: &str, parts: &[&str]) -> bool {
    let mut rest = path;
    for part in parts {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    let whole = rest.is_empty() || rest.starts_with('/');
    whole || parts.last().is_some_and(|last| last.is_empty())
}

/// The buckets of `/b/SOURCE/o/NAME/rewriteTo/b/TARGET/o/NAME`.
fn rewritten(path: &str) -> Option<(&str, &str)> {
    let (from, to) = path.split_once("/rewriteto/b/").or_else(|| path.split_once("/copyto/b/"))?;
    let from = from.split_once("/b/")?.1.split('/').next()?;
    Some((from, to.split('/').next()?))
}

/// Whom fields let in.
fn names<'f>(fields: impl Iterator<Item = (&'f str, &'f str)>) -> Vec<Arc<str>> {
    let mut with: Vec<Arc<str>> = Vec::new();
    for (name, value) in fields {
        let lower = value.to_ascii_lowercase();
        match name {
            "domain" => with.extend(lower.contains('.').then(|| Arc::from(&*lower))),
            "private" => with.extend((lower == "false").then(|| Arc::from(ANYONE))),
            "allowblobpublicaccess" => with.extend((lower == "true").then(|| Arc::from(ANYONE))),
            "type" => with.extend(grantee::is_everybody(&lower).then(|| Arc::from(ANYONE))),
            _ => with.extend(grantee::of(value).names),
        }
    }
    with.sort();
    with.dedup();
    with
}

/// The fields of bodies and headers, with names in lower case: of JSON at any depth, of `name=value&…`, `name: value`, and of
/// HTTPie's `name:=value`.
fn fields(texts: &[&str]) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for text in texts {
        let text = text.trim();
        if let Ok(value @ (Value::Object(_) | Value::Array(_))) = serde_json::from_str(text) {
            walk("", &value, 0, &mut found);
            continue;
        }
        for pair in text.split('&') {
            let Some(at) = pair.find([':', '=']) else { continue };
            let name = pair[..at].trim().to_ascii_lowercase();
            let value = pair[at + 1..].trim_start_matches('=').trim();
            match serde_json::from_str(value) {
                Ok(json @ (Value::Object(_) | Value::Array(_))) => walk(&name, &json, 0, &mut found),
                _ if found.len() < MAX_FIELDS => found.push((name, value.to_owned())),
                _ => {}
            }
        }
    }
    found
}

fn walk(name: &str, value: &Value, depth: u8, found: &mut Vec<(String, String)>) {
    if depth > MAX_DEPTH || found.len() >= MAX_FIELDS {
        return;
    }
    match value {
        Value::Object(map) => {
            map.iter().for_each(|(name, value)| walk(&name.to_ascii_lowercase(), value, depth + 1, found));
        }
        Value::Array(list) => list.iter().for_each(|value| walk(name, value, depth + 1, found)),
        Value::String(text) => found.push((name.to_owned(), text.clone())),
        Value::Null => {}
        other => found.push((name.to_owned(), other.to_string())),
    }
}
