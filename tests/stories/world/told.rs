//! What the program makes of the story.

use std::collections::BTreeMap;
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

use super::super::wire::*;
use super::{World, moment};

impl World {
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
        let packets: Vec<_> =
            self.packets.iter().map(|(at, packet)| (self.wall(*at), packet.clone())).collect();
        play(&self.policy, vec![events], vec![pcap(&packets)], &self.audits)
    }

    pub fn tell(&self) -> Told {
        let (events, capture) = self.recordings();
        super::super::restart::says_the_same(&self.policy, &events, &capture, &self.audits);
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

/// What the sensors tell of recordings, in the order in which the engine is told. Each capture has a tap of its own.
pub fn inputs(policy: &Arc<Policy>, events: &[u8], captures: Vec<Vec<u8>>) -> Vec<Input> {
    let mut order = Order::new(Span::from_secs(10));
    let (processes, net) = (order.open(SourceRank(1)), order.open(SourceRank(2)));
    let (mut decoder, mut gate) = (Decoder::new(), PolicyGate::new(Arc::clone(policy)));
    for line in events.split_inclusive(|byte| *byte == b'\n') {
        let observed = decoder.decode(line, &mut gate).unwrap();
        observed.into_iter().for_each(|observed| _ = order.push(processes, Input::Process(observed)));
    }
    for capture in captures {
        let mut reader = CaptureReader::from_stream("capture", Box::new(Cursor::new(capture))).unwrap();
        let (mut tap, mut facts) = (Tap::new(Limits::default()), Vec::new());
        while let Some(packet) = reader.next().unwrap() {
            tap.packet(&packet, &mut facts);
        }
        tap.finish(Timestamp::MIN, &mut facts);
        facts.into_iter().for_each(|fact| _ = order.push(net, Input::Net(fact)));
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
