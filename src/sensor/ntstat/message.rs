//! Messages of the kernel control `com.apple.network.statistics`, as bytes.
//!
//! Layout: xnu `bsd/net/ntstat.h`, revision 9, which macOS 13 to 15.4 share; little-endian. Structures have grown at their
//! ends without a new revision, and are not documented. So fields are read at their places, and each update must bear
//! out that they still are there: both its addresses have the length and the family of an address, or it is
//! [`Message::Misread`].

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::model::{CommName, Endpoint, Owner, Pid, Transport};

/// Largest datagram of the control.
pub const MAX_DATAGRAM: usize = 1 << 16;

const HEADER: usize = 16;
const SUCCESS: u32 = 0;
const ERROR: u32 = 1;
const ADD_ALL_SOURCES: u32 = 1002;
const GET_UPDATE: u32 = 1007;
const SOURCE_REMOVED: u32 = 10_002;
const SOURCE_UPDATE: u32 = 10_006;
const SOURCE_EXTENDED_UPDATE: u32 = 10_007;
/// In a request: answer in parts. In the answer: there is another part.
const CONTINUATION: u16 = 1 << 1;
/// The last counts of a source that ended were lost.
const CLOSED_AFTER_DROP: u16 = 1 << 3;
const ALL_SOURCES: u64 = u64::MAX;

/// Where an update's descriptor begins.
const DESCRIPTOR: usize = 152;

/// What keeps flows in the kernel, and with it the shape of their descriptors.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Provider {
    TcpKernel = 2,
    TcpUserland = 3,
    UdpKernel = 4,
    UdpUserland = 5,
    QuicUserland = 8,
}

impl Provider {
    /// None of them needs more than a connection to the control.
    pub const ALL: [Self; 5] =
        [Self::TcpKernel, Self::TcpUserland, Self::UdpKernel, Self::UdpUserland, Self::QuicUserland];

    fn from_number(number: u32) -> Option<Self> {
        Self::ALL.into_iter().find(|provider| *provider as u32 == number)
    }

    pub const fn transport(self) -> Transport {
        match self {
            Self::TcpKernel | Self::TcpUserland => Transport::Tcp,
            Self::UdpKernel | Self::UdpUserland => Transport::Udp,
            Self::QuicUserland => Transport::Quic,
        }
    }

    /// Places in the descriptor: pid, effective pid, local address, far address, name of the process.
    const fn places(self) -> [usize; 5] {
        match self {
            Self::UdpKernel | Self::UdpUserland => [128, 196, 56, 84, 132],
            _ => [116, 120, 124, 152, 196],
        }
    }
}

/// What the kernel counted of one connection, so far.
#[derive(Clone, PartialEq, Debug)]
pub struct Update {
    /// The kernel's name for it, not reused.
    pub source: u64,
    pub provider: Provider,
    /// Payload bytes; of TCP those sent again are among them.
    pub received: u64,
    pub sent: u64,
    pub owner: Owner,
    pub local: Endpoint,
    /// None of sockets that listen, and of datagrams sent to anybody.
    pub remote: Option<Endpoint>,
}

/// One message of the kernel.
#[derive(Clone, PartialEq, Debug)]
pub enum Message {
    Update(Update),
    /// A connection ended; `unsure` if its last counts were lost.
    Removed {
        source: u64,
        unsure: bool,
    },
    /// A request with this context was answered; `more` if the rest must be asked for.
    Answered {
        context: u64,
        more: bool,
    },
    /// A request with this context was refused, with an errno.
    Refused {
        context: u64,
        errno: u32,
    },
    /// Something of ours that is not laid out as it should be.
    Misread,
    /// Nothing that was asked for.
    Other,
}

/// Asks for everything of a provider. The context of the answer is the provider's number.
pub fn subscribe(provider: Provider) -> Vec<u8> {
    let number = provider as u32;
    let mut request = header(ADD_ALL_SOURCES, 56, u64::from(number), 0);
    request.extend([0; 16]); // no filter, no events
    request.extend(number.to_le_bytes());
    request.resize(56, 0); // of no process in particular
    request
}

/// Asks for the counts of all sources, in parts.
pub fn poll(context: u64) -> Vec<u8> {
    let mut request = header(GET_UPDATE, 24, context, CONTINUATION);
    request.extend(ALL_SOURCES.to_le_bytes());
    request
}

fn header(kind: u32, length: u16, context: u64, flags: u16) -> Vec<u8> {
    let mut header = Vec::with_capacity(usize::from(length));
    header.extend(context.to_le_bytes());
    header.extend(kind.to_le_bytes());
    header.extend(length.to_le_bytes());
    header.extend(flags.to_le_bytes());
    header
}

/// The messages of a datagram. What is behind one whose length cannot be is not read.
pub fn messages(datagram: &[u8]) -> impl Iterator<Item = Message> {
    let mut rest = datagram;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let length = number::<2>(rest, 12).map_or(0, |length| usize::from(u16::from_le_bytes(length)));
        if length < HEADER || length > rest.len() {
            rest = &[];
            return Some(Message::Misread);
        }
        let (message, behind) = rest.split_at(length);
        rest = behind;
        Some(read(message).unwrap_or(Message::Misread))
    })
}

/// `None` if it is too short or not plausible.
fn read(message: &[u8]) -> Option<Message> {
    let context = u64_at(message, 0)?;
    let flags = u16::from_le_bytes(number(message, 14)?);
    Some(match u32_at(message, 8)? {
        SUCCESS => Message::Answered { context, more: flags & CONTINUATION != 0 },
        ERROR => Message::Refused { context, errno: u32_at(message, HEADER)? },
        SOURCE_REMOVED => {
            Message::Removed { source: u64_at(message, HEADER)?, unsure: flags & CLOSED_AFTER_DROP != 0 }
        }
        SOURCE_UPDATE | SOURCE_EXTENDED_UPDATE => Message::Update(update(message)?),
        _ => Message::Other,
    })
}

fn update(message: &[u8]) -> Option<Update> {
    let provider = Provider::from_number(u32_at(message, 144)?)?;
    let descriptor = message.get(DESCRIPTOR..)?;
    let [pid, effective, local, remote, name] = provider.places();
    let pid_at = |place| Some(Pid(i32::try_from(u32_at(descriptor, place)?).unwrap_or(-1)));
    let (pid, effective) = (pid_at(pid)?, pid_at(effective)?);
    let name = CommName::new(descriptor.get(name..name + 64)?);
    // A delegate's name is not told.
    let effective = (effective.0 > 0 && effective != pid).then_some((effective, CommName::default()));
    Some(Update {
        source: u64_at(message, HEADER)?,
        provider,
        received: u64_at(message, 40)?,
        sent: u64_at(message, 56)?,
        owner: Owner { pid, name, effective },
        local: endpoint(descriptor, local)??,
        remote: endpoint(descriptor, remote)?.filter(|to| to.port != 0 && !to.ip.is_unspecified()),
    })
}

/// A `sockaddr_in` or `sockaddr_in6` at a place with room for either. The inner `None`: no address. The outer: something
/// that is neither, so that the place is wrong.
fn endpoint(descriptor: &[u8], place: usize) -> Option<Option<Endpoint>> {
    let address = descriptor.get(place..place + 28)?;
    let port = u16::from_be_bytes([address[2], address[3]]);
    let ip = match (address[0], address[1]) {
        (16, 2) => IpAddr::V4(Ipv4Addr::from(number::<4>(address, 4)?)),
        (28, 30) => IpAddr::V6(Ipv6Addr::from(number::<16>(address, 8)?)),
        (0, 0) if address.iter().all(|byte| *byte == 0) => return Some(None),
        _ => return None,
    };
    Some(Some(Endpoint { ip: ip.to_canonical(), port }))
}

fn number<const N: usize>(bytes: &[u8], place: usize) -> Option<[u8; N]> {
    bytes.get(place..)?.first_chunk().copied()
}

fn u32_at(bytes: &[u8], place: usize) -> Option<u32> {
    number(bytes, place).map(u32::from_le_bytes)
}

fn u64_at(bytes: &[u8], place: usize) -> Option<u64> {
    number(bytes, place).map(u64::from_le_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sensor::ntstat::testing::{Kernel, tcp, udp};

    fn one(datagram: &[u8]) -> Message {
        let mut found: Vec<_> = messages(datagram).collect();
        assert_eq!(found.len(), 1);
        found.remove(0)
    }

    #[test]
    fn reads_the_counts_and_the_owner_of_each_kind() {
        let flow =
            Kernel { source: 7, pid: 501, effective: 90, sent: 5000, received: 60, name: "curl", ..tcp() };
        let Message::Update(update) = one(&flow.update()) else { panic!("no update") };
        assert_eq!((update.source, update.sent, update.received), (7, 5000, 60));
        assert_eq!(update.owner.pid, Pid(501));
        assert_eq!(update.owner.effective, Some((Pid(90), CommName::default())));
        assert_eq!(update.owner.name, CommName::new(b"curl"));
        assert_eq!(update.local, Endpoint { ip: [192, 168, 1, 5].into(), port: 50_000 });
        assert_eq!(update.remote, Some(Endpoint { ip: [203, 0, 113, 9].into(), port: 443 }));
        assert_eq!(update.provider.transport(), Transport::Tcp);

        let flow = Kernel { effective: 501, pid: 501, ..udp() };
        let Message::Update(update) = one(&flow.update()) else { panic!("no update") };
        assert_eq!((update.owner.pid, update.owner.effective), (Pid(501), None));
        let far = "2001:db8::9".parse().unwrap();
        assert_eq!(update.remote, Some(Endpoint { ip: IpAddr::V6(far), port: 443 }));
    }

    #[test]
    fn newer_kernels_may_add_at_the_end_and_tell_several_at_once() {
        let mut datagram = Kernel { grown: 200, ..tcp() }.update();
        datagram.extend(Kernel { source: 9, ..udp() }.update());
        datagram.extend(Kernel { source: 9, ..udp() }.removed(CLOSED_AFTER_DROP));
        let found: Vec<_> = messages(&datagram).collect();
        assert!(matches!(found[0], Message::Update(_)), "{found:?}");
        assert!(matches!(&found[1], Message::Update(update) if update.source == 9));
        assert_eq!(found[2], Message::Removed { source: 9, unsure: true });
    }

    #[test]
    fn another_layout_is_told_from_this_one() {
        for moved in [1, 4, 8, 16, 24] {
            assert_eq!(one(&Kernel { moved, ..tcp() }.update()), Message::Misread, "moved by {moved}");
            assert_eq!(one(&Kernel { moved, ..udp() }.update()), Message::Misread, "moved by {moved}");
        }
    }

    #[test]
    fn lengths_that_cannot_be_end_the_reading() {
        let whole = tcp().update();
        for cut in 1..whole.len() {
            assert_eq!(one(&whole[..cut]), Message::Misread, "cut at {cut}");
        }
        let mut endless = whole.clone();
        endless[12..14].copy_from_slice(&3u16.to_le_bytes());
        assert_eq!(one(&endless), Message::Misread);
        assert_eq!(messages(&[]).count(), 0);
    }

    #[test]
    fn requests_are_as_the_kernel_wants_them() {
        let request = subscribe(Provider::QuicUserland);
        assert_eq!(
            (request.len(), &request[..16]),
            (56, &[8, 0, 0, 0, 0, 0, 0, 0, 0xea, 3, 0, 0, 56, 0, 0, 0][..])
        );
        assert_eq!(request[32..36], [8, 0, 0, 0]);
        let request = poll(5);
        assert_eq!(request[..16], [5, 0, 0, 0, 0, 0, 0, 0, 0xef, 3, 0, 0, 24, 0, 2, 0]);
        assert_eq!(request[16..], [0xff; 8]);
    }
}
