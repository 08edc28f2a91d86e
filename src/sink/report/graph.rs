//! The path of the data from file to host, as a graph: what was read, who held it, where it lay, where it went.
//!
//! Records say which process did what with which file; not every link between two of them is in a record. A node that
//! nothing leads to is joined with what came before it and leads nowhere, and such a link is drawn dashed.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::Timestamp;
use crate::sink::format::words::size;

use super::record::{Process, Read, Story};
use super::words;

/// Sensitive files drawn for one reader, and staged files for one writer; the others are one box.
const MAX_FILES: usize = 5;
/// Processes of one program that are drawn one by one.
const MAX_ALIKE: usize = 4;
/// Boxes in all. Evidence beyond is in the tables.
const MAX_NODES: usize = 80;

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Kind {
    Sensitive,
    Program,
    Staged,
    Place,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Node {
    pub kind: Kind,
    pub name: String,
    pub note: String,
    pub time: Option<Timestamp>,
    pub layer: usize,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Edge {
    pub from: usize,
    pub to: usize,
    pub label: String,
    /// Not in a record, but in the order of time.
    pub inferred: bool,
}

#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Graph {
    pub nodes: Vec<Node>,
    pub edges: Vec<Edge>,
    known: BTreeMap<(Kind, String), usize>,
    /// Processes of the same program, where there are too many to draw each.
    crowds: BTreeMap<String, usize>,
}

impl Graph {
    pub fn of(story: &Story) -> Self {
        let mut graph = Self { crowds: crowds(story), ..Self::default() };
        graph.sensitive(story);
        graph.hops(story);
        graph.staged_reads(story);
        graph.places(story);
        graph.join(story);
        graph.layer();
        graph
    }

    fn node(
        &mut self,
        kind: Kind,
        key: &str,
        time: Option<Timestamp>,
        name: &str,
        note: &str,
    ) -> Option<usize> {
        let key = (kind, key.to_owned());
        if let Some(at) = self.known.get(&key) {
            let node = &mut self.nodes[*at];
            node.time = [node.time, time].into_iter().flatten().min();
            return Some(*at);
        }
        if self.nodes.len() >= MAX_NODES {
            return None;
        }
        self.known.insert(key, self.nodes.len());
        self.nodes.push(Node { kind, name: name.to_owned(), note: note.to_owned(), time, layer: 0 });
        Some(self.nodes.len() - 1)
    }

    fn program(&mut self, process: &Process, time: Option<Timestamp>) -> Option<usize> {
        let crowd = self.crowds.get(&process.path).copied();
        let alone = crowd.is_none() && !process.entity.is_empty();
        let key = if alone { &process.entity } else { &process.path };
        let note = match (crowd, &process.script, process.pid) {
            (Some(count), _, _) => format!("{count} processes"),
            (None, Some(script), _) => format!("runs {}", words::file_name(script)),
            (None, None, Some(pid)) => format!("pid {pid}"),
            (None, None, None) => String::new(),
        };
        self.node(Kind::Program, key, time, words::process_name(process), &note)
    }

    /// A file that lay somewhere on the way. A sensitive one that is already there is itself.
    fn file(&mut self, path: &str, time: Option<Timestamp>) -> Option<usize> {
        match self.known.get(&(Kind::Sensitive, path.to_owned())) {
            Some(at) => Some(*at),
            None => self.node(Kind::Staged, path, time, path, "staged"),
        }
    }

    /// An edge, unless it is there or would lead back.
    fn link(&mut self, from: Option<usize>, to: Option<usize>, label: &str, inferred: bool) {
        let (Some(from), Some(to)) = (from, to) else { return };
        let there = self.edges.iter().any(|edge| (edge.from, edge.to) == (from, to));
        if !there && !self.leads(to, from) {
            self.edges.push(Edge { from, to, label: label.to_owned(), inferred });
        }
    }

    fn leads(&self, from: usize, to: usize) -> bool {
        let (mut open, mut seen) = (vec![from], vec![false; self.nodes.len()]);
        while let Some(at) = open.pop() {
            if at == to {
                return true;
            }
            if !std::mem::replace(&mut seen[at], true) {
                open.extend(self.edges.iter().filter(|edge| edge.from == at).map(|edge| edge.to));
            }
        }
        false
    }

    fn sensitive(&mut self, story: &Story) {
        let mut by_reader: BTreeMap<&str, Vec<&Read>> = BTreeMap::new();
        for read in story.reads.iter().filter(|read| read.evidence != "taint") {
            let reads = by_reader.entry(&read.process.entity).or_default();
            if !reads.iter().any(|other| other.path == read.path) {
                reads.push(read);
            }
        }
        let most = story.reads_omitted;
        // Many readers: fewer files of each, so that the drawing stays one that can be read.
        let each = if by_reader.len() > 2 { 2 } else { MAX_FILES };
        for (index, reads) in by_reader.values().enumerate() {
            let omitted = if index == 0 { most } else { 0 };
            let shown = if reads.len() > each { each - 1 } else { reads.len() };
            let reader = self.program(&reads[0].process, reads.iter().filter_map(|read| read.time).min());
            for read in &reads[..shown] {
                let file =
                    self.node(Kind::Sensitive, &read.path, read.time, &read.path, &read.sets.join(", "));
                self.link(file, reader, if read.evidence == "argv" { "named" } else { "read" }, false);
            }
            let rest = reads.len() as u64 - shown as u64 + omitted;
            if rest > 0 {
                let (key, name) = (format!("more {index}"), words::many(rest, "more file"));
                let more = self.node(Kind::Sensitive, &key, reads[0].time, &name, "listed below");
                self.link(more, reader, "read", false);
            }
        }
    }

    fn hops(&mut self, story: &Story) {
        let mut written: BTreeMap<usize, usize> = BTreeMap::new();
        for hop in &story.hops {
            let known =
                self.known.get(&(Kind::Program, hop.process.parent.clone().unwrap_or_default())).copied();
            let Some(actor) = self.program(&hop.process, hop.time) else { continue };
            let Some(path) = &hop.path else {
                let label = if hop.kind == "pipe" { "pipe" } else { "started" };
                self.link(known, Some(actor), label, false);
                continue;
            };
            let count = written.entry(actor).or_default();
            *count += 1;
            let taken = story.reads.iter().any(|read| read.evidence == "taint" && read.path == *path);
            if *count <= MAX_FILES || taken {
                let file = self.file(path, hop.time);
                self.link(Some(actor), file, if hop.kind == "stage" { "wrote" } else { &hop.kind }, false);
            } else {
                let key = format!("more of {actor}");
                let file = self.node(Kind::Staged, &key, hop.time, "more files", "listed below");
                self.link(Some(actor), file, "wrote", false);
            }
        }
    }

    fn staged_reads(&mut self, story: &Story) {
        for read in story.reads.iter().filter(|read| read.evidence == "taint") {
            let file = self.file(&read.path, read.time);
            let reader = self.program(&read.process, read.time);
            self.link(file, reader, "read", false);
        }
    }

    fn places(&mut self, story: &Story) {
        let uploader = self.program(&story.uploader, Some(story.time));
        let mut sums: BTreeMap<&str, u64> = BTreeMap::new();
        for flow in &story.flows {
            *sums.entry(flow.domain.as_deref().unwrap_or(&flow.server)).or_default() += flow.bytes_out;
        }
        let service = match (&story.service, &story.tenant) {
            (Some(service), Some(tenant)) => format!("{service}, tenant {tenant}"),
            (Some(service), None) => service.clone(),
            (None, _) => "no known service".to_owned(),
        };
        for (name, bytes) in &sums {
            let place = self.node(Kind::Place, name, Some(story.time), name, &service);
            self.link(uploader, place, &size(*bytes), false);
        }
        if sums.is_empty() {
            let name = words::place(story);
            let place = self.node(Kind::Place, &name, Some(story.time), &name, &service);
            let dropped =
                story.hops.iter().rev().find(|hop| hop.kind == "sync").and_then(|hop| hop.path.as_deref());
            let from = dropped.and_then(|path| self.file(path, None)).or(uploader);
            self.link(from, place, "sync", false);
        }
    }

    /// Joins what nothing leads to with what leads nowhere.
    fn join(&mut self, story: &Story) {
        let uploader = self.program(&story.uploader, None);
        let mut orphans: Vec<usize> = (0..self.nodes.len())
            .filter(|at| matches!(self.nodes[*at].kind, Kind::Program | Kind::Staged))
            .filter(|at| !self.edges.iter().any(|edge| edge.to == *at))
            .collect();
        orphans.sort_by_key(|at| (self.nodes[*at].time, *at));
        for orphan in orphans {
            let ends = self.ends(Some(orphan));
            ends.into_iter().for_each(|end| self.link(Some(end), Some(orphan), "", true));
        }
        let ends = self.ends(None);
        ends.into_iter().for_each(|end| self.link(Some(end), uploader, "", true));
    }

    /// What leads nowhere yet and was there before `until`.
    fn ends(&self, until: Option<usize>) -> Vec<usize> {
        let early = |at: usize| match until.and_then(|until| self.nodes[until].time) {
            Some(limit) => self.nodes[at].time.is_none_or(|time| time <= limit),
            None => true,
        };
        (0..self.nodes.len())
            .filter(|at| Some(*at) != until && self.nodes[*at].kind != Kind::Place && early(*at))
            .filter(|at| !self.edges.iter().any(|edge| edge.from == *at))
            .collect()
    }

    /// From left to right: behind everything that leads to it. There are no circles, so this ends.
    fn layer(&mut self) {
        for _ in 0..self.nodes.len() {
            let mut changed = false;
            for edge in &self.edges {
                let next = self.nodes[edge.from].layer + 1;
                if self.nodes[edge.to].layer < next {
                    self.nodes[edge.to].layer = next;
                    changed = true;
                }
            }
            if !changed {
                break;
            }
        }
        // What nothing leads to stands beside the first that it leads to.
        for at in 0..self.nodes.len() {
            if self.edges.iter().any(|edge| edge.to == at) {
                continue;
            }
            let heads = self.edges.iter().filter(|edge| edge.from == at);
            let nearest = heads.map(|edge| self.nodes[edge.to].layer).min();
            self.nodes[at].layer = nearest.map_or(0, |layer| layer.saturating_sub(1));
        }
    }

    /// The way in words, for those who do not see the drawing.
    pub fn words(&self) -> String {
        let name = |at: usize| words::file_name(&self.nodes[at].name);
        let said = self.edges.iter().map(|edge| format!("{} to {}", name(edge.from), name(edge.to)));
        said.collect::<Vec<_>>().join("; ")
    }
}

/// How many processes of one program take part, where they are many.
fn crowds(story: &Story) -> BTreeMap<String, usize> {
    let mut all: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    let parts = story.reads.iter().map(|read| &read.process).chain(story.hops.iter().map(|hop| &hop.process));
    for process in parts.chain([&story.uploader]) {
        all.entry(&process.path).or_default().insert(&process.entity);
    }
    let crowds = all.into_iter().filter(|(_, entities)| entities.len() > MAX_ALIKE);
    crowds.map(|(path, entities)| (path.to_owned(), entities.len())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sink::report::record::Entry;

    const DEMO: &str = include_str!("../../../tests/report/demo.ecs");

    fn demo() -> Story {
        match Entry::read(DEMO.as_bytes()) {
            Ok(Entry::Alert(story)) => *story,
            other => panic!("{other:?}"),
        }
    }

    fn ways(graph: &Graph) -> Vec<String> {
        let name = |at: usize| words::file_name(&graph.nodes[at].name).to_owned();
        let arrow = |edge: &Edge| if edge.inferred { "~>" } else { "->" };
        let mut ways: Vec<String> = graph
            .edges
            .iter()
            .map(|edge| format!("{} {} {}", name(edge.from), arrow(edge), name(edge.to)))
            .collect();
        ways.sort();
        ways
    }

    #[test]
    fn the_way_leads_from_every_file_to_the_host() {
        let graph = Graph::of(&demo());
        let ways = ways(&graph);
        for way in ["config -> cp", "config ~> zip", "out.zip -> curl", "curl -> content.dropboxapi.com"] {
            assert!(ways.iter().any(|own| own == way), "{way}: {ways:?}");
        }
        let last = graph.nodes.iter().position(|node| node.kind == Kind::Place).unwrap();
        for at in 0..graph.nodes.len() {
            assert!(graph.leads(at, last), "{:?} leads nowhere", graph.nodes[at]);
        }
        assert!(graph.edges.iter().all(|edge| graph.nodes[edge.from].layer < graph.nodes[edge.to].layer));
    }

    #[test]
    fn many_processes_of_one_program_are_one_box() {
        let mut story = demo();
        let read = story.reads[0].clone();
        for number in 0..30 {
            let mut read = read.clone();
            read.process.entity = format!("{number}");
            read.path = format!("/secret/{number}");
            story.reads.push(read);
        }
        let graph = Graph::of(&story);
        let programs: Vec<&Node> =
            graph.nodes.iter().filter(|node| node.kind == Kind::Program && node.name == "cp").collect();
        assert_eq!(programs.len(), 1);
        assert_eq!(programs[0].note, "32 processes");
    }

    /// A program that reads its own copy again leads back to itself; the drawing has no circles.
    #[test]
    fn circles_are_cut() {
        let mut story = demo();
        let (first, second) = (story.hops[0].clone(), story.hops[1].clone());
        for (hop, path) in [(&first, &second.path), (&second, &first.path)] {
            let mut read = story.reads[5].clone();
            read.process = hop.process.clone();
            read.path = path.clone().unwrap();
            story.reads.push(read);
        }
        let graph = Graph::of(&story);
        assert!(graph.edges.iter().all(|edge| graph.nodes[edge.from].layer < graph.nodes[edge.to].layer));
    }
}
