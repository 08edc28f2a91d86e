use proptest::prelude::*;

use super::*;
use crate::policy::glob;

fn token() -> impl Strategy<Value = Token> {
    let literal = prop::collection::vec(prop::sample::select(b"ab/".to_vec()), 1..4).prop_map(Token::Literal);
    let run = prop::sample::select(vec![Token::Within, Token::Across, Token::Directories, Token::Tenant]);
    prop_oneof![3 => literal, 1 => run]
}

type Pattern = (Start, Vec<Token>, End);

fn pattern() -> impl Strategy<Value = Pattern> {
    let start = prop::sample::select(vec![Start::Root, Start::Anywhere]);
    let end = prop::sample::select(vec![End::Whatever, End::Component]);
    (start, prop::collection::vec(token(), 0..5), end)
}

/// Every beginning and every end of the path, one after the other.
fn one_by_one((start, tokens, end): &Pattern, path: &[u8]) -> bool {
    let mut tokens = tokens.clone();
    if let (Start::Anywhere, Some(Token::Literal(text))) = (start, tokens.first_mut())
        && text[0] == b'/'
    {
        text.remove(0);
    }
    let begins = |at: usize| at == 0 || *start == Start::Anywhere && path[at - 1] == b'/';
    let ends = |at: usize| *end == End::Whatever || path.get(at).is_none_or(|byte| *byte == b'/');
    (0..=path.len())
        .filter(|from| begins(*from))
        .any(|from| (from..=path.len()).any(|to| ends(to) && glob::matches(&tokens, &path[from..to])))
}

fn matches(patterns: &[Pattern], path: &[u8]) -> bool {
    let patterns = patterns.iter().map(|(start, tokens, end)| (*start, &tokens[..], *end));
    Automaton::new(patterns).expect("few patterns").matches_prefix(path)
}

proptest! {
    #[test]
    fn finds_what_patterns_find_one_by_one(
        patterns in prop::collection::vec(pattern(), 0..5),
        path in prop::collection::vec(prop::sample::select(b"ab/".to_vec()), 0..10),
    ) {
        let expected = patterns.iter().any(|pattern| one_by_one(pattern, &path));
        prop_assert_eq!(matches(&patterns, &path), expected);
    }
}

#[test]
fn characters_that_are_not_spelled_match_at_least_what_they_stand_for() {
    let class = Token::Class { negated: false, ranges: vec![('a', 'z')] };
    for token in [Token::One, class] {
        let tokens = vec![Token::Literal(b"/v".to_vec()), token];
        let pattern = (Start::Root, tokens, End::Component);
        for (path, expected) in [("/vx", true), ("/v\u{e9}", true), ("/v", false), ("/v/", false)] {
            assert_eq!(matches(std::slice::from_ref(&pattern), path.as_bytes()), expected, "{path}");
        }
    }
}
