//! The question: who, with which signature, reads what and sends it where, when.

use clap::builder::NonEmptyStringValueParser;

use crate::cli::scenario::{home, program};
use crate::config::suite::ProgramSpec;
use crate::daemon::clock;
use crate::engine;
use crate::model::{ExecFacts, FilePath, Script, Timestamp, Uid};
use crate::policy::{Identity, Scratch, Sense, Volumes};

use super::{ExplainArgs, codesign};

/// Who does it.
#[derive(clap::Args, Debug)]
pub struct WhoArgs {
    /// The program, by its path
    #[arg(
        long,
        value_name = "PROGRAM",
        required_unless_present = "alert",
        default_value = "",
        hide_default_value = true
    )]
    process: String,
    /// Team that signed it
    #[arg(long, value_name = "ID", value_parser = NonEmptyStringValueParser::new(), help_heading = "Its signature")]
    team_id: Option<String>,
    /// Identifier in its signature
    #[arg(long, value_name = "ID", value_parser = NonEmptyStringValueParser::new(), help_heading = "Its signature")]
    signing_id: Option<String>,
    /// Part of macOS
    #[arg(long, help_heading = "Its signature")]
    platform: bool,
    /// Hash of its code directory, 40 hexadecimal digits
    #[arg(long, value_name = "HEX", value_parser = parse_hash, help_heading = "Its signature")]
    cdhash: Option<CdHashArg>,
    /// No signature, or one by nobody
    #[arg(long, conflicts_with_all = ["team_id", "platform"], help_heading = "Its signature")]
    unsigned: bool,
    /// The script that it runs, or "-m NAME" for a module of its own
    #[arg(long, value_name = "FILE", allow_hyphen_values = true, help_heading = "What it runs")]
    script: Option<String>,
    /// What the script holds, 64 hexadecimal digits
    #[arg(long, value_name = "HEX", value_parser = parse_content, help_heading = "What it runs")]
    script_sha256: Option<ContentArg>,
    /// Its arguments, the first being its name
    #[arg(long, value_name = "ARG", num_args = 1.., allow_hyphen_values = true, value_terminator = ";", help_heading = "What it runs")]
    args: Vec<String>,
    /// Its parent, by its path
    #[arg(long, value_name = "PROGRAM", help_heading = "Its parent")]
    parent: Option<String>,
    /// Team that signed the parent
    #[arg(long, value_name = "ID", value_parser = NonEmptyStringValueParser::new(), requires = "parent", help_heading = "Its parent")]
    parent_team_id: Option<String>,
    /// Identifier in the parent's signature
    #[arg(long, value_name = "ID", value_parser = NonEmptyStringValueParser::new(), requires = "parent", help_heading = "Its parent")]
    parent_signing_id: Option<String>,
    /// The parent is part of macOS
    #[arg(long, requires = "parent", help_heading = "Its parent")]
    parent_platform: bool,
    /// Who is logged in: a short name, or a number; without it, whose home the file lies in
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
}

/// How a signature is known of which nothing was said.
pub const UNSAID: &str = "nothing said of a signature";

/// A hash as the command line gives it.
#[derive(Clone, Copy, Debug)]
pub struct CdHashArg([u8; 20]);

/// The hash of a content, as the command line gives it.
#[derive(Clone, Copy, Debug)]
pub struct ContentArg([u8; 32]);

/// Midnight of a day.
#[derive(Clone, Copy, Debug)]
pub struct Day(pub Timestamp);

fn parse_hash(text: &str) -> Result<CdHashArg, String> {
    codesign::hash(text).map(CdHashArg).ok_or_else(|| "expected 40 hexadecimal digits".to_owned())
}

fn parse_content(text: &str) -> Result<ContentArg, String> {
    codesign::hash(text).map(ContentArg).ok_or_else(|| "expected 64 hexadecimal digits".to_owned())
}

pub fn parse_day(text: &str) -> Result<Day, String> {
    let moment = Timestamp::parse(format!("{text}T00:00:00Z").as_bytes());
    moment.map(Day).ok_or_else(|| "expected a date such as 2027-06-30".to_owned())
}

/// Everything that a verdict depends on.
pub struct Question {
    pub program: ProgramSpec,
    /// How the signature is known.
    pub told_by: &'static str,
    pub script: Option<String>,
    pub script_sha256: Option<[u8; 32]>,
    pub args: Vec<String>,
    pub parent: Option<ProgramSpec>,
    pub user: String,
    pub uid: u32,
    /// Absolute.
    pub path: String,
    pub to: String,
    pub on: Timestamp,
    pub sensors: Vec<Sense>,
}

impl Question {
    /// Or a sentence about what is wrong.
    pub(super) fn ask(args: &ExplainArgs) -> Result<Self, String> {
        let who = &args.who;
        let (user, uid) = user(who.user.as_deref(), &args.path);
        let absolute = |path: &str| absolute(path, &user);
        let (program, told_by) = identify(who, absolute(&who.process)?);
        let script = |path: &str| if path.starts_with("-m ") { Ok(path.into()) } else { absolute(path) };
        let parent = who.parent.as_deref().map(absolute).transpose()?.map(|path| ProgramSpec {
            path,
            team_id: who.parent_team_id.clone(),
            signing_id: who.parent_signing_id.clone(),
            platform: who.parent_platform,
            ..ProgramSpec::default()
        });
        let folder = args.to.starts_with('/') || args.to.starts_with('~');
        let to = if folder { absolute(&args.to)? } else { host(&args.to)? };
        Ok(Self {
            told_by,
            program,
            script: who.script.as_deref().map(script).transpose()?,
            script_sha256: who.script_sha256.map(|hash| hash.0),
            args: who.args.clone(),
            parent,
            path: absolute(&args.path)?,
            to,
            on: args.on.map_or_else(clock::now, |day| day.0),
            sensors: args.sensors.clone(),
            user,
            uid,
        })
    }

    /// Does it go to a folder, not to a host?
    pub fn is_drop(&self) -> bool {
        self.to.starts_with('/')
    }

    /// The new file in the folder that it goes to.
    pub fn target(&self) -> String {
        let name = self.path.rsplit('/').next().unwrap_or_default();
        format!("{}/{name}", self.to.trim_end_matches('/'))
    }

    /// The code that runs, as the engine sees it.
    pub fn identity(&self) -> Identity {
        let facts = ExecFacts {
            args: self.args.iter().map(|arg| Box::from(arg.as_str())).collect(),
            cwd: Some(FilePath::from(home(&self.user).as_str())),
            script: self.script.as_deref().map(|path| Script { path: path.into() }),
            script_sha256: self.script_sha256,
            ..ExecFacts::default()
        };
        engine::identity_of(&program(&self.program).into(), &facts)
    }

    pub fn parent_identity(&self) -> Option<Identity> {
        let parent = self.parent.as_ref()?;
        Some(engine::identity_of(&program(parent).into(), &ExecFacts::default()))
    }

    pub const fn user_id(&self) -> Uid {
        Uid(self.uid)
    }
}

fn identify(who: &WhoArgs, path: String) -> (ProgramSpec, &'static str) {
    let told = who.team_id.is_some() || who.signing_id.is_some() || who.platform || who.cdhash.is_some();
    if !told
        && !who.unsigned
        && let Some(spec) = codesign::ask(&path)
    {
        return (spec, "codesign says");
    }
    let spec = ProgramSpec {
        path,
        team_id: who.team_id.clone(),
        signing_id: who.signing_id.clone(),
        platform: who.platform,
        cdhash: who.cdhash.map(|hash| hash.0),
        ad_hoc: who.unsigned && told,
    };
    (spec, if told || who.unsigned { "as given" } else { UNSAID })
}

/// Who is asked about if nothing tells.
const SOMEBODY: &str = "alice";

/// The user by name or number; without either, the owner of the home that the file lies in.
fn user(given: Option<&str>, path: &str) -> (String, u32) {
    let owner = || owner(path).unwrap_or_else(|| SOMEBODY.to_owned());
    match given.map(|given| (given, given.parse::<u32>())) {
        Some((_, Ok(0))) => ("root".to_owned(), 0),
        Some((_, Ok(uid))) => (owner(), uid),
        Some((name, Err(_))) => numbered(name.to_owned()),
        None => numbered(owner()),
    }
}

fn numbered(name: String) -> (String, u32) {
    let uid = if name == "root" { 0 } else { 501 };
    (name, uid)
}

/// The owner of the home that the file lies in, by whatever way the path goes there; the name as it is written.
fn owner(path: &str) -> Option<String> {
    let path = absolute(path, SOMEBODY).ok()?;
    let mut scratch = Scratch::new();
    // As if every volume told case, so that none is lost.
    let canonical = Volumes::new(["/"]).canonical(path.as_bytes(), &mut scratch);
    let text = String::from_utf8_lossy(canonical.bytes());
    let mut parts = text.split('/').skip(1);
    let (folder, name) = (parts.next()?, parts.next()?);
    let is = |part: &str, word: &str| part.eq_ignore_ascii_case(word);
    match is(folder, "Users") {
        true => Some(name.to_owned()).filter(|name| !is(name, "Shared")),
        false => (is(folder, "var") && is(name, "root")).then(|| "root".to_owned()),
    }
}

fn absolute(path: &str, user: &str) -> Result<String, String> {
    if path.is_empty() {
        return Err("`` is no path: say which program reads which file".to_owned());
    }
    let own = own_home();
    let rest = path.strip_prefix('~').or_else(|| path.strip_prefix(own.as_deref()?));
    if let Some(rest) = rest.filter(|rest| rest.is_empty() || rest.starts_with('/')) {
        return Ok(home(user) + rest);
    }
    if path.starts_with('/') {
        return Ok(path.to_owned());
    }
    let here = std::env::current_dir().map_err(|error| format!("{path}: give the whole path: {error}"))?;
    Ok(here.join(path).to_string_lossy().into_owned())
}

/// What the shell of a Linux machine, where policies are tried too, writes for `~`. No Mac has such a home.
fn own_home() -> Option<String> {
    std::env::var("HOME").ok().filter(|home| home == "/root" || home.starts_with("/home/"))
}

/// A name or an address. Of an URL, which is what people have at hand, the host.
fn host(text: &str) -> Result<String, String> {
    let after_scheme = text.split_once("://").map_or(text, |(_, rest)| rest);
    let authority = after_scheme.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default();
    let bare = host.strip_prefix('[').and_then(|rest| rest.split(']').next());
    let plain = || match host.rsplit_once(':') {
        Some((name, port)) if !name.contains(':') && port.parse::<u16>().is_ok() => name,
        _ => host,
    };
    let host = bare.unwrap_or_else(plain).to_owned();
    let address = host.parse::<std::net::IpAddr>().is_ok();
    let name = crate::model::DomainName::from_wire(crate::policy::canonical_name(&host).as_bytes());
    if address || name.is_some() {
        return Ok(host);
    }
    Err(format!("`{text}` is no host name; such as content.dropboxapi.com, or an absolute path of a folder"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_found_in_what_people_paste() {
        for (text, found) in [
            ("https://content.dropboxapi.com/2/files/upload?x=1", "content.dropboxapi.com"),
            ("Paste.RS", "Paste.RS"),
            ("s3://bucket/key", "bucket"),
            ("host.example:8443", "host.example"),
            ("https://user:pw@[2001:db8::1]:443/", "2001:db8::1"),
            ("198.51.100.7", "198.51.100.7"),
        ] {
            assert_eq!(host(text).as_deref(), Ok(found), "{text}");
        }
        assert!(host("a b").is_err() && host("").is_err());
    }

    #[test]
    fn the_home_tells_the_user() {
        assert_eq!(user(None, "/Users/bob/x"), ("bob".to_owned(), 501));
        assert_eq!(user(Some("root"), "/Users/bob/x"), ("root".to_owned(), 0));
        assert_eq!(user(Some("502"), "/Users/bob/x"), ("bob".to_owned(), 502));
        assert_eq!(user(None, "~/x"), ("alice".to_owned(), 501));
    }

    #[test]
    fn a_home_is_the_same_by_every_way_to_it() {
        for (path, name, uid) in [
            ("/System/Volumes/Data/Users/bob/.ssh/id_rsa", "bob", 501),
            ("/Volumes/Macintosh HD/Users/Bob/x", "Bob", 501),
            ("/private/tmp/../../users/bob/x", "bob", 501),
            ("/var/root/.ssh/id_rsa", "root", 0),
            ("/private/var/root", "root", 0),
            ("/Users/Shared/x", "alice", 501),
            ("/Volumes/USB/Users/bob/x", "alice", 501),
            ("/var/rootless/x", "alice", 501),
            ("/Users", "alice", 501),
        ] {
            assert_eq!(user(None, path), (name.to_owned(), uid), "{path}");
        }
        assert_eq!(user(Some("502"), "/System/Volumes/Data/Users/bob/x"), ("bob".to_owned(), 502));
    }
}
