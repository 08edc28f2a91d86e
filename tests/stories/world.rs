//! A small Mac on paper: tells a story as eslogger lines and PKTAP packets, and asks the program what it makes of it.
//!
//! Lines and packets are synthesised in the recorded forms and go through the same door as `cloudward replay`.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Cursor;
use std::sync::{Arc, Mutex};

use cloudward::config::{self, Level, Origin, Source};
use cloudward::daemon::replay::Replay;
use cloudward::engine::Engine;
use cloudward::engine::order::{Order, SourceRank};
use cloudward::model::{Alert, Confidence, Coverage, Input, Record, Span, Timestamp};
use cloudward::net::{Limits, Tap};
use cloudward::policy::Policy;
use cloudward::sensor::audit::Audit;
use cloudward::sensor::capture::CaptureReader;
use cloudward::sensor::eslogger::Decoder;
use cloudward::sensor::gate::PolicyGate;
use cloudward::sensor::lines::Lines;

pub use super::wire::Conn;
use super::wire::*;

pub const CORP: &str = include_str!("../cases/corp.toml");
/// Story time zero, in seconds since the epoch.
pub const EPOCH: i64 = 1_767_225_600;

/// A program on that Mac.
#[derive(Clone, Copy, Debug)]
pub struct Program {
    pub path: &'static str,
    pub signing_id: &'static str,
    pub team: Option<&'static str>,
    pub platform: bool,
    pub flags: u32,
}

pub const fn apple(path: &'static str, signing_id: &'static str) -> Program {
    Program { path, signing_id, team: None, platform: true, flags: 0x2601_4a01 }
}

pub const fn vendor(path: &'static str, signing_id: &'static str, team: &'static str) -> Program {
    Program { path, signing_id, team: Some(team), platform: false, flags: 0x2201_0301 }
}

pub const fn adhoc(path: &'static str, signing_id: &'static str) -> Program {
    Program { path, signing_id, team: None, platform: false, flags: 0x2202_0203 }
}

/// A running process: pid, version and image.
#[derive(Clone, Copy, Debug)]
pub struct Proc {
    pub pid: i32,
    version: u32,
    parent: (i32, u32),
    pub program: Program,
    born: f64,
    uid: u32,
    /// Whom macOS holds responsible; the parent if nothing else is said.
    responsible: Option<(i32, u32)>,
}

#[derive(Default)]
pub struct World {
    lines: Vec<(f64, String)>,
    packets: Vec<(f64, Vec<u8>)>,
    next_pid: i32,
    version: u32,
    seq: u64,
    port: u16,
    inode: u64,
    pub policy: String,
    /// What clouds' audit logs say, an export each.
    pub audits: Vec<String>,
    /// When the wall clock was set back, and by how many seconds.
    pub set_back: Option<(f64, f64)>,
    /// Where processes are started.
    pub cwd: &'static str,
}

impl World {
    pub fn new() -> Self {
        Self {
            next_pid: 500,
            version: 1000,
            port: 50_000,
            inode: 1 << 33,
            policy: CORP.to_owned(),
            cwd: "/Users/alice",
            ..Self::default()
        }
    }

    fn key(&mut self) -> u32 {
        self.version += 1;
        self.version
    }

    /// A process started by launchd, fork and exec seen.
    pub fn launch(&mut self, at: f64, program: Program, args: &[&str]) -> Proc {
        let launchd = Proc {
            pid: 1,
            version: 1,
            parent: (0, 0),
            program: apple("/sbin/launchd", "com.apple.xpc.launchd"),
            born: -9e4,
            uid: 0,
            responsible: None,
        };
        let child = self.fork(at, &launchd);
        self.exec(at + 0.001, &Proc { uid: 501, ..child }, program, args)
    }

    /// The same for another user.
    pub fn launch_as(&mut self, at: f64, uid: u32, program: Program, args: &[&str]) -> Proc {
        let launched = self.launch(at, program, args);
        for (_, line) in self.lines.iter_mut().rev().take(2) {
            *line = line.replace("\"euid\":501,\"ruid\":501", &format!("\"euid\":{uid},\"ruid\":{uid}"));
        }
        Proc { uid, ..launched }
    }

    /// Connects to a Unix socket.
    pub fn ask_socket(&mut self, at: f64, who: &Proc, path: &str) {
        let body = format!(
            "\"uipc_connect\":{{\"file\":{},\"domain\":1,\"type\":1,\"protocol\":0}}",
            file(path, 0, 1)
        );
        self.event(at, who, 78, &body);
    }

    /// A service that launchd starts for an app.
    pub fn launch_for(&mut self, at: f64, app: &Proc, program: Program, args: &[&str]) -> Proc {
        let launchd = Proc { pid: 1, version: 1, parent: (0, 0), uid: 0, ..*app };
        let child = self.fork(at, &launchd);
        let responsible = Some((app.pid, app.version));
        self.exec(at + 0.001, &Proc { uid: app.uid, responsible, ..child }, program, args)
    }

    /// A child for which another process is responsible.
    pub fn spawn_for(&mut self, at: f64, parent: &Proc, app: &Proc, program: Program, args: &[&str]) -> Proc {
        let child = self.fork(at, parent);
        let responsible = Some((app.pid, app.version));
        self.exec(at + 0.001, &Proc { responsible, ..child }, program, args)
    }

    pub fn fork(&mut self, at: f64, parent: &Proc) -> Proc {
        self.next_pid += 1;
        let child = Proc {
            pid: self.next_pid,
            version: self.key(),
            parent: (parent.pid, parent.version),
            born: at,
            ..*parent
        };
        let body = format!("\"fork\":{{\"child\":{}}}", process(&child));
        self.event(at, parent, 11, &body);
        child
    }

    pub fn exec(&mut self, at: f64, old: &Proc, program: Program, args: &[&str]) -> Proc {
        self.exec_in(at, old, program, args, "null", &[], &["HOME=/Users/alice", "USER=alice"])
    }

    /// A child that runs another program.
    pub fn spawn(&mut self, at: f64, parent: &Proc, program: Program, args: &[&str]) -> Proc {
        let child = self.fork(at, parent);
        self.exec(at + 0.001, &child, program, args)
    }

    #[expect(clippy::too_many_arguments, reason = "an exec event has that many parts")]
    pub fn exec_in(
        &mut self,
        at: f64,
        old: &Proc,
        program: Program,
        args: &[&str],
        script: &str,
        pipes: &[(i32, u64)],
        env: &[&str],
    ) -> Proc {
        let new = Proc { version: self.key(), program, ..*old };
        let list = |items: &[&str]| items.iter().map(|item| quoted(item)).collect::<Vec<_>>().join(",");
        let fds: Vec<String> = (0..3)
            .map(|fd| match pipes.iter().find(|(other, _)| *other == fd) {
                Some((_, id)) => format!("{{\"fd\":{fd},\"fdtype\":6,\"pipe\":{{\"pipe_id\":{id}}}}}"),
                None => format!("{{\"fd\":{fd},\"fdtype\":1}}"),
            })
            .collect();
        let script = if script == "null" { "null".to_owned() } else { file(script, 0, 1) };
        let body = format!(
            "\"exec\":{{\"target\":{},\"args\":[{}],\"env\":[{}],\"cwd\":{},\"script\":{script},\"fds\":[{}],\"last_fd\":2,\"dyld_exec_path\":{},\"image_cputype\":16777228,\"image_cpusubtype\":-2147483646}}",
            process(&new),
            list(args),
            list(env),
            file(self.cwd, 0, 1),
            fds.join(","),
            quoted(program.path)
        );
        self.event(at, old, 9, &body);
        new
    }

    /// A child under a pid of the past.
    pub fn spawn_pid(&mut self, at: f64, parent: &Proc, pid: i32, program: Program, args: &[&str]) -> Proc {
        let next = std::mem::replace(&mut self.next_pid, pid - 1);
        let child = self.spawn(at, parent, program, args);
        self.next_pid = next;
        child
    }

    pub fn exit(&mut self, at: f64, who: &Proc) {
        self.event(at, who, 15, "\"exit\":{\"stat\":0}");
    }

    pub fn open(&mut self, at: f64, who: &Proc, path: &str) {
        self.open_flags(at, who, path, 1);
    }

    pub fn open_flags(&mut self, at: f64, who: &Proc, path: &str, flags: u32) {
        self.inode += 1;
        let body = format!("\"open\":{{\"fflag\":{flags},\"file\":{}}}", file(path, self.inode, 1));
        self.event(at, who, 10, &body);
    }

    pub fn open_inode(&mut self, at: f64, who: &Proc, path: &str, inode: u64) {
        let body = format!("\"open\":{{\"fflag\":1,\"file\":{}}}", file(path, inode, 2));
        self.event(at, who, 10, &body);
    }

    /// Opens a named pipe.
    pub fn open_fifo(&mut self, at: f64, who: &Proc, (path, inode): (&str, u64), flags: u32) {
        let fifo = file(path, inode, 1).replace("\"st_mode\":33188", "\"st_mode\":4516");
        let body = format!("\"open\":{{\"fflag\":{flags},\"file\":{fifo}}}");
        self.event(at, who, 10, &body);
    }

    /// Creates a file, writes it and closes it.
    pub fn write(&mut self, at: f64, who: &Proc, path: &str) {
        self.inode += 1;
        self.write_inode(at, who, path, self.inode);
    }

    /// Creates this file, writes it and closes it.
    pub fn write_inode(&mut self, at: f64, who: &Proc, path: &str, inode: u64) {
        self.create(at, who, path);
        self.close_changed(at + 0.01, who, path, inode);
    }

    /// Gives a file an extended attribute.
    pub fn set_attribute(&mut self, at: f64, who: &Proc, (path, inode): (&str, u64), name: &str) {
        let target = file(path, inode, 1);
        let body = format!("\"setextattr\":{{\"target\":{target},\"extattr\":{}}}", quoted(name));
        self.event(at, who, 27, &body);
    }

    pub fn create(&mut self, at: f64, who: &Proc, path: &str) {
        let (dir, name) = path.rsplit_once('/').unwrap();
        let created = format!(
            "\"create\":{{\"destination_type\":1,\"destination\":{{\"new_path\":{{\"dir\":{},\"filename\":{},\"mode\":420}}}},\"acl\":null}}",
            file(dir, 0, 1),
            quoted(name)
        );
        self.event(at, who, 13, &created);
    }

    /// Opens a file that there is, writes it and closes it.
    pub fn rewrite(&mut self, at: f64, who: &Proc, path: &str, inode: u64, flags: u32) {
        let body = format!("\"open\":{{\"fflag\":{flags},\"file\":{}}}", file(path, inode, 1));
        self.event(at, who, 10, &body);
        self.close_changed(at + 0.01, who, path, inode);
    }

    pub fn close_changed(&mut self, at: f64, who: &Proc, path: &str, inode: u64) {
        let closed = format!(
            "\"close\":{{\"modified\":true,\"target\":{},\"was_mapped_writable\":false}}",
            file(path, inode, 1)
        );
        self.event(at, who, 12, &closed);
    }

    /// The name that it gets was that of `replaced`, if that is one.
    pub fn rename_inode(
        &mut self,
        at: f64,
        who: &Proc,
        (from, inode): (&str, u64),
        to: &str,
        replaced: Option<u64>,
    ) {
        let (dir, name) = to.rsplit_once('/').unwrap();
        let destination = match replaced {
            Some(replaced) => format!("\"existing_file\":{}", file(to, replaced, 1)),
            None => format!("\"new_path\":{{\"dir\":{},\"filename\":{}}}", file(dir, 0, 1), quoted(name)),
        };
        let kind = u8::from(replaced.is_none());
        let body = format!(
            "\"rename\":{{\"source\":{},\"destination_type\":{kind},\"destination\":{{{destination}}}}}",
            file(from, inode, 1)
        );
        self.event(at, who, 25, &body);
    }

    pub fn rename(&mut self, at: f64, who: &Proc, from: &str, to: &str) {
        let (dir, name) = to.rsplit_once('/').unwrap();
        let body = format!(
            "\"rename\":{{\"source\":{},\"destination_type\":1,\"destination\":{{\"new_path\":{{\"dir\":{},\"filename\":{}}}}}}}",
            file(from, 0, 1),
            file(dir, 0, 1),
            quoted(name)
        );
        self.event(at, who, 25, &body);
    }

    /// The same for a folder.
    pub fn rename_folder(&mut self, at: f64, who: &Proc, from: &str, to: &str) {
        self.rename(at, who, from, to);
        self.as_folder();
    }

    /// A folder is copied by the system: `clone` or `copyfile`.
    pub fn copy_folder(&mut self, at: f64, who: &Proc, kind: &str, from: &str, to: &str) {
        let (dir, name) = to.rsplit_once('/').unwrap();
        let number = if kind == "clone" { 61 } else { 110 };
        let body = format!(
            "\"{kind}\":{{\"source\":{},\"target_dir\":{},\"target_name\":{}}}",
            file(from, 0, 1),
            file(dir, 0, 1),
            quoted(name)
        );
        self.event(at, who, number, &body);
        self.as_folder();
    }

    /// A symbolic link, told of when it is there.
    pub fn symlink(&mut self, at: f64, who: &Proc, path: &str) {
        let body = format!(
            "\"create\":{{\"destination_type\":0,\"destination\":{{\"existing_file\":{}}},\"acl\":null}}",
            file(path, 77, 1).replace("\"st_mode\":33188", "\"st_mode\":41453")
        );
        self.event(at, who, 13, &body);
    }

    /// The last event spoke of a folder.
    fn as_folder(&mut self) {
        if let Some((_, line)) = self.lines.last_mut() {
            *line = line.replacen("\"st_mode\":33188", "\"st_mode\":16877", usize::MAX);
        }
    }

    /// A volume appears.
    pub fn mount(&mut self, at: f64, who: &Proc, on: &str) {
        self.mount_from(at, who, "/dev/disk5s1", on);
    }

    pub fn mount_from(&mut self, at: f64, who: &Proc, from: &str, on: &str) {
        let body = format!(
            "\"mount\":{{\"statfs\":{{\"f_mntfromname\":{},\"f_mntonname\":{},\"f_fstypename\":\"apfs\"}},\"disposition\":1}}",
            quoted(from),
            quoted(on)
        );
        self.event(at, who, 22, &body);
    }

    pub fn link(&mut self, at: f64, who: &Proc, from: &str, to: &str, inode: u64) {
        let (dir, name) = to.rsplit_once('/').unwrap();
        let body = format!(
            "\"link\":{{\"source\":{},\"target_dir\":{},\"target_filename\":{}}}",
            file(from, inode, 2),
            file(dir, 0, 1),
            quoted(name)
        );
        self.event(at, who, 19, &body);
    }

    pub fn invalidated(&mut self, at: f64, who: &Proc) {
        self.event(at, who, 94, "\"cs_invalidated\":{}");
    }

    pub fn injects(&mut self, at: f64, who: &Proc, other: &Proc) {
        let body =
            format!("\"remote_thread_create\":{{\"target\":{},\"thread_state\":null}}", process(other));
        self.event(at, who, 97, &body);
    }

    /// The last program that was started is one for Intel processors.
    pub fn translated(&mut self) {
        if let Some((_, line)) = self.lines.last_mut() {
            *line = line
                .replace("\"image_cputype\":16777228", "\"image_cputype\":16777223")
                .replace("\"image_cpusubtype\":-2147483646", "\"image_cpusubtype\":3");
        }
    }

    /// A recording that was made without fork events.
    pub fn forget_forks(&mut self) {
        self.lines.retain(|(_, line)| !line.contains("\"event_type\":11,"));
    }

    /// The kernel drops some events: their numbers are missing.
    pub fn lose(&mut self, events: u64) {
        self.seq += events;
    }

    /// An open that another product's client refused.
    pub fn open_refused(&mut self, at: f64, who: &Proc, path: &str) {
        self.open(at, who, path);
        if let Some((_, line)) = self.lines.last_mut() {
            *line = line.replace(
                "\"result\":{\"auth\":0},\"result_type\":0",
                "\"result\":{\"flags\":0},\"result_type\":1",
            );
        }
    }

    /// A path so long that the system cut it.
    pub fn open_cut(&mut self, at: f64, who: &Proc, path: &str) {
        self.open(at, who, path);
        if let Some((_, line)) = self.lines.last_mut() {
            let cut = line.replacen("\"path_truncated\":false", "\"path_truncated\":true", usize::MAX);
            *line = cut;
        }
    }

    /// From here on packets name no owner.
    pub fn disown(conn: &mut Conn) -> i32 {
        std::mem::replace(&mut conn.pid, -1)
    }

    /// What a clock on the wall says then.
    fn wall(&self, at: f64) -> f64 {
        self.set_back.filter(|(from, _)| at >= *from).map_or(at, |(_, by)| at - by)
    }

    /// Any event, by its body: `"name":{...}`.
    pub fn event(&mut self, at: f64, who: &Proc, kind: u32, body: &str) {
        self.seq += 1;
        let line = format!(
            "{{\"schema_version\":1,\"version\":10,\"time\":\"{}\",\"mach_time\":{},\"event_type\":{kind},\"action_type\":1,\"action\":{{\"result\":{{\"result\":{{\"auth\":0}},\"result_type\":0}}}},\"seq_num\":0,\"global_seq_num\":{},\"thread\":{{\"thread_id\":7}},\"process\":{},\"event\":{{{body}}}}}\n",
            stamp(self.wall(at)),
            self.seq,
            self.seq,
            process(who)
        );
        self.lines.push((at, line));
    }

    /// A DNS answer for `host`, seen on the wire for `who`.
    pub fn resolve(&mut self, at: f64, who: &Proc, host: &str) {
        self.answer(at, who, host, None);
    }

    /// The same where `host` is an alias.
    pub fn resolve_alias(&mut self, at: f64, who: &Proc, host: &str, end: &str) {
        self.answer(at, who, host, Some(end));
    }

    fn answer(&mut self, at: f64, who: &Proc, host: &str, alias: Option<&str>) {
        let (client, server) = ((v4([192, 168, 1, 23]), 53_111), (v4([192, 168, 1, 1]), 53));
        let ask = Conn::new(who, client, server, false);
        let name = dns_name(host);
        let mut query = vec![0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
        query.extend_from_slice(&name);
        query.extend_from_slice(&[0, 1, 0, 1]);
        let mut answer = query.clone();
        answer[2..4].copy_from_slice(&[0x81, 0x80]);
        answer[7] = 1 + u8::from(alias.is_some());
        let mut owner = vec![0xc0, 12];
        if let Some(end) = alias {
            let end = dns_name(end);
            answer.extend_from_slice(&[0xc0, 12, 0, 5, 0, 1, 0, 0, 0, 60, 0, end.len() as u8]);
            answer.extend_from_slice(&end);
            owner = end;
        }
        answer.extend_from_slice(&owner);
        answer.extend_from_slice(&[0, 1, 0, 1, 0, 0, 0, 60, 0, 4]);
        answer.extend_from_slice(&address(host)[12..]);
        self.packets.push((at, ask.frame(true, 17, &query, 0)));
        self.packets.push((at + 0.01, ask.frame(false, 17, &answer, 0)));
    }

    /// TCP and TLS 1.3 handshake to `host` on 443. `sni` false leaves the name out.
    pub fn connect(&mut self, at: f64, who: &Proc, host: &str, sni: bool) -> Conn {
        self.connect_to(at, who, host, sni.then_some(host), false)
    }

    pub fn connect_to(&mut self, at: f64, who: &Proc, host: &str, sni: Option<&str>, v6: bool) -> Conn {
        let mut conn = self.dial(who, host, v6);
        self.tcp(at, &mut conn, true, 2, &[]);
        self.tcp(at + 0.001, &mut conn, false, 18, &[]);
        self.tcp(at + 0.002, &mut conn, true, 16, &[]);
        self.greet(at, &mut conn, sni);
        conn
    }

    /// A connection for whose bytes the capture names another process, too: `effective`.
    pub fn connect_for(&mut self, at: f64, who: &Proc, effective: &Proc, host: &str) -> Conn {
        let mut conn = self.dial(who, host, false);
        conn.effective = Some(effective.pid);
        self.handshake(at, &mut conn, Some(host));
        conn
    }

    /// Opens a connection that was dialled, TLS included.
    pub fn handshake(&mut self, at: f64, conn: &mut Conn, sni: Option<&str>) {
        self.tcp(at, conn, true, 2, &[]);
        self.tcp(at + 0.001, conn, false, 18, &[]);
        self.greet(at, conn, sni);
    }

    /// The TLS handshake.
    pub fn greet(&mut self, at: f64, conn: &mut Conn, sni: Option<&str>) {
        let hello = hello(sni);
        self.tcp(at + 0.003, conn, true, 24, &hello);
        let mut reply = record(22, &[2, 0, 0, 0]);
        reply.extend_from_slice(&record(23, &[0; 1200]));
        self.tcp(at + 0.01, conn, false, 24, &reply);
    }

    /// The ends of a new connection to port 443.
    pub fn dial(&mut self, who: &Proc, host: &str, v6: bool) -> Conn {
        self.port += 1;
        let client = if v6 { *b"\xfd\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x23" } else { v4([192, 168, 1, 23]) };
        let server = if v6 { v6_address(host) } else { address(host) };
        let (client, server) = ((client, self.port), (server, 443));
        Conn::new(who, client, server, v6)
    }

    /// A connection whose packets name no process.
    pub fn connect_unowned(&mut self, at: f64, who: &Proc, host: &str) -> Conn {
        let before = self.packets.len();
        let mut conn = self.connect(at, who, host, true);
        World::disown(&mut conn);
        for (_, packet) in &mut self.packets[before..] {
            packet[52..56].copy_from_slice(&(-1i32).to_le_bytes());
        }
        conn
    }

    /// A real IPv4 conversation, recorded elsewhere, as if `who` had had it here. `client` is its own side.
    pub fn relive(&mut self, at: f64, who: &Proc, capture: &[u8], client: [u8; 4]) {
        for (since, frame) in frames(capture) {
            let out = frame[26..30] == client;
            self.packets.push((at + since, packet_tap(who.pid, &comm(who), out, false, &frame)));
        }
    }

    /// A connection from one process to another of this Mac.
    pub fn connect_local(&mut self, at: f64, client: &Proc, server: &Proc, port: u16) -> Conn {
        self.port += 1;
        let here = v4([127, 0, 0, 1]);
        let mut conn = Conn::new(client, (here, self.port), (here, port), false);
        (conn.server_pid, conn.interface) = (Some(server.pid), "lo0");
        self.tcp(at, &mut conn, true, 2, &[]);
        self.tcp(at + 0.000_1, &mut conn, false, 18, &[]);
        self.tcp(at + 0.000_2, &mut conn, true, 16, &[]);
        conn
    }

    /// Bytes without TLS.
    pub fn plain(&mut self, at: f64, conn: &mut Conn, out: bool, bytes: &[u8]) -> f64 {
        let mut now = at;
        for segment in bytes.chunks(1400) {
            self.tcp(now, conn, out, 24, segment);
            now += 0.000_14;
        }
        now
    }

    /// Datagrams from `who` to `host`, a millisecond apart, on an interface.
    pub fn datagrams(&mut self, at: f64, who: &Proc, host: &str, interface: &str, payloads: &[Vec<u8>]) {
        let mut conn = self.dial(who, host, false);
        conn.server.1 = 3478;
        for (index, payload) in payloads.iter().enumerate() {
            let mut frame = conn.frame(true, 17, payload, 0);
            frame[12..36].fill(0);
            frame[12..12 + interface.len()].copy_from_slice(interface.as_bytes());
            self.packets.push((at + index as f64 / 1000.0, frame));
        }
    }

    /// The packets so far, behind headers of the second layout.
    pub fn second_layout(&mut self) {
        for (_, packet) in &mut self.packets {
            let mut header = vec![0u8; 40];
            let text = |at: usize| packet[at..].iter().copied().take_while(|byte| *byte != 0).chain([0]);
            for (slot, from) in [(3, 12), (4, 56)] {
                header[slot] = header.len() as u8;
                header.extend(text(from));
            }
            header[0] = header.len() as u8;
            header[6] = packet[8];
            header[28..32].copy_from_slice(&packet[52..56]);
            header[32..36].copy_from_slice(&packet[84..88]);
            header[36] = packet[36];
            header[38] = 8;
            header.extend_from_slice(&packet[156..]);
            *packet = header;
        }
    }

    /// The tap tells of a packet that the kernel dropped.
    pub fn drop_record(&mut self, at: f64) {
        let mut header = vec![0u8; 156];
        header[..4].copy_from_slice(&156u32.to_le_bytes());
        header[4] = 2;
        self.packets.push((at, header));
    }

    /// A SYN that nobody answers.
    pub fn syn(&mut self, at: f64, who: &Proc, host: &str, v6: bool) {
        let mut conn = self.dial(who, host, v6);
        self.tcp(at, &mut conn, true, 2, &[]);
    }

    /// Application data out, in records of up to 16 KiB and segments of up to 1,400 bytes, at 10 MB/s.
    pub fn send(&mut self, at: f64, conn: &mut Conn, bytes: usize) -> f64 {
        self.data(at, conn, true, bytes)
    }

    pub fn receive(&mut self, at: f64, conn: &mut Conn, bytes: usize) -> f64 {
        self.data(at, conn, false, bytes)
    }

    fn data(&mut self, at: f64, conn: &mut Conn, out: bool, bytes: usize) -> f64 {
        let mut stream = Vec::new();
        let mut left = bytes;
        while left > 0 {
            let size = left.min(16_000);
            stream.extend_from_slice(&record(23, &vec![0x5a; size]));
            left -= size;
        }
        let mut now = at;
        for segment in stream.chunks(1400) {
            self.tcp(now, conn, out, 24, segment);
            now += 0.000_14;
        }
        now
    }

    pub fn close(&mut self, at: f64, conn: &mut Conn) {
        self.tcp(at, conn, true, 17, &[]);
        self.tcp(at + 0.001, conn, false, 17, &[]);
        self.tcp(at + 0.002, conn, true, 16, &[]);
    }

    /// Connects, sends, gets a short answer, closes.
    pub fn upload(&mut self, at: f64, who: &Proc, host: &str, bytes: usize) {
        let mut conn = self.connect(at, who, host, true);
        let end = self.send(at + 0.05, &mut conn, bytes);
        self.receive(end + 0.01, &mut conn, 300);
        self.close(end + 0.02, &mut conn);
    }

    fn tcp(&mut self, at: f64, conn: &mut Conn, out: bool, flags: u8, payload: &[u8]) {
        let frame = conn.frame(out, 6, payload, flags);
        let step = payload.len() as u32 + u32::from(flags & 3 != 0);
        if out {
            conn.seq += step
        } else {
            conn.ack += step
        }
        self.packets.push((at, frame));
    }

    /// Both recordings as bytes, in the order of their times.
    pub fn recordings(&self) -> (Vec<u8>, Vec<u8>) {
        let mut lines = self.lines.clone();
        lines.sort_by(|a, b| a.0.total_cmp(&b.0));
        let mut packets = self.packets.clone();
        packets.sort_by(|a, b| a.0.total_cmp(&b.0));
        packets.iter_mut().for_each(|(at, _)| *at = self.wall(*at));
        (lines.into_iter().flat_map(|(_, line)| line.into_bytes()).collect(), pcap(&packets))
    }

    /// The lines in another order of arrival.
    pub fn shuffled_lines(&self, shuffle: impl Fn(&mut Vec<(f64, String)>)) -> Vec<u8> {
        let mut lines = self.lines.clone();
        lines.sort_by(|a, b| a.0.total_cmp(&b.0));
        shuffle(&mut lines);
        lines.into_iter().flat_map(|(_, line)| line.into_bytes()).collect()
    }

    /// Reorders packets as they stand in the recording; tell it with [`Self::tell_as_recorded`].
    pub fn shuffle_packets(&mut self, shuffle: impl Fn(&mut Vec<(f64, Vec<u8>)>)) {
        self.packets.sort_by(|a, b| a.0.total_cmp(&b.0));
        shuffle(&mut self.packets);
    }

    /// Packets in the order they were recorded in.
    pub fn tell_as_recorded(&self) -> Told {
        let (events, _) = self.recordings();
        play(&self.policy, vec![events], vec![pcap(&self.packets)], &self.audits)
    }

    pub fn tell(&self) -> Told {
        let (events, capture) = self.recordings();
        super::restart::says_the_same(&self.policy, &events, &capture, &self.audits);
        play(&self.policy, vec![events], vec![capture], &self.audits)
    }

    /// Packets up to a moment and those from it on.
    pub fn captures_around(&self, at: f64) -> [Vec<u8>; 2] {
        let mut packets = self.packets.clone();
        packets.sort_by(|a, b| a.0.total_cmp(&b.0));
        let (before, after) = packets.into_iter().partition::<Vec<_>, _>(|(time, _)| *time < at);
        [before, after].map(|mut packets| {
            packets.iter_mut().for_each(|(at, _)| *at = self.wall(*at));
            pcap(&packets)
        })
    }
}

/// Replays a world whose policy is exchanged at `at`, between two inputs.
pub fn tell_with_reload(world: &World, at: f64, second: &str) -> Told {
    let (events, capture) = world.recordings();
    let policy = compiled(&world.policy);
    let inputs = inputs(&policy, &events, vec![capture]);
    let (mut engine, mut records) = (Engine::new(policy), Vec::new());
    let mut second = Some(compiled(second));
    let moment = moment(at);
    for input in inputs {
        if let Some(second) = second.take_if(|_| input.time() >= moment) {
            engine.adopt(second);
        }
        engine.step(input, &mut records);
    }
    engine.finish(&mut records);
    Told { records }
}

/// A moment of the story as events are stamped.
pub fn moment(at: f64) -> Timestamp {
    Timestamp::from_nanos(EPOCH * 1_000_000_000 + (at * 1e9) as i64)
}

/// What the sensors tell of recordings, in the order in which the engine is told. Each capture has a tap of its own.
pub fn inputs(policy: &Arc<Policy>, events: &[u8], captures: Vec<Vec<u8>>) -> Vec<Input> {
    let mut order = Order::new(Span::from_secs(10));
    let (processes, net) = (order.open(SourceRank(1)), order.open(SourceRank(2)));
    let (mut decoder, mut gate) = (Decoder::new(), PolicyGate::new(Arc::clone(policy)));
    for line in events.split_inclusive(|byte| *byte == b'\n') {
        let observed = decoder.decode(line, &mut gate).unwrap();
        observed.into_iter().for_each(|observed| order.push(processes, Input::Process(observed)));
    }
    for capture in captures {
        let mut reader = CaptureReader::from_stream("capture", Box::new(Cursor::new(capture))).unwrap();
        let (mut tap, mut facts) = (Tap::new(Limits::default()), Vec::new());
        while let Some(packet) = reader.next().unwrap() {
            tap.packet(&packet, &mut facts);
        }
        tap.finish(Timestamp::MIN, &mut facts);
        facts.into_iter().for_each(|fact| order.push(net, Input::Net(fact)));
    }
    order.close(processes);
    order.close(net);
    std::iter::from_fn(|| order.pop()).collect()
}

/// Most stories share a policy: it is compiled once.
pub fn compiled(text: &str) -> Arc<Policy> {
    static KNOWN: Mutex<BTreeMap<String, Arc<Policy>>> = Mutex::new(BTreeMap::new());
    let mut known = KNOWN.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    if let Some(policy) = known.get(text) {
        return Arc::clone(policy);
    }
    let policy = compiled_anew(text);
    known.insert(text.to_owned(), Arc::clone(&policy));
    policy
}

/// Another run's policy: the same, with another seed.
pub fn compiled_anew(text: &str) -> Arc<Policy> {
    let (settings, diagnostics) = config::load(&[Source::new(Origin::File, "policy.toml", text)]);
    let errors: Vec<_> =
        diagnostics.iter().filter(|d| d.level == Level::Error).map(ToString::to_string).collect();
    assert!(errors.is_empty(), "{errors:#?}");
    settings.policy
}

/// Replays recordings under a policy.
pub fn play(policy: &str, events: Vec<Vec<u8>>, captures: Vec<Vec<u8>>, audits: &[String]) -> Told {
    let policy = compiled(policy);
    let mut replay = Replay::new(policy);
    for events in events {
        replay.events(Lines::new("events".into(), Box::new(Cursor::new(events))).unwrap());
    }
    let readers = captures
        .into_iter()
        .map(|bytes| CaptureReader::from_stream("capture", Box::new(Cursor::new(bytes))).unwrap());
    replay.captures(readers.collect());
    for text in audits {
        replay.audit("audit", Audit::read(text.as_bytes()).unwrap());
    }
    let mut records = Vec::new();
    let summary = replay.run(
        |record| {
            records.push(record);
            true
        },
        |_| {},
    );
    assert_eq!(summary.rejected, 0, "{:?}", summary.complaints);
    assert!(summary.failures.is_empty(), "{:?}", summary.failures);
    Told { records }
}

/// What the program made of a story.
#[derive(Debug)]
pub struct Told {
    pub records: Vec<Record>,
}

impl Told {
    pub fn alerts(&self) -> Vec<&Alert> {
        self.records
            .iter()
            .filter_map(|record| match record {
                Record::Alert(alert) => Some(&**alert),
                Record::Coverage(_) | Record::Heartbeat(_) => None,
            })
            .collect()
    }

    pub fn coverage(&self) -> Vec<&Coverage> {
        self.records
            .iter()
            .filter_map(|record| match record {
                Record::Coverage(coverage) => Some(coverage),
                Record::Alert(_) | Record::Heartbeat(_) => None,
            })
            .collect()
    }

    /// One distinct id, confidence high or medium; the last revision.
    #[track_caller]
    pub fn alert(&self) -> &Alert {
        let alert = self.one();
        assert!(alert.confidence > Confidence::Low, "confidence is low: {:#?}", alert.reasons);
        alert
    }

    /// One distinct id of low confidence; the last revision.
    #[track_caller]
    pub fn low(&self) -> &Alert {
        let alert = self.one();
        assert_eq!(alert.confidence, Confidence::Low, "{:#?}", alert.reasons);
        alert
    }

    #[track_caller]
    pub fn one_of_any_confidence(&self) -> &Alert {
        self.one()
    }

    #[track_caller]
    fn one(&self) -> &Alert {
        let alerts = self.alerts();
        let mut ids: Vec<_> = alerts.iter().map(|alert| alert.id).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), 1, "wanted one alert, got {alerts:#?}");
        alerts.last().unwrap()
    }

    #[track_caller]
    pub fn none(&self) {
        assert!(self.alerts().is_empty(), "wanted no alert, got {:#?}", self.alerts());
    }

    /// No alert, and something said of what could not be seen.
    #[track_caller]
    pub fn note(&self) -> Vec<&Coverage> {
        self.none();
        assert!(!self.coverage().is_empty(), "wanted a coverage record");
        self.coverage()
    }
}

fn stamp(at: f64) -> String {
    Timestamp::from_nanos(EPOCH * 1_000_000_000 + (at * 1e9).round() as i64).to_string()
}

fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' | '/' => _ = write!(out, "\\{c}"),
            c if c.is_control() => _ = write!(out, "\\u{:04x}", u32::from(c)),
            c => out.push(c),
        }
    }
    out + "\""
}

fn file(path: &str, inode: u64, links: u32) -> String {
    format!(
        "{{\"path\":{},\"path_truncated\":false,\"stat\":{{\"st_dev\":16777234,\"st_ino\":{inode},\"st_mode\":33188,\"st_nlink\":{links},\"st_uid\":501,\"st_gid\":20,\"st_size\":4096}}}}",
        quoted(path)
    )
}

fn token(pid: i32, version: u32, uid: u32) -> String {
    format!(
        "{{\"pid\":{pid},\"pidversion\":{version},\"euid\":{uid},\"ruid\":{uid},\"egid\":20,\"rgid\":20,\"auid\":{uid},\"asid\":100019}}"
    )
}

fn process(who: &Proc) -> String {
    let program = &who.program;
    let team = program.team.map_or("null".to_owned(), quoted);
    let born = stamp(who.born);
    format!(
        "{{\"audit_token\":{},\"parent_audit_token\":{parent},\"responsible_audit_token\":{responsible},\"ppid\":{ppid},\"original_ppid\":{ppid},\"group_id\":{},\"session_id\":1,\"start_time\":\"{}Z\",\"executable\":{},\"tty\":null,\"signing_id\":{},\"team_id\":{team},\"cdhash\":\"28CD2C759132B07D63C3A2B377AD440A6C66098E\",\"codesigning_flags\":{},\"is_platform_binary\":{},\"is_es_client\":false,\"cs_validation_category\":1}}",
        token(who.pid, who.version, who.uid),
        who.pid,
        &born[..26],
        file(program.path, 77, 1),
        quoted(program.signing_id),
        program.flags,
        program.platform,
        parent = token(who.parent.0, who.parent.1, who.uid),
        responsible = who.responsible.map_or_else(
            || token(who.parent.0, who.parent.1, who.uid),
            |(pid, version)| token(pid, version, who.uid)
        ),
        ppid = who.parent.0,
    )
}
