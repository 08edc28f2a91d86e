//! Opens the kernel's counts of connections.

use std::time::Duration;

use super::ntstat;
use crate::sys;

/// Short enough to stop soon.
const WAIT: Duration = Duration::from_millis(250);

/// The kernel's control, open.
pub struct KernelCounts(sys::ntstat::Control);

impl KernelCounts {
    /// The error is a sentence without its full stop.
    pub fn open() -> Result<Self, String> {
        let opened = sys::ntstat::Control::open(WAIT);
        opened.map(Self).map_err(|error| format!("NetworkStatistics cannot be opened: {error}"))
    }
}

impl ntstat::Control for KernelCounts {
    fn send(&mut self, request: &[u8]) -> Result<(), String> {
        self.0.send(request).map_err(|error| error.to_string())
    }

    fn receive(&mut self, buffer: &mut [u8]) -> Result<Option<usize>, String> {
        self.0.receive(buffer).map_err(|error| error.to_string())
    }
}
