//! Cloud Audit Logs of Google Cloud (cloud.google.com/logging/docs, `LogEntry` and `AuditLog`; each service's page about
//! its audit logging), as `gcloud logging read` and sinks write them, or as rows of BigQuery.
//!
//! Left out: signed addresses of objects and keys of service accounts, which no record tells of or which hand no data
//! over; policies of what only runs (Cloud Run, functions, networks); copies that the account of the log fetches itself.

use std::borrow::Cow;
use std::sync::Arc;

use serde_json::Value;

use crate::model::{AuditEvent, AuditLog, CloudAccount, CommandKind};

use super::google_policy::{self, Members};
use super::record::{NO_TIME, Record, Told, address, distinct, kept, moment, opened, texts};

/// Services whose policies guard data.
const GUARDED: [&str; 14] = [
    "analyticshub",
    "artifactregistry",
    "bigquery",
    "bigtableadmin",
    "cloudkms",
    "cloudresourcemanager",
    "compute",
    "healthcare",
    "iam",
    "pubsub",
    "secretmanager",
    "sourcerepo",
    "spanner",
    "storage",
];
/// What holds data of all that Compute Engine has.
const DISKS: [&str; 7] = [
    "disks",
    "images",
    "instantSnapshots",
    "machineImages",
    "regionDisks",
    "regionInstantSnapshots",
    "snapshots",
];
/// Exports into a bucket, which the request names.
const EXPORTS: [(&str, &str); 6] = [
    ("alloydb", "ExportCluster"),
    ("cloudasset", "ExportAssets"),
    ("cloudsql", "export"),
    ("datastore", "ExportEntities"),
    ("firestore", "ExportDocuments"),
    ("redis", "ExportInstance"),
];
/// Fields of a row of BigQuery's, and of a record.
const FLAT: [(&str, &str); 5] = [
    ("requestJson", "request"),
    ("responseJson", "response"),
    ("metadataJson", "metadata"),
    ("servicedata_v1_iam", "serviceData"),
    ("servicedata_v1_bigquery", "serviceData"),
];

/// What a record says, with what is asked of it again and again.
struct Call<'a> {
    payload: Record<'a>,
    service: &'a str,
    method: &'a str,
    actor: String,
    /// Project, folder or organisation that the log belongs to.
    project: Arc<str>,
}

pub(super) fn is_entry(record: Record<'_>) -> bool {
    let payload = record.0.get("protoPayload").or_else(|| record.0.get("protopayload_auditlog"));
    payload.is_some_and(|payload| Record(payload).text("methodName").is_some())
}

pub(super) fn read(record: Record<'_>) -> Vec<Result<AuditEvent, &'static str>> {
    let payload = match record.0.get("protopayload_auditlog") {
        Some(row) => Cow::Owned(unflattened(row)),
        None => Cow::Borrowed(&record.0["protoPayload"]),
    };
    let payload = Record(&payload);
    if has_failed(record, payload) {
        return Vec::new();
    }
    let call = Call {
        payload,
        service: payload.text("serviceName").unwrap_or_default().split('.').next().unwrap_or_default(),
        method: payload.text("methodName").unwrap_or_default(),
        actor: payload.at("/authenticationInfo/principalEmail").unwrap_or_default().to_ascii_lowercase(),
        project: project(record, payload),
    };
    let Some(told) = call.told() else { return Vec::new() };
    let Some(time) = record.text("timestamp").and_then(moment) else { return vec![Err(NO_TIME)] };
    let bucket = call.service == "storage" || told.into.is_some();
    vec![Ok(AuditEvent {
        time,
        record: kept(record.text("insertId").unwrap_or_default()),
        operation: kept(call.method),
        by: Arc::new(call.account()),
        kind: told.kind,
        service: Arc::from(if bucket { "gcs" } else { "gcp" }),
        with: told.with,
        into: told.into,
        items: told.items,
    })]
}

fn unflattened(row: &Value) -> Value {
    let mut payload = row.clone();
    for (flat, name) in FLAT {
        if let Some(value) = row.get(flat).filter(|value| !value.is_null()) {
            payload[name] = opened(value).into_owned();
        }
    }
    payload
}

fn has_failed(record: Record<'_>, payload: Record<'_>) -> bool {
    let code = payload.0.pointer("/status/code");
    let failed = code.is_some_and(|code| !code.is_null() && code != 0 && code != "0");
    failed || record.text("severity") == Some("ERROR") || payload.0.pointer("/response/error").is_some()
}

fn project(record: Record<'_>, payload: Record<'_>) -> Arc<str> {
    let of_log = || record.text("logName").and_then(|name| name.split('/').nth(1));
    let of_resource = || payload.text("resourceName").and_then(project_in);
    let project = record.at("/resource/labels/project_id").or_else(of_log).or_else(of_resource);
    kept(project.unwrap_or_default())
}

impl Call<'_> {
    fn verb(&self) -> &str {
        self.method.rsplit('.').next().unwrap_or_default()
    }

    /// What the method is about: `snapshots` of `v1.compute.snapshots.insert`.
    fn about(&self) -> &str {
        self.method.rsplit('.').nth(1).unwrap_or_default()
    }

    fn told(&self) -> Option<Told> {
        let verb = self.verb();
        if EXPORTS.contains(&(self.service, verb)) {
            return self.copied(bucket_in(self.payload.0.get("request")?), self.items());
        }
        match (self.service, verb) {
            ("cloudresourcemanager", "InsertProjectOwnershipInvite") => self.invited(),
            ("storage", "get") if self.method == "storage.objects.get" => self.object_copied(),
            ("compute", "insert") if DISKS.contains(&self.about()) => self.taken_abroad(),
            ("cloudbuild", "CreateBuild") => self.image_exported(),
            ("storagetransfer", "CreateTransferJob" | "UpdateTransferJob") => self.transferred(),
            ("logging", "CreateSink" | "UpdateSink") => self.logs_sent(),
            ("bigquery", _) => self.job().or_else(|| self.shared()),
            _ => self.shared(),
        }
    }

    /// Somebody is let in.
    fn shared(&self) -> Option<Told> {
        let whole = self.verb().eq_ignore_ascii_case("setIamPolicy");
        let guards = GUARDED.contains(&self.service)
            && (self.service != "compute" || whole && DISKS.contains(&self.about()));
        guards.then(|| google_policy::added(self.payload, whole, &self.actor, &self.project))?.told(self)
    }

    fn invited(&self) -> Option<Told> {
        let mut members = Members::default();
        members.add(self.payload.at("/request/member")?, &self.actor, &self.project);
        members.told(self)
    }

    /// An object is copied to another bucket. Whose that is, the record says if it names the project.
    fn object_copied(&self) -> Option<Told> {
        let to = self.payload.at("/metadata/destination")?;
        let bucket = after(to, "buckets")?;
        if after(self.payload.text("resourceName")?, "buckets") == Some(bucket) {
            return None;
        }
        self.received(project_in(to), Some(kept(bucket)), self.items())
    }

    /// A disk, image or snapshot of this project is made one of another's: by its own record, or by the one that the
    /// project gets whose disk it is.
    fn taken_abroad(&self) -> Option<Told> {
        let crosses = |kind: &str| kind.ends_with("CrossEntityControlAuditMetadata");
        if self.payload.at("/metadata/@type").is_some_and(crosses) {
            let with = vec![kept(&self.actor)];
            return Some(Told { kind: CommandKind::Copy, with, into: None, items: self.items() });
        }
        let mut asked = Vec::new();
        texts(self.payload.0.get("request")?, 3, &mut asked);
        let source = asked.iter().find(|text| project_in(text) == Some(&*self.project))?;
        let receiver = self.payload.text("resourceName").and_then(project_in)?;
        let items = distinct([source.rsplit('/').next().map(kept), Some(kept(source))]);
        self.received(Some(receiver), None, items)
    }

    /// `gcloud compute images export` has Cloud Build do it.
    fn image_exported(&self) -> Option<Told> {
        let steps = self.payload.0.pointer("/request/build/steps")?.as_array()?;
        let exports = |step: &&Value| step["name"].as_str().is_some_and(|name| name.contains("image_export"));
        let step = steps.iter().find(exports)?;
        let mut words = Vec::new();
        texts(&step["args"], 2, &mut words);
        let image = words.iter().find_map(|word| word.trim_start_matches('-').strip_prefix("source_image="));
        self.copied(bucket_in(step), image.map(kept).into_iter().collect())
    }

    /// Storage Transfer Service, from one bucket to another.
    fn transferred(&self) -> Option<Told> {
        let bucket = |part: &str| {
            self.payload.at(&format!("/request/transferJob/transferSpec/{part}/bucketName")).map(kept)
        };
        let (from, to) = (bucket("gcsDataSource")?, bucket("gcsDataSink")?);
        (from != to).then(|| self.copied(Some(to), vec![from]))?
    }

    /// Logs are written to another place from now on.
    fn logs_sent(&self) -> Option<Told> {
        let to = self.payload.at("/request/sink/destination")?;
        let into = to.strip_prefix("storage.googleapis.com/").map(kept);
        self.received(project_in(to), into, self.items())
    }

    /// A job of BigQuery that is done: an extract, a copy, a query that writes elsewhere.
    fn job(&self) -> Option<Told> {
        let jobs = ["/metadata/jobChange/job", "/serviceData/jobCompletedEvent/job"];
        let job = jobs.iter().find_map(|pointer| self.payload.0.pointer(pointer))?;
        let status = job.get("jobStatus").unwrap_or(&Value::Null);
        let failed =
            ["errorResult", "error"].iter().any(|name| status.pointer(&format!("/{name}/code")).is_some());
        let ended = ["jobState", "state"].iter().any(|name| status[*name] == "DONE");
        let config = job.get("jobConfig").or_else(|| job.get("jobConfiguration"))?;
        let part = |names: [&str; 2]| names.iter().find_map(|name| config.get(name));
        if failed || !ended {
            return None;
        }
        if let Some(extract) = part(["extractConfig", "extract"]) {
            let items = table(&extract["sourceTable"]).into_iter().collect();
            return self.copied(bucket_in(&extract["destinationUris"]), items);
        }
        let query = part(["queryConfig", "query"]);
        if let Some(query) = query.filter(|query| query["statementType"] == "EXPORT_DATA") {
            return self.copied(bucket_in(&query["query"]), self.items());
        }
        let copy = part(["tableCopyConfig", "tableCopy"]);
        let items = copy.and_then(|copy| copy["sourceTables"].as_array()).into_iter().flatten();
        let to = table(&copy.or(query)?["destinationTable"])?;
        self.received(project_in(&to), None, items.filter_map(table).take(4).collect())
    }

    /// A copy into a bucket: the record does not say whose that is.
    fn copied(&self, into: Option<Arc<str>>, items: Vec<Arc<str>>) -> Option<Told> {
        Some(Told { kind: CommandKind::Copy, with: Vec::new(), into, items })
    }

    /// A copy into a project, if it is another one.
    fn received(&self, by: Option<&str>, into: Option<Arc<str>>, items: Vec<Arc<str>>) -> Option<Told> {
        let told = by != Some(&*self.project) && (by.is_some() || into.is_some());
        told.then(|| Told { kind: CommandKind::Copy, with: by.map(kept).into_iter().collect(), into, items })
    }

    /// What it is about: `gs://bucket/object`, or the last part of a name and all of it.
    fn items(&self) -> Vec<Arc<str>> {
        let Some(name) = self.payload.text("resourceName") else { return Vec::new() };
        match name.strip_prefix("projects/_/buckets/") {
            Some(path) => vec![kept(&format!("gs://{}", path.replacen("/objects/", "/", 1)))],
            None => distinct([name.rsplit('/').next().map(kept), Some(kept(name))]),
        }
    }

    fn account(&self) -> CloudAccount {
        let who = |field: &str| self.payload.at(&format!("/authenticationInfo/{field}")).map(kept);
        let asked = |field: &str| self.payload.at(&format!("/requestMetadata/{field}"));
        CloudAccount {
            log: AuditLog::GoogleCloud,
            user: Some(kept(&self.actor)).filter(|actor| !actor.is_empty()),
            principal: who("principalSubject"),
            account: Some(Arc::clone(&self.project)).filter(|project| !project.is_empty()),
            address: asked("callerIp").or_else(|| asked("callerIP")).map(address),
            agent: asked("callerSuppliedUserAgent").map(kept),
        }
    }
}

impl Members {
    fn told(self, call: &Call<'_>) -> Option<Told> {
        let told = self.unsaid || !self.names.is_empty();
        told.then(|| Told { kind: CommandKind::Share, with: self.names, into: None, items: call.items() })
    }
}

/// The part of a name that comes after this one: `b` of `projects/p/buckets/b/objects/o` after `buckets`.
fn after<'a>(name: &'a str, part: &str) -> Option<&'a str> {
    name.split('/').skip_while(|one| *one != part).nth(1).filter(|one| !one.is_empty())
}

/// The project that a name tells; buckets stand under `_`.
fn project_in(name: &str) -> Option<&str> {
    after(name, "projects").filter(|project| *project != "_")
}

/// The first bucket that any text names as `gs://`.
fn bucket_in(value: &Value) -> Option<Arc<str>> {
    let mut found = Vec::new();
    texts(value, 6, &mut found);
    let name = found.iter().find_map(|text| text.split_once("gs://"))?.1;
    let end = name.find(['/', '\'', '"', ' ', ',']).unwrap_or(name.len());
    Some(kept(&name[..end]))
}

/// A table's name, written out or in parts.
fn table(value: &Value) -> Option<Arc<str>> {
    let part = |name: &str| value.get(name).and_then(Value::as_str);
    let parts = || Some((part("projectId")?, part("datasetId")?, part("tableId")?));
    let joined = || parts().map(|(p, d, t)| kept(&format!("projects/{p}/datasets/{d}/tables/{t}")));
    value.as_str().map(kept).or_else(joined)
}
