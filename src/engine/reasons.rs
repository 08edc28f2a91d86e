//! Why a chain is an alert, in words and codes: what was read, how it left, why nothing allows it, and what makes it doubtful.
//!
//! In: the chain and the policy. Out: [`Reason`]s in the order in which a person is told them. What each code does to
//! confidence stands with the code ([`ReasonCode::cap`]).

use std::sync::Arc;

use crate::model::{
    Actor, Attribution, FlowEvidence, Lossy, NameSource, ProcessEvidence, Reason, ReasonCode, SigningState,
    TenantVerdict,
};
use crate::policy::{Category, Dimension, Leaving, Policy, ServiceId, Subject, Transfer};

use super::chain::Chain;
use super::describe::{all_sets, category, names_itself};
use super::window::Place;
use super::{audits, identity};

/// All of them; `service` and `verdict` are what is known of the destination.
pub fn reasons(
    policy: &Policy,
    chain: &Chain,
    service: Option<ServiceId>,
    flows: &[FlowEvidence],
    verdict: TenantVerdict,
) -> Vec<Reason> {
    let mut reasons: Vec<Reason> = read_reason(policy, chain).into_iter().collect();
    let mut add = |code: ReasonCode, text: String| reasons.push(Reason { code, text });
    of_leaving(policy, chain, service, flows, &mut add);
    of_audit(chain, &mut add);
    add(ReasonCode::NotAllowed, not_allowed(policy, chain, service));
    let names_tenants = service.is_some_and(|service| policy.allow.names_tenants_of(service, chain.time));
    if let (TenantVerdict::Foreign, true, Place::Service { tenant: Some(tenant), .. }) =
        (verdict, names_tenants, &chain.place)
    {
        add(ReasonCode::ForeignTenant, format!("{tenant} is not a tenant that any allow entry names"));
    }
    if let Some(process) = chain.uploader.process() {
        of_identity(process, &mut add);
        if names_tenants && matches!(chain.place, Place::Service { tenant: None, .. }) {
            add(
                ReasonCode::TenantUnknown,
                "the account or bucket cannot be seen, and allow entries name some".to_owned(),
            );
        }
    }
    of_reads(chain, &mut add);
    of_destination(policy, chain, flows, &mut add);
    reasons.extend(chain.reasons.iter().cloned());
    add_doubts(chain, &mut reasons);
    reasons.retain(|reason| !audits::is_settled(chain, reason.code));
    reasons
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

/// How it left: by which copies, with which words, over which ways.
fn of_leaving(
    policy: &Policy,
    chain: &Chain,
    service: Option<ServiceId>,
    flows: &[FlowEvidence],
    add: &mut impl FnMut(ReasonCode, String),
) {
    if let Some(staged) = chain.carried.iter().find_map(|carried| carried.bearing.through.as_ref()) {
        add(ReasonCode::StagedCopy, format!("the data went through the staged file {}", staged.path));
    }
    if chain.carried.iter().any(|carried| names_itself(&carried.bearing.read, &chain.uploader)) {
        add(ReasonCode::ArgumentsNameFile, "the command line itself names the sensitive file".to_owned());
    }
    let uploader = actor(&chain.uploader);
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
}

/// What the cloud's own logs say of it.
fn of_audit(chain: &Chain, add: &mut impl FnMut(ReasonCode, String)) {
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
}

/// Why the allow list does not cover it.
fn not_allowed(policy: &Policy, chain: &Chain, service: Option<ServiceId>) -> String {
    match nearest_entry(policy, chain, service) {
        Some((entry, Dimension::Hash)) => format!(
            "no allow entry covers it; nearest is \"{entry}\", but for its cdhash: the hash changed, or it is another \
             program"
        ),
        Some((entry, dimension)) => {
            format!("no allow entry covers it; nearest is \"{entry}\", but for its {}", dimension.as_str())
        }
        None => "no allow entry covers it".to_owned(),
    }
}

/// The allow entry that would cover it but for one dimension, and that dimension.
fn nearest_entry(
    policy: &Policy,
    chain: &Chain,
    service: Option<ServiceId>,
) -> Option<(Arc<str>, Dimension)> {
    let uploader = chain.uploader.process()?;
    let identity = identity::of_evidence(uploader);
    let (user, time, homes) = (chain.user?, chain.time, &policy.paths.homes());
    let args = &uploader.args;
    let subject = Subject { identity: &identity, args, parent: None, user, user_name: None, time, homes };
    let set = all_sets(chain).iter().next()?;
    let Place::Service { tenant, .. } = &chain.place else { return None };
    let miss = policy
        .allow
        .permits(&subject, Transfer { set, service: service?, tenant: tenant.as_deref() })
        .err()?;
    match miss.failed[..] {
        [dimension] => Some((miss.entry?, dimension)),
        _ => None,
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

/// What of the reads is doubtful.
fn of_reads(chain: &Chain, add: &mut impl FnMut(ReasonCode, String)) {
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
    if !chain.carried.is_empty() && !chain.carried.iter().any(|carried| carried.bearing.by_itself()) {
        let text = match reads().any(|read| read.named_fork) {
            true => "the read went through a named fork of the file",
            false => {
                "the data was put into a named fork or an attribute of the file, or read out of one: not of the file proper"
            }
        };
        add(ReasonCode::NamedFork, text.to_owned());
    }
    if through().flatten().any(|read| read.nested) {
        add(
            ReasonCode::NestedVolume,
            "the file lies on a volume that a disk image shows; the image was made from sensitive files"
                .to_owned(),
        );
    }
}

/// What of the destination, and of who sent, is doubtful.
fn of_destination(
    policy: &Policy,
    chain: &Chain,
    flows: &[FlowEvidence],
    add: &mut impl FnMut(ReasonCode, String),
) {
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

/// The doubts of deeds and of records of audit logs, each kind once.
fn add_doubts(chain: &Chain, reasons: &mut Vec<Reason>) {
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

fn actor(actor: &Actor) -> String {
    match actor {
        Actor::Process(process) => name(process),
        Actor::Account(account) => account.name().to_owned(),
    }
}

fn name(process: &ProcessEvidence) -> String {
    Lossy(process.info.program.path.file_name()).to_string()
}
