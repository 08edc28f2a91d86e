//! What was written: one tree for every format, each value with its place.
//!
//! TOML becomes a tree here; managed preferences will too. Trees are merged before they are read, so that the place of a
//! value tells its origin, and a value that turns out to be unusable still has the one it replaced [beneath](Node::under).

use std::fmt::Write as _;
use std::sync::Arc;

use toml::Spanned;
use toml::de::{DeTable, DeValue};
use toml::value::Datetime;

use super::diagnostics::{Complaint, Diagnostic, Origin, Place};

/// A configuration text and where it is from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Source {
    pub origin: Origin,
    /// As diagnostics name it: the path of the file.
    pub name: Arc<str>,
    pub text: String,
}

impl Source {
    pub fn new(origin: Origin, name: &str, text: impl Into<String>) -> Self {
        Self { origin, name: Arc::from(name), text: text.into() }
    }
}

/// A value where it was written.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Node {
    pub at: Place,
    pub kind: Kind,
    /// The value of an earlier source that this one replaced.
    pub under: Option<Box<Node>>,
}

#[derive(Clone, PartialEq, Debug)]
pub(super) enum Kind {
    Text(String),
    Integer(i64),
    Float(f64),
    Boolean(bool),
    Date(Datetime),
    List(Vec<Node>),
    Table(Table),
}

/// Keys in the order written.
#[derive(Clone, PartialEq, Debug, Default)]
pub(super) struct Table(pub Vec<Entry>);

#[derive(Clone, PartialEq, Debug)]
pub(super) struct Entry {
    pub key: String,
    pub key_at: Place,
    pub value: Node,
}

impl Table {
    pub(super) fn get(&self, key: &str) -> Option<&Node> {
        self.0.iter().find(|entry| entry.key == key).map(|entry| &entry.value)
    }

    pub(super) fn get_mut(&mut self, key: &str) -> Option<&mut Node> {
        self.0.iter_mut().find(|entry| entry.key == key).map(|entry| &mut entry.value)
    }
}

impl Node {
    pub(super) fn text(&self) -> Option<&str> {
        match &self.kind {
            Kind::Text(text) => Some(text),
            _ => None,
        }
    }

    pub(super) fn table(&self) -> Option<&Table> {
        match &self.kind {
            Kind::Table(table) => Some(table),
            _ => None,
        }
    }

    /// What it is, with its article.
    pub(super) fn type_name(&self) -> &'static str {
        match &self.kind {
            Kind::Text(_) => "a string",
            Kind::Integer(_) => "an integer",
            Kind::Float(_) => "a number",
            Kind::Boolean(_) => "a boolean",
            Kind::Date(_) => "a date",
            Kind::List(_) => "a list",
            Kind::Table(_) => "a table",
        }
    }

    /// One text for each meaning: keys sorted, no places, no comments. What the configuration hash is taken over.
    pub(super) fn canonical(&self, out: &mut String) {
        match &self.kind {
            Kind::Text(text) => _ = write!(out, "{text:?}"),
            Kind::Integer(number) => _ = write!(out, "{number}"),
            Kind::Float(number) => _ = write!(out, "{number:?}"),
            Kind::Boolean(truth) => _ = write!(out, "{truth}"),
            Kind::Date(date) => _ = write!(out, "{date}"),
            Kind::List(items) => {
                out.push('[');
                for item in items {
                    item.canonical(out);
                    out.push(',');
                }
                out.push(']');
            }
            Kind::Table(table) => {
                let mut entries: Vec<&Entry> = table.0.iter().collect();
                entries.sort_by(|a, b| a.key.cmp(&b.key));
                out.push('{');
                for entry in entries {
                    _ = write!(out, "{:?}:", entry.key);
                    entry.value.canonical(out);
                    out.push(',');
                }
                out.push('}');
            }
        }
    }
}

/// Reads TOML. What can be read is, whatever else is wrong with the text.
pub(super) fn parse(source: &Source, complaints: &mut Vec<Diagnostic>) -> Table {
    let places = Places::new(source);
    let (table, errors) = DeTable::parse_recoverable(&source.text);
    for error in errors {
        let place = error.span().map_or_else(|| places.whole(), |span| places.at(span.start));
        let message = error.message().lines().collect::<Vec<_>>().join("; ");
        let hint = match &*message {
            "duplicate key" => "it stands further up too; keep one of the two",
            _ => "this is not TOML; strings, also durations and sizes, stand in double quotes",
        };
        complaints.push(Diagnostic::error(&place, Complaint::new(message).hint(hint)));
    }
    places.table(table.get_ref(), None, complaints)
}

/// The keys on the way to a value, and its number in each list.
struct Way<'w> {
    up: Option<&'w Way<'w>>,
    step: Step<'w>,
}

enum Step<'w> {
    Key(&'w str),
    Item(usize),
}

/// `allow.0.process`, as `plutil -extract` takes it.
impl std::fmt::Display for Way<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let Some(up) = self.up {
            write!(f, "{up}.")?;
        }
        match self.step {
            Step::Key(key) => f.write_str(key),
            Step::Item(number) => write!(f, "{number}"),
        }
    }
}

/// Byte offsets to lines and columns; in a profile, which nobody sees as a text, the way to the value.
struct Places<'s> {
    source: &'s Source,
    line_starts: Vec<usize>,
}

impl<'s> Places<'s> {
    fn new(source: &'s Source) -> Self {
        let after = memchr::memchr_iter(b'\n', source.text.as_bytes()).map(|at| at + 1);
        Self { source, line_starts: std::iter::once(0).chain(after).collect() }
    }

    fn whole(&self) -> Place {
        Place::whole(self.source.origin, &self.source.name)
    }

    fn of(&self, way: &Way<'_>, offset: usize) -> Place {
        match self.source.origin {
            Origin::Managed => {
                Place::whole(Origin::Managed, &Arc::from(format!("{}: {way}", self.source.name)))
            }
            Origin::BuiltIn | Origin::File => self.at(offset),
        }
    }

    fn at(&self, offset: usize) -> Place {
        let line = self.line_starts.partition_point(|start| *start <= offset);
        let start = self.line_starts[line.saturating_sub(1)];
        let before = self.source.text.get(start..offset).unwrap_or_default();
        Place { line: line as u32, column: before.chars().count() as u32 + 1, ..self.whole() }
    }

    fn table(&self, table: &DeTable<'_>, up: Option<&Way<'_>>, complaints: &mut Vec<Diagnostic>) -> Table {
        let mut entries = Vec::with_capacity(table.len());
        for (key, value) in table {
            let way = Way { up, step: Step::Key(key.get_ref()) };
            if let Some(value) = self.node(value, &way, complaints) {
                let key_at = self.of(&way, key.span().start);
                entries.push(Entry { key: key.get_ref().to_string(), key_at, value });
            }
        }
        entries.sort_by_key(|entry| (entry.key_at.line, entry.key_at.column));
        Table(entries)
    }

    fn node(
        &self,
        value: &Spanned<DeValue<'_>>,
        way: &Way<'_>,
        complaints: &mut Vec<Diagnostic>,
    ) -> Option<Node> {
        let at = self.of(way, value.span().start);
        let kind = match value.get_ref() {
            DeValue::String(text) => Some(Kind::Text(text.to_string())),
            DeValue::Integer(number) => {
                i64::from_str_radix(number.as_str(), number.radix()).ok().map(Kind::Integer)
            }
            DeValue::Float(number) => number.as_str().parse().ok().map(Kind::Float),
            DeValue::Boolean(truth) => Some(Kind::Boolean(*truth)),
            DeValue::Datetime(date) => Some(Kind::Date(*date)),
            DeValue::Array(items) => {
                let numbered = items.iter().enumerate();
                let node = |(number, item)| {
                    self.node(item, &Way { up: Some(way), step: Step::Item(number) }, complaints)
                };
                Some(Kind::List(numbered.filter_map(node).collect()))
            }
            DeValue::Table(table) => Some(Kind::Table(self.table(table, Some(way), complaints))),
        };
        if kind.is_none() {
            let complaint = Complaint::new("the number is out of range");
            complaints
                .push(Diagnostic::error(&at, complaint.hint("whole numbers go from -2^63 to 2^63 - 1")));
        }
        Some(Node { at, kind: kind?, under: None })
    }
}
