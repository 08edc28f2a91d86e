//! What makes two pairs one chain, and what the chain is called.

use std::sync::Arc;

use sha2::{Digest, Sha256};

use crate::model::{AlertId, Timestamp};
use crate::policy::{Policy, SetMask};

use super::completion::Completion;
use super::window::Place;

/// The first thing that happened in a pair: its earliest read.
pub fn first_step(completion: &Completion) -> Timestamp {
    let reads = completion.carried.iter().map(|carried| carried.bearing.read.time);
    reads.min().unwrap_or(completion.time).min(completion.time)
}

/// A place as one word.
pub fn place_word(place: &Place) -> Arc<str> {
    match place {
        Place::Service { name, tenant } => format!("{name}\u{1f}{}", tenant.as_deref().unwrap_or("")).into(),
        Place::Nameless => "\u{1f}nameless".into(),
    }
}

/// The uploading program's code identity and the place.
pub fn who_where(code: &str, place: &str) -> Arc<str> {
    format!("{code}\u{1e}{place}").into()
}

/// The same, out of a chain's key.
pub fn who_where_of(key: &str) -> Option<Arc<str>> {
    let mut parts = key.split('\u{1e}').skip(2);
    let (code, place) = (parts.next()?, parts.nth(1)?);
    Some(who_where(code, place))
}

/// What must be the same for two pairs of different lineages to be one chain.
pub fn chain_key(policy: &Policy, completion: &Completion) -> Arc<str> {
    let mut readers: Vec<&str> =
        completion.carried.iter().map(|carried| &*carried.bearing.read.code).collect();
    readers.sort_unstable();
    readers.dedup();
    let mut mask = SetMask::default();
    completion.carried.iter().for_each(|carried| mask = mask.union(carried.sets));
    let mut sets: Vec<&str> = mask.iter().map(|set| &*policy.set(set).name).collect();
    sets.sort_unstable();
    let (code, place) = (&completion.code, place_word(&completion.place));
    let user = completion.user.map_or_else(|| "-".to_owned(), |user| user.0.to_string());
    format!("{user}\u{1e}{}\u{1e}{code}\u{1e}{}\u{1e}{place}", readers.join("\u{1f}"), sets.join("\u{1f}"))
        .into()
}

/// A hash of the chain and of its first pair, shaped as a version 8 UUID (RFC 9562).
pub fn alert_id(completion: &Completion, key: &str) -> AlertId {
    let mut hash = Sha256::new();
    hash.update(key.as_bytes());
    hash.update(first_step(completion).as_nanos().to_le_bytes());
    if let Some(process) = completion.uploader.process().map(|process| process.info.key) {
        hash.update(process.pid.0.to_le_bytes());
        hash.update(process.version.to_le_bytes());
    }
    if let Some(event) = &completion.audit {
        hash.update(event.record.as_bytes());
    }
    AlertId::of_hash(&hash.finalize().into())
}
