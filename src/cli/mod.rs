//! Verbs.

pub mod run;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Sees data leave a Mac for cloud storage
#[derive(Parser, Debug)]
#[command(name = "cloudward", version)]
struct Command {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand, Debug)]
enum Verb {
    Run(run::RunArgs),
}

/// Reads the command line and runs the verb. The exit status is the contract's: 0 done, 1 the input or the system
/// failed, 2 the configuration or the command line is wrong.
pub fn main() -> ExitCode {
    match Command::parse().verb {
        Verb::Run(args) => run::run(args),
    }
}
