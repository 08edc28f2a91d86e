//! One record, with what the readers ask of it.

use std::borrow::Cow;
use std::net::SocketAddr;
use std::sync::Arc;

use serde_json::Value;

use crate::model::{AuditLog, CommandKind, Timestamp};

use super::{azure, google_cloud};

/// Domains whose addresses have nothing to do with each other.
const NOBODYS: [&str; 8] = [
    "gmail.com",
    "googlemail.com",
    "hotmail.com",
    "icloud.com",
    "live.com",
    "outlook.com",
    "proton.me",
    "yahoo.com",
];

/// Longest text kept of a record, in bytes.
const MAX_TEXT: usize = 1024;

/// Why a record that hands data over is of no use.
pub(super) const NO_TIME: &str = "a record without a readable time; left out";

#[derive(Clone, Copy)]
pub(super) struct Record<'a>(pub &'a Value);

/// What a call hands over.
pub(super) struct Told {
    pub kind: CommandKind,
    pub with: Vec<Arc<str>>,
    pub into: Option<Arc<str>>,
    pub items: Vec<Arc<str>>,
}

impl<'a> Record<'a> {
    /// Whose record it is, by the fields that every record of that log has.
    pub fn log(self) -> Option<AuditLog> {
        let activity = self.text("kind") == Some("admin#reports#activity");
        let drive = self.0.pointer("/id/applicationName").is_some();
        if self.text("eventSource").is_some() && self.text("eventName").is_some() {
            Some(AuditLog::CloudTrail)
        } else if self.text("Operation").is_some() && self.text("CreationTime").is_some() {
            Some(AuditLog::Microsoft365)
        } else if google_cloud::is_entry(self) {
            Some(AuditLog::GoogleCloud)
        } else if azure::is_record(self) {
            Some(AuditLog::Azure)
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

/// A moment in UTC; logs leave out the zone, write it out, or write a blank for the `T`.
pub(super) fn moment(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    let text = text.strip_suffix(" UTC").unwrap_or(text);
    if text.contains('/') {
        return Timestamp::parse(american(text)?.as_bytes());
    }
    let mut text = text.replacen(' ', "T", 1);
    let clock = text.split_once('T').map_or("", |(_, clock)| clock);
    if !clock.ends_with('Z') && !clock.contains(['+', '-']) {
        text.push('Z');
    }
    Timestamp::parse(text.as_bytes())
}

/// `2/25/2025, 9:19:25.391 AM`, as Azure's portal writes times in UTC.
fn american(text: &str) -> Option<String> {
    let (day, clock) = text.split_once(", ")?;
    let (clock, half) = clock.split_once(' ')?;
    let mut parts = day.split('/').map(str::parse::<u16>);
    let (month, day, year) = (parts.next()?.ok()?, parts.next()?.ok()?, parts.next()?.ok()?);
    let (hour, rest) = clock.split_once(':')?;
    let hour = match (hour.parse::<u8>().ok()?, half) {
        (12, "AM") => 0,
        (hour, "AM") | (hour @ 12, "PM") => hour,
        (hour, "PM") => hour.checked_add(12)?,
        _ => return None,
    };
    Some(format!("{year:04}-{month:02}-{day:02}T{hour:02}:{rest}Z"))
}

/// `203.0.113.7:51234` and `[2001:db8::1]:51234` are written with the port.
pub(super) fn address(text: &str) -> Arc<str> {
    let plain = text.parse::<SocketAddr>().map(|socket| socket.ip().to_string());
    kept(&plain.unwrap_or_else(|_| text.trim_matches(['[', ']']).to_owned()))
}

/// JSON within JSON: the text is read, anything else is taken as it is.
pub(super) fn opened(value: &Value) -> Cow<'_, Value> {
    match value {
        Value::String(text) => Cow::Owned(serde_json::from_str(text).unwrap_or(Value::Null)),
        value => Cow::Borrowed(value),
    }
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

/// The domain of an address.
fn domain(address: &str) -> Option<&str> {
    address.rsplit_once('@').map(|(_, domain)| domain)
}

/// Is this address, or domain, of the same organisation as the address of whoever calls?
pub(super) fn is_colleague(who: &str, caller: &str) -> bool {
    let own = domain(caller).filter(|own| !NOBODYS.contains(own));
    own.is_some_and(|own| domain(who).unwrap_or(who) == own)
}

/// Names of a thing, each once.
pub(super) fn distinct(names: impl IntoIterator<Item = Option<Arc<str>>>) -> Vec<Arc<str>> {
    let mut once: Vec<Arc<str>> = Vec::new();
    for name in names.into_iter().flatten().filter(|name| !name.is_empty()) {
        if !once.contains(&name) {
            once.push(name);
        }
    }
    once
}
