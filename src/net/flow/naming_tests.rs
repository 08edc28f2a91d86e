//! Whose answers name a flow, and what a hello says against them.

use super::testing::*;
use crate::model::{NameScope, NameSource};
use crate::net::testing::{CLIENT, Made, SERVER, dns_answer, hello, run, tcp, udp};

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
    let facts = owned(&asked_then_greeted("evil.cdn.example", "corp.example.org")).0;
    assert_eq!(disputed(&facts), Some("evil.cdn.example"));
    assert!(named(&facts, "corp.example.org").is_some(), "shown as it says, too");
    assert_eq!(disputed(&owned(&asked_then_greeted("a.example", "a.example")).0), None);
    // Somebody was led here by the name in the hello: many names may share an address. To ask for it is not enough.
    let other = (ASKER.0, 40_001);
    for (address, by_dns) in [(SERVER.0, None), ([9; 4], Some("evil.cdn.example"))] {
        let mut shared = asked_then_greeted("evil.cdn.example", "corp.example.org");
        shared.insert(
            0,
            ("en0", 9, udp(0, RESOLVER, other, &dns_answer("corp.example.org", None, 60, address))),
        );
        assert_eq!(disputed(&owned(&shared).0), by_dns);
    }
}

#[test]
fn answers_count_as_far_as_somebody_asked() {
    let scope = |packets: &[(&str, i32, Made)]| named(&owned(packets).0, "a.example").map(|(_, scope)| scope);
    let answer = udp(MS, RESOLVER, ASKER, &dns_answer("a.example", None, 60, SERVER.0));
    let sent = udp(2 * MS, CLIENT, SERVER, b"x");
    let question = |name| udp(0, ASKER, RESOLVER, &dns_query(name));
    let asked = [("en0", 7, question("a.example")), ("en0", 7, answer.clone()), ("en0", 7, sent.clone())];
    assert_eq!(scope(&asked), Some(NameScope::SameProcess));
    let missed = [("en0", 7, answer.clone()), ("en0", 7, sent.clone())];
    assert_eq!(scope(&missed), Some(NameScope::HostWide), "the question may have been missed");
    let forged = [("en0", 7, question("b.example")), ("en0", 7, answer), ("en0", 7, sent)];
    assert_eq!(scope(&forged), None);
    assert_eq!(owned(&forged).1.stats().dns_unasked, 1);
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
        assert_eq!(named(&owned(&packets).0, "a.example"), Some((NameSource::Dns, NameScope::SameProcess)));
    }
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
        &owned(&[late, vec![("en0", 7, udp(10_001 * MS, CLIENT, SERVER, b"x"))]].concat()).0,
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
    assert_eq!(named(&owned(&translated(0)).0, "a.example"), name);
    assert_eq!(named(&owned(&translated(1)).0, "a.example"), None, "another prefix");
}
