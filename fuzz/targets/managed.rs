//! Values that a configuration profile forces: a tree of any shape, written as TOML for the fuzzer.

#![no_main]

use cloudward::config::{load, managed};
use cloudward::model::Property;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Ok(Property::Table(values)) = managed::properties(text) else { return };
    if let Some(source) = managed::source(values) {
        load(&[source]);
    }
});
