//! Whom a grant lets in, out of the many ways that tools spell it.

use std::sync::Arc;

use serde_json::Value;

use super::ANYONE;
use super::shell::UNKNOWN;

/// Names kept of one grant.
const MAX_NAMES: usize = 32;

/// Words for everybody, or for everybody who is somebody's customer.
const PUBLIC: [&str; 20] = [
    "*",
    "all",
    "allauthenticatedusers",
    "allpublic",
    "allusers",
    "anonymous",
    "anyone",
    "authenticated-read",
    "authenticated-users",
    "authenticatedusers",
    "blob",
    "container",
    "download",
    "everyone",
    "objectread",
    "objectreadwithoutlist",
    "public",
    "public-read",
    "public-read-write",
    "publicread",
];

/// Projects of Google's own in which it keeps accounts for those of its customers.
const GOOGLES: [&str; 4] =
    ["compute-system", "container-engine-robot", "serverless-robot-prod", "storage-transfer-service"];

/// Whom a value lets in, and whether it only points to where that is written.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Named {
    pub names: Vec<Arc<str>>,
    pub hidden: bool,
}

impl Named {
    fn add(&mut self, name: &str) {
        if self.names.len() < MAX_NAMES && !self.names.iter().any(|known| **known == *name) {
            self.names.push(Arc::from(name));
        }
    }
}

/// Is it a word for everybody?
pub(super) fn is_everybody(word: &str) -> bool {
    word.eq_ignore_ascii_case("open") || PUBLIC.contains(&&*word.to_ascii_lowercase())
}

/// `eve_example.com#EXT#@corp.onmicrosoft.com`: the guest that a directory knows by that name.
fn guest(value: &str) -> Option<String> {
    let lower = value.to_ascii_lowercase();
    let (who, host) = lower.split_once("#ext#@")?.0.rsplit_once('_')?;
    (host.contains('.') && !who.is_empty()).then(|| format!("{who}@{host}"))
}

/// Is it the id of an object in a directory of Microsoft's, which does not tell whose directory that is?
pub fn is_object_id(name: &str) -> bool {
    name.len() == 36
        && name.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-')
        && name.matches('-').count() == 4
}

/// `999988887777`, `Add=[{UserId=999988887777}]`, `id=…`, `user:eve@example.com`, `public-read`.
pub fn of(value: &str) -> Named {
    let mut named = Named { hidden: points_elsewhere(value), ..Named::default() };
    if named.hidden {
        return named;
    }
    if let Some(guest) = guest(value) {
        named.add(&guest);
        return named;
    }
    let given = without_removals(value);
    let apart = |c: char| !(c.is_alphanumeric() || matches!(c, '@' | '.' | '_' | '-' | '*' | '+' | '%'));
    let mut before = "";
    for word in given.split(apart).filter(|word| !word.is_empty()) {
        if before.eq_ignore_ascii_case("domain") {
            named.add(&word.to_lowercase());
        } else if before == "organizations" {
            // `arn:aws:organizations::111122223333:organization/o-…`: who manages it is not who is let in.
        } else {
            name_in(word).into_iter().for_each(|name| named.add(&name));
        }
        before = word;
    }
    named
}

/// The account, principal or everybody that a word names, if it names one.
fn name_in(word: &str) -> Option<String> {
    let lower = word.to_lowercase();
    let digits = |text: &str, count: usize| text.len() == count && text.bytes().all(|b| b.is_ascii_digit());
    let hex = |text: &str| text.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-');
    let uuid = is_object_id(&lower);
    let canonical_id = lower.len() == 64 && hex(&lower) && !lower.contains('-');
    let mail = lower.split_once('@').is_some_and(|(who, host)| !who.is_empty() && host.contains('.'));
    let organization = lower.starts_with("o-") && lower.len() >= 12;
    if PUBLIC.contains(&&*lower) {
        Some(ANYONE.to_owned())
    } else if digits(word, 12) || uuid || canonical_id || mail || organization {
        Some(lower)
    } else {
        None
    }
}

/// `service-123@gcp-sa-pubsub.iam.gserviceaccount.com`, `123-compute@developer.gserviceaccount.com`: an account that Google
/// keeps for a project. The number is the project's, and does not tell whose that is.
pub fn is_numbered(name: &str) -> bool {
    let Some((who, host)) = name.split_once('@') else { return false };
    let number = who.trim_start_matches(|c: char| !c.is_ascii_digit());
    let number = number.strip_suffix("-compute").unwrap_or(number);
    let googles = match host.strip_suffix(".iam.gserviceaccount.com") {
        Some(project) => project.starts_with("gcp-sa-") || GOOGLES.contains(&project),
        None => host.ends_with(".gserviceaccount.com"),
    };
    googles && !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit())
}

/// `file://policy.json`, `@policy.json`, a variable of a script: the line does not say whom.
fn points_elsewhere(value: &str) -> bool {
    value.contains(UNKNOWN)
        || value.starts_with("file://")
        || value.starts_with("fileb://")
        || value.starts_with('@')
}

/// What is taken back lets nobody in: the list after the word `Remove` is left out.
fn without_removals(value: &str) -> String {
    let lower = value.to_ascii_lowercase();
    let Some(at) = lower.find("remove") else { return value.to_owned() };
    let end = value[at..].find(']').map_or(value.len(), |end| at + end + 1);
    format!("{} {}", &value[..at], &value[end..])
}

/// Whom the statements of an access policy let in (the policy language of AWS: `Effect`, `Principal`, `Condition`).
/// Everybody under a condition is not everybody: what a condition leaves is not judged.
pub fn of_policy(text: &str) -> Named {
    match serde_json::from_str::<Value>(text) {
        // As one attribute among others: `{"Policy":"{\"Statement\":…}"}`.
        Ok(Value::Object(given)) if given.get("Policy").is_some_and(Value::is_string) => given["Policy"]
            .as_str()
            .and_then(|policy| serde_json::from_str(policy).ok())
            .map_or_else(|| Named { hidden: true, ..Named::default() }, |policy| of_statements(&policy)),
        Ok(policy) if !points_elsewhere(text) => of_statements(&policy),
        _ => Named { hidden: true, ..Named::default() },
    }
}

/// The same of a policy that was read.
pub fn of_statements(policy: &Value) -> Named {
    let mut named = Named::default();
    let statements = match &policy["Statement"] {
        Value::Array(list) => list.iter().collect(),
        one => vec![one],
    };
    for statement in statements.iter().filter(|statement| statement["Effect"] == "Allow") {
        let mut words = Vec::new();
        strings(&statement["Principal"], 0, &mut words);
        // All but these.
        words.extend(statement.get("NotPrincipal").map(|_| "*"));
        let conditional = statement.get("Condition").is_some();
        for name in words.iter().flat_map(|word| of(word).names) {
            if !(conditional && *name == *ANYONE) {
                named.add(&name);
            }
        }
    }
    named
}

fn strings<'v>(value: &'v Value, depth: usize, found: &mut Vec<&'v str>) {
    match value {
        _ if depth > 3 => {}
        Value::String(text) => found.push(text),
        Value::Array(list) => list.iter().for_each(|item| strings(item, depth + 1, found)),
        Value::Object(map) => map.values().for_each(|item| strings(item, depth + 1, found)),
        _ => {}
    }
}

/// Is one of the switches that keep the public out turned off, or one that lets it in turned on?
pub(super) fn unblocks(value: &str) -> bool {
    let lower = value.to_ascii_lowercase();
    let off = lower.contains("block") || lower.contains("ignore") || lower.contains("restrict");
    if off {
        return lower.contains("false");
    }
    matches!(lower.as_str(), "true" | "enabled" | "on" | "private=false" | "visibility=public")
        || lower.ends_with("publicaccess=true")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(value: &str) -> Vec<String> {
        of(value).names.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn finds_whom_a_grant_names() {
        let table: [(&str, &[&str]); 12] = [
            ("999988887777", &["999988887777"]),
            ("Add=[{UserId=999988887777}],Remove=[{UserId=111122223333}]", &["999988887777"]),
            (r#"{"Add":[{"UserId":"999988887777"}]}"#, &["999988887777"]),
            ("Remove=[{UserId=999988887777}]", &[]),
            ("Add=[{Group=all}]", &["anyone"]),
            ("public-read", &["anyone"]),
            ("private", &[]),
            ("user:eve@example.com:objectViewer", &["eve@example.com"]),
            ("domain:evil.example", &["evil.example"]),
            ("arn:aws:iam::999988887777:root", &["999988887777"]),
            ("arn:aws:organizations::999988887777:organization/o-exampleorg", &["o-exampleorg"]),
            ("uri=http://acs.amazonaws.com/groups/global/AllUsers", &["anyone"]),
        ];
        for (value, expected) in table {
            assert_eq!(names(value), expected, "{value}");
        }
        assert!(of("file://acl.json").hidden);
    }

    #[test]
    fn numbers_tell_no_project() {
        for (name, expected) in [
            ("service-123456789012@gcp-sa-pubsub.iam.gserviceaccount.com", true),
            ("123456789012-compute@developer.gserviceaccount.com", true),
            ("123456789012@cloudbuild.gserviceaccount.com", true),
            ("project-123456789012@storage-transfer-service.iam.gserviceaccount.com", true),
            ("ci@corp-prod.iam.gserviceaccount.com", false),
            ("x123456789012@evil-prod.iam.gserviceaccount.com", false),
            ("corp-prod@appspot.gserviceaccount.com", false),
            ("123456789012@evil.example", false),
            ("123456789012", false),
        ] {
            assert_eq!(is_numbered(name), expected, "{name}");
        }
    }

    #[test]
    fn a_policy_lets_in_whom_its_allow_statements_name() {
        let table: [(&str, &[&str]); 7] = [
            (
                r#"{"Policy":"{\"Statement\":[{\"Effect\":\"Allow\",\"Principal\":\"*\"}]}","VisibilityTimeout":"30"}"#,
                &["anyone"],
            ),
            (r#"{"VisibilityTimeout":"30"}"#, &[]),
            (r#"{"Statement":{"Effect":"Allow","NotPrincipal":{"AWS":"111122223333"}}}"#, &["anyone"]),
            (
                r#"{"Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"*"}]}"#,
                &["anyone"],
            ),
            (
                r#"{"Statement":{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::999988887777:root"}}}"#,
                &["999988887777"],
            ),
            (
                r#"{"Statement":[{"Effect":"Deny","Principal":"*","Condition":{"Bool":{"aws:SecureTransport":"false"}}}]}"#,
                &[],
            ),
            (
                r#"{"Statement":[{"Effect":"Allow","Principal":"*","Condition":{"StringEquals":{"aws:PrincipalOrgID":"o-1"}}}]}"#,
                &[],
            ),
        ];
        for (policy, expected) in table {
            let named: Vec<String> = of_policy(policy).names.iter().map(ToString::to_string).collect();
            assert_eq!(named, expected, "{policy}");
        }
        assert!(of_policy("file://policy.json").hidden && of_policy("not json").hidden);
    }
}
