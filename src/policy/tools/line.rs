//! A command line taken apart: operands, and options with their values.

use super::{Command, Operand, Role, Tool};

/// Arguments looked at in one command line at most.
const MAX_ARGUMENTS: usize = 512;

/// A value and what it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Said<'a> {
    pub role: Role,
    pub value: &'a str,
}

/// The words of a line in the order written, options with theirs.
#[derive(Debug, Default)]
struct Parts<'a> {
    operands: Vec<Word<'a>>,
    said: Vec<Said<'a>>,
}

/// An operand; or, if `doubtful`, perhaps the value of the option before it, which is not described.
#[derive(Clone, Copy, Debug)]
struct Word<'a> {
    text: &'a str,
    doubtful: bool,
}

/// The command that is called, and all that is said to it.
pub(super) fn parse<'t, 'a>(tool: &'t Tool, args: &'a [Box<str>]) -> Option<(&'t Command, Vec<Said<'a>>)> {
    let args = &args[..args.len().min(MAX_ARGUMENTS)];
    let rough = split(tool, &[], args).operands;
    let prefix = |word: &&Word<'_>| tool.prefixes.iter().any(|known| **known == *word.text);
    // A word that may belong to an option before it is one where no command begins with it.
    let doubtful = rough.iter().take_while(|word| word.doubtful).count();
    let begun = (0..=doubtful).find_map(|from| {
        let from = from + rough[from..].iter().take_while(prefix).count();
        let (length, command) = called(tool, &rough[from..], args)?;
        (length > 0).then_some((from + length, command))
    });
    let (skipped, command) = begun.or_else(|| Some((0, called(tool, &[], args)?.1)))?;
    let Parts { operands, mut said } = split(tool, &command.options, args);
    let mut operands: Vec<Word<'_>> = operands.into_iter().skip(skipped).collect();
    if !command.args.iter().any(|operand| operand.many) {
        let mut beyond = operands.len().saturating_sub(command.args.len());
        operands.retain(|word| {
            let value = word.doubtful && beyond > 0;
            beyond -= usize::from(value);
            !value
        });
    }
    let operands: Vec<&str> = operands.iter().map(|word| word.text).collect();
    said.extend(assign(&command.args, &operands));
    Some((command, said))
}

/// The same of a line of the tool's own script: it calls a command by its words.
pub(super) fn parse_step<'a>(tool: &Tool, args: &'a [Box<str>]) -> Vec<Said<'a>> {
    match parse(tool, args) {
        Some((command, said)) if command.words.iter().all(|words| !words.is_empty()) => said,
        _ => Vec::new(),
    }
}

/// The command whose words these are, and how many; of those that match alike the first.
fn called<'t>(tool: &'t Tool, words: &[Word<'_>], args: &[Box<str>]) -> Option<(usize, &'t Command)> {
    let longest = |command: &'t Command| {
        let begins = |call: &&Vec<Box<str>>| {
            call.len() <= words.len() && call.iter().zip(words).all(|(word, said)| **word == *said.text)
        };
        let asked = command.when.is_empty() || command.when.iter().any(|option| gives(args, option));
        let length = command.words.iter().filter(begins).map(Vec::len).max().filter(|_| asked)?;
        Some((length, command))
    };
    tool.commands.iter().filter_map(longest).rev().max_by_key(|(length, _)| *length)
}

/// Is this option among the arguments, alone or in a bundle of short ones? `--option=text`: and the text, in whatever
/// case, in its value.
fn gives(args: &[Box<str>], option: &str) -> bool {
    let (option, wanted) = option.split_once('=').map_or((option, None), |(name, text)| (name, Some(text)));
    let short = option.strip_prefix('-').filter(|letter| letter.chars().count() == 1);
    let end = args.iter().position(|arg| &**arg == "--").unwrap_or(args.len());
    (0..end).any(|at| {
        let arg = &*args[at];
        let bundle = arg.strip_prefix('-').filter(|letters| !letters.starts_with('-'));
        let (name, attached) = arg.split_once('=').map_or((arg, None), |(name, value)| (name, Some(value)));
        let next = || args.get(at + 1).map(|next| &**next);
        let in_bundle = short.zip(bundle).and_then(|(letter, letters)| letters.split_once(letter));
        let value = match in_bundle {
            _ if name == option => attached.or_else(next),
            Some((_, "")) => next(),
            Some((_, rest)) => Some(rest),
            None => return false,
        };
        wanted.is_none_or(|wanted| {
            value.is_some_and(|value| value.to_lowercase().contains(&wanted.to_lowercase()))
        })
    })
}

/// Operands and options of the line.
fn split<'a>(tool: &Tool, own: &[(Box<str>, Operand)], args: &'a [Box<str>]) -> Parts<'a> {
    let options = Options { tool, own };
    let mut parts = Parts::default();
    let mut doubtful = false;
    let mut rest = args.iter().map(|arg| &**arg).peekable();
    while let Some(arg) = rest.next() {
        if arg == "--" {
            parts.operands.extend(rest.map(|text| Word { text, doubtful: false }));
            break;
        }
        let doubted = std::mem::take(&mut doubtful);
        if !arg.starts_with('-') || arg == "-" {
            parts.operands.push(Word { text: arg, doubtful: doubted });
            continue;
        }
        let Some((operand, attached)) = options.used(arg, &mut parts.said) else {
            let may_take_value = arg.starts_with("--") && !arg.contains('=') && !options.is_flag(arg);
            if may_take_value && tool.valued {
                rest.next_if(|next| !next.starts_with("--"));
            } else {
                doubtful = may_take_value;
            }
            continue;
        };
        if operand.role == Role::Dry && doubted {
            // Perhaps the value of the option before it: then it is done after all.
            continue;
        }
        if operand.role.stands_alone() {
            parts.said.push(Said { role: operand.role, value: arg });
            continue;
        }
        let value = attached.or_else(|| rest.next());
        parts.said.extend(value.map(|value| Said { role: operand.role, value }));
        while operand.many
            && let Some(value) = rest.next_if(|next| !next.starts_with("--"))
        {
            parts.said.push(Said { role: operand.role, value });
        }
    }
    parts
}

/// The options that a line may use.
#[derive(Clone, Copy)]
struct Options<'t> {
    tool: &'t Tool,
    /// The command's own, which come before the tool's.
    own: &'t [(Box<str>, Operand)],
}

impl Options<'_> {
    fn all(&self) -> impl Iterator<Item = &(Box<str>, Operand)> {
        self.own.iter().chain(&self.tool.options)
    }

    fn is_flag(&self, name: &str) -> bool {
        self.tool.flags.iter().any(|flag| **flag == *name)
    }

    /// What the option of this name is; where the tool takes abbreviations, of one that begins so.
    fn named(&self, name: &str) -> Option<Operand> {
        let exact = self.all().find(|(option, _)| **option == *name).map(|(_, operand)| *operand);
        exact.or_else(|| self.abbreviated(name))
    }

    /// An abbreviation that fits several options is understood where they are all the same.
    fn abbreviated(&self, name: &str) -> Option<Operand> {
        let long = name.len() > "--".len() && name.starts_with("--") && !self.is_flag(name);
        let mut fitting =
            self.all().filter(|(option, _)| self.tool.abbreviates && long && option.starts_with(name));
        let (_, operand) = fitting.next()?;
        fitting.all(|(_, other)| other == operand).then_some(*operand)
    }

    /// The described option that an argument uses, and the value in the argument if there is one.
    fn used<'a>(&self, arg: &'a str, said: &mut Vec<Said<'a>>) -> Option<(Operand, Option<&'a str>)> {
        let (name, attached) = arg.split_once('=').map_or((arg, None), |(name, value)| (name, Some(value)));
        match self.named(name) {
            Some(operand) => Some((operand, attached)),
            None if arg.starts_with("--") || self.is_flag(name) => None,
            None => self.bundled(arg, said),
        }
    }

    /// `-sSd@path`, `-Tpath`: the first short option with a value takes what is left of the word. Those without one that
    /// mean something are said on the way.
    fn bundled<'a>(&self, arg: &'a str, said: &mut Vec<Said<'a>>) -> Option<(Operand, Option<&'a str>)> {
        for (at, letter) in arg.char_indices().skip(1) {
            let Some(operand) = self.named(&format!("-{letter}")) else { continue };
            if operand.role.stands_alone() {
                said.push(Said { role: operand.role, value: arg });
                continue;
            }
            let rest = &arg[at + letter.len_utf8()..];
            return Some((operand, Some(rest).filter(|rest| !rest.is_empty())));
        }
        None
    }
}

/// Gives operands their roles: those before the many from the front, those after it from the end.
fn assign<'a>(roles: &[Operand], operands: &[&'a str]) -> Vec<Said<'a>> {
    let many = roles.iter().position(|operand| operand.many).unwrap_or(roles.len());
    let (front, back) = (&roles[..many], roles.get(many + 1..).unwrap_or_default());
    let ends = operands.len().saturating_sub(back.len()).max(front.len().min(operands.len()));
    let mut said = Vec::new();
    for (index, value) in operands.iter().enumerate() {
        let operand =
            if index >= ends { back.get(index - ends) } else { front.get(index).or_else(|| roles.get(many)) };
        said.extend(operand.map(|operand| Said { role: operand.role, value }));
    }
    said
}
