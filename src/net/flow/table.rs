//! The table of flows: bounded, with timers driven by packet time.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::gone::Gone;
use super::key::sender_is_client;
use super::timers::Plan;
use super::ways::{Way, Ways};
use super::{
    Close, Conversation, Flow, FlowId, FlowSummary, Half, INTO, Key, LINGER, MAX_SPARE_FLOWS, NameScope,
    NetFact, OUT, Owner, RawOwner, Segment, Shared, Timestamp, Transport, is_same_owner,
};
use crate::model::{Direction, Hasher, Table};
use crate::net::frame::TcpHeader;
use crate::net::quic;

/// All flows of this moment.
pub(in crate::net) struct Flows {
    pub(super) slots: Vec<Option<Box<Flow>>>,
    pub(super) free: Vec<u32>,
    hasher: Hasher,
    /// The newest flow of each key, by a seeded hash of it: a tenth of the memory, and two keys do not share one.
    index: Table<u64, u32>,
    /// When each slot's flow is looked at; stays what it was when the flow goes, whose id nobody has again.
    pub(super) plans: Vec<Plan>,
    /// Which flows to look at, by the tick; stale entries are recognised by the flow's plan.
    pub(super) timers: BTreeMap<i64, Vec<(u32, FlowId)>>,
    /// The beginning of the first of those ticks.
    pub(super) next_due: Timestamp,
    next_id: u32,
    /// The flows of the last packets: packets come in bursts.
    ways: Ways,
    /// Flows that are gone, for the next ones.
    #[expect(clippy::vec_box, reason = "the boxes are what is reused")]
    spare: Vec<Box<Flow>>,
    gone: Gone,
    /// What QUIC servers call themselves.
    pub(super) connections: quic::Connections,
    /// Flows that opened, and summaries of flows that are gone, if wanted.
    pub(in crate::net) opened: Vec<(FlowId, Timestamp)>,
    pub(in crate::net) finished: Vec<FlowSummary>,
}

/// The packet around a segment.
pub(in crate::net) struct Seen<'a> {
    pub(in crate::net) time: Timestamp,
    pub(in crate::net) direction: Option<Direction>,
    pub(in crate::net) interface: Option<&'a Arc<str>>,
    pub(in crate::net) segment: Segment<'a>,
}

impl Flows {
    pub(in crate::net) fn new() -> Self {
        Self {
            slots: Vec::new(),
            free: Vec::new(),
            hasher: Hasher::default(),
            index: Table::new(),
            plans: Vec::new(),
            timers: BTreeMap::new(),
            next_due: Timestamp::MAX,
            next_id: 0,
            ways: Ways::new(),
            spare: Vec::new(),
            gone: Gone::default(),
            connections: quic::Connections::default(),
            opened: Vec::new(),
            finished: Vec::new(),
        }
    }

    /// The flow that a segment belongs to, opened if need be, and whether its client sent it. `None` for a straggler of a
    /// connection that is over.
    #[inline]
    pub(in crate::net) fn find(
        &mut self,
        way: Option<Way>,
        seen: &Seen<'_>,
        shared: &mut Shared,
        out: &mut Vec<NetFact>,
    ) -> Option<(u32, bool)> {
        if let Some(way) = way
            && self.way_flow(way).is_some_and(|flow| flow.takes_all(&seen.segment))
        {
            return Some((way.slot, way.from_client));
        }
        let (key, src_is_low) = Key::of(&seen.segment);
        let hash = self.hasher.hash(&key);
        let known = self.index.get(&hash).copied().filter(|slot| self.is_of(*slot, &key));
        let accepting = |slot| self.accepting(slot, src_is_low, &seen.segment, &mut shared.opened);
        let slot = match known.and_then(accepting) {
            Some(slot) => slot,
            None if self.gone.knows(seen.time, hash, src_is_low, &seen.segment) => return None,
            None => {
                let slot = self.open(key, src_is_low, known, seen, shared, out);
                self.index.insert(hash, slot);
                slot
            }
        };
        let flow = self.slots.get(slot as usize)?.as_deref()?;
        let way = Way { slot, flow: flow.id, from_client: flow.client_is_low == src_is_low };
        self.ways.put(&seen.segment, way);
        Some((slot, way.from_client))
    }

    fn is_of(&self, slot: u32, key: &Key) -> bool {
        self.slots.get(slot as usize).and_then(Option::as_deref).is_some_and(|flow| flow.key == *key)
    }

    /// The flow that the last segment with these addresses and ports belonged to.
    #[inline(always)]
    pub(in crate::net) fn way(&self, segment: &Segment<'_>) -> Option<Way> {
        self.ways.get(segment)
    }

    #[inline(always)]
    fn way_flow(&mut self, way: Way) -> Option<&mut Flow> {
        self.slots.get_mut(way.slot as usize)?.as_deref_mut().filter(|flow| flow.id == way.flow)
    }

    /// Takes the next bytes in order of a connection that is under way, as most packets are. False, and nothing is done, if
    /// there is more to this one.
    #[inline(always)]
    pub(in crate::net) fn goes_on(
        &mut self,
        way: Way,
        time: Timestamp,
        interface: Option<&Arc<str>>,
        owner: Option<&RawOwner<'_>>,
        segment: &Segment<'_>,
        out: &mut Vec<NetFact>,
    ) -> bool {
        let Some(tcp) = segment.tcp.filter(TcpHeader::is_plain) else { return false };
        let Some(flow) = self.way_flow(way) else { return false };
        let this = if way.from_client { OUT } else { INTO };
        flow.passes_as_before(this, interface)
            && owner.is_none_or(|raw| flow.owner.as_ref().is_some_and(|owner| is_same_owner(raw, owner)))
            && flow.goes_on(this, time, tcp, segment.len, out)
    }

    /// The flow of this key, newest first, that a segment can belong to.
    #[inline]
    fn accepting(
        &self,
        newest: u32,
        src_is_low: bool,
        segment: &Segment<'_>,
        buffer: &mut Vec<u8>,
    ) -> Option<u32> {
        let flow = self.slots.get(newest as usize)?.as_ref()?;
        let Some(tcp) = segment.tcp else {
            return self.connection(newest, flow, src_is_low, segment, buffer);
        };
        if flow.takes_all(segment) || flow.takes(src_is_low, segment, tcp) {
            return Some(newest);
        }
        let (slot, id) = flow.older?;
        let older = self.slots.get(slot as usize)?.as_ref()?;
        (older.id == id && older.takes(src_is_low, segment, tcp)).then_some(slot)
    }

    fn open(
        &mut self,
        key: Key,
        src_is_low: bool,
        older: Option<u32>,
        seen: &Seen<'_>,
        shared: &mut Shared,
        out: &mut Vec<NetFact>,
    ) -> u32 {
        if self.len() >= shared.limits.flows {
            self.evict(shared, out);
        }
        let shares = older.is_some() && seen.segment.tcp.is_none();
        let older = older.and_then(|slot| self.supersede(slot, seen, out));
        let id = FlowId(self.next_id);
        self.next_id = self.next_id.wrapping_add(1);
        let flow = Flow::open(id, key, src_is_low, older, seen, shared.limits.facts);
        let mut flow = match self.spare.pop() {
            Some(mut spare) => {
                *spare = flow;
                spare
            }
            None => Box::new(flow),
        };
        flow.shares = shares;
        flow.tell_opened(seen.time, out);
        if shared.limits.summaries {
            self.opened.push((id, seen.time));
        }
        flow.look_nearby(seen.time, out);
        if let Some(before) = self.moved(&seen.segment) {
            flow.continues(seen.time, before, NameScope::SameProcess, out);
        }
        let plan = Plan { flow: id, tick: i64::MAX };
        let slot = match self.free.pop() {
            Some(slot) => slot,
            None => {
                self.slots.push(None);
                self.plans.push(plan);
                (self.slots.len() - 1) as u32
            }
        };
        self.plans[slot as usize] = plan;
        let due = seen.time.plus(flow.first_look());
        self.slots[slot as usize] = Some(flow);
        self.schedule(slot, due);
        shared.stats.flows += 1;
        slot
    }

    /// A new connection takes the place of this one, which from now on only waits for its stragglers. One is enough: its
    /// own predecessor is left to its timer. Of datagrams, both may go on.
    fn supersede(&mut self, slot: u32, seen: &Seen<'_>, out: &mut Vec<NetFact>) -> Option<(u32, FlowId)> {
        let flow = self.flow(slot)?;
        if seen.segment.tcp.is_none() {
            flow.shares = true;
            return None;
        }
        flow.older = None;
        flow.mark_closed(seen.time, Close::Reset, out);
        let (id, due) = (flow.id, seen.time.plus(LINGER));
        self.schedule(slot, due);
        Some((slot, id))
    }

    #[inline]
    pub(super) fn flow(&mut self, slot: u32) -> Option<&mut Flow> {
        self.slots.get_mut(slot as usize)?.as_deref_mut()
    }

    /// The capture says whose a packet is, in the packet or beside it.
    #[inline]
    pub(in crate::net) fn owned(
        &mut self,
        slot: u32,
        seen: &Seen<'_>,
        raw: Option<&RawOwner<'_>>,
        beside: Option<&Owner>,
        shared: &mut Shared,
        out: &mut Vec<NetFact>,
    ) {
        let Some(flow) = self.flow(slot).filter(|flow| !flow.is_outside(seen.interface)) else { return };
        let before = flow.owner;
        match (raw, beside) {
            (Some(raw), _) => flow.owned_by(seen.time, raw, shared, out),
            (None, Some(owner)) => flow.set_owner(seen.time, *owner, shared, out),
            (None, None) => {}
        }
        if flow.carries_several && flow.owner != before {
            self.note_shared(slot, shared);
        }
    }

    /// Removes a flow, telling what remains to be told of it.
    pub(super) fn retire(&mut self, slot: u32, close: Close, shared: &mut Shared, out: &mut Vec<NetFact>) {
        let Some(mut flow) = self.slots.get_mut(slot as usize).and_then(Option::take) else { return };
        flow.conclude(shared, out);
        flow.mark_closed(flow.last, close, out);
        let hash = self.hasher.hash(&flow.key);
        // Of several flows of one key, the index has the newest.
        if let Some(newest) = self.index.remove(&hash).filter(|newest| *newest != slot) {
            self.index.insert(hash, newest);
        }
        self.gone.remember(hash, &flow);
        if flow.carries_several {
            shared.open.forget(&flow);
        }
        self.free.push(slot);
        if shared.limits.summaries {
            self.finished.push(flow.summary());
        }
        if self.spare.len() < MAX_SPARE_FLOWS {
            self.spare.push(flow);
        }
    }

    /// Ends every flow, in the order in which they were opened.
    pub(in crate::net) fn end(&mut self, shared: &mut Shared, out: &mut Vec<NetFact>) {
        let mut all: Vec<(FlowId, u32)> = Vec::new();
        for (slot, flow) in self.slots.iter().enumerate() {
            all.extend(flow.as_ref().map(|flow| (flow.id, slot as u32)));
        }
        all.sort_unstable();
        for (_, slot) in all {
            self.retire(slot, Close::EndOfRecording, shared, out);
        }
        self.timers.clear();
        self.next_due = Timestamp::MAX;
    }

    /// How many flows are in the table.
    pub(in crate::net) fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }
}

impl Flow {
    fn open(
        id: FlowId,
        key: Key,
        src_is_low: bool,
        older: Option<(u32, FlowId)>,
        seen: &Seen<'_>,
        tells: bool,
    ) -> Self {
        let segment = &seen.segment;
        let client_sent = sender_is_client(segment, seen.direction);
        let syn = segment.tcp.filter(|tcp| tcp.has(TcpHeader::SYN));
        let sender_opened = syn.map(|tcp| !tcp.has(TcpHeader::ACK));
        let transport = match segment.tcp {
            Some(_) => Transport::Tcp,
            None if quic::is_quic(segment.payload) => Transport::Quic,
            None => Transport::Udp,
        };
        Self {
            id,
            key,
            client_is_low: client_sent == src_is_low,
            client_opened: sender_opened.is_none_or(|opened| opened == client_sent),
            opener_known: syn.is_some(),
            transport,
            settled: transport != Transport::Tcp,
            answers_from: Timestamp::MIN,
            closed: None,
            midstream: transport == Transport::Tcp && syn.is_none(),
            first: seen.time,
            last: seen.time,
            halves: [Half::default(), Half::default()],
            handshake: None,
            opening: None,
            chosen: 0,
            owner: None,
            older,
            interface: seen.interface.cloned(),
            name: None,
            aliases: None,
            greeted: false,
            answered: false,
            shares: false,
            tells,
            carries_several: false,
            hello: None,
            unnamed: None,
            nameless: None,
            disputed: None,
            dns: Conversation::default(),
        }
    }
}
