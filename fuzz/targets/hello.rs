//! A ClientHello, and what a TLS client sends.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| cloudward::net::fuzzing::hello(data));
