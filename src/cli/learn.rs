//! `cloudward learn`: what could be allowed of what was observed. It proposes; nobody but an administrator disposes.

mod groups;

use std::io::{self, IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use crate::config::{self, Level, Settings};
use crate::daemon::replay::Replay;
use crate::model::Record;
use crate::sink::format::Format;

use super::alerts::{self, Told, told};
use super::inputs;

/// Propose [[allow]] entries from what was observed, with counts and what each would have silenced; none is applied
#[derive(clap::Args, Debug)]
#[command(after_help = EXAMPLES)]
pub struct LearnArgs {
    /// eslogger NDJSON, plain, gzip or zstd; may be given again
    #[arg(long, value_name = "FILE")]
    events: Vec<PathBuf>,
    /// pcap or pcapng, plain, gzip or zstd; may be given again
    #[arg(long, value_name = "FILE")]
    capture: Vec<PathBuf>,
    /// Alerts that were raised already, as `--format ecs` and the daemon write them; `-` is standard input; may be given again
    #[arg(long, value_name = "FILE")]
    alerts: Vec<PathBuf>,
    /// The configuration that is in force; the built-in one without it
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

const EXAMPLES: &str = "\
Examples:
  cloudward learn --events week.ndjson.gz --capture week.pcap.gz --config corp.toml > proposed.toml
  cloudward learn --alerts /var/log/cloudward/alerts.ndjson
  cloudward check --config proposed.toml      # looks the proposal over

The output is TOML: each entry with how often it was seen, when, how much was sent, from which paths, which alerts it would have
silenced, and what is risky about it. What no entry should let through is said and not proposed.

Exit status: 0 done, 1 an input failed (what was learned is printed), 2 the command line or the configuration is wrong.";

pub fn run(args: &LearnArgs) -> ExitCode {
    let recordings = !args.events.is_empty() || !args.capture.is_empty();
    if !recordings && args.alerts.is_empty() {
        eprintln!(
            "cloudward: nothing to learn from: give --events and --capture of a recording, or --alerts"
        );
        return ExitCode::from(2);
    }
    let Some(settings) = settings(args.config.as_deref()) else { return ExitCode::from(2) };
    let mut seen = Vec::new();
    let mut whole = true;
    for path in &args.alerts {
        match alerts::read_file(path) {
            Ok(told) => told.into_iter().for_each(|told| alerts::keep_latest(&mut seen, told)),
            Err(why) => {
                eprintln!("cloudward: {why}");
                whole = false;
            }
        }
    }
    if recordings {
        whole &= replay(args, &settings, &mut seen);
    }
    let text = groups::write(&groups::gather(&seen), &settings, args.config.as_deref());
    // Whoever closes the pipe has seen enough.
    let _ = io::stdout().lock().write_all(text.as_bytes());
    ExitCode::from(u8::from(!whole))
}

/// The alerts that the recordings give with this configuration. False if an input failed.
fn replay(args: &LearnArgs, settings: &Settings, seen: &mut Vec<Told>) -> bool {
    let mut replay = Replay::new(Arc::clone(&settings.policy));
    let opened = inputs::open(&args.events, &args.capture, &mut replay);
    let keep = |record: Record| {
        // In the form in which alerts are kept elsewhere: one reader for both.
        if let Ok(told::Line::Alert(told)) = told::read(&Format::Ecs.write(&record)) {
            alerts::keep_latest(seen, *told);
        }
        true
    };
    let progress = inputs::Progress::new(io::stderr().is_terminal());
    let summary = replay.run(keep, |summary| progress.show(summary));
    progress.done();
    summary.failures.iter().for_each(|failure| eprintln!("cloudward: {failure}"));
    opened && summary.failures.is_empty()
}

/// The configuration, or `None` when it has errors; they are all said.
fn settings(path: Option<&Path>) -> Option<Settings> {
    let Some(path) = path else { return Some(config::default_settings()) };
    let (settings, diagnostics) = config::load_file(path);
    let errors: Vec<_> = diagnostics.iter().filter(|found| found.level == Level::Error).collect();
    errors.iter().for_each(|found| eprintln!("{found}"));
    errors.is_empty().then_some(settings)
}
