//! What the command lines of cloud tools say: which files they send, where to, and whom they let in.
//!
//! A [`Tool`] is a grammar as data (`config/tools.toml`): its commands, and what each operand and option means. One small
//! interpreter reads them all. It believes nothing that the line does not say: a bucket behind a name that only the
//! tool's own configuration explains stays unknown.

mod api;
mod container;
mod gathered;
pub mod grantee;
mod interpret;
mod lifetime;
mod line;
mod place;
mod role;
mod runners;
mod shell;
mod skeleton;
mod statement;
#[cfg(test)]
mod tests;
mod unwrap;

use std::borrow::Cow;
use std::sync::Arc;

use crate::model::{ExecFacts, FilePath, Lossy, Program, Set, SigningState, Span, Table, Timestamp};

use super::ids::ServiceId;
use super::services::Services;

pub use interpret::LONG_LIVED;
pub use place::Syntax;
pub use role::{Operand, Role};

/// Whom a grant to everybody names.
pub const ANYONE: &str = "anyone";

/// What a command does with what it names.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Does {
    /// Copies from here to there, wherever both are.
    Transfer,
    /// Lets others in.
    Share,
    /// Makes a link that lets in whoever has it.
    Link,
    /// Opens a way in from outside.
    Tunnel,
    /// Prints the keys that it reads in order to use them.
    Reveal,
}

impl Does {
    pub const ALL: [(&'static str, Self); 5] = [
        ("transfer", Self::Transfer),
        ("share", Self::Share),
        ("link", Self::Link),
        ("tunnel", Self::Tunnel),
        ("reveal", Self::Reveal),
    ];
}

/// Options by name, dashes included.
pub type Options = Vec<(Box<str>, Operand)>;

/// One command of a tool.
#[derive(Clone, Debug)]
pub struct Command {
    /// The words that call it, one list for each spelling; empty for a tool without subcommands.
    pub words: Vec<Vec<Box<str>>>,
    /// It does this only with one of these options; with `--option=text`, where the text occurs in its value.
    pub when: Vec<Box<str>>,
    pub does: Does,
    /// Instead of the tool's.
    pub service: Option<ServiceId>,
    /// What its operands are, in order; one of them may stand for many.
    pub args: Vec<Operand>,
    pub options: Options,
    /// It lets everybody in, whatever its operands.
    pub public: bool,
    /// What it copies lies in the cloud, whether or not the line names it.
    pub exports: bool,
    /// How long a link lives when the line does not say; `None` when it lives until it is taken back.
    pub lives: Option<Span>,
    /// Files that another program opens for it. Where the line or the environment names the folder that it works in, they lie
    /// there under the same names.
    pub reads: Vec<Box<str>>,
}

/// One tool.
#[derive(Clone, Debug)]
pub struct Tool {
    pub name: Arc<str>,
    /// Names of its executable or script; with a blank, a name and the command that it stands for (`megaput put`).
    pub names: Vec<Box<str>>,
    /// Names of the Python module that it is.
    pub modules: Vec<Box<str>>,
    /// Signing identifiers that make it this tool under any name.
    pub signing_ids: Vec<Box<str>>,
    pub syntax: Syntax,
    /// Where data go unless the line says otherwise.
    pub service: Option<ServiceId>,
    /// Accounts that allow entries for these services name are the company's own.
    pub accounts: Vec<ServiceId>,
    /// Scheme or backend to service.
    pub schemes: Vec<(Box<str>, ServiceId)>,
    /// Schemes or backends whose paths begin with a bucket.
    pub buckets: Vec<Box<str>>,
    pub endpoint_env: Vec<Box<str>>,
    pub tenant_env: Vec<Box<str>>,
    /// The only service whose accounts those name, of a tool that sends to several.
    pub account_of: Option<ServiceId>,
    /// Variables that name the place that receives.
    pub to_env: Vec<Box<str>>,
    /// Variables that name the place that is copied from.
    pub from_env: Vec<Box<str>>,
    /// Variables that name a profile or role.
    pub profile_env: Vec<Box<str>>,
    /// Variables that name the project, account or folder that it works in.
    pub home_env: Vec<Box<str>>,
    /// Words that may stand before a command and mean nothing here.
    pub prefixes: Vec<Box<str>>,
    pub options: Options,
    /// Options without value, where the others have one.
    pub flags: Vec<Box<str>>,
    /// Does an option that is not described have a value?
    pub valued: bool,
    /// May long options be cut short?
    pub abbreviates: bool,
    /// Is what it reads from standard input commands of its own?
    pub stdin: bool,
    pub commands: Vec<Command>,
}

impl Tool {
    /// All environment variables that it reads.
    fn variables(&self) -> impl Iterator<Item = &Box<str>> {
        let places = [&self.endpoint_env, &self.tenant_env, &self.to_env, &self.from_env];
        places.into_iter().chain([&self.profile_env, &self.home_env]).flatten()
    }
}

/// A place in the cloud, as far as the line tells.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Aim {
    pub service: Option<ServiceId>,
    pub tenant: Option<Arc<str>>,
}

/// What happens in the cloud without a byte from here.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Deed {
    /// Copied from one place to another.
    Copied { from: Aim, to: Aim },
    /// Somebody is let in. `hidden`: whom, stands in a file that the line only names. `ids`: an object's id among them
    /// belongs to a directory that it does not tell.
    Shared { service: Option<ServiceId>, with: Vec<Arc<str>>, hidden: bool, ids: bool },
    /// A link was made; `lives` is `None` if it does not end, or nobody can tell when.
    Linked { of: Aim, lives: Option<Span> },
}

/// What one command line says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Reading {
    pub tool: Arc<str>,
    /// Files and folders that it sends, as written.
    pub files: Vec<Box<str>>,
    /// What else it names that it does not send: files to write, or to use as its own, and words that are no files.
    pub spared: Vec<Box<str>>,
    /// Where what it sends goes.
    pub aims: Vec<Aim>,
    pub deeds: Vec<Deed>,
    /// Accounts that allow entries for these services name are the company's own.
    pub accounts: Vec<ServiceId>,
    /// The account that the command runs in, as far as the name of a profile or role tells. Names are given at will:
    /// it may accuse, it excuses nothing.
    pub caller: Option<Arc<str>>,
    /// The tool was called through another program on the same line.
    pub wrapped: bool,
}

/// A tool by its place in the list, and the words of the command that its name stands for.
type Named = (usize, Box<[Box<str>]>);

/// All tools, findable by the name they run under.
#[derive(Clone, Debug, Default)]
pub struct Tools {
    list: Vec<Tool>,
    by_name: Table<Box<str>, Named>,
    by_module: Table<Box<str>, usize>,
    by_signing_id: Table<Box<str>, usize>,
    /// Environment variables that any of them reads.
    variables: Set<Box<str>>,
}

impl Tools {
    /// Of tools that claim the same name the later one has it: the administrator's come after the built-in ones.
    pub fn compile(list: Vec<Tool>) -> Self {
        let mut tools = Self::default();
        for (index, tool) in list.iter().enumerate() {
            for name in &tool.names {
                let mut words = name.split(' ').map(Box::from);
                let name = words.next().unwrap_or_default();
                tools.by_name.insert(name, (index, words.collect()));
            }
            tool.modules.iter().for_each(|name| _ = tools.by_module.insert(name.clone(), index));
            tool.signing_ids.iter().for_each(|id| _ = tools.by_signing_id.insert(id.clone(), index));
            tool.variables().for_each(|name| _ = tools.variables.insert(name.clone()));
        }
        tools.list = list;
        tools
    }

    /// Does any tool read this environment variable?
    pub fn reads_variable(&self, name: &[u8]) -> bool {
        str::from_utf8(name).is_ok_and(|name| self.variables.contains(name))
    }

    pub fn iter(&self) -> impl Iterator<Item = &Tool> {
        self.list.iter()
    }

    /// What this command line says; nothing if it calls no known tool. A shell or wrapper may call several. `time` is that
    /// of the exec.
    pub fn read(
        &self,
        program: &Program,
        facts: &ExecFacts,
        services: &Services,
        time: Timestamp,
    ) -> Vec<Reading> {
        let script = facts.script.as_ref().map(|script| &script.path);
        if let Some((tool, args)) = self.called(program, &facts.args, script) {
            let context = interpret::Context { env: &facts.env, input: None, services, time };
            if let Some(reading) = interpret::read(tool, &args, &context) {
                return vec![reading];
            }
        }
        // What a wrapper runs will be seen to run: its files are read then. Only what needs no more than the line is
        // taken, and what will stand on no other: text that the line itself gives the tool to read.
        let read = |call: shell::Call| {
            let (tool, args) = self.named(base(call.words.first()?), &call.words[1..])?;
            let env: Vec<_> = call.env.iter().chain(&facts.env).cloned().collect();
            let input = call.input.as_deref().filter(|_| tool.stdin);
            let context = interpret::Context { env: &env, input, services, time };
            let mut reading = interpret::read(tool, &args, &context)?;
            if input.is_none() {
                reading.files.clear();
            }
            Some(Reading { wrapped: true, spared: Vec::new(), aims: Vec::new(), ..reading })
        };
        unwrap::commands(program, facts).into_iter().filter_map(read).collect()
    }

    /// Does this program print the keys that it reads, as its command line has it?
    pub fn reveals(&self, program: &Program, args: &[Box<str>], script: Option<&FilePath>) -> bool {
        // Asked of all that is excused from reading, most of which is no tool.
        let name = str::from_utf8(program.path.file_name()).unwrap_or_default();
        let signed = || program.signing_id.as_deref().is_some_and(|id| self.by_signing_id.get(id).is_some());
        if self.by_name.get(name).is_none() && !unwrap::interprets(name) && !signed() {
            return false;
        }
        let called = self.called(program, args, script);
        called.is_some_and(|(tool, args)| {
            line::parse(tool, &args).is_some_and(|(command, _)| command.does == Does::Reveal)
        })
    }

    /// The tool of this name, and its arguments with the command that the name stands for.
    fn named<'f>(&self, name: &str, args: &'f [Box<str>]) -> Option<(&Tool, Cow<'f, [Box<str>]>)> {
        let (index, words) = self.by_name.get(name)?;
        let args = if words.is_empty() { Cow::Borrowed(args) } else { [&**words, args].concat().into() };
        Some((&self.list[*index], args))
    }

    /// The tool that runs, and its own arguments.
    fn called<'f>(
        &self,
        program: &Program,
        line: &'f [Box<str>],
        script: Option<&FilePath>,
    ) -> Option<(&Tool, Cow<'f, [Box<str>]>)> {
        let args = line.get(1..).unwrap_or_default();
        let signed = || {
            let id = program.signing_id.as_deref();
            let trusted = program.flags.state() == SigningState::Trusted;
            let index = self.by_signing_id.get(id.filter(|_| trusted)?)?;
            Some((&self.list[*index], Cow::Borrowed(args)))
        };
        let path = Lossy(program.path.file_name()).to_string();
        let first = line.first().map(|first| base(first));
        if let Some(called) = self.named(&path, args).or_else(|| self.named(first?, args)).or_else(signed) {
            return Some(called);
        }
        // `python3 /opt/homebrew/bin/aws …`, `node …/wrangler.js …`, `python3 -m awscli …`, `python -Im azure.cli …`
        let valued = |at: usize| at > 0 && matches!(&*args[at - 1], "-W" | "-X");
        let begins = |at: usize| (!args[at].starts_with('-') && !valued(at)) || module(&args[at]).is_some();
        let at = (0..args.len()).find(|at| begins(*at))?;
        if let Some(glued) = module(&args[at]) {
            let (module, rest) = match glued {
                "" => (&**args.get(at + 1)?, &args[at + 2..]),
                glued => (glued, &args[at + 1..]),
            };
            let tool = &self.list[*self.by_module.get(module)?];
            return Some((tool, Cow::Borrowed(rest)));
        }
        let script = script.map(|script| Lossy(script.file_name()).to_string());
        let written = base(&args[at]);
        let interprets =
            script.as_deref().is_some_and(|script| script == written) || unwrap::interprets(&path);
        self.named(stem(written), &args[at + 1..]).filter(|_| interprets)
    }
}

/// Python's `-m`, alone or behind options without a value: what is glued to it.
fn module(arg: &str) -> Option<&str> {
    arg.strip_prefix('-')?.trim_start_matches(|flag| "bBdEhiIOPqRsSuvVx".contains(flag)).strip_prefix('m')
}

fn base(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

fn stem(name: &str) -> &str {
    [".py", ".js", ".mjs", ".rb", ".pl", ".sh"].iter().find_map(|end| name.strip_suffix(end)).unwrap_or(name)
}
