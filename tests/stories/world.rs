//! A small Mac on paper: tells a story as eslogger lines and PKTAP packets, and asks the program what it makes of it.
//!
//! Lines and packets are synthesised in the recorded forms and go through the same door as `cloudward replay`.

mod files;
mod told;
mod traffic;

use std::fmt::Write as _;

use cloudward::model::Timestamp;

pub use self::told::*;

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

/// What is told of a command of a shell's that reads these files and then sends so many bytes.
pub fn works(program: Program, args: &[&str], files: &[&str], host: &str, bytes: usize) -> Told {
    let mut w = World::new();
    let shell = w.launch(0.0, apple("/bin/zsh", "com.apple.zsh"), &["-zsh"]);
    let p = w.spawn(0.5, &shell, program, args);
    for (index, file) in files.iter().enumerate() {
        w.open(1.0 + index as f64 * 0.01, &p, file);
    }
    w.upload(3.0, &p, host, bytes);
    w.tell()
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

    /// The same with standard streams at pipes: pairs of a descriptor and the number of a pipe.
    pub fn piped(
        &mut self,
        at: f64,
        parent: &Proc,
        program: Program,
        args: &[&str],
        pipes: &[(i32, u64)],
    ) -> Proc {
        let child = self.fork(at, parent);
        self.exec_in(at + 0.001, &child, program, args, "null", pipes, &["HOME=/Users/alice", "USER=alice"])
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

    /// A recording that began after this process did: neither its fork nor its exec is in it.
    pub fn forget_beginning_of(&mut self, who: &Proc) {
        let begun = [
            format!("\"fork\":{{\"child\":{{\"audit_token\":{{\"pid\":{},", who.pid),
            format!("\"exec\":{{\"target\":{{\"audit_token\":{{\"pid\":{},", who.pid),
        ];
        self.lines.retain(|(_, line)| !begun.iter().any(|begun| line.contains(begun)));
    }

    /// The kernel drops some events: their numbers are missing.
    pub fn lose(&mut self, events: u64) {
        self.seq += events;
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
}

/// A moment of the story as events are stamped.
pub fn moment(at: f64) -> Timestamp {
    Timestamp::from_nanos(EPOCH * 1_000_000_000 + (at * 1e9) as i64)
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
