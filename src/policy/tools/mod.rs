//! What the command lines of cloud tools say: which files they send, where to, and whom they let in.
//!
//! A [`Tool`] is a grammar as data (`config/tools.toml`): its commands, and what each operand and option means. One small
//! interpreter reads them all. It believes nothing that the line does not say: a bucket behind a name that only the
//! tool's own configuration explains stays unknown.

mod container;
pub mod grantee;
mod interpret;
mod lifetime;
mod line;
mod place;
mod shell;
#[cfg(test)]
mod tests;
mod unwrap;

use std::borrow::Cow;
use std::sync::Arc;

use crate::model::{ExecFacts, Lossy, Program, Set, SigningState, Span, Table, Timestamp};

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
    /// An option without value with which nothing is done, only said; a value or name that takes it back may follow.
    Dry,
    /// Commands of the tool's own, as a script writes them.
    Script,
    /// `/subscriptions/ID/…`, `arn:…:ID:…`: something in a cloud that is copied from the account that it names, if it does.
    Resource,
    /// A profile or role that the command runs as: its name may tell the account.
    Profile,
}

impl Role {
    pub const ALL: [(&'static str, Self); 25] = [
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
        ("dry", Self::Dry),
        ("script", Self::Script),
        ("resource", Self::Resource),
        ("profile", Self::Profile),
    ];

    /// Is it said by the option itself?
    const fn stands_alone(self) -> bool {
        matches!(self, Self::Public | Self::Dry)
    }

    /// Is it a word that never stands for a file of this Mac, whatever it looks like?
    const fn names_no_file(self) -> bool {
        match self {
            Self::File | Self::Data | Self::Form | Self::Own | Self::Out | Self::From | Self::To => false,
            Self::Policy | Self::Block | Self::Public | Self::Script => false,
            Self::Skip | Self::Url | Self::Source | Self::Tenant | Self::Path | Self::Location => true,
            Self::Grantee | Self::Operation | Self::Expiry | Self::Endpoint | Self::Home => true,
            Self::Resource | Self::Profile | Self::Dry => true,
        }
    }
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
    /// It does this only with one of these options.
    pub when: Vec<Box<str>>,
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
    /// Variables that name the place that receives.
    pub to_env: Vec<Box<str>>,
    /// Variables that name a profile or role.
    pub profile_env: Vec<Box<str>>,
    /// Words that may stand before a command and mean nothing here.
    pub prefixes: Vec<Box<str>>,
    pub options: Options,
    /// Options without value, where the others have one.
    pub flags: Vec<Box<str>>,
    /// Does an option that is not described have a value?
    pub valued: bool,
    /// Is what it reads from standard input commands of its own?
    pub stdin: bool,
    pub commands: Vec<Command>,
}

impl Tool {
    /// All environment variables that it reads.
    fn variables(&self) -> impl Iterator<Item = &Box<str>> {
        [&self.endpoint_env, &self.tenant_env, &self.to_env, &self.profile_env].into_iter().flatten()
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
        if let Some((tool, args)) = self.called(program, facts) {
            let context = interpret::Context { env: &facts.env, input: None, services, time };
            return interpret::read(tool, &args, &context).into_iter().collect();
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

    /// The tool of this name, and its arguments with the command that the name stands for.
    fn named<'f>(&self, name: &str, args: &'f [Box<str>]) -> Option<(&Tool, Cow<'f, [Box<str>]>)> {
        let (index, words) = self.by_name.get(name)?;
        let args = if words.is_empty() { Cow::Borrowed(args) } else { [&**words, args].concat().into() };
        Some((&self.list[*index], args))
    }

    /// The tool that runs, and its own arguments.
    fn called<'f>(&self, program: &Program, facts: &'f ExecFacts) -> Option<(&Tool, Cow<'f, [Box<str>]>)> {
        let args = facts.args.get(1..).unwrap_or_default();
        let signed = || {
            let id = program.signing_id.as_deref();
            let trusted = program.flags.state() == SigningState::Trusted;
            let index = self.by_signing_id.get(id.filter(|_| trusted)?)?;
            Some((&self.list[*index], Cow::Borrowed(args)))
        };
        let path = Lossy(program.path.file_name()).to_string();
        let first = facts.args.first().map(|first| base(first));
        if let Some(called) = self.named(&path, args).or_else(|| self.named(first?, args)).or_else(signed) {
            return Some(called);
        }
        // `python3 /opt/homebrew/bin/aws …`, `node …/wrangler.js …`, `python3 -m awscli …`
        let at = args.iter().position(|arg| !arg.starts_with('-') || &**arg == "-m")?;
        if &*args[at] == "-m" {
            let module = args.get(at + 1)?;
            let tool = &self.list[*self.by_module.get(&**module)?];
            return Some((tool, Cow::Borrowed(&args[at + 2..])));
        }
        let script = facts.script.as_ref().map(|script| Lossy(script.path.file_name()).to_string());
        let written = base(&args[at]);
        let interprets =
            script.as_deref().is_some_and(|script| script == written) || unwrap::interprets(&path);
        self.named(stem(written), &args[at + 1..]).filter(|_| interprets)
    }
}

fn base(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

fn stem(name: &str) -> &str {
    [".py", ".js", ".mjs", ".rb", ".pl", ".sh"].iter().find_map(|end| name.strip_suffix(end)).unwrap_or(name)
}
