//! Records in a file: `CWR1`, length, CRC-32 of length and payload (both little-endian), payload.
//!
//! The payload is one JSON object. No JSON text holds a zero byte and every length does (it is below [`LONGEST`]), so
//! nothing inside a record can be taken for a frame when the reader looks for the next one behind damage.

use memchr::memmem;

use serde::Serialize;
use serde::de::DeserializeOwned;

const MAGIC: &[u8; 4] = b"CWR1";
const HEAD: usize = 12;
/// The longest payload. Longer records are refused before they get here: formats are far shorter.
pub const LONGEST: usize = 8 << 20;

/// Appends the frame of a value; false if it is too long, then nothing is appended.
pub fn encode<T: Serialize>(value: &T, out: &mut Vec<u8>) -> bool {
    let start = out.len();
    out.extend_from_slice(&[0; HEAD]);
    if serde_json::to_writer(&mut *out, value).is_err() || out.len() - start - HEAD > LONGEST {
        out.truncate(start);
        return false;
    }
    let length = (out.len() - start - HEAD) as u32;
    let sum = checksum(length, &out[start + HEAD..]);
    out[start..start + 4].copy_from_slice(MAGIC);
    out[start + 4..start + 8].copy_from_slice(&length.to_le_bytes());
    out[start + 8..start + HEAD].copy_from_slice(&sum.to_le_bytes());
    true
}

fn checksum(length: u32, payload: &[u8]) -> u32 {
    let mut sum = crc32fast::Hasher::new();
    sum.update(&length.to_le_bytes());
    sum.update(payload);
    sum.finalize()
}

/// The value whose frame begins the bytes, and the length of the frame.
pub fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Option<(T, usize)> {
    let head = bytes.get(..HEAD)?;
    let number = |at: usize| Some(u32::from_le_bytes(head.get(at..at + 4)?.try_into().ok()?));
    let (length, sum) = (number(4)?, number(8)?);
    let end = HEAD + usize::try_from(length).ok().filter(|length| *length <= LONGEST)?;
    let payload = bytes.get(HEAD..end)?;
    if &head[..4] != MAGIC || checksum(length, payload) != sum {
        return None;
    }
    Some((serde_json::from_slice(payload).ok()?, end))
}

/// Every whole frame of a file, with its place; and how many bytes belong to none.
pub fn scan<T: DeserializeOwned>(bytes: &[u8], mut found: impl FnMut(u64, u32, T)) -> usize {
    let (mut at, mut damaged) = (0, 0);
    while at < bytes.len() {
        if let Some((entry, length)) = decode(&bytes[at..]) {
            found(at as u64, length as u32, entry);
            at += length;
        } else {
            let next = memmem::find(&bytes[at + 1..], MAGIC).map_or(bytes.len(), |gap| at + 1 + gap);
            damaged += next - at;
            at = next;
        }
    }
    damaged
}
