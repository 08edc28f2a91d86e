use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use proptest::prelude::*;

use crate::model::{Span, Timestamp};
use crate::sink::format::Level;

use super::*;

/// A folder that goes with its owner.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("cloudward-spool-{}-{number}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        Self(path)
    }

    fn options(&self) -> Options {
        Options { path: self.0.clone(), max_bytes: 64 << 20, max_age: Span::from_secs(86_400) }
    }

    fn open(&self, outputs: &[&str]) -> Opened {
        Writer::open(self.options(), outputs).unwrap()
    }

    fn segments(&self) -> Vec<PathBuf> {
        segment::Segment::list(&self.0).unwrap()
    }

    fn size(&self) -> u64 {
        self.segments().iter().map(|path| path.metadata().unwrap().len()).sum()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn at(seconds: u64) -> Timestamp {
    Timestamp::from_nanos(1_700_000_000_000_000_000).plus(Span::from_secs(seconds))
}

fn draft(id: &str, level: Level, text: &str) -> Draft {
    let head = Head {
        kind: Kind::Alert,
        level,
        id: id.to_owned(),
        revision: 1,
        rules: vec!["a.rule".to_owned()],
        time: at(0),
    };
    Draft { head, forms: vec![("ecs".to_owned(), text.to_owned())] }
}

fn drafts(ids: std::ops::Range<u32>) -> Vec<Draft> {
    // What a frame begins with, in a text, is no frame.
    ids.map(|id| draft(&id.to_string(), Level::High, "CWR1\u{1}\u{0}\u{0}\u{0} \"hostile\"")).collect()
}

fn ids(taken: &Taken) -> Vec<String> {
    taken.entries.iter().map(|entry| entry.head.id.clone()).collect()
}

fn all(shared: &Shared) -> Vec<String> {
    ids(&shared.take(0, usize::MAX, u64::MAX))
}

fn numbers(ids: std::ops::Range<u32>) -> Vec<String> {
    ids.map(|id| id.to_string()).collect()
}

#[test]
fn records_outlive_the_program_and_leave_when_everybody_has_them() {
    let folder = Folder::new();
    let mut first = folder.open(&["siem", "archive"]);
    first.writer.raise(drafts(0..10), at(0));
    assert_eq!(folder.segments().len(), 1);
    first.shared.ack("siem", 4);
    first.writer.tend(at(5));
    drop(first);
    let mut second = folder.open(&["siem", "archive"]);
    assert_eq!(ids(&second.shared.take(second.shared.cursor("siem"), 100, u64::MAX)), numbers(3..10));
    assert_eq!(ids(&second.shared.take(second.shared.cursor("archive"), 100, u64::MAX)), numbers(0..10));
    assert_eq!(second.shared.backlog("siem").records, 7);
    second.shared.ack("siem", 11);
    second.writer.tend(at(10));
    assert_eq!(all(&second.shared).len(), 10, "one output still needs them");
    assert!(!second.writer.rests());
    second.shared.ack("archive", 11);
    second.writer.tend(at(15));
    assert!(all(&second.shared).is_empty() && folder.segments().is_empty() && second.writer.rests());
    second.writer.raise(drafts(10..11), at(16));
    assert_eq!(second.shared.take(0, 1, 1).next, 12, "numbers go on");
}

#[test]
fn one_batch_is_one_write() {
    let folder = Folder::new();
    let mut spool = folder.open(&["a"]);
    spool.writer.raise(drafts(0..500), at(0));
    let taken = spool.shared.take(0, 3, u64::MAX);
    assert_eq!(ids(&taken), numbers(0..3));
    assert_eq!(ids(&spool.shared.take(taken.next, 500, 1)), numbers(3..4), "at least one, whatever its size");
}

/// Where the files of a spool were cut or broken, opened again.
fn reopened(from: &Path, change: impl Fn(&mut Vec<u8>)) -> (Folder, Opened) {
    let folder = Folder::new();
    folder::prepare(&folder.0).unwrap();
    let mut bytes = fs::read(from).unwrap();
    change(&mut bytes);
    fs::write(folder.0.join(from.file_name().unwrap()), bytes).unwrap();
    let opened = folder.open(&["a"]);
    (folder, opened)
}

#[test]
fn power_may_go_at_any_byte() {
    let folder = Folder::new();
    let mut spool = folder.open(&["a"]);
    let file = |folder: &Folder| folder.segments().remove(0);
    let mut ends = Vec::new();
    for id in 0..3 {
        spool.writer.raise(drafts(id..id + 1), at(0));
        ends.push(folder.size() as usize);
    }
    let source = file(&folder);
    for cut in 0..=folder.size() as usize {
        let whole = ends.iter().filter(|end| **end <= cut).count() as u32;
        let (copy, mut opened) = reopened(&source, |bytes| bytes.truncate(cut));
        assert_eq!(all(&opened.shared), numbers(0..whole), "cut at {cut}");
        assert_eq!(opened.remarks.is_empty(), cut == 0 || ends.contains(&cut), "cut at {cut}");
        opened.writer.raise(drafts(100..102), at(1));
        drop(opened);
        let expected: Vec<String> = numbers(0..whole).into_iter().chain(numbers(100..102)).collect();
        assert_eq!(all(&copy.open(&["a"]).shared), expected, "cut at {cut}, written to, opened again");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]

    /// Damage costs the records it hits and no others, and what comes out went in.
    #[test]
    fn damage_stays_where_it_is(place in any::<prop::sample::Index>(), bytes in prop::collection::vec(any::<u8>(), 1..64)) {
        let folder = Folder::new();
        let mut spool = folder.open(&["a"]);
        let mut ends = vec![0];
        for id in 0..8 {
            spool.writer.raise(drafts(id..id + 1), at(0));
            ends.push(folder.size() as usize);
        }
        let start = place.index(ends[8]);
        let end = (start + bytes.len()).min(ends[8]);
        let (_copy, opened) = reopened(&folder.segments()[0], |file| {
            file[start..end].copy_from_slice(&bytes[..end - start]);
        });
        let whole = |id: usize| ends[id + 1] <= start || ends[id] >= end;
        let found = all(&opened.shared);
        prop_assert!((0..8).filter(|id| whole(*id)).all(|id| found.contains(&id.to_string())), "{found:?}");
        prop_assert!(found.iter().all(|id| numbers(0..8).contains(id)), "{found:?}");
    }

    /// Whatever is raised, acknowledged and cut short by ends of the program: each output gets every record that it has
    /// not acknowledged, in order.
    #[test]
    fn nothing_raised_is_lost_over_restarts(steps in prop::collection::vec((0u8..5, 1u32..20), 1..40)) {
        let folder = Folder::new();
        let mut spool = folder.open(&["a", "b"]);
        let (mut raised, mut time) = (0u32, 0);
        for (what, many) in steps {
            time += 2;
            match what {
                0 | 1 => {
                    spool.writer.raise(drafts(raised..raised + many), at(time));
                    raised += many;
                }
                2 => {
                    let from = spool.shared.cursor("a");
                    spool.shared.ack("a", spool.shared.take(from, many as usize, u64::MAX).next);
                }
                3 => {
                    let from = spool.shared.cursor("b");
                    spool.shared.ack("b", spool.shared.take(from, many as usize, u64::MAX).next);
                    spool.writer.tend(at(time));
                }
                _ => {
                    drop(spool);
                    spool = folder.open(&["a", "b"]);
                }
            }
            for output in ["a", "b"] {
                let rest = ids(&spool.shared.take(spool.shared.cursor(output), usize::MAX, u64::MAX));
                prop_assert_eq!(&rest, &numbers(raised - rest.len() as u32..raised));
                let passed = spool.shared.cursor(output).saturating_sub(1);
                prop_assert!(rest.len() as u64 >= u64::from(raised) - passed, "{} {:?}", passed, rest);
            }
        }
    }
}

#[test]
fn the_least_severe_goes_first_then_the_oldest_and_it_is_told() {
    let folder = Folder::new();
    let options = Options { max_bytes: 1 << 20, ..folder.options() };
    let mut spool = Writer::open(options, &["a"]).unwrap();
    let text = "x".repeat(4000);
    for id in 0..200 {
        let level = if id % 2 == 0 { Level::High } else { Level::Low };
        spool.writer.raise(vec![draft(&id.to_string(), level, &text)], at(id));
    }
    assert_eq!(spool.writer.tend(at(300)), [], "it fits");
    for id in 200..300 {
        spool.writer.raise(vec![draft(&id.to_string(), Level::High, &text)], at(id));
    }
    let losses = spool.writer.tend(at(400));
    assert!(folder.size() <= 1 << 20, "{}", folder.size());
    let left: Vec<u64> = all(&spool.shared).iter().map(|id| id.parse().unwrap()).collect();
    assert!((0..300).filter(|id| *id >= 200 || id % 2 == 0).all(|id| left.contains(&id)), "high ones stay");
    let low: Vec<u64> = left.iter().copied().filter(|id| *id < 200 && id % 2 == 1).collect();
    assert!(!low.is_empty() && low[0] == 199 - 2 * (low.len() as u64 - 1), "the oldest went: {low:?}");
    assert_eq!(losses.len(), 1);
    assert_eq!((losses[0].kind, losses[0].count), (LossKind::Dropped, 100 - low.len() as u64));
    assert!(losses[0].text.contains("low") && losses[0].text.contains("max_bytes"), "{}", losses[0].text);
    drop(spool);
    assert_eq!(all(&folder.open(&["a"]).shared).len(), left.len(), "what was given up does not come back");
}

#[test]
fn what_nobody_took_in_time_is_given_up_and_told() {
    let folder = Folder::new();
    let mut spool = folder.open(&["a"]);
    spool.writer.raise(drafts(0..3), at(0));
    spool.writer.raise(drafts(3..5), at(86_000));
    assert_eq!(run(&mut spool, 80_000..86_400), []);
    let losses = run(&mut spool, 86_400..86_500);
    assert_eq!(all(&spool.shared), numbers(3..5));
    assert_eq!((losses.len(), losses[0].count, losses[0].start), (1, 3, at(0)));
}

/// A holiday, or a clock that showed 2001 until the network was there.
#[test]
fn a_mac_that_slept_has_an_hour_to_send_what_is_too_old() {
    let folder = Folder::new();
    let mut spool = folder.open(&["a"]);
    spool.writer.raise(drafts(0..3), at(0));
    assert_eq!(run(&mut spool, 0..100), []);
    for wakes in [1_000_000, 2_000_000] {
        assert_eq!(run(&mut spool, wakes..wakes + 3_500), [], "not in the first hour after a sleep");
    }
    drop(spool);
    let mut spool = folder.open(&["a"]);
    assert_eq!(run(&mut spool, 3_000_000..3_003_500), [], "nor in that after a start");
    assert_eq!(all(&spool.shared), numbers(0..3));
    let losses = run(&mut spool, 3_003_500..3_003_700);
    assert_eq!((losses.len(), losses[0].count), (1, 3), "then they are given up");
    assert!(all(&spool.shared).is_empty());
}

/// Tends the spool through these seconds.
fn run(spool: &mut Opened, seconds: std::ops::Range<u64>) -> Vec<Loss> {
    seconds.step_by(10).flat_map(|second| spool.writer.tend(at(second))).collect()
}

#[test]
fn a_disk_that_refuses_is_told_and_tried_again() {
    let folder = Folder::new();
    let mut spool = folder.open(&["a"]);
    fs::remove_dir_all(&folder.0).unwrap();
    fs::write(&folder.0, "in the way").unwrap();
    spool.writer.raise(drafts(0..3), at(0));
    spool.writer.raise(drafts(3..4), at(0));
    assert_eq!(all(&spool.shared), numbers(0..4), "outputs get them all the same");
    let losses = spool.writer.tend(at(2));
    assert_eq!((losses[0].kind, losses[0].count), (LossKind::Failing, 4), "{losses:?}");
    assert_eq!(spool.writer.tend(at(10)), [], "not again at once");
    fs::remove_file(&folder.0).unwrap();
    folder::prepare(&folder.0).unwrap();
    spool.writer.tend(at(20));
    spool.writer.raise(drafts(4..5), at(21));
    drop(spool);
    assert_eq!(all(&folder.open(&["a"]).shared), numbers(0..5));
}

#[test]
fn what_was_given_up_does_not_come_back_from_a_disk_that_kept_it() {
    let folder = Folder::new();
    let (away, options) = (folder.0.with_extension("away"), Options { max_bytes: 4096, ..folder.options() });
    let _ = fs::remove_dir_all(&away);
    let mut spool = Writer::open(options.clone(), &["a"]).unwrap();
    for number in 0..40 {
        spool.writer.raise(drafts(number..number + 1), at(0));
    }
    fs::rename(&folder.0, &away).unwrap();
    fs::write(&folder.0, "in the way").unwrap();
    let given_up: u64 = spool.writer.tend(at(60)).iter().map(|loss| loss.count).sum();
    let left = all(&spool.shared);
    assert!(given_up > 0 && left.len() as u64 == 40 - given_up, "{given_up} given up, {} left", left.len());
    fs::remove_file(&folder.0).unwrap();
    fs::rename(&away, &folder.0).unwrap();
    spool.writer.tend(at(65));
    drop(spool);
    assert_eq!(all(&Writer::open(options, &["a"]).unwrap().shared), left);
}

#[test]
fn memory_is_bounded_while_the_disk_refuses() {
    let folder = Folder::new();
    let mut spool = folder.open(&["a"]);
    fs::remove_dir_all(&folder.0).unwrap();
    fs::write(&folder.0, "in the way").unwrap();
    let text = "x".repeat(1 << 20);
    for id in 0..20 {
        let level = if id < 10 { Level::Critical } else { Level::Low };
        spool.writer.raise(vec![draft(&id.to_string(), level, &text)], at(id));
    }
    let left = all(&spool.shared);
    assert_eq!(left.len(), 15);
    assert!(numbers(0..10).iter().all(|id| left.contains(id)));
    assert!(spool.writer.tend(at(30)).iter().any(|loss| loss.kind == LossKind::Dropped && loss.count == 5));
    fs::remove_file(&folder.0).unwrap();
}

#[test]
fn the_folder_is_ours_alone_and_links_are_not_followed() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let folder = Folder::new();
    fs::create_dir_all(&folder.0).unwrap();
    fs::set_permissions(&folder.0, fs::Permissions::from_mode(0o777)).unwrap();
    let mut spool = folder.open(&["a"]);
    spool.writer.raise(drafts(0..1), at(0));
    spool.writer.tend(at(0));
    let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&folder.0), 0o700);
    assert_eq!(mode(&folder.segments()[0]), 0o600);
    assert_eq!(mode(&folder.0.join("cursors.json")), 0o600);
    let link = Folder::new();
    symlink(&folder.0, &link.0).unwrap();
    assert!(Writer::open(link.options(), &["a"]).is_err());
    fs::remove_file(&link.0).unwrap();
}

#[test]
fn a_reader_goes_on_while_the_writer_tidies() {
    let folder = Folder::new();
    let mut spool = folder.open(&["a"]);
    spool.writer.raise(drafts(0..10), at(0));
    let shared = Arc::clone(&spool.shared);
    shared.ack("a", 11);
    spool.writer.tend(at(5));
    assert_eq!(shared.take(0, 10, u64::MAX), Taken { entries: Vec::new(), next: 0 });
}

#[test]
fn a_form_that_is_missing_is_replaced_within_its_family() {
    let entry = |forms: &[&str]| Entry {
        seq: 1,
        raised: at(0),
        head: draft("x", Level::Low, "").head,
        forms: forms.iter().map(|key| ((*key).to_owned(), format!("as {key}"))).collect(),
    };
    let both = entry(&["line:ecs", "syslog:ecs:16"]);
    assert_eq!(both.form("line:ecs"), Some("as line:ecs"));
    assert_eq!(both.form("syslog:cef:4"), Some("as syslog:ecs:16"));
    assert_eq!(entry(&["line:ecs"]).form("syslog:cef:4"), None);
}
