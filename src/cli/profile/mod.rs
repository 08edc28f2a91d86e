//! `cloudward profile`: what a device management needs to hand out before the package.

mod forms;
mod payloads;
mod plist;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use thiserror::Error;

use crate::config::{self, Level, managed};
use crate::model::Property;

use super::print::print;
use payloads::{Part, Signer};

/// Write the configuration profiles and the forms that a device management (MDM) needs
#[derive(clap::Args, Debug)]
#[command(after_help = EXAMPLES)]
pub struct ProfileArgs {
    /// What to write, to standard output
    #[arg(value_enum, default_value_t = Wanted::All)]
    wanted: Wanted,
    /// Your team id at Apple, by which the package is signed: ten characters, as `codesign -dv` says it
    #[arg(long, value_name = "TEAMID")]
    team_id: Option<String>,
    /// The policy that `preferences` forces; keys that it does not name stay as they are
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Who hands the profile out, as System Settings shows it
    #[arg(long, value_name = "NAME")]
    organization: Option<String>,
}

const EXAMPLES: &str = "\
Examples:
  cloudward profile --team-id ABCDE12345 --config corp.toml > cloudward.mobileconfig
  cloudward profile access --team-id ABCDE12345 > access.mobileconfig
  cloudward profile preferences --config corp.toml > preferences.mobileconfig
  cloudward profile jamf-schema > com.cloudward.daemon.json
  cloudward profile manifest > com.cloudward.daemon.plist

Hand the profiles out before the package: without `access` the first start sees nothing. `access` and `login-items` are
taken from a user-approved MDM only. Identifiers and UUIDs depend on the team id alone, so a profile written again
replaces its forerunner.

Exit status: 0 written, 2 the command line or the configuration is wrong.";

#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum, Debug)]
enum Wanted {
    /// One profile with access, login items and, given --config, preferences
    All,
    /// Full Disk Access for the daemon (PPPC)
    Access,
    /// The daemon as a managed login item, which users cannot switch off
    LoginItems,
    /// The policy, forced: it beats the file on the Mac
    Preferences,
    /// For Jamf Pro: Application & Custom Settings, External Applications, Custom Schema
    JamfSchema,
    /// For ProfileCreator, iMazing and others: a manifest of ProfileManifests
    Manifest,
}

/// Why nothing is written.
#[derive(Error, Debug)]
enum ProfileError {
    #[error("whose signature is trusted? Give your team id: `--team-id ABCDE12345`; `codesign -dv` says it")]
    NoTeam,
    #[error("`{0}` is no team id: ten capital letters and digits, as `codesign -dv` says it")]
    BadTeam(String),
    #[error("which policy is to be forced? Name it: `--config FILE`")]
    NoConfig,
    #[error("the configuration is wrong:\n{0}")]
    Config(String),
}

/// Exit status: 0 written, 1 it could not be, 2 the command line or the configuration is wrong.
pub fn run(args: &ProfileArgs) -> ExitCode {
    match text(args) {
        Ok(text) => print(text.as_bytes(), 0),
        Err(error) => {
            complain!("cloudward: {error}");
            ExitCode::from(2)
        }
    }
}

fn text(args: &ProfileArgs) -> Result<String, ProfileError> {
    let signer = || signer(args.team_id.as_deref());
    let parts = match args.wanted {
        Wanted::JamfSchema => return Ok(forms::jamf()),
        Wanted::Manifest => return Ok(plist::document(&forms::manifest())),
        Wanted::Access => vec![Part::Access(signer()?)],
        Wanted::LoginItems => vec![Part::LoginItems(signer()?)],
        Wanted::Preferences => vec![Part::Preferences(policy(args.config.as_deref())?)],
        Wanted::All => {
            let mut parts = vec![Part::Access(signer()?), Part::LoginItems(signer()?)];
            if args.config.is_some() {
                parts.push(Part::Preferences(policy(args.config.as_deref())?));
            }
            parts
        }
    };
    let team = args.team_id.as_deref().unwrap_or_default();
    Ok(plist::document(&payloads::profile(parts, team, args.organization.as_deref())))
}

fn signer(team_id: Option<&str>) -> Result<Signer, ProfileError> {
    let team = team_id.ok_or(ProfileError::NoTeam)?;
    Signer::new(team).ok_or_else(|| ProfileError::BadTeam(team.to_owned()))
}

/// The file's own values, once it was found good. What is weak in it goes to standard error.
fn policy(file: Option<&Path>) -> Result<Property, ProfileError> {
    let file = file.ok_or(ProfileError::NoConfig)?;
    let source = config::read_source(file).map_err(|wrong| ProfileError::Config(wrong.to_string()))?;
    let (_, diagnostics) = config::load(std::slice::from_ref(&source));
    let (errors, warnings): (Vec<_>, Vec<_>) =
        diagnostics.into_iter().partition(|said| said.level == Level::Error);
    warnings.iter().for_each(|warning| complain!("{warning}"));
    if !errors.is_empty() {
        let errors: Vec<String> = errors.iter().map(ToString::to_string).collect();
        return Err(ProfileError::Config(errors.join("\n")));
    }
    managed::properties(&source.text).map_err(|error| ProfileError::Config(error.to_string()))
}
