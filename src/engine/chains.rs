//! One chain is one alert.
//!
//! Completed read-and-upload pairs join a chain: because the same program sends the same read to the same place (one
//! lineage), or because the same user, the same programs, the same sets and the same place meet again within `[alert].group`. A chain reports when it begins and
//! then, as a new revision, at most once a minute of event time.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::model::{
    Actor, Alert, AlertId, Attribution, AuditEvent, Evidence, ProcessEvidence, Reason, Record, RuleRef,
    Severity, Span, Table, TenantVerdict, Timestamp, Uid,
};
use crate::policy::{Leaving, Rule, SetMask};

use super::chain_key::{alert_id, chain_key, first_step, place_word, who_where, who_where_of};
use super::completion::{Carried, Completion, Instance};
use super::deeds::DeedNote;
use super::window::{OVERHANG, Place, ReadId};
use super::{Engine, Timer, describe, rules};

/// Chains remembered at most; some 20 KiB each at the worst: 80 MB under attack, a few in a normal day.
pub const MAX_CHAINS: usize = 4096;
/// Reads kept as evidence of one chain.
const MAX_READS: usize = 128;
/// Uploading lives kept apart in one chain; the bytes of further ones are summed.
const MAX_INSTANCES: usize = 64;
/// Reasons of its own that a chain keeps.
const MAX_REASONS: usize = 16;
/// Between two reports of one chain.
const REPORT_EVERY: Span = Span::from_secs(60);

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ChainId(pub(super) u64);

/// A chain with all its evidence.
#[derive(Debug)]
pub struct Chain {
    pub alert_id: AlertId,
    pub(super) key: Arc<str>,
    /// What the pair of the other witness, who joined later, would have made its key.
    pub(super) other_key: Option<Arc<str>>,
    /// The uploading program's code identity and the place: with a read in common, the same lineage's chain.
    pub(super) who_where: Arc<str>,
    /// The uploading program's code identity.
    pub code: Arc<str>,
    pub first: Timestamp,
    pub(super) last_step: Timestamp,
    pub(super) last_pair: Timestamp,
    pub time: Timestamp,
    pub revision: u32,
    pub count: u64,
    pub(super) reported: Timestamp,
    pub(super) dirty: bool,
    pub ways: BTreeSet<Leaving>,
    /// Rules that the chain has fulfilled; silent while there are none.
    pub fired: Vec<RuleRef>,
    /// At least so severe, says a rule that fired.
    pub raised: Option<Severity>,
    pub user: Option<Uid>,
    pub uploader: Actor,
    pub ancestors: Vec<Arc<ProcessEvidence>>,
    pub carried: Vec<Carried>,
    pub omitted: u64,
    pub place: Place,
    pub instances: Vec<Instance>,
    /// Bytes of instances beyond those kept.
    pub spilled: (u64, u64),
    pub attribution: Attribution,
    pub host_wide_name: bool,
    pub reasons: Vec<Reason>,
    pub deeds: Vec<DeedNote>,
    pub audit: Vec<Arc<AuditEvent>>,
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
        let chain = Chain {
            alert_id: alert_id(completion, &key),
            key: Arc::clone(&key),
            other_key: None,
            who_where,
            code: Arc::clone(&completion.code),
            first: first_step(completion),
            last_step: completion.time,
            last_pair: Timestamp::MIN,
            time: completion.time,
            revision: 0,
            count: 0,
            reported: Timestamp::MIN,
            dirty: false,
            ways: BTreeSet::new(),
            fired: Vec::new(),
            raised: None,
            user: completion.user,
            uploader: completion.uploader.clone(),
            ancestors: completion.ancestors.clone(),
            carried: Vec::new(),
            omitted: 0,
            place: completion.place.clone(),
            instances: Vec::new(),
            spilled: (0, 0),
            attribution: completion.attribution,
            host_wide_name: false,
            reasons: Vec::new(),
            deeds: Vec::new(),
            audit: Vec::new(),
        };
        if completion.uploader.account().is_some() {
            self.audited.insert(id);
        }
        self.chains.insert(id, chain);
        self.ids.insert(id);
        self.by_key.insert(key, id);
        id
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

impl Chain {
    /// `same_act`: more of what one command does, not another pair; `foreign`: it goes to an account that is not one's own.
    fn add(&mut self, completion: Completion, same_act: bool, foreign: bool) {
        self.ways.insert(completion.way);
        // Whose storage it went to says more than whom it was opened to.
        if same_act && foreign && completion.deed.is_none() {
            self.place = completion.place.clone();
        }
        let same = |other: &Instance| completion.instance.as_ref().is_some_and(|own| own.is(other));
        let known = self.instances.iter().position(same);
        let newest = completion.carried.iter().map(|carried| carried.bearing.since).max();
        let second = self.hears_second(&completion);
        if second {
            self.complete(&completion);
        }
        if self.unwraps(&completion) {
            self.give_to(&completion);
        } else if (completion.new_pair || self.count == 0)
            && !second
            && (!same_act || self.count == 0)
            && (known.is_none() || newest > Some(self.last_pair))
        {
            self.count += 1;
            self.last_pair = completion.time;
        }
        let flows = completion.instance.iter().flat_map(|instance| &instance.flows);
        let last_byte = flows.map(|flow| flow.end).max().unwrap_or(completion.time);
        self.time = self.time.max(if completion.new_pair { completion.time } else { last_byte });
        self.last_step = self.last_step.max(completion.time).max(last_byte);
        self.first = self.first.min(first_step(&completion));
        self.attribution = self.attribution.max(completion.attribution);
        self.host_wide_name |= completion.host_wide_name;
        self.omitted = self.omitted.max(completion.omitted);
        self.remark(completion.reasons);
        completion.deed.into_iter().for_each(|deed| self.keep(deed));
        completion.audit.into_iter().for_each(|event| self.witness(event));
        completion.instance.into_iter().chain(completion.kin).for_each(|instance| self.put(instance));
        for carried in completion.carried {
            let read = carried.bearing.read.id;
            match self.carried.iter().position(|other| other.bearing.read.id == read) {
                Some(at) => {
                    let known = &mut self.carried[at];
                    known.sets = known.sets.union(carried.sets);
                    if known.bearing.read.evidence == Evidence::Argv {
                        known.bearing.read = carried.bearing.read;
                    }
                }
                None if self.carried.len() < MAX_READS => self.carried.push(carried),
                None => self.omitted += 1,
            }
        }
    }

    fn remark(&mut self, reasons: Vec<Reason>) {
        for reason in reasons {
            if self.reasons.len() < MAX_REASONS && !self.reasons.contains(&reason) {
                self.reasons.push(reason);
            }
        }
    }

    /// Most severe first.
    fn fire(&mut self, rules: Vec<&Rule>) {
        let raising = rules.iter().filter(|rule| rule.raises).map(|rule| rule.severity);
        self.raised = self.raised.max(raising.max());
        self.fired.extend(rules.into_iter().map(rule_ref));
        self.fired.sort_by(|a, b| b.severity.cmp(&a.severity).then_with(|| a.id.cmp(&b.id)));
    }

    /// What one life sent replaces what it was known to have sent; sums never fall.
    fn put(&mut self, instance: Instance) {
        match self.instances.iter().position(|other| other.is(&instance)) {
            Some(at) => {
                let known = &mut self.instances[at];
                let (out, into) = (known.out.max(instance.out), known.into.max(instance.into));
                *known = Instance { out, into, ..instance };
            }
            None if self.instances.len() < MAX_INSTANCES => self.instances.push(instance),
            None => {
                self.spilled.0 += instance.out;
                self.spilled.1 += instance.into;
            }
        }
    }

    /// Payload out and in, over all instances.
    pub fn bytes(&self) -> (u64, u64) {
        self.instances.iter().fold(self.spilled, |sum, one| (sum.0 + one.out, sum.1 + one.into))
    }
}

impl Engine {
    /// The pair begins a chain or continues one.
    pub(super) fn join(&mut self, completion: Completion) {
        self.join_to(completion, None);
    }

    /// The same, where the chain may be known already: another deed of the same command.
    pub(super) fn join_to(&mut self, completion: Completion, known: Option<ChainId>) -> Option<ChainId> {
        let place = who_where(&completion.code, &place_word(&completion.place));
        let key = chain_key(&self.policy, &completion);
        let group = self.policy.options.group;
        let found = known.or_else(|| self.chains.find(&completion, &key, &place, group));
        let act = found.is_none().then(|| self.chains.same_act(&completion)).flatten();
        let other = found.or(act).is_none().then(|| self.other_witness(&completion)).flatten();
        let found = found.or(act).or(other);
        let id = match found {
            Some(id) => id,
            None => {
                let category = describe::category(&self.policy, &completion.place);
                self.policy.rules.ending(completion.way, category).next()?;
                self.make_room_for_chain();
                self.chains.create(&completion, Arc::clone(&key), Arc::clone(&place))
            }
        };
        let reads: Vec<ReadId> = completion.carried.iter().map(|carried| carried.bearing.read.id).collect();
        let chain = self.chains.chains.get_mut(&id)?;
        let left = rules::Left {
            way: completion.way,
            time: completion.time,
            place: completion.place.clone(),
            audit: completion.audit.clone(),
        };
        let foreign = describe::tenant_verdict(&self.policy, &completion.place, completion.time)
            == TenantVerdict::Foreign;
        chain.add(completion, act.or(known).is_some(), foreign);
        let known = rules::Known {
            policy: &self.policy,
            homes: &self.homes,
            users: &self.users,
            habits: &self.habits,
            baseline: &self.baseline,
        };
        let fired = rules::newly_fired(&known, chain, &left);
        let unusual = fired.iter().flat_map(|rule| rules::deviations(&known, rule, chain)).collect();
        chain.remark(unusual);
        chain.fire(fired);
        let kept = |read: &ReadId| chain.carried.iter().any(|carried| carried.bearing.read.id == *read);
        for read in reads.into_iter().filter(kept) {
            self.chains.by_read.insert((read, Arc::clone(&place)), id);
        }
        chain.dirty = true;
        if chain.uploader.process().is_some() {
            self.chains.audited.remove(&id);
        }
        if let (Some(_), None, None) = (other.or(act), &left.audit, &chain.other_key) {
            chain.other_key = Some(Arc::clone(&key));
            self.chains.by_key.insert(key, id);
        }
        let due = chain.reported.plus(REPORT_EVERY);
        if chain.revision == 0 || due <= self.now {
            self.report(id);
        } else {
            self.timers.insert((due, Timer::Revise(id)));
        }
        if found.is_none() {
            let due = self.now.plus(self.lifetime());
            self.timers.insert((due, Timer::Forget(id)));
        }
        Some(id)
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
        chain.revision += 1;
        chain.reported = now;
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
            self.note(
                crate::model::CoverageKind::TableFull,
                1,
                "alert chains closed early: the chain table is full",
            );
        }
    }
}

fn rule_ref(rule: &Rule) -> RuleRef {
    RuleRef {
        id: Arc::clone(&rule.id),
        name: Arc::clone(&rule.name),
        version: Arc::clone(&rule.version),
        severity: rule.severity,
        techniques: rule.techniques.clone(),
    }
}
