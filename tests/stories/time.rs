//! Order and time.

use cloudward::model::{CoverageKind, Span};

use super::world::*;

const X: Program = adhoc("/private/tmp/x", "x");
const PLAN: &str = "/Users/alice/Documents/corp/plan.docx";
const DROPBOX: &str = "content.dropboxapi.com";

/// All bytes went before the read.
#[test]
fn s01_upload_before_the_read() {
    let mut w = World::new();
    let p = w.launch(0.0, X, &["x"]);
    w.upload(1.0, &p, DROPBOX, 300_000);
    w.open(3.0, &p, PLAN);
    w.tell().none();
}

/// The connection is older than the read, its bytes are not: only those after the read count.
#[test]
fn s02_connection_opened_before_the_read() {
    let mut w = World::new();
    let p = w.launch(0.0, X, &["x"]);
    let mut conn = w.connect(1.0, &p, DROPBOX, true);
    w.send(1.1, &mut conn, 2_000_000);
    w.open(3.0, &p, PLAN);
    let end = w.send(4.0, &mut conn, 100_000);
    w.close(end + 0.1, &mut conn);
    let told = w.tell();
    let out = told.alert().bytes_out;
    assert!((100_000..120_000).contains(&out), "{out}");
}

/// The window closes one second too early.
#[test]
fn s04_after_the_window() {
    let mut w = World::new();
    let p = w.launch(0.0, X, &["x"]);
    w.open(10.0, &p, PLAN);
    w.upload(10.0 + 900.0 + 1.0, &p, DROPBOX, 300_000);
    w.tell().none();
}

/// The twin of S04: the last moment of the window belongs to it.
#[test]
fn s04_twin_the_window_is_inclusive() {
    let mut w = World::new();
    let p = w.launch(0.0, X, &["x"]);
    w.open(10.0, &p, PLAN);
    w.upload(10.0 + 900.0 - 0.06, &p, DROPBOX, 300_000);
    w.tell().alert();
}

/// Begins inside the window, ends outside it.
#[test]
fn s05_upload_across_the_end_of_the_window() {
    let mut w = World::new();
    let p = w.launch(0.0, X, &["x"]);
    w.open(10.0, &p, PLAN);
    let mut conn = w.connect(908.0, &p, DROPBOX, true);
    let mut at = 909.0;
    for _ in 0..20 {
        w.send(at, &mut conn, 1_000);
        at += 0.5;
    }
    w.close(at, &mut conn);
    w.tell().alert();
}

/// Lines arrive up to two seconds late and out of order: the same records, byte for byte.
#[test]
fn s07_order_of_arrival_does_not_matter() {
    let mut w = World::new();
    let shell = w.launch(0.0, apple("/bin/zsh", "com.apple.zsh"), &["-zsh"]);
    for round in 0..20 {
        let at = 1.0 + f64::from(round) * 0.7;
        let p = w.spawn(at, &shell, X, &["x"]);
        w.open(at + 0.1, &p, PLAN);
        w.open(at + 0.2, &p, "/Users/alice/.ssh/id_rsa");
        w.upload(at + 0.3, &p, DROPBOX, 30_000);
        w.exit(at + 0.6, &p);
    }
    let (events, capture) = w.recordings();
    let straight = play(CORP, vec![events], vec![capture.clone()], &[]);
    straight.alert();
    for seed in 1..=5u64 {
        let mut state = seed;
        let mut random = move || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) as f64 / f64::from(1u32 << 31)
        };
        let delays: Vec<f64> = std::iter::repeat_with(&mut random).take(4_000).map(|r| r * 2.0).collect();
        let shuffled = w.shuffled_lines(|lines| {
            let mut late: Vec<(f64, (f64, String))> =
                lines.drain(..).zip(&delays).map(|(line, delay)| (line.0 + delay, line)).collect();
            late.sort_by(|a, b| a.0.total_cmp(&b.0));
            lines.extend(late.into_iter().map(|(_, line)| line));
        });
        let told = play(CORP, vec![shuffled], vec![capture.clone()], &[]);
        assert_eq!(told.records, straight.records, "seed {seed}");
    }
}

/// Which file is named first does not matter, nor how the lines are spread over files.
#[test]
fn s07_order_of_files_does_not_matter() {
    let mut w = World::new();
    let p = w.launch(0.0, X, &["x"]);
    w.open(1.0, &p, PLAN);
    w.upload(2.0, &p, DROPBOX, 30_000);
    let (events, capture) = w.recordings();
    let lines: Vec<&[u8]> = events.split_inclusive(|b| *b == b'\n').collect();
    let (a, b) = lines.split_at(lines.len() / 2);
    let whole = play(CORP, vec![events.clone()], vec![capture.clone()], &[]);
    let one = play(CORP, vec![a.concat(), b.concat()], vec![capture.clone()], &[]);
    let two = play(CORP, vec![b.concat(), a.concat()], vec![capture], &[]);
    assert_eq!(one.records, two.records);
    assert_eq!(whole.records, one.records);
}

/// The reader is gone when its child uploads.
#[test]
fn s15_reader_exits_before_the_child_uploads() {
    let mut w = World::new();
    let p = w.launch(0.0, X, &["x"]);
    w.open(1.0, &p, PLAN);
    let child = w.fork(2.0, &p);
    w.exit(3.0, &p);
    w.upload(300.0, &child, DROPBOX, 30_000);
    w.tell().alert();
}

/// Small tables let go of the oldest as well, and say so: folders that were moved, apps that scripts told, local connections.
#[test]
fn s20_twin_small_tables() {
    let full = |w: &World, what: &str| {
        let told = w.tell();
        told.coverage()
            .iter()
            .any(|record| record.kind == CoverageKind::TableFull && record.text.contains(what))
    };
    for (rounds, connections, is_full) in [(16, 1_000, false), (70, 1_100, true)] {
        let mut w = World::new();
        let p = w.launch(0.0, X, &["x"]);
        for n in 0..connections {
            w.connect_to_unknown(1.0 + f64::from(n) * 0.01, &p, 8_080);
        }
        for n in 0..rounds {
            let at = 1.0 + f64::from(n) * 0.01;
            w.rename_folder(at, &p, &format!("/Users/alice/Documents/d{n}"), &format!("/private/tmp/d{n}"));
            let tell = format!("tell application \"Mail{n}\" to activate");
            w.launch(at, apple("/usr/bin/osascript", "com.apple.osascript"), &["osascript", "-e", &tell]);
        }
        assert_eq!(full(&w, "moved folders"), is_full, "{rounds}");
        assert_eq!(full(&w, "apps that scripts"), is_full, "{rounds}");
        assert_eq!(full(&w, "connections between local"), is_full, "{rounds}");
    }
}

/// A minute lies between the dates of two revisions, whatever came in between; only the end tells early.
#[test]
fn revisions_are_a_minute_apart_by_their_dates() {
    let mut w = World::new();
    let p = w.launch(0.0, X, &["x"]);
    w.open(1.0, &p, PLAN);
    for round in 0..40 {
        w.upload(2.0 + f64::from(round) * 5.0, &p, DROPBOX, 30_000);
    }
    let told = w.tell();
    let times: Vec<_> = told.alerts().iter().map(|alert| alert.time).collect();
    let gaps: Vec<_> = times.windows(2).map(|pair| pair[1].since(pair[0])).collect();
    let (_, before) = gaps.split_last().expect("several revisions");
    assert_eq!(gaps.len(), 4);
    assert!(before.iter().all(|gap| *gap >= Span::from_secs(60)), "{times:?}");
    assert_eq!(told.alert().window.1, *times.last().expect("the last is dated by its last step"));
}

/// Ten runs in a minute are one alert that counts ten.
#[test]
fn s18_ten_runs_are_one_alert() {
    let mut w = World::new();
    let shell = w.launch(0.0, apple("/bin/zsh", "com.apple.zsh"), &["-zsh"]);
    for round in 0..10 {
        let at = 1.0 + f64::from(round) * 5.0;
        let p = w.spawn(at, &shell, X, &["x"]);
        w.open(at + 0.1, &p, PLAN);
        w.upload(at + 0.3, &p, DROPBOX, 30_000);
        w.exit(at + 1.0, &p);
    }
    let told = w.tell();
    let alert = told.alert();
    assert_eq!((alert.count, alert.revision), (10, 2));
    assert!(alert.bytes_out >= 300_000);
}

/// The same, when every completed chain is to be its own alert.
#[test]
fn s18_without_grouping() {
    let mut w = World::new();
    w.policy = format!("{CORP}\n[alert]\ngroup = \"0s\"\n");
    let shell = w.launch(0.0, apple("/bin/zsh", "com.apple.zsh"), &["-zsh"]);
    for round in 0..3 {
        let at = 1.0 + f64::from(round) * 5.0;
        let p = w.spawn(at, &shell, X, &["x"]);
        w.open(at + 0.1, &p, PLAN);
        w.upload(at + 0.3, &p, DROPBOX, 30_000);
    }
    let told = w.tell();
    let mut ids: Vec<_> = told.alerts().iter().map(|alert| alert.id).collect();
    ids.dedup();
    assert_eq!(ids.len(), 3);
}

/// A listing is not a read.
#[test]
fn s26_listing_a_folder() {
    let mut w = World::new();
    let p = w.launch(0.0, X, &["x"]);
    w.open_flags(1.0, &p, "/Users/alice/.ssh", 0x110_0001);
    w.open_flags(1.1, &p, "/Users/alice/.ssh/id_rsa", 0x8001);
    w.open_flags(1.2, &p, "/Users/alice/.ssh/id_rsa", 2);
    w.upload(2.0, &p, DROPBOX, 30_000);
    w.tell().none();
}

/// A reused pid is another process.
#[test]
fn reused_pid_joins_nothing() {
    let mut w = World::new();
    let shell = w.launch(0.0, apple("/bin/zsh", "com.apple.zsh"), &["-zsh"]);
    let p = w.spawn(1.0, &shell, X, &["x"]);
    w.open(1.5, &p, PLAN);
    w.exit(2.0, &p);
    let again = w.spawn_pid(3.0, &shell, p.pid, X, &["x"]);
    w.upload(4.0, &again, DROPBOX, 30_000);
    w.tell().none();
}

/// The kernel dropped events between the read and the upload: said on the alert.
#[test]
fn s22_loss_between_read_and_upload() {
    let mut w = World::new();
    let shell = w.launch(0.0, apple("/bin/zsh", "com.apple.zsh"), &["-zsh"]);
    for round in 0..40 {
        w.open(0.5 + f64::from(round) * 0.01, &shell, "/usr/lib/libz.dylib");
    }
    let p = w.spawn(1.0, &shell, X, &["x"]);
    w.open(2.0, &p, PLAN);
    w.lose(3);
    for round in 0..40 {
        w.open(3.0 + f64::from(round) * 0.01, &shell, "/usr/lib/libz.dylib");
    }
    w.upload(5.0, &p, DROPBOX, 30_000);
    w.open(60.0, &shell, "/usr/lib/libz.dylib");
    let told = w.tell();
    told.alert();
    assert!(
        told.coverage().iter().any(|record| record.kind.as_str() == "event-loss"),
        "{:?}",
        told.coverage()
    );
}

/// The open was refused: nothing was read.
#[test]
fn s24_refused_open() {
    let mut w = World::new();
    let p = w.launch(0.0, X, &["x"]);
    w.open_refused(1.0, &p, PLAN);
    w.upload(2.0, &p, DROPBOX, 30_000);
    w.tell().none();
}

/// A million files opened by an indexer do not push out what another process carries.
#[test]
fn s19_flood_does_not_evict() {
    let mut w = World::new();
    let p = w.launch(0.0, X, &["x"]);
    w.open(1.0, &p, PLAN);
    let mdworker = apple(
        "/System/Library/Frameworks/CoreServices.framework/mdworker_shared",
        "com.apple.mdworker_shared",
    );
    let flood = w.launch(1.5, mdworker, &["mdworker_shared"]);
    for round in 0..20_000 {
        w.open(2.0 + f64::from(round) * 0.001, &flood, &format!("/Users/alice/Documents/corp/{round}.docx"));
    }
    w.upload(30.0, &p, DROPBOX, 30_000);
    w.tell().alert();
}

fn read_then_upload() -> World {
    let mut w = World::new();
    let p = w.launch(0.0, X, &["x"]);
    w.open(1.0, &p, PLAN);
    w.upload(60.0, &p, DROPBOX, 30_000);
    w
}

/// The configuration changes between the read and the upload: what was read is remembered, by the name of its set.
#[test]
fn s13_reload_between_read_and_upload() {
    let w = read_then_upload();
    let reordered =
        format!("{CORP}\n[[sensitive]]\nname = \"aaa-first\"\nseverity = \"low\"\npaths = [\"~/none/**\"]\n");
    let told = tell_with_reload(&w, 30.0, &reordered);
    assert_eq!(told.alert().reads[0].sets[0].as_ref(), "corp-docs");
    assert_ne!(told.alert().config_hash, w.tell().alert().config_hash);
}

/// What the new configuration no longer knows as sensitive, or now allows, is no alert.
#[test]
fn s14_reload_takes_the_ground_away() {
    const PLAIN: &str = "[builtin]\ndisable = [\"documents\"]\n";
    let set = "[[sensitive]]\nname = \"plans\"\nseverity = \"high\"\npaths = [\"~/Documents/corp/**\"]\n";
    let allow = "[[allow]]\nname = \"x\"\nprocess = { path = \"/private/tmp/x\", unsigned = true }\nsensitive = [\"plans\"]\nservices = \"*\"\ntenants = \"*\"\nusers = \"*\"\nreason = \"now allowed\"\n";
    let mut w = read_then_upload();
    w.policy = format!("{PLAIN}{set}");
    w.tell().alert();
    tell_with_reload(&w, 30.0, PLAIN).none();
    tell_with_reload(&w, 30.0, &format!("{PLAIN}{set}{allow}")).none();
    // Too late: the upload was over.
    tell_with_reload(&w, 90.0, PLAIN).alert();
}

/// The clock is set back by an hour between the read and the upload: what passed is what counts.
#[test]
fn s09_clock_set_back_between_read_and_upload() {
    let mut w = World::new();
    w.set_back = Some((30.0, 3600.0));
    let p = w.launch(0.0, X, &["x"]);
    w.open(10.0, &p, PLAN);
    w.open(40.0, &p, "/private/tmp/nothing");
    w.upload(60.0, &p, DROPBOX, 30_000);
    let told = w.tell_as_recorded();
    told.alert();
    assert!(told.coverage().iter().any(|record| record.kind.as_str() == "clock-step"));
}

/// Quiet captures: a packet or none before the clock was set back, and long after that packet. By how much it was set back,
/// events tell.
#[test]
fn s09_twin_a_capture_that_hardly_shows_it() {
    for early in [None, Some(2.0)] {
        let mut w = World::new();
        w.set_back = Some((30.0, 3600.0));
        let p = w.launch(0.0, X, &["x"]);
        if let Some(early) = early {
            w.upload(early, &p, "example.org", 300);
        }
        w.open(20.0, &p, PLAN);
        w.open(40.0, &p, "/private/tmp/nothing");
        w.upload(60.0, &p, DROPBOX, 30_000);
        w.tell_as_recorded().alert();
    }
}

/// Its twin: an upload an hour before the read stays one, where the clock was set back only later.
#[test]
fn s09_twin_a_capture_that_began_an_hour_before() {
    let mut w = World::new();
    let p = w.launch(3_700.0, X, &["x"]);
    w.upload(60.0, &p, DROPBOX, 30_000);
    w.open(3_710.0, &p, PLAN);
    w.set_back = Some((3_720.0, 3_600.0));
    w.open(3_730.0, &p, "/private/tmp/nothing");
    w.tell_as_recorded().none();
}

/// Its twin: by what passed, the window is over, whatever the clock says.
#[test]
fn s09_twin_the_window_is_over() {
    let mut w = World::new();
    w.set_back = Some((30.0, 3600.0));
    let p = w.launch(0.0, X, &["x"]);
    w.open(10.0, &p, PLAN);
    w.open(40.0, &p, "/private/tmp/nothing");
    w.open(940.0, &p, "/private/tmp/nothing");
    w.upload(960.0, &p, DROPBOX, 30_000);
    w.tell_as_recorded().none();
}

/// The Mac slept for eight hours: the window ran on, what was staged is still suspect.
#[test]
fn s10_sleep_between_read_and_upload() {
    let night = 8.0 * 3600.0;
    let mut w = World::new();
    let p = w.launch(0.0, X, &["x"]);
    w.open(1.0, &p, PLAN);
    w.upload(1.0 + night, &p, DROPBOX, 30_000);
    w.tell().none();
    let mut w = World::new();
    let p = w.launch(0.0, X, &["x"]);
    w.open(1.0, &p, PLAN);
    w.write(2.0, &p, "/private/tmp/s.zip");
    w.open(1.0 + night, &p, "/private/tmp/s.zip");
    w.upload(2.0 + night, &p, DROPBOX, 30_000);
    w.tell().alert();
}

/// A life remembers so many reads: the gravest stay, the rest are counted and told of.
#[test]
fn s20_full_tables() {
    let mut w = World::new();
    let p = w.launch(0.0, X, &["x"]);
    w.open(1.0, &p, "/Users/alice/Library/Keychains/login.keychain-db");
    for n in 0..500 {
        w.open(2.0 + f64::from(n) * 0.001, &p, &format!("/Users/alice/Documents/{n}.txt"));
    }
    w.upload(10.0, &p, DROPBOX, 30_000);
    let told = w.tell();
    assert_eq!(told.alert().reads[0].sets[0].as_ref(), "keychains");
    assert!(told.alert().reads_omitted > 300, "{}", told.alert().reads_omitted);
    assert!(told.coverage().iter().any(|record| record.kind.as_str() == "table-full"));
}

/// The kernel lost the events in which the read was: only the upload is seen, and the loss.
#[test]
fn s23_loss_hides_the_read() {
    let mut w = World::new();
    let shell = w.launch(0.0, apple("/bin/zsh", "com.apple.zsh"), &["-zsh"]);
    for round in 0..40 {
        w.open(0.5 + f64::from(round) * 0.01, &shell, "/usr/lib/libz.dylib");
    }
    let p = w.spawn(1.0, &shell, X, &["x"]);
    w.lose(3);
    for round in 0..40 {
        w.open(3.0 + f64::from(round) * 0.01, &shell, "/usr/lib/libz.dylib");
    }
    w.upload(5.0, &p, DROPBOX, 30_000);
    w.open(60.0, &shell, "/usr/lib/libz.dylib");
    assert!(w.tell().note().iter().any(|record| record.kind.as_str() == "event-loss"));
}

/// The kernel dropped an exec. Packets tell that another program runs: who sent is uncertain, that the read went out is not.
#[test]
fn an_exec_that_was_lost() {
    let mut w = World::new();
    let p = w.launch(0.0, X, &["x"]);
    w.open(1.0, &p, PLAN);
    w.upload(2.0, &p, "example.org", 1_000);
    w.lose(1);
    let mut other = p;
    other.program = adhoc("/private/tmp/y", "y");
    w.upload(3.0, &other, DROPBOX, 300_000);
    let told = w.tell();
    assert!(told.low().reasons.iter().any(|reason| reason.code.as_str() == "exec-not-seen"));
    assert!(told.coverage().iter().any(|told| told.kind == CoverageKind::ExecNotSeen));
}

/// The twin: the exec was seen.
#[test]
fn an_exec_that_was_seen() {
    let mut w = World::new();
    let p = w.launch(0.0, X, &["x"]);
    w.open(1.0, &p, PLAN);
    w.upload(2.0, &p, "example.org", 1_000);
    let other = w.exec(2.8, &p, adhoc("/private/tmp/y", "y"), &["y"]);
    w.upload(3.0, &other, DROPBOX, 300_000);
    let told = w.tell();
    assert_eq!(told.alert().reasons.iter().find(|reason| reason.code.as_str() == "exec-not-seen"), None);
    assert!(told.coverage().iter().all(|told| told.kind != CoverageKind::ExecNotSeen));
}

/// The process ended, and three seconds later its pid opens a connection: whoever has it now, it is another.
#[test]
fn a_connection_opened_after_the_end() {
    let mut w = World::new();
    let p = w.launch(0.0, X, &["x"]);
    w.open(1.0, &p, PLAN);
    w.exit(2.0, &p);
    w.upload(5.0, &p, DROPBOX, 300_000);
    w.tell().none();
}

/// The twin: opened while it lived, the last bytes come after its end.
#[test]
fn a_connection_that_outlives_its_process() {
    let mut w = World::new();
    let p = w.launch(0.0, X, &["x"]);
    w.open(1.0, &p, PLAN);
    let mut conn = w.connect(1.9, &p, DROPBOX, true);
    w.exit(2.0, &p);
    let end = w.send(2.01, &mut conn, 300_000);
    w.close(end + 0.1, &mut conn);
    w.tell().alert();
}

/// What comes too late to be put in order is said, with the moment it is about.
#[test]
fn a_read_that_comes_too_late_is_said() {
    let mut w = World::new();
    let p = w.launch(0.0, X, &["x"]);
    w.open(1.0, &p, PLAN);
    for n in 0..30 {
        w.open(2.0 + f64::from(n), &p, "/Users/alice/Pictures/a.jpg");
    }
    w.upload(20.0, &p, DROPBOX, 30_000);
    let events = w.shuffled_lines(|lines| {
        let late = lines.iter().position(|(_, line)| line.contains("plan.docx")).unwrap();
        let line = lines.remove(late);
        lines.insert(lines.len() - 2, line);
    });
    let (_, capture) = w.recordings();
    let told = play(CORP, vec![events], vec![capture], &[]);
    let late = told.coverage().into_iter().find(|blind| blind.kind == CoverageKind::LateEvent);
    assert_eq!(late.map(|late| (late.count, late.start)), Some((1, moment(1.0))));
}
