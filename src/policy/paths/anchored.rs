//! Patterns sorted by where they begin, tried one by one.

use super::Pattern;
use crate::policy::glob::{self, Anchor, Glob, Token};
use crate::policy::homes::Homes;

/// Whose homes are meant.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Whose {
    /// Those that people of this Mac live in: only there is anything kept in step with a cloud.
    Users,
    /// Those of other disks and of snapshots too: what they hold is as secret.
    Anybodys,
}

impl Whose {
    /// What follows each of these homes that the path lies in.
    pub(super) fn rests<'p>(self, homes: &Homes, path: &'p [u8]) -> impl Iterator<Item = &'p [u8]> {
        let users = (self == Self::Users).then(|| homes.rests(path));
        let anybodys = (self == Self::Anybodys).then(|| homes.rests_anywhere(path));
        users.into_iter().flatten().chain(anybodys.into_iter().flatten())
    }
}

/// Patterns from the root, and patterns from a home.
#[derive(Clone, Debug)]
pub(super) struct Anchored<T> {
    whose: Whose,
    pub(super) at_root: Vec<(Vec<Token>, T)>,
    pub(super) at_home: Vec<(Vec<Token>, T)>,
}

impl<T: Copy> Anchored<T> {
    pub(super) fn new<'g>(
        whose: Whose,
        patterns: impl Iterator<Item = (&'g Glob, T)>,
        spelling: impl Fn(&'g Glob) -> &'g Vec<Vec<Token>>,
    ) -> Self {
        let (mut at_root, mut at_home) = (Vec::new(), Vec::new());
        for (glob, target) in patterns {
            let branches = spelling(glob).iter().map(|tokens| (tokens.clone(), target));
            match glob.anchor {
                Anchor::Root => at_root.extend(branches),
                Anchor::Home => at_home.extend(branches),
            }
        }
        Self { whose, at_root, at_home }
    }

    /// What lies below the patterns, in their place.
    pub(super) fn below(mut self) -> Self {
        for (tokens, _) in self.at_root.iter_mut().chain(&mut self.at_home) {
            tokens.extend([Token::Literal(b"/".to_vec()), Token::Below]);
        }
        self
    }

    pub(super) fn each_match(&self, path: &[u8], homes: &Homes, tell: impl FnMut(T)) {
        self.each_match_by(glob::matches, path, homes, tell);
    }

    pub(super) fn each_match_by(
        &self,
        matches: impl Fn(&[Token], &[u8]) -> bool,
        path: &[u8],
        homes: &Homes,
        mut tell: impl FnMut(T),
    ) {
        let mut try_all = |patterns: &[(Vec<Token>, T)], path: &[u8]| {
            let matching = patterns.iter().filter(|(tokens, _)| matches(tokens, path));
            matching.for_each(|(_, target)| tell(*target));
        };
        try_all(&self.at_root, path);
        self.whose.rests(homes, path).for_each(|rest| try_all(&self.at_home, rest));
    }
}

impl Anchored<Pattern> {
    /// The patterns that include, each with where it begins.
    pub(super) fn each_include(&self) -> impl Iterator<Item = (Anchor, &[Token])> {
        let at_root = self.at_root.iter().map(|pattern| (Anchor::Root, pattern));
        let at_home = self.at_home.iter().map(|pattern| (Anchor::Home, pattern));
        at_root
            .chain(at_home)
            .filter(|(_, (_, pattern))| !pattern.excludes)
            .map(|(anchor, (tokens, _))| (anchor, &tokens[..]))
    }
}

/// Could something below this directory match a pattern of a set?
pub(super) fn continues(anchor: Anchor, tokens: &[Token], directory: &[u8], homes: &Homes) -> bool {
    match anchor {
        Anchor::Root => glob::may_continue(tokens, directory),
        Anchor::Home => Whose::Anybodys.rests(homes, directory).any(|rest| glob::may_continue(tokens, rest)),
    }
}
