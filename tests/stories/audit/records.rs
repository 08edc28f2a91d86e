//! Records as the logs of clouds write them.

/// Story time, to the second, as logs write it.
pub fn at(seconds: i64) -> String {
    format!("2026-01-01T{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

/// A call of account 111122223333 by the role session `alice`.
pub fn trail(seconds: i64, source: &str, call: &str, asked: &str, more: &str) -> String {
    format!(
        r#"{{"eventVersion":"1.09","userIdentity":{{"type":"AssumedRole","arn":"arn:aws:sts::111122223333:assumed-role/Admin/alice","accountId":"111122223333"}},"eventTime":"{}Z","eventSource":"{source}.amazonaws.com","eventName":"{call}","sourceIPAddress":"203.0.113.9","userAgent":"aws-cli/2.15","requestParameters":{asked},"eventID":"{call}-{seconds}","recipientAccountId":"111122223333"{more}}}"#,
        at(seconds)
    )
}

/// A record of Microsoft 365 about a file in alice's OneDrive; `more` are further fields, each with its comma.
pub fn office(seconds: i64, operation: &str, file: &str, more: &str) -> String {
    format!(
        r#"{{"CreationTime":"{}","Id":"{operation}-{seconds}","Operation":"{operation}","OrganizationId":"0ff1ce","RecordType":14,"UserType":0,"Workload":"OneDrive","ClientIP":"203.0.113.9","UserId":"alice@corp.com","ObjectId":"https://corp-my.sharepoint.com/personal/alice_corp_com/Documents/{file}","SourceFileName":"{file}"{more}}}"#,
        at(seconds)
    )
}

/// The fields that say who was let in.
pub fn guest(who: &str) -> String {
    format!(r##","TargetUserOrGroupType":"Guest","TargetUserOrGroupName":"{who}""##)
}

/// A record of Google's Drive log with these events, by alice.
pub fn drive(seconds: i64, events: &str) -> String {
    format!(
        r#"{{"kind":"admin#reports#activity","etag":"e","actor":{{"email":"alice@corp.com","profileId":"1"}},"events":[{events}],"id":{{"time":"{}.123Z","uniqueQualifier":"{seconds}","applicationName":"drive","customerId":"C01"}},"ipAddress":"203.0.113.9"}}"#,
        at(seconds)
    )
}

/// An event about one document, at 60 seconds.
fn doc(name: &str, parameters: &str) -> String {
    drive(
        60,
        &format!(
            r#"{{"type":"acl_change","name":"{name}","parameters":[{parameters},{{"name":"doc_title","value":"plan.docx"}},{{"name":"doc_id","value":"1A"}}]}}"#
        ),
    )
}

/// A snapshot's permissions are changed; at 60 seconds, like all that follow.
pub fn snapshot(grant: &str) -> String {
    trail(
        60,
        "ec2",
        "ModifySnapshotAttribute",
        &format!(r#"{{"snapshotId":"snap-0a1","createVolumePermission":{grant}}}"#),
        "",
    )
}

/// A bucket gets a policy for this principal.
pub fn bucket(principal: &str) -> String {
    trail(
        60,
        "s3",
        "PutBucketPolicy",
        &format!(
            r#"{{"bucketName":"corp-data","bucketPolicy":{{"Statement":[{{"Effect":"Allow","Principal":{principal},"Action":"s3:*"}}]}}}}"#
        ),
        "",
    )
}

/// An object is copied into a bucket of this owner.
pub fn copied(to: &str, owner: &str) -> String {
    trail(
        60,
        "s3",
        "CopyObject",
        &format!(r#"{{"bucketName":"{to}","key":"k","x-amz-copy-source":"corp-data/db.dump"}}"#),
        &format!(
            r#","resources":[{{"type":"AWS::S3::Object","ARN":"arn:aws:s3:::{to}/k"}},{{"accountId":"{owner}","type":"AWS::S3::Bucket","ARN":"arn:aws:s3:::{to}"}}]"#
        ),
    )
}

/// A bucket is replicated to an account.
pub fn replicated(to: &str) -> String {
    trail(
        60,
        "s3",
        "PutBucketReplication",
        &format!(
            r#"{{"bucketName":"corp-data","ReplicationConfiguration":{{"Rule":{{"Status":"Enabled","Destination":{{"Bucket":"arn:aws:s3:::x","Account":"{to}"}}}}}}}}"#
        ),
        "",
    )
}

/// An object is granted to its owner and one more.
pub fn acl(grant: &str) -> String {
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
}

/// Who may see a document, then and now.
pub fn visibility(value: &str, new: &str) -> String {
    doc(
        "change_document_visibility",
        &format!(
            r#"{{"name":"visibility","value":"{value}"}},{{"name":"visibility_change","value":"external"}},{{"name":"target_domain","value":"all"}},{{"name":"new_value","multiValue":["{new}"]}}"#
        ),
    )
}

/// A user's access to a document changes.
pub fn access(user: &str, change: &str) -> String {
    doc(
        "change_user_access",
        &format!(
            r#"{{"name":"visibility","value":"shared_externally"}},{{"name":"visibility_change","value":"{change}"}},{{"name":"target_user","value":"{user}"}},{{"name":"new_value","multiValue":["can_view"]}}"#
        ),
    )
}
