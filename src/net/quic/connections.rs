//! Connection ids that both ends chose: a client that changes its address or port in the middle of a connection (RFC 9000,
//! section 9) is recognised by its server's, as long as it goes on using the one from the handshake; connections that share
//! a socket are told apart by both.

use std::collections::VecDeque;

use super::header::{MAX_CONNECTION_ID, destination_id};
use crate::model::{FlowId, Table};
use crate::net::frame::Address;

/// Shorter ids are too likely to be found in anything.
const MIN_ID: usize = 4;
/// Ids of one end, and of all.
const MAX_OF_END: usize = 32;
const MAX_IDS: usize = 8192;

/// Who is called by an id.
type End = (Address, u16);

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
    by_end: Table<End, VecDeque<Id>>,
    order: VecDeque<End>,
}

impl Connections {
    /// This end calls itself `id` in this flow.
    pub(in crate::net) fn learn(&mut self, end: End, id: &[u8], slot: u32, flow: FlowId) {
        let mut bytes = [0; MAX_CONNECTION_ID];
        let Some(room) = bytes.get_mut(..id.len()).filter(|_| id.len() >= MIN_ID) else { return };
        room.copy_from_slice(id);
        let ids = self.by_end.or_insert_with(end, VecDeque::new);
        if ids.iter().any(|known| known.flow == flow && known.bytes == bytes) {
            return;
        }
        ids.push_back(Id { bytes, len: id.len() as u8, slot, flow });
        self.order.push_back(end);
        if ids.len() > MAX_OF_END {
            ids.pop_front();
        }
        if self.order.len() <= MAX_IDS {
            return;
        }
        if let Some(oldest) = self.order.pop_front()
            && let Some(ids) = self.by_end.get_mut(&oldest)
        {
            ids.pop_front();
            if ids.is_empty() {
                self.by_end.remove(&oldest);
            }
        }
    }

    /// The flow in which this end, to which the datagram goes, is called as the datagram calls it.
    pub(in crate::net) fn find(&self, end: End, datagram: &[u8]) -> Option<(u32, FlowId)> {
        let ids = self.by_end.get(&end)?;
        let ([first], rest) = datagram.split_first_chunk::<1>()?;
        if first & 0x80 != 0 {
            return exactly(ids, destination_id(datagram)?);
        }
        // A short header does not say how long its id is, and its second bit may say anything (RFC 9287).
        let found = ids.iter().rev().find(|id| rest.starts_with(id.as_bytes()))?;
        Some((found.slot, found.flow))
    }

    /// The flows in which this end called itself anything.
    pub(in crate::net) fn of(&self, end: End) -> impl Iterator<Item = (u32, FlowId)> {
        self.by_end.get(&end).into_iter().flatten().map(|id| (id.slot, id.flow))
    }

    /// The flow in which this end calls itself `id`.
    pub(in crate::net) fn called(&self, end: End, id: &[u8]) -> Option<(u32, FlowId)> {
        exactly(self.by_end.get(&end)?, id)
    }

    /// This end is called otherwise in this flow, and in no other by `id`.
    pub(in crate::net) fn renames(&self, end: End, id: &[u8], flow: FlowId) -> bool {
        let Some(ids) = self.by_end.get(&end).filter(|_| id.len() >= MIN_ID) else { return false };
        ids.iter().any(|known| known.flow == flow) && exactly(ids, id).is_none()
    }
}

impl Id {
    fn as_bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }
}

fn exactly(ids: &VecDeque<Id>, id: &[u8]) -> Option<(u32, FlowId)> {
    ids.iter().rev().find(|known| known.as_bytes() == id).map(|known| (known.slot, known.flow))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(last: u8) -> End {
        (Address::v4([192, 0, 2, last]), 443)
    }

    #[test]
    fn an_id_is_found_at_its_server_only() {
        let mut known = Connections::default();
        known.learn(server(1), b"abcdefgh", 3, FlowId(7));
        known.learn(server(1), b"xyz", 4, FlowId(8));
        assert_eq!(known.find(server(1), b"\x41abcdefgh and more"), Some((3, FlowId(7))));
        assert_eq!(known.find(server(2), b"\x41abcdefgh and more"), None);
        assert_eq!(known.find(server(1), b"\xc1abcdefgh and more"), None, "no header");
        let long = |id: &[u8]| [&[0xe0, 0, 0, 0, 1, id.len() as u8], id, &[0, 0x40, 1]].concat();
        assert_eq!(known.find(server(1), &long(b"abcdefgh")), Some((3, FlowId(7))));
        assert_eq!(known.find(server(1), &long(b"abcdefgh and more")), None, "another");
        assert_eq!(known.called(server(1), b"abcdefgh"), Some((3, FlowId(7))));
        assert!(known.renames(server(1), b"another", FlowId(7)) && !known.renames(server(1), b"", FlowId(7)));
        assert_eq!(known.find(server(1), b"\x41xyz"), None, "too short to believe");
        assert_eq!(
            known.find(server(1), b"\x01abcdefgh"),
            Some((3, FlowId(7))),
            "the fixed bit may be greased"
        );
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
        for id in 0..100_000u32 {
            known.learn(server(251), &id.to_be_bytes(), id, FlowId(id));
        }
        assert!(known.order.len() <= MAX_IDS && known.by_end.get(&server(251)).unwrap().len() <= MAX_OF_END);
    }
}
