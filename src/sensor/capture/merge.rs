//! Several captures as one: each file in its own order, and the earliest packet of all first.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::{CaptureError, CaptureReader};
use crate::model::{Span, Timestamp, counted};
use crate::net::Packet;
use crate::sensor::steady::{Doubt, Steady};

/// Orders files independently of how they were given: time of the first packet, then a hash of it. Equal ranks mean equal
/// beginnings; then the order given decides, and shows only if the files differ later on.
type Rank = (Timestamp, u64);

/// Merges captures by packet time. Inside one file, the order of the file is kept: a packet that is older than one before
/// it comes right behind that one.
///
/// An error ends only the file it is about; go on calling.
pub struct CaptureSet {
    readers: Vec<Source>,
    /// Files that have a packet waiting, the next one on top.
    waiting: BinaryHeap<Reverse<(Timestamp, Rank, usize)>>,
    current: Option<usize>,
    failed: Vec<CaptureError>,
    steady: bool,
}

struct Source {
    reader: CaptureReader,
    rank: Rank,
    /// The latest time seen so far in this file.
    reached: Timestamp,
    /// The time of the packet that waits.
    time: Timestamp,
    /// Puts a wall clock right that was set back; `None` to show times as they were recorded.
    steady: Option<Steady>,
}

impl CaptureSet {
    /// With the times that the files give.
    pub fn new(readers: Vec<CaptureReader>) -> Self {
        Self::open(readers, false)
    }

    /// With times that go on where a file's clock was set back, as those of events do.
    pub fn steady(readers: Vec<CaptureReader>) -> Self {
        Self::open(readers, true)
    }

    fn open(readers: Vec<CaptureReader>, steady: bool) -> Self {
        let mut set = Self {
            readers: Vec::new(),
            waiting: BinaryHeap::with_capacity(readers.len()),
            current: None,
            failed: Vec::new(),
            steady,
        };
        for mut reader in readers {
            match reader.advance() {
                Ok(true) => set.admit(reader),
                Ok(false) => {}
                Err(error) => set.failed.push(error),
            }
        }
        set
    }

    fn admit(&mut self, reader: CaptureReader) {
        let Some(first) = reader.packet() else { return };
        let (time, rank) = (first.time, (first.time, hash(first.data)));
        self.waiting.push(Reverse((time, rank, self.readers.len())));
        let mut steady = self.steady.then(Steady::default);
        if let Some(steady) = &mut steady {
            steady.packet(time, |_| None);
        }
        self.readers.push(Source { reader, rank, reached: time, time, steady });
    }

    /// Asks of each file what its clock lacks from the beginning on; before the first packet is taken.
    pub fn begin(&mut self, mut ask: impl FnMut(Doubt) -> Option<Span>) {
        self.waiting.clear();
        for (index, source) in self.readers.iter_mut().enumerate() {
            if let (Some(steady), Some(offset)) = (&mut source.steady, ask(Doubt::Begins(source.time))) {
                steady.begin(offset);
                source.time = steady.packet(source.time, |_| None);
                source.reached = source.time;
            }
            self.waiting.push(Reverse((source.time, source.rank, index)));
        }
    }

    /// The next packet of all files; `None` when all have ended. Fails where the rest of one file cannot be read; the
    /// others go on with the next call.
    #[inline]
    #[expect(
        clippy::should_implement_trait,
        reason = "packets borrow from the readers; Iterator cannot say that"
    )]
    pub fn next(&mut self) -> Result<Option<Packet<'_>>, CaptureError> {
        self.next_asking(|_| None)
    }

    /// The same, failing where that does; `ask` may know how far a file's clock fell.
    #[inline]
    pub fn next_asking(
        &mut self,
        ask: impl FnMut(Doubt) -> Option<Span>,
    ) -> Result<Option<Packet<'_>>, CaptureError> {
        if !self.failed.is_empty()
            && let Some(error) = self.failed.pop()
        {
            return Err(error);
        }
        // Other files wait only while several are left.
        let index = match self.current.take() {
            Some(index) if self.readers[index].advance(ask)? => {
                if self.waiting.is_empty() {
                    index
                } else {
                    self.earliest(index)
                }
            }
            _ => match self.waiting.pop() {
                Some(Reverse((.., index))) => index,
                None => return Ok(None),
            },
        };
        self.current = Some(index);
        let source = &self.readers[index];
        Ok(source.reader.packet_at(source.time))
    }

    /// How many packets the files say that their captures missed, as far as they were read, and the same in words.
    pub fn dropped(&self) -> Option<(u64, String)> {
        let count =
            self.readers.iter().fold(0, |all: u64, source| all.saturating_add(source.reader.dropped()));
        (count > 0).then(|| (count, format!("the capture says that it dropped {}", counted(count, "packet"))))
    }

    /// Need [`Self::next`] not wait for a stream? False where it may have to.
    #[inline]
    pub fn is_ready(&self) -> bool {
        let current = self.current.and_then(|current| self.readers.get(current));
        self.failed.is_empty() && current.is_some_and(|source| source.reader.is_ready())
    }

    /// The file whose packet comes next: the current one, unless another has an earlier packet.
    fn earliest(&mut self, current: usize) -> usize {
        let source = &mut self.readers[current];
        source.reached = source.reached.max(source.time);
        let place = Reverse((source.reached, source.rank, current));
        match self.waiting.peek_mut() {
            Some(mut top) if *top > place => {
                let Reverse((.., earliest)) = std::mem::replace(&mut *top, place);
                earliest
            }
            _ => current,
        }
    }
}

impl Source {
    /// Moves the file on to its next packet. False at its end.
    #[inline(always)]
    fn advance(&mut self, ask: impl FnMut(Doubt) -> Option<Span>) -> Result<bool, CaptureError> {
        if !self.reader.advance()? {
            return Ok(false);
        }
        self.time = self.reader.time();
        if let Some(steady) = &mut self.steady {
            self.time = steady.packet(self.time, ask);
        }
        Ok(true)
    }
}

/// FNV-1a: the same in every run, and nobody gains by colliding it.
fn hash(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}
