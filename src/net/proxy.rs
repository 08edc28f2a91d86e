//! What a client asks of a proxy by name: HTTP CONNECT (RFC 9110, section 9.3.6), SOCKS 5 (RFC 1928) and SOCKS 4a.

use std::net::IpAddr;

use crate::model::DomainName;

/// What the first bytes of a connection, as far as they are there, ask of a SOCKS proxy.
#[derive(PartialEq, Eq, Debug)]
pub(super) enum Asked {
    For(DomainName),
    /// More bytes may tell.
    More,
    Nothing,
}

/// The longest that a client says up to its request's end: ways to authenticate, user and password (RFC 1929), the request.
pub(super) const MAX_ASKED: usize = (2 + 255) + (3 + 255 + 255) + (7 + 255);

/// Reads what a client says to a SOCKS proxy, from its first byte on.
pub(super) fn asked(bytes: &[u8]) -> Asked {
    let read = match bytes {
        [5, rest @ ..] => said_to_socks_5(rest),
        [4] | [4, 1] | [4, 1, _] | [4, 1, _, _] => None,
        [4, 1, _, _, address @ ..] => match address {
            [] | [0] | [0, 0] | [0, 0, 0] => None,
            [0, 0, 0, 1..=255, rest @ ..] if rest.iter().filter(|byte| **byte == 0).count() < 2 => None,
            _ => Some(target(bytes)),
        },
        _ => Some(None),
    };
    match read {
        Some(Some(host)) => Asked::For(host),
        Some(None) => Asked::Nothing,
        None => Asked::More,
    }
}

/// `None` while more must come: how many ways to authenticate and which, perhaps user and password, the request.
fn said_to_socks_5(bytes: &[u8]) -> Option<Option<DomainName>> {
    let field = |bytes: &'_ [u8]| -> Option<usize> { Some(1 + usize::from(*bytes.first()?)) };
    let mut rest = bytes.get(field(bytes)?..)?;
    if rest.first() == Some(&1) {
        let user = rest.get(1..)?;
        let password = user.get(field(user)?..)?;
        rest = password.get(field(password)?..)?;
    }
    match rest {
        [] | [5] | [5, 1] | [5, 1, 0] | [5, 1, 0, 3] => None,
        [5, 1, 0, 3, length, name @ ..] if name.len() < usize::from(*length) + 2 => None,
        _ => Some(socks_5_target(rest)),
    }
}

const CONNECT: &[u8] = b"CONNECT ";
/// A request line longer than this names no host.
const MAX_LINE: usize = 1024;

/// The beginning of a CONNECT request, with more to come before the host can be read.
pub(super) fn is_begun(bytes: &[u8]) -> bool {
    match bytes.strip_prefix(CONNECT) {
        Some(rest) => rest.len() < MAX_LINE && !rest.iter().any(|byte| matches!(byte, b' ' | b'\r' | b'\n')),
        None => !bytes.is_empty() && CONNECT.starts_with(bytes),
    }
}

/// The host that the first bytes of a connection ask a proxy for.
pub(super) fn target(bytes: &[u8]) -> Option<DomainName> {
    match bytes {
        [b'C', b'O', b'N', b'N', b'E', b'C', b'T', b' ', rest @ ..] => {
            let end = rest.iter().position(|byte| matches!(byte, b' ' | b'\r' | b'\n'))?;
            let colon = rest[..end].iter().rposition(|byte| *byte == b':')?;
            name(&rest[..colon])
        }
        // Version, CONNECT, port, an address that is none; the user's name; the host's name.
        [4, 1, _, _, 0, 0, 0, 1..=255, rest @ ..] => {
            let mut fields = rest.split(|byte| *byte == 0);
            let (_, host, end) = (fields.next()?, fields.next()?, fields.next()?);
            if end.is_empty() { name(host) } else { None }
        }
        _ => None,
    }
}

/// The host that a SOCKS 5 request asks for: version, CONNECT, zero, "a name follows", its length; behind it the port.
pub(super) fn socks_5_target(bytes: &[u8]) -> Option<DomainName> {
    match bytes {
        [5, 1, 0, 3, length, rest @ ..] if rest.len() >= usize::from(*length) + 2 => {
            name(&rest[..usize::from(*length)])
        }
        _ => None,
    }
}

/// An address is no name.
fn name(host: &[u8]) -> Option<DomainName> {
    let name = DomainName::from_wire(host).or_else(|| DomainName::from_unicode(host));
    name.filter(|name| name.as_str().parse::<IpAddr>().is_err())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Asked, CONNECT, MAX_ASKED, MAX_LINE, asked, is_begun, socks_5_target, target};

    #[test]
    fn the_host_asked_for() {
        let cases: [(&[u8], Option<&str>); 8] = [
            (
                b"CONNECT Bucket.s3.amazonaws.com:443 HTTP/1.1\r\nHost: x\r\n\r\n",
                Some("bucket.s3.amazonaws.com"),
            ),
            (b"CONNECT 192.0.2.1:443 HTTP/1.1\r\n\r\n", None),
            (b"CONNECT [2001:db8::1]:443 HTTP/1.1\r\n\r\n", None),
            (b"CONNECT cut.example:44", None),
            (b"CONNECT no-port HTTP/1.1\r\n\r\n", None),
            (b"GET / HTTP/1.1\r\n\r\n", None),
            (b"\x04\x01\x01\xbb\0\0\0\x01me\0a.example\0", Some("a.example")),
            (b"\x04\x01\x01\xbb\xc0\0\x02\x01me\0", None),
        ];
        for (bytes, expected) in cases {
            assert_eq!(target(bytes).as_ref().map(|name| name.as_str()), expected, "{bytes:?}");
        }
        assert!(
            is_begun(b"CON") && is_begun(b"CONNECT a.example:44") && !is_begun(b"CONNECT a.example:443 ")
        );
        assert!(!is_begun(b"") && !is_begun(b"COPY") && !is_begun(&[CONNECT, &[b'a'; MAX_LINE]].concat()));
        let asked = socks_5_target(b"\x05\x01\x00\x03\x09a.example\x01\xbb");
        assert_eq!(asked.unwrap().as_str(), "a.example");
        assert!(socks_5_target(b"\x05\x01\x00\x01\xc0\x00\x02\x01\x01\xbb").is_none());
    }

    /// Every beginning of what a client says asks for more, and all of it for the host.
    #[test]
    fn a_socks_request_in_pieces() {
        let request = b"\x05\x01\x00\x03\x09a.example\x01\xbb";
        let longest = [&[5, 255][..], &[2; 255], &[1, 255], &[b'u'; 255], &[255], &[b'p'; 255]].concat();
        let conversations = [
            [&b"\x05\x01\x00"[..], request].concat(),
            [&b"\x05\x02\x00\x02\x01\x02me\x06secret"[..], request].concat(),
            [&longest[..], request].concat(),
            b"\x04\x01\x01\xbb\0\0\0\x01me\0a.example\0".to_vec(),
        ];
        for said in conversations {
            assert!(said.len() <= MAX_ASKED);
            for end in 1..said.len() {
                assert_eq!(asked(&said[..end]), Asked::More, "{end} of {said:?}");
            }
            assert!(matches!(asked(&said), Asked::For(host) if host.as_str() == "a.example"), "{said:?}");
        }
        let others =
            [&b"\x05\x01\x00\x05\x01\x00\x01"[..], b"\x05\x01\x00GET", b"\x04\x01\x01\xbb\xc0", b"GET", b""];
        for said in others {
            assert_eq!(asked(said), Asked::Nothing, "{said:?}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..60), kind in 0usize..4) {
            let head = [&b"CONNECT "[..], &[4, 1, 0, 0, 0, 0, 0, 1], &[5, 1, 0, 3], &[]][kind];
            let bytes = [head, &bytes].concat();
            asked(&bytes);
            target(&bytes);
            socks_5_target(&bytes);
        }
    }
}
