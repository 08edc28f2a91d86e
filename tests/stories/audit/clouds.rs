//! Google Cloud's audit logs and the Azure Activity log.

use cloudward::model::{AuditLog, Record};
use cloudward::sensor::audit::Audit;
use cloudward::sink::format;

use super::records::at;
use super::*;

const AZ: Program = adhoc("/opt/homebrew/bin/az", "az");
const GCLOUD: Program = adhoc("/opt/homebrew/bin/gcloud", "gcloud");
const LISTED: &str = include_str!("google-cloud.json");
const PORTAL: &str = include_str!("azure-activity.csv");

#[test]
fn records_of_google_cloud_and_azure() {
    assert_eq!(told_of(include_str!("clouds.tsv")), [62, 43, 18]);
}

/// A record that tells nothing is one that was understood.
#[test]
fn every_record_is_known() {
    let lines = include_str!("clouds.tsv").lines().filter(|line| !line.starts_with('#'));
    for record in lines.filter_map(|line| line.split('\t').nth(3)) {
        let audit = Audit::read(record.as_bytes()).unwrap();
        assert_eq!((audit.records > 0, audit.rejected), (true, 0), "{record}");
    }
}

/// A policy that adds these to a snapshot of `corp-prod`.
fn snapshot(seconds: i64, members: &str) -> String {
    format!(
        r#"{{"protoPayload":{{"@type":"type.googleapis.com/google.cloud.audit.AuditLog","authenticationInfo":{{"principalEmail":"ci@corp-build.iam.gserviceaccount.com"}},"serviceName":"compute.googleapis.com","methodName":"v1.compute.snapshots.setIamPolicy","resourceName":"projects/corp-prod/global/snapshots/snap-0a1b2c","request":{{"policy":{{"bindings":[{{"role":"roles/compute.storageAdmin","members":[{members}]}}]}}}}}},"insertId":"i","resource":{{"type":"gce_snapshot","labels":{{"project_id":"corp-prod"}}}},"timestamp":"{}.5Z"}}"#,
        at(seconds)
    )
}

/// The address of a disk of alice's subscription.
fn disk(seconds: i64, name: &str) -> String {
    format!(
        r#"{{"time":"{}.1234567Z","resourceId":"/SUBSCRIPTIONS/11111111-2222-3333-4444-555555555555/RESOURCEGROUPS/RG/PROVIDERS/MICROSOFT.COMPUTE/DISKS/{}","operationName":"MICROSOFT.COMPUTE/DISKS/BEGINGETACCESS/ACTION","category":"Administrative","resultType":"Success","callerIpAddress":"203.0.113.9","correlationId":"c","identity":{{"claims":{{"http://schemas.xmlsoap.org/ws/2005/05/identity/claims/upn":"alice@corp.com"}}}},"properties":{{"entity":"/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/rg/providers/Microsoft.Compute/disks/{name}"}}}}"#,
        at(seconds),
        name.to_uppercase()
    )
}

#[test]
fn wrappers_of_their_exports() {
    let pretty: serde_json::Value = serde_json::from_str(LISTED).unwrap();
    let lines: String = pretty.as_array().unwrap().iter().map(|record| format!("{record}\n")).collect();
    for text in [LISTED, &lines] {
        let told = log(text, CORP);
        let tenants: Vec<_> = told.alerts().iter().filter_map(|alert| alert.tenant.clone()).collect();
        assert_eq!(tenants, ["username@gmail.com".into(), "anyone".into()]);
    }
    let one = disk(60, "disk-0a1b2c");
    let table = [
        one.clone(),
        format!("[{one}]"),
        format!("{{\"records\":[{one}]}}"),
        format!("{{\"value\":[{one}],\"nextLink\":\"https://x\"}}"),
        format!("{one}\n{{\"records\":[]}}\n"),
    ];
    for text in table {
        assert_eq!(log(&text, CORP).alerts().len(), 1, "{text}");
    }
    let audit = Audit::read(PORTAL.as_bytes()).unwrap();
    assert_eq!((audit.records, audit.rejected, audit.events.len()), (3, 0, 1));
    assert_eq!(audit.events[0].time.to_string(), "2026-01-01T00:00:59.020000000Z");
    let told = log(PORTAL, CORP);
    assert_eq!(told.alert().tenant.as_deref(), Some("99999999-8888-7777-6666-555555555555"));
    let by = told.alert().uploader.account().unwrap();
    assert_eq!((by.log, by.name()), (AuditLog::Azure, "alice@corp.com"));
    assert_eq!(by.account.as_deref(), Some("11111111-2222-3333-4444-555555555555"));
}

/// Projects, domains, addresses, buckets: what allow entries for any service of the same cloud name is one's own.
#[test]
fn what_allow_entries_name_is_ones_own() {
    let policy = |tenants: &str| {
        format!(
            "{CORP}\n[[allow]]\nname = \"ours\"\nprocess = {{ team_id = \"CORPCORP01\" }}\nsensitive = \"*\"\nservices = [\"gcs\", \"azure\"]\ntenants = [{tenants}]\nusers = \"*\"\nreason = \"x\"\n"
        )
    };
    let number = "951849100836-compute@developer.gserviceaccount.com";
    let members = [
        ("serviceAccount:ci@corp-test.iam.gserviceaccount.com", "\"corp-test\""),
        ("projectOwner:corp-test", "\"corp-test\""),
        ("user:bob@corp.com", "\"corp.com\""),
        ("domain:corp.com", "\"corp.com\""),
        (&format!("serviceAccount:{number}"), &format!("\"{number}\"")),
    ];
    for (member, tenants) in members {
        let text = snapshot(60, &format!("\"{member}\""));
        assert_eq!(log(&text, CORP).alerts().len(), 1, "{member}");
        log(&text, &policy(tenants)).none();
    }
    // Beside one's own stands one whose number does not tell whose it is: that is all there is to tell.
    let both = snapshot(60, &format!("\"user:bob@corp.com\", \"serviceAccount:{number}\""));
    let told = log(&both, &policy("\"corp.com\""));
    let alert = told.low();
    assert!(has(alert, "tenant-unknown") && alert.tenant.is_none());
    assert_eq!(*alert.audit[0].with, [number.into()]);
    // A stranger beside it is surely one.
    let both = snapshot(60, &format!("\"serviceAccount:{number}\", \"user:eve@evil.example\""));
    assert_eq!(log(&both, CORP).alert().tenant.as_deref(), Some("eve@evil.example"));

    let export = r#"{"time":"2026-01-01T00:01:00Z","resourceId":"/subscriptions/s/providers/Microsoft.Sql/servers/s/databases/crm","operationName":"Microsoft.Sql/servers/databases/export/action","resultType":"Success","properties":{"requestbody":"{\"storageUri\":\"https://corpstore.blob.core.windows.net/c/crm.bacpac\"}"}}"#;
    assert!(has(log(export, CORP).low(), "tenant-unknown"));
    log(export, &policy("\"corpstore\"")).none();
}

/// The address of a disk is for nobody in particular: the name of the disk makes the command and the record one deed.
#[test]
fn a_link_seen_by_both_witnesses_is_one_alert() {
    let story = |name: &str| {
        let mut w = World::new();
        CORP.clone_into(&mut w.policy);
        let shell = w.launch(0.0, ZSH, &["-zsh"]);
        let line = "az disk grant-access -g rg -n disk-0a1b2c --duration-in-seconds 3600";
        w.spawn(61.4, &shell, AZ, &line.split(' ').collect::<Vec<_>>());
        w.audits.push(disk(62, name));
        w.tell()
    };
    let told = story("disk-0a1b2c");
    let ids: Vec<_> = told.alerts().iter().map(|alert| alert.id).collect();
    assert!(ids.iter().all(|id| *id == ids[0]), "{:#?}", told.alerts());
    let last = told.alerts().into_iter().next_back().unwrap();
    assert!(has(last, "seen-in-audit-log") && last.uploader.process().is_some() && last.audit.len() == 1);
    let ids: Vec<_> = story("other-disk").alerts().iter().map(|alert| alert.id).collect();
    assert!(ids.len() == 2 && ids[0] != ids[1]);
}

/// The member of a policy is spelt alike on both sides, be it a person or a service account.
#[test]
fn a_share_seen_by_both_witnesses_is_one_alert() {
    for member in ["user:eve@evil.example", "serviceAccount:x@evil-prod.iam.gserviceaccount.com"] {
        let mut w = World::new();
        CORP.clone_into(&mut w.policy);
        let shell = w.launch(0.0, ZSH, &["-zsh"]);
        let line = format!(
            "gcloud compute snapshots add-iam-policy-binding snap-0a1b2c --member={member} --role=roles/compute.storageAdmin"
        );
        w.spawn(61.4, &shell, GCLOUD, &line.split(' ').collect::<Vec<_>>());
        w.audits.push(snapshot(62, &format!("\"{member}\"")));
        let told = w.tell();
        let alert = told.alert();
        assert!(has(alert, "seen-in-audit-log") && alert.uploader.process().is_some(), "{member}");
        assert_eq!((alert.audit.len(), alert.confidence), (1, Confidence::High));
    }
}

/// ECS calls clouds by their short names.
#[test]
fn ecs_names_the_provider() {
    for (text, provider, account) in [
        (snapshot(60, r#""user:eve@evil.example""#), "gcp", "corp-prod"),
        (disk(60, "disk-0a1b2c"), "azure", "11111111-2222-3333-4444-555555555555"),
    ] {
        let told = log(&text, CORP);
        let alert = told.alerts()[0].clone();
        let ecs: serde_json::Value =
            serde_json::from_str(&format::ecs(&Record::Alert(Box::new(alert)))).unwrap();
        assert_eq!(ecs["cloud"]["provider"], provider);
        assert_eq!(ecs["cloud"]["account"]["id"], account);
    }
}
