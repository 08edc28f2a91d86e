//! What no export should be able to do, and what is said of one that is none.

use crate::model::CommandKind;

use super::Audit;
use super::record::moment;

const TRAIL: &str = r#"{"Records":[
{"eventTime":"2026-01-01T00:00:05Z","eventSource":"ec2.amazonaws.com","eventName":"ModifyImageAttribute","userIdentity":{"userName":"al\u00e4x"},"requestParameters":{"imageId":"ami-1","launchPermission":{"add":{"items":[{"group":"all"}]}}},"recipientAccountId":"111122223333"},
{"eventTime":"2026-01-01T00:00:01Z","eventSource":"s3.amazonaws.com","eventName":"PutBucketReplication","requestParameters":{"bucketName":"a","ReplicationConfiguration":{"Rule":[{"Destination":{"Bucket":"arn:aws:s3:::b"}}]}}}]}"#;
const ROWS: &str = "CreationDate,AuditData,x\r\n1,\"{\"\"Operation\"\":\"\"AnonymousLinkCreated\"\",\"\"CreationTime\"\":\"\"2026-01-01T00:00:00\"\",\n\"\"SourceFileName\"\":\"\"a, b\"\"}\",\r\n2,nothing,\r\n";

const GOOGLE: &str = r#"[{"protoPayload":{"serviceName":"storage.googleapis.com","methodName":"storage.setIamPermissions","resourceName":"projects/_/buckets/b","serviceData":{"policyDelta":{"bindingDeltas":[{"action":"ADD","role":"r","member":"user:eve@evil.ex\u00e4mple"}]}}},"timestamp":"2026-01-01T00:00:00Z"}]"#;
const AZURE: &str = r#"{"records":[{"time":"2026-01-01T00:00:00Z","resourceId":"/subscriptions/s/providers/Microsoft.Compute/galleries/g","operationName":"Microsoft.Compute/galleries/share/action","resultType":"Start","correlationId":"c","properties":{"requestbody":"{\"operationType\":\"Add\",\"groups\":[{\"ids\":[\"x\"]}]}"}},
{"time":"2026-01-01T00:00:01Z","resourceId":"/subscriptions/s/providers/Microsoft.Compute/galleries/g","operationName":"Microsoft.Compute/galleries/share/action","resultType":"Success","correlationId":"c"}]}"#;
const TABLE: &str = "TimeGenerated [UTC],OperationNameValue,ActivityStatusValue,_ResourceId,Properties\r\n\"1/1/2026, 1:00:00 PM\",Microsoft.Compute/disks/beginGetAccess/action,Success,/subscriptions/s,{}\r\n,,,,\r\n\"soon\",Microsoft.Compute/disks/beginGetAccess/action,Success,/subscriptions/s,\r\n";

#[test]
fn events_come_in_the_order_of_their_time() {
    let audit = Audit::read(TRAIL.as_bytes()).unwrap();
    let kinds: Vec<CommandKind> = audit.events.iter().map(|event| event.kind).collect();
    assert_eq!(kinds, [CommandKind::Copy, CommandKind::Share]);
    assert_eq!((audit.records, audit.rejected), (2, 0));
    assert_eq!(audit.events[1].by.name(), "al\u{e4}x");
}

/// A quoted cell may hold line breaks; complaints name the line that the row begins in.
#[test]
fn rows_of_a_table() {
    let audit = Audit::read(ROWS.as_bytes()).unwrap();
    assert_eq!((audit.events.len(), audit.rejected), (1, 1));
    assert_eq!(audit.complaints[0].0, 4, "{:?}", audit.complaints);
    let audit = Audit::read(TABLE.as_bytes()).unwrap();
    assert_eq!((audit.records, audit.events.len(), audit.rejected), (2, 1, 1));
    assert_eq!(audit.complaints[0].0, 4, "{:?}", audit.complaints);
}

/// Azure's record of the request says what is asked for, the one of the end that it was done; in either order.
#[test]
fn what_began_is_told_when_it_ended_well() {
    let audit = Audit::read(AZURE.as_bytes()).unwrap();
    assert_eq!((audit.events.len(), audit.records), (1, 2));
    assert_eq!(*audit.events[0].with, ["x".into()]);
    let others = [
        AZURE.replace("Success", "Failure"),
        AZURE.replace("Success", "Accept"),
        AZURE.replacen("\"c\"", "\"d\"", 1),
        AZURE.replace("Add", "Remove"),
    ];
    for text in others {
        let audit = Audit::read(text.as_bytes()).unwrap();
        assert_eq!((audit.events.len(), audit.records, audit.rejected), (0, 2, 0), "{text}");
    }
}

#[test]
fn moments_of_every_export() {
    for (text, expected) in [
        ("2026-01-01 00:01:00.019000 UTC", "2026-01-01T00:01:00.019000000Z"),
        ("2026-01-01T00:01:00.1234567Z", "2026-01-01T00:01:00.123456700Z"),
        ("2/25/2025, 9:19:25.391 AM", "2025-02-25T09:19:25.391000000Z"),
        ("12/31/2025, 12:00:00.000 AM", "2025-12-31T00:00:00.000000000Z"),
        ("12/31/2025, 12:00:00 PM", "2025-12-31T12:00:00.000000000Z"),
        ("12/31/2025, 11:59:59 PM", "2025-12-31T23:59:59.000000000Z"),
    ] {
        assert_eq!(moment(text).unwrap().to_string(), expected, "{text}");
    }
    for text in [
        "",
        "/",
        "1/1/2026",
        "31/12/2025, 1:00:00 PM",
        "1/1/2026, 13:00:00 PM",
        "1/1/2026, 255:00:00 PM",
        "a/b/c, d e",
    ] {
        assert!(moment(text).is_none(), "{text}");
    }
}

#[test]
fn what_is_no_audit_log_is_refused() {
    for text in [
        "",
        " ",
        "{}",
        "[]",
        "[[]]",
        "{\"Records\":[]}",
        "a,b\n1,2\n",
        "OperationNameValue,b\n",
        "{\"protoPayload\":{}}",
        "{\"protoPayload\":[],\"protopayload_auditlog\":\"x\"}",
        "{\"operationName\":\"GetBlob\",\"resourceId\":\"/subscriptions/s\"}",
        "\u{1}",
        "{\"schema_version\":1,\"event_type\":9}",
    ] {
        assert!(Audit::read(text.as_bytes()).is_none(), "{text}");
    }
}

#[test]
fn broken_lines_are_counted_and_the_others_read() {
    let line = r#"{"Operation":"AnonymousLinkCreated","CreationTime":"2026-01-01 00:00:00"}"#;
    let text = format!(
        "{line}\n{{broken\n\n{line}\n{{\"other\":1}}\n{}",
        line.replace("2026-01-01 00:00:00", "soon")
    );
    let audit = Audit::read(text.as_bytes()).unwrap();
    assert_eq!((audit.events.len(), audit.rejected), (2, 3));
    let lines: Vec<u64> = audit.complaints.iter().map(|(line, _)| *line).collect();
    assert_eq!(lines, [2, 5, 6]);
}

/// Nothing that stands in a file may end the program: every cut, and every byte made another.
#[test]
fn no_bytes_do_harm() {
    for text in [TRAIL, ROWS, GOOGLE, AZURE, TABLE] {
        for end in 0..text.len() {
            Audit::read(&text.as_bytes()[..end]);
            let mut other = text.as_bytes().to_vec();
            for byte in [0, b'"', b'{', b']', b'\n', 0xff] {
                other[end] = byte;
                Audit::read(&other);
            }
        }
    }
    let deep = "[".repeat(100_000);
    assert!(Audit::read(deep.as_bytes()).is_none());
    let deep = format!(
        "{{\"eventSource\":\"s3.amazonaws.com\",\"eventName\":\"PutObjectAcl\",\"requestParameters\":{}",
        "{\"a\":".repeat(100_000)
    );
    assert!(Audit::read(deep.as_bytes()).is_none());
}
