//! An interpreter's command line and variables, read until its script begins.

use crate::model::{ExecFacts, FilePath, Program};

use super::{Brings, Grammar, Operand, Takes, Told, absolute, are_beside, is_installed};

/// Settings of PHP and Python that load other code.
const LOADS: [&str; 9] = [
    "auto_prepend_file",
    "auto_append_file",
    "extension",
    "extension_dir",
    "zend_extension",
    "include_path",
    "user_ini.filename",
    "ffi.preload",
    "pycache_prefix",
];

/// Words looked at in one line or variable at most.
const MAX_WORDS: usize = 512;

/// What was read so far.
struct Line<'a> {
    grammar: &'static Grammar,
    words: &'a [Box<str>],
    script: Option<&'a str>,
    module: Option<&'a str>,
    isolated: bool,
    other: bool,
    deaf: bool,
    folders: Vec<&'a str>,
}

/// Is there more to read?
#[derive(PartialEq)]
enum Then {
    More,
    Done,
}

pub(super) fn read(grammar: &'static Grammar, program: &Program, facts: &ExecFacts) -> Told {
    let words = facts.args.get(1..).unwrap_or_default();
    let mut line = Line::new(grammar, &words[..words.len().min(MAX_WORDS)]);
    line.read();
    let module = line.module.map(|name| FilePath::from(&*format!("-m {name}")));
    let script = line.script.map(|script| absolute(script, facts));
    let mut told = Told { script: script.or(module), other: line.other };
    let strange = |folders: &&str| !are_beside(folders, program, told.script.as_ref(), facts);
    let other = line.folders.iter().any(strange)
        || !line.deaf && variables_bring_code(grammar, program, facts, &told)
        || launcher_brings_code(grammar, program, facts, &told);
    told.other |= other || told.script.is_none() && reads_code_from_pipe(grammar, facts);
    told
}

/// Told nothing to run, it runs what comes in: `curl .. | python3`.
fn reads_code_from_pipe(grammar: &Grammar, facts: &ExecFacts) -> bool {
    grammar.operand == Operand::Script && facts.pipes.iter().any(|pipe| pipe.fd == 0)
}

pub(super) fn variables_bring_code(
    grammar: &'static Grammar,
    program: &Program,
    facts: &ExecFacts,
    told: &Told,
) -> bool {
    let script = told.script.as_ref();
    facts.env.iter().filter(|(_, value)| !value.is_empty()).any(|(name, value)| {
        let brings = grammar.env.iter().find(|(known, _)| **known == **name).map(|(_, brings)| *brings);
        match brings {
            Some(Brings::Options) => options_bring_code(grammar, value, false),
            Some(Brings::Switches) => options_bring_code(grammar, value, true),
            Some(Brings::Prompt) => script.is_none(),
            Some(Brings::Code) => script.is_some(),
            Some(Brings::File) => script.is_some() && value.contains(['/', '$', '~', '`']),
            Some(Brings::Folders) => script.is_some() && !are_beside(value, program, script, facts),
            Some(Brings::Launcher) | None => false,
        }
    })
}

/// Was it started out of a folder of somebody's making, as its first word or a variable has it? Options change nothing
/// about that.
pub(super) fn launcher_brings_code(
    grammar: &'static Grammar,
    program: &Program,
    facts: &ExecFacts,
    told: &Told,
) -> bool {
    let script = told.script.as_ref();
    let tells = |name: &str| grammar.env.contains(&(name, Brings::Launcher));
    let variables = facts.env.iter().filter(|(name, _)| tells(name)).map(|(_, value)| value);
    let first = facts.args.first().filter(|_| grammar.by_launcher);
    let launchers = first.into_iter().chain(variables).filter(|path| path.contains('/'));
    let strange = |path: &str| !is_installed(path) && !are_beside(path, program, script, facts);
    script.is_some() && launchers.into_iter().any(|path| strange(path))
}

/// Options in a variable; with `switches`, as Perl and Ruby take them: a word may go without its dash.
pub(super) fn options_bring_code(grammar: &'static Grammar, value: &str, switches: bool) -> bool {
    let words = value.split_whitespace().take(MAX_WORDS).map(|word| word.trim_matches(['"', '\'']));
    let words: Vec<Box<str>> = words
        .map(|word| if switches && !word.starts_with('-') { format!("-{word}").into() } else { word.into() })
        .collect();
    let mut line = Line::new(grammar, &words);
    while !line.words.is_empty() {
        // Something may stand between options that would be a script on a command line.
        line.script = None;
        line.read();
        if line.other || !line.folders.is_empty() {
            return true;
        }
    }
    false
}

impl<'a> Line<'a> {
    const fn new(grammar: &'static Grammar, words: &'a [Box<str>]) -> Self {
        Self {
            grammar,
            words,
            script: None,
            module: None,
            isolated: false,
            other: false,
            deaf: false,
            folders: Vec::new(),
        }
    }

    fn read(&mut self) {
        // Only shells take `+x` for an option.
        let shell = self.grammar.options.iter().any(|(_, takes)| *takes == Takes::Next);
        while let Some(word) = self.next() {
            let then = match word {
                "-" => self.take(Takes::Code, None),
                "--" => self.end_of_options(),
                _ if word.starts_with("--") || self.grammar.whole && word.starts_with('-') => {
                    self.whole(word)
                }
                _ if word.starts_with('-') || shell && word.starts_with('+') => self.letters(word),
                // A file of options.
                _ if self.grammar.operand == Operand::Class && word.starts_with('@') => {
                    self.take(Takes::Alone, None)
                }
                _ => self.operand(word),
            };
            if then == Then::Done {
                return;
            }
        }
    }

    fn next(&mut self) -> Option<&'a str> {
        let (word, rest) = self.words.split_first()?;
        self.words = rest;
        Some(word)
    }

    fn end_of_options(&mut self) -> Then {
        if self.script.is_none() && self.grammar.options.contains(&("--", Takes::Code)) {
            return self.take(Takes::Code, None);
        }
        self.next().map_or(Then::Done, |word| self.operand(word))
    }

    fn operand(&mut self, word: &'a str) -> Then {
        if self.script.is_some() {
            return Then::Done;
        }
        if self.grammar.runs.contains(&word) {
            return Then::More;
        }
        match self.grammar.operand {
            _ if self.grammar.verbs.contains(&word) => return self.take(Takes::Code, None),
            Operand::Text => return self.take(Takes::Code, None),
            Operand::Class if !word.ends_with(".java") => return self.take(Takes::Code, None),
            Operand::Class | Operand::Script => self.script = Some(word),
        }
        Then::Done
    }

    /// `--name value`, `--name=value`; or `-name value` where options are whole words.
    fn whole(&mut self, word: &'a str) -> Then {
        let (name, attached) = word.split_once('=').map_or((word, None), |(name, value)| (name, Some(value)));
        let folds = self.grammar.whole;
        let is = |known: &str| match known.strip_suffix('*') {
            Some(front) => name.get(..front.len()).is_some_and(|name| same(name, front, folds)),
            None => same(name, known, folds),
        };
        let known = self.grammar.options.iter().find(|(known, _)| is(known)).map(|(_, takes)| *takes);
        let debugs = name.starts_with("--inspect") || name.starts_with("--remote-debugging-port");
        match known {
            Some(takes) => self.take(takes, attached),
            None if debugs => self.take(Takes::Alone, None),
            None => Then::More,
        }
    }

    /// `-xyz`, `-xVALUE`, `-x VALUE`.
    fn letters(&mut self, word: &'a str) -> Then {
        let mut rest = word.get(1..).unwrap_or_default();
        while let Some(letter) = rest.chars().next() {
            rest = &rest[letter.len_utf8()..];
            let mut known = self.grammar.options.iter().filter(|(known, _)| known.len() == 2);
            let takes = known.find(|(known, _)| known.ends_with(letter)).map(|(_, takes)| *takes);
            let attached = Some(rest).filter(|rest| !rest.is_empty());
            match takes {
                None if matches!(letter, '=' | ':') => return Then::More,
                None => {}
                Some(Takes::Skip(set)) => rest = rest.trim_start_matches(|c| set.contains(c)),
                Some(Takes::Next) => _ = self.next(),
                Some(takes @ (Takes::Alone | Takes::Deaf | Takes::Isolated)) => _ = self.take(takes, None),
                Some(takes) => return self.take(takes, attached),
            }
        }
        Then::More
    }

    fn take(&mut self, takes: Takes, attached: Option<&'a str>) -> Then {
        match takes {
            Takes::Code => {
                (self.script, self.other) = (None, true);
                return Then::Done;
            }
            Takes::Alone | Takes::Stop => self.other = true,
            Takes::Deaf => self.deaf = true,
            Takes::Isolated => (self.deaf, self.isolated) = (true, true),
            Takes::Module if !self.isolated => return self.take(Takes::Code, None),
            Takes::Rest | Takes::Skip(_) => {}
            _ => return self.value(takes, attached),
        }
        Then::More
    }

    /// An option with a value, here or in the next word.
    fn value(&mut self, takes: Takes, attached: Option<&'a str>) -> Then {
        let Some(value) = attached.or_else(|| self.next()) else { return Then::Done };
        match takes {
            Takes::Module => self.module = Some(value),
            Takes::Beside => self.other = true,
            Takes::Folders => self.folders.push(value),
            Takes::Setting => {
                let name = value.split('=').next().unwrap_or_default().trim();
                self.other |= LOADS.contains(&name);
            }
            Takes::Script | Takes::Part => {
                self.other |= self.script.is_some();
                self.script = self.script.or(Some(value));
            }
            _ => {}
        }
        if matches!(takes, Takes::Script | Takes::Module) { Then::Done } else { Then::More }
    }
}

fn same(one: &str, other: &str, folds: bool) -> bool {
    if folds { one.eq_ignore_ascii_case(other) } else { one == other }
}
