//! Values that a configuration profile forces: a tree of any shape, written as TOML for the fuzzer.

#![no_main]

use cloudward::config::{load, load_alone, managed};
use cloudward::model::Property;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Ok(Property::Table(values)) = managed::properties(text) else { return };
    if let Some(source) = managed::source(values) {
        // What it says of the built-in default is another matter than how it is read.
        let loading = if data.len().is_multiple_of(16) { load } else { load_alone };
        loading(&[source]);
    }
});
