//! QUIC by its headers (RFC 9000, section 17; RFC 8999): whether a datagram is QUIC, the Initial packets in it, and how
//! much of it is payload after the handshake.

/// Long header and fixed bit.
const LONG: u8 = 0xc0;
/// RFC 9000, section 17.2: connection ids of version 1 have at most 20 bytes.
pub(super) const MAX_CONNECTION_ID: usize = 20;
/// RFC 9369.
pub(super) const VERSION_2: u32 = 0x6b33_43cf;
/// Packets of one datagram that are walked.
const MAX_COALESCED: usize = 16;

/// Versions in use: 1 (RFC 9000), 2 (RFC 9369), IETF drafts, Google's and Facebook's own, and those reserved to exercise
/// negotiation.
fn is_version(version: u32) -> bool {
    has_known_layout(version)
        || version & 0x0f0f_0f0f == 0x0a0a_0a0a
        || matches!(version >> 16, 0x5130 | 0x5430)
}

/// Versions whose packets can be walked.
fn has_known_layout(version: u32) -> bool {
    matches!(version, 1 | VERSION_2 | 0xff00_0001..=0xff00_00ff | 0xface_b001..=0xface_b00f)
}

/// A long header (RFC 9000, section 17.2).
struct Long<'a> {
    version: u32,
    /// The packet type as version 1 numbers them.
    kind: u8,
    destination: &'a [u8],
    source: &'a [u8],
    /// What follows the connection ids.
    rest: &'a [u8],
}

const INITIAL: u8 = 0;
const ZERO_RTT: u8 = 1;
const RETRY: u8 = 3;

impl<'a> Long<'a> {
    fn read(packet: &'a [u8]) -> Option<Self> {
        let ([first, version @ ..], rest) = packet.split_first_chunk::<5>()?;
        let version = u32::from_be_bytes(*version);
        if first & LONG != LONG || !is_version(version) {
            return None;
        }
        let (destination, rest) = connection_id(rest)?;
        let (source, rest) = connection_id(rest)?;
        let kind = first >> 4 & 3;
        // RFC 9369, section 3.2: version 2 numbers Initial 1, 0-RTT 2, Handshake 3, Retry 0.
        let kind = if version == VERSION_2 { kind.wrapping_sub(1) & 3 } else { kind };
        Some(Self { version, kind, destination, source, rest })
    }

    /// Where the packet number begins and where `packet`, whose header this is, ends. `None` for a Retry, which has
    /// neither, and for layouts that are not known.
    fn extent(&self, packet: &[u8]) -> Option<(usize, u64)> {
        let after = match self.kind {
            INITIAL => {
                let (token, after) = varint(self.rest)?;
                after.get(usize::try_from(token).ok()?..)?
            }
            RETRY => return None,
            _ => self.rest,
        };
        let (length, body) = varint(after).filter(|_| has_known_layout(self.version))?;
        let number_at = packet.len() - body.len();
        Some((number_at, number_at as u64 + length))
    }
}

fn connection_id(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first()?;
    let length = usize::from(*length);
    if length > MAX_CONNECTION_ID { None } else { rest.split_at_checked(length) }
}

/// RFC 9000, section 16.
pub(super) fn varint(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let (first, rest) = bytes.split_first()?;
    let more = (1usize << (first >> 6)) - 1;
    let (tail, rest) = rest.split_at_checked(more)?;
    let value = tail.iter().fold(u64::from(first & 0x3f), |value, byte| value << 8 | u64::from(*byte));
    Some((value, rest))
}

/// A datagram that begins with a long header, as those of a handshake do, if it is QUIC at all.
#[inline]
pub(in crate::net) fn is_long(datagram: &[u8]) -> bool {
    datagram.first().is_some_and(|first| first & LONG == LONG)
}

/// A datagram that may be of a QUIC connection under way.
pub(in crate::net) fn is_short(datagram: &[u8]) -> bool {
    datagram.first().is_some_and(|first| first & LONG == 0x40)
}

/// A datagram that begins a QUIC connection, or belongs to its handshake.
pub(in crate::net) fn is_quic(datagram: &[u8]) -> bool {
    Long::read(datagram).is_some()
}

/// What the sender of a handshake datagram wants to be called.
pub(in crate::net) fn source_id(datagram: &[u8]) -> Option<&[u8]> {
    Long::read(datagram).filter(|long| long.kind != RETRY).map(|long| long.source)
}

/// What the far side of a handshake datagram is called by its sender.
pub(super) fn destination_id(datagram: &[u8]) -> Option<&[u8]> {
    Long::read(datagram).map(|long| long.destination)
}

/// An Initial packet, protected as it came.
#[derive(Clone, Copy, Debug)]
pub(super) struct Initial<'a> {
    pub(super) version: u32,
    /// The destination connection id; of a client's first packet, what the keys come from.
    pub(super) destination: &'a [u8],
    pub(super) packet: &'a [u8],
    pub(super) number_at: usize,
}

/// The Initial packets of a datagram, those captured whole.
pub(super) fn initials(datagram: &[u8]) -> impl Iterator<Item = Initial<'_>> {
    let mut rest = datagram;
    let packets = std::iter::from_fn(move || {
        let long = Long::read(rest)?;
        let (number_at, size) = long.extent(rest)?;
        let (packet, behind) = rest.split_at_checked(usize::try_from(size).ok()?)?;
        rest = behind;
        Some((long, number_at, packet))
    });
    packets.take(MAX_COALESCED).filter(|(long, ..)| long.kind == INITIAL).map(|(long, number_at, packet)| {
        Initial { version: long.version, destination: long.destination, packet, number_at }
    })
}

/// How many of a datagram's `len` bytes are 1-RTT or 0-RTT packets, on a flow known to be QUIC. Their headers and tags
/// count along: what is inside cannot be seen, so acknowledgments and retransmissions count too.
pub(in crate::net) fn application_bytes(datagram: &[u8], len: u32) -> u32 {
    let (mut rest, mut handshake) = (datagram, 0u32);
    for _ in 0..MAX_COALESCED {
        match rest.first() {
            // A short header: nothing can follow it, so the rest of the datagram is its own.
            Some(first) if first & 0x80 == 0 => break,
            Some(_) => {}
            None => return len.saturating_sub(handshake),
        }
        let Some(long) = Long::read(rest) else { return 0 };
        let Some((_, size)) = long.extent(rest) else { return 0 };
        if long.kind != ZERO_RTT {
            handshake = handshake.saturating_add(u32::try_from(size).unwrap_or(u32::MAX));
        }
        rest = match usize::try_from(size).ok().and_then(|size| rest.get(size..)) {
            Some(rest) => rest,
            None => return len.saturating_sub(handshake),
        };
    }
    // Padding behind the last long packet (a zero byte where a header should be) is no payload.
    if rest.len() < datagram.len() && rest.first().is_some_and(|first| first & 0x40 == 0) {
        return len.saturating_sub(handshake).saturating_sub(rest.len() as u32);
    }
    len.saturating_sub(handshake)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{application_bytes, is_quic};

    /// A long header of version 1 with an 8-byte and an empty connection id.
    fn long(kind: u8, body: usize) -> Vec<u8> {
        let mut packet = vec![0xc0 | kind << 4, 0, 0, 0, 1, 8, 1, 2, 3, 4, 5, 6, 7, 8, 0];
        if kind == 0 {
            packet.push(0);
        }
        packet.extend([0x40 | (body >> 8) as u8, body as u8]);
        packet.extend(vec![0xee; body]);
        packet
    }

    #[test]
    fn only_packets_after_the_handshake_count() {
        let short = [&[0x40][..], &[0xee; 99]].concat();
        let count = |datagram: &[u8]| application_bytes(datagram, datagram.len() as u32);
        assert_eq!(count(&long(0, 1180)), 0);
        assert_eq!(count(&short), 100);
        assert_eq!(count(&[long(0, 300), long(2, 500)].concat()), 0);
        assert_eq!(count(&[long(2, 500), short.clone()].concat()), 100);
        assert_eq!(count(&[long(0, 500), long(1, 200)].concat()), long(1, 200).len() as u32);
        assert_eq!(count(&[long(0, 500), vec![0; 600]].concat()), 0, "padding");
        assert_eq!(application_bytes(&long(0, 1180)[..60], 1198), 0, "cut by the capture");
        assert_eq!(application_bytes(&short[..20], 1200), 1200, "cut by the capture");
    }

    #[test]
    fn other_datagrams_are_not_quic() {
        for datagram in [&b""[..], b"\xc0", b"\xc0\0\0\0\x02\x08abcdefgh\0", b"\x40\0\0\0\x01", &[0xff; 40]] {
            assert!(!is_quic(datagram), "{datagram:?}");
        }
        assert!(is_quic(&long(0, 1180)));
    }

    proptest! {
        #[test]
        fn no_bytes_panic(mut datagram in proptest::collection::vec(any::<u8>(), 0..100), len in any::<u32>()) {
            if let [first, a, b, c, version, ids, ..] = &mut datagram[..] {
                (*first, *a, *b, *c, *version, *ids) = (*first | 0xc0, 0, 0, 0, 1, *ids % 24);
            }
            let len = len.max(datagram.len() as u32);
            prop_assert!(application_bytes(&datagram, len) <= len);
        }
    }
}
