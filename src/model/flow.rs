//! What the tap says of the network: a flow's ends, names and owner, and a [`NetFact`] for each thing that becomes known of
//! it, in the order of the packets.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use super::{CoverageKind, Pid, Timestamp};

/// A flow of this run. Given out by the tap in rising order, never reused.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct FlowId(pub u32);

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Transport {
    Tcp,
    Udp,
    /// UDP that was understood as QUIC.
    Quic,
}

impl Transport {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
            Self::Quic => "quic",
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Endpoint {
    pub ip: IpAddr,
    pub port: u16,
}

/// Which way bytes went, seen from this machine.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Direction {
    Out,
    In,
}

/// The short process name in a packet header (`pth_comm`): at most 16 bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct CommName {
    bytes: [u8; 16],
    len: u8,
}

impl CommName {
    /// Up to the first NUL, at most 16 bytes.
    pub fn new(raw: &[u8]) -> Self {
        let raw = raw.split(|b| *b == 0).next().unwrap_or_default();
        let len = raw.len().min(16);
        let mut bytes = [0; 16];
        bytes[..len].copy_from_slice(&raw[..len]);
        Self { bytes, len: len as u8 }
    }

    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }

    /// Whether `CommName::new(raw)` would be this name.
    #[inline]
    pub fn is(&self, raw: &[u8]) -> bool {
        match raw.first_chunk::<16>() {
            Some(padded) if *padded == self.bytes => true,
            _ => Self::new(raw) == *self,
        }
    }
}

impl fmt::Display for CommName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        super::Lossy(self.as_bytes()).fmt(f)
    }
}

impl fmt::Debug for CommName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.to_string())
    }
}

/// The process that a packet belongs to, as the capture says. A pid has no version: the engine finds the life of it that
/// was running at that moment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Owner {
    pub pid: Pid,
    pub name: CommName,
    /// The process on whose behalf the owner sends (`pth_epid`), when it is another one.
    pub effective: Option<(Pid, CommName)>,
}

/// A canonical host name: lower case, A-labels, no trailing dot, at most 253 bytes.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DomainName(Arc<str>);

impl DomainName {
    /// From bytes on the wire: ASCII is lowered, one trailing dot dropped. `None` when it is empty, too long or holds
    /// bytes that no host name has (controls, spaces, slashes, quotes, non-ASCII).
    pub fn from_wire(raw: &[u8]) -> Option<Self> {
        let raw = raw.strip_suffix(b".").unwrap_or(raw);
        let mut room = [0; Self::MAX];
        let lowered = room.get_mut(..raw.len())?;
        let mut every = true;
        for (byte, lower) in raw.iter().zip(&mut *lowered) {
            *lower = LOWERED[usize::from(*byte)];
            every &= *lower != 0;
        }
        let mut begin = 0;
        for dot in memchr::memchr_iter(b'.', lowered).chain([lowered.len()]) {
            every &= (1..=Self::MAX_LABEL).contains(&(dot - begin));
            begin = dot + 1;
        }
        let text = str::from_utf8(lowered).ok().filter(|_| every)?;
        Some(Self(Arc::from(text)))
    }

    /// The same where a name should be in A-labels (RFC 5890) but comes as Unicode in UTF-8: what a resolver would make of it.
    #[cold]
    pub fn from_unicode(raw: &[u8]) -> Option<Self> {
        let text = str::from_utf8(raw).ok().filter(|text| !text.is_ascii())?;
        Self::from_wire(idna::domain_to_ascii(text).ok()?.as_bytes())
    }

    const MAX: usize = 253;
    const MAX_LABEL: usize = 63;

    /// Whether two names are of one site, as far as their last two labels tell: near enough to who registered a name, and on the
    /// safe side where it is not.
    pub fn is_one_site(&self, other: &Self) -> bool {
        self.site() == other.site()
    }

    fn site(&self) -> &str {
        let dot = self.0.rmatch_indices('.').nth(1);
        dot.map_or(&self.0, |(dot, _)| &self.0[dot + 1..])
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What each byte of a host name is in its canonical form; zero for those that none has.
const LOWERED: [u8; 256] = {
    let mut lowered = [0; 256];
    let mut byte = 0u8;
    while byte < 128 {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'*') {
            lowered[byte as usize] = byte.to_ascii_lowercase();
        }
        byte += 1;
    }
    lowered
};

impl fmt::Display for DomainName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for DomainName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", &*self.0)
    }
}

/// How a name was learned, best first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum NameSource {
    TlsSni,
    QuicSni,
    /// An address record answered to this name, or a proxy was asked for it.
    Dns,
    /// The name asked for was an alias; this is one of those that it led to.
    DnsCname,
}

impl NameSource {
    /// As it is told: where DNS led from the name to the address over an alias, that is said of it.
    #[must_use]
    pub const fn over(self, an_alias: bool) -> Self {
        match (self, an_alias) {
            (Self::Dns, true) => Self::DnsCname,
            _ => self,
        }
    }

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::TlsSni => "tls_sni",
            Self::QuicSni => "quic_sni",
            Self::Dns => "dns",
            Self::DnsCname => "dns_cname",
        }
    }
}

/// Whose DNS answer it was.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum NameScope {
    /// In the flow itself, or an answer given to the same process.
    SameProcess,
    /// An answer given to any process of the machine.
    HostWide,
}

/// Why no name can be had, when the reason is known.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum UnknownName {
    /// Encrypted ClientHello: the visible name is the outer one.
    EncryptedHello,
    /// The hello carried no server name.
    NoServerName,
    /// Not TLS, and nothing asked DNS for this address.
    PlainAddress,
    /// The handshake was not seen or cannot be read, and nothing asked DNS for this address.
    Unread,
    /// The name is that of a relay which hides where the bytes go on to (iCloud Private Relay).
    Relay,
    /// STUN (RFC 8489): the far side is another user's machine, or a TURN server that stands in for it.
    PeerToPeer,
    /// A device nearby, over Apple's wireless direct link (AirDrop and kin).
    Nearby,
}

impl UnknownName {
    /// Whatever the flow is called, that is not where its bytes end up.
    pub const fn hides(self) -> bool {
        matches!(self, Self::EncryptedHello | Self::Relay | Self::PeerToPeer | Self::Nearby)
    }

    /// The blind spot that this is.
    pub const fn coverage(self) -> CoverageKind {
        match self {
            Self::EncryptedHello | Self::NoServerName | Self::PlainAddress | Self::Unread => {
                CoverageKind::NameHidden
            }
            Self::Relay => CoverageKind::Relay,
            Self::PeerToPeer => CoverageKind::PeerToPeer,
            Self::Nearby => CoverageKind::Airdrop,
        }
    }
}

/// What a ClientHello says beside the name.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ClientHello {
    /// Highest version offered: 0x0303 is TLS 1.2, 0x0304 TLS 1.3.
    pub version: u16,
    pub alpn: Vec<Box<str>>,
    /// Carries an `encrypted_client_hello` extension (RFC 9849) that is not GREASE by its looks.
    pub ech: bool,
    /// JA4 fingerprint, when computed.
    pub ja4: Option<Box<str>>,
}

/// What is known of a flow when it is first seen.
#[derive(Clone, PartialEq, Debug)]
pub struct FlowFacts {
    pub transport: Transport,
    /// This machine's side, where that can be told; else the side that opened.
    pub client: Endpoint,
    pub server: Endpoint,
    pub interface: Option<Arc<str>>,
    /// The capture began inside the flow: what went before is not known.
    pub midstream: bool,
}

/// Why a flow ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Close {
    /// FIN from both sides, or FIN answered.
    Finished,
    Reset,
    /// Silent for too long.
    Idle,
    /// Pushed out of a full table.
    Evicted,
    /// The recording ended.
    EndOfRecording,
}

/// One thing that became known of a flow.
#[derive(Clone, PartialEq, Debug)]
pub enum NetKind {
    Opened(Box<FlowFacts>),
    /// The owner became known or changed.
    Owned(Owner),
    /// A name, possibly better than the last one. A later fact replaces it only if its source is at least as good.
    Named {
        domain: DomainName,
        source: NameSource,
        scope: NameScope,
    },
    /// A ClientHello was read whole.
    Hello(Arc<ClientHello>),
    /// It is now known that no name will come, or that the one told is not where the bytes end up.
    Nameless(UnknownName),
    /// The process asked DNS for this name at this address, and its hello names another that no answer leads here: the
    /// hello may be a front (T1090.004).
    Disputed(DomainName),
    /// While the connection was open, the process was led to the same address under this name too: HTTP/2 and HTTP/3 may
    /// carry requests to several hosts on one connection (RFC 9113, section 9.1.1; RFC 9114, section 3.3).
    Shared(DomainName),
    /// Payload bytes after the handshake, each byte once.
    Bytes {
        out: u32,
        into: u32,
    },
    /// Not one packet of the other side was captured. Comes right before the end.
    Unanswered,
    Closed(Close),
}

/// One fact of one flow. `time` is the packet's.
#[derive(Clone, PartialEq, Debug)]
pub struct NetFact {
    pub time: Timestamp,
    pub flow: FlowId,
    pub kind: NetKind,
}
