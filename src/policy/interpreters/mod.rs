//! What interpreters are told to run: the script, and what else brings code into the same process.
//!
//! A signature names the interpreter. An allow entry may name the script as well; it holds only while nothing but that
//! script runs: no code on the command line, no module loaded before it, no other folder to load modules from, by options
//! or by variables. What follows the script is the script's own.

mod line;
mod runtimes;
mod table;
#[cfg(test)]
mod tests;

use crate::model::{ExecFacts, FilePath, Program};

use table::GRAMMARS;

/// What an option takes, and what it means for whose code runs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Takes {
    /// Code, a module, or standard input: there is no script.
    Code,
    /// Code that runs beside the script.
    Beside,
    /// No value, and other code runs beside the script: a prompt, a debugger, an agent.
    Alone,
    /// The same; what follows in the word is its own.
    Stop,
    /// A folder to look for modules in.
    Folders,
    /// `name=value` of the interpreter's own configuration.
    Setting,
    /// The script; all that follows is its own.
    Script,
    /// The script, or one of several: options may follow.
    Part,
    /// A value, attached or in the next word.
    Value,
    /// A value in the next word; more letters of a bundle may follow.
    Next,
    /// Only what is attached.
    Rest,
    /// Only those of these characters that are attached.
    Skip(&'static str),
    /// No value; variables are not asked.
    Deaf,
    /// The same, and modules come from nowhere but the interpreter's own folders.
    Isolated,
    /// The name of a module to run: what that is, only an isolated interpreter is sure of.
    Module,
}

/// What a word that is no option is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Operand {
    Script,
    /// The program's text.
    Text,
    /// The name of a class, or a source file of Java.
    Class,
}

/// What a variable brings.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Brings {
    Code,
    /// A file of code, if it looks like one: others use the name for other things.
    File,
    /// Code at the prompt, where there is no script.
    Prompt,
    /// Options as on the command line.
    Options,
    /// The same, in letters that need no dash.
    Switches,
    /// Folders to look for modules in.
    Folders,
    /// The path that it was started by, as it believes.
    Launcher,
}

/// One interpreter, or several that read the same line.
#[derive(Debug)]
struct Grammar {
    /// Names of executables, and signing identifiers; version numbers at their end are left out.
    names: &'static [&'static str],
    /// Further signing identifiers.
    ids: &'static [&'static str],
    /// Is the name so much its own that it tells the interpreter at the end of any signing identifier?
    distinct: bool,
    /// Options are whole words behind one dash, not letters.
    whole: bool,
    operand: Operand,
    /// With their dashes; `*` at the end stands for anything.
    options: &'static [(&'static str, Takes)],
    /// Commands behind which the script stands.
    runs: &'static [&'static str],
    /// Commands that run something else.
    verbs: &'static [&'static str],
    env: &'static [(&'static str, Brings)],
    /// Does the folder that it is started by tell where its modules are? A virtual environment is no more than that.
    by_launcher: bool,
}

const NONE: Grammar = Grammar {
    names: &[],
    ids: &[],
    distinct: true,
    whole: false,
    operand: Operand::Script,
    options: &[],
    runs: &[],
    verbs: &[],
    env: &[],
    by_launcher: false,
};

/// What runs in an interpreter.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Told {
    /// Resolved against the working directory; `-m NAME` for a module of the interpreter's own folders.
    pub script: Option<FilePath>,
    /// Other code than the script's, or none that a script holds.
    pub other: bool,
}

/// What this program was told to run; `None` if it is no interpreter.
pub fn told(program: &Program, facts: &ExecFacts) -> Option<Told> {
    let grammar = grammar(program)?;
    Some(match &facts.script {
        // Started by its first line: what stands before the script there is its own.
        Some(script) => {
            let told = Told { script: Some(script.path.clone()), other: false };
            let other = line::variables_bring_code(grammar, program, facts, &told)
                || line::launcher_brings_code(grammar, program, facts, &told);
            Told { other, ..told }
        }
        None => line::read(grammar, program, facts),
    })
}

/// Do these options, as `NODE_OPTIONS` holds them, bring code into a program that has node inside?
pub fn node_options_bring_code(value: &str) -> bool {
    line::options_bring_code(&runtimes::NODE, value, false)
}

/// Does any interpreter read this variable for code?
pub fn reads_variable(name: &[u8]) -> bool {
    GRAMMARS.iter().flat_map(|grammar| grammar.env).any(|(known, _)| known.as_bytes() == name)
}

/// Do these folders, in a list with colons, all lie where the program or its script does? Whoever may write there needs
/// no variable.
pub fn are_beside(folders: &str, program: &Program, script: Option<&FilePath>, facts: &ExecFacts) -> bool {
    let homes = [Some(&program.path), script].map(|path| path.and_then(installation));
    folders.split(':').all(|folder| {
        let folder = absolute(folder, facts);
        let tidy = is_tidy(folder.as_bytes());
        let under = |home: &[u8]| {
            let rest = folder.as_bytes().strip_prefix(home);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/"))
        };
        tidy && homes.iter().flatten().any(|home| under(home))
    })
}

/// Does it lie where programs are installed, and users put nothing of their own?
pub fn is_installed(path: &str) -> bool {
    const PLACES: [&str; 8] =
        ["/usr/", "/bin/", "/opt/", "/etc/", "/private/etc/", "/Library/", "/System/", "/Applications/"];
    is_tidy(path.as_bytes()) && PLACES.iter().any(|place| path.starts_with(place))
}

fn is_tidy(path: &[u8]) -> bool {
    !path.split(|byte| *byte == b'/').any(|part| part == b"..")
}

/// The folder that a program or script was installed into: its own, or the one around `bin`. Nothing as wide as `/usr`.
fn installation(path: &FilePath) -> Option<&[u8]> {
    const INNER: [&[u8]; 5] = [b"bin", b"sbin", b"libexec", b"scripts", b"MacOS"];
    let parent = |path: &'_ [u8]| path.iter().rposition(|byte| *byte == b'/');
    let bytes = path.as_bytes();
    let mut folder = &bytes[..parent(bytes)?];
    let at = parent(folder)?;
    if INNER.contains(&&folder[at + 1..]) {
        folder = &folder[..at];
    }
    (folder.iter().filter(|byte| **byte == b'/').count() >= 2).then_some(folder)
}

/// A path as the process means it.
fn absolute(path: &str, facts: &ExecFacts) -> FilePath {
    match &facts.cwd {
        Some(cwd) if path.is_empty() => cwd.clone(),
        Some(cwd) if !path.starts_with('/') => {
            let path = path.strip_prefix("./").unwrap_or(path);
            FilePath::new(&[cwd.as_bytes(), b"/", path.as_bytes()].concat())
        }
        _ => FilePath::from(path),
    }
}

/// By who signed it, which no copy under another name changes; else by the name of the executable.
fn grammar(program: &Program) -> Option<&'static Grammar> {
    let id = program.signing_id.as_deref().map(|id| without_version(id.as_bytes()));
    let by_id = id.as_deref().and_then(|id| {
        let last = id.rsplit('.').next().unwrap_or_default();
        let apple = id.strip_prefix("com.apple.").is_some_and(|name| name == last);
        GRAMMARS.iter().find(|grammar| {
            let short = grammar.names.contains(&last) && (grammar.distinct || apple || last == id);
            short || grammar.ids.contains(&id)
        })
    });
    let by_name = || {
        let name = without_version(program.path.file_name());
        GRAMMARS.iter().find(|grammar| grammar.names.contains(&&*name))
    };
    by_id.or_else(by_name)
}

/// `python` of `python3.12`, in lower case.
fn without_version(name: &[u8]) -> String {
    let text = String::from_utf8_lossy(name).to_ascii_lowercase();
    text.trim_end_matches(|c: char| c.is_ascii_digit() || matches!(c, '.' | '-')).to_owned()
}
