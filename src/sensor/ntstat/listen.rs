//! The loop between the kernel's counts and the engine.

use std::sync::atomic::Ordering;

use crate::model::{Coverage, CoverageKind, Input, Span, Timestamp};
use crate::sensor::tap::{Ended, Listener};

use super::flows::{Counted, Missed};
use super::message::{MAX_DATAGRAM, Message, Provider, messages, poll, subscribe};

/// Between two looks at all counts.
const EVERY: Span = Span::from_secs(1);
/// So many updates that cannot be read, and none that can: the layout is another one.
const ENOUGH: u64 = 8;
/// Contexts of looks begin above those of subscriptions, which are the providers' numbers.
const FIRST_LOOK: u64 = 100;

/// The way to the kernel.
pub trait Control {
    fn send(&mut self, request: &[u8]) -> Result<(), String>;

    /// Waits for a datagram, not much longer than a quarter of a second; `None` if none came.
    fn receive(&mut self, buffer: &mut [u8]) -> Result<Option<usize>, String>;
}

/// Listens until told to stop, until the control fails, or until `enough` says so, which is asked between two looks.
/// Connections that are open then end with it.
pub fn listen(to: &Listener<'_>, control: &mut dyn Control, enough: &mut dyn FnMut() -> bool) -> Ended {
    let mut hearing = Hearing { to, counted: Counted::default(), read: 0, misread: 0, told: 0, refused: 0 };
    let ended = match hearing.listen(control, enough) {
        Ok(()) => Ended::Stopped,
        Err(why) => Ended::Failed(format!("NetworkStatistics: {why}")),
    };
    let (now, mut facts) = ((to.now)(), Vec::new());
    hearing.counted.end(now, &mut facts);
    to.tell(&mut facts, now);
    hearing.tell_missed(now);
    to.meter.flows.store(0, Ordering::Relaxed);
    ended
}

struct Hearing<'a, 'b> {
    to: &'a Listener<'b>,
    counted: Counted,
    read: u64,
    misread: u64,
    /// Of those misread.
    told: u64,
    /// Kinds of connection that the kernel does not tell of.
    refused: usize,
}

impl Hearing<'_, '_> {
    fn listen(&mut self, control: &mut dyn Control, enough: &mut dyn FnMut() -> bool) -> Result<(), String> {
        for provider in Provider::ALL {
            control.send(&subscribe(provider))?;
        }
        let mut buffer = vec![0; MAX_DATAGRAM];
        let (mut context, mut looked) = (FIRST_LOOK, None);
        while !self.to.stop.load(Ordering::Relaxed) {
            let now = (self.to.now)();
            // The clock may have been set back.
            looked = looked.map(|looked: Timestamp| looked.min(now));
            if looked.is_none_or(|looked| now.since(looked) >= EVERY) {
                if looked.is_some() && enough() {
                    return Ok(());
                }
                looked = Some(now);
                context += 1;
                control.send(&poll(context))?;
                self.tell_missed(now);
                self.to.meter.flows.store(self.counted.len() as u64, Ordering::Relaxed);
            }
            if let Some(length) = control.receive(&mut buffer)? {
                let datagram = buffer.get(..length).unwrap_or(&buffer);
                if self.hear(datagram, context)? {
                    control.send(&poll(context))?;
                }
            }
        }
        Ok(())
    }

    /// True if the look `context` has another part, to be asked for.
    fn hear(&mut self, datagram: &[u8], context: u64) -> Result<bool, String> {
        let (now, mut facts, mut another) = ((self.to.now)(), Vec::new(), false);
        for message in messages(datagram) {
            match message {
                Message::Update(update) => {
                    self.read += 1;
                    self.counted.update(&update, now, &mut facts);
                }
                Message::Removed { source, unsure } => self.counted.removed(source, unsure, now, &mut facts),
                Message::Answered { context: asked, more: true } => another |= asked == context,
                Message::Answered { context: asked, more: false } if asked > FIRST_LOOK => {
                    self.counted.settle()
                }
                Message::Answered { .. } | Message::Other => {}
                Message::Refused { context: asked, errno } => self.refuse(asked, errno)?,
                Message::Misread => self.misread += 1,
            }
        }
        self.to.tell(&mut facts, now);
        if self.read == 0 && self.misread >= ENOUGH {
            return Err(
                "this version of macOS lays out its messages otherwise than cloudward knows".to_owned()
            );
        }
        Ok(another)
    }

    /// A kind of connection may be unknown to the system; if all are, there is nothing to listen to. A look that is refused
    /// is followed by the next.
    fn refuse(&mut self, context: u64, errno: u32) -> Result<(), String> {
        if context > FIRST_LOOK {
            return Ok(());
        }
        tracing::warn!("NetworkStatistics: connections of kind {context} are not told (errno {errno})");
        self.refused += 1;
        if self.refused < Provider::ALL.len() { Ok(()) } else { Err(format!("refused, with errno {errno}")) }
    }

    fn tell_missed(&mut self, now: Timestamp) {
        let Missed { refused, unsure } = self.counted.take_missed();
        let unread = self.misread - self.told;
        self.told = self.misread;
        let said = [
            (CoverageKind::TableFull, refused, "connections beyond those that can be counted at once"),
            (CoverageKind::CaptureLoss, unsure, "connections whose last counts the kernel lost"),
            (CoverageKind::CaptureLoss, unread, "messages of NetworkStatistics that cannot be read"),
        ];
        for (kind, count, text) in said.into_iter().filter(|(_, count, _)| *count > 0) {
            self.to.meter.dropped.fetch_add(count, Ordering::Relaxed);
            let blind = Coverage { kind, start: now.minus(EVERY), end: now, count, text: text.to_owned() };
            self.to.offer(Input::Coverage(blind));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, AtomicI64};

    use super::*;
    use crate::model::{NetFact, NetKind};
    use crate::sensor::inlet::Inlet;
    use crate::sensor::ntstat::testing::{Kernel, answered, refused, tcp, udp};
    use crate::sensor::processes::Processes;
    use crate::sensor::queue::queue;
    use crate::sensor::tap::Meter;
    use crate::sensor::tap::testing::Deaf;

    /// Answers each look with the next of its lists of datagrams, and is then gone.
    struct Simulated {
        looks: VecDeque<Vec<Vec<u8>>>,
        waiting: VecDeque<Vec<u8>>,
        asked: Vec<u64>,
    }

    impl Control for Simulated {
        fn send(&mut self, request: &[u8]) -> Result<(), String> {
            if request.len() == 24 {
                self.asked.push(u64::from(request[0]));
                self.waiting.extend(self.looks.pop_front().ok_or("gone")?);
            }
            Ok(())
        }

        fn receive(&mut self, buffer: &mut [u8]) -> Result<Option<usize>, String> {
            let Some(datagram) = self.waiting.pop_front() else {
                NANOS.with(|nanos| nanos.fetch_add(250_000_000, Ordering::Relaxed));
                return Ok(None);
            };
            buffer[..datagram.len()].copy_from_slice(&datagram);
            Ok(Some(datagram.len()))
        }
    }

    thread_local!(static NANOS: AtomicI64 = const { AtomicI64::new(0) });

    /// A clock of its own for each thread. It goes on where nothing is to be received.
    fn now() -> Timestamp {
        Timestamp::from_nanos(NANOS.with(|nanos| nanos.load(Ordering::Relaxed)))
    }

    fn heard(looks: Vec<Vec<Vec<u8>>>) -> (Ended, Vec<Input>, Vec<u64>) {
        let (inputs, heard) = queue(4096);
        let inlet = Inlet::new(Box::new(Deaf), inputs, Arc::new(Processes::default()));
        let (meter, stop) = (Meter::default(), AtomicBool::new(false));
        let slack = Span::from_secs(60);
        let to = Listener { inlet: &inlet, meter: &meter, stop: &stop, now, who: |_| None, slack };
        let mut control = Simulated { looks: looks.into(), waiting: VecDeque::new(), asked: Vec::new() };
        let ended = listen(&to, &mut control, &mut || false);
        drop(inlet);
        (ended, heard.drain(), control.asked)
    }

    fn bytes(told: &[Input]) -> Vec<(u32, u32)> {
        let bytes = told.iter().filter_map(|input| match input {
            Input::Net(NetFact { kind: NetKind::Bytes { out, into }, .. }) => Some((*out, *into)),
            _ => None,
        });
        bytes.collect()
    }

    #[test]
    fn counts_from_look_to_look_and_asks_for_all_parts() {
        let (old, new) = (tcp(), Kernel { source: 2, ..udp() });
        let first = [Kernel { sent: 100, ..old.clone() }.update(), answered(101, 2)];
        let (ended, told, asked) = heard(vec![
            first.to_vec(),
            vec![answered(101, 0)],
            vec![Kernel { sent: 70_100, received: 9, ..old.clone() }.update(), answered(102, 0)],
            vec![[Kernel { sent: 8, ..new.clone() }.update(), new.removed(0)].concat(), answered(103, 0)],
        ]);
        assert_eq!(asked, [101, 101, 102, 103, 104]);
        assert_eq!(ended, Ended::Failed("NetworkStatistics: gone".to_owned()));
        assert_eq!(bytes(&told), [(70_000, 9), (8, 0)]);
        let closed =
            told.iter().filter(|i| matches!(i, Input::Net(NetFact { kind: NetKind::Closed(_), .. })));
        assert_eq!(closed.count(), 2);
        assert!(!told.iter().any(|input| matches!(input, Input::Coverage(_))));
    }

    #[test]
    fn an_unknown_layout_is_refused_and_said() {
        let strange = || Kernel { moved: 8, ..tcp() }.update();
        let (ended, told, _) = heard(vec![(0..20).map(|_| strange()).collect()]);
        assert!(matches!(&ended, Ended::Failed(why) if why.contains("lays out")), "{ended:?}");
        assert!(matches!(&told[..], [Input::Coverage(lost)] if lost.count == ENOUGH), "{told:?}");
    }

    #[test]
    fn what_cannot_be_read_among_what_can_is_a_loss() {
        let mut look: Vec<_> = (0..20).map(|_| Kernel { moved: 8, ..udp() }.update()).collect();
        look.insert(0, tcp().update());
        let (_, told, _) = heard(vec![look]);
        let lost: u64 = told.iter().map(|i| if let Input::Coverage(lost) = i { lost.count } else { 0 }).sum();
        assert_eq!(lost, 20);
    }

    #[test]
    fn one_kind_may_be_missing_but_not_all() {
        let refusals = |kinds: &[u64]| kinds.iter().map(|kind| refused(*kind, 2)).collect::<Vec<_>>();
        let (ended, told, _) = heard(vec![refusals(&[8, 101]), vec![tcp().update()]]);
        assert_eq!(ended, Ended::Failed("NetworkStatistics: gone".to_owned()));
        assert!(told.iter().any(|input| matches!(input, Input::Net(_))));
        let (ended, ..) = heard(vec![refusals(&[2, 3, 4, 5, 8])]);
        assert!(matches!(&ended, Ended::Failed(why) if why.contains("errno 2")), "{ended:?}");
    }
}
