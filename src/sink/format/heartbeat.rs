//! What the formats say of a heartbeat alike.

use sha2::{Digest, Sha256};

use crate::model::{AlertId, Heartbeat, Pulse};

use super::words::{PRODUCT, VERSION};

/// Stable: a daemon's start and a number of its own (RFC 9562, version 8).
pub fn id(heartbeat: &Heartbeat) -> AlertId {
    let Heartbeat { pulse, since, sequence, time, .. } = heartbeat;
    let said = format!("heartbeat\n{}\n{since}\n{sequence}\n{time}", pulse.as_str());
    AlertId::of_hash(&Sha256::digest(said.as_bytes()).into())
}

/// One sentence for a person.
pub fn message(heartbeat: &Heartbeat) -> String {
    let silence = match heartbeat.every {
        Some(every) => format!("; silence for longer than {every} is an alarm"),
        None => String::new(),
    };
    match heartbeat.pulse {
        Pulse::Start => format!("{PRODUCT} {VERSION} started{silence}"),
        Pulse::Alive => format!("{PRODUCT} {VERSION} is alive since {}{silence}", heartbeat.since),
        Pulse::Stop => format!("{PRODUCT} {VERSION} was asked to stop"),
        Pulse::Test => format!("{PRODUCT} {VERSION}: a test record, nothing happened"),
    }
}

/// Every number by its name, what could not be seen behind the rest.
pub fn numbers(heartbeat: &Heartbeat) -> impl Iterator<Item = (String, u64)> {
    let counters = heartbeat.counters.iter().map(|(name, count)| (name.to_string(), *count));
    let coverage =
        heartbeat.coverage.iter().map(|(kind, count)| (format!("coverage.{}", kind.as_str()), *count));
    counters.chain(coverage)
}

/// The numbers in one text, for formats with few fields.
pub fn sum(heartbeat: &Heartbeat) -> String {
    numbers(heartbeat).map(|(name, count)| format!("{name}:{count}")).collect::<Vec<_>>().join(" ")
}
