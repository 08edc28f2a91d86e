//! Connections that may carry requests to more hosts than their hello names: HTTP/2 and HTTP/3 let a client use one for
//! every host that resolves to its address and that its certificate names (RFC 9113, section 9.1.1; RFC 9114, section 3.3).

use super::table::Flows;
use super::{Flow, FlowId, NameSource, NetFact, NetKind, Pid, Shared, Timestamp};
use crate::model::{DomainName, Table};
use crate::net::frame::Address;

/// Protocols that carry several hosts.
const PROTOCOLS: [&str; 2] = ["h2", "h3"];

/// The last such connection of each process to each address: no more than there are flows.
#[derive(Debug, Default)]
pub(super) struct Open {
    flows: Table<(Pid, Address), (u32, FlowId)>,
    /// What DNS just told a process that has such a connection.
    led: Vec<(Pid, Address, DomainName)>,
}

impl Open {
    /// An answer led a process to an address by this name.
    pub(super) fn led(&mut self, asker: Pid, address: Address, name: &DomainName) {
        if self.flows.contains(&(asker, address)) {
            self.led.push((asker, address, name.clone()));
        }
    }

    pub(super) fn forget(&mut self, flow: &Flow) {
        for asker in flow.askers().into_iter().flatten() {
            let key = (asker, flow.server_address());
            if self.flows.get(&key).is_some_and(|(_, id)| *id == flow.id) {
                self.flows.remove(&key);
            }
        }
    }
}

impl Flows {
    /// A hello was read, or its owner became known: does the connection carry several hosts?
    pub(super) fn note_shared(&mut self, slot: u32, shared: &mut Shared) {
        let Some(flow) = self.flow(slot).filter(|flow| flow.carries_several && flow.closed.is_none()) else {
            return;
        };
        if let Some(asker) = flow.askers().into_iter().flatten().next() {
            shared.open.flows.insert((asker, flow.server_address()), (slot, flow.id));
        }
    }

    /// Tells the connections that may be used for what DNS was just asked for.
    #[inline]
    pub(super) fn share(&mut self, time: Timestamp, shared: &mut Shared, out: &mut Vec<NetFact>) {
        if !shared.open.led.is_empty() {
            self.share_all(time, shared, out);
        }
    }

    #[cold]
    fn share_all(&mut self, time: Timestamp, shared: &mut Shared, out: &mut Vec<NetFact>) {
        for (asker, address, name) in std::mem::take(&mut shared.open.led) {
            let Some((slot, id)) = shared.open.flows.get(&(asker, address)).copied() else { continue };
            if let Some(flow) = self.flow(slot).filter(|flow| flow.id == id && flow.closed.is_none()) {
                flow.shared_with(time, name, out);
            }
        }
    }
}

impl Flow {
    /// What the hello offers, of protocols that carry several hosts.
    pub(super) fn carries_several(alpn: &[Box<str>]) -> bool {
        alpn.iter().any(|offered| PROTOCOLS.contains(&&**offered))
    }

    /// Hosts of one site are not told apart: what leads to the one leads to the other.
    fn shared_with(&mut self, time: Timestamp, name: DomainName, out: &mut Vec<NetFact>) {
        let Some((own, NameSource::TlsSni | NameSource::QuicSni, _)) = &self.name else { return };
        let known = own.is_one_site(&name)
            || self.aliases().any(|alias| *alias == name)
            || self.disputed.as_ref() == Some(&name);
        if !known {
            self.disputed = Some(name.clone());
            self.tell(time, NetKind::Shared(name), out);
        }
    }
}
