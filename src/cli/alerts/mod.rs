//! Alerts that were raised elsewhere, and what could be allowed of them.

pub mod proposal;
#[cfg(test)]
mod tests;
pub mod told;

use std::io::Read as _;
use std::path::Path;
use std::sync::Arc;

use crate::config::{self, Level, Origin, Settings, Source};
use crate::model::{Timestamp, Uid};
use crate::policy::{Identity, Subject, Transfer};

use told::Line;
pub use told::Told;

/// How much of a file of alerts is read.
const FILE_LIMIT: u64 = 256 << 20;

/// The latest revision of each alert in a file (`-` is standard input): one JSON object, or one a line.
pub fn read_file(path: &Path) -> Result<Vec<Told>, String> {
    let name = path.display();
    let mut text = String::new();
    let read = if path == Path::new("-") {
        std::io::stdin().lock().take(FILE_LIMIT).read_to_string(&mut text)
    } else {
        std::fs::File::open(path).and_then(|file| file.take(FILE_LIMIT).read_to_string(&mut text))
    };
    read.map_err(|error| format!("{name}: cannot be read: {error}"))?;
    let alerts = read_text(&text).map_err(|error| format!("{name}:{error}"))?;
    if alerts.is_empty() { Err(format!("{name}: there is no alert in it")) } else { Ok(alerts) }
}

/// Alerts by their latest revision, in the order in which they first came. The error begins with the line.
pub fn read_text(text: &str) -> Result<Vec<Told>, String> {
    let mut alerts = Vec::new();
    // An object that somebody has laid out over several lines.
    if let Ok(Line::Alert(told)) = told::read(text) {
        return Ok(vec![*told]);
    }
    for (number, line) in (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty()) {
        match told::read(line).map_err(|error| format!("{number}: {error}"))? {
            Line::Alert(told) => keep_latest(&mut alerts, *told),
            Line::Other => {}
        }
    }
    Ok(alerts)
}

/// Puts an alert in the place of an earlier revision of it.
pub fn keep_latest(alerts: &mut Vec<Told>, told: Told) {
    match alerts.iter_mut().find(|known| known.event.id == told.event.id) {
        Some(known) if known.cloudward.revision <= told.cloudward.revision => *known = told,
        Some(_) => {}
        None => alerts.push(told),
    }
}

/// The configuration with an entry more; the text of what is wrong if the entry cannot be used.
pub fn with_entry(config: Option<&Path>, entry: &str) -> Result<Settings, String> {
    let mut sources = Vec::new();
    if let Some(path) = config {
        sources.push(config::read_source(path).map_err(|found| found.to_string())?);
    }
    sources.push(Source::new(Origin::File, "the proposed entry", entry));
    let (settings, diagnostics) = config::load(&sources);
    match diagnostics.into_iter().find(|found| found.level == Level::Error) {
        Some(found) => Err(found.to_string()),
        None => Ok(settings),
    }
}

/// Would everything that the alert is about be let through?
pub fn is_silent(settings: &Settings, told: &Told) -> bool {
    let policy = &settings.policy;
    let identity = proposal::identity(told);
    let parent = told.process.parent.as_deref().map(|parent| Identity {
        invalidated: parent.invalidated(),
        ..Identity::new(Arc::new(parent.program()))
    });
    let user = told.user.id.parse().unwrap_or(u32::MAX);
    let subject = Subject {
        identity: &identity,
        args: &[],
        parent: parent.as_ref(),
        user: Uid(user),
        user_name: told.user.name.as_deref(),
        time: Timestamp::parse(told.time.as_bytes()).unwrap_or(Timestamp::MAX),
        homes: &policy.paths.homes(),
    };
    let service = told.cloud.service.name.as_deref().and_then(|name| policy.services.by_name(name));
    let tenant = told.cloudward.tenant.name.as_deref();
    let sets = told.sets();
    let permitted = |name: &&str| match (policy.set_named(name), service) {
        (Some(set), Some(service)) => {
            policy.allow.permits(&subject, Transfer { set, service, tenant }).is_ok()
        }
        _ => false,
    };
    !sets.is_empty() && sets.iter().all(permitted)
}
