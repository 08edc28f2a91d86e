//! The engine saved and resumed in the middle of stories.

use std::sync::{Arc, LazyLock};

use cloudward::engine::Engine;
use cloudward::engine::state::{Away, State};
use cloudward::model::{ClockStep, CoverageKind, Input, Record, Set};
use cloudward::policy::Policy;
use cloudward::sensor::audit::Audit;
use cloudward::sink::format::ecs;
use proptest::prelude::*;

use super::world::*;

const X: Program = adhoc("/private/tmp/x", "x");
const PLAN: &str = "/Users/alice/Documents/corp/plan.docx";
const KEY: &str = "/Users/alice/.ssh/id_rsa";
const DROPBOX: &str = "content.dropboxapi.com";
/// Cuts of one story at most: some have a million events.
const CUTS: usize = 10;

/// The default policy of another run: paths hash otherwise.
static ANEW: LazyLock<Arc<Policy>> = LazyLock::new(|| compiled_anew(CORP));

fn saved_and_resumed(engine: &Engine, policy: &Arc<Policy>) -> Engine {
    let state = engine.save();
    assert_eq!(state.omitted, 0);
    Engine::resume(Arc::clone(policy), &state).unwrap()
}

/// What an engine says that is saved and resumed before each input for which `cut` says so.
fn told(policy: &Arc<Policy>, inputs: &[Input], mut cut: impl FnMut(usize) -> bool) -> Vec<String> {
    let (mut engine, mut records) = (Engine::new(Arc::clone(policy)), Vec::new());
    for (at, input) in inputs.iter().enumerate() {
        if cut(at) {
            engine = saved_and_resumed(&engine, policy);
        }
        engine.step(input.clone(), &mut records);
    }
    engine.finish(&mut records);
    records.iter().map(ecs).collect()
}

/// What an engine says whose clock is set back by an hour before one such input, and forward again before the next.
fn told_by_a_clock_that_is_set(
    policy: &Arc<Policy>,
    inputs: &[Input],
    mut set: impl FnMut(usize) -> bool,
) -> Vec<String> {
    const HOUR: i64 = 3_600_000_000_000;
    let (mut engine, mut records, mut shown) = (Engine::new(Arc::clone(policy)), Vec::new(), 0);
    for (at, input) in inputs.iter().enumerate() {
        if set(at) {
            let step = if shown == 0 { -HOUR } else { HOUR };
            engine.clock_set(ClockStep::from_nanos(step)).unwrap();
            shown += step;
        }
        engine.step(input.clone().set(ClockStep::from_nanos(shown)), &mut records);
    }
    engine.finish(&mut records);
    records.iter().map(ecs).collect()
}

/// Without its times, and the ids that are made of them.
fn timeless(record: &str) -> String {
    const TIME: &str = "2026-03-02T09:00:00.000000000Z";
    const ID: &str = "d184720e-e7af-8171-b120-df7b5659c3d0";
    let is_time = |word: &str| word.len() == TIME.len() && word.ends_with('Z');
    let is_id =
        |word: &str| word.len() == ID.len() && word.get(8..9) == Some("-") && word.get(23..24) == Some("-");
    record.split('"').filter(|word| !is_time(word) && !is_id(word)).collect::<Vec<_>>().join("\"")
}

/// Every story is told once more with cuts in it, and must come out the same, byte for byte.
pub fn says_the_same(policy: &str, events: &[u8], capture: &[u8], audits: &[String]) {
    let policy = compiled(policy);
    let mut inputs = inputs(&policy, events, vec![capture.to_vec()]);
    let records = audits.iter().flat_map(|text| Audit::read(text.as_bytes()).unwrap().events);
    inputs.extend(records.map(|event| Input::Audit(Arc::new(event))));
    if !audits.is_empty() {
        inputs.sort_by_key(Input::time);
    }
    let step = inputs.len() / CUTS + 1;
    let straight = told(&policy, &inputs, |_| false);
    let cut = told(&policy, &inputs, |at| at % step == step - 1);
    assert_eq!(straight, cut, "cut before every {step}th of {} inputs", inputs.len());
    if audits.is_empty() {
        let set = told_by_a_clock_that_is_set(&policy, &inputs, |at| at % step == step - 1);
        let [straight, set] =
            [straight, set].map(|told| told.iter().map(|record| timeless(record)).collect::<Vec<_>>());
        assert_eq!(straight, set, "the clock is set before every {step}th of {} inputs", inputs.len());
    }
}

/// The kernel tells when a process began by the clock of then: by that it is known again where its exec was lost.
#[test]
fn an_exec_that_was_lost_since_the_clock_was_set() {
    let mut w = World::new();
    let p = w.launch(0.0, adhoc("/private/tmp/x", "x"), &["x"]);
    w.open(1.0, &p, "/Users/alice/.ssh/id_rsa");
    let q = w.exec(2.0, &p, apple("/usr/bin/curl", "com.apple.curl"), &["curl"]);
    w.forget_beginning_of(&q);
    w.open(4.0, &q, "/usr/share/dict/words");
    w.upload(5.0, &q, "content.dropboxapi.com", 6_000);
    let (events, capture) = w.recordings();
    let policy = compiled(&w.policy);
    let inputs = inputs(&policy, &events, vec![capture]);
    let first = |at: f64| inputs.iter().position(|input| input.time() >= moment(at)).unwrap();
    let straight = told(&policy, &inputs, |_| false);
    assert!(straight.iter().any(|record| record.contains("\"kind\":\"alert\"")), "{straight:?}");
    for steps in [vec![first(1.5)], vec![first(1.5), first(4.5)], vec![first(0.5), first(3.0), first(3.9)]] {
        let set = told_by_a_clock_that_is_set(&policy, &inputs, |at| steps.contains(&at));
        let alerts = set.iter().filter(|record| record.contains("\"kind\":\"alert\"")).count();
        assert_eq!(alerts, 1, "{steps:?} {set:?}");
    }
}

/// The first part under one run, what follows under another: other hashes of paths, another tap, other numbers of flows.
pub(super) fn tell_with_restart(world: &World, at: f64, away: Option<&Away<'_>>) -> Told {
    let (events, _) = world.recordings();
    let parts = world.captures_around(at).into_iter().zip([compiled(&world.policy), Arc::clone(&ANEW)]);
    let mut records = Vec::new();
    let mut state: Option<State> = None;
    for (capture, policy) in parts {
        let mut inputs = inputs(&policy, &events, vec![capture]);
        let mut engine = match &state {
            None => {
                inputs.retain(|input| input.time() < moment(at));
                Engine::new(policy)
            }
            Some(state) => {
                inputs.retain(|input| input.time() >= moment(at));
                let mut engine = Engine::resume(policy, state).unwrap();
                engine.restarted(away.unwrap_or(&Away { rebooted: false, running: None }));
                engine
            }
        };
        inputs.into_iter().for_each(|input| engine.step(input, &mut records));
        if state.is_some() {
            engine.finish(&mut records);
        }
        state = Some(engine.save());
    }
    Told { records }
}

/// The daemon ends and begins anew between read and upload.
#[test]
fn s11_restart_between_read_and_upload() {
    let mut w = World::new();
    let p = w.launch(0.0, X, &["x"]);
    w.open(1.0, &p, PLAN);
    w.upload(10.0, &p, DROPBOX, 300_000);
    let unbroken = w.tell();
    let told = tell_with_restart(&w, 5.0, None);
    assert_eq!(told.alert(), unbroken.alert());
}

/// One program stages a copy and ends; `curl` opens it as told, and sends.
fn staged_and_sent(open: impl FnOnce(&mut World, &Proc)) -> World {
    let mut w = World::new();
    let p = w.launch(0.0, X, &["x"]);
    w.open(1.0, &p, PLAN);
    w.write(1.1, &p, "/private/tmp/out.bin");
    w.exit(1.2, &p);
    let curl = w.launch(20.0, apple("/usr/bin/curl", "com.apple.curl"), &["curl"]);
    open(&mut w, &curl);
    w.upload(20.2, &curl, DROPBOX, 300_000);
    w
}

/// A staged copy outlives the restart: it is found by the new run's hashes, by path and by inode.
#[test]
fn s11_twin_staged_file() {
    let w = staged_and_sent(|w, curl| w.open(20.1, curl, "/tmp/out.bin"));
    tell_with_restart(&w, 5.0, None).alert();
}

/// The twin of S13: a configuration read again hashes paths otherwise, and a staged file is found by its path all the same.
#[test]
fn s13_twin_staged_file_by_its_path() {
    let w = staged_and_sent(|w, curl| w.open_inode(20.1, curl, "/private/tmp/out.bin", 4711));
    let (events, capture) = w.recordings();
    let [first, second] = [compiled(CORP), Arc::clone(&ANEW)]
        .map(|policy| (inputs(&policy, &events, vec![capture.clone()]), policy));
    let at = first.0.partition_point(|input| input.time() < moment(5.0));
    let (mut engine, mut records) = (Engine::new(first.1), Vec::new());
    first.0[..at].iter().for_each(|input| engine.step(input.clone(), &mut records));
    engine.adopt(second.1);
    second.0[at..].iter().for_each(|input| engine.step(input.clone(), &mut records));
    engine.finish(&mut records);
    Told { records }.alert();
}

/// Reloads without end, each with its sets in another order: what was read long ago is still known for what it is.
#[test]
fn s13_twin_many_reloads() {
    let mut w = World::new();
    let p = w.launch(0.0, X, &["x"]);
    w.open(1.0, &p, PLAN);
    w.upload(20.2, &p, DROPBOX, 300_000);
    let (events, capture) = w.recordings();
    let more = "[[sensitive]]\nname = \"a-first\"\nseverity = \"low\"\npaths = [\"/opt/a/**\"]\n";
    let policies = [compiled(CORP), compiled(&format!("{more}{CORP}"))];
    let inputs = inputs(&policies[0], &events, vec![capture]);
    let at = inputs.partition_point(|input| input.time() < moment(5.0));
    let (mut engine, mut records) = (Engine::new(Arc::clone(&policies[0])), Vec::new());
    inputs[..at].iter().for_each(|input| engine.step(input.clone(), &mut records));
    for round in 1..=301 {
        engine.adopt(Arc::clone(&policies[round % 2]));
    }
    inputs[at..].iter().for_each(|input| engine.step(input.clone(), &mut records));
    engine.finish(&mut records);
    let told = Told { records };
    assert_eq!(told.alert().reads[0].sets, w.tell().alert().reads[0].sets);
}

/// After a reboot pids and inodes are others': the file is known by its path, the process is not the same one.
#[test]
fn s11_twin_reboot() {
    let rebooted = Away { rebooted: true, running: None };
    let mut w = World::new();
    let p = w.launch(0.0, X, &["x"]);
    w.open(1.0, &p, PLAN);
    w.write(1.1, &p, "/private/tmp/out.bin");
    w.upload(10.0, &p, DROPBOX, 300_000);
    tell_with_restart(&w, 5.0, Some(&rebooted)).none();
    let curl = w.launch(20.0, apple("/usr/bin/curl", "com.apple.curl"), &["curl"]);
    w.open(20.1, &curl, "/tmp/out.bin");
    w.upload(20.2, &curl, DROPBOX, 300_000);
    let told = tell_with_restart(&w, 5.0, Some(&rebooted));
    assert_eq!(&*told.alert().uploader.process().unwrap().info.program.path.to_string(), "/usr/bin/curl");
}

/// A process that ended while nobody watched cannot be who sends now.
#[test]
fn s11_twin_gone_meanwhile() {
    let mut w = World::new();
    let p = w.launch(0.0, X, &["x"]);
    w.open(1.0, &p, PLAN);
    w.upload(40.0, &p, DROPBOX, 300_000);
    let gone = Away { rebooted: false, running: Some(&Set::new()) };
    tell_with_restart(&w, 5.0, Some(&gone)).none();
}

/// The connection is older than the restart: its name is not in what is captured now, but known.
#[test]
fn s11_twin_upload_across_the_restart() {
    let mut w = World::new();
    let p = w.launch(0.0, X, &["x"]);
    w.open(1.0, &p, PLAN);
    let mut conn = w.connect(2.0, &p, DROPBOX, true);
    w.send(3.0, &mut conn, 2_000);
    let end = w.send(10.0, &mut conn, 100_000);
    w.close(end + 0.1, &mut conn);
    let told = tell_with_restart(&w, 5.0, None);
    let alert = told.alert();
    assert_eq!(alert.service.as_deref(), Some("dropbox"));
    assert!(alert.bytes_out > 100_000, "{}", alert.bytes_out);
}

/// The chain that was told before goes on: the same id, the next revision.
#[test]
fn s11_twin_the_alert_goes_on() {
    let mut w = World::new();
    let p = w.launch(0.0, X, &["x"]);
    w.open(1.0, &p, PLAN);
    w.upload(2.0, &p, DROPBOX, 300_000);
    w.upload(70.0, &p, DROPBOX, 300_000);
    let told = tell_with_restart(&w, 30.0, None);
    let revisions: Vec<u32> = told.alerts().iter().map(|alert| alert.revision).collect();
    assert!(revisions.len() > 1 && revisions.is_sorted_by(|a, b| a + 1 == *b), "{revisions:?}");
    assert!(told.alert().bytes_out > 600_000);
}

/// Sets and services that a new configuration no longer has are dropped.
#[test]
fn what_the_configuration_no_longer_has_is_dropped() {
    let mut w = World::new();
    let p = w.launch(0.0, X, &["x"]);
    w.open(1.0, &p, PLAN);
    w.open(1.1, &p, KEY);
    w.upload(10.0, &p, DROPBOX, 300_000);
    let inputs = inputs(&compiled(CORP), &w.recordings().0, vec![w.recordings().1]);
    let (before, after) = inputs.split_at(inputs.partition_point(|input| input.time() < moment(5.0)));
    let mut engine = Engine::new(compiled(CORP));
    let mut records = Vec::new();
    before.iter().for_each(|input| engine.step(input.clone(), &mut records));
    let state = engine.save();
    let without = |names: &str| {
        let mut records = Vec::new();
        let policy = compiled(&format!("[builtin]\ndisable = [{names}]\n"));
        let mut engine = Engine::resume(policy, &state).unwrap();
        after.iter().for_each(|input| engine.step(input.clone(), &mut records));
        engine.finish(&mut records);
        Told { records }
    };
    let reads = |told: &Told| told.alert().reads.iter().map(|read| read.path.to_string()).collect::<Vec<_>>();
    assert_eq!(reads(&without("\"documents\"")), [KEY]);
    without("\"documents\", \"ssh-keys\"").none();
    without("\"dropbox\"").none();
}

/// A gap between the runs is named in the alert.
#[test]
fn the_gap_is_in_the_alert() {
    let mut w = World::new();
    let p = w.launch(0.0, X, &["x"]);
    w.open(1.0, &p, PLAN);
    w.upload(10.0, &p, DROPBOX, 300_000);
    let policy = compiled(CORP);
    let (mut engine, mut records) = (Engine::new(Arc::clone(&policy)), Vec::new());
    let mut gap = Some(Input::Coverage(cloudward::model::Coverage {
        kind: CoverageKind::Gap,
        start: moment(5.0),
        end: moment(6.0),
        count: 1,
        text: "away".to_owned(),
    }));
    for input in inputs(&policy, &w.recordings().0, vec![w.recordings().1]) {
        if input.time() >= moment(6.0)
            && let Some(gap) = gap.take()
        {
            engine = saved_and_resumed(&engine, &policy);
            engine.step(gap, &mut records);
        }
        engine.step(input, &mut records);
    }
    engine.finish(&mut records);
    assert_eq!(Told { records }.alert().degraded, [CoverageKind::Gap]);
}

/// A full state keeps what is worth most, and what it keeps fits together.
#[test]
fn a_full_state_leaves_the_least_out() {
    let mut w = World::new();
    let p = w.launch(0.0, X, &["x"]);
    w.open(1.0, &p, PLAN);
    for at in 0..50 {
        w.launch(2.0 + f64::from(at) / 100.0, apple("/bin/sleep", "com.apple.sleep"), &["sleep"]);
    }
    w.upload(10.0, &p, DROPBOX, 300_000);
    let policy = compiled(CORP);
    let inputs = inputs(&policy, &w.recordings().0, vec![w.recordings().1]);
    let (before, after) = inputs.split_at(inputs.partition_point(|input| input.time() < moment(5.0)));
    let mut engine = Engine::new(Arc::clone(&policy));
    before.iter().for_each(|input| engine.step(input.clone(), &mut Vec::new()));
    let whole = engine.save();
    for (limit, known) in [(0, false), (whole.bytes.len() / 2, true), (whole.bytes.len(), true)] {
        let state = engine.save_within(limit);
        assert_eq!(state.omitted > 0, limit < whole.bytes.len());
        let (mut engine, mut records) = (Engine::resume(Arc::clone(&policy), &state).unwrap(), Vec::new());
        after.iter().for_each(|input| engine.step(input.clone(), &mut records));
        engine.finish(&mut records);
        assert_eq!(!Told { records }.alerts().is_empty(), known, "{limit} of {}", whole.bytes.len());
    }
}

/// Thefts that are under way in every state that there is.
static BUSY: LazyLock<Vec<Input>> = LazyLock::new(|| {
    let world = super::determinism::mac();
    let (events, capture) = world.recordings();
    inputs(&compiled(CORP), &events, vec![capture])
});

static STRAIGHT: LazyLock<Vec<String>> = LazyLock::new(|| told(&compiled(CORP), &BUSY, |_| false));

fn cases() -> u32 {
    std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(12)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), failure_persistence: None, ..ProptestConfig::default() })]

    /// Wherever it is cut, and however often.
    #[test]
    fn a_split_recording_says_what_it_says_whole(cuts in proptest::collection::vec(0usize..2000, 1..6)) {
        let cuts: Vec<usize> = cuts.into_iter().map(|at| at % BUSY.len()).collect();
        prop_assert_eq!(&told(&compiled(CORP), &BUSY, |at| cuts.contains(&at)), &*STRAIGHT);
    }

    /// Bytes that are no state are refused or make an engine that works; nothing panics.
    #[test]
    fn no_bytes_break_the_engine(at in 0usize..2000, broken in proptest::collection::vec((any::<u32>(), any::<u8>()), 1..4), cut: u16) {
        let (policy, at) = (compiled(CORP), at % BUSY.len());
        let (mut engine, mut records) = (Engine::new(Arc::clone(&policy)), Vec::<Record>::new());
        BUSY[..at].iter().for_each(|input| engine.step(input.clone(), &mut records));
        let mut state = engine.save();
        for (place, byte) in broken {
            let length = state.bytes.len();
            state.bytes[place as usize % length] = byte;
        }
        if cut % 4 == 0 {
            state.bytes.truncate(usize::from(cut) % state.bytes.len());
        }
        if let Ok(mut engine) = Engine::resume(policy, &state) {
            engine.restarted(&Away { rebooted: cut % 3 == 0, running: None });
            BUSY[at..].iter().for_each(|input| engine.step(input.clone(), &mut records));
            engine.finish(&mut records);
            _ = engine.save();
        }
    }
}
