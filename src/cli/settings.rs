//! The configuration as verbs take it that do not go on with a wrong one.

use std::path::Path;

use crate::config::{self, Diagnostic, Level, Settings};
use crate::model::counted;

/// The configuration in this file, without one the built-in policy; `None` if it has errors, which are all said.
pub fn of(file: Option<&Path>) -> Option<Settings> {
    match file {
        Some(file) => sound(config::load_file(file)),
        None => Some(config::default_settings()),
    }
}

/// What was loaded; `None` if it has errors, which are all said. Of warnings it is said that there are some.
pub fn sound((settings, diagnostics): (Settings, Vec<Diagnostic>)) -> Option<Settings> {
    let errors: Vec<_> = diagnostics.iter().filter(|found| found.level == Level::Error).collect();
    errors.iter().for_each(|found| complain!("{found}"));
    let warnings = diagnostics.len() - errors.len();
    if errors.is_empty() && warnings > 0 {
        let warnings = counted(warnings as u64, "warning");
        complain!(
            "cloudward: the configuration is taken with {warnings}: `cloudward check --config FILE` shows what may not be meant"
        );
    }
    errors.is_empty().then_some(settings)
}
