//! How a record is written. Machine formats are one record a line.
//!
//! Every format is a pure function of a record, takes the secrets out of it first, and writes alerts and coverage
//! records alike.

mod attack;
mod brief;
mod cef;
mod ecs;
mod heartbeat;
mod json;
mod leef;
mod levels;
mod ocsf;
mod rfc5424;
mod text;
pub(in crate::sink) mod words;

pub use brief::brief;
pub use cef::cef;
pub use ecs::ecs;
pub use leef::leef;
pub use levels::{Level, Scale};
pub use ocsf::ocsf;
pub use rfc5424::{Body, DOCUMENTATION_ENTERPRISE, LOCAL0, MAX_OCTETS, Sender, rfc5424};
pub use text::text;
pub use words::{is_trick, size, visible};

use crate::model::{AlertId, Record};
use crate::sink::redact;

/// A way to write a record.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Format {
    /// For people.
    #[default]
    Text,
    /// Elastic Common Schema, NDJSON.
    Ecs,
    /// OCSF Detection Finding, NDJSON.
    Ocsf,
    /// ArcSight Common Event Format.
    Cef,
    /// QRadar's Log Event Extended Format.
    Leef,
}

impl Format {
    pub const ALL: [Self; 5] = [Self::Text, Self::Ecs, Self::Ocsf, Self::Cef, Self::Leef];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Ecs => "ecs",
            Self::Ocsf => "ocsf",
            Self::Cef => "cef",
            Self::Leef => "leef",
        }
    }

    /// The record in this format, its final line feed included.
    pub fn write(self, record: &Record) -> String {
        match self {
            Self::Text => text(record),
            Self::Ecs => ecs(record),
            Self::Ocsf => ocsf(record),
            Self::Cef => cef(record),
            Self::Leef => leef(record),
        }
    }
}

/// What a receiver knows a record by: `event.id`, the same in every format.
pub fn id(record: &Record) -> AlertId {
    match record {
        Record::Alert(alert) => alert.id,
        Record::Coverage(coverage) => words::coverage_id(&redact::coverage(coverage)),
        Record::Heartbeat(heartbeat) => heartbeat::id(heartbeat),
    }
}

/// How severe a record is.
pub fn level(record: &Record) -> Level {
    match record {
        Record::Alert(alert) => alert.severity.into(),
        Record::Coverage(_) => Level::COVERAGE,
        Record::Heartbeat(_) => Level::Info,
    }
}
