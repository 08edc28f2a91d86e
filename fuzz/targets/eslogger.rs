//! Lines of `eslogger`.

#![no_main]

use cloudward::model::PathHash;
use cloudward::sensor::eslogger::Decoder;
use cloudward::sensor::gate::{Gate, PathInterest};

/// Half of all paths matter.
struct Half;

impl Gate for Half {
    fn path(&mut self, path: &[u8]) -> PathInterest {
        PathInterest {
            matters: path.len() % 2 == 0,
            named: path.len() % 3 == 0,
            hash: PathHash(path.len() as u64),
        }
    }

    fn variable(&self, _: &[u8]) -> bool {
        false
    }
}

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let mut decoder = Decoder::new();
    for line in data.split(|byte| *byte == b'\n') {
        let _ = decoder.decode(line, &mut Half);
    }
    decoder.finish();
});
