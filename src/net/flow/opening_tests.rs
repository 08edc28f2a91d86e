//! What is said before TLS, or to a proxy, through the tap.

use super::testing::*;
use crate::model::{NameScope, NameSource};
use crate::net::testing::{SERVER, dns_answer, hello, record, run, udp};

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
