//! Finds keys of a message by searching for their bytes.
//!
//! A quote inside a JSON string is always escaped, so `"key":` stands in a line only where a key of that name does. At
//! which depth it stands the search cannot tell; each place of use says why there is only one.

use memchr::memmem::Finder;

use super::quick::Quick;
use super::scan::Scanner;

/// A key, quotes and colon included.
#[derive(Debug)]
pub(super) struct Key(Finder<'static>);

impl Key {
    fn new(pattern: &'static str) -> Self {
        Self(Finder::new(pattern))
    }

    /// Where the pattern begins and where what follows it does.
    #[inline]
    pub(super) fn find(&self, bytes: &[u8]) -> Option<(usize, usize)> {
        let at = self.0.find(bytes)?;
        Some((at, at + self.0.needle().len()))
    }

    /// The number that is the value of the key.
    #[inline]
    pub(super) fn number_in<N: TryFrom<i128>>(&self, bytes: &[u8]) -> Option<N> {
        let (_, value) = self.find(bytes)?;
        Scanner::starting_at(bytes, value).number().ok()?
    }
}

/// Built once: a search is cheaper than its preparation only when it is used again.
#[derive(Debug)]
pub(super) struct Finders {
    pub(super) quick: Quick,
    pub(super) event: Key,
    pub(super) process: Key,
    pub(super) token: Key,
    pub(super) time: Key,
    /// The end of `"seq_num":` and of `"global_seq_num":` alike.
    pub(super) numbers: Key,
    pub(super) action: Key,
    pub(super) ticks: Key,
    pub(super) pid: Key,
    pub(super) version: Key,
    pub(super) path: Key,
    pub(super) flags: Key,
    pub(super) modified: Key,
    pub(super) mapped: Key,
    pub(super) inode: Key,
    pub(super) device: Key,
    pub(super) links: Key,
    pub(super) size: Key,
    pub(super) mode: Key,
}

impl Finders {
    pub(super) fn new() -> Self {
        Self {
            quick: Quick::new(),
            event: Key::new(r#""event":{""#),
            process: Key::new(r#""process":"#),
            token: Key::new(r#""audit_token":"#),
            time: Key::new(r#""time":"#),
            numbers: Key::new(r#"seq_num":"#),
            ticks: Key::new(r#""mach_time":"#),
            action: Key::new(r#""action":"#),
            pid: Key::new(r#""pid":"#),
            version: Key::new(r#""pidversion":"#),
            path: Key::new(r#""path":"#),
            flags: Key::new(r#""fflag":"#),
            modified: Key::new(r#""modified":"#),
            mapped: Key::new(r#""was_mapped_writable":"#),
            inode: Key::new(r#""st_ino":"#),
            device: Key::new(r#""st_dev":"#),
            links: Key::new(r#""st_nlink":"#),
            size: Key::new(r#""st_size":"#),
            mode: Key::new(r#""st_mode":"#),
        }
    }
}
