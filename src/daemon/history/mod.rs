//! What was uploaded over weeks, for `cloudward learn` and for rules that ask what is usual.
//!
//! ```text
//!  engine's thread ─► uploads (bounded, never waited for) ─► history's thread ─► history.log, once a minute
//!                  ◄─ baseline, once an hour
//! ```
//!
//! A kill costs a minute of statistics. What finds no room is counted in the log and left out: an alert is elsewhere
//! on disk by then.

mod kept;
mod store;

use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, SyncSender, channel, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::engine::habits::Baseline;
use crate::model::{Alert, Evidence, FilePath, Record, Upload, UploadOutcome, upload::MAX_PATHS};

use super::clock;

pub use kept::{Kept, Key, Who};
pub use store::{Entries, FILE, Store, Sums, baseline, read};

/// Uploads on their way to it.
const UPLOADS: usize = 1024;
const FLUSH: Duration = Duration::from_secs(60);
const PUBLISH: Duration = Duration::from_secs(3600);
/// For the last flush, at the end.
const PATIENCE: Duration = Duration::from_secs(2);

/// The engine's side of it.
#[derive(Debug)]
pub(super) struct Notes {
    uploads: SyncSender<Upload>,
    baselines: Receiver<Arc<Baseline>>,
    /// Since last said.
    lost: u64,
}

/// Keeps the history. Ends when the engine's side is gone.
pub(super) struct Keeping(JoinHandle<()>);

/// Without a place for it, or with one that cannot be used, there is none; that is said, and no reason not to run.
pub(super) fn start(state: Option<&Path>) -> Option<(Notes, Keeping)> {
    let folder = state?;
    let store = match Store::open(folder, clock::now()) {
        Ok(store) => store,
        Err(error) => {
            tracing::warn!("no history is kept for `cloudward learn`: {}: {error}", folder.display());
            return None;
        }
    };
    let (uploads, heard) = sync_channel(UPLOADS);
    let (publish, baselines) = channel();
    let thread =
        thread::Builder::new().name("history".to_owned()).spawn(move || keep(store, &heard, &publish));
    match thread {
        Ok(thread) => Some((Notes { uploads, baselines, lost: 0 }, Keeping(thread))),
        Err(error) => {
            tracing::warn!("no history is kept for `cloudward learn`: {error}");
            None
        }
    }
}

impl Notes {
    /// Never waits.
    pub(super) fn remember(&mut self, uploads: Vec<Upload>, said: &[Record]) {
        let alerts = said.iter().filter_map(|record| match record {
            Record::Alert(alert) => of_alert(alert),
            Record::Coverage(_) | Record::Heartbeat(_) => None,
        });
        let lost = uploads.into_iter().chain(alerts).filter_map(|one| self.uploads.try_send(one).err());
        self.lost += lost.count() as u64;
    }

    /// A newer one, if there is.
    pub(super) fn baseline(&mut self) -> Option<Arc<Baseline>> {
        if self.lost > 0 {
            tracing::warn!(lost = self.lost, "uploads are missing in the history: its disk is behind");
            self.lost = 0;
        }
        self.baselines.try_iter().last()
    }
}

impl Keeping {
    /// Call when the engine's thread has ended, or nobody waits for it any more.
    pub(super) fn ended(self) {
        let start = Instant::now();
        while !self.0.is_finished() {
            if start.elapsed() > PATIENCE {
                return tracing::warn!("the last minute is missing in the history");
            }
            thread::sleep(Duration::from_millis(10));
        }
        if self.0.join().is_err() {
            tracing::error!("the history ended by a fault of its own");
        }
    }
}

fn keep(mut store: Store, uploads: &Receiver<Upload>, publish: &Sender<Arc<Baseline>>) {
    let tell = |store: &Store| publish.send(Arc::new(baseline(store.entries()))).is_ok();
    let (mut flushed, mut published) = (Instant::now(), Instant::now());
    tell(&store);
    loop {
        match uploads.recv_timeout(FLUSH) {
            Ok(upload) => store.add(&upload),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return flush(&mut store),
        }
        if flushed.elapsed() >= FLUSH {
            flushed = Instant::now();
            flush(&mut store);
        }
        if published.elapsed() >= PUBLISH {
            published = Instant::now();
            tell(&store);
        }
    }
}

fn flush(store: &mut Store) {
    if let Err(error) = store.flush(clock::now()) {
        tracing::warn!("the history cannot be written: {error}; the next minute tries again");
    }
}

/// What the history is told of an alert; nothing if its destination has no name, or if no process of this Mac did it.
pub fn of_alert(alert: &Alert) -> Option<Upload> {
    let mut sets: Vec<Arc<str>> = alert.reads.iter().flat_map(|read| read.sets.iter().cloned()).collect();
    sets.sort();
    sets.dedup();
    let mut paths: Vec<FilePath> = Vec::new();
    // A staged file lies where its maker put it: what it was made of says where the data is from.
    for read in alert.reads.iter().filter(|read| read.evidence != Evidence::Taint) {
        if paths.len() < MAX_PATHS && !paths.contains(&read.path) {
            paths.push(read.path.clone());
        }
    }
    Some(Upload {
        time: alert.time,
        user: alert.user?,
        user_name: alert.user_name.clone(),
        uploader: Arc::clone(alert.uploader.process()?),
        parent: alert.chain.first().cloned(),
        sets,
        paths,
        service: alert.service.clone()?,
        tenant: alert.tenant.clone(),
        category: alert.category.clone(),
        count: alert.count,
        bytes_out: alert.bytes_out,
        bytes_in: alert.bytes_in,
        outcome: UploadOutcome::Alerted(alert.id),
    })
}
