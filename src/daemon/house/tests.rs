use std::path::Path;

use super::*;
use crate::model::Alert;
use crate::net::{Limits, Tap};
use crate::sensor::capture::CaptureReader;
use crate::sensor::eslogger::Decoder;
use crate::sensor::lines::{Item, Lines};

/// The recording of the demonstration, as a live Mac would have told it.
fn recorded(policy: &Arc<Policy>) -> Vec<Input> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recordings/demo");
    let (mut decoder, mut gate, mut inputs) = (Decoder::new(), gate(policy), Vec::new());
    let mut lines = Lines::open(&folder.join("events.ndjson.gz")).unwrap();
    while let Some(item) = lines.next_line().unwrap() {
        let Item::Line(line) = item else { continue };
        inputs.extend(decoder.decode(line.bytes, &mut *gate).unwrap().map(Input::Process));
    }
    let mut reader = CaptureReader::open(folder.join("capture.pcap.gz")).unwrap();
    let (mut tap, mut facts) = (Tap::new(Limits::default()), Vec::new());
    while let Some(packet) = reader.next().unwrap() {
        tap.packet(&packet, &mut facts);
    }
    tap.finish(Timestamp::MIN, &mut facts);
    inputs.extend(facts.into_iter().map(Input::Net));
    inputs.sort_by_key(Input::time);
    inputs
}

/// What is said of inputs before one of which the clock is set; so many after it still show the time before.
fn said(
    policy: &Arc<Policy>,
    inputs: &[Input],
    at: usize,
    step: ClockStep,
    stragglers: usize,
) -> Vec<Record> {
    let mut thinker = Thinker::new(policy, Engine::new(Arc::clone(policy)), None);
    let mut said = Vec::new();
    let (before, after) = inputs.split_at(at);
    before.iter().for_each(|input| thinker.feed(input.clone(), &mut said));
    if let (true, Some(first)) = (step != ClockStep::NONE, after.first()) {
        thinker.clock_set(step, first.time().set(step), &mut said);
        thinker.feed(Input::Tick(first.time()), &mut said);
    }
    let (late, after) = after.split_at(stragglers.min(after.len()));
    late.iter().for_each(|input| thinker.feed(input.clone(), &mut said));
    // The hold is in force: of what comes close together the later may come first.
    let mut after: Vec<_> = after.iter().map(|input| input.clone().set(step)).collect();
    for pair in after.chunks_exact_mut(2) {
        if pair[1].time().since(pair[0].time()) < policy.options.hold {
            pair.reverse();
        }
    }
    after.into_iter().for_each(|input| thinker.feed(input, &mut said));
    thinker.finish(&mut said);
    said
}

fn alerts(said: &[Record]) -> Vec<&Alert> {
    let alerts = said.iter().filter_map(|record| match record {
        Record::Alert(alert) => Some(&**alert),
        _ => None,
    });
    alerts.collect()
}

/// Where the clock is set: between what was read and its upload, for each alert.
fn between(said: &[Record], inputs: &[Input]) -> Vec<usize> {
    let read = |alert: &Alert| alert.reads.iter().map(|read| read.time).max();
    let times = alerts(said).into_iter().filter_map(read);
    times.map(|time| inputs.partition_point(|input| input.time() <= time)).collect()
}

const LONG: i64 = 7_200_000_000_000;

#[test]
fn a_clock_that_is_set_changes_no_verdict() {
    let policy = compile(Vec::new()).unwrap().settings.policy;
    let inputs = recorded(&policy);
    let verdicts = |said: &[Record]| {
        let verdict = |alert: &Alert| (alert.revision, alert.confidence, alert.bytes_out, alert.reads.len());
        alerts(said).into_iter().map(verdict).collect::<Vec<_>>()
    };
    let straight = said(&policy, &inputs, 0, ClockStep::NONE, 0);
    let cuts = between(&straight, &inputs);
    assert!(cuts.len() > 2, "{cuts:?}");
    for at in cuts {
        for step in [-LONG, LONG, -LONG / 40, LONG / 40] {
            let set = said(&policy, &inputs, at, ClockStep::from_nanos(step), 4);
            assert_eq!(verdicts(&set), verdicts(&straight), "{step} before input {at} of {}", inputs.len());
            let told = set.iter().filter_map(|record| match record {
                Record::Coverage(coverage) => Some(coverage.kind),
                _ => None,
            });
            let told = told.collect::<Vec<_>>();
            assert!(told.contains(&CoverageKind::ClockStep), "{told:?}");
            assert!(!told.contains(&CoverageKind::LateEvent), "{told:?}: {step} before input {at}");
        }
    }
}

/// The twin: a clock of which nobody says that it was set.
#[test]
fn a_clock_that_is_set_unnoticed_hides_uploads() {
    let policy = compile(Vec::new()).unwrap().settings.policy;
    let inputs = recorded(&policy);
    let straight = said(&policy, &inputs, 0, ClockStep::NONE, 0);
    let hides = |at: &usize| {
        let (before, after) = inputs.split_at(*at);
        let after = after.iter().map(|input| input.clone().set(ClockStep::from_nanos(LONG)));
        let set = before.iter().cloned().chain(after).collect::<Vec<_>>();
        alerts(&said(&policy, &set, 0, ClockStep::NONE, 0)).len() < alerts(&straight).len()
    };
    assert!(between(&straight, &inputs).iter().filter(|at| hides(at)).count() > 1);
}

/// An event that matters to nobody, by one of these processes.
fn noise(version: u32) -> impl Fn(Timestamp) -> Input {
    move |time| {
        let (pid, name) = (crate::model::Pid(9_999), "noise".into());
        let (actor, what) = (ProcessKey { pid, version }, What::ServiceAsked { name });
        Input::Process(crate::model::Observed { time, seq: 0, actor, info: None, what })
    }
}

const IN_TIME: u32 = 1;
const LATE: u32 = 2;

/// What is said live, where events of processes come late by ever more, up to so much; another client, if there is one, is in
/// time.
fn said_late(policy: &Arc<Policy>, inputs: &[Input], late: Span, another: bool) -> Vec<Record> {
    let first = inputs.first().unwrap().time();
    let last = inputs.last().unwrap().time();
    let lag = |time: Timestamp| Span::from_nanos((time.since(first).as_nanos() / 3).min(late.as_nanos()));
    let is_late =
        |input: &Input| matches!(input, Input::Process(observed) if observed.actor.version != IN_TIME);
    let arrives = |input: &Input| {
        let time = input.time();
        if is_late(input) { time.plus(lag(time)) } else { time }
    };
    let every = |millis: u64, until: Span| {
        let times = (1..).map(move |n| first.plus(Span::from_millis(n * millis)));
        times.take_while(move |time| *time <= last.plus(until))
    };
    let mut coming: Vec<_> = inputs.iter().cloned().chain(every(50, Span::ZERO).map(noise(LATE))).collect();
    if another {
        coming.extend(every(30, Span::ZERO).map(noise(IN_TIME)));
    }
    coming.extend(every(250, Span::from_secs(10)).map(Input::Tick));
    coming.sort_by_key(arrives);
    let (mut thinker, mut said) = (Thinker::new(policy, Engine::new(Arc::clone(policy)), None), Vec::new());
    for input in coming {
        let now = arrives(&input);
        thinker.feed(input, &mut said);
        if thinker.due().is_some_and(|due| due <= now) {
            thinker.let_go(now, &mut said);
        }
    }
    thinker.finish(&mut said);
    said
}

#[test]
fn packets_wait_for_events_that_lag() {
    let policy = compile(Vec::new()).unwrap().settings.policy;
    let inputs = recorded(&policy);
    let all = alerts(&said(&policy, &inputs, 0, ClockStep::NONE, 0)).len();
    for late in [Span::ZERO, Span::from_millis(400), Span::from_millis(1_000), Span::from_secs(3)] {
        for another in [false, true] {
            let said = said_late(&policy, &inputs, late, another);
            assert_eq!(alerts(&said).len(), all, "late by {late}, another client: {another}");
        }
    }
}
