//! One record, with what the readers ask of it.

use std::sync::Arc;

use serde_json::Value;

use crate::model::{AuditLog, Timestamp};

/// Longest text kept of a record, in bytes.
const MAX_TEXT: usize = 1024;

/// Why a record that hands data over is of no use.
pub(super) const NO_TIME: &str = "a record without a readable time; left out";

#[derive(Clone, Copy)]
pub(super) struct Record<'a>(pub &'a Value);

impl<'a> Record<'a> {
    /// Whose record it is, by the fields that every record of that log has.
    pub fn log(self) -> Option<AuditLog> {
        let activity = self.text("kind") == Some("admin#reports#activity");
        let drive = self.0.pointer("/id/applicationName").is_some();
        if self.text("eventSource").is_some() && self.text("eventName").is_some() {
            Some(AuditLog::CloudTrail)
        } else if self.text("Operation").is_some() && self.text("CreationTime").is_some() {
            Some(AuditLog::Microsoft365)
        } else {
            (activity || drive).then_some(AuditLog::GoogleWorkspace)
        }
    }

    /// A text of the record itself.
    pub fn text(self, name: &str) -> Option<&'a str> {
        self.0.get(name).and_then(Value::as_str).filter(|text| !text.is_empty())
    }

    /// A text deeper down (RFC 6901).
    pub fn at(self, pointer: &str) -> Option<&'a str> {
        self.0.pointer(pointer).and_then(Value::as_str).filter(|text| !text.is_empty())
    }
}

/// Shared text, cut where it is too long to be evidence.
pub(super) fn kept(text: &str) -> Arc<str> {
    let mut end = text.len().min(MAX_TEXT);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    Arc::from(&text[..end])
}

/// A moment in UTC; logs leave out the zone, or write a blank for the `T`.
pub(super) fn moment(text: &str) -> Option<Timestamp> {
    let mut text = text.trim().replacen(' ', "T", 1);
    let clock = text.split_once('T').map_or("", |(_, clock)| clock);
    if !clock.ends_with('Z') && !clock.contains(['+', '-']) {
        text.push('Z');
    }
    Timestamp::parse(text.as_bytes())
}

/// Every text in a value that is a text, a list, or an object of them.
pub(super) fn texts<'a>(value: &'a Value, depth: u8, found: &mut Vec<&'a str>) {
    match value {
        _ if depth == 0 => {}
        Value::String(text) => found.push(text),
        Value::Array(list) => list.iter().for_each(|one| texts(one, depth - 1, found)),
        Value::Object(map) => map.values().for_each(|one| texts(one, depth - 1, found)),
        _ => {}
    }
}
