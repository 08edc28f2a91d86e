//! What can be configured: every key, what it takes and what it means.
//!
//! Reading holds itself to these tables: a `Section` asks for no key that its table has not.
//! Forms for configuration profiles are written from them, so that what an administrator is offered is what is read.

use super::{builtin, managed};
use crate::model::Property;

mod lists;
mod outputs;
mod rules;
mod singles;

pub(super) use lists::{ALLOW, MAIL, OWNER, PROCESS, SENSITIVE, SERVICE, SYNC_ROOT};
pub(super) use outputs::{HEARTBEAT, OUTPUT, SPOOL};
pub(super) use rules::{COMMAND, RULE, STEP, TOOL, WHO};
pub(super) use singles::{ALERT, BUILTIN, DAEMON, ENGINE, PATHS, SENSOR, UPLOAD, WINDOW};

/// The keys of a table.
pub type Keys = &'static [Key];

/// Of a table that is no configuration, such as a file of tests: any key may be asked for.
pub(super) const ANY: Keys = &[];

/// One key of a table.
#[derive(Debug)]
pub struct Key {
    pub name: &'static str,
    pub shape: Shape,
    /// What it means, in words for the administrator.
    pub says: &'static str,
}

/// What a key takes.
#[derive(Clone, Copy, Debug)]
pub enum Shape {
    Text,
    Boolean,
    Integer,
    Real,
    /// Bytes: an integer, or a string with a unit.
    Size,
    /// A string with a unit.
    Duration,
    Date,
    /// One of these words.
    Word(fn() -> Vec<&'static str>),
    /// A list; one item may stand for it.
    List(&'static Shape),
    /// A table of these keys.
    Table(Keys),
    /// A list of tables of these keys; one table may stand for it.
    Tables(Keys),
    /// A table whose keys the administrator chooses.
    Map(&'static Shape),
}

impl Key {
    /// How it is written right, for whoever wrote it wrong.
    pub(super) fn example(&self) -> String {
        let Self { name, shape, says } = self;
        match shape {
            Shape::Word(words) | Shape::List(Shape::Word(words)) => {
                format!("write one of these words in quotes: {}", words().join(", "))
            }
            Shape::Text | Shape::List(Shape::Text) => {
                format!("write for example {name} = {} ({says})", shape.example())
            }
            _ => format!("write for example {name} = {}", shape.example()),
        }
    }
}

impl Shape {
    /// A value of this shape as configuration writes it.
    fn example(&self) -> String {
        match self {
            Self::Text => "\"..\"".to_owned(),
            Self::Boolean => "true".to_owned(),
            Self::Integer => "10".to_owned(),
            Self::Real => "1.0".to_owned(),
            Self::Size => "\"4KiB\"".to_owned(),
            Self::Duration => "\"15m\"".to_owned(),
            Self::Date => "2027-06-30".to_owned(),
            Self::Word(words) => format!("{:?}", words().first().unwrap_or(&"..")),
            Self::List(item) => format!("[{}]", item.example()),
            Self::Table(keys) | Self::Tables(keys) => match keys.first() {
                Some(first) => format!("{{ {} = {}, .. }}", first.name, first.shape.example()),
                None => "{ .. }".to_owned(),
            },
            Self::Map(value) => format!("{{ name = {} }}", value.example()),
        }
    }
}

pub(super) const fn key(name: &'static str, shape: Shape, says: &'static str) -> Key {
    Key { name, shape, says }
}

/// The first of each pair.
fn words<T: Copy>(pairs: &[(&'static str, T)]) -> Vec<&'static str> {
    pairs.iter().map(|(word, _)| *word).collect()
}

/// The whole tree, in the order in which the shipped file tells it.
pub static TOP: Keys = &[
    key("window", Shape::Table(WINDOW), "How long a read and an upload belong together"),
    key("upload", Shape::Table(UPLOAD), "What counts as an upload"),
    key("paths", Shape::Table(PATHS), "Homes and volumes beside the usual ones"),
    key("sensor", Shape::Table(SENSOR), "Where packets come from"),
    key("daemon", Shape::Table(DAEMON), "Where the daemon keeps its state and answers questions"),
    key("engine", Shape::Table(ENGINE), "How events are put in order"),
    key("alert", Shape::Table(ALERT), "How steps become alerts"),
    key("spool", Shape::Table(SPOOL), "Where records wait until their receivers have them"),
    key("heartbeat", Shape::Table(HEARTBEAT), "Signs of life"),
    key("builtin", Shape::Table(BUILTIN), "What is built in and not wanted"),
    key("sensitive", Shape::Tables(SENSITIVE), "Files that must not leave"),
    key("service", Shape::Tables(SERVICE), "Where data can go"),
    key("mail", Shape::Tables(MAIL), "Servers that take mail: what is sent there is noted"),
    key("sync_root", Shape::Tables(SYNC_ROOT), "Folders whose contents a sync client uploads"),
    key("allow", Shape::Tables(ALLOW), "Who may send what where; all dimensions must match"),
    key("rule", Shape::Tables(RULE), "What is worth an alert, told in steps"),
    key("tool", Shape::Tables(TOOL), "Command lines of cloud tools"),
    key("output", Shape::Tables(OUTPUT), "Where records go"),
];

/// The keys of the top level.
pub fn names() -> Vec<&'static str> {
    TOP.iter().map(|key| key.name).collect()
}

/// The value that ships for a key of a table of single values.
pub fn default_of(table: &str, key: &str) -> Option<Property> {
    let shipped = builtin::sources().next()?;
    let Ok(Property::Table(tables)) = managed::properties(&shipped.text) else { return None };
    let Property::Table(pairs) = tables.into_iter().find(|(name, _)| name == table)?.1 else { return None };
    pairs.into_iter().find(|(name, _)| name == key).map(|(_, value)| value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Level, Origin, Source, load};

    fn each(path: &str, keys: Keys, visit: &mut impl FnMut(&str, &Key)) {
        for key in keys {
            let path = if path.is_empty() { key.name.to_owned() } else { format!("{path}.{}", key.name) };
            visit(&path, key);
            if let Shape::Table(inside) | Shape::Tables(inside) = key.shape {
                each(&path, inside, visit);
            }
        }
    }

    /// The paths of the keys of a TOML value, items of lists taken together.
    fn written(path: &str, value: &toml::Value, found: &mut Vec<String>) {
        match value {
            toml::Value::Table(table) => {
                for (key, value) in table {
                    let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                    found.push(path.clone());
                    written(&path, value, found);
                }
            }
            toml::Value::Array(items) => items.iter().for_each(|item| written(path, item, found)),
            _ => {}
        }
    }

    /// What the shipped file shows, bars taken away, and beside it what only its comments tell.
    fn shown() -> [String; 2] {
        let shipped = include_str!("../../../config/cloudward.toml").replace("\n#| ", "\n");
        [shipped, include_str!("../../../tests/config/good/every-inner-key.toml").to_owned()]
    }

    /// That all keys that are read stand in the tables is what `Section::node` asserts, in every test that loads any.
    #[test]
    fn every_key_is_shown_and_read() {
        let mut found = Vec::new();
        for text in shown() {
            written("", &toml::Value::Table(text.parse().unwrap()), &mut found);
            let (_, diagnostics) = load(&[Source::new(Origin::File, "shown", text)]);
            let errors: Vec<_> = diagnostics.iter().filter(|found| found.level == Level::Error).collect();
            assert!(errors.is_empty(), "{errors:#?}");
        }
        let mut missing = Vec::new();
        each("", TOP, &mut |path, _| {
            if !found.iter().any(|found| found == path) {
                missing.push(path.to_owned());
            }
        });
        assert_eq!(
            missing,
            Vec::<String>::new(),
            "neither the shipped file nor every-inner-key.toml uses these"
        );
    }

    /// Every key with this value, in the tables that it belongs into, and in place of those too.
    fn all_set_to(value: &str) -> String {
        fn fields(keys: Keys, value: &str) -> Vec<String> {
            let field = |key: &Key| match key.shape {
                Shape::Tables(inside) => {
                    format!("{} = [{{ {} }}, {value}]", key.name, fields(inside, value).join(", "))
                }
                _ => format!("{} = {value}", key.name),
            };
            keys.iter().map(field).collect()
        }

        let (lists, tables): (Vec<_>, Vec<_>) =
            TOP.iter().partition(|key| matches!(key.shape, Shape::Tables(_)));
        let mut lines: Vec<String> =
            lists.into_iter().flat_map(|key| fields(std::slice::from_ref(key), value)).collect();
        for key in tables {
            let Shape::Table(inside) = key.shape else { panic!("{}", key.name) };
            lines.push(format!("[{}]", key.name));
            lines.extend(fields(inside, value));
        }
        lines.join("\n")
    }

    #[test]
    fn whatever_is_wrong_with_a_key_has_a_hint() {
        for value in
            ["-1", "\"\"", "\"?/zzz\"", "true", "nan", "[]", "{ zzz = 1 }", "1979-05-27", "99999999999"]
        {
            let (_, diagnostics) = load(&[Source::new(Origin::File, "wrong", all_set_to(value))]);
            assert!(diagnostics.len() > 20, "{value}: {diagnostics:#?}");
            for found in diagnostics {
                let hint = found.hint.as_deref().unwrap_or_default();
                assert!(!hint.is_empty(), "{value}: {found}");
            }
        }
    }

    #[test]
    fn keys_are_told_in_words_and_once() {
        each("", TOP, &mut |path, key| {
            assert!(key.says.len() > 4 && !key.says.ends_with('.'), "{path}: {:?}", key.says);
            if let Shape::Word(words) = key.shape {
                assert!(words().len() > 1, "{path}");
            }
        });
        let mut names = Vec::new();
        each("", TOP, &mut |path, _| names.push(path.to_owned()));
        let count = names.len();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), count);
    }
}
