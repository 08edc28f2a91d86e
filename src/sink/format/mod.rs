//! How a record is written. Machine formats are one record a line.

mod ecs;
mod text;

pub use ecs::ecs;
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
}

impl Format {
    pub const ALL: [Self; 2] = [Self::Text, Self::Ecs];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Ecs => "ecs",
        }
    }

    /// The record in this format, its final line feed included.
    pub fn write(self, record: &Record) -> String {
        match self {
            Self::Text => text(record),
            Self::Ecs => ecs(record),
        }
    }
}
