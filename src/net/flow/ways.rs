//! The flows of the last packets, found by what stands in the header.

use super::{FlowId, Segment};
use crate::net::frame::Address;

/// As many directions of connections as are busy at the same time; 64 bytes each.
const WAYS: usize = 1024;

/// Which flow a segment belongs to, and whether its client sent it.
#[derive(Clone, Copy, Debug)]
pub(in crate::net) struct Way {
    pub(super) slot: u32,
    pub(super) flow: FlowId,
    pub(super) from_client: bool,
}

/// One direction of a connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Direction {
    src: Address,
    dst: Address,
    ports: u32,
    is_tcp: bool,
}

impl Direction {
    #[inline(always)]
    fn of(segment: &Segment<'_>) -> Self {
        let Segment { src, dst, src_port, dst_port, tcp, .. } = *segment;
        let ports = u32::from(src_port) << 16 | u32::from(dst_port);
        Self { src, dst, ports, is_tcp: tcp.is_some() }
    }

    #[inline(always)]
    fn place(&self) -> usize {
        let (src, dst) = (self.src.0, self.dst.0);
        let far = (src ^ (src >> 64)) as u64 ^ ((dst ^ (dst >> 64)) as u64).rotate_left(32);
        let mixed = (far ^ u64::from(self.ports).rotate_left(17)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        (mixed >> 54) as usize % WAYS
    }
}

/// Directions by a hash of their addresses and ports. Two of the same hash push each other out, and cost no more than if
/// there were no such table: who chooses addresses so gains nothing.
#[derive(Debug)]
pub(super) struct Ways(Box<[Place]>);

/// Fills a line of the cache, and lies in no other.
#[derive(Clone, Debug)]
#[repr(align(64))]
struct Place(Option<(Direction, Way)>);

const _: () = assert!(size_of::<Place>() == 64);

impl Ways {
    pub(super) fn new() -> Self {
        Self(vec![Place(None); WAYS].into_boxed_slice())
    }

    #[inline(always)]
    pub(super) fn get(&self, segment: &Segment<'_>) -> Option<Way> {
        let direction = Direction::of(segment);
        match self.0[direction.place()].0 {
            Some((known, way)) if known == direction => Some(way),
            _ => None,
        }
    }

    pub(super) fn put(&mut self, segment: &Segment<'_>, way: Way) {
        let direction = Direction::of(segment);
        self.0[direction.place()].0 = Some((direction, way));
    }
}
