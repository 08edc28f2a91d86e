//! Small makers for the unit tests of this room.

use std::sync::Arc;

use crate::model::{CodeSigning, PathHash, Pid, ProcessInfo, ProcessKey, Program, Uid};
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
    ProcessInfo {
        key,
        program: Arc::new(program),
        parent: None,
        responsible: None,
        ppid: Pid(1),
        original_ppid: Pid(1),
        group_id: key.pid,
        session_id: key.pid,
        euid: Uid(501),
        ruid: Uid(501),
        auid: Uid(501),
        started: None,
        has_tty: false,
        is_es_client: false,
    }
}
