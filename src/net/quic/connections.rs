//! Connection ids that servers chose: a client that changes its address or port in the middle of a connection (RFC 9000,
//! section 9) is recognised by them, as long as it goes on using the one from the handshake.

use std::collections::VecDeque;

use super::header::MAX_CONNECTION_ID;
use crate::model::{FlowId, Table};
use crate::net::frame::Address;

/// Shorter ids are too likely to be found in anything.
const MIN_ID: usize = 4;
/// Ids of one server, and of all.
const MAX_OF_SERVER: usize = 32;
const MAX_IDS: usize = 4096;

type Server = (Address, u16);

#[derive(Clone, Copy, Debug)]
struct Id {
    bytes: [u8; MAX_CONNECTION_ID],
    len: u8,
    slot: u32,
    flow: FlowId,
}

/// Which flow last had which id. About 100 bytes an id.
#[derive(Debug, Default)]
pub(in crate::net) struct Connections {
    by_server: Table<Server, VecDeque<Id>>,
    order: VecDeque<Server>,
}

impl Connections {
    /// A server calls itself `id` towards this flow.
    pub(in crate::net) fn learn(&mut self, server: Server, id: &[u8], slot: u32, flow: FlowId) {
        let mut bytes = [0; MAX_CONNECTION_ID];
        let Some(room) = bytes.get_mut(..id.len()).filter(|_| id.len() >= MIN_ID) else { return };
        room.copy_from_slice(id);
        let ids = self.by_server.or_insert_with(server, VecDeque::new);
        if ids.iter().any(|known| known.flow == flow && known.bytes == bytes) {
            return;
        }
        ids.push_back(Id { bytes, len: id.len() as u8, slot, flow });
        self.order.push_back(server);
        let full = ids.len() > MAX_OF_SERVER;
        let oldest = if full { Some(server) } else { None };
        let oldest = oldest.or_else(|| (self.order.len() > MAX_IDS).then(|| self.order.pop_front())?);
        let Some(oldest) = oldest else { return };
        if let Some(ids) = self.by_server.get_mut(&oldest) {
            ids.pop_front();
            if ids.is_empty() {
                self.by_server.remove(&oldest);
            }
        }
    }

    /// The flow whose server id stands at the beginning of a short header packet to `server`.
    pub(in crate::net) fn find(&self, server: Server, datagram: &[u8]) -> Option<(u32, FlowId)> {
        let ([first], rest) = datagram.split_first_chunk::<1>()?;
        let is_short = first & 0xc0 == 0x40;
        let ids = self.by_server.get(&server).filter(|_| is_short)?;
        let found = ids.iter().rev().find(|id| rest.starts_with(&id.bytes[..usize::from(id.len)]))?;
        Some((found.slot, found.flow))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(last: u8) -> Server {
        (Address::v4([192, 0, 2, last]), 443)
    }

    #[test]
    fn an_id_is_found_at_its_server_only() {
        let mut known = Connections::default();
        known.learn(server(1), b"abcdefgh", 3, FlowId(7));
        known.learn(server(1), b"xyz", 4, FlowId(8));
        assert_eq!(known.find(server(1), b"\x41abcdefgh and more"), Some((3, FlowId(7))));
        assert_eq!(known.find(server(2), b"\x41abcdefgh and more"), None);
        assert_eq!(known.find(server(1), b"\xc1abcdefgh and more"), None, "a long header");
        assert_eq!(known.find(server(1), b"\x41xyz"), None, "too short to believe");
    }

    #[test]
    fn the_oldest_id_gives_way() {
        let mut known = Connections::default();
        for id in 0..100_000u32 {
            known.learn(server((id % 250) as u8), &id.to_be_bytes(), id, FlowId(id));
        }
        let has = |id: u32| {
            let datagram = [&[0x40][..], &id.to_be_bytes()].concat();
            known.find(server((id % 250) as u8), &datagram).is_some()
        };
        assert!(has(99_999) && has(98_000) && !has(90_000));
        assert!(known.order.len() <= MAX_IDS);
    }
}
