//! The recording that ships, in every format, held word for word in `tests/formats/*.golden`.
//!
//! `CLOUDWARD_BLESS=1 cargo test formats` writes them anew; read the difference before you commit it. The hash of the
//! configuration stands as `CONFIG-HASH` and the version as `VERSION`: they change for reasons that are not the formats'.

use std::fs;
use std::path::Path;

use cloudward::model::{Alert, Record};
use cloudward::sink::format::{self, Format};

use super::records::{self, MACHINES};
use crate::stories::world::play;

fn told() -> Vec<Record> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recordings/demo");
    let policy = fs::read_to_string(dir.join("policy.toml")).unwrap();
    let events = fs::read(dir.join("events.ndjson.gz")).unwrap();
    let capture = fs::read(dir.join("capture.pcap.gz")).unwrap();
    play(&policy, vec![events], vec![capture], &[]).records
}

fn neutral(text: &str, hash: &str) -> String {
    text.replace(hash, "CONFIG-HASH").replace(env!("CARGO_PKG_VERSION"), "VERSION")
}

#[test]
fn the_shipped_recording_in_every_format() {
    let told = told();
    let hash = told.iter().find_map(|record| match record {
        Record::Alert(alert) => Some(alert.config_hash.to_string()),
        Record::Coverage(_) | Record::Heartbeat(_) => None,
    });
    let hash = hash.expect("an alert");
    let bless = std::env::var_os("CLOUDWARD_BLESS").is_some();
    let text: fn(&Record) -> String = format::text;
    for (name, write) in MACHINES.into_iter().chain([("text", text)]) {
        let written: String = told.iter().map(write).collect();
        let written = neutral(&written, &hash);
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/formats/{name}.golden"));
        if bless {
            fs::write(&file, &written).unwrap();
        }
        let golden = fs::read_to_string(&file).unwrap_or_default();
        assert!(
            golden == written,
            "{name}.golden differs; CLOUDWARD_BLESS=1 writes it anew. Now:\n{written}"
        );
    }
}

#[test]
fn every_format_on_the_command_line_is_one_of_these() {
    let record = &told()[0];
    for format in Format::ALL {
        let (_, write) =
            MACHINES.into_iter().find(|(name, _)| *name == format.as_str()).unwrap_or(("text", format::text));
        assert_eq!(format.write(record), write(record));
    }
}

/// The line for lists says the same deed as the headline for people: not that nothing was sent.
#[test]
fn one_line_tells_the_deed() {
    let line = |alert: Alert| format::brief(&Record::Alert(Box::new(alert))).unwrap();
    let mut alert = records::alert(b"x", 0);
    assert!(line(alert.clone()).contains(": x sent 17.6 KiB to corp.s3.eu-west-1.amazonaws.com, user x ("));
    (alert.bytes_out, alert.service) = (0, Some("google-drive".into()));
    alert.flows.clear();
    assert!(line(alert).contains(": x put files up to google-drive, user x ("));
    let told = line(records::audited(b"x"));
    assert!(told.contains(": x@corp.example gave x, eve@evil.example access to x (x), user "), "{told}");
}
