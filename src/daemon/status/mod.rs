//! What the daemon says of itself to whoever may ask.

mod ask;
mod control;
mod prometheus;
mod text;

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

pub use ask::{AskError, ask};
pub(super) use control::Control;
pub use control::DEFAULT_SOCKET;
pub use prometheus::prometheus;
pub use text::text;

/// Alerts remembered for the list of the last ones.
pub(super) const LAST_ALERTS: usize = 10;
/// Rates are over this long.
const RATE_OVER: Duration = Duration::from_secs(10);

/// The state of the daemon, as the socket and `status --json` write it. Fields are added, not changed.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Status {
    pub version: String,
    pub pid: u32,
    /// RFC 3339, UTC.
    pub started: String,
    pub uptime_seconds: u64,
    pub sensors: Vec<Sensor>,
    pub tables: Vec<Table>,
    /// Totals since the start, by name.
    pub totals: Vec<Total>,
    pub outputs: Vec<Output>,
    /// The last ones in one line each, without secrets; the newest last.
    pub last_alerts: Vec<String>,
    pub configuration: Configuration,
}

#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Sensor {
    pub name: String,
    pub state: String,
    /// It sees what it should.
    pub well: bool,
    pub per_second: f64,
    pub heard: u64,
    pub lost: u64,
}

#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Table {
    pub name: String,
    pub used: u64,
    pub limit: u64,
}

#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Total {
    pub name: String,
    pub count: u64,
}

#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Output {
    pub name: String,
    pub kind: String,
    pub state: String,
    pub sent: u64,
    pub failures: u64,
    /// Records that the receiver will never take.
    pub refused: u64,
    /// Records that wait on disk.
    pub spooled: u64,
    pub spooled_bytes: u64,
    pub last_error: Option<String>,
}

#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Configuration {
    /// The same 16 digits as in every alert.
    pub hash: String,
    pub file: Option<String>,
    /// When the one in force was read; RFC 3339, UTC.
    pub since: String,
    /// What was wrong with a newer one that was refused.
    pub rejected: Option<String>,
    /// Every single value, and the entries that are not built in.
    pub values: Vec<Value>,
}

#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Value {
    pub key: String,
    pub value: String,
    /// File and line, or where else it is from.
    pub origin: String,
    pub builtin: bool,
}

/// How fast counters grow.
#[derive(Debug, Default)]
pub(super) struct Rates<const N: usize> {
    samples: VecDeque<(Instant, [u64; N])>,
}

impl<const N: usize> Rates<N> {
    pub(super) fn new() -> Self {
        Self { samples: VecDeque::new() }
    }

    /// Call now and then, not much more often than some times a second.
    pub(super) fn sample(&mut self, now: Instant, counts: [u64; N]) {
        let old = |sample: &(Instant, _)| now.duration_since(sample.0) > RATE_OVER;
        while self.samples.len() > 1 && self.samples.front().is_some_and(old) {
            self.samples.pop_front();
        }
        self.samples.push_back((now, counts));
    }

    /// The time that the rates are over is whole.
    pub(super) fn is_full(&self) -> bool {
        let (Some((from, _)), Some((to, _))) = (self.samples.front(), self.samples.back()) else {
            return false;
        };
        to.duration_since(*from) >= RATE_OVER - Duration::from_secs(1)
    }

    /// Of each counter, in one second.
    pub(super) fn per_second(&self) -> [f64; N] {
        let (Some((from, first)), Some((to, last))) = (self.samples.front(), self.samples.back()) else {
            return [0.0; N];
        };
        let seconds = to.duration_since(*from).as_secs_f64();
        std::array::from_fn(|at| match seconds > 0.0 {
            true => last[at].saturating_sub(first[at]) as f64 / seconds,
            false => 0.0,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_over_the_last_seconds() {
        let (start, mut rates) = (Instant::now(), Rates::<1>::new());
        assert_eq!(rates.per_second(), [0.0]);
        for second in 0..100 {
            let count = if second < 50 { 0 } else { (second - 50) * 30 };
            rates.sample(start + Duration::from_secs(second), [count]);
        }
        assert_eq!(rates.per_second(), [30.0]);
        assert!(rates.samples.len() < 20);
    }
}
