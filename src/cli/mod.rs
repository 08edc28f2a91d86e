//! Verbs: a file each, which reads its arguments, asks the rooms below and says what they answer.
//!
//! In: the command line, [`main`]. Out: text on standard output, complaints on standard error, and the exit status.

/// A line on standard error. That it may not be written is nobody's failure: whoever closed it (`2>&1 | head -1`) has seen
/// enough, and a full disk must not end a daemon that has to tell of it. `eprintln!` would panic.
macro_rules! complain {
    ($($said:tt)*) => {
        _ = ::std::io::Write::write_fmt(&mut ::std::io::stderr(), format_args!("{}\n", format_args!($($said)*)))
    };
}

mod alerts;
mod check;
mod doctor;
mod explain;
pub mod flows;
mod inputs;
mod learn;
mod output;
mod pages;
mod paint;
mod print;
mod profile;
mod progress;
mod replay;
mod report;
mod run;
pub mod scenario;
mod settings;
mod status;
mod test;

use std::io::{self, Write as _};
use std::mem::ManuallyDrop;
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Parser, Subcommand};

use crate::config;

/// Sees data leave a Mac for cloud storage
#[derive(Parser, Debug)]
#[command(name = "cloudward", version, arg_required_else_help = true, after_help = EXAMPLES)]
struct Command {
    #[command(subcommand)]
    verb: Verb,
}

const EXAMPLES: &str = "\
New here?
  cloudward replay                        # the recording that ships: one theft among everyday work
  cloudward explain --process /usr/bin/curl --path ~/.ssh/id_rsa --to content.dropboxapi.com
  cloudward check --config corp.toml      # every mistake of a policy at once
  cloudward test config/tests/shipped.toml

`cloudward VERB --help` shows examples of each. Colours: on a terminal, unless NO_COLOR is set.";

#[derive(Subcommand, Debug)]
enum Verb {
    Replay(replay::ReplayArgs),
    Flows(flows::FlowsArgs),
    Check(check::CheckArgs),
    Report(report::ReportArgs),
    Explain(Box<explain::ExplainArgs>),
    Learn(learn::LearnArgs),
    Run(run::RunArgs),
    Status(status::StatusArgs),
    Doctor(doctor::DoctorArgs),
    Test(test::TestArgs),
    Completions(pages::CompletionsArgs),
    Man(pages::ManArgs),
    Output(output::OutputArgs),
    Profile(profile::ProfileArgs),
}

/// Reads the command line and runs the verb. The exit status is the contract's: 0 done, 1 the input or the system
/// failed, 2 the configuration or the command line is wrong.
pub fn main() -> ExitCode {
    let command = match Command::try_parse() {
        Ok(command) => command,
        // Help and the version are no errors, and go to standard output.
        Err(told) => {
            let written = told.print().and_then(|()| io::stdout().flush());
            return print::ended(written, u8::try_from(told.exit_code()).unwrap_or(2));
        }
    };
    match command.verb {
        Verb::Replay(args) => replay::run(&args),
        Verb::Flows(args) => flows(&args),
        Verb::Check(args) => check::run(&args),
        Verb::Report(args) => report::run(&args),
        Verb::Explain(args) => explain::run(&args),
        Verb::Learn(args) => learn::run(&args),
        Verb::Status(args) => status::run(&args),
        Verb::Doctor(args) => doctor::run(&args),
        Verb::Run(args) => run::run(args),
        Verb::Test(args) => test::run(&args),
        Verb::Completions(args) => pages::completions(&args),
        Verb::Man(args) => pages::man(&args),
        Verb::Output(args) => output::run(&args),
        Verb::Profile(args) => profile::run(&args),
    }
}

/// Flows are shown with the services that the built-in catalogue knows.
fn flows(args: &flows::FlowsArgs) -> ExitCode {
    // Freed with the program.
    let services = ManuallyDrop::new(config::default_services());
    flows::run(args, &|domain| {
        let found = services.lookup(domain)?;
        Some((Arc::clone(&services.get(found.service).name), found.tenant))
    })
}
