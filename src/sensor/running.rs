//! Processes that run already, as the system describes them: no event introduces those that began before the sensor.

use std::sync::Arc;

use crate::model::{CdHash, CodeSigning, FilePath, Pid, ProcessInfo, ProcessKey, Program, Timestamp, Uid};
use crate::sys::processes;

/// All of them, but this process itself.
pub fn all() -> impl Iterator<Item = Arc<ProcessInfo>> {
    let own = std::process::id();
    let others = processes::all().into_iter().filter(move |pid| pid.cast_unsigned() != own);
    others.filter_map(|pid| one(Pid(pid)))
}

/// Names this boot of the machine.
pub fn boot() -> Option<Box<str>> {
    crate::sys::boot_session().map(Into::into)
}

/// Who has this pid now. Nothing if nobody has, or if it begins another program at this very moment.
pub fn one(pid: Pid) -> Option<Arc<ProcessInfo>> {
    let running = processes::describe(pid.0)?;
    let flags = CodeSigning(running.signing_flags);
    let program = Program {
        path: FilePath::new(&running.path),
        path_truncated: false,
        signing_id: running.signing_id.map(text),
        team_id: running.team_id.map(text),
        cdhash: running.code_hash.map(CdHash),
        platform: flags.0 & CodeSigning::PLATFORM_BINARY != 0,
        flags,
    };
    let parent = Pid(running.parent);
    let (seconds, micros) = running.started;
    let started = seconds.saturating_mul(1_000_000).saturating_add(micros).saturating_mul(1000);
    Some(Arc::new(ProcessInfo {
        key: ProcessKey { pid, version: running.version },
        program: Arc::new(program),
        parent: running.parent_version.map(|version| ProcessKey { pid: parent, version }),
        responsible: None,
        ppid: parent,
        original_ppid: parent,
        group_id: Pid(running.group),
        session_id: Pid(running.session),
        euid: Uid(running.effective_user),
        ruid: Uid(running.real_user),
        // Nothing tells it of another process.
        auid: Uid(u32::MAX),
        started: i64::try_from(started).ok().filter(|started| *started > 0).map(Timestamp::from_nanos),
        has_tty: running.has_terminal,
        is_es_client: false,
    }))
}

fn text(bytes: Vec<u8>) -> Box<str> {
    String::from_utf8_lossy(&bytes).into_owned().into_boxed_str()
}
