//! Records on their way out, against receivers that are strict, slow, broken or dead.

#[path = "outputs/http.rs"]
mod http;
#[path = "outputs/proxy.rs"]
mod proxy;
#[path = "outputs/receiver.rs"]
mod receiver;
#[path = "outputs/streams.rs"]
mod streams;
#[path = "outputs/verb.rs"]
mod verb;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use cloudward::config::{self, Level, Origin, Source};
use cloudward::model::{Span, Timestamp};
use cloudward::sink::counters::{Board, Look};
use cloudward::sink::delivery::{Delivery, Stay};
use cloudward::sink::output::Output;
use cloudward::sink::spool::{Draft, Head, Kind, Opened, Options, Writer};
use tokio::sync::watch;

/// How long anything may take before a test fails. Generous: test machines are shared.
const PATIENCE: Duration = Duration::from_secs(60);

fn pki(name: &str) -> String {
    format!("{}/tests/outputs/pki/{name}", env!("CARGO_MANIFEST_DIR"))
}

/// A folder that goes with its owner.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("outputs-{}-{number}", std::process::id());
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn write(&self, name: &str, text: &str) -> String {
        let path = self.0.join(name);
        fs::write(&path, text).unwrap();
        path.display().to_string()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// An output as configuration writes it.
fn output(text: &str) -> Output {
    let text = format!("[[output]]\nname = \"out\"\n{text}");
    let (mut settings, diagnostics) = config::load(&[Source::new(Origin::File, "test.toml", text)]);
    let errors: Vec<_> = diagnostics.iter().filter(|found| found.level == Level::Error).collect();
    assert!(errors.is_empty(), "{errors:#?}");
    settings.outputs.remove(0)
}

fn draft(number: u32) -> Draft {
    let head = Head {
        kind: Kind::Alert,
        level: cloudward::sink::format::Level::High,
        id: format!("id-{number}"),
        revision: 1,
        rules: vec!["a.rule".to_owned()],
        time: Timestamp::from_nanos(1_700_000_000_123_000_000),
    };
    let line = format!("{{\"@timestamp\":\"2026-01-01T00:00:00Z\",\"event\":{{\"id\":\"id-{number}\"}}}}\n");
    let syslog = format!("<131>1 - - cloudward - alert [x@1 id=\"id-{number}\"] ä");
    Draft { head, forms: vec![("line:ecs".to_owned(), line), ("syslog:ecs".to_owned(), syslog)] }
}

fn spool(folder: &Folder) -> Opened {
    let path = folder.0.join("spool");
    Writer::open(Options { path, max_bytes: 64 << 20, max_age: Span::from_secs(86_400) }, &["out"]).unwrap()
}

/// Raises so many records and delivers them until the output has them all. What the output looked like then.
fn deliver(output: &Output, records: u32) -> Look {
    let folder = Folder::new();
    let mut opened = spool(&folder);
    let now = Timestamp::from_nanos(1_700_000_000_000_000_000);
    opened.writer.raise((0..records).map(draft).collect(), now);
    let board = Board::new(Arc::clone(&opened.shared), std::slice::from_ref(output));
    let mut delivery = Delivery::new(output.clone(), Arc::clone(&opened.shared), board.counters("out"));
    let (_stop, stopping) = watch::channel(Stay::Settle);
    runtime().block_on(async {
        let done = tokio::time::timeout(PATIENCE, delivery.run(stopping)).await;
        assert!(done.is_ok(), "{:?}", board.look());
    });
    let look = board.look().remove(0);
    assert_eq!((look.spooled, look.acked + look.refused), (0, u64::from(records)), "{look:?}");
    // What was refused is told.
    let told = opened.writer.tend(now);
    assert_eq!(told.iter().map(|loss| loss.count).sum::<u64>(), look.refused, "{told:?}");
    look
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

fn ids(records: std::ops::Range<u32>) -> Vec<String> {
    records.map(|number| format!("id-{number}")).collect()
}

/// Its receiver is dead: what it never got is counted, and nothing is kept for it any more.
#[test]
fn an_output_that_leaves_counts_what_it_leaves_behind() {
    let folder = Folder::new();
    let mut opened = spool(&folder);
    let now = Timestamp::from_nanos(1_700_000_000_000_000_000);
    let output =
        output("type = \"syslog\"\ntransport = \"tcp\"\naddress = \"127.0.0.1:1\"\nmin_severity = \"high\"");
    opened.writer.raise((0..700).map(draft).collect(), now);
    let before = opened.writer.next();
    // Not its business any more.
    opened.writer.raise((700..900).map(draft).collect(), now);
    let board = Board::new(Arc::clone(&opened.shared), std::slice::from_ref(&output));
    let mut delivery = Delivery::new(output, Arc::clone(&opened.shared), board.counters("out"));
    let (_stay, told) = watch::channel(Stay::Leave { before });
    runtime().block_on(async {
        let tried = tokio::time::timeout(Duration::from_millis(300), delivery.run(told)).await;
        assert!(tried.is_err(), "nobody took anything");
    });
    delivery.leave();
    let told = opened.writer.tend(now);
    assert_eq!(told.iter().map(|loss| loss.count).collect::<Vec<_>>(), [700]);
    assert!(told[0].text.ends_with("700 high; out"), "{}", told[0].text);
    assert_eq!(opened.shared.cursor("out"), 0);
}
