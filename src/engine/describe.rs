//! A chain, told as an alert: rules, reasons, evidence, confidence. Pure and late: only reports pay for it.

use std::sync::Arc;

use crate::model::{
    Actor, Alert, Attribution, CoverageKind, Evidence, FlowEvidence, Hop, HopKind, NameSource,
    ProcessEvidence, ReadEvidence, Reason, ReasonCode, Severity, SigningState, Span, TenantVerdict,
    Timestamp,
};
use crate::policy::{Category, Leaving, Policy, ServiceId, SetId, SetMask, Subject};

use super::chain::Chain;
use super::verdict::{Gravity, Standing};
use super::window::{Place, Read, Way};
use super::{audits, identity, verdict};

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
    let reasons = reasons(policy, chain, service, &flows, verdict);
    let sets = all_sets(chain);
    let (bytes_out, bytes_in) = chain.bytes();
    Alert {
        time: chain.time,
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

fn all_sets(chain: &Chain) -> SetMask {
    chain.carried.iter().fold(SetMask::default(), |all, carried| all.union(carried.sets))
}

fn allowed_window(policy: &Policy, sets: SetMask) -> Span {
    sets.iter().map(|set| policy.set(set).window).max().unwrap_or(policy.options.window_default)
}

/// The uploading command's own arguments name the file.
fn names_itself(read: &Read, uploader: &Actor) -> bool {
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

fn reasons(
    policy: &Policy,
    chain: &Chain,
    service: Option<ServiceId>,
    flows: &[FlowEvidence],
    verdict: TenantVerdict,
) -> Vec<Reason> {
    let mut reasons: Vec<Reason> = read_reason(policy, chain).into_iter().collect();
    let mut add = |code: ReasonCode, text: String| reasons.push(Reason { code, text });
    let uploader = actor(&chain.uploader);
    if let Some(staged) = chain.carried.iter().find_map(|carried| carried.bearing.through.as_ref()) {
        add(ReasonCode::StagedCopy, format!("the data went through the staged file {}", staged.path));
    }
    if chain.carried.iter().any(|carried| names_itself(&carried.bearing.read, &chain.uploader)) {
        add(ReasonCode::ArgumentsNameFile, "the command line itself names the sensitive file".to_owned());
    }
    let (out, into) = chain.bytes();
    let place = place_words(policy, chain, service, flows);
    for way in &chain.ways {
        match way {
            Leaving::Upload | Leaving::Nameless => {
                let text = format!("{uploader} then sent {out} bytes to {place} and received {into}");
                add(ReasonCode::Uploaded, text);
            }
            Leaving::SyncDrop => {
                let text = format!("{uploader} put it into a folder that is uploaded to {place}");
                add(ReasonCode::SyncDrop, text);
            }
            Leaving::Command(_) => {
                chain.deeds.iter().for_each(|deed| add(ReasonCode::ControlPlane, deed.text.clone()));
            }
            Leaving::Audit(_) => {}
        }
    }
    let code = if chain.uploader.process().is_some() {
        ReasonCode::SeenInAuditLog
    } else {
        ReasonCode::ControlPlane
    };
    for event in &chain.audit {
        add(code, format!("{event}, says {}", event.by.log.name()));
    }
    if chain.seen_twice() && chain.uploader.process().is_none() {
        let text = "the log names a file that the same user had read on this Mac".to_owned();
        add(ReasonCode::SeenInAuditLog, text);
    }
    add(ReasonCode::NotAllowed, not_allowed(policy, chain, service));
    if verdict == TenantVerdict::Foreign
        && let (Some(service), Place::Service { tenant: Some(tenant), .. }) = (service, &chain.place)
        && policy.allow.names_tenants_of(service, chain.time)
    {
        add(ReasonCode::ForeignTenant, format!("{tenant} is not a tenant that any allow entry names"));
    }
    caps(policy, chain, service, flows, &mut add);
    reasons.extend(chain.reasons.iter().cloned());
    let of_records = chain.audit.iter().filter_map(|event| audits::doubt(event));
    // What is doubtful of one deed does not make another one doubtful, nor what was seen to be sent.
    let sent = !chain.carried.is_empty() && chain.ways.iter().any(|way| !matches!(way, Leaving::Command(_)));
    let doubtful = !sent && chain.deeds.iter().all(|deed| deed.cap.is_some());
    let of_deeds = chain.deeds.iter().filter(|_| doubtful).filter_map(|deed| deed.cap.clone());
    for cap in of_deeds.chain(of_records) {
        if !reasons.iter().any(|reason| reason.code == cap.code) {
            reasons.push(cap);
        }
    }
    reasons.retain(|reason| !audits::is_settled(chain, reason.code));
    reasons
}

/// The reasons that lower confidence or mark the identity.
fn caps(
    policy: &Policy,
    chain: &Chain,
    service: Option<ServiceId>,
    flows: &[FlowEvidence],
    add: &mut impl FnMut(ReasonCode, String),
) {
    if let Some(process) = chain.uploader.process() {
        of_identity(process, add);
    }
    let unnamed =
        matches!((&chain.place, chain.uploader.process()), (Place::Service { tenant: None, .. }, Some(_)));
    if unnamed && service.is_some_and(|service| policy.allow.names_tenants_of(service, chain.time)) {
        add(
            ReasonCode::TenantUnknown,
            "the account or bucket cannot be seen, and allow entries name some".to_owned(),
        );
    }
    let reads = || chain.carried.iter().map(|carried| &carried.bearing.read);
    let through = || chain.carried.iter().map(|carried| carried.bearing.through.as_ref());
    if reads().any(|read| read.truncated) {
        add(
            ReasonCode::PathTruncated,
            "the system cut the path of a file: only its beginning is known".to_owned(),
        );
    }
    if !chain.carried.is_empty() && reads().all(|read| read.relayed) {
        let text =
            "the data came over a local port into a file: that it is the same is told by its size alone";
        add(ReasonCode::SecondHop, text.to_owned());
    }
    if reads().any(|read| read.named_fork) {
        add(ReasonCode::NamedFork, "the read went through a named fork of the file".to_owned());
    } else if !chain.carried.is_empty() && through().all(|read| read.is_some_and(|read| read.named_fork)) {
        let text = "the data was put into a named fork or an attribute of the file, not into the file proper";
        add(ReasonCode::NamedFork, text.to_owned());
    }
    if through().flatten().any(|read| read.nested) {
        add(
            ReasonCode::NestedVolume,
            "the file lies on a volume that a disk image shows; the image was made from sensitive files"
                .to_owned(),
        );
    }
    if chain.place == Place::Nameless {
        add(ReasonCode::NameByAddress, "the destination has no name: only its address is known".to_owned());
    }
    if let Some(by_dns) = flows.iter().find_map(|flow| flow.disputed.as_ref()) {
        let text = format!("the hello names another host than {by_dns}, which DNS was asked for");
        add(ReasonCode::FrontingSuspected, text);
    }
    if category(policy, &chain.place) == Some(Category::Tunnel) {
        add(ReasonCode::Tunnel, "the bytes went into a tunnel: what it carried is not visible".to_owned());
    }
    if chain.attribution != Attribution::Process {
        let text = format!(
            "the flow is laid to the {}, not to its own process",
            chain.attribution.as_str().replace('_', " ")
        );
        add(ReasonCode::AttributionIndirect, text);
    }
    let by_dns = flows.iter().any(|flow| matches!(flow.source, Some(NameSource::Dns | NameSource::DnsCname)));
    if chain.host_wide_name && by_dns {
        add(ReasonCode::NameHostWide, "the name is known only from a DNS answer seen on this Mac".to_owned());
    }
}

/// What the uploading program is worth.
fn of_identity(uploader: &ProcessEvidence, add: &mut impl FnMut(ReasonCode, String)) {
    if uploader.invalidated || uploader.info.program.flags.state() == SigningState::Invalid {
        add(ReasonCode::IdentityInvalid, "the signature of the uploading program no longer holds".to_owned());
    }
    if let Some(script) = &uploader.script {
        add(ReasonCode::RunsOtherCode, format!("{} runs the script {}", name(uploader), script.path));
    }
    if uploader.runs_other_code {
        let how = "by its arguments or variables, a library or thread put into it, or a debugger";
        let text = format!("{} was made to run code that is not its own ({how})", name(uploader));
        add(ReasonCode::RunsOtherCode, text);
    }
}

/// `None` for commands that move what lies in the cloud already.
fn read_reason(policy: &Policy, chain: &Chain) -> Option<Reason> {
    let most = chain.carried.iter().max_by_key(|carried| {
        let severity = carried.sets.iter().map(|set| policy.set(set).severity).max();
        (severity, std::cmp::Reverse(carried.bearing.read.time))
    });
    most.map(|carried| {
        let read = &carried.bearing.read;
        let sets: Vec<&str> = carried.sets.iter().map(|set| &*policy.set(set).name).collect();
        let more = chain.carried.len() as u64 - 1 + chain.omitted;
        let more = if more == 0 { String::new() } else { format!(" and {more} more") };
        let text = format!("{} read {} ({}){more}", name(&read.reader), read.path, sets.join(", "));
        Reason { code: ReasonCode::SensitiveRead, text }
    })
}

/// Where it went, for a person.
fn place_words(policy: &Policy, chain: &Chain, service: Option<ServiceId>, flows: &[FlowEvidence]) -> String {
    let host = flows.iter().find_map(|flow| flow.domain.as_ref().map(ToString::to_string));
    let address = || flows.first().map(|flow| flow.server.ip.to_string());
    let host = host.or_else(address);
    let service = service.map(|id| &*policy.services.get(id).name);
    let tenant = match &chain.place {
        Place::Service { tenant: Some(tenant), .. } => format!(", tenant {tenant}"),
        _ => String::new(),
    };
    match (host, service) {
        (Some(host), Some(service)) => format!("{host} ({service}{tenant})"),
        (Some(host), None) => host,
        (None, Some(service)) => format!("{service}{tenant}"),
        (None, None) => "an unknown place".to_owned(),
    }
}

/// Why the allow list does not cover it: the entry that comes nearest and what it fails on.
fn not_allowed(policy: &Policy, chain: &Chain, service: Option<ServiceId>) -> String {
    let (Some(process), Some(user)) = (chain.uploader.process(), chain.user) else {
        return "no allow entry covers it".to_owned();
    };
    let identity = identity::of_evidence(process);
    let (time, homes) = (chain.time, &policy.paths.homes());
    let subject = Subject { identity: &identity, parent: None, user, user_name: None, time, homes };
    let (Some(service), Some(set), Place::Service { tenant, .. }) =
        (service, all_sets(chain).iter().next(), &chain.place)
    else {
        return "no allow entry covers it".to_owned();
    };
    let miss = policy.allow.permits(&subject, set, service, tenant.as_deref()).err();
    let near =
        miss.filter(|miss| miss.failed.len() == 1).and_then(|miss| Some((miss.entry?, miss.failed[0])));
    match near {
        Some((entry, dimension)) => {
            format!("no allow entry covers it; nearest is \"{entry}\", but for its {}", dimension.as_str())
        }
        None => "no allow entry covers it".to_owned(),
    }
}

fn actor(actor: &Actor) -> String {
    match actor {
        Actor::Process(process) => name(process),
        Actor::Account(account) => account.name().to_owned(),
    }
}

fn name(process: &ProcessEvidence) -> String {
    crate::model::Lossy(process.info.program.path.file_name()).to_string()
}
