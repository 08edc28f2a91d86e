//! What a flow hides and what cannot be read: said as blind spots.

use super::testing::*;
use crate::model::{CoverageKind, Timestamp, UnknownName};
use crate::net::testing::{CLIENT, SERVER, hello, packet, run, tcp, udp};
use crate::net::{Limits, LinkType, Packet, Tap};

#[test]
fn what_hides_the_destination_is_said() {
    let mut stun = vec![0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42];
    stun.extend([7; 12]);
    let (facts, _) = run(&[udp(0, CLIENT, ([192, 0, 2, 1], 3478), &stun)]);
    assert_eq!(nameless(&facts), [UnknownName::PeerToPeer]);
    let nearby = [("awdl0", 7, tcp(0, CLIENT, SERVER, 1, 0, 2, &[]))];
    assert_eq!(nameless(&owned(&nearby).0), [UnknownName::Nearby]);
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
