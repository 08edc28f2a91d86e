//! Frames of Initial packets (RFC 9000, sections 17.2.2 and 19).

use super::header::varint;

const PADDING: u8 = 0;
const PING: u8 = 1;
const ACK: u8 = 2;
const ACK_ECN: u8 = 3;
const CRYPTO: u8 = 6;

/// The pieces of the TLS handshake in a packet, each with its offset. Ends at a frame that does not belong here.
pub(super) struct CryptoFrames<'a>(pub(super) &'a [u8]);

impl<'a> Iterator for CryptoFrames<'a> {
    type Item = (u64, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let (kind, rest) = self.0.split_first()?;
            self.0 = match *kind {
                PADDING | PING => rest,
                ACK | ACK_ECN => acknowledgment(rest, *kind == ACK_ECN)?,
                CRYPTO => {
                    let (offset, rest) = varint(rest)?;
                    let (length, rest) = varint(rest)?;
                    let (piece, rest) = rest.split_at_checked(usize::try_from(length).ok()?)?;
                    self.0 = rest;
                    return Some((offset, piece));
                }
                _ => return None,
            };
        }
    }
}

/// Steps over an acknowledgment: largest, delay, count and first range; then the ranges, then three counters.
fn acknowledgment(rest: &[u8], counters: bool) -> Option<&[u8]> {
    let (_, rest) = varint(rest)?;
    let (_, rest) = varint(rest)?;
    let (ranges, rest) = varint(rest)?;
    let numbers = ranges.checked_mul(2)?.checked_add(if counters { 4 } else { 1 })?;
    // Each takes a byte at least, so the loop ends with the packet.
    (0..numbers).try_fold(rest, |rest, _| varint(rest).map(|(_, rest)| rest))
}
