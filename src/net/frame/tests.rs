//! Headers built by hand, and headers built by chance.

use proptest::prelude::*;

use super::{Envelope, LinkType, Packet, Segment, Unread, unwrapped};
use crate::model::{Direction, Timestamp};
use crate::net::testing::{CLIENT, SERVER, tcp, udp};

/// A packet read down to its transport payload. What is read sooner agrees.
fn decode<'a>(packet: &Packet<'a>) -> Result<(Envelope<'a>, Segment<'a>), Unread> {
    let (mut envelope, ip) = unwrapped(packet)?;
    envelope.direction = ip.direction(envelope.direction, packet);
    let segment = ip.segment();
    if let Some(short) = ip.plain() {
        assert_eq!(Ok(short), segment);
    }
    Ok((envelope, segment?))
}

fn packet(link: LinkType, data: &[u8]) -> Packet<'_> {
    Packet {
        time: Timestamp::MIN,
        link,
        data,
        wire_len: data.len() as u32,
        interface: None,
        owner: None,
        direction: None,
    }
}

fn ip() -> Vec<u8> {
    tcp(0, CLIENT, SERVER, 1, 2, 0x10, b"payload").bytes
}

fn ipv6(next: u8, body: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0x60, 0, 0, 0];
    bytes.extend((body.len() as u16).to_be_bytes());
    bytes.extend([next, 64]);
    bytes.extend([0x20; 32]);
    bytes.extend(body);
    bytes
}

fn behind(head: &[u8], rest: &[u8]) -> Vec<u8> {
    [head, rest].concat()
}

#[test]
fn every_link_layer_leads_to_the_same_segment() {
    let ethernet = |tags: &[u8]| behind(&[&[0; 12], tags, &[0x08, 0x00]].concat(), &ip());
    let pppoe = behind(&[&[0; 12][..], &[0x88, 0x64, 0x11, 0, 0, 1, 0, 42, 0, 0x21]].concat(), &ip());
    let cases = [
        (LinkType::Raw, ip()),
        (LinkType::Ethernet, ethernet(&[])),
        (LinkType::Ethernet, ethernet(&[0x81, 0, 0, 5])),
        (LinkType::Ethernet, ethernet(&[0x88, 0xa8, 0, 5, 0x81, 0, 0, 6])),
        (LinkType::Ethernet, pppoe),
        (LinkType::Null, behind(&[2, 0, 0, 0], &ip())),
        (LinkType::Null, behind(&[0, 0, 0, 2], &ip())),
        (LinkType::Ppp, behind(&[0xff, 3, 0, 0x21], &ip())),
        (LinkType::Sll, behind(&[0, 4, 0, 1, 0, 6, 0, 0, 0, 0, 0, 0, 0, 0, 8, 0], &ip())),
        (LinkType::Sll2, behind(&[8, 0, 0, 0, 0, 0, 0, 1, 0, 1, 4, 6, 0, 0, 0, 0, 0, 0, 0, 0], &ip())),
        (LinkType::Pktap, pktap_1(LinkType::Raw, 2, 1)),
        (LinkType::Pktap, pktap_2()),
    ];
    for (link, data) in cases {
        let (envelope, segment) =
            decode(&packet(link, &data)).unwrap_or_else(|why| panic!("{link:?}: {why:?}"));
        assert_eq!(
            (segment.src_port, segment.dst_port, segment.payload),
            (CLIENT.1, SERVER.1, &b"payload"[..])
        );
        let cooked = matches!(link, LinkType::Sll | LinkType::Sll2 | LinkType::Pktap);
        assert_eq!(envelope.direction, cooked.then_some(Direction::Out), "{link:?}");
    }
}

/// Version 1, 156 bytes: curl (4242) on behalf of mail (77), on en0.
fn pktap_1(inner: LinkType, direction: u8, kind: u8) -> Vec<u8> {
    let mut header = vec![0; 156];
    header[0] = 156;
    header[4] = kind;
    header[8] = if inner == LinkType::Raw { 12 } else { 1 };
    header[12..15].copy_from_slice(b"en0");
    header[36] = direction;
    header[52..54].copy_from_slice(&4242u16.to_le_bytes());
    header[56..60].copy_from_slice(b"curl");
    header[84] = 77;
    header[88..92].copy_from_slice(b"mail");
    behind(&header, &ip())
}

/// Version 2: 40 bytes and the three strings.
fn pktap_2() -> Vec<u8> {
    let mut header = vec![0; 40];
    (header[0], header[3], header[4], header[5], header[6]) = (54, 40, 44, 49, 12);
    header[28..30].copy_from_slice(&4242u16.to_le_bytes());
    header[32] = 77;
    header[36..40].copy_from_slice(&0x8_0002u32.to_le_bytes());
    header.extend(b"en0\0curl\0mail\0");
    behind(&header, &ip())
}

#[test]
fn both_versions_of_the_packet_tap_tell_the_same() {
    for data in [pktap_1(LinkType::Raw, 2, 1), pktap_2()] {
        let (envelope, _) = decode(&packet(LinkType::Pktap, &data)).unwrap();
        let owner = envelope.owner.unwrap();
        assert_eq!((owner.pid, owner.effective_pid), (4242, 77));
        assert!(owner.name.starts_with(b"curl\0") && owner.effective_name.starts_with(b"mail\0"));
        assert!(envelope.interface.unwrap().starts_with(b"en0\0"));
    }
    // Of nobody, but on behalf of somebody.
    for (at, mut data) in [(52, pktap_1(LinkType::Raw, 2, 1)), (28, pktap_2())] {
        data[at..at + 4].copy_from_slice(&(-1i32).to_le_bytes());
        let owner = decode(&packet(LinkType::Pktap, &data)).unwrap().0.owner.unwrap();
        assert!(owner.pid == 77 && owner.effective_pid <= 0 && owner.name.starts_with(b"mail\0"));
        data[at + 32..at + 36].copy_from_slice(&(-1i32).to_le_bytes());
        if at == 52 {
            assert_eq!(decode(&packet(LinkType::Pktap, &data)).unwrap().0.owner, None);
        }
    }
    let drop = pktap_1(LinkType::Raw, 2, 2);
    assert_eq!(decode(&packet(LinkType::Pktap, &drop)), Err(Unread::DropRecord));
}

#[test]
fn lengths_are_those_of_the_wire() {
    let whole = ip();
    let cut = Packet { wire_len: whole.len() as u32, ..packet(LinkType::Raw, &whole[..42]) };
    let (_, segment) = decode(&cut).unwrap();
    assert_eq!((segment.payload, segment.len), (&b"pa"[..], 7));
    let padded = behind(&whole, &[0; 6]);
    assert_eq!(decode(&packet(LinkType::Raw, &padded)).unwrap().1.payload, b"payload");
    let mut offloaded = whole.clone();
    offloaded[2..4].fill(0);
    assert_eq!(decode(&packet(LinkType::Raw, &offloaded)).unwrap().1.len, 7);
}

#[test]
fn ipv6_extension_headers_are_stepped_over() {
    let segment = &ip()[20..];
    let options = [&[60, 0, 1, 4, 0, 0, 0, 0][..], &[6, 1, 1, 12], &[0; 12], segment].concat();
    let optional = ipv6(0, &options);
    let (_, read) = decode(&packet(LinkType::Raw, &optional)).unwrap();
    assert_eq!((read.payload, read.len), (&b"payload"[..], 7));
    for kind in [43, 135, 139, 140] {
        let one = [&[6, 0, 0, 0, 0, 0, 0, 0][..], segment].concat();
        assert_eq!(
            decode(&packet(LinkType::Raw, &ipv6(kind, &one))).unwrap().1.payload,
            b"payload",
            "{kind}"
        );
    }
    let atomic = [&[6, 0, 0, 0, 0, 0, 0, 9][..], segment].concat();
    assert_eq!(decode(&packet(LinkType::Raw, &ipv6(44, &atomic))).unwrap().1.payload, b"payload");
    for part in [[0, 1], [1, 0]] {
        let fragment = [&[6, 0][..], &part, &[0, 0, 0, 9], segment].concat();
        assert_eq!(decode(&packet(LinkType::Raw, &ipv6(44, &fragment))), Err(Unread::Fragment));
    }
}

#[test]
fn what_cannot_be_read_has_a_kind() {
    let with = |at: usize, value: u8| {
        let mut bytes = ip();
        bytes[at] = value;
        bytes
    };
    let short_udp = {
        let mut bytes = udp(0, CLIENT, SERVER, b"x").bytes;
        bytes[25] = 7;
        bytes
    };
    let cases = [
        (LinkType::Raw, with(0, 0x44), Unread::Ipv4Malformed),
        (LinkType::Raw, with(0, 0x15), Unread::NotIp),
        (LinkType::Raw, with(7, 0x01), Unread::Fragment),
        (LinkType::Raw, with(9, 1), Unread::OtherProtocol),
        (LinkType::Raw, with(32, 0x40), Unread::TcpMalformed),
        (LinkType::Raw, short_udp, Unread::UdpMalformed),
        (LinkType::Raw, ip()[..30].to_vec(), Unread::TcpMalformed),
        (LinkType::Ethernet, vec![0; 13], Unread::LinkMalformed),
        (LinkType::Ethernet, vec![0; 60], Unread::NotIp),
        (LinkType::Ethernet, [0x81, 0].repeat(40), Unread::LinkMalformed),
        (LinkType::Pktap, vec![0; 200], Unread::PktapMalformed),
        (LinkType::Other(105), ip(), Unread::LinkUnknown),
    ];
    for (link, data, why) in cases {
        assert_eq!(decode(&packet(link, &data)).map(|_| ()), Err(why), "{link:?} {data:02x?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_bytes_panic(
        link in 0usize..8,
        mut data in proptest::collection::vec(any::<u8>(), 0..300),
        wire_len in any::<u32>(),
        shape in 0u8..6,
    ) {
        let links = [
            LinkType::Raw, LinkType::Ethernet, LinkType::Null, LinkType::Ppp, LinkType::Sll, LinkType::Sll2,
            LinkType::Pktap, LinkType::Other(7),
        ];
        // Chance alone rarely gets past the first bytes.
        match (shape, data.len()) {
            (1, 40..) => data[0] = 0x45,
            (2, 60..) => (data[0], data[6]) = (0x60, data[6] % 64),
            (3, 40..) => data[12..14].copy_from_slice(&[8, 0]),
            (4, 200..) => {
                data[..8].copy_from_slice(&[156, 0, 0, 0, 1, 0, 0, 0]);
                data[8..12].copy_from_slice(&[12, 0, 0, 0]);
            }
            (5, 100..) => (data[0], data[38]) = (data[0] | 40, data[38] | 8),
            _ => {}
        }
        let seen = Packet { wire_len, ..packet(links[link], &data) };
        if let Ok((_, segment)) = decode(&seen) {
            prop_assert!(segment.payload.len() <= segment.len as usize);
        }
    }
}
