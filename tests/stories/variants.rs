//! Cases told otherwise: other programs, other spellings, other orders.

use super::world::*;

const ZSH: Program = apple("/bin/zsh", "com.apple.zsh");
const KEY: &str = "/Users/alice/.ssh/id_rsa";
const DROPBOX: &str = "content.dropboxapi.com";

fn tool(name: &'static str) -> Program {
    let path: &'static str = format!("/opt/homebrew/bin/{name}").leak();
    adhoc(path, name)
}

/// `curl -T ~/.ssh/id_rsa` in other words.
#[test]
fn m08_as_other_commands() {
    let lines = include_str!("variants.tsv").lines().filter(|line| !line.starts_with('#'));
    let mut wrong = Vec::new();
    for line in lines {
        let (host, command) = line.split_once('\t').unwrap();
        let words: Vec<&'static str> = command.split(' ').map(|word| &*word.to_owned().leak()).collect();
        let mut w = World::new();
        w.cwd = "/Users/alice";
        let shell = w.launch(0.0, ZSH, &["-zsh"]);
        let p = w.spawn(1.0, &shell, tool(words[0]), &words);
        w.upload(2.0, &p, host, 9_000);
        let told = w.tell();
        let alerts = told.alerts();
        let sure = alerts
            .last()
            .is_some_and(|alert| alert.reads.iter().any(|read| read.evidence.as_str() == "argv"));
        if !sure {
            wrong.push(format!("{command}: {} alerts", alerts.len()));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Whatever language reads and sends by itself.
#[test]
fn m42_in_other_languages() {
    let programs = [
        ("ruby", "-e"),
        ("php", "-r"),
        ("perl", "-e"),
        ("node", "-e"),
        ("deno", "eval"),
        ("bun", "-e"),
        ("lua", "-e"),
        ("swift", "x.swift"),
        ("Rscript", "-e"),
        ("julia", "-e"),
        ("tclsh", "x.tcl"),
        ("pwsh", "-c"),
        ("awk", "x"),
    ];
    for (name, flag) in programs {
        let mut w = World::new();
        let shell = w.launch(0.0, ZSH, &["-zsh"]);
        let p = w.spawn(1.0, &shell, tool(name), &[name, flag, "x"]);
        w.open(1.5, &p, KEY);
        w.upload(2.0, &p, DROPBOX, 9_000);
        w.tell().alert();
    }
}

/// M07 by other shells and filters: only shared pipes join the three.
#[test]
fn m07_by_other_shells() {
    let shells = [
        ["/bin/bash", "xxd", "curl"],
        ["/bin/sh", "gzip", "curl"],
        ["/opt/homebrew/bin/fish", "openssl", "wget"],
        ["/bin/ksh", "split", "rclone"],
        ["/bin/tcsh", "zstd", "aws"],
        ["/opt/homebrew/bin/nu", "uuencode", "python3"],
    ];
    for [shell, filter, sender] in shells {
        let mut w = World::new();
        let shell = w.launch(0.0, adhoc(shell, "sh"), &["sh"]);
        let stages = [("cat", vec![(1, 71)]), (filter, vec![(0, 71), (1, 72)]), (sender, vec![(0, 72)])];
        let mut running = Vec::new();
        for (name, pipes) in stages {
            let child = w.fork(1.0, &shell);
            running.push(w.exec_in(1.1, &child, tool(name), &[name], "null", &pipes, &[]));
        }
        w.open(1.2, &running[0], KEY);
        w.exit(1.3, &running[0]);
        w.upload(2.0, &running[2], DROPBOX, 9_000);
        w.tell().alert();
    }
}

/// M09 and M13 by other tools: whatever they make of it, and whoever picks it up.
#[test]
fn m13_by_other_archivers() {
    let archivers =
        ["zip", "tar", "ditto", "aa", "hdiutil", "age", "gpg", "7zz", "xar", "cpio", "pax", "sqlite3"];
    for name in archivers {
        let mut w = World::new();
        let p = w.launch(0.0, tool(name), &[name]);
        w.open(0.5, &p, KEY);
        w.write(0.6, &p, "/private/var/folders/xy/T/tmp.1");
        w.rename(0.7, &p, "/private/var/folders/xy/T/tmp.1", "/Users/alice/Pictures/cat.heic");
        w.exit(0.8, &p);
        let other = w.launch(600.0, tool("uploader"), &["uploader"]);
        w.open(601.0, &other, "/Users/alice/Pictures/cat.heic");
        w.upload(602.0, &other, DROPBOX, 9_000);
        w.tell().alert();
    }
}

/// Twice staged: an archive of an archive, by two programs that never met.
#[test]
fn m17_through_two_files() {
    let mut w = World::new();
    let a = w.launch(0.0, tool("a"), &["a"]);
    w.open(0.5, &a, KEY);
    w.write(0.6, &a, "/private/tmp/one");
    w.exit(0.7, &a);
    let b = w.launch(3000.0, tool("b"), &["b"]);
    w.open(3000.5, &b, "/tmp/one");
    w.write(3000.6, &b, "/Users/Shared/two");
    w.exit(3000.7, &b);
    let c = w.launch(9000.0, tool("c"), &["c"]);
    w.open(9000.5, &c, "/Users/Shared/two");
    w.upload(9001.0, &c, DROPBOX, 9_000);
    w.tell().alert();
}

/// Benign twins: the same shapes with nothing sensitive in them.
#[test]
fn variants_with_nothing_sensitive() {
    for path in
        ["/Users/alice/.ssh/id_rsa.pub", "/Users/alice/Pictures/cat.heic", "/etc/hosts", "/tmp/id_rsa"]
    {
        let mut w = World::new();
        let p = w.launch(0.0, tool("curl"), &["curl", "-T", path, "https://transfer.sh/x"]);
        w.open(0.5, &p, path);
        w.write(0.6, &p, "/private/tmp/x");
        w.upload(1.0, &p, "transfer.sh", 90_000);
        w.tell().none();
    }
}
