//! Initial packets by the book, by hand and by chance.

use proptest::prelude::*;

use super::header::initials;
use super::keys::Keys;
use super::testing::{crypto, sealed};
use super::{Opening, Step};
use crate::model::Timestamp;
use crate::net::testing::hello;

fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> = hex.bytes().filter(u8::is_ascii_hexdigit).collect();
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    digits.chunks(2).map(byte).collect()
}

/// The connection id of both appendices.
const ID: [u8; 8] = [0x83, 0x94, 0xc8, 0xf0, 0x3e, 0x51, 0x57, 0x08];

/// RFC 9001, appendix A.2: the CRYPTO frame, padded to 1162 bytes. RFC 9369 uses the same.
fn payload() -> Vec<u8> {
    let mut payload = bytes(
        "060040f1010000ed0303ebf8fa56f12939b9584a3896472ec40bb863cfd3e868
         04fe3a47f06a2b69484c00000413011302010000c000000010000e00000b6578
         616d706c652e636f6dff01000100000a00080006001d00170018001000070005
         04616c706e000500050100000000003300260024001d00209370b2c9caa47fba
         baf4559fedba753de171fa71f50f1ce15d43e994ec74d748002b000302030400
         0d0010000e0403050306030203080408050806002d00020101001c0002400100
         3900320408ffffffffffffffff05048000ffff07048000ffff08011001048000
         75300901100f088394c8f03e51570806048000ffff",
    );
    payload.resize(1162, 0);
    payload
}

fn fed(opening: &mut Opening, datagram: &[u8]) -> Step {
    opening.datagram(Timestamp::MIN, datagram, &mut Vec::new())
}

fn name(step: Step) -> String {
    match step {
        Step::Hello(hello) => hello.name.map(|name| name.to_string()).unwrap_or_default(),
        other => format!("{other:?}"),
    }
}

#[test]
fn the_packets_of_the_appendices() {
    let cases = [
        (
            1,
            "c000000001088394c8f03e5157080000449e7b9aec34d1b1c98dd7689fb8ec11",
            "e221af44860018ab0856972e194cd934",
        ),
        (
            0x6b33_43cf,
            "d76b3343cf088394c8f03e5157080000449ea0c95e82ffe67b6abcdb4298b485",
            "a18b2faa745b6fe189cf772a9f84cbfc",
        ),
    ];
    for (version, head, tail) in cases {
        let packet = sealed(version, &ID, &ID, 2, &payload());
        assert!(packet.starts_with(&bytes(head)) && packet.ends_with(&bytes(tail)), "{version:#x}");
        assert_eq!(packet.len(), 1200);
        assert_eq!(name(fed(&mut Opening::new(), &packet)), "example.com");
        let keys = Keys::of_client(version, &ID).unwrap();
        let iv = if version == 1 { "fa044b2f42a3fd3b46fb255c" } else { "91f73e2351d8fa91660e909f" };
        assert_eq!(keys.iv.to_vec(), bytes(iv));
    }
}

/// RFC 9001, appendix A.3: the answer, which the client's keys do not open.
#[test]
fn what_a_server_sealed_is_not_read() {
    let answer = bytes(
        "cf000000010008f067a5502a4262b5004075c0d95a482cd0991cd25b0aac406a
         5816b6394100f37a1c69797554780bb38cc5a99f5ede4cf73c3ec2493a1839b3
         dbcba3f6ea46c5b7684df3548e7ddeb9c3bf9c73cc3f3bded74b562bfb19fb84
         022f8ef4cdd93795d77d06edbb7aaf2f58891850abbdca3d20398c276456cbc4
         2158407dd074ee",
    );
    assert_eq!(initials(&answer).count(), 1);
    let mut opening = Opening::new();
    assert_eq!(fed(&mut opening, &answer), Step::Nothing);
    assert_eq!(name(fed(&mut opening, &sealed(1, &ID, &ID, 2, &payload()))), "example.com");
}

#[test]
fn every_draft_with_keys_is_opened() {
    for version in (0xff00_0016..=0xff00_0022).chain([0xface_b001, 0xface_b002]) {
        let packet = sealed(version, &ID, &ID, 0, &payload());
        assert_eq!(name(fed(&mut Opening::new(), &packet)), "example.com", "{version:#x}");
    }
    for version in [0xff00_0015, 0x5130_3530, 0x0a0a_0a0a] {
        assert!(Keys::of_client(version, &ID).is_none(), "{version:#x}");
    }
}

/// A hello without its record header.
fn message(padding: usize) -> Vec<u8> {
    hello(Some("a.example"), padding)[5..].to_vec()
}

#[test]
fn a_hello_over_several_packets_of_one_datagram() {
    let message = message(1500);
    let (first, last) = message.split_at(900);
    let datagram = [
        sealed(1, &ID, &ID, 0, &[crypto(900, last), vec![1, 0]].concat()),
        sealed(1, &ID, &ID, 1, &[vec![2, 1, 0, 0, 1], crypto(0, first)].concat()),
    ];
    assert_eq!(name(fed(&mut Opening::new(), &datagram.concat())), "a.example");
    let mut opening = Opening::new();
    assert_eq!(fed(&mut opening, &datagram[1]), Step::Part);
    assert_eq!(opening.give_up().unwrap().name.unwrap().as_str(), "a.example");
    // The client now uses the connection id that the server chose, and its old keys.
    let later = sealed(1, &ID, b"server's", 2, &crypto(900, last));
    assert_eq!(name(fed(&mut opening, &later)), "a.example");
}

#[test]
fn a_retry_and_another_version_begin_anew() {
    let message = message(1500);
    for (version, id) in [(1, &b"retried!"[..]), (0x6b33_43cf, &ID)] {
        let mut opening = Opening::new();
        assert_eq!(fed(&mut opening, &sealed(1, &ID, &ID, 0, &crypto(0, &message[..500]))), Step::Part);
        let again = sealed(version, id, id, 1, &crypto(500, &message[500..]));
        assert_eq!(fed(&mut opening, &again), Step::Part);
        let rest = sealed(version, id, id, 2, &crypto(0, &message[..500]));
        assert_eq!(name(fed(&mut opening, &rest)), "a.example");
    }
}

#[test]
fn what_is_no_hello_is_given_up() {
    let mut other = message(0);
    other[0] = 2;
    assert_eq!(fed(&mut Opening::new(), &sealed(1, &ID, &ID, 0, &crypto(0, &other))), Step::NoHello);
    let mut endless = message(0);
    endless[1] = 9;
    assert_eq!(fed(&mut Opening::new(), &sealed(1, &ID, &ID, 0, &crypto(0, &endless))), Step::NoHello);
}

#[test]
fn memory_is_bounded() {
    let mut opening = Opening::new();
    for at in 0..1000 {
        let frames = [crypto(at * 70, &[7]), crypto(0x3fff_0000, &[7; 500])].concat();
        fed(&mut opening, &sealed(1, &ID, &ID, at as u32, &frames));
        assert!(opening.size() <= size_of::<Opening>() + size_of::<Keys>() + 4 + (64 << 10));
    }
    assert!(opening.give_up().is_none());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

    /// Cut anywhere, with repetitions, in any order.
    #[test]
    fn order_changes_nothing(
        cuts in proptest::collection::vec(0usize..1700, 0..20),
        picks in proptest::collection::vec(any::<u16>(), 40),
    ) {
        let message = message(1700);
        let mut cuts = [cuts, vec![0, message.len()]].concat();
        cuts.sort_unstable();
        let mut pieces: Vec<_> = cuts.windows(2).map(|pair| (pair[0], pair[1])).collect();
        pieces.push((pieces[0].0, pieces[0].1.max(5)));
        for at in (1..pieces.len()).rev() {
            pieces.swap(at, usize::from(picks[at % picks.len()]) % (at + 1));
        }
        let mut opening = Opening::new();
        let mut found = None;
        for (number, (start, end)) in pieces.into_iter().enumerate() {
            let frame = [crypto(start, &message[start..end]), vec![0; 8]].concat();
            if let Step::Hello(hello) = fed(&mut opening, &sealed(1, &ID, &ID, number as u32, &frame)) {
                found = hello.name;
                break;
            }
        }
        prop_assert_eq!(found.unwrap().to_string(), "a.example");
    }

    #[test]
    fn no_frames_panic(frames in proptest::collection::vec(any::<u8>(), 20..200), kinds in any::<[u8; 4]>()) {
        let mut frames = frames;
        for (at, kind) in kinds.into_iter().enumerate() {
            frames[at * 5] = kind % 8;
        }
        fed(&mut Opening::new(), &sealed(1, &ID, &ID, 0, &frames));
    }

    #[test]
    fn damaged_packets_do_not_panic(
        hits in proptest::collection::vec((any::<u16>(), any::<u8>()), 1..20),
        cut in 0usize..1200,
    ) {
        let mut packet = sealed(1, &ID, &ID, 0, &payload());
        for (at, value) in hits {
            packet[usize::from(at) % 40] = value;
        }
        fed(&mut Opening::new(), &packet[..cut]);
        fed(&mut Opening::new(), &packet);
    }
}
