//! A QUIC connection is no pair of addresses and ports: several may share one, and one may go through several (RFC 9000,
//! sections 5.2 and 9).

use super::table::Flows;
use super::{Flow, NameScope, NetFact, Segment, Timestamp};
use crate::net::quic;

impl Flows {
    /// The flow that a QUIC connection had before its client changed address or port.
    pub(super) fn moved(&self, segment: &Segment<'_>) -> Option<&Flow> {
        if segment.tcp.is_some() {
            return None;
        }
        let (slot, id) = self.connections.find((segment.dst, segment.dst_port), segment.payload)?;
        // What a client calls itself it may use towards several servers.
        let is_same = |flow: &&Flow| {
            flow.id == id && flow.server_address() == segment.dst && flow.server_port() == segment.dst_port
        };
        self.slots.get(slot as usize)?.as_deref().filter(is_same)
    }

    /// A client that moves on purpose takes an id that was told under encryption (RFC 9000, section 9.5). Where all that the
    /// flow's owner has at this server is called the same, it is that which moved.
    #[cold]
    pub(super) fn guess(&mut self, slot: u32, time: Timestamp, out: &mut Vec<NetFact>) {
        let Some(mut flow) = self.slots.get_mut(slot as usize).and_then(Option::take) else { return };
        if let Some(before) = self.only_one_of_owner(&flow) {
            flow.continues(time, before, NameScope::HostWide, out);
        }
        if let Some(place) = self.slots.get_mut(slot as usize) {
            *place = Some(flow);
        }
    }

    fn only_one_of_owner(&self, flow: &Flow) -> Option<&Flow> {
        let owner = flow.owner?;
        let name = |flow: &Flow| flow.name.as_ref().map(|(name, ..)| name.clone());
        let there = self.connections.of((flow.server_address(), flow.server_port()));
        let mut its = there.filter_map(|(slot, id)| {
            let known = self.slots.get(slot as usize)?.as_deref()?;
            (known.id == id && known.owner == Some(owner) && known.server() == flow.server()).then_some(known)
        });
        let first = its.next().filter(|first| first.name.is_some())?;
        its.all(|other| name(other) == name(first)).then_some(first)
    }

    /// The connection that a datagram belongs to, among those that share its addresses and ports: the newest, unless it
    /// names another. `None` if it begins one more.
    pub(super) fn connection(
        &self,
        newest: u32,
        flow: &Flow,
        src_is_low: bool,
        segment: &Segment<'_>,
        buffer: &mut Vec<u8>,
    ) -> Option<u32> {
        let is_opener = (src_is_low == flow.client_is_low) == flow.client_opened;
        if is_opener && quic::is_long(segment.payload) && self.gives_way(flow, segment, buffer) {
            return None;
        }
        let named = if flow.shares { self.named(segment) } else { None };
        Some(named.filter(|(_, named)| named.key == flow.key).map_or(newest, |(slot, _)| slot))
    }

    /// The flow in which the receiver is called as this datagram says, or else, of a handshake, the sender.
    fn named(&self, segment: &Segment<'_>) -> Option<(u32, &Flow)> {
        let to = self.connections.find((segment.dst, segment.dst_port), segment.payload);
        let from =
            || self.connections.called((segment.src, segment.src_port), quic::source_id(segment.payload)?);
        let (slot, id) = to.or_else(from)?;
        let flow = self.slots.get(slot as usize)?.as_deref().filter(|flow| flow.id == id)?;
        Some((slot, flow))
    }

    /// A datagram of the opener that begins another QUIC connection between the same addresses and ports: of a socket that is
    /// used again, or for several connections. Before the server has sent payload, the client may begin the same one anew,
    /// after a Retry or in another version; then it keeps the name that it gave itself.
    fn gives_way(&self, flow: &Flow, segment: &Segment<'_>, buffer: &mut Vec<u8>) -> bool {
        let sender = (segment.src, segment.src_port);
        let renames = |id| self.connections.renames(sender, id, flow.id);
        let may = flow.greeted && flow.answered || quic::source_id(segment.payload).is_some_and(renames);
        may && quic::begins_another(segment.payload, flow.chosen, buffer)
    }
}
