//! Detection rules, as data.

use std::sync::Arc;

use crate::model::Severity;

use super::services::Category;

/// What must have happened.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum RuleKind {
    /// A sensitive read, then an upload by the same lineage.
    ReadThenUpload,
    /// A sensitive file put where a sync client uploads it.
    SyncDrop,
    /// A command line that names both the sensitive file and the destination.
    ArgvUpload,
    /// Sensitive data, and a tunnel through which it can be fetched.
    Tunnel,
    /// A command that hands cloud data to another account.
    ControlPlane,
    /// A sensitive read, then an upload to a nameless destination.
    UnknownDestination,
}

impl RuleKind {
    pub const ALL: [Self; 6] = [
        Self::ReadThenUpload,
        Self::SyncDrop,
        Self::ArgvUpload,
        Self::Tunnel,
        Self::ControlPlane,
        Self::UnknownDestination,
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ReadThenUpload => "read-then-upload",
            Self::SyncDrop => "sync-drop",
            Self::ArgvUpload => "argv-upload",
            Self::Tunnel => "tunnel",
            Self::ControlPlane => "control-plane",
            Self::UnknownDestination => "unknown-destination",
        }
    }
}

/// A detection.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Rule {
    pub id: Arc<str>,
    pub name: Arc<str>,
    pub version: Arc<str>,
    pub severity: Severity,
    /// ATT&CK technique ids, such as `T1567.002`.
    pub techniques: Vec<Arc<str>>,
    pub when: RuleKind,
    /// Only for services of these categories; `None` for all.
    pub categories: Option<Vec<Category>>,
}

impl Rule {
    /// Does it speak of this kind of happening with this kind of service?
    pub fn covers(&self, kind: RuleKind, category: Option<Category>) -> bool {
        let fits = |wanted: &Vec<Category>| category.is_some_and(|category| wanted.contains(&category));
        self.when == kind && self.categories.as_ref().is_none_or(fits)
    }
}
