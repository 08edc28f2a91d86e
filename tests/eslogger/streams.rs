//! Many lines through one decoder, which remembers processes, paths and where keys stood: each must read as it does alone.

use proptest::prelude::*;
use serde_json::{Value, json};

use cloudward::sensor::eslogger::Decoder;

use super::TestGate;
use super::build::{Style, file, message, process};
use super::oracle::Oracle;

/// One line of a stream, of few processes and files, so that most come again.
#[derive(Clone, Debug)]
struct Said {
    event: usize,
    pid: i32,
    version: u32,
    file: usize,
    inode: u64,
    links: u32,
    flags: u32,
    changed: bool,
    seed: u64,
    slashes: bool,
    spaces: bool,
    later: bool,
}

fn said() -> impl Strategy<Value = Said> {
    let who = (0..8usize, 1..5i32, 1..3u32);
    let what = (0..6usize, prop_oneof![1..9u64, any::<u64>()], 0..4u32, 0..16u32, any::<bool>());
    let order = prop_oneof![8 => 0..3u64, 1 => any::<u64>()];
    let style = (order, prop::bool::weighted(0.9), prop::bool::weighted(0.05), prop::bool::weighted(0.1));
    (who, what, style).prop_map(|(who, what, style)| {
        let ((event, pid, version), (file, inode, links, flags, changed)) = (who, what);
        let (seed, slashes, spaces, later) = style;
        Said { event, pid, version, file, inode, links, flags, changed, seed, slashes, spaces, later }
    })
}

impl Said {
    fn message(&self) -> Value {
        const FILES: [&str; 6] =
            ["/a/b", "/a/.ssh/key", "/a/\"st_ino\":9,", "/a/b\u{1F600}\n", "/long name of a report", "/"];
        let mut file = file(FILES[self.file]);
        file["stat"]["st_ino"] = self.inode.into();
        file["stat"]["st_nlink"] = self.links.into();
        let event = match self.event {
            0..3 => ("open", json!({"fflag": self.flags, "file": file})),
            3 => ("close", json!({"modified": self.changed, "target": file, "was_mapped_writable": false})),
            4 => ("rename", json!({"source": file, "destination": {"existing_file": file}})),
            5 => ("fork", json!({"child": process(self.pid + 1, self.version)})),
            6 => ("exec", json!({"target": process(self.pid, self.version + 1), "args": ["a"], "fds": []})),
            _ => ("exit", json!({"stat": 0})),
        };
        let mut message = message(event.0, event.1);
        message["process"] = process(self.pid, self.version);
        message["process"]["signing_id"] = "x".repeat(self.pid as usize * 3).into();
        message["seq_num"] = self.inode.into();
        message["thread"]["thread_id"] = (self.inode % 100_000).into();
        if self.flags > 12 {
            message["thread"] = Value::Null;
        }
        if self.later {
            message["later"] = json!({"event": {"open": {"time": "x"}}, "process": [1]});
        }
        message
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_came_before_changes_no_reading(lines in prop::collection::vec((said(), 0..30usize), 1..60)) {
        let (mut decoder, mut oracle) = (Decoder::new(), Oracle::default());
        for (said, cut) in lines {
            let message = said.message();
            let line = Style { seed: said.seed, slashes: said.slashes, spaces: said.spaces }.write(&message);
            prop_assert_eq!(decoder.decode(line.as_bytes(), &mut TestGate), Ok(oracle.observe(&message)), "{}", line);
            // And of what is broken nothing stays, but for whom a line introduces that is read all the same.
            if cut == 0 {
                let broken = line.as_bytes().get(..line.len() * 2 / 3).unwrap();
                prop_assert!(decoder.decode(broken, &mut TestGate).is_err());
            }
        }
    }
}
