//! A window that slides over a stream.

use std::io::{self, Read};

use super::BUFFER;
use super::error::Fault;

/// Bytes asked for at once. Small enough that what was just read is still in the processor's cache when it is looked at.
const STEP: usize = 128 << 10;

/// Bytes read and not yet consumed, contiguous. Nothing longer than the buffer can be asked for.
pub(super) struct Window {
    source: Box<dyn Read + Send>,
    bytes: Box<[u8]>,
    start: usize,
    end: usize,
    /// Position in the stream of `bytes[0]`.
    base: u64,
}

impl Window {
    pub(super) fn new(source: Box<dyn Read + Send>) -> Self {
        Self { source, bytes: vec![0; BUFFER].into_boxed_slice(), start: 0, end: 0, base: 0 }
    }

    pub(super) fn offset(&self) -> u64 {
        self.base + self.start as u64
    }

    /// Reads until `want` bytes are there or the stream ends; says how many there are. Blocks only while fewer than
    /// `want` are known, so a growing recording is followed as it grows.
    #[inline]
    pub(super) fn fill(&mut self, want: usize) -> Result<usize, Fault> {
        let have = self.end - self.start;
        if have >= want { Ok(have) } else { self.refill(want) }
    }

    #[cold]
    fn refill(&mut self, want: usize) -> Result<usize, Fault> {
        self.bytes.copy_within(self.start..self.end, 0);
        self.base += self.start as u64;
        self.end -= self.start;
        self.start = 0;
        while self.end < want.min(self.bytes.len()) {
            let until = self.bytes.len().min(self.end + STEP);
            match self.source.read(&mut self.bytes[self.end..until]) {
                Ok(0) => break,
                Ok(count) => self.end += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(source) => return Err(Fault::Read { offset: self.base + self.end as u64, source }),
            }
        }
        Ok(self.end)
    }

    /// What is known, at least what the last `fill` said.
    #[inline]
    pub(super) fn known(&self) -> &[u8] {
        &self.bytes[self.start..self.end]
    }

    /// Part of what is known, by distance from the current position; empty when it is not all there.
    #[inline]
    pub(super) fn slice(&self, at: usize, len: usize) -> &[u8] {
        self.known().get(at..at + len).unwrap_or_default()
    }

    /// Steps over `count` bytes, which must be known.
    #[inline]
    pub(super) fn consume(&mut self, count: usize) {
        self.start = self.end.min(self.start + count);
    }

    /// Steps over any number of bytes, reading as it goes. False if the stream ends before.
    pub(super) fn skip(&mut self, mut count: u64) -> Result<bool, Fault> {
        while count > 0 {
            let step = usize::try_from(count).unwrap_or(usize::MAX).min(BUFFER);
            let have = self.fill(step.min(1))?;
            if have == 0 {
                return Ok(false);
            }
            let step = have.min(step);
            self.consume(step);
            count -= step as u64;
        }
        Ok(true)
    }
}
