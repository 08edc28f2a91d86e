//! A chain, told as an alert: its rules, evidence, gravity and confidence; why it is one, `reasons` says. Only reports pay
//! for it, each time for all.

use std::sync::Arc;

use crate::model::{
    Actor, Alert, CoverageKind, Evidence, FlowEvidence, Hop, HopKind, ProcessEvidence, ReadEvidence, Reason,
    ReasonCode, Severity, SigningState, Span, TenantVerdict, Timestamp,
};
use crate::policy::{Category, Leaving, Policy, ServiceId, SetId, SetMask};

use super::chain::Chain;
use super::verdict::{Gravity, Standing};
use super::window::{Place, Read, Way};
use super::{reasons, verdict};

/// Reads, hops and flows listed in one alert.
const MAX_LISTED: usize = 64;

/// The whole alert.
pub fn alert(
    policy: &Policy,
    chain: &Chain,
    user_name: Option<Arc<str>>,
    degraded: Vec<CoverageKind>,
) -> Alert {
    let (service, tenant) = destination(policy, &chain.place);
    let category = category(policy, &chain.place);
    let (reads, omitted) = reads(policy, chain);
    let flows: Vec<FlowEvidence> =
        chain.instances.iter().flat_map(|instance| instance.flows.iter().cloned()).take(MAX_LISTED).collect();
    let verdict = tenant_verdict(policy, &chain.place, chain.time);
    let reasons = reasons::reasons(policy, chain, service, &flows, verdict);
    let sets = all_sets(chain);
    let (bytes_out, bytes_in) = chain.bytes();
    Alert {
        time: chain.reported,
        id: chain.alert_id,
        revision: chain.revision,
        count: chain.count,
        severity: verdict::severity(&gravity(policy, chain, &reasons, category)),
        confidence: verdict::confidence(&reasons),
        rules: chain.fired.clone(),
        reasons,
        user: chain.user,
        user_name,
        uploader: chain.uploader.clone(),
        reads,
        reads_omitted: omitted,
        hops: hops(chain),
        chain: chain.ancestors.clone(),
        flows,
        audit: chain.audit.clone(),
        service: service.map(|id| Arc::clone(&policy.services.get(id).name)),
        category: category.map(|category| Arc::from(category.as_str())),
        tenant,
        tenant_verdict: verdict,
        attribution: chain.attribution,
        window: (chain.first, chain.time, allowed_window(policy, sets)),
        bytes_out,
        bytes_in,
        degraded,
        config_hash: Arc::clone(&policy.hash),
    }
}

fn gravity(policy: &Policy, chain: &Chain, reasons: &[Reason], category: Option<Category>) -> Gravity {
    let sensitive = all_sets(chain).iter().map(|set| policy.set(set).severity).max();
    let leading = || chain.fired.first().map_or(Severity::Low, |rule| rule.severity);
    let deed = chain.deeds.iter().map(|deed| deed.severity.unwrap_or_else(leading)).max();
    Gravity {
        sensitivity: sensitive.max(deed).unwrap_or_else(leading),
        standing: chain.uploader.process().map_or(Standing::Vouched, |process| standing(process)),
        foreign_tenant: reasons.iter().any(|reason| reason.code == ReasonCode::ForeignTenant),
        category,
        bytes_out: chain.bytes().0,
        seen_twice: chain.seen_twice(),
        floor: chain.raised,
    }
}

fn standing(process: &ProcessEvidence) -> Standing {
    let signed = process.info.program.flags.state();
    if process.invalidated || signed == SigningState::Invalid {
        Standing::Broken
    } else if signed != SigningState::Trusted || process.script.is_some() || process.runs_other_code {
        Standing::Unvouched
    } else {
        Standing::Vouched
    }
}

fn destination(policy: &Policy, place: &Place) -> (Option<ServiceId>, Option<Arc<str>>) {
    match place {
        Place::Service { name, tenant } => (policy.services.by_name(name), tenant.clone()),
        Place::Nameless => (None, None),
    }
}

/// What the destination's service is for.
pub fn category(policy: &Policy, place: &Place) -> Option<Category> {
    let (service, _) = destination(policy, place);
    service.map(|id| policy.services.get(id).category)
}

/// The sets of all that the chain carries.
pub(super) fn all_sets(chain: &Chain) -> SetMask {
    chain.carried.iter().fold(SetMask::default(), |all, carried| all.union(carried.sets))
}

fn allowed_window(policy: &Policy, sets: SetMask) -> Span {
    sets.iter().map(|set| policy.set(set).window).max().unwrap_or(policy.options.window_default)
}

/// The uploading command's own arguments name the file.
pub(super) fn names_itself(read: &Read, uploader: &Actor) -> bool {
    let own = uploader.process().is_some_and(|process| process.info.key == read.reader.info.key);
    read.is_known_by(Evidence::Argv) && own
}

/// The reads, most sensitive first, each followed in time by the staged copies they went through.
fn reads(policy: &Policy, chain: &Chain) -> (Vec<ReadEvidence>, u64) {
    let severity = |sets: SetMask| sets.iter().map(|set| policy.set(set).severity).max();
    let mut all: Vec<(Option<Severity>, ReadEvidence)> = Vec::new();
    for carried in &chain.carried {
        let staged = carried.bearing.through.iter();
        for read in std::iter::once(&carried.bearing.read).chain(staged) {
            let evidence = read_evidence(policy, read, carried.sets);
            // That the sender's own command line named what it then opened is worth telling.
            let named = read.named.filter(|_| names_itself(read, &chain.uploader));
            let named = named.map(|time| ReadEvidence { time, evidence: Evidence::Argv, ..evidence.clone() });
            for evidence in std::iter::once(evidence).chain(named) {
                let known = |other: &(_, ReadEvidence)| {
                    other.1.path == evidence.path
                        && other.1.time == evidence.time
                        && other.1.evidence == evidence.evidence
                };
                if !all.iter().any(known) {
                    all.push((severity(carried.sets), evidence));
                }
            }
        }
    }
    all.sort_by(|a, b| {
        // What was opened says more than the folder that a command line named.
        let order = b.0.cmp(&a.0).then(a.1.evidence.cmp(&b.1.evidence));
        order.then_with(|| (a.1.time, &a.1.path).cmp(&(b.1.time, &b.1.path)))
    });
    let beyond = all.len().saturating_sub(MAX_LISTED) as u64;
    (all.into_iter().take(MAX_LISTED).map(|(_, read)| read).collect(), chain.omitted + beyond)
}

fn read_evidence(policy: &Policy, read: &Read, sets: SetMask) -> ReadEvidence {
    let mut sets: Vec<SetId> = sets.iter().collect();
    sets.sort_by_key(|set| {
        (std::cmp::Reverse(policy.set(*set).severity), Arc::clone(&policy.set(*set).name))
    });
    ReadEvidence {
        path: read.path.clone(),
        sets: sets.into_iter().map(|set| Arc::clone(&policy.set(set).name)).collect(),
        time: read.time,
        process: Arc::clone(&read.reader),
        evidence: read.evidence,
    }
}

/// Every way that a read came, merged, in the order of time.
fn hops(chain: &Chain) -> Vec<Hop> {
    let mut hops: Vec<Hop> = Vec::new();
    for carried in &chain.carried {
        for hop in Way::hops(carried.bearing.way.as_ref()) {
            if !hops.contains(&hop) {
                hops.push(hop);
            }
        }
    }
    if let (true, Some(process)) = (chain.ways.contains(&Leaving::SyncDrop), chain.uploader.process()) {
        let (time, process) = (chain.time, Arc::clone(process));
        let path = hops.iter().rev().find_map(|hop| hop.path.clone());
        hops.push(Hop { kind: HopKind::Sync, time, process, path });
    }
    hops.sort_by(|a, b| (a.time, a.kind, &a.path).cmp(&(b.time, b.kind, &b.path)));
    hops.truncate(MAX_LISTED);
    hops
}

/// Whose account it is, as far as the allow list knows.
pub fn tenant_verdict(policy: &Policy, place: &Place, time: Timestamp) -> TenantVerdict {
    let (service, tenant) = destination(policy, place);
    match (service, tenant) {
        (Some(service), Some(tenant)) if policy.allow.knows_tenant(service, &tenant, time) => {
            TenantVerdict::Allowed
        }
        (Some(_), Some(_)) => TenantVerdict::Foreign,
        _ => TenantVerdict::Unknown,
    }
}
