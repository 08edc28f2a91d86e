//! What a flow hides, whose answers count, and connections that move.

use std::slice::from_ref;
use std::sync::Arc;

use crate::model::{
    CommName, CoverageKind, FlowId, NameScope, NameSource, NetFact, NetKind, Owner, Pid, Timestamp,
    UnknownName,
};
use crate::net::quic::testing::{crypto, sealed};
use crate::net::testing::{CLIENT, Made, SERVER, dns_answer, hello, packet, run, tcp, udp};
use crate::net::{Limits, LinkType, Packet, Tap};

const MS: i64 = 1_000_000;
const RESOLVER: ([u8; 4], u16) = ([10, 0, 0, 53], 53);
const ASKER: ([u8; 4], u16) = ([10, 0, 0, 1], 40_000);

fn owner(pid: i32) -> Owner {
    Owner { pid: Pid(pid), name: CommName::new(b"x"), effective: None }
}

/// The question that [`dns_answer`] answers.
fn dns_query(asked: &str) -> Vec<u8> {
    let mut message = dns_answer(asked, None, 0, [0; 4]);
    message.truncate(12 + asked.len() + 2 + 4);
    message[2..8].copy_from_slice(&[1, 0, 0, 1, 0, 0]);
    message
}

/// Packets with an owner, from one interface each.
fn told(packets: &[(&str, i32, Made)]) -> (Vec<NetFact>, Tap) {
    let mut tap = Tap::new(Limits { summaries: true, ..Limits::default() });
    let mut facts = Vec::new();
    for (interface, pid, made) in packets {
        let (interface, owner) = (Arc::<str>::from(*interface), owner(*pid));
        let named = Packet { interface: Some(&interface), owner: Some(&owner), ..packet(made) };
        tap.packet(&named, &mut facts);
    }
    tap.finish(Timestamp::MIN, &mut facts);
    (facts, tap)
}

fn nameless(facts: &[NetFact]) -> Vec<UnknownName> {
    let why = facts.iter().filter_map(|fact| match fact.kind {
        NetKind::Nameless(why) => Some(why),
        _ => None,
    });
    why.collect()
}

fn named(facts: &[NetFact], name: &str) -> Option<(NameSource, NameScope)> {
    facts.iter().rev().find_map(|fact| match &fact.kind {
        NetKind::Named { domain, source, scope } if domain.as_str() == name => Some((*source, *scope)),
        _ => None,
    })
}

fn disputed(facts: &[NetFact]) -> Option<&str> {
    facts.iter().find_map(|fact| match &fact.kind {
        NetKind::Disputed(domain) => Some(domain.as_str()),
        _ => None,
    })
}

/// Question and answer about the server's address, then a hello to it.
fn asked_then_greeted(asked: &str, greeted: &str) -> Vec<(&'static str, i32, Made)> {
    vec![
        ("en0", 7, udp(0, ASKER, RESOLVER, &dns_query(asked))),
        ("en0", 7, udp(MS, RESOLVER, ASKER, &dns_answer(asked, None, 60, SERVER.0))),
        ("en0", 7, tcp(2 * MS, CLIENT, SERVER, 1, 0, 2, &[])),
        ("en0", 7, tcp(3 * MS, CLIENT, SERVER, 2, 1, 0x10, &hello(Some(greeted), 0))),
    ]
}

#[test]
fn a_hello_that_contradicts_dns_is_disputed() {
    let facts = told(&asked_then_greeted("evil.cdn.example", "corp.example.org")).0;
    assert_eq!(disputed(&facts), Some("evil.cdn.example"));
    assert!(named(&facts, "corp.example.org").is_some(), "shown as it says, too");
    for (asked, greeted) in [("a.example", "a.example"), ("a.cdn.example", "b.cdn.example")] {
        assert_eq!(disputed(&told(&asked_then_greeted(asked, greeted)).0), None, "{asked} {greeted}");
    }
    // Somebody asked for the name in the hello: many names may share an address.
    let mut shared = asked_then_greeted("evil.cdn.example", "corp.example.org");
    let other = (ASKER.0, 40_001);
    shared.insert(0, ("en0", 9, udp(0, RESOLVER, other, &dns_answer("corp.example.org", None, 60, [9; 4]))));
    assert_eq!(disputed(&told(&shared).0), None);
}

#[test]
fn answers_count_as_far_as_somebody_asked() {
    let scope = |packets: &[(&str, i32, Made)]| named(&told(packets).0, "a.example").map(|(_, scope)| scope);
    let answer = udp(MS, RESOLVER, ASKER, &dns_answer("a.example", None, 60, SERVER.0));
    let sent = udp(2 * MS, CLIENT, SERVER, b"x");
    let question = |name| udp(0, ASKER, RESOLVER, &dns_query(name));
    let asked = [("en0", 7, question("a.example")), ("en0", 7, answer.clone()), ("en0", 7, sent.clone())];
    assert_eq!(scope(&asked), Some(NameScope::SameProcess));
    let missed = [("en0", 7, answer.clone()), ("en0", 7, sent.clone())];
    assert_eq!(scope(&missed), Some(NameScope::HostWide), "the question may have been missed");
    let forged = [("en0", 7, question("b.example")), ("en0", 7, answer), ("en0", 7, sent)];
    assert_eq!(scope(&forged), None);
    assert_eq!(told(&forged).1.stats().dns_unasked, 1);
}

#[test]
fn dns_over_tcp_in_any_order_of_segments() {
    let framed = |message: Vec<u8>| [&(message.len() as u16).to_be_bytes()[..], &message].concat();
    let question = framed(dns_query("a.example"));
    let answer = framed(dns_answer("a.example", None, 60, SERVER.0));
    let (first, second) = answer.split_at(20);
    let reply = |seq: usize, part: &[u8]| tcp(4 * MS, RESOLVER, ASKER, 11 + seq as u32, 2, 0x10, part);
    let mut parts = [reply(0, first), reply(20, second)];
    for _ in 0..2 {
        parts.reverse();
        let packets = [
            tcp(0, ASKER, RESOLVER, 1, 0, 2, &[]),
            tcp(MS, RESOLVER, ASKER, 10, 2, 0x12, &[]),
            tcp(2 * MS, ASKER, RESOLVER, 2, 11, 0x10, &question),
            parts[0].clone(),
            parts[1].clone(),
            udp(5 * MS, CLIENT, SERVER, b"x"),
        ];
        let packets = packets.map(|made| ("en0", 7, made));
        assert_eq!(named(&told(&packets).0, "a.example"), Some((NameSource::Dns, NameScope::SameProcess)));
    }
}

#[test]
fn what_hides_the_destination_is_said() {
    let mut stun = vec![0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42];
    stun.extend([7; 12]);
    let (facts, _) = run(&[udp(0, CLIENT, ([192, 0, 2, 1], 3478), &stun)]);
    assert_eq!(nameless(&facts), [UnknownName::PeerToPeer]);
    let nearby = [("awdl0", 7, tcp(0, CLIENT, SERVER, 1, 0, 2, &[]))];
    assert_eq!(nameless(&told(&nearby).0), [UnknownName::Nearby]);
    let relay = [tcp(0, CLIENT, SERVER, 1, 0, 2, &[]), {
        tcp(1, CLIENT, SERVER, 2, 1, 0x10, &hello(Some("mask-h2.icloud.com"), 0))
    }];
    assert_eq!(nameless(&run(&relay).0), [UnknownName::Relay]);
}

#[test]
fn questions_that_cannot_be_read_are_a_blind_spot() {
    let mut tap = Tap::new(Limits::default());
    let mut facts = Vec::new();
    let greeting = hello(Some("dns.google"), 0);
    for made in [tcp(0, CLIENT, SERVER, 1, 0, 2, &[]), tcp(1, CLIENT, SERVER, 2, 1, 0x10, &greeting)] {
        tap.packet(&packet(&made), &mut facts);
    }
    assert_eq!(tap.stats().encrypted_dns, 1);
    assert!(tap.coverage().iter().any(|record| record.kind.as_str() == "name-hidden"));
}

#[test]
fn packets_that_cannot_be_read_are_a_blind_spot_told_once_a_minute() {
    let mut tap = Tap::new(Limits::default());
    let mut facts = Vec::new();
    let made = udp(0, CLIENT, SERVER, b"x");
    let mut pass = |tap: &mut Tap, ms: i64, link| {
        let time = Timestamp::from_nanos(ms * MS);
        tap.packet(&Packet { time, link, ..packet(&made) }, &mut facts);
    };
    let told = |tap: &mut Tap| -> Vec<(u64, i64, String)> {
        let records = tap.coverage().into_iter();
        let lost = records.filter(|record| record.kind == CoverageKind::CaptureLoss);
        lost.map(|lost| (lost.count, lost.end.as_nanos() / MS, lost.text)).collect()
    };
    pass(&mut tap, 0, LinkType::Other(147));
    pass(&mut tap, 1, LinkType::Other(147));
    let text =
        |count: u64| format!("{count} packets could not be read, nor what they carried: unknown link layer");
    assert_eq!(told(&mut tap), [(2, 1, text(2))]);
    pass(&mut tap, 2, LinkType::Other(147));
    assert_eq!(told(&mut tap), []);
    pass(&mut tap, 60_001, LinkType::Other(147));
    assert_eq!(told(&mut tap), [(2, 60_001, text(2))]);
    pass(&mut tap, 60_002, LinkType::Pktap);
    assert_eq!(told(&mut tap), []);
    tap.finish(Timestamp::MIN, &mut Vec::new());
    let [(1, 60_002, text)] = &told(&mut tap)[..] else { panic!("{:?}", tap.stats()) };
    assert!(text.ends_with(": malformed PKTAP header"), "{text}");
}

#[test]
fn what_every_network_has_beside_ip_is_no_blind_spot() {
    let mut tap = Tap::new(Limits::default());
    let arp = [&[0xff; 12][..], &[0x08, 0x06], &[0; 28]].concat();
    let mut icmp = vec![0; 28];
    (icmp[0], icmp[3], icmp[9]) = (0x45, 28, 1);
    let made = udp(0, CLIENT, SERVER, b"x");
    for (link, data) in [(LinkType::Ethernet, &arp), (LinkType::Raw, &icmp)] {
        let wire_len = u32::try_from(data.len()).unwrap();
        tap.packet(&Packet { link, data, wire_len, ..packet(&made) }, &mut Vec::new());
    }
    tap.finish(Timestamp::MIN, &mut Vec::new());
    assert_eq!(tap.stats().notes(|why| !why.is_ordinary()), [""; 0]);
    assert_eq!(
        tap.stats().notes(|_| true),
        ["1 packet not read: not IP", "1 packet not read: other protocol"]
    );
    assert_eq!(tap.coverage(), []);
}

/// Keys are not needed: the server's long header names it, the client's short header repeats that name.
#[test]
fn a_quic_connection_is_followed_to_another_port() {
    let long = |kind: u8, destination: &[u8], source: &[u8]| {
        let mut bytes = vec![0xc0 | kind << 4, 0, 0, 0, 1, destination.len() as u8];
        bytes.extend(destination);
        bytes.push(source.len() as u8);
        bytes.extend(source);
        if kind == 0 {
            bytes.push(0);
        }
        bytes.extend([0x40, 100]);
        bytes.extend([9; 100]);
        bytes
    };
    let short = |id: &[u8]| [&[0x41][..], id, &[9; 60]].concat();
    let moved = (CLIENT.0, CLIENT.1 + 1);
    let packets = |id: &[u8]| {
        [
            udp(0, RESOLVER, ASKER, &dns_answer("a.example", None, 60, SERVER.0)),
            udp(MS, CLIENT, SERVER, &long(0, b"client's choice", b"")),
            udp(2 * MS, SERVER, CLIENT, &long(2, b"", b"server's")),
            udp(3 * MS, moved, SERVER, &short(id)),
        ]
    };
    let transport = |id: &[u8]| {
        let flows = run(&packets(id)).1;
        let flow = flows.iter().find(|flow| flow.client.port == moved.1);
        flow.map(|flow| (flow.transport.as_str(), flow.name.is_some(), flow.bytes_out))
    };
    assert_eq!(transport(b"server's"), Some(("quic", true, 69)));
    assert_eq!(transport(b"another!"), Some(("udp", true, 69)), "named by DNS alone");
}

/// A socket used again, or one that serves several connections: each has its own hello.
#[test]
fn a_quic_connection_may_follow_another_on_the_same_ports() {
    let first = |at: i64, id: &[u8], name: &str| {
        let frames = crypto(0, &hello(Some(name), 0)[5..]);
        udp(at * MS, CLIENT, SERVER, &sealed(1, id, id, 0, &frames))
    };
    let [out, back] = [900, 300].map(|size| [&[0x41][..], &vec![9; size - 1]].concat());
    let (out, back) = (|at| udp(at * MS, CLIENT, SERVER, &out), |at| udp(at * MS, SERVER, CLIENT, &back));
    let says = |packets: &[Made]| -> Vec<(String, u64, u64)> {
        let of = |flow: FlowId, facts: &[NetFact]| {
            let bytes = facts.iter().filter(|fact| fact.flow == flow).filter_map(|fact| match fact.kind {
                NetKind::Bytes { out, into } => Some((u64::from(out), u64::from(into))),
                _ => None,
            });
            bytes.fold((0, 0), |sum, (out, into)| (sum.0 + out, sum.1 + into))
        };
        let facts = run(packets).0;
        let named = facts.iter().filter_map(|fact| match &fact.kind {
            NetKind::Named { domain, .. } => Some((domain.to_string(), of(fact.flow, &facts))),
            _ => None,
        });
        named.map(|(name, (out, into))| (name, out, into)).collect()
    };
    let one = |name: &str, out, into| (name.to_owned(), out, into);
    let talk = [first(0, b"client's", "a.example"), back(1), out(2), out(3)];
    let again = [&talk[..], &[first(4, b"client's", "a.example"), out(5)]].concat();
    assert_eq!(says(&again), [one("a.example", 2700, 300)], "sent again");
    let other = [&talk[..], &[first(4, b"another id", "b.example"), out(5), back(6), back(7)]].concat();
    assert_eq!(says(&other), [one("a.example", 1800, 300), one("b.example", 900, 600)]);
    // The server's handshake tells how it wants to be called; by that its connections are told apart.
    let named = |at: i64, id: &[u8; 8]| {
        udp(at * MS, SERVER, CLIENT, &[&[0xe0, 0, 0, 0, 1, 0, 8], &id[..], &[0x40, 10], &[9; 10]].concat())
    };
    let to = |at: i64, id: &[u8; 8]| udp(at * MS, CLIENT, SERVER, &[&[0x41], &id[..], &[9; 91]].concat());
    let both = [
        &[first(0, b"client's", "a.example"), named(1, b"server a"), back(2), to(3, b"server a")][..],
        &[first(4, b"another id", "b.example"), named(5, b"server b"), back(6), to(7, b"server b")],
        &[to(8, b"server a"), to(9, b"server a"), to(10, b"server b")],
    ];
    assert_eq!(says(&both.concat()), [one("a.example", 300, 300), one("b.example", 200, 300)]);
    let anew = [first(0, b"client's", "a.example"), first(1, b"retry's id", "a.example"), back(2), out(3)];
    assert_eq!(says(&anew), [one("a.example", 900, 300)], "after a Retry");
}

#[test]
fn a_tunnel_s_packets_count_once_from_the_first_on() {
    let (out, back) = (udp(0, CLIENT, SERVER, &[7; 100]), |at| udp(at, SERVER, CLIENT, &[7; 30]));
    let packets = [
        ("utun4", 7, out.clone()),
        ("en0", 99, out),
        ("en0", 99, back(MS)),
        ("en0", 99, back(2 * MS)),
        ("utun4", 7, back(3 * MS)),
        ("utun4", 7, back(4 * MS)),
        ("utun4", 7, back(5 * MS)),
    ];
    let (facts, mut tap) = told(&packets);
    let flow = tap.finished().next().unwrap();
    assert_eq!((flow.bytes_out, flow.bytes_in, flow.packets_out, flow.packets_in), (100, 90, 1, 3));
    assert_eq!((flow.interface.as_deref(), flow.owner.map(|owner| owner.pid.0)), (Some("utun4"), Some(7)));
    let owners = facts.iter().filter(|fact| matches!(fact.kind, NetKind::Owned(_))).count();
    assert_eq!(owners, 1, "the tunnel's owner is not the program");
}

#[test]
fn tcp_packets_of_a_tunnel_count_once() {
    let segment = |at: i64, seq: u32| tcp(at, CLIENT, SERVER, seq, 1, 0x10, &[7; 10]);
    let packets = [
        ("en0", 99, segment(0, 1)),
        ("utun4", 7, segment(1, 1)),
        ("en0", 99, segment(2, 11)),
        ("utun4", 7, segment(3, 11)),
    ];
    let (_, mut tap) = told(&packets);
    let flow = tap.finished().next().unwrap();
    assert_eq!((flow.bytes_out, flow.packets_out, flow.owner.unwrap().pid.0), (20, 2, 7));
}

/// One process opens flow after flow; the only flow of another stays, though it has been silent for longer.
#[test]
fn who_floods_the_table_pushes_out_their_own() {
    let mut tap = Tap::new(Limits { flows: 64, summaries: true, ..Limits::default() });
    let mut facts = Vec::new();
    let (quiet, flood) = (owner(1), owner(2));
    let first = tcp(0, CLIENT, SERVER, 1, 0, 2, &[]);
    tap.packet(&Packet { owner: Some(&quiet), ..packet(&first) }, &mut facts);
    for port in 0..1000 {
        let made = tcp(MS * i64::from(port), ([10, 0, 0, 2], 1000 + port), SERVER, 1, 0, 2, &[]);
        tap.packet(&Packet { owner: Some(&flood), ..packet(&made) }, &mut facts);
    }
    assert!(tap.stats().evicted > 900);
    assert!(tap.finished().all(|flow| flow.owner == Some(flood)));
}

/// The last segment is sent again and again after both sides have finished (as in zeek's `xmpp-dialback-starttls`).
#[test]
fn what_is_sent_again_after_the_end_is_no_new_flow() {
    const FIN: u8 = 0x11;
    let back = |at: i64, seq: u32, flags: u8, payload: &[u8]| tcp(at, SERVER, CLIENT, seq, 3, flags, payload);
    let mut packets = vec![
        tcp(0, CLIENT, SERVER, 1, 0, 2, &[]),
        back(1, 10, 0x12, &[]),
        back(2, 11, 0x10, b"hello"),
        tcp(3, CLIENT, SERVER, 2, 16, FIN, &[]),
        back(4, 16, FIN, &[]),
    ];
    for second in [1, 5, 9, 60] {
        packets.push(back(second * 1000 * MS, 11, FIN, b"hello"));
    }
    assert_eq!(run(&packets).1.len(), 1);
    let again = [packets.clone(), vec![tcp(61_000 * MS, CLIENT, SERVER, 77, 0, 2, &[])]].concat();
    assert_eq!(run(&again).1.len(), 2, "a new connection is one");
    packets.push(back(300_000 * MS, 11, FIN, b"hello"));
    assert_eq!(run(&packets).1.len(), 2, "not for ever");
}

/// A resolver's flow waits for its answers; once it has them, only for what is sent again.
#[test]
fn a_question_waits_for_its_answer() {
    let question = |at: i64, name| udp(at * MS, ASKER, RESOLVER, &dns_query(name));
    let answer = |at: i64, name| udp(at * MS, RESOLVER, ASKER, &dns_answer(name, None, 60, SERVER.0));
    let flows = |packets: &[Made]| run(packets).1.len();
    let (asked, answered) = (question(0, "a.example"), answer(1, "a.example"));
    assert_eq!(flows(&[asked.clone(), question(10_000, "a.example")]), 1);
    assert_eq!(flows(&[asked.clone(), answered.clone(), question(3_000, "b.example")]), 1);
    assert_eq!(flows(&[asked.clone(), answered.clone(), question(6_000, "b.example")]), 2);
    let late = [asked, question(0, "b.example"), answered, answer(10_000, "b.example")];
    assert_eq!(flows(&late), 1, "one answer is still to come");
    let late: Vec<(&str, i32, Made)> = late.into_iter().map(|made| ("en0", 7, made)).collect();
    let learned = named(
        &told(&[late, vec![("en0", 7, udp(10_001 * MS, CLIENT, SERVER, b"x"))]].concat()).0,
        "b.example",
    );
    assert_eq!(learned.map(|(_, scope)| scope), Some(NameScope::SameProcess));
}

/// On a network with IPv6 only, what DNS calls an IPv4 address is reached by an IPv6 address that holds it (RFC 6052).
#[test]
fn an_address_behind_nat64_has_the_name_of_the_one_it_holds() {
    let translated = |last: u8| {
        let mut made = tcp(2 * MS, CLIENT, SERVER, 1, 0, 2, &[]);
        let segment = made.bytes.split_off(20);
        let mut bytes = vec![0x60, 0, 0, 0, 0, segment.len() as u8, 6, 64, 0x20];
        bytes.extend([1; 15]);
        bytes.extend([0, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, last]);
        bytes.extend(SERVER.0);
        bytes.extend(segment);
        vec![
            ("en0", 7, udp(0, ASKER, RESOLVER, &dns_query("a.example"))),
            ("en0", 7, udp(MS, RESOLVER, ASKER, &dns_answer("a.example", None, 60, SERVER.0))),
            ("en0", 7, Made { bytes, ..made }),
        ]
    };
    let name = Some((NameSource::Dns, NameScope::SameProcess));
    assert_eq!(named(&told(&translated(0)).0, "a.example"), name);
    assert_eq!(named(&told(&translated(1)).0, "a.example"), None, "another prefix");
}

/// The kernel sends on behalf of those whose connection it is: an acknowledgment or a reset of its own changes no owner.
#[test]
fn the_kernel_takes_no_flow_over() {
    let segment = |at: i64, seq: u32| tcp(at * MS, CLIENT, SERVER, seq, 1, 0x10, &[7; 10]);
    let owners = |pids: [i32; 3]| {
        let packets = [0, 1, 2].map(|at| ("en0", pids[at], segment(at as i64, 1 + 10 * at as u32)));
        let (facts, mut tap) = told(&packets);
        let changes = facts.iter().filter(|fact| matches!(fact.kind, NetKind::Owned(_))).count();
        (changes, tap.finished().next().and_then(|flow| flow.owner).map(|owner| owner.pid.0))
    };
    assert_eq!(owners([7, 0, 7]), (1, Some(7)));
    assert_eq!(owners([7, 7, 0]), (1, Some(7)));
    assert_eq!(owners([0, 0, 7]), (2, Some(7)), "it was the kernel's as long as nobody else was known");
    assert_eq!(owners([7, 8, 8]), (2, Some(8)), "handed on");
}

/// A client that moves on purpose takes an id that nobody could read. If its process has one connection there, it is that.
#[test]
fn a_quic_connection_that_changes_its_id_and_address_is_its_owner_s_only_one() {
    let first = |at: i64, pid: i32, port: u16, name: &str| {
        let frames = crypto(0, &hello(Some(name), 0)[5..]);
        let client = (CLIENT.0, port);
        let id = [&port.to_be_bytes()[..], b"client's"].concat();
        let named =
            [&[0xe0, 0, 0, 0, 1, 0, 8, 1, 2, 3, 4], &port.to_be_bytes()[..], b"id", &[0x40, 10], &[9; 10]];
        [
            ("en0", pid, udp(at * MS, client, SERVER, &sealed(1, &id, &id, 0, &frames))),
            ("en0", pid, udp((at + 1) * MS, SERVER, client, &named.concat())),
        ]
    };
    let moved = |pid: i32| {
        let datagram = [&[0x41][..], b"unheard of", &[9; 60]].concat();
        [("en7", pid, udp(50 * MS, ([10, 0, 0, 77], 7), SERVER, &datagram))]
    };
    let named = |others: &[[(&'static str, i32, Made); 2]], pid: i32| {
        let packets = [&others.concat()[..], &moved(pid)].concat();
        let (_, mut tap) = told(&packets);
        let flow = tap.finished().find(|flow| flow.client.port == 7).unwrap();
        let name = flow.name.map(|(name, source, scope)| (name.to_string(), source, scope));
        (flow.transport.as_str(), name, flow.nameless)
    };
    let own = first(0, 7, 1000, "a.example");
    let guess = Some(("a.example".to_owned(), NameSource::QuicSni, NameScope::HostWide));
    let unknown = ("udp", None, Some(UnknownName::PlainAddress));
    assert_eq!(named(from_ref(&own), 7), ("quic", guess.clone(), None));
    assert_eq!(named(from_ref(&own), 8), unknown, "another process");
    let others = [own.clone(), first(10, 8, 1001, "b.example"), first(20, 7, 1002, "a.example")];
    assert_eq!(named(&others, 7), ("quic", guess, None), "whichever it is");
    assert_eq!(named(&[own, first(10, 7, 1001, "b.example")], 7), unknown, "one of two");
}
