//! What a sensor asks about a path before it copies anything.

use std::sync::Arc;

use crate::model::PathHash;
use crate::policy::{Policy, Scratch};

use super::recall::Recall;

/// What policy says of one path.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PathInterest {
    /// In a sensitive set or a sync root, or its place cannot be told: the whole event is wanted.
    pub matters: bool,
    /// It lies where people's files do, not in a part of the system that nobody moves things into: its name is wanted.
    pub named: bool,
    /// Equal for every spelling of the file.
    pub hash: PathHash,
}

/// Whose answers they are: those of two gates with one id are the same.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct GateId(pub u64);

/// Asked once for every path that was opened or mapped, most of which matter to nobody. The answer must depend on the
/// path alone; `&mut` is for caches.
pub trait Gate {
    /// For whoever keeps answers.
    fn id(&self) -> GateId;

    /// `path` as the sensor saw it, escapes of its carrier undone; any bytes.
    fn path(&mut self, path: &[u8]) -> PathInterest;

    /// Does policy ask for this environment variable of an exec? Some are kept anyway: see
    /// [`exec_limits`](super::exec_limits).
    fn variable(&self, name: &[u8]) -> bool;
}

/// Asks policy. The answer holds whatever homes become known later: see [`Paths::may_matter`](crate::policy::Paths::may_matter).
#[derive(Debug)]
pub struct PolicyGate {
    policy: Arc<Policy>,
    scratch: Scratch,
    recall: Recall,
    id: GateId,
}

impl PolicyGate {
    pub fn new(policy: Arc<Policy>) -> Self {
        let recall = Recall::new();
        // Its seed is drawn for it alone.
        let id = GateId(recall.drawn());
        Self { policy, scratch: Scratch::new(), recall, id }
    }
}

impl Gate for PolicyGate {
    #[inline]
    fn id(&self) -> GateId {
        self.id
    }

    #[inline]
    fn path(&mut self, path: &[u8]) -> PathInterest {
        let (paths, scratch) = (&self.policy.paths, &mut self.scratch);
        self.recall.answer(path, || {
            let canonical = paths.canonical(path, scratch);
            PathInterest {
                matters: paths.may_matter(&canonical),
                named: !canonical.is_system(),
                hash: paths.hash(&canonical),
            }
        })
    }

    fn variable(&self, name: &[u8]) -> bool {
        self.policy.tools.reads_variable(name)
    }
}
