//! Where a flow's packets pass, which of several connections they belong to, and what lies before the bytes that count.

use std::sync::Arc;

use crate::model::{CoverageKind, FlowId, NetFact, NetKind, Timestamp};
use crate::net::quic::testing::{crypto, sealed_from};
use crate::net::testing::{CLIENT, Made, SERVER, hello, packet, record, run, tcp, udp};
use crate::net::{Limits, Packet, Tap};

const MS: i64 = 1_000_000;
const ACK: u8 = 0x10;

fn counted(facts: &[NetFact]) -> (u64, u64) {
    bytes(facts, None)
}

fn bytes(facts: &[NetFact], of: Option<FlowId>) -> (u64, u64) {
    let own = facts.iter().filter(|fact| of.is_none_or(|flow| fact.flow == flow));
    own.fold((0, 0), |(out, into), fact| match fact.kind {
        NetKind::Bytes { out: o, into: i } => (out + u64::from(o), into + u64::from(i)),
        _ => (out, into),
    })
}

/// Each name with the bytes of its flow, in the order in which they became known.
fn named(packets: &[Made]) -> Vec<(String, u64, u64)> {
    let facts = run(packets).0;
    let names = facts.iter().filter_map(|fact| match &fact.kind {
        NetKind::Named { domain, .. } => {
            let (out, into) = bytes(&facts, Some(fact.flow));
            Some((domain.to_string(), out, into))
        }
        _ => None,
    });
    names.collect()
}

/// Packets, each on an interface.
fn passed(packets: &[(&str, Made)]) -> Vec<NetFact> {
    let mut tap = Tap::new(Limits::default());
    let mut facts = Vec::new();
    for (interface, made) in packets {
        let interface = Arc::<str>::from(*interface);
        tap.packet(&Packet { interface: Some(&interface), ..packet(made) }, &mut facts);
    }
    tap.finish(Timestamp::MIN, &mut facts);
    facts
}

/// A datagram of 100 bytes that is like no other.
fn unlike(at: i64, index: u8) -> Made {
    let mut payload = vec![7; 100];
    payload[50] = index;
    payload[99] = index;
    udp(at * MS, CLIENT, SERVER, &payload)
}

#[test]
fn a_flow_that_changes_its_interface_goes_on_counting() {
    for (before, after) in [("en0", "en7"), ("en7", "en0"), ("utun4", "en0"), ("en0", "utun4")] {
        let at = |index: u8| 3000 + i64::from(index) * 10;
        let mut packets: Vec<_> = (0..50).map(|index| (before, unlike(at(index), index))).collect();
        packets.insert(0, (before, unlike(0, 255)));
        packets.extend((50..100).map(|index| (after, unlike(at(index), index))));
        assert_eq!(counted(&passed(&packets)), (10_100, 0), "{before} {after}");
    }
}

/// As a bridge, a virtual machine or a tunnel shows them: in any order, at once or in bursts, after a silence too.
#[test]
fn a_datagram_counts_once_on_however_many_interfaces() {
    let all = ["vmenet0", "bridge100", "en0"];
    for (interfaces, burst) in [(&all[..2], 1), (&all, 1), (&all, 8), (&["en0", "utun4"], 4)] {
        let mut packets = Vec::new();
        for index in 0..20u8 {
            let start = i64::from(index) * 2500;
            let mut order = interfaces.to_vec();
            order.rotate_left(usize::from(index) % interfaces.len());
            for (place, interface) in order.into_iter().enumerate() {
                let at = |part: u8| start + i64::from(part) + 100 * place as i64;
                packets.extend((0..burst).map(|part| (interface, unlike(at(part), index * 10 + part))));
            }
        }
        let sent = 20 * 100 * u64::from(burst);
        assert_eq!(counted(&passed(&packets)), (sent, 0), "{interfaces:?} {burst}");
    }
}

/// The same question asked again is another datagram, and each has its copy.
#[test]
fn a_datagram_sent_again_counts_again() {
    let one = |at: i64| udp(at * MS, CLIENT, SERVER, &[7; 100]);
    let packets: Vec<_> =
        (0..5).flat_map(|index| [("en0", one(index * 1000)), ("bridge100", one(index * 1000 + 1))]).collect();
    assert_eq!(counted(&passed(&packets)), (500, 0));
}

/// The server's side of one connection, the handshake's segments each with a kilobyte.
fn answered(lost: &[usize]) -> (u64, u64) {
    let out =
        |at: i64, seq: u32, ack: u32, payload: &[u8]| tcp(at * MS, CLIENT, SERVER, seq, ack, ACK, payload);
    let back = |at: i64, seq: u32, payload: &[u8]| tcp(at * MS, SERVER, CLIENT, seq, 2, ACK, payload);
    let hello = hello(Some("a.example"), 0);
    let said = 2 + hello.len() as u32;
    let mut packets = vec![
        tcp(0, CLIENT, SERVER, 1, 0, 2, &[]),
        tcp(MS, SERVER, CLIENT, 1, 2, 0x12, &[]),
        out(2, 2, 2, &hello),
    ];
    packets.extend((0..4).map(|index| back(3 + index, 2 + 1000 * index as u32, &[2; 1000])));
    packets.push(out(10, said, 4002, &record(23, &[0; 495])));
    packets.extend((0..4).map(|index| back(11 + index, 4002 + 500 * index as u32, &[3; 500])));
    packets.push(out(9_000, said + 500, 6002, b"x"));
    let kept = packets.into_iter().enumerate().filter(|(index, _)| !lost.contains(index));
    counted(&run(&kept.map(|(_, made)| made).collect::<Vec<_>>()).0)
}

#[test]
fn what_the_capture_lost_of_a_handshake_does_not_count() {
    assert_eq!(answered(&[]), (501, 2000));
    // Of the server's handshake: in its middle, two, its end; then of the answer; then both.
    for (lost, into) in [
        (&[4][..], 2000),
        (&[4, 5], 2000),
        (&[6], 2000),
        (&[8], 2000),
        (&[9], 2000),
        (&[4, 9], 2000),
        (&[6, 8], 2000),
    ] {
        assert_eq!(answered(lost), (501, into), "{lost:?}");
    }
}

#[test]
fn what_the_capture_lost_of_a_short_plain_connection_counts() {
    let out = |at: i64, seq: u32, size: usize| tcp(at * MS, CLIENT, SERVER, seq, 2, ACK, &vec![b'x'; size]);
    let post = b"POST / HTTP/1.1\r\nContent-Length: 3000\r\n\r\n";
    let packets = [
        tcp(0, CLIENT, SERVER, 1, 0, 2, &[]),
        tcp(MS, CLIENT, SERVER, 2, 2, ACK, post),
        out(2, 2 + 41, 1000),
        out(4, 2 + 41 + 2000, 1000),
        out(9_000, 2 + 41 + 3000, 10),
    ];
    assert_eq!(post.len(), 41);
    assert_eq!(counted(&run(&packets).0), (3051, 0));
}

/// Keep-alives begin after two hours of silence, and go on for ten minutes before the connection is given up.
#[test]
fn a_connection_that_is_kept_alive_keeps_its_name() {
    const HOURS: i64 = 2 * 3600 * 1000;
    let hello = hello(Some("a.example"), 0);
    let said = 2 + hello.len() as u32;
    for (begin, late) in [(0, 1), (970, 50), (500, 700), (500, 590_000)] {
        let out =
            |at: i64, seq: u32, payload: &[u8]| tcp((begin + at) * MS, CLIENT, SERVER, seq, 2, ACK, payload);
        let back = |at: i64| tcp((begin + at) * MS, SERVER, CLIENT, 2, said, ACK, &[]);
        let probe = HOURS + late;
        let packets = [
            tcp(begin * MS, CLIENT, SERVER, 1, 0, 2, &[]),
            tcp(begin * MS, SERVER, CLIENT, 1, 2, 0x12, &[]),
            out(0, 2, &hello),
            back(0),
            out(probe, said - 1, &[]),
            back(probe + 1),
            out(2 * HOURS, said, &record(23, &[0; 95])),
        ];
        assert_eq!(named(&packets), [("a.example".to_owned(), 100, 0)], "{begin} {late}");
    }
}

/// One socket, two connections that begin at once: who is called how is told by the ids that each chose.
#[test]
fn connections_of_one_socket_are_told_apart_by_their_ids() {
    let text = |name: &str| hello(Some(name), 1500)[5..].to_vec();
    let [a, b] = ["a.example", "b.example"].map(text);
    let initial = |at: i64, who: &[u8], number: u32, offset: usize, piece: &[u8]| {
        let original = [who, b" to server"].concat();
        udp(
            at * MS,
            CLIENT,
            SERVER,
            &sealed_from(1, &original, &original, who, number, &crypto(offset, piece)),
        )
    };
    let handshake = |at: i64, client: &[u8], server: &[u8]| {
        let mut bytes = vec![0xe0, 0, 0, 0, 1, client.len() as u8];
        bytes.extend(client);
        bytes.push(server.len() as u8);
        bytes.extend(server);
        bytes.extend([0x40, 10]);
        bytes.extend([9; 10]);
        udp(at * MS, SERVER, CLIENT, &bytes)
    };
    let short = |id: &[u8], size: usize| [&[0x41], id, &vec![9; size - 1 - id.len()]].concat();
    let out = |at: i64, id: &[u8]| udp(at * MS, CLIENT, SERVER, &short(id, 900));
    let back = |at: i64, id: &[u8]| udp(at * MS, SERVER, CLIENT, &short(id, 300));
    let talk = |parts: bool| {
        let first = |at: i64, who: &[u8], text: &[u8]| match parts {
            true => vec![initial(at, who, 0, 0, &text[..900]), initial(at + 2, who, 1, 900, &text[900..])],
            false => vec![initial(at, who, 0, 0, text)],
        };
        let mut packets = [first(0, b"client a", &a), first(1, b"client b", &b)].concat();
        packets.sort_by_key(|made| made.time);
        packets.extend([
            handshake(10, b"client a", b"server a"),
            handshake(11, b"client b", b"server b"),
            back(12, b"client a"),
            back(13, b"client b"),
            out(14, b"server a"),
            out(15, b"server a"),
            out(16, b"server b"),
            back(17, b"client a"),
            back(18, b"client a"),
            back(19, b"client b"),
        ]);
        packets
    };
    let expected = [("a.example".to_owned(), 1800, 900), ("b.example".to_owned(), 900, 600)];
    assert_eq!(named(&talk(false)), expected, "at once");
    assert_eq!(named(&talk(true)), expected, "hellos in parts, one between the other's");
}

/// The beginnings of the packets that a tunnel is made of.
fn tunnelled(protocol: u8, rest: &[u8]) -> Made {
    let mut bytes = vec![0x45, 0];
    bytes.extend((20 + rest.len() as u16).to_be_bytes());
    bytes.extend([0, 0, 0, 0, 64, protocol, 0, 0, 10, 0, 0, 1, 192, 0, 2, 9]);
    bytes.extend(rest);
    Made { time: 0, bytes }
}

#[test]
fn a_tunnel_that_cannot_be_looked_into_is_a_blind_spot_told_once_a_minute() {
    let mut tap = Tap::new(Limits::default());
    let mut facts = Vec::new();
    let sealed = tunnelled(50, &[9; 100]);
    let pptp = tunnelled(47, &[&[0x30, 1, 0x88, 0x0b][..], &[9; 100]].concat());
    let mut pass = |tap: &mut Tap, at: i64, made: &Made| {
        tap.packet(&packet(&Made { time: at * MS, ..made.clone() }), &mut facts);
    };
    let told = |tap: &mut Tap| -> Vec<(u64, String)> {
        let records = tap.coverage().into_iter();
        records
            .map(|record| {
                assert_eq!(record.kind, CoverageKind::NameHidden);
                (record.count, record.text)
            })
            .collect()
    };
    let text = |count: u64, what: &str| {
        (count, format!("{count} packets of a tunnel that cannot be looked into: {what}"))
    };
    pass(&mut tap, 0, &sealed);
    pass(&mut tap, 1, &pptp);
    pass(&mut tap, 2, &sealed);
    assert_eq!(told(&mut tap), [text(2, "IPsec ESP"), text(1, "GRE or IP in IP")]);
    for at in 0..100 {
        pass(&mut tap, 3 + at, &sealed);
        assert_eq!(told(&mut tap), []);
    }
    pass(&mut tap, 60_003, &sealed);
    assert_eq!(told(&mut tap), [text(101, "IPsec ESP")]);
    assert!(facts.is_empty());
}

#[test]
fn a_tunnel_that_is_not_encrypted_is_looked_into() {
    let inner = tcp(0, CLIENT, SERVER, 1, 0, ACK, b"GET / HTTP/1.1\r\n\r\n").bytes;
    let mut six = vec![0x60, 0, 0, 0];
    six.extend((inner.len() as u16 - 20).to_be_bytes());
    six.extend([6, 64]);
    six.extend([0x20; 32]);
    six.extend(&inner[20..]);
    let authentic = [&[6, 4, 0, 0][..], &[5; 20], &inner[20..]].concat();
    let gre = |head: &[u8], inner: &[u8]| tunnelled(47, &[head, inner].concat());
    let cases = [
        ("IP in IP", tunnelled(4, &inner)),
        ("6in4", tunnelled(41, &six)),
        ("AH", tunnelled(51, &authentic)),
        ("GRE", gre(&[0, 0, 8, 0], &inner)),
        (
            "GRE with sum, key and number",
            gre(&[0xb0, 0, 0x86, 0xdd, 1, 1, 0, 0, 2, 2, 2, 2, 3, 3, 3, 3], &six),
        ),
    ];
    for (what, made) in cases {
        let (facts, flows) = run(&[made]);
        assert_eq!((counted(&facts), flows.len()), ((18, 0), 1), "{what}");
    }
    let nested = |depth: usize| (0..depth).fold(inner.clone(), |inner, _| tunnelled(4, &inner).bytes);
    let (facts, flows) = run(&[Made { time: 0, bytes: nested(2000) }]);
    assert!(facts.is_empty() && flows.is_empty(), "no deeper than one");
}
