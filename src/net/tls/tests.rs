//! Hellos by hand, by the book and by chance.

use proptest::prelude::*;

use super::ja4::fingerprint;
use super::{Client, Hello, Step};
use crate::net::testing::{hello, record};

fn fed(bytes: &[u8]) -> (Client, Step) {
    let mut client = Client::default();
    let step = client.feed(0, bytes, bytes.len() as u32);
    (client, step)
}

/// The example of FoxIO's `technical_details/JA4.md`, in an order a browser would send, with GREASE.
#[test]
fn the_fingerprint_of_the_specification() {
    let hello = Hello {
        has_server_name: true,
        alpn_ends: Some((b'h', b'2')),
        version: 0x0304,
        ciphers: vec![
            0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8, 0xc013, 0xc014, 0x009c,
            0x009d, 0x002f, 0x0035,
        ],
        extensions: vec![
            0x001b, 0x0000, 0x0033, 0x0010, 0x4469, 0x0017, 0x002d, 0x000d, 0x0005, 0x0023, 0x0012, 0x002b,
            0xff01, 0x000b, 0x000a, 0x0015,
        ],
        signature_algorithms: vec![0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601],
        ..Hello::default()
    };
    assert_eq!(&*fingerprint(&hello, 't'), "t13d1516h2_8daaf6152771_e5627efa2ab1");
    let bare = Hello { version: 0x0301, ..Hello::default() };
    assert_eq!(&*fingerprint(&bare, 't'), "t10i000000_000000000000_000000000000");
}

#[test]
fn names_are_made_canonical_or_refused() {
    let cases = [
        ("Content.DropboxAPI.com", Some("content.dropboxapi.com")),
        ("trailing.dot.example.", Some("trailing.dot.example")),
        ("xn--bcher-kva.example", Some("xn--bcher-kva.example")),
        ("B\u{fc}cher.example", Some("xn--bcher-kva.example")),
        ("b\u{fc}cher\u{3002}example", Some("xn--bcher-kva.example")),
        ("\u{202e}.example", None),
        ("with.port.example:8443", Some("with.port.example")),
        ("with.colon.example:x", None),
        ("with space.example", None),
        ("two..dots", None),
        ("192.0.2.1", None),
        ("192.0.2.1:443", None),
        ("", None),
    ];
    for (name, expected) in cases {
        let hello = fed(&hello(Some(name), 0)).0.take_hello().unwrap();
        assert_eq!(hello.name.as_ref().map(|name| name.as_str()), expected, "{name}");
        assert!(hello.has_server_name && hello.whole);
        assert_eq!((hello.version, &*hello.alpn()[0]), (0x0304, "h2"));
    }
}

#[test]
fn a_hello_may_be_split_over_records() {
    let whole = hello(Some("a.example"), 60_000);
    let records: Vec<u8> = whole[5..].chunks(1000).flat_map(|part| record(22, part)).collect();
    for size in [1, 13, 1448, 1 << 20] {
        let (mut client, mut at, mut found) = (Client::default(), 0, None);
        for part in records.chunks(size) {
            client.feed(at, part, part.len() as u32);
            at += part.len() as i64;
            found = found.or_else(|| client.take_hello());
        }
        assert_eq!(found.unwrap().name.unwrap().as_str(), "a.example", "pieces of {size}");
    }
}

#[test]
fn a_hello_cut_by_the_capture_still_tells_its_name() {
    let whole = hello(Some("a.example"), 3000);
    let mut client = Client::default();
    client.feed(0, &whole[..200], whole.len() as u32);
    let hello = client.take_hello().unwrap();
    assert_eq!((hello.name.unwrap().as_str(), hello.whole), ("a.example", false));
}

#[test]
fn an_ssl_2_hello_is_tls_all_the_same() {
    let mut bytes = vec![0x80, 0, 1, 3, 1, 0, 6, 0, 0, 0, 16, 0, 0, 0x2f, 1, 0, 0x80];
    bytes.extend([5; 16]);
    bytes[1] = bytes.len() as u8 - 2;
    let (mut client, step) = fed(&bytes);
    let hello = client.take_hello().unwrap();
    assert_eq!((step, hello.version, hello.ciphers), (Step::Handshake, 0x0301, vec![0x2f]));
    let next = client.feed(bytes.len() as i64, &record(23, &[0; 9]), 14);
    assert_eq!(next, Step::Counts { from: bytes.len() as i64, settled: true });
}

#[test]
fn a_handshake_without_end_counts() {
    let record = [&[22, 3, 3, 0x40, 0][..], &[0; 1 << 14]].concat();
    let mut client = Client::default();
    let (mut at, mut handshake) = (0, 0);
    let settled = loop {
        match client.feed(at, &record, record.len() as u32) {
            Step::Handshake => handshake += record.len(),
            Step::Counts { from, settled } => break from == at && settled,
        }
        at += record.len() as i64;
        assert!(handshake < 1 << 20, "for ever");
    };
    // More than any client's certificates.
    assert!(settled && handshake > 250_000 && client.is_tls);
}

#[test]
fn what_is_not_tls_counts_at_once() {
    for bytes in
        [&b"GET / HTTP/1.1\r\n\r\n"[..], b"\x16\x04\x01\x00\x05hello", b"\x80\x05\x09abc", b"SSH-2.0-x"]
    {
        assert_eq!(fed(bytes).1, Step::Counts { from: 0, settled: false });
    }
}

#[test]
fn undecided_bytes_count_once_decided() {
    let (mut client, step) = fed(b"\x16\x03");
    assert_eq!(step, Step::Handshake);
    assert_eq!(client.feed(2, b"no hello", 8), Step::Counts { from: 0, settled: false });
}

#[test]
fn a_proxy_s_request_may_come_in_pieces() {
    let (mut client, step) = fed(b"CONN");
    assert_eq!(step, Step::Handshake);
    assert_eq!(client.feed(4, b"ECT a.exam", 10), Step::Handshake);
    assert_eq!(client.feed(14, b"ple:443 HTTP/1.1", 16), Step::Handshake);
    assert_eq!(client.feed(30, b"\r\n\r\n", 4), Step::Handshake);
    assert_eq!(client.take_target().unwrap().as_str(), "a.example");
    let hello = hello(Some("b.example"), 0);
    assert_eq!(client.feed(34, &hello, hello.len() as u32), Step::Handshake);
    assert_eq!(client.take_hello().unwrap().name.unwrap().as_str(), "b.example");
}

/// A ticket to authenticate with can be longer than many an upload.
#[test]
fn what_is_said_to_a_proxy_does_not_count() {
    let ticket = [b'A'; 6000];
    let connect =
        [&b"CONNECT a.example:443 HTTP/1.1\r\n"[..], b"Authorization: ", &ticket, b"\r\n\r\n"].concat();
    let forwarded = b"PROXY TCP4 192.0.2.1 192.0.2.2 5 443\r\n".to_vec();
    let socks = b"\x05\x01\x00\x05\x01\x00\x03\x09a.example\x01\xbb".to_vec();
    let several = [&connect[..], &connect, &forwarded].concat();
    let hello = hello(Some("b.example"), 0);
    for said in [connect, forwarded, socks, several] {
        for size in [1, 7, 1400, 1 << 16] {
            // Inside is TLS, or anything else.
            for (inside, expected) in [(&hello[..], 0), (b"SSH-2.0-x\r\n", 11)] {
                let (mut client, mut counted) = (Client::default(), 0);
                let all = [&said[..], inside].concat();
                for (index, piece) in all.chunks(size).enumerate() {
                    let at = (index * size) as i64;
                    let end = at + piece.len() as i64;
                    if let Step::Counts { from, .. } = client.feed(at, piece, piece.len() as u32) {
                        counted += end - from;
                    }
                }
                assert_eq!(counted, expected, "{size} of {said:?}");
                assert_eq!(client.take_hello().is_some(), expected == 0);
            }
        }
    }
}

/// Where the capture cuts packets short, the line that names the host is all there is of a request.
#[test]
fn a_cut_request_names_its_host() {
    let line = b"CONNECT a.example:443 HTTP/1.1\r\nUser-Agent: x";
    let mut client = Client::default();
    assert_eq!(client.feed(0, line, 300), Step::Handshake);
    assert_eq!(client.take_target().unwrap().as_str(), "a.example");
    let hello = hello(Some("b.example"), 0);
    assert_eq!(client.feed(300, &hello, hello.len() as u32), Step::Handshake);
    assert!(client.take_hello().is_some());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_bytes_panic(
        runs in proptest::collection::vec((proptest::collection::vec(any::<u8>(), 0..200), 0u32..300, any::<bool>()), 1..8),
        tls in any::<bool>(),
    ) {
        let (mut client, mut at) = (Client::default(), 0);
        for (mut run, missing, gap) in runs {
            if let (true, [a, b, c, d, ..]) = (tls, &mut run[..]) {
                (*a, *b, *c, *d) = (20 + *a % 6, 3, *c % 5, *d % 2);
            }
            if gap {
                client.gap(u64::from(missing));
            }
            let len = run.len() as u32 + if gap { 0 } else { missing };
            if let Step::Counts { from, .. } = client.feed(at, &run, len) {
                prop_assert!(from <= at + i64::from(len));
            }
            at += i64::from(len);
        }
        client.finish();
    }

    #[test]
    fn damaged_hellos_do_not_panic(hits in proptest::collection::vec((any::<u16>(), any::<u8>()), 0..20), cut in 0usize..400) {
        let mut bytes = hello(Some("a.example"), 200);
        for (at, value) in hits {
            let at = usize::from(at) % bytes.len();
            bytes[at] = value;
        }
        Hello::read(&bytes[5.min(cut)..cut.min(bytes.len()).max(5.min(cut))]);
        Hello::read_v2(&bytes);
        fed(&bytes);
    }
}
