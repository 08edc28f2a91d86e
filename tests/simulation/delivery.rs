//! What was said, on its way through the spool: receivers die and come back, the disk is full at times, and the spool is
//! opened again as after a restart.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;

use cloudward::model::{Record, Span, Timestamp};
use cloudward::sink::format::ecs;
use cloudward::sink::output::head;
use cloudward::sink::spool::{Draft, LossKind, Opened, Options, Writer, folder};

use super::chance::Chance;
use super::mac::START;

const OUTPUTS: [&str; 2] = ["first", "second"];
/// So small that segments have a few records, and that not all of a long outage fits.
const MAX_BYTES: u64 = 96 << 10;

/// A disk that is full takes no new file: the folder is away, and something else in its place.
struct Disk {
    path: PathBuf,
    full: bool,
}

impl Disk {
    fn new(seed: u64) -> Self {
        let path = std::env::temp_dir().join(format!("cloudward-simulated-{}-{seed}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        Self { path, full: false }
    }

    fn away(&self) -> PathBuf {
        self.path.with_extension("away")
    }

    fn fill(&mut self, full: bool) {
        if full == self.full {
            return;
        }
        self.full = full;
        if full {
            fs::rename(&self.path, self.away()).unwrap();
            fs::write(&self.path, "in the way").unwrap();
        } else {
            fs::remove_file(&self.path).unwrap();
            fs::rename(self.away(), &self.path).unwrap();
        }
    }

    fn open(&self) -> Opened {
        let (path, max_age) = (self.path.clone(), Span::from_secs(86_400 * 30));
        Writer::open(Options { path, max_bytes: MAX_BYTES, max_age }, &OUTPUTS).unwrap()
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        self.fill(false);
        let _ = fs::remove_dir_all(&self.path);
    }
}

/// Whoever takes records, and what came: number and text, in the order of coming.
#[derive(Default)]
struct Receiver {
    dead: bool,
    got: Vec<(u64, String)>,
}

impl Receiver {
    /// Takes some, and may die before it says so.
    fn take(&mut self, name: &str, spool: &Opened, chance: &mut Chance) {
        let from = spool.shared.cursor(name);
        let taken = spool.shared.take(from, chance.between(1, 8) as usize, u64::MAX);
        self.got.extend(
            taken.entries.iter().map(|entry| (entry.seq, entry.form("ecs").unwrap_or("").to_owned())),
        );
        self.dead = chance.percent(5);
        if !self.dead {
            spool.shared.ack(name, taken.next);
        }
    }
}

struct Way {
    disk: Disk,
    spool: Opened,
    receivers: [Receiver; 2],
    raised: BTreeMap<u64, String>,
    given_up: u64,
    now: Timestamp,
}

impl Way {
    fn raise(&mut self, records: &[Record]) {
        let drafts = records.iter().map(|record| {
            let text = ecs(record);
            Draft { head: head(record), forms: vec![("ecs".to_owned(), text)] }
        });
        let drafts: Vec<Draft> = drafts.collect();
        let numbers = self.spool.writer.next()..;
        self.raised.extend(numbers.zip(drafts.iter().map(|draft| draft.forms[0].1.clone())));
        self.spool.writer.raise(drafts, self.now);
    }

    fn tend(&mut self) {
        self.now = self.now.plus(Span::from_secs(5));
        for loss in self.spool.writer.tend(self.now) {
            match loss.kind {
                LossKind::Dropped => self.given_up += loss.count,
                LossKind::Failing => assert!(self.disk.full, "{}", loss.text),
            }
        }
    }

    fn receive(&mut self, chance: &mut Chance) {
        for (name, receiver) in OUTPUTS.iter().zip(&mut self.receivers) {
            match receiver.dead {
                true => receiver.dead = chance.percent(80),
                false => receiver.take(name, &self.spool, chance),
            }
        }
    }

    /// As after an end in order: what is in memory only would be gone with a disk that is full.
    fn restart(&mut self) {
        self.disk.fill(false);
        self.tend();
        self.given_up += self.spool.writer.untold().iter().map(|loss| loss.count).sum::<u64>();
        self.spool.writer.close(self.now);
        self.spool = self.disk.open();
    }

    /// Everybody lives and there is room: the rest goes out.
    fn conclude(&mut self, chance: &mut Chance) {
        self.disk.fill(false);
        for _ in 0..1000 {
            self.tend();
            self.receive(chance);
        }
        self.tend();
    }

    /// Repeated it may be, but in order, as it was written, and nothing is missing of which nobody was told.
    fn judge(&self, seed: u64) {
        let mut missing = BTreeSet::<u64>::new();
        for receiver in &self.receivers {
            let (mut last, mut had) = (0, BTreeSet::new());
            for (number, text) in &receiver.got {
                assert_eq!(self.raised.get(number), Some(text), "seed {seed}: record {number} is another's");
                assert!(had.contains(number) || *number > last, "seed {seed}: {number} came after {last}");
                last = last.max(*number);
                had.insert(*number);
            }
            missing.extend(self.raised.keys().filter(|number| !had.contains(number)));
        }
        // What was told as given up may come all the same: it had come but was not acknowledged.
        let missing = missing.len() as u64;
        assert!(missing <= self.given_up, "seed {seed}: {missing} are missing, {} were told", self.given_up);
    }
}

/// Sends `records` on their way under the trouble of this seed.
pub fn deliver(records: &[Record], seed: u64) {
    let mut chance = Chance::new(seed ^ 0x5a11);
    let disk = Disk::new(seed);
    folder::prepare(&disk.path).unwrap();
    let spool = disk.open();
    let mut way =
        Way { disk, spool, receivers: Default::default(), raised: BTreeMap::new(), given_up: 0, now: START };
    // Several times over: what one world has to say would soon be delivered.
    let many = [records; 4].concat();
    let mut rest = &many[..];
    while !rest.is_empty() {
        let (batch, behind) = rest.split_at(rest.len().min(chance.between(1, 6) as usize));
        rest = behind;
        way.raise(batch);
        match chance.below(10) {
            0 => way.disk.fill(true),
            1 | 2 => way.disk.fill(false),
            3 => way.restart(),
            _ => {}
        }
        way.tend();
        way.receive(&mut chance);
    }
    way.conclude(&mut chance);
    way.judge(seed);
}
