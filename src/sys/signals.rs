//! What a process was told of signals by whoever started it.

use std::mem::MaybeUninit;
use std::ptr;

/// Is this signal ignored at present? If it was at the start, whoever started the program meant it to be.
pub fn is_ignored(signal: i32) -> bool {
    let mut present = MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: no new action is given, so nothing changes; `present` has room for the old one, and zeroes are one.
    let (status, present) = unsafe {
        let status = libc::sigaction(signal, ptr::null(), present.as_mut_ptr());
        (status, present.assume_init())
    };
    status == 0 && present.sa_sigaction == libc::SIG_IGN
}
