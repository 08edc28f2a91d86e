//! The decoder against a second, slower implementation on `serde_json::Value`, and against bytes that are no messages.

mod build;
mod differential;
mod files;
mod hostile;
mod oracle;
mod streams;
mod synthesised;

use cloudward::model::{Observed, PathHash};
use cloudward::sensor::eslogger::{Decoder, LineError};
use cloudward::sensor::gate::{Gate, GateId, PathInterest};

/// Paths that hold `.ssh` or `report` matter; the hash is FNV-1a.
struct TestGate;

impl Gate for TestGate {
    fn id(&self) -> GateId {
        GateId(0)
    }

    fn path(&mut self, path: &[u8]) -> PathInterest {
        let matters = [b".ssh".as_slice(), b"report"].iter().any(|part| contains(path, part));
        let hash = path.iter().fold(0xCBF2_9CE4_8422_2325u64, |hash, byte| {
            (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01B3)
        });
        PathInterest { matters, named: !matters, hash: PathHash(hash) }
    }

    fn variable(&self, _: &[u8]) -> bool {
        false
    }
}

fn contains(path: &[u8], part: &[u8]) -> bool {
    path.windows(part.len()).any(|window| window == part)
}

/// What one line tells a decoder that knows nobody.
fn decode(line: &[u8]) -> Result<Option<Observed>, LineError> {
    Decoder::new().decode(line, &mut TestGate)
}
