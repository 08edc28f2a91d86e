//! What this Mac saw and what the cloud's log says of one deed.

use super::records::{guest, office, trail};
use super::*;

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
