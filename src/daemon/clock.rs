//! The one place that asks what time it is.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::model::Timestamp;

/// Now, on the clock that stamps events. Before 1970 it is 1970.
pub(crate) fn now() -> Timestamp {
    let nanos = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
    Timestamp::from_nanos(i64::try_from(nanos).unwrap_or(i64::MAX))
}
