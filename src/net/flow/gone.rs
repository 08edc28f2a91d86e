//! Connections that are over and forgotten: their last segments may be sent again for a minute, and are no new flow.

use std::collections::VecDeque;

use super::{Flow, Segment};
use crate::model::{Close, Span, Table, Timestamp, Transport};
use crate::net::frame::TcpHeader;

/// RFC 9293 waits two minutes before a connection may come back; senders give up about then.
const STRAGGLING: Span = Span::from_secs(120);
/// Connections remembered, of about 60 bytes.
const MAX_GONE: usize = 8192;
/// Sequence numbers further back than this belong to another connection.
const MAX_BACK: i32 = 1 << 24;

/// What would be the next sequence number of the lower and the higher end, where it is known.
type Ends = [Option<u32>; 2];

/// By a seeded hash of their keys, which two of so few do not share.
#[derive(Debug, Default)]
pub(super) struct Gone {
    known: Table<u64, (Timestamp, Ends)>,
    order: VecDeque<(Timestamp, u64)>,
}

impl Gone {
    pub(super) fn remember(&mut self, key: u64, flow: &Flow) {
        let over = matches!(flow.closed, Some(Close::Finished | Close::Reset));
        if flow.transport != Transport::Tcp || !over {
            return;
        }
        let [out, into] = &flow.halves;
        let (low, high) = if flow.client_is_low { (out, into) } else { (into, out) };
        self.known.insert(key, (flow.last, [low.stream.next_seq(), high.stream.next_seq()]));
        self.order.push_back((flow.last, key));
        let expired = |first: &(Timestamp, u64)| flow.last.since(first.0) > STRAGGLING;
        while self.order.len() > MAX_GONE || self.order.front().is_some_and(expired) {
            let Some((time, key)) = self.order.pop_front() else { break };
            if self.known.get(&key).is_some_and(|(known, _)| *known == time) {
                self.known.remove(&key);
            }
        }
    }

    /// A segment that says nothing new of a connection that is over.
    pub(super) fn knows(&self, time: Timestamp, key: u64, src_is_low: bool, segment: &Segment<'_>) -> bool {
        let Some(tcp) = segment.tcp.filter(|tcp| !tcp.has(TcpHeader::SYN)) else { return false };
        let known = self.known.get(&key).filter(|(last, _)| time.since(*last) <= STRAGGLING);
        let Some((_, ends)) = known else { return false };
        match ends[usize::from(!src_is_low)] {
            Some(next) => {
                // A FIN takes a number of its own.
                let beyond = tcp.seq.wrapping_add(segment.len).wrapping_sub(next).cast_signed();
                (-MAX_BACK..=1).contains(&beyond)
            }
            None => segment.len == 0,
        }
    }
}
