//! Speaks: from records to bytes somebody reads.
//!
//! Format and transport are two choices. Formats are pure functions of a record; whatever a record carries, secrets in
//! it are redacted before anything is formatted.

pub mod format;
pub mod redact;
pub mod report;
pub mod spool;
