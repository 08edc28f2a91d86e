//! The unified log, without a C compiler: what clang's `__builtin_os_log_format` makes of `"%{public}s"` is written here by
//! hand. (The crates that log there compile a file of C against Apple's headers, which only a Mac has.)

use std::ffi::{CString, c_char, c_void};

/// `os_log_type_t`
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Type {
    Default = 0x00,
    /// Kept in memory alone, unless the log is configured otherwise.
    Info = 0x01,
    Error = 0x10,
    Fault = 0x11,
}

// SAFETY: as `<os/log.h>` declares them, and clang's builtin calls them; `bool` is one byte on both sides. All are part of
// libSystem since macOS 10.12. The linker makes `__dso_handle`: the address of this image.
unsafe extern "C" {
    fn os_log_create(subsystem: *const c_char, category: *const c_char) -> *mut c_void;
    fn os_log_type_enabled(log: *mut c_void, kind: u8) -> bool;
    fn _os_log_impl(
        image: *const c_void,
        log: *mut c_void,
        kind: u8,
        format: *const c_char,
        arguments: *mut u8,
        size: u32,
    );
    static __dso_handle: u8;
}

/// The log keeps the place of a format within its image, not its text: it must stand where the log will look for it.
// SAFETY: the section of the formats of clang's builtin; what stands there is never written.
#[unsafe(link_section = "__TEXT,__oslogstring,cstring_literals")]
#[used]
static FORMAT: [u8; 11] = *b"%{public}s\0";

/// Of the arguments as a whole: one of them is no plain number.
const HAS_STRING: u8 = 2;
const ONE: u8 = 1;
/// A string (2), public (2).
const PUBLIC_STRING: u8 = 0x22;
const POINTER: u8 = 8;

/// A log of one subsystem and category. There are few, and they are never released.
#[derive(Debug)]
pub struct Log(*mut c_void);

// SAFETY: `os_log_t` may be used from any thread, and is not released.
unsafe impl Send for Log {}
// SAFETY: as above.
unsafe impl Sync for Log {}

impl Log {
    pub fn new(subsystem: &str, category: &str) -> Self {
        let (subsystem, category) = (terminated(subsystem), terminated(category));
        // SAFETY: two strings that end in NUL and are copied.
        Self(unsafe { os_log_create(subsystem.as_ptr(), category.as_ptr()) })
    }

    /// Hands a text over for everybody to read; nothing if the log takes no such type.
    pub fn write(&self, kind: Type, text: &str) {
        let text = terminated(text);
        let [a, b, c, d, e, f, g, h] = (text.as_ptr() as usize).to_ne_bytes();
        let mut arguments = [HAS_STRING, ONE, PUBLIC_STRING, POINTER, a, b, c, d, e, f, g, h];
        let size = arguments.len() as u32;
        // SAFETY: the log lives; the format stands in this image and asks for one string, which is what the arguments
        // hold; the string ends in NUL and outlives the call, which copies it.
        unsafe {
            if os_log_type_enabled(self.0, kind as u8) {
                let (image, format) = ((&raw const __dso_handle).cast(), (&raw const FORMAT).cast());
                _os_log_impl(image, self.0, kind as u8, format, arguments.as_mut_ptr(), size);
            }
        }
    }
}

/// NUL within a text would end it.
fn terminated(text: &str) -> CString {
    CString::new(text.replace('\0', "\u{FFFD}")).unwrap_or_default()
}
