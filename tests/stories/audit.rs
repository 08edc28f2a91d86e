//! What audit logs of clouds tell by themselves, and together with this Mac.

use cloudward::model::{Actor, Alert, Confidence, Severity, TenantVerdict};

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

/// Story time, to the second, as logs write it.
fn at(seconds: i64) -> String {
    format!("2026-01-01T{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

/// A call of account 111122223333 by the role session `alice`.
fn trail(seconds: i64, source: &str, call: &str, asked: &str, more: &str) -> String {
    format!(
        r#"{{"eventVersion":"1.09","userIdentity":{{"type":"AssumedRole","arn":"arn:aws:sts::111122223333:assumed-role/Admin/alice","accountId":"111122223333"}},"eventTime":"{}Z","eventSource":"{source}.amazonaws.com","eventName":"{call}","sourceIPAddress":"203.0.113.9","userAgent":"aws-cli/2.15","requestParameters":{asked},"eventID":"{call}-{seconds}","recipientAccountId":"111122223333"{more}}}"#,
        at(seconds)
    )
}

fn office(seconds: i64, operation: &str, file: &str, more: &str) -> String {
    format!(
        r#"{{"CreationTime":"{}","Id":"{operation}-{seconds}","Operation":"{operation}","OrganizationId":"0ff1ce","RecordType":14,"UserType":0,"Workload":"OneDrive","ClientIP":"203.0.113.9","UserId":"alice@corp.com","ObjectId":"https://corp-my.sharepoint.com/personal/alice_corp_com/Documents/{file}","SourceFileName":"{file}"{more}}}"#,
        at(seconds)
    )
}

fn guest(who: &str) -> String {
    format!(r##","TargetUserOrGroupType":"Guest","TargetUserOrGroupName":"{who}""##)
}

fn drive(seconds: i64, events: &str) -> String {
    format!(
        r#"{{"kind":"admin#reports#activity","etag":"e","actor":{{"email":"alice@corp.com","profileId":"1"}},"events":[{events}],"id":{{"time":"{}.123Z","uniqueQualifier":"{seconds}","applicationName":"drive","customerId":"C01"}},"ipAddress":"203.0.113.9"}}"#,
        at(seconds)
    )
}

#[test]
fn records_as_others_collected_them() {
    let lines = include_str!("audit/records.tsv").lines().filter(|line| !line.starts_with('#'));
    let mut told = [0; 3];
    for line in lines {
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
    assert_eq!(told, [18, 18, 3]);
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

/// Each shipped rule: a record that fires it, and one that is nearly the same and stays quiet.
#[test]
fn every_rule_fires_and_keeps_quiet() {
    let policy = format!(
        "{}\n[[allow]]\nname = \"partners\"\nprocess = {{ team_id = \"CORPCORP01\" }}\nsensitive = \"*\"\nservices = [\"sharepoint\"]\ntenants = [\"partner.example\"]\nusers = \"*\"\nreason = \"x\"\n",
        own()
    );
    let doc = |name: &str, parameters: &str| {
        drive(
            60,
            &format!(
                r#"{{"type":"acl_change","name":"{name}","parameters":[{parameters},{{"name":"doc_title","value":"plan.docx"}},{{"name":"doc_id","value":"1A"}}]}}"#
            ),
        )
    };
    let snapshot = |grant: &str| {
        trail(
            60,
            "ec2",
            "ModifySnapshotAttribute",
            &format!(r#"{{"snapshotId":"snap-0a1","createVolumePermission":{grant}}}"#),
            "",
        )
    };
    let bucket = |principal: &str| {
        trail(
            60,
            "s3",
            "PutBucketPolicy",
            &format!(
                r#"{{"bucketName":"corp-data","bucketPolicy":{{"Statement":[{{"Effect":"Allow","Principal":{principal},"Action":"s3:*"}}]}}}}"#
            ),
            "",
        )
    };
    let copied = |to: &str, owner: &str| {
        trail(
            60,
            "s3",
            "CopyObject",
            &format!(r#"{{"bucketName":"{to}","key":"k","x-amz-copy-source":"corp-data/db.dump"}}"#),
            &format!(
                r#","resources":[{{"type":"AWS::S3::Object","ARN":"arn:aws:s3:::{to}/k"}},{{"accountId":"{owner}","type":"AWS::S3::Bucket","ARN":"arn:aws:s3:::{to}"}}]"#
            ),
        )
    };
    let replicated = |to: &str| {
        trail(
            60,
            "s3",
            "PutBucketReplication",
            &format!(
                r#"{{"bucketName":"corp-data","ReplicationConfiguration":{{"Rule":{{"Status":"Enabled","Destination":{{"Bucket":"arn:aws:s3:::x","Account":"{to}"}}}}}}}}"#
            ),
            "",
        )
    };
    let acl = |grant: &str| {
        trail(
            60,
            "s3",
            "PutObjectAcl",
            &format!(
                r#"{{"bucketName":"corp-data","key":"db.dump","AccessControlPolicy":{{"Owner":{{"ID":"{}"}},"AccessControlList":{{"Grant":[{{"Grantee":{{"ID":"{}"}},"Permission":"FULL_CONTROL"}},{{"Grantee":{grant},"Permission":"READ"}}]}}}}}}"#,
                "c".repeat(64),
                "c".repeat(64)
            ),
            "",
        )
    };
    let visibility = |value: &str, new: &str| {
        doc(
            "change_document_visibility",
            &format!(
                r#"{{"name":"visibility","value":"{value}"}},{{"name":"visibility_change","value":"external"}},{{"name":"target_domain","value":"all"}},{{"name":"new_value","multiValue":["{new}"]}}"#
            ),
        )
    };
    let access = |user: &str, change: &str| {
        doc(
            "change_user_access",
            &format!(
                r#"{{"name":"visibility","value":"shared_externally"}},{{"name":"visibility_change","value":"{change}"}},{{"name":"target_user","value":"{user}"}},{{"name":"new_value","multiValue":["can_view"]}}"#
            ),
        )
    };
    let denied = snapshot(r#"{"add":{"items":[{"userId":"999988887777"}]}}"#).replacen(
        "\"eventVersion\"",
        "\"errorCode\":\"Client.UnauthorizedOperation\",\"eventVersion\"",
        1,
    );
    let table = [
        (
            "cw.audit.share",
            snapshot(r#"{"add":{"items":[{"userId":"999988887777"}]}}"#),
            snapshot(r#"{"remove":{"items":[{"userId":"999988887777"}]}}"#),
        ),
        (
            "cw.audit.share",
            snapshot(r#"{"add":{"items":[{"group":"all"}]}}"#),
            snapshot(r#"{"add":{"items":[{"userId":"111122223333"}]}}"#),
        ),
        (
            "cw.audit.share",
            snapshot(r#"{"add":{"items":[{"userId":"111122223333"},{"userId":"999988887777"}]}}"#),
            denied,
        ),
        (
            "cw.audit.share",
            bucket(r#"{"AWS":"arn:aws:iam::999988887777:root"}"#),
            bucket(r#"{"AWS":"arn:aws:iam::111122223333:root"}"#),
        ),
        ("cw.audit.share", bucket("\"*\""), bucket(r#"{"Service":"cloudtrail.amazonaws.com"}"#)),
        (
            "cw.audit.share",
            acl(r#"{"URI":"http://acs.amazonaws.com/groups/global/AllUsers"}"#),
            acl(r#"{"URI":"http://acs.amazonaws.com/groups/s3/LogDelivery"}"#),
        ),
        (
            "cw.audit.share",
            trail(60, "s3", "PutBucketAcl", r#"{"bucketName":"b1","x-amz-acl":["public-read"]}"#, ""),
            trail(60, "s3", "PutBucketAcl", r#"{"bucketName":"b1","x-amz-acl":["private"]}"#, ""),
        ),
        (
            "cw.audit.share",
            trail(
                60,
                "kms",
                "CreateGrant",
                r#"{"keyId":"k","granteePrincipal":"arn:aws:iam::999988887777:root"}"#,
                "",
            ),
            trail(
                60,
                "kms",
                "CreateGrant",
                r#"{"keyId":"k","granteePrincipal":"arn:aws:iam::111122223333:role/r"}"#,
                "",
            ),
        ),
        (
            "cw.audit.share",
            office(60, "AddedToSecureLink", "plan.docx", &guest("eve@evil.example")),
            office(
                60,
                "AddedToSecureLink",
                "plan.docx",
                r#","TargetUserOrGroupType":"Member","TargetUserOrGroupName":"bob@corp.com""#,
            ),
        ),
        (
            "cw.audit.share",
            office(
                60,
                "SharingInvitationCreated",
                "plan.docx",
                &guest("eve_evil.example#EXT#@corp.onmicrosoft.com"),
            ),
            office(60, "SharingInvitationCreated", "plan.docx", &guest("joe@partner.example")),
        ),
        ("cw.audit.share", access("eve@evil.example", "none"), access("bob@corp.com", "none")),
        (
            "cw.audit.share",
            visibility("public_on_the_web", "public_on_the_web"),
            visibility("public_on_the_web", "private"),
        ),
        ("cw.audit.copy", copied("evil", "999988887777"), copied("corp-other", "111122223333")),
        ("cw.audit.copy", copied("evil", "999988887777"), copied("corp-backup", "444455556666")),
        ("cw.audit.copy", replicated("999988887777"), replicated("111122223333")),
        (
            "cw.audit.link",
            office(60, "AnonymousLinkCreated", "plan.docx", ""),
            office(60, "CompanyLinkCreated", "plan.docx", ""),
        ),
        (
            "cw.audit.link",
            office(60, "AnonymousLinkUpdated", "plan.docx", ""),
            office(60, "AnonymousLinkUsed", "plan.docx", ""),
        ),
        (
            "cw.audit.link",
            visibility("people_with_link", "people_with_link"),
            visibility("people_with_link", "private"),
        ),
    ];
    for (id, fires, quiet) in table {
        let told = log(&fires, &policy);
        assert_eq!(ids(told.one_of_any_confidence()), [id], "{fires}");
        log(&quiet, &policy).none();
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

/// The command on this Mac and the record of the cloud are one deed, whichever clock is ahead.
#[test]
fn a_command_seen_by_both_witnesses_is_one_alert() {
    let story = |second: i64, snapshot: &str, policy: &str| {
        let mut w = World::new();
        policy.clone_into(&mut w.policy);
        let shell = w.launch(0.0, ZSH, &["-zsh"]);
        let line = "aws ec2 modify-snapshot-attribute --snapshot-id snap-0a1b2c --attribute createVolumePermission --operation-type add --user-ids 999988887777";
        w.spawn(61.4, &shell, AWS, &line.split(' ').collect::<Vec<_>>());
        let asked = format!(
            r#"{{"snapshotId":"{snapshot}","createVolumePermission":{{"add":{{"items":[{{"userId":"999988887777"}}]}}}}}}"#
        );
        w.audits.push(trail(second, "ec2", "ModifySnapshotAttribute", &asked, ""));
        w.tell()
    };
    let alone = story(3000, "snap-ffffff", CORP);
    let severity = alone.alerts()[0].severity;
    for second in [61, 63, 59] {
        let told = story(second, "snap-0a1b2c", CORP);
        let alert = told.alert();
        assert!(alert.uploader.process().is_some() && alert.audit.len() == 1, "{second}");
        assert!(has(alert, "seen-in-audit-log") && has(alert, "control-plane"), "{:?}", alert.reasons);
        assert!(alert.severity > severity && alert.count == 1, "{:?} {}", alert.severity, alert.count);
        assert_eq!(alert.confidence, Confidence::High);
        assert_eq!(alert.user_name.as_deref(), Some("alice"));
    }
    // Another snapshot is another deed; so is the same one long after.
    assert_eq!(distinct(&story(63, "snap-ffffff", CORP)), 2);
    assert_eq!(distinct(&story(2 * 3600, "snap-0a1b2c", CORP)), 2);
}

fn distinct(told: &Told) -> usize {
    let mut ids: Vec<_> = told.alerts().iter().map(|alert| alert.id).collect();
    ids.sort();
    ids.dedup();
    ids.len()
}

/// A file that was only read here, and then opened to everybody in the cloud: neither alone says how bad it is.
#[test]
fn a_file_read_here_and_shared_there() {
    let story = |file: &str, user: &str, second: i64| {
        let mut w = World::new();
        let p = w.launch(0.0, X, &["x"]);
        w.open(60.0, &p, PLAN);
        let text = office(second, "AnonymousLinkCreated", file, "").replace("alice@corp.com", user);
        w.audits.push(text);
        w.tell()
    };
    for second in [90, 30] {
        let told = story("plan.docx", "alice@corp.com", second);
        let alert = told.alert();
        assert!(ids(alert).contains(&"cw.audit.sensitive-file"), "{:?}", ids(alert));
        assert_eq!((alert.reads[0].path.to_string(), alert.count), (PLAN.to_owned(), 1));
        assert!(has(alert, "seen-in-audit-log") && alert.confidence == Confidence::High);
        assert!(alert.severity >= Severity::High && alert.user == Some(cloudward::model::Uid(501)));
    }
    let longer = 60 + 61 * 60;
    let others = [
        story("other.docx", "alice@corp.com", 90),
        story("plan.docx", "bob@corp.com", 90),
        story("plan.docx", "alice@corp.com", longer),
    ];
    for quiet in others {
        assert!(quiet.low().reads.is_empty());
    }
}

/// Uploaded here, shared there: one alert with both, whichever came first.
#[test]
fn an_upload_and_its_share_are_one_alert() {
    for (second, revisions) in [(90, 2), (62, 2)] {
        let mut w = World::new();
        let p = w.launch(0.0, X, &["x"]);
        w.open(60.0, &p, PLAN);
        w.upload(70.0, &p, "corp-my.sharepoint.com", 50_000);
        w.audits.push(office(second, "AddedToSecureLink", "plan.docx", &guest("eve@evil.example")));
        let told = w.tell();
        assert_eq!(distinct(&told), 1, "{second}: {:#?}", told.alerts());
        let last = told.alerts().into_iter().next_back().unwrap();
        assert!(last.uploader.process().is_some() && last.bytes_out >= 50_000, "{second}");
        assert!(!last.audit.is_empty() && has(last, "seen-in-audit-log"), "{second}: {:?}", last.reasons);
        assert!(told.alerts().len() <= revisions);
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
    let (theirs, ours) = ("999988887777", "111122223333");
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
            "lightsail",
            "UpdateBucket",
            "anyone",
            r#"{"accessRules":{"getObject":"public"}}"#.into(),
            r#"{"accessRules":{"getObject":"private"}}"#.into(),
        ),
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
