//! An upload of sensitive data, let through or alerted: what a history is made of.

use std::sync::Arc;

use super::{AlertId, FilePath, ProcessEvidence, Timestamp, Uid};

/// Paths that one of them names.
pub const MAX_PATHS: usize = 8;

#[derive(Clone, PartialEq, Debug)]
pub struct Upload {
    /// Event time of its end, or of the alert.
    pub time: Timestamp,
    pub user: Uid,
    pub user_name: Option<Arc<str>>,
    pub uploader: Arc<ProcessEvidence>,
    pub parent: Option<Arc<ProcessEvidence>>,
    /// Names of the sensitive sets, sorted.
    pub sets: Vec<Arc<str>>,
    /// Of the files, [`MAX_PATHS`] at most.
    pub paths: Vec<FilePath>,
    pub service: Arc<str>,
    pub tenant: Option<Arc<str>>,
    /// What the service is for, as configuration names it.
    pub category: Option<Arc<str>>,
    pub count: u64,
    pub bytes_out: u64,
    pub bytes_in: u64,
    pub outcome: Outcome,
}

/// What came of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// The name of the allow entry.
    Allowed(Arc<str>),
    Alerted(AlertId),
}
