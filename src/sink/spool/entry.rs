//! What a record is in the spool: ready to send, in every form that an output asked for.

use serde::{Deserialize, Serialize};

use crate::model::Timestamp;
use crate::sink::format::Level;

/// What a record tells.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    Alert,
    Coverage,
    Heartbeat,
    /// Sent by `cloudward output test`.
    Test,
}

/// What outputs choose by.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Head {
    pub kind: Kind,
    #[serde(with = "level")]
    pub level: Level,
    /// The record's own id (`event.id`), the same on every sending.
    pub id: String,
    /// 1 unless a later report of the same chain.
    pub revision: u32,
    /// Rules that fired, or the kind of a coverage record.
    pub rules: Vec<String>,
    /// Event time, in nanoseconds since the epoch.
    #[serde(with = "nanos")]
    pub time: Timestamp,
}

/// A record that is about to be raised: its forms by their keys.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Draft {
    pub head: Head,
    pub forms: Vec<(String, String)>,
}

/// A record in the spool.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Entry {
    /// Rises by at least one with every record of this spool.
    pub seq: u64,
    /// When it was put there.
    #[serde(with = "nanos")]
    pub raised: Timestamp,
    #[serde(flatten)]
    pub head: Head,
    pub forms: Vec<(String, String)>,
}

impl Entry {
    /// The text of a form. A record that was raised before the configuration changed may lack it: then it goes out as
    /// it was written, in another form of the same family (the part of the key before the colon).
    pub fn form(&self, key: &str) -> Option<&str> {
        let family = |key: &str| key.split(':').next().map(str::to_owned);
        let exact = self.forms.iter().find(|(known, _)| known == key);
        let near = || self.forms.iter().find(|(known, _)| family(known) == family(key));
        exact.or_else(near).map(|(_, text)| text.as_str())
    }

    /// Tells one report from another: the id alone is shared by all revisions of a chain.
    pub fn name(&self) -> String {
        match self.head.revision {
            0 | 1 => self.head.id.clone(),
            revision => format!("{}.{revision}", self.head.id),
        }
    }
}

mod level {
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};

    use crate::sink::format::Level;

    pub fn serialize<S: Serializer>(level: &Level, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(level.scale().name)
    }

    pub fn deserialize<'d, D: Deserializer<'d>>(from: D) -> Result<Level, D::Error> {
        let name = String::deserialize(from)?;
        let found = Level::ALL.into_iter().find(|level| level.scale().name == name);
        found.ok_or_else(|| D::Error::custom("no such level"))
    }
}

mod nanos {
    use serde::{Deserialize, Deserializer, Serializer};

    use crate::model::Timestamp;

    pub fn serialize<S: Serializer>(time: &Timestamp, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_i64(time.as_nanos())
    }

    pub fn deserialize<'d, D: Deserializer<'d>>(from: D) -> Result<Timestamp, D::Error> {
        i64::deserialize(from).map(Timestamp::from_nanos)
    }
}
