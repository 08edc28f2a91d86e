//! Small makers for the unit tests of this room.

use std::sync::Arc;

use crate::model::{
    CodeSigning, Evidence, Pid, ProcessEvidence, ProcessInfo, ProcessKey, Program, Timestamp, Uid,
};
use crate::policy::SetMask;

use super::window::{Read, ReadId};

pub fn info(pid: i32, version: u32, path: &str) -> Arc<ProcessInfo> {
    let flags = CodeSigning(CodeSigning::VALID | CodeSigning::SIGNED | CodeSigning::ADHOC);
    let program = Program {
        path: path.into(),
        path_truncated: false,
        signing_id: None,
        team_id: None,
        cdhash: None,
        platform: false,
        flags,
    };
    Arc::new(ProcessInfo {
        key: ProcessKey { pid: Pid(pid), version },
        program: Arc::new(program),
        parent: None,
        responsible: None,
        ppid: Pid(1),
        original_ppid: Pid(1),
        group_id: Pid(pid),
        session_id: Pid(pid),
        euid: Uid(501),
        ruid: Uid(501),
        auid: Uid(501),
        started: None,
        has_tty: false,
        is_es_client: false,
    })
}

pub fn evidence(pid: i32, path: &str) -> Arc<ProcessEvidence> {
    Arc::new(ProcessEvidence {
        info: info(pid, 1, path),
        args: Arc::from([]),
        cwd: None,
        script: None,
        runs_other_code: false,
        older_than_sensor: false,
        invalidated: false,
    })
}

pub fn read(path: &str, time: Timestamp) -> Arc<Read> {
    Arc::new(Read {
        id: ReadId(0),
        path: path.into(),
        sets: SetMask::default(),
        epoch: 0,
        time,
        reader: evidence(1, "/bin/cat"),
        code: "test".into(),
        evidence: Evidence::Open,
        named: None,
        truncated: false,
        named_fork: false,
        nested: false,
        relayed: false,
    })
}
