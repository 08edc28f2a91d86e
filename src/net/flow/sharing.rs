//! A QUIC connection is no pair of addresses and ports: several may share one, and one may go through several (RFC 9000,
//! sections 5.2 and 9).

use super::table::Flows;
use super::{Flow, Segment};
use crate::net::quic;

impl Flows {
    /// The flow that a QUIC connection had before its client changed address or port.
    pub(super) fn moved(&self, segment: &Segment<'_>) -> Option<&Flow> {
        if segment.tcp.is_some() { None } else { self.named(segment).map(|(_, flow)| flow) }
    }

    /// The connection that a datagram belongs to, among those that share its addresses and ports: the newest, unless it
    /// names another. What the server sends names none that is known here. `None` if it begins one more.
    pub(super) fn connection(
        &self,
        newest: u32,
        flow: &Flow,
        src_is_low: bool,
        segment: &Segment<'_>,
        buffer: &mut Vec<u8>,
    ) -> Option<u32> {
        if flow.gives_way(src_is_low, segment, buffer) {
            return None;
        }
        let named = if flow.shares { self.named(segment) } else { None };
        Some(named.filter(|(_, named)| named.key == flow.key).map_or(newest, |(slot, _)| slot))
    }

    /// The flow whose server is addressed by the id that it chose.
    fn named(&self, segment: &Segment<'_>) -> Option<(u32, &Flow)> {
        let (slot, id) = self.connections.find((segment.dst, segment.dst_port), segment.payload)?;
        let flow = self.slots.get(slot as usize)?.as_deref().filter(|flow| flow.id == id)?;
        Some((slot, flow))
    }
}

impl Flow {
    /// A datagram that begins another QUIC connection between the same addresses and ports: of a socket that is used again,
    /// or for several connections. Before the server has sent payload, the client may begin the same one anew, after a
    /// Retry or in another version.
    fn gives_way(&self, src_is_low: bool, segment: &Segment<'_>, buffer: &mut Vec<u8>) -> bool {
        let is_opener = (src_is_low == self.client_is_low) == self.client_opened;
        let may = self.greeted && self.answered && is_opener && quic::is_long(segment.payload);
        may && quic::begins_another(segment.payload, self.chosen, buffer)
    }
}
