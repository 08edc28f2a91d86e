//! The loop between a source of packets and the engine.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use crate::model::{
    Coverage, CoverageKind, Input, NetFact, NetKind, Observed, Owner, Pid, ProcessInfo, Span, Timestamp, What,
};
use crate::net::{Limits, Packet, Tap};
use crate::sensor::inlet::Inlet;

use super::going_on::GoingOn;

/// Between two looks at what was lost.
const CHECK: Span = Span::from_secs(1);
/// Between two looks for room in the queue. Meanwhile the source fills, and counts what it drops.
const NO_ROOM: Duration = Duration::from_millis(2);
/// For each of the last facts to find room.
const LAST_WORDS: Duration = Duration::from_millis(20);

/// Where packets come from.
pub trait Source {
    /// Waits for the next packet, not much longer than a quarter of a second where nothing comes.
    fn next(&mut self) -> Result<Heard<'_>, Ended>;

    /// Packets that the source itself lost since it was opened.
    fn dropped(&mut self) -> u64;
}

/// What a source has to say.
#[derive(Debug)]
pub enum Heard<'a> {
    Packet(Packet<'a>),
    /// Nothing came for a while.
    Quiet,
}

/// Why listening is over.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Ended {
    Stopped,
    /// A sentence without its full stop.
    Failed(String),
}

/// What went through since the start, for whoever asks.
#[derive(Default, Debug)]
pub struct Meter {
    pub packets: AtomicU64,
    /// Bytes on the wire, headers included.
    pub bytes: AtomicU64,
    /// Packets that passed without being captured.
    pub dropped: AtomicU64,
    /// Facts that found no room at the end.
    pub untold: AtomicU64,
    /// Flows in the table now.
    pub flows: AtomicU64,
}

/// What the loop needs beside the source.
pub struct Listener<'a> {
    pub inlet: &'a Inlet,
    pub meter: &'a Meter,
    pub stop: &'a AtomicBool,
    pub now: fn() -> Timestamp,
    /// Who has this pid now; asked once for each owner of a flow that no event introduced.
    pub who: fn(Pid) -> Option<Arc<ProcessInfo>>,
    /// A fact that the tap held back is dated no further before the packet at hand than this: the engine waits no longer
    /// for latecomers.
    pub slack: Span,
}

impl Listener<'_> {
    /// Listens until told to stop, or until the source fails. Flows that are open then end with it.
    pub fn listen(&self, source: &mut dyn Source) -> Ended {
        let mut tap = Tap::new(Limits::default());
        let mut facts = Vec::new();
        let (mut clock, mut told, mut checked) = (GoingOn::new(), 0, (self.now)());
        let ended = loop {
            if self.stop.load(Ordering::Relaxed) {
                break Ended::Stopped;
            }
            match source.next() {
                Ok(Heard::Packet(mut packet)) => {
                    packet.time = clock.of(packet.time);
                    self.meter.packets.fetch_add(1, Ordering::Relaxed);
                    self.meter.bytes.fetch_add(u64::from(packet.wire_len), Ordering::Relaxed);
                    tap.packet(&packet, &mut facts);
                    self.tell_shown(&mut facts, &clock);
                }
                Ok(Heard::Quiet) => {}
                Err(ended) => break ended,
            }
            let now = (self.now)();
            // The clock may have been set back.
            checked = checked.min(now);
            if now.since(checked) >= CHECK {
                self.tell_losses(source.dropped(), &mut told, checked, now);
                self.tell_blind_spots(&mut tap, &clock);
                self.meter.flows.store(tap.open_flows() as u64, Ordering::Relaxed);
                checked = now;
            }
        };
        tap.finish(clock.newest(), &mut facts);
        self.tell_shown(&mut facts, &clock);
        self.tell_losses(source.dropped(), &mut told, checked, (self.now)());
        self.tell_blind_spots(&mut tap, &clock);
        self.meter.flows.store(0, Ordering::Relaxed);
        ended
    }

    fn tell_blind_spots(&self, tap: &mut Tap, clock: &GoingOn) {
        tap.coverage().into_iter().for_each(|blind| self.offer(Input::Coverage(clock.show_coverage(blind))));
    }

    fn tell_shown(&self, facts: &mut Vec<NetFact>, clock: &GoingOn) {
        facts.iter_mut().for_each(|fact| clock.show(fact));
        self.tell(facts, clock.shown(clock.newest()));
    }

    /// Hands on what the tap told. An end that only silence shows is dated by the packet that showed it.
    pub(in crate::sensor) fn tell(&self, facts: &mut Vec<NetFact>, last: Timestamp) {
        for mut fact in facts.drain(..) {
            fact.time = fact.time.max(match fact.kind {
                NetKind::Closed(_) => last,
                _ => last.minus(self.slack),
            });
            if let NetKind::Owned(owner) = &fact.kind {
                self.introduce(owner, fact.time);
            }
            self.offer(Input::Net(fact));
        }
    }

    /// The owner of a flow is resolved at once, while its pid still means it: later it may have ended.
    fn introduce(&self, owner: &Owner, time: Timestamp) {
        let effective = owner.effective.map(|(pid, _)| pid);
        for pid in [Some(owner.pid), effective].into_iter().flatten().filter(|pid| pid.0 > 0) {
            if self.inlet.processes.owner(pid, time).is_some() {
                continue;
            }
            let Some(info) = (self.who)(pid) else { continue };
            let key = info.key;
            // Younger than the packet: the pid was another's then.
            let younger = info.started.is_some_and(|started| started > time);
            if !younger && self.inlet.processes.seen(key, time) {
                let what = What::Seen;
                self.offer(Input::Process(Observed { time, seq: 0, actor: key, info: Some(info), what }));
            }
        }
    }

    fn tell_losses(&self, dropped: u64, told: &mut u64, start: Timestamp, end: Timestamp) {
        let count = dropped.saturating_sub(*told);
        if count > 0 {
            *told = dropped;
            self.meter.dropped.fetch_add(count, Ordering::Relaxed);
            let text = "packets that the capture dropped before they could be read".to_owned();
            let kind = CoverageKind::CaptureLoss;
            self.offer(Input::Coverage(Coverage { kind, start, end, count, text }));
        }
    }

    /// Waits for room: what it cannot take meanwhile the source holds, and then counts as dropped. Told to stop, it waits
    /// no longer than [`LAST_WORDS`] for an engine that does not move.
    pub(in crate::sensor) fn offer(&self, mut input: Input) {
        let mut waited = Duration::ZERO;
        while let Some(back) = self.inlet.offer(input) {
            if waited >= LAST_WORDS && self.stop.load(Ordering::Relaxed) {
                self.meter.untold.fetch_add(1, Ordering::Relaxed);
                return;
            }
            input = back;
            thread::sleep(NO_ROOM);
            waited += NO_ROOM;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ProcessKey;
    use crate::sensor::capture::CaptureReader;
    use crate::sensor::processes::Processes;
    use crate::sensor::queue::queue;
    use crate::sensor::tap::testing::Deaf;

    const CAPTURE: &str =
        concat!(env!("CARGO_MANIFEST_DIR"), "/tests/recordings/curl-dropbox/capture.pcap.gz");

    /// A recording as a source that drops two packets at its end, and then fails. Behind so many packets its clock is set
    /// back by an hour.
    struct Recorded {
        reader: CaptureReader,
        dropped: u64,
        packets: usize,
        set_back: usize,
    }

    const HOUR: Span = Span::from_secs(3600);

    impl Source for Recorded {
        fn next(&mut self) -> Result<Heard<'_>, Ended> {
            let Self { reader, dropped, packets, set_back } = self;
            match reader.next() {
                Ok(Some(mut packet)) => {
                    if *packets >= *set_back {
                        packet.time = packet.time.minus(HOUR);
                    }
                    *packets += 1;
                    Ok(Heard::Packet(packet))
                }
                _ => {
                    *dropped = 2;
                    Err(Ended::Failed("it broke".to_owned()))
                }
            }
        }

        fn dropped(&mut self) -> u64 {
            self.dropped
        }
    }

    fn listen(who: fn(Pid) -> Option<Arc<ProcessInfo>>, known: &[ProcessKey]) -> (Ended, Vec<Input>, Meter) {
        listen_set_back(usize::MAX, who, known)
    }

    fn listen_set_back(
        set_back: usize,
        who: fn(Pid) -> Option<Arc<ProcessInfo>>,
        known: &[ProcessKey],
    ) -> (Ended, Vec<Input>, Meter) {
        let (inputs, heard) = queue(4096);
        let processes = Arc::new(Processes::default());
        known.iter().for_each(|key| _ = processes.seen(*key, Timestamp::MIN));
        let inlet = Inlet::new(Box::new(Deaf), inputs, processes);
        let (meter, stop) = (Meter::default(), AtomicBool::new(false));
        let now = || Timestamp::from_nanos(0);
        let listener =
            Listener { inlet: &inlet, meter: &meter, stop: &stop, now, who, slack: Span::from_secs(60) };
        let reader = CaptureReader::open(CAPTURE).unwrap();
        let ended = listener.listen(&mut Recorded { reader, dropped: 0, packets: 0, set_back });
        drop(inlet);
        (ended, heard.drain(), meter)
    }

    fn facts(told: &[Input]) -> Vec<&NetFact> {
        told.iter().filter_map(|input| if let Input::Net(fact) = input { Some(fact) } else { None }).collect()
    }

    #[test]
    fn tells_flows_losses_and_the_failure() {
        let (ended, told, meter) = listen(|_| None, &[]);
        assert_eq!(ended, Ended::Failed("it broke".to_owned()));
        let facts = facts(&told);
        assert!(facts.iter().any(|fact| matches!(fact.kind, NetKind::Named { .. })));
        assert!(facts.iter().any(|fact| matches!(fact.kind, NetKind::Closed(_))));
        let lost = told.iter().find_map(|input| match input {
            Input::Coverage(lost) if lost.kind == CoverageKind::CaptureLoss => Some(lost.count),
            _ => None,
        });
        assert_eq!((lost, meter.dropped.into_inner()), (Some(2), 2));
        assert!(meter.packets.into_inner() > 10);
    }

    /// What is told of packets is told with the time that they show, and is the same otherwise.
    #[test]
    fn a_clock_that_is_set_back_is_what_facts_show() {
        let (_, straight, meter) = listen(|_| None, &[]);
        let packets = meter.packets.into_inner() as usize;
        for set_back in [1, packets / 2, packets - 1] {
            let (_, told, _) = listen_set_back(set_back, |_| None, &[]);
            let (told, straight) = (facts(&told), facts(&straight));
            assert!(straight.iter().map(|fact| &fact.kind).eq(told.iter().map(|fact| &fact.kind)));
            let by = straight.iter().zip(&told).map(|(straight, told)| straight.time.since(told.time));
            let fell = by.clone().filter(|by| *by > Span::from_secs(3500)).count();
            assert!(fell > 0, "behind packet {set_back}");
            assert!(by.clone().all(|by| by == Span::ZERO || by <= HOUR && by > Span::from_secs(3500)));
        }
    }

    #[test]
    fn an_owner_that_nobody_introduced_is_looked_up_once() {
        let who = |pid| Some(Arc::new(crate::sensor::tap::testing::process(ProcessKey { pid, version: 7 })));
        let (_, told, _) = listen(who, &[]);
        let seen: Vec<_> = told
            .iter()
            .enumerate()
            .filter_map(|(at, input)| match input {
                Input::Process(observed) if observed.what == What::Seen => Some((at, observed.actor)),
                _ => None,
            })
            .collect();
        let [(at, key), ..] = seen[..] else { panic!("nobody was introduced") };
        assert_eq!(seen.iter().filter(|(_, other)| *other == key).count(), 1);
        let next = told[at..].iter().find(|input| !matches!(input, Input::Process(_)));
        assert!(matches!(next, Some(Input::Net(fact)) if matches!(fact.kind, NetKind::Owned(_))));
        let known: Vec<_> = seen.iter().map(|(_, key)| *key).collect();
        let (_, told, _) = listen(who, &known);
        assert!(!told.iter().any(|input| matches!(input, Input::Process(_))));
    }
}
