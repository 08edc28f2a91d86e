//! A pcapng file: blocks, behind a section header of their own or of ours.

#![no_main]

mod read;

const SECTION: [u8; 28] = [
    0x0a, 0x0d, 0x0d, 0x0a, 28, 0, 0, 0, 0x4d, 0x3c, 0x2b, 0x1a, 1, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xff, 0xff, 0xff, 28, 0, 0, 0,
];

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let own = data.starts_with(&SECTION[..4]);
    read::capture(if own { data.to_vec() } else { [&SECTION, data].concat() });
});
