//! An alert in one line, for lists.

use crate::model::Record;
use crate::sink::redact;

use super::words;

/// When, how bad, what, who. Nothing for records that are no alerts.
pub fn brief(record: &Record) -> Option<String> {
    if !matches!(record, Record::Alert(_)) {
        return None;
    }
    let clean = redact::record(record);
    let Record::Alert(alert) = &*clean else { return None };
    let user = words::user(alert);
    let line = format!(
        "{} {} severity, {} confidence: {}, user {user} ({} revision {})",
        alert.time,
        alert.severity.as_str(),
        alert.confidence.as_str(),
        words::deed(alert),
        alert.id,
        alert.revision,
    );
    Some(words::visible(&words::within(&line, 400)))
}
