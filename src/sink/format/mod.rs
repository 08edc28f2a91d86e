//! How a record is written. Machine formats are one record a line.
//!
//! Every format is a pure function of a record, takes the secrets out of it first, and writes alerts and coverage
//! records alike.

mod attack;
mod cef;
mod ecs;
mod json;
mod leef;
mod levels;
mod ocsf;
mod rfc5424;
mod text;
mod words;

pub use cef::cef;
pub use ecs::ecs;
pub use leef::leef;
pub use levels::{Level, Scale};
pub use ocsf::ocsf;
pub use rfc5424::{Body, DOCUMENTATION_ENTERPRISE, LOCAL0, MAX_OCTETS, Sender, rfc5424};
pub use text::text;

use crate::model::Record;

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
}

impl Format {
    pub const ALL: [Self; 4] = [Self::Text, Self::Ecs, Self::Ocsf, Self::Cef];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Ecs => "ecs",
            Self::Ocsf => "ocsf",
            Self::Cef => "cef",
        }
    }

    /// The record in this format, its final line feed included.
    pub fn write(self, record: &Record) -> String {
        match self {
            Self::Text => text(record),
            Self::Ecs => ecs(record),
            Self::Ocsf => ocsf(record),
            Self::Cef => cef(record),
        }
    }
}
