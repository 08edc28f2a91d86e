//! Stands in for the packet tap where there is none.

use super::tap::{Ended, Heard, Source};
use super::trouble::TapTrouble;

/// Cannot exist here.
#[derive(Debug)]
pub enum Pktap {}

impl Pktap {
    /// Always [`TapTrouble::NotThisSystem`].
    pub fn open() -> Result<Self, TapTrouble> {
        Err(TapTrouble::NotThisSystem)
    }
}

impl Source for Pktap {
    fn next(&mut self) -> Result<Heard<'_>, Ended> {
        match *self {}
    }

    fn dropped(&mut self) -> u64 {
        match *self {}
    }
}
