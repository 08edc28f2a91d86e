//! Host name patterns as a tree of their labels from the right: a name costs one look for each of its labels, however many
//! patterns there are.

use crate::model::Table;

use super::domain::{DomainPattern, Label};

/// A place in the tree: what patterns say of the labels to the left of it.
#[derive(Clone, Debug, Default)]
struct Node {
    literals: Table<Box<str>, u32>,
    /// Parts of a label around a word, each form once.
    holes: Vec<(Hole, u32)>,
    /// Patterns that end here; they cover everything below.
    ends: Vec<u32>,
    /// Patterns whose tenant takes every label that is left.
    rests: Vec<u32>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
struct Hole {
    front: Box<str>,
    back: Box<str>,
    tenant: bool,
}

impl Hole {
    /// What stands for the word in this label.
    fn held<'n>(&self, label: &'n str) -> Option<&'n str> {
        let held = label.strip_prefix(&*self.front)?.strip_suffix(&*self.back)?;
        (!held.is_empty()).then_some(held)
    }
}

/// Patterns by number.
#[derive(Clone, Debug)]
pub(super) struct NameTree {
    nodes: Vec<Node>,
}

impl Default for NameTree {
    fn default() -> Self {
        Self { nodes: vec![Node::default()] }
    }
}

impl NameTree {
    pub(super) fn insert(&mut self, pattern: &DomainPattern, number: u32) {
        let (mut at, labels) = (0, pattern.labels());
        for (index, label) in labels.iter().enumerate() {
            let next = self.nodes.len() as u32;
            let node = &mut self.nodes[at as usize];
            at = match label {
                Label::Literal(text) => node.literals.get(text).copied().unwrap_or_else(|| {
                    node.literals.insert(text.clone(), next);
                    next
                }),
                Label::Hole { front, back, tenant } => {
                    let all = *tenant && front.is_empty() && back.is_empty();
                    if all && index + 1 == labels.len() {
                        return node.rests.push(number);
                    }
                    let hole = Hole { front: front.clone(), back: back.clone(), tenant: *tenant };
                    let known = node.holes.iter().find(|(known, _)| *known == hole).map(|(_, at)| *at);
                    known.unwrap_or_else(|| {
                        node.holes.push((hole, next));
                        next
                    })
                }
            };
            if at == next {
                self.nodes.push(Node::default());
            }
        }
        self.nodes[at as usize].ends.push(number);
    }

    /// Hands over the patterns that match a canonical name, each with the tenant it tells.
    pub(super) fn matching<'n>(&self, name: &'n str, mut found: impl FnMut(u32, Option<&'n str>)) {
        self.walk(0, Some(name), None, &mut found);
    }

    /// `left`: the labels that were not compared yet, if any. As deep as the longest pattern has labels.
    fn walk<'n>(
        &self,
        at: u32,
        left: Option<&'n str>,
        tenant: Option<&'n str>,
        found: &mut impl FnMut(u32, Option<&'n str>),
    ) {
        let node = &self.nodes[at as usize];
        node.ends.iter().for_each(|number| found(*number, tenant));
        let Some(left) = left else { return };
        if !left.is_empty() {
            node.rests.iter().for_each(|number| found(*number, Some(left)));
        }
        let (left, label) = match left.as_bytes().iter().rposition(|byte| *byte == b'.') {
            Some(dot) => (Some(&left[..dot]), &left[dot + 1..]),
            None => (None, left),
        };
        if !node.literals.is_empty()
            && let Some(next) = node.literals.get(label)
        {
            self.walk(*next, left, tenant, found);
        }
        for (hole, next) in &node.holes {
            if let Some(held) = hole.held(label) {
                self.walk(*next, left, if hole.tenant { Some(held) } else { tenant }, found);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn pattern(text: &str) -> DomainPattern {
        DomainPattern::parse(text).or_else(|_| DomainPattern::parse_tenant(text)).unwrap()
    }

    proptest! {
        /// The tree finds what the patterns find one by one.
        #[test]
        fn as_one_by_one(
            patterns in proptest::collection::vec("((\\{tenant\\}|\\{x\\}|a\\{x\\}|\\{y\\}b|a|b|ab)\\.){0,3}(a|b|ab)\\.c", 1..12),
            name in "((a|b|ab|aab|abb|x|)\\.){0,5}(a|b|ab)\\.c",
        ) {
            let patterns: Vec<DomainPattern> = patterns
                .iter()
                .filter(|text| text.matches("{tenant}").count() < 2)
                .map(|text| pattern(text))
                .collect();
            let mut tree = NameTree::default();
            (0..).zip(&patterns).for_each(|(number, pattern)| tree.insert(pattern, number));
            let mut found = Vec::new();
            tree.matching(&name, |number, tenant| found.push((number, tenant)));
            found.sort_unstable();
            let expected: Vec<(u32, Option<&str>)> =
                (0..).zip(&patterns).filter_map(|(number, pattern)| Some((number, pattern.matches(&name)?))).collect();
            prop_assert_eq!(found, expected);
        }
    }
}
