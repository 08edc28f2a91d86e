//! The catalogue: sensitive files, services, sync roots, and who may.

use crate::config::read_allow::EFFECTS;
use crate::config::read_catalogue::SEVERITIES;
use crate::policy::Category;

use super::{Key, Keys, Shape, key, words};

const NAME: Key =
    key("name", Shape::Text, "What the entry is called; one that a built-in entry has replaces that");
pub(super) const EXTEND: Key =
    key("extend", Shape::Boolean, "Adds to the entry of the same name instead of replacing it");
const TEXTS: Shape = Shape::List(&Shape::Text);

pub static SENSITIVE: Keys = &[
    NAME,
    EXTEND,
    key("severity", Shape::Word(|| words(&SEVERITIES)), "How grave it is if they leave; medium if not said"),
    key("paths", TEXTS, "Globs: ~ is every home, ** crosses directories, {a,b} is a choice"),
    key("exclude", TEXTS, "Globs of what is not meant after all"),
    key("window", Shape::Duration, "Instead of the default window"),
    key("min_bytes", Shape::Size, "Instead of the general least upload"),
];

pub static SERVICE: Keys = &[
    NAME,
    EXTEND,
    key(
        "category",
        Shape::Word(|| Category::ALL.map(Category::as_str).to_vec()),
        "What kind of service it is",
    ),
    key("domains", TEXTS, "Names of its hosts and all below them; {x} is one label"),
    key("tenants", TEXTS, "Names whose {tenant} tells whose storage it is"),
    key("except", TEXTS, "Names below the others that are not this service"),
    key("upload", Shape::Boolean, "Whether these names are targets of uploads; true if not said"),
];

pub static MAIL: Keys = &[
    NAME,
    EXTEND,
    key("hosts", TEXTS, "Names of servers and all below them"),
    key("labels", TEXTS, "First labels of names that mean such a server; `*smtp` is any that ends so"),
    key("ports", Shape::List(&Shape::Integer), "Ports that mean such a server"),
];

pub static SYNC_ROOT: Keys = &[
    key("name", Shape::Text, "What the entry is called; the path, if not said"),
    EXTEND,
    key("service", Shape::Text, "The service that the folder goes to"),
    key("path", Shape::Text, "The folder; {tenant} tells whose it is"),
    key("client", Shape::Tables(PROCESS), "The programs that sync it"),
];

pub static PROCESS: Keys = &[
    TEAM_ID,
    SIGNING_ID,
    key("platform", Shape::Boolean, "A program of macOS itself"),
    key(
        "signed",
        Shape::Boolean,
        "Signed by a team that Apple knows, whichever: whoever has an identity is let through",
    ),
    CDHASH,
    key("path", Shape::Text, "Where the program lies"),
    key("unsigned", Shape::Boolean, "It has no signature: whoever can write at the path is let through"),
];

pub(super) const TEAM_ID: Key = key("team_id", Shape::Text, "Apple's team identifier of the signer");
pub(super) const SIGNING_ID: Key =
    key("signing_id", Shape::Text, "The signing identifier, as `codesign -dv` says it");
pub(super) const CDHASH: Key = key("cdhash", Shape::Text, "This very code: 40 hexadecimal digits");

pub static ALLOW: Keys = &[
    NAME,
    EXTEND,
    key(
        "effect",
        Shape::Word(|| words(&EFFECTS)),
        "Excuses an upload, or says that a read is no sensitive one",
    ),
    key("process", Shape::Tables(PROCESS), "The programs that may; in a file also \"*\""),
    key("script", Shape::Text, "For interpreters: the script that they run"),
    key("script_sha256", Shape::Text, "This content of the script only, live: 64 hexadecimal digits"),
    key("parent", Shape::Tables(PROCESS), "The programs that may have started it"),
    key("owners", Shape::Tables(OWNER), "For reads: programs and the files that are theirs"),
    key("own_containers", Shape::Boolean, "For reads: each program's own containers"),
    key("own_roots", Shape::Boolean, "For reads: each sync client's own sync roots"),
    key("sensitive", TEXTS, "Names of sensitive sets, or \"*\""),
    key("services", TEXTS, "Names of services, or \"*\""),
    key("tenants", TEXTS, "Names of tenants, or \"*\""),
    key("users", TEXTS, "Short names or numbers of users, or \"*\""),
    key("reason", Shape::Text, "Who asked for it, and where"),
    key("expires", Shape::Date, "Holds through this day, UTC"),
];

pub static OWNER: Keys = &[
    key("process", Shape::Tables(PROCESS), "The programs that own the files"),
    key("script", Shape::Text, "For interpreters: the script that they run"),
    key("command", TEXTS, "What the program is told to do: its first argument is one of these"),
    key("paths", TEXTS, "The files: globs"),
];
