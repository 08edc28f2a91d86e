//! Rules and tools.

use crate::config::read_catalogue::SEVERITIES;
use crate::config::read_rule_step::{EVIDENCE, FIRST_SEEN, HOW, ON};
use crate::model::AuditLog;
use crate::policy::rule::CommandKind;
use crate::policy::{Category, Does, Syntax};

use super::lists::{CDHASH, EXTEND, SIGNING_ID, TEAM_ID};
use super::{Keys, Shape, key, words};

const TEXTS: Shape = Shape::List(&Shape::Text);

pub static RULE: Keys = &[
    key("id", Shape::Text, "What alerts name it by, such as corp.many-documents"),
    EXTEND,
    key("name", Shape::Text, "What the rule sees, in a few words"),
    key("version", Shape::Text, "Told in alerts; 1 if not said"),
    key(
        "severity",
        Shape::Word(|| words(&SEVERITIES)),
        "Of several rules on one chain the most severe one leads",
    ),
    key("raises", Shape::Boolean, "The alert is at least as severe as the rule"),
    key("techniques", TEXTS, "ATT&CK ids, such as T1567.002"),
    key("step", Shape::Tables(STEP), "What happens, in this order; data leave with the last step"),
    key("unless", Shape::Tables(STEP), "What must not have happened"),
];

pub static STEP: Keys = &[
    key(
        "on",
        Shape::List(&Shape::Word(|| words(&ON))),
        "What happens; ways by which data leave may stand together",
    ),
    key("within", Shape::Duration, "Of the step before"),
    key("process", Shape::Tables(WHO), "By one of these programs"),
    key("users", TEXTS, "By one of these users: short names or numbers"),
    key("sets", TEXTS, "Read: names of sensitive sets"),
    key("except_sets", TEXTS, "Read: sensitive sets that are not meant"),
    key("paths", TEXTS, "Read or stage: globs of the files"),
    key("evidence", Shape::List(&Shape::Word(|| words(&EVIDENCE))), "Read: how it is known"),
    key("count", Shape::Integer, "Read: so many different files"),
    key("span", Shape::Duration, "Read: all of them within this time"),
    key("same_process", Shape::Boolean, "Read: all of them by one process"),
    key("how", Shape::List(&Shape::Word(|| words(&HOW))), "Stage: how the copy came to be"),
    key("nameless", Shape::Boolean, "Upload: to a destination without a name"),
    key("min_bytes", Shape::Size, "Upload: at least so much"),
    key(
        "first_seen",
        Shape::Word(|| words(&FIRST_SEEN)),
        "Upload: the program was not seen there before the read",
    ),
    key("times_usual", Shape::Integer, "Upload: so many times what the program sends usually"),
    key(
        "commands",
        Shape::List(&Shape::Word(|| CommandKind::ALL.map(CommandKind::as_str).to_vec())),
        "Command: what it does",
    ),
    key(
        "deeds",
        Shape::List(&Shape::Word(|| CommandKind::ALL.map(CommandKind::as_str).to_vec())),
        "Audit: what the cloud did",
    ),
    key(
        "logs",
        Shape::List(&Shape::Word(|| AuditLog::ALL.map(AuditLog::as_str).to_vec())),
        "Audit: whose log says so",
    ),
    key("operations", TEXTS, "Audit: the log's own words for it; * is any run of characters"),
    key(
        "categories",
        Shape::List(&Shape::Word(|| Category::ALL.map(Category::as_str).to_vec())),
        "To services of these kinds",
    ),
    key("services", TEXTS, "To these services"),
    key("tenants", TEXTS, "allowed, foreign, unknown, or names of tenants"),
];

pub static WHO: Keys = &[
    TEAM_ID,
    SIGNING_ID,
    CDHASH,
    key("platform", Shape::Boolean, "Whether it is a program of macOS itself"),
    key("unsigned", Shape::Boolean, "Whether it lacks a valid signature"),
    key("interpreter", Shape::Boolean, "Whether it runs a script"),
    key("path", Shape::Text, "Glob of where the program lies"),
    key("name", Shape::Text, "Glob of its file name"),
    key("script", Shape::Text, "Glob of the script that it runs"),
    key("allow", Shape::Text, "An allow entry whose programs are meant"),
];

pub static TOOL: Keys = &[
    key("name", Shape::Text, "What the tool is called"),
    EXTEND,
    key(
        "names",
        TEXTS,
        "Of the executable or script; the tool's name, if not said. With a blank: a name and the command it stands for",
    ),
    key("modules", TEXTS, "As `python -m` calls it"),
    key("signing_ids", TEXTS, "Known by these under any file name, if validly signed"),
    key("syntax", Shape::Word(|| words(&Syntax::ALL)), "How it writes places"),
    key("service", Shape::Text, "Where data go unless the command line says otherwise"),
    key("accounts", TEXTS, "Services whose allowed tenants are one's own here"),
    key("schemes", Shape::Map(&Shape::Text), "Which service each scheme of an address means"),
    key(
        "buckets",
        TEXTS,
        "Schemes whose paths begin with a bucket; of the syntax `backend` all, if none is said",
    ),
    key("endpoint_env", TEXTS, "Variables that name another server"),
    key("tenant_env", TEXTS, "Variables that name the account"),
    key("account_of", Shape::Text, "The service of that account, where the tool sends to others too"),
    key("to_env", TEXTS, "Variables that name the place that receives"),
    key("from_env", TEXTS, "Variables that name the place that is copied from"),
    key("profile_env", TEXTS, "Variables that name a profile or role, whose name may tell the account"),
    key("home_env", TEXTS, "Variables that name the project, account or folder that it works in"),
    key("prefixes", TEXTS, "Words before a command that mean nothing"),
    key("options", Shape::Map(&TEXTS), "Options with values, by the role of the value"),
    key("flags", TEXTS, "Options without value"),
    key("valued", Shape::Boolean, "Options that are not described have a value"),
    key("abbreviates", Shape::Boolean, "Long options may be cut short"),
    key("stdin", Shape::Boolean, "What it reads from standard input are commands of its own"),
    key("command", Shape::Tables(COMMAND), "What it does"),
];

pub static COMMAND: Keys = &[
    key("words", TEXTS, "What calls it; nothing for a tool without commands"),
    key(
        "when",
        TEXTS,
        "It does this only with one of these options, or with a text in the value: `--option=text`",
    ),
    key("does", Shape::Word(|| words(&Does::ALL)), "What becomes of the data"),
    key("service", Shape::Text, "Instead of the tool's"),
    key("args", TEXTS, "Roles of the arguments, in their order"),
    key("options", Shape::Map(&TEXTS), "Options with values, by the role of the value"),
    key("public", Shape::Boolean, "It lets everybody in"),
    key("exports", Shape::Boolean, "What it copies lies in the cloud, whether or not the line names it"),
    key("lives", Shape::Duration, "How long a link lives if the line does not say"),
    key(
        "reads",
        TEXTS,
        "Files that another program opens for it; in the folder that it is told to work in, if any",
    ),
];
