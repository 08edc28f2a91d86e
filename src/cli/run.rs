//! `cloudward run`: the daemon in the foreground. launchd starts exactly this.

use std::io::{self, IsTerminal};
use std::path::PathBuf;
use std::process::ExitCode;

use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::daemon::{self, Choice, Options, RunError};

/// Where an installation keeps its policy: launchd starts `run` without naming one.
pub(super) const INSTALLED: &str = "/Library/Application Support/cloudward/cloudward.toml";

/// Watch this Mac until a signal says to stop: records on standard output, one JSON object a line, the log on standard
/// error
#[derive(clap::Args, Debug)]
#[command(after_help = EXAMPLES)]
pub struct RunArgs {
    /// Configuration; without it /Library/Application Support/cloudward/cloudward.toml where that exists, else the
    /// built-in one
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Where events come from. `auto` is Endpoint Security where this program may use it, else `eslogger`
    #[arg(long, value_enum, default_value_t = Sensor::Auto)]
    sensor: Sensor,
    /// If the configuration is wrong, start with the one that was in force last, and say so: a Mac that starts anew is
    /// watched all the same
    #[arg(long)]
    last_good: bool,
    /// Standard output and error are appended to alerts.ndjson and daemon.log of this folder: begin them anew at 64 and 8 MiB
    /// (.1 is the youngest of 5 and of 3 that are kept)
    #[arg(long, value_name = "FOLDER")]
    log_folder: Option<PathBuf>,
}

const EXAMPLES: &str = "\
Examples:
  sudo cloudward run
  sudo cloudward run --sensor eslogger --config corp.toml
  sudo CLOUDWARD_LOG=debug cloudward run

launchd starts it with --last-good and --log-folder: launchd/com.cloudward.daemon.plist. TERM and INT stop it in order.

Exit status: 0 asked to stop; 1 it could not start or go on; 2 the command line or the configuration is wrong.";

#[derive(Clone, Copy, clap::ValueEnum, Debug)]
enum Sensor {
    Auto,
    EndpointSecurity,
    Eslogger,
}

impl From<Sensor> for Choice {
    fn from(sensor: Sensor) -> Self {
        match sensor {
            Sensor::Auto => Self::Auto,
            Sensor::EndpointSecurity => Self::EndpointSecurity,
            Sensor::Eslogger => Self::Eslogger,
        }
    }
}

/// Returns when a signal asked to stop (0), or with the reason why the daemon could not start or go on.
pub fn run(args: RunArgs) -> ExitCode {
    start_log();
    let config = args.config.or_else(installed);
    let (sensor, last_good) = (args.sensor.into(), args.last_good);
    let options = Options { config, sensor, last_good, log_folder: args.log_folder };
    match daemon::run(&options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain!("cloudward: {error}");
            ExitCode::from(if matches!(error, RunError::Config(_)) { 2 } else { 1 })
        }
    }
}

/// The installed policy, if there is one.
pub(super) fn installed() -> Option<PathBuf> {
    Some(PathBuf::from(INSTALLED)).filter(|path| path.exists())
}

/// The daemon's own log. `CLOUDWARD_LOG` takes levels, for all or by target: `debug`, `info,cloudward::net=trace`.
fn start_log() {
    let asked = std::env::var("CLOUDWARD_LOG").ok().and_then(|text| text.parse().ok());
    let targets = asked.unwrap_or_else(|| Targets::new().with_default(LevelFilter::INFO));
    let log = tracing_subscriber::fmt().with_max_level(LevelFilter::TRACE).with_target(false);
    let log = log.with_ansi(io::stderr().is_terminal()).with_writer(io::stderr);
    // A log that cannot be written would be told of by `eprintln!`, which panics as standard error is that very log.
    let log = log.log_internal_errors(false).finish().with(targets);
    // Only a second start in one process could fail, and the first log is as good.
    let _ = log.try_init();
}
