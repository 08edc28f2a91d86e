//! Records out of JSON, one document or many, whatever list they stand in.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use super::Audit;

/// Lists of records: of CloudTrail's files, of `aws cloudtrail lookup-events`, of Google's `activities.list`, of
/// Microsoft Graph and Azure's interface, of what Azure writes to an event hub. No record has a field of these names.
const LISTS: [&str; 5] = ["Records", "Events", "items", "value", "records"];

/// One document on each line if the first line is one; else all of it is one, or several without line ends between.
pub(super) fn read(bytes: &[u8], audit: &mut Audit) {
    let mut lines =
        bytes.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii).filter(|line| !line.is_empty());
    let first = lines.next().unwrap_or_default();
    if serde_json::from_slice::<serde::de::IgnoredAny>(first).is_err() {
        return document(bytes, None, audit);
    }
    for (index, line) in bytes.split(|byte| *byte == b'\n').enumerate() {
        let line = line.trim_ascii();
        if !line.is_empty() {
            document(line, Some(index as u64 + 1), audit);
        }
    }
}

fn document(bytes: &[u8], line: Option<u64>, audit: &mut Audit) {
    let mut rest = serde_json::Deserializer::from_slice(bytes);
    while rest.end().is_err() {
        if let Err(error) = (Taker { audit, line: line.unwrap_or(1) }).deserialize(&mut rest) {
            let at = line.unwrap_or(error.line() as u64);
            return audit.complain(at, format!("broken JSON: {error}"));
        }
    }
}

/// The record within a wrapper that holds it as text or as one of its fields.
pub(super) fn unwrapped(record: &Value) -> Option<Value> {
    let texts = ["CloudTrailEvent", "AuditData", "auditData"].iter().filter_map(|name| record.get(name));
    for value in texts {
        match value {
            Value::String(text) => return serde_json::from_str(text).ok(),
            Value::Object(_) => return Some(value.clone()),
            _ => {}
        }
    }
    // EventBridge.
    record.get("detail").filter(|detail| detail.get("eventSource").is_some()).cloned()
}

/// Hands on each record of a document as soon as it is read, so that a long list is never whole in memory.
struct Taker<'a> {
    audit: &'a mut Audit,
    line: u64,
}

impl<'de> DeserializeSeed<'de> for Taker<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Taker<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("records")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        while list.next_element_seed(Taker { audit: self.audit, line: self.line })?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let (mut record, mut listed) = (Map::new(), false);
        while let Some(key) = map.next_key::<String>()? {
            if LISTS.contains(&&*key) {
                listed = true;
                map.next_value_seed(Taker { audit: self.audit, line: self.line })?;
            } else {
                record.insert(key, map.next_value()?);
            }
        }
        if !listed {
            self.audit.take(&Value::Object(record), self.line);
        }
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
}
