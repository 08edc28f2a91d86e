//! Segments of one TCP connection, in any order, repeated and overlapping: of each its side, where its bytes lie, how many
//! they are, what it acknowledges, and the time since the last. No side may be told to have carried more bytes than lie
//! between the first and the last of its own. Nobody ends it: what comes after the end may be another connection's.

#![no_main]

use cloudward::model::{NetKind, Timestamp};
use cloudward::net::{Limits, LinkType, Packet, Tap};

const HERE: [u8; 4] = [192, 168, 1, 2];
const THERE: [u8; 4] = [93, 184, 216, 34];
const SYN: u8 = 2;
const ACK: u8 = 16;
const HEADERS: usize = 40;

/// Both sides begin there, so that sequence numbers wrap.
const BEGIN: u32 = u32::MAX - 20_000;

fn segment(side: usize, offset: u32, flags: u8, ack: u32, body: &[u8]) -> Vec<u8> {
    let (from, to) = if side == 0 { (HERE, THERE) } else { (THERE, HERE) };
    let ports: [u16; 2] = if side == 0 { [50_000, 443] } else { [443, 50_000] };
    let mut packet = vec![0x45, 0];
    packet.extend(((HEADERS + body.len()) as u16).to_be_bytes());
    packet.extend([0, 0, 0, 0, 64, 6, 0, 0]);
    packet.extend(from.into_iter().chain(to));
    packet.extend(ports.into_iter().flat_map(u16::to_be_bytes));
    packet.extend(BEGIN.wrapping_add(offset).to_be_bytes());
    packet.extend(BEGIN.wrapping_add(ack).to_be_bytes());
    packet.extend([0x50, flags, 0x10, 0, 0, 0, 0, 0]);
    packet.extend(body);
    packet
}

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let mut tap =
        Tap::new(Limits { flows: 8, handshake_bytes: 4096, names: 8, summaries: true, ..Limits::default() });
    let (mut facts, mut time) = (Vec::new(), 0i64);
    // From where to where each side's bytes lie.
    let mut spans = [(u32::MAX, 0u32); 2];
    let mut tell = |tap: &mut Tap, packet: &[u8], time| {
        tap.packet(
            &Packet {
                time: Timestamp::from_nanos(time),
                link: LinkType::Raw,
                data: packet,
                wire_len: packet.len() as u32,
                interface: None,
                owner: None,
                direction: None,
            },
            &mut facts,
        );
    };
    let Some(([shaken], data)) = data.split_first_chunk::<1>() else { return };
    if shaken & 1 == 0 {
        tell(&mut tap, &segment(0, 0, SYN, 0, &[]), 0);
        tell(&mut tap, &segment(1, 0, SYN | ACK, 1, &[]), 1000);
    }
    for [what, place, length, acked, later] in data.as_chunks::<5>().0 {
        let side = usize::from(what & 1);
        let offset = 1 + u32::from(*place) * 97 + u32::from(what >> 3) * 3;
        let body = vec![*place; usize::from(*length) * 5];
        time += i64::from(*later) * 4_000_000;
        let (first, last) = &mut spans[side];
        *first = (*first).min(offset);
        *last = (*last).max(offset + body.len() as u32);
        tell(&mut tap, &segment(side, offset, ACK, u32::from(*acked) * 97, &body), time);
    }
    tap.finish(Timestamp::MIN, &mut facts);
    assert_eq!(tap.open_flows(), 0);
    let (mut out, mut into) = (0u64, 0u64);
    for fact in &facts {
        if let NetKind::Bytes { out: more_out, into: more_in } = &fact.kind {
            out += u64::from(*more_out);
            into += u64::from(*more_in);
        }
    }
    // Where the handshake was seen, bytes between it and the first that came count as lost ones do.
    let room = |(first, last): (u32, u32)| {
        let first = if shaken & 1 == 0 { 0 } else { first };
        u64::from(last.saturating_sub(first))
    };
    assert!(out <= room(spans[0]), "{out} bytes out of {:?}", spans[0]);
    assert!(into <= room(spans[1]), "{into} bytes in of {:?}", spans[1]);
});
