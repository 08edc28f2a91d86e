//! The same recording, however it is cut into pieces and in whatever order its lines arrive within the hold, gives the
//! same output, byte for byte. `PROPTEST_CASES=1000` tries more.

use std::io::Read;
use std::sync::LazyLock;

use cloudward::daemon::replay::Replay;
use cloudward::sensor::capture::CaptureReader;
use cloudward::sensor::lines::Lines;
use cloudward::sink::format::ecs;
use proptest::prelude::*;

use super::world::*;
use crate::simulation::chance::Chance;

/// Hands out its bytes in pieces of chance lengths, as a pipe does.
struct Pieces {
    bytes: Vec<u8>,
    at: usize,
    longest: u64,
    chance: Chance,
}

impl Read for Pieces {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let piece = 1 + self.chance.below(self.longest) as usize;
        let length = piece.min(buffer.len()).min(self.bytes.len() - self.at);
        buffer[..length].copy_from_slice(&self.bytes[self.at..self.at + length]);
        self.at += length;
        Ok(length)
    }
}

/// Thefts of several kinds at once, an allowed copy, a lost event, a flow without owner.
static MAC: LazyLock<World> = LazyLock::new(mac);

pub fn mac() -> World {
    let mut w = World::new();
    let shell = w.launch(0.0, apple("/bin/zsh", "com.apple.zsh"), &["-zsh"]);
    let zip = w.spawn(1.0, &shell, apple("/usr/bin/zip", "com.apple.zip"), &["zip", "out.zip"]);
    for file in 0..30 {
        let at = 1.1 + f64::from(file) * 0.01;
        w.open(at, &zip, &format!("/Users/alice/Documents/corp/{file}.docx"));
    }
    w.write(1.6, &zip, "/private/tmp/out.zip");
    w.exit(1.7, &zip);
    let curl = w.spawn(2.0, &shell, apple("/usr/bin/curl", "com.apple.curl"), &["curl"]);
    w.open(2.1, &curl, "/private/tmp/out.zip");
    w.resolve(2.15, &curl, "content.dropboxapi.com");
    w.upload(2.2, &curl, "content.dropboxapi.com", 40_000);
    w.lose(2);
    let x = w.launch(3.0, adhoc("/private/tmp/x", "x"), &["x"]);
    w.open(3.1, &x, "/Users/alice/.ssh/id_rsa");
    let mut slow = w.connect(3.2, &x, "evil.s3.amazonaws.com", true);
    for go in 0..8 {
        w.send(4.0 + f64::from(go) * 30.0, &mut slow, 900);
    }
    w.close(260.0, &mut slow);
    let rclone = w.launch(20.0, adhoc("/opt/homebrew/bin/rclone", "rclone"), &["rclone", "sync"]);
    w.open(20.5, &rclone, "/Users/alice/Documents/corp/1.docx");
    w.upload(21.0, &rclone, "corp-backup.s3.amazonaws.com", 20_000);
    let mut nobody = w.connect_unowned(22.0, &rclone, "g.api.mega.co.nz");
    w.send(22.1, &mut nobody, 9_000);
    for round in 0..60 {
        w.open(30.0 + f64::from(round) * 4.0, &shell, "/usr/lib/libz.dylib");
    }
    w
}

fn told(seed: u64, longest: u64, delay: f64, capture_first: bool) -> String {
    let mut chance = Chance::new(seed);
    let lines = MAC.shuffled_lines(|lines| {
        let mut chance = Chance::new(seed);
        let mut late: Vec<(f64, (f64, String))> = lines
            .drain(..)
            .map(|line| (line.0 + delay * chance.below(1_000_000) as f64 / 1e6, line))
            .collect();
        late.sort_by(|a, b| a.0.total_cmp(&b.0));
        lines.extend(late.into_iter().map(|(_, line)| line));
    });
    let mut pieces = |bytes| {
        let chance = Chance::new(chance.next());
        Box::new(Pieces { bytes, at: 0, longest, chance })
    };
    let mut replay = Replay::new(compiled(CORP));
    let capture = CaptureReader::from_stream("capture", pieces(MAC.recordings().1)).unwrap();
    let events = Lines::new("events".into(), pieces(lines)).unwrap();
    if capture_first {
        replay.captures(vec![capture]);
        replay.events(events);
    } else {
        replay.events(events);
        replay.captures(vec![capture]);
    }
    let mut text = String::new();
    let add = |record| {
        text.push_str(&ecs(&record));
        true
    };
    let summary = replay.run(add, |_| {});
    assert!(summary.failures.is_empty() && summary.rejected == 0, "{summary:?}");
    text
}

fn cases() -> u32 {
    std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(12)
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: cases(),
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn pieces_and_arrival_do_not_matter(
        seed: u64, longest in prop_oneof![1u64..4, 4u64..200, 200u64..70_000], delay in 0.0f64..9.9, capture_first: bool,
    ) {
        static STRAIGHT: LazyLock<String> = LazyLock::new(|| told(0, 1 << 20, 0.0, false));
        prop_assert!(STRAIGHT.matches("\"kind\":\"alert\"").count() >= 2, "{}", &*STRAIGHT);
        prop_assert_eq!(told(seed, longest, delay, capture_first), &**STRAIGHT);
    }
}
