//! AWS CloudTrail (docs.aws.amazon.com/awscloudtrail, "CloudTrail record contents"; parameters by each service's API
//! reference).

use std::sync::Arc;

use serde_json::Value;

use crate::model::{AuditEvent, AuditLog, CloudAccount, CommandKind};
use crate::policy::{ANYONE, Grantees, grantee};

use super::record::{NO_TIME, Record, Told, kept, moment, texts};

/// How a call says whom it lets in.
#[derive(Clone, Copy)]
enum Names {
    /// Accounts, principals, groups: every text below this pointer.
    Grantees(&'static str),
    /// A policy document, as text or object.
    Policy(&'static str),
    /// Access control lists of S3, in the body or in headers.
    Acl,
    /// Switches that keep the public out: everybody is let in if one below this pointer is off.
    Blocks(&'static str),
    /// Everybody, by the call itself.
    Everybody,
}

/// Source without its domain, call, whom it lets in, and what it is about.
const SHARES: [(&str, &str, Names, &str); 57] = [
    ("ec2", "ModifySnapshotAttribute", Names::Grantees("/createVolumePermission/add"), "snapshotId"),
    ("ec2", "ModifyImageAttribute", Names::Grantees("/launchPermission/add"), "imageId"),
    ("ec2", "ModifyFpgaImageAttribute", Names::Grantees("/loadPermission/add"), "fpgaImageId"),
    ("rds", "ModifyDBSnapshotAttribute", Names::Grantees("/valuesToAdd"), "dBSnapshotIdentifier"),
    (
        "rds",
        "ModifyDBClusterSnapshotAttribute",
        Names::Grantees("/valuesToAdd"),
        "dBClusterSnapshotIdentifier",
    ),
    (
        "redshift",
        "AuthorizeSnapshotAccess",
        Names::Grantees("/accountWithRestoreAccess"),
        "snapshotIdentifier",
    ),
    ("kms", "CreateGrant", Names::Grantees("/granteePrincipal"), "keyId"),
    ("kms", "PutKeyPolicy", Names::Policy("/policy"), "keyId"),
    ("ram", "CreateResourceShare", Names::Grantees("/principals"), "name"),
    ("ram", "AssociateResourceShare", Names::Grantees("/principals"), "resourceShareArn"),
    ("secretsmanager", "PutResourcePolicy", Names::Policy("/resourcePolicy"), "secretId"),
    ("ecr", "SetRepositoryPolicy", Names::Policy("/policyText"), "repositoryName"),
    ("backup", "PutBackupVaultAccessPolicy", Names::Policy("/policy"), "backupVaultName"),
    ("elasticfilesystem", "PutFileSystemPolicy", Names::Policy("/policy"), "fileSystemId"),
    ("dynamodb", "PutResourcePolicy", Names::Policy("/policy"), "resourceArn"),
    ("redshift-serverless", "PutResourcePolicy", Names::Policy("/policy"), "resourceArn"),
    ("codeartifact", "PutDomainPermissionsPolicy", Names::Policy("/policyDocument"), "domain"),
    ("codeartifact", "PutRepositoryPermissionsPolicy", Names::Policy("/policyDocument"), "repository"),
    ("imagebuilder", "PutImagePolicy", Names::Policy("/policy"), "imageArn"),
    ("glue", "PutResourcePolicy", Names::Policy("/policyInJson"), "resourceArn"),
    ("s3tables", "PutTableBucketPolicy", Names::Policy("/resourcePolicy"), "tableBucketARN"),
    ("s3tables", "PutTablePolicy", Names::Policy("/resourcePolicy"), "name"),
    ("glacier", "SetVaultAccessPolicy", Names::Policy("/policy/policy"), "vaultName"),
    ("appstream", "UpdateImagePermissions", Names::Grantees("/sharedAccountId"), "name"),
    ("workspaces", "UpdateWorkspaceImagePermission", Names::Grantees("/sharedAccountId"), "imageId"),
    ("logs", "PutDestinationPolicy", Names::Policy("/accessPolicy"), "destinationName"),
    ("es", "UpdateDomainConfig", Names::Policy("/accessPolicies"), "domainName"),
    ("es", "UpdateElasticsearchDomainConfig", Names::Policy("/accessPolicies"), "domainName"),
    ("iam", "CreateRole", Names::Policy("/assumeRolePolicyDocument"), "roleName"),
    ("iam", "UpdateAssumeRolePolicy", Names::Policy("/policyDocument"), "roleName"),
    ("ecr", "PutReplicationConfiguration", Names::Grantees("/replicationConfiguration/rules"), "registryId"),
    ("redshift", "AuthorizeDataShare", Names::Grantees("/consumerIdentifier"), "dataShareArn"),
    ("lakeformation", "GrantPermissions", Names::Grantees("/principal"), "catalogId"),
    ("lambda", "AddPermission20150331v2", Names::Grantees("/principal"), "functionName"),
    ("lambda", "AddLayerVersionPermission20181031", Names::Grantees("/principal"), "layerName"),
    ("sns", "AddPermission", Names::Grantees("/aWSAccountId"), "topicArn"),
    ("sqs", "AddPermission", Names::Grantees("/aWSAccountIds"), "queueUrl"),
    ("ssm", "ModifyDocumentPermission", Names::Grantees("/accountIdsToAdd"), "name"),
    ("backup", "StartCopyJob", Names::Grantees("/destinationBackupVaultArn"), "recoveryPointArn"),
    (
        "elasticfilesystem",
        "CreateReplicationConfiguration",
        Names::Grantees("/destinations"),
        "sourceFileSystemId",
    ),
    ("logs", "PutSubscriptionFilter", Names::Grantees("/destinationArn"), "logGroupName"),
    ("events", "PutPermission", Names::Grantees("/principal"), "eventBusName"),
    ("sqs", "SetQueueAttributes", Names::Policy("/attributes/Policy"), "queueUrl"),
    ("sns", "SetTopicAttributes", Names::Policy("/attributeValue"), "topicArn"),
    ("ec2", "DisableSnapshotBlockPublicAccess", Names::Everybody, "snapshotId"),
    ("ec2", "DisableImageBlockPublicAccess", Names::Everybody, "imageId"),
    ("lightsail", "UpdateBucket", Names::Grantees("/accessRules/getObject"), "bucketName"),
    ("s3", "PutBucketPublicAccessBlock", Names::Blocks("/PublicAccessBlockConfiguration"), "bucketName"),
    ("s3", "DeleteBucketPublicAccessBlock", Names::Everybody, "bucketName"),
    ("s3", "PutAccountPublicAccessBlock", Names::Blocks("/PublicAccessBlockConfiguration"), "accountId"),
    ("s3", "DeleteAccountPublicAccessBlock", Names::Everybody, "accountId"),
    ("s3", "PutAccessPointPolicy", Names::Policy("/PutAccessPointPolicyRequest/Policy"), "name"),
    ("s3", "PutBucketPolicy", Names::Policy("/bucketPolicy"), "bucketName"),
    ("s3", "PutBucketAcl", Names::Acl, "bucketName"),
    ("s3", "PutObjectAcl", Names::Acl, "bucketName"),
    ("s3", "PutObject", Names::Acl, "bucketName"),
    ("s3", "CreateBucket", Names::Acl, "bucketName"),
];

/// Exports into a bucket: the call, the bucket, and what is exported.
const EXPORTS: [(&str, &str, &str, &str); 10] = [
    ("ec2", "CreateStoreImageTask", "/bucket", "imageId"),
    ("ec2", "ExportImage", "/s3ExportLocation/s3Bucket", "imageId"),
    ("rds", "StartExportTask", "/s3BucketName", "sourceArn"),
    ("dynamodb", "ExportTableToPointInTime", "/s3Bucket", "tableArn"),
    ("ec2", "CreateInstanceExportTask", "/exportToS3/s3Bucket", "instanceId"),
    ("elasticache", "CopySnapshot", "/targetBucket", "sourceSnapshotName"),
    ("elasticache", "ExportServerlessCacheSnapshot", "/s3BucketName", "serverlessCacheSnapshotName"),
    ("logs", "CreateExportTask", "/destination", "logGroupName"),
    ("dms", "CreateEndpoint", "/s3Settings/bucketName", "endpointIdentifier"),
    ("dms", "ModifyEndpoint", "/s3Settings/bucketName", "endpointArn"),
];

/// Copies that are made in the account of whoever calls.
const COPIES: [(&str, &str, &str); 4] = [
    ("ec2", "CopySnapshot", "sourceSnapshotId"),
    ("ec2", "CopyImage", "sourceImageId"),
    ("rds", "CopyDBSnapshot", "sourceDBSnapshotIdentifier"),
    ("rds", "CopyDBClusterSnapshot", "sourceDBClusterSnapshotIdentifier"),
];

pub(super) fn read(record: Record<'_>) -> Vec<Result<AuditEvent, &'static str>> {
    // What was refused handed nothing over.
    if record.text("errorCode").is_some() || record.text("errorMessage").is_some() {
        return Vec::new();
    }
    let source = record.text("eventSource").unwrap_or_default();
    let source = source.split('.').next().unwrap_or_default();
    let call = record.text("eventName").unwrap_or_default();
    let Some(told) = told(record, source, call) else { return Vec::new() };
    let time = record.text("eventTime").or_else(|| record.text("@timestamp")).and_then(moment);
    let Some(time) = time else { return vec![Err(NO_TIME)] };
    vec![Ok(AuditEvent {
        time,
        record: kept(record.text("eventID").unwrap_or_default()),
        operation: kept(call),
        by: Arc::new(account(record)),
        kind: told.kind,
        service: Arc::from(if source == "s3" { "s3" } else { "aws" }),
        with: told.with,
        into: told.into,
        items: told.items,
    })]
}

fn told(record: Record<'_>, source: &str, call: &str) -> Option<Told> {
    let nothing = Value::Null;
    let asked = record.0.get("requestParameters").unwrap_or(&nothing);
    if keeps(asked) {
        return None;
    }
    let is = |one: &str, other: &str| one == source && other == call;
    if let Some((_, _, names, item)) = SHARES.iter().find(|(one, other, ..)| is(one, other)) {
        return shared(asked, *names, item);
    }
    if let Some((_, _, bucket, item)) = EXPORTS.iter().find(|(one, other, ..)| is(one, other)) {
        let bucket = asked.pointer(bucket)?.as_str()?;
        return Some(Told {
            kind: CommandKind::Copy,
            with: Vec::new(),
            into: Some(kept(bucket)),
            items: named(asked, &[item]),
        });
    }
    if let Some((_, _, item)) = COPIES.iter().find(|(one, other, _)| is(one, other)) {
        return copied_abroad(record, named(asked, &[item]));
    }
    match (source, call) {
        ("ec2", "SharedSnapshotCopyInitiated" | "SharedSnapshotVolumeCreated") => taken_abroad(record),
        ("s3", "CopyObject" | "UploadPartCopy") => object_copied(record, asked),
        ("s3", "PutBucketReplication") => replicated(asked),
        _ => None,
    }
}

/// The same call the other way round: an image that may be copied no more, a bucket that is read from.
fn keeps(asked: &Value) -> bool {
    let reads = |way: &Value| way.as_str().is_some_and(|way| way.eq_ignore_ascii_case("source"));
    asked.get("allowCopyImage") == Some(&Value::Bool(false)) || asked.get("endpointType").is_some_and(reads)
}

/// Somebody is let in. A call that names nobody, and hides nobody, takes access away.
fn shared(asked: &Value, names: Names, item: &str) -> Option<Told> {
    let grantees = match names {
        Names::Grantees(pointer) => {
            let mut found = Vec::new();
            texts(asked.pointer(pointer)?, 5, &mut found);
            of(&found)
        }
        Names::Policy(pointer) => match asked.pointer(pointer)? {
            Value::String(text) => grantee::of_policy(text),
            policy => grantee::of_statements(policy),
        },
        Names::Acl => acl(asked),
        Names::Blocks(pointer) => {
            let switches = asked.pointer(pointer)?.as_object()?;
            let off = switches.values().any(|switch| matches!(switch, Value::Bool(false)));
            if off { of(&[ANYONE]) } else { Grantees::default() }
        }
        Names::Everybody => of(&[ANYONE]),
    };
    let with = grantees.names;
    let items = named(asked, &["key", item]);
    (!with.is_empty() || grantees.hidden).then_some(Told {
        kind: CommandKind::Share,
        with,
        into: None,
        items,
    })
}

fn of(values: &[&str]) -> Grantees {
    let mut all = Grantees::default();
    for named in values.iter().map(|value| grantee::of(value)) {
        all.hidden |= named.hidden;
        let new: Vec<Arc<str>> = named.names.into_iter().filter(|name| !all.names.contains(name)).collect();
        all.names.extend(new);
    }
    all
}

/// Grants in the body, and those in headers; the owner's own are none.
fn acl(asked: &Value) -> Grantees {
    let owner = asked.pointer("/AccessControlPolicy/Owner/ID").and_then(Value::as_str);
    let mut found = Vec::new();
    if let Some(grants) = asked.pointer("/AccessControlPolicy/AccessControlList/Grant") {
        let grants = grants.as_array().map_or_else(|| std::slice::from_ref(grants), Vec::as_slice);
        for grant in grants.iter().filter_map(|grant| grant.get("Grantee")) {
            let parts = ["ID", "URI", "EmailAddress"].iter().filter_map(|part| grant.get(part)?.as_str());
            found.extend(parts.filter(|part| Some(*part) != owner));
        }
    }
    let headers = [
        "x-amz-acl",
        "x-amz-grant-read",
        "x-amz-grant-full-control",
        "x-amz-grant-read-acp",
        "x-amz-grant-write-acp",
    ];
    for header in headers.iter().filter_map(|header| asked.get(header)) {
        texts(header, 3, &mut found);
    }
    of(&found)
}

/// The caller is of another account than the one whose log this is: the copy is his.
fn copied_abroad(record: Record<'_>, items: Vec<Arc<str>>) -> Option<Told> {
    let caller = record.at("/userIdentity/accountId")?;
    let foreign = record.text("recipientAccountId").is_some_and(|own| own != caller);
    foreign.then(|| Told { kind: CommandKind::Copy, with: vec![kept(caller)], into: None, items })
}

/// A snapshot that was shared is copied, or made a volume, by whom it was shared with.
fn taken_abroad(record: Record<'_>) -> Option<Told> {
    let own = record.text("recipientAccountId").unwrap_or_default();
    let mut found: Vec<&str> = record.at("/userIdentity/accountId").into_iter().collect();
    for part in ["requestParameters", "serviceEventDetails"].iter().filter_map(|name| record.0.get(name)) {
        texts(part, 4, &mut found);
    }
    let is_account = |text: &&&str| text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit());
    let with = found.iter().filter(is_account).filter(|account| **account != own).take(1);
    let with: Vec<Arc<str>> = with.map(|account| kept(account)).collect();
    let items = found.iter().filter(|text| text.starts_with("snap-")).take(4).map(|id| kept(id)).collect();
    Some(Told { kind: CommandKind::Copy, with, into: None, items })
}

/// From one bucket to another. Whose the other is, the record says under `resources`, or not at all.
fn object_copied(record: Record<'_>, asked: &Value) -> Option<Told> {
    let own = record.text("recipientAccountId").or_else(|| record.at("/userIdentity/accountId"));
    let bucket = asked.get("bucketName")?.as_str()?;
    let source = asked.get("x-amz-copy-source")?.as_str()?.trim_start_matches('/');
    if source.split(['/', '?']).next() == Some(bucket) {
        return None;
    }
    let owners: Vec<(&str, &str)> = bucket_owners(record);
    let receiver = owners.iter().find(|(name, _)| *name == bucket).map(|(_, owner)| *owner);
    let other = || owners.iter().map(|(_, owner)| *owner).find(|owner| Some(*owner) != own);
    let with: Vec<Arc<str>> = match receiver.or_else(other) {
        Some(owner) if Some(owner) == own => return None,
        Some(owner) => vec![kept(owner)],
        None if !owners.is_empty() => return None,
        None => Vec::new(),
    };
    Some(Told { kind: CommandKind::Copy, with, into: Some(kept(bucket)), items: vec![kept(source)] })
}

/// Buckets of the record, each with the account that owns it.
fn bucket_owners<'a>(record: Record<'a>) -> Vec<(&'a str, &'a str)> {
    let resources = record.0.get("resources").and_then(Value::as_array);
    resources
        .into_iter()
        .flatten()
        .filter_map(|one| {
            let arn = one.get("ARN").or_else(|| one.get("arn"))?.as_str()?;
            let name = arn.rsplit(':').next()?.split('/').next()?;
            Some((name, one.get("accountId")?.as_str()?))
        })
        .collect()
}

/// Everything written from now on is copied to another bucket.
fn replicated(asked: &Value) -> Option<Told> {
    let rules = asked.pointer("/ReplicationConfiguration/Rule")?;
    let rules = rules.as_array().map_or_else(|| std::slice::from_ref(rules), Vec::as_slice);
    let to = rules.iter().filter_map(|rule| rule.get("Destination")).next()?;
    let bucket = to.get("Bucket")?.as_str()?;
    let account = to.get("Account").and_then(|account| account.as_str().map(kept));
    let items = named(asked, &["bucketName"]);
    let into = Some(kept(bucket.rsplit(':').next().unwrap_or(bucket)));
    Some(Told { kind: CommandKind::Copy, with: account.into_iter().collect(), into, items })
}

fn named(asked: &Value, fields: &[&str]) -> Vec<Arc<str>> {
    let texts = fields.iter().filter_map(|field| asked.get(field).and_then(Value::as_str));
    texts.filter(|text| !text.is_empty()).map(kept).collect()
}

fn account(record: Record<'_>) -> CloudAccount {
    let arn = record.at("/userIdentity/arn");
    let last = arn.and_then(|arn| arn.rsplit(['/', ':']).next());
    let user = record.at("/userIdentity/userName").or(last);
    let user = user.or_else(|| record.at("/userIdentity/invokedBy"));
    CloudAccount {
        log: AuditLog::CloudTrail,
        user: user.map(kept),
        principal: arn.or_else(|| record.at("/userIdentity/principalId")).map(kept),
        account: record.text("recipientAccountId").or_else(|| record.at("/userIdentity/accountId")).map(kept),
        address: record.text("sourceIPAddress").map(kept),
        agent: record.text("userAgent").map(kept),
    }
}
