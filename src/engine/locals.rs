//! Connections from one process of this Mac to another: proxies, and servers behind a tunnel.
//!
//! A process that carries a read sends to a local port; the process that owns the port then sends on. Whose data that is
//! can be told only where one connection in meets one connection out; even then not for certain, so the alert's
//! confidence is low (`second-hop`). What is behind a port otherwise stands in `relays`. In all other cases it is said that it cannot be told (`proxy`).

use std::collections::BTreeMap;

use crate::model::{CoverageKind, FlowId, Owner, Pid, Span, Timestamp};
use crate::policy::{Category, SetId};

use super::Engine;
use super::apps::Laid;
use super::flows::Target;
use super::lineage::LifeId;
use super::window::{Doubts, Place};

/// Local connections remembered at most, about 120 bytes each; the oldest makes room.
const MAX_LOCALS: usize = 1024;
/// How long an ended one is remembered: what went in may still go out.
pub(super) const LINGER: Span = Span::from_secs(10);
/// A proxy that opens its own connection does so within this time of being asked.
const NEXT: Span = Span::from_secs(2);
/// Below this many bytes sizes say nothing: headers and handshakes differ.
const SLACK: u64 = 8 * 1024;
/// What a response has, or a request, beside the file.
pub(super) const HEADERS: u64 = 2 * 1024;

/// One connection from a process to a local port.
#[derive(Debug)]
pub(super) struct Local {
    pub(super) ends: [Option<Owner>; 2],
    pub(super) opened: Timestamp,
    pub(super) last: Timestamp,
    pub(super) ended: bool,
    /// From the client to the server and back.
    pub(super) bytes: [u64; 2],
    /// The connection by which the server sent it on, and what it sent there.
    pub(super) next: Option<FlowId>,
    pub(super) sent_on: u64,
    pub(super) told: bool,
}

impl Local {
    /// The process that was connected to, and that did not connect itself.
    pub(super) fn is_server(&self, pid: Pid) -> bool {
        let is = |owner: Option<Owner>| owner.is_some_and(|owner| owner.pid == pid);
        is(self.ends[1]) && !is(self.ends[0])
    }
}

#[derive(Debug, Default)]
pub struct Locals {
    pub(super) by_flow: BTreeMap<FlowId, Local>,
}

/// What is known of the connection before a flow.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Before {
    #[default]
    NotAsked,
    /// Nobody asked for it locally.
    Nothing,
    /// This one asked for it.
    One(FlowId),
    /// Several may have.
    Several,
}

impl Locals {
    pub fn is_empty(&self) -> bool {
        self.by_flow.is_empty()
    }

    /// True if one that still counted gave way.
    #[must_use]
    pub fn open(&mut self, flow: FlowId, time: Timestamp) -> bool {
        self.by_flow.retain(|_, local| !local.ended || time.since(local.last) <= LINGER);
        let lost = self.by_flow.len() >= MAX_LOCALS && self.by_flow.pop_first().is_some();
        let local = Local {
            ends: [None; 2],
            opened: time,
            last: time,
            ended: false,
            bytes: [0; 2],
            next: None,
            sent_on: 0,
            told: false,
        };
        self.by_flow.insert(flow, local);
        lost
    }

    /// A packet names one of its two processes: the one that opened it comes first.
    pub fn owned(&mut self, flow: FlowId, owner: Owner) {
        let Some(local) = self.by_flow.get_mut(&flow) else { return };
        match &mut local.ends {
            [first @ None, _] => *first = Some(owner),
            [Some(first), second @ None] if first.pid != owner.pid => *second = Some(owner),
            _ => {}
        }
    }

    pub fn close(&mut self, flow: FlowId) {
        if let Some(local) = self.by_flow.get_mut(&flow) {
            local.ended = true;
        }
    }

    /// Does what was sent on agree with what `giver` sent there?
    pub fn is_one_to_one(&self, flow: FlowId, giver: Pid) -> bool {
        let Some(local) = self.by_flow.get(&flow) else { return true };
        let went = local.sent_on;
        if local.is_server(giver) {
            // Who answers many things answers little and much: only what was sent on as it came is told from the rest.
            let came = local.bytes[1];
            let most = came.saturating_add(came / 2).saturating_add(HEADERS);
            return went <= most && came <= went.saturating_add(HEADERS);
        }
        let came = local.bytes[0];
        went <= came.saturating_mul(2).saturating_add(SLACK)
            && came <= went.saturating_mul(2).saturating_add(SLACK)
    }
}

impl Engine {
    /// Bytes of a connection to a local port.
    pub(super) fn sent_locally(&mut self, id: FlowId, time: Timestamp, out: u64, into: u64) {
        let Some(local) = self.locals.by_flow.get_mut(&id) else { return };
        local.bytes[0] += out;
        local.bytes[1] += into;
        local.last = local.last.max(time);
        if local.told || local.ends[1].is_some() || self.carriers.is_empty() {
            return;
        }
        let Some(local) = self.locals.by_flow.get(&id) else { return };
        if self.floor_of_carrier(local).is_some_and(|floor| local.bytes[0] >= floor) {
            self.tell_proxy(
                id,
                "a process that held sensitive data sent to a local port; who listens there is not known",
            );
        }
    }

    fn tell_proxy(&mut self, local: FlowId, text: &str) {
        if let Some(local) = self.locals.by_flow.get_mut(&local) {
            local.told = true;
        }
        self.note(CoverageKind::Proxy, 1, text);
    }

    /// The life behind a flow whose own process carries nothing: one that it served or was served by locally.
    pub(super) fn behind(&mut self, id: FlowId, sender: LifeId, time: Timestamp, out: u64) -> Option<Laid> {
        if self.locals.is_empty() && !self.tunnels_may_be_near(id) {
            return None;
        }
        if self.is_tunnel(id) {
            return self.behind_tunnel(id, sender, time);
        }
        let flow = self.flows.get_mut(id)?;
        let (opened, known) = (flow.opened, flow.before);
        let before = if known == Before::NotAsked { self.before(id, sender, opened) } else { known };
        self.flows.get_mut(id)?.before = before;
        match before {
            Before::NotAsked => None,
            Before::Nothing => match self.relayed(id, sender, time, out) {
                Some(local) => self.sent_on(local, sender, time, out),
                None => {
                    self.fetched(id, sender, time, out);
                    None
                }
            },
            Before::Several => {
                self.proxied(id, sender, out);
                None
            }
            Before::One(local) => self.sent_on(local, sender, time, out),
        }
    }

    /// Bytes that a process sends which it has from this local connection: they are laid to the other end.
    fn sent_on(&mut self, local: FlowId, sender: LifeId, time: Timestamp, out: u64) -> Option<Laid> {
        let relays = self.upstream(sender);
        let local = self.locals.by_flow.get_mut(&local)?;
        local.sent_on += out;
        let client = self.lineage.at(local.ends[0]?.pid, local.opened)?;
        let life = match relays.contains(&client) {
            true => self.lineage.at(local.ends[1]?.pid, local.opened)?,
            false => client,
        };
        let carries = self.lineage.get(life)?.carries_at(time);
        let (attribution, doubts) = (crate::model::Attribution::Process, Doubts::SECOND_HOP);
        carries.then_some(Laid { life, attribution, doubts })
    }

    /// Which local connection asked for this flow?
    fn before(&mut self, id: FlowId, sender: LifeId, opened: Timestamp) -> Before {
        let (lineage, flows) = (&self.lineage, &mut self.flows);
        // One that names its destination itself is counted as what it is.
        let named = |flow: FlowId, flows: &mut super::flows::Flows| {
            flows
                .get_mut(flow)
                .is_some_and(|flow| matches!(flow.target, Target::Place(Place::Service { .. })))
        };
        let is = |owner: Option<Owner>, at: Timestamp| {
            owner.and_then(|owner| lineage.at(owner.pid, at)) == Some(sender)
        };
        let near = |local: &Local| {
            local.opened <= opened.plus(NEXT) && (!local.ended || opened.since(local.last) <= NEXT)
        };
        let (mut served, mut unknown) = (Vec::new(), Vec::new());
        for (flow, local) in self.locals.by_flow.iter().filter(|(_, local)| near(local)) {
            match local.ends[1] {
                Some(_) if is(local.ends[1], local.opened) => served.push(*flow),
                None if local.ends[0].is_some()
                    && !is(local.ends[0], local.opened)
                    && opened.since(local.opened) <= NEXT =>
                {
                    unknown.push(*flow)
                }
                _ => {}
            }
        }
        let known = !served.is_empty();
        let candidates = if known { served } else { unknown };
        match candidates[..] {
            [] => Before::Nothing,
            [one] => {
                let fresh = self
                    .locals
                    .by_flow
                    .get(&one)
                    .is_some_and(|local| local.next.is_none() && local.opened <= opened);
                if named(one, flows) || !fresh && !known {
                    return Before::Nothing;
                }
                if !fresh {
                    return Before::Several;
                }
                if let Some(local) = self.locals.by_flow.get_mut(&one) {
                    local.next = Some(id);
                }
                Before::One(one)
            }
            _ if known => Before::Several,
            _ => Before::Nothing,
        }
    }

    /// A process sends on what came from several others, or what it had already: whose it is cannot be told.
    fn proxied(&mut self, id: FlowId, sender: LifeId, out: u64) {
        let floor = self.policy.options.min_bytes;
        let Some(flow) = self.flows.get_mut(id) else { return };
        let before = flow.proxied;
        flow.proxied += out;
        if before < floor && flow.proxied >= floor {
            self.note_proxy(sender);
        }
    }

    /// A process sends what it may have fetched a moment ago from another that holds sensitive data.
    fn fetched(&mut self, id: FlowId, sender: LifeId, time: Timestamp, out: u64) {
        let floor = self.policy.options.min_bytes;
        // Counted already.
        let Some(after) = self.flows.get_mut(id).map(|flow| flow.proxied) else { return };
        if after.saturating_sub(out) >= floor || after < floor {
            return;
        }
        let life = |owner: Option<Owner>, at| owner.and_then(|owner| self.lineage.at(owner.pid, at));
        let gave = |local: &Local| {
            let late = time.since(local.last) <= LINGER && local.bytes[1] >= floor && !local.told;
            let server = || self.lineage.get(life(local.ends[1], local.opened)?);
            late && life(local.ends[0], local.opened) == Some(sender)
                && server().is_some_and(|server| server.carries_at(local.last))
        };
        let found = self.locals.by_flow.iter().rev().find(|(_, local)| gave(local)).map(|(flow, _)| *flow);
        if let Some(local) = found {
            self.tell_proxy(
                local,
                "a process sends to a cloud service just after it fetched something from a local port of a process that \
                 held sensitive data: whether it is the same is not visible",
            );
        }
    }

    /// Bytes to a place that no service has. The agent that all programs of a Mac send through may have its gateway there,
    /// behind which everything is.
    pub(super) fn sent_on_elsewhere(&mut self, id: FlowId, time: Timestamp, out: u64) {
        if self.locals.is_empty() || self.carriers.is_empty() {
            return;
        }
        let floor = self.policy.options.min_bytes;
        let Some(flow) = self.flows.get_mut(id) else { return };
        flow.proxied += out;
        let went = flow.proxied;
        if went >= floor {
            // Later ones begin anew.
            flow.proxied = 0;
        }
        let Some(sender) = flow.owner else { return };
        let gave = |local: &Local| {
            let open = !local.told && local.next.is_none() && local.is_server(sender.pid);
            // Of little, all of it.
            open && went >= floor.min(local.bytes[0])
                && time.since(local.last) <= LINGER
                && self.floor_of_carrier(local).is_some_and(|floor| local.bytes[0] >= floor)
        };
        let found = self.locals.by_flow.iter().rev().find(|(_, local)| gave(local)).map(|(flow, _)| *flow);
        if let Some(local) = found {
            self.tell_proxy(
                local,
                "a process that held sensitive data sent to a local port, and who listens there sends on to a place that is \
                 no cloud service: what is behind it is not visible",
            );
        }
    }

    /// If it is a process that carries a read that opened this connection: from how many bytes on an upload of that counts.
    fn floor_of_carrier(&self, local: &Local) -> Option<u64> {
        let life = self.lineage.get(self.lineage.at(local.ends[0]?.pid, local.last)?)?;
        let reads = life.carried_at(local.last).map(|bearing| &bearing.read);
        let floor = |set: SetId| self.policy.set(set).min_bytes;
        reads.filter_map(|read| self.sets_of(read).iter().map(floor).min()).min()
    }

    pub(super) fn note_proxy(&mut self, sender: LifeId) {
        let Some(sender) = self.lineage.get(sender) else { return };
        let text = format!(
            "{} sends to cloud services for other processes of this Mac: whose data it sends is not visible",
            sender.image.evidence.info.program.path
        );
        self.note(CoverageKind::Proxy, 1, &text);
    }

    /// What came in and what was sent on differ: it may be somebody else's.
    pub(super) fn note_partly(&mut self) {
        let text = "a process that held sensitive data sent to a local port; what was sent on from there does not match it";
        self.note(CoverageKind::Proxy, 1, text);
    }

    fn is_tunnel(&mut self, id: FlowId) -> bool {
        let Some(Target::Place(Place::Service { name, .. })) =
            self.flows.get_mut(id).map(|flow| &flow.target)
        else {
            return false;
        };
        let service = self.policy.services.by_name(name);
        service.is_some_and(|id| self.policy.services.get(id).category == Category::Tunnel)
    }

    fn tunnels_may_be_near(&mut self, id: FlowId) -> bool {
        !self.carriers.is_empty() && self.is_tunnel(id)
    }

    /// What a tunnel sends out was asked of it from outside: it comes from a process that it speaks to locally. Where the
    /// capture shows no local connection at all, from any that carries a read in the same session of the same user.
    fn behind_tunnel(&mut self, id: FlowId, tunnel: LifeId, time: Timestamp) -> Option<Laid> {
        let other_end = |local: &Local| {
            let lives =
                local.ends.map(|owner| owner.and_then(|owner| self.lineage.at(owner.pid, local.opened)));
            match lives {
                [Some(client), Some(server)] if client == tunnel => Some(server),
                [Some(client), Some(server)] if server == tunnel => Some(client),
                _ => None,
            }
        };
        let carries = |life: &LifeId| self.lineage.get(*life).is_some_and(|life| life.carries_at(time));
        let spoken = self.locals.by_flow.values().rev().filter_map(other_end).find(carries);
        let found = match spoken {
            Some(life) => life,
            None if self.locals.is_empty() => {
                let tunnel = &self.lineage.get(tunnel)?.image.evidence.info;
                let beside = |life: &&LifeId| {
                    self.lineage.get(**life).is_some_and(|life| {
                        let info = &life.image.evidence.info;
                        let together = (info.euid, info.session_id) == (tunnel.euid, tunnel.session_id);
                        together && life.ended.is_none() && life.carries_at(time)
                    })
                };
                *self.carriers.iter().rev().find(beside)?
            }
            None => return None,
        };
        _ = id;
        Some(Laid { life: found, attribution: crate::model::Attribution::Process, doubts: Doubts::NONE })
    }
}
