//! What no export should be able to do, and what is said of one that is none.

use crate::model::CommandKind;

use super::Audit;

const TRAIL: &str = r#"{"Records":[
{"eventTime":"2026-01-01T00:00:05Z","eventSource":"ec2.amazonaws.com","eventName":"ModifyImageAttribute","userIdentity":{"userName":"al\u00e4x"},"requestParameters":{"imageId":"ami-1","launchPermission":{"add":{"items":[{"group":"all"}]}}},"recipientAccountId":"111122223333"},
{"eventTime":"2026-01-01T00:00:01Z","eventSource":"s3.amazonaws.com","eventName":"PutBucketReplication","requestParameters":{"bucketName":"a","ReplicationConfiguration":{"Rule":[{"Destination":{"Bucket":"arn:aws:s3:::b"}}]}}}]}"#;
const ROWS: &str = "CreationDate,AuditData,x\r\n1,\"{\"\"Operation\"\":\"\"AnonymousLinkCreated\"\",\"\"CreationTime\"\":\"\"2026-01-01T00:00:00\"\",\n\"\"SourceFileName\"\":\"\"a, b\"\"}\",\r\n2,nothing,\r\n";

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
    for text in [TRAIL, ROWS] {
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
