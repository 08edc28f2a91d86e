//! What a step costs against what grows: rules, globs, domains, live processes, tainted files. `cargo bench --bench
//! engine`, then `benches/plots.py` draws it.

use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use cloudward::config::{self, Origin, Source};
use cloudward::engine::Engine;
use cloudward::model::{
    Close, CodeSigning, CommName, DomainName, Endpoint, ExecFacts, File, FileId, FlowFacts, FlowId, Input,
    NameScope, NameSource, NetFact, NetKind, Observed, OpenFlags, Owner, PathHash, Pid, ProcessInfo,
    ProcessKey, Program, Record, Span, Timestamp, Transport, Uid, What,
};
use cloudward::policy::Policy;
use cloudward::sensor::gate::{Gate, PolicyGate};
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};

const SECRET: &str = "/Users/alice/.ssh/id_rsa";
const LAUNCHD: ProcessKey = ProcessKey { pid: Pid(1), version: 1 };

/// One sensitive file, one service, and what else the text says.
fn policy(more: &str) -> Arc<Policy> {
    let text = format!(
        "[builtin]\ndisable = [\"*\"]\n[[sensitive]]\nname = \"keys\"\nseverity = \"high\"\npaths = [\"{SECRET}\"]\n\
         [[service]]\nname = \"cloud\"\ncategory = \"file-sync\"\ndomains = [\"dropbox.com\"]\n{more}"
    );
    let (settings, complaints) = config::load(&[Source::new(Origin::File, "bench", text)]);
    assert!(complaints.is_empty(), "{complaints:?}");
    settings.policy
}

fn quoted(items: impl Iterator<Item = String>) -> String {
    items.map(|item| format!("{item:?}")).collect::<Vec<_>>().join(", ")
}

/// An engine and the world that speaks to it, a tenth of a millisecond between two events.
struct World {
    engine: Engine,
    program: Arc<Program>,
    now: Timestamp,
    number: u32,
    records: Vec<Record>,
}

impl World {
    fn new(policy: Arc<Policy>) -> Self {
        let program = Program {
            path: "/opt/tool".into(),
            path_truncated: false,
            signing_id: None,
            team_id: None,
            cdhash: None,
            platform: false,
            flags: CodeSigning(CodeSigning::VALID | CodeSigning::SIGNED | CodeSigning::ADHOC),
        };
        let now = Timestamp::from_nanos(1_767_225_600_000_000_000);
        let engine = Engine::new(policy);
        Self { engine, program: Arc::new(program), now, number: 1, records: Vec::new() }
    }

    fn step(&mut self, input: impl FnOnce(Timestamp, u64) -> Input) {
        self.now = self.now.plus(Span::from_nanos(100_000));
        self.number += 1;
        self.engine.step(input(self.now, u64::from(self.number)), &mut self.records);
        self.records.clear();
    }

    fn tell(&mut self, who: &Arc<ProcessInfo>, what: What) {
        let (actor, info) = (who.key, Some(Arc::clone(who)));
        self.step(|time, seq| Input::Process(Observed { time, seq, actor, info, what }));
    }

    fn image(&mut self, pid: i32, parent: ProcessKey) -> Arc<ProcessInfo> {
        self.number += 1;
        let key = ProcessKey { pid: Pid(pid), version: self.number };
        Arc::new(ProcessInfo {
            parent: Some(parent),
            ppid: parent.pid,
            original_ppid: parent.pid,
            started: Some(self.now),
            ..ProcessInfo::plain(key, Arc::clone(&self.program), Uid(501))
        })
    }

    /// A process that launchd starts.
    fn launch(&mut self, pid: i32) -> Arc<ProcessInfo> {
        let (before, after) = (self.image(pid, LAUNCHD), self.image(pid, LAUNCHD));
        self.tell(&before, What::Exec { target: Arc::clone(&after), facts: Box::<ExecFacts>::default() });
        after
    }

    fn read(&mut self, who: &Arc<ProcessInfo>) {
        self.tell(who, What::Open { file: file(SECRET, 1), flags: OpenFlags(OpenFlags::FREAD) });
    }

    fn touch(&mut self, who: &Arc<ProcessInfo>, path: u64) {
        self.tell(who, What::Touch { path: PathHash(path), id: None, name: None, links: 0 });
    }

    fn net(&mut self, flow: FlowId, kind: NetKind) {
        self.step(|time, _| Input::Net(NetFact { time, flow, kind }));
    }

    /// A connection of its own that sends a megabyte.
    fn upload(&mut self, who: &Arc<ProcessInfo>) {
        let flow = FlowId(self.number);
        let end = |last: u8, port: u16| Endpoint { ip: IpAddr::V4(Ipv4Addr::new(192, 0, 2, last)), port };
        let server = end(2, 443);
        let client = end(1, 10_000 + (self.number % 50_000) as u16);
        let facts =
            FlowFacts { transport: Transport::Tcp, client, server, interface: None, midstream: false };
        self.net(flow, NetKind::Opened(Box::new(facts)));
        let owner = Owner { pid: who.key.pid, name: CommName::new(b"tool"), effective: None };
        self.net(flow, NetKind::Owned(owner));
        let domain = DomainName::from_wire(b"content.dropbox.com").expect("a name");
        let (source, scope) = (NameSource::TlsSni, NameScope::SameProcess);
        self.net(flow, NetKind::Named { domain, source, scope });
        self.net(flow, NetKind::Bytes { out: 1 << 20, into: 0 });
        self.net(flow, NetKind::Closed(Close::Finished));
    }

    /// A whole theft: start, read, upload, end. Pids come again only when all have had their turn.
    fn theft(&mut self) {
        let thief = self.launch(100_000 + (self.number % 90_000) as i32);
        self.read(&thief);
        self.upload(&thief);
        self.tell(&thief, What::Exit);
    }
}

fn file(path: &str, inode: u64) -> File {
    let id = FileId::new(1, inode);
    File { path: path.into(), truncated: false, id, links: 1, size: 4096, directory: false, symlink: false }
}

/// One theft, with so many rules beside the built-in ones.
fn rules(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("rules");
    for count in [1, 4, 16, 64] {
        let rule = |index: u32| {
            format!(
                "[[rule]]\nid = \"bench.{index}\"\nname = \"bench\"\nseverity = \"high\"\n[[rule.step]]\non = \
                 \"read\"\ncount = {}\n[[rule.step]]\non = \"upload\"\n",
                index + 2
            )
        };
        let mut world = World::new(policy(&(0..count).map(rule).collect::<String>()));
        group.bench_function(BenchmarkId::from_parameter(count), |bencher| bencher.iter(|| world.theft()));
    }
    group.finish();
}

/// What a path is to a policy of so many globs: paths of a desktop, none of them remembered.
fn globs(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("globs");
    let paths: Vec<String> =
        (0..512).map(|n| format!("/Users/alice/src/app{}/lib/view/index{n}.js", n % 7)).collect();
    for count in [10, 50, 200, 1000] {
        let patterns = quoted((0..count).map(|n| match n % 4 {
            0 => format!("/Users/*/Library/Application Support/maker{n}/*.vault"),
            1 => format!("~/.tool{n}/token.json"),
            2 => format!("/Library/Application Support/maker{n}/keys/*.pem"),
            _ => format!("/Users/*/Library/Containers/com.maker{n}.app/Data/secrets/*"),
        }));
        let set = format!("[[sensitive]]\nname = \"more\"\nseverity = \"high\"\npaths = [{patterns}]\n");
        let policy = policy(&set);
        let mut gate = PolicyGate::new(Arc::clone(&policy));
        let mut paths = paths.iter().cycle();
        group.bench_function(BenchmarkId::from_parameter(count), |bencher| {
            bencher.iter(|| black_box(gate.path(paths.next().map_or(&[], |path| path.as_bytes()))));
        });
    }
    group.finish();
}

/// Which service a name is, of so many domains.
fn domains(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("domains");
    let names: Vec<String> = (0..512).map(|n| format!("edge{n}.cdn{}.example.net", n % 31)).collect();
    for count in [10, 100, 1000, 10_000] {
        let list = quoted((0..count).map(|n| format!("store{n}.cloudhost-{}.net", n % 97)));
        let service = format!("[[service]]\nname = \"more\"\ncategory = \"file-sync\"\ndomains = [{list}]\n");
        let policy = policy(&service);
        let mut names = names.iter().cycle();
        group.bench_function(BenchmarkId::from_parameter(count), |bencher| {
            bencher.iter(|| black_box(policy.services.lookup(names.next().map_or("", String::as_str))));
        });
    }
    group.finish();
}

/// A process that starts, opens a file that matters to nobody, and ends, among so many.
fn processes(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("processes");
    for count in [100, 1000, 10_000, 50_000] {
        let mut world = World::new(policy(""));
        (0..count).for_each(|pid| drop(world.launch(100 + pid)));
        group.bench_function(BenchmarkId::from_parameter(count), |bencher| {
            bencher.iter(|| {
                let one = world.launch(70_000);
                world.touch(&one, 12_345);
                world.tell(&one, What::Exit);
            });
        });
    }
    group.finish();
}

/// An open of a file that is not tainted, among so many that are.
fn tainted(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("tainted files");
    for count in [100, 1000, 10_000, 60_000] {
        let mut world = World::new(policy("[window]\nfile_taint = \"7d\"\n"));
        let writer = world.launch(400);
        world.read(&writer);
        for number in 0..count {
            let written = file(&format!("/private/tmp/{number}"), 1000 + number);
            world.tell(&writer, What::Written { file: written });
        }
        let reader = world.launch(500);
        let used = world.engine.occupancy().into_iter().find(|table| table.name == "staged_files");
        assert_eq!(used.map(|table| table.used as u64), Some(count));
        let mut path = 0;
        group.bench_function(BenchmarkId::from_parameter(count), |bencher| {
            bencher.iter(|| {
                path += 1;
                world.touch(&reader, path);
            });
        });
    }
    group.finish();
}

fn quickly() -> Criterion {
    Criterion::default()
        .sample_size(20)
        .warm_up_time(std::time::Duration::from_millis(300))
        .measurement_time(std::time::Duration::from_secs(1))
}

criterion_group! {
    name = benches;
    config = quickly();
    targets = rules, globs, domains, processes, tainted
}
criterion_main!(benches);
