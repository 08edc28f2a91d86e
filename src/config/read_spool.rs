//! `[spool]` and `[heartbeat]`: how records wait, and how often it is said that all is well.

use std::path::PathBuf;

use crate::model::Span;
use crate::sink::output::Heartbeats;
use crate::sink::spool;

use super::diagnostics::Complaint;
use super::read_options::within;
use super::read_outputs::absolute;
use super::schema;
use super::section::{Section, duration, size};

/// Stands in where even the built-in value is gone, which the shipped configuration never lets happen.
const MAX_BYTES: u64 = 256 << 20;
const MAX_AGE: Span = Span::from_secs(7 * 86_400);
const SPOOL: &str = "/var/db/cloudward/spool";
/// Less would be a segment or two.
const LEAST_SPOOL: u64 = 1 << 20;
/// Whoever writes zero means for ever, and would lose what the first try does not deliver.
const LEAST_AGE: Span = Span::from_secs(1);
const EVERY: Span = Span::from_secs(300);
/// More often is noise.
const LEAST_EVERY: Span = Span::from_secs(1);

pub(super) fn spool(root: &mut Section<'_, '_>) -> spool::Options {
    let mut spool = spool::Options { path: PathBuf::from(SPOOL), max_bytes: MAX_BYTES, max_age: MAX_AGE };
    within(root, ("spool", schema::SPOOL), |section| {
        let path = section.read("path", absolute);
        spool.path = path.map_or_else(|| spool.path.clone(), |path| path.value);
        let bytes = section.read("max_bytes", |node| at_least(size(node)?, LEAST_SPOOL, "1MiB"));
        spool.max_bytes = bytes.map_or(spool.max_bytes, |bytes| bytes.value);
        let age = section.read("max_age", |node| at_least(duration(node)?, LEAST_AGE, "1s"));
        spool.max_age = age.map_or(spool.max_age, |age| age.value);
    });
    spool
}

pub(super) fn heartbeats(root: &mut Section<'_, '_>) -> Heartbeats {
    let mut heartbeats = Heartbeats { every: EVERY };
    within(root, ("heartbeat", schema::HEARTBEAT), |section| {
        let every = section.read("every", |node| match duration(node)? {
            Span::ZERO => Ok(Span::ZERO),
            every => at_least(every, LEAST_EVERY, "1s"),
        });
        heartbeats.every = every.map_or(heartbeats.every, |every| every.value);
    });
    heartbeats
}

pub(super) fn at_least<T: PartialOrd>(value: T, least: T, words: &str) -> Result<T, Complaint> {
    if value < least {
        Err(Complaint::new(format!("must be at least \"{words}\""))
            .hint(format!("write \"{words}\" or more")))
    } else {
        Ok(value)
    }
}
