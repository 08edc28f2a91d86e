//! A Mac made of inputs: actors with lineages of their own, whose events are told in the model's own words.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use cloudward::model::{
    Close, CodeSigning, CommName, DomainName, Endpoint, ExecFacts, File, FileId, FilePath, FlowFacts, FlowId,
    Input, NameScope, NameSource, NetFact, NetKind, Observed, OpenFlags, Owner, Pid, PipeEnd, ProcessInfo,
    ProcessKey, Program, Span, Timestamp, Transport, Uid, What,
};

use super::chance::Chance;

/// Pids are few, so that they are reused all the time.
const PIDS: i32 = 48;
pub const START: Timestamp = Timestamp::from_nanos(1_767_225_600_000_000_000);

/// Everything that happens, each with the actor that did it.
pub struct Mac {
    pub inputs: Vec<(u32, Input)>,
    free_from: Vec<Timestamp>,
    version: u32,
    inode: u64,
    flow: u32,
}

impl Mac {
    pub fn new() -> Self {
        Self {
            inputs: Vec::new(),
            free_from: vec![Timestamp::MIN; PIDS as usize],
            version: 100,
            inode: 1000,
            flow: 0,
        }
    }

    /// Actors must begin in the order of their times: a pid is taken that nobody has any more.
    pub fn actor<'m>(&'m mut self, id: u32, now: Timestamp, chance: &'m mut Chance) -> Actor<'m> {
        Actor { mac: self, chance, id, now, pids: Vec::new(), alive: Vec::new() }
    }

    /// In the order of their times, no two at the same moment, with the sensor's running numbers.
    pub fn sorted(mut self) -> Vec<(u32, Input)> {
        self.inputs.sort_by_key(|(_, input)| input.time());
        let mut last = Timestamp::MIN;
        for (index, (_, input)) in self.inputs.iter_mut().enumerate() {
            let time = input.time().max(last.plus(Span::from_nanos(1000)));
            last = time;
            match input {
                Input::Process(observed) => (observed.time, observed.seq) = (time, index as u64 + 1),
                Input::Net(fact) => fact.time = time,
                Input::Coverage(_) | Input::Audit(_) | Input::Tick(_) => {}
            }
        }
        self.inputs
    }
}

/// A running process.
#[derive(Clone)]
pub struct Proc {
    pub info: Arc<ProcessInfo>,
}

/// Somebody with a user id and a home of his own.
pub struct Actor<'m> {
    mac: &'m mut Mac,
    pub chance: &'m mut Chance,
    pub id: u32,
    pub now: Timestamp,
    pids: Vec<i32>,
    alive: Vec<Arc<ProcessInfo>>,
}

pub fn uid_of(actor: u32) -> Uid {
    Uid(1000 + actor)
}

impl Actor<'_> {
    pub fn home(&self, path: &str) -> String {
        format!("/Users/u{}/{path}", self.id)
    }

    pub fn wait(&mut self, millis: u64) {
        self.now = self.now.plus(Span::from_millis(millis));
    }

    fn program(&self, path: &str) -> Arc<Program> {
        let path =
            if path.starts_with('/') { path.to_owned() } else { format!("/opt/sim/{}/{path}", self.id) };
        let flags = CodeSigning(CodeSigning::VALID | CodeSigning::SIGNED | CodeSigning::ADHOC);
        Arc::new(Program {
            path: path.as_str().into(),
            path_truncated: false,
            signing_id: None,
            team_id: None,
            cdhash: None,
            platform: false,
            flags,
        })
    }

    fn pid(&mut self) -> Pid {
        let now = self.now;
        let free: Vec<i32> = (0..PIDS)
            .filter(|pid| self.mac.free_from[*pid as usize] < now && !self.pids.contains(pid))
            .collect();
        let pid = *self.chance.pick(&free);
        self.pids.push(pid);
        Pid(pid + 300)
    }

    fn info(
        &mut self,
        pid: Pid,
        program: Arc<Program>,
        parent: ProcessKey,
        started: Timestamp,
    ) -> Arc<ProcessInfo> {
        self.mac.version += 1;
        let user = uid_of(self.id);
        let key = ProcessKey { pid, version: self.mac.version };
        Arc::new(ProcessInfo {
            parent: Some(parent),
            responsible: Some(parent),
            ppid: parent.pid,
            original_ppid: parent.pid,
            started: Some(started),
            ..ProcessInfo::plain(key, program, user)
        })
    }

    fn tell(&mut self, who: &Arc<ProcessInfo>, what: What) {
        let observed = Observed { time: self.now, seq: 0, actor: who.key, info: Some(Arc::clone(who)), what };
        self.mac.inputs.push((self.id, Input::Process(observed)));
        self.wait(1);
    }

    pub fn launch(&mut self, program: &str) -> Proc {
        let launchd = ProcessKey { pid: Pid(1), version: 1 };
        let pid = self.pid();
        let (program, now) = (self.program(program), self.now);
        let before = self.info(pid, self.program("launchd"), launchd, now);
        let info = self.info(pid, program, launchd, now);
        self.tell(&before, What::Exec { target: Arc::clone(&info), facts: Box::default() });
        self.runs(info)
    }

    pub fn fork(&mut self, parent: &Proc) -> Proc {
        let pid = self.pid();
        let program = Arc::clone(&parent.info.program);
        let child = self.info(pid, program, parent.info.key, self.now);
        self.tell(&parent.info, What::Fork { child: Arc::clone(&child) });
        self.runs(child)
    }

    /// From now on, in the place of what its pid ran before.
    fn runs(&mut self, info: Arc<ProcessInfo>) -> Proc {
        self.alive.retain(|other| other.key.pid != info.key.pid);
        self.alive.push(Arc::clone(&info));
        Proc { info }
    }

    /// Forks without taking a new pid from the pool: for floods.
    pub fn fork_as(&mut self, parent: &Proc, pid: i32) -> Proc {
        let program = Arc::clone(&parent.info.program);
        let child = self.info(Pid(pid), program, parent.info.key, self.now);
        self.tell(&parent.info, What::Fork { child: Arc::clone(&child) });
        Proc { info: child }
    }

    pub fn exec(&mut self, old: &Proc, program: &str, args: &[&str], pipes: &[(i32, u64)]) -> Proc {
        let parent = old.info.parent.unwrap_or(old.info.key);
        let started = old.info.started.unwrap_or(self.now);
        let info = self.info(old.info.key.pid, self.program(program), parent, started);
        let facts = ExecFacts {
            args: args.iter().map(|arg| Box::from(*arg)).collect(),
            cwd: Some(self.home("").as_str().into()),
            pipes: pipes.iter().map(|(fd, id)| PipeEnd { fd: *fd, id: *id }).collect(),
            ..ExecFacts::default()
        };
        self.tell(&old.info, What::Exec { target: Arc::clone(&info), facts: Box::new(facts) });
        self.runs(info)
    }

    pub fn spawn(&mut self, parent: &Proc, program: &str) -> Proc {
        let child = self.fork(parent);
        self.exec(&child, program, &[program], &[])
    }

    pub fn exit(&mut self, who: &Proc) {
        self.alive.retain(|other| other.key != who.info.key);
        self.tell(&who.info, What::Exit);
    }

    pub fn file(&mut self, path: &str) -> File {
        self.mac.inode += 1;
        let id = FileId::new(1, self.mac.inode);
        File {
            path: path.into(),
            truncated: false,
            id,
            links: 1,
            size: 4096,
            directory: false,
            symlink: false,
        }
    }

    pub fn open(&mut self, who: &Proc, path: &str) {
        let file = File { id: None, ..self.file(path) };
        self.tell(&who.info, What::Open { file, flags: OpenFlags(OpenFlags::FREAD) });
    }

    /// Opens a named pipe.
    pub fn open_fifo(&mut self, who: &Proc, number: u64, flags: u32) {
        let file = File { id: FileId::new(2, number), ..self.file("/private/tmp/fifo") };
        self.tell(&who.info, What::Fifo { file: Box::new(file), flags: OpenFlags(flags) });
    }

    pub fn open_file(&mut self, who: &Proc, file: &File) {
        self.tell(&who.info, What::Open { file: file.clone(), flags: OpenFlags(OpenFlags::FREAD) });
    }

    pub fn write(&mut self, who: &Proc, path: &str) -> File {
        let file = self.file(path);
        self.tell(&who.info, What::Written { file: file.clone() });
        file
    }

    pub fn rename(&mut self, who: &Proc, from: &File, to: &str) {
        let to = File { path: to.into(), ..from.clone() };
        self.tell(&who.info, What::Renamed { from: Box::new(from.clone()), to });
    }

    pub fn link(&mut self, who: &Proc, from: &File, to: &str) {
        self.tell(&who.info, What::Linked { from: Box::new(from.clone()), to: FilePath::from(to) });
    }

    pub fn copy(&mut self, who: &Proc, from: &str, to: &str) {
        let from = Box::new(self.file(from));
        self.tell(&who.info, What::Copied { from, to: to.into(), clone: true });
    }

    pub fn net(&mut self, flow: FlowId, kind: NetKind) {
        self.mac.inputs.push((self.id, Input::Net(NetFact { time: self.now, flow, kind })));
        self.wait(1);
    }

    /// A flow that is open, without owner or name.
    pub fn dial(&mut self) -> FlowId {
        self.mac.flow += 1;
        let flow = FlowId(self.mac.flow);
        let end = |last: u8, port: u16| Endpoint { ip: IpAddr::V4(Ipv4Addr::new(192, 0, 2, last)), port };
        let facts = FlowFacts {
            transport: Transport::Tcp,
            client: end(1, 50_000 + (self.mac.flow % 10_000) as u16),
            server: end(2, 443),
            interface: None,
            midstream: false,
        };
        self.net(flow, NetKind::Opened(Box::new(facts)));
        flow
    }

    pub fn own(&mut self, flow: FlowId, who: &Proc) {
        let name = CommName::new(who.info.program.path.file_name());
        let owner = Owner { pid: who.info.key.pid, name, effective: None };
        self.net(flow, NetKind::Owned(owner));
    }

    pub fn name(&mut self, flow: FlowId, host: &str) {
        let domain = DomainName::from_wire(host.as_bytes()).unwrap();
        let (source, scope) = (NameSource::TlsSni, NameScope::SameProcess);
        self.net(flow, NetKind::Named { domain, source, scope });
    }

    pub fn connect(&mut self, who: &Proc, host: &str) -> FlowId {
        let flow = self.dial();
        self.own(flow, who);
        self.name(flow, host);
        flow
    }

    pub fn send(&mut self, flow: FlowId, bytes: u32) {
        let mut left = bytes;
        while left > 0 {
            let out = left.min(1400);
            self.net(flow, NetKind::Bytes { out, into: 0 });
            left -= out;
        }
    }

    pub fn receive(&mut self, flow: FlowId, bytes: u32) {
        self.net(flow, NetKind::Bytes { out: 0, into: bytes });
    }

    pub fn close(&mut self, flow: FlowId) {
        self.net(flow, NetKind::Closed(Close::Finished));
    }

    pub fn upload(&mut self, who: &Proc, host: &str, bytes: u32) {
        let flow = self.connect(who, host);
        self.send(flow, bytes);
        self.receive(flow, 300);
        self.close(flow);
    }

    /// All its processes end, and their pids are free again.
    pub fn done(mut self) -> Timestamp {
        while let Some(info) = self.alive.pop() {
            self.tell(&info, What::Exit);
        }
        for pid in &self.pids {
            self.mac.free_from[*pid as usize] = self.now;
        }
        self.now
    }
}
