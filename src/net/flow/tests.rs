//! Whole connections through the tap.

use proptest::prelude::*;

use super::testing::*;
use crate::model::{Close, NameScope, NameSource, NetKind, Timestamp, UnknownName};
use crate::net::quic::testing::{crypto, sealed};
use crate::net::testing::{CLIENT, Made, SERVER, dns_answer, hello, packet, record, run, tcp, udp};
use crate::net::{Limits, Tap};

#[test]
fn only_what_follows_the_handshake_counts() {
    for size in [1, 7, 100, 1448, 60_000] {
        let (packets, expected) = upload("content.dropboxapi.com", 1300, 9000, size);
        let (facts, flows) = run(&packets);
        assert_eq!(counted(&facts), expected, "segments of {size}");
        let name = ("content.dropboxapi.com".to_owned(), NameSource::TlsSni, NameScope::SameProcess);
        assert_eq!(names(&facts), [name]);
        assert_eq!(flows.len(), 1);
        assert_eq!(flows[0].close, Close::Finished);
        assert!(facts.iter().all(|fact| fact.flow == flows[0].id));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever the cut, the order and the repetitions, SYN and FIN included: same name, same bytes.
    #[test]
    fn order_and_repetition_change_nothing(
        size in 100usize..2000,
        padding in 0usize..3000,
        body in 0usize..6000,
        picks in proptest::collection::vec(any::<u32>(), 200),
        twice in proptest::collection::vec(any::<u32>(), 10),
    ) {
        let (mut packets, expected) = upload("a.example", padding, body, size);
        for pick in &twice {
            packets.push(packets[*pick as usize % packets.len()].clone());
        }
        for at in (1..packets.len()).rev() {
            packets.swap(at, picks[at % picks.len()] as usize % (at + 1));
        }
        let (facts, flows) = run(&packets);
        prop_assert_eq!(flows.len(), 1, "{}", told(&packets));
        prop_assert_eq!(counted(&facts), expected, "{}", told(&packets));
        let hellos = facts.iter().filter(|fact| matches!(fact.kind, NetKind::Hello(_))).count();
        prop_assert_eq!(hellos, 1);
        prop_assert_eq!(names(&facts).len(), 1);
    }

    /// The same for a plain connection.
    #[test]
    fn plain_bytes_count_once(
        out in 1usize..9000,
        into in 0usize..9000,
        size in 1usize..3000,
        picks in proptest::collection::vec(any::<u32>(), 64),
    ) {
        let mut talk = Talk::new(77, u32::MAX);
        talk.say(0, &vec![b'x'; out], size.max(out / 50));
        talk.say(1, &vec![b'y'; into], size.max(into / 50));
        let mut packets = talk.end();
        packets.push(packets[picks[0] as usize % packets.len()].clone());
        for at in (1..packets.len()).rev() {
            packets.swap(at, picks[at % picks.len()] as usize % (at + 1));
        }
        let (facts, flows) = run(&packets);
        prop_assert_eq!(flows.len(), 1);
        prop_assert_eq!(counted(&facts), (out as u64, into as u64));
    }

    /// Overlapping segments, each cut anew out of the same stream.
    #[test]
    fn overlaps_count_once(
        cuts in proptest::collection::vec((0usize..5000, 1usize..1500), 1..60),
        padding in 0usize..2000,
    ) {
        let sent = [hello(Some("b.example"), padding), record(23, &[1; 3000])].concat();
        let head = hello(Some("b.example"), padding).len();
        let mut packets = vec![tcp(0, CLIENT, SERVER, 10, 0, SYN, &[])];
        for (at, (start, len)) in cuts.into_iter().enumerate() {
            let start = start % sent.len();
            let end = (start + len).min(sent.len());
            packets.push(tcp(at as i64 * MS, CLIENT, SERVER, 11 + start as u32, 0, ACK, &sent[start..end]));
        }
        packets.push(tcp(100 * MS, CLIENT, SERVER, 11, 0, ACK, &sent));
        let (facts, flows) = run(&packets);
        prop_assert_eq!(counted(&facts), ((sent.len() - head) as u64, 0));
        prop_assert_eq!(flows[0].bytes_out, sent.len() as u64);
        prop_assert_eq!(names(&facts).len(), 1);
    }

    /// Damaged packets of a real connection: no panic, no bytes out of nowhere.
    #[test]
    fn damage_does_not_panic(
        hits in proptest::collection::vec((any::<u32>(), any::<u32>(), any::<u8>()), 1..60),
    ) {
        let (mut packets, _) = upload("a.example", 900, 5000, 700);
        for (packet, at, value) in hits {
            let index = packet as usize % packets.len();
            let bytes = &mut packets[index].bytes;
            let at = at as usize % bytes.len();
            bytes[at] = value;
        }
        run(&packets);
    }
}

#[test]
fn two_attempts_one_connection() {
    let mut packets = Talk::new(1, 1).packets;
    let mut other = CLIENT;
    other.1 += 1;
    packets.push(tcp(MS, other, SERVER, 9, 0, SYN, &[]));
    packets.push(tcp(2 * MS, CLIENT, SERVER, 2, 2, ACK, b"GET / HTTP/1.1\r\n"));
    packets.push(tcp(3 * MS, other, SERVER, 10, 0, RST, &[]));
    let (facts, flows) = run(&packets);
    assert_eq!(flows.len(), 2);
    assert_eq!(counted(&facts), (16, 0));
    assert_eq!(flows.iter().map(|flow| flow.bytes_out).sum::<u64>(), 16);
}

#[test]
fn a_port_used_again_is_another_flow() {
    let mut packets = upload("a.example", 0, 100, 1448).0;
    let late = packets[4].clone();
    let mut again = Talk::new(1_000_000, 2_000_000);
    again.time = 40 * MS;
    again.say(0, &hello(Some("b.example"), 0), 1448);
    again.packets.push(late);
    again.say(0, &record(23, &[0; 10]), 1448);
    let again = again.end();
    packets.extend(again.into_iter().map(|made| Made { time: made.time + 30 * MS, ..made }));
    let (facts, flows) = run(&packets);
    let found: Vec<_> = names(&facts).into_iter().map(|(name, ..)| name).collect();
    assert_eq!((found, flows.len()), (vec!["a.example".to_owned(), "b.example".to_owned()], 2));
}

#[test]
fn keep_alives_and_resets_carry_nothing() {
    let mut talk = Talk::new(1, 1);
    talk.packets.push(tcp(2 * MS, CLIENT, SERVER, 1, 2, ACK, &[0]));
    talk.say(0, b"hello there", 100);
    let mut packets = talk.packets;
    let next = 2 + 11;
    packets.push(tcp(10 * MS, CLIENT, SERVER, next - 1, 2, ACK, &[0]));
    packets.push(tcp(11 * MS, CLIENT, SERVER, next - 1, 2, ACK, &[]));
    packets.push(tcp(12 * MS, CLIENT, SERVER, next, 2, RST | ACK, b"connection refused"));
    assert_eq!(counted(&run(&packets).0), (11, 0));
}

/// One whose number is not the next ends nothing: the receiver leaves it out, and so must we, or what follows is not seen.
#[test]
fn a_reset_out_of_place_ends_nothing() {
    let reset = |wrong: u32| {
        let mut talk = Talk::new(1, u32::MAX - 50);
        talk.say(0, &hello(Some("a.example"), 0), 1448);
        talk.say(1, &record(22, &[2; 100]), 1448);
        talk.say(0, &record(23, &[0; 495]), 1448);
        let seq = talk.seqs[1].wrapping_add(wrong);
        talk.packets.push(tcp(talk.time + MS, SERVER, CLIENT, seq, talk.seqs[0], RST | ACK, &[]));
        talk.time += 9_000 * MS;
        talk.say(0, &record(23, &[0; 995]), 1448);
        let (facts, flows) = run(&talk.packets);
        let closed = facts.iter().position(|fact| matches!(fact.kind, NetKind::Closed(_))).unwrap();
        (counted(&facts[..closed]).0, flows[0].close)
    };
    assert_eq!(reset(0), (500, Close::Reset));
    for wrong in [1, 1000, 70_000, 1 << 29, u32::MAX, u32::MAX - 70_000] {
        assert_eq!(reset(wrong), (1500, Close::EndOfRecording), "{wrong}");
    }
    // Refused, answered from an acknowledgment, or after a FIN and behind a gap of the capture.
    let refused = [tcp(0, CLIENT, SERVER, 7, 0, SYN, &[]), tcp(MS, SERVER, CLIENT, 0, 8, RST | ACK, &[])];
    assert_eq!(run(&refused).1[0].close, Close::Reset);
    let mut talk = Talk::new(1, 1);
    talk.push(1, ACK, b"some");
    talk.seqs[1] += 100;
    talk.push(1, FIN, b"more");
    for (seq, close) in [(talk.seqs[1], Close::Reset), (2 + 4, Close::Reset), (2 + 50, Close::EndOfRecording)]
    {
        let reset = tcp(talk.time + MS, SERVER, CLIENT, seq, 2, RST, &[]);
        assert_eq!(run(&[talk.packets.clone(), vec![reset]].concat()).1[0].close, close, "{seq}");
    }
}

/// A SYN from the side that was called begins nothing while the connection lives: its receiver only says where it stands
/// (RFC 5961, section 4). Whoever forges one from the server's address must not end what is seen of it.
#[test]
fn a_syn_out_of_place_begins_nothing() {
    for from in [0, 2] {
        for (seq, payload) in
            [(77_777, &b""[..]), (1 << 30, b""), (u32::MAX - 9, b""), (77_777, b"early"), (3, b"")]
        {
            let mut talk = Talk::new(1, 50_000_000);
            talk.say(0, &hello(Some("a.example"), 0), 1448);
            talk.say(1, &record(22, &[2; 100]), 1448);
            talk.say(0, &record(23, &[0; 495]), 1448);
            talk.packets.push(tcp(talk.time + MS, SERVER, CLIENT, seq, 0, SYN, payload));
            talk.time += 9_000 * MS;
            talk.say(0, &record(23, &[0; 995]), 1448);
            talk.say(1, &record(23, &[0; 95]), 1448);
            let (facts, flows) = run(&talk.end()[from..]);
            assert_eq!((flows.len(), flows[0].close), (1, Close::Finished), "{seq} from {from} on");
            assert_eq!(counted(&facts), (1500, 100), "{seq} from {from} on");
        }
    }
    // Where the other side answers it, one has begun.
    let mut talk = Talk::new(1, 50_000_000);
    talk.say(0, b"hello there", 1448);
    let (seq, at) = (77_777, talk.time + 40_000 * MS);
    talk.packets.push(tcp(at, SERVER, CLIENT, seq, 0, SYN, &[]));
    talk.packets.push(tcp(at + MS, CLIENT, SERVER, 99, seq + 1, SYN | ACK, &[]));
    talk.packets.push(tcp(at + 2 * MS, SERVER, CLIENT, seq + 1, 100, ACK, b"from there"));
    talk.packets.push(tcp(at + 3 * MS, CLIENT, SERVER, 100, seq + 11, ACK, b"from here"));
    let (facts, flows) = run(&talk.packets);
    assert_eq!((counted(&facts), flows.len()), ((11 + 9, 10), 2));
}

/// Of a flow that was picked up without its beginning a SYN may be late, by as much as packets are out of order: one that comes
/// later is forged, however well its number fits.
#[test]
fn a_syn_that_is_too_late_begins_nothing() {
    for (seq, payload) in [(49_999_000, &b""[..]), (50_000_000, b""), (49_999_000, b"early")] {
        for from in [2, 4] {
            let mut talk = Talk::new(1, 50_000_000);
            talk.say(1, b"220 ready\r\n", 1448);
            talk.say(0, b"STOR x\r\n", 1448);
            talk.say(1, b"150 go\r\n", 1448);
            talk.say(0, &[7; 495], 1448);
            talk.time += 4_000 * MS;
            talk.packets.push(tcp(talk.time + MS, SERVER, CLIENT, seq, 0, SYN, payload));
            talk.time += 9_000 * MS;
            talk.say(0, &[7; 1000], 1448);
            let (facts, flows) = run(&talk.end()[from..]);
            let (plain, _) = run(&{
                let mut plain = Talk::new(1, 50_000_000);
                plain.say(1, b"220 ready\r\n", 1448);
                plain.say(0, b"STOR x\r\n", 1448);
                plain.say(1, b"150 go\r\n", 1448);
                plain.say(0, &[7; 495], 1448);
                plain.time += 13_000 * MS;
                plain.say(0, &[7; 1000], 1448);
                plain.end()
            }[from..]);
            assert_eq!(flows.len(), 1, "{seq} from {from} on");
            assert_eq!(counted(&facts), counted(&plain), "{seq} from {from} on");
            assert_eq!(flows[0].server.port, SERVER.1, "{seq} from {from} on");
        }
    }
}

#[test]
fn what_the_capture_missed_still_counts() {
    let mut talk = Talk::new(1, 1);
    talk.say(0, &hello(Some("a.example"), 0), 1448);
    let sent = record(23, &[0; 10_000]);
    talk.say(0, &sent, 1000);
    let mut packets = talk.packets;
    packets.remove(6);
    packets.remove(8);
    packets.push(tcp(9_000 * MS, SERVER, CLIENT, 2, 2, ACK, b"x"));
    let (facts, flows) = run(&packets);
    assert_eq!(counted(&facts), (sent.len() as u64, 1));
    assert_eq!(flows[0].bytes_lost, 2000);
}

#[test]
fn a_connection_picked_up_in_the_middle() {
    let mut talk = Talk::new(1, 1);
    talk.say(0, &record(23, &[0; 500]), 1448);
    talk.say(1, &record(23, &[0; 50]), 1448);
    let (facts, flows) = run(&talk.packets[2..]);
    assert_eq!(counted(&facts), (505, 55));
    assert!(flows[0].midstream);
    assert_eq!(nameless(&facts), [UnknownName::Unread]);
}

#[test]
fn dns_names_what_tls_does_not_even_when_it_comes_late() {
    let resolver = ([10, 0, 0, 53], 53);
    let asker = ([10, 0, 0, 1], 40_000);
    let answer = dns_answer("files.example", Some("bucket.s3.example"), 30, SERVER.0);
    let mut talk = Talk::new(1, 1);
    talk.say(0, &hello(None, 0), 1448);
    talk.say(0, &record(23, &[0; 10]), 1448);
    let expected = [("bucket.s3.example", NameSource::DnsCname), ("files.example", NameSource::Dns)];
    for late in [false, true] {
        let mut packets = talk.packets.clone();
        let at = if late { packets.len() } else { 0 };
        packets.insert(at, udp(0, resolver, asker, &answer));
        let (facts, flows) = run(&packets);
        let found: Vec<_> = names(&facts).into_iter().map(|(name, source, _)| (name, source)).collect();
        assert_eq!(found, expected.map(|(name, source)| (name.to_owned(), source)), "late: {late}");
        let named = flows.iter().find_map(|flow| flow.name.as_ref().filter(|_| flow.aliases.is_some()));
        let (name, source, _) = named.unwrap();
        assert_eq!((name.as_str(), source.as_str()), ("files.example", "dns_cname"), "an alias led there");
    }
    let (facts, _) = run(&talk.packets);
    assert_eq!(nameless(&facts), [UnknownName::NoServerName]);
}

#[test]
fn a_full_table_forgets_the_least_recently_active() {
    let mut tap = Tap::new(Limits { flows: 64, summaries: true, ..Limits::default() });
    let mut facts = Vec::new();
    for at in 0..1000u16 {
        let client = ([10, 0, 0, 2], 1000 + at);
        tap.packet(&packet(&tcp(i64::from(at) * MS, client, SERVER, 1, 0, SYN, &[])), &mut facts);
        let kept = tcp(i64::from(at) * MS, CLIENT, SERVER, u32::from(at), 0, ACK, b"x");
        tap.packet(&packet(&kept), &mut facts);
        assert!(tap.open_flows() <= 64);
    }
    assert!(tap.coverage().iter().any(|record| record.count > 900));
    tap.finish(Timestamp::MIN, &mut facts);
    let kept: Vec<_> = tap.finished().filter(|flow| flow.client.port == CLIENT.1).collect();
    assert_eq!((kept.len(), kept[0].bytes_out), (1, 1000));
}

#[test]
fn hellos_of_quic_are_given_up_when_there_are_too_many() {
    let limit = 100_000;
    let mut tap = Tap::new(Limits { handshake_bytes: limit, ..Limits::default() });
    let mut facts = Vec::new();
    for port in 0..200 {
        let client = (CLIENT.0, 1000 + port);
        let part = sealed(1, b"8 or more", b"8 or more", 0, &crypto(0, &hello(None, 4000)[5..2005]));
        tap.packet(&packet(&udp(i64::from(port), client, SERVER, &part)), &mut facts);
    }
    assert!(tap.stats().hellos_given_up > 100, "{}", tap.stats().hellos_given_up);
    tap.finish(Timestamp::MIN, &mut facts);
    let hellos = facts.iter().filter(|fact| matches!(fact.kind, NetKind::Hello(_))).count();
    assert_eq!(hellos, 200);
}
