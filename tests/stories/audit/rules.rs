//! Each shipped rule about audit logs.

use super::records::{access, acl, bucket, copied, guest, office, replicated, snapshot, trail, visibility};
use super::{ids, log, own};

/// Each shipped rule: a record that fires it, and one that is nearly the same and stays quiet.
#[test]
fn every_rule_fires_and_keeps_quiet() {
    let policy = format!(
        "{}\n[[allow]]\nname = \"partners\"\nprocess = {{ team_id = \"CORPCORP01\" }}\nsensitive = \"*\"\nservices = [\"sharepoint\"]\ntenants = [\"partner.example\"]\nusers = \"*\"\nreason = \"x\"\n",
        own()
    );
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
