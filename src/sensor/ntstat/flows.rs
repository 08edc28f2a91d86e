//! From counts to facts: what the kernel counted since it was last asked.

use std::collections::BTreeMap;

use crate::model::{Close, FlowFacts, FlowId, NetFact, NetKind, Owner, Timestamp, UnknownName};

use super::message::Update;

/// Connections counted at once; a busy Mac has some thousand.
pub const MAX_FLOWS: usize = 1 << 15;

/// What was not counted, each since it was last asked.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Missed {
    /// Connections for which there was no room.
    pub refused: u64,
    /// Connections whose last counts the kernel lost.
    pub unsure: u64,
}

/// The connections that the kernel tells of.
#[derive(Default)]
pub struct Counted {
    flows: BTreeMap<u64, Flow>,
    next: u32,
    /// All that was there at the beginning is known: what appears now began now.
    settled: bool,
    missed: Missed,
}

struct Flow {
    id: FlowId,
    owner: Owner,
    sent: u64,
    received: u64,
}

impl Counted {
    /// The first answer is whole.
    pub fn settle(&mut self) {
        self.settled = true;
    }

    pub fn len(&self) -> usize {
        self.flows.len()
    }

    pub fn take_missed(&mut self) -> Missed {
        std::mem::take(&mut self.missed)
    }

    /// Takes what the kernel says of a connection at `now`.
    pub fn update(&mut self, update: &Update, now: Timestamp, out: &mut Vec<NetFact>) {
        let Some(remote) = update.remote else { return };
        // Between processes of this Mac: the far end is counted by itself, and nothing leaves.
        if remote.ip.is_loopback() {
            return;
        }
        if !self.flows.contains_key(&update.source) {
            if self.flows.len() >= MAX_FLOWS {
                self.missed.refused += 1;
                return;
            }
            let id = FlowId(self.next);
            self.next += 1;
            let facts = FlowFacts {
                transport: update.provider.transport(),
                client: update.local,
                server: remote,
                interface: None,
                midstream: !self.settled,
            };
            out.push(NetFact { time: now, flow: id, kind: NetKind::Opened(Box::new(facts)) });
            out.push(NetFact { time: now, flow: id, kind: NetKind::Owned(update.owner) });
            out.push(NetFact { time: now, flow: id, kind: NetKind::Nameless(UnknownName::Unread) });
            // What went before the first look is not ours to count.
            let (sent, received) = if self.settled { (0, 0) } else { (update.sent, update.received) };
            self.flows.insert(update.source, Flow { id, owner: update.owner, sent, received });
        }
        if let Some(flow) = self.flows.get_mut(&update.source) {
            flow.take(update, now, out);
        }
    }

    pub fn removed(&mut self, source: u64, unsure: bool, now: Timestamp, out: &mut Vec<NetFact>) {
        let Some(flow) = self.flows.remove(&source) else { return };
        self.missed.unsure += u64::from(unsure);
        out.push(NetFact { time: now, flow: flow.id, kind: NetKind::Closed(Close::Finished) });
    }

    /// Nothing more will be told.
    pub fn end(&mut self, now: Timestamp, out: &mut Vec<NetFact>) {
        for flow in std::mem::take(&mut self.flows).into_values() {
            out.push(NetFact { time: now, flow: flow.id, kind: NetKind::Closed(Close::EndOfRecording) });
        }
    }
}

impl Flow {
    fn take(&mut self, update: &Update, now: Timestamp, out: &mut Vec<NetFact>) {
        if update.owner != self.owner {
            self.owner = update.owner;
            out.push(NetFact { time: now, flow: self.id, kind: NetKind::Owned(update.owner) });
        }
        // A count that fell is another's: nothing is added.
        let mut sent = update.sent.saturating_sub(self.sent);
        let mut received = update.received.saturating_sub(self.received);
        (self.sent, self.received) = (update.sent, update.received);
        while sent > 0 || received > 0 {
            let part = |rest: &mut u64| {
                let part = u32::try_from(*rest).unwrap_or(u32::MAX);
                *rest -= u64::from(part);
                part
            };
            let kind = NetKind::Bytes { out: part(&mut sent), into: part(&mut received) };
            out.push(NetFact { time: now, flow: self.id, kind });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sensor::ntstat::message::{Message, messages};
    use crate::sensor::ntstat::testing::{Kernel, tcp, v4};

    const NOW: Timestamp = Timestamp::from_nanos(1_000_000_000);

    fn told(counted: &mut Counted, flow: &Kernel) -> Vec<NetKind> {
        let mut out = Vec::new();
        let Some(Message::Update(update)) = messages(&flow.update()).next() else { panic!("no update") };
        counted.update(&update, NOW, &mut out);
        out.into_iter().map(|fact| fact.kind).collect()
    }

    #[test]
    fn counts_what_was_sent_since_the_last_look() {
        let mut counted = Counted::default();
        let first = told(&mut counted, &Kernel { sent: 9_000_000, received: 5, ..tcp() });
        assert!(
            matches!(&first[..], [NetKind::Opened(facts), NetKind::Owned(_), NetKind::Nameless(_)] if facts.midstream)
        );
        counted.settle();
        let flow = Kernel { sent: 9_070_000, received: 30, ..tcp() };
        assert_eq!(told(&mut counted, &flow), [NetKind::Bytes { out: 70_000, into: 25 }]);
        assert_eq!(told(&mut counted, &flow), []);
        // Fell: the kernel counts another connection now, or anew.
        assert_eq!(told(&mut counted, &Kernel { sent: 10, received: 30, ..tcp() }), []);
        assert_eq!(
            told(&mut counted, &Kernel { sent: 11, received: 30, ..tcp() }),
            [NetKind::Bytes { out: 1, into: 0 }]
        );
    }

    #[test]
    fn what_appears_later_counts_from_its_beginning() {
        let mut counted = Counted::default();
        counted.settle();
        let all = told(&mut counted, &Kernel { sent: 6 << 30, received: 1, ..tcp() });
        assert!(matches!(&all[0], NetKind::Opened(facts) if !facts.midstream));
        let sent: u64 = all
            .iter()
            .map(|kind| if let NetKind::Bytes { out, .. } = kind { u64::from(*out) } else { 0 })
            .sum();
        assert_eq!(sent, 6 << 30);
    }

    #[test]
    fn another_owner_is_told_and_the_end_too() {
        let mut counted = Counted::default();
        told(&mut counted, &tcp());
        assert!(matches!(told(&mut counted, &Kernel { pid: 502, ..tcp() })[..], [NetKind::Owned(_)]));
        let mut out = Vec::new();
        counted.removed(1, true, NOW, &mut out);
        counted.removed(1, true, NOW, &mut out);
        assert_eq!(out.len(), 1);
        assert_eq!(counted.take_missed(), Missed { refused: 0, unsure: 1 });
        assert_eq!(counted.take_missed(), Missed::default());
        told(&mut counted, &Kernel { source: 2, ..tcp() });
        counted.end(NOW, &mut out);
        assert_eq!((out.len(), counted.len()), (2, 0));
    }

    #[test]
    fn listeners_and_this_mac_are_no_flows() {
        let mut counted = Counted::default();
        assert_eq!(told(&mut counted, &Kernel { remote: v4([0; 4], 0), ..tcp() }), []);
        assert_eq!(told(&mut counted, &Kernel { remote: vec![0; 28], ..tcp() }), []);
        assert_eq!(told(&mut counted, &Kernel { remote: v4([127, 0, 0, 1], 443), ..tcp() }), []);
        assert_eq!(counted.len(), 0);
    }

    #[test]
    fn room_is_bounded() {
        let mut counted = Counted::default();
        for source in 0..=MAX_FLOWS as u64 {
            told(&mut counted, &Kernel { source, ..tcp() });
        }
        assert_eq!((counted.len(), counted.take_missed().refused), (MAX_FLOWS, 1));
    }
}
