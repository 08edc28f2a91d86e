//! The kernel control `com.apple.network.statistics`: a datagram socket to the kernel.

use std::ffi::c_int;
use std::io;
use std::mem;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::time::Duration;

const NAME: &[u8] = b"com.apple.network.statistics";
/// Holds the answers to one look of a busy Mac; more than a socket gets by default.
const RECEIVE_BUFFER: c_int = 1 << 20;

/// A connection to the control.
pub struct Control(OwnedFd);

impl Control {
    /// `wait`: how long [`Control::receive`] waits. Errors are the system's: no such control, not permitted.
    pub fn open(wait: Duration) -> io::Result<Self> {
        // SAFETY: plain numbers; the result is checked.
        let fd = unsafe { libc::socket(libc::PF_SYSTEM, libc::SOCK_DGRAM, libc::SYSPROTO_CONTROL) };
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the descriptor is open and nobody else's.
        let fd = unsafe { OwnedFd::from_raw_fd(fd) };
        // SAFETY: a structure of numbers, for which all zeros is a value.
        let mut info: libc::ctl_info = unsafe { mem::zeroed() };
        for (to, from) in info.ctl_name.iter_mut().zip(NAME) {
            *to = from.cast_signed();
        }
        // SAFETY: `CTLIOCGINFO` reads and writes a `ctl_info`, which this is.
        checked(unsafe { libc::ioctl(fd.as_raw_fd(), libc::CTLIOCGINFO, &raw mut info) })?;
        // SAFETY: a structure of numbers, for which all zeros is a value.
        let mut address: libc::sockaddr_ctl = unsafe { mem::zeroed() };
        let length = mem::size_of::<libc::sockaddr_ctl>();
        address.sc_len = length as u8;
        address.sc_family = libc::AF_SYSTEM as u8;
        address.ss_sysaddr = libc::AF_SYS_CONTROL as u16;
        address.sc_id = info.ctl_id;
        // SAFETY: an address of the length that is said.
        checked(unsafe { libc::connect(fd.as_raw_fd(), (&raw const address).cast(), length as u32) })?;
        let control = Self(fd);
        let micros = i32::try_from(wait.subsec_micros()).unwrap_or(0);
        let wait = libc::timeval { tv_sec: wait.as_secs().cast_signed(), tv_usec: micros };
        control.set(libc::SO_RCVTIMEO, &wait)?;
        // Smaller is no failure: what finds no room is told with the next look.
        let _ = control.set(libc::SO_RCVBUF, &RECEIVE_BUFFER);
        Ok(control)
    }

    fn set<T>(&self, option: c_int, value: &T) -> io::Result<()> {
        let length = mem::size_of::<T>() as u32;
        // SAFETY: `length` bytes are there; the two options take what they are given above.
        checked(unsafe {
            let value = (&raw const *value).cast();
            libc::setsockopt(self.0.as_raw_fd(), libc::SOL_SOCKET, option, value, length)
        })
    }

    pub fn send(&self, request: &[u8]) -> io::Result<()> {
        // SAFETY: the slice is there as long as the call.
        let sent = unsafe { libc::send(self.0.as_raw_fd(), request.as_ptr().cast(), request.len(), 0) };
        if sent < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
    }

    /// The length of the next datagram, of which the buffer holds what it can; `None` if none came in time.
    pub fn receive(&self, buffer: &mut [u8]) -> io::Result<Option<usize>> {
        // SAFETY: the kernel writes at most as much as the buffer holds.
        let length = unsafe { libc::recv(self.0.as_raw_fd(), buffer.as_mut_ptr().cast(), buffer.len(), 0) };
        match usize::try_from(length) {
            Ok(0) => Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(length) => Ok(Some(length)),
            Err(_) => match io::Error::last_os_error() {
                error if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {
                    Ok(None)
                }
                error => Err(error),
            },
        }
    }
}

fn checked(status: c_int) -> io::Result<()> {
    if status < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}
