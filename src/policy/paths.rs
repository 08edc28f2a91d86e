//! Which paths matter, and to whom.
//!
//! In: the patterns of sensitive sets and sync roots, compiled once. Out: for a path whether it may matter, in one pass, and
//! for the few that may its [`PathClass`]; for sensors, the [`Reach`] of all patterns.

mod anchored;

use std::collections::BTreeSet;
use std::hash::BuildHasher;
use std::sync::Arc;

use foldhash::quality::RandomState;

use crate::model::PathHash;

use super::automaton::{Automaton, End, Start, TooLarge};
use super::canonical::{Canonical, Scratch, Volumes};
use super::glob::{self, Anchor, Glob, Token};
use super::homes::Homes;
use super::ids::{SetId, SetMask, SyncRootId};

use anchored::{Anchored, Whose, continues};

/// A pattern of a set that a path matches.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PatternHit {
    pub set: SetId,
    /// One of those that the set leaves out.
    pub excludes: bool,
    /// Which of the set's patterns of that kind, from 0.
    pub index: u32,
}

/// Which pattern of a set.
#[derive(Clone, Copy, Debug)]
struct Pattern {
    excludes: bool,
    index: u32,
}

/// What a path is to the policy.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct PathClass {
    /// The sensitive sets that it belongs to.
    pub sets: SetMask,
    /// The sync root that it lies in, and the tenant that the root's name tells.
    pub root: Option<(SyncRootId, Option<Arc<str>>)>,
}

/// Where files that matter can be: what a sensor may ask the system for, in place of everything.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Reach {
    /// Some pattern begins anywhere.
    pub anywhere: bool,
    /// Some pattern begins in a home.
    pub homes: bool,
    /// Homes that are configured, and what the other patterns begin with, as they were written.
    pub beginnings: BTreeSet<Box<[u8]>>,
}

/// The path patterns of one set.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SetPaths {
    pub set: SetId,
    pub include: Vec<Glob>,
    pub exclude: Vec<Glob>,
}

/// All path patterns, compiled.
#[derive(Clone, Debug)]
pub struct Paths {
    volumes: Volumes,
    homes: Vec<Box<str>>,
    seed: RandomState,
    folded: Matchers,
    /// Only when a volume is case-sensitive.
    exact: Option<Matchers>,
    roots: Vec<Glob>,
    reach: Reach,
}

/// The patterns for one spelling. The gate is one automaton for everything, of patterns cut short so that it stays small.
/// What passes it is rare, and is tried pattern by pattern: whole patterns with `**` at both ends would multiply in an
/// automaton that must tell all that match.
#[derive(Clone, Debug)]
struct Matchers {
    gate: Automaton,
    sets: Vec<(SetId, Anchored<Pattern>)>,
    roots: Anchored<SyncRootId>,
}

impl Paths {
    /// `roots` are the sync roots in the order of their ids; everything below them is theirs. Fails where all patterns
    /// together need more than an automaton may have.
    pub fn compile(
        sets: &[SetPaths],
        roots: Vec<Glob>,
        volumes: Volumes,
        homes: Vec<Box<str>>,
    ) -> Result<Self, TooLarge> {
        let folded = Matchers::compile(sets, &roots, |glob| &glob.folded)?;
        let exact = volumes.any_case_sensitive().then(|| Matchers::compile(sets, &roots, |glob| &glob.exact));
        let reach = reach(sets, &roots, &homes);
        let seed = RandomState::default();
        Ok(Self { volumes, homes, seed, folded, exact: exact.transpose()?, roots, reach })
    }

    /// Where files that matter can be.
    pub fn reach(&self) -> &Reach {
        &self.reach
    }

    /// Brings a path into its one spelling. Allocates nothing once `scratch` is warm and the path is ASCII.
    pub fn canonical<'s>(&self, raw: &[u8], scratch: &'s mut Scratch) -> Canonical<'s> {
        self.volumes.canonical(raw, scratch)
    }

    /// Equal for every spelling of one file; stable within one run, and among clones of these `Paths`, only.
    pub fn hash(&self, path: &Canonical<'_>) -> PathHash {
        PathHash(self.seed.hash_one(path.bytes()))
    }

    /// The hash of a path as it was seen, and its one spelling.
    pub fn hash_and_name(&self, raw: &[u8], scratch: &mut Scratch) -> (PathHash, Box<[u8]>) {
        let canonical = self.canonical(raw, scratch);
        (self.hash(&canonical), canonical.bytes().into())
    }

    pub fn volumes(&self) -> &Volumes {
        &self.volumes
    }

    /// The homes known before any process was seen.
    pub fn homes(&self) -> Homes {
        Homes::new(self.volumes.clone(), &self.homes)
    }

    /// Might any set or sync root be concerned? A superset of what [`Self::classify`] finds, for whatever homes: what
    /// `~` stands for may be any directory here.
    pub fn may_matter(&self, path: &Canonical<'_>) -> bool {
        self.matchers(path).gate.matches_prefix(path.bytes())
    }

    /// The sets whose patterns name something below this directory: whoever takes the whole of it takes that too.
    pub fn named_below(&self, directory: &Canonical<'_>, homes: &Homes) -> SetMask {
        let path = [directory.bytes(), b"/"].concat();
        let named = |patterns: &Anchored<Pattern>| {
            patterns.each_include().any(|(anchor, tokens)| match anchor {
                Anchor::Root => glob::names_below(tokens, &path),
                Anchor::Home => {
                    Whose::Anybodys.rests(homes, &path).any(|rest| glob::names_below(tokens, rest))
                }
            })
        };
        let sets = self.matchers(directory).sets.iter();
        sets.filter(|(_, patterns)| named(patterns)).map(|(set, _)| *set).collect()
    }

    /// The sets that all of this directory belongs to, because one of their patterns is `directory/**`.
    pub fn whole(&self, directory: &Canonical<'_>, homes: &Homes) -> SetMask {
        let path = [directory.bytes(), b"/"].concat();
        let matchers = self.matchers(directory);
        if !matchers.gate.matches_prefix(&path) {
            return SetMask::EMPTY;
        }
        let whole = |patterns: &Anchored<Pattern>| {
            let (mut included, mut excluded) = (false, false);
            patterns.each_match_by(glob::matches_below, &path, homes, |pattern| match pattern.excludes {
                false => included = true,
                true => excluded = true,
            });
            included && !excluded
        };
        matchers.sets.iter().filter(|(_, patterns)| whole(patterns)).map(|(set, _)| *set).collect()
    }

    /// The sets that lose files when the directory `from` becomes `to`: below the new name a pattern no longer finds them.
    pub fn lost_below(&self, from: &[u8], to: &[u8], homes: &Homes) -> SetMask {
        let (mut from_scratch, mut to_scratch) = (Scratch::new(), Scratch::new());
        let from = self.canonical(from, &mut from_scratch);
        let to = self.canonical(to, &mut to_scratch);
        let matchers = self.matchers(&from);
        let (from, to) = ([from.bytes(), b"/"].concat(), [to.bytes(), b"/"].concat());
        let left_out = |patterns: &Anchored<Pattern>, path: &[u8]| {
            let mut excluded = false;
            patterns.each_match_by(glob::matches_below, path, homes, |pattern| excluded |= pattern.excludes);
            excluded
        };
        let lost = |patterns: &Anchored<Pattern>| {
            // What is left out there counted here.
            let hides = left_out(patterns, &to) && !left_out(patterns, &from);
            patterns.each_include().any(|(anchor, tokens)| {
                continues(anchor, tokens, &from, homes) && (hides || !continues(anchor, tokens, &to, homes))
            })
        };
        matchers.sets.iter().filter(|(_, patterns)| lost(patterns)).map(|(set, _)| *set).collect()
    }

    /// Which sets the path belongs to, and which sync root it lies in.
    pub fn classify(&self, path: &Canonical<'_>, homes: &Homes) -> PathClass {
        let matchers = self.matchers(path);
        if !matchers.gate.matches_prefix(path.bytes()) {
            return PathClass::default();
        }
        let mut sets = SetMask::EMPTY;
        for (set, patterns) in &matchers.sets {
            let (mut included, mut excluded) = (false, false);
            patterns.each_match(path.bytes(), homes, |pattern| match pattern.excludes {
                false => included = true,
                true => excluded = true,
            });
            if included && !excluded {
                sets.insert(*set);
            }
        }
        // Of roots one in another the later: the administrator's own come after the built-in ones.
        let mut root = None;
        matchers.roots.each_match(path.bytes(), homes, |id| root = root.max(Some(id)));
        PathClass { sets, root: root.map(|id| (id, self.tenant(id, path, homes))) }
    }

    /// Why [`classify`](Self::classify) says what it says of the sets: every pattern that matches, sets in their order.
    pub fn hits(&self, path: &Canonical<'_>, homes: &Homes) -> Vec<PatternHit> {
        let mut hits = Vec::new();
        for (set, patterns) in &self.matchers(path).sets {
            let mut tell = |pattern: Pattern| {
                let hit = PatternHit { set: *set, excludes: pattern.excludes, index: pattern.index };
                // Alternatives of one pattern, or several homes, may say it again.
                if !hits.contains(&hit) {
                    hits.push(hit);
                }
            };
            patterns.each_match(path.bytes(), homes, &mut tell);
        }
        hits
    }

    fn matchers(&self, path: &Canonical<'_>) -> &Matchers {
        self.exact.as_ref().filter(|_| path.case_kept()).unwrap_or(&self.folded)
    }

    /// The folder of the sync root that the path lies in.
    pub fn root_folder<'p>(&self, path: &Canonical<'p>, root: SyncRootId, homes: &Homes) -> Option<&'p [u8]> {
        let glob = self.roots.get(usize::from(root.0))?;
        let (bytes, case_kept) = (path.bytes(), path.case_kept());
        let end = |rest: &[u8]| {
            let mut ends = memchr::memchr_iter(b'/', rest);
            let length = ends.find(|end| glob.matches(&rest[..*end], case_kept))?;
            Some(bytes.len() - rest.len() + length)
        };
        let end = match glob.anchor {
            Anchor::Root => end(bytes),
            Anchor::Home => homes.rests(bytes).find_map(end),
        };
        end.map(|end| &bytes[..end])
    }

    /// The tenant in the name of the sync root that the path lies in.
    fn tenant(&self, root: SyncRootId, path: &Canonical<'_>, homes: &Homes) -> Option<Arc<str>> {
        let glob = self.roots.get(usize::from(root.0))?;
        let branches = if path.case_kept() { &glob.exact } else { &glob.folded };
        let capture = |rest: &[u8]| branches.iter().find_map(|tokens| tenant(tokens, rest));
        match glob.anchor {
            Anchor::Root => capture(path.bytes()),
            Anchor::Home => homes.rests(path.bytes()).find_map(capture),
        }
    }
}

fn reach(sets: &[SetPaths], roots: &[Glob], homes: &[Box<str>]) -> Reach {
    let mut reach = Reach::default();
    for beginning in sets.iter().flat_map(|set| &set.include).chain(roots).flat_map(Glob::reach) {
        match beginning {
            None => reach.homes = true,
            Some(b"" | b"/") => reach.anywhere = true,
            Some(text) => _ = reach.beginnings.insert(text.into()),
        }
    }
    if reach.homes {
        reach.beginnings.extend(homes.iter().map(|home| home.as_bytes().into()));
    }
    reach
}

/// What `{tenant}` stands for, if the path lies under the pattern. Lower case, as tenants compare.
fn tenant(tokens: &[Token], path: &[u8]) -> Option<Arc<str>> {
    let at = tokens.iter().position(|token| *token == Token::Tenant)?;
    let (before, after) = (&tokens[..at], &tokens[at + 1..]);
    let start = (0..path.len()).find(|start| glob::matches(before, &path[..*start]))?;
    let component = path[start..].split(|b| *b == b'/').next()?;
    let fits = |length: &usize| {
        let rest = &path[start + length..];
        memchr::memchr_iter(b'/', rest).any(|end| glob::matches(after, &rest[..end]))
    };
    let length = (1..=component.len()).rev().find(fits)?;
    Some(Arc::from(String::from_utf8_lossy(&component[..length]).to_lowercase()))
}

impl Matchers {
    fn compile<'g>(
        sets: &'g [SetPaths],
        roots: &'g [Glob],
        spelling: impl Fn(&'g Glob) -> &'g Vec<Vec<Token>>,
    ) -> Result<Self, TooLarge> {
        let globs = sets.iter().flat_map(|set| &set.include).chain(roots);
        let branches = globs.flat_map(|glob| spelling(glob).iter().map(|tokens| (glob.anchor, tokens)));
        let gate = Automaton::new(branches.map(|(anchor, tokens)| gate_pattern(tokens, anchor)))?;
        let mut exact = Vec::new();
        for set in sets {
            let numbered = |globs: &'g [Glob], excludes| {
                globs.iter().zip((0..).map(move |index| Pattern { excludes, index }))
            };
            let patterns = numbered(&set.include, false).chain(numbered(&set.exclude, true));
            exact.push((set.set, Anchored::new(Whose::Anybodys, patterns, &spelling)));
        }
        let roots = roots.iter().zip((0..).map(SyncRootId));
        Ok(Self { gate, sets: exact, roots: Anchored::new(Whose::Users, roots, &spelling).below() })
    }
}

/// The tokens without what only says that they may begin anywhere, and whether they may. Below a home is anywhere here.
fn unmoored(tokens: &[Token], anchor: Anchor) -> (&[Token], bool) {
    match (tokens, anchor) {
        ([Token::Directories, rest @ ..], _) => (rest, true),
        ([Token::Literal(slash), Token::Directories, rest @ ..], Anchor::Home) if slash == b"/" => {
            (rest, true)
        }
        _ => (tokens, anchor == Anchor::Home),
    }
}

/// What the gate asks of a path: no further than the first wildcard after something was spelled out, but for a `*` that
/// is a whole component: what follows it is known at the next slash, so it costs the automaton no states.
fn gate_pattern(tokens: &[Token], anchor: Anchor) -> (Start, &[Token], End) {
    let (tokens, floating) = unmoored(tokens, anchor);
    let start = if floating { Start::Anywhere } else { Start::Root };
    let spelled = |token: &Token| matches!(token, Token::Literal(text) if text.len() > 1);
    let first = tokens.iter().position(spelled);
    let wild = |at: &usize| {
        !matches!(tokens[*at], Token::Literal(_) | Token::Class { .. }) && !is_whole_component(tokens, *at)
    };
    let cut = first.and_then(|first| (first..tokens.len()).find(wild));
    match cut {
        Some(cut) => (start, &tokens[..cut], End::Whatever),
        None if tokens.is_empty() => (start, tokens, End::Whatever),
        // A sync root holds what is below it; a set's pattern ends where it ends. Asking either is a superset of both.
        None => (start, tokens, End::Component),
    }
}

/// Is it the `*` of `/*/`, with something spelled out behind?
fn is_whole_component(tokens: &[Token], at: usize) -> bool {
    let before = at.checked_sub(1).map(|before| &tokens[before]);
    match (before, &tokens[at], tokens.get(at + 1)) {
        (Some(Token::Literal(before)), Token::Within, Some(Token::Literal(after))) => {
            before.ends_with(b"/") && after.starts_with(b"/") && after.len() > 1
        }
        _ => false,
    }
}
