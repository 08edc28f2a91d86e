//! Stands in for Endpoint Security where there is none.

use std::sync::Arc;

use super::inlet::Inlet;
use super::trouble::Trouble;

/// Cannot exist here.
#[derive(Debug)]
pub enum Running {}

impl Running {
    pub fn stop(self) {
        match self {}
    }
}

/// Always [`Trouble::NotThisSystem`].
pub fn start(_: &Arc<Inlet>) -> Result<Running, Trouble> {
    Err(Trouble::NotThisSystem)
}
