//! A classic capture file, read to its end.

#![no_main]

mod read;

libfuzzer_sys::fuzz_target!(|data: &[u8]| read::capture(data.to_vec()));
