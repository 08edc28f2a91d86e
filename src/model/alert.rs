//! What the engine concludes, with the evidence for it.

use std::fmt;
use std::sync::Arc;

use super::{
    Actor, AuditEvent, ClientHello, CoverageKind, DomainName, Endpoint, FilePath, NameSource, ProcessInfo,
    Script, Span, Timestamp, Transport, Uid, UnknownName,
};

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Severity {
    Low,
    Medium,
    High,
    Critical,
}

impl Severity {
    pub const ALL: [Self; 4] = [Self::Low, Self::Medium, Self::High, Self::Critical];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Confidence {
    Low,
    Medium,
    High,
}

impl Confidence {
    pub const ALL: [Self; 3] = [Self::Low, Self::Medium, Self::High];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        }
    }
}

/// Stable name of a chain: the same in every replay.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AlertId(pub [u8; 16]);

impl AlertId {
    /// The first half of a SHA-256, marked as what it is (RFC 9562, version 8).
    pub fn of_hash(hash: &[u8; 32]) -> Self {
        let mut id = [0; 16];
        id.copy_from_slice(&hash[..16]);
        id[6] = id[6] & 0x0f | 0x80;
        id[8] = id[8] & 0x3f | 0x80;
        Self(id)
    }
}

/// In the grouping of a UUID (RFC 9562, version 8: the bits are a hash of the chain).
impl fmt::Display for AlertId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, byte) in self.0.iter().enumerate() {
            if matches!(index, 4 | 6 | 8 | 10) {
                f.write_str("-")?;
            }
            write!(f, "{byte:02x}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for AlertId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Codes of the sentences that explain a verdict. Those with a cap lower the confidence.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum ReasonCode {
    SensitiveRead,
    StagedCopy,
    Uploaded,
    NotAllowed,
    ForeignTenant,
    ArgumentsNameFile,
    SyncDrop,
    ControlPlane,
    IdentityInvalid,
    RunsOtherCode,
    TenantUnknown,
    PathTruncated,
    NamedFork,
    SecondHop,
    Tunnel,
    NameByAddress,
    FrontingSuspected,
    OrderUncertain,
    BytesUnknown,
    NestedVolume,
    AppleEvents,
    ExecNotSeen,
    AttributionIndirect,
    NameHostWide,
    BearerLink,
    FirstSeen,
    UnusualVolume,
    SeenInAuditLog,
}

impl ReasonCode {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SensitiveRead => "sensitive-read",
            Self::StagedCopy => "staged-copy",
            Self::Uploaded => "uploaded",
            Self::NotAllowed => "not-allowed",
            Self::ForeignTenant => "foreign-tenant",
            Self::ArgumentsNameFile => "arguments-name-file",
            Self::SyncDrop => "sync-drop",
            Self::ControlPlane => "control-plane",
            Self::IdentityInvalid => "identity-invalid",
            Self::RunsOtherCode => "runs-other-code",
            Self::TenantUnknown => "tenant-unknown",
            Self::PathTruncated => "path-truncated",
            Self::NamedFork => "named-fork",
            Self::SecondHop => "second-hop",
            Self::Tunnel => "tunnel",
            Self::NameByAddress => "name-by-address",
            Self::FrontingSuspected => "fronting-suspected",
            Self::OrderUncertain => "order-uncertain",
            Self::BytesUnknown => "bytes-unknown",
            Self::NestedVolume => "nested-volume",
            Self::AppleEvents => "apple-events",
            Self::ExecNotSeen => "exec-not-seen",
            Self::AttributionIndirect => "attribution-indirect",
            Self::NameHostWide => "name-host-wide",
            Self::BearerLink => "bearer-link",
            Self::FirstSeen => "first-seen",
            Self::UnusualVolume => "unusual-volume",
            Self::SeenInAuditLog => "seen-in-audit-log",
        }
    }

    /// The highest confidence an alert may have that carries this reason.
    pub const fn cap(self) -> Confidence {
        match self {
            Self::TenantUnknown
            | Self::PathTruncated
            | Self::NamedFork
            | Self::SecondHop
            | Self::Tunnel
            | Self::NameByAddress
            | Self::FrontingSuspected
            | Self::OrderUncertain
            | Self::BytesUnknown
            | Self::NestedVolume
            | Self::AppleEvents
            | Self::ExecNotSeen
            | Self::BearerLink => Confidence::Low,
            Self::AttributionIndirect | Self::NameHostWide => Confidence::Medium,
            _ => Confidence::High,
        }
    }
}

/// Why one condition held.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Reason {
    pub code: ReasonCode,
    pub text: String,
}

/// How a read is known.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Evidence {
    Open,
    Argv,
    Taint,
}

impl Evidence {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Argv => "argv",
            Self::Taint => "taint",
        }
    }
}

/// How data or control moved from the reader to the uploader.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum HopKind {
    Fork,
    Exec,
    Pipe,
    Stage,
    Rename,
    Link,
    Clone,
    Copy,
    Sync,
}

impl HopKind {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Fork => "fork",
            Self::Exec => "exec",
            Self::Pipe => "pipe",
            Self::Stage => "stage",
            Self::Rename => "rename",
            Self::Link => "link",
            Self::Clone => "clone",
            Self::Copy => "copy",
            Self::Sync => "sync",
        }
    }
}

/// One step of the way.
#[derive(Clone, PartialEq, Debug)]
pub struct Hop {
    pub kind: HopKind,
    pub time: Timestamp,
    /// The process it led to (fork, exec, pipe) or that did it.
    pub process: Arc<ProcessEvidence>,
    /// The file it led to, for the kinds that have one.
    pub path: Option<FilePath>,
}

/// A process as it stood when it mattered.
#[derive(Clone, PartialEq, Debug)]
pub struct ProcessEvidence {
    pub info: Arc<ProcessInfo>,
    pub args: Arc<[Box<str>]>,
    pub cwd: Option<FilePath>,
    pub script: Option<Script>,
    /// It runs code that is not its own by other means than a script: `-e`, an injected library, an inspector.
    pub runs_other_code: bool,
    /// No exec event was seen: known only by what its later events carry.
    pub older_than_sensor: bool,
    pub invalidated: bool,
}

#[derive(Clone, PartialEq, Debug)]
pub struct ReadEvidence {
    pub path: FilePath,
    /// Names of the sets that the path is in, most severe first.
    pub sets: Vec<Arc<str>>,
    pub time: Timestamp,
    pub process: Arc<ProcessEvidence>,
    pub evidence: Evidence,
}

#[derive(Clone, PartialEq, Debug)]
pub struct FlowEvidence {
    pub transport: Transport,
    pub client: Endpoint,
    pub server: Endpoint,
    pub domain: Option<DomainName>,
    pub source: Option<NameSource>,
    /// What the process asked DNS for, where its hello names something else.
    pub disputed: Option<DomainName>,
    /// Why the true destination cannot be known.
    pub unknown: Option<UnknownName>,
    pub hello: Option<Arc<ClientHello>>,
    /// Payload bytes that count: after the handshake and after the read.
    pub bytes_out: u64,
    pub bytes_in: u64,
    pub start: Timestamp,
    pub end: Timestamp,
}

/// Which of its possible owners a flow was laid to.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Attribution {
    Process,
    EffectiveProcess,
    ResponsibleProcess,
}

impl Attribution {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Process => "process",
            Self::EffectiveProcess => "effective_process",
            Self::ResponsibleProcess => "responsible_process",
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum TenantVerdict {
    Allowed,
    Foreign,
    Unknown,
}

impl TenantVerdict {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Allowed => "allowed",
            Self::Foreign => "foreign",
            Self::Unknown => "unknown",
        }
    }
}

/// A detection that fired.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RuleRef {
    pub id: Arc<str>,
    pub name: Arc<str>,
    pub version: Arc<str>,
    pub severity: Severity,
    /// ATT&CK technique ids, such as `T1567.002`.
    pub techniques: Vec<Arc<str>>,
}

/// A verdict with everything needed to check it. There is no alert without its evidence.
#[derive(Clone, PartialEq, Debug)]
pub struct Alert {
    /// Event time of the byte or step that completed the chain.
    pub time: Timestamp,
    pub id: AlertId,
    /// 1 for the first report of a chain, rising with each later one.
    pub revision: u32,
    /// Completed read-and-upload pairs so far.
    pub count: u64,
    pub severity: Severity,
    pub confidence: Confidence,
    /// Most severe first; never empty.
    pub rules: Vec<RuleRef>,
    pub reasons: Vec<Reason>,
    /// The user on this Mac; `None` where only a cloud's audit log saw it.
    pub user: Option<Uid>,
    /// Login name, where an exec environment told it.
    pub user_name: Option<Arc<str>>,
    pub uploader: Actor,
    /// Most sensitive first.
    pub reads: Vec<ReadEvidence>,
    /// Reads beyond those listed.
    pub reads_omitted: u64,
    pub hops: Vec<Hop>,
    /// The uploader's ancestors, nearest first.
    pub chain: Vec<Arc<ProcessEvidence>>,
    pub flows: Vec<FlowEvidence>,
    /// What audit logs of the cloud say of it.
    pub audit: Vec<Arc<AuditEvent>>,
    pub service: Option<Arc<str>>,
    pub category: Option<Arc<str>>,
    pub tenant: Option<Arc<str>>,
    pub tenant_verdict: TenantVerdict,
    pub attribution: Attribution,
    /// From the first read to the completing byte, and how long was allowed.
    pub window: (Timestamp, Timestamp, Span),
    pub bytes_out: u64,
    pub bytes_in: u64,
    /// What the sensors could not see meanwhile.
    pub degraded: Vec<CoverageKind>,
    /// Hex SHA-256 of the effective configuration, 16 digits.
    pub config_hash: Arc<str>,
}
