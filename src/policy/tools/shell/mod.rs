//! What a shell script on a command line runs, as far as its text tells.
//!
//! As a reader would say it who knows the environment: quoting, variables whose value is written in the script or stands
//! in the environment, loops over words that are listed; lists, pipes, groups and substitutions are commands of their own.
//! What the text does not tell (the output of a command, what is read, a value cut to shape) is [`UNKNOWN`] in its word.

mod words;

use std::collections::BTreeMap;

use words::{Next, Open, Part, Word};

/// Stands for what is not known. No argument of a process holds it.
pub(super) const UNKNOWN: char = '\0';

/// Commands taken from one script at most.
const MAX_COMMANDS: usize = 64;
/// Characters of a script that are read.
const MAX_SCRIPT: usize = 64 << 10;
/// Substitutions within each other that are looked into.
const MAX_DEPTH: u8 = 4;
/// Values kept of one variable, and letters of one value.
const MAX_VALUES: usize = 16;
const MAX_VALUE: usize = 4096;
/// Variables that a script sets.
const MAX_VARIABLES: usize = 64;

/// Words before a command that are the shell's own.
const RESERVED: [&str; 14] =
    ["!", "{", "}", "coproc", "do", "done", "elif", "else", "fi", "if", "then", "time", "until", "while"];

/// One command: what is set for it alone, its words, and the text that it is given to read.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub(super) struct Call {
    pub env: Vec<(Box<str>, Box<str>)>,
    pub words: Vec<Box<str>>,
    pub input: Option<Box<str>>,
}

/// The value of a variable that the script does not set.
pub(super) type Outside<'a> = &'a dyn Fn(&str) -> Option<String>;

/// The commands of a script.
pub(super) fn commands(script: &str, outside: Outside<'_>) -> Vec<Call> {
    let mut reader = Reader { outside, variables: BTreeMap::new(), calls: Vec::new(), depth: 0 };
    reader.read(script.char_indices().nth(MAX_SCRIPT).map_or(script, |(end, _)| &script[..end]));
    reader.calls
}

struct Reader<'a> {
    outside: Outside<'a>,
    variables: BTreeMap<String, Vec<String>>,
    calls: Vec<Call>,
    depth: u8,
}

type Chars<'s> = std::iter::Peekable<std::str::Chars<'s>>;

impl Reader<'_> {
    fn read(&mut self, script: &str) {
        let mut open = Open::default();
        let mut chars = script.chars().peekable();
        while let Some(c) = chars.next() {
            if self.calls.len() >= MAX_COMMANDS {
                return;
            }
            match c {
                '\'' => {
                    let word = open.word();
                    word.quoted = true;
                    chars.by_ref().take_while(|c| *c != '\'').for_each(|c| word.push(c));
                }
                '"' => self.quoted(&mut chars, &mut open),
                '\\' if chars.next_if_eq(&'\n').is_some() => {}
                '\\' => chars.next().into_iter().for_each(|c| open.word().push(c)),
                '$' => self.dollar(&mut chars, &mut open),
                '`' => {
                    let inner: String = chars.by_ref().take_while(|c| *c != '`').collect();
                    self.substituted(&inner, &mut open);
                }
                '#' if open.word.is_none() => while chars.next_if(|c| *c != '\n').is_some() {},
                '<' | '>' => self.redirected(c, &mut chars, &mut open),
                '&' if chars.next_if_eq(&'>').is_some() => self.redirected('>', &mut chars, &mut open),
                '\n' => {
                    open.cut();
                    documents(&mut chars, &mut open);
                    self.finish(&mut open);
                }
                ';' | '&' | '|' | '(' | ')' => self.finish(&mut open),
                c if c.is_whitespace() => open.cut(),
                c => open.word().push(c),
            }
        }
        self.finish(&mut open);
    }

    fn quoted(&mut self, chars: &mut Chars<'_>, open: &mut Open) {
        open.word().quoted = true;
        while let Some(c) = chars.next() {
            match c {
                '"' => return,
                '\\' => match chars.next() {
                    Some(c @ ('"' | '\\' | '$' | '`')) => open.word().push(c),
                    Some('\n') | None => {}
                    Some(c) => {
                        open.word().push('\\');
                        open.word().push(c);
                    }
                },
                '$' => self.dollar(chars, open),
                '`' => {
                    let inner: String = chars.by_ref().take_while(|c| *c != '`').collect();
                    self.substituted(&inner, open);
                }
                c => open.word().push(c),
            }
        }
    }

    /// `$name`, `${name}`, `$(command)`, `$'text'`.
    fn dollar(&mut self, chars: &mut Chars<'_>, open: &mut Open) {
        let in_name = |c: &char| c.is_ascii_alphanumeric() || *c == '_';
        match chars.peek().copied() {
            Some('(') => {
                chars.next();
                let inner = enclosed(chars, '(', ')');
                self.substituted(&inner, open);
            }
            Some('{') => {
                chars.next();
                let inner = enclosed(chars, '{', '}');
                let plain = !inner.is_empty() && inner.chars().all(|c| in_name(&c));
                open.word().parts.push(if plain { Part::Variable(inner) } else { Part::Unknown });
            }
            Some(c) if c.is_ascii_digit() || "@*#?!$-".contains(c) => {
                chars.next();
                open.word().parts.push(Part::Variable(c.to_string()));
            }
            Some(c) if in_name(&c) => {
                let mut name = String::new();
                while let Some(c) = chars.next_if(in_name) {
                    name.push(c);
                }
                open.word().parts.push(Part::Variable(name));
            }
            Some('\'' | '"') => {}
            _ => open.word().push('$'),
        }
    }

    /// A command whose output stands here.
    fn substituted(&mut self, inner: &str, open: &mut Open) {
        if self.depth < MAX_DEPTH {
            self.depth += 1;
            self.read(inner);
            self.depth -= 1;
        }
        open.word().parts.push(Part::Unknown);
    }

    fn redirected(&mut self, first: char, chars: &mut Chars<'_>, open: &mut Open) {
        if chars.next_if_eq(&'(').is_some() {
            let inner = enclosed(chars, '(', ')');
            return self.substituted(&inner, open);
        }
        // `2>file`: the number is not a word.
        let digits =
            |word: &Word| word.keyword().is_some_and(|text| text.bytes().all(|b| b.is_ascii_digit()));
        if open.word.as_ref().is_some_and(digits) {
            open.word = None;
        }
        open.cut();
        let mut more = 0;
        while chars.next_if(|c| *c == first || matches!(c, '&' | '|')).is_some() {
            more += 1;
        }
        open.next = Some(match (first, more) {
            ('<', 1) => Next::HereDocument,
            ('<', 2) => Next::HereString,
            _ => Next::Target,
        });
        if open.next == Some(Next::HereDocument) {
            chars.next_if_eq(&'-');
        }
        while chars.next_if(|c| matches!(c, ' ' | '\t')).is_some() {}
    }

    /// The command is over: what it sets, and what it runs.
    fn finish(&mut self, open: &mut Open) {
        open.cut();
        let words = std::mem::take(&mut open.words);
        let input = open.input.take();
        open.next = None;
        open.documents.iter_mut().for_each(|(_, own)| *own = false);
        let mut words = &words[..];
        while let Some(own) = words.first().and_then(Word::keyword) {
            words = match own {
                "function" => words.get(2..).unwrap_or_default(),
                own if RESERVED.contains(&own) => &words[1..],
                _ => break,
            };
        }
        let first = words.first().and_then(Word::keyword);
        match first {
            Some("for" | "select") => return self.loops(&words[1..]),
            Some("read" | "mapfile" | "readarray") => {
                return words[1..].iter().filter_map(Word::plain).for_each(|name| self.forget(name));
            }
            _ => {}
        }
        let declares = matches!(first, Some("export" | "local" | "declare" | "typeset" | "readonly"));
        let words = &words[usize::from(declares)..];
        let sets: Vec<(&str, Word)> = words.iter().map_while(Word::assignment).collect();
        if declares || sets.len() == words.len() {
            let sets = words.iter().filter_map(Word::assignment);
            sets.for_each(|(name, value)| self.set(name, &[value]));
            return;
        }
        self.call(&sets, &words[sets.len()..], input.as_ref());
    }

    /// `for name in a b c`
    fn loops(&mut self, words: &[Word]) {
        let Some(name) = words.first().and_then(Word::plain) else { return };
        match words.get(1).and_then(Word::keyword) {
            Some("in") if words.len() > 2 => self.set(name, &words[2..]),
            _ => self.forget(name),
        }
    }

    fn set(&mut self, name: &str, values: &[Word]) {
        if self.variables.len() >= MAX_VARIABLES && !self.variables.contains_key(name) {
            return;
        }
        let mut all: Vec<String> = values.iter().flat_map(|word| self.expansions(word)).collect();
        all.truncate(MAX_VALUES);
        self.variables.insert(name.to_owned(), all);
    }

    /// Its value is not known any more.
    fn forget(&mut self, name: &str) {
        self.set(name, &[Word { parts: vec![Part::Unknown], quoted: true }]);
    }

    fn expansions(&self, word: &Word) -> Vec<String> {
        let words = std::slice::from_ref(word);
        self.choices(words).iter().map(|choice| self.filled(word, choice)).collect()
    }

    /// The ways to choose a value for each variable with several.
    fn choices(&self, words: &[Word]) -> Vec<BTreeMap<String, usize>> {
        let mut choices = vec![BTreeMap::new()];
        for part in words.iter().flat_map(|word| &word.parts) {
            let Part::Variable(name) = part else { continue };
            let count = self.variables.get(name).map_or(1, Vec::len);
            if count < 2 || choices[0].contains_key(name) {
                continue;
            }
            let with = |choice: &BTreeMap<String, usize>, index: usize| {
                let mut choice = choice.clone();
                choice.insert(name.clone(), index);
                choice
            };
            choices =
                choices.iter().flat_map(|choice| (0..count).map(move |index| with(choice, index))).collect();
            choices.truncate(MAX_VALUES);
        }
        choices
    }

    fn filled(&self, word: &Word, choice: &BTreeMap<String, usize>) -> String {
        let mut text = String::new();
        for part in &word.parts {
            match part {
                Part::Text(part) => text.push_str(part),
                Part::Unknown => text.push(UNKNOWN),
                Part::Variable(name) => match self.variables.get(name) {
                    Some(values) => {
                        let value = values.get(choice.get(name).copied().unwrap_or(0));
                        text.push_str(value.map_or("", String::as_str));
                    }
                    None => match (self.outside)(name) {
                        Some(value) => text.push_str(&value),
                        None => text.push(UNKNOWN),
                    },
                },
            }
        }
        match text.char_indices().nth(MAX_VALUE) {
            Some((end, _)) => text[..end].to_owned(),
            None => text,
        }
    }

    fn call(&mut self, sets: &[(&str, Word)], words: &[Word], input: Option<&Word>) {
        let everything: Vec<Word> = words.iter().chain(input).cloned().collect();
        for choice in self.choices(&everything) {
            if self.calls.len() >= MAX_COMMANDS {
                return;
            }
            let fill = |word: &Word| self.filled(word, &choice).into_boxed_str();
            let env = sets.iter().map(|(name, value)| (Box::from(*name), fill(value))).collect();
            let call = Call { env, words: words.iter().map(fill).collect(), input: input.map(fill) };
            self.calls.push(call);
        }
    }
}

/// What stands up to the bracket that closes, others inside left out of count.
fn enclosed(chars: &mut Chars<'_>, opens: char, closes: char) -> String {
    let (mut depth, mut text) = (1, String::new());
    for c in chars.by_ref() {
        depth += i32::from(c == opens) - i32::from(c == closes);
        if depth == 0 {
            break;
        }
        text.push(c);
    }
    text
}

/// Takes the here-documents that begin at this line; the last is what the command reads.
fn documents(chars: &mut Chars<'_>, open: &mut Open) {
    for (end, own) in std::mem::take(&mut open.documents) {
        let mut text = Word { parts: Vec::new(), quoted: true };
        while chars.peek().is_some() {
            let line: String = chars.by_ref().take_while(|c| *c != '\n').collect();
            if line.trim_start_matches('\t') == end {
                break;
            }
            line.chars().chain(['\n']).for_each(|c| text.push(c));
        }
        if own {
            open.input = Some(text);
        }
    }
}

#[cfg(test)]
mod tests;
