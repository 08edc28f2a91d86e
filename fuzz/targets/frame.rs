//! Packets of one link layer through the tap: a byte for the link layer; then of each packet its length, how much of it
//! was cut, the time since the last, its bytes.

#![no_main]

use cloudward::model::Timestamp;
use cloudward::net::{Limits, LinkType, Packet, Tap};

const LINKS: [LinkType; 7] = [
    LinkType::Raw,
    LinkType::Ethernet,
    LinkType::Null,
    LinkType::Ppp,
    LinkType::Sll,
    LinkType::Sll2,
    LinkType::Pktap,
];

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let Some(([link], mut rest)) = data.split_first_chunk::<1>() else { return };
    let link = LINKS[usize::from(*link) % LINKS.len()];
    let mut tap =
        Tap::new(Limits { flows: 8, handshake_bytes: 4096, names: 8, summaries: true, ..Limits::default() });
    let (mut facts, mut time) = (Vec::new(), 0i64);
    while let Some(([length, cut, later], behind)) = rest.split_first_chunk::<3>() {
        let (bytes, behind) = behind.split_at(usize::from(*length).min(behind.len()));
        rest = behind;
        time += i64::from(later.cast_signed()) * 50_000_000;
        let packet = Packet {
            time: Timestamp::from_nanos(time),
            link,
            data: bytes,
            wire_len: bytes.len() as u32 + u32::from(*cut),
            interface: None,
            owner: None,
            direction: None,
        };
        tap.packet(&packet, &mut facts);
    }
    tap.finish(Timestamp::MIN, &mut facts);
    assert_eq!(tap.open_flows(), 0);
});
