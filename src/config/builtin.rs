//! The configuration that ships with the program, inside it.

use super::diagnostics::Origin;
use super::tree::Source;

/// The shipped files, by the names that diagnostics give them. All are read as one.
const FILES: [(&str, &str); 10] = [
    ("config/cloudward.toml", include_str!("../../config/cloudward.toml")),
    ("config/sensitive.toml", include_str!("../../config/sensitive.toml")),
    ("config/services.toml", include_str!("../../config/services.toml")),
    ("config/services-more.toml", include_str!("../../config/services-more.toml")),
    ("config/services-extra.toml", include_str!("../../config/services-extra.toml")),
    ("config/sync_roots.toml", include_str!("../../config/sync_roots.toml")),
    ("config/allow.toml", include_str!("../../config/allow.toml")),
    ("config/tools.toml", include_str!("../../config/tools.toml")),
    ("config/rules/exfiltration.toml", include_str!("../../config/rules/exfiltration.toml")),
    ("config/rules/audit.toml", include_str!("../../config/rules/audit.toml")),
];

pub(super) fn sources() -> impl Iterator<Item = Source> {
    with("")
}

/// Those in which this stands.
pub(super) fn with(part: &str) -> impl Iterator<Item = Source> {
    let files = FILES.iter().filter(move |(_, text)| text.contains(part));
    files.map(|(name, text)| Source::new(Origin::BuiltIn, name, *text))
}
