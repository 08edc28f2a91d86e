//! Command lines whose words hold blanks: what a database is asked, and what other programs run.

use super::world::*;

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
