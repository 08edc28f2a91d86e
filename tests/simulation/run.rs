//! One world, one seed: the trouble it meets, and what must hold whatever the trouble.

use std::fmt;
use std::sync::{Arc, LazyLock};

use cloudward::config::{self, Level, Origin, Source};
use cloudward::engine::order::{Order, SourceRank};
use cloudward::engine::{Engine, Sizes};
use cloudward::model::{Alert, ClockStep, Input, Observed, Record, Span, Timestamp, What};
use cloudward::policy::Policy;
use cloudward::sink::format::ecs;

use super::chance::Chance;
use super::delivery;
use super::mac::{Mac, START, uid_of};
use super::plays::{ATTACKS, WORK};

const CORP: &str = include_str!("../cases/corp.toml");
/// How long live events wait here; deliveries are late by less.
const HOLD: Span = Span::from_millis(500);
const RECORDING_HOLD: Span = Span::from_secs(10);

pub fn compiled(more: &str) -> Arc<Policy> {
    let text = format!("{CORP}\n{more}");
    let (settings, diagnostics) = config::load(&[Source::new(Origin::File, "policy.toml", text)]);
    let errors: Vec<_> = diagnostics.iter().filter(|found| found.level == Level::Error).collect();
    assert!(errors.is_empty(), "{errors:#?}");
    settings.policy
}

/// The policy, and the same with its sets numbered otherwise.
pub static POLICIES: LazyLock<[Arc<Policy>; 2]> = LazyLock::new(|| {
    let other = "[builtin]\ndisable = [\"wallets\"]\n[[sensitive]]\nname = \"aaa\"\npaths = [\"/aaa/**\"]\n";
    [compiled(""), compiled(other)]
});

/// What goes wrong in a run.
#[derive(Clone, Copy, Debug, Default)]
pub struct Trouble {
    /// In so many of a thousand, an event of a process comes twice.
    pub duplicates: u64,
    /// In so many of a thousand, it never comes.
    pub losses: u64,
    /// At this moment the clock is set by so much.
    pub clock_step: Option<(Timestamp, ClockStep)>,
    /// At this moment the Mac goes to sleep, for so long.
    pub sleep: Option<(Timestamp, Span)>,
    /// At this moment the policy is exchanged.
    pub reload: Option<Timestamp>,
    /// So many inputs after each other the engine is saved, and goes on as another one; 0: never.
    pub restarts: u64,
    /// Processes that begin and end for nothing.
    pub noise: u64,
}

impl Trouble {
    /// The clock that was set, by so much that it shows.
    fn noticed(&self) -> Option<ClockStep> {
        const LEAST: u64 = 5_000_000_000;
        self.clock_step.map(|(_, step)| step).filter(|step| step.as_nanos().unsigned_abs() >= LEAST)
    }

    /// Nothing comes too late.
    fn in_order(&self) -> bool {
        self.clock_step.is_none() || self.noticed().is_some()
    }
}

/// Who did what.
#[derive(Clone, Copy)]
pub struct Part {
    pub actor: u32,
    pub name: &'static str,
    pub attack: bool,
    /// An event of its own was lost.
    pub lost: bool,
    /// The end of a process of its own was.
    pub lost_an_end: bool,
    /// The Mac slept in the middle of it, longer than any window.
    pub slept: bool,
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = if self.attack { "theft" } else { "work" };
        let lost = if self.lost { ", not all of it seen" } else { "" };
        let slept = if self.slept { ", asleep in the middle" } else { "" };
        write!(f, "actor {} ({kind}: {}{lost}{slept})", self.actor, self.name)
    }
}

/// How a clock was set amid what was delivered.
struct Setting {
    /// Before this input, and when that came by the clock that was set.
    at: usize,
    now: Timestamp,
    /// From there to here some may have been stamped before.
    stragglers: usize,
}

pub struct World {
    pub parts: Vec<Part>,
    /// In the order of delivery.
    pub delivered: Vec<Input>,
    set: Option<Setting>,
    pub trouble: Trouble,
}

/// Some actors, one after the other in time but over each other in part, and the trouble of this seed.
pub fn world(seed: u64) -> World {
    let mut chance = Chance::new(seed);
    let (mut mac, mut parts, mut start) = (Mac::new(), Vec::new(), START);
    let trouble = trouble(&mut chance);
    for actor in 0..chance.between(4, 12) as u32 {
        start = start.plus(Span::from_millis(chance.below(400_000)));
        let attack = chance.percent(50);
        let (name, play) = *chance.pick(if attack { &ATTACKS[..] } else { &WORK[..] });
        let mut actor_now = mac.actor(actor, start, &mut chance);
        play(&mut actor_now);
        actor_now.done();
        parts.push(Part { actor, name, attack, lost: false, lost_an_end: false, slept: false });
    }
    for noise in 0..trouble.noise {
        start = start.plus(Span::from_millis(10));
        let mut actor = mac.actor(5_000 + noise as u32, start, &mut chance);
        let p = actor.launch("noise");
        actor.open(&p, "/usr/lib/libz.dylib");
        actor.exit(&p);
        actor.done();
    }
    let mut inputs = mac.sorted();
    trouble.sleep.iter().for_each(|sleep| fall_asleep(&mut inputs, *sleep, &mut parts));
    let (delivered, set) = meet(inputs, &trouble, &mut parts, &mut chance);
    World { parts, delivered, set, trouble }
}

fn trouble(chance: &mut Chance) -> Trouble {
    let moment = START.plus(Span::from_millis(chance.below(2_000_000)));
    let longest = *chance.pick(&[8_000, 120_000, 7_200_000]);
    let millis = chance.between(1, longest).cast_signed();
    let step = ClockStep::from_nanos(if chance.percent(70) { -millis } else { millis } * 1_000_000);
    Trouble {
        duplicates: if chance.percent(40) { chance.below(200) } else { 0 },
        losses: if chance.percent(30) { chance.below(100) } else { 0 },
        clock_step: chance.percent(10).then_some((moment, step)),
        sleep: chance.percent(15).then_some((moment, Span::from_secs(chance.between(3_600, 60_000)))),
        reload: chance.percent(30).then_some(moment),
        restarts: if chance.percent(30) { chance.between(1, 300) } else { 0 },
        noise: if chance.percent(20) { chance.below(200) } else { 0 },
    }
}

/// What would have happened from then on happens after waking up.
fn fall_asleep(inputs: &mut [(u32, Input)], (from, long): (Timestamp, Span), parts: &mut [Part]) {
    for part in parts {
        let mut of_part =
            inputs.iter().filter(|(actor, _)| *actor == part.actor).map(|(_, input)| input.time());
        let before = of_part.clone().any(|time| time < from);
        part.slept = before && of_part.any(|time| time >= from);
    }
    for (_, input) in inputs.iter_mut().filter(|(_, input)| input.time() >= from) {
        set_time(input, input.time().plus(long));
    }
}

fn set_time(input: &mut Input, to: Timestamp) {
    match input {
        Input::Process(Observed { time, .. }) => *time = to,
        Input::Net(fact) => fact.time = to,
        Input::Coverage(_) | Input::Audit(_) | Input::Tick(_) => {}
    }
}

/// What of it arrives, how often, stamped with what time, in which order.
fn meet(
    inputs: Vec<(u32, Input)>,
    trouble: &Trouble,
    parts: &mut [Part],
    chance: &mut Chance,
) -> (Vec<Input>, Option<Setting>) {
    let mut arriving: Vec<(Timestamp, Input)> = Vec::new();
    for (actor, mut input) in inputs {
        let happened = input.time();
        let of_process = matches!(input, Input::Process(_));
        if of_process && chance.below(1000) < trouble.losses {
            let end = matches!(&input, Input::Process(Observed { what: What::Exit, .. }));
            for part in parts.iter_mut().filter(|part| part.actor == actor) {
                part.lost = true;
                part.lost_an_end |= end;
            }
            continue;
        }
        if let Some((_, step)) = trouble.clock_step.filter(|(from, _)| *from <= happened) {
            set_time(&mut input, happened.set(step));
        }
        let copies = 1 + u64::from(of_process && chance.below(1000) < trouble.duplicates);
        for _ in 0..copies {
            let late = Span::from_nanos(chance.below(HOLD.as_nanos()));
            arriving.push((happened.plus(late), input.clone()));
        }
    }
    // As a daemon beats, so that time is known to pass where nothing happens.
    if let Some((from, step)) = trouble.clock_step {
        let beats = (0..60).map(|beat| from.plus(Span::from_secs(beat)));
        arriving.extend(beats.map(|beat| (beat, Input::Tick(beat.set(step)))));
    }
    arriving.sort_by_key(|(arrives, _)| *arrives);
    let set = trouble.clock_step.and_then(|(from, step)| {
        let before = |time: Timestamp| arriving.partition_point(|(arrives, _)| *arrives < time);
        let (at, stragglers) = (before(from), before(from.plus(HOLD)));
        Some(Setting { at, now: arriving.get(at)?.0.set(step), stragglers })
    });
    (arriving.into_iter().map(|(_, input)| input).collect(), set)
}

/// Live: with the short hold, in the order of delivery.
pub fn live(world: &World) -> Vec<Record> {
    run(&world.delivered, HOLD, world)
}

/// Replay: with the long hold, as a recording that was written in order.
pub fn replay(world: &World) -> Vec<Record> {
    let mut inputs = world.delivered.clone();
    inputs.sort_by_key(Input::time);
    run(&inputs, RECORDING_HOLD, world)
}

fn run(inputs: &[Input], hold: Span, world: &World) -> Vec<Record> {
    let mut order = Order::new(hold);
    let (processes, net) = (order.open(SourceRank(1)), order.open(SourceRank(2)));
    let mut sitting = Sitting::new(&world.trouble);
    for (at, input) in inputs.iter().enumerate() {
        let mut straggles = false;
        if let (Some(set), Some(step)) = (&world.set, world.trouble.noticed()) {
            if set.at == at {
                order.clock_set(step, set.now);
                sitting.clock_set(step);
            }
            straggles = (set.at..set.stragglers).contains(&at);
        }
        // Each source has come as far as the other: both say so with a word of their own.
        let source = if matches!(input, Input::Net(_)) { net } else { processes };
        order.push(source, input.clone());
        if !straggles {
            order.reached(processes, input.time());
            order.reached(net, input.time());
        }
        while let Some(input) = order.pop() {
            sitting.step(input);
        }
    }
    order.close(processes);
    order.close(net);
    while let Some(input) = order.pop() {
        sitting.step(input);
    }
    if world.trouble.in_order() {
        assert_eq!(
            order.disorder(),
            (0, 0),
            "deliveries are late by less than the hold: {:?}",
            world.trouble
        );
    }
    sitting.finish()
}

/// An engine under watch.
pub struct Sitting {
    engine: Engine,
    reload: Option<Timestamp>,
    policy: Arc<Policy>,
    restarts: u64,
    steps: u64,
    records: Vec<Record>,
    checked: usize,
    in_order: bool,
    /// Records before the clock was set.
    since: usize,
}

impl Sitting {
    fn new(trouble: &Trouble) -> Self {
        Self {
            engine: Engine::new(Arc::clone(&POLICIES[0])),
            reload: trouble.reload,
            policy: Arc::clone(&POLICIES[0]),
            restarts: trouble.restarts,
            steps: 0,
            records: Vec::new(),
            checked: 0,
            in_order: trouble.in_order(),
            since: 0,
        }
    }

    fn clock_set(&mut self, step: ClockStep) {
        self.reload = self.reload.map(|at| at.set(step));
        self.engine.clock_set(step).unwrap();
        self.since = self.records.len();
    }

    fn step(&mut self, input: Input) {
        if self.reload.is_some_and(|at| at <= input.time()) {
            self.reload = None;
            self.policy = Arc::clone(&POLICIES[1]);
            self.engine.adopt(Arc::clone(&self.policy));
        }
        self.steps += 1;
        if self.restarts > 0 && self.steps.is_multiple_of(self.restarts) {
            let state = self.engine.save();
            self.engine = Engine::resume(Arc::clone(&self.policy), &state).unwrap();
        }
        self.engine.step(input, &mut self.records);
        self.check();
    }

    fn finish(mut self) -> Vec<Record> {
        self.engine.finish(&mut self.records);
        self.check();
        self.records
    }

    /// What must hold after every step.
    fn check(&mut self) {
        within_limits(&self.engine.sizes());
        for at in self.checked..self.records.len() {
            let record = &self.records[at];
            assert!(record.time() <= self.engine.now(), "a record from the future: {}", ecs(record));
            if self.in_order && at > self.since {
                let before = &self.records[at - 1];
                assert!(before.time() <= record.time(), "out of order:\n{}\n{}", ecs(before), ecs(record));
            }
            if let Record::Alert(alert) = record {
                has_its_evidence_before(alert);
                is_of_one_lineage(alert);
            }
        }
        self.checked = self.records.len();
    }
}

pub fn within_limits(sizes: &Sizes) {
    for (name, size, limit) in sizes.against_limits() {
        assert!(size <= limit, "{name}: {size} is more than {limit}");
    }
}

fn has_its_evidence_before(alert: &Alert) {
    assert!(!alert.rules.is_empty() && !alert.reads.is_empty(), "{}", told(alert));
    let reads = alert.reads.iter().map(|read| read.time);
    let flows = alert.flows.iter().map(|flow| flow.start);
    let hops = alert.hops.iter().map(|hop| hop.time);
    for time in reads.chain(flows).chain(hops) {
        assert!(time <= alert.time, "{time} is later than the alert: {}", told(alert));
    }
}

/// Actors have users of their own: whatever else stands in an alert was joined across lineages.
fn is_of_one_lineage(alert: &Alert) {
    let processes = alert.chain.iter().chain(alert.uploader.process());
    let processes = processes.chain(alert.reads.iter().map(|read| &read.process));
    for process in processes.chain(alert.hops.iter().map(|hop| &hop.process)) {
        let launchd = process.info.key.pid.0 == 1;
        assert!(
            launchd || Some(process.info.euid) == alert.user,
            "{} is not of it: {}",
            process.info.program.path,
            told(alert)
        );
    }
}

pub fn alerts_of(records: &[Record], actor: u32) -> Vec<&Alert> {
    let alerts = records.iter().filter_map(|record| match record {
        Record::Alert(alert) => Some(&**alert),
        Record::Coverage(_) | Record::Heartbeat(_) => None,
    });
    alerts.filter(|alert| alert.user == Some(uid_of(actor))).collect()
}

fn told(alert: &Alert) -> String {
    ecs(&Record::Alert(Box::new(alert.clone())))
}

fn all(alerts: &[&Alert]) -> String {
    alerts.iter().map(|alert| told(alert)).collect::<Vec<_>>().join("\n")
}

/// Runs one seed both ways and judges what came of it.
pub fn judge(seed: u64) {
    let world = world(seed);
    let live = live(&world);
    delivery::deliver(&live, seed);
    if !world.trouble.in_order() {
        return;
    }
    if world.trouble.clock_step.is_none() {
        let replay = replay(&world);
        let text = |records: &[Record]| records.iter().map(ecs).collect::<Vec<_>>();
        assert_eq!(text(&live), text(&replay), "replay is not live");
    }
    for part in &world.parts {
        let found = alerts_of(&live, part.actor);
        let mut ids: Vec<_> = found.iter().map(|alert| alert.id).collect();
        ids.sort_unstable();
        ids.dedup();
        if part.attack && !part.lost && !part.slept {
            assert_eq!(ids.len(), 1, "{part} under {:?}: {}", world.trouble, all(&found));
        } else if !part.attack {
            // Where the end of one process and the beginning of the next were lost, the second may pass for the first.
            assert!(ids.is_empty() || part.lost_an_end, "{part} under {:?}: {}", world.trouble, all(&found));
        }
    }
}
