//! The events and facts that a story would have left.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use crate::config::suite::{Deed, Duplicate, ProgramSpec, Run, Step, Test};
use crate::model::{
    CdHash, ClientHello, Close, CodeSigning, CommName, DomainName, Endpoint, ExecFacts, File, FileId,
    FilePath, FlowFacts, FlowId, Input, NameScope, NameSource, NetFact, NetKind, Observed, OpenFlags, Owner,
    Pid, PipeEnd, ProcessInfo, ProcessKey, Program, Script, Span, Timestamp, Transport, Uid, UnknownName,
    What,
};
use crate::policy::{Policy, canonical_name};
use crate::sensor::gate::{Gate, PolicyGate};

const MILLISECOND: Span = Span::from_millis(1);
/// Bytes that one fact tells, and how many facts at most one upload becomes.
const CHUNK: u64 = 16 << 10;
const MAX_CHUNKS: u64 = 256;

/// A process as the story has it.
#[derive(Clone)]
struct Actor {
    key: ProcessKey,
    parent: Option<ProcessKey>,
    program: Arc<Program>,
}

/// Turns steps into inputs.
pub struct World {
    gate: PolicyGate,
    user: String,
    uid: Uid,
    start: Timestamp,
    actors: BTreeMap<String, Actor>,
    /// Inodes by path.
    files: BTreeMap<String, u64>,
    newest_inode: u64,
    pipes: BTreeMap<String, u64>,
    pid: i32,
    version: u32,
    seq: u64,
    flow: u32,
    inputs: Vec<Input>,
}

impl World {
    pub fn new(policy: &Arc<Policy>, test: &Test) -> Self {
        Self {
            gate: PolicyGate::new(Arc::clone(policy)),
            user: test.user.clone(),
            uid: Uid(test.uid),
            // The day has begun, so that programs can have been started before the story.
            start: test.on.plus(Span::from_secs(3600)),
            actors: BTreeMap::new(),
            files: BTreeMap::new(),
            newest_inode: 1 << 33,
            pipes: BTreeMap::new(),
            pid: 500,
            version: 1000,
            seq: 0,
            flow: 0,
            inputs: Vec::new(),
        }
    }

    pub fn into_inputs(self) -> Vec<Input> {
        self.inputs
    }

    /// One step. Within it things follow each other by milliseconds.
    pub fn step(&mut self, step: &Step) {
        let time = self.start.plus(step.time);
        if let Some(program) = &step.first {
            self.launch(time, &step.by, program);
        }
        let Some(actor) = self.actors.get(&step.by).cloned() else { return };
        let time = time.plus(MILLISECOND);
        match &step.deed {
            Deed::Reads(paths) => paths.iter().for_each(|path| self.open(time, &actor, path)),
            Deed::Writes(path) => {
                let file = self.file(path);
                self.tell(time, &actor, What::Created { file: file.clone() });
                self.tell(time.plus(MILLISECOND), &actor, What::Written { file });
            }
            Deed::Duplicates { how, from, to } => self.duplicate(time, &actor, *how, from, to),
            Deed::Removes(path) => {
                let file = self.file(path);
                self.tell(time, &actor, What::Removed { file });
            }
            Deed::Runs(run) => self.run(time, &step.by, &actor, run),
            Deed::Uploads { bytes, received, to, hidden } => {
                self.upload(time, &actor, to, *hidden, (*bytes, *received));
            }
            Deed::Tampered => self.tell(time, &actor, What::CodeInvalidated),
            Deed::Exits => self.tell(time, &actor, What::Exit),
        }
    }

    /// launchd starts it, well before its step.
    fn launch(&mut self, time: Timestamp, name: &str, spec: &ProgramSpec) {
        let launchd = ProgramSpec {
            path: "/sbin/launchd".to_owned(),
            signing_id: Some("com.apple.xpc.launchd".to_owned()),
            platform: true,
            ..ProgramSpec::default()
        };
        let key = ProcessKey { pid: Pid(1), version: 1 };
        let launchd = Actor { key, parent: None, program: Arc::new(program(&launchd)) };
        let run = Run {
            program: spec.clone(),
            args: Vec::new(),
            script: None,
            script_sha256: None,
            stdin: None,
            stdout: None,
            name: Some(name.to_owned()),
        };
        self.run(time.minus(Span::from_millis(100)), name, &launchd, &run);
    }

    fn run(&mut self, time: Timestamp, by: &str, actor: &Actor, run: &Run) {
        let mut old = actor.clone();
        if run.name.is_some() {
            self.pid += 1;
            old = Actor {
                key: self.key(self.pid),
                parent: Some(actor.key),
                program: Arc::clone(&actor.program),
            };
            let child = self.info(&old);
            self.tell(time, actor, What::Fork { child });
        }
        let new = Actor {
            key: self.key(old.key.pid.0),
            parent: old.parent,
            program: Arc::new(program(&run.program)),
        };
        let target = self.info(&new);
        let facts = Box::new(self.facts(run));
        self.tell(time.plus(MILLISECOND), &old, What::Exec { target, facts });
        self.actors.insert(run.name.clone().unwrap_or_else(|| by.to_owned()), new);
    }

    fn facts(&mut self, run: &Run) -> ExecFacts {
        let name = run.program.path.rsplit('/').next().unwrap_or_default();
        let args = match &run.args[..] {
            [] => vec![Box::from(name)],
            args => args.iter().map(|arg| Box::from(arg.as_str())).collect(),
        };
        let home = home(&self.user);
        let env = [("HOME", home.as_str()), ("USER", &self.user)];
        let ends = [(0, &run.stdin), (1, &run.stdout)];
        let pipes = ends.into_iter().filter_map(|(fd, name)| {
            let next = self.pipes.len() as u64 + 1;
            Some(PipeEnd { fd, id: *self.pipes.entry(name.clone()?).or_insert(next) })
        });
        let pipes = pipes.collect();
        ExecFacts {
            args,
            env: env.map(|(name, value)| (Box::from(name), Box::from(value))).into(),
            cwd: Some(FilePath::from(home.as_str())),
            script: run.script.as_deref().map(|path| Script { path: path.into() }),
            script_sha256: run.script_sha256,
            pipes,
        }
    }

    fn open(&mut self, time: Timestamp, actor: &Actor, path: &str) {
        let file = self.file(path);
        let interest = self.gate.path(path.as_bytes());
        let flags = OpenFlags(OpenFlags::FREAD);
        let what = match interest.matters {
            true => What::Open { file, flags },
            false => {
                What::Touch { path: interest.hash, id: file.id, name: Some(file.path), links: file.links }
            }
        };
        self.tell(time, actor, what);
    }

    fn duplicate(&mut self, time: Timestamp, actor: &Actor, how: Duplicate, from: &str, to: &str) {
        let source = Box::new(self.file(from));
        let target = FilePath::from(to);
        let what = match how {
            Duplicate::Copy | Duplicate::Clone => {
                What::Copied { from: source, to: target, clone: how == Duplicate::Clone }
            }
            Duplicate::Link => {
                let inode = self.inode(from);
                self.files.insert(to.to_owned(), inode);
                What::Linked { from: source, to: target }
            }
            Duplicate::Rename => {
                let inode = self.inode(from);
                self.files.remove(from);
                self.files.insert(to.to_owned(), inode);
                What::Renamed { from: source, to: self.file(to) }
            }
        };
        self.tell(time, actor, what);
    }

    fn upload(&mut self, time: Timestamp, actor: &Actor, to: &str, hidden: bool, (out, into): (u64, u64)) {
        self.flow += 1;
        let flow = FlowId(self.flow);
        let mut tell = |time, kind| self.inputs.push(Input::Net(NetFact { time, flow, kind }));
        let number = self.flow;
        let client =
            Endpoint { ip: Ipv4Addr::new(192, 168, 1, 23).into(), port: 49_152 + (number % 16_384) as u16 };
        let address = to.parse::<IpAddr>();
        // TEST-NET-2 (RFC 5737) for names.
        let ip =
            address.clone().unwrap_or_else(|_| Ipv4Addr::new(198, 51, 100, (number % 254) as u8 + 1).into());
        let server = Endpoint { ip, port: 443 };
        let facts =
            FlowFacts { transport: Transport::Tcp, client, server, interface: None, midstream: false };
        tell(time, NetKind::Opened(Box::new(facts)));
        let name = CommName::new(actor.program.path.file_name());
        tell(time, NetKind::Owned(Owner { pid: actor.key.pid, name, effective: None }));
        let domain = DomainName::from_wire(canonical_name(to).as_bytes()).filter(|_| address.is_err());
        match domain {
            Some(domain) => {
                let (source, scope) = (NameSource::TlsSni, NameScope::SameProcess);
                tell(time, NetKind::Named { domain, source, scope });
                let hello = ClientHello { version: 0x0304, ech: hidden, ..ClientHello::default() };
                tell(time, NetKind::Hello(hello.into()));
                if hidden {
                    tell(time, NetKind::Nameless(UnknownName::EncryptedHello));
                }
            }
            None => tell(time, NetKind::Nameless(UnknownName::PlainAddress)),
        }
        let size = CHUNK.max(out.max(into).div_ceil(MAX_CHUNKS));
        let mut now = time.plus(MILLISECOND);
        for (bytes, outward) in [(out, true), (into, false)] {
            let mut left = bytes;
            while left > 0 {
                let part = u32::try_from(left.min(size)).unwrap_or(u32::MAX);
                let (out, into) = if outward { (part, 0) } else { (0, part) };
                tell(now, NetKind::Bytes { out, into });
                left -= u64::from(part);
                now = now.plus(MILLISECOND);
            }
        }
        tell(now, NetKind::Closed(Close::Finished));
    }

    fn tell(&mut self, time: Timestamp, actor: &Actor, what: What) {
        self.seq += 1;
        let info = Some(self.info(actor));
        self.inputs.push(Input::Process(Observed { time, seq: self.seq, actor: actor.key, info, what }));
    }

    fn info(&self, actor: &Actor) -> Arc<ProcessInfo> {
        let ppid = actor.parent.map_or(Pid(0), |parent| parent.pid);
        let uid = if actor.key.pid == Pid(1) { Uid(0) } else { self.uid };
        Arc::new(ProcessInfo {
            parent: actor.parent,
            responsible: Some(actor.key),
            ppid,
            original_ppid: ppid,
            ..ProcessInfo::plain(actor.key, Arc::clone(&actor.program), uid)
        })
    }

    fn key(&mut self, pid: i32) -> ProcessKey {
        self.version += 1;
        ProcessKey { pid: Pid(pid), version: self.version }
    }

    fn inode(&mut self, path: &str) -> u64 {
        let files = &mut self.newest_inode;
        *self.files.entry(path.to_owned()).or_insert_with(|| {
            *files += 1;
            *files
        })
    }

    fn file(&mut self, path: &str) -> File {
        let inode = self.inode(path);
        let id = FileId::new(1, inode);
        File { path: path.into(), truncated: false, id, links: 1, size: 0, directory: false, symlink: false }
    }
}

/// The home of a user as macOS makes them.
pub fn home(user: &str) -> String {
    if user == "root" { "/var/root".to_owned() } else { format!("/Users/{user}") }
}

/// A program with the signature that its description amounts to.
pub fn program(spec: &ProgramSpec) -> Program {
    let signed = CodeSigning::VALID | CodeSigning::SIGNED;
    let by_somebody = spec.platform || spec.team_id.is_some() || spec.signing_id.is_some();
    let flags = match by_somebody {
        _ if spec.ad_hoc => signed | CodeSigning::ADHOC,
        true if spec.platform => signed | CodeSigning::PLATFORM_BINARY,
        true => signed,
        // A hash alone: ad hoc is what the linker makes of every program on Apple silicon.
        false if spec.cdhash.is_some() => signed | CodeSigning::ADHOC,
        false => 0,
    };
    let boxed = |text: &Option<String>| text.as_deref().map(Box::from);
    Program {
        path: spec.path.as_str().into(),
        path_truncated: false,
        signing_id: boxed(&spec.signing_id),
        team_id: boxed(&spec.team_id),
        cdhash: spec.cdhash.map(CdHash),
        platform: spec.platform,
        flags: CodeSigning(flags),
    }
}
