//! Link layers: what stands before the IP header.

use super::Unread;
use crate::model::Direction;
use crate::net::packet::LinkType;

const ETHERTYPE_IPV4: u16 = 0x0800;
const ETHERTYPE_IPV6: u16 = 0x86dd;
const ETHERTYPE_PPPOE: u16 = 0x8864;
/// 802.1Q, 802.1ad and the older QinQ number.
const VLAN_TAGS: [u16; 3] = [0x8100, 0x88a8, 0x9100];
/// Tags of one frame that are followed. Two are in use; more than four is nonsense.
const MAX_TAGS: usize = 4;

type Read<'a> = Result<(Option<Direction>, &'a [u8]), Unread>;

/// Steps over the link header; what is left begins with an IP header, or claims to.
#[inline(always)]
pub(super) fn decode(link: LinkType, data: &[u8]) -> Read<'_> {
    match link {
        LinkType::Ethernet => ethernet(data),
        LinkType::Raw => Ok((None, data)),
        LinkType::Null => null(data),
        LinkType::Sll => sll(data),
        LinkType::Sll2 => sll2(data),
        LinkType::Ppp => Ok((None, ppp(data)?)),
        LinkType::Pktap | LinkType::Other(_) => Err(Unread::LinkUnknown),
    }
}

#[inline(always)]
fn ethernet(data: &[u8]) -> Read<'_> {
    let (header, rest) = data.split_first_chunk::<14>().ok_or(Unread::LinkMalformed)?;
    let ethertype = u16::from_be_bytes([header[12], header[13]]);
    if ethertype == ETHERTYPE_IPV4 || ethertype == ETHERTYPE_IPV6 {
        return Ok((None, rest));
    }
    Ok((None, tagged(ethertype, rest)?))
}

/// Follows VLAN tags and PPPoE to IP.
fn tagged(mut ethertype: u16, mut rest: &[u8]) -> Result<&[u8], Unread> {
    for _ in 0..=MAX_TAGS {
        match ethertype {
            ETHERTYPE_IPV4 | ETHERTYPE_IPV6 => return Ok(rest),
            ETHERTYPE_PPPOE => {
                let (_, inner) = rest.split_first_chunk::<6>().ok_or(Unread::LinkMalformed)?;
                return ppp(inner);
            }
            tag if VLAN_TAGS.contains(&tag) => {
                let (tag, inner) = rest.split_first_chunk::<4>().ok_or(Unread::LinkMalformed)?;
                ethertype = u16::from_be_bytes([tag[2], tag[3]]);
                rest = inner;
            }
            _ => return Err(Unread::NotIp),
        }
    }
    Err(Unread::LinkMalformed)
}

/// The address family may be in either byte order; AF_INET is 2 everywhere, AF_INET6 is 10, 24, 28 or 30 (macOS).
fn null(data: &[u8]) -> Read<'_> {
    let (family, rest) = data.split_first_chunk::<4>().ok_or(Unread::LinkMalformed)?;
    let family = u32::from_le_bytes(*family).min(u32::from_be_bytes(*family));
    if matches!(family, 2 | 10 | 24 | 28 | 30) { Ok((None, rest)) } else { Err(Unread::NotIp) }
}

/// LINKTYPE_LINUX_SLL: packet type, ARP type, address length, 8 bytes of address, protocol.
fn sll(data: &[u8]) -> Read<'_> {
    let (header, rest) = data.split_first_chunk::<16>().ok_or(Unread::LinkMalformed)?;
    let kind = u16::from_be_bytes([header[0], header[1]]);
    let rest = tagged(u16::from_be_bytes([header[14], header[15]]), rest)?;
    Ok((cooked_direction(kind), rest))
}

/// LINKTYPE_LINUX_SLL2: protocol, reserved, interface index, ARP type, packet type, address length, 8 bytes of address.
fn sll2(data: &[u8]) -> Read<'_> {
    let (header, rest) = data.split_first_chunk::<20>().ok_or(Unread::LinkMalformed)?;
    let rest = tagged(u16::from_be_bytes([header[0], header[1]]), rest)?;
    Ok((cooked_direction(u16::from(header[10])), rest))
}

/// 0 is "to us", 4 is "sent by us"; broadcast, multicast and strangers' traffic say nothing.
fn cooked_direction(kind: u16) -> Option<Direction> {
    match kind {
        0 => Some(Direction::In),
        4 => Some(Direction::Out),
        _ => None,
    }
}

/// RFC 1661 and 1662: the address and control bytes may be there, and the protocol may be one byte.
fn ppp(data: &[u8]) -> Result<&[u8], Unread> {
    let data = data.strip_prefix(&[0xff, 0x03]).unwrap_or(data);
    match data {
        [0x00, 0x21 | 0x57, rest @ ..] | [0x21 | 0x57, rest @ ..] => Ok(rest),
        [] | [_] => Err(Unread::LinkMalformed),
        _ => Err(Unread::NotIp),
    }
}
