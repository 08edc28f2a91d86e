//! Exports of audit logs.

#![no_main]

use cloudward::sensor::audit::Audit;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let Some(audit) = Audit::read(data) else { return };
    for pair in audit.events.windows(2) {
        assert!(pair[0].time <= pair[1].time);
    }
    for event in &audit.events {
        assert!(event.items.iter().chain(&event.with).all(|text| text.len() <= 4096));
        let _ = event.to_string();
    }
});
