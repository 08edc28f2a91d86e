//! Finds keys of a message by searching for their bytes.
//!
//! A quote inside a JSON string is always escaped, so `"key":` stands in a line only where a key of that name does. At
//! which depth it stands the search cannot tell; each place of use says why there is only one.

use memchr::arch::all::packedpair::HeuristicFrequencyRank;
use memchr::memmem::{Finder, FinderBuilder};

use super::scan::Scanner;
use crate::model::TimeReader;

/// A key, quotes and colon included.
#[derive(Debug)]
pub(super) struct Key(Finder<'static>);

impl Key {
    fn new(pattern: &'static str) -> Self {
        Self(FinderBuilder::new().build_forward_with_ranker(LineBytes, pattern))
    }

    /// Where the pattern begins and where what follows it does.
    #[inline]
    pub(super) fn find(&self, bytes: &[u8]) -> Option<(usize, usize)> {
        let at = self.0.find(bytes)?;
        Some((at, at + self.0.needle().len()))
    }

    /// The number that is the value of the key.
    #[inline]
    pub(super) fn number_in<N: TryFrom<u64> + TryFrom<i128>>(&self, bytes: &[u8]) -> Option<N> {
        let (_, value) = self.find(bytes)?;
        Scanner::starting_at(bytes, value).number().ok()?
    }
}

/// A line without its event, which is where the keys of the envelope stand.
#[derive(Clone, Copy)]
pub(super) struct Outside<'a> {
    line: &'a [u8],
    before: &'a [u8],
    /// Where the event ends.
    end: usize,
}

impl<'a> Outside<'a> {
    /// `start`: where the event's key begins. `end`: where its value ends.
    #[inline]
    pub(super) fn new(line: &'a [u8], start: usize, end: usize) -> Option<Self> {
        Some(Self { line, before: line.get(..start)?, end })
    }

    /// Where the value of a key begins, by search.
    #[inline]
    pub(super) fn place(&self, key: &Key) -> Option<usize> {
        if let Some((_, value)) = key.find(self.before) {
            return Some(value);
        }
        let (_, value) = key.find(self.line.get(self.end..)?)?;
        Some(self.end + value)
    }

    /// The line from the value of a key on.
    #[inline]
    pub(super) fn value(&self, key: &Key) -> Option<&'a [u8]> {
        self.line.get(self.place(key)?..)
    }
}

/// How often bytes stand in a line. A search looks for the two rarest bytes of its key first; by what is rare in prose it
/// would stop at every quote.
struct LineBytes;

impl HeuristicFrequencyRank for LineBytes {
    fn rank(&self, byte: u8) -> u8 {
        const MOST_FREQUENT_FIRST: &[u8] = b"\"0:tsei,12_danr5po4l36c7u9m8g-{}h.b\\/vfTZkyzCAEFDBxqSwULOMR";
        match memchr::memchr(byte, MOST_FREQUENT_FIRST) {
            Some(at) => u8::MAX - at as u8,
            None => 0,
        }
    }
}

/// Built once: a search is cheaper than its preparation only when it is used again.
#[derive(Debug)]
pub(super) struct Finders {
    pub(super) times: TimeReader,
    pub(super) event: Key,
    pub(super) process: Key,
    pub(super) token: Key,
    pub(super) time: Key,
    pub(super) action: Key,
    pub(super) global: Key,
    pub(super) number: Key,
    pub(super) ticks: Key,
    pub(super) inode: Key,
    pub(super) device: Key,
    pub(super) links: Key,
    pub(super) size: Key,
    pub(super) mode: Key,
}

impl Finders {
    pub(super) fn new() -> Self {
        Self {
            times: TimeReader::default(),
            event: Key::new(r#""event":{""#),
            process: Key::new(r#""process":"#),
            token: Key::new(r#""audit_token":"#),
            time: Key::new(r#""time":"#),
            global: Key::new(r#""global_seq_num":"#),
            number: Key::new(r#""seq_num":"#),
            ticks: Key::new(r#""mach_time":"#),
            action: Key::new(r#""action":"#),
            inode: Key::new(r#""st_ino":"#),
            device: Key::new(r#""st_dev":"#),
            links: Key::new(r#""st_nlink":"#),
            size: Key::new(r#""st_size":"#),
            mode: Key::new(r#""st_mode":"#),
        }
    }
}
