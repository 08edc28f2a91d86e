//! `cloudward learn`: what could be allowed of what was observed. It proposes; nobody but an administrator disposes.

mod baseline;
mod groups;
mod seen;

use std::io::ErrorKind;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use crate::config::Settings;
use crate::daemon::history::{self, Entries, Kept};
use crate::daemon::{self, replay::Replay};
use crate::model::Record;
use crate::sink::format::Format;

use super::alerts::{self, Told, told};
use super::print::print;
use super::progress::Progress;
use super::{inputs, settings};

use baseline::Form;
pub use baseline::read as read_baseline;
use seen::Seen;

/// Propose `[[allow]]` entries from what was observed, with counts and what each would have silenced; none is applied
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
    /// Print who usually sends what of whose where and how much, approved or not, instead of proposals
    #[arg(long, conflicts_with = "alerts")]
    baseline: bool,
    /// How the baseline is printed
    #[arg(long, value_name = "FORMAT", value_enum, default_value = "text", requires = "baseline")]
    format: Form,
}

const EXAMPLES: &str = "\
Examples:
  sudo cloudward learn                        # from what the daemon here has seen in the last 90 days
  sudo cloudward learn --baseline             # who sends what where, how often and how much
  cloudward learn --events week.ndjson.gz --capture week.pcap.gz --config corp.toml > proposed.toml
  cloudward learn --alerts /var/log/cloudward/alerts.ndjson
  cloudward check --config proposed.toml      # looks the proposal over

Without a file it reads the history that the daemon keeps in the folder of its state ([daemon] state of --config).

The output is TOML: each entry with how often it was seen, when, how much was sent, from which paths, which alerts it would have
silenced, and what is risky about it. What no entry should let through is said and not proposed.

A baseline as TOML or JSON also tells rules with `times_usual` what is usual: `cloudward replay --baseline FILE`. The daemon takes
its own history.

Exit status: 0 done, 1 an input failed (what was learned is printed), 2 the command line or the configuration is wrong.";

pub fn run(args: &LearnArgs) -> ExitCode {
    if !inputs::are_apart(args.events.iter().chain(&args.capture).chain(&args.alerts)) {
        return ExitCode::from(2);
    }
    let Some(settings) = settings::of(args.config.as_deref()) else { return ExitCode::from(2) };
    let recordings = !args.events.is_empty() || !args.capture.is_empty();
    let (text, whole) = if recordings || !args.alerts.is_empty() {
        of_files(args, &settings, recordings)
    } else {
        match kept(&settings) {
            Ok((entries, from)) => (of_history(args, &settings, &entries, &from), true),
            Err(why) => {
                complain!("cloudward: {why}");
                return ExitCode::from(1);
            }
        }
    };
    print(text.as_bytes(), u8::from(!whole))
}

/// From recordings and alerts; false if one of them failed.
fn of_files(args: &LearnArgs, settings: &Settings, recordings: bool) -> (String, bool) {
    let (mut told, mut entries, mut whole) = (Vec::new(), Entries::new(), true);
    for path in &args.alerts {
        match alerts::read_file(path) {
            Ok(read) => read.into_iter().for_each(|one| alerts::keep_latest(&mut told, one)),
            Err(why) => {
                complain!("cloudward: {why}");
                whole = false;
            }
        }
    }
    if recordings {
        whole &= replay(args, settings, &mut told, &mut entries);
    }
    if args.baseline {
        return (baseline::write(&entries, "the recordings", args.format), whole);
    }
    let seen: Vec<Seen> = told.into_iter().map(Seen::from).collect();
    (groups::write(&groups::gather(&seen), settings, args.config.as_deref()), whole)
}

fn of_history(args: &LearnArgs, settings: &Settings, entries: &Entries, from: &str) -> String {
    if args.baseline {
        return baseline::write(entries, from, args.format);
    }
    let alerted = |kept: &&Kept| kept.alerts > 0;
    let seen: Vec<Seen> = entries.values().filter(alerted).map(Seen::from).collect();
    groups::write(&groups::gather(&seen), settings, args.config.as_deref())
}

/// The daemon's history, and where it is; or a sentence with a remedy.
fn kept(settings: &Settings) -> Result<(Entries, String), String> {
    let path = daemon::state_folder(settings).join(history::FILE);
    let name = path.display();
    match history::read(&path) {
        Ok(entries) if entries.is_empty() => {
            Err(format!("{name}: no upload of sensitive data is in the history yet; nothing to learn from"))
        }
        Ok(entries) => Ok((entries, name.to_string())),
        Err(error) if error.kind() == ErrorKind::NotFound => Err(format!(
            "there is no history at {name}: no daemon has run with this state folder. Name the daemon's \
             configuration with --config, or learn from files: --events and --capture of a recording, or --alerts"
        )),
        Err(error) if error.kind() == ErrorKind::PermissionDenied => {
            Err(format!("{name} is for root alone: run it as `sudo cloudward learn`"))
        }
        Err(error) => Err(format!("{name}: cannot be read: {error}")),
    }
}

/// The alerts that the recordings give with this configuration. False if an input failed.
fn replay(args: &LearnArgs, settings: &Settings, seen: &mut Vec<Told>, entries: &mut Entries) -> bool {
    let mut replay = Replay::new(Arc::clone(&settings.policy));
    replay.keep_history();
    let halt = inputs::until_told(args.events.iter().chain(&args.capture));
    let opened = inputs::open(&args.events, &args.capture, &halt, &mut replay);
    let keep = |record: Record| {
        // In the form in which alerts are kept elsewhere: one reader for both.
        if let Ok(told::Line::Alert(told)) = told::read(&Format::Ecs.write(&record)) {
            alerts::keep_latest(seen, *told);
        }
        true
    };
    let progress = Progress::new();
    let summary = replay.run(keep, |so_far| progress.reached(so_far.lines, so_far.packets, so_far.last));
    drop(progress);
    summary.failures.iter().for_each(|failure| complain!("cloudward: {failure}"));
    *entries = summary.history;
    opened && summary.failures.is_empty()
}
