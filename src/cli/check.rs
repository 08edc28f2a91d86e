//! `cloudward check`: every mistake of a configuration at once, and where each value comes from.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use crate::config::{self, Complaint, Diagnostic, Level, Origin, Settings, Source, managed};
use crate::daemon::clock;
use crate::model::Timestamp;
use crate::policy::AllowEntry;

use super::print::print;

/// Check a configuration: every diagnostic at once, each with file, line, column and a hint
#[derive(clap::Args, Debug)]
#[command(after_help = EXAMPLES)]
pub struct CheckArgs {
    /// The configuration to check; the built-in default if not given.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Check what configuration profiles force on this Mac, over the file.
    #[arg(long)]
    pub managed: bool,
}

const EXAMPLES: &str = "\
Examples:
  cloudward check --config corp.toml
  cloudward check            # the built-in default: every value and where it comes from

Exit status: 0 fine, 1 warnings, 2 errors.";

/// Exit status: 0 fine, 1 warnings, 2 errors; at least 1 if that could not be written.
pub fn run(args: &CheckArgs) -> ExitCode {
    let forced = args.managed.then(managed::read);
    let mut text = String::new();
    if forced == Some(None) {
        text.push_str(&format!("no configuration profile forces anything of {} here\n", managed::DOMAIN));
    }
    let forced = forced.flatten();
    let (settings, mut diagnostics) = load(args.config.as_deref(), forced);
    diagnostics.extend(expired(&settings, clock::now()));
    for diagnostic in &diagnostics {
        text.push_str(&format!("{diagnostic}\n"));
    }
    let worst = diagnostics.iter().map(|diagnostic| diagnostic.level).max();
    if worst != Some(Level::Error) {
        text.push_str(&origins(&settings));
    }
    text.push_str(&verdict(&settings, &diagnostics));
    let status = match worst {
        None => 0,
        Some(Level::Warning) => 1,
        Some(Level::Error) => 2,
    };
    print(text.as_bytes(), status)
}

fn load(file: Option<&Path>, forced: Option<Source>) -> (Settings, Vec<Diagnostic>) {
    match file.map(config::read_source).transpose() {
        Ok(file) => config::load(&file.into_iter().chain(forced).collect::<Vec<_>>()),
        Err(unreadable) => (config::default_settings(), vec![unreadable]),
    }
}

/// Exceptions that are over: whoever wrote them wonders why what they excuse is told.
fn expired(settings: &Settings, now: Timestamp) -> Vec<Diagnostic> {
    let over = |entry: &&AllowEntry| entry.expires.is_some_and(|end| end <= now);
    let warning = |entry: &AllowEntry| {
        let key = format!("allow {:?}", &*entry.name);
        let place = &settings.provenance.iter().find(|value| value.key == key)?.at;
        let message = format!("[[allow]] {:?}: has expired and excuses nothing any more", &*entry.name);
        let complaint = Complaint::new(message).hint("write a later date, or take the entry out");
        Some(Diagnostic::warning(place, complaint))
    };
    settings.policy.allow.entries().iter().filter(over).filter_map(warning).collect()
}

/// Single values one by one; of the lists, the entries that are not built in, and how many are.
fn origins(settings: &Settings) -> String {
    let mut text = String::new();
    let mut builtin: BTreeMap<&str, usize> = BTreeMap::new();
    for value in &settings.provenance {
        let origin = value.at.origin.as_str();
        if !value.value.is_empty() {
            text.push_str(&format!("{} = {}  ({origin}, {})\n", value.key, value.value, value.at));
        } else if value.at.origin == Origin::BuiltIn {
            *builtin.entry(value.key.split(' ').next().unwrap_or_default()).or_default() += 1;
        } else {
            text.push_str(&format!("{}  ({origin}, {})\n", value.key, value.at));
        }
    }
    for (list, count) in builtin {
        text.push_str(&format!("{list}: {count} built-in\n"));
    }
    text
}

fn verdict(settings: &Settings, diagnostics: &[Diagnostic]) -> String {
    let count = |level| diagnostics.iter().filter(|diagnostic| diagnostic.level == level).count();
    let (errors, warnings) = (count(Level::Error), count(Level::Warning));
    let plural = |count: usize| if count == 1 { "" } else { "s" };
    match (errors, warnings) {
        (0, 0) => format!("fine; configuration {}\n", settings.policy.hash),
        (0, _) => {
            format!("{warnings} warning{}; configuration {}\n", plural(warnings), settings.policy.hash)
        }
        _ => format!("{errors} error{}, {warnings} warning{}\n", plural(errors), plural(warnings)),
    }
}
