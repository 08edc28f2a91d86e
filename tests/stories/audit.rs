//! What audit logs of clouds tell by themselves; together with this Mac, `both` has it.

mod both;
mod calls;
mod clouds;
mod records;
mod rules;

use cloudward::model::{Actor, Alert, Confidence, Severity, TenantVerdict};

use self::records::{drive, guest, office, trail};
use super::world::*;

const ZSH: Program = apple("/bin/zsh", "com.apple.zsh");
const AWS: Program = adhoc("/opt/homebrew/bin/aws", "aws");
const X: Program = adhoc("/private/tmp/x", "x");
const PLAN: &str = "/Users/alice/Documents/corp/plan.docx";
const OWN: &str = include_str!("commands/own.toml");

/// The log alone.
fn log(text: &str, policy: &str) -> Told {
    let mut w = World::new();
    w.launch(0.0, ZSH, &["-zsh"]);
    policy.clone_into(&mut w.policy);
    w.audits.push(text.to_owned());
    w.tell()
}

fn own() -> String {
    format!("{CORP}\n{OWN}")
}

fn ids(alert: &Alert) -> Vec<&str> {
    alert.rules.iter().map(|rule| &*rule.id).collect()
}

fn has(alert: &Alert, code: &str) -> bool {
    alert.reasons.iter().any(|reason| reason.code.as_str() == code)
}

/// How many records of a table tell nothing, something surely, and something with a doubt.
fn told_of(table: &str) -> [usize; 3] {
    let mut told = [0; 3];
    for line in table.lines().filter(|line| !line.starts_with('#')) {
        let [verdict, account, title, record] = line.split('\t').collect::<Vec<_>>()[..] else {
            panic!("four columns: {line}")
        };
        let story = log(record, "");
        let alerts = story.alerts();
        let found = match alerts[..] {
            [] => "NONE",
            [alert] if alert.confidence == Confidence::Low => "LOW",
            [_] => "ALERT",
            _ => "several",
        };
        assert_eq!(found, verdict, "{title}: {alerts:#?}");
        told[usize::from(verdict != "NONE") + usize::from(verdict == "LOW")] += 1;
        for alert in alerts {
            assert_eq!(alert.tenant.as_deref().unwrap_or("-"), account, "{title}");
            assert_eq!(alert.rules[0].techniques[0].as_ref(), "T1537", "{title}");
            assert!(matches!(alert.uploader, Actor::Account(_)) && alert.audit.len() == 1, "{title}");
        }
    }
    told
}

#[test]
fn records_as_others_collected_them() {
    assert_eq!(told_of(include_str!("audit/records.tsv")), [18, 18, 3]);
}

#[test]
fn detonations_of_a_red_team() {
    let table = [
        (include_str!("audit/share-ami.json"), Some("846424999548")),
        (include_str!("audit/share-snapshot.json"), Some("098797384747")),
        (include_str!("audit/share-db-snapshot.json"), Some("503161813013")),
        (include_str!("audit/stop-logging.json"), None),
    ];
    for (text, account) in table {
        let told = log(text, CORP);
        match account {
            None => told.none(),
            Some(account) => {
                let alert = told.alert();
                assert_eq!(alert.tenant.as_deref(), Some(account));
                assert_eq!((ids(alert), alert.severity), (vec!["cw.audit.share"], Severity::High));
                assert_eq!(alert.uploader.account().unwrap().name(), "christophe");
            }
        }
    }
}

#[test]
fn what_a_record_does_not_say_is_unknown() {
    let unsaid = [
        office(60, "SecureLinkCreated", "plan.docx", ""),
        trail(
            60,
            "s3",
            "CopyObject",
            r#"{"bucketName":"elsewhere","key":"k","x-amz-copy-source":"corp-data/k"}"#,
            "",
        ),
        trail(
            60,
            "s3",
            "PutBucketReplication",
            r#"{"bucketName":"corp-data","ReplicationConfiguration":{"Rule":[{"Destination":{"Bucket":"arn:aws:s3:::elsewhere"}}]}}"#,
            "",
        ),
        trail(
            60,
            "secretsmanager",
            "PutResourcePolicy",
            r#"{"secretId":"s","resourcePolicy":"HIDDEN_DUE_TO_SECURITY_REASONS"}"#,
            "",
        ),
    ];
    for text in unsaid {
        let told = log(&text, CORP);
        let alert = told.low();
        assert!(has(alert, "tenant-unknown"), "{text}");
        assert_eq!((alert.tenant.as_deref(), alert.tenant_verdict), (None, TenantVerdict::Unknown), "{text}");
    }
    // The bucket is known to be one's own, whoever the record says owns it.
    let own_bucket = trail(
        60,
        "s3",
        "CopyObject",
        r#"{"bucketName":"corp-archive","key":"k","x-amz-copy-source":"corp-data/k"}"#,
        "",
    );
    log(&own_bucket, &own()).none();
    // An anonymous link names nobody: whoever has it is let in.
    log(&office(60, "AnonymousLinkCreated", "plan.docx", ""), CORP).low();
}

/// One click of a person makes several records, and one alert that knows the most of them.
#[test]
fn several_records_of_one_deed_are_one_alert() {
    let text = [
        office(60, "SecureLinkCreated", "plan.docx", ""),
        office(61, "AddedToSecureLink", "plan.docx", &guest("eve@evil.example")),
        office(62, "SharingInvitationCreated", "plan.docx", &guest("eve@evil.example")),
    ]
    .join("\n");
    let told = log(&text, CORP);
    let alert = told.alert();
    assert_eq!((alert.tenant.as_deref(), alert.count, alert.audit.len()), (Some("eve@evil.example"), 1, 3));
}

#[test]
fn wrappers_of_every_export() {
    let one = trail(
        60,
        "ec2",
        "ModifyImageAttribute",
        r#"{"imageId":"ami-1","launchPermission":{"add":{"items":[{"userId":"999988887777"}]}}}"#,
        "",
    );
    let click = office(60, "AnonymousLinkCreated", "plan.docx", "");
    let quoted = |text: &str| serde_json::to_string(text).unwrap();
    let cell = |text: &str| format!("\"{}\"", text.replace('"', "\"\""));
    let pretty = |text: &str| {
        serde_json::to_string_pretty(&serde_json::from_str::<serde_json::Value>(text).unwrap()).unwrap()
    };
    let table = [
        one.clone(),
        format!("{{\"Records\":[{one}]}}"),
        pretty(&format!("{{\"Records\":[{one}]}}")),
        pretty(&format!("[{one}]")),
        format!("{{\"Events\":[{{\"EventName\":\"x\",\"CloudTrailEvent\":{}}}]}}", quoted(&one)),
        format!("{{\"version\":\"0\",\"detail-type\":\"AWS API Call via CloudTrail\",\"detail\":{one}}}"),
        format!("[{click}]"),
        format!("{{\"value\":[{{\"id\":\"1\",\"auditData\":{click}}}]}}"),
        format!(
            "\u{feff}RecordId,CreationDate,RecordType,Operation,UserId,AuditData,AssociatedAdminUnits\r\n1,2026-01-01T00:01:00Z,14,AnonymousLinkCreated,alice@corp.com,{},\r\n",
            cell(&click)
        ),
        format!(
            "#TYPE Selected\n\"CreationDate\",\"UserIds\",\"Operations\",\"AuditData\"\n\"1/1/2026 12:01:00 AM\",\"alice@corp.com\",\"AnonymousLinkCreated\",{}",
            cell(&pretty(&click))
        ),
        format!(
            "{{\"kind\":\"admin#reports#activities\",\"items\":[{}]}}",
            drive(
                60,
                r#"{"type":"acl_change","name":"change_document_visibility","parameters":[{"name":"visibility","value":"people_with_link"},{"name":"doc_title","value":"plan"}]}"#
            )
        ),
    ];
    for text in table {
        assert_eq!(log(&text, CORP).alerts().len(), 1, "{text}");
    }
}

#[test]
fn rules_of_ones_own_ask_for_logs_operations_and_accounts() {
    let rule = |condition: &str| {
        format!(
            "{CORP}\n[builtin]\ndisable = [\"cw.audit.share\", \"cw.audit.link\"]\n[[rule]]\nid = \"t.own\"\nname = \"t\"\nseverity = \"low\"\nstep = [{{ on = \"audit\", {condition} }}]\n"
        )
    };
    let text = office(60, "AddedToSecureLink", "plan.docx", &guest("eve@evil.example"));
    let fits = [
        "deeds = [\"share\"]",
        "logs = [\"microsoft-365\"]",
        "operations = [\"AddedTo*\"]",
        "users = [\"alice@corp.com\"]",
        "tenants = [\"*@evil.example\"]",
        "services = [\"sharepoint\"], categories = [\"file-sync\"]",
    ];
    let misses = [
        "deeds = [\"copy\", \"link\"]",
        "logs = [\"cloudtrail\"]",
        "operations = [\"SharingSet\"]",
        "users = [\"bob@corp.com\"]",
        "tenants = [\"allowed\"]",
        "services = [\"google-drive\"]",
    ];
    for condition in fits {
        assert_eq!(ids(log(&text, &rule(condition)).one_of_any_confidence()), ["t.own"], "{condition}");
    }
    for condition in misses {
        log(&text, &rule(condition)).none();
    }
}

/// Calls by which other services of Amazon's hand data over, each with its twin among one's own.
#[test]
fn calls_of_other_services() {
    let policy = |who: &str| {
        format!(r#"{{\"Statement\":[{{\"Effect\":\"Allow\",\"Principal\":{{\"AWS\":\"{who}\"}}}}]}}"#)
    };
    let trusting = |who: &str| format!(r#"{{"roleName":"r","policyDocument":"{}"}}"#, policy(who));
    let glue = |who: &str| format!(r#"{{"policyInJson":"{}"}}"#, policy(who));
    let blocks = |on: bool| {
        format!(
            r#"{{"bucketName":"corp-data","PublicAccessBlockConfiguration":{{"BlockPublicAcls":{on},"xmlns":"x"}}}}"#
        )
    };
    let one = |field: &str, who: &str| format!(r#"{{"{field}":"{who}"}}"#);
    let document = |field: &str, who: &str| format!(r#"{{"{field}":"{}"}}"#, policy(who));
    let (theirs, ours) = ("999988887777", "111122223333");
    let file_system = |who: &str| {
        format!(
            r#"{{"sourceFileSystemId":"fs-1","destinations":[{{"region":"eu-west-1","fileSystemId":"arn:aws:elasticfilesystem:eu-west-1:{who}:file-system/fs-9"}}]}}"#
        )
    };
    let vault = |who: &str| format!("arn:aws:backup:eu-west-1:{who}:backup-vault:v");
    let table = [
        ("iam", "UpdateAssumeRolePolicy", theirs, trusting(theirs), trusting(ours)),
        ("glue", "PutResourcePolicy", theirs, glue(theirs), glue(ours)),
        ("s3", "PutBucketPublicAccessBlock", "anyone", blocks(false), blocks(true)),
        ("s3", "DeleteBucketPublicAccessBlock", "anyone", one("bucketName", "corp-data"), String::new()),
        (
            "redshift",
            "AuthorizeDataShare",
            theirs,
            one("consumerIdentifier", theirs),
            one("consumerIdentifier", ours),
        ),
        (
            "lambda",
            "AddPermission20150331v2",
            theirs,
            one("principal", theirs),
            one("principal", "s3.amazonaws.com"),
        ),
        (
            "ssm",
            "ModifyDocumentPermission",
            theirs,
            format!(r#"{{"name":"d","accountIdsToAdd":["{theirs}"]}}"#),
            format!(r#"{{"name":"d","accountIdsToRemove":["{theirs}"]}}"#),
        ),
        (
            "backup",
            "StartCopyJob",
            theirs,
            one("destinationBackupVaultArn", &vault(theirs)),
            one("destinationBackupVaultArn", &vault(ours)),
        ),
        (
            "elasticfilesystem",
            "CreateReplicationConfiguration",
            theirs,
            file_system(theirs),
            file_system(ours),
        ),
        (
            "logs",
            "PutSubscriptionFilter",
            theirs,
            one("destinationArn", &format!("arn:aws:logs:eu-west-1:{theirs}:destination:d")),
            one("destinationArn", &format!("arn:aws:lambda:eu-west-1:{ours}:function:f")),
        ),
        ("events", "PutPermission", theirs, one("principal", theirs), one("principal", ours)),
        (
            "sqs",
            "SetQueueAttributes",
            theirs,
            format!(r#"{{"queueUrl":"q","attributes":{}}}"#, document("Policy", theirs)),
            r#"{"queueUrl":"q","attributes":{"VisibilityTimeout":"30"}}"#.into(),
        ),
        (
            "sns",
            "SetTopicAttributes",
            theirs,
            document("attributeValue", theirs),
            r#"{"attributeName":"DeliveryPolicy","attributeValue":"{\"http\":{\"disableOverrides\":false}}"}"#.into(),
        ),
        ("ec2", "DisableSnapshotBlockPublicAccess", "anyone", "{}".into(), String::new()),
        (
            "lightsail",
            "UpdateBucket",
            "anyone",
            r#"{"accessRules":{"getObject":"public"}}"#.into(),
            r#"{"accessRules":{"getObject":"private"}}"#.into(),
        ),
        (
            "elasticache",
            "ExportServerlessCacheSnapshot",
            "evil",
            one("s3BucketName", "evil"),
            one("s3BucketName", "corp-backup"),
        ),
        (
            "redshift-serverless",
            "PutResourcePolicy",
            theirs,
            document("policy", theirs),
            document("policy", ours),
        ),
        (
            "codeartifact",
            "PutDomainPermissionsPolicy",
            theirs,
            document("policyDocument", theirs),
            document("policyDocument", ours),
        ),
        (
            "codeartifact",
            "PutRepositoryPermissionsPolicy",
            theirs,
            document("policyDocument", theirs),
            document("policyDocument", ours),
        ),
        ("imagebuilder", "PutImagePolicy", theirs, document("policy", theirs), document("policy", ours)),
        ("elasticache", "CopySnapshot", "evil", one("targetBucket", "evil"), one("targetSnapshotName", "t")),
        ("logs", "CreateExportTask", "evil", one("destination", "evil"), one("destination", "corp-backup")),
    ];
    for (source, call, whom, given, twin) in table {
        let story = log(&trail(60, source, call, &given, ""), &own());
        // Whose a bucket is, such a record does not say.
        let (alert, whom) = if whom == "evil" { (story.low(), None) } else { (story.alert(), Some(whom)) };
        assert_eq!(alert.tenant.as_deref(), whom, "{call}");
        if !twin.is_empty() {
            log(&trail(60, source, call, &twin, ""), &own()).none();
        }
    }
}

/// Somebody from outside is let into a whole drive; a guest is added to a link that there is.
#[test]
fn outsiders_join_drives_and_links() {
    let joins = |who: &str, change: &str| {
        let parameters = [("membership_change_type", change), ("target", who), ("doc_title", "Board")];
        let parameters = parameters.map(|(name, value)| format!(r#"{{"name":"{name}","value":"{value}"}}"#));
        let event = format!(
            r#"{{"type":"acl_change","name":"shared_drive_membership_change","parameters":[{}]}}"#,
            parameters.join(",")
        );
        log(&drive(60, &event), CORP)
    };
    let told = joins("Eve@evil.example", "add_to_shared_drive");
    assert_eq!(
        (ids(told.alert()), told.alert().tenant.as_deref()),
        (vec!["cw.audit.share"], Some("eve@evil.example"))
    );
    joins("eve@evil.example", "remove_from_shared_drive").none();
    joins("bob@corp.com", "add_to_shared_drive").none();
    let added = |seconds: i64, operation: &str, more: &str| office(seconds, operation, "plan.docx", more);
    let both = [
        added(60, "AddedToSharingLink", &guest("eve@evil.example")),
        added(60, "AddedToSecureLink", &guest("eve@evil.example")),
    ];
    let told = log(&both.join("\n"), CORP);
    assert_eq!(told.alert().tenant.as_deref(), Some("eve@evil.example"));
    let member = r#","TargetUserOrGroupType":"Member","TargetUserOrGroupName":"bob@corp.com""#;
    log(&added(60, "AddedToSharingLink", member), CORP).none();
}
