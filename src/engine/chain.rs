//! One chain: the evidence of the pairs that joined it.
//!
//! Pairs come in with [`Chain::add`] and are merged: the same read, the same uploading life and the same reason count once,
//! sums never fall, and what there is no room for is counted as left out. Which chain a pair joins, and when a chain
//! reports, `chains` decides; how it is told, `describe`.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::model::{
    Actor, AlertId, Attribution, AuditEvent, Evidence, ProcessEvidence, Reason, RuleRef, Severity, Timestamp,
    Uid,
};
use crate::policy::{Leaving, Rule};

use super::chain_key::{alert_id, first_step};
use super::completion::{Carried, Completion, Instance};
use super::deeds::DeedNote;
use super::siblings::MAX_SENDERS;
use super::window::{MAX_BEARERS, Place};

/// Reads kept as evidence of one chain.
const MAX_READS: usize = 128;
/// Uploading lives kept apart in one chain; the bytes of further ones are summed.
const MAX_INSTANCES: usize = 64;
/// Of these, how many are known again: as many as are summed with any other. 56 bytes each.
const MAX_SPILLED: usize = MAX_SENDERS + MAX_BEARERS;
/// Reasons of its own that a chain keeps.
const MAX_REASONS: usize = 16;

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
    /// The date of the last report.
    pub reported: Timestamp,
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
    /// The latest of these, without their flows.
    pub(super) spilled_lately: Vec<Instance>,
    pub attribution: Attribution,
    pub host_wide_name: bool,
    pub reasons: Vec<Reason>,
    pub deeds: Vec<DeedNote>,
    pub audit: Vec<Arc<AuditEvent>>,
}

impl Chain {
    /// As the first pair begins it; nothing of the pair is counted yet.
    pub(super) fn new(completion: &Completion, key: Arc<str>, who_where: Arc<str>) -> Self {
        Self {
            alert_id: alert_id(completion, &key),
            key,
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
            spilled_lately: Vec::new(),
            attribution: completion.attribution,
            host_wide_name: false,
            reasons: Vec::new(),
            deeds: Vec::new(),
            audit: Vec::new(),
        }
    }

    /// `same_act`: more of what one command does, not another pair; `foreign`: it goes to an account that is not one's own.
    pub(super) fn add(&mut self, completion: Completion, same_act: bool, foreign: bool) {
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

    pub(super) fn remark(&mut self, reasons: Vec<Reason>) {
        for reason in reasons {
            if self.reasons.len() < MAX_REASONS && !self.reasons.contains(&reason) {
                self.reasons.push(reason);
            }
        }
    }

    /// Most severe first.
    pub(super) fn fire(&mut self, rules: Vec<&Rule>) {
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
            None => self.spill(instance),
        }
    }

    /// Sums what there is no room to keep apart. The same life comes again, with more, as long as others do that are
    /// summed with it: what it added before it adds no second time.
    fn spill(&mut self, instance: Instance) {
        let known = self.spilled_lately.iter().position(|other| other.is(&instance));
        let before = match known.map(|at| self.spilled_lately.remove(at)) {
            Some(before) => (before.out, before.into),
            None => (0, 0),
        };
        let (out, into) = (before.0.max(instance.out), before.1.max(instance.into));
        self.spilled.0 += out - before.0;
        self.spilled.1 += into - before.1;
        if self.spilled_lately.len() >= MAX_SPILLED {
            self.spilled_lately.remove(0);
        }
        self.spilled_lately.push(Instance { out, into, flows: Vec::new(), ..instance });
    }

    /// Payload out and in, over all instances.
    pub fn bytes(&self) -> (u64, u64) {
        self.instances.iter().fold(self.spilled, |sum, one| (sum.0 + one.out, sum.1 + one.into))
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
