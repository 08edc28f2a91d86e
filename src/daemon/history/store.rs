//! The history on disk: an append-only log of entries, each whole, with length and CRC. Of entries with one key the last
//! counts; a torn end is skipped. When much of it is stale, or it is too long, it is written anew aside and renamed.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use crate::engine::habits::Baseline;
use crate::model::{AlertId, Span, Timestamp, Upload, UploadOutcome};
use crate::sink::spool::{folder, frame};

use super::kept::{Counted, Kept, Key};

/// Its name in the folder of the daemon's state.
pub const FILE: &str = "history.log";
/// Bytes on disk, at most. Entries are some 700 bytes each.
const MAX_BYTES: u64 = 4 << 20;
/// Entries, at most. Beyond it the one that was last seen longest ago makes room.
const MAX_ENTRIES: usize = 4096;
/// How long an entry is kept after it was last seen.
const MAX_AGE: Span = Span::from_secs(90 * 86_400);
/// One entry, at most: names of 4 kB in every place fit, an attack's do not.
const MAX_ENTRY: usize = 64 << 10;
/// Alerts whose reports are still told apart.
const MAX_ALERTS: usize = 4096;

/// The entries by what identifies them.
pub type Entries = BTreeMap<Key, Kept>;

/// Sums in memory.
#[derive(Default, Debug)]
pub struct Sums {
    entries: Entries,
    /// Touched since last asked.
    dirty: BTreeSet<Key>,
    alerts: BTreeMap<AlertId, Counted>,
}

impl Sums {
    pub fn add(&mut self, upload: &Upload) {
        let before = match &upload.outcome {
            UploadOutcome::Allowed(_) => None,
            UploadOutcome::Alerted(id) => {
                let Upload { count, bytes_out, bytes_in, .. } = *upload;
                if self.alerts.len() >= MAX_ALERTS {
                    self.alerts.pop_first();
                }
                self.alerts.insert(*id, Counted { count, bytes_out, bytes_in })
            }
        };
        let key = Key::of(upload);
        let kept = self.entries.entry(key.clone()).or_insert_with(|| Kept::new(key.clone(), upload));
        kept.add(upload, before);
        self.dirty.insert(key);
        if self.entries.len() > MAX_ENTRIES {
            self.forget_oldest();
        }
    }

    fn forget_oldest(&mut self) {
        let oldest = self.entries.values().min_by_key(|kept| kept.last).map(|kept| kept.key.clone());
        if let Some(key) = oldest {
            self.entries.remove(&key);
            self.dirty.remove(&key);
        }
    }

    pub fn entries(&self) -> &Entries {
        &self.entries
    }

    pub fn into_entries(self) -> Entries {
        self.entries
    }
}

/// What programs usually send where: their average over all users and accounts.
pub fn baseline(entries: &Entries) -> Baseline {
    let mut sums: BTreeMap<(&str, &str), (u64, u64)> = BTreeMap::new();
    for kept in entries.values() {
        let sum = sums.entry((&kept.key.code, &kept.key.service)).or_default();
        *sum = (sum.0.saturating_add(kept.bytes_out), sum.1.saturating_add(kept.uploads));
    }
    let mut baseline = Baseline::default();
    for ((code, service), (bytes, uploads)) in sums {
        baseline.tell(code, service, bytes / uploads.max(1));
    }
    baseline
}

/// The writing side. There is one, in the daemon.
#[derive(Debug)]
pub struct Store {
    path: PathBuf,
    file: Option<File>,
    written: u64,
    sums: Sums,
}

impl Store {
    /// Reads what is there. Whatever is damaged is left out. Fails where the folder cannot be made or is not ours alone, or
    /// the file cannot be read or written anew.
    pub fn open(state: &Path, now: Timestamp) -> io::Result<Self> {
        folder::prepare(state)?;
        let path = state.join(FILE);
        let entries = match read(&path) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Entries::new(),
            Err(error) => return Err(error),
        };
        let sums = Sums { entries, ..Sums::default() };
        let mut store = Self { path, file: None, written: 0, sums };
        // Never behind what an earlier run left torn.
        store.rewrite(now)?;
        Ok(store)
    }

    pub fn add(&mut self, upload: &Upload) {
        self.sums.add(upload);
    }

    /// Puts on disk what is new. After an error it is tried again with the next flush.
    pub fn flush(&mut self, now: Timestamp) -> io::Result<()> {
        if self.sums.dirty.is_empty() {
            return Ok(());
        }
        let mut bytes = Vec::new();
        for kept in self.sums.dirty.iter().filter_map(|key| self.sums.entries.get(key)) {
            encode(kept, &mut bytes);
        }
        match &mut self.file {
            Some(file) if self.written + bytes.len() as u64 <= MAX_BYTES => {
                let written = file.write_all(&bytes).and_then(|()| file.sync_data());
                if written.is_err() {
                    // Nobody knows what of it is there: the next flush writes all anew.
                    self.file = None;
                }
                written?;
                self.written += bytes.len() as u64;
            }
            _ => self.rewrite(now)?,
        }
        self.sums.dirty.clear();
        Ok(())
    }

    /// Writes all anew, those last seen latest first, as many as half of the room takes.
    fn rewrite(&mut self, now: Timestamp) -> io::Result<()> {
        let oldest = now.minus(MAX_AGE).as_nanos();
        self.sums.entries.retain(|_, kept| kept.last >= oldest);
        let mut latest: Vec<&Kept> = self.sums.entries.values().collect();
        latest.sort_by_key(|kept| std::cmp::Reverse(kept.last));
        let (mut bytes, mut fit) = (Vec::new(), BTreeSet::new());
        for kept in latest {
            let start = bytes.len();
            encode(kept, &mut bytes);
            if bytes.len() as u64 > MAX_BYTES / 2 {
                bytes.truncate(start);
                break;
            }
            fit.insert(kept.key.clone());
        }
        self.sums.entries.retain(|key, _| fit.contains(key));
        let aside = self.path.with_extension("new");
        let mut file = folder::create_over(&aside)?;
        file.write_all(&bytes)?;
        file.sync_data()?;
        fs::rename(&aside, &self.path)?;
        self.path.parent().map_or(Ok(()), folder::sync)?;
        self.written = bytes.len() as u64;
        self.file = Some(file);
        self.sums.dirty.clear();
        Ok(())
    }

    pub fn entries(&self) -> &Entries {
        self.sums.entries()
    }
}

fn encode(kept: &Kept, out: &mut Vec<u8>) {
    let start = out.len();
    if frame::encode(kept, out) && out.len() - start > MAX_ENTRY {
        out.truncate(start);
    }
}

/// The entries of a history, also while a daemon writes to it. Fails where the file cannot be opened or read; what is torn
/// in it is passed over.
pub fn read(path: &Path) -> io::Result<Entries> {
    let mut bytes = Vec::new();
    folder::open(path)?.take(MAX_BYTES + MAX_ENTRY as u64).read_to_end(&mut bytes)?;
    let mut entries = Entries::new();
    frame::scan(&bytes, |_, _, kept: Kept| {
        entries.insert(kept.key.clone(), kept);
    });
    Ok(entries)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::daemon::testing::Folder;
    use crate::model::Uid;

    const DAY: i64 = 86_400_000_000_000;

    fn at(nanos: i64) -> Timestamp {
        Timestamp::from_nanos(nanos)
    }

    fn upload(number: u32, time: i64, bytes: u64) -> Upload {
        Upload {
            time: at(time),
            user: Uid(number),
            user_name: None,
            uploader: crate::engine::habits::evidence_for_tests(7, "/opt/x"),
            parent: None,
            sets: vec![Arc::from("documents")],
            paths: vec!["/Users/a/Documents/plan".into()],
            service: Arc::from("s3"),
            tenant: Some(Arc::from("corp")),
            category: Some(Arc::from("object-store")),
            count: 1,
            bytes_out: bytes,
            bytes_in: 1,
            outcome: UploadOutcome::Allowed(Arc::from("backup")),
        }
    }

    #[test]
    fn sums_outlive_the_daemon() {
        let folder = Folder::new("history-sums");
        let mut store = Store::open(&folder.0, at(DAY)).unwrap();
        [10, 30].iter().for_each(|bytes| store.add(&upload(1, *bytes, *bytes as u64)));
        store.flush(at(DAY)).unwrap();
        drop(store);
        let mut store = Store::open(&folder.0, at(DAY)).unwrap();
        store.add(&upload(1, 5, 50));
        let kept = store.entries().values().next().unwrap().clone();
        assert_eq!((kept.uploads, kept.bytes_out, kept.most, kept.first, kept.last), (3, 90, 50, 5, 30));
        assert_eq!((kept.usual(), kept.folders.as_slice()), (30, &["/Users/a/Documents".to_owned()][..]));
        let code = kept.key.code.as_str().into();
        assert_eq!(baseline(store.entries()).usual(&code, &"s3".into()), Some(30));
    }

    #[test]
    fn reports_of_one_alert_are_one_alert() {
        let folder = Folder::new("history-alert");
        let mut store = Store::open(&folder.0, at(DAY)).unwrap();
        for (count, bytes) in [(1, 10), (3, 40), (3, 40)] {
            let outcome = UploadOutcome::Alerted(AlertId([7; 16]));
            store.add(&Upload { count, outcome, ..upload(1, 10, bytes) });
        }
        let kept = store.entries().values().next().unwrap();
        assert_eq!((kept.uploads, kept.alerts, kept.bytes_out, kept.ids.len()), (3, 1, 40, 1));
    }

    /// Cut at every byte: what was whole is there, and nothing else.
    #[test]
    fn a_torn_end_is_left_out() {
        let folder = Folder::new("history-torn");
        let mut store = Store::open(&folder.0, at(DAY)).unwrap();
        let mut ends = vec![0];
        for number in 0..3 {
            store.add(&upload(number, 10, 10));
            store.flush(at(DAY)).unwrap();
            ends.push(store.written);
        }
        drop(store);
        let path = folder.0.join(FILE);
        let whole = fs::read(&path).unwrap();
        for cut in 0..whole.len() {
            fs::write(&path, &whole[..cut]).unwrap();
            let survived = ends.iter().filter(|end| **end > 0 && **end <= cut as u64).count();
            assert_eq!(read(&path).unwrap().len(), survived, "{cut}");
        }
        fs::write(&path, &whole[..whole.len() - 1]).unwrap();
        assert_eq!(Store::open(&folder.0, at(DAY)).unwrap().entries().len(), 2);
        assert_eq!(read(&path).unwrap().len(), 2, "written anew");
    }

    #[test]
    fn what_is_old_goes_and_what_is_many_stays_within_its_bytes() {
        let folder = Folder::new("history-bounds");
        let mut store = Store::open(&folder.0, at(0)).unwrap();
        for number in 0..MAX_ENTRIES as u32 + 100 {
            store.add(&upload(number, i64::from(number), 10));
        }
        assert_eq!(store.entries().len(), MAX_ENTRIES);
        assert!(store.entries().keys().all(|key| key.user >= 100), "the longest unseen went");
        for round in 0..12 {
            (200..2200).for_each(|number| store.add(&upload(number, 5000 + round, 10)));
            store.flush(at(0)).unwrap();
            assert!(fs::metadata(folder.0.join(FILE)).unwrap().len() <= MAX_BYTES);
        }
        drop(store);
        let later = Store::open(&folder.0, at(91 * DAY)).unwrap();
        assert_eq!(later.entries().len(), 0);
    }
}
