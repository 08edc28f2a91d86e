//! One captured packet, as a sensor hands it over.

use std::sync::Arc;

use crate::model::{Direction, Owner, Timestamp};

/// How the first bytes of a packet are to be read: the capture's link type, reduced to what `frame` knows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LinkType {
    /// BSD loopback: a 4-byte address family in the byte order of the machine that captured.
    Null,
    Ethernet,
    /// IP without anything before it.
    Raw,
    Ppp,
    /// Linux cooked capture, version 1.
    Sll,
    /// Linux cooked capture, version 2.
    Sll2,
    /// Apple's packet tap header, then the link type that it names.
    Pktap,
    /// Anything else, by its number.
    Other(u32),
}

impl LinkType {
    /// From the number in a capture file (`LINKTYPE_*`) or in a PKTAP header (`DLT_*`, which differ for raw IP).
    pub const fn from_number(number: u32) -> Self {
        match number {
            0 | 108 => Self::Null,
            1 => Self::Ethernet,
            9 | 50 => Self::Ppp,
            12 | 14 | 101 | 228 | 229 => Self::Raw,
            113 => Self::Sll,
            276 => Self::Sll2,
            149 | 258 => Self::Pktap,
            other => Self::Other(other),
        }
    }
}

/// A packet, borrowed from whoever read it.
#[derive(Clone, Copy, Debug)]
pub struct Packet<'a> {
    pub time: Timestamp,
    pub link: LinkType,
    /// The bytes that were kept, link header included.
    pub data: &'a [u8],
    /// How many bytes the packet had on the wire, link header included.
    pub wire_len: u32,
    /// The interface, where the capture names it outside the packet.
    pub interface: Option<&'a Arc<str>>,
    /// The owner, where the capture names it outside the packet.
    pub owner: Option<&'a Owner>,
    /// The direction, where the capture names it outside the packet.
    pub direction: Option<Direction>,
}
