//! `cloudward output test`: does every receiver take what we send?

use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::Subcommand;
use tokio::time::timeout;

use crate::config::{self, Level, Settings};
use crate::daemon::clock;
use crate::model::{Heartbeat, Pulse, Record, Timestamp};
use crate::sink::output::{Output, head};
use crate::sink::spool::Entry;
use crate::sink::transport::{Link, Message};

use super::print::ended;
use super::run::INSTALLED;

/// Look after the outputs
#[derive(clap::Args, Debug)]
pub struct OutputArgs {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand, Debug)]
enum Verb {
    /// Send one test record to each configured output and say what the receiver said
    Test {
        /// Configuration; without it /Library/Application Support/cloudward/cloudward.toml where that exists
        #[arg(long, value_name = "FILE")]
        config: Option<PathBuf>,
    },
}

/// For one receiver to answer; a stream's receipt takes some seconds.
const PATIENCE: Duration = Duration::from_secs(20);

/// Exit status: 0 every receiver has the record, 1 one has not, 2 the configuration is wrong or names no output.
pub fn run(args: &OutputArgs) -> ExitCode {
    let Verb::Test { config } = &args.verb;
    let config = config.clone().or_else(|| Some(PathBuf::from(INSTALLED)).filter(|path| path.exists()));
    let (settings, diagnostics) = match &config {
        Some(path) => config::load_file(path),
        None => config::load(&[]),
    };
    let errors: Vec<String> = diagnostics
        .iter()
        .filter(|found| found.level == Level::Error)
        .map(|found| format!("{found}\n"))
        .collect();
    if !errors.is_empty() {
        complain!("cloudward: the configuration is wrong:\n{}", errors.concat().trim_end());
        return ExitCode::from(2);
    }
    if settings.outputs.is_empty() {
        complain!("cloudward: the configuration has no [[output]]: records go to standard output");
        return ExitCode::from(2);
    }
    match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime.block_on(all(&settings)),
        Err(error) => {
            complain!("cloudward: the runtime cannot be started: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn all(settings: &Settings) -> ExitCode {
    let now = clock::now();
    let record = test_record(now, &settings.policy.hash);
    let (mut status, mut written) = (0, Ok(()));
    for output in &settings.outputs {
        let said = timeout(PATIENCE, one(output, &record, now)).await;
        let said = said.unwrap_or_else(|_| Err(format!("no answer in {PATIENCE:?}")));
        let (word, text) = match said {
            Ok(text) => ("ok", text),
            Err(text) => {
                status = 1;
                ("FAILED", text)
            }
        };
        // The others are tried all the same: the exit status tells of all.
        if written.is_ok() {
            written = writeln!(io::stdout(), "{} ({}): {word}: {text}", output.name, output.type_name());
        }
    }
    ended(written, status)
}

fn test_record(now: Timestamp, config_hash: &Arc<str>) -> Record {
    Record::Heartbeat(Box::new(Heartbeat {
        time: now,
        pulse: Pulse::Test,
        since: now,
        sequence: 1,
        every: None,
        config_hash: Arc::clone(config_hash),
        counters: Vec::new(),
        coverage: Vec::new(),
    }))
}

/// What the receiver said, or why it did not get the record.
async fn one(output: &Output, record: &Record, now: Timestamp) -> Result<String, String> {
    let text = output.form().write(record, 1);
    let entry = Entry { seq: 1, raised: now, head: head(record), forms: Vec::new() };
    let batch = [Message { entry: Arc::new(entry), text }];
    let mut link = Link::new(&output.to);
    let outcome = link.send(&batch).await;
    if let Some(failure) = outcome.failure {
        return Err(failure.text);
    }
    if let Some((_, reason)) = outcome.refused.first() {
        return Err(format!("refused: {reason}"));
    }
    if !link.confirms_later() {
        return Ok(outcome.answer);
    }
    link.hurry();
    match link.progress(true).await {
        Ok(_) => Ok(link.receipt().to_owned()),
        Err(failure) => Err(failure.text),
    }
}
