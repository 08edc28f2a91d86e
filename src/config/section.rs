//! Reading a table key by key. The keys asked for are the keys known: whatever else stands in the table is a mistake,
//! and the nearest known key is the suggestion.

use crate::model::Span;

use super::diagnostics::{Complaint, Diagnostic, Level, Place, enumerate, nearest};
use super::schema::Keys;
use super::tree::{Kind, Node, Table};

/// A value and where it was written.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Value<T> {
    pub value: T,
    pub at: Place,
}

/// All complaints so far.
#[derive(Default, Debug)]
pub(super) struct Complaints(pub Vec<Diagnostic>);

impl Complaints {
    pub(super) fn error(&mut self, at: &Place, complaint: Complaint) {
        self.0.push(Diagnostic::error(at, complaint));
    }

    pub(super) fn warning(&mut self, at: &Place, complaint: Complaint) {
        self.0.push(Diagnostic::warning(at, complaint));
    }

    /// How many there are: what comes from here on is asked for with [`is_sound_since`](Self::is_sound_since).
    pub(super) fn count(&self) -> usize {
        self.0.len()
    }

    /// No error has come since there were so many complaints; warnings may have.
    pub(super) fn is_sound_since(&self, count: usize) -> bool {
        self.0[count..].iter().all(|complaint| complaint.level == Level::Warning)
    }
}

/// A table being read.
pub(super) struct Section<'n, 'c> {
    /// What may be asked for.
    keys: Keys,
    table: &'n Table,
    at: Place,
    /// As messages name it: `[window]`, `[[allow]] "name"`.
    title: String,
    asked: Vec<&'static str>,
    pub complaints: &'c mut Complaints,
}

impl<'n, 'c> Section<'n, 'c> {
    pub(super) fn new(
        keys: Keys,
        title: impl Into<String>,
        at: &Place,
        table: &'n Table,
        complaints: &'c mut Complaints,
    ) -> Self {
        Self {
            keys,
            table,
            at: at.clone(),
            title: title.into(),
            asked: Vec::with_capacity(keys.len()),
            complaints,
        }
    }

    pub(super) fn at(&self) -> &Place {
        &self.at
    }

    pub(super) fn title(&self) -> &str {
        &self.title
    }

    pub(super) fn set_title(&mut self, title: String) {
        self.title = title;
    }

    /// The node of a key, which is known from now on.
    pub(super) fn node(&mut self, key: &'static str) -> Option<&'n Node> {
        let described = self.keys.is_empty() || self.keys.iter().any(|known| known.name == key);
        debug_assert!(described, "{}: `{key}` is read, but stands in no table of `schema`", self.title);
        self.asked.push(key);
        self.table.get(key)
    }

    /// The node of a key that nobody should write any more, for the complaint that it deserves.
    pub(super) fn former(&mut self, key: &'static str) -> Option<&'n Node> {
        self.asked.push(key);
        self.table.get(key)
    }

    /// The value of a key. If it cannot be used that is said, and the value that it replaced is used.
    pub(super) fn read<T>(
        &mut self,
        key: &'static str,
        parse: impl Fn(&Node) -> Result<T, Complaint>,
    ) -> Option<Value<T>> {
        let mut node = self.node(key)?;
        loop {
            match parse(node) {
                Ok(value) => return Some(Value { value, at: node.at.clone() }),
                Err(complaint) => self.complain(&node.at, key, complaint),
            }
            node = node.under.as_deref()?;
        }
    }

    /// The same for a key that must be there.
    pub(super) fn require<T>(
        &mut self,
        key: &'static str,
        hint: &str,
        parse: impl Fn(&Node) -> Result<T, Complaint>,
    ) -> Option<Value<T>> {
        if self.table.get(key).is_none() {
            self.missing(key, hint);
        }
        self.read(key, parse)
    }

    pub(super) fn missing(&mut self, key: &str, hint: &str) {
        let message = format!("{} has no `{key}`", self.title);
        self.complaints.error(&self.at, Complaint::new(message).hint(hint));
    }

    /// A list, or one item that stands for a list of one. Items that cannot be used are left out.
    pub(super) fn list<T>(
        &mut self,
        key: &'static str,
        parse: impl Fn(&Node) -> Result<T, Complaint>,
    ) -> Option<Value<Vec<Value<T>>>> {
        let node = self.node(key)?;
        let items = items(node);
        let mut values = Vec::with_capacity(items.len());
        for item in items {
            match parse(item) {
                Ok(value) => values.push(Value { value, at: item.at.clone() }),
                Err(complaint) => self.complain(&item.at, key, complaint),
            }
        }
        Some(Value { value: values, at: node.at.clone() })
    }

    /// The same for a list in which something must stand: taken for no list at all, an empty one would mean the opposite.
    pub(super) fn filled<T>(
        &mut self,
        key: &'static str,
        parse: impl Fn(&Node) -> Result<T, Complaint>,
    ) -> Option<Value<Vec<Value<T>>>> {
        let list = self.list(key, parse)?;
        self.complain_if_empty(key);
        Some(list)
    }

    pub(super) fn complain_if_empty(&mut self, key: &'static str) {
        if let Some(node) = self.table.get(key)
            && matches!(&node.kind, Kind::List(items) if items.is_empty())
        {
            let empty = Complaint::new("the list is empty").hint("leave the key out, or name what is meant");
            self.complain(&node.at, key, empty);
        }
    }

    /// Whether an entry adds to the one of its name was decided when sources were merged; here only a mistake is told.
    pub(super) fn extends(&mut self) {
        self.read("extend", boolean);
    }

    /// The tables of a key: `key = { .. }`, `key = [{ .. }]` or `[[key]]`.
    pub(super) fn tables(&mut self, key: &'static str) -> Vec<(&'n Table, Place)> {
        let Some(node) = self.node(key) else { return Vec::new() };
        let items = items(node);
        let mut tables = Vec::with_capacity(items.len());
        for item in items {
            match item.table() {
                Some(table) => tables.push((table, item.at.clone())),
                None => self.complain(&item.at, key, expected("a table", item)),
            }
        }
        tables
    }

    pub(super) fn complain(&mut self, at: &Place, key: &str, complaint: Complaint) {
        let message = format!("{} `{key}`: {}", self.title, complaint.message);
        let example = || match self.keys.iter().find(|known| known.name == key) {
            Some(known) => known.example(),
            None => "`cloudward test --help` shows how it is written".to_owned(),
        };
        let hint = complaint.hint.or_else(|| Some(example()));
        self.complaints.error(at, Complaint { message, hint });
    }

    pub(super) fn warn(&mut self, at: &Place, complaint: Complaint) {
        let message = format!("{}: {}", self.title, complaint.message);
        self.complaints.warning(at, Complaint { message, hint: complaint.hint });
    }

    /// For how long reads are followed.
    pub(super) fn window(&mut self, key: &'static str) -> Option<Value<Span>> {
        let window = self.read(key, duration)?;
        if window.value == Span::ZERO {
            let message = format!("`{key}`: what is followed for no time is never seen to leave");
            self.warn(&window.at, Complaint::new(message).hint("such as \"15m\""));
        }
        Some(window)
    }

    /// Complains of every key that nobody asked for.
    pub(super) fn finish(self) {
        let former = |key: &str| !self.keys.is_empty() && self.keys.iter().all(|known| known.name != key);
        for entry in &self.table.0 {
            if !self.asked.contains(&entry.key.as_str()) {
                let usable: Vec<&str> = self.asked.iter().copied().filter(|key| !former(key)).collect();
                let complaint = Complaint::new(format!("{}: unknown key `{}`", self.title, entry.key));
                let complaint = match self.keys.iter().find(|known| known.name == entry.key) {
                    Some(known) => complaint.hint(format!(
                        "beside the other keys it means nothing ({}); what goes here is {}",
                        known.says,
                        enumerate(&usable)
                    )),
                    None => complaint.did_you_mean(&entry.key, usable.iter().copied()),
                };
                self.complaints.error(&entry.key_at, complaint);
            }
        }
    }
}

/// What stands in a list; of what is none, it alone.
fn items(node: &Node) -> &[Node] {
    match &node.kind {
        Kind::List(items) => items,
        _ => std::slice::from_ref(node),
    }
}

pub(super) fn expected(what: &str, node: &Node) -> Complaint {
    Complaint::new(format!("expected {what}, found {}", node.type_name()))
}

pub(super) fn text(node: &Node) -> Result<String, Complaint> {
    written(node).map(str::to_owned)
}

/// The same where it stands.
pub(super) fn written(node: &Node) -> Result<&str, Complaint> {
    match node.text() {
        Some("") => Err(Complaint::new("the string is empty")
            .hint("write what is meant between the quotes, or leave it out")),
        Some(text) => Ok(text),
        None => Err(expected("a string", node)),
    }
}

pub(super) fn boolean(node: &Node) -> Result<bool, Complaint> {
    match node.kind {
        Kind::Boolean(truth) => Ok(truth),
        _ => Err(expected("true or false", node)),
    }
}

/// A size in bytes: an integer, or a string with a unit.
pub(super) fn size(node: &Node) -> Result<u64, Complaint> {
    match &node.kind {
        Kind::Integer(bytes) => {
            u64::try_from(*bytes).map_err(|_| Complaint::new("a size cannot be negative"))
        }
        Kind::Text(text) => super::values::size(text),
        _ => Err(expected("a size", node).hint("\"4KiB\", or an integer of bytes")),
    }
}

pub(super) fn duration(node: &Node) -> Result<crate::model::Span, Complaint> {
    match &node.kind {
        Kind::Text(text) => super::values::duration(text),
        Kind::Integer(number) if *number < 0 => {
            Err(Complaint::new("a duration cannot be negative")
                .hint("\"500ms\", \"15m\", or \"0s\" for none"))
        }
        Kind::Integer(number) => {
            Err(expected("a duration", node).hint(format!("write the unit: \"{number}s\" or \"{number}m\"")))
        }
        _ => Err(expected("a duration", node).hint("\"15m\", \"500ms\", \"24h\"")),
    }
}

/// A number that is not negative.
pub(super) fn ratio(node: &Node) -> Result<f64, Complaint> {
    let number = match node.kind {
        Kind::Integer(number) => number as f64,
        Kind::Float(number) => number,
        _ => return Err(expected("a number", node)),
    };
    if number.is_finite() && number >= 0.0 {
        Ok(number)
    } else {
        Err(Complaint::new("the number must be finite and not negative"))
    }
}

/// One word of a fixed list.
pub(super) fn one_of<T: Copy>(words: &[(&'static str, T)]) -> impl Fn(&Node) -> Result<T, Complaint> {
    move |node| {
        let known: Vec<&str> = words.iter().map(|(name, _)| *name).collect();
        let known = || known.iter().copied();
        let quoted = || known().map(|word| format!("{word:?}")).collect::<Vec<_>>().join(", ");
        let word =
            node.text().ok_or_else(|| expected("a word", node).hint(format!("one of {}", quoted())))?;
        if let Some((_, value)) = words.iter().find(|(name, _)| *name == word) {
            return Ok(*value);
        }
        let complaint =
            Complaint::new(format!("`{word}` is none of {}", known().collect::<Vec<_>>().join(", ")));
        Err(match nearest(word, known()) {
            Some(near) => complaint.hint(format!("did you mean `{near}`?")),
            None => complaint.hint(format!("write one of {}", quoted())),
        })
    }
}
