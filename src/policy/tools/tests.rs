//! Whatever stands on a command line, it is read without harm and within limits.

use proptest::prelude::*;

use super::*;
use crate::model::{CodeSigning, FilePath};
use crate::policy::{Category, DomainPattern, Service, ServiceNames};

fn program(name: &str) -> Program {
    Program {
        path: FilePath::from(format!("/opt/{name}").as_str()),
        path_truncated: false,
        signing_id: None,
        team_id: None,
        cdhash: None,
        platform: false,
        flags: CodeSigning(0),
    }
}

fn services() -> Services {
    let service = Service { name: Arc::from("store"), category: Category::ObjectStore, upload: true };
    let domains = vec![DomainPattern::parse("store.example").unwrap()];
    let tenants = vec![DomainPattern::parse_tenant("{tenant}.store.example").unwrap()];
    Services::compile(vec![ServiceNames { service, domains, tenants, except: Vec::new() }])
}

fn operand(role: Role) -> Operand {
    Operand { role, many: false }
}

fn tool(syntax: Syntax, valued: bool) -> Tool {
    let many = |role| Operand { role, many: true };
    let command = |words: &str, does, args| Command {
        words: vec![words.split_whitespace().map(Box::from).collect()],
        when: Vec::new(),
        does,
        service: None,
        args,
        options: vec![
            (Box::from("--grant"), many(Role::Grantee)),
            (Box::from("--policy"), operand(Role::Policy)),
        ],
        public: false,
        exports: does == Does::Transfer,
        lives: None,
        reads: Vec::new(),
    };
    Tool {
        name: Arc::from("t"),
        names: vec![Box::from("t")],
        modules: Vec::new(),
        signing_ids: Vec::new(),
        syntax,
        service: Some(ServiceId(0)),
        accounts: Vec::new(),
        schemes: vec![(Box::from("s"), ServiceId(0))],
        buckets: vec![Box::from("s")],
        endpoint_env: Vec::new(),
        tenant_env: Vec::new(),
        account_of: None,
        to_env: Vec::new(),
        from_env: Vec::new(),
        profile_env: Vec::new(),
        home_env: Vec::new(),
        prefixes: vec![Box::from("beta")],
        options: vec![
            (Box::from("-d"), operand(Role::Data)),
            (Box::from("-F"), operand(Role::Form)),
            (Box::from("--expire"), operand(Role::Expiry)),
            (Box::from("--endpoint"), operand(Role::Endpoint)),
        ],
        flags: vec![Box::from("-r")],
        valued,
        abbreviates: valued,
        stdin: false,
        commands: vec![
            command("cp", Does::Transfer, vec![many(Role::From), operand(Role::To)]),
            command("link", Does::Link, vec![operand(Role::From)]),
            command("acl set", Does::Share, vec![operand(Role::Grantee)]),
        ],
    }
}

fn read(tool: Tool, args: &[&str]) -> Option<Reading> {
    let facts = ExecFacts {
        args: std::iter::once("t").chain(args.iter().copied()).map(Box::from).collect(),
        ..ExecFacts::default()
    };
    Tools::compile(vec![tool]).read(&program("t"), &facts, &services(), Timestamp::from_nanos(0)).pop()
}

#[test]
fn operands_around_the_many() {
    let reading = read(tool(Syntax::Uri, false), &["beta", "cp", "-r", "/a", "b", "s://Bucket/k"]).unwrap();
    assert_eq!(reading.files, [Box::from("/a"), Box::from("b")]);
    assert_eq!(reading.aims, [Aim { service: Some(ServiceId(0)), tenant: Some(Arc::from("bucket")) }]);
    assert!(reading.deeds.is_empty());
    let copied = read(tool(Syntax::Uri, false), &["cp", "s://a/x", "s://b/"]).unwrap();
    assert!(matches!(&copied.deeds[..], [Deed::Copied { .. }]));
    let down = read(tool(Syntax::Uri, false), &["cp", "s://a/x", "/tmp/x"]).unwrap();
    assert!(down.deeds.is_empty() && down.aims.is_empty());
    assert_eq!(down.spared, ["s://a/x", "/tmp/x"].map(Box::from));
}

#[test]
fn options_take_their_values_however_written() {
    for args in [
        &["cp", "-d@/k", "x", "s://b"][..],
        &["cp", "-rd@/k", "x", "s://b"],
        &["cp", "-d", "@/k", "x", "s://b"],
        &["-d", "@/k", "cp", "x", "s://b"],
        &["cp", "-F", "f=@/k;type=a/b", "x", "s://b"],
        &["cp", "-d", "@/k", "--", "x", "s://b"],
    ] {
        let reading = read(tool(Syntax::Uri, false), args).unwrap();
        assert!(reading.files.contains(&Box::from("/k")), "{args:?}: {:?}", reading.files);
        assert!(reading.files.contains(&Box::from("x")), "{args:?}: {:?}", reading.files);
    }
}

/// What no file can be by its place on the line.
#[test]
fn words_that_are_no_files() {
    let text = ["cp", "-d", "a=b.txt", "-F", "f=@/k", "--endpoint", "h.x", "x", "s://b"];
    let reading = read(tool(Syntax::Uri, false), &text).unwrap();
    assert_eq!(reading.files, ["/k", "x"].map(Box::from));
    assert_eq!(reading.spared, ["a=b.txt", "f=@/k", "h.x", "s://b"].map(Box::from));
}

const PARTS: &[&str] = &[
    "cp",
    "link",
    "acl",
    "set",
    "-d",
    "-F",
    "--grant",
    "--policy",
    "--expire",
    "--endpoint",
    "=",
    "@",
    ":",
    "/",
    ",",
    "s://",
    "\"",
    "'",
    "{",
    "}",
    "file://",
    "http://x.store.example",
    "é",
    "\u{0}",
    "Remove",
    "]",
    "999988887777",
    "-",
    "--",
    "~",
    "*",
    "\\",
    " ",
    "7d",
];

fn word() -> impl Strategy<Value = String> {
    prop::collection::vec(prop::sample::select(PARTS), 0..5).prop_map(|parts| parts.concat())
}

proptest! {
    #[test]
    fn no_line_does_harm(words in prop::collection::vec(word(), 0..12), valued: bool) {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        for (_, syntax) in Syntax::ALL {
            if let Some(reading) = read(tool(syntax, valued), &words) {
                prop_assert!(reading.files.len() <= 256 && reading.deeds.len() <= 2);
            }
        }
        let facts = ExecFacts { args: words.iter().map(|word| Box::from(*word)).collect(), ..ExecFacts::default() };
        for name in ["sh", "env", "sudo", "timeout", "python3"] {
            _ = Tools::compile(vec![tool(Syntax::Uri, valued)])
                .read(&program(name), &facts, &services(), Timestamp::from_nanos(0));
        }
    }
}
