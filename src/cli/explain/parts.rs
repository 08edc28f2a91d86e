//! What an answer is made of. Places are `file:line`.

use serde::Serialize;

use crate::config::{Place, Written};

/// Everything there is to say.
#[derive(Serialize, Debug)]
pub struct Answer {
    pub process: Actor,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parent: Option<Actor>,
    pub user: String,
    pub file: FileAnswer,
    pub sets: Vec<SetAnswer>,
    pub destination: Destination,
    pub rules: Vec<RuleAnswer>,
    pub verdict: VerdictAnswer,
}

#[derive(Serialize, Debug)]
pub struct Actor {
    pub path: String,
    pub signature: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub script: Option<String>,
    /// Code that is not the program's own, by other means than a script.
    pub runs_other_code: bool,
    /// Nothing was said of its signature: it is taken to have none.
    #[serde(skip)]
    pub unsaid: bool,
}

#[derive(Serialize, Debug)]
pub struct FileAnswer {
    pub path: String,
    pub canonical: String,
    pub why: Vec<String>,
}

/// A set with a pattern that matches.
#[derive(Serialize, Debug)]
pub struct SetAnswer {
    pub name: String,
    pub severity: &'static str,
    pub window: String,
    pub min_bytes: u64,
    pub pattern: Cited,
    /// The pattern by which the set leaves the file out after all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub excluded: Option<Cited>,
    /// Entries about reading.
    pub reading: Vec<Entry>,
    /// Entries by which the read stays with the program: what it starts does not carry it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub keeping: Vec<Entry>,
    /// Entries about sending it there; none are asked of a destination that is no service.
    pub sending: Vec<Entry>,
}

impl SetAnswer {
    /// The file is in the set.
    pub fn holds(&self) -> bool {
        self.excluded.is_none()
    }

    pub fn excused_by(&self) -> Option<&Entry> {
        self.reading.iter().find(|entry| entry.applies)
    }

    pub fn permitted_by(&self) -> Option<&Entry> {
        self.sending.iter().find(|entry| entry.applies)
    }
}

/// Something written, and where.
#[derive(Clone, PartialEq, Eq, Serialize, Debug)]
pub struct Cited {
    pub text: String,
    pub at: String,
}

/// An allow entry that was looked at.
#[derive(Clone, Serialize, Debug)]
pub struct Entry {
    pub name: String,
    pub at: String,
    pub applies: bool,
    pub failed: Vec<Cited>,
}

/// Where it goes.
#[derive(Serialize, Debug)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Destination {
    Service(ServiceAnswer),
    /// A name that no service has.
    Elsewhere {
        name: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        except: Option<Cited>,
    },
    /// An address: nobody can name it.
    Nameless {
        address: String,
        unknown: Cited,
    },
    /// A folder that no client synchronises.
    Folder {
        path: String,
    },
}

#[derive(Serialize, Debug)]
pub struct ServiceAnswer {
    pub name: String,
    pub service: String,
    pub category: &'static str,
    /// The pattern of the service or of the sync root.
    pub pattern: Cited,
    /// False: the name is never an upload target by itself.
    pub upload: bool,
    pub tenant: Option<String>,
    pub tenant_verdict: &'static str,
    /// Where the service is described.
    pub at: String,
    /// The actor is the root's own client.
    pub own_client: bool,
}

#[derive(Serialize, Debug)]
pub struct RuleAnswer {
    pub id: String,
    pub chance: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    pub at: String,
    /// It fires on this story.
    pub fires: bool,
}

#[derive(Serialize, Debug)]
pub struct VerdictAnswer {
    /// In the verdict words.
    pub verdict: &'static str,
    /// It would be seen: as an alert, as something allowed, or as a record of what could not be seen.
    pub seen: bool,
    pub sentence: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub severity: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub confidence: Option<&'static str>,
    pub reasons: Vec<String>,
    /// The lines that decide.
    pub decided_by: Vec<Cited>,
}

impl From<Written> for Cited {
    fn from(written: Written) -> Self {
        cited(written.text, Some(&written.at))
    }
}

pub fn cited(text: impl Into<String>, at: Option<&Place>) -> Cited {
    Cited { text: text.into(), at: at.map_or_else(String::new, Place::cite) }
}
