//! The flows of the last packets, found by what stands in the header.

use super::FlowId;
use crate::net::frame::{Address, Plain};

/// As many directions of connections as are busy at the same time; 48 bytes each.
const WAYS: usize = 1024;

/// One direction of a connection.
#[derive(Clone, Copy, Debug)]
pub(super) struct Way {
    src: Address,
    dst: Address,
    ports: u32,
    pub(super) slot: u32,
    pub(super) flow: FlowId,
    pub(super) from_client: bool,
}

/// Directions by a hash of their addresses and ports. Two of the same hash push each other out, and cost no more than if
/// there were no such table: who chooses addresses so gains nothing.
#[derive(Debug)]
pub(super) struct Ways(Box<[Option<Way>]>);

impl Ways {
    pub(super) fn new() -> Self {
        Self(vec![None; WAYS].into_boxed_slice())
    }

    #[inline(always)]
    fn at(packet: &Plain) -> usize {
        let (src, dst) = (packet.src.0, packet.dst.0);
        let far = (src ^ (src >> 64)) as u64 ^ ((dst ^ (dst >> 64)) as u64).rotate_left(32);
        let mixed = (far ^ u64::from(packet.ports).rotate_left(17)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        (mixed >> 54) as usize % WAYS
    }

    #[inline(always)]
    pub(super) fn get(&self, packet: &Plain) -> Option<Way> {
        let same = |way: &Way| way.ports == packet.ports && way.src == packet.src && way.dst == packet.dst;
        self.0[Self::at(packet)].filter(same)
    }

    pub(super) fn put(&mut self, packet: &Plain, slot: u32, flow: FlowId, from_client: bool) {
        let Plain { src, dst, ports, .. } = *packet;
        self.0[Self::at(packet)] = Some(Way { src, dst, ports, slot, flow, from_client });
    }
}
