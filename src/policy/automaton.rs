//! Hundreds of patterns, one walk: patterns become one automaton whose cost per path does not depend on how many there
//! are (about a nanosecond a byte).
//!
//! It is built by subsets from a tree of the patterns' tokens. Nearly every byte leads from a state to where any byte
//! would, so each state costs as many sets as its patterns spell bytes there, not 256: the built-in policy takes
//! milliseconds, which is what a start waits for.

use crate::model::Table;

use super::glob::Token;

/// How much memory the table and what builds it may take, in bytes each. Hundreds of ordinary patterns need a tenth of it.
const SIZE_LIMIT: usize = 64 << 20;

/// The patterns together need an automaton beyond its limit.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the path patterns together need more than {} MiB to compile: fewer `**` inside patterns", SIZE_LIMIT >> 20)]
pub struct TooLarge;

/// Where a pattern is looked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Start {
    /// At the beginning of the path.
    Root,
    /// There and after every slash; a slash that the pattern begins with is that one.
    Anywhere,
}

/// What must come after a pattern.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum End {
    Whatever,
    /// A slash, or nothing.
    Component,
}

/// Whether one of its patterns matches. States are rows of the table, named by where they begin.
#[derive(Clone, Debug)]
pub(super) struct Automaton {
    classes: Box<[u8; 256]>,
    stride: u32,
    table: Vec<u32>,
    start: u32,
    /// The states in which the path may end.
    ends: Vec<bool>,
}

/// No pattern can match any more.
const DEAD: u32 = 0;

impl Automaton {
    /// A character class and a `?` stand for one byte or more of a component here: what matches is a superset of the patterns.
    pub(super) fn new<'t>(
        patterns: impl Iterator<Item = (Start, &'t [Token], End)>,
    ) -> Result<Self, TooLarge> {
        let mut tree = Tree::new();
        patterns.for_each(|(start, tokens, end)| tree.plant(start, tokens, end));
        Subsets::new(tree).build()
    }

    /// Does any pattern match a beginning of `path` (patterns that must reach its end say so)?
    #[inline]
    pub(super) fn matches_prefix(&self, path: &[u8]) -> bool {
        // The row after the dead one is the matching one: both end the walk.
        let matching = self.stride;
        let mut state = self.start;
        for byte in path {
            if state <= matching {
                break;
            }
            state = self.table[state as usize + usize::from(self.classes[usize::from(*byte)])];
        }
        state == matching || self.ends[(state / self.stride) as usize]
    }
}

type PlaceId = u32;

/// What a place does with every byte of a kind: stays where it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Stays {
    NoSlash,
    Always,
}

/// A run of bytes between two places.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Run {
    Within,
    Across,
    Directories,
    /// At least one byte of a component, and of anything.
    Some,
    Below,
}

impl Run {
    fn of(token: &Token) -> Self {
        match token {
            Token::Within => Self::Within,
            Token::Across | Token::Literal(_) => Self::Across,
            Token::Directories => Self::Directories,
            Token::One | Token::Class { .. } | Token::Tenant => Self::Some,
            Token::Below => Self::Below,
        }
    }
}

/// A place within patterns. Patterns that begin alike share it.
#[derive(Clone, Default, Debug)]
struct Place {
    /// Where a byte leads.
    bytes: Vec<(u8, PlaceId)>,
    stays: Option<Stays>,
    /// Where a byte that is no slash leads, and where any does.
    no_slash: Option<PlaceId>,
    any: Option<PlaceId>,
    /// Places that are reached together with this one.
    also: Vec<PlaceId>,
    /// What follows runs that begin here.
    runs: Vec<(Run, PlaceId)>,
    matches: bool,
    may_end: bool,
}

#[derive(Debug)]
struct Tree {
    places: Vec<Place>,
}

const ROOT: PlaceId = 0;
const ANYWHERE: PlaceId = 1;
/// On the way from the root to [`ANYWHERE`].
const BEFORE: PlaceId = 2;

impl Tree {
    fn new() -> Self {
        let before = Place { bytes: vec![(b'/', ANYWHERE)], stays: Some(Stays::Always), ..Place::default() };
        Self { places: vec![Place::default(), Place::default(), before] }
    }

    fn at(&mut self, place: PlaceId) -> &mut Place {
        &mut self.places[place as usize]
    }

    fn grow(&mut self, stays: Option<Stays>) -> PlaceId {
        self.places.push(Place { stays, ..Place::default() });
        self.places.len() as PlaceId - 1
    }

    fn plant(&mut self, start: Start, tokens: &[Token], end: End) {
        let mut place = ROOT;
        let mut tokens = tokens.iter();
        if start == Start::Anywhere {
            if !self.at(ROOT).also.contains(&BEFORE) {
                self.at(ROOT).also.extend([ANYWHERE, BEFORE]);
            }
            place = ANYWHERE;
            if let Some(Token::Literal(text)) = tokens.as_slice().first() {
                tokens.next();
                place = self.spell(place, text.strip_prefix(b"/").unwrap_or(text));
            }
        }
        for token in tokens {
            place = match token {
                Token::Literal(text) => self.spell(place, text),
                run => self.run(place, Run::of(run)),
            };
        }
        match end {
            End::Whatever => self.at(place).matches = true,
            End::Component => {
                self.at(place).may_end = true;
                let after = self.spell(place, b"/");
                self.at(after).matches = true;
            }
        }
    }

    fn spell(&mut self, place: PlaceId, text: &[u8]) -> PlaceId {
        text.iter().fold(place, |place, byte| {
            if let Some((_, there)) = self.at(place).bytes.iter().find(|(own, _)| own == byte) {
                return *there;
            }
            let new = self.grow(None);
            self.at(place).bytes.push((*byte, new));
            new
        })
    }

    fn run(&mut self, place: PlaceId, run: Run) -> PlaceId {
        if let Some((_, there)) = self.at(place).runs.iter().find(|(own, _)| *own == run) {
            return *there;
        }
        let stays = match run {
            Run::Within | Run::Some => Some(Stays::NoSlash),
            Run::Across | Run::Below => Some(Stays::Always),
            Run::Directories => None,
        };
        let after = self.grow(stays);
        match run {
            Run::Within | Run::Across => self.at(place).also.push(after),
            Run::Some => self.at(place).no_slash = Some(after),
            Run::Below => self.at(place).any = Some(after),
            Run::Directories => {
                let before = self.grow(Some(Stays::Always));
                self.at(before).bytes.push((b'/', after));
                self.at(place).also.extend([before, after]);
            }
        }
        self.at(place).runs.push((run, after));
        after
    }
}

/// States as sets of places, and their rows.
#[derive(Debug)]
struct Subsets {
    tree: Tree,
    classes: Box<[u8; 256]>,
    stride: usize,
    numbers: Table<Box<[PlaceId]>, u32>,
    sets: Vec<Box<[PlaceId]>>,
    /// Places in all sets together.
    weight: usize,
    /// When each place was last put into a set.
    seen: Vec<u32>,
    round: u32,
    set: Vec<PlaceId>,
}

impl Subsets {
    fn new(tree: Tree) -> Self {
        // Class 0 is every byte that no pattern spells, class 1 the slash.
        let mut classes = Box::new([0; 256]);
        classes[usize::from(b'/')] = 1;
        let mut stride = 2;
        for (byte, _) in tree.places.iter().flat_map(|place| &place.bytes) {
            let class = &mut classes[usize::from(*byte)];
            if *class == 0 {
                // 254 bytes at most have no class yet.
                *class = stride as u8;
                stride += 1;
            }
        }
        let seen = vec![0; tree.places.len()];
        let (numbers, sets, set) = (Table::new(), vec![Box::default(); 2], Vec::new());
        Self { tree, classes, stride, numbers, sets, weight: 0, seen, round: 0, set }
    }

    fn build(mut self) -> Result<Automaton, TooLarge> {
        self.begin();
        self.add(ROOT);
        let start = self.state();
        let mut table = vec![DEAD; 2 * self.stride];
        let mut ends = vec![false; 2];
        let mut next = 2;
        while let Some(set) = self.sets.get(next).cloned() {
            ends.push(set.iter().any(|place| self.tree.places[*place as usize].may_end));
            self.row(&set, &mut table);
            next += 1;
            if (table.len().max(self.weight)) * size_of::<u32>() > SIZE_LIMIT {
                return Err(TooLarge);
            }
        }
        Ok(Automaton { classes: self.classes, stride: self.stride as u32, table, start, ends })
    }

    /// Where each byte leads from these places.
    fn row(&mut self, set: &[PlaceId], table: &mut Vec<u32>) {
        let (mut always, mut unless_slash, mut spelled) = (Vec::new(), Vec::new(), Vec::new());
        for id in set {
            let place = &self.tree.places[*id as usize];
            match place.stays {
                Some(Stays::Always) => always.push(*id),
                Some(Stays::NoSlash) => unless_slash.push(*id),
                None => {}
            }
            always.extend(place.any);
            unless_slash.extend(place.no_slash);
            spelled.extend_from_slice(&place.bytes);
        }
        spelled.sort_unstable();
        let start = table.len();
        let otherwise = self.reach([&always, &unless_slash], &[]);
        table.resize(start + self.stride, otherwise);
        table[start + 1] = self.reach([&always, &[]], &[]);
        for group in spelled.chunk_by(|(one, _), (other, _)| one == other) {
            let byte = group[0].0;
            let wild: &[PlaceId] = if byte == b'/' { &[] } else { &unless_slash };
            table[start + usize::from(self.classes[usize::from(byte)])] = self.reach([&always, wild], group);
        }
    }

    fn reach(&mut self, wild: [&[PlaceId]; 2], spelled: &[(u8, PlaceId)]) -> u32 {
        self.begin();
        wild.into_iter().flatten().for_each(|place| self.add(*place));
        spelled.iter().for_each(|(_, place)| self.add(*place));
        self.state()
    }

    fn begin(&mut self) {
        self.round += 1;
        self.set.clear();
    }

    /// Puts a place into the set, and what is reached together with it.
    fn add(&mut self, place: PlaceId) {
        let mut done = self.set.len();
        self.put(place);
        while let Some(place) = self.set.get(done) {
            let also = std::mem::take(&mut self.tree.at(*place).also);
            also.iter().for_each(|other| self.put(*other));
            let place = self.set[done];
            self.tree.at(place).also = also;
            done += 1;
        }
    }

    fn put(&mut self, place: PlaceId) {
        let seen = &mut self.seen[place as usize];
        if *seen != self.round {
            *seen = self.round;
            self.set.push(place);
        }
    }

    /// The state that the set is.
    fn state(&mut self) -> u32 {
        if self.set.is_empty() {
            return DEAD;
        }
        if self.set.iter().any(|place| self.tree.places[*place as usize].matches) {
            return self.stride as u32;
        }
        self.set.sort_unstable();
        if let Some(number) = self.numbers.get(&self.set[..]) {
            return *number;
        }
        // The table's limit keeps this far below 2^32.
        let number = (self.sets.len() * self.stride) as u32;
        self.weight += self.set.len();
        let set: Box<[PlaceId]> = self.set.as_slice().into();
        self.numbers.insert(set.clone(), number);
        self.sets.push(set);
        number
    }
}

#[cfg(test)]
mod tests;
