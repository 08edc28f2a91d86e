//! Which paths matter, and to whom.

use std::hash::BuildHasher;
use std::sync::Arc;

use foldhash::quality::RandomState;

use crate::model::PathHash;

use super::automaton::{self, Automaton, TooLarge};
use super::canonical::{Canonical, Scratch, Volumes};
use super::glob::{self, Anchor, Glob, Token};
use super::homes::Homes;
use super::ids::{SetId, SetMask, SyncRootId};

/// What a pattern stands for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Target {
    Include(SetId),
    Exclude(SetId),
    Root(SyncRootId),
}

/// What a path is to the policy.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct PathClass {
    /// The sensitive sets that it belongs to.
    pub sets: SetMask,
    /// The sync root that it lies in, and the tenant that the root's name tells.
    pub root: Option<(SyncRootId, Option<Arc<str>>)>,
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
}

/// The automata for one spelling.
#[derive(Clone, Debug)]
struct Matchers {
    gate: Automaton<()>,
    at_root: Automaton<Target>,
    at_home: Automaton<Target>,
}

impl Paths {
    /// `roots` are the sync roots in the order of their ids; everything below them is theirs.
    pub fn compile(
        sets: &[SetPaths],
        roots: Vec<Glob>,
        volumes: Volumes,
        homes: Vec<Box<str>>,
    ) -> Result<Self, TooLarge> {
        let mut patterns = Vec::new();
        for set in sets {
            patterns.extend(set.include.iter().map(|glob| (glob, Target::Include(set.set))));
            patterns.extend(set.exclude.iter().map(|glob| (glob, Target::Exclude(set.set))));
        }
        let ids = (0..).map(SyncRootId);
        patterns.extend(roots.iter().zip(ids).map(|(glob, id)| (glob, Target::Root(id))));
        let folded = Matchers::compile(&patterns, |glob| &glob.folded)?;
        let exact = volumes.any_case_sensitive().then(|| Matchers::compile(&patterns, |glob| &glob.exact));
        let exact = exact.transpose()?;
        Ok(Self { volumes, homes, seed: RandomState::default(), folded, exact, roots })
    }

    /// Brings a path into its one spelling. Allocates nothing once `scratch` is warm and the path is ASCII.
    pub fn canonical<'s>(&self, raw: &[u8], scratch: &'s mut Scratch) -> Canonical<'s> {
        self.volumes.canonical(raw, scratch)
    }

    /// Equal for every spelling of one file; stable within one run, and among clones of these `Paths`, only.
    pub fn hash(&self, path: &Canonical<'_>) -> PathHash {
        PathHash(self.seed.hash_one(path.bytes()))
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

    /// Could a file below this directory matter? For directories that are moved.
    pub fn may_hold(&self, directory: &Canonical<'_>, homes: &Homes) -> bool {
        let matchers = self.matchers(directory);
        let below = |path: &[u8]| [path, b"/"].concat();
        matchers.at_root.may_continue(&below(directory.bytes()))
            || homes.rests(directory.bytes()).any(|rest| matchers.at_home.may_continue(&below(rest)))
    }

    /// Which sets the path belongs to, and which sync root it lies in.
    pub fn classify(&self, path: &Canonical<'_>, homes: &Homes) -> PathClass {
        let matchers = self.matchers(path);
        let (mut include, mut exclude, mut root) = (SetMask::EMPTY, SetMask::EMPTY, None);
        let mut note = |target| match target {
            Target::Include(set) => include.insert(set),
            Target::Exclude(set) => exclude.insert(set),
            // The later root is the administrator's own, or the more special one.
            Target::Root(id) => root = root.max(Some(id)),
        };
        matchers.at_root.each_match(path.bytes(), &mut note);
        homes.rests(path.bytes()).for_each(|rest| matchers.at_home.each_match(rest, &mut note));
        let root = root.map(|id| (id, self.tenant(id, path, homes)));
        PathClass { sets: include.without(exclude), root }
    }

    fn matchers(&self, path: &Canonical<'_>) -> &Matchers {
        self.exact.as_ref().filter(|_| path.case_kept()).unwrap_or(&self.folded)
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
    fn compile(
        patterns: &[(&Glob, Target)],
        spelling: impl Fn(&Glob) -> &Vec<Vec<Token>>,
    ) -> Result<Self, TooLarge> {
        let (mut gate, mut at_root, mut at_home) = (Vec::new(), Vec::new(), Vec::new());
        for (glob, target) in patterns {
            for tokens in spelling(glob) {
                let mut whole = String::new();
                automaton::expression(tokens, &mut whole);
                if matches!(target, Target::Root(_)) {
                    whole.push_str("/.+");
                }
                if !matches!(target, Target::Exclude(_)) {
                    gate.push((gate_expression(&whole, glob.anchor), ()));
                }
                match glob.anchor {
                    Anchor::Root => at_root.push((whole, *target)),
                    Anchor::Home => at_home.push((whole, *target)),
                }
            }
        }
        Ok(Self {
            gate: Automaton::any(gate)?,
            at_root: Automaton::all(at_root)?,
            at_home: Automaton::all(at_home)?,
        })
    }
}

/// What the gate asks: under any directory, where the exact pattern asks under a home; and no further than needed.
fn gate_expression(whole: &str, anchor: Anchor) -> String {
    let body = match whole.strip_suffix(".+").or_else(|| whole.strip_suffix(".*")) {
        Some(front) => front.to_owned(),
        None => format!(r"{whole}\z"),
    };
    match anchor {
        Anchor::Root => body,
        Anchor::Home => format!(".*{body}"),
    }
}
