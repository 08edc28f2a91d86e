//! A segment of the spool, as a crash or a hand may have left it.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| cloudward::sink::spool::fuzz(data));
