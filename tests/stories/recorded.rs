//! The recordings that ship: real client bytes. `tests/recordings/README.md` says what in them is real.

use std::fs;
use std::path::Path;

use serde_json::Value;

use super::world::{Told, play};

fn tell(name: &str, with_policy: bool) -> (Told, Value) {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recordings").join(name);
    let expected: Value =
        serde_json::from_str(&fs::read_to_string(dir.join("expected.json")).unwrap()).unwrap();
    let policy = expected["policy"]
        .as_str()
        .filter(|_| with_policy)
        .map(|file| fs::read_to_string(dir.join(file)).unwrap());
    let capture = ["capture.pcap.gz", "capture.pcapng.gz"]
        .iter()
        .find_map(|file| fs::read(dir.join(file)).ok())
        .unwrap();
    let events = fs::read(dir.join("events.ndjson.gz")).unwrap();
    (play(&policy.unwrap_or_default(), vec![events], vec![capture], &[]), expected)
}

/// Every expected alert is there with its uploader, files, host and bytes, and no other is.
#[track_caller]
fn check(told: &Told, expected: &Value) {
    let expected = expected.as_array().unwrap();
    let mut ids: Vec<_> = told.alerts().iter().map(|alert| alert.id).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), expected.len(), "{:#?}", told.alerts());
    for one in expected {
        let uploader = one["uploader"].as_str().unwrap();
        let domain = one["domain"].as_str().unwrap();
        let alerts = told.alerts();
        let fits = |alert: &&&cloudward::model::Alert| {
            let named = alert
                .flows
                .iter()
                .any(|flow| flow.domain.as_ref().is_some_and(|name| name.as_str() == domain));
            alert.uploader.process().unwrap().info.program.path.to_string() == uploader && named
        };
        let alert = alerts
            .iter()
            .rev()
            .find(fits)
            .unwrap_or_else(|| panic!("no alert for {uploader} to {domain}: {alerts:#?}"));
        let paths: Vec<String> = alert.reads.iter().map(|read| read.path.to_string()).collect();
        for path in one["reads_include"].as_array().unwrap() {
            assert!(
                paths.iter().any(|read| read == path.as_str().unwrap()),
                "{path} is not among {paths:#?}"
            );
        }
        assert!(alert.bytes_out >= one["bytes_out_min"].as_u64().unwrap(), "{}", alert.bytes_out);
        assert!(alert.confidence > cloudward::model::Confidence::Low, "{:#?}", alert.reasons);
        if let Some(script) = one["script"].as_str() {
            let line =
                cloudward::sink::format::ecs(&cloudward::model::Record::Alert(Box::new((**alert).clone())));
            assert!(line.contains(script), "{script} is not named: {line}");
        }
    }
}

#[test]
fn demo_alerts_once_and_leaves_the_rest_alone() {
    let (told, expected) = tell("demo", true);
    check(&told, &expected["alerts"]);
}

#[test]
fn demo_without_its_policy() {
    let (told, expected) = tell("demo", false);
    check(&told, &expected["alerts_without_policy"]);
}

#[test]
fn every_client_is_caught() {
    for name in ["curl-dropbox", "rclone-s3", "awscli-s3", "requests-googleapis", "node-blob"] {
        let (told, expected) = tell(name, true);
        check(&told, &expected["alerts"]);
    }
}
