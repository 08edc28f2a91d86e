//! Finds keys of a message by searching for their bytes.
//!
//! A quote inside a JSON string is always escaped, so `"key":` stands in a line only where a key of that name does. At
//! which depth it stands the search cannot tell; each place of use says why there is only one.

use std::cell::Cell;

use memchr::arch::all::packedpair::HeuristicFrequencyRank;
use memchr::memmem::{Finder, FinderBuilder};

use super::digits::leading_digits;
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

    /// The number that is the value of the key, if it is as nearly all are: whole, and without a sign.
    #[inline]
    pub(super) fn digits_in(&self, bytes: &[u8]) -> Option<u64> {
        Some(leading_digits(bytes.get(self.find(bytes)?.1..)?)?.0)
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
    shape: Shape,
}

impl<'a> Outside<'a> {
    /// `start`: where the event's key begins. `end`: where its value ends.
    #[inline]
    pub(super) fn new(line: &'a [u8], start: usize, end: usize) -> Option<Self> {
        Some(Self { line, before: line.get(..start)?, end, shape: Shape::of(line, end) })
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
    pub(super) fn value(&self, key: &EnvelopeKey) -> Option<&'a [u8]> {
        self.line.get(key.place(self)?..)
    }
}

/// What lines with their keys in one order have in common: the first key, and the one behind the event.
#[derive(Clone, Copy)]
struct Shape(usize);

impl Shape {
    /// Shapes that are told apart. Others of the same number only cost each other a search.
    const COUNT: usize = 64;

    #[inline]
    fn of(line: &[u8], end: usize) -> Self {
        let key = |at: usize| {
            line.get(at + 2..).and_then(|line| line.first_chunk()).map_or(0, |key| u64::from_le_bytes(*key))
        };
        let mixed = (key(0) ^ key(end).rotate_left(32)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        Self((mixed >> 56) as usize % Self::COUNT)
    }
}

/// A key of the envelope. One run of `eslogger` writes the keys in few orders, and most values between them in as many
/// bytes as before: looking where the key stood the last time spares the search for it. What is found so is the key: its
/// bytes stand outside the event only once, wherever that is.
#[derive(Debug)]
pub(super) struct EnvelopeKey {
    key: Key,
    /// The first eight bytes of the key, and those bits of them that it has.
    head: (u64, u64),
    stood: Box<[Cell<Stood>]>,
}

/// A distance from each thing that the key may keep its distance from. Zero, where nothing was found yet, is no key's.
#[derive(Clone, Copy, Default, Debug)]
struct Stood {
    from_start: u16,
    behind_event: u16,
    from_end: u16,
}

impl EnvelopeKey {
    fn new(pattern: &'static str) -> Self {
        let mut head = [0; 8];
        let mut mask = [0; 8];
        for ((head, mask), byte) in head.iter_mut().zip(&mut mask).zip(pattern.as_bytes()) {
            (*head, *mask) = (*byte, u8::MAX);
        }
        Self {
            key: Key::new(pattern),
            head: (u64::from_le_bytes(head), u64::from_le_bytes(mask)),
            stood: vec![Cell::default(); Shape::COUNT].into_boxed_slice(),
        }
    }

    /// Where its value begins.
    #[inline]
    pub(super) fn place(&self, outside: &Outside<'_>) -> Option<usize> {
        let stood = self.stood.get(outside.shape.0)?;
        let Stood { from_start, behind_event, from_end } = stood.get();
        let places = [
            usize::from(from_start),
            outside.end + usize::from(behind_event),
            outside.line.len().saturating_sub(usize::from(from_end)),
        ];
        let len = self.key.0.needle().len();
        match places.into_iter().find(|at| self.is_at(outside, *at)) {
            Some(at) => Some(at + len),
            None => self.search(outside, stood),
        }
    }

    #[inline]
    fn is_at(&self, outside: &Outside<'_>, at: usize) -> bool {
        let (head, mask) = self.head;
        let needle = self.key.0.needle();
        let Some((first, rest)) = outside.line.get(at..).and_then(<[u8]>::split_first_chunk) else {
            return false;
        };
        u64::from_le_bytes(*first) & mask == head
            && needle.get(8..).is_none_or(|tail| rest.starts_with(tail))
            && (at + needle.len() <= outside.before.len() || at >= outside.end)
    }

    fn search(&self, outside: &Outside<'_>, stood: &Cell<Stood>) -> Option<usize> {
        let value = outside.place(&self.key)?;
        let at = value - self.key.0.needle().len();
        // Further off than 64 KiB it is not looked for there.
        let near = |distance: Option<usize>| distance.and_then(|far| u16::try_from(far).ok()).unwrap_or(0);
        stood.set(Stood {
            from_start: near(Some(at)),
            behind_event: near(at.checked_sub(outside.end)),
            from_end: near(outside.line.len().checked_sub(at)),
        });
        Some(value)
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
    pub(super) time: EnvelopeKey,
    pub(super) action: EnvelopeKey,
    pub(super) global: EnvelopeKey,
    pub(super) number: EnvelopeKey,
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
            time: EnvelopeKey::new(r#""time":"#),
            global: EnvelopeKey::new(r#""global_seq_num":"#),
            number: EnvelopeKey::new(r#""seq_num":"#),
            ticks: Key::new(r#""mach_time":"#),
            action: EnvelopeKey::new(r#""action":"#),
            inode: Key::new(r#""st_ino":"#),
            device: Key::new(r#""st_dev":"#),
            links: Key::new(r#""st_nlink":"#),
            size: Key::new(r#""st_size":"#),
            mode: Key::new(r#""st_mode":"#),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// In lines of one shape and of others, longer and shorter, before the event and behind it.
    #[test]
    fn a_key_is_where_the_search_finds_it() {
        let key = EnvelopeKey::new(r#""time":"#);
        let mut found = 0;
        for n in 0..4000usize {
            let wide = "7".repeat(n % 7 + usize::from(n % 50 == 0) * 20);
            let event = format!(r#""event":{{"open":{{"time":"{wide}","x":"\"time\":"}}}}"#);
            let time = if n % 11 == 0 { "" } else { r#""time":"now","# };
            let line = match n % 4 {
                0 => format!(r#"{{"a":{wide},{time}{event},"b":1}}"#),
                1 => format!(r#"{{"a":{wide},{event},{time}"start_time":"b"}}"#),
                2 => format!(r#"{{{time}"start_time":"{wide}",{event}}}"#),
                _ => format!(r#"{{"b":"\"time\":{wide}",{event},"c":"{wide}",{time}"d":1}}"#),
            };
            let start = line.find(&event).unwrap();
            let outside = Outside::new(line.as_bytes(), start, start + event.len()).unwrap();
            let by_search = outside.place(&key.key);
            assert_eq!(key.place(&outside), by_search, "{line}");
            assert_eq!(by_search.is_some(), !time.is_empty());
            found += usize::from(by_search.is_some());
        }
        assert!(found > 3000);
    }
}
