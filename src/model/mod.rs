//! The vocabulary that crosses rooms.
//!
//! A type lives here only if two rooms need it; otherwise it belongs to its room. Everything is plain data:
//! no clock, no I/O, no policy. Limits and units are named on the types.

#![deny(clippy::disallowed_methods, clippy::disallowed_types)]

mod alert;
mod audit;
mod coverage;
mod event;
mod flow;
mod process;
mod property;
mod record;
mod table;
mod text;
mod time;
pub mod upload;
mod volume;

pub use alert::{
    Alert, AlertId, Attribution, Confidence, Evidence, FlowEvidence, Hop, HopKind, ProcessEvidence,
    ReadEvidence, Reason, ReasonCode, RuleRef, Severity, TenantVerdict,
};
pub use audit::{Actor, AuditEvent, AuditLog, CloudAccount, CommandKind};
pub use coverage::{Coverage, CoverageKind};
pub use event::{ExecFacts, File, FileId, Input, Mark, Observed, OpenFlags, PathHash, PipeEnd, What};
pub use flow::{
    ClientHello, Close, CommName, Direction, DomainName, Endpoint, FlowFacts, FlowId, NameScope, NameSource,
    NetFact, NetKind, Owner, Transport, UnknownName,
};
pub use process::{CdHash, CodeSigning, Pid, ProcessInfo, ProcessKey, Program, Script, SigningState, Uid};
pub use property::Property;
pub use record::{Heartbeat, Pulse, Record};
pub use table::{Hasher, Set, Table};
pub use text::{FilePath, Lossy, counted};
pub use time::{ClockStep, Span, TimeReader, Timestamp};
pub use upload::{Outcome as UploadOutcome, Upload};
pub use volume::Backing;
