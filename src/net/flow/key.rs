//! The 5-tuple, and which end of it is this machine.

use std::hash::{Hash, Hasher};

use crate::model::{Direction, Endpoint};
use crate::net::frame::{Address, Segment, TcpHeader};

/// Both ends in a fixed order, so that both directions find the same flow.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::net) struct Key {
    low: Address,
    high: Address,
    ports: [u16; 2],
    is_tcp: bool,
}

impl Hash for Key {
    #[inline]
    fn hash<H: Hasher>(&self, state: &mut H) {
        let [low, high] = self.ports;
        let ports = u64::from(low) << 32 | u64::from(high) << 16 | u64::from(self.is_tcp);
        state.write_u128(self.low.0);
        state.write_u128(self.high.0);
        state.write_u64(ports);
    }
}

impl Key {
    /// The key, and whether the sender is its lower end.
    #[inline]
    pub(in crate::net) fn of(segment: &Segment<'_>) -> (Self, bool) {
        let (src, dst) = ((segment.src, segment.src_port), (segment.dst, segment.dst_port));
        let src_is_low = src <= dst;
        let (low, high) = if src_is_low { (src, dst) } else { (dst, src) };
        let key = Self { low: low.0, high: high.0, ports: [low.1, high.1], is_tcp: segment.tcp.is_some() };
        (key, src_is_low)
    }

    pub(in crate::net) fn address(&self, low: bool) -> Address {
        if low { self.low } else { self.high }
    }

    #[inline]
    pub(in crate::net) fn port(&self, low: bool) -> u16 {
        self.ports[usize::from(!low)]
    }

    pub(in crate::net) fn end(&self, low: bool) -> Endpoint {
        Endpoint { ip: self.address(low).to_ip(), port: self.port(low) }
    }
}

/// Whether the sender of a flow's first packet is this machine; where both are or neither, whether it opened the flow.
///
/// In this order: what the capture says, who has a private address, who sent the SYN, who has the higher port.
pub(in crate::net) fn sender_is_client(segment: &Segment<'_>, direction: Option<Direction>) -> bool {
    let (src, dst) = (segment.src, segment.dst);
    let local = src == dst || src.is_loopback() && dst.is_loopback();
    if !local {
        if let Some(direction) = direction {
            return direction == Direction::Out;
        }
        let group = src.is_group() || dst.is_group();
        if !group && src.is_private() != dst.is_private() {
            return src.is_private();
        }
    }
    match segment.tcp {
        Some(tcp) if tcp.has(TcpHeader::SYN) => !tcp.has(TcpHeader::ACK),
        _ => segment.src_port >= segment.dst_port,
    }
}
