//! The system's own libpcap, loaded at run time: `pcap_set_want_pktap` is Apple's alone and in no import library, and a
//! Mac without it can still say so.

use std::ffi::{CStr, CString, c_char, c_int, c_uint, c_void};
use std::marker::PhantomData;
use std::ptr::{self, NonNull};

/// Lives in the dyld shared cache: there need be no such file.
const LIBRARY: &CStr = c"/usr/lib/libpcap.A.dylib";
/// `PCAP_ERRBUF_SIZE` is 256; room to spare costs nothing.
const ERROR_BUFFER: usize = 1024;

/// One instruction as `pcap_setfilter` takes it (`struct bpf_insn`).
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Instruction {
    pub code: u16,
    pub jump_true: u8,
    pub jump_false: u8,
    pub operand: u32,
}

/// What to ask for.
#[derive(Clone, Copy, Debug)]
pub struct Options<'a> {
    /// `pktap`, with a list of interfaces behind a comma.
    pub device: &'a str,
    pub filter: &'a [Instruction],
    /// Bytes of each packet at most, the header of the tap included.
    pub snapshot: u32,
    /// How long the kernel may gather packets before it hands them over.
    pub timeout_ms: u32,
    pub buffer: u32,
}

/// Why there is no capture, or no more of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Failure {
    /// The library or a function of it is missing.
    Library(String),
    /// Not root, or the system does not let this process.
    Permission(String),
    Device(String),
    /// Anything else, in the library's words.
    Other(String),
}

/// A packet in the library's buffer.
#[derive(Clone, Copy, Debug)]
pub struct Raw<'a> {
    pub seconds: i64,
    pub microseconds: i64,
    /// Length before anything was cut off, headers included.
    pub length: u32,
    pub data: &'a [u8],
}

enum Handle {}

/// Apple adds a comment of 256 bytes behind it: only to be read where the library put it.
#[repr(C)]
struct Header {
    time: libc::timeval,
    captured: u32,
    length: u32,
}

#[repr(C)]
struct Program {
    length: c_uint,
    instructions: *const Instruction,
}

#[repr(C)]
#[derive(Default)]
struct Stat {
    received: c_uint,
    dropped: c_uint,
    dropped_by_interface: c_uint,
}

/// The functions used, each as `pcap.h` declares it.
struct Api {
    // SAFETY: as `pcap.h` wants it; each call says why it is.
    create: unsafe extern "C" fn(*const c_char, *mut c_char) -> *mut Handle,
    // SAFETY: as `pcap.h` wants it; each call says why it is.
    want_pktap: unsafe extern "C" fn(*mut Handle, c_int) -> c_int,
    // SAFETY: as `pcap.h` wants it; each call says why it is.
    snaplen: unsafe extern "C" fn(*mut Handle, c_int) -> c_int,
    // SAFETY: as `pcap.h` wants it; each call says why it is.
    timeout: unsafe extern "C" fn(*mut Handle, c_int) -> c_int,
    // SAFETY: as `pcap.h` wants it; each call says why it is.
    buffer_size: unsafe extern "C" fn(*mut Handle, c_int) -> c_int,
    // SAFETY: as `pcap.h` wants it; each call says why it is.
    activate: unsafe extern "C" fn(*mut Handle) -> c_int,
    // SAFETY: as `pcap.h` wants it; each call says why it is.
    datalink: unsafe extern "C" fn(*mut Handle) -> c_int,
    // SAFETY: as `pcap.h` wants it; each call says why it is.
    setfilter: unsafe extern "C" fn(*mut Handle, *mut Program) -> c_int,
    // SAFETY: as `pcap.h` wants it; each call says why it is.
    next: unsafe extern "C" fn(*mut Handle, *mut *const Header, *mut *const u8) -> c_int,
    // SAFETY: as `pcap.h` wants it; each call says why it is.
    stats: unsafe extern "C" fn(*mut Handle, *mut Stat) -> c_int,
    // SAFETY: as `pcap.h` wants it; each call says why it is.
    error: unsafe extern "C" fn(*mut Handle) -> *const c_char,
    // SAFETY: as `pcap.h` wants it; each call says why it is.
    close: unsafe extern "C" fn(*mut Handle),
}

impl Api {
    fn load() -> Result<Self, Failure> {
        // SAFETY: the name ends in NUL. The library stays loaded: it is never closed.
        let library = unsafe { libc::dlopen(LIBRARY.as_ptr(), libc::RTLD_NOW | libc::RTLD_LOCAL) };
        let library = NonNull::new(library).ok_or_else(loading_failed)?;
        // SAFETY: each function has in `pcap.h` the type of the field that it is for.
        unsafe {
            Ok(Self {
                create: function(library, c"pcap_create")?,
                want_pktap: function(library, c"pcap_set_want_pktap")?,
                snaplen: function(library, c"pcap_set_snaplen")?,
                timeout: function(library, c"pcap_set_timeout")?,
                buffer_size: function(library, c"pcap_set_buffer_size")?,
                activate: function(library, c"pcap_activate")?,
                datalink: function(library, c"pcap_datalink")?,
                setfilter: function(library, c"pcap_setfilter")?,
                next: function(library, c"pcap_next_ex")?,
                stats: function(library, c"pcap_stats")?,
                error: function(library, c"pcap_geterr")?,
                close: function(library, c"pcap_close")?,
            })
        }
    }
}

/// # Safety
///
/// `F` must be the type of a pointer to the function of that name.
// SAFETY: see above; the only callers are in `Api::load`.
unsafe fn function<F: Copy>(library: NonNull<c_void>, name: &CStr) -> Result<F, Failure> {
    const { assert!(size_of::<F>() == size_of::<*mut c_void>()) };
    // SAFETY: a library that is loaded, and a name that ends in NUL.
    let found = unsafe { libc::dlsym(library.as_ptr(), name.as_ptr()) };
    let found = NonNull::new(found).ok_or_else(|| Failure::Library(format!("there is no {name:?} in it")))?;
    // SAFETY: the caller names the function's own type, which is as large as a pointer.
    Ok(unsafe { std::mem::transmute_copy::<*mut c_void, F>(&found.as_ptr()) })
}

fn loading_failed() -> Failure {
    // SAFETY: null, or a text that ends in NUL and lasts until this thread's next call.
    Failure::Library(unsafe { text(libc::dlerror()) })
}

/// # Safety
///
/// `message` must be null or end in NUL.
// SAFETY: see above; each caller says why it may.
unsafe fn text(message: *const c_char) -> String {
    if message.is_null() {
        return String::from("no reason given");
    }
    // SAFETY: as the caller vouches.
    unsafe { CStr::from_ptr(message) }.to_string_lossy().into_owned()
}

/// An open capture of packets with PKTAP headers.
pub struct Capture {
    api: Api,
    handle: NonNull<Handle>,
    /// Used by one thread alone, so not shared.
    _not_shared: PhantomData<*mut ()>,
}

impl Capture {
    pub fn open(options: &Options<'_>) -> Result<Self, Failure> {
        let api = Api::load()?;
        let device = CString::new(options.device).map_err(|_| Failure::Device("a NUL in its name".into()))?;
        let mut error: [c_char; ERROR_BUFFER] = [0; ERROR_BUFFER];
        // SAFETY: a name that ends in NUL, and more room than the library writes to.
        let handle = unsafe { (api.create)(device.as_ptr(), error.as_mut_ptr()) };
        let Some(handle) = NonNull::new(handle) else {
            // SAFETY: the library leaves a text that ends in NUL.
            return Err(Failure::Other(unsafe { text(error.as_ptr()) }));
        };
        let capture = Self { api, handle, _not_shared: PhantomData };
        capture.activate(options)?;
        Ok(capture)
    }

    fn activate(&self, options: &Options<'_>) -> Result<(), Failure> {
        /// `PCAP_ERROR_NO_SUCH_DEVICE`, `PCAP_ERROR_PERM_DENIED`, `PCAP_ERROR_IFACE_NOT_UP`,
        /// `PCAP_ERROR_PROMISC_PERM_DENIED`.
        const NO_DEVICE: c_int = -5;
        const DENIED: [c_int; 2] = [-8, -11];
        const DOWN: c_int = -9;
        const DLT_PKTAP: [c_int; 2] = [149, 258];
        let (api, handle) = (&self.api, self.handle.as_ptr());
        let int = |number: u32| c_int::try_from(number).unwrap_or(c_int::MAX);
        // SAFETY: a handle that is open and not yet active, as these calls want it.
        let status = unsafe {
            (api.want_pktap)(handle, 1);
            (api.snaplen)(handle, int(options.snapshot));
            (api.timeout)(handle, int(options.timeout_ms));
            (api.buffer_size)(handle, int(options.buffer));
            (api.activate)(handle)
        };
        // Warnings are positive.
        match status {
            0.. => {}
            NO_DEVICE | DOWN => return Err(Failure::Device(self.error())),
            denied if DENIED.contains(&denied) => return Err(Failure::Permission(self.error())),
            _ => return Err(Failure::Other(self.error())),
        }
        // SAFETY: an active handle.
        let link = unsafe { (api.datalink)(handle) };
        if !DLT_PKTAP.contains(&link) {
            return Err(Failure::Device(format!("packets of link type {link} instead of PKTAP")));
        }
        let length = c_uint::try_from(options.filter.len()).unwrap_or(0);
        let mut program = Program { length, instructions: options.filter.as_ptr() };
        // SAFETY: an active handle; the program and its instructions outlive the call, which copies them.
        match unsafe { (api.setfilter)(handle, &mut program) } {
            0 => Ok(()),
            _ => Err(Failure::Other(format!("the filter was refused: {}", self.error()))),
        }
    }

    /// The next packet; `None` if none came in time.
    pub fn next(&mut self) -> Result<Option<Raw<'_>>, Failure> {
        let (mut header, mut data) = (ptr::null(), ptr::null());
        // SAFETY: an active handle and two places for pointers.
        match unsafe { (self.api.next)(self.handle.as_ptr(), &mut header, &mut data) } {
            1 if !header.is_null() && !data.is_null() => {
                // SAFETY: both stay until the next call on the handle, which the borrow of `self` forbids meanwhile, and
                // `captured` bytes are there.
                let (header, data) = unsafe {
                    let header: &Header = &*header;
                    (header, std::slice::from_raw_parts(data, header.captured as usize))
                };
                Ok(Some(Raw {
                    seconds: header.time.tv_sec,
                    microseconds: i64::from(header.time.tv_usec),
                    length: header.length,
                    data,
                }))
            }
            0 => Ok(None),
            _ => Err(Failure::Other(self.error())),
        }
    }

    /// Packets dropped since the opening, for want of room in the kernel or in an interface.
    pub fn dropped(&mut self) -> Option<u64> {
        let mut stat = Stat::default();
        // SAFETY: an active handle and room for what is written.
        let status = unsafe { (self.api.stats)(self.handle.as_ptr(), &mut stat) };
        (status == 0).then(|| u64::from(stat.dropped) + u64::from(stat.dropped_by_interface))
    }

    fn error(&self) -> String {
        // SAFETY: the text belongs to the handle, ends in NUL and is copied at once.
        unsafe { text((self.api.error)(self.handle.as_ptr())) }
    }
}

impl Drop for Capture {
    /// Also destroys the tap's interface, which the library made for this handle.
    fn drop(&mut self) {
        // SAFETY: the handle is open, and nobody uses it hereafter.
        unsafe { (self.api.close)(self.handle.as_ptr()) }
    }
}
