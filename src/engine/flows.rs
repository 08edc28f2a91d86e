//! What the tap has told of each flow, and where its bytes go in terms of policy.

use std::sync::Arc;

use crate::model::{
    ClientHello, DomainName, FlowEvidence, FlowFacts, FlowId, NameScope, NameSource, Owner, Table, Timestamp,
};
use crate::policy::Policy;

use super::lineage::LifeId;
use super::window::Place;

/// Names that hide the real destination by design: iCloud Private Relay.
const RELAYS: [&str; 3] = ["mask.icloud.com", "mask-h2.icloud.com", "mask.apple-dns.net"];
/// Outer names of Encrypted ClientHello: the true name is inside.
const OUTER_NAMES: [&str; 1] = ["cloudflare-ech.com"];

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
    pub life: Option<LifeId>,
    pub domain: Option<DomainName>,
    pub source: Option<NameSource>,
    pub scope: NameScope,
    pub hello: Option<Arc<ClientHello>>,
    pub target: Target,
    /// Bytes counted while the target was open: placed when it becomes known.
    pub unplaced: (u64, u64),
}

/// Live flows. The tap bounds their number.
#[derive(Debug, Default)]
pub struct Flows {
    flows: Table<FlowId, Flow>,
}

impl Flows {
    pub fn get_mut(&mut self, id: FlowId) -> Option<&mut Flow> {
        self.flows.get_mut(&id)
    }

    pub fn open(&mut self, id: FlowId, facts: &FlowFacts) {
        self.flows.or_insert_with(id, || Flow {
            facts: Arc::new(facts.clone()),
            owner: None,
            life: None,
            domain: None,
            source: None,
            scope: NameScope::SameProcess,
            hello: None,
            target: Target::Open,
            unplaced: (0, 0),
        });
    }

    pub fn close(&mut self, id: FlowId) -> Option<Flow> {
        self.flows.remove(&id)
    }
}

impl Flow {
    /// Takes a name if it is at least as good as the one known. True if the target changed.
    pub fn name(&mut self, policy: &Policy, domain: &DomainName, source: NameSource, scope: NameScope) -> bool {
        if self.source.is_some_and(|known| known < source) {
            return false;
        }
        self.domain = Some(domain.clone());
        self.source = Some(source);
        self.scope = scope;
        let name = domain.as_str();
        let hidden = RELAYS.contains(&name) || OUTER_NAMES.contains(&name);
        let target = match policy.services.lookup(name) {
            _ if hidden => Target::Place(Place::Nameless),
            Some(found) => {
                let service = policy.services.get(found.service);
                let place = Place::Service { name: Arc::clone(&service.name), tenant: found.tenant };
                if service.upload { Target::Place(place) } else { Target::Elsewhere }
            }
            _ => Target::Elsewhere,
        };
        let changed = target != self.target;
        self.target = target;
        changed
    }

    /// It is known that no name will come. A name from DNS, if there is one, stays.
    pub fn nameless(&mut self) -> bool {
        let changed = self.target == Target::Open;
        if changed {
            self.target = Target::Place(Place::Nameless);
        }
        changed
    }

    pub fn evidence(&self, time: Timestamp) -> FlowEvidence {
        FlowEvidence {
            transport: self.facts.transport,
            client: self.facts.client,
            server: self.facts.server,
            domain: self.domain.clone(),
            source: self.source,
            hello: self.hello.clone(),
            bytes_out: 0,
            bytes_in: 0,
            start: time,
            end: time,
        }
    }
}
