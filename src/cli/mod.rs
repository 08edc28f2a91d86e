//! Verbs.

pub mod check;

use std::process::ExitCode;

/// Reads the command line and runs the verb. The exit status is the contract's: 0 done, 1 the input or the system
/// failed, 2 the configuration or the command line is wrong.
pub fn main() -> ExitCode {
    ExitCode::from(2)
}
