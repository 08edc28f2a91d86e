//! Which names count as places that a thief sends to, and what of a public host of programs is a developer's own.

use super::world::*;

const X: Program = adhoc("/private/tmp/x", "x");
const NODE: Program = adhoc("/opt/homebrew/bin/node", "node");
const CURL: Program = apple("/usr/bin/curl", "com.apple.curl");
const KEY: &str = "/Users/alice/.ssh/id_rsa";
const HOSTS: [&str; 7] = [
    "gate.corp.workers.dev",
    "api.netlify.com",
    "api.vercel.com",
    "upload-firebasehosting.googleapis.com",
    "corp-app.onrender.com",
    "abc123.execute-api.eu-west-1.amazonaws.com",
    "corp-default-rtdb.firebaseio.com",
];

#[test]
fn names_that_take_what_is_stolen() {
    let lines = include_str!("services.tsv").lines().filter(|line| !line.starts_with('#'));
    let (mut known, mut nobodys) = (0, 0);
    for line in lines {
        let columns: Vec<&str> = line.split('\t').collect();
        let told = works(X, &["x"], &[KEY], columns[0], 40_000);
        match columns[..] {
            [host, "-"] => {
                assert!(told.alerts().is_empty(), "{host}: {:#?}", told.alerts());
                nobodys += 1;
            }
            [host, service, tenant, rule] => {
                let alert = told.one_of_any_confidence();
                assert_eq!(alert.service.as_deref(), Some(service), "{host}");
                assert_eq!(alert.tenant.as_deref().unwrap_or("-"), tenant, "{host}");
                assert_eq!(&*alert.rules[0].id, format!("cw.exfil.{rule}"), "{host}");
                known += 1;
            }
            _ => panic!("two columns or four: {line}"),
        }
    }
    assert!(known >= 50 && nobodys >= 30, "{known} {nobodys}");
}

/// Programs that are being written have their keys and documents at hand, and talk to what is deployed.
#[test]
fn a_developers_own_program_is_no_thief() {
    let at_hand = [
        "/Users/alice/work/app/.env",
        "/Users/alice/.npmrc",
        "/Users/alice/.aws/credentials",
        "/Users/alice/.config/gcloud/application_default_credentials.json",
        "/Users/alice/Documents/app/data.json",
    ];
    for host in HOSTS {
        works(NODE, &["node", "server.js"], &at_hand, host, 300_000).none();
        let json = "@/Users/alice/Documents/app/data.json";
        works(CURL, &["curl", "-d", json, "https://corp-app.onrender.com/x"], &[], host, 9_000).none();
        // What is nobody's to have at hand.
        for stolen in [
            KEY,
            "/Users/alice/Library/Keychains/login.keychain-db",
            "/Users/alice/Library/Application Support/Google/Chrome/Default/Login Data",
            "/Users/alice/Library/Messages/chat.db",
        ] {
            let told = works(NODE, &["node", "x.js"], &[at_hand[0], stolen], host, 300_000);
            let alert = told.alert();
            assert_eq!(&*alert.rules[0].id, "cw.exfil.app-host", "{host} {stolen}");
            assert!(alert.reads.iter().any(|read| read.path.to_string() == stolen), "{host} {stolen}");
        }
        // Of a set of one's own nobody but its owner can say that it is at hand.
        let own = "/Users/alice/Documents/corp/plan.docx";
        assert_eq!(&*works(X, &["x"], &[own], host, 300_000).alert().rules[0].id, "cw.exfil.app-host");
    }
}

/// A line that names the keys themselves sends them.
#[test]
fn a_line_that_sends_keys_there_is_told() {
    for (file, told) in [
        ("/Users/alice/work/app/.env", true),
        ("/Users/alice/.aws/credentials", true),
        (KEY, true),
        ("/Users/alice/work/app/.env.example", false),
        ("/Users/alice/Downloads/x.png", false),
    ] {
        for host in HOSTS {
            let story =
                works(CURL, &["curl", "-T", file, "https://gate.corp.workers.dev/"], &[], host, 9_000);
            let ids: Vec<&str> = story
                .alerts()
                .last()
                .map(|alert| alert.rules.iter().map(|rule| &*rule.id).collect())
                .unwrap_or_default();
            assert_eq!(ids.contains(&"cw.exfil.app-host-argv"), told, "{file} {host}: {ids:?}");
            assert_eq!(ids.is_empty(), !told, "{file} {host}: {ids:?}");
        }
    }
}

/// An entry names the program that is one's own, and no other.
#[test]
fn ones_own_program_on_a_public_host() {
    let own = "[[allow]]\nname = \"our gate\"\nprocess = { path = \"/private/tmp/x\", unsigned = true }\nsensitive = \"*\"\n\
               services = [\"cloudflare-workers\"]\ntenants = [\"*.corp\"]\nusers = \"*\"\nreason = \"CHG-1\"\n";
    let told = |host: &str| {
        let mut w = World::new();
        w.policy = format!("{CORP}\n{own}");
        let x = w.launch(0.0, X, &["x"]);
        w.open(1.0, &x, KEY);
        w.upload(2.0, &x, host, 40_000);
        w.tell()
    };
    told("gate.corp.workers.dev").none();
    let foreign = told("gate.evil.workers.dev");
    assert_eq!(foreign.alert().tenant_verdict.as_str(), "foreign");
}

/// A rule may say which sets it does not mean, of all or of those that it names.
#[test]
fn sets_that_a_rule_does_not_mean() {
    let told = |sets: &str, path: &str| {
        let rule = format!(
            "[[rule]]\nid = \"acme.any\"\nname = \"x\"\nseverity = \"high\"\nstep = [{{ on = \"read\", {sets} }}, {{ on = \"upload\" }}]\n"
        );
        let mut w = World::new();
        w.policy = format!("{CORP}\n{rule}");
        let x = w.launch(0.0, X, &["x"]);
        w.open(1.0, &x, path);
        w.upload(2.0, &x, "gate.evil.workers.dev", 40_000);
        let told = w.tell();
        told.alerts().iter().any(|alert| alert.rules.iter().any(|rule| &*rule.id == "acme.any"))
    };
    let cloud = "/Users/alice/.aws/credentials";
    for (sets, key, keys_of_clouds) in [
        ("except_sets = [\"ssh-keys\"]", false, true),
        ("except_sets = [\"cloud-keys\"]", true, false),
        ("sets = [\"ssh-keys\", \"cloud-keys\"], except_sets = [\"cloud-keys\"]", true, false),
        ("sets = [\"ssh-keys\"], except_sets = [\"ssh-keys\"]", false, false),
        ("sets = [\"cloud-keys\"]", false, true),
    ] {
        assert_eq!((told(sets, KEY), told(sets, cloud)), (key, keys_of_clouds), "{sets}");
    }
}
