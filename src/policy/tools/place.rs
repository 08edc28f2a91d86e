//! Operands as places: here, or somewhere in the cloud.

use std::sync::Arc;

use crate::policy::ids::ServiceId;
use crate::policy::services::Services;

use super::shell::UNKNOWN;
use super::{Aim, Tool};

/// How a tool writes places.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Syntax {
    /// `s3://bucket/key`
    Uri,
    /// `remote:bucket/path`, `:backend,option=value:bucket/path` (rclone)
    Remote,
    /// `alias/bucket/key` (MinIO client)
    Alias,
    /// `user@host:path` (scp, rsync)
    Host,
    /// `backend:bucket:path` (restic)
    Backend,
    /// `project:dataset.table`, `dataset.table` (BigQuery)
    Project,
}

impl Syntax {
    pub const ALL: [(&'static str, Self); 6] = [
        ("uri", Self::Uri),
        ("remote", Self::Remote),
        ("alias", Self::Alias),
        ("host", Self::Host),
        ("backend", Self::Backend),
        ("project", Self::Project),
    ];
}

/// Where an operand points.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Spot<'a> {
    Here(&'a str),
    Cloud(Aim),
}

/// What an operand's meaning may hang on beside the tool.
pub(super) struct Surroundings<'a> {
    pub services: &'a Services,
    pub env: &'a [(Box<str>, Box<str>)],
    /// The server named by an option or variable. `Some(None)`: one that no service has.
    pub endpoint: Option<Option<ServiceId>>,
    /// Where the command puts what has no address.
    pub service: Option<ServiceId>,
    /// The project or account that the command runs in.
    pub home: Option<&'a str>,
}

impl<'a> Surroundings<'a> {
    pub(super) fn variable(&self, name: &str) -> Option<&'a str> {
        self.env.iter().find(|(key, _)| **key == *name).map(|(_, value)| &**value)
    }

    /// The value of the first of these variables that is set.
    pub(super) fn first_of(&self, names: &[Box<str>]) -> Option<&'a str> {
        names.iter().find_map(|name| self.variable(name))
    }
}

pub(super) fn parse<'a>(tool: &Tool, text: &'a str, around: &Surroundings<'_>) -> Spot<'a> {
    if let Some(path) = text.strip_prefix("file://") {
        return Spot::Here(path);
    }
    if let Some((scheme, rest)) = text.split_once("://")
        && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'))
    {
        return Spot::Cloud(uri(tool, scheme, rest, around));
    }
    match tool.syntax {
        Syntax::Uri => Spot::Here(text),
        Syntax::Remote => remote(tool, text, around),
        Syntax::Alias => alias(tool, text, around),
        Syntax::Host => host_path(text, around),
        Syntax::Backend => backend(tool, text, around),
        Syntax::Project => {
            Spot::Cloud(Aim { service: around.service, tenant: project_of_table(text, around) })
        }
    }
}

/// The project of a table, or of the first in a list. A project's name may hold a colon after its organisation's.
fn project_of_table(text: &str, around: &Surroundings<'_>) -> Option<Arc<str>> {
    let first = text.split(',').next().unwrap_or(text);
    let dotted =
        || first.split_once('.').filter(|(_, table)| table.contains('.')).map(|(project, _)| project);
    let told = first.rsplit_once(':').map(|(project, _)| project).or_else(dotted);
    name(told.or(around.home)?)
}

/// The service and tenant behind a web address, with or without scheme. A bucket in the path is not believed to be one:
/// only the service knows what a path means.
pub(super) fn url(text: &str, services: &Services) -> Aim {
    let rest = text.split_once("://").map_or(text, |(_, rest)| rest);
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let host = rest[..end].rsplit('@').next().unwrap_or_default();
    let host = host.split_once(':').map_or(host, |(host, _)| host);
    let found = services.lookup(host);
    Aim { service: found.as_ref().map(|to| to.service), tenant: found.and_then(|to| to.tenant) }
}

/// `bucket/key` or `owner/name`: the first part is the tenant.
pub(super) fn first_part(text: &str, service: Option<ServiceId>) -> Aim {
    let bucket = text.strip_prefix("arn:aws:s3:::").unwrap_or(text).trim_start_matches('/');
    let bucket = bucket.split(['/', '?']).next().unwrap_or_default();
    Aim { service, tenant: name(bucket) }
}

/// A tenant's name, in lower case. What is still to be filled in by whoever runs the line is no name.
pub(super) fn name(text: &str) -> Option<Arc<str>> {
    let open = text.contains([UNKNOWN, '$', '`', '{', '}', '*', '?']);
    (!text.is_empty() && text.len() <= 255 && !open).then(|| Arc::from(text.to_lowercase()))
}

/// Projects of images for everybody, as cloud.google.com/compute/docs/images/os-details has them; the others end in `-cloud`.
const PUBLIC_PROJECTS: [&str; 4] =
    ["cloud-hpc-image-public", "deeplearning-platform-release", "ml-images", "click-to-deploy-images"];

/// The account that a name in a cloud belongs to, if the name tells: `arn:aws:rds:eu-west-1:111122223333:snapshot:s`,
/// `/subscriptions/ID/resourceGroups/…`, `projects/NAME/global/…`, `{"source_project_id":"NAME"}`.
pub(super) fn account(resource: &str) -> Option<Arc<str>> {
    let lower = resource.to_ascii_lowercase();
    if let Some(named) = project_of(&lower) {
        return project(named);
    }
    let by_path = lower.split_once("/subscriptions/").and_then(|(_, rest)| rest.split('/').next());
    let by_arn = || lower.strip_prefix("arn:").and_then(|rest| rest.split(':').nth(3));
    name(by_path.or_else(by_arn)?)
}

/// A project that is somebody's.
pub(super) fn project(named: &str) -> Option<Arc<str>> {
    let public = PUBLIC_PROJECTS.contains(&named) || named.ends_with("-cloud");
    name(named).filter(|_| !public)
}

fn project_of(lower: &str) -> Option<&str> {
    let path =
        lower.strip_prefix("projects/").or_else(|| lower.split_once("/projects/").map(|(_, rest)| rest));
    let field = || {
        lower
            .split_once("source_project_id")
            .map(|(_, rest)| rest.trim_start_matches([':', '=', '"', '\\', ' ']))
    };
    let rest = path.filter(|_| !lower.starts_with('/')).or_else(field)?;
    rest.split(['/', '"', '\\', ',', '}']).next()
}

/// A bucket's name out of its ARN or address, an account's out of the path to it.
pub(super) fn bare(value: &str) -> &str {
    if value.starts_with("/subscriptions/") {
        return value.trim_end_matches('/').rsplit('/').next().unwrap_or(value);
    }
    let value = value.strip_prefix("arn:aws:s3:::").unwrap_or(value);
    let value = value.split_once("://").map_or(value, |(_, rest)| rest);
    value.split('/').next().unwrap_or(value)
}

/// The account that an access point lies in, whose name is not that of a bucket.
pub(super) fn owner_of_access_point(value: &str) -> Option<Arc<str>> {
    value.contains(":accesspoint/").then(|| account(value)).flatten()
}

/// `S3Bucket=name,S3Prefix=x`, `{"S3Bucket":"name"}`, `{"Destination":{"Bucket":"arn:aws:s3:::name"}}`.
pub(super) fn location(value: &str) -> Option<Arc<str>> {
    // A sink of Google's logs.
    if let Some((host, path)) = value.split_once(".googleapis.com/") {
        return if host == "storage" { first_part(path, None).tenant } else { account(path) };
    }
    if value.starts_with("/subscriptions/") {
        return account(value);
    }
    let mut words = value.split(|c: char| !(c.is_alphanumeric() || matches!(c, '-' | '.' | '_')));
    words.by_ref().find(|word| {
        matches!(
            *word,
            "S3Bucket"
                | "BucketName"
                | "Bucket"
                | "s3Bucket"
                | "s3BucketName"
                | "TargetResource"
                | "BucketARN"
                | "OutputLocation"
        )
    })?;
    name(words.find(|word| !matches!(*word, "" | "arn" | "aws" | "aws-cn" | "aws-us-gov" | "s3"))?)
}

/// The place that an address with its scheme names.
pub(super) fn address(tool: &Tool, text: &str, around: &Surroundings<'_>) -> Aim {
    let (scheme, rest) = text.split_once("://").unwrap_or(("", text));
    uri(tool, scheme, rest, around)
}

fn uri(tool: &Tool, scheme: &str, rest: &str, around: &Surroundings<'_>) -> Aim {
    let Some((_, service)) = tool.schemes.iter().find(|(known, _)| known.eq_ignore_ascii_case(scheme)) else {
        return url(rest, around.services);
    };
    let authority = rest.split(['/', '?']).next().unwrap_or_default();
    let authority = authority.rsplit('@').next().unwrap_or_default();
    let service = around.endpoint.unwrap_or(Some(*service));
    let bucket =
        tool.buckets.is_empty() || tool.buckets.iter().any(|known| known.eq_ignore_ascii_case(scheme));
    // An access point's name is not the bucket's.
    let tenant = if bucket && !authority.starts_with("arn:") { name(authority) } else { None };
    Aim { service, tenant }
}

fn service_of(tool: &Tool, word: &str) -> Option<ServiceId> {
    tool.schemes.iter().find(|(known, _)| known.eq_ignore_ascii_case(word)).map(|(_, service)| *service)
}

fn is_local(text: &str) -> bool {
    text.is_empty() || text == "-" || text.starts_with(['/', '.', '~'])
}

/// Splits at the first colon outside quotes.
fn at_colon(text: &str) -> Option<(&str, &str)> {
    let mut quoted = false;
    let at = text.char_indices().find(|(_, c)| {
        quoted ^= *c == '"';
        *c == ':' && !quoted
    })?;
    Some((&text[..at.0], &text[at.0 + 1..]))
}

fn remote<'a>(tool: &Tool, text: &'a str, around: &Surroundings<'_>) -> Spot<'a> {
    if is_local(text) {
        return Spot::Here(text);
    }
    let (spelled, rest) = text.strip_prefix(':').map_or((false, text), |rest| (true, rest));
    let Some((head, path)) = at_colon(rest).filter(|(head, _)| !head.contains('/') || head.contains(','))
    else {
        return Spot::Here(text);
    };
    let mut options = head.split(',');
    let name = options.next().unwrap_or_default();
    let told = |key: &str| {
        let variable =
            format!("RCLONE_CONFIG_{}_{}", name.to_uppercase().replace('-', "_"), key.to_uppercase());
        let written =
            options.clone().find_map(|option| option.split_once('=').filter(|(name, _)| *name == key));
        let written = written.map(|(_, value)| value.trim_matches('"'));
        written.or_else(|| around.variable(&variable).filter(|_| !spelled))
    };
    let kind = if spelled { Some(name) } else { told("type") };
    let endpoint =
        told("endpoint").or_else(|| told("url")).map(|url_text| url(url_text, around.services).service);
    let kind = kind.or_else(|| tokens(name).find(|token| service_of(tool, token).is_some()));
    let backend = kind.and_then(|kind| service_of(tool, kind));
    let service = endpoint.or(around.endpoint).unwrap_or(backend);
    // Without knowing the backend the first folder may be a bucket: it names a tenant only for object stores.
    let buckets = kind.is_none_or(|kind| tool.buckets.iter().any(|known| known.eq_ignore_ascii_case(kind)));
    let account = told("account").and_then(self::name);
    let tenant = account.or_else(|| first_part(path, None).tenant.filter(|_| buckets));
    Spot::Cloud(Aim { service, tenant })
}

/// `corp-s3` speaks of `s3`.
fn tokens(name: &str) -> impl Iterator<Item = &str> {
    name.split(|c: char| !c.is_ascii_alphanumeric()).filter(|token| !token.is_empty())
}

fn alias<'a>(tool: &Tool, text: &'a str, around: &Surroundings<'_>) -> Spot<'a> {
    let Some((alias, path)) = text.split_once('/').filter(|_| !is_local(text)) else {
        return Spot::Here(text);
    };
    let host =
        around.variable(&format!("MC_HOST_{alias}")).map(|address| url(address, around.services).service);
    let known = host.or_else(|| tokens(alias).find_map(|token| service_of(tool, token)).map(Some));
    match known {
        Some(service) => Spot::Cloud(Aim { service, tenant: first_part(path, None).tenant }),
        // A folder or an alias that only the tool's configuration explains: its place in the line must tell.
        None => Spot::Here(text),
    }
}

fn host_path<'a>(text: &'a str, around: &Surroundings<'_>) -> Spot<'a> {
    match text.split_once(':') {
        Some((host, _)) if !is_local(text) && !host.contains('/') => Spot::Cloud(url(host, around.services)),
        _ => Spot::Here(text),
    }
}

fn backend<'a>(tool: &Tool, text: &'a str, around: &Surroundings<'_>) -> Spot<'a> {
    let Some((kind, rest)) = text.split_once(':').filter(|_| !is_local(text)) else {
        return Spot::Here(text);
    };
    let bucket = rest.split([':', '/']).next().unwrap_or_default();
    let (service, tenant) = match kind {
        // `s3:s3.amazonaws.com/bucket`, `s3:https://host/bucket`
        "s3" => {
            let rest = rest.split_once("://").map_or(rest, |(_, rest)| rest);
            let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
            (url(host, around.services).service, first_part(path, None).tenant)
        }
        "rest" | "sftp" => (url(rest, around.services).service, None),
        // Where the first part is no bucket, it is a container: accounts are named elsewhere.
        _ => {
            let buckets = tool.buckets.is_empty() || tool.buckets.iter().any(|known| **known == *kind);
            (service_of(tool, kind), name(bucket).filter(|_| buckets))
        }
    };
    Spot::Cloud(Aim { service, tenant })
}
