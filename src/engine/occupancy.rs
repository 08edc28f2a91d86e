//! How full the engine's tables are, for those who watch it.

use super::{Engine, chains, habits, lineage, taint};

/// One bounded table.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Occupancy {
    pub name: &'static str,
    pub used: usize,
    /// What it never holds more than.
    pub limit: usize,
}

impl Engine {
    /// Every table that grows with what happens on the Mac.
    pub fn occupancy(&self) -> Vec<Occupancy> {
        let table = |name, used, limit| Occupancy { name, used, limit };
        vec![
            table("processes", self.lineage.len(), lineage::MAX_LIVES),
            table("staged_files", self.taints.len(), taint::MAX_FILES),
            table("chains", self.chains.len(), chains::MAX_CHAINS),
            table("habits", self.habits.len(), habits::MAX_HABITS),
        ]
    }
}
