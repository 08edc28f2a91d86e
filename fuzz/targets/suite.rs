//! Tests of a policy, as `cloudward test` reads them.

#![no_main]

use cloudward::config::{Origin, Source, suite};

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    if let Ok(text) = std::str::from_utf8(data) {
        suite::read(&Source::new(Origin::File, "fuzz.toml", text.to_owned()));
    }
});
