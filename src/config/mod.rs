//! From text to [`Policy`](crate::policy::Policy), collecting every complaint with its place.
//!
//! ```text
//! Source ──► tree ──► merge ──► read_* ──► Settings
//! (text)    (what was written,  (what it means: policy types,
//!            with places)        or a complaint)
//! ```
//!
//! One bad entry never silences the others: what cannot be used is left out, said, and the rest is read on. The built-in
//! default is a source like any other, read first; see `merge` for how sources beat each other.

mod builtin;
mod diagnostics;
pub mod managed;
mod merge;
mod read_allow;
mod read_catalogue;
mod read_options;
mod read_outputs;
mod read_process;
mod read_rule;
mod read_rule_step;
mod read_spool;
mod read_tools;
pub mod schema;
mod section;
mod settings;
pub mod suite;
mod tree;
mod values;
mod written;

pub use diagnostics::{Complaint, Diagnostic, Level, Origin, Place, nearest};
pub use read_options::{Capture, Socket};
#[cfg(fuzzing)]
pub use settings::load_alone;
pub use settings::{Provenance, Settings, default_services, default_settings, load, load_file, read_source};
pub use tree::Source;
pub use written::Written;
