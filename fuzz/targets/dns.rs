//! A DNS message.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| cloudward::net::fuzzing::dns(data));
