//! Datagrams in pieces, and datagrams seen twice, through the tap.

use std::sync::Arc;

use proptest::prelude::*;

use super::testing::*;
use crate::net::testing::{CLIENT, Made, SERVER, as_ipv6, fragments, packet, run, udp};
use crate::net::{Limits, Packet, Tap};

#[test]
fn fragments_are_put_together() {
    let (packets, expected) = upload("a.example", 900, 5000, 3000);
    let cut = |made: &Made, id: usize| fragments(made, id as u8, 488);
    let whole: Vec<Made> = packets.iter().enumerate().flat_map(|(id, made)| cut(made, id)).collect();
    let version_6: Vec<Made> = whole.iter().map(as_ipv6).collect();
    for mut packets in [whole, version_6] {
        for _ in 0..2 {
            let (facts, flows) = run(&packets);
            assert_eq!((counted(&facts), flows.len()), (expected, 1));
            assert_eq!(names(&facts)[0].0, "a.example");
            packets.reverse();
        }
    }
}

#[test]
fn a_first_fragment_alone_still_counts() {
    // As a capture filter for ports leaves them.
    let parts = fragments(&udp(0, CLIENT, SERVER, &[7; 3000]), 1, 1480);
    let (facts, flows) = run(&parts[..1]);
    assert_eq!((counted(&facts), flows[0].bytes_out), ((3000, 0), 3000));
    let later = udp(5_000 * MS, CLIENT, SERVER, &[7; 10]);
    let (facts, _) = run(&[parts[0].clone(), later]);
    assert_eq!(counted(&facts), (3010, 0));
    assert_eq!(run(&parts[1..]).1.len(), 0);
}

#[test]
fn fragments_that_contradict_each_other_are_left_out() {
    let mut parts = fragments(&udp(0, CLIENT, SERVER, &[7; 3000]), 1, 1480);
    let mut overlap = parts[1].clone();
    overlap.bytes[7] -= 1;
    parts.insert(1, overlap);
    parts.insert(1, parts[0].clone());
    assert_eq!(counted(&run(&parts).0), (3000, 0));
    parts.remove(0);
    parts.remove(0);
    assert_eq!(counted(&run(&parts).0), (0, 0));
}

#[test]
fn a_datagram_seen_on_two_interfaces_counts_once() {
    let [en0, utun] = ["en0", "utun4"].map(Arc::<str>::from);
    let mut tap = Tap::new(Limits::default());
    let mut facts = Vec::new();
    for at in 0..10 {
        let out = udp(at * MS, CLIENT, SERVER, &[7; 100]);
        let back = udp(at * MS, SERVER, CLIENT, &[7; 30]);
        for interface in [&utun, &en0] {
            tap.packet(&Packet { interface: Some(interface), ..packet(&out) }, &mut facts);
        }
        // Back another way, as a machine with two networks may see it.
        tap.packet(&Packet { interface: Some(&en0), ..packet(&back) }, &mut facts);
    }
    let moved = udp(9_000 * MS, CLIENT, SERVER, &[7; 100]);
    tap.packet(&Packet { interface: Some(&en0), ..packet(&moved) }, &mut facts);
    assert_eq!(counted(&facts), (1100, 300));
}

proptest! {
    #[test]
    fn fragments_do_not_panic(
        parts in proptest::collection::vec((0u8..4, any::<u16>(), 0usize..100, any::<bool>()), 1..200),
    ) {
        let mut packets = Vec::new();
        for (id, field, len, six) in parts {
            let mut made = udp(0, CLIENT, SERVER, &vec![field as u8; len]);
            made.bytes[5] = id;
            made.bytes[6..8].copy_from_slice(&(field & 0x203f).to_be_bytes());
            packets.push(if six { as_ipv6(&made) } else { made });
        }
        run(&packets);
    }
}
