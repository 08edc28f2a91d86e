//! What the tap has told of each flow, and where its bytes go in terms of policy.

use std::collections::VecDeque;
use std::net::IpAddr;
use std::sync::Arc;

use crate::model::{
    ClientHello, Close, DomainName, FlowEvidence, FlowFacts, FlowId, NameScope, NameSource, NetFact, NetKind,
    Owner, Table, Timestamp, UnknownName,
};
use crate::policy::Policy;

use super::apps::Laid;
use super::lineage::LifeId;
use super::locals::Before;
use super::window::Place;

/// Where the bytes of a flow go.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Target {
    /// Nothing is known yet: a name may still come.
    Open,
    Place(Place),
    /// A name that no service has: none of our business.
    Elsewhere,
}

#[derive(Debug)]
pub struct Flow {
    pub facts: Arc<FlowFacts>,
    pub owner: Option<Owner>,
    /// Its owner is not the program that is known to run under that pid.
    pub misnamed: bool,
    pub opened: Timestamp,
    /// Between two processes of this Mac.
    pub local: bool,
    /// Over the radio link that AirDrop uses, and bytes sent there.
    pub air: Option<u64>,
    /// To a server that takes mail, and bytes sent there.
    pub mail: Option<u64>,
    /// Who may have sent it, best first, as of the engine's knowledge `asked`.
    pub suspects: Vec<Laid>,
    pub asked: u64,
    /// The local connection that it was sent on for, and bytes of which that cannot be told.
    pub before: Before,
    pub proxied: u64,
    pub life: Option<LifeId>,
    pub domain: Option<DomainName>,
    /// What DNS says the name is an alias of: of several, one that is a service's.
    pub alias: Option<DomainName>,
    pub source: Option<NameSource>,
    pub scope: NameScope,
    /// What the process asked DNS for, where its hello names something else.
    pub disputed: Option<DomainName>,
    /// Why the true destination cannot be known.
    pub unknown: Option<UnknownName>,
    pub hello: Option<Arc<ClientHello>>,
    pub target: Target,
    /// Bytes counted while owner or target was not known: placed when both are.
    pub waiting: Vec<(Timestamp, u64, u64)>,
    /// It counts among what its program was seen to do.
    pub habitual: bool,
}

/// Flows whose packets came out of order, so that something of them is known before their beginning is.
const MAX_EARLY: usize = 1024;
/// Flows whose capture ended before they did, remembered at most: the latest.
const MAX_BEFORE: usize = 1024;
/// Facts kept of one such flow.
const MAX_EARLY_FACTS: usize = 256;

/// Moments kept apart of bytes that wait for an owner or a name; more are added to the last.
const MAX_WAITING: usize = 256;

/// Live flows. The tap bounds their number.
#[derive(Debug, Default)]
pub struct Flows {
    pub(super) flows: Table<FlowId, Flow>,
    /// The highest id that was opened; ids rise.
    pub(super) newest: Option<FlowId>,
    pub(super) early: Table<FlowId, Vec<NetFact>>,
    /// Flows whose capture ended before they did, oldest first: they may go on in the next.
    pub(super) before: VecDeque<Flow>,
}

impl Flows {
    pub fn get_mut(&mut self, id: FlowId) -> Option<&mut Flow> {
        self.flows.get_mut(&id)
    }

    /// Keeps a fact of a flow that has not been opened yet and hands back any other; how many facts gave way.
    pub fn hold(&mut self, fact: NetFact) -> (Option<NetFact>, u64) {
        let opens = matches!(fact.kind, NetKind::Opened(_));
        if opens || self.newest >= Some(fact.flow) {
            return (Some(fact), 0);
        }
        let mut lost = 0;
        if self.early.len() >= MAX_EARLY {
            lost = self.early.sorted().into_iter().map(|(_, facts)| facts.len()).sum::<usize>() as u64;
            self.early.clear();
        }
        let facts = self.early.or_insert_with(fact.flow, Vec::new);
        if facts.len() < MAX_EARLY_FACTS {
            facts.push(fact);
        } else {
            lost += 1;
        }
        (None, lost)
    }

    /// Opens a flow and gives what was known of it before.
    pub fn open(&mut self, policy: &Policy, id: FlowId, time: Timestamp, facts: &FlowFacts) -> Vec<NetFact> {
        self.newest = self.newest.max(Some(id));
        let going_on = self.going_on(facts);
        self.flows.or_insert_with(id, || match going_on {
            Some(known) => Flow { facts: Arc::new(facts.clone()), opened: time, ..known },
            None => Flow::new(time, facts),
        });
        if let Some(flow) = self.flows.get_mut(&id).filter(|_| policy.mail.takes_at(facts.server.port)) {
            flow.mail.get_or_insert(0);
        }
        self.early.remove(&id).unwrap_or_default()
    }

    /// A flow that went on when its capture ended: what was known of it, if these are its addresses.
    fn going_on(&mut self, facts: &FlowFacts) -> Option<Flow> {
        let ends = |facts: &FlowFacts| (facts.client, facts.server);
        let at = self.before.iter().position(|known| facts.midstream && ends(&known.facts) == ends(facts))?;
        self.before.remove(at)
    }

    /// Flow ids start over, as the capture does. What is known of open flows' destinations is kept; a flow that goes on is found
    /// again by its addresses.
    pub fn begin_anew(&mut self) {
        let ids: Vec<FlowId> = self.flows.sorted().into_iter().map(|(id, _)| *id).collect();
        for id in ids {
            self.flows.remove(&id).into_iter().for_each(|flow| self.leave(&flow));
        }
        *self = Self { before: std::mem::take(&mut self.before), ..Self::default() };
    }

    pub fn close(&mut self, id: FlowId, close: Close) -> Option<Flow> {
        let flow = self.flows.remove(&id)?;
        if close == Close::EndOfRecording {
            self.leave(&flow);
        }
        Some(flow)
    }

    /// What goes on unseen is remembered by its name; whose it is and what it sends is asked anew.
    fn leave(&mut self, flow: &Flow) {
        if flow.local || !matches!(flow.target, Target::Place(Place::Service { .. })) {
            return;
        }
        if self.before.len() >= MAX_BEFORE {
            self.before.pop_front();
        }
        let (domain, alias, disputed) = (flow.domain.clone(), flow.alias.clone(), flow.disputed.clone());
        let (hello, target) = (flow.hello.clone(), flow.target.clone());
        let known = Flow { domain, alias, disputed, hello, target, ..Flow::new(flow.opened, &flow.facts) };
        self.before.push_back(Flow {
            source: flow.source,
            scope: flow.scope,
            unknown: flow.unknown,
            ..known
        });
    }
}

impl Flow {
    fn new(time: Timestamp, facts: &FlowFacts) -> Self {
        Self {
            facts: Arc::new(facts.clone()),
            owner: None,
            misnamed: false,
            opened: time,
            local: is_loopback(facts.server.ip),
            air: facts.interface.as_deref().filter(|name| is_airdrop(name)).map(|_| 0),
            mail: None,
            suspects: Vec::new(),
            asked: 0,
            before: Before::NotAsked,
            proxied: 0,
            life: None,
            domain: None,
            alias: None,
            source: None,
            scope: NameScope::SameProcess,
            disputed: None,
            unknown: None,
            hello: None,
            target: Target::Open,
            waiting: Vec::new(),
            habitual: false,
        }
    }

    /// What most flows are once their names are known: to no service and no server of mail, from Mac to network, and noted
    /// among what its program does. Its bytes matter only where they may have come through another process.
    pub fn is_nobodys_business(&self) -> bool {
        let elsewhere = self.target == Target::Elsewhere && self.mail.is_none();
        elsewhere && self.habitual && !self.local && self.air.is_none()
    }

    /// Takes a name if it is at least as good as the one known. True if the target changed.
    pub fn name(
        &mut self,
        policy: &Policy,
        domain: &DomainName,
        source: NameSource,
        scope: NameScope,
    ) -> bool {
        // Of a chain's links the one counts that is a service's.
        let names_none = |alias: &DomainName| place(policy, alias).is_none();
        if source == NameSource::DnsCname
            && (self.alias.as_ref().is_none_or(names_none) || !names_none(domain))
        {
            self.alias = Some(domain.clone());
        }
        if self.source.is_some_and(|known| known < source) {
            return false;
        }
        self.domain = Some(domain.clone());
        self.source = Some(source);
        self.scope = scope;
        let hidden = self.unknown.is_some_and(UnknownName::hides);
        let names = std::iter::once(domain).chain(self.alias.as_ref());
        let target = match names.filter_map(|name| place(policy, name)).next() {
            _ if hidden => Target::Place(Place::Nameless),
            Some(place) => Target::Place(place),
            None => Target::Elsewhere,
        };
        if policy.mail.takes(domain.as_str()) {
            self.mail.get_or_insert(0);
        }
        let changed = target != self.target;
        self.target = target;
        changed
    }

    /// It is known that no name will come, or that the one shown is not the true one. True if the target changed.
    pub fn nameless(&mut self, why: UnknownName) -> bool {
        self.unknown = Some(why);
        let changed = self.target == Target::Open || why.hides();
        if changed {
            self.target = Target::Place(Place::Nameless);
        }
        changed
    }

    /// The hello may be a front: if what the process asked DNS for is a service, the bytes go there; if it is none, whose account
    /// they go to is not known. Hosts of one site are told apart only where they are accounts. True if the target changed.
    pub fn dispute(&mut self, policy: &Policy, by_dns: DomainName) -> bool {
        if self.unknown.is_some_and(UnknownName::hides) {
            self.disputed = Some(by_dns);
            return false;
        }
        let near = self.domain.as_ref().is_some_and(|own| own.is_one_site(&by_dns));
        let account = match &self.target {
            Target::Place(Place::Service { name, tenant: Some(_) }) => Some(name),
            _ => None,
        };
        let unknown = || Some(Place::Service { name: Arc::clone(account?), tenant: None });
        let target = place(policy, &by_dns).or_else(unknown).map(Target::Place);
        let changed = target.as_ref().is_some_and(|target| *target != self.target);
        if near && (account.is_none() || !changed) {
            return false;
        }
        self.disputed = Some(by_dns);
        self.target = target.unwrap_or_else(|| self.target.clone());
        changed
    }

    /// The connection may be used for this host too. If its own name is nobody's and this one is a service, what is sent
    /// from now on may go there. True if the target changed.
    pub fn share(&mut self, policy: &Policy, host: DomainName) -> bool {
        let other = place(policy, &host).filter(|_| self.target == Target::Elsewhere);
        let Some(other) = other else { return false };
        self.disputed = Some(host);
        self.target = Target::Place(other);
        true
    }

    /// Bytes that cannot be placed yet.
    pub fn wait(&mut self, time: Timestamp, out: u64, into: u64) {
        let full = self.waiting.len() >= MAX_WAITING;
        match self.waiting.last_mut() {
            Some(last) if last.0 == time || full => {
                *last = (time, last.1 + out, last.2 + into);
            }
            _ => self.waiting.push((time, out, into)),
        }
    }

    pub fn evidence(&self, time: Timestamp) -> FlowEvidence {
        FlowEvidence {
            transport: self.facts.transport,
            client: self.facts.client,
            server: self.facts.server,
            domain: self.domain.clone(),
            source: self.source.map(|source| source.over(self.alias.is_some())),
            disputed: self.disputed.clone(),
            unknown: self.unknown,
            hello: self.hello.clone(),
            bytes_out: 0,
            bytes_in: 0,
            start: time,
            end: time,
        }
    }
}

fn is_loopback(ip: IpAddr) -> bool {
    ip.to_canonical().is_loopback()
}

/// Apple Wireless Direct Link and its low-latency twin.
fn is_airdrop(interface: &str) -> bool {
    interface.starts_with("awdl") || interface.starts_with("llw")
}

/// The service behind a name, if something can be uploaded to it.
fn place(policy: &Policy, name: &DomainName) -> Option<Place> {
    let found = policy.services.lookup(name.as_str())?;
    let service = policy.services.get(found.service);
    service.upload.then(|| Place::Service { name: Arc::clone(&service.name), tenant: found.tenant })
}
