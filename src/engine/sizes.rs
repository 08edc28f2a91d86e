//! How much the engine remembers, each table beside the most it may.

use super::tally::MAX_TALLIES;
use super::window::MAX_BEARINGS;
use super::{Engine, chains, habits, lineage, taint};

/// Login names kept.
pub const MAX_USERS: usize = 4096;

/// Entries in each table.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Sizes {
    pub lives: usize,
    pub files: usize,
    pub chains: usize,
    pub habits: usize,
    pub users: usize,
    /// Reads that some life carries.
    pub reads: usize,
    /// Pipes that some life was started with, and FIFOs that some life opened.
    pub pipes: usize,
    pub timers: usize,
    /// Crossings not yet judged.
    pub pending: usize,
}

impl Sizes {
    /// Name, size and limit of each table. The last four follow from how many lives and chains there are.
    pub const fn against_limits(&self) -> [(&'static str, usize, usize); 9] {
        let tallies = self.lives * MAX_TALLIES;
        [
            ("lives", self.lives, lineage::MAX_LIVES),
            ("files", self.files, taint::MAX_FILES),
            ("chains", self.chains, chains::MAX_CHAINS),
            ("habits", self.habits, habits::MAX_HABITS),
            ("users", self.users, MAX_USERS),
            ("reads", self.reads, self.lives * MAX_BEARINGS),
            ("pipes", self.pipes, self.lives * (super::pipes::MAX_ENDS + super::fifos::MAX_FIFOS)),
            ("timers", self.timers, tallies + 4 * chains::MAX_CHAINS + 1),
            ("pending", self.pending, tallies),
        ]
    }
}

impl Engine {
    pub fn sizes(&self) -> Sizes {
        Sizes {
            lives: self.lineage.len(),
            files: self.taints.len(),
            chains: self.chains.len(),
            habits: self.habits.len(),
            users: self.users.len(),
            reads: self.bearers.len(),
            pipes: self.pipes.len(),
            timers: self.timers.len(),
            pending: self.pending.len(),
        }
    }
}
