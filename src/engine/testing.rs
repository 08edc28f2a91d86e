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
    let key = ProcessKey { pid: Pid(pid), version };
    Arc::new(ProcessInfo::plain(key, Arc::new(program), Uid(501)))
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
