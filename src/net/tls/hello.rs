//! The ClientHello message (RFC 8446, section 4.1.2) and its SSL 2 form (RFC 5246, appendix E.2).

use std::net::Ipv4Addr;

use crate::model::DomainName;

const SERVER_NAME: u16 = 0;
const SIGNATURE_ALGORITHMS: u16 = 13;
const ALPN: u16 = 16;
const SUPPORTED_VERSIONS: u16 = 43;
const ENCRYPTED_CLIENT_HELLO: u16 = 0xfe0d;
/// Extensions, ciphers and the like beyond this are not looked at: a fingerprint needs 99 at most.
const MAX_LISTED: usize = 512;

/// What a ClientHello says. Borrows nothing; the room of one that was told is the next one's.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(in crate::net) struct Hello {
    /// The server name, canonical. `None` if there was none or it is no host name.
    pub(in crate::net) name: Option<DomainName>,
    /// A server_name extension is there, whatever it holds.
    pub(in crate::net) has_server_name: bool,
    /// Protocols as they came, each behind its length.
    pub(super) alpn: Vec<u8>,
    /// First and last byte of the first protocol, as they came.
    pub(in crate::net) alpn_ends: Option<(u8, u8)>,
    /// Highest version offered, GREASE aside.
    pub(in crate::net) version: u16,
    /// An encrypted_client_hello extension of the outer kind, real or GREASE.
    pub(in crate::net) ech_extension: bool,
    /// In wire order, GREASE aside.
    pub(in crate::net) ciphers: Vec<u16>,
    pub(in crate::net) extensions: Vec<u16>,
    pub(in crate::net) signature_algorithms: Vec<u16>,
    /// The message was there to its end.
    pub(in crate::net) whole: bool,
}

/// Protocols of one hello that are looked at.
const MAX_PROTOCOLS: usize = 32;

/// A cursor over bytes whose lengths cannot be trusted.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (head, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(head)
    }

    fn u8(&mut self) -> Option<u8> {
        self.take(1).map(|bytes| bytes[0])
    }

    fn u16(&mut self) -> Option<u16> {
        self.take(2).map(|bytes| u16::from_be_bytes([bytes[0], bytes[1]]))
    }

    fn vec8(&mut self) -> Option<Reader<'a>> {
        let length = usize::from(self.u8()?);
        self.take(length).map(Reader)
    }

    fn vec16(&mut self) -> Option<Reader<'a>> {
        let length = usize::from(self.u16()?);
        self.take(length).map(Reader)
    }

    fn u16s(self, list: &mut Vec<u16>) {
        let (values, _) = self.0.as_chunks::<2>();
        let values = values.iter().map(|value| u16::from_be_bytes(*value));
        list.clear();
        list.reserve(values.len().min(MAX_LISTED));
        list.extend(values.filter(|value| !is_grease(*value)).take(MAX_LISTED));
    }
}

/// RFC 8701: both bytes equal, both ending in 0xa.
const fn is_grease(value: u16) -> bool {
    value & 0x0f0f == 0x0a0a && value >> 8 == value & 0xff
}

impl Hello {
    /// The protocols offered.
    pub(in crate::net) fn alpn(&self) -> Vec<Box<str>> {
        let mut reader = Reader(&self.alpn);
        let protocols = std::iter::from_fn(|| reader.vec8());
        protocols.map(|protocol| String::from_utf8_lossy(protocol.0).into()).collect()
    }

    /// Two hellos say the same, but for names.
    pub(super) fn is_alike(&self, other: &Self) -> bool {
        self.extensions == other.extensions
            && self.ciphers == other.ciphers
            && self.signature_algorithms == other.signature_algorithms
            && self.version == other.version
            && self.has_server_name == other.has_server_name
            && self.alpn == other.alpn
    }

    /// Reads a handshake message of type 1, its 4-byte header included. A message that was cut short gives what stands
    /// before the cut. `None` if it is no ClientHello.
    pub(in crate::net) fn read(message: &[u8]) -> Option<Self> {
        let mut hello = Self::default();
        hello.read_over(message).then_some(hello)
    }

    /// The same in the room of another, which is forgotten. False if it is no ClientHello.
    pub(super) fn read_over(&mut self, message: &[u8]) -> bool {
        self.alpn.clear();
        self.ciphers.clear();
        self.extensions.clear();
        self.signature_algorithms.clear();
        *self = Self {
            alpn: std::mem::take(&mut self.alpn),
            ciphers: std::mem::take(&mut self.ciphers),
            extensions: std::mem::take(&mut self.extensions),
            signature_algorithms: std::mem::take(&mut self.signature_algorithms),
            ..Self::default()
        };
        self.read_message(message).is_some()
    }

    fn read_message(&mut self, message: &[u8]) -> Option<()> {
        let (header, body) = message.split_first_chunk::<4>()?;
        let length = u32::from_be_bytes([0, header[1], header[2], header[3]]) as usize;
        if header[0] != 1 {
            return None;
        }
        let mut reader = Reader(body.get(..length).unwrap_or(body));
        self.version = reader.u16()?;
        if self.version >> 8 != 3 {
            return None;
        }
        reader.take(32)?;
        self.whole = self.read_rest(&mut reader).is_some() && body.len() >= length;
        Some(())
    }

    fn read_rest(&mut self, reader: &mut Reader<'_>) -> Option<()> {
        reader.vec8()?;
        reader.vec16()?.u16s(&mut self.ciphers);
        reader.vec8()?;
        if reader.0.is_empty() {
            return Some(());
        }
        let length = usize::from(reader.u16()?);
        self.extensions.reserve_exact(24);
        let mut extensions = Reader(reader.0.get(..length).unwrap_or(reader.0));
        while !extensions.0.is_empty() {
            let kind = extensions.u16()?;
            let value = extensions.vec16()?;
            if !is_grease(kind) && self.extensions.len() < MAX_LISTED {
                self.extensions.push(kind);
            }
            // A malformed value leaves its fact unknown and the others intact.
            let _ = self.extension(kind, value);
        }
        (reader.0.len() >= length).then_some(())
    }

    fn extension(&mut self, kind: u16, mut value: Reader<'_>) -> Option<()> {
        match kind {
            SERVER_NAME => {
                self.has_server_name = true;
                let mut names = value.vec16()?;
                while names.u8()? != 0 {
                    names.vec16()?;
                }
                let name = names.vec16()?.0;
                let name = DomainName::from_wire(name)
                    .or_else(|| DomainName::from_wire(without_port(name)?))
                    .or_else(|| DomainName::from_unicode(name));
                // Addresses do not belong here (RFC 6066, section 3), and tell nothing that the packet does not.
                self.name = name.filter(|name| !is_address(name.as_str()));
            }
            ALPN => {
                let mut protocols = value.vec16()?;
                let (list, mut sound) = (protocols.0, 0);
                for _ in 0..MAX_PROTOCOLS {
                    let Some(protocol) = protocols.vec8() else { break };
                    if let ([first, ..], [.., last], None) = (protocol.0, protocol.0, self.alpn_ends) {
                        self.alpn_ends = Some((*first, *last));
                    }
                    sound = list.len() - protocols.0.len();
                }
                self.alpn.extend_from_slice(&list[..sound]);
            }
            SUPPORTED_VERSIONS => {
                let mut offered = value.vec8()?;
                let mut best = None;
                while let Some(version) = offered.u16() {
                    best = best.max(final_version(version).filter(|_| !is_grease(version)));
                }
                self.version = best.unwrap_or(self.version);
            }
            SIGNATURE_ALGORITHMS => value.vec16()?.u16s(&mut self.signature_algorithms),
            ENCRYPTED_CLIENT_HELLO => self.ech_extension = value.u8()? == 0,
            _ => {}
        }
        Some(())
    }

    /// Reads an SSL 2 record that holds a hello for a later version. Ciphers are three bytes; those of later versions
    /// begin with a zero.
    pub(in crate::net) fn read_v2(record: &[u8]) -> Option<Self> {
        let mut reader = Reader(record);
        reader.take(3)?;
        let version = reader.u16()?;
        let ciphers = usize::from(reader.u16()?);
        reader.take(4)?;
        let ciphers = reader.take(ciphers)?.chunks_exact(3).filter(|cipher| cipher[0] == 0);
        let ciphers = ciphers.map(|cipher| u16::from_be_bytes([cipher[1], cipher[2]])).collect();
        Some(Self { version, ciphers, whole: true, ..Self::default() })
    }
}

/// Of the addresses, those of version 4 alone are written as a name may be.
fn is_address(name: &str) -> bool {
    name.ends_with(|last: char| last.is_ascii_digit()) && name.parse::<Ipv4Addr>().is_ok()
}

/// Some clients say `host:port`, which is no name but leaves no doubt.
fn without_port(name: &[u8]) -> Option<&[u8]> {
    let colon = name.iter().rposition(|byte| *byte == b':')?;
    let (host, port) = name.split_at(colon);
    ((2..=6).contains(&port.len()) && port[1..].iter().all(u8::is_ascii_digit)).then_some(host)
}

/// Drafts and experiments of TLS 1.3 (0x7fxx; Google's 0x7exx, Facebook's 0xfbxx) are TLS 1.3; what else is above it is
/// unknown.
const fn final_version(version: u16) -> Option<u16> {
    match version >> 8 {
        0x7e | 0x7f | 0xfb => Some(0x0304),
        _ if version <= 0x0304 => Some(version),
        _ => None,
    }
}
