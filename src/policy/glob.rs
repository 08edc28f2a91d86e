//! Path patterns as administrators write them.
//!
//! `~` at the front is every home; `*` and `?` stay inside one component; `**` crosses components, also none;
//! `[a-z]` and `[!a-z]` are classes, `{a,b}` alternatives, `\` takes the next character literally. Everything else is
//! literal. Patterns are brought into the canonical spelling of paths before they are read.

use super::canonical::{Scratch, Volumes};

/// How many branches the alternatives of one pattern may multiply to.
const BRANCH_LIMIT: usize = 256;
/// How long a pattern may be, in bytes.
const LENGTH_LIMIT: usize = 1024;

/// Why a pattern cannot be used.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum GlobError {
    #[error("the pattern is empty")]
    Empty,
    #[error("the pattern is longer than {LENGTH_LIMIT} bytes")]
    TooLong,
    #[error("the pattern says nowhere where it begins")]
    NotAnchored,
    #[error("`~{0}`: only `~` alone, every home, can be meant")]
    OtherHome(String),
    #[error("`[` without its `]`")]
    OpenClass,
    #[error("`{{` without its `}}`")]
    OpenBraces,
    #[error("`{{{0}}}` is no choice of alternatives")]
    NoAlternatives(String),
    #[error("the alternatives multiply to more than {BRANCH_LIMIT} patterns")]
    TooManyBranches,
    #[error("`..` cannot be followed")]
    ParentDirectory,
}

impl GlobError {
    /// What to write instead.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Empty => "leave the entry out, or name a path such as \"~/.ssh/id_*\"",
            Self::TooLong | Self::TooManyBranches => "split it into several patterns",
            Self::NotAnchored => "begin with `~/` (every home), `/` or `**/` (anywhere)",
            Self::OtherHome(_) => "write `~/`, or the whole path such as /Users/name/",
            Self::OpenClass => "close the class, or write `\\\\[` for the character itself",
            Self::OpenBraces => "close the braces, or write `\\\\{` for the character itself",
            Self::NoAlternatives(_) => {
                "alternatives are separated by commas: `{a,b}`; `{tenant}` belongs in a sync root"
            }
            Self::ParentDirectory => "write the path that it leads to",
        }
    }
}

/// Where a pattern begins.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Anchor {
    /// Below every home; the tokens match what follows the home, from its `/` on.
    Home,
    /// At the root; the tokens match the whole path.
    Root,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Token {
    Literal(Vec<u8>),
    /// `?`: one character that is no `/`.
    One,
    /// `*`
    Within,
    /// `**/`: any directories, also none.
    Directories,
    /// `/**` at the end, after its slash: everything below.
    Below,
    /// `**` anywhere else.
    Across,
    /// `[...]`
    Class {
        negated: bool,
        ranges: Vec<(char, char)>,
    },
    /// `{tenant}`: at least one byte of one component.
    Tenant,
}

/// A pattern, read and canonical.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Glob {
    pub(super) anchor: Anchor,
    /// For volumes that do not tell case.
    pub(super) folded: Vec<Vec<Token>>,
    /// For those that do.
    pub(super) exact: Vec<Vec<Token>>,
}

impl Glob {
    /// A folder's name with a slash at its end stands for all that the folder holds. Fails where the pattern is none, or
    /// says more than the limits of [`GlobError`] allow.
    pub fn parse(text: &str, volumes: &Volumes) -> Result<Self, GlobError> {
        let glob = Self::read(text, volumes, false)?;
        let folder = text.len() > 1 && text.ends_with('/') && !text.ends_with("**/");
        Ok(if folder { glob.below() } else { glob })
    }

    /// A folder, by a pattern that may hold `{tenant}`, which stands for one component or a part of it. All that the folder
    /// holds is meant, whether or not it is written. Fails as [`parse`](Self::parse) does.
    pub fn parse_with_tenant(text: &str, volumes: &Volumes) -> Result<Self, GlobError> {
        Self::read(
            text.strip_suffix("/**").filter(|folder| !folder.is_empty()).unwrap_or(text),
            volumes,
            true,
        )
    }

    fn read(text: &str, volumes: &Volumes, tenant: bool) -> Result<Self, GlobError> {
        let anchor = anchor(text)?;
        let mut scratch = Scratch::new();
        let folded = Volumes::default().canonical(text.as_bytes(), &mut scratch).bytes().to_vec();
        let exact = volumes.keep_case(text.as_bytes(), &mut scratch);
        let tokens = |spelled: Vec<u8>| -> Result<Vec<Vec<Token>>, GlobError> {
            let spelled = String::from_utf8_lossy(&spelled).into_owned();
            let body = if anchor == Anchor::Home { &spelled[1..] } else { &spelled[..] };
            expand(body, tenant)?.iter().map(|branch| tokenise(branch, tenant)).collect()
        };
        Ok(Self { anchor, folded: tokens(folded)?, exact: tokens(exact)? })
    }

    /// Everything below what the pattern names.
    #[must_use]
    pub fn below(&self) -> Self {
        let deepen = |branches: &[Vec<Token>]| {
            let below = [Token::Literal(b"/".to_vec()), Token::Below];
            branches.iter().map(|tokens| [tokens.as_slice(), &below].concat()).collect()
        };
        Self { anchor: self.anchor, folded: deepen(&self.folded), exact: deepen(&self.exact) }
    }

    /// What every path begins with that it can match: a home, or this text. Empty: it may begin anywhere.
    pub(super) fn reach(&self) -> impl Iterator<Item = Option<&[u8]>> {
        self.exact.iter().map(|tokens| match (self.anchor, tokens.first()) {
            (Anchor::Home, _) => None,
            (Anchor::Root, Some(Token::Literal(text))) => Some(text.as_slice()),
            (Anchor::Root, _) => Some(&[][..]),
        })
    }

    /// For each of those: does it leave nothing open?
    pub(super) fn is_one_path(&self) -> impl Iterator<Item = bool> {
        self.exact.iter().map(|tokens| matches!(tokens[..], [Token::Literal(_)]))
    }

    /// Does it tell a tenant?
    pub fn has_tenant(&self) -> bool {
        self.folded.iter().flatten().any(|token| *token == Token::Tenant)
    }

    /// One pattern against one path, by trial. For the few patterns that are not worth an automaton.
    /// `rest` is what follows the home, for patterns that begin with `~`.
    pub(super) fn matches(&self, path: &[u8], case_kept: bool) -> bool {
        let branches = if case_kept { &self.exact } else { &self.folded };
        branches.iter().any(|tokens| matches(tokens, path))
    }
}

fn anchor(text: &str) -> Result<Anchor, GlobError> {
    if text.is_empty() {
        return Err(GlobError::Empty);
    }
    if text.len() > LENGTH_LIMIT {
        return Err(GlobError::TooLong);
    }
    if text.split('/').any(|part| part == "..") {
        return Err(GlobError::ParentDirectory);
    }
    match text.strip_prefix('~') {
        Some(rest) if rest.is_empty() || rest.starts_with('/') => Ok(Anchor::Home),
        Some(rest) => Err(GlobError::OtherHome(rest.split('/').next().unwrap_or_default().to_owned())),
        None if text.starts_with('/') || text.starts_with("**") => Ok(Anchor::Root),
        None => Err(GlobError::NotAnchored),
    }
}

/// Multiplies out the first `{a,b}` of the text, then the rest of it.
fn expand(text: &str, tenant: bool) -> Result<Vec<String>, GlobError> {
    let mut done = Vec::new();
    let mut open = vec![text.to_owned()];
    while let Some(branch) = open.pop() {
        match first_braces(&branch, tenant)? {
            None => done.push(branch),
            Some((start, end, choices)) => {
                let spell = |choice: &String| format!("{}{choice}{}", &branch[..start], &branch[end..]);
                open.extend(choices.iter().rev().map(spell));
            }
        }
        if done.len() + open.len() > BRANCH_LIMIT {
            return Err(GlobError::TooManyBranches);
        }
    }
    Ok(done)
}

/// Where the first braces are and what they offer; inner braces stay for the next round.
fn first_braces(text: &str, tenant: bool) -> Result<Option<(usize, usize, Vec<String>)>, GlobError> {
    let (mut depth, mut start, mut class) = (0usize, 0, false);
    let mut choices = vec![String::new()];
    let mut letters = text.char_indices();
    while let Some((at, letter)) = letters.next() {
        let mut said = letter.to_string();
        match letter {
            '\\' => said.extend(letters.next().map(|(_, next)| next)),
            '[' => class = true,
            ']' => class = false,
            '{' if !class => {
                if depth == 0 && tenant && text[at..].starts_with("{tenant}") {
                    letters.nth("tenant}".len() - 1);
                    continue;
                }
                depth += 1;
                if depth == 1 {
                    start = at;
                    continue;
                }
            }
            '}' if !class && depth > 0 => {
                depth -= 1;
                if depth == 0 {
                    return if choices.len() > 1 {
                        Ok(Some((start, at + 1, choices)))
                    } else {
                        Err(GlobError::NoAlternatives(choices.concat()))
                    };
                }
            }
            ',' if depth == 1 && !class => {
                choices.push(String::new());
                continue;
            }
            _ => {}
        }
        if depth > 0
            && let Some(choice) = choices.last_mut()
        {
            choice.push_str(&said);
        }
    }
    if depth > 0 { Err(GlobError::OpenBraces) } else { Ok(None) }
}

fn tokenise(text: &str, tenant: bool) -> Result<Vec<Token>, GlobError> {
    let mut tokens = Vec::new();
    let mut rest = text;
    let mut after_slash = true;
    while let Some(letter) = rest.chars().next() {
        let (token, used) = match letter {
            '*' if rest.starts_with("**/") && after_slash => (Token::Directories, 3),
            '*' if rest == "**" && after_slash && !tokens.is_empty() => (Token::Below, 2),
            '*' if rest.starts_with("**") => (Token::Across, 2),
            '*' => (Token::Within, 1),
            '?' => (Token::One, 1),
            '[' => class(rest)?,
            '{' if tenant && rest.starts_with("{tenant}") => (Token::Tenant, "{tenant}".len()),
            '\\' => {
                let literal = rest[1..].chars().next().unwrap_or('\\');
                (Token::Literal(literal.to_string().into_bytes()), rest.len().min(1 + literal.len_utf8()))
            }
            _ => (Token::Literal(letter.to_string().into_bytes()), letter.len_utf8()),
        };
        after_slash = rest[..used].ends_with('/');
        rest = &rest[used..];
        join(&mut tokens, token);
    }
    Ok(tokens)
}

/// Appends, melting literals into one.
fn join(tokens: &mut Vec<Token>, token: Token) {
    match (tokens.last_mut(), token) {
        (Some(Token::Literal(before)), Token::Literal(more)) => before.extend(more),
        (_, token) => tokens.push(token),
    }
}

/// Reads `[...]` at the front of `text`; also says how many bytes it took.
fn class(text: &str) -> Result<(Token, usize), GlobError> {
    let mut letters = text.char_indices().skip(1).peekable();
    let negated = letters.next_if(|(_, letter)| matches!(letter, '!' | '^')).is_some();
    let mut ranges = Vec::new();
    while let Some((at, letter)) = letters.next() {
        if letter == ']' && !ranges.is_empty() {
            return Ok((Token::Class { negated, ranges }, at + 1));
        }
        let escaped = |letter: char, letters: &mut dyn Iterator<Item = (usize, char)>| match letter {
            '\\' => letters.next().map_or('\\', |(_, next)| next),
            _ => letter,
        };
        let low = escaped(letter, &mut letters);
        let mut ahead = letters.clone();
        let high = match (ahead.next(), ahead.next()) {
            (Some((_, '-')), Some((_, high))) if high != ']' => {
                letters.next();
                let raw = letters.next().map_or(high, |(_, high)| high);
                escaped(raw, &mut letters)
            }
            _ => low,
        };
        ranges.push((low.min(high), low.max(high)));
    }
    Err(GlobError::OpenClass)
}

/// Matching by trial, remembering the last place from which more could be taken.
pub(super) fn matches(tokens: &[Token], path: &[u8]) -> bool {
    let Some((token, rest)) = tokens.split_first() else {
        return path.is_empty();
    };
    let splits = |stop: &dyn Fn(u8) -> bool| {
        let end = path.iter().position(|b| stop(*b)).unwrap_or(path.len());
        0..=end
    };
    match token {
        Token::Literal(text) => path.strip_prefix(&text[..]).is_some_and(|path| matches(rest, path)),
        Token::Within => splits(&|b| b == b'/').any(|at| matches(rest, &path[at..])),
        Token::Tenant => splits(&|b| b == b'/').skip(1).any(|at| matches(rest, &path[at..])),
        Token::Across => splits(&|_| false).any(|at| matches(rest, &path[at..])),
        Token::Below => !path.is_empty() && rest.is_empty(),
        Token::Directories => {
            let starts = path.iter().enumerate().filter(|(_, b)| **b == b'/').map(|(at, _)| at + 1);
            std::iter::once(0).chain(starts).any(|at| matches(rest, &path[at..]))
        }
        Token::One => first_char(path).is_some_and(|(_, used)| matches(rest, &path[used..])),
        Token::Class { negated, ranges } => first_char(path).is_some_and(|(letter, used)| {
            let inside = ranges.iter().any(|(low, high)| (*low..=*high).contains(&letter));
            inside != *negated && matches(rest, &path[used..])
        }),
    }
}

/// Does everything below this directory match, because the pattern says so? `directory` ends with a slash.
pub(super) fn matches_below(tokens: &[Token], directory: &[u8]) -> bool {
    tokens.split_last().is_some_and(|(last, rest)| *last == Token::Below && matches(rest, directory))
}

/// Could a longer path match?
pub(super) fn may_continue(tokens: &[Token], path: &[u8]) -> bool {
    continues(tokens, path, true)
}

/// The same, where the pattern says so by the names of directories, not by one that may be any (`**`).
pub(super) fn names_below(tokens: &[Token], path: &[u8]) -> bool {
    continues(tokens, path, false)
}

fn continues(tokens: &[Token], path: &[u8], anywhere: bool) -> bool {
    let Some((token, rest)) = tokens.split_first() else { return false };
    let within = |from: usize| {
        let end = path.iter().position(|b| *b == b'/').unwrap_or(path.len());
        end == path.len() || (from..=end).any(|at| continues(rest, &path[at..], anywhere))
    };
    match token {
        Token::Literal(text) if text.len() >= path.len() => text.starts_with(path),
        Token::Literal(text) => {
            path.strip_prefix(&text[..]).is_some_and(|path| continues(rest, path, anywhere))
        }
        Token::Within => within(0),
        Token::Tenant => within(1),
        Token::Directories | Token::Across | Token::Below => anywhere,
        Token::One | Token::Class { .. } => {
            path.is_empty()
                || first_char(path).is_some_and(|(_, used)| continues(rest, &path[used..], anywhere))
        }
    }
}

/// The first character, unless it is a `/`, and how many bytes it takes. A byte that is no text counts as one.
fn first_char(path: &[u8]) -> Option<(char, usize)> {
    let chunk = path.get(..path.len().min(4))?.utf8_chunks().next()?;
    match chunk.valid().chars().next() {
        Some('/') => None,
        Some(letter) => Some((letter, letter.len_utf8())),
        None => Some((char::REPLACEMENT_CHARACTER, 1)),
    }
}
