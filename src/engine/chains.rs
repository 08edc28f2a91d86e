//! One chain is one alert.
//!
//! Completed read-and-upload pairs join a chain: because the same program sends the same read to the same place (one
//! lineage), or because the same user, the same programs, the same sets and the same place meet again within
//! `[alert].group`. A chain reports when it begins and then, as a new revision, at most once a minute of event time.
//!
//! In: [`Completion`]s of `judge`, `commands` and `audits`. Out: alerts, into the outbox.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::model::{Alert, CoverageKind, Record, Span, Table, TenantVerdict, Timestamp};
use crate::policy::SetMask;

use super::chain::Chain;
use super::chain_key::{chain_key, first_step, place_word, who_where, who_where_of};
use super::completion::{Carried, Completion};
use super::window::{OVERHANG, ReadId};
use super::{Engine, Timer, describe, rules};

/// Chains remembered at most; some 27 KiB each at the worst: 110 MB under attack, a few in a normal day.
pub const MAX_CHAINS: usize = 4096;
/// Between two reports of one chain.
const REPORT_EVERY: Span = Span::from_secs(60);

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ChainId(pub(super) u64);

/// What makes a pair a part of a chain that there is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum JoinedBy {
    /// One command line orders both.
    Command,
    /// A read in common, or the same key within `[alert].group`.
    Likeness,
    /// Both tell of one act, told apart by what was seen of it.
    Act,
    /// What this Mac saw and what an audit log says are one deed.
    Witness,
    /// No chain was there: the pair begins one.
    Nothing,
}

/// All chains within reach of a next step.
#[derive(Debug, Default)]
pub struct Chains {
    pub(super) chains: Table<ChainId, Chain>,
    pub(super) ids: BTreeSet<ChainId>,
    pub(super) by_key: Table<Arc<str>, ChainId>,
    pub(super) by_read: Table<(ReadId, Arc<str>), ChainId>,
    pub(super) next: u64,
    /// Those that only an audit log knows of.
    pub(super) audited: BTreeSet<ChainId>,
}

impl Chains {
    pub fn len(&self) -> usize {
        self.chains.len()
    }

    /// Chains with something unsaid, oldest first.
    pub fn take_dirty(&mut self) -> Vec<ChainId> {
        let dirty = |id: &&ChainId| self.chains.get(*id).is_some_and(|chain| chain.dirty);
        self.ids.iter().filter(dirty).copied().collect()
    }

    /// The sets of a new policy have other numbers.
    pub fn renumber(&mut self, number: impl Fn(SetMask) -> SetMask) {
        for id in &self.ids {
            let carried = self.chains.get_mut(id).into_iter().flat_map(|chain| &mut chain.carried);
            carried.for_each(|carried| carried.sets = number(carried.sets));
        }
    }

    fn find(&self, completion: &Completion, key: &str, place: &Arc<str>, group: Span) -> Option<ChainId> {
        let shared =
            |carried: &Carried| self.by_read.get(&(carried.bearing.read.id, Arc::clone(place))).copied();
        completion.carried.iter().find_map(shared).or_else(|| {
            let id = *self.by_key.get(key)?;
            let chain = self.chains.get(&id)?;
            let gap = first_step(completion).since(chain.last_step);
            (group > Span::ZERO && gap <= group).then_some(id)
        })
    }

    fn create(&mut self, completion: &Completion, key: Arc<str>, who_where: Arc<str>) -> ChainId {
        let id = ChainId(self.next);
        self.next += 1;
        let chain = Chain::new(completion, Arc::clone(&key), who_where);
        if completion.uploader.account().is_some() {
            self.audited.insert(id);
        }
        self.chains.insert(id, chain);
        self.ids.insert(id);
        self.by_key.insert(key, id);
        id
    }

    /// By these reads, as far as the chain kept them, and by this key of another witness, the chain is found again.
    fn enter(&mut self, id: ChainId, reads: Vec<ReadId>, place: &Arc<str>, other_key: Option<Arc<str>>) {
        let Some(chain) = self.chains.get_mut(&id) else { return };
        let kept = |read: &ReadId| chain.carried.iter().any(|carried| carried.bearing.read.id == *read);
        for read in reads.into_iter().filter(kept) {
            self.by_read.insert((read, Arc::clone(place)), id);
        }
        if chain.uploader.process().is_some() {
            self.audited.remove(&id);
        }
        if let (Some(key), None) = (other_key, &chain.other_key) {
            chain.other_key = Some(Arc::clone(&key));
            self.by_key.insert(key, id);
        }
    }

    fn forget(&mut self, id: ChainId) -> Option<Chain> {
        let chain = self.chains.remove(&id)?;
        self.ids.remove(&id);
        self.audited.remove(&id);
        for key in std::iter::once(&chain.key).chain(&chain.other_key) {
            if self.by_key.get(key) == Some(&id) {
                self.by_key.remove(key);
            }
        }
        let others = chain.other_key.iter().filter_map(|key| who_where_of(key));
        for place in std::iter::once(Arc::clone(&chain.who_where)).chain(others) {
            for carried in &chain.carried {
                self.by_read.remove(&(carried.bearing.read.id, Arc::clone(&place)));
            }
        }
        Some(chain)
    }
}

impl Engine {
    /// The pair begins a chain or continues one.
    pub(super) fn join(&mut self, completion: Completion) {
        self.join_to(completion, None);
    }

    /// The same, where the chain may be known already: another deed of the same command. `None` if the pair would begin a chain
    /// that no rule can ever speak of.
    pub(super) fn join_to(&mut self, completion: Completion, known: Option<ChainId>) -> Option<ChainId> {
        let place = who_where(&completion.code, &place_word(&completion.place));
        let key = chain_key(&self.policy, &completion);
        let (id, by) = self.chain_for(&completion, known, &key, &place)?;
        let reads: Vec<ReadId> = completion.carried.iter().map(|carried| carried.bearing.read.id).collect();
        let left = rules::Left {
            way: completion.way,
            time: completion.time,
            place: completion.place.clone(),
            audit: completion.audit.clone(),
        };
        let foreign = describe::tenant_verdict(&self.policy, &completion.place, completion.time)
            == TenantVerdict::Foreign;
        let chain = self.chains.chains.get_mut(&id)?;
        chain.add(completion, matches!(by, JoinedBy::Command | JoinedBy::Act), foreign);
        self.fire(id, &left);
        let witnessed_otherwise = left.audit.is_none() && matches!(by, JoinedBy::Act | JoinedBy::Witness);
        self.chains.enter(id, reads, &place, witnessed_otherwise.then_some(key));
        self.report_when_due(id);
        if by == JoinedBy::Nothing {
            let due = self.now.plus(self.lifetime());
            self.timers.insert((due, Timer::Forget(id)));
        }
        Some(id)
    }

    /// The chain that a pair joins, begun if there is none, and what joins the two.
    fn chain_for(
        &mut self,
        completion: &Completion,
        known: Option<ChainId>,
        key: &Arc<str>,
        place: &Arc<str>,
    ) -> Option<(ChainId, JoinedBy)> {
        let group = self.policy.options.group;
        let known = known.map(|id| (id, JoinedBy::Command));
        let alike = || Some((self.chains.find(completion, key, place, group)?, JoinedBy::Likeness));
        let act = || Some((self.chains.same_act(completion)?, JoinedBy::Act));
        let witness = || Some((self.other_witness(completion)?, JoinedBy::Witness));
        if let Some(found) = known.or_else(alike).or_else(act).or_else(witness) {
            return Some(found);
        }
        let category = describe::category(&self.policy, &completion.place);
        self.policy.rules.ending(completion.way, category).next()?;
        self.make_room_for_chain();
        let id = self.chains.create(completion, Arc::clone(key), Arc::clone(place));
        Some((id, JoinedBy::Nothing))
    }

    /// Something more has left: rules that the chain fulfils by it speak from here on.
    fn fire(&mut self, id: ChainId, left: &rules::Left) {
        let Some(chain) = self.chains.chains.get_mut(&id) else { return };
        let known = rules::Known {
            policy: &self.policy,
            homes: &self.homes,
            users: &self.users,
            habits: &self.habits,
            baseline: &self.baseline,
        };
        let fired = rules::newly_fired(&known, chain, left);
        let unusual = fired.iter().flat_map(|rule| rules::deviations(&known, rule, chain)).collect();
        chain.remark(unusual);
        chain.fire(fired);
        chain.dirty = true;
    }

    /// At once if it never reported or not for a while, else when that while is over.
    fn report_when_due(&mut self, id: ChainId) {
        let Some(chain) = self.chains.chains.get(&id) else { return };
        let due = chain.reported.plus(REPORT_EVERY);
        if chain.revision == 0 || due <= self.now {
            self.report(id);
        } else {
            self.timers.insert((due, Timer::Revise(id)));
        }
    }

    /// A sensor was blind for a while: chains that fall into it say so with their next report.
    pub(super) fn darken(&mut self, start: Timestamp, end: Timestamp) {
        let (chains, ids) = (&mut self.chains.chains, &self.chains.ids);
        for id in ids {
            let Some(chain) = chains.get_mut(id).filter(|chain| chain.first <= end && start <= chain.time)
            else {
                continue;
            };
            chain.dirty = true;
            self.timers.insert((chain.reported.plus(REPORT_EVERY).max(self.now), Timer::Revise(*id)));
        }
    }

    /// A minute has passed since the last report.
    pub(super) fn revise(&mut self, id: ChainId) {
        if self.chains.chains.get(&id).is_some_and(|chain| chain.dirty) {
            self.report(id);
        }
    }

    /// Is the chain still within reach of a next step?
    pub(super) fn reach(&mut self, id: ChainId, due: Timestamp) {
        let Some(chain) = self.chains.chains.get(&id) else { return };
        let end = chain.last_step.plus(self.lifetime());
        if end > due {
            self.timers.insert((end, Timer::Forget(id)));
            return;
        }
        self.revise(id);
        self.chains.forget(id);
    }

    pub(super) fn report(&mut self, id: ChainId) {
        let now = self.now;
        let fired = |chain: &&mut Chain| !chain.fired.is_empty();
        let Some(chain) = self.chains.chains.get_mut(&id).filter(fired) else { return };
        // What was held back is dated when it was due: two dates are as far apart as the reports. Only what the end of a
        // recording brings out early is dated by its last step.
        let due = chain.reported.plus(REPORT_EVERY);
        let due = if chain.revision == 0 || due > now { chain.time } else { due.max(chain.time) };
        chain.reported = due.max(self.outbox.released.unwrap_or(due));
        chain.revision += 1;
        chain.dirty = false;
        let Some(chain) = self.chains.chains.get(&id) else { return };
        let degraded = self.coverage.during(chain.first, chain.time);
        let user_name = chain.user.and_then(|user| self.users.get(&user).cloned());
        let alert: Alert = describe::alert(&self.policy, chain, user_name, degraded);
        self.outbox.put(Record::Alert(Box::new(alert)));
    }

    /// How long after its last step a chain can still be continued.
    fn lifetime(&self) -> Span {
        let longest = self.policy.sets.iter().map(|set| set.window).max().unwrap_or_default();
        let longest = longest.max(self.policy.options.group).max(self.policy.options.window_default);
        Span::from_nanos(longest.as_nanos().saturating_add(OVERHANG.as_nanos()))
    }

    fn make_room_for_chain(&mut self) {
        while self.chains.len() >= MAX_CHAINS {
            let Some(oldest) = self.chains.ids.first().copied() else { return };
            self.revise(oldest);
            self.chains.forget(oldest);
            self.note(CoverageKind::TableFull, 1, "alert chains closed early: the chain table is full");
        }
    }
}
