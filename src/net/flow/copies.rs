//! Datagrams that pass several interfaces of one machine: which ones are the same is told by what they carry, for nothing
//! else in them tells it.

use std::sync::Arc;

use super::{DISORDER, Segment};
use crate::model::Timestamp;

/// Datagrams of one direction that are remembered, 16 bytes each: as many as may pass one interface before they pass the next.
const MAX_MARKS: usize = 32;
/// Interfaces of one flow that are told apart; any further one is taken for the last.
const MAX_INTERFACES: usize = 8;
/// Bytes at either end of a payload that tell it from others: datagrams that are alike at both ends are the same.
const ENDS: usize = 32;

#[derive(Clone, Copy, Debug)]
struct Mark {
    time: Timestamp,
    hash: u32,
    /// The interfaces on which it was seen, a bit each.
    seen: u8,
}

/// What was counted of one direction of late. Exists only where a second interface was seen.
#[derive(Debug)]
pub(super) struct Copies {
    interfaces: Vec<Arc<str>>,
    /// A ring.
    marks: Vec<Mark>,
    next: usize,
    /// Datagrams that were counted before there was a second interface, and may yet pass it.
    ahead: u64,
}

impl Copies {
    pub(super) fn new(first: Arc<str>, ahead: u64) -> Self {
        let ahead = ahead.min(MAX_MARKS as u64);
        Self { interfaces: vec![first], marks: Vec::new(), next: 0, ahead }
    }

    /// Whether a datagram was counted already, on another interface than this one.
    pub(super) fn has(&mut self, interface: &Arc<str>, segment: &Segment<'_>, time: Timestamp) -> bool {
        let (index, hash) = (self.index(interface), hash(segment));
        let bit = 1 << index;
        let near = |mark: &Mark| time.since(mark.time).max(mark.time.since(time)) <= DISORDER;
        let known =
            self.marks.iter_mut().find(|mark| mark.hash == hash && mark.seen & bit == 0 && near(mark));
        if let Some(known) = known {
            known.seen |= bit;
            return true;
        }
        let is_ahead = index > 0 && self.ahead > 0;
        self.ahead -= u64::from(is_ahead);
        self.put(Mark { time, hash, seen: bit | u8::from(is_ahead) });
        is_ahead
    }

    fn index(&mut self, interface: &Arc<str>) -> usize {
        match self.interfaces.iter().position(|known| known == interface) {
            Some(index) => index,
            None => {
                if self.interfaces.len() < MAX_INTERFACES {
                    self.interfaces.push(interface.clone());
                }
                self.interfaces.len() - 1
            }
        }
    }

    fn put(&mut self, mark: Mark) {
        match self.marks.get_mut(self.next) {
            Some(oldest) => *oldest = mark,
            None => self.marks.push(mark),
        }
        self.next = (self.next + 1) % MAX_MARKS;
    }
}

/// FNV-1a of the length and both ends.
fn hash(segment: &Segment<'_>) -> u32 {
    let payload = segment.payload;
    let length = segment.len.to_le_bytes();
    let (first, last) = (payload.iter().take(ENDS), payload.iter().rev().take(ENDS));
    let add = |hash: u32, byte: &u8| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193);
    length.iter().chain(first).chain(last).fold(0x811c_9dc5, add)
}
