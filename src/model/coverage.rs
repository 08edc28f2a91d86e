//! What the sensors could not see.

use super::Timestamp;

/// What could not be seen, or not be seen well.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum CoverageKind {
    EventLoss,
    CaptureLoss,
    NameHidden,
    UnattributedFlow,
    TableFull,
    ConfigRejected,
    PermissionLost,
    /// Nobody watched at all.
    Gap,
    EngineStalled,
    LateEvent,
    /// The wall clock was set.
    ClockStep,
    IpcPossible,
    Relay,
    Proxy,
    PeerToPeer,
    Airdrop,
    /// Sent by mail: out of scope, and what was attached is not visible.
    Mail,
    NestedVolume,
    CaptureDropRecord,
    ExecNotSeen,
    RatioNotJudged,
    /// Records that an output will never get.
    OutputDropped,
    /// Records that a sudden end would lose: the disk does not take them.
    SpoolFailing,
}

impl CoverageKind {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::EventLoss => "event-loss",
            Self::CaptureLoss => "capture-loss",
            Self::NameHidden => "name-hidden",
            Self::UnattributedFlow => "unattributed-flow",
            Self::TableFull => "table-full",
            Self::ConfigRejected => "config-rejected",
            Self::PermissionLost => "permission-lost",
            Self::Gap => "gap",
            Self::EngineStalled => "engine-stalled",
            Self::LateEvent => "late-event",
            Self::ClockStep => "clock-step",
            Self::IpcPossible => "ipc-possible",
            Self::Relay => "relay",
            Self::Proxy => "proxy",
            Self::PeerToPeer => "peer-to-peer",
            Self::Airdrop => "airdrop",
            Self::Mail => "mail",
            Self::NestedVolume => "nested-volume",
            Self::CaptureDropRecord => "capture-drop-record",
            Self::ExecNotSeen => "exec-not-seen",
            Self::RatioNotJudged => "ratio-not-judged",
            Self::OutputDropped => "output-dropped",
            Self::SpoolFailing => "spool-failing",
        }
    }
}

/// A blind spot, said aloud.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Coverage {
    pub kind: CoverageKind,
    pub start: Timestamp,
    pub end: Timestamp,
    /// How many times, in the unit that `text` names.
    pub count: u64,
    /// One sentence for a person.
    pub text: String,
}
