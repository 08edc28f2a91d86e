//! When flows are looked at without a packet, and which go when the table is full.

use std::collections::BTreeMap;

use super::table::Flows;
use super::{Close, Flow, FlowId, LINGER, NetFact, Pid, Shared, Timestamp};

/// Of a full table, this part makes room at once: finding the least recently active costs a walk.
const EVICTED_SHARE: usize = 32;
/// Timers are this coarse, in nanoseconds: 67 ms. So few flows end together that what they leave is still in the cache when
/// it is told, and their room when the next ones begin.
const TICK: i64 = 1 << 26;

/// When the flow in a slot is looked at. Kept beside the flows: most timers turn out to be of a flow that is gone or was
/// looked at since, and that must not cost a look at the flow.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Plan {
    pub(super) flow: FlowId,
    /// `i64::MAX` where none is planned.
    pub(super) tick: i64,
}

fn start_of(tick: i64) -> Timestamp {
    Timestamp::from_nanos(tick.saturating_mul(TICK))
}

impl Flows {
    /// Asks for a look at a flow soon after `due`, unless one is coming before that.
    pub(super) fn schedule(&mut self, slot: u32, due: Timestamp) {
        let Some(plan) = self.plans.get_mut(slot as usize) else { return };
        let tick = due.as_nanos().div_euclid(TICK).saturating_add(1);
        if tick < plan.tick {
            plan.tick = tick;
            self.timers.entry(tick).or_default().push((slot, plan.flow));
            self.next_due = self.next_due.min(start_of(tick));
        }
    }

    /// When the next timer runs out.
    #[inline]
    pub(in crate::net) fn next_due(&self) -> Timestamp {
        self.next_due
    }

    /// Looks at every flow whose time has come.
    pub(in crate::net) fn sweep(&mut self, shared: &mut Shared, out: &mut Vec<NetFact>) {
        let now = shared.now;
        while let Some(entry) = self.timers.first_entry()
            && start_of(*entry.key()) <= now
        {
            let (tick, flows) = entry.remove_entry();
            self.make_room(tick, &flows, now);
            for (slot, id) in flows {
                if !self.is_planned(slot, id, tick) {
                    continue;
                }
                if let Some(plan) = self.plans.get_mut(slot as usize) {
                    plan.tick = i64::MAX;
                }
                let Some(flow) = self.flow(slot) else { continue };
                flow.expire(shared, out);
                if flow.is_over(now) {
                    self.retire(slot, Close::Idle, shared, out);
                } else {
                    let over = flow.last.plus(flow.idle_limit());
                    self.schedule(slot, over);
                }
            }
        }
        self.next_due = self.timers.first_key_value().map_or(Timestamp::MAX, |(tick, _)| start_of(*tick));
    }

    /// Room for what those of these flows leave that are over. To count them is also to look at all of them at once: they have
    /// long left the cache, and come back side by side, where else each would be waited for.
    fn make_room(&mut self, tick: i64, flows: &[(u32, FlowId)], now: Timestamp) {
        let planned = flows.iter().filter(|(slot, id)| self.is_planned(*slot, *id, tick));
        let planned = planned.filter_map(|(slot, _)| self.slots.get(*slot as usize)?.as_deref());
        let over = planned.filter(|flow| !flow.waits() && flow.is_over(now)).count();
        self.free.reserve(over);
    }

    fn is_planned(&self, slot: u32, flow: FlowId, tick: i64) -> bool {
        self.plans.get(slot as usize) == Some(&Plan { flow, tick })
    }

    /// Makes room: closed flows first, then those of owners that have more than their share, least recently active first.
    /// Who floods the table pushes out flows of their own.
    pub(super) fn evict(&mut self, shared: &mut Shared, out: &mut Vec<NetFact>) {
        let flows = || self.slots.iter().enumerate().filter_map(|(slot, flow)| Some((slot, flow.as_ref()?)));
        let mut counts: BTreeMap<Option<Pid>, usize> = BTreeMap::new();
        for (_, flow) in flows() {
            *counts.entry(flow.pid()).or_default() += 1;
        }
        let fair = self.len() / counts.len().max(1);
        let mut all: Vec<(bool, bool, Timestamp, FlowId, u32)> = flows()
            .map(|(slot, flow)| {
                let modest = counts.get(&flow.pid()).is_none_or(|count| *count <= fair);
                (flow.closed.is_none(), modest, flow.last, flow.id, slot as u32)
            })
            .collect();
        let share = (all.len() / EVICTED_SHARE).max(1);
        all.select_nth_unstable(share - 1);
        all.truncate(share);
        all.sort_unstable();
        for (open, _, last, _, slot) in all {
            if open {
                shared.stats.evicted += 1;
                shared.stats.note_eviction(last, shared.now);
            }
            self.retire(slot, Close::Evicted, shared, out);
        }
    }
}

impl Flow {
    fn is_over(&self, now: Timestamp) -> bool {
        self.last.plus(self.idle_limit()) <= now
    }

    fn pid(&self) -> Option<Pid> {
        self.owner.as_ref().map(|owner| owner.effective.map_or(owner.pid, |(pid, _)| pid))
    }

    /// When to look at this flow next, if sooner than planned.
    pub(super) fn wish(&self) -> Option<Timestamp> {
        (self.closed.is_some() || self.waits()).then(|| self.last.plus(LINGER))
    }

    /// Something is missing that may still come, or be given up.
    fn waits(&self) -> bool {
        let waiting = self.handshake.as_ref().is_some_and(|handshake| handshake.is_waiting());
        let holes = self.halves.iter().any(|half| !half.stream.is_whole());
        waiting || holes || self.unnamed.is_some() || self.opening.is_some()
    }
}
