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
    operands: Vec<&'a str>,
    said: Vec<Said<'a>>,
}

/// The command that is called, and all that is said to it.
pub(super) fn parse<'t, 'a>(tool: &'t Tool, args: &'a [Box<str>]) -> Option<(&'t Command, Vec<Said<'a>>)> {
    let args = &args[..args.len().min(MAX_ARGUMENTS)];
    let rough = split(tool, &[], args);
    let called =
        rough.operands.iter().skip_while(|word| tool.prefixes.iter().any(|known| &**known == **word));
    let called: Vec<&str> = called.copied().collect();
    let longest = |command: &'t Command| {
        let begins = |words: &&Vec<Box<str>>| {
            words.len() <= called.len() && words.iter().zip(&called).all(|(word, said)| **word == **said)
        };
        let length = command.words.iter().filter(begins).map(Vec::len).max()?;
        Some((length, command))
    };
    // Of commands that match alike the first one counts.
    let (length, command) =
        tool.commands.iter().filter_map(longest).rev().max_by_key(|(length, _)| *length)?;
    let Parts { operands, mut said } = split(tool, &command.options, args);
    let skipped = operands.len().min(length + rough.operands.len() - called.len());
    said.extend(assign(&command.args, &operands[skipped..]));
    Some((command, said))
}

/// Operands and options of the line.
fn split<'a>(tool: &Tool, own: &[(Box<str>, Operand)], args: &'a [Box<str>]) -> Parts<'a> {
    let mut parts = Parts::default();
    let known = |name: &str| {
        own.iter().chain(&tool.options).find(|(option, _)| **option == *name).map(|(_, operand)| *operand)
    };
    let mut rest = args.iter().map(|arg| &**arg).peekable();
    while let Some(arg) = rest.next() {
        if arg == "--" {
            parts.operands.extend(rest);
            break;
        }
        if !arg.starts_with('-') || arg == "-" {
            parts.operands.push(arg);
            continue;
        }
        let (name, attached) = arg.split_once('=').map_or((arg, None), |(name, value)| (name, Some(value)));
        let found = match known(name) {
            Some(operand) => Some((operand, attached)),
            None if arg.starts_with("--") || tool.flags.iter().any(|flag| **flag == *name) => None,
            None => bundled(arg, known),
        };
        let undescribed = tool.valued && found.is_none() && attached.is_none() && arg.starts_with("--");
        let (operand, attached) = match found {
            Some(found) => found,
            None if undescribed && !tool.flags.iter().any(|flag| **flag == *name) => {
                rest.next_if(|next| !next.starts_with("--"));
                continue;
            }
            None => continue,
        };
        if operand.role == Role::Public {
            parts.said.push(Said { role: operand.role, value: arg });
            continue;
        }
        match attached {
            Some(value) => parts.said.push(Said { role: operand.role, value }),
            None => parts.said.extend(rest.next().map(|value| Said { role: operand.role, value })),
        }
        while operand.many
            && let Some(value) = rest.next_if(|next| !next.starts_with("--"))
        {
            parts.said.push(Said { role: operand.role, value });
        }
    }
    parts
}

/// `-sSd@path`, `-Tpath`: the first short option with a value takes what is left of the word.
fn bundled(arg: &str, known: impl Fn(&str) -> Option<Operand>) -> Option<(Operand, Option<&str>)> {
    arg.char_indices().skip(1).find_map(|(at, letter)| {
        let operand = known(&format!("-{letter}"))?;
        let rest = &arg[at + letter.len_utf8()..];
        Some((operand, Some(rest).filter(|rest| !rest.is_empty())))
    })
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
