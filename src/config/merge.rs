//! Several trees become one: managed preferences beat the file, the file beats the built-in default.
//!
//! Single values replace each other. Entries of `[[lists]]` are told apart by name: an entry whose name an earlier
//! source has replaces it whole, and with `extend = true` adds to it.

use super::diagnostics::Complaint;
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
        complaints
            .error(&entry.key_at, complaint.hint(format!("write `[[{}]]`, with two brackets", entry.key)));
        return;
    };
    if lower.get(&entry.key).is_none() {
        let value = Node { at: entry.value.at, kind: Kind::List(Vec::new()), under: None };
        lower.0.push(Entry { key: entry.key.clone(), key_at: entry.key_at, value });
    }
    let Some(Node { kind: Kind::List(merged), .. }) = lower.get_mut(&entry.key) else { return };
    let mut named: Vec<&str> = Vec::new();
    for item in &items {
        if let Some(name) = name_of(&entry.key, item) {
            if named.contains(&name) {
                let complaint = Complaint::new(format!("[[{}]] \"{name}\" is written twice", entry.key));
                complaints.error(
                    &item.at,
                    complaint.hint("give one of them another name, or melt the two together"),
                );
                continue;
            }
            named.push(name);
        }
        merge_entry(merged, item.clone(), &entry.key, keys, complaints);
    }
}

fn merge_entry(merged: &mut Vec<Node>, item: Node, list: &str, keys: &[&str], complaints: &mut Complaints) {
    let same = |key: &&str, node: &Node| {
        let name = item.table().and_then(|table| table.get(key)?.text());
        name.is_some() && node.table().and_then(|table| table.get(key)?.text()) == name
    };
    let position = merged.iter().position(|node| keys.iter().any(|key| same(key, node)));
    let extends = item.table().and_then(|table| table.get("extend"));
    let extends = extends.is_some_and(|node| node.kind == Kind::Boolean(true));
    match (position, extends) {
        (Some(position), true) => extend(&mut merged[position], item),
        (Some(position), false) => merged[position] = item,
        (None, false) => merged.push(item),
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
    let Kind::List(names) = &names.kind else { return };
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
