//! Verbs.

pub mod flows;

use std::process::ExitCode;

use clap::Parser;

/// Sees data leave a Mac for cloud storage.
#[derive(Parser, Debug)]
#[command(name = "cloudward", version)]
struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(clap::Subcommand, Debug)]
enum Verb {
    Flows(flows::FlowsArgs),
}

/// Reads the command line and runs the verb. The exit status is the contract's: 0 done, 1 the input or the system
/// failed, 2 the configuration or the command line is wrong.
pub fn main() -> ExitCode {
    match Cli::parse().verb {
        Verb::Flows(args) => flows::run(&args, &|_| None),
    }
}
