//! A state as a file: what it is, of which version, of which boot, and a checksum over all of it.

use crate::model::Timestamp;

use super::{State, VERSION};

const MAGIC: &[u8; 16] = b"cloudward state\n";

/// Why a file is no state that can be used.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Broken {
    #[error("it is no state of cloudward")]
    Foreign,
    #[error("it is of version {0} of the format, this build reads version {VERSION}")]
    Version(u32),
    #[error("it is torn: its checksum does not fit")]
    Torn,
}

/// `boot` names the boot of the machine that the processes in it belong to.
pub fn seal(state: &State, boot: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(state.bytes.len() + boot.len() + 40);
    bytes.extend_from_slice(MAGIC);
    bytes.extend_from_slice(&VERSION.to_le_bytes());
    bytes.extend_from_slice(&state.now.as_nanos().to_le_bytes());
    let boot = &boot.as_bytes()[..boot.len().min(usize::from(u8::MAX))];
    bytes.push(boot.len() as u8);
    bytes.extend_from_slice(boot);
    bytes.extend_from_slice(&state.bytes);
    let sum = crc32fast::hash(&bytes);
    bytes.extend_from_slice(&sum.to_le_bytes());
    bytes
}

/// The state in a file, and the boot that it is from. Fails where it is none, one of another [`VERSION`], or not whole.
pub fn open(file: &[u8]) -> Result<(State, String), Broken> {
    let rest = file.strip_prefix(MAGIC).ok_or(Broken::Foreign)?;
    let (version, rest) = rest.split_first_chunk().ok_or(Broken::Torn)?;
    let version = u32::from_le_bytes(*version);
    if version != VERSION {
        return Err(Broken::Version(version));
    }
    let (rest, sum) = rest.split_last_chunk().ok_or(Broken::Torn)?;
    if crc32fast::hash(&file[..file.len() - sum.len()]) != u32::from_le_bytes(*sum) {
        return Err(Broken::Torn);
    }
    let (now, rest) = rest.split_first_chunk().ok_or(Broken::Torn)?;
    let now = Timestamp::from_nanos(i64::from_le_bytes(*now));
    let (length, rest) = rest.split_first().ok_or(Broken::Torn)?;
    let (boot, bytes) = rest.split_at_checked(usize::from(*length)).ok_or(Broken::Torn)?;
    Ok((State { bytes: bytes.to_vec(), now, omitted: 0 }, String::from_utf8_lossy(boot).into_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_sealed_is_opened_and_nothing_else() {
        let state = State { bytes: vec![1, 2, 3], now: Timestamp::from_nanos(7), omitted: 0 };
        let file = seal(&state, "boot");
        assert_eq!(open(&file), Ok((state, "boot".to_owned())));
        for at in 0..file.len() {
            let mut other = file.clone();
            other[at] ^= 0x10;
            assert!(open(&other).is_err(), "{at}");
            assert!(open(&file[..at]).is_err(), "{at}");
        }
        let mut later = file.clone();
        later[16] += 1;
        assert_eq!(open(&later), Err(Broken::Version(VERSION + 1)));
        assert_eq!(open(b"{}"), Err(Broken::Foreign));
    }
}
