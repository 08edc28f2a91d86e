//! A secret in any text of a record is in no output.

use cloudward::model::Record;
use cloudward::sink::format;

use super::records::{self, MACHINES};

/// Secrets as they stand in texts, each with the part that must not be seen. `¦` parts what scanners would report.
const SECRETS: [(&str, &str); 12] = [
    ("AKIA¦IOSFODNN7EXAMPLE", "IOSFODNN7"),
    ("https://bob:hunter2@x.test/", "hunter2"),
    ("https://e.blob.core.windows.net/c?sv=1&sig=s3cr3tsig", "s3cr3tsig"),
    ("ghp_¦abcdefghijklmnopqrstuvwx1234", "abcdefghijkl"),
    ("xoxb-¦123456789012-abcdefghijklmnop", "abcdefghijkl"),
    ("https://discord.com/api/webhooks/123/s3cr3thook", "s3cr3thook"),
    ("Authorization: Bearer s3cr3tBearer1", "s3cr3tBearer1"),
    ("AccountName=e;AccountKey=s3cr3tkey==;EndpointSuffix=x", "s3cr3tkey"),
    ("AWS_SECRET_ACCESS_KEY=s3cr3taws", "s3cr3taws"),
    ("eyJ¦hbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.dozjgNryP4J3jVmN", "hbGciOiJ"),
    ("{\"password\": \"s3cr3tjson\"}", "s3cr3tjson"),
    ("-----BEGIN RSA PRIVATE KEY-----\nMIIs3cr3t\n-----END RSA PRIVATE KEY-----", "MIIs3cr3t"),
];

#[test]
fn no_output_tells_a_secret_wherever_it_stands() {
    for (secret, hidden) in SECRETS {
        let secret = secret.replace('¦', "");
        for mut record in records::all(secret.as_bytes()) {
            if let Record::Alert(alert) = &mut record {
                // Names that an administrator or the directory gives are not secrets.
                alert.user_name = None;
                alert.service = None;
                alert.tenant = None;
                alert.rules.truncate(1);
                alert.rules.iter_mut().for_each(|rule| rule.name = "rule".into());
                alert.reads.iter_mut().for_each(|read| read.sets = vec!["documents".into()]);
            }
            let people: records::Writer = format::text;
            for (name, write) in MACHINES.into_iter().chain([("text", people)]) {
                let line = write(&record);
                assert!(!line.contains(hidden), "{name} tells {hidden}: {line}");
            }
        }
    }
}
