//! Raw calls to the system, the only `unsafe` of the program. Safe signatures out. All but `signals` are of macOS alone.

#![allow(unsafe_code)]

pub mod ntstat;
pub mod oslog;
pub mod pcap;
pub mod prefs;
pub mod processes;
pub mod signals;

use std::ffi::CStr;
use std::ptr;

use rustix::time::ClockId;

/// The clock that nobody sets, and that goes on in sleep (`clock_gettime(3)` of macOS).
pub const SINCE_BOOT: ClockId = ClockId::Monotonic;

/// The running system as `(major, minor, patch)`, from `kern.osproductversion`.
///
/// A program built against an old SDK may be told a compatible number instead of the true one (macOS 26 may answer 16),
/// so compare with `>=` only.
pub fn os_version() -> Option<(u64, u64, u64)> {
    let text = kernel_text(c"kern.osproductversion")?;
    let mut numbers = text.split('.').map(|part| part.parse().ok());
    Some((numbers.next()??, numbers.next().flatten().unwrap_or(0), numbers.next().flatten().unwrap_or(0)))
}

/// What names this boot: another UUID each time the machine starts.
pub fn boot_session() -> Option<String> {
    kernel_text(c"kern.bootsessionuuid").filter(|uuid| !uuid.is_empty())
}

/// A short text that the kernel has under this name.
fn kernel_text(name: &CStr) -> Option<String> {
    let mut text = [0u8; 64];
    let mut len = text.len();
    // SAFETY: the name ends in NUL; `len` is the size of `text`, and the kernel writes at most so much and the length
    // it wrote; nothing is set, so the new value may be null.
    let status =
        unsafe { libc::sysctlbyname(name.as_ptr(), text.as_mut_ptr().cast(), &mut len, ptr::null_mut(), 0) };
    let text = if status == 0 { text.get(..len)? } else { return None };
    Some(std::str::from_utf8(text).ok()?.trim_end_matches('\0').to_owned())
}

/// This process's own audit token, by which Endpoint Security names it: the eight values of `audit_token_t`.
pub fn own_audit_token() -> Option<[u32; 8]> {
    /// `TASK_AUDIT_TOKEN` of `<mach/task_info.h>`.
    const TASK_AUDIT_TOKEN: libc::task_flavor_t = 15;
    let mut token = [0u32; 8];
    let mut count: libc::mach_msg_type_number_t = 8;
    #[allow(
        deprecated,
        reason = "libc points to another crate for these two; one more crate for two calls is no gain"
    )]
    // SAFETY: `token` holds eight `natural_t`, as `count` says; the port of the task itself need not be released.
    let status = unsafe {
        libc::task_info(libc::mach_task_self(), TASK_AUDIT_TOKEN, token.as_mut_ptr().cast(), &mut count)
    };
    (status == libc::KERN_SUCCESS && count == 8).then_some(token)
}
