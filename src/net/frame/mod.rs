//! From a captured packet to a transport segment: link layer, IP, TCP and UDP headers.
//!
//! Nothing here allocates or panics; what cannot be read is one of [`Unread`], to be counted. Lengths are those of the
//! wire, not of the capture: a packet that was cut short still counts with what it carried.

mod fragments;
mod ip;
mod link;
mod pktap;

use super::packet::{LinkType, Packet};
use crate::model::Direction;

pub(super) use fragments::{Context, Datagram, Fragments};
pub(super) use ip::Address;

/// Why a packet gave no segment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Unread {
    /// A link layer that is not known.
    LinkUnknown,
    /// Cut or contradictory link header.
    LinkMalformed,
    /// Cut or contradictory PKTAP header.
    PktapMalformed,
    /// A PKTAP record of a packet that the kernel dropped: never traffic.
    DropRecord,
    /// ARP, LLDP and other traffic that is not IP.
    NotIp,
    Ipv4Malformed,
    Ipv6Malformed,
    /// A fragment of a datagram whose other parts did not come, or one that contradicts them.
    Fragment,
    /// ICMP, IGMP and other protocols that carry no ports.
    OtherProtocol,
    /// An encrypted tunnel: where what is inside goes cannot be known.
    Esp,
    /// A tunnel that carries something else than IP, or another tunnel.
    Tunnel,
    TcpMalformed,
    UdpMalformed,
}

impl Unread {
    pub const ALL: [Self; 13] = [
        Self::LinkUnknown,
        Self::LinkMalformed,
        Self::PktapMalformed,
        Self::DropRecord,
        Self::NotIp,
        Self::Ipv4Malformed,
        Self::Ipv6Malformed,
        Self::Fragment,
        Self::OtherProtocol,
        Self::Esp,
        Self::Tunnel,
        Self::TcpMalformed,
        Self::UdpMalformed,
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::LinkUnknown => "unknown link layer",
            Self::LinkMalformed => "malformed link header",
            Self::PktapMalformed => "malformed PKTAP header",
            Self::DropRecord => "drop record",
            Self::NotIp => "not IP",
            Self::Ipv4Malformed => "malformed IPv4",
            Self::Ipv6Malformed => "malformed IPv6",
            Self::Fragment => "fragment without the rest",
            Self::OtherProtocol => "other protocol",
            Self::Esp => "IPsec ESP",
            Self::Tunnel => "GRE or IP in IP",
            Self::TcpMalformed => "malformed TCP",
            Self::UdpMalformed => "malformed UDP",
        }
    }

    /// Every network has such packets, and none of them carries anything that is looked for.
    pub const fn is_ordinary(self) -> bool {
        matches!(self, Self::NotIp | Self::OtherProtocol)
    }

    /// What it carries goes elsewhere than the packet.
    pub(super) const fn is_tunnel(self) -> bool {
        matches!(self, Self::Esp | Self::Tunnel)
    }

    /// The bytes contradict themselves, as opposed to being of no interest.
    pub const fn is_malformed(self) -> bool {
        matches!(
            self,
            Self::LinkMalformed
                | Self::PktapMalformed
                | Self::Ipv4Malformed
                | Self::Ipv6Malformed
                | Self::TcpMalformed
                | Self::UdpMalformed
        )
    }
}

/// The owner as the packet header has it, names still with their padding.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct RawOwner<'a> {
    pub(super) pid: i32,
    pub(super) name: &'a [u8],
    /// -1, 0 or the pid itself when there is no other.
    pub(super) effective_pid: i32,
    pub(super) effective_name: &'a [u8],
}

/// What a PKTAP header says beside the packet.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(super) struct Envelope<'a> {
    pub(super) direction: Option<Direction>,
    pub(super) owner: Option<RawOwner<'a>>,
    /// NUL-padded.
    pub(super) interface: Option<&'a [u8]>,
}

/// The parts of a TCP header that flows need (RFC 9293, section 3.1).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct TcpHeader {
    pub(super) seq: u32,
    pub(super) ack: u32,
    pub(super) flags: u8,
}

impl TcpHeader {
    pub(super) const FIN: u8 = 0x01;
    pub(super) const SYN: u8 = 0x02;
    pub(super) const RST: u8 = 0x04;
    pub(super) const ACK: u8 = 0x10;

    pub(super) const fn has(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }

    /// Acknowledges, and neither begins nor ends anything.
    pub(super) const fn is_plain(&self) -> bool {
        self.flags & (Self::SYN | Self::FIN | Self::RST | Self::ACK) == Self::ACK
    }
}

/// A TCP segment or a UDP datagram.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Segment<'a> {
    pub(super) src: Address,
    pub(super) dst: Address,
    pub(super) src_port: u16,
    pub(super) dst_port: u16,
    /// `None` for UDP.
    pub(super) tcp: Option<TcpHeader>,
    /// The payload bytes that were captured.
    pub(super) payload: &'a [u8],
    /// The payload bytes there were on the wire; never less than `payload`.
    pub(super) len: u32,
}

/// An IP packet, and how long it was on the wire.
#[derive(Clone, Copy)]
pub(super) struct IpPacket<'a> {
    data: &'a [u8],
    on_wire: usize,
    /// What the link header says.
    direction: Option<Direction>,
}

impl<'a> IpPacket<'a> {
    /// Reads it down to its transport payload.
    #[inline(always)]
    pub(super) fn segment(&self) -> Result<Segment<'a>, Unread> {
        ip::decode(self.data, self.on_wire)
    }

    /// The same, sooner, if it is what most packets are.
    #[inline(always)]
    pub(super) fn plain(&self) -> Option<Segment<'a>> {
        ip::plain(self.data, self.on_wire)
    }

    /// Where it went, as said by the PKTAP header, the capture, the link header: the first that says it.
    pub(super) fn direction(&self, tapped: Option<Direction>, packet: &Packet<'_>) -> Option<Direction> {
        tapped.or(packet.direction).or(self.direction)
    }
}

/// The IP packet in a packet.
fn unwrapped<'a>(packet: &Packet<'a>) -> Result<(Envelope<'a>, IpPacket<'a>), Unread> {
    if packet.link == LinkType::Pktap { tapped(packet) } else { Ok((Envelope::default(), bare(packet)?)) }
}

/// The IP packet behind a PKTAP header.
#[inline(always)]
pub(super) fn tapped<'a>(packet: &Packet<'a>) -> Result<(Envelope<'a>, IpPacket<'a>), Unread> {
    let (envelope, link, data) = pktap::decode(packet.data)?;
    Ok((envelope, linked(packet, link, data)?))
}

/// The IP packet in a packet without a PKTAP header.
#[inline(always)]
pub(super) fn bare<'a>(packet: &Packet<'a>) -> Result<IpPacket<'a>, Unread> {
    linked(packet, packet.link, packet.data)
}

/// Steps over the link header of `data`, which ends `packet`.
#[inline(always)]
fn linked<'a>(packet: &Packet<'_>, link: LinkType, data: &'a [u8]) -> Result<IpPacket<'a>, Unread> {
    let (direction, rest) = link::decode(link, data)?;
    let before = packet.data.len() - rest.len();
    let on_wire = (packet.wire_len as usize).max(packet.data.len()) - before;
    Ok(IpPacket { data: rest, on_wire, direction })
}

/// Takes a packet that is refused as a fragment: perhaps it completes a datagram.
#[cold]
pub(super) fn gather(
    packet: &Packet<'_>,
    fragments: &mut Fragments,
    context: impl FnOnce(&Envelope<'_>, Option<Direction>) -> Context,
) -> Result<Option<Datagram>, Unread> {
    let (envelope, ip) = unwrapped(packet)?;
    let fragment = ip::fragment(ip.data, ip.on_wire).ok_or(Unread::Fragment)?;
    fragments.add(fragment, context(&envelope, ip.direction(envelope.direction, packet)))
}

#[cfg(test)]
mod tests;
