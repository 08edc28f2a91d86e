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

/// Whether one of its patterns matches.
#[derive(Clone, Debug)]
pub(super) struct Automaton {
    dfa: dense::DFA<Vec<u32>>,
    start: StateID,
}

impl Automaton {
    pub(super) fn new(patterns: &[String]) -> Result<Self, TooLarge> {
        let config = dense::Config::new()
            .match_kind(MatchKind::LeftmostFirst)
            .start_kind(StartKind::Anchored)
            .dfa_size_limit(Some(SIZE_LIMIT))
            .determinize_size_limit(Some(SIZE_LIMIT));
        let dfa = dense::Builder::new()
            .configure(config)
            .syntax(syntax::Config::new().unicode(false).utf8(false).dot_matches_new_line(true))
            .build_many(patterns)
            .map_err(|_| TooLarge)?;
        let start = dfa.start_state_forward(&Input::new("").anchored(Anchored::Yes)).map_err(|_| TooLarge)?;
        Ok(Self { dfa, start })
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
