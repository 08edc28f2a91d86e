//! A configuration file.

#![no_main]

use cloudward::config::{Origin, Source, load, load_alone};

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    if let Ok(text) = std::str::from_utf8(data) {
        // Without the built-in entries, which cost most of the time and are the same each time.
        let text = format!("{text}\n[builtin]\ndisable = [\"*\"]\n");
        // What it says of the built-in default is another matter than how it is read.
        let loading = if data.len().is_multiple_of(16) { load } else { load_alone };
        loading(&[Source::new(Origin::File, "fuzz.toml", text)]);
    }
});
