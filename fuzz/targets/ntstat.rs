//! Messages of the kernel's counts.

#![no_main]

use cloudward::sensor::ntstat::{Message, messages};

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let mut left = data.len();
    for message in messages(data) {
        assert!(left > 0, "more messages than bytes");
        left = left.saturating_sub(16);
        if let Message::Update(update) = message {
            assert!(update.remote.is_none_or(|to| to.port != 0));
        }
    }
});
