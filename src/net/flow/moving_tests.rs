//! Connections that move, packets that come again, and whose flow it stays.

use std::slice::from_ref;

use super::testing::*;
use crate::model::{FlowId, NameScope, NameSource, NetFact, NetKind, UnknownName};
use crate::net::quic::testing::{crypto, sealed};
use crate::net::testing::{CLIENT, Made, SERVER, dns_answer, hello, packet, run, tcp, udp};
use crate::net::{Limits, Packet, Tap};

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
    let (facts, mut tap) = owned(&packets);
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
    let (_, mut tap) = owned(&packets);
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

/// The kernel sends on behalf of those whose connection it is: an acknowledgment or a reset of its own changes no owner.
#[test]
fn the_kernel_takes_no_flow_over() {
    let segment = |at: i64, seq: u32| tcp(at * MS, CLIENT, SERVER, seq, 1, 0x10, &[7; 10]);
    let owners = |pids: [i32; 3]| {
        let packets = [0, 1, 2].map(|at| ("en0", pids[at], segment(at as i64, 1 + 10 * at as u32)));
        let (facts, mut tap) = owned(&packets);
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
        let (_, mut tap) = owned(&packets);
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
