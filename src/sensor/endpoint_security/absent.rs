//! Stands in for Endpoint Security where there is none.

use std::sync::Arc;

use crate::model::Timestamp;

use super::inlet::Inlet;
use super::selection::Selection;
use super::trouble::Trouble;

/// Cannot exist here.
#[derive(Debug)]
pub enum Running {}

impl Running {
    pub fn adopt(&self, _: Selection) {
        match *self {}
    }

    pub fn has_ended(&self) -> bool {
        match *self {}
    }

    pub fn stop(self) {
        match self {}
    }
}

/// Always [`Trouble::NotThisSystem`].
pub fn start(_: &Arc<Inlet>, _: Selection, _: fn() -> Timestamp) -> Result<Running, Trouble> {
    Err(Trouble::NotThisSystem)
}

/// Always [`Trouble::NotThisSystem`].
pub fn probe() -> Result<(), Trouble> {
    Err(Trouble::NotThisSystem)
}
