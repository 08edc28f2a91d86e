//! Which rules does the evidence of a chain fulfil? The language is told in [`crate::policy::rule`].
//!
//! Everything is asked of what the chain holds: its reads, the ways they came, its processes, its bytes. So a rule can
//! wait for nothing that is not bounded already, and the same evidence always gives the same answer.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::model::{
    AuditEvent, FilePath, HopKind, Lossy, ProcessEvidence, Reason, ReasonCode, Table, TenantVerdict,
    Timestamp, Uid,
};
use crate::policy::rule::{
    Actor, Condition, Deed, FirstSeen, Leave, Leaving, ReadStep, Rule, Step, TenantCondition,
};
use crate::policy::{Homes, Policy};

use super::chain::Chain;
use super::completion::Carried;
use super::habits::{Baseline, Habits};
use super::window::{Place, Read, Way};
use super::{describe, identity};

/// What is known beside the chain.
pub struct Known<'a> {
    pub policy: &'a Policy,
    pub homes: &'a Homes,
    pub users: &'a Table<Uid, Arc<str>>,
    pub habits: &'a Habits,
    pub baseline: &'a Baseline,
}

/// The step by which something more has left.
pub struct Left {
    pub way: Leaving,
    pub time: Timestamp,
    pub place: Place,
    pub audit: Option<Arc<AuditEvent>>,
}

/// Rules that the chain fulfils now that something more has left, without those that had fired before.
pub fn newly_fired<'a>(known: &Known<'a>, chain: &Chain, left: &Left) -> Vec<&'a Rule> {
    let category = describe::category(known.policy, &left.place);
    let unfired = |rule: &&Rule| !chain.fired.iter().any(|fired| fired.id == rule.id);
    // Of all that a rule may ask, this is dear to find out and the same for all of them.
    let files: BTreeSet<_> = chain.carried.iter().map(|carried| &carried.bearing.read.path).collect();
    let enough = |rule: &&Rule| rule.files() <= files.len();
    let concerned = known.policy.rules.ending(left.way, category).filter(unfired).filter(enough);
    concerned.filter(|rule| holds(known, rule, chain, left)).collect()
}

fn holds(known: &Known<'_>, rule: &Rule, chain: &Chain, left: &Left) -> bool {
    let last = &rule.last;
    leaves(known, &last.actor, &last.leave, chain, left)
        && in_order(known, rule, chain, left)
        && !rule.unless.iter().any(|condition| match condition {
            Condition::Before(step) => !moments(known, step, chain).is_empty(),
            Condition::Leaving(actor, leave) => {
                let category = describe::category(known.policy, &left.place);
                leave.concerns(left.way, category) && leaves(known, actor, leave, chain, left)
            }
        })
}

/// Does what left, where it went and who sent it fit?
fn leaves(known: &Known<'_>, actor: &Actor, leave: &Leave, chain: &Chain, left: &Left) -> bool {
    let sent = matches!(left.way, Leaving::Upload | Leaving::Nameless);
    let service = |name| known.policy.services.by_name(name);
    let listed = leave.services.as_ref().is_none_or(|wanted| match &left.place {
        Place::Service { name, .. } => service(name).is_some_and(|id| wanted.contains(&id)),
        Place::Nameless => false,
    });
    let tenant = leave.tenants.is_empty() || leave.tenants.iter().any(|one| is_tenant(known, one, left));
    listed
        && tenant
        && (!sent || chain.bytes().0 >= leave.min_bytes)
        && leave.first_seen.is_none_or(|what| sent && is_first(known, what, chain))
        && leave.times_usual.is_none_or(|times| sent && is_unusual(known, times, chain))
        && match &left.audit {
            None => chain.uploader.process().is_some_and(|process| acted(known, actor, process)),
            Some(event) => recorded(actor, leave, event),
        }
}

/// Is the record of an audit log one of those that the step asks for?
fn recorded(actor: &Actor, leave: &Leave, event: &AuditEvent) -> bool {
    let name = event.by.name();
    (leave.logs.is_empty() || leave.logs.contains(&event.by.log))
        && (leave.operations.is_empty() || leave.operations.iter().any(|one| one.matches(&event.operation)))
        && (actor.users.is_empty() || actor.users.iter().any(|user| user.is_named(name)))
        && actor.process.is_empty()
}

fn is_tenant(known: &Known<'_>, wanted: &TenantCondition, left: &Left) -> bool {
    let verdict = describe::tenant_verdict(known.policy, &left.place, left.time);
    match (wanted, &left.place) {
        (TenantCondition::Allowed, _) => verdict == TenantVerdict::Allowed,
        (TenantCondition::Foreign, _) => verdict == TenantVerdict::Foreign,
        (TenantCondition::Unknown, _) => verdict == TenantVerdict::Unknown,
        (TenantCondition::Named(pattern), Place::Service { tenant: Some(tenant), .. }) => {
            pattern.matches(tenant)
        }
        (TenantCondition::Named(_), _) => false,
    }
}

/// Before the first read the program was never seen to do this.
fn is_first(known: &Known<'_>, what: FirstSeen, chain: &Chain) -> bool {
    let service = match (&chain.place, what) {
        (Place::Service { name, .. }, FirstSeen::Service) => Some(name),
        (Place::Nameless, FirstSeen::Service) => return false,
        (_, FirstSeen::Network) => None,
    };
    known.habits.first(&chain.code, service).is_none_or(|first| chain.first <= first)
}

/// So many times what it usually sends there. What has no usual figure cannot exceed it.
fn is_unusual(known: &Known<'_>, times: u32, chain: &Chain) -> bool {
    let Place::Service { name, .. } = &chain.place else { return false };
    let usual = known.baseline.usual(&chain.code, name);
    usual.is_some_and(|usual| chain.bytes().0 >= usual.saturating_mul(u64::from(times)))
}

/// What this rule found out of the ordinary.
pub fn deviations(known: &Known<'_>, rule: &Rule, chain: &Chain) -> Vec<Reason> {
    let leave = &rule.last.leave;
    let Some(process) = chain.uploader.process() else { return Vec::new() };
    let program = Lossy(process.info.program.path.file_name()).to_string();
    let place = match &chain.place {
        Place::Service { name, .. } => name,
        Place::Nameless => "a destination without a name",
    };
    let mut reasons = Vec::new();
    let mut add = |code, text| reasons.push(Reason { code, text });
    match leave.first_seen {
        Some(FirstSeen::Service) => {
            add(ReasonCode::FirstSeen, format!("{program} was never seen to reach {place} before"));
        }
        Some(FirstSeen::Network) => {
            add(ReasonCode::FirstSeen, format!("{program} was never seen to use the network before"));
        }
        None => {}
    }
    let usual = match &chain.place {
        Place::Service { name, .. } => known.baseline.usual(&chain.code, name),
        Place::Nameless => None,
    };
    if let (Some(times), Some(usual)) = (leave.times_usual, usual) {
        let text =
            format!("more than {times} times the {usual} bytes that {program} usually sends to {place}");
        add(ReasonCode::UnusualVolume, text);
    }
    reasons
}

/// Can a moment be found for each step, none before that of the step before it and none later than allowed? Where an
/// audit log tells of the last step its clock is another one, and often whole seconds: it may be the earlier, too.
fn in_order(known: &Known<'_>, rule: &Rule, chain: &Chain, left: &Left) -> bool {
    let mut reached: Option<Vec<Timestamp>> = None;
    let follows = |before: &Option<Vec<Timestamp>>, moment: Timestamp, within: Option<crate::model::Span>| {
        let near = |earlier: &Timestamp| {
            *earlier <= moment && within.is_none_or(|span| moment.since(*earlier) <= span)
        };
        before.as_ref().is_none_or(|before| before.iter().any(near))
    };
    for step in &rule.before {
        let mut moments = moments(known, step, chain);
        moments.retain(|moment| follows(&reached, *moment, step.within));
        if moments.is_empty() {
            return false;
        }
        reached = Some(moments);
    }
    let (Some(reached), Some(_)) = (&reached, &left.audit) else {
        return follows(&reached, left.time, rule.last.within);
    };
    let apart = |moment: &Timestamp| left.time.since(*moment).max(moment.since(left.time));
    reached.iter().any(|moment| rule.last.within.is_none_or(|span| apart(moment) <= span))
}

/// When the chain took this step.
fn moments(known: &Known<'_>, step: &Step, chain: &Chain) -> Vec<Timestamp> {
    match &step.deed {
        Deed::Read(read) => counted(read, &reads(known, &step.actor, read, chain)),
        Deed::Stage { paths, how } => {
            let hops = chain.carried.iter().flat_map(|carried| Way::steps(carried.bearing.way.as_ref()));
            let fits = |hop: &&crate::model::Hop| {
                let path = hop.path.as_ref().is_some_and(|path| {
                    paths.is_empty() || paths.iter().any(|pattern| pattern.matches(path, known.homes))
                });
                how.contains(&hop.kind) && path && acted(known, &step.actor, &hop.process)
            };
            hops.filter(fits).map(|hop| hop.time).collect()
        }
        Deed::Exec => programs(chain)
            .filter(|(_, process)| acted(known, &step.actor, process))
            .map(|(time, _)| time)
            .collect(),
    }
}

/// The reads that a step is about, in the order of time.
fn reads<'a>(known: &Known<'_>, actor: &Actor, wanted: &ReadStep, chain: &'a Chain) -> Vec<&'a Read> {
    let fits = |carried: &&Carried| {
        let read = &carried.bearing.read;
        wanted.sets.is_none_or(|sets| !sets.intersection(carried.sets).is_empty())
            && (wanted.evidence.is_empty() || wanted.evidence.iter().any(|one| read.is_known_by(*one)))
            && (wanted.paths.is_empty()
                || wanted.paths.iter().any(|pattern| pattern.matches(&read.path, known.homes)))
            && (!wanted.same_process
                || chain.uploader.process().is_some_and(|own| own.info.key == read.reader.info.key))
            && acted(known, actor, &read.reader)
    };
    let mut reads: Vec<_> = chain.carried.iter().filter(fits).map(|carried| &*carried.bearing.read).collect();
    reads.sort_by_key(|read| read.time);
    reads
}

/// The moments at which so many different files had been read within the span. `reads` stand in the order of time.
fn counted(wanted: &ReadStep, reads: &[&Read]) -> Vec<Timestamp> {
    if wanted.count <= 1 {
        return reads.iter().map(|read| read.time).collect();
    }
    // How often each file was read within the span that ends with the read at hand.
    let mut within: BTreeMap<&FilePath, usize> = BTreeMap::new();
    let (mut moments, mut first) = (Vec::new(), reads.iter().peekable());
    for read in reads {
        *within.entry(&read.path).or_default() += 1;
        let gone = |early: &&&Read| wanted.span.is_some_and(|span| read.time.since(early.time) > span);
        while let Some(early) = first.next_if(gone) {
            if let Entry::Occupied(mut times) = within.entry(&early.path) {
                *times.get_mut() -= 1;
                if *times.get() == 0 {
                    times.remove();
                }
            }
        }
        if within.len() >= wanted.count as usize {
            moments.push(read.time);
        }
    }
    moments
}

/// The programs of the lineage, and since when: ancestors, readers, sender, and those the data went through.
fn programs(chain: &Chain) -> impl Iterator<Item = (Timestamp, &ProcessEvidence)> {
    let started = |process: &ProcessEvidence| process.info.started.unwrap_or(Timestamp::MIN);
    let hops = chain.carried.iter().flat_map(|carried| Way::steps(carried.bearing.way.as_ref()));
    let through = hops.map(move |hop| {
        let time = if hop.kind == HopKind::Exec { hop.time } else { started(&hop.process) };
        (time, &*hop.process)
    });
    let readers = chain.carried.iter().map(|carried| &carried.bearing.read.reader);
    let others = chain.ancestors.iter().chain(readers).chain(chain.uploader.process());
    through.chain(others.map(move |process| (started(process), &**process)))
}

fn acted(known: &Known<'_>, actor: &Actor, process: &ProcessEvidence) -> bool {
    let user = process.info.euid;
    let name = known.users.get(&user).map(|name| &**name);
    let users = actor.users.is_empty() || actor.users.iter().any(|wanted| wanted.matches(user, name));
    if !users || actor.process.is_empty() {
        return users;
    }
    let identity = identity::of_evidence(process);
    actor.process.iter().any(|who| who.matches(&identity, known.homes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::testing;
    use crate::model::Span;

    #[test]
    fn different_files_are_counted_within_the_span() {
        let mut state = 1u64;
        let mut chance = |below: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 33) % below
        };
        for _ in 0..200 {
            let mut times: Vec<u64> = (0..chance(40)).map(|_| chance(60)).collect();
            times.sort_unstable();
            let reads: Vec<_> = times
                .into_iter()
                .map(|at| {
                    let path = format!("/f{}", chance(6));
                    testing::read(&path, Timestamp::from_nanos(at as i64 * 1_000_000_000))
                })
                .collect();
            let reads: Vec<&Read> = reads.iter().map(|read| &**read).collect();
            for (count, span) in (1..6).flat_map(|count| [(count, None), (count, Some(Span::from_secs(9)))]) {
                let (paths, evidence) = (Vec::new(), Vec::new());
                let wanted = ReadStep { sets: None, paths, evidence, count, span, same_process: false };
                let enough = |at: &usize| {
                    let time = reads[*at].time;
                    let near = |read: &&&Read| span.is_none_or(|span| time.since(read.time) <= span);
                    let paths: std::collections::BTreeSet<_> =
                        reads[..=*at].iter().filter(near).map(|read| &read.path).collect();
                    paths.len() >= count as usize
                };
                let expected: Vec<_> = (0..reads.len()).filter(enough).map(|at| reads[at].time).collect();
                assert_eq!(counted(&wanted, &reads), expected, "{count} within {span:?}");
            }
        }
    }
}
