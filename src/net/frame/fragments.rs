//! IP datagrams put together from their fragments (RFC 791, section 3.2; RFC 8200, section 4.5), within bounds.

use std::collections::VecDeque;
use std::sync::Arc;

use super::ip::{Address, extended, transport};
use super::{Segment, Unread};
use crate::model::{Direction, Owner, Span, Timestamp};

/// How long fragments wait for each other: as long as packets of one recording may change places.
const PATIENCE: Span = Span::from_secs(2);
/// Datagrams that are put together at the same time, of 64 KiB at most each.
const MAX_PENDING: usize = 64;
/// Fragments of one datagram: of the smallest MTU that IPv4 knows of in practice, 576, a datagram makes 119.
const MAX_PIECES: usize = 128;
/// What the length field of either version can say.
const MAX_DATAGRAM: u32 = 0xffff;

/// A part of a datagram.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fragment<'a> {
    pub(super) src: Address,
    pub(super) dst: Address,
    pub(super) id: u32,
    pub(super) protocol: u8,
    pub(super) is_v6: bool,
    pub(super) start: u32,
    /// On the wire; never less than `bytes`.
    pub(super) len: u32,
    pub(super) more: bool,
    pub(super) bytes: &'a [u8],
}

impl Fragment<'_> {
    /// All but the last end where another can begin, and none ends where no datagram reaches.
    fn is_sane(&self) -> bool {
        let aligned = !self.more || self.len.is_multiple_of(8) && self.len > 0;
        aligned && self.start.saturating_add(self.len) <= MAX_DATAGRAM
    }

    fn is_of(&self, pending: &Pending) -> bool {
        let same = self.id == pending.id && self.src == pending.src && self.dst == pending.dst;
        same && self.is_v6 == pending.is_v6 && (self.is_v6 || self.protocol == pending.protocol)
    }
}

/// What was known beside a packet.
#[derive(Clone, Debug)]
pub(in crate::net) struct Context {
    pub(in crate::net) time: Timestamp,
    pub(in crate::net) direction: Option<Direction>,
    pub(in crate::net) interface: Option<Arc<str>>,
    pub(in crate::net) owner: Option<Owner>,
}

#[derive(Debug)]
struct Piece {
    start: u32,
    len: u32,
    bytes: Box<[u8]>,
}

impl Piece {
    fn end(&self) -> u32 {
        self.start + self.len
    }
}

#[derive(Debug)]
struct Pending {
    src: Address,
    dst: Address,
    id: u32,
    protocol: u8,
    is_v6: bool,
    context: Context,
    /// In order, disjoint.
    pieces: Vec<Piece>,
    /// Where the datagram ends, once its last fragment was seen.
    end: Option<u32>,
}

/// A datagram whose fragments are there, or of which no more will come.
#[derive(Debug)]
pub(in crate::net) struct Datagram {
    pub(in crate::net) context: Context,
    /// Fragments that could not be used.
    pub(in crate::net) unused: usize,
    src: Address,
    dst: Address,
    protocol: u8,
    is_v6: bool,
    /// What was captured from its beginning on.
    bytes: Vec<u8>,
    /// How long it was, as far as that can be told.
    len: usize,
    is_whole: bool,
}

impl Datagram {
    pub(in crate::net) fn segment(&self) -> Result<Segment<'_>, Unread> {
        let (protocol, bytes) = (self.protocol, &self.bytes[..]);
        match self.is_v6 {
            _ if bytes.is_empty() => Err(Unread::Fragment),
            true => extended(protocol, self.src, self.dst, bytes, self.len, !self.is_whole),
            false => transport(protocol, self.src, self.dst, bytes, self.len, !self.is_whole),
        }
    }
}

/// Datagrams that are not whole.
#[derive(Debug, Default)]
pub(in crate::net) struct Fragments {
    /// In the order of their beginning.
    pending: VecDeque<Pending>,
}

impl Fragments {
    /// When the datagram that waits longest is given up.
    pub(in crate::net) fn due(&self) -> Timestamp {
        self.pending.front().map_or(Timestamp::MAX, |first| first.context.time.plus(PATIENCE))
    }

    /// Takes a fragment; gives a datagram if it is whole now, or if it has to make room.
    pub(super) fn add(
        &mut self,
        fragment: Fragment<'_>,
        context: Context,
    ) -> Result<Option<Datagram>, Unread> {
        if !fragment.is_sane() {
            return Err(if fragment.is_v6 { Unread::Ipv6Malformed } else { Unread::Ipv4Malformed });
        }
        let known = self.pending.iter().position(|pending| fragment.is_of(pending));
        let index = known.unwrap_or(self.pending.len());
        if known.is_none() {
            let Fragment { src, dst, id, protocol, is_v6, .. } = fragment;
            let (pieces, end) = (Vec::new(), None);
            self.pending.push_back(Pending { src, dst, id, protocol, is_v6, context, pieces, end });
        }
        let pending = self.pending.get_mut(index).ok_or(Unread::Fragment)?;
        pending.add(fragment)?;
        if pending.is_whole() {
            return Ok(self.pending.remove(index).map(Pending::concluded));
        }
        let full = self.pending.len() > MAX_PENDING;
        Ok(if full { self.give_up() } else { None })
    }

    /// The datagram that waits longest, as far as it is there.
    pub(in crate::net) fn give_up(&mut self) -> Option<Datagram> {
        self.pending.pop_front().map(Pending::concluded)
    }
}

impl Pending {
    /// A fragment that repeats or overlaps another is left out: which one the receiver believes cannot be known.
    fn add(&mut self, fragment: Fragment<'_>) -> Result<(), Unread> {
        let (start, end) = (fragment.start, fragment.start + fragment.len);
        let at = self.pieces.partition_point(|piece| piece.start < start);
        let before = at.checked_sub(1).and_then(|before| self.pieces.get(before));
        let clear = before.is_none_or(|before| before.end() <= start)
            && self.pieces.get(at).is_none_or(|after| end <= after.start && start < after.start);
        let inside = self.end.is_none_or(|known| end <= known && (fragment.more || end == known));
        if !clear || !inside || self.pieces.len() >= MAX_PIECES {
            return Err(Unread::Fragment);
        }
        if start == 0 {
            // Of IPv6, only the first says what comes behind it.
            self.protocol = fragment.protocol;
        }
        if !fragment.more {
            self.end = Some(end);
        }
        self.pieces.insert(at, Piece { start, len: fragment.len, bytes: fragment.bytes.into() });
        Ok(())
    }

    /// Everything up to the end is there.
    fn is_whole(&self) -> bool {
        self.end.is_some_and(|end| self.reach() == end)
    }

    /// Where the first gap is.
    fn reach(&self) -> u32 {
        self.pieces.iter().fold(0, |reach, piece| if piece.start == reach { piece.end() } else { reach })
    }

    fn concluded(self) -> Datagram {
        let (is_whole, reach) = (self.is_whole(), self.reach());
        let mut bytes = Vec::with_capacity(reach as usize);
        for piece in &self.pieces {
            // What the capture cut off ends what can be read.
            if bytes.len() == piece.start as usize {
                bytes.extend_from_slice(&piece.bytes);
            }
        }
        let used = self.pieces.iter().filter(|piece| piece.end() <= reach).count();
        let unused = self.pieces.len() - used;
        let Self { src, dst, protocol, is_v6, context, .. } = self;
        Datagram { context, unused, src, dst, protocol, is_v6, bytes, len: reach as usize, is_whole }
    }
}
