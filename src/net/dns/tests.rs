//! Answers by hand and by chance; how long a name holds.

use proptest::prelude::*;

use super::{Answers, Names, read};
use crate::model::{DomainName, NameScope, Pid, Timestamp};
use crate::net::frame::Address;
use crate::net::testing::dns_answer;

const ADDRESS: [u8; 4] = [192, 0, 2, 1];

fn answers(message: &[u8]) -> Option<Answers> {
    let mut answers = Answers::default();
    (read(message, false, &mut answers) && !answers.addresses.is_empty()).then_some(answers)
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_nanos(seconds * 1_000_000_000)
}

#[test]
fn an_alias_chain_is_kept() {
    let read = answers(&dns_answer("Files.Example", Some("bucket.s3.example"), 30, ADDRESS)).unwrap();
    assert_eq!(read.asked.unwrap().as_str(), "files.example");
    assert_eq!(
        read.aliases.unwrap().iter().map(DomainName::as_str).collect::<Vec<_>>(),
        ["bucket.s3.example"]
    );
    assert_eq!(read.addresses, [(Address::v4(ADDRESS), 30)]);
}

/// Caches that put answers together do not keep to the order of the chain; clients follow it all the same.
#[test]
fn the_links_of_an_alias_chain_may_stand_in_any_order() {
    let name = |first: u8| [&[1, first][..], b"\x07example\0"].concat();
    let record = |owner: u8, kind: u8, data: &[u8]| {
        [&name(owner)[..], &[0, kind, 0, 1, 0, 0, 0, 30, 0, data.len() as u8], data].concat()
    };
    let links = [
        record(b'a', 5, &name(b'b')),
        record(b'b', 5, &name(b'c')),
        record(b'c', 1, &ADDRESS),
        record(b'x', 1, &[192, 0, 2, 9]),
    ];
    for order in [[0, 1, 2, 3], [3, 2, 1, 0], [2, 0, 3, 1], [1, 2, 0, 3]] {
        let head = [&[0, 1, 0x81, 0x80, 0, 1, 0, 4, 0, 0, 0, 0][..], &name(b'a'), &[0, 1, 0, 1]].concat();
        let message =
            order.iter().fold(head, |message, link: &usize| [message, links[*link].clone()].concat());
        let read = answers(&message).unwrap();
        assert_eq!(read.addresses, [(Address::v4(ADDRESS), 30)], "{order:?}");
        assert_eq!(read.asked.unwrap().as_str(), "a.example", "{order:?}");
        let links: Vec<_> = read.aliases.iter().flat_map(|links| &**links).map(DomainName::as_str).collect();
        assert_eq!(links, ["b.example", "c.example"], "{order:?}");
    }
}

/// Whoever owns a name chooses what stands between it and the service.
#[test]
fn a_link_that_is_no_hosts_name_hides_none() {
    for odd in [b"\x03b c\x07example\0", b"\x03b.c\x07example\0", b"\x03b\xffc\x07example\0"] {
        let (asked, bucket) = (b"\x01a\x07example\0", b"\x06bucket\x02s3\x07example\0");
        let record = |owner: &[u8], kind: u8, data: &[u8]| {
            [owner, &[0, kind, 0, 1, 0, 0, 0, 30, 0, data.len() as u8], data].concat()
        };
        let head = [&[0, 1, 0x81, 0x80, 0, 1, 0, 3, 0, 0, 0, 0][..], asked, &[0, 1, 0, 1]].concat();
        let links = [record(asked, 5, odd), record(odd, 5, bucket), record(bucket, 1, &ADDRESS)];
        let read = answers(&[head, links.concat()].concat()).unwrap();
        assert_eq!(read.addresses, [(Address::v4(ADDRESS), 30)]);
        let links: Vec<_> = read.aliases.iter().flat_map(|links| &**links).map(DomainName::as_str).collect();
        assert_eq!(links, ["bucket.s3.example"], "{odd:?}");
    }
}

#[test]
fn addresses_of_strangers_are_not_believed() {
    let mut message = dns_answer("a.example", None, 30, ADDRESS);
    let owner = message.len() - 25;
    assert_eq!(&message[owner..owner + 3], b"\x01a\x07");
    message[owner + 1] = b'b';
    assert!(answers(&message).is_none());
}

#[test]
fn pointers_that_do_not_lead_backwards_end() {
    let mut message = dns_answer("a.example", None, 30, ADDRESS);
    message[12..14].copy_from_slice(&[0xc0, 12]);
    assert!(answers(&message).is_none());
    message[12..14].copy_from_slice(&[0xc0, 200]);
    assert!(answers(&message).is_none());
}

#[test]
fn failures_and_queries_tell_nothing() {
    for (at, value) in [(2, 0x01), (3, 0x83), (7, 0)] {
        let mut message = dns_answer("a.example", None, 30, ADDRESS);
        message[at] = value;
        assert!(answers(&message).is_none(), "{at} {value}");
    }
}

/// Two HTTPS records as they came over the wire; hints and keys as tshark sees them.
#[test]
fn service_records_tell_hints_and_the_outer_name() {
    let capture = include_bytes!("../../../tests/captures/dns/ech.pcap");
    let (mut found, mut next) = (Vec::new(), 24);
    while let Some(header) = capture.get(next..next + 16) {
        let len = u32::from_le_bytes([header[8], header[9], header[10], header[11]]) as usize;
        // IPv6 and UDP headers are 48 bytes.
        found.extend(answers(&capture[next + 16 + 48..next + 16 + len]));
        next += 16 + len;
    }
    let [first, second] = &found[..] else { panic!("{found:?}") };
    assert_eq!(first.outer.as_ref().unwrap().as_str(), "cover.defo.ie");
    assert_eq!(first.addresses[0].0, Address::v4([213, 108, 108, 101]));
    assert_eq!(second.outer.as_ref().unwrap().as_str(), "cloudflare-ech.com");
    let v4 = [Address::v4([104, 18, 10, 118]), Address::v4([104, 18, 11, 118])];
    assert!(v4.iter().all(|hint| second.addresses.iter().any(|(address, _)| address == hint)));
    let mut names = Names::new(16);
    names.learn(at(0), None, first);
    assert!(names.is_outer(first.outer.as_ref().unwrap()));
}

#[test]
fn a_name_holds_for_its_time_and_its_asker() {
    let mut names = Names::new(16);
    let read = answers(&dns_answer("a.example", None, 300, ADDRESS)).unwrap();
    names.learn(at(1000), Some(Pid(7)), &read);
    let scope = |seconds, pid| {
        let found = names.find(at(seconds), [None, Some(Pid(pid))], Address::v4(ADDRESS));
        found.map(|name| name.scope)
    };
    assert_eq!(scope(1001, 7), Some(NameScope::SameProcess));
    assert_eq!(scope(999, 7), Some(NameScope::SameProcess), "arrival may be a little out of order");
    assert_eq!(scope(1001, 8), Some(NameScope::HostWide));
    assert_eq!(scope(1400, 7), Some(NameScope::HostWide), "run out, and not long ago");
    assert_eq!(scope(1000 + 360 + 3601, 7), None);
    assert_eq!(scope(990, 7), None, "not known yet");
}

#[test]
fn the_oldest_name_gives_way() {
    let mut names = Names::new(16);
    for last in 0..100 {
        let read = answers(&dns_answer("a.example", None, 300, [192, 0, 2, last])).unwrap();
        names.learn(at(1000), None, &read);
    }
    let known =
        (0..100).filter(|last| names.find(at(1000), [None, None], Address::v4([192, 0, 2, *last])).is_some());
    assert_eq!(known.collect::<Vec<_>>(), (84..100).collect::<Vec<_>>());
}

/// What gives way is the answer that was replaced long ago, and not the one that replaced it.
#[test]
fn an_address_learned_again_is_known_by_its_newest_name() {
    let mut names = Names::new(16);
    let mut learn = |name, last| {
        let read = answers(&dns_answer(name, None, 300, [192, 0, 2, last])).unwrap();
        names.learn(at(1000), None, &read)
    };
    learn("a.example", 0);
    let others: u64 = (1..16).map(|last| learn("other.example", last)).sum();
    assert_eq!((others, learn("b.example", 0)), (0, 0), "none had to give way");
    let called = |last| names.find(at(1000), [None, None], Address::v4([192, 0, 2, last]));
    assert_eq!(called(0).unwrap().asked.as_str(), "b.example");
    assert!((1..16).all(|last| called(last).is_some()));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_bytes_panic(mut message in proptest::collection::vec(any::<u8>(), 0..200), response in any::<bool>(), multicast in any::<bool>()) {
        if let (true, [_, _, flags, code, q, questions, a, ..]) = (response, &mut message[..]) {
            (*flags, *code, *q, *questions, *a) = (0x81, 0x80, 0, *questions % 3, 0);
        }
        read(&message, multicast, &mut Answers::default());
    }

    #[test]
    fn damaged_answers_do_not_panic(hits in proptest::collection::vec((any::<u8>(), any::<u8>()), 0..8)) {
        let mut message = dns_answer("files.example", Some("bucket.s3.example"), 30, ADDRESS);
        for (at, value) in hits {
            let at = usize::from(at) % message.len();
            message[at] = value;
        }
        answers(&message);
    }
}
