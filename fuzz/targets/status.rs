//! What `cloudward status` reads from the control socket, and shows to people and to Prometheus.

#![no_main]

use cloudward::daemon::status::{Status, prometheus, text};

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    if let Ok(status) = serde_json::from_slice::<Status>(data) {
        text(&status);
        prometheus(&status);
        assert!(serde_json::to_vec(&status).is_ok());
    }
});
