//! One HTML page from records: for the person who must understand an alert, and forward it.
//!
//! Lines of ECS go in, a page comes out that needs no network, no script and no other file. Revisions of one alert are
//! one story; what could not be seen has its own part, because a page without alerts is no proof. The same lines give the
//! same page: nothing asks what time it is.
//!
//! Names in records are hostile. [`html`](self) is the only way to write, and takes markup only from the program itself;
//! the page's own policy (CSP) forbids whatever is not the style and the script printed here.
#![deny(clippy::disallowed_methods, clippy::disallowed_types)]

mod alert;
mod blind;
mod chart;
mod draw;
mod graph;
mod html;
mod json;
mod overview;
mod page;
mod record;
mod story;
mod time_line;
mod tree;
mod watch;
mod words;

use std::collections::{BTreeMap, BTreeSet};

use crate::model::Timestamp;

use record::{Blind, Entry, Story};
use watch::Watch;

pub use record::NoRecord;

/// Alerts told in full. A page with more is one that nobody reads; the others are counted.
pub const MAX_ALERTS: usize = 1_000;
/// Distinct alerts remembered while reading: some 10 KB each.
const MAX_STORIES: usize = 20_000;
/// Distinct coverage records remembered.
const MAX_BLIND: usize = 20_000;
/// Revisions of one alert whose totals are remembered, for its bytes over time.
const MAX_REVISIONS: usize = 500;
/// Lines that are no records listed with their reason; more are only counted.
const MAX_UNREAD: usize = 50;

/// One alert with what its revisions said before.
#[derive(Clone, PartialEq, Debug)]
struct Told {
    latest: Story,
    /// Time, bytes out and bytes in of each revision.
    revisions: BTreeMap<(u64, Timestamp), (u64, u64)>,
}

/// What a page is made from.
#[derive(Debug, Default)]
pub struct Report {
    told: BTreeMap<String, Told>,
    blind: BTreeMap<(Timestamp, String), Blind>,
    blind_ids: BTreeSet<String>,
    watch: Watch,
    records: u64,
    /// Alerts and coverage records beyond what is remembered.
    forgotten: u64,
    unread: u64,
    unread_listed: Vec<(String, u64, NoRecord)>,
    sources: Vec<String>,
}

impl Report {
    /// Names an input, for the foot of the page.
    pub fn source(&mut self, name: &str) {
        self.sources.push(name.to_owned());
    }

    /// One line of an input. A line that is no record is counted and listed; the answer says why it is none.
    pub fn line(&mut self, source: &str, number: u64, line: &[u8]) -> Result<(), NoRecord> {
        match Entry::read(line) {
            Ok(entry) => {
                self.records += 1;
                self.take(entry);
                Ok(())
            }
            Err(why) => {
                self.skipped(source, number, why.clone());
                Err(why)
            }
        }
    }

    /// A line that could not be handed over at all.
    pub fn skipped(&mut self, source: &str, number: u64, why: NoRecord) {
        self.unread += 1;
        if self.unread_listed.len() < MAX_UNREAD {
            self.unread_listed.push((source.to_owned(), number, why));
        }
    }

    /// Distinct alerts so far, records and lines that are none.
    pub fn counts(&self) -> (usize, u64, u64) {
        (self.told.len(), self.records, self.unread)
    }

    /// The page.
    pub fn html(&self) -> String {
        page::page(self)
    }

    fn take(&mut self, entry: Entry) {
        match entry {
            Entry::Alert(story) => self.tell(*story),
            Entry::Beat(beat) => self.watch.take(beat),
            Entry::Blind(blind) => {
                if self.blind.len() >= MAX_BLIND {
                    self.forgotten += 1;
                } else if self.blind_ids.insert(blind.id.clone()) || blind.id.is_empty() {
                    let key = (blind.end, format!("{}\n{}\n{}", blind.kind, blind.text, blind.id));
                    self.blind.insert(key, blind);
                }
            }
        }
    }

    /// The latest revision wins; of the others their totals are kept.
    fn tell(&mut self, story: Story) {
        let totals = ((story.revision, story.time), (story.bytes_out, story.bytes_in));
        let full = self.told.len() >= MAX_STORIES;
        match self.told.get_mut(&story.id) {
            Some(told) => {
                if told.revisions.len() < MAX_REVISIONS {
                    told.revisions.insert(totals.0, totals.1);
                }
                if (story.revision, story.time) > (told.latest.revision, told.latest.time) {
                    told.latest = story;
                }
            }
            None if full => self.forgotten += 1,
            None => {
                let revisions = BTreeMap::from([totals]);
                self.told.insert(story.id.clone(), Told { latest: story, revisions });
            }
        }
    }

    /// What the page tells: the most severe and most certain first, among equals in the order of time.
    fn alerts(&self) -> Vec<&Told> {
        let mut alerts: Vec<&Told> = self.told.values().collect();
        alerts.sort_by(|a, b| {
            let rank = |told: &Told| (told.latest.severity, told.latest.confidence);
            let when = |told: &Told| (told.latest.time, told.latest.id.clone());
            rank(b).cmp(&rank(a)).then_with(|| when(a).cmp(&when(b)))
        });
        alerts.truncate(MAX_ALERTS);
        alerts
    }

    /// From the first thing that any record tells of to the last.
    fn span(&self) -> Option<(Timestamp, Timestamp)> {
        let alerts = self.told.values().flat_map(|told| {
            let story = &told.latest;
            [story.window.0.unwrap_or(story.time), story.time]
        });
        let times: Vec<Timestamp> =
            alerts.chain(self.blind.values().flat_map(|blind| [blind.start, blind.end])).collect();
        Some((*times.iter().min()?, *times.iter().max()?))
    }
}

#[cfg(test)]
mod tests;
