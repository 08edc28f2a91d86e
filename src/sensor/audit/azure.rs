//! The Azure Activity log (learn.microsoft.com, "Azure Activity Log event schema"; operations by "Azure permissions" and
//! each provider's REST reference), as `az monitor activity-log list` shows it, as diagnostic settings write it, or as rows
//! of the table `AzureActivity`.
//!
//! Left out: keys that are listed and roles that are assigned (an everyday matter; the record has ids that do not tell
//! whose directory they are in), firewalls and networks (they open a way, and let nobody in), copies that a subscription
//! fetches itself, and the logs of storage accounts: they say that a blob was read or made by a copy, and not whose the
//! reader or the other account is.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use crate::model::{AuditEvent, AuditLog, CloudAccount, CommandKind};
use crate::policy::ANYONE;

use super::MAX_EVENTS;
use super::microsoft::person;
use super::record::{NO_TIME, Record, Told, address, distinct, is_colleague, kept, moment, opened, texts};

/// How the body of a request says who gets what; `/` leads deeper, whatever the case.
#[derive(Clone, Copy)]
enum Gives {
    /// Whoever has the address that is returned reads, if these letters or this word stand for reading.
    Signed(&'static str),
    /// Everybody reads if this is on, or says anything but `None`.
    Public(&'static str),
    /// The tenants or people below these.
    Whom([&'static str; 2]),
    /// Subscriptions and tenants of a gallery of images, or everybody.
    Gallery,
    /// All that is written from now on is copied to another storage account.
    Replica,
    /// A copy is written to a storage account that the body names by the address of a blob.
    Export,
    /// A group of another directory.
    ForeignGroup,
}

const STORAGE: &str = "microsoft.storage/";

/// Operations, in lower case, by which data is handed over.
const OPERATIONS: [(&str, Gives); 18] = [
    ("microsoft.authorization/roleassignments/write", Gives::ForeignGroup),
    ("microsoft.cache/redis/export/action", Gives::Export),
    ("microsoft.cache/redisenterprise/databases/export/action", Gives::Export),
    ("microsoft.compute/disks/begingetaccess/action", Gives::Signed("access")),
    ("microsoft.compute/galleries/share/action", Gives::Gallery),
    (
        "microsoft.compute/restorepointcollections/restorepoints/diskrestorepoints/begingetaccess/action",
        Gives::Signed("access"),
    ),
    ("microsoft.compute/snapshots/begingetaccess/action", Gives::Signed("access")),
    ("microsoft.containerregistry/registries/exportpipelines/write", Gives::Export),
    ("microsoft.containerregistry/registries/write", Gives::Public("properties/anonymousPullEnabled")),
    (
        "microsoft.datashare/accounts/shares/invitations/write",
        Gives::Whom(["properties/targetEmail", "properties/targetActiveDirectoryId"]),
    ),
    ("microsoft.dbformysql/flexibleservers/backupandexport/action", Gives::Export),
    ("microsoft.dbforpostgresql/flexibleservers/startltrbackup/action", Gives::Export),
    (
        "microsoft.managedservices/registrationdefinitions/write",
        Gives::Whom(["properties/managedByTenantId", "properties/managedByTenantName"]),
    ),
    ("microsoft.sql/servers/databases/export/action", Gives::Export),
    (
        "microsoft.storage/storageaccounts/blobservices/containers/write",
        Gives::Public("properties/publicAccess"),
    ),
    ("microsoft.storage/storageaccounts/listaccountsas/action", Gives::Signed("signedPermission")),
    ("microsoft.storage/storageaccounts/listservicesas/action", Gives::Signed("signedPermission")),
    ("microsoft.storage/storageaccounts/objectreplicationpolicies/write", Gives::Replica),
];
/// Lets containers of an account be opened to everybody. Only a request tells of it: every answer repeats the switch.
const ACCOUNT: (&str, Gives) =
    ("microsoft.storage/storageaccounts/write", Gives::Public("properties/allowBlobPublicAccess"));

/// Operations on their way. Azure writes a record when one begins, often the only one with the request's body, and
/// another when it ends, with its outcome.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Begun {
    /// What each asks for, if that hands anything over.
    asked: BTreeMap<String, Option<AuditEvent>>,
    /// What is known of each that succeeded, without its request.
    done: BTreeMap<String, Option<AuditEvent>>,
}

impl Begun {
    /// What was asked for and done.
    pub fn settle(mut self) -> impl Iterator<Item = AuditEvent> {
        self.done.into_iter().filter_map(move |(id, known)| self.asked.remove(&id).unwrap_or(known))
    }

    fn note(&mut self, id: String, asks: bool, event: Option<AuditEvent>) {
        let kept = if asks { &mut self.asked } else { &mut self.done };
        if kept.len() < MAX_EVENTS {
            kept.insert(id, event);
        }
    }
}

pub(super) fn is_record(record: Record<'_>) -> bool {
    let place = ["resourceId", "ResourceId", "_ResourceId", "subscriptionId", "SubscriptionId"];
    let is_path = |operation: &str| operation.contains('/') && !operation.contains(' ');
    operation(record).is_some_and(is_path) && place.iter().any(|name| record.text(name).is_some())
}

pub(super) fn read(record: Record<'_>, begun: &mut Begun) -> Vec<Result<AuditEvent, &'static str>> {
    let operation = operation(record).unwrap_or_default().to_ascii_lowercase();
    let known = OPERATIONS.iter().chain([&ACCOUNT]).find(|(name, _)| *name == operation);
    let (Some((_, gives)), Some(ended)) = (known, has_ended(record)) else { return Vec::new() };
    let properties =
        field(record, &["properties", "Properties", "Properties_d"]).unwrap_or(Cow::Owned(Value::Null));
    let body = |name: &str| in_body(&properties, name).map(opened).filter(|body| body.is_object());
    let request = body("requestbody");
    let answer = if operation == ACCOUNT.0 { None } else { body("responseBody") };
    let claims = Claims(field(record, &["claims", "Claims_d", "Claims"]).unwrap_or(Cow::Owned(Value::Null)));
    let step =
        Step { record, properties: &properties, by: account(record, &claims), home: claims.tenant(record) };
    let asks = request.is_some();
    let told = step.told(*gives, request.or(answer).as_deref());
    let id = record.text("correlationId").or_else(|| record.text("CorrelationId"));
    let id = id.map(|id| format!("{id} {operation} {}", step.resource().to_ascii_lowercase()));
    let event = match told.map(|told| step.event(&operation, told)) {
        Some(Err(what)) => return vec![Err(what)],
        Some(Ok(event)) => Some(event),
        None => None,
    };
    match (id, ended) {
        (None, true) => return event.map(Ok).into_iter().collect(),
        (None, false) => {}
        (Some(id), true) if asks => {
            begun.note(id.clone(), true, event);
            begun.note(id, false, None);
        }
        (Some(id), true) => begun.note(id, false, event),
        (Some(id), false) if asks => begun.note(id, true, event),
        (Some(_), false) => {}
    }
    Vec::new()
}

fn operation(record: Record<'_>) -> Option<&str> {
    let names = ["/operationName/value", "/operationName", "/OperationNameValue"];
    names.iter().find_map(|name| record.at(name))
}

/// Has it come to its good end? `None`: it failed.
fn has_ended(record: Record<'_>) -> Option<bool> {
    let names = ["/status/value", "/status", "/resultType", "/ActivityStatusValue", "/ActivityStatus"];
    match names.iter().find_map(|name| record.at(name)).map(str::to_ascii_lowercase).as_deref() {
        Some("success" | "succeeded") | None => Some(true),
        Some("start" | "started" | "accept" | "accepted") => Some(false),
        Some(_) => None,
    }
}

/// The first of these fields, of the record or its identity; exports to tables write some as text.
fn field<'a>(record: Record<'a>, names: &[&str]) -> Option<Cow<'a, Value>> {
    let identity = record.0.get("identity").unwrap_or(&Value::Null);
    let all = names.iter().filter_map(|name| record.0.get(name).or_else(|| identity.get(name)));
    all.map(opened).find(|value| value.is_object())
}

/// What lies below these names, whatever their case.
fn in_body<'a>(body: &'a Value, path: &str) -> Option<&'a Value> {
    path.split('/').try_fold(body, |value, name| {
        value.as_object()?.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, below)| below)
    })
}

/// A record of an operation that is known.
struct Step<'a> {
    record: Record<'a>,
    properties: &'a Value,
    by: CloudAccount,
    /// The directory of whoever calls.
    home: Option<String>,
}

impl Step<'_> {
    fn event(&self, operation: &str, told: Told) -> Result<AuditEvent, &'static str> {
        let names = ["time", "eventTimestamp", "TimeGenerated", "EventSubmissionTimestamp"];
        let time = names.iter().find_map(|name| self.record.text(name)).and_then(moment).ok_or(NO_TIME)?;
        let ids = ["eventDataId", "EventDataId", "correlationId", "CorrelationId"];
        let blobs = operation.starts_with(STORAGE) || told.into.is_some();
        Ok(AuditEvent {
            time,
            record: kept(ids.iter().find_map(|name| self.record.text(name)).unwrap_or_default()),
            operation: kept(self::operation(self.record).unwrap_or_default()),
            by: Arc::new(self.by.clone()),
            kind: told.kind,
            service: Arc::from(if blobs { "azure-blob" } else { "azure" }),
            with: told.with,
            into: told.into,
            items: told.items,
        })
    }

    fn told(&self, gives: Gives, body: Option<&Value>) -> Option<Told> {
        let items = self.items();
        let share = |with| Some(Told { kind: CommandKind::Share, with, into: None, items: items.clone() });
        let says = |path: &str| body.and_then(|body| in_body(body, path));
        match gives {
            Gives::Signed(path) => {
                let writes = says(path).and_then(Value::as_str).is_some_and(|what| !reads(what));
                (!writes).then(|| Told {
                    kind: CommandKind::Link,
                    with: Vec::new(),
                    into: None,
                    items: items.clone(),
                })
            }
            Gives::Public(path) => {
                let value = says(path)?;
                let open = value.as_str().is_some_and(|level| !level.eq_ignore_ascii_case("none"));
                (open || *value == true).then(|| share(vec![Arc::from(ANYONE)]))?
            }
            Gives::Whom(paths) => {
                let named: Vec<&str> = paths.iter().filter_map(|path| says(path)?.as_str()).take(1).collect();
                let with = self.foreign(&named);
                (named.is_empty() || !with.is_empty()).then(|| share(with))?
            }
            Gives::Gallery => match says("operationType")?.as_str()?.to_ascii_lowercase().as_str() {
                "enablecommunity" => share(vec![Arc::from(ANYONE)]),
                "add" => {
                    let mut ids = Vec::new();
                    let groups = says("groups").and_then(Value::as_array).into_iter().flatten();
                    groups
                        .filter_map(|group| in_body(group, "ids"))
                        .for_each(|list| texts(list, 2, &mut ids));
                    let with = self.foreign(&ids);
                    (!with.is_empty()).then(|| share(with))?
                }
                _ => None,
            },
            Gives::Replica => self.replicated(says("properties/destinationAccount").and_then(Value::as_str)),
            Gives::Export => {
                let mut found = Vec::new();
                body.into_iter().for_each(|body| texts(body, 6, &mut found));
                let into = found.iter().find_map(|text| storage_account(text)).map(kept);
                Some(Told { kind: CommandKind::Copy, with: Vec::new(), into, items })
            }
            Gives::ForeignGroup => {
                let kind = says("properties/principalType")?.as_str()?;
                kind.eq_ignore_ascii_case("ForeignGroup").then(|| share(Vec::new()))?
            }
        }
    }

    /// The policy is written to both accounts; the one that receives says no more than that.
    fn replicated(&self, to: Option<&str>) -> Option<Told> {
        let name = to.map(|to| to.rsplit('/').next().unwrap_or(to));
        if name.is_some_and(|name| part(self.resource(), "storageaccounts") == Some(name)) {
            return None;
        }
        let subscription = to.and_then(|to| part(to, "subscriptions"));
        let with = subscription.map(|id| kept(&id.to_ascii_lowercase())).into_iter().collect();
        Some(Told { kind: CommandKind::Copy, with, into: name.map(kept), items: self.items() })
    }

    /// Those that are not of the directory or domain of whoever calls.
    fn foreign(&self, names: &[&str]) -> Vec<Arc<str>> {
        let caller = self.by.user.as_deref().unwrap_or_default();
        let names = names.iter().map(|name| person(name));
        let foreign = names.filter(|name| self.home.as_ref() != Some(name) && !is_colleague(name, caller));
        distinct(foreign.map(|name| Some(kept(&name))))
    }

    /// The id of the resource as its owner spells it, if it is told.
    fn resource(&self) -> &str {
        let entity = in_body(self.properties, "entity").and_then(Value::as_str);
        let names = ["resourceId", "_ResourceId", "ResourceId"];
        entity.or_else(|| names.iter().find_map(|name| self.record.text(name))).unwrap_or_default()
    }

    /// The storage account, the last part of the id, and all of it.
    fn items(&self) -> Vec<Arc<str>> {
        let id = self.resource();
        let last = id.rsplit('/').next().filter(|name| !crate::policy::grantee::is_object_id(name));
        distinct([part(id, "storageaccounts").map(kept), last.map(kept), Some(kept(id))])
    }
}

/// Who calls, as the token says.
struct Claims<'a>(Cow<'a, Value>);

impl Claims<'_> {
    fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).and_then(Value::as_str).filter(|text| !text.is_empty())
    }

    fn tenant(&self, record: Record<'_>) -> Option<String> {
        let claim = self.text("http://schemas.microsoft.com/identity/claims/tenantid");
        claim.or_else(|| record.text("tenantId")).map(str::to_ascii_lowercase)
    }
}

fn account(record: Record<'_>, claims: &Claims<'_>) -> CloudAccount {
    let schema =
        |name: &str| claims.text(&format!("http://schemas.xmlsoap.org/ws/2005/05/identity/claims/{name}"));
    let user = record.text("caller").or_else(|| record.text("Caller"));
    let user = user.or_else(|| schema("upn")).or_else(|| schema("name")).or_else(|| claims.text("name"));
    let request = field(record, &["httpRequest", "HTTPRequest"]);
    let client = request.as_ref().and_then(|request| request.get("clientIpAddress")?.as_str());
    let ip = record.text("callerIpAddress").or_else(|| record.text("CallerIpAddress")).or(client);
    let place = ["resourceId", "_ResourceId", "ResourceId"].iter().find_map(|name| record.text(name));
    let own = place.and_then(|id| part(id, "subscriptions"));
    let own = own.or_else(|| record.text("subscriptionId")).or_else(|| record.text("SubscriptionId"));
    let object = claims.text("http://schemas.microsoft.com/identity/claims/objectidentifier");
    CloudAccount {
        log: AuditLog::Azure,
        user: user.map(|user| kept(&person(user))),
        principal: object.or_else(|| claims.text("appid")).map(kept),
        account: own.map(|id| kept(&id.to_ascii_lowercase())),
        address: ip.or_else(|| claims.text("ipaddr")).map(address),
        agent: None,
    }
}

/// Does it ask to read, by a word (`Read`, `Write`) or by letters (`rwdl`)?
fn reads(what: &str) -> bool {
    match what.to_ascii_lowercase().as_str() {
        "write" | "none" => false,
        letters => letters.contains('r'),
    }
}

/// The part of an id that comes after this one, whatever the case.
fn part<'a>(id: &'a str, name: &str) -> Option<&'a str> {
    let mut parts = id.split('/').skip_while(|one| !one.eq_ignore_ascii_case(name));
    parts.nth(1).filter(|one| !one.is_empty())
}

/// `corp` of `https://corp.blob.core.windows.net/backups/db.bacpac?sig=..`.
fn storage_account(text: &str) -> Option<&str> {
    let (name, rest) = text.strip_prefix("https://")?.split_once('.')?;
    ["blob.", "dfs.", "file."].iter().any(|kind| rest.starts_with(kind)).then_some(name)
}
