use std::io::Cursor;

use crate::config::{self, Origin, Source};

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
