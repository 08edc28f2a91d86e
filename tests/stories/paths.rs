//! Paths are the file they show.

use super::world::*;

fn reads(path: &str) -> Told {
    let mut w = World::new();
    let p = w.launch(0.0, adhoc("/private/tmp/x", "x"), &["x"]);
    w.open(1.0, &p, path);
    w.upload(2.0, &p, "content.dropboxapi.com", 30_000);
    w.tell()
}

#[test]
fn p01_case_does_not_hide_a_key() {
    reads("/Users/alice/.SSH/ID_RSA").alert();
}

#[test]
fn p02_on_a_case_sensitive_volume_it_is_another_file() {
    let mut w = World::new();
    w.policy = format!("{CORP}\n[paths]\ncase_sensitive = [\"/Users\"]\n");
    let p = w.launch(0.0, adhoc("/private/tmp/x", "x"), &["x"]);
    w.open(1.0, &p, "/Users/alice/.ssh/ID_RSA");
    w.upload(2.0, &p, "content.dropboxapi.com", 30_000);
    w.tell().none();
}

/// Written under one name of the folder, read under the other.
#[test]
fn p04_private_and_public_names_of_one_folder() {
    for (written, read) in
        [("/private/tmp/s.zip", "/tmp/s.zip"), ("/var/folders/zz/T/s.zip", "/private/var/folders/zz/T/s.zip")]
    {
        let mut w = World::new();
        let a = w.launch(0.0, adhoc("/private/tmp/a", "a"), &["a"]);
        w.open(1.0, &a, "/Users/alice/.ssh/id_rsa");
        w.write(1.5, &a, written);
        let b = w.launch(10.0, adhoc("/private/tmp/b", "b"), &["b"]);
        w.open(11.0, &b, read);
        w.upload(12.0, &b, "content.dropboxapi.com", 30_000);
        w.tell().alert();
    }
}

#[test]
fn p10_named_fork_lowers_confidence() {
    let told = reads("/Users/alice/.ssh/id_rsa/..namedfork/rsrc");
    assert!(told.low().reasons.iter().any(|reason| reason.code.as_str() == "named-fork"));
}

#[test]
fn firmlinks_and_data_volume() {
    reads("/System/Volumes/Data/Users/alice/.ssh/id_rsa").alert();
}

/// Hostile names are written so that every output stays one record a line.
#[test]
fn p12_hostile_names_are_escaped() {
    let told = reads("/Users/alice/Documents/corp/a\"b\\c\nd\u{202e}]|=.docx");
    let alert = told.alert();
    assert!(alert.reads[0].path.to_string().contains('\n'));
    for record in &told.records {
        let line = cloudward::sink::format::ecs(record);
        assert_eq!(line.matches('\n').count(), 1);
        serde_json::from_str::<serde_json::Value>(&line).unwrap();
        let text = cloudward::sink::format::text(record);
        assert!(!text.contains('\u{202e}') && !text.contains("c\nd"));
    }
}

/// A path so long that only its beginning is known.
#[test]
fn p11_path_cut_by_the_system() {
    let mut w = World::new();
    let p = w.launch(0.0, adhoc("/private/tmp/x", "x"), &["x"]);
    w.open_cut(1.0, &p, &format!("/Users/alice/Documents/corp/{}", "d/".repeat(500)));
    w.upload(2.0, &p, "content.dropboxapi.com", 30_000);
    let told = w.tell();
    assert!(told.low().reasons.iter().any(|reason| reason.code.as_str() == "path-truncated"));
    assert!(!told.coverage().is_empty());
}
