//! What the daemon asks of the other rooms, in one place.

use std::path::Path;
use std::sync::Arc;

use crate::model::{Input, PathHash, Record, Timestamp};
use crate::sensor::gate::{Gate, PathInterest};

/// A compiled configuration.
#[derive(Debug)]
pub(super) struct Policy;

/// The engine, as the daemon sees it.
pub(super) trait Thinker: Send {
    /// One input in; what it led to is added to `said`.
    fn feed(&mut self, input: Input, said: &mut Vec<Record>);
    /// Time passed: what was held back for stragglers up to then may go on.
    fn tick(&mut self, now: Timestamp, said: &mut Vec<Record>);
    /// Nothing more will come.
    fn finish(&mut self, said: &mut Vec<Record>);
    /// Another policy, from now on.
    fn adopt(&mut self, policy: Arc<Policy>);
}

/// Reads and compiles the configuration; every complaint at once if it is wrong.
pub(super) fn load(_config: Option<&Path>) -> Result<Arc<Policy>, String> {
    Ok(Arc::new(Policy))
}

/// What a sensor asks about paths.
pub(super) fn gate(_policy: &Arc<Policy>) -> Box<dyn Gate + Send> {
    struct Nothing;
    impl Gate for Nothing {
        fn path(&mut self, _: &[u8]) -> PathInterest {
            PathInterest { matters: false, hash: PathHash(0) }
        }
    }
    Box::new(Nothing)
}

/// The engine.
pub(super) fn thinker(_policy: &Arc<Policy>) -> Box<dyn Thinker> {
    /// Passes blind spots on and thinks nothing.
    struct Echo;
    impl Thinker for Echo {
        fn feed(&mut self, input: Input, said: &mut Vec<Record>) {
            if let Input::Coverage(coverage) = input {
                said.push(Record::Coverage(coverage));
            }
        }
        fn tick(&mut self, _: Timestamp, _: &mut Vec<Record>) {}
        fn finish(&mut self, _: &mut Vec<Record>) {}
        fn adopt(&mut self, _: Arc<Policy>) {}
    }
    Box::new(Echo)
}

/// One record as a JSON object, without a line feed.
pub(super) fn write(record: &Record, out: &mut Vec<u8>) {
    let line = match record {
        Record::Alert(alert) => serde_json::json!({
            "@timestamp": alert.time.to_string(),
            "event": { "kind": "alert", "id": alert.id.to_string() },
        }),
        Record::Coverage(coverage) => serde_json::json!({
            "@timestamp": coverage.end.to_string(),
            "event": { "kind": "state", "dataset": "cloudward.coverage" },
            "message": coverage.text,
            "cloudward": { "coverage": { "kind": coverage.kind.as_str(), "count": coverage.count } },
        }),
    };
    out.extend_from_slice(line.to_string().as_bytes());
}
