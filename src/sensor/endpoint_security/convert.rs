//! From a message on loan to owned data. No policy but the gate's, and nothing borrowed gets out.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use endpoint_sec::sys::es_auth_result_t;
use endpoint_sec::{
    Action, ActionResult, AuditToken, Event, EventCreateDestinationFile, EventExec, EventOpen,
    EventRenameDestinationFile, File as EsFile, Message, Process,
};

use crate::model::{
    Backing, CdHash, CodeSigning, ExecFacts, File, FileId, FilePath, Observed, OpenFlags, Pid, PipeEnd,
    ProcessInfo, ProcessKey, Program, Script, Timestamp, Uid, What,
};
use crate::sensor::attributes;
use crate::sensor::exec_limits::{MAX_ARG_BYTES, MAX_ARGS, MAX_ENV_BYTES, MAX_PIPES, env_kept};
use crate::sensor::gate::Gate;
use crate::sensor::processes::Processes;

const S_IFIFO: u32 = 0o010_000;
const S_IFDIR: u32 = 0o040_000;
const S_IFLNK: u32 = 0o120_000;

/// When the message says it happened.
pub(super) fn time(message: &Message) -> Timestamp {
    let time = message.raw_time();
    let seconds = Timestamp::from_nanos(time.tv_sec.saturating_mul(1_000_000_000));
    Timestamp::from_nanos(seconds.as_nanos().saturating_add(time.tv_nsec))
}

/// What a message comes to; `None` if it can matter to no verdict and introduces nobody.
pub(super) fn observed(message: &Message, gate: &mut dyn Gate, processes: &Processes) -> Option<Observed> {
    let time = time(message);
    let actor = message.process();
    let key = key(&actor.audit_token());
    let new = processes.seen(key, time);
    let what = match what(message, gate) {
        Some(what) => what,
        None if new => What::Seen,
        None => return None,
    };
    let info = new.then(|| process(&actor));
    let observed = Observed { time, seq: message.global_seq_num().unwrap_or(0), actor: key, info, what };
    processes.follow(&observed);
    Some(observed)
}

fn what(message: &Message, gate: &mut dyn Gate) -> Option<What> {
    let event = message.event()?;
    let wanted = match &event {
        Event::NotifyOpen(open) => open.fflag() as u32,
        _ => 0,
    };
    if refused(message, wanted) {
        return None;
    }
    Some(match event {
        Event::NotifyExec(event) => {
            What::Exec { target: process(&event.target()), facts: Box::new(exec_facts(&event, gate)) }
        }
        Event::NotifyFork(event) => What::Fork { child: process(&event.child()) },
        Event::NotifyExit(_) => What::Exit,
        Event::NotifyCSInvalidated(_) => What::CodeInvalidated,
        Event::NotifyRemoteThreadCreate(event) => What::ThreadStarted { target: process(&event.target()) },
        Event::NotifyOpen(event) => return open(&event, gate),
        Event::NotifyClose(event) => {
            let changed = event.modified() || event.was_mapped_writable().unwrap_or(false);
            return changed.then(|| What::Written { file: file(&event.target()) });
        }
        Event::NotifyCreate(event) => What::Created { file: created(event.destination()?)? },
        Event::NotifyRename(event) => {
            What::Renamed { from: Box::new(file(&event.source())), to: renamed(event.destination()?)? }
        }
        Event::NotifyExchangeData(event) => {
            What::Exchanged { one: Box::new(file(&event.file1())), other: Box::new(file(&event.file2())) }
        }
        Event::NotifyUnlink(event) => What::Removed { file: file(&event.target()) },
        Event::NotifyLink(event) => What::Linked {
            from: Box::new(file(&event.source())),
            to: join(&event.target_dir(), event.target_filename()),
        },
        Event::NotifyClone(event) => What::Copied {
            from: Box::new(file(&event.source())),
            to: join(&event.target_dir(), event.target_name()),
            clone: true,
        },
        Event::NotifyCopyFile(event) => What::Copied {
            from: Box::new(file(&event.source())),
            to: match event.target_file() {
                Some(existing) => path(existing.path()),
                None => join(&event.target_dir(), event.target_name()),
            },
            clone: false,
        },
        Event::NotifySetExtAttr(event) => {
            let mark = attributes::mark(event.extattr().as_bytes())?;
            What::Marked { file: Box::new(file(&event.target())), mark }
        }
        Event::NotifyMount(event) => mounted(event.statfs()),
        Event::NotifyUnmount(event) => {
            What::Unmounted { at: FilePath::new(&until_nul(&event.statfs().f_mntonname)) }
        }
        Event::NotifyXpcConnect(event) => What::ServiceAsked { name: lossy(event.service_name().as_bytes()) },
        Event::NotifyUipcConnect(event) => What::SocketAsked { path: path(event.file().path()) },
        _ => return None,
    })
}

/// Whether another client's verdict stopped the operation: it is told of all the same.
fn refused(message: &Message, wanted: u32) -> bool {
    const ACCESS: u32 = OpenFlags::FREAD | OpenFlags::FWRITE;
    match message.action() {
        Some(Action::Notify(ActionResult::Auth(answer))) => answer == es_auth_result_t::ES_AUTH_RESULT_DENY,
        Some(Action::Notify(ActionResult::Flags(flags))) => flags == 0 || wanted & ACCESS & !flags != 0,
        _ => false,
    }
}

fn open(event: &EventOpen<'_>, gate: &mut dyn Gate) -> Option<What> {
    // The mask is an int in C.
    let flags = OpenFlags(event.fflag() as u32);
    let opened = event.file();
    let interest = gate.path(opened.path().as_bytes());
    if flags.transfers() && kind_of(&opened) == S_IFIFO {
        Some(What::Fifo { file: Box::new(file(&opened)), flags })
    } else if interest.matters {
        Some(What::Open { file: file(&opened), flags })
    } else if flags.reads() {
        let (name, links) = if interest.named {
            (Some(path(opened.path())), u32::from(opened.stat().st_nlink))
        } else {
            (None, 0)
        };
        Some(What::Touch { path: interest.hash, id: id(&opened), name, links })
    } else if flags.empties() {
        Some(What::Emptied { path: interest.hash, id: id(&opened) })
    } else {
        None
    }
}

fn mounted(volume: &libc::statfs) -> What {
    let backing = Backing::of(&until_nul(&volume.f_fstypename), &until_nul(&volume.f_mntfromname));
    What::Mounted { at: FilePath::new(&until_nul(&volume.f_mntonname)), backing }
}

/// Names in a `statfs` end with a NUL.
fn until_nul(name: &[libc::c_char]) -> Vec<u8> {
    name.iter().map(|byte| byte.cast_unsigned()).take_while(|byte| *byte != 0).collect()
}

fn exec_facts(event: &EventExec<'_>, gate: &dyn Gate) -> ExecFacts {
    ExecFacts {
        args: args(event),
        env: env(event, gate),
        cwd: event.cwd().map(|cwd| path(cwd.path())),
        script: event.script().map(|script| Script { path: path(script.path()) }),
        script_sha256: None,
        pipes: event
            .fds()
            .filter_map(|end| Some(PipeEnd { fd: end.fd(), id: end.pipe_id()? }))
            .take(MAX_PIPES)
            .collect(),
    }
}

fn args(event: &EventExec<'_>) -> Vec<Box<str>> {
    let (mut args, mut left) = (Vec::new(), MAX_ARG_BYTES);
    for arg in event.args().take(MAX_ARGS) {
        let bytes = arg.as_bytes();
        let bytes = bytes.get(..left).unwrap_or(bytes);
        left -= bytes.len();
        args.push(lossy(bytes));
        if left == 0 {
            break;
        }
    }
    args
}

fn env(event: &EventExec<'_>, gate: &dyn Gate) -> Vec<(Box<str>, Box<str>)> {
    let (mut env, mut left) = (Vec::new(), MAX_ENV_BYTES);
    for variable in event.envs() {
        let bytes = variable.as_bytes();
        let Some(at) = bytes.iter().position(|byte| *byte == b'=') else { continue };
        let (name, value) = (&bytes[..at], &bytes[at + 1..]);
        if env_kept(name, gate) && bytes.len() <= left {
            left -= bytes.len();
            env.push((lossy(name), lossy(value)));
        }
    }
    env
}

fn process(process: &Process<'_>) -> Arc<ProcessInfo> {
    let token = process.audit_token();
    let executable = process.executable();
    let hash = process.cdhash();
    let program = Program {
        path: path(executable.path()),
        path_truncated: executable.path_truncated(),
        signing_id: identifier(process.signing_id()),
        team_id: identifier(process.team_id()),
        cdhash: (hash != [0; 20]).then_some(CdHash(hash)),
        platform: process.is_platform_binary(),
        flags: CodeSigning(process.codesigning_flags()),
    };
    Arc::new(ProcessInfo {
        key: key(&token),
        program: Arc::new(program),
        parent: process.parent_audit_token().map(|token| key(&token)),
        responsible: process.responsible_audit_token().map(|token| key(&token)),
        ppid: Pid(process.ppid()),
        original_ppid: Pid(process.original_ppid()),
        group_id: Pid(process.group_id()),
        session_id: Pid(process.session_id()),
        euid: Uid(token.euid()),
        ruid: Uid(token.ruid()),
        auid: Uid(token.auid()),
        started: process.start_time().and_then(since_epoch),
        has_tty: process.tty().is_some(),
        is_es_client: process.is_es_client(),
    })
}

fn key(token: &AuditToken) -> ProcessKey {
    ProcessKey { pid: Pid(token.pid()), version: token.pidversion() as u32 }
}

fn since_epoch(time: SystemTime) -> Option<Timestamp> {
    let nanos = time.duration_since(UNIX_EPOCH).ok()?.as_nanos();
    i64::try_from(nanos).ok().map(Timestamp::from_nanos)
}

fn created(destination: EventCreateDestinationFile<'_>) -> Option<File> {
    match destination {
        EventCreateDestinationFile::ExistingFile { file: existing, .. } => Some(file(&existing)),
        EventCreateDestinationFile::NewPath { directory, filename, .. } => Some(named(&directory, filename)),
        _ => None,
    }
}

fn renamed(destination: EventRenameDestinationFile<'_>) -> Option<File> {
    match destination {
        EventRenameDestinationFile::ExistingFile { file: existing, .. } => Some(file(&existing)),
        EventRenameDestinationFile::NewPath { directory, filename, .. } => Some(named(&directory, filename)),
        _ => None,
    }
}

fn file(file: &EsFile<'_>) -> File {
    let stat = file.stat();
    File {
        path: path(file.path()),
        truncated: file.path_truncated(),
        id: id(file),
        links: u32::from(stat.st_nlink),
        size: u64::try_from(stat.st_size).unwrap_or(0),
        directory: kind_of(file) == S_IFDIR,
        symlink: kind_of(file) == S_IFLNK,
    }
}

/// What kind of file it is (`bsd/sys/_types/_s_ifmt.h`).
fn kind_of(file: &EsFile<'_>) -> u32 {
    u32::from(file.stat().st_mode) & 0o170_000
}

/// A name that is not yet a file.
fn named(directory: &EsFile<'_>, name: &OsStr) -> File {
    File {
        path: join(directory, name),
        truncated: directory.path_truncated(),
        id: None,
        links: 0,
        size: 0,
        directory: false,
        symlink: false,
    }
}

fn id(file: &EsFile<'_>) -> Option<FileId> {
    let stat = file.stat();
    FileId::new(i64::from(stat.st_dev), stat.st_ino)
}

fn join(directory: &EsFile<'_>, name: &OsStr) -> FilePath {
    let directory = directory.path().as_bytes();
    let directory = directory.strip_suffix(b"/").unwrap_or(directory);
    FilePath::new(&[directory, b"/", name.as_bytes()].concat())
}

fn path(path: &OsStr) -> FilePath {
    FilePath::new(path.as_bytes())
}

/// Empty identifiers are none: empty never equals empty.
fn identifier(text: &OsStr) -> Option<Box<str>> {
    (!text.is_empty()).then(|| lossy(text.as_bytes()))
}

fn lossy(bytes: &[u8]) -> Box<str> {
    String::from_utf8_lossy(bytes).into_owned().into_boxed_str()
}
