//! Managed preferences as a source like any other: the same tree as the TOML, forced by a configuration profile.

use toml::Table;
use toml::value::Datetime;

use super::diagnostics::Origin;
use super::tree::Source;
use crate::model::{Property, Timestamp};

/// The preference domain, which is also the payload type of a profile.
pub const DOMAIN: &str = "com.cloudward.daemon";

/// What every payload has, and macOS may leave among what it forces.
fn is_of_the_payload(key: &str) -> bool {
    key.starts_with("Payload") || key == "_manualProfile"
}

/// Forced values as a source, or `None` if there are none.
pub fn source(mut values: Vec<(String, Property)>) -> Option<Source> {
    values.retain(|(key, _)| !is_of_the_payload(key));
    if values.is_empty() {
        return None;
    }
    let table: Table = values.into_iter().map(|(key, value)| (key, written(value))).collect();
    // A tree of plain values can always be written.
    let text = toml::to_string(&table).unwrap_or_default();
    Some(Source::new(Origin::Managed, &format!("managed preferences of {DOMAIN}"), text))
}

fn written(value: Property) -> toml::Value {
    match value {
        Property::Text(text) => toml::Value::String(text),
        Property::Integer(number) => toml::Value::Integer(number),
        Property::Real(number) => toml::Value::Float(number),
        Property::Boolean(truth) => toml::Value::Boolean(truth),
        Property::Date(time) => {
            let text = time.to_string();
            // A day in configuration holds to its end, and profiles have no days without times.
            let day = text.get(..10).and_then(|day| day.parse::<Datetime>().ok());
            day.map_or(toml::Value::String(text), toml::Value::Datetime)
        }
        Property::List(items) => toml::Value::Array(items.into_iter().map(written).collect()),
        Property::Table(pairs) => {
            toml::Value::Table(pairs.into_iter().map(|(key, value)| (key, written(value))).collect())
        }
    }
}

/// What a profile must force to say the same as a TOML text. A time of day, which configuration keeps to the second but a
/// forced date does not, stays text. Fails where the text is no TOML.
pub fn properties(text: &str) -> Result<Property, toml::de::Error> {
    fn property(value: toml::Value) -> Property {
        match value {
            toml::Value::String(text) => Property::Text(text),
            toml::Value::Integer(number) => Property::Integer(number),
            toml::Value::Float(number) => Property::Real(number),
            toml::Value::Boolean(truth) => Property::Boolean(truth),
            toml::Value::Datetime(date) => {
                let day = date.time.is_none().then(|| format!("{date}T00:00:00Z"));
                let day = day.and_then(|day| Timestamp::parse(day.as_bytes()));
                day.map_or_else(|| Property::text(date.to_string()), Property::Date)
            }
            toml::Value::Array(items) => Property::List(items.into_iter().map(property).collect()),
            toml::Value::Table(table) => {
                Property::table(table.into_iter().map(|(key, value)| (key, property(value))))
            }
        }
    }

    text.parse::<Table>().map(|table| property(toml::Value::Table(table)))
}

/// What profiles force on this machine now.
#[cfg(target_os = "macos")]
pub fn read() -> Option<Source> {
    use super::schema;
    use crate::sys::prefs;

    source(prefs::forced(DOMAIN, &schema::names()))
}

/// Nothing is managed where there are no profiles.
#[cfg(not(target_os = "macos"))]
pub fn read() -> Option<Source> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Level, load, schema};
    use crate::model::Span;

    fn managed(key: &str, value: Property) -> Source {
        source(vec![(key.to_owned(), value)]).unwrap()
    }

    #[test]
    fn what_is_forced_beats_the_file() {
        let file =
            Source::new(Origin::File, "policy.toml", "[window]\ndefault = \"5m\"\nfile_taint = \"2h\"\n");
        let forced = managed("window", Property::table([("default", Property::text("45m"))]));
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
        let entry = Property::table([
            ("name", Property::text("corporate \"Arq\"")),
            (
                "process",
                Property::table([
                    ("team_id", Property::text("48ZCSDVL96")),
                    ("signing_id", Property::text("com.example.arq")),
                ]),
            ),
            ("sensitive", Property::List(vec![Property::text("documents")])),
            ("services", Property::List(vec![Property::text("s3")])),
            ("tenants", Property::List(vec![Property::text("corp")])),
            ("users", Property::text("*")),
            ("reason", Property::text("CHG-1\n")),
            ("expires", Property::Date(Timestamp::parse(b"2099-06-30T00:00:00Z").unwrap())),
        ]);
        let (_, diagnostics) = load(&[managed("allow", Property::List(vec![entry]))]);
        assert_eq!(diagnostics, []);
    }

    #[test]
    fn a_file_and_its_profile_say_the_same() {
        let text = include_str!("../../tests/config/good/every-inner-key.toml");
        let dated = text.replacen("reason    = \"CHG-1\"", "reason = \"CHG-1\"\nexpires = 2099-06-30", 1);
        let timed =
            text.replacen("reason    = \"CHG-1\"", "reason = \"CHG-1\"\nexpires = 2099-06-30T12:00:00Z", 1);
        for text in [dated, timed] {
            let Ok(Property::Table(forced)) = properties(&text) else { panic!("no table") };
            let (from_profile, told) = load(&[source(forced).unwrap()]);
            let (from_file, _) = load(&[Source::new(Origin::File, "file", text)]);
            assert!(told.iter().all(|found| found.level == Level::Warning), "{told:#?}");
            let ends = |settings: &crate::config::Settings| {
                let entry =
                    settings.policy.allow.entries().iter().find(|entry| &*entry.name == "in-house sync");
                entry.and_then(|entry| entry.expires)
            };
            assert_eq!(ends(&from_profile), ends(&from_file));
            assert!(ends(&from_file).is_some());
        }
    }

    #[test]
    fn a_bad_value_is_refused_with_its_key_and_origin() {
        let (_, diagnostics) =
            load(&[managed("upload", Property::table([("min_ratio", Property::text("much"))]))]);
        let [wrong] = &diagnostics[..] else { panic!("{diagnostics:?}") };
        assert_eq!((wrong.level, wrong.place.origin), (Level::Error, Origin::Managed));
        let said = wrong.to_string();
        assert!(said.contains("[upload]") && said.contains("min_ratio"), "{said}");
        assert!(said.contains("com.cloudward.daemon"), "{said}");
    }

    /// Data where a value belongs is no value that is not there.
    #[test]
    fn what_means_nothing_is_refused_by_its_name() {
        let inside = |key: &str| Property::table([(key, Property::unreadable())]);
        for (key, value, named) in [
            ("window", Property::unreadable(), "[window]"),
            ("window", inside("default"), "`default`"),
            ("upload", inside("min_bytes"), "`min_bytes`"),
            ("upload", inside("min_ratio"), "`min_ratio`"),
            ("builtin", inside("disable"), "`disable`"),
            ("paths", inside("homes"), "`homes`"),
            ("allow", Property::unreadable(), "`allow`"),
            ("allow", Property::List(vec![Property::unreadable()]), "[[allow]]"),
        ] {
            let (_, diagnostics) = load(&[managed(key, value)]);
            let mut errors = diagnostics.iter().filter(|found| found.level == Level::Error);
            assert!(errors.any(|found| found.to_string().contains(named)), "{key}: {diagnostics:?}");
        }
    }

    /// A slip in a key says nothing in force: it is told as in a file, and what the system adds to each payload is none.
    #[test]
    fn keys_that_mean_nothing_are_told() {
        let forced = |keys: &[&str]| {
            source(
                keys.iter()
                    .map(|key| ((*key).to_owned(), Property::table([("default", Property::text("5m"))])))
                    .collect(),
            )
        };
        let (_, diagnostics) = load(&[forced(&["windw", "PayloadUUID", "_manualProfile"]).unwrap()]);
        let [wrong] = &diagnostics[..] else { panic!("{diagnostics:?}") };
        assert_eq!(
            wrong.to_string(),
            "managed preferences of com.cloudward.daemon: windw: error: top level: unknown key `windw`\n  \
             hint: did you mean `window`?"
        );
        assert_eq!(forced(&["PayloadType", "PayloadVersion"]), None);
    }

    /// A profile is no text with lines: its places are the keys on the way there, as `plutil -extract` takes them.
    #[test]
    fn places_name_keys() {
        let entry = Property::table([
            ("name", Property::text("x")),
            ("paths", Property::List(vec![Property::text("~/x"), Property::text("x")])),
            ("severty", Property::text("high")),
        ]);
        let sensitive = ("sensitive".to_owned(), Property::List(vec![entry]));
        let window = ("window".to_owned(), Property::table([("default", Property::Integer(15))]));
        let (_, diagnostics) = load(&[source(vec![sensitive, window]).unwrap()]);
        let mut places: Vec<&str> = diagnostics.iter().map(|found| &*found.place.source).collect();
        places.dedup();
        let named = ["sensitive.0.paths.1", "sensitive.0.severty", "window.default"];
        assert_eq!(places, named.map(|key| format!("managed preferences of com.cloudward.daemon: {key}")));
        assert!(diagnostics.iter().all(|found| found.place.line == 0));
    }

    /// Who writes a profile has no brackets to write.
    #[test]
    fn hints_speak_of_profiles() {
        for (key, value, kind) in [
            ("window", Property::text("15m"), "<dict>"),
            ("allow", Property::table([("name", Property::text("x"))]), "<array>"),
        ] {
            let (_, diagnostics) = load(&[managed(key, value)]);
            let hint = diagnostics[0].hint.as_deref().unwrap_or_default();
            assert!(hint.contains(kind) && !hint.contains('['), "{hint}");
        }
    }

    #[test]
    fn every_key_is_one_that_configuration_knows() {
        for key in schema::names() {
            let (_, diagnostics) = load(&[managed(key, Property::Table(Vec::new()))]);
            let unknown = diagnostics.iter().find(|found| found.to_string().contains("unknown"));
            assert_eq!(unknown, None, "{key}");
        }
        assert_eq!(source(Vec::new()), None);
    }
}
