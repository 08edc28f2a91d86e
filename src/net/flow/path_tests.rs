//! Where a flow's packets pass, which of several connections they belong to, and what lies before the bytes that count.

use crate::model::{FlowId, NetFact, NetKind};
use crate::net::testing::{CLIENT, SERVER, hello, record, run, tcp};

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
