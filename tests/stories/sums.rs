//! What is summed, over whom, and for how long.

use cloudward::model::CoverageKind;

use super::world::*;

const X: Program = adhoc("/private/tmp/x", "x");
const PLAN: &str = "/Users/alice/Documents/corp/plan.docx";
const KEY: &str = "/Users/alice/.ssh/id_rsa";
const DROPBOX: &str = "content.dropboxapi.com";

fn told(world: &World, policy: &str) -> Told {
    let (events, capture) = world.recordings();
    play(policy, vec![events], vec![capture], &[])
}

/// What the same process sends to the same place hours later is no more of the upload that was told.
#[test]
fn bytes_long_after_the_window_renew_no_alert() {
    let mut w = World::new();
    let p = w.launch(0.0, X, &["x"]);
    w.open(1.0, &p, PLAN);
    w.upload(2.0, &p, DROPBOX, 300_000);
    w.upload(960.0, &p, DROPBOX, 50_000);
    w.upload(7_200.0, &p, DROPBOX, 50);
    w.upload(14_400.0, &p, DROPBOX, 500_000);
    let told = w.tell();
    let alert = told.alert();
    assert_eq!(
        (alert.revision, told.alerts().len()),
        (2, 2),
        "as soon as it is clear, and when all is counted"
    );
    assert!((300_000..320_000).contains(&alert.bytes_out), "{}", alert.bytes_out);
}

/// A second theft of the same process is told with its own bytes and its own flows.
#[test]
fn what_was_told_before_counts_no_second_time() {
    let mut w = World::new();
    let p = w.launch(0.0, X, &["x"]);
    w.open(1.0, &p, PLAN);
    w.upload(2.0, &p, DROPBOX, 50_000);
    w.open(9_000.0, &p, KEY);
    w.upload(9_001.0, &p, DROPBOX, 5_000);
    let told = w.tell();
    let alerts = told.alerts();
    assert_eq!(alerts.len(), 2, "{alerts:#?}");
    assert!((5_000..7_000).contains(&alerts[1].bytes_out), "{}", alerts[1].bytes_out);
    assert_eq!((alerts[1].reads.len(), alerts[1].flows.len()), (1, 1));
}

/// Small change to many places hides nothing that goes to the next, now or a day later.
#[test]
fn many_places_blind_nobody() {
    for (read_again, at) in [(false, 60.0), (true, 86_400.0)] {
        let mut w = World::new();
        let p = w.launch(0.0, X, &["x"]);
        w.open(1.0, &p, KEY);
        for n in 0..40 {
            w.upload(2.0 + f64::from(n) * 0.5, &p, &format!("bucket-{n}.s3.amazonaws.com"), 20);
        }
        if read_again {
            w.open(at, &p, KEY);
        }
        w.upload(at + 1.0, &p, DROPBOX, 300_000);
        let told = w.tell();
        assert_eq!(told.alert().service.as_deref(), Some("dropbox"));
        assert!(told.coverage().iter().any(|blind| blind.kind == CoverageKind::TableFull));
    }
}

/// What an entry lets through counts for nobody, whoever sends first.
#[test]
fn allowed_bytes_help_nobody_over_the_floor() {
    const TEAM: Program = vendor("/opt/corp/up", "com.corp.up", "ABCDE12345");
    const POLICY: &str = "
        [[allow]]
        name = \"up\"
        process = { team_id = \"ABCDE12345\", signing_id = \"com.corp.up\" }
        sensitive = \"*\"
        services = \"*\"
        tenants = \"*\"
        users = \"*\"
        reason = \"test\"
    ";
    for (first, second, own) in [(2.0, 5.0, 10), (5.0, 2.0, 10), (2.0, 5.0, 10_000)] {
        let mut w = World::new();
        let p = w.launch(0.0, X, &["x"]);
        w.open(1.0, &p, KEY);
        let child = w.spawn(1.5, &p, TEAM, &["up"]);
        w.upload(first, &child, DROPBOX, 90_000);
        w.upload(second, &p, DROPBOX, own);
        let told = told(&w, POLICY);
        if own < 100 {
            told.none();
        } else {
            assert!((10_000..12_000).contains(&told.alert().bytes_out), "{}", told.alert().bytes_out);
        }
    }
}

/// A file of two sets is told as of those whose own floor was reached.
#[test]
fn each_set_has_its_own_floor() {
    const POLICY: &str = "
        [[sensitive]]
        name = \"corp\"
        severity = \"critical\"
        min_bytes = \"1MiB\"
        paths = [\"~/Documents/corp/**\"]
    ";
    let sets = |bytes| {
        let mut w = World::new();
        let p = w.launch(0.0, X, &["x"]);
        w.open(1.0, &p, PLAN);
        w.upload(2.0, &p, DROPBOX, bytes);
        let told = told(&w, POLICY);
        let alert = told.alert();
        let mut sets: Vec<String> =
            alert.reads.iter().flat_map(|read| &read.sets).map(ToString::to_string).collect();
        sets.sort();
        sets
    };
    assert_eq!(sets(50_000), ["documents"]);
    assert_eq!(sets(2_000_000), ["corp", "documents"]);
}

/// Many children that each send a little are summed; more than can be summed are said.
#[test]
fn many_children_are_summed_or_said() {
    const POLICY: &str = "
        [[sensitive]]
        name = \"data\"
        min_bytes = \"1MiB\"
        paths = [\"/data/**\"]
    ";
    for children in [60, 200] {
        let mut w = World::new();
        let p = w.launch(0.0, X, &["x"]);
        w.open(1.0, &p, "/data/a");
        for n in 0..children {
            let at = 2.0 + f64::from(n);
            let child = w.fork(at, &p);
            w.upload(at + 0.1, &child, DROPBOX, 32_000);
            w.exit(at + 0.5, &child);
        }
        let told = told(&w, POLICY);
        told.alert();
        let full = told.coverage().iter().any(|blind| blind.kind == CoverageKind::TableFull);
        assert_eq!(full, children > 64);
    }
}

/// To open a folder is to list it.
#[test]
fn a_folder_that_is_opened_is_not_read() {
    for (mode, read) in [("16877", false), ("33188", true)] {
        let mut w = World::new();
        let p = w.launch(0.0, X, &["x"]);
        let stat = format!("{{\"st_dev\":1,\"st_ino\":77,\"st_mode\":{mode},\"st_nlink\":2,\"st_size\":64}}");
        let file = format!("{{\"path\":\"{}\",\"path_truncated\":false,\"stat\":{stat}}}", KEY);
        w.event(1.0, &p, 10, &format!("\"open\":{{\"fflag\":1,\"file\":{file}}}"));
        w.upload(2.0, &p, DROPBOX, 300_000);
        if read { _ = w.tell().alert() } else { w.tell().none() }
    }
}

/// Each upload to a place without a name counts, once a minute at most.
#[test]
fn nameless_uploads_are_counted() {
    let mut w = World::new();
    let p = w.launch(0.0, X, &["x"]);
    w.open(1.0, &p, KEY);
    for n in 0..10 {
        let at = 2.0 + f64::from(n) * 20.0;
        let mut conn = w.connect(at, &p, &format!("nameless-{n}.example"), false);
        let end = w.send(at + 0.1, &mut conn, 9_000);
        w.close(end + 0.1, &mut conn);
    }
    let told = w.tell();
    let hidden: Vec<_> =
        told.note().into_iter().filter(|blind| blind.kind == CoverageKind::NameHidden).collect();
    assert_eq!(hidden.iter().map(|blind| blind.count).sum::<u64>(), 10, "{hidden:#?}");
    assert!(hidden.len() <= 5, "{hidden:#?}");
}

/// A theft that joins an earlier one in its alert adds its bytes to the total.
#[test]
fn what_joins_an_alert_later_adds_to_its_bytes() {
    let mut w = World::new();
    let p = w.launch(0.0, X, &["x"]);
    w.open(1.0, &p, PLAN);
    w.upload(2.0, &p, DROPBOX, 50_000);
    w.open(1_500.0, &p, PLAN);
    w.upload(1_501.0, &p, DROPBOX, 20_000);
    let policy = format!("{CORP}\n[alert]\ngroup = \"2h\"\n");
    let told = told(&w, &policy);
    let alert = told.alert();
    assert_eq!(alert.count, 2);
    assert!((70_000..74_000).contains(&alert.bytes_out), "{}", alert.bytes_out);
}
