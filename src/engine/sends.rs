//! What the network showed: flows find their process, bytes find their tally.
//!
//! In: [`NetFact`]s. What is known of a flow stands in `flows`, whose it is decides `apps`; bytes wait there until both owner
//! and place are known. Out: tallies of lives that grow, which `floors` and `judge` look at.

use crate::model::{Close, CoverageKind, FlowId, NameScope, NetFact, NetKind, Owner, Timestamp};
use crate::policy::Policy;

use super::apps::Laid;
use super::fetched::Bytes;
use super::flows::{Flow, Target};
use super::lineage::LifeId;
use super::locals::Before;
use super::tally::{SILENCE, Tally};
use super::window::{Doubts, Mark, Place};
use super::{Engine, Timer, commands};

/// More out than in by this much is judged at once.
const CLEARLY_AN_UPLOAD: u64 = 64 * 1024;
/// Flows remembered as reported without an owner.
const MAX_UNATTRIBUTED: usize = 4096;
const EXEC_NOT_SEEN: &str = "packets name another program than the one that is known to run under their pid: an exec, or an \
                             exit and a fork, were not seen";
const EARLY_FULL: &str = "facts of flows whose beginning had not come yet: there were too many of them";
const LOCALS_FULL: &str = "connections between local programs: the oldest is no longer followed";

impl Engine {
    pub(super) fn send(&mut self, fact: NetFact) {
        self.stats.net_facts += 1;
        let (fact, lost) = self.flows.hold(fact);
        if lost > 0 {
            self.note(CoverageKind::TableFull, lost, EARLY_FULL);
        }
        let Some(NetFact { time, flow: id, kind }) = fact else { return };
        match kind {
            NetKind::Opened(facts) => {
                let known = self.flows.open(&self.policy, id, time, &facts);
                if self.flows.get_mut(id).is_some_and(|flow| flow.local) {
                    let full = self.locals.open(id, time);
                    self.note_full(full, LOCALS_FULL);
                }
                known.into_iter().for_each(|fact| self.send(fact));
            }
            NetKind::Owned(owner) => self.owned(id, time, owner),
            NetKind::Named { domain, source, scope } => {
                self.learn(id, |flow, policy| flow.name(policy, &domain, source, scope));
            }
            NetKind::Hello(hello) => {
                if let Some(flow) = self.flows.get_mut(id) {
                    flow.hello = Some(hello);
                }
            }
            NetKind::Nameless(why) => self.learn(id, |flow, _| flow.nameless(why)),
            NetKind::Disputed(by_dns) => self.learn(id, |flow, policy| flow.dispute(policy, by_dns)),
            NetKind::Shared(host) => self.learn(id, |flow, policy| flow.share(policy, host)),
            NetKind::Bytes { out, into } => self.sent(id, time, u64::from(out), u64::from(into)),
            NetKind::Unanswered => self.unanswered(id),
            NetKind::Closed(close) => self.closed(id, close),
        }
    }

    fn owned(&mut self, id: FlowId, time: Timestamp, owner: Owner) {
        let Some(flow) = self.flows.get_mut(id) else { return };
        if flow.local {
            // Both ends are processes of this Mac; packets name the one or the other.
            self.locals.owned(id, owner);
        }
        if flow.owner != Some(owner) && !(flow.local && flow.owner.is_some()) {
            flow.owner = Some(owner);
            flow.life = None;
            flow.suspects.clear();
            flow.misnamed = self.lineage.is_another(owner, time);
            if flow.misnamed {
                self.note(CoverageKind::ExecNotSeen, 1, EXEC_NOT_SEEN);
            }
            self.place_late(id);
        }
    }

    /// Something about where a flow goes became known: `change` says whether that is another place than before.
    fn learn(&mut self, id: FlowId, change: impl FnOnce(&mut Flow, &Policy) -> bool) {
        let policy = &self.policy;
        if self.flows.get_mut(id).is_some_and(|flow| change(flow, policy)) {
            self.place_late(id);
        }
    }

    /// What came back was not captured, so how it compares to what was sent is not known.
    fn unanswered(&mut self, id: FlowId) {
        let counted = self.flows.get_mut(id).is_some_and(|flow| flow.life.is_some());
        if counted && self.policy.options.min_ratio > 0.0 {
            self.note(
                CoverageKind::RatioNotJudged,
                1,
                "flows of which only what was sent is captured: they may be downloads",
            );
        }
    }

    /// An owner or a name came after the bytes: they go where it says. What was sent before anything was read does not.
    fn place_late(&mut self, id: FlowId) {
        let Some(flow) = self.flows.get_mut(id) else { return };
        let waiting = std::mem::take(&mut flow.waiting);
        if waiting.is_empty() {
            return;
        }
        let owner = self.laid_to(id, waiting[0].0).and_then(|laid| self.lineage.get(laid.life));
        let read = owner.and_then(|life| life.bearings.iter().map(|bearing| bearing.since).min());
        for (time, out, into) in waiting {
            if read.is_none_or(|read| read <= time) {
                self.sent(id, time, out, into);
            }
        }
    }

    fn sent(&mut self, id: FlowId, time: Timestamp, out: u64, into: u64) {
        let Some(flow) = self.flows.get_mut(id) else { return };
        if flow.is_nobodys_business() {
            return self.sent_on_elsewhere(id, time, out);
        }
        self.habituate(id, time);
        let Some(flow) = self.flows.get_mut(id) else { return };
        if flow.air.is_some() {
            return self.sent_by_air(id, time, out);
        }
        let named = matches!(flow.target, Target::Place(Place::Service { .. }));
        if flow.local {
            self.sent_locally(id, time, out, into);
        }
        let Some(flow) = self.flows.get_mut(id).filter(|flow| named || !flow.local) else { return };
        if flow.target == Target::Elsewhere {
            self.sent_on_elsewhere(id, time, out);
            return self.sent_by_mail(id, time, out);
        }
        if flow.owner.is_none() || flow.target == Target::Open {
            flow.wait(time, out, into);
            return self.nobodys(id);
        }
        if let Some(laid) = self.laid(id, time, out) {
            self.add(id, laid, time, out, into);
        }
    }

    /// The life that bytes count for; `None` if they count for nobody.
    fn laid(&mut self, id: FlowId, time: Timestamp, out: u64) -> Option<Laid> {
        let laid = self.laid_to(id, time)?;
        let life = self.lineage.get(laid.life)?;
        if life.carries_at(time) {
            return Some(laid);
        }
        let (empty, unseen) = (life.bearings.is_empty(), life.unseen.is_some());
        let behind = self.behind(id, laid.life, time, out);
        if behind.is_none() && unseen {
            self.sent_without_a_read(laid.life, id, time, out);
        }
        behind.or((!empty).then_some(laid))
    }

    fn add(&mut self, id: FlowId, laid: Laid, time: Timestamp, out: u64, into: u64) {
        let Some(life) = self.lineage.get_mut(laid.life) else { return };
        let Some(flow) = self.flows.get_mut(id) else { return };
        let Target::Place(place) = &flow.target else { return };
        flow.life = Some(laid.life);
        let told = commands::told(life, place);
        let place = told.as_ref().unwrap_or(place);
        let code = &life.image.code;
        let (mut begun, mut full) = (false, false);
        let same = |tally: &Tally| tally.place == *place && tally.code == *code;
        let at = match life.tallies.iter().position(same) {
            Some(at) => at,
            None => {
                let (sender, code) = (life.image.sender(), code.clone());
                let (at, replaced) =
                    life.open_tally(Tally::new(place.clone(), sender, code, time, laid.attribution));
                (begun, full) = (true, replaced.is_some());
                if let Some(crossed) = replaced.and_then(|tally| tally.pending) {
                    self.pending.remove(&(crossed, laid.life, at as u16));
                }
                at
            }
        };
        life.leave_behind(at as u16, time, laid.attribution);
        let tally = &mut life.tallies[at];
        tally.attribution = tally.attribution.max(laid.attribution);
        tally.doubts = tally.doubts.with(laid.doubts);
        if flow.local {
            tally.doubts = tally.doubts.with(Doubts::SECOND_HOP);
        }
        if flow.misnamed {
            tally.doubts = tally.doubts.with(Doubts::ANOTHER_IMAGE);
        }
        if let Before::One(local) = flow.before {
            tally.local = Some(local);
        }
        tally.host_wide_name |= flow.scope == NameScope::HostWide;
        tally.add(id, time, Bytes { out, into }, self.policy.options.min_ratio, || flow.evidence(time));
        if full {
            self.too_many_places();
        }
        if begun {
            self.stand_with_siblings(laid.life);
        }
        self.weigh(laid.life, at as u16, time);
    }

    /// From Mac to Mac, or to a telephone: not the cloud.
    fn sent_by_air(&mut self, id: FlowId, time: Timestamp, out: u64) {
        let floor = self.policy.options.min_bytes;
        let sender = self.laid_to(id, time).map(|laid| laid.life);
        let carries = |life: &LifeId| self.lineage.get(*life).is_some_and(|life| life.carries_at(time));
        let any = sender.iter().chain(&self.carriers).any(carries);
        let Some(sent) = self.flows.get_mut(id).and_then(|flow| flow.air.as_mut()) else { return };
        let before = *sent;
        *sent += out;
        if any && before < floor && *sent >= floor {
            self.note(
                CoverageKind::Airdrop,
                1,
                "something was sent to a device nearby while a process held sensitive data; what it was is not visible",
            );
        }
    }

    /// By mail: not storage, but said once.
    fn sent_by_mail(&mut self, id: FlowId, time: Timestamp, out: u64) {
        let floor = self.policy.options.min_bytes;
        let Some(sent) = self.flows.get_mut(id).and_then(|flow| flow.mail.as_mut()) else { return };
        let before = *sent;
        *sent += out;
        if before >= floor || *sent < floor {
            return;
        }
        let sender = self.laid_to(id, time).and_then(|laid| self.lineage.get(laid.life));
        if sender.is_some_and(|life| life.carries_at(time)) {
            self.note(
                CoverageKind::Mail,
                1,
                "a process that held sensitive data sent mail; what it attached is not visible",
            );
        }
    }

    /// Remembers, once for each flow, that its program was here.
    fn habituate(&mut self, id: FlowId, time: Timestamp) {
        let ready = |flow: &&mut Flow| !flow.habitual && flow.owner.is_some() && flow.target != Target::Open;
        if self.flows.get_mut(id).filter(ready).is_none() {
            return;
        }
        let owner = self.laid_to(id, time).and_then(|laid| self.lineage.get(laid.life));
        let Some(flow) = self.flows.get_mut(id).filter(|_| owner.is_some()) else { return };
        flow.habitual = true;
        let service = match &flow.target {
            Target::Place(Place::Service { name, .. }) => Some(name),
            Target::Place(Place::Nameless) | Target::Open | Target::Elsewhere => None,
        };
        if let Some(life) = owner {
            self.habits.saw(&life.image.code, service, time);
        }
    }

    fn too_many_places(&mut self) {
        self.note(
            CoverageKind::TableFull,
            1,
            "a process sends to more cloud services at once than are kept apart: what it sent to one of them was forgotten",
        );
    }

    fn nobodys(&mut self, id: FlowId) {
        let Some(flow) = self.flows.get_mut(id) else { return };
        let to_service = matches!(flow.target, Target::Place(Place::Service { .. }));
        if flow.owner.is_some() || !to_service || self.unattributed.contains(&id) {
            return;
        }
        if self.unattributed.len() >= MAX_UNATTRIBUTED {
            self.unattributed.clear();
        }
        self.unattributed.insert(id);
        self.note(
            CoverageKind::UnattributedFlow,
            1,
            "flows to cloud services whose process the capture does not name",
        );
    }

    /// A flow has ended: whatever it was part of is judged.
    fn closed(&mut self, id: FlowId, close: Close) {
        self.locals.close(id);
        let Some(flow) = self.flows.close(id, close) else { return };
        self.unattributed.remove(&id);
        let (Some(life), Target::Place(place)) = (flow.life, &flow.target) else { return };
        let Some(told) = self.lineage.get(life).map(|life| commands::told(life, place)) else { return };
        let place = told.as_ref().unwrap_or(place);
        let tallies = self.lineage.get(life).map_or(&[][..], |life| &life.tallies);
        let touched: Vec<usize> = (0..tallies.len()).filter(|at| tallies[*at].place == *place).collect();
        for at in touched {
            self.judge(life, at as u16);
            self.let_through(life, at, id);
        }
    }

    /// After each byte: has a floor been crossed, is it time to judge?
    fn weigh(&mut self, life: LifeId, tally: u16, time: Timestamp) {
        self.cross(life, tally, time);
        let Some(state) =
            self.lineage.get_mut(life).and_then(|life| life.tallies.get_mut(usize::from(tally)))
        else {
            return;
        };
        if state.pending.is_none() && state.judged.is_none() {
            return;
        }
        if !state.timed {
            state.timed = true;
            self.timers.insert((time.plus(SILENCE), Timer::Silence(life, tally)));
        }
        // Whether what a proxy sends on is all of what it got is known at the end.
        let complete = state.local.is_none();
        if complete && state.pending.is_some() && self.surplus(life, tally) >= CLEARLY_AN_UPLOAD {
            self.judge(life, tally);
        }
    }

    /// How much more went out than came in since the earliest read that has crossed, without what was a download.
    fn surplus(&self, life: LifeId, at: u16) -> u64 {
        let Some(life) = self.lineage.get(life) else { return 0 };
        let Some(tally) = life.tallies.get(usize::from(at)) else { return 0 };
        let crossed =
            life.bearings.iter().map(|bearing| bearing.mark(at)).filter(|mark| mark.crossed.is_some());
        let fetched = tally.fetched(self.policy.options.min_ratio);
        let since = |mark: Mark| {
            let before = Bytes { out: mark.base_out, into: mark.base_in };
            let all = Bytes { out: tally.out, into: tally.into }.without(before);
            let Bytes { out, into } = all.without(fetched.without(mark.base_fetched));
            out.saturating_sub(into)
        };
        crossed.map(since).max().unwrap_or(0)
    }

    /// Whether it has been silent or not.
    pub(super) fn judge_now(&mut self, life: LifeId, tally: u16) {
        let found = self.lineage.get_mut(life).and_then(|life| life.tallies.get_mut(usize::from(tally)));
        found.into_iter().for_each(|tally| tally.timed = false);
        self.judge(life, tally);
    }

    /// A silence timer went off.
    pub(super) fn silence(&mut self, life: LifeId, tally: u16, due: Timestamp) {
        let Some(state) =
            self.lineage.get_mut(life).and_then(|life| life.tallies.get_mut(usize::from(tally)))
        else {
            return;
        };
        let quiet_at = state.last_any.plus(SILENCE);
        if quiet_at > due {
            self.timers.insert((quiet_at, Timer::Silence(life, tally)));
            return;
        }
        state.timed = false;
        self.judge(life, tally);
    }
}
