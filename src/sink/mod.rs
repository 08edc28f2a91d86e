//! Speaks: from records to bytes somebody reads, and to somebody who reads them.
//!
//! Format and transport are two choices ([`output`]); the text that they make of a record together is its [`form`].
//! Formats are pure functions of a record; whatever a record carries, secrets in it are redacted before anything is
//! formatted.
//!
//! ```text
//!  record ─► format ─► spool (synced: raised) ─► delivery (one for each output) ─► transport ─► receiver
//! ```

pub mod counters;
pub mod delivery;
pub mod form;
pub mod format;
pub mod output;
pub mod redact;
pub mod report;
pub mod spool;
pub mod transport;
