//! A program started for each file: what its runs send adds up, if one process started them all.

use super::world::*;

const ZSH: Program = apple("/bin/zsh", "com.apple.zsh");
const CURL: Program = apple("/usr/bin/curl", "com.apple.curl");
const DROPBOX: &str = "content.dropboxapi.com";
const MEGA: &str = "g.api.mega.co.nz";

/// One run: when it begins, who starts it, what it runs, reads, and sends where.
struct Run<'a> {
    at: f64,
    parent: &'a Proc,
    program: Program,
    file: &'a str,
    bytes: usize,
    host: &'a str,
}

impl Run<'_> {
    fn run(self, w: &mut World) -> Proc {
        let run = w.spawn(self.at, self.parent, self.program, &["up", self.file]);
        w.open(self.at + 0.1, &run, self.file);
        w.upload(self.at + 0.2, &run, self.host, self.bytes);
        w.exit(self.at + 1.0, &run);
        run
    }
}

fn note(n: usize) -> String {
    format!("/Users/alice/Documents/notes/{n}.md")
}

/// Four notes, a run each; `how` makes the nth run another one.
fn loop_of_four(how: impl Fn(usize, &mut Run<'_>)) -> Told {
    let mut w = World::new();
    let shell = w.launch(0.0, ZSH, &["zsh", "sync.sh"]);
    for n in 0..4 {
        let file = note(n);
        let at = 10.0 + 20.0 * n as f64;
        let mut run = Run { at, parent: &shell, program: CURL, file: &file, bytes: 1_200, host: DROPBOX };
        how(n, &mut run);
        run.run(&mut w);
    }
    w.tell()
}

#[test]
fn small_files_of_a_loop_add_up() {
    let told = loop_of_four(|_, _| {});
    let alert = told.alert();
    assert_eq!((alert.reads.len(), alert.flows.len(), alert.count), (4, 4, 1));
    assert!((4_096..6_000).contains(&alert.bytes_out), "{}", alert.bytes_out);
    let mut paths: Vec<_> = alert.reads.iter().map(|read| read.path.to_string()).collect();
    paths.sort();
    assert_eq!(paths, [note(0), note(1), note(2), note(3)]);
}

/// However many there are, each counts once.
#[test]
fn they_go_on_as_one_alert() {
    for runs in [30, 300] {
        let mut w = World::new();
        let shell = w.launch(0.0, ZSH, &["zsh", "sync.sh"]);
        for n in 0..runs {
            let (at, file) = (10.0 + 5.0 * n as f64, note(n));
            Run { at, parent: &shell, program: CURL, file: &file, bytes: 1_200, host: DROPBOX }.run(&mut w);
        }
        let told = w.tell();
        let alert = told.alert();
        assert_eq!(alert.count, runs as u64 - 3, "the first four are one pair");
        assert_eq!(alert.reads.len(), runs.min(64));
        let each = alert.bytes_out / runs as u64;
        assert!((1_200..1_300).contains(&each), "{}", alert.bytes_out);
    }
}

/// Whoever differs in what makes a chain sends alone.
#[test]
fn only_what_is_one_chain_adds_up() {
    loop_of_four(|n, run| {
        if n == 3 {
            run.host = MEGA;
        }
    })
    .none();
    loop_of_four(|n, run| {
        if n == 3 {
            run.program = adhoc("/opt/homebrew/bin/xh", "xh");
        }
    })
    .none();
    loop_of_four(|n, run| {
        if n == 3 {
            run.file = "/usr/share/dict/words";
        }
    })
    .none();
    loop_of_four(|_, run| run.bytes = 800).none();
}

/// A read counts for as long as its window is open.
#[test]
fn what_was_sent_long_before_does_not_add_up() {
    loop_of_four(|n, run| run.at = 10.0 + 600.0 * n as f64).none();
    loop_of_four(|n, run| run.at = 10.0 + 290.0 * n as f64).alert();
}

/// Each of these has a parent of its own, or launchd, which starts everybody.
#[test]
fn strangers_do_not_add_up() {
    let mut w = World::new();
    for n in 0..4 {
        let (at, file) = (10.0 + 20.0 * f64::from(n), note(n as usize));
        let shell = w.launch(at - 1.0, ZSH, &["zsh"]);
        Run { at, parent: &shell, program: CURL, file: &file, bytes: 1_200, host: DROPBOX }.run(&mut w);
        let agent = w.launch(at + 5.0, CURL, &["curl"]);
        w.open(at + 5.1, &agent, &file);
        w.upload(at + 5.2, &agent, MEGA, 1_200);
    }
    w.tell().none();
}

/// What comes in is summed too: a loop that fetches is no upload.
#[test]
fn a_loop_that_downloads_is_none() {
    let mut w = World::new();
    let shell = w.launch(0.0, ZSH, &["zsh", "sync.sh"]);
    for n in 0..8 {
        let at = 10.0 + 5.0 * f64::from(n);
        let run = w.spawn(at, &shell, CURL, &["curl"]);
        w.open(at + 0.1, &run, &note(n as usize));
        let mut conn = w.connect(at + 0.2, &run, DROPBOX, true);
        w.send(at + 0.3, &mut conn, 1_200);
        w.receive(at + 0.4, &mut conn, 30_000);
        w.close(at + 0.8, &mut conn);
        w.exit(at + 1.0, &run);
    }
    w.tell().none();
}

/// Two at a time: it is the one that sends last whose byte crosses.
#[test]
fn runs_beside_each_other_add_up() {
    let mut w = World::new();
    let shell = w.launch(0.0, ZSH, &["zsh", "sync.sh"]);
    let runs: Vec<Proc> = (0..4).map(|_| w.spawn(1.0, &shell, CURL, &["curl"])).collect();
    for (n, run) in runs.iter().enumerate() {
        w.open(2.0, run, &note(n));
    }
    let mut conns: Vec<_> = runs.iter().map(|run| w.connect(3.0, run, DROPBOX, true)).collect();
    for round in 0..4 {
        for conn in &mut conns {
            w.send(4.0 + f64::from(round), conn, 300);
        }
    }
    conns.iter_mut().for_each(|conn| w.close(9.0, conn));
    let told = w.tell();
    let alert = told.alert();
    assert!((4_096..6_000).contains(&alert.bytes_out), "{}", alert.bytes_out);
    assert!(alert.time >= moment(6.0) && alert.time <= moment(8.0), "{:?}", alert.time);
}

/// A run that has ended gives nothing to the next.
#[test]
fn what_one_run_read_another_does_not_send() {
    let mut w = World::new();
    let shell = w.launch(0.0, ZSH, &["zsh"]);
    let reader = w.spawn(1.0, &shell, CURL, &["curl", "-n"]);
    w.open(1.1, &reader, "/Users/alice/.ssh/id_rsa");
    w.exit(2.0, &reader);
    let sender = w.spawn(3.0, &shell, CURL, &["curl", "-T", "build.zip"]);
    w.upload(3.1, &sender, DROPBOX, 90_000);
    w.exit(4.0, &sender);
    w.tell().none();
}
