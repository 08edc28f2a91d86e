//! Small makers for the unit tests of this room.

use std::sync::Arc;

use crate::model::{CodeSigning, PathHash, ProcessInfo, ProcessKey, Program, Uid};
use crate::sensor::gate::{Gate, GateId, PathInterest};

/// No path and no variable matters to it.
pub struct Deaf;

impl Gate for Deaf {
    fn id(&self) -> GateId {
        GateId(0)
    }

    fn path(&mut self, _: &[u8]) -> PathInterest {
        PathInterest { matters: false, named: false, hash: PathHash(0) }
    }

    fn variable(&self, _: &[u8]) -> bool {
        false
    }
}

pub fn process(key: ProcessKey) -> ProcessInfo {
    let program = Program {
        path: "/usr/bin/curl".into(),
        path_truncated: false,
        signing_id: None,
        team_id: None,
        cdhash: None,
        platform: false,
        flags: CodeSigning::default(),
    };
    ProcessInfo::plain(key, Arc::new(program), Uid(501))
}
