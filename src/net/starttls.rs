//! What a client says in plain before it and its server go on in TLS: the commands that lead to STARTTLS (RFC 3207, 2595,
//! 4217, 4642, 5804, 6120), and the requests of LDAP (RFC 4511, section 4.14), PostgreSQL, MySQL, remote desktops (MS-RDPBCGR,
//! section 2.2.1.1) and SQL Server (MS-TDS, section 2.2.6.5).

/// All that is said before TLS is asked for: greetings, with names of hosts and clients in them.
const MAX_SAID: usize = 1 << 10;
/// The first byte of a TLS handshake record; no plain command holds it.
const TLS_HANDSHAKE: u8 = 0x16;

/// Commands without a tag before them.
const COMMANDS: [&[u8]; 14] = [
    b"EHLO",
    b"HELO",
    b"LHLO",
    b"STARTTLS",
    b"STLS",
    b"CAPA",
    b"FEAT",
    b"NOOP",
    b"CLNT",
    b"HOST",
    b"CAPABILITY",
    b"CAPABILITIES",
    b"AUTH TLS",
    b"AUTH SSL",
];
/// Those of IMAP, which has a tag before each.
const TAGGED: [&[u8]; 4] = [b"CAPABILITY", b"ID", b"NOOP", b"STARTTLS"];
const MAX_TAG: usize = 16;
const OF_XMPP: [&[u8]; 2] = [b"<?xml ", b"<stream:stream "];
/// PostgreSQL's requests for GSSAPI and for TLS: a length and a number each.
const OF_POSTGRES: [&[u8]; 2] = [b"\0\0\0\x08\x04\xd2\x16\x30", b"\0\0\0\x08\x04\xd2\x16\x2f"];
/// An extended request of LDAP, and the number of StartTLS.
const OF_LDAP: &[u8] = b"1.3.6.1.4.1.1466.20037";
/// MySQL's first packet: its length, its number, and among what the client is able to, TLS.
const OF_MYSQL: &[u8] = b"\x20\0\0\x01";
const CLIENT_SSL: u8 = 0x08;

/// A request for a connection, in the envelope of RFC 1006: whether by TLS stands at its end, or before a number that follows.
const OF_RDP: &[u8] = b"\x03\0";
const RDP_CONNECT: u8 = 0xe0;
const RDP_NUMBER: usize = 36;
/// SQL Server's first packet, alone in its message.
const OF_TDS: &[u8] = b"\x12\x01";
/// Its packets' head, and in it the length of the whole.
pub(super) const TDS_HEAD: usize = 8;

/// What the first bytes of a connection, as far as they are there, lead to.
#[derive(PartialEq, Eq, Debug)]
pub(super) enum Leads {
    /// TLS begins behind so many bytes.
    ToTls(usize),
    /// Packets with its records in them do.
    ToPackets(usize),
    /// More bytes may tell.
    Perhaps,
    Nowhere,
}

/// Reads what is said, from the first byte on.
pub(super) fn leads(bytes: &[u8]) -> Leads {
    let said = match bytes.first() {
        Some(0) => requests(bytes, &OF_POSTGRES),
        Some(3) => rdp(bytes),
        Some(0x12) => tds(bytes),
        Some(0x20) => mysql(bytes),
        Some(0x30) => ldap(bytes),
        Some(b'<') => xmpp(bytes),
        Some(first) if first.is_ascii_alphanumeric() => commands(bytes),
        _ => None,
    };
    match said {
        Some(size) if size <= MAX_SAID => match bytes.get(size) {
            Some(&TLS_HANDSHAKE) => Leads::ToTls(size),
            Some(_) if bytes.starts_with(OF_TDS) => in_packets(bytes, size),
            Some(_) => Leads::Nowhere,
            None => Leads::Perhaps,
        },
        _ => Leads::Nowhere,
    }
}

/// How far all that is said is of these requests, one after the other. Of the last, the beginning is enough.
fn requests(bytes: &[u8], known: &[&[u8]]) -> Option<usize> {
    let mut at = 0;
    while let Some(rest) = bytes.get(at..).filter(|rest| rest.first().is_some_and(|first| *first == 0)) {
        let request = known.iter().find(|known| known.starts_with(&rest[..rest.len().min(known.len())]))?;
        at += request.len().min(rest.len());
    }
    Some(at)
}

/// One packet, of which the length is known.
fn sized(bytes: &[u8], size: usize) -> usize {
    size.min(bytes.len())
}

fn mysql(bytes: &[u8]) -> Option<usize> {
    let head = OF_MYSQL.len();
    let begins = OF_MYSQL.starts_with(&bytes[..bytes.len().min(head)]);
    let able = bytes.get(head + 1).is_none_or(|able| able & CLIENT_SSL != 0);
    (begins && able).then(|| sized(bytes, head + 0x20))
}

fn rdp(bytes: &[u8]) -> Option<usize> {
    let begins = OF_RDP.starts_with(&bytes[..bytes.len().min(2)]);
    let connects = bytes.get(5).is_none_or(|code| *code == RDP_CONNECT);
    let size = length_at_2(bytes).unwrap_or(bytes.len());
    let asks = |end: usize| {
        let said = end.checked_sub(8).and_then(|start| bytes.get(start..end));
        said.is_some_and(|said| matches!(said, [1, _, 8, 0, protocols @ ..] if protocols != [0; 4]))
    };
    let whole = size <= bytes.len() && length_at_2(bytes).is_some();
    let by_tls = !whole || asks(size) || size.checked_sub(RDP_NUMBER).is_some_and(asks);
    (begins && connects && by_tls).then(|| sized(bytes, size))
}

fn tds(bytes: &[u8]) -> Option<usize> {
    let begins = OF_TDS.starts_with(&bytes[..bytes.len().min(2)]);
    let size = length_at_2(bytes).unwrap_or(bytes.len());
    let sane = size > TDS_HEAD || length_at_2(bytes).is_none();
    (begins && sane).then(|| sized(bytes, size))
}

/// Behind the first packet come others with TLS in them, or what the server may not have wanted to hide.
fn in_packets(bytes: &[u8], size: usize) -> Leads {
    match (bytes.get(size), bytes.get(size + TDS_HEAD)) {
        (Some(kind), Some(&TLS_HANDSHAKE)) if *kind == OF_TDS[0] => Leads::ToPackets(size),
        (Some(kind), None) if *kind == OF_TDS[0] => Leads::Perhaps,
        _ => Leads::Nowhere,
    }
}

/// Does a packet of SQL Server that carries TLS begin so? No record does.
pub(super) fn is_packet(first: u8) -> bool {
    first == OF_TDS[0]
}

/// The length of a packet that says it in its third and fourth byte.
pub(super) fn length_at_2(bytes: &[u8]) -> Option<usize> {
    let [_, _, high, low, ..] = bytes else { return None };
    Some(usize::from(u16::from_be_bytes([*high, *low])))
}

/// The request is short, and its one string is the number.
fn ldap(bytes: &[u8]) -> Option<usize> {
    let Some(length) = bytes.get(1) else { return Some(bytes.len()) };
    let size = 2 + usize::from(*length);
    let request = &bytes[..sized(bytes, size)];
    let asks = request.len() < size || request.ends_with(OF_LDAP);
    (*length < 0x80 && asks).then_some(request.len())
}

/// The stream's header, and in it the wish for TLS.
fn xmpp(bytes: &[u8]) -> Option<usize> {
    let begins = |known: &&[u8]| known.starts_with(&bytes[..bytes.len().min(known.len())]);
    OF_XMPP.iter().any(begins).then_some(())?;
    let end = bytes.iter().position(|byte| *byte == TLS_HANDSHAKE);
    let said = &bytes[..end.unwrap_or(bytes.len())];
    let asks = end.is_none() || memchr::memmem::find(said, b"<starttls").is_some();
    asks.then_some(said.len())
}

/// Lines, all of them commands that may come before TLS.
fn commands(bytes: &[u8]) -> Option<usize> {
    let mut at = 0;
    while let Some(rest) =
        bytes.get(at..).filter(|rest| rest.first().is_some_and(|first| *first != TLS_HANDSHAKE))
    {
        let end = memchr::memchr(b'\n', rest);
        let line = &rest[..end.map_or(rest.len(), |end| end + 1)];
        let leads =
            is_command(line, &COMMANDS) || untagged(line).is_some_and(|line| is_command(line, &TAGGED));
        if !leads || at + line.len() > MAX_SAID {
            return None;
        }
        at += line.len();
    }
    Some(at)
}

/// The line, or what there is of it, is one of these commands, whatever stands behind.
fn is_command(line: &[u8], known: &[&[u8]]) -> bool {
    known.iter().any(|known| match line.split_at_checked(known.len()) {
        Some((command, behind)) => {
            command.eq_ignore_ascii_case(known) && behind.first().is_none_or(u8::is_ascii_whitespace)
        }
        None => known[..line.len()].eq_ignore_ascii_case(line),
    })
}

/// A line behind its tag and the space that follows it.
fn untagged(line: &[u8]) -> Option<&[u8]> {
    let end =
        line.iter().take(MAX_TAG + 1).position(|byte| !(byte.is_ascii_alphanumeric() || *byte == b'.'))?;
    line[end..].strip_prefix(b" ")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Leads, MAX_SAID, leads};

    /// Every beginning asks for more, all of it too, and then TLS begins or something else does.
    #[test]
    fn what_leads_to_tls() {
        let mysql = [&b"\x20\0\0\x01\x85\xae\xff\x19\0\0\0\x01\xff"[..], &[0; 23]].concat();
        let cases: [&[u8]; 15] = [
            b"\x03\0\0\x2c\x27\xe0\0\0\0\0\0Cookie: mstshash=eltons\r\n\x01\0\x08\0\x03\0\0\0",
            RDP_WITH_NUMBER,
            b"EHLO [192.0.2.7]\r\nSTARTTLS\r\n",
            b"ehlo a.example\nehlo a.example\nstarttls\n",
            b"LHLO a.example\r\nSTARTTLS\r\n",
            b"CAPA\r\nSTLS\r\n",
            b"AUTH TLS\r\n",
            b"FEAT\r\nauth ssl\r\n",
            b"a1 CAPABILITY\r\nA002 ID (\"name\" \"x\")\r\n1.3 STARTTLS\r\n",
            b"CAPABILITIES\r\nSTARTTLS\r\n",
            b"<?xml version='1.0'?><stream:stream to='a.example'><starttls xmlns='x'/>",
            b"\0\0\0\x08\x04\xd2\x16\x2f",
            b"\0\0\0\x08\x04\xd2\x16\x30\0\0\0\x08\x04\xd2\x16\x2f",
            b"0\x1d\x02\x01\x01w\x18\x80\x161.3.6.1.4.1.1466.20037",
            &mysql,
        ];
        for said in cases {
            for end in 1..=said.len() {
                // Of a tag alone nobody knows what it is.
                let text = &said[..end];
                let is_tag = !text.rsplit(|byte| *byte == b'\n').next().unwrap_or_default().contains(&b' ');
                if !(is_tag && leads(text) == Leads::Nowhere) {
                    assert_eq!(leads(text), Leads::Perhaps, "{end} of {said:?}");
                }
            }
            assert_eq!(leads(&[said, b"\x16"].concat()), Leads::ToTls(said.len()), "{said:?}");
            if said[0] == 3 {
                assert_eq!(leads(&[said, b"\x03"].concat()), Leads::Nowhere, "{said:?}");
            }
            let other = [said, &b"MAIL FROM:<a@a.example>\r\n".repeat(50)].concat();
            assert_eq!(leads(&other), Leads::Nowhere, "{said:?}");
        }
    }

    /// A request with the number by which a service finds its logs.
    const RDP_WITH_NUMBER: &[u8] = b"\x03\0\0\x37\x32\xe0\0\0\0\0\0\x01\x08\x08\0\x0b\0\0\0\
        \x06\0\x24\0\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f\x10\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";

    /// As MS-TDS, section 4.1, has it.
    const PRELOGIN: &[u8] =
        b"\x12\x01\0\x2f\0\0\x01\0\0\0\x1a\0\x06\x01\0\x20\0\x01\x02\0\x21\0\x01\x03\0\x22\0\x04\
        \x04\0\x26\0\x01\xff\x09\0\0\0\0\0\x01\0\xb8\x0d\0\0\x01";

    #[test]
    fn what_leads_to_packets_with_tls_in_them() {
        let packet = [PRELOGIN, b"\x12\x01\0\x80\0\0\0\0\x16"].concat();
        for end in 1..packet.len() {
            assert_eq!(leads(&packet[..end]), Leads::Perhaps, "{end}");
        }
        assert_eq!(leads(&packet), Leads::ToPackets(PRELOGIN.len()));
        // A server without TLS is told the password as it is; a newer one begins with TLS.
        for other in [&b"\x10\x01\0\x80\0\0\x01\0\x16"[..], b"\x12\x01\0\x80\0\0\0\0\0"] {
            assert_eq!(leads(&[PRELOGIN, other].concat()), Leads::Nowhere);
        }
        assert_eq!(leads(b"\x12\x01\0\x07\0\0\x01\0"), Leads::Nowhere);
        assert_eq!(leads(&[b"\x12\x01\xff\xff", &[0; 0x1_0000][..]].concat()), Leads::Nowhere);
    }

    #[test]
    fn what_leads_nowhere() {
        let long = [&b"EHLO "[..], &[b'a'; MAX_SAID]].concat();
        let many = b"NOOP\r\n".repeat(MAX_SAID / 6 + 1);
        let others: [&[u8]; 17] = [
            // As MS-RDPBCGR, section 4.1.1, has it: without TLS.
            b"\x03\0\0\x2c\x27\xe0\0\0\0\0\0Cookie: mstshash=eltons\r\n\x01\0\x08\0\0\0\0\0",
            b"\x03\0\0\x0b\x06\xe0\0\0\0\0\0",
            b"\x03\0\0\x0c\x02\xf0\x80",
            b"",
            b"GET / HTTP/1.1\r\n",
            b"SSH-2.0-x",
            b"EHLOX",
            b"EHLO a.example\r\nMAIL",
            b"USER anonymous\r\n",
            b"AUTH PLAIN AHg=\r\n",
            b"a1 LOGIN me secret\r\n",
            b"hello there",
            b"<html>",
            b"\0\0\0\x09",
            b"0\x0c\x02\x01\x01\x60\x07\x02\x01\x03\x04\0\x80\0",
            &long,
            &many,
        ];
        for bytes in others {
            assert_eq!(leads(bytes), Leads::Nowhere, "{bytes:?}");
        }
        let asked_for_nothing = b"<?xml version='1.0'?><stream:stream>\x16";
        assert_eq!(leads(asked_for_nothing), Leads::Nowhere);
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..60), kind in 0usize..9) {
            let heads: [&[u8]; 9] = [b"\x03\0\0", b"\x12\x01\0", b"", b"EHLO ", b"a1 ", b"\0\0\0\x08", b"\x20\0\0\x01", b"0\x02", b"<?xml "];
            let bytes = [heads[kind], &bytes].concat();
            if let Leads::ToTls(size) | Leads::ToPackets(size) = leads(&bytes) {
                prop_assert!(size > 0 && size < bytes.len());
            }
        }
    }
}
