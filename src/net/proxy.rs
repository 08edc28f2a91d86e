//! What a client says to a proxy before anything else: HTTP CONNECT (RFC 9110, section 9.3.6), SOCKS 5 (RFC 1928), SOCKS 4
//! and 4a; and what a proxy says of the client before passing its bytes on, the PROXY protocol.

use std::net::IpAddr;

use crate::model::DomainName;

/// What the first bytes of a connection, as far as they are there, say to a proxy.
#[derive(PartialEq, Eq, Debug)]
pub(super) enum Said {
    /// This many bytes, and the host asked for, if by name. Behind them stands what is passed on.
    All(usize, Option<DomainName>),
    /// More bytes may tell.
    More,
    Nothing,
}

/// Reads what is said to a proxy, from the first byte on.
pub(super) fn said(bytes: &[u8]) -> Said {
    match bytes {
        [5, rest @ ..] => socks_5(rest).map_or(Said::More, |all| sized(bytes, all)),
        [4, rest @ ..] => socks_4(rest).map_or(Said::More, |all| sized(bytes, all)),
        [b'C', ..] => head(bytes, CONNECT, b"\r\n\r\n", MAX_HEAD),
        [b'P', ..] => head(bytes, b"PROXY ", b"\r\n", MAX_LINE_1),
        [b'\r', ..] => said_by_proxy(bytes),
        _ => Said::Nothing,
    }
}

/// What is left of `bytes` shows how many were read.
fn sized(bytes: &[u8], read: Option<(&[u8], Option<DomainName>)>) -> Said {
    read.map_or(Said::Nothing, |(rest, host)| Said::All(bytes.len() - rest.len(), host))
}

/// What is behind a request, and the host that it names; `None` if it is none.
type Request<'a> = Option<(&'a [u8], Option<DomainName>)>;

/// `None` while more must come: command and port, an address, a user's name; behind an address that is none, a host's name.
fn socks_4(bytes: &[u8]) -> Option<Request<'_>> {
    /// Of a user or a host.
    const MAX_TEXT: usize = 255;
    fn text(bytes: &[u8]) -> Option<Option<(&[u8], &[u8])>> {
        match bytes.iter().position(|byte| *byte == 0) {
            Some(end) if end <= MAX_TEXT => {
                Some(bytes.split_at_checked(end).map(|(text, rest)| (text, &rest[1..])))
            }
            None if bytes.len() <= MAX_TEXT => None,
            _ => Some(None),
        }
    }
    if bytes.first().is_some_and(|command| *command != 1) {
        return Some(None);
    }
    let address = bytes.get(3..7)?;
    let Some((_, rest)) = text(&bytes[7..])? else { return Some(None) };
    if !matches!(address, [0, 0, 0, 1..=255]) {
        return Some(Some((rest, None)));
    }
    let Some((host, rest)) = text(rest)? else { return Some(None) };
    Some(Some((rest, name(host))))
}

/// `None` while more must come: how many ways to authenticate and which, perhaps user and password (RFC 1929), the request.
fn socks_5(bytes: &[u8]) -> Option<Request<'_>> {
    let field = |bytes: &'_ [u8]| -> Option<usize> { Some(1 + usize::from(*bytes.first()?)) };
    let mut rest = bytes.get(field(bytes)?..)?;
    if rest.first() == Some(&1) {
        let user = rest.get(1..)?;
        let password = user.get(field(user)?..)?;
        rest = password.get(field(password)?..)?;
    }
    socks_5_request(rest)
}

/// Version, CONNECT, zero, the kind of address, the address, the port. `None` while more must come.
fn socks_5_request(bytes: &[u8]) -> Option<Request<'_>> {
    let (head, rest) = match bytes {
        [5, 1, 0, rest @ ..] => (4, rest),
        [] | [5] | [5, 1] => return None,
        _ => return Some(None),
    };
    let size = match rest {
        [] | [3] => return None,
        [1, ..] => 4,
        [4, ..] => 16,
        [3, length, ..] => 1 + usize::from(*length),
        _ => return Some(None),
    };
    let (address, behind) = (bytes.get(head..head + size)?, bytes.get(head + size + 2..)?);
    let host = if rest[0] == 3 { name(&address[1..]) } else { None };
    Some(Some((behind, host)))
}

/// The host that a SOCKS 5 request asks for, when it begins here.
pub(super) fn socks_5_target(bytes: &[u8]) -> Option<DomainName> {
    socks_5_request(bytes)??.1
}

const CONNECT: &[u8] = b"CONNECT ";
/// A request with its fields: tickets to authenticate with can be long.
const MAX_HEAD: usize = 16 << 10;
/// The text form of the PROXY protocol.
const MAX_LINE_1: usize = 107;

/// Text that begins with `start` and reaches up to `end`.
fn head(bytes: &[u8], start: &[u8], end: &[u8], max: usize) -> Said {
    if !bytes.starts_with(start) {
        return if start.starts_with(bytes) { Said::More } else { Said::Nothing };
    }
    match memchr::memmem::find(&bytes[..bytes.len().min(max)], end) {
        Some(at) => Said::All(at + end.len(), target(bytes)),
        None if bytes.len() < max => Said::More,
        None => Said::Nothing,
    }
}

/// The binary form of the PROXY protocol: a signature, version and command, family, length.
fn said_by_proxy(bytes: &[u8]) -> Said {
    const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";
    const MAX: usize = 2048;
    match bytes.strip_prefix(SIGNATURE) {
        Some([0x20 | 0x21, _, high, low, rest @ ..]) => {
            let length = usize::from(u16::from_be_bytes([*high, *low]));
            match rest.len() {
                _ if length > MAX => Said::Nothing,
                there if there < length => Said::More,
                _ => Said::All(SIGNATURE.len() + 4 + length, None),
            }
        }
        Some([] | [0x20 | 0x21] | [0x20 | 0x21, _] | [0x20 | 0x21, _, _]) => Said::More,
        None if SIGNATURE.starts_with(bytes) => Said::More,
        _ => Said::Nothing,
    }
}

/// The host that a CONNECT request asks for, once its line is there.
pub(super) fn target(bytes: &[u8]) -> Option<DomainName> {
    let rest = bytes.strip_prefix(CONNECT)?;
    let end = rest.iter().position(|byte| matches!(byte, b' ' | b'\r' | b'\n'))?;
    let colon = rest[..end].iter().rposition(|byte| *byte == b':')?;
    name(&rest[..colon])
}

/// An address is no name.
fn name(host: &[u8]) -> Option<DomainName> {
    let name = DomainName::from_wire(host).or_else(|| DomainName::from_unicode(host));
    name.filter(|name| name.as_str().parse::<IpAddr>().is_err())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{MAX_HEAD, Said, said, socks_5_target, target};

    fn asked(bytes: &[u8]) -> Option<Option<String>> {
        match said(bytes) {
            Said::All(size, host) => {
                assert_eq!(size, bytes.len());
                Some(host.map(|host| host.as_str().to_owned()))
            }
            _ => None,
        }
    }

    /// Every beginning of what is said asks for more, all of it is all, and what stands behind is not looked at.
    #[test]
    fn the_host_asked_for() {
        let request = b"\x05\x01\x00\x03\x09a.example\x01\xbb";
        let longest = [&[5, 255][..], &[2; 255], &[1, 255], &[b'u'; 255], &[255], &[b'p'; 255]].concat();
        let cases = [
            (b"CONNECT A.example:443 HTTP/1.1\r\nHost: x\r\n\r\n".to_vec(), Some("a.example")),
            (b"CONNECT 192.0.2.1:443 HTTP/1.1\r\n\r\n".to_vec(), None),
            (b"CONNECT [2001:db8::1]:443 HTTP/1.1\r\n\r\n".to_vec(), None),
            (b"CONNECT no-port HTTP/1.1\r\n\r\n".to_vec(), None),
            ([&b"\x05\x01\x00"[..], request].concat(), Some("a.example")),
            ([&b"\x05\x02\x00\x02\x01\x02me\x06secret"[..], request].concat(), Some("a.example")),
            ([&longest[..], request].concat(), Some("a.example")),
            (b"\x05\x01\x00\x05\x01\x00\x01\xc0\x00\x02\x01\x01\xbb".to_vec(), None),
            ([&b"\x05\x01\x00\x05\x01\x00\x04"[..], &[0x20; 16], b"\x01\xbb"].concat(), None),
            (b"\x04\x01\x01\xbb\0\0\0\x01me\0a.example\0".to_vec(), Some("a.example")),
            (b"\x04\x01\x01\xbb\xc0\0\x02\x01me\0".to_vec(), None),
            (b"PROXY TCP4 192.0.2.1 192.0.2.2 5 443\r\n".to_vec(), None),
            ([&b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c"[..], &[7; 12]].concat(), None),
        ];
        for (bytes, host) in cases {
            for end in 1..bytes.len() {
                assert_eq!(said(&bytes[..end]), Said::More, "{end} of {bytes:?}");
            }
            assert_eq!(asked(&bytes), Some(host.map(str::to_owned)), "{bytes:?}");
            let more = [&bytes[..], b"\x16\x03\x01"].concat();
            assert!(matches!(said(&more), Said::All(size, _) if size == bytes.len()), "{bytes:?}");
        }
    }

    #[test]
    fn what_is_said_to_no_proxy() {
        let others: [&[u8]; 12] = [
            b"",
            b"GET / HTTP/1.1\r\n\r\n",
            b"COPY",
            b"PUT /",
            b"\x05\x01\x00GET",
            b"\x05\x01\x00\x05\x03",
            b"\x05\x00\x0b\x03",
            b"\x04\x02",
            b"\r\n\r\nGET",
            b"\r\n\r\n\0\r\nQUIT\n\x31",
            &[[4, 1].as_slice(), &[9; 300]].concat(),
            &[&b"CONNECT a.example:443 HTTP/1.1\r\n"[..], &[b'a'; MAX_HEAD]].concat(),
        ];
        for bytes in others {
            assert_eq!(said(bytes), Said::Nothing, "{bytes:?}");
        }
        assert!(target(b"CONNECT cut.example:44").is_none());
        assert_eq!(target(b"CONNECT cut.example:443 ").unwrap().as_str(), "cut.example");
        let asked = socks_5_target(b"\x05\x01\x00\x03\x09a.example\x01\xbb");
        assert_eq!(asked.unwrap().as_str(), "a.example");
        assert!(socks_5_target(b"\x05\x01\x00\x01\xc0\x00\x02\x01\x01\xbb").is_none());
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..60), kind in 0usize..6) {
            let heads: [&[u8]; 6] = [
                b"CONNECT ",
                &[4, 1, 0, 0, 0, 0, 0, 1],
                &[5, 1, 0, 3],
                &[],
                b"\r\n\r\n\0\r\nQUIT\n\x21\x11",
                &[5, 0, 5, 1, 0],
            ];
            let bytes = [heads[kind], &bytes].concat();
            if let Said::All(size, _) = said(&bytes) {
                prop_assert!(size > 0 && size <= bytes.len());
            }
            target(&bytes);
            socks_5_target(&bytes);
        }
    }
}
