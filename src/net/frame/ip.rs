//! IPv4, IPv6 and the transport headers behind them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::fragments::Fragment;
use super::{Segment, TcpHeader, Unread};

/// An IP address in one word; IPv4 in its mapped form (`::ffff:a.b.c.d`).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(in crate::net) struct Address(pub(in crate::net) u128);

impl Address {
    const V4_PREFIX: u128 = 0xffff_0000_0000;

    pub(in crate::net) const fn v4(octets: [u8; 4]) -> Self {
        Self(Self::V4_PREFIX | u32::from_be_bytes(octets) as u128)
    }

    pub(in crate::net) const fn v6(octets: [u8; 16]) -> Self {
        Self(u128::from_be_bytes(octets))
    }

    pub(in crate::net) fn to_ip(self) -> IpAddr {
        Ipv6Addr::from(self.0).to_canonical()
    }

    const fn as_v4(self) -> Option<Ipv4Addr> {
        if self.0 >> 32 == 0xffff { Some(Ipv4Addr::from_bits(self.0 as u32)) } else { None }
    }

    pub(in crate::net) const fn is_loopback(self) -> bool {
        match self.as_v4() {
            Some(v4) => v4.is_loopback(),
            None => self.0 == 1,
        }
    }

    /// Of an IPv6 address that stands for an IPv4 one on networks without IPv4, that one (RFC 6052, section 2.1).
    pub(in crate::net) const fn translated(self) -> Self {
        const WELL_KNOWN: u128 = 0x0064_ff9b << 64;
        if self.0 >> 32 == WELL_KNOWN { Self(Self::V4_PREFIX | self.0 as u32 as u128) } else { self }
    }

    /// Of this machine or its site rather than of the Internet: loopback, RFC 1918, link-local, RFC 6598, ULA.
    pub(in crate::net) const fn is_private(self) -> bool {
        match self.as_v4() {
            Some(v4) => {
                let [a, b, ..] = v4.octets();
                v4.is_private() || v4.is_loopback() || v4.is_link_local() || a == 100 && b & 0xc0 == 64
            }
            None => self.0 == 1 || self.0 >> 121 == 0x7e || self.0 >> 118 == 0x3fa,
        }
    }

    /// Multicast or broadcast: nobody's own address.
    pub(in crate::net) const fn is_group(self) -> bool {
        match self.as_v4() {
            Some(v4) => v4.is_multicast() || v4.is_broadcast(),
            None => self.0 >> 120 == 0xff,
        }
    }
}

const IPV4: u8 = 4;
const TCP: u8 = 6;
const UDP: u8 = 17;
const IPV6: u8 = 41;
const GRE: u8 = 47;
const ESP: u8 = 50;
const AH: u8 = 51;

/// `on_wire`: how many bytes there were from here on, captured or not.
#[inline(always)]
pub(super) fn decode(data: &[u8], on_wire: usize) -> Result<Segment<'_>, Unread> {
    match data.first().map(|byte| byte >> 4) {
        Some(4) => ipv4(data, on_wire),
        Some(6) => ipv6(data, on_wire),
        _ => Err(Unread::NotIp),
    }
}

/// RFC 791. A total length of zero is a super-packet of segmentation offload: the wire says how long it is.
#[inline(always)]
fn ipv4(data: &[u8], on_wire: usize) -> Result<Segment<'_>, Unread> {
    let header = data.first_chunk::<20>().ok_or(Unread::Ipv4Malformed)?;
    let head = usize::from(header[0] & 0x0f) * 4;
    let total = match u16::from_be_bytes([header[2], header[3]]) {
        0 => on_wire,
        total => usize::from(total).min(on_wire),
    };
    if head < 20 || total < head {
        return Err(Unread::Ipv4Malformed);
    }
    let fragment = u16::from_be_bytes([header[6], header[7]]);
    if fragment & 0x3fff != 0 {
        return Err(Unread::Fragment);
    }
    let rest = data.get(head..total.min(data.len())).ok_or(Unread::Ipv4Malformed)?;
    let src = Address::v4([header[12], header[13], header[14], header[15]]);
    let dst = Address::v4([header[16], header[17], header[18], header[19]]);
    transport(header[9], src, dst, rest, total - head, false)
}

/// RFC 8200. A payload length of zero is a jumbogram or a super-packet.
#[inline(always)]
fn ipv6(data: &[u8], on_wire: usize) -> Result<Segment<'_>, Unread> {
    let (header, _) = data.split_first_chunk::<40>().ok_or(Unread::Ipv6Malformed)?;
    let left = on_wire.checked_sub(40).ok_or(Unread::Ipv6Malformed)?;
    let length = match u16::from_be_bytes([header[4], header[5]]) {
        0 => left,
        length => usize::from(length).min(left),
    };
    let rest = &data[40..(40 + length).min(data.len())];
    let (mut src, mut dst) = ([0; 16], [0; 16]);
    src.copy_from_slice(&header[8..24]);
    dst.copy_from_slice(&header[24..40]);
    let (src, dst) = (Address::v6(src), Address::v6(dst));
    match header[6] {
        next @ (TCP | UDP) => transport(next, src, dst, rest, length, false),
        next => extended(next, src, dst, rest, length, false),
    }
}

/// Reads what most packets are at fixed offsets: TCP behind an IP header without options, extensions or fragments. What it
/// says then is what [`decode`] says.
#[inline(always)]
pub(super) fn plain(data: &[u8], on_wire: usize) -> Option<Segment<'_>> {
    let (src, dst, rest, length) = match data.first()? {
        0x45 => {
            let (header, rest) = data.split_first_chunk::<20>()?;
            let total = usize::from(u16::from_be_bytes([header[2], header[3]]));
            let whole = (header[9] == TCP) & (header[6] & 0x3f == 0) & (header[7] == 0) & (total <= on_wire);
            let src = Address::v4([header[12], header[13], header[14], header[15]]);
            let dst = Address::v4([header[16], header[17], header[18], header[19]]);
            (src, dst, rest, if whole { total.checked_sub(20)? } else { return None })
        }
        0x60..=0x6f => {
            let (header, rest) = data.split_first_chunk::<40>()?;
            let length = usize::from(u16::from_be_bytes([header[4], header[5]]));
            let (src, dst) = (header[8..].first_chunk()?, header[24..].first_chunk()?);
            let whole = (header[6] == TCP) & (40 + length <= on_wire);
            (Address::v6(*src), Address::v6(*dst), rest, if whole { length } else { return None })
        }
        _ => return None,
    };
    let rest = &rest[..rest.len().min(length)];
    let header = rest.first_chunk::<20>()?;
    let word = |at: usize| u32::from_be_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]);
    let tcp = TcpHeader { seq: word(4), ack: word(8), flags: header[13] };
    let (ports, head) = (word(0), usize::from(header[12] >> 4) * 4);
    let sound = (head >= 20) & (head <= length);
    sound.then(|| Segment {
        src,
        dst,
        src_port: (ports >> 16) as u16,
        dst_port: ports as u16,
        tcp: Some(tcp),
        payload: rest.get(head..).unwrap_or_default(),
        len: (length - head) as u32,
    })
}

/// Steps over extension headers (those of RFC 7045, section 4). Each takes at least eight bytes, so the loop ends with the data. `cut`: more of the same
/// datagram should follow and does not.
pub(super) fn extended(
    mut next: u8,
    src: Address,
    dst: Address,
    mut rest: &[u8],
    mut length: usize,
    cut: bool,
) -> Result<Segment<'_>, Unread> {
    loop {
        let size = match (next, rest) {
            (0 | 43 | 60 | 135 | 139 | 140, [_, units, ..]) => (usize::from(*units) + 1) * 8,
            (51, [_, units, ..]) => (usize::from(*units) + 2) * 4,
            (44, [_, _, high, low, ..]) => {
                // Without more before or behind, it is a whole datagram after all (RFC 6946).
                if u16::from_be_bytes([*high, *low]) & 0xfff9 != 0 {
                    return Err(Unread::Fragment);
                }
                8
            }
            (0 | 43 | 44 | 51 | 60 | 135 | 139 | 140, _) => return Err(Unread::Ipv6Malformed),
            _ => return transport(next, src, dst, rest, length, cut),
        };
        next = *rest.first().ok_or(Unread::Ipv6Malformed)?;
        rest = rest.get(size..).ok_or(Unread::Ipv6Malformed)?;
        length = length.checked_sub(size).ok_or(Unread::Ipv6Malformed)?;
    }
}

/// The fragment that [`decode`] refused as one.
#[cold]
pub(super) fn fragment(data: &[u8], on_wire: usize) -> Option<Fragment<'_>> {
    if data.first()? >> 4 == 6 { fragment_6(data, on_wire) } else { fragment_4(data, on_wire) }
}

fn fragment_4(data: &[u8], on_wire: usize) -> Option<Fragment<'_>> {
    let header = data.first_chunk::<20>()?;
    let head = usize::from(header[0] & 0x0f) * 4;
    let total = usize::from(u16::from_be_bytes([header[2], header[3]])).min(on_wire);
    let field = u32::from(u16::from_be_bytes([header[6], header[7]]));
    Some(Fragment {
        src: Address::v4([header[12], header[13], header[14], header[15]]),
        dst: Address::v4([header[16], header[17], header[18], header[19]]),
        id: u32::from(u16::from_be_bytes([header[4], header[5]])),
        protocol: header[9],
        is_v6: false,
        start: (field & 0x1fff) * 8,
        len: u32::try_from(total.checked_sub(head)?).ok()?,
        more: field & 0x2000 != 0,
        bytes: data.get(head..total.min(data.len()))?,
    })
}

fn fragment_6(data: &[u8], on_wire: usize) -> Option<Fragment<'_>> {
    let (header, rest) = data.split_first_chunk::<40>()?;
    let payload = usize::from(u16::from_be_bytes([header[4], header[5]])).min(on_wire.checked_sub(40)?);
    let mut rest = &rest[..payload.min(rest.len())];
    let (mut next, mut length) = (header[6], payload);
    while next != 44 {
        let units = usize::from(*rest.get(1)?);
        let size = if next == 51 { (units + 2) * 4 } else { (units + 1) * 8 };
        next = *rest.first()?;
        (rest, length) = (rest.get(size..)?, length.checked_sub(size)?);
    }
    let (own, bytes) = rest.split_first_chunk::<8>()?;
    let field = u32::from(u16::from_be_bytes([own[2], own[3]]));
    let (mut src, mut dst) = ([0; 16], [0; 16]);
    src.copy_from_slice(&header[8..24]);
    dst.copy_from_slice(&header[24..40]);
    Some(Fragment {
        src: Address::v6(src),
        dst: Address::v6(dst),
        id: u32::from_be_bytes([own[4], own[5], own[6], own[7]]),
        protocol: own[0],
        is_v6: true,
        start: field & 0xfff8,
        len: u32::try_from(length.checked_sub(8)?).ok()?,
        more: field & 1 != 0,
        bytes,
    })
}

/// `length`: bytes of the transport header and payload on the wire. `cut`: more of the same datagram should follow and
/// does not.
#[inline(always)]
pub(super) fn transport(
    protocol: u8,
    src: Address,
    dst: Address,
    rest: &[u8],
    length: usize,
    cut: bool,
) -> Result<Segment<'_>, Unread> {
    match protocol {
        TCP => tcp(src, dst, rest, length),
        UDP => udp(src, dst, rest, length, cut),
        _ => other(protocol, src, dst, rest, length),
    }
}

/// What carries no ports itself: AH in front of what does (RFC 4302), and tunnels, which are looked into where they are
/// neither encrypted nor in a tunnel themselves.
#[cold]
fn other<'a>(
    protocol: u8,
    src: Address,
    dst: Address,
    rest: &'a [u8],
    length: usize,
) -> Result<Segment<'a>, Unread> {
    match protocol {
        AH => {
            let [next, units, ..] = *rest else { return Err(Unread::OtherProtocol) };
            let size = (usize::from(units) + 2) * 4;
            let behind = rest.get(size..).zip(length.checked_sub(size));
            let (rest, length) = behind.ok_or(Unread::OtherProtocol)?;
            // A second one would not say anything.
            if next == AH {
                Err(Unread::OtherProtocol)
            } else {
                transport(next, src, dst, rest, length, false)
            }
        }
        IPV4 | IPV6 => inside(rest, length).ok_or(Unread::Tunnel),
        GRE => {
            let inner = gre(rest).ok_or(Unread::Tunnel)?;
            let before = rest.len() - inner.len();
            inside(inner, length.saturating_sub(before)).ok_or(Unread::Tunnel)
        }
        ESP => Err(Unread::Esp),
        _ => Err(Unread::OtherProtocol),
    }
}

/// The segment of an IP packet in another one. A tunnel in a tunnel is not followed: there would be no end to it.
fn inside(data: &[u8], on_wire: usize) -> Option<Segment<'_>> {
    let carried = match data.first()? >> 4 {
        4 => data.get(9)?,
        6 => data.get(6)?,
        _ => return None,
    };
    if matches!(*carried, TCP | UDP) { decode(data, on_wire).ok() } else { None }
}

/// What a GRE header of version 0 stands before, if that is IP: behind checksum, key and number, where they are there
/// (RFC 2784, RFC 2890).
fn gre(rest: &[u8]) -> Option<&[u8]> {
    const SOURCE_ROUTE: u8 = 0x40;
    const FIELDS: [u8; 3] = [0x80, 0x20, 0x10];
    match rest {
        [flags, version, 0x08, 0x00, ..] | [flags, version, 0x86, 0xdd, ..]
            if flags & SOURCE_ROUTE == 0 && version & 7 == 0 =>
        {
            let fields = FIELDS.iter().filter(|field| flags & **field != 0).count();
            rest.get(4 + 4 * fields..)
        }
        _ => None,
    }
}

/// RFC 9293, section 3.1.
#[inline(always)]
fn tcp(src: Address, dst: Address, rest: &[u8], length: usize) -> Result<Segment<'_>, Unread> {
    let header = rest.first_chunk::<20>().ok_or(Unread::TcpMalformed)?;
    let head = usize::from(header[12] >> 4) * 4;
    if head < 20 || head > length {
        return Err(Unread::TcpMalformed);
    }
    Ok(Segment {
        src,
        dst,
        src_port: u16::from_be_bytes([header[0], header[1]]),
        dst_port: u16::from_be_bytes([header[2], header[3]]),
        tcp: Some(TcpHeader {
            seq: u32::from_be_bytes([header[4], header[5], header[6], header[7]]),
            ack: u32::from_be_bytes([header[8], header[9], header[10], header[11]]),
            flags: header[13],
        }),
        payload: rest.get(head..).unwrap_or_default(),
        len: u32::try_from(length - head).unwrap_or(u32::MAX),
    })
}

/// RFC 768. A length of zero is a jumbogram (RFC 2675). Of a datagram that is cut the header tells the length of the whole.
#[inline(always)]
fn udp(src: Address, dst: Address, rest: &[u8], length: usize, cut: bool) -> Result<Segment<'_>, Unread> {
    let (header, payload) = rest.split_first_chunk::<8>().ok_or(Unread::UdpMalformed)?;
    let claimed = usize::from(u16::from_be_bytes([header[4], header[5]]));
    let whole = match claimed {
        0 => length,
        1..8 => return Err(Unread::UdpMalformed),
        claimed if cut => claimed,
        claimed => claimed.min(length),
    };
    Ok(Segment {
        src,
        dst,
        src_port: u16::from_be_bytes([header[0], header[1]]),
        dst_port: u16::from_be_bytes([header[2], header[3]]),
        tcp: None,
        payload: &payload[..payload.len().min(whole - 8)],
        len: u32::try_from(whole - 8).unwrap_or(u32::MAX),
    })
}
