//! What this machine lacks for the daemon to see, and the mend. Tries rather than guesses: a client is made and let go, the
//! packet tap opened and closed, each receiver connected to. Changes nothing.

mod places;
mod sensing;
mod system;

use std::path::Path;

use serde::Serialize;

use crate::config::{self, Level, Settings, managed};
use crate::sink::transport;

use super::{RunError, guard};

/// How grave a finding is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Debug)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    Ok,
    /// Less is seen than could be, or it cannot be told from here.
    Warning,
    /// The daemon does not see, or does not deliver.
    Error,
}

impl Verdict {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// One thing that was looked at.
#[derive(Clone, PartialEq, Eq, Serialize, Debug)]
pub struct Finding {
    pub check: String,
    pub verdict: Verdict,
    pub text: String,
    /// What to do about it.
    pub mend: Option<String>,
}

impl Finding {
    fn ok(check: &str, text: impl Into<String>) -> Self {
        Self { check: check.to_owned(), verdict: Verdict::Ok, text: text.into(), mend: None }
    }

    fn warning(check: &str, text: impl Into<String>, mend: impl Into<String>) -> Self {
        let (check, text) = (check.to_owned(), text.into());
        Self { check, verdict: Verdict::Warning, text, mend: Some(mend.into()) }
    }

    fn error(check: &str, text: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { verdict: Verdict::Error, ..Self::warning(check, text, mend) }
    }
}

/// Looks at everything, whatever it finds on the way. `file`: the configuration, if there is one.
///
/// # Errors
///
/// Fails if the machine lets this program do nothing at all.
pub fn examine(file: Option<&Path>) -> Result<Vec<Finding>, RunError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| RunError::Start("the runtime", error))?;
    let mut found = vec![system::root()];
    found.extend(sensing::events());
    let (settings, configuration) = configuration(file);
    found.push(sensing::packets(&settings.capture));
    found.push(configuration);
    found.extend(runtime.block_on(receivers(&settings)));
    found.push(places::state(settings.state.as_deref()));
    found.extend(places::spool(&settings));
    found.push(system::clock(settings.state.as_deref()));
    found.push(system::daemon(&settings));
    found.push(system::launchd());
    Ok(found)
}

/// The built-in default stands in for one that cannot be used.
fn configuration(file: Option<&Path>) -> (Settings, Finding) {
    const CHECK: &str = "configuration";
    let mut sources = Vec::new();
    let mut unusable = file.and_then(guard::distrust);
    match file.map(config::read_source).transpose() {
        Ok(source) => sources.extend(source),
        Err(wrong) => unusable = unusable.or(Some(wrong.to_string())),
    }
    let forced = managed::read();
    let names: Vec<String> = sources.iter().chain(&forced).map(|source| source.name.to_string()).collect();
    sources.extend(forced);
    let (settings, diagnostics) = config::load(&sources);
    let told = |level| {
        let told = diagnostics.iter().filter(|found| found.level == level);
        told.map(ToString::to_string).collect::<Vec<_>>()
    };
    let (errors, warnings) = (told(Level::Error), told(Level::Warning));
    let look = || match file {
        Some(file) => format!("`cloudward check --managed --config '{}'` shows every place", file.display()),
        None => "`cloudward check --managed` shows every place".to_owned(),
    };
    let from = if names.is_empty() { "built in".to_owned() } else { names.join(", ") };
    let finding = match (unusable, &errors[..], &warnings[..]) {
        (Some(why), ..) => Finding::error(CHECK, why, "the daemon starts with no other: mend the file"),
        (None, [_, ..], _) => Finding::error(CHECK, first_of(&errors), look()),
        (None, [], [_, ..]) => Finding::warning(CHECK, first_of(&warnings), look()),
        (None, [], []) => Finding::ok(CHECK, format!("fine: {} ({from})", settings.policy.hash)),
    };
    (settings, finding)
}

/// The first complaint without its hint, and how many follow.
fn first_of(complaints: &[String]) -> String {
    let first = complaints.first().and_then(|told| told.lines().next()).unwrap_or_default();
    match complaints.len() {
        0 | 1 => first.to_owned(),
        count => format!("{first}; and {} more", count - 1),
    }
}

/// Whether each receiver is there. No record is sent.
async fn receivers(settings: &Settings) -> Vec<Finding> {
    if settings.outputs.is_empty() {
        let text = "none configured: records stay on this Mac, on standard output: started by launchd, in \
                    /Library/Logs/cloudward/alerts.ndjson; an [[output]] brings them to a receiver";
        return vec![Finding::ok("receivers", text)];
    }
    let mut found = Vec::new();
    for output in &settings.outputs {
        let check = format!("receiver {}", output.name);
        let mend =
            "see to it that this Mac reaches it, or mend the [[output]]; records wait in the spool meanwhile";
        found.push(match transport::reach(&output.to).await {
            Ok(text) => Finding::ok(&check, text),
            Err(failure) => Finding::error(&check, failure.text, mend),
        });
    }
    found
}
