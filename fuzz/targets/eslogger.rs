//! Lines of `eslogger`: what came before changes no reading of a line.

#![no_main]

use cloudward::model::{Observed, PathHash, What};
use cloudward::sensor::eslogger::Decoder;
use cloudward::sensor::gate::{Gate, GateId, PathInterest};
use serde_json::Value;

/// Half of all paths matter.
struct Half;

impl Gate for Half {
    fn id(&self) -> GateId {
        GateId(0)
    }

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

/// Keys of all objects in a value.
fn keys(value: &Value) -> usize {
    match value {
        Value::Object(fields) => fields.len() + fields.values().map(keys).sum::<usize>(),
        Value::Array(items) => items.iter().map(keys).sum(),
        _ => 0,
    }
}

/// A message as a program writes it: JSON, and no key twice. In any other a key may be another one's twin.
fn is_message(line: &[u8]) -> bool {
    let Ok(value) = serde_json::from_slice(line) else { return false };
    let written = line.windows(3).filter(|bytes| matches!(bytes, [b, b'"', b':'] if *b != b'\\')).count();
    keys(&value) == written
}

/// Who did what. When is told by the lines before, too, and so is who was met already.
fn told(observed: Option<Observed>) -> Option<Observed> {
    observed
        .map(|observed| Observed { time: Default::default(), info: None, ..observed })
        .filter(|told| told.what != What::Seen)
}

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let mut decoder = Decoder::new();
    for line in data.split(|byte| *byte == b'\n') {
        let after_others = decoder.decode(line, &mut Half);
        let alone = Decoder::new().decode(line, &mut Half);
        if let (Ok(after_others), Ok(alone)) = (after_others, alone)
            && is_message(line)
        {
            assert_eq!(told(after_others), told(alone));
        }
    }
    decoder.finish();
});
