//! A configuration file.

#![no_main]

use cloudward::config::{Origin, Source, load};

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    if let Ok(text) = std::str::from_utf8(data) {
        // Without the built-in entries, which cost most of the time and are the same each time.
        let text = format!("{text}\n[builtin]\ndisable = [\"*\"]\n");
        load(&[Source::new(Origin::File, "fuzz.toml", text)]);
    }
});
