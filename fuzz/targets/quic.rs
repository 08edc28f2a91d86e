//! QUIC datagrams, and the frames of an opened Initial packet.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| cloudward::net::fuzzing::quic(data));
