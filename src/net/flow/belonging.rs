//! Which of several flows between the same two addresses and ports a segment belongs to: ports are used again, and packets
//! of the connection before are still under way.

use super::{Flow, Segment};
use crate::net::frame::TcpHeader;
use crate::net::quic;

/// A segment of a closed connection lies at most this far from what was seen of it.
const CLOSED_TOLERANCE: i64 = 1 << 24;

impl Flow {
    /// No segment like this one can belong to another flow of the same key: there is none, and it begins none.
    #[inline]
    pub(super) fn takes_all(&self, segment: &Segment<'_>) -> bool {
        let begins = match segment.tcp {
            Some(tcp) => tcp.has(TcpHeader::SYN),
            None => quic::is_long(segment.payload),
        };
        !begins && !self.shares && self.closed.is_none() && self.older.is_none()
    }

    /// Whether a TCP segment belongs to this flow rather than to another of the same key.
    pub(super) fn takes(&self, src_is_low: bool, segment: &Segment<'_>, tcp: TcpHeader) -> bool {
        let half = usize::from(src_is_low != self.client_is_low);
        let stream = &self.halves[half].stream;
        if tcp.has(TcpHeader::SYN) && tcp.has(TcpHeader::ACK) {
            // Whatever its own number: it answers the SYN that began this flow, or data that came with it.
            let asked = &self.halves[1 - half].stream;
            if asked.start.is_some_and(|start| (start..=asked.next()).contains(&asked.offset(tcp.ack))) {
                return true;
            }
        }
        if !stream.begun() {
            // Of this side nothing was seen; the other side's sequence numbers decide, through the acknowledgment.
            let other = &self.halves[1 - half].stream;
            let answered = !tcp.has(TcpHeader::ACK) || other.fits(other.offset(tcp.ack), CLOSED_TOLERANCE);
            return self.closed.is_none() && answered;
        }
        if tcp.has(TcpHeader::SYN) {
            return self.began_with(half, tcp) || self.is_stray(half, tcp);
        }
        if self.closed.is_none() {
            return stream.fits(stream.offset(tcp.seq), 1 << 30);
        }
        let start = stream.offset(tcp.seq);
        start <= stream.next().saturating_add(CLOSED_TOLERANCE / 16)
            && stream.fits(start, CLOSED_TOLERANCE)
            && (segment.len == 0 || !stream.finished() || start < stream.next())
    }

    /// Is this SYN the one that this side of the flow began with?
    fn began_with(&self, half: usize, tcp: TcpHeader) -> bool {
        let stream = &self.halves[half].stream;
        let start = stream.offset(tcp.seq.wrapping_add(1));
        match stream.start {
            Some(known) => known == start,
            // The SYN of a flow that was picked up without it, late by a little.
            None => start <= stream.next() && stream.fits(start, CLOSED_TOLERANCE),
        }
    }

    /// A SYN that the side which was called sends while the connection lives begins nothing: its receiver only says where it
    /// stands (RFC 5961, section 4). If it answers, that begins another.
    pub(super) fn is_stray(&self, half: usize, tcp: TcpHeader) -> bool {
        let calls = tcp.has(TcpHeader::SYN) && !tcp.has(TcpHeader::ACK);
        let lives = self.closed.is_none() && half != self.opener() && self.halves[half].stream.begun();
        calls && lives && !self.began_with(half, tcp)
    }
}
