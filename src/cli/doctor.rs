//! `cloudward doctor`: what this machine lacks, and the mend.

use std::path::PathBuf;
use std::process::ExitCode;

use serde_json::json;

use crate::daemon::doctor::{Finding, Verdict, examine};

use super::print::print;

/// Look for what keeps the daemon from seeing and delivering: entitlement, Full Disk Access, capture, configuration,
/// receivers, disk, clock, launchd; each with its mend
#[derive(clap::Args, Debug)]
#[command(after_help = EXAMPLES)]
pub struct DoctorArgs {
    /// Configuration; without it /Library/Application Support/cloudward/cloudward.toml where that exists
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// One JSON object
    #[arg(long)]
    json: bool,
}

const EXAMPLES: &str = "\
Examples:
  sudo cloudward doctor
  sudo cloudward doctor --json --config corp.toml

It tries each thing and changes nothing; no record is sent (`cloudward output test` sends one).

Exit status: 0 fine, 1 warnings, 2 errors.";

/// Exit status: 0 fine, 1 warnings, 2 errors; at least 1 if that could not be written.
pub fn run(args: &DoctorArgs) -> ExitCode {
    let config = args.config.clone().or_else(super::run::installed);
    let found = match examine(config.as_deref()) {
        Ok(found) => found,
        Err(error) => {
            complain!("cloudward: {error}");
            return ExitCode::from(2);
        }
    };
    let worst = found.iter().map(|one| one.verdict).max().unwrap_or(Verdict::Ok);
    let said = if args.json { object(&found, worst) } else { lines(&found) };
    let status = match worst {
        Verdict::Ok => 0,
        Verdict::Warning => 1,
        Verdict::Error => 2,
    };
    print(said.as_bytes(), status)
}

fn object(found: &[Finding], worst: Verdict) -> String {
    format!("{:#}\n", json!({ "verdict": worst, "checks": found }))
}

/// `verdict  check: text`, and the mend on a line of its own.
fn lines(found: &[Finding]) -> String {
    let line = |one: &Finding| {
        let mend = one.mend.as_ref().map(|mend| format!("         mend: {mend}\n")).unwrap_or_default();
        format!("{:<8} {}: {}\n{mend}", one.verdict.as_str(), one.check, one.text)
    };
    found.iter().map(line).collect()
}
