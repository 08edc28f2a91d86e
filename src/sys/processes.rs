//! Who runs: libproc and csops. All calls work for root on any process.

use std::ffi::{c_int, c_uint, c_void};
use std::ptr;

/// What the system says of one running process, all of it of the same image.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Running {
    pub pid: i32,
    /// `p_idversion`: the pidversion of audit tokens.
    pub version: u32,
    pub parent: i32,
    /// `None` if the parent cannot be asked.
    pub parent_version: Option<u32>,
    pub group: i32,
    pub session: i32,
    pub effective_user: u32,
    pub real_user: u32,
    /// Seconds and microseconds since 1970.
    pub started: (u64, u64),
    pub has_terminal: bool,
    pub path: Vec<u8>,
    /// `CS_*` bits; 0 where the kernel knows of no signature.
    pub signing_flags: u32,
    pub signing_id: Option<Vec<u8>>,
    pub team_id: Option<Vec<u8>>,
    pub code_hash: Option<[u8; 20]>,
}

/// Flavor 17 of `proc_pidinfo` (`bsd/sys/proc_info_private.h` of xnu: "This structure is API").
#[repr(C)]
#[derive(Clone, Copy, Default, PartialEq, Eq)]
struct Unique {
    image: [u8; 16],
    process: u64,
    parent: u64,
    version: i32,
    original_parent_version: i32,
    reserved: [u64; 2],
}
const _: () = assert!(size_of::<Unique>() == 56);

const PROC_PIDUNIQIDENTIFIERINFO: c_int = 17;

/// Operations of csops (`bsd/sys/codesign.h` of xnu).
const CS_OPS_STATUS: c_uint = 0;
const CS_OPS_CDHASH: c_uint = 5;
const CS_OPS_IDENTITY: c_uint = 11;
const CS_OPS_TEAMID: c_uint = 14;
/// Longer identifiers are cut by the kernel's refusal: none is known.
const MAX_IDENTIFIER: usize = 1024;

// SAFETY: as `bsd/sys/codesign.h` of xnu declares it.
unsafe extern "C" {
    /// Of libSystem.
    fn csops(pid: libc::pid_t, operation: c_uint, address: *mut c_void, size: usize) -> c_int;
}

/// Every pid in use now.
pub fn all() -> Vec<i32> {
    /// Room for processes that begin between the two calls.
    const MORE: usize = 256;
    // SAFETY: without a buffer the call only says how many there are.
    let count = unsafe { libc::proc_listallpids(ptr::null_mut(), 0) };
    let mut pids: Vec<libc::pid_t> = vec![0; usize::try_from(count).unwrap_or(0) + MORE];
    let size = c_int::try_from(size_of_val(pids.as_slice())).unwrap_or(0);
    // SAFETY: a buffer of that size.
    let count = unsafe { libc::proc_listallpids(pids.as_mut_ptr().cast(), size) };
    pids.truncate(usize::try_from(count).unwrap_or(0));
    pids
}

/// One process, or `None` if it is gone, or changes its image right now.
pub fn describe(pid: i32) -> Option<Running> {
    let before = unique(pid)?;
    let info = info(pid)?;
    let parent = i32::try_from(info.pbi_ppid).ok()?;
    let running = Running {
        pid,
        version: before.version.cast_unsigned(),
        parent,
        parent_version: unique(parent).map(|parent| parent.version.cast_unsigned()),
        group: i32::try_from(info.pbi_pgid).unwrap_or(0),
        // SAFETY: takes no pointer.
        session: unsafe { libc::getsid(pid) },
        effective_user: info.pbi_uid,
        real_user: info.pbi_ruid,
        started: (info.pbi_start_tvsec, info.pbi_start_tvusec),
        // `NODEV`
        has_terminal: info.e_tdev != u32::MAX,
        path: path(pid)?,
        signing_flags: signing_flags(pid),
        signing_id: identifier(pid, CS_OPS_IDENTITY),
        team_id: identifier(pid, CS_OPS_TEAMID),
        code_hash: code_hash(pid),
    };
    (unique(pid)? == before).then_some(running)
}

fn unique(pid: i32) -> Option<Unique> {
    let mut unique = Unique::default();
    let size = size_of::<Unique>() as c_int;
    // SAFETY: the buffer has the flavor's layout and the size that is said.
    let got =
        unsafe { libc::proc_pidinfo(pid, PROC_PIDUNIQIDENTIFIERINFO, 0, (&raw mut unique).cast(), size) };
    (got == size).then_some(unique)
}

fn info(pid: i32) -> Option<libc::proc_bsdinfo> {
    // SAFETY: numbers and arrays of numbers, for which all zeros are a value.
    let mut info: libc::proc_bsdinfo = unsafe { std::mem::zeroed() };
    let size = size_of::<libc::proc_bsdinfo>() as c_int;
    // SAFETY: the buffer has the flavor's layout and the size that is said.
    let got = unsafe { libc::proc_pidinfo(pid, libc::PROC_PIDTBSDINFO, 0, (&raw mut info).cast(), size) };
    (got == size).then_some(info)
}

fn path(pid: i32) -> Option<Vec<u8>> {
    let mut path = vec![0u8; libc::PROC_PIDPATHINFO_MAXSIZE as usize];
    // SAFETY: a buffer of that size.
    let length = unsafe { libc::proc_pidpath(pid, path.as_mut_ptr().cast(), path.len() as u32) };
    path.truncate(usize::try_from(length).ok().filter(|length| *length > 0)?);
    Some(path)
}

fn signing_flags(pid: i32) -> u32 {
    let mut flags = 0u32;
    // SAFETY: four bytes, as this operation wants.
    let status = unsafe { csops(pid, CS_OPS_STATUS, (&raw mut flags).cast(), size_of::<u32>()) };
    if status == 0 { flags } else { 0 }
}

fn code_hash(pid: i32) -> Option<[u8; 20]> {
    let mut hash = [0u8; 20];
    // SAFETY: twenty bytes, as this operation wants.
    let status = unsafe { csops(pid, CS_OPS_CDHASH, hash.as_mut_ptr().cast(), hash.len()) };
    (status == 0 && hash != [0; 20]).then_some(hash)
}

/// The answer is a header of eight bytes, the latter four of them the whole length in big endian, and a string with NUL.
fn identifier(pid: i32, operation: c_uint) -> Option<Vec<u8>> {
    let mut answer = [0u8; MAX_IDENTIFIER];
    // SAFETY: a buffer of that size.
    let status = unsafe { csops(pid, operation, answer.as_mut_ptr().cast(), answer.len()) };
    if status != 0 {
        return None;
    }
    let length = u32::from_be_bytes([answer[4], answer[5], answer[6], answer[7]]) as usize;
    let text = answer.get(8..length.min(MAX_IDENTIFIER))?;
    let text = text.split(|byte| *byte == 0).next()?;
    (!text.is_empty()).then(|| text.to_vec())
}
