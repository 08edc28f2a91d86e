//! Names and interfaces that say more than where a flow goes.

use crate::model::{ClientHello, DomainName};

/// Public names of servers that take encrypted hellos: the real name is inside. GREASE (RFC 9849, section 6.2) comes with
/// the real name outside and looks the same otherwise. DNS tells others.
const ECH_OUTER_NAMES: [&str; 2] = ["cloudflare-ech.com", "cloudflare-esni.com"];

/// Resolvers that answer over HTTPS, with all names below them (as browsers and `dnscrypt-proxy` list them, 2026).
const RESOLVERS: [&str; 26] = [
    "dns.google",
    "8888.google",
    "cloudflare-dns.com",
    "one.one.one.one",
    "quad9.net",
    "opendns.com",
    "umbrella.com",
    "nextdns.io",
    "adguard-dns.com",
    "dns.adguard.com",
    "cleanbrowsing.org",
    "dns.mullvad.net",
    "controld.com",
    "doh.dns.apple.com",
    "doh.dns.sb",
    "dns0.eu",
    "doh.libredns.gr",
    "dns.alidns.com",
    "doh.pub",
    "doh.360.cn",
    "public.dns.iij.jp",
    "dns.twnic.tw",
    "ordns.he.net",
    "doh.xfinity.com",
    "doh.cox.net",
    "doh.applied-privacy.net",
];

/// DNS over TLS (RFC 7858) and over QUIC (RFC 9250).
const ENCRYPTED_DNS_PORT: u16 = 853;

/// The interfaces of Apple Wireless Direct Link, and of its low-latency companion.
const NEARBY: [&str; 2] = ["awdl", "llw"];

/// The last bytes of each, compared at once, rule out nearly all names. No resolver's name is shorter.
const RESOLVER_ENDS: [u64; RESOLVERS.len()] = {
    let mut ends = [0; RESOLVERS.len()];
    let mut at = 0;
    while at < ends.len() {
        ends[at] = end_of(RESOLVERS[at].as_bytes());
        at += 1;
    }
    ends
};

const fn end_of(name: &[u8]) -> u64 {
    match name.last_chunk() {
        Some([a, b, c, d, e, f]) => u64::from_le_bytes([*a, *b, *c, *d, *e, *f, 0, 0]),
        None => 0,
    }
}

fn is_resolver(name: &str) -> bool {
    let is_below =
        |domain: &str| name.strip_suffix(domain).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
    RESOLVER_ENDS.contains(&end_of(name.as_bytes())) && RESOLVERS.iter().any(|resolver| is_below(resolver))
}

/// An iCloud Private Relay entry (Apple, "Prepare your network or web server for iCloud Private Relay"): `mask.icloud.com`,
/// `mask-h2.icloud.com` and what they are aliases of. `mask-api` only tells settings.
pub(super) fn is_relay(name: &DomainName) -> bool {
    let host = [".icloud.com", ".apple-dns.net"].iter().find_map(|zone| name.as_str().strip_suffix(zone));
    let first = host.map(|host| host.split('.').next().unwrap_or_default());
    first.is_some_and(|first| first == "mask" || first.starts_with("mask-") && first != "mask-api")
}

pub(super) fn is_outer_name(name: &DomainName) -> bool {
    ECH_OUTER_NAMES.contains(&name.as_str())
}

/// A conversation with a resolver that cannot be read.
pub(super) fn is_encrypted_dns(hello: &ClientHello, name: Option<&DomainName>, port: u16) -> bool {
    let speaks = |alpn: &str| hello.alpn.iter().any(|offered| &**offered == alpn);
    port == ENCRYPTED_DNS_PORT
        || speaks("dot")
        || speaks("doq")
        || (port == 443 || speaks("h2") || speaks("h3"))
            && name.is_some_and(|name| is_resolver(name.as_str()))
}

pub(super) fn is_nearby(interface: &str) -> bool {
    NEARBY.iter().any(|name| interface.starts_with(name))
}

/// A STUN message (RFC 8489, section 5): two zero bits, a length in words, the magic cookie.
pub(super) fn is_stun(datagram: &[u8]) -> bool {
    match datagram {
        [0..=0x3f, _, high, low, 0x21, 0x12, 0xa4, 0x42, rest @ ..] => {
            let length = usize::from(u16::from_be_bytes([*high, *low]));
            length.is_multiple_of(4) && rest.len() >= 12 && length >= rest.len() - 12
        }
        _ => false,
    }
}

/// The first bytes of a connection that carries STUN messages, bare (RFC 8489, section 6.2.2) or each behind its length as
/// ICE has them (RFC 6544, section 3).
pub(super) fn is_stun_stream(bytes: &[u8]) -> bool {
    let message = |bytes: &[u8]| match bytes {
        [0..=0x3f, _, _, low, 0x21, 0x12, 0xa4, 0x42, rest @ ..] => low % 4 == 0 && rest.len() >= 12,
        _ => false,
    };
    message(bytes) || bytes.get(2..).is_some_and(message)
}

/// Protocols that a TLS client names when it goes on to speak STUN or TURN (RFC 7443).
pub(super) fn speaks_stun(hello: &ClientHello) -> bool {
    hello.alpn.iter().any(|offered| offered.starts_with("stun."))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> DomainName {
        DomainName::from_wire(text.as_bytes()).unwrap()
    }

    #[test]
    fn relays_by_their_names() {
        for relay in ["mask.icloud.com", "mask-h2.icloud.com", "mask.apple-dns.net", "mask-t.g.apple-dns.net"]
        {
            assert!(is_relay(&name(relay)), "{relay}");
        }
        for other in ["mask-api.icloud.com", "icloud.com", "masks.icloud.com", "mask.icloud.com.evil.test"] {
            assert!(!is_relay(&name(other)), "{other}");
        }
    }

    #[test]
    fn resolvers_by_name_port_and_protocol() {
        let hello = |alpn: &str| ClientHello { alpn: vec![alpn.into()], ..ClientHello::default() };
        let is = |host: &str, alpn: &str, port| is_encrypted_dns(&hello(alpn), Some(&name(host)), port);
        assert!(is("dns.google", "h2", 443) && is("mozilla.cloudflare-dns.com", "h2", 443));
        assert!(is("resolver.corp.example", "x", 853) && is("resolver.corp.example", "doq", 8853));
        assert!(
            !is("www.google", "h2", 443) && !is("evildns.google", "h2", 443) && !is("dns.google", "x", 22)
        );
    }

    #[test]
    fn stun_by_its_cookie() {
        let mut request = vec![0, 1, 0, 8, 0x21, 0x12, 0xa4, 0x42];
        request.extend([0; 20]);
        assert!(is_stun(&request));
        assert!(!is_stun(&request[..19]) && !is_stun(&[&[0x80], &request[1..]].concat()));
        request[3] = 9;
        assert!(!is_stun(&request));
    }

    #[test]
    fn stun_over_tcp_bare_or_framed() {
        let mut message = b"\x00\x03\x00\x08\x21\x12\xa4\x42".to_vec();
        message.extend([7; 12]);
        message.extend(b"\x00\x19\x00\x04\x11\0\0\0");
        assert!(is_stun_stream(&message));
        assert!(is_stun_stream(&[&[0, message.len() as u8][..], &message].concat()), "behind its length");
        assert!(!is_stun_stream(&message[..16]) && !is_stun_stream(b"GET / HTTP/1.1\r\n\r\n"));
        message[4] = 0;
        assert!(!is_stun_stream(&message), "no cookie");
    }
}
