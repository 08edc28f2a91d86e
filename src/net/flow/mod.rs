//! Flows: who talks to whom, which bytes count, what the far side is called.
//!
//! In: segments, with what the packet around them says. [`Flows::find`] (`table`) finds or opens the flow of one, `tcp` or
//! `udp` adds it: `stream` counts each byte once, `handshake` holds back what comes before payload. Out: [`NetFact`]s, told
//! by `facts`; `sharing` and `shared_use` learn from the flows beside it, and `timers` ends flows by packet time.

mod belonging;
mod copies;
mod facts;
mod gone;
mod handshake;
mod key;
mod shared_use;
mod sharing;
mod stream;
mod summary;
mod table;
mod tcp;
mod timers;
mod tunnel;
mod udp;
mod ways;

pub(super) use handshake::DISORDER;
pub use summary::FlowSummary;
pub(super) use table::{Flows, Seen};
pub(super) use ways::Way;

use std::sync::Arc;

use copies::Copies;
use handshake::{Handshake, Progress};
use key::Key;
use shared_use::Open;
use stream::{Pieces, Stream};

use super::dns::{Answers, Asker, Conversation, Names, PORT};
use super::frame::{Address, RawOwner, Segment};
use super::quic::Opening;
use super::tls::Kinds;
use super::{Limits, Stats};
use crate::model::{
    ClientHello, Close, CommName, DomainName, Endpoint, FlowFacts, FlowId, NameScope, NameSource, NetFact,
    NetKind, Owner, Pid, Span, Timestamp, Transport, UnknownName,
};

/// After the end of a flow, late segments still find it for this long: twice the disorder.
const LINGER: Span = Span::from_secs(4);
/// A datagram flow that was silent for so long is over (RFC 4787 wants NATs to keep it two minutes).
const UDP_IDLE: Span = Span::from_secs(180);
/// A question to a resolver is answered, or asked again, long before this. Once all are answered, what comes is stragglers.
const DNS_IDLE: Span = Span::from_secs(15);
/// A connection attempt without an answer, or one half closed, that was silent for so long.
const HALF_IDLE: Span = Span::from_secs(150);
/// An established connection that was silent for so long: BSD's keep-alives begin after two hours, and go on for ten minutes.
const TCP_IDLE: Span = Span::from_secs(2 * 3600 + 15 * 60);

/// What all flows share while one of them looks at a packet.
pub(super) struct Shared {
    pub(super) names: Names,
    pub(super) answers: Answers,
    pub(super) stats: Stats,
    pub(super) limits: Limits,
    /// Latest packet time seen.
    pub(super) now: Timestamp,
    /// Bytes that handshakes hold, over all flows.
    held: usize,
    kinds: Kinds,
    /// Handshakes that are over, for the next ones.
    #[expect(clippy::vec_box, reason = "boxes move between here and the flows; unboxing would copy")]
    spare: Vec<Box<Handshake>>,
    open: Open,
    pieces: Pieces,
    progress: Progress,
    /// Room to open a QUIC packet in.
    opened: Vec<u8>,
}

/// Handshakes kept for reuse: as many as commonly begin while as many end.
const MAX_SPARE: usize = 64;
/// Flows kept for reuse, about 600 bytes each: those that end together are as many as begin soon after.
const MAX_SPARE_FLOWS: usize = 1024;

impl Shared {
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            names: Names::new(limits.names),
            answers: Answers::default(),
            stats: Stats::default(),
            limits,
            now: Timestamp::MIN,
            held: 0,
            kinds: Kinds::default(),
            spare: Vec::new(),
            open: Open::default(),
            pieces: Pieces::new(),
            progress: Progress::default(),
            opened: Vec::new(),
        }
    }
}

impl Shared {
    /// Remembers what the last answer read says, for the process that asked if it is known.
    fn learn(&mut self, time: Timestamp, asker: Asker) {
        let evicted = self.names.learn(time, asker, &self.answers);
        if evicted > 0 {
            self.stats.note_names_evicted(evicted, time);
        }
        if let (Some(asker), Some(asked)) = (asker, &self.answers.asked) {
            for (address, _) in &self.answers.addresses {
                self.open.led(asker, *address, asked);
            }
        }
    }
}

/// One direction.
#[derive(Debug, Default)]
struct Half {
    stream: Stream,
    packets: u64,
    /// Payload bytes of datagrams; of TCP the stream knows.
    datagram_bytes: u64,
    /// The interface that packets are counted on; of datagrams that were seen on several, none.
    via: Option<Arc<str>>,
    /// Packets that were counted on the wire, and will pass this interface too.
    ahead: u64,
    /// Of datagrams that were seen on several interfaces.
    copies: Option<Box<Copies>>,
}

impl Half {
    fn bytes(&self) -> u64 {
        self.stream.total + self.datagram_bytes
    }
}

/// A name and how it was learned.
type Named = (DomainName, NameSource, NameScope);

/// One flow. About 600 bytes, and up to [`Limits::handshake_bytes`] over all flows while their hellos are incomplete.
///
/// In memory as written: what every packet touches comes first and lies together, from the beginning of a cache line on.
#[derive(Debug)]
#[repr(C, align(64))]
struct Flow {
    /// Client's and server's.
    halves: [Half; 2],
    first: Timestamp,
    last: Timestamp,
    /// Earlier segments of the answering side belong to the handshake, however late they come.
    answers_from: Timestamp,
    handshake: Option<Box<Handshake>>,
    /// Of a QUIC connection whose hello is not known yet.
    opening: Option<Box<Opening>>,
    /// The beginning of the connection id under which a QUIC client sent its hello.
    chosen: u64,
    /// An earlier flow of the same key, still lingering.
    older: Option<(u32, FlowId)>,
    id: FlowId,
    closed: Option<Close>,
    transport: Transport,
    /// Every new byte counts.
    settled: bool,
    /// This machine is the lower end of the key.
    client_is_low: bool,
    /// The client's side opened the connection.
    client_opened: bool,
    /// Whoever opened is known from a SYN.
    opener_known: bool,
    midstream: bool,
    /// A hello was read.
    greeted: bool,
    /// Of datagrams: the side that did not open has sent payload.
    answered: bool,
    /// Other QUIC connections have the same addresses and ports.
    shares: bool,
    /// Its facts are wanted, and not only its summary.
    tells: bool,
    /// Its protocol lets one connection be used for several hosts.
    carries_several: bool,
    owner: Option<Owner>,
    key: Key,
    interface: Option<Arc<str>>,
    name: Option<Named>,
    /// What the name is an alias of, link by link, if DNS said so.
    aliases: Option<Arc<[DomainName]>>,
    /// What the hello said, if a summary is wanted.
    hello: Option<Arc<ClientHello>>,
    /// No name was found yet, for this reason, as of this time.
    unnamed: Option<(UnknownName, Timestamp)>,
    nameless: Option<UnknownName>,
    /// What the process asked DNS for at this address, before or after, where the hello names something else.
    disputed: Option<DomainName>,
    /// What was said with a resolver.
    dns: Conversation,
}

const OUT: usize = 0;
const INTO: usize = 1;

impl Flow {
    fn aliases(&self) -> impl Iterator<Item = &DomainName> {
        self.aliases.iter().flat_map(|links| &**links)
    }

    fn server_port(&self) -> u16 {
        self.key.port(!self.client_is_low)
    }

    fn client(&self) -> Endpoint {
        self.key.end(self.client_is_low)
    }

    fn server(&self) -> Endpoint {
        self.key.end(!self.client_is_low)
    }

    fn server_address(&self) -> Address {
        self.key.address(!self.client_is_low)
    }

    /// Index of the half that the opener sends on.
    fn opener(&self) -> usize {
        if self.client_opened { OUT } else { INTO }
    }

    fn idle_limit(&self) -> Span {
        let [out, into] = &self.halves;
        match self.transport {
            _ if self.closed.is_some() => LINGER,
            Transport::Udp if self.dns.is_answered() => LINGER,
            Transport::Udp if self.server_port() == PORT => DNS_IDLE,
            Transport::Udp | Transport::Quic => UDP_IDLE,
            Transport::Tcp if out.stream.has_fin() || into.stream.has_fin() => HALF_IDLE,
            Transport::Tcp if out.packets == 0 || into.packets == 0 => HALF_IDLE,
            Transport::Tcp => TCP_IDLE,
        }
    }

    /// When to look at a flow that just began: nearly every question is answered at once.
    fn first_look(&self) -> Span {
        let asks = self.transport == Transport::Udp && self.server_port() == PORT;
        if asks { LINGER } else { self.idle_limit() }
    }

    fn touch(&mut self, time: Timestamp) {
        self.last = self.last.max(time);
        self.first = self.first.min(time);
    }
}

/// Reads the owner, padding and absence resolved.
pub(super) fn owner_of(raw: &RawOwner<'_>) -> Owner {
    let other = raw.effective_pid > 0 && raw.effective_pid != raw.pid;
    Owner {
        pid: Pid(raw.pid),
        name: CommName::new(raw.name),
        effective: other.then(|| (Pid(raw.effective_pid), CommName::new(raw.effective_name))),
    }
}

/// Whether `raw` says the same as `owner`, without reading the names whole.
#[inline]
fn is_same_owner(raw: &RawOwner<'_>, owner: &Owner) -> bool {
    let effective = owner.effective.map_or(0, |(pid, _)| pid.0);
    let said = if raw.effective_pid == raw.pid { 0 } else { raw.effective_pid.max(0) };
    raw.pid == owner.pid.0 && said == effective && owner.name.is(raw.name)
}

#[cfg(test)]
mod blind_tests;
#[cfg(test)]
mod fragment_tests;
#[cfg(test)]
mod moving_tests;
#[cfg(test)]
mod naming_tests;
#[cfg(test)]
mod opening_tests;
#[cfg(test)]
mod path_tests;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
