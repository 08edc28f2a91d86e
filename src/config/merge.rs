//! Several trees become one: managed preferences beat the file, the file beats the built-in default.
//!
//! Single values replace each other. Entries of `[[lists]]` are told apart by name: an entry whose name an earlier
//! source has replaces it whole, and with `extend = true` adds to it.

use crate::model::{Set, Table as Lookup};

use super::diagnostics::{Complaint, Origin};
use super::section::Complaints;
use super::tree::{Entry, Kind, Node, Table};

/// The lists whose entries have names, and the keys that name them.
const NAMED_LISTS: [(&str, &[&str]); 8] = [
    ("sensitive", &["name"]),
    ("service", &["name"]),
    ("mail", &["name"]),
    ("sync_root", &["name", "path"]),
    ("allow", &["name"]),
    ("rule", &["id"]),
    ("tool", &["name"]),
    ("output", &["name"]),
];

/// Lays `upper` over `lower`.
pub(super) fn merge(lower: &mut Table, upper: Table, complaints: &mut Complaints) {
    for entry in upper.0 {
        match NAMED_LISTS.iter().find(|(list, _)| *list == entry.key) {
            Some((_, keys)) => merge_list(lower, entry, keys, complaints),
            None => lay_entry(lower, entry),
        }
    }
}

fn lay_entry(lower: &mut Table, entry: Entry) {
    match lower.get_mut(&entry.key) {
        Some(below) => lay_over(below, entry.value),
        None => lower.0.push(entry),
    }
}

fn lay_over(below: &mut Node, above: Node) {
    match (&mut below.kind, above.kind) {
        (Kind::Table(lower), Kind::Table(upper)) => {
            upper.0.into_iter().for_each(|entry| lay_entry(lower, entry));
        }
        (_, kind) => {
            let replaced = Node { at: above.at, kind, under: None };
            let replaced = std::mem::replace(below, replaced);
            below.under = Some(Box::new(replaced));
        }
    }
}

/// What an entry of a named list is called.
pub(super) fn name_of<'n>(list: &str, node: &'n Node) -> Option<&'n str> {
    let keys = NAMED_LISTS.iter().find(|(name, _)| *name == list)?.1;
    keys.iter().find_map(|key| node.table()?.get(key)?.text())
}

fn merge_list(lower: &mut Table, entry: Entry, keys: &[&str], complaints: &mut Complaints) {
    let Kind::List(items) = entry.value.kind else {
        let complaint = Complaint::new(format!("`{}` is a list of entries", entry.key));
        let hint = match entry.key_at.origin {
            Origin::Managed => format!("in a profile `{}` is an <array> of <dict>s", entry.key),
            Origin::BuiltIn | Origin::File => format!("write `[[{}]]`, with two brackets", entry.key),
        };
        complaints.error(&entry.key_at, complaint.hint(hint));
        return;
    };
    if lower.get(&entry.key).is_none() {
        let value = Node { at: entry.value.at, kind: Kind::List(Vec::new()), under: None };
        lower.0.push(Entry { key: entry.key.clone(), key_at: entry.key_at, value });
    }
    let Some(Node { kind: Kind::List(merged), .. }) = lower.get_mut(&entry.key) else { return };
    let mut index = Index { places: keys.iter().map(|key| (*key, Lookup::new())).collect() };
    merged.iter().enumerate().for_each(|(place, node)| index.note(place, node));
    let mut written = Set::new();
    for item in items {
        if let Some(name) = name_of(&entry.key, &item)
            && !written.insert(name.to_owned())
        {
            let complaint = Complaint::new(format!("[[{}]] \"{name}\" is written twice", entry.key));
            complaints
                .error(&item.at, complaint.hint("give one of them another name, or melt the two together"));
            continue;
        }
        merge_entry(merged, &mut index, item, &entry.key, complaints);
    }
}

/// Where in a list entries of a name stand, by the key that names them: a catalogue may have thousands.
struct Index<'k> {
    places: Vec<(&'k str, Lookup<String, usize>)>,
}

fn named<'n>(key: &str, node: &'n Node) -> Option<&'n str> {
    node.table()?.get(key)?.text()
}

impl Index<'_> {
    fn note(&mut self, place: usize, node: &Node) {
        for (key, places) in &mut self.places {
            if let Some(name) = named(key, node) {
                places.or_insert_with(name.to_owned(), || place);
            }
        }
    }

    fn forget(&mut self, place: usize, node: &Node) {
        for (key, places) in &mut self.places {
            if let Some(name) = named(key, node).filter(|name| places.get(*name) == Some(&place)) {
                places.remove(name);
            }
        }
    }

    /// The first entry that has a name in common with this one.
    fn find(&self, node: &Node) -> Option<usize> {
        let places = self.places.iter().filter_map(|(key, places)| places.get(named(key, node)?).copied());
        places.min()
    }
}

fn merge_entry(
    merged: &mut Vec<Node>,
    index: &mut Index<'_>,
    item: Node,
    list: &str,
    complaints: &mut Complaints,
) {
    let place = index.find(&item);
    let known = place.and_then(|place| merged.get_mut(place));
    let extends = item.table().and_then(|table| table.get("extend"));
    let extends = extends.is_some_and(|node| node.kind == Kind::Boolean(true));
    match (place.zip(known), extends) {
        (Some((place, known)), extends) => {
            index.forget(place, known);
            if extends {
                extend(known, item);
            } else {
                *known = item;
            }
            index.note(place, known);
        }
        (None, false) => {
            index.note(merged.len(), &item);
            merged.push(item);
        }
        (None, true) => {
            let name = name_of(list, &item).unwrap_or_default();
            let complaint = Complaint::new(format!("[[{list}]] \"{name}\" extends what is not there"));
            let known = merged.iter().filter_map(|node| name_of(list, node));
            complaints.error(&item.at, complaint.did_you_mean(name, known));
        }
    }
}

/// Lists grow; everything else is replaced.
fn extend(below: &mut Node, above: Node) {
    let (Kind::Table(lower), Kind::Table(upper)) = (&mut below.kind, above.kind) else { return };
    for entry in upper.0.into_iter().filter(|entry| entry.key != "extend") {
        match lower.get_mut(&entry.key) {
            Some(node) if grows(node, &entry.value) => {
                let before = std::mem::replace(&mut node.kind, Kind::List(Vec::new()));
                let before = Node { at: node.at.clone(), kind: before, under: None };
                node.at = entry.value.at.clone();
                node.kind = Kind::List(items(before).into_iter().chain(items(entry.value)).collect());
            }
            Some(node) => *node = entry.value,
            None => lower.0.push(entry),
        }
    }
}

/// `"*"` is everything already: it replaces and is replaced.
fn grows(below: &Node, above: &Node) -> bool {
    let list = |node: &Node| matches!(node.kind, Kind::List(_));
    let table = |node: &Node| matches!(node.kind, Kind::Table(_));
    let all = |node: &Node| node.text() == Some("*");
    (list(below) || list(above) || table(below) && table(above)) && !all(below) && !all(above)
}

fn items(node: Node) -> Vec<Node> {
    match node.kind {
        Kind::List(items) => items,
        _ => vec![node],
    }
}

/// Takes built-in entries away by name; `*` takes all but the rules. Complains of names that no built-in entry has.
pub(super) fn disable(builtin: &mut Table, names: &Node, complaints: &mut Complaints) {
    // One name stands for a list of one, as everywhere.
    let names = match &names.kind {
        Kind::List(names) => names.as_slice(),
        _ => std::slice::from_ref(names),
    };
    let known: Vec<String> = NAMED_LISTS
        .iter()
        .filter_map(|(list, _)| Some((list, builtin.get(list)?)))
        .flat_map(|(list, node)| match &node.kind {
            Kind::List(items) => items.iter().filter_map(|item| name_of(list, item)).collect(),
            _ => Vec::new(),
        })
        .map(str::to_owned)
        .collect();
    for node in names {
        let Some(name) = node.text() else { continue };
        if name == "*" || known.iter().any(|known| known == name) {
            take_away(builtin, name);
        } else {
            let complaint =
                Complaint::new(format!("[builtin] `disable`: nothing built in is named `{name}`"));
            complaints.error(&node.at, complaint.did_you_mean(name, known.iter().map(String::as_str)));
        }
    }
}

fn take_away(builtin: &mut Table, name: &str) {
    for (list, _) in NAMED_LISTS {
        if let Some(Node { kind: Kind::List(items), .. }) = builtin.get_mut(list) {
            let all = name == "*" && !matches!(list, "rule" | "tool");
            items.retain(|item| !all && name_of(list, item) != Some(name));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::diagnostics::Origin;
    use crate::config::tree::{self, Source};

    /// The roots that are left of these sources, each laid over the one before: `name path`.
    fn merged(sources: &[&str]) -> (Vec<String>, usize) {
        let (mut root, mut complaints) = (Table::default(), Complaints::default());
        for text in sources {
            let source = Source { origin: Origin::File, name: "test".into(), text: (*text).into() };
            let table = tree::parse(&source, &mut complaints.0);
            merge(&mut root, table, &mut complaints);
        }
        let text = |node: &Node, key: &str| node.table()?.get(key)?.text().map(str::to_owned);
        let Some(Node { kind: Kind::List(list), .. }) = root.get("sync_root") else { return (Vec::new(), 0) };
        let shown = list.iter().map(|node| {
            [text(node, "name"), text(node, "path")].map(|text| text.unwrap_or_else(|| "-".into())).join(" ")
        });
        (shown.collect(), complaints.0.len())
    }

    #[test]
    fn an_entry_is_known_by_the_names_it_has_now() {
        let first =
            "[[sync_root]]\nname = \"a\"\npath = \"/x\"\n[[sync_root]]\nname = \"b\"\npath = \"/y\"\n";
        let replaced = "[[sync_root]]\nname = \"a\"\npath = \"/z\"\n";
        let extended = "[[sync_root]]\nname = \"a\"\nextend = true\npath = \"/z\"\n";
        for second in [replaced, extended] {
            assert_eq!(merged(&[first, second]).0, ["a /z", "b /y"]);
            // What was called so is now called otherwise, and what is called so now is known by it.
            assert_eq!(
                merged(&[first, second, "[[sync_root]]\npath = \"/x\"\n"]).0,
                ["a /z", "b /y", "- /x"]
            );
            assert_eq!(merged(&[first, second, "[[sync_root]]\npath = \"/z\"\n"]).0, ["- /z", "b /y"]);
        }
        let within = format!("{first}[[sync_root]]\nname = \"c\"\npath = \"/y\"\n");
        assert_eq!(merged(&[&within]), (vec!["a /x".into(), "c /y".into()], 0));
        assert_eq!(merged(&[first, "[[sync_root]]\nname = \"d\"\nextend = true\n"]).1, 1);
        assert_eq!(merged(&[&format!("{first}{first}")]).1, 2, "a name twice in one source");
    }
}
