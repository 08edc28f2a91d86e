//! Whole connections through the tap.

use std::sync::Arc;

use proptest::prelude::*;

use crate::model::{Close, NameScope, NameSource, NetFact, NetKind, Timestamp, UnknownName};
use crate::net::quic::testing::{crypto, sealed};
use crate::net::testing::{
    CLIENT, Made, SERVER, as_ipv6, dns_answer, fragments, hello, packet, record, run, tcp, udp,
};
use crate::net::{Limits, Packet, Tap};

const MS: i64 = 1_000_000;
const SYN: u8 = 0x02;
const ACK: u8 = 0x10;
const FIN: u8 = 0x11;
const RST: u8 = 0x04;

fn counted(facts: &[NetFact]) -> (u64, u64) {
    facts.iter().fold((0, 0), |(out, into), fact| match fact.kind {
        NetKind::Bytes { out: o, into: i } => (out + u64::from(o), into + u64::from(i)),
        _ => (out, into),
    })
}

fn names(facts: &[NetFact]) -> Vec<(String, NameSource, NameScope)> {
    facts
        .iter()
        .filter_map(|fact| match &fact.kind {
            NetKind::Named { domain, source, scope } => Some((domain.to_string(), *source, *scope)),
            _ => None,
        })
        .collect()
}

fn nameless(facts: &[NetFact]) -> Vec<UnknownName> {
    facts
        .iter()
        .filter_map(|fact| match fact.kind {
            NetKind::Nameless(why) => Some(why),
            _ => None,
        })
        .collect()
}

/// The packets of a failed case: time, direction, sequence number, flags, length.
fn told(packets: &[Made]) -> String {
    let line = |made: &Made| {
        let [a, b, c, d] = made.bytes[24..28] else { return String::new() };
        let way = if made.bytes[12] == CLIENT.0[0] { "out" } else { "in" };
        let (flags, len) = (made.bytes[33], made.bytes.len() - 40);
        format!("{} {way} {} {flags:#x} {len}\n", made.time / MS, u32::from_be_bytes([a, b, c, d]))
    };
    packets.iter().map(line).collect()
}

/// Segments of at most `size` bytes, a millisecond apart.
struct Talk {
    packets: Vec<Made>,
    time: i64,
    seqs: [u32; 2],
}

impl Talk {
    fn new(client: u32, server: u32) -> Self {
        let mut talk = Self { packets: Vec::new(), time: 0, seqs: [client, server] };
        talk.push(0, SYN, &[]);
        talk.push(1, SYN | ACK, &[]);
        talk
    }

    fn push(&mut self, side: usize, flags: u8, payload: &[u8]) {
        self.time += MS;
        let (src, dst) = if side == 0 { (CLIENT, SERVER) } else { (SERVER, CLIENT) };
        let (seq, ack) = (self.seqs[side], self.seqs[1 - side]);
        self.packets.push(tcp(self.time, src, dst, seq, ack, flags, payload));
        self.seqs[side] = seq.wrapping_add(payload.len() as u32 + u32::from(flags & 3 != 0));
    }

    fn say(&mut self, side: usize, payload: &[u8], size: usize) {
        for part in payload.chunks(size.max(1)) {
            self.push(side, ACK, part);
        }
    }

    fn end(mut self) -> Vec<Made> {
        self.push(0, FIN, &[]);
        self.push(1, FIN, &[]);
        self.packets
    }
}

/// A TLS upload: how it looks on the wire, and what of it counts.
fn upload(name: &str, padding: usize, body: usize, size: usize) -> (Vec<Made>, (u64, u64)) {
    let mut talk = Talk::new(u32::MAX - 700, 5);
    talk.say(0, &hello(Some(name), padding), size);
    talk.say(1, &[record(22, &[2; 90]), record(20, &[1]), record(23, &[0; 3000])].concat(), size);
    let sent = [record(23, &[9; 53]), record(23, &vec![0; body])].concat();
    talk.say(0, &record(20, &[1]), size);
    talk.say(0, &sent, size);
    let answer = record(23, &[0; 400]);
    talk.say(1, &answer, size);
    (talk.end(), (sent.len() as u64, answer.len() as u64))
}

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

/// What is said before TLS is no upload, however small the segments and long the pauses.
#[test]
fn starttls_is_followed() {
    for (size, pause) in [(1448, 0), (7, 0), (1, 0), (1448, 10_000 * MS)] {
        let mut talk = Talk::new(1, 1);
        talk.say(1, b"220 mail ready\r\n", size);
        talk.say(0, b"EHLO mac.example\r\n", size);
        talk.say(1, b"250-mail\r\n250 STARTTLS\r\n", size);
        talk.say(0, b"STARTTLS\r\n", size);
        talk.say(1, b"220 go\r\n", size);
        talk.time += pause;
        talk.say(0, &hello(Some("mail.example"), 0), size);
        talk.say(1, &record(22, &[2; 500]), size);
        talk.say(0, &record(23, &[0; 100]), size);
        talk.say(1, &record(23, &[0; 50]), size);
        let (facts, flows) = run(&talk.packets);
        assert_eq!(counted(&facts), (105, 55), "by {size}");
        assert_eq!(names(&facts)[0].0, "mail.example");
        assert_eq!(nameless(&facts), [], "after {pause}");
        assert_eq!((flows.len(), flows[0].bytes_out > 200), (1, true), "the line shows all that passed");
    }
}

/// The same of remote desktops, and of databases that carry the handshake in packets of their own.
#[test]
fn what_other_servers_are_asked_before_tls_is_followed() {
    let packet = |kind: u8, body: &[u8]| {
        [&[kind, 1], &(8 + body.len() as u16).to_be_bytes()[..], &[0, 0, 1, 0], body].concat()
    };
    let rdp = b"\x03\0\0\x13\x0e\xe0\0\0\0\0\0\x01\0\x08\0\x03\0\0\0";
    let keys = [record(22, &[2; 70]), record(20, &[1]), record(22, &[2; 40])].concat();
    let desktop = [rdp.to_vec(), hello(Some("mac.example"), 900), keys.clone()];
    let options = packet(0x12, b"\0\0\x06\0\x06\xff\x09\0\0\0\0\0");
    let database = [options, packet(0x12, &hello(Some("mac.example"), 900)), packet(0x12, &keys)];
    for size in [4000, 100, 9, 7, 1] {
        for said in [&desktop, &database] {
            let mut talk = Talk::new(1, 1);
            for part in said {
                talk.say(0, part, size);
                talk.say(1, &[4; 300], size);
            }
            talk.say(0, &record(23, &[0; 95]), size);
            talk.say(1, &record(23, &[0; 45]), size);
            talk.say(0, &packet(1, &[0; 92]), size);
            let (facts, _) = run(&talk.packets);
            assert_eq!(counted(&facts), (200, 50), "by {size}");
            assert_eq!(names(&facts)[0].0, "mac.example", "by {size}");
            assert_eq!(nameless(&facts), [], "by {size}");
        }
    }
    // Nobody asked for TLS, or the server has none.
    for plain in [
        [&rdp[..15], &[0; 4], b"\x03\0\0\x0c\x02\xf0\x80\x7f\x65\x82\x01\x01"].concat(),
        [&packet(0x12, &[0xff; 20])[..], &packet(0x10, &[7; 300])].concat(),
    ] {
        let mut talk = Talk::new(1, 1);
        talk.say(0, &plain, 30);
        assert_eq!(counted(&run(&talk.packets).0).0, plain.len() as u64);
    }
}

/// The same where the capture begins in the midst of it.
#[test]
fn starttls_is_followed_from_its_middle_on() {
    let mut talk = Talk::new(1, 1);
    talk.say(0, b"EHLO mac.example\r\n", 1448);
    talk.say(0, b"STARTTLS\r\n", 1448);
    talk.say(1, b"220 go\r\n", 1448);
    talk.say(0, &hello(Some("mail.example"), 0), 1448);
    talk.say(1, &record(22, &[2; 500]), 1448);
    talk.say(0, &record(22, &[2; 40]), 1448);
    talk.say(1, &record(22, &[2; 60]), 1448);
    talk.say(0, &record(23, &[0; 100]), 1448);
    talk.say(1, &record(23, &[0; 50]), 1448);
    for from in 0..=9 {
        let (facts, _) = run(&talk.packets[from..]);
        let named = usize::from(from <= 5);
        assert_eq!((counted(&facts), names(&facts).len()), ((105, 55), named), "from packet {from} on");
    }
}

/// Where the server does not want TLS, or nobody asks for it, all of it counts.
#[test]
fn what_only_begins_like_starttls_counts() {
    for refused in [true, false] {
        let mut talk = Talk::new(1, 1);
        let asked: &[u8] =
            if refused { b"EHLO mac.example\r\nSTARTTLS\r\n" } else { b"EHLO mac.example\r\n" };
        let said = [asked, b"MAIL FROM:<a@a.example>\r\n", &[b'x'; 5000]];
        talk.say(1, b"220 mail ready\r\n", 1448);
        for part in said {
            talk.say(0, part, 1448);
            talk.say(1, b"454 no\r\n", 1448);
        }
        let sent = said.iter().map(|part| part.len() as u64).sum();
        assert_eq!(counted(&run(&talk.packets).0), (sent, 16 + 3 * 8), "refused: {refused}");
        let (first, _) = talk.packets.split_at(4);
        assert_eq!(counted(&run(first).0), (asked.len() as u64, 16), "nothing more came");
    }
}

#[test]
fn a_proxy_is_asked_for_the_host() {
    let connect = &b"CONNECT a.example:443 HTTP/1.1\r\n\r\n"[..];
    let socks = [&b"\x05\x01\x00"[..], b"\x05\x01\x00\x03\x09a.example\x01\xbb"];
    let asker = ([10, 0, 0, 1], 40_000);
    let answer = udp(0, ([10, 0, 0, 53], 53), asker, &dns_answer("proxy.example", None, 30, SERVER.0));
    let authenticated = [&b"\x05\x02\x00\x02"[..], b"\x01\x02me\x06secret", socks[1]];
    let cases = [
        (&[connect][..], hello(Some("b.example"), 0), ("b.example", NameSource::TlsSni)),
        (&socks, hello(Some("b.example"), 0), ("b.example", NameSource::TlsSni)),
        (&[connect], b"SSH-2.0-x\r\n".to_vec(), ("a.example", NameSource::Dns)),
        (&socks, hello(None, 0), ("a.example", NameSource::Dns)),
        (&authenticated, hello(None, 0), ("a.example", NameSource::Dns)),
        (&[b"\x04\x01\x01\xbb\0\0\0\x01me\0a.example\0"], hello(None, 0), ("a.example", NameSource::Dns)),
    ];
    // However small the segments are in which it is asked.
    let sizes = [1448, 11, 7, 3, 2, 1];
    for ((requests, inside, expected), size) in
        cases.iter().flat_map(|case| sizes.map(|size| (case.clone(), size)))
    {
        let mut talk = Talk::new(1, 1);
        for request in requests {
            talk.say(0, request, size);
            talk.say(1, b"fine", 1448);
        }
        talk.say(0, &inside, 1448);
        let packets = [vec![answer.clone()], talk.packets].concat();
        let facts = run(&packets).0;
        let (name, source) = expected;
        assert_eq!(
            names(&facts).last(),
            Some(&(name.to_owned(), source, NameScope::SameProcess)),
            "by {size}"
        );
        assert_eq!(nameless(&facts).len(), 1, "DNS itself");
    }
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
        let named = flows.iter().find_map(|flow| flow.name.as_ref().filter(|_| flow.alias.is_some()));
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
