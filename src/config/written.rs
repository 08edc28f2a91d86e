//! Where things were written, for those who must cite it.

use super::diagnostics::{Origin, Place};
use super::merge::name_of;
use super::settings::Settings;
use super::tree::{Kind, Node};

/// One item of a list as it was written.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Written {
    pub text: String,
    pub at: Place,
}

impl Settings {
    /// Where an entry of a named list begins: `("allow", "own-data")`.
    pub fn place_of(&self, list: &str, name: &str) -> Option<&Place> {
        self.entry(list, name).map(|node| &node.at)
    }

    /// Where the value of one key of an entry stands.
    pub fn place_of_key(&self, list: &str, name: &str, key: &str) -> Option<&Place> {
        self.entry(list, name)?.table()?.get(key).map(|node| &node.at)
    }

    /// The strings of a key of an entry, in their order; one string stands for a list of one.
    pub fn items_of(&self, list: &str, name: &str, key: &str) -> Vec<Written> {
        let node = self.entry(list, name).and_then(|node| node.table()?.get(key));
        let items = match node.map(|node| (&node.kind, node)) {
            Some((Kind::List(items), _)) => items.iter().collect(),
            Some((_, node)) => vec![node],
            None => Vec::new(),
        };
        let written = |node: &&Node| Some(Written { text: node.text()?.to_owned(), at: node.at.clone() });
        items.iter().filter_map(written).collect()
    }

    fn entry(&self, list: &str, name: &str) -> Option<&Node> {
        match &self.root.get(list)?.kind {
            Kind::List(items) => items.iter().find(|item| name_of(list, item) == Some(name)),
            _ => None,
        }
    }
}

impl Place {
    /// As explanations cite it: `file:line`, and whether the file is inside the program.
    pub fn cite(&self) -> String {
        let source = &self.source;
        match (self.line, self.origin) {
            (0, _) => source.to_string(),
            (line, Origin::BuiltIn) => format!("{source}:{line} (built in)"),
            (line, _) => format!("{source}:{line}"),
        }
    }
}
