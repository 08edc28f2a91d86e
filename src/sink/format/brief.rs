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
    let host = alert.flows.iter().find_map(|flow| flow.domain.as_ref().map(ToString::to_string));
    let place = host.or_else(|| alert.service.as_deref().map(ToOwned::to_owned));
    let user = words::user(alert);
    let line = format!(
        "{} {} severity, {} confidence: {} sent {} to {}, user {user} ({} revision {})",
        alert.time,
        alert.severity.as_str(),
        alert.confidence.as_str(),
        words::actor_name(&alert.uploader),
        words::size(alert.bytes_out),
        place.as_deref().unwrap_or("an unknown place"),
        alert.id,
        alert.revision,
    );
    Some(words::visible(&words::within(&line, 400)))
}
