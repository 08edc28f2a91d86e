//! What the command lines of cloud tools say: which files they send, where to, and whom they let in.
//!
//! A [`Tool`] is a grammar as data (`config/tools.toml`): its commands, and what each operand and option means. One small
//! interpreter reads them all. It believes nothing that the line does not say: a bucket behind a name that only the
//! tool's own configuration explains stays unknown.

pub mod grantee;
mod interpret;
mod lifetime;
mod line;
mod place;
#[cfg(test)]
mod tests;
mod unwrap;

use std::sync::Arc;

use crate::model::{ExecFacts, Lossy, Program, SigningState, Span, Table, Timestamp};

use super::ids::ServiceId;
use super::services::Services;

pub use interpret::LONG_LIVED;
pub use place::Syntax;

/// Whom a grant to everybody names.
pub const ANYONE: &str = "anyone";

/// What an operand, or the value of an option, is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Role {
    /// Nothing that matters here.
    Skip,
    /// A local file or folder that is sent.
    File,
    /// `@path` is a file that is sent, anything else is text.
    Data,
    /// `name=@path`, `name=<path`, `name@path`: a field of a form.
    Form,
    /// A file of the tool's own, such as its configuration or key: used, not sent.
    Own,
    /// A file that is written.
    Out,
    /// What is copied: a local path, or a place in the cloud.
    From,
    /// Where it is copied to.
    To,
    /// A web address, scheme or not: where it is sent.
    Url,
    /// `bucket/key` without a scheme that is copied.
    Source,
    /// The account or bucket that receives.
    Tenant,
    /// `bucket/key` or `owner/name` that receives.
    Path,
    /// `S3Bucket=name,…` that receives.
    Location,
    /// Accounts, principals or a word for everybody: who is let in.
    Grantee,
    /// A policy document: whom its statements let in.
    Policy,
    /// Switches that keep the public out: everybody is let in if one is off.
    Block,
    /// `add` or `remove`: whether grants are given or taken.
    Operation,
    /// For how long, or until when.
    Expiry,
    /// The server that is spoken to instead of the usual one.
    Endpoint,
    /// The project or account that the command runs in: what it owns is not let in.
    Home,
    /// An option without value that lets everybody in.
    Public,
}

impl Role {
    pub const ALL: [(&'static str, Self); 21] = [
        ("skip", Self::Skip),
        ("file", Self::File),
        ("data", Self::Data),
        ("form", Self::Form),
        ("own", Self::Own),
        ("out", Self::Out),
        ("from", Self::From),
        ("to", Self::To),
        ("url", Self::Url),
        ("source", Self::Source),
        ("tenant", Self::Tenant),
        ("path", Self::Path),
        ("location", Self::Location),
        ("grantee", Self::Grantee),
        ("policy", Self::Policy),
        ("block", Self::Block),
        ("operation", Self::Operation),
        ("expiry", Self::Expiry),
        ("endpoint", Self::Endpoint),
        ("home", Self::Home),
        ("public", Self::Public),
    ];
}

/// A role, and whether several values in a row have it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Operand {
    pub role: Role,
    pub many: bool,
}

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
}

impl Does {
    pub const ALL: [(&'static str, Self); 4] = [
        ("transfer", Self::Transfer),
        ("share", Self::Share),
        ("link", Self::Link),
        ("tunnel", Self::Tunnel),
    ];
}

/// Options by name, dashes included.
pub type Options = Vec<(Box<str>, Operand)>;

/// One command of a tool.
#[derive(Clone, Debug)]
pub struct Command {
    /// The words that call it, one list for each spelling; empty for a tool without subcommands.
    pub words: Vec<Vec<Box<str>>>,
    pub does: Does,
    /// Instead of the tool's.
    pub service: Option<ServiceId>,
    /// What its operands are, in order; one of them may stand for many.
    pub args: Vec<Operand>,
    pub options: Options,
    /// It lets everybody in, whatever its operands.
    pub public: bool,
    /// How long a link lives when the line does not say; `None` when it lives until it is taken back.
    pub lives: Option<Span>,
}

/// One tool.
#[derive(Clone, Debug)]
pub struct Tool {
    pub name: Arc<str>,
    /// Names of its executable or script.
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
    /// Words that may stand before a command and mean nothing here.
    pub prefixes: Vec<Box<str>>,
    pub options: Options,
    /// Options without value, where the others have one.
    pub flags: Vec<Box<str>>,
    /// Does an option that is not described have a value?
    pub valued: bool,
    pub commands: Vec<Command>,
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
    /// Somebody is let in. `hidden`: whom, stands in a file that the line only names.
    Shared { service: Option<ServiceId>, with: Vec<Arc<str>>, hidden: bool },
    /// A link was made; `lives` is `None` if it does not end, or nobody can tell when.
    Linked { of: Aim, lives: Option<Span> },
}

/// What one command line says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Reading {
    pub tool: Arc<str>,
    /// Files and folders that it sends, as written.
    pub files: Vec<Box<str>>,
    /// Files that it names for other ends: to write them, or to use them as its own.
    pub spared: Vec<Box<str>>,
    /// Where what it sends goes.
    pub aims: Vec<Aim>,
    pub deeds: Vec<Deed>,
    /// Accounts that allow entries for these services name are the company's own.
    pub accounts: Vec<ServiceId>,
    /// The tool was called through another program on the same line.
    pub wrapped: bool,
}

/// All tools, findable by the name they run under.
#[derive(Clone, Debug, Default)]
pub struct Tools {
    list: Vec<Tool>,
    by_name: Table<Box<str>, usize>,
    by_module: Table<Box<str>, usize>,
    by_signing_id: Table<Box<str>, usize>,
}

impl Tools {
    /// Of tools that claim the same name the later one has it: the administrator's come after the built-in ones.
    pub fn compile(list: Vec<Tool>) -> Self {
        let mut tools = Self::default();
        for (index, tool) in list.iter().enumerate() {
            tool.names.iter().for_each(|name| _ = tools.by_name.insert(name.clone(), index));
            tool.modules.iter().for_each(|name| _ = tools.by_module.insert(name.clone(), index));
            tool.signing_ids.iter().for_each(|id| _ = tools.by_signing_id.insert(id.clone(), index));
        }
        tools.list = list;
        tools
    }

    pub fn iter(&self) -> impl Iterator<Item = &Tool> {
        self.list.iter()
    }

    /// What this command line says; nothing if it calls no known tool. `time` is that of the exec.
    pub fn read(
        &self,
        program: &Program,
        facts: &ExecFacts,
        services: &Services,
        time: Timestamp,
    ) -> Option<Reading> {
        let context = interpret::Context { facts, services, time };
        if let Some((tool, args)) = self.called(program, facts) {
            return interpret::read(tool, args, &context);
        }
        // What a wrapper runs will be seen to run: its files are read then. Only what needs no more than the line is taken.
        unwrap::commands(program, facts).into_iter().find_map(|words| {
            let name = base(words.first()?);
            let tool = &self.list[*self.by_name.get(name)?];
            let reading = interpret::read(tool, &words[1..], &context)?;
            Some(Reading {
                wrapped: true,
                files: Vec::new(),
                spared: Vec::new(),
                aims: Vec::new(),
                ..reading
            })
        })
    }

    /// The tool that runs, and its own arguments.
    fn called<'f>(&self, program: &Program, facts: &'f ExecFacts) -> Option<(&Tool, &'f [Box<str>])> {
        let args = facts.args.get(1..).unwrap_or_default();
        let named = |name: &str| self.by_name.get(name).map(|index| &self.list[*index]);
        let signed = || {
            let id = program.signing_id.as_deref();
            let trusted = program.flags.state() == SigningState::Trusted;
            self.by_signing_id.get(id.filter(|_| trusted)?).map(|index| &self.list[*index])
        };
        let path = Lossy(program.path.file_name()).to_string();
        let first = facts.args.first().map(|first| base(first));
        if let Some(tool) = named(&path).or_else(|| named(first?)).or_else(signed) {
            return Some((tool, args));
        }
        // `python3 /opt/homebrew/bin/aws …`, `node …/wrangler.js …`, `python3 -m awscli …`
        let at = args.iter().position(|arg| !arg.starts_with('-') || &**arg == "-m")?;
        if &*args[at] == "-m" {
            let module = args.get(at + 1)?;
            let tool = &self.list[*self.by_module.get(&**module)?];
            return Some((tool, &args[at + 2..]));
        }
        let script = facts.script.as_ref().map(|script| Lossy(script.path.file_name()).to_string());
        let written = base(&args[at]);
        let interprets =
            script.as_deref().is_some_and(|script| script == written) || unwrap::interprets(&path);
        let tool = named(stem(written)).filter(|_| interprets)?;
        Some((tool, &args[at + 1..]))
    }
}

fn base(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

fn stem(name: &str) -> &str {
    [".py", ".js", ".mjs", ".rb", ".pl", ".sh"].iter().find_map(|end| name.strip_suffix(end)).unwrap_or(name)
}
