//! What a cloud's own audit log says was done in it: a second witness, who sees no Mac.

use std::fmt;
use std::sync::Arc;

use super::{ProcessEvidence, Timestamp};

/// By what means the cloud itself hands data over.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum CommandKind {
    /// Another account, or everybody, is given access to data.
    Share,
    /// The service copies data elsewhere; no byte passes this Mac.
    Copy,
    /// A link opens data to whoever has it.
    Link,
}

impl CommandKind {
    pub const ALL: [Self; 3] = [Self::Share, Self::Copy, Self::Link];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Share => "share",
            Self::Copy => "copy",
            Self::Link => "link",
        }
    }
}

/// Whose log it is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum AuditLog {
    /// AWS CloudTrail.
    CloudTrail,
    /// The unified audit log of Microsoft 365.
    Microsoft365,
    /// The Drive log of Google Workspace (Admin SDK, Reports API).
    GoogleWorkspace,
    /// Cloud Audit Logs of Google Cloud.
    GoogleCloud,
    /// The Azure Activity log.
    Azure,
}

impl AuditLog {
    pub const ALL: [Self; 5] =
        [Self::CloudTrail, Self::Microsoft365, Self::GoogleWorkspace, Self::GoogleCloud, Self::Azure];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::CloudTrail => "cloudtrail",
            Self::Microsoft365 => "microsoft-365",
            Self::GoogleWorkspace => "google-workspace",
            Self::GoogleCloud => "google-cloud",
            Self::Azure => "azure-activity",
        }
    }

    /// As people call it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::CloudTrail => "AWS CloudTrail",
            Self::Microsoft365 => "the Microsoft 365 audit log",
            Self::GoogleWorkspace => "the Google Workspace audit log",
            Self::GoogleCloud => "the Google Cloud audit log",
            Self::Azure => "the Azure Activity log",
        }
    }

    /// ECS's word for the provider (`cloud.provider`).
    pub const fn provider(self) -> &'static str {
        match self {
            Self::CloudTrail => "aws",
            Self::Microsoft365 | Self::Azure => "azure",
            Self::GoogleWorkspace | Self::GoogleCloud => "gcp",
        }
    }
}

/// An account of the cloud, as a record names it. What the record does not say is absent.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CloudAccount {
    pub log: AuditLog,
    /// E-mail address, user name, or the session name of a role.
    pub user: Option<Arc<str>>,
    /// The principal: an ARN, a key, a profile number, the id of an object in a directory.
    pub principal: Option<Arc<str>>,
    /// Account number, organisation, customer, project or subscription that the log belongs to.
    pub account: Option<Arc<str>>,
    /// Where the request came from; an address, or the name of a service of the provider.
    pub address: Option<Arc<str>>,
    pub agent: Option<Arc<str>>,
}

impl CloudAccount {
    /// The best name there is.
    pub fn name(&self) -> &str {
        self.user.as_deref().or(self.principal.as_deref()).unwrap_or("an unnamed account")
    }
}

/// One record by which data was handed over.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AuditEvent {
    pub time: Timestamp,
    /// The log's own id of the record; empty if it has none.
    pub record: Arc<str>,
    /// The log's own word, such as `ModifySnapshotAttribute`.
    pub operation: Arc<str>,
    pub by: Arc<CloudAccount>,
    pub kind: CommandKind,
    /// Name of the service in the catalogue.
    pub service: Arc<str>,
    /// Whom it lets in, or whose account receives. Empty: the record does not say.
    pub with: Vec<Arc<str>>,
    /// The bucket that receives, whoever owns it.
    pub into: Option<Arc<str>>,
    /// What was handed over: file names, snapshots, buckets.
    pub items: Vec<Arc<str>>,
}

/// One sentence, without the log's name.
impl fmt::Display for AuditEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let items = if self.items.is_empty() { "data".to_owned() } else { self.items.join(", ") };
        write!(f, "{} ", self.by.name())?;
        match (self.kind, &*self.with, &self.into) {
            (CommandKind::Share, [], _) => write!(f, "gave somebody access to {items}")?,
            (CommandKind::Share, with, _) => write!(f, "gave {} access to {items}", with.join(", "))?,
            (CommandKind::Copy, [], Some(bucket)) => write!(f, "had {items} copied to {bucket}")?,
            (CommandKind::Copy, [], None) => write!(f, "had {items} copied elsewhere")?,
            (CommandKind::Copy, with, Some(bucket)) => {
                write!(f, "had {items} copied to {bucket} of account {}", with.join(", "))?;
            }
            (CommandKind::Copy, with, None) => {
                write!(f, "had {items} copied to account {}", with.join(", "))?
            }
            (CommandKind::Link, ..) => write!(f, "made a link to {items} for whoever has it")?,
        }
        write!(f, " ({})", self.operation)
    }
}

/// Who let data out.
#[derive(Clone, PartialEq, Debug)]
pub enum Actor {
    /// A process on this Mac.
    Process(Arc<ProcessEvidence>),
    /// An account of a cloud, known from its audit log alone.
    Account(Arc<CloudAccount>),
}

impl Actor {
    pub fn process(&self) -> Option<&Arc<ProcessEvidence>> {
        match self {
            Self::Process(process) => Some(process),
            Self::Account(_) => None,
        }
    }

    pub fn account(&self) -> Option<&Arc<CloudAccount>> {
        match self {
            Self::Process(_) => None,
            Self::Account(account) => Some(account),
        }
    }
}
