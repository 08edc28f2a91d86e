use std::io::Cursor;

use crate::config::{self, Origin, Source};
use crate::model::CoverageKind;

use super::summary::MAX_COMPLAINTS;
use super::*;

const OPEN: &str = include_str!("../../../tests/eslogger/eslogger-open.jsonl");
const EXIT: &str = include_str!("../../../tests/eslogger/eslogger-exit.jsonl");

/// What a replay of these recordings comes to. What is sensitive is not the matter here.
fn replayed(files: &[(&str, &str)]) -> Summary {
    let bare = Source::new(Origin::File, "test.toml", "[builtin]\ndisable = [\"*\"]\n");
    let mut replay = Replay::new(config::load(&[bare]).0.policy);
    for (name, text) in files {
        let source = Cursor::new(text.as_bytes().to_vec());
        replay.events(Lines::new((*name).to_owned(), Box::new(source)).unwrap());
    }
    replay.run(|_| true, |_| {})
}

/// The line of another event, whose body is no matter.
fn another(event: &str) -> String {
    EXIT.replace("\"exit\":", &format!("\"{event}\":"))
}

#[test]
fn event_types_that_no_verdict_needs_are_counted_over_all_files() {
    let unread = another("quantum_leap");
    let close = another("close").replace("{\"stat\":9}", "{\"modified\":false,\"target\":null}");
    let first = format!("{unread}{close}{EXIT}{unread}");
    let second = format!("{OPEN}{}{unread}", another("login_login"));
    let summary = replayed(&[("first", &first), ("second", &second)]);
    assert_eq!((summary.lines, summary.rejected), (7, 0), "{:?}", summary.complaints);
    let skipped: Vec<_> = summary.skipped.iter().map(|(name, lines)| (name.as_str(), *lines)).collect();
    assert_eq!(skipped, [("login_login", 1), ("quantum_leap", 3)]);
}

#[test]
fn fields_of_a_newer_macos_are_counted_over_all_files() {
    let new = EXIT.replace("\"exit\":{", "\"exit\":{\"reason\":{\"code\":7},");
    let newer = new.replacen('{', "{\"weather\u{1b}\":\"fair\",", 1);
    let summary = replayed(&[("first", &format!("{new}{OPEN}{newer}")), ("second", &new)]);
    assert_eq!((summary.lines, summary.rejected, summary.looked_at), (4, 0, 4), "{:?}", summary.complaints);
    let unknown: Vec<_> =
        summary.unknown_fields.iter().map(|(name, count)| (name.as_str(), *count)).collect();
    assert_eq!(unknown, [("exit.reason", 3), ("weather\\u{1b}", 1)]);
}

/// The file and the line of every complaint.
fn places(summary: &Summary) -> Vec<(&str, u64)> {
    summary.complaints.iter().map(|complaint| (&*complaint.file, complaint.line)).collect()
}

#[test]
fn the_first_lines_of_what_is_no_recording_are_told() {
    let no_time = EXIT.replace("\"time\":\"20", "\"time\":\"99-").repeat(5);
    let summary = replayed(&[("bad", &no_time), ("good", EXIT)]);
    assert_eq!(summary.failures, ["bad: is no eslogger recording: none of its lines is an event (5 lines)"]);
    assert_eq!(places(&summary), [("bad", 1), ("bad", 2), ("bad", 3)]);
    assert!(summary.complaints.iter().all(|complaint| complaint.what.contains("no `time`")));
    assert_eq!((summary.rejected, summary.foreign), (5, 2));
    let whole = format!("[{},{}]\n", OPEN.trim_end(), EXIT.trim_end());
    let summary = replayed(&[("array", &whole)]);
    assert_eq!(places(&summary), [("array", 1)]);
    assert!(summary.complaints[0].what.contains("more than one JSON object"));
    let alerts = replayed(&[("alerts", "{\"event\":{\"dataset\":\"cloudward.alert\"}}\n")]);
    assert!(
        alerts.failures[0].contains("it looks like alerts") && alerts.complaints.is_empty(),
        "{alerts:?}"
    );
}

#[test]
fn no_file_keeps_another_from_being_complained_of() {
    let bad = format!("{OPEN}{}", "{\n".repeat(100));
    let summary = replayed(&[("first", &bad), ("second", &format!("{OPEN}{{\n")), ("third", "{\n{\n{\n{\n")]);
    let of = |name| places(&summary).iter().filter(|(file, _)| *file == name).count();
    assert!(of("first") <= MAX_COMPLAINTS && of("second") == 1 && of("third") == 3, "{summary:?}");
    let counted = summary.complaints.len() as u64 + summary.foreign;
    assert_eq!(summary.rejected, 105);
    assert!(counted < summary.rejected, "the rest is told by its number");
}

/// Whatever stands behind the last line feed was not cut off because of that alone.
#[test]
fn a_last_line_without_its_line_feed_is_cut_off_only_where_its_object_is() {
    let [open, exit] = [OPEN, EXIT].map(str::trim_end);
    let told = |last: &str| {
        let summary = replayed(&[("file", &format!("{OPEN}{last}"))]);
        assert_eq!(summary.truncated + summary.rejected, 1, "{last}");
        (summary.truncated, summary.complaints[0].what.clone())
    };
    for whole in [format!("[{open},{exit}]"), format!("{open}{exit}"), format!("{exit} x"), "x".to_owned()] {
        let (truncated, what) = told(&whole);
        let with_line_feed = told(&format!("{whole}\n"));
        assert_eq!((truncated, &what), (0, &with_line_feed.1));
    }
    for length in [1, exit.len() / 3, exit.len() / 2] {
        let (truncated, what) = told(&exit[..length]);
        assert!(truncated == 1 && what.contains("cut off"), "{length}: {what}");
    }
}

/// A pcapng block of little-endian words.
fn block(kind: u32, body: &[u32]) -> Vec<u8> {
    let length = 12 + 4 * body.len() as u32;
    let words = [kind, length].into_iter().chain(body.iter().copied()).chain([length]);
    words.flat_map(u32::to_le_bytes).collect()
}

/// A capture with a packet a second, which says of its one interface what `tail` says.
fn capture(tail: &[Vec<u8>]) -> CaptureReader {
    let section = block(0x0a0d_0d0a, &[0x1a2b_3c4d, 1, u32::MAX, u32::MAX]);
    let (interface, packet) = (block(1, &[101, 0]), block(6, &[0, 0, 1_000_000, 4, 4, 0x45]));
    // Before this one, the interface dropped four.
    let after_a_gap = block(6, &[0, 0, 2_000_000, 4, 4, 0x45, 8 << 16 | 4, 4, 0]);
    let bytes = [section, interface, packet, after_a_gap, tail.concat()].concat();
    CaptureReader::from_stream("dropping", Box::new(Cursor::new(bytes))).unwrap()
}

fn losses(readers: Vec<CaptureReader>) -> Vec<(u64, i64, i64)> {
    let mut replay = Replay::new(config::default_settings().policy);
    replay.captures(readers);
    let mut lost = Vec::new();
    let summary = replay.run(
        |record| {
            if let Record::Coverage(told) = record
                && told.text.contains("dropped")
            {
                assert_eq!(told.kind, CoverageKind::CaptureLoss);
                let [start, end] = [told.start, told.end].map(|time| time.as_nanos() / 1_000_000_000);
                lost.push((told.count, start, end));
            }
            true
        },
        |_| {},
    );
    let said = summary.notes.iter().filter(|note| note.contains("dropped")).count();
    assert_eq!(said, lost.len(), "{:?}", summary.notes);
    lost
}

#[test]
fn what_a_capture_says_that_it_dropped_is_told() {
    // Dropped by the interface seven, by the system two; the four are among them.
    let statistics = |dropped: u32| block(5, &[0, 0, 0, 8 << 16 | 5, dropped, 0, 8 << 16 | 7, 2, 0]);
    assert_eq!(losses(vec![capture(&[statistics(3), statistics(7)])]), [(9, 1, 2)]);
    assert_eq!(losses(vec![capture(&[])]), [(4, 1, 2)]);
    assert_eq!(losses(vec![capture(&[]), capture(&[statistics(7)])]), [(13, 1, 2)]);
    // Of an interface that is not there, or cut off: nothing to go by, and no reason to end.
    let (stranger, cut) = (block(5, &[9, 0, 0, 8 << 16 | 5, 7, 0]), block(5, &[0, 0, 0, 8 << 16 | 5, 7]));
    assert_eq!(losses(vec![capture(&[stranger, cut, block(5, &[])])]), [(4, 1, 2)]);
}
