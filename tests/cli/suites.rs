//! `cloudward test`: the tests that ship pass, and each of them would fail if the verdict were another.

use std::path::Path;
use std::sync::Arc;

use cloudward::cli::scenario;
use cloudward::config::suite::{self, Suite, Verdict};
use cloudward::config::{self, Origin, Source};

use super::cloudward;

const SHIPPED: [&str; 4] = [
    "config/tests/shipped.toml",
    "config/tests/keychain.toml",
    "config/tests/apps.toml",
    "config/tests/loot.toml",
];

fn shipped() -> [Suite; 4] {
    SHIPPED.map(|name| {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
        let (suite, diagnostics) = suite::read(&config::read_source(&path).unwrap());
        assert_eq!(diagnostics, []);
        suite
    })
}

#[test]
fn what_ships_passes() {
    for (name, suite) in SHIPPED.into_iter().zip(shipped()) {
        let (out, err, status) = cloudward(&["test", &format!("../../../{name}")]);
        assert_eq!((status, err.as_str()), (0, ""), "{out}");
        assert_eq!(out.lines().filter(|line| line.starts_with("  ok ")).count(), suite.tests.len());
    }
}

/// A policy that sees nothing fails every test that expects an alert, and none that expects silence.
#[test]
fn what_ships_asks_something_of_the_policy() {
    let blind = config::load(&[Source::new(Origin::File, "blind", "[builtin]\ndisable = [\"*\"]")]).0;
    for suite in shipped() {
        for test in &suite.tests {
            let got = scenario::play(&blind.policy, test).verdict();
            assert_eq!(got, Some(Verdict::None), "{}", test.name);
        }
        let alerts = suite.tests.iter().filter(|test| test.expected.verdict == Verdict::Alert).count();
        assert!(alerts >= 5 && suite.tests.len() - alerts >= 5);
    }
}

/// Without its allowances the built-in policy alerts on the stories that only they keep quiet.
#[test]
fn allowances_are_what_keeps_their_stories_quiet() {
    let names = [
        "own-data",
        "auth-readers",
        "certificate-lists",
        "keyring-helpers",
        "keychain-apps",
        "editors",
        "editors-code-hosts",
        "terminals",
        "tools-in-homes",
        "tools-in-projects",
        "infrastructure-providers",
        "browser-imports",
        "browsers-documents",
        "whatsapp-documents",
        "notion-documents",
        "adobe-documents",
        "git-clients",
        "security-agents",
        "icloud-daemons",
        "icloud-apps",
    ];
    let text = format!("[builtin]\ndisable = {names:?}");
    let strict = config::load(&[Source::new(Origin::File, "strict", text)]).0.policy;
    let loud = |test: &&suite::Test| scenario::play(&strict, test).verdict() != Some(Verdict::None);
    let [suite, keychain, apps, loot] = shipped();
    let changed = |suite: &Suite| {
        let quiet = suite.tests.iter().filter(|test| test.expected.verdict == Verdict::None);
        quiet.filter(loud).map(|test| test.name.clone()).collect::<Vec<String>>()
    };
    assert_eq!(
        changed(&suite),
        [
            "a browser reads its own passwords and syncs them",
            "somebody attaches a document in a browser",
            "a password manager reads its own vault",
            "ssh reads a key in order to use it",
            "Desktop and Documents in iCloud",
        ]
    );
    let quiet = keychain.tests.iter().filter(|test| test.expected.verdict == Verdict::None);
    assert_eq!(changed(&keychain).len(), quiet.count());
    // Of the apps one story is quiet because of what `documents` leaves out.
    let quiet = apps.tests.iter().filter(|test| test.expected.verdict == Verdict::None);
    assert_eq!(changed(&apps).len() + 1, quiet.count());
    assert_eq!(
        changed(&loot),
        [
            "browsers open them at every start",
            "Atlas reads its own",
            "VPNs read their own, and carry what others send",
            "who saves a phone, who chats, and a picture from a chat that goes elsewhere",
            "each tool uses its own",
            "each of them opens its own",
        ]
    );
}

#[test]
fn the_example_of_the_help_is_good() {
    let (help, _, _) = cloudward(&["test", "--help"]);
    let text = help.split("A file of tests:").nth(1).unwrap().split("A step is done").next().unwrap();
    let (suite, diagnostics) = suite::read(&Source::new(Origin::File, "help", text));
    assert_eq!(diagnostics, []);
    let policy = Arc::clone(&config::default_settings().policy);
    let verdict = scenario::play(&policy, &suite.tests[0]).verdict();
    assert_eq!(verdict, Some(suite.tests[0].expected.verdict));
}

/// However bad a file is, it is told and nothing worse happens.
#[test]
fn bad_files_are_told() {
    for text in
        ["", "test = 1", "[[test]]", "program = []", "[program]\nx = 1", "\u{0}", "[[test]]\nname = 1"]
    {
        let (_, diagnostics) = suite::read(&Source::new(Origin::File, "bad", text));
        assert!(!diagnostics.is_empty(), "{text:?}");
    }
}

#[test]
fn what_is_learned_can_be_checked_and_used() {
    let recording = [
        "--events",
        "../../recordings/demo/events.ndjson.gz",
        "--capture",
        "../../recordings/demo/capture.pcap.gz",
    ];
    let (text, _, status) = cloudward(&[&["learn"], &recording[..]].concat());
    assert_eq!(status, 0);
    let (settings, diagnostics) = config::load(&[Source::new(Origin::File, "learned", text.clone())]);
    assert_eq!(diagnostics, [], "{text}");
    assert!(settings.policy.allow.entries().iter().any(|entry| !entry.builtin), "{text}");
    // With it in force there is nothing more to learn but what it refused.
    let path = std::path::PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("learned.toml");
    std::fs::write(&path, text).unwrap();
    let again = cloudward(&[&["learn", "--config", path.to_str().unwrap()], &recording[..]].concat()).0;
    assert!(
        again.starts_with("# 0 entries proposed from 1 alert.") && again.contains("NOT PROPOSED"),
        "{again}"
    );
}

#[test]
fn every_verb_teaches_by_example() {
    let (help, _, _) = cloudward(&["--help"]);
    let verbs =
        help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    let verbs: Vec<&str> = verbs.filter_map(|line| line.split_whitespace().next()).collect();
    assert!(verbs.len() >= 9, "{help}");
    for verb in verbs.into_iter().filter(|verb| *verb != "help") {
        let (text, _, status) = cloudward(&[verb, "--help"]);
        assert_eq!(status, 0);
        assert!(text.contains(&format!("cloudward {verb}")) && text.lines().count() > 6, "{text}");
    }
}

#[test]
fn completions_and_the_manual_know_every_verb() {
    for shell in ["bash", "zsh", "fish"] {
        let (text, _, status) = cloudward(&["completions", shell]);
        assert!(status == 0 && text.contains("explain") && text.contains("signing-id"), "{shell}");
    }
    let (page, _, _) = cloudward(&["man"]);
    assert!(page.contains(".TH cloudward 1") && page.contains("cloudward\\-explain(1)"), "{page}");
    let folder = std::path::PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("man1");
    std::fs::create_dir_all(&folder).unwrap();
    assert_eq!(cloudward(&["man", "--dir", folder.to_str().unwrap()]).2, 0);
    assert!(
        std::fs::read_to_string(folder.join("cloudward-explain.1")).unwrap().contains("Would this alert?")
    );
}

/// The name of a test is text of a file that may come from elsewhere.
#[test]
fn names_of_tests_are_shown_and_not_obeyed() {
    for (verdict, passes) in [("NONE", "ok"), ("ALERT", "FAIL")] {
        let text = format!(
            "[program]\nx = {{ path = \"/tmp/x\", ad_hoc = true }}\n\
             [[test]]\nname = \"a\\u001b[2J\\u202eb\"\nevents = [{{ by = \"x\", reads = \"~/.ssh/id_rsa\" }}]\n\
             expect = \"{verdict}\"\n"
        );
        let file = super::Temporary::new(&format!("{passes}.toml"), text.as_bytes());
        let (out, err, _) = cloudward(&["test", file.path()]);
        assert!(out.contains(passes) && out.contains("a\\u{1b}[2J\\u{202e}b"), "{out:?} {err:?}");
        assert!(!out.contains(['\u{1b}', '\u{202e}']), "{out:?}");
    }
}
