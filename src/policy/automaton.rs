//! Hundreds of patterns, one walk: patterns become one dense automaton whose cost per path does not depend on how many
//! there are (about a nanosecond a byte).

use regex_automata::dfa::{Automaton as _, StartKind, dense};
use regex_automata::util::primitives::StateID;
use regex_automata::util::syntax;
use regex_automata::{Anchored, Input, MatchKind};

use super::glob::Token;

/// How much memory one automaton may take, in bytes. Hundreds of ordinary patterns need a tenth of it.
const SIZE_LIMIT: usize = 64 << 20;

/// The patterns together need an automaton beyond its limit.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the path patterns together need more than {} MiB to compile: fewer `**` inside patterns", SIZE_LIMIT >> 20)]
pub struct TooLarge;

/// Which of its patterns match a whole path.
#[derive(Clone, Debug)]
pub(super) struct Automaton<T> {
    dfa: dense::DFA<Vec<u32>>,
    start: StateID,
    targets: Vec<T>,
}

impl<T: Copy> Automaton<T> {
    /// Every pattern that matches is told.
    pub(super) fn all(patterns: Vec<(String, T)>) -> Result<Self, TooLarge> {
        Self::build(patterns, MatchKind::All)
    }

    /// Only whether one matches is told.
    pub(super) fn any(patterns: Vec<(String, T)>) -> Result<Self, TooLarge> {
        Self::build(patterns, MatchKind::LeftmostFirst)
    }

    fn build(patterns: Vec<(String, T)>, kind: MatchKind) -> Result<Self, TooLarge> {
        let (texts, targets): (Vec<String>, Vec<T>) = patterns.into_iter().unzip();
        let config = dense::Config::new()
            .match_kind(kind)
            .start_kind(StartKind::Anchored)
            .dfa_size_limit(Some(SIZE_LIMIT))
            .determinize_size_limit(Some(SIZE_LIMIT));
        let dfa = dense::Builder::new()
            .configure(config)
            .syntax(syntax::Config::new().unicode(false).utf8(false).dot_matches_new_line(true))
            .build_many(&texts)
            .map_err(|_| TooLarge)?;
        let start = dfa.start_state_forward(&Input::new("").anchored(Anchored::Yes)).map_err(|_| TooLarge)?;
        Ok(Self { dfa, start, targets })
    }

    /// Tells the target of every pattern that matches all of `path`.
    pub(super) fn each_match(&self, path: &[u8], mut tell: impl FnMut(T)) {
        let Some(state) = self.walk(path) else { return };
        let end = self.dfa.next_eoi_state(state);
        if self.dfa.is_match_state(end) {
            for index in 0..self.dfa.match_len(end) {
                tell(self.targets[self.dfa.match_pattern(end, index).as_usize()]);
            }
        }
    }

    /// Does any pattern match a beginning of `path` (patterns that must reach its end say so)?
    pub(super) fn matches_prefix(&self, path: &[u8]) -> bool {
        let mut state = self.start;
        for byte in path {
            state = self.dfa.next_state(state, *byte);
            if self.dfa.is_special_state(state) {
                if self.dfa.is_match_state(state) {
                    return true;
                }
                if self.dfa.is_dead_state(state) {
                    return false;
                }
            }
        }
        self.dfa.is_match_state(self.dfa.next_eoi_state(state))
    }

    /// Could a longer path match?
    pub(super) fn may_continue(&self, path: &[u8]) -> bool {
        self.walk(path).is_some()
    }

    fn walk(&self, path: &[u8]) -> Option<StateID> {
        let mut state = self.start;
        for byte in path {
            state = self.dfa.next_state(state, *byte);
            if self.dfa.is_dead_state(state) {
                return None;
            }
        }
        Some(state)
    }
}

/// The tokens as a regular expression over bytes.
pub(super) fn expression(tokens: &[Token]) -> String {
    let mut text = String::new();
    let out = &mut text;
    for token in tokens {
        match token {
            Token::Literal(text) => text.iter().for_each(|byte| literal(*byte, out)),
            Token::One => out.push_str(ONE),
            Token::Within => out.push_str("[^/]*"),
            Token::Tenant => out.push_str("[^/]+"),
            Token::Directories => out.push_str("(?:.*/)?"),
            Token::Below => out.push_str(".+"),
            Token::Across => out.push_str(".*"),
            Token::Class { negated, ranges } => class(*negated, ranges, out),
        }
    }
    text
}

/// One character that is no `/`: a byte of ASCII, a UTF-8 sequence, or a stray byte.
const ONE: &str = r"(?:[\x00-\x7f&&[^/]]|[\xc2-\xf4][\x80-\xbf]{1,3}|[\x80-\xff])";

fn literal(byte: u8, out: &mut String) {
    if byte.is_ascii_alphanumeric() {
        out.push(char::from(byte));
    } else {
        out.push_str(&format!(r"\x{byte:02x}"));
    }
}

fn class(negated: bool, ranges: &[(char, char)], out: &mut String) {
    out.push_str(if negated { "(?u:[[^/]&&[^" } else { "(?u:[[^/]&&[" });
    for (low, high) in ranges {
        out.push_str(&format!(r"\x{{{:x}}}-\x{{{:x}}}", u32::from(*low), u32::from(*high)));
    }
    out.push_str("]])");
}
