//! Calls by which services that few people think of hand data over.

use super::records::trail;
use super::{log, own};

/// Images, tables, archives and copies of databases, each with its twin among one's own or one that takes back.
#[test]
fn images_tables_archives_and_copies_of_databases() {
    const THEIRS: &str = "999988887777";
    let policy = |who: &str| {
        format!(
            r#"{{\"Statement\":[{{\"Effect\":\"Allow\",\"Principal\":{{\"AWS\":\"arn:aws:iam::{who}:root\"}}}}]}}"#
        )
    };
    let image =
        |copy: bool| format!(r#"{{"imageId":"wsi-1","sharedAccountId":"{THEIRS}","allowCopyImage":{copy}}}"#);
    let stream = |who: &str| format!(r#"{{"name":"desk","sharedAccountId":"{who}"}}"#);
    let table = |who: &str| format!(r#"{{"tableBucketARN":"t","resourcePolicy":"{}"}}"#, policy(who));
    let vault = |who: &str| format!(r#"{{"vaultName":"v","policy":{{"policy":"{}"}}}}"#, policy(who));
    let endpoint = |way: &str| {
        format!(r#"{{"endpointIdentifier":"e","endpointType":"{way}","s3Settings":{{"bucketName":"evil"}}}}"#)
    };
    let (mine, theirs) = ("111122223333", THEIRS);
    for (source, call, given, twin) in [
        ("workspaces", "UpdateWorkspaceImagePermission", image(true), image(false)),
        ("appstream", "UpdateImagePermissions", stream(theirs), stream(mine)),
        ("s3tables", "PutTableBucketPolicy", table(theirs), table(mine)),
        ("s3tables", "PutTablePolicy", table(theirs), table(mine)),
        ("glacier", "SetVaultAccessPolicy", vault(theirs), vault(mine)),
        ("dms", "CreateEndpoint", endpoint("target"), endpoint("source")),
        ("dms", "ModifyEndpoint", endpoint("TARGET"), endpoint("source")),
    ] {
        let told = log(&trail(60, source, call, &given, ""), &own());
        if source == "dms" {
            // Whose the bucket is, such a record does not say.
            assert_eq!(told.low().tenant, None, "{call}");
        } else {
            assert_eq!(told.alert().tenant.as_deref(), Some(THEIRS), "{call}");
        }
        log(&trail(60, source, call, &twin, ""), &own()).none();
    }
}
