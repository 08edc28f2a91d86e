//! Managed preferences as a source like any other: the same tree as the TOML, forced by a configuration profile.

use toml::Table;
use toml::value::Datetime;

use super::diagnostics::Origin;
use super::tree::Source;
use crate::model::Timestamp;

/// The preference domain, which is also the payload type of a profile.
pub const DOMAIN: &str = "com.cloudward.daemon";

/// What a profile may set: the keys of the top level.
pub const KEYS: &[&str] = &[
    "window",
    "upload",
    "paths",
    "sensor",
    "daemon",
    "engine",
    "alert",
    "builtin",
    "sensitive",
    "service",
    "sync_root",
    "allow",
    "output",
    "spool",
    "heartbeat",
    "tool",
    "rule",
];

/// A forced value, whatever it was read with.
#[derive(Clone, PartialEq, Debug)]
pub enum Forced {
    Text(String),
    Integer(i64),
    Real(f64),
    Boolean(bool),
    /// A date, to the second.
    Date(Timestamp),
    List(Vec<Forced>),
    Table(Vec<(String, Forced)>),
}

/// Forced values as a source, or `None` if there are none.
pub fn source(values: Vec<(String, Forced)>) -> Option<Source> {
    if values.is_empty() {
        return None;
    }
    let table: Table = values.into_iter().map(|(key, value)| (key, written(value))).collect();
    // A tree of plain values can always be written.
    let text = toml::to_string(&table).unwrap_or_default();
    Some(Source::new(Origin::Managed, &format!("managed preferences of {DOMAIN}"), text))
}

fn written(value: Forced) -> toml::Value {
    match value {
        Forced::Text(text) => toml::Value::String(text),
        Forced::Integer(number) => toml::Value::Integer(number),
        Forced::Real(number) => toml::Value::Float(number),
        Forced::Boolean(truth) => toml::Value::Boolean(truth),
        Forced::Date(time) => {
            let text = time.to_string();
            // A day in configuration holds to its end, and profiles have no days without times.
            let day = text.get(..10).and_then(|day| day.parse::<Datetime>().ok());
            day.map_or(toml::Value::String(text), toml::Value::Datetime)
        }
        Forced::List(items) => toml::Value::Array(items.into_iter().map(written).collect()),
        Forced::Table(pairs) => {
            toml::Value::Table(pairs.into_iter().map(|(key, value)| (key, written(value))).collect())
        }
    }
}

/// What profiles force on this machine now.
#[cfg(target_os = "macos")]
pub fn read() -> Option<Source> {
    use crate::sys::prefs::{self, Value};

    fn forced(value: Value) -> Forced {
        match value {
            Value::Text(text) => Forced::Text(text),
            Value::Integer(number) => Forced::Integer(number),
            Value::Real(number) => Forced::Real(number),
            Value::Boolean(truth) => Forced::Boolean(truth),
            Value::Date(seconds) => {
                Forced::Date(Timestamp::from_nanos(seconds.saturating_mul(1_000_000_000)))
            }
            Value::List(items) => Forced::List(items.into_iter().map(forced).collect()),
            Value::Table(pairs) => {
                Forced::Table(pairs.into_iter().map(|(key, value)| (key, forced(value))).collect())
            }
        }
    }

    source(prefs::forced(DOMAIN, KEYS).into_iter().map(|(key, value)| (key, forced(value))).collect())
}

/// Nothing is managed where there are no profiles.
#[cfg(not(target_os = "macos"))]
pub fn read() -> Option<Source> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Level, load};
    use crate::model::Span;

    fn table(pairs: &[(&str, Forced)]) -> Forced {
        Forced::Table(pairs.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect())
    }

    fn text(text: &str) -> Forced {
        Forced::Text(text.to_owned())
    }

    fn managed(key: &str, value: Forced) -> Source {
        source(vec![(key.to_owned(), value)]).unwrap()
    }

    #[test]
    fn what_is_forced_beats_the_file() {
        let file =
            Source::new(Origin::File, "policy.toml", "[window]\ndefault = \"5m\"\nfile_taint = \"2h\"\n");
        let forced = managed("window", table(&[("default", text("45m"))]));
        let (settings, diagnostics) = load(&[file, forced]);
        assert_eq!(diagnostics, []);
        let options = &settings.policy.options;
        assert_eq!(
            (options.window_default, options.file_taint),
            (Span::from_secs(2700), Span::from_secs(7200))
        );
        let origin = settings.provenance.iter().find(|value| value.key == "window.default");
        assert_eq!(origin.map(|value| value.at.origin), Some(Origin::Managed));
    }

    #[test]
    fn entries_dates_and_lists_come_through() {
        let entry = table(&[
            ("name", text("corporate \"Arq\"")),
            ("process", table(&[("team_id", text("48ZCSDVL96")), ("signing_id", text("com.example.arq"))])),
            ("sensitive", Forced::List(vec![text("documents")])),
            ("services", Forced::List(vec![text("s3")])),
            ("tenants", Forced::List(vec![text("corp")])),
            ("users", text("*")),
            ("reason", text("CHG-1\n")),
            ("expires", Forced::Date(Timestamp::parse(b"2099-06-30T00:00:00Z").unwrap())),
        ]);
        let (_, diagnostics) = load(&[managed("allow", Forced::List(vec![entry]))]);
        assert_eq!(diagnostics, []);
    }

    #[test]
    fn a_bad_value_is_refused_with_its_key_and_origin() {
        let (_, diagnostics) = load(&[managed("upload", table(&[("min_ratio", text("much"))]))]);
        let [wrong] = &diagnostics[..] else { panic!("{diagnostics:?}") };
        assert_eq!((wrong.level, wrong.place.origin), (Level::Error, Origin::Managed));
        let said = wrong.to_string();
        assert!(said.contains("[upload]") && said.contains("min_ratio"), "{said}");
        assert!(said.contains("com.cloudward.daemon"), "{said}");
    }

    #[test]
    fn every_key_is_one_that_configuration_knows() {
        for key in KEYS {
            let (_, diagnostics) = load(&[managed(key, Forced::Table(Vec::new()))]);
            let unknown = diagnostics.iter().find(|found| found.to_string().contains("unknown"));
            assert_eq!(unknown, None, "{key}");
        }
        assert_eq!(source(Vec::new()), None);
    }
}
