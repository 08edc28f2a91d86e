//! The engine under what processes may do in any order: each byte of the input is one deed, of whom, with what.

#![no_main]

use std::sync::{Arc, LazyLock};

use cloudward::config::{Origin, Source, load};
use cloudward::engine::Engine;
use cloudward::model::{ClockStep, Confidence, FlowId, Input, ProcessInfo, Record, What};
use cloudward::policy::Policy;

#[path = "../../tests/simulation/chance.rs"]
#[allow(dead_code)]
mod chance;
#[path = "../../tests/simulation/mac.rs"]
#[allow(dead_code)]
mod mac;

use chance::Chance;
use mac::{Actor, Mac, Proc, START};

/// As one would have it, and the same with other sets.
static POLICIES: LazyLock<[Arc<Policy>; 2]> = LazyLock::new(|| {
    ["", "[builtin]\ndisable = [\"wallets\"]\n"]
        .map(|text| load(&[Source::new(Origin::File, "fuzz.toml", text.to_owned())]).0.policy)
});

const PATHS: [&str; 8] = [
    ".ssh/id_rsa",
    "Library/Keychains/login.keychain-db",
    "Documents/plan.docx",
    "Dropbox/plan.docx",
    "../../tmp/a",
    "../../private/tmp/A",
    "out.zip",
    "notes.txt",
];
const HOSTS: [&str; 5] =
    ["content.dropboxapi.com", "a.s3.amazonaws.com", "drive.google.com", "example.org", "mask.icloud.com"];
const PROGRAMS: [&str; 4] = ["/usr/bin/curl", "/bin/zsh", "tool", "/usr/bin/git"];
const PIPES: [&[(i32, u64)]; 4] = [&[], &[(1, 7)], &[(0, 7)], &[(0, 8), (1, 7)]];
/// Of one actor's pids, fewer than there are.
const MAX_STARTED: usize = 40;

/// What the deeds are done with.
struct Stage {
    procs: Vec<Proc>,
    flows: Vec<FlowId>,
    started: usize,
}

impl Stage {
    /// `deed` says what, `who` which of the processes (and how long they wait before), `with` which of the things.
    fn act(&mut self, actor: &mut Actor<'_>, [deed, who, with]: [u8; 3]) {
        let [who, with] = [who, with].map(usize::from);
        actor.wait([0, 1, 90, 3_000, 70_000][who / 52 % 5]);
        let path = actor.home(PATHS[with % PATHS.len()]);
        let other = actor.home(PATHS[with / 16 % PATHS.len()]);
        let who = self.procs[who % self.procs.len()].clone();
        match deed % 16 {
            0 | 1 if self.started < MAX_STARTED => {
                self.started += 1;
                self.procs.push(actor.fork(&who));
            }
            2 | 3 => {
                let program = PROGRAMS[with % PROGRAMS.len()];
                let args = [program, "-T", path.as_str(), "https://content.dropboxapi.com/x"];
                let args = if with & 64 == 0 { &args[..1] } else { &args[..] };
                self.procs.push(actor.exec(&who, program, args, PIPES[with / 4 % PIPES.len()]));
            }
            4 => actor.exit(&who),
            5 if with & 128 != 0 => actor.open_fifo(&who, with as u64 % 3 + 1, with as u32 / 4 % 4),
            5..=7 => actor.open(&who, &path),
            8 => {
                actor.write(&who, &path);
            }
            9 => {
                let from = actor.file(&path);
                actor.rename(&who, &from, &other);
            }
            10 => {
                let from = actor.file(&path);
                actor.link(&who, &from, &other);
            }
            11 => actor.copy(&who, &path, &other),
            12 => self.flows.push(actor.connect(&who, HOSTS[with % HOSTS.len()])),
            deed => match self.flows.get(with % self.flows.len().max(1)) {
                Some(flow) if deed == 13 => actor.close(*flow),
                Some(flow) if deed == 14 => actor.receive(*flow, 50_000),
                Some(flow) => actor.send(*flow, 20_000),
                None => {}
            },
        }
    }
}

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let Some(([seed, reload], deeds)) = data.split_first_chunk::<2>() else { return };
    let (mut mac, mut chance) = (Mac::new(), Chance::new(u64::from(*seed)));
    let mut actor = mac.actor(1, START, &mut chance);
    let mut stage = Stage { procs: vec![actor.launch("/bin/zsh")], flows: Vec::new(), started: 1 };
    for deed in deeds.as_chunks().0 {
        stage.act(&mut actor, *deed);
    }
    actor.done();

    let mut inputs: Vec<Input> = mac.sorted().into_iter().map(|(_, input)| input).collect();
    // The kernel tells when a process started as the clock showed it then: what comes of an exit before other deeds, which no
    // kernel has, goes by that. Half of the worlds are told without it, and of those the clock may be set.
    let tells_starts = deeds.len() % 2 == 0;
    if !tells_starts {
        inputs.iter_mut().for_each(forget_start);
    }
    let straight = run(&inputs, usize::from(*reload), ClockStep::NONE);
    let step = ClockStep::from_nanos((i64::from(*seed) - 128) * 97_000_000_000);
    let set = run(&inputs, usize::from(*reload), step);
    assert!(tells_starts || straight == set, "the clock was set {step}: {straight:?}, {set:?}");
});

fn forget_start(input: &mut Input) {
    let forget = |info: &mut Arc<ProcessInfo>| Arc::make_mut(info).started = None;
    let Input::Process(observed) = input else { return };
    observed.info.iter_mut().for_each(forget);
    match &mut observed.what {
        What::Exec { target, .. } => forget(target),
        What::Fork { child } => forget(child),
        _ => {}
    }
}

/// What the alerts come to: whose read left, how surely, how much of it.
type Verdicts = Vec<(u32, Confidence, u64, usize)>;

/// The policy is exchanged before an input, and the clock set.
fn run(inputs: &[Input], at: usize, step: ClockStep) -> Verdicts {
    let (mut engine, mut records) = (Engine::new(Arc::clone(&POLICIES[0])), Vec::new());
    for (n, input) in inputs.iter().enumerate() {
        if n == at {
            engine.adopt(Arc::clone(&POLICIES[1]));
            engine.clock_set(step).expect("what it wrote itself");
        }
        engine.step(input.clone().set(if n < at { ClockStep::NONE } else { step }), &mut records);
        for (name, size, limit) in engine.sizes().against_limits() {
            assert!(size <= limit, "{name}: {size} is more than {limit}");
        }
    }
    engine.finish(&mut records);
    let mut verdicts = Vec::new();
    for record in &records {
        assert!(step != ClockStep::NONE || record.time() <= engine.now(), "a record from the future");
        if let Record::Alert(alert) = record {
            assert!(!alert.rules.is_empty() && !alert.reads.is_empty(), "an alert without evidence");
            assert!(alert.reads.iter().all(|read| read.time <= alert.time), "a read after its alert");
            assert!(alert.hops.iter().all(|hop| hop.time <= alert.time), "a step after its alert");
            verdicts.push((alert.revision, alert.confidence, alert.bytes_out, alert.reads.len()));
        }
    }
    verdicts
}
