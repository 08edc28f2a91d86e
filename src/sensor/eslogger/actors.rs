//! Processes that acted before, known again by some of their bytes.
//!
//! `eslogger` writes the same thousand bytes of a process into every line of it. Where they end and where they say whose they
//! are is remembered: to look there costs a tenth of stepping over them.
//!
//! The bytes between are not looked at, so another process may be taken for one of another length. Then the line does not
//! read to its end: whoever skips a wrong number of bytes comes out at another depth than the envelope's or behind another
//! of its keys, and what follows there closes more brackets than there are, or lacks that key. So nothing is believed of a
//! process but by whoever reads the whole of its line. The kernel's quotes cannot be forged: a string has none that is not
//! escaped.

use memchr::memchr;
use memchr::memmem::Finder;

use crate::model::{Pid, ProcessKey};

use super::digits::leading_digits;

/// Processes remembered: [`SETS`] times [`WAYS`]. 40 KiB: a process is looked up for every line.
const SETS: usize = 512;
const WAYS: usize = 4;

const TOKEN: &[u8; 15] = b"\"audit_token\":{";
const PID: &[u8; 6] = b"\"pid\":";
const VERSION: &[u8; 13] = b"\"pidversion\":";
/// Eight numbers and their names have at most 170 bytes.
const LONGEST_TOKEN: usize = 256;

/// Where a process says what; all zero where there is none yet.
#[derive(Clone, Copy, Default, Debug)]
struct Actor {
    mark: u64,
    length: u16,
    /// What follows the bracket of its token.
    token: u16,
    /// From there.
    pid: u16,
    version: u16,
}

/// Those of one stream. A new one takes the place of the oldest of its set.
#[derive(Debug)]
pub(super) struct Actors {
    sets: Box<[[Actor; WAYS]]>,
    token: Finder<'static>,
    pid: Finder<'static>,
    version: Finder<'static>,
}

impl Actors {
    pub(super) fn new() -> Self {
        let sets = vec![[Actor::default(); WAYS]; SETS].into_boxed_slice();
        Self { sets, token: Finder::new(TOKEN), pid: Finder::new(PID), version: Finder::new(VERSION) }
    }

    /// Whose object `rest` seems to begin with, and how long it seems to be.
    #[inline]
    pub(super) fn recognise(&self, rest: &[u8]) -> Option<(ProcessKey, usize)> {
        let mark = mark(rest)?;
        let set = self.sets.get(place(mark))?;
        set.iter().filter(|actor| actor.mark == mark).find_map(|actor| actor.read(rest))
    }

    /// Remembers the object of `length` bytes that `rest` begins with, which is that of `key`.
    pub(super) fn remember(&mut self, rest: &[u8], length: usize, key: ProcessKey) {
        if self.recognise(rest) != Some((key, length))
            && let Some(actor) = self.describe(rest, length)
            && actor.read(rest) == Some((key, length))
            && let Some(set) = self.sets.get_mut(place(actor.mark))
        {
            set.rotate_right(1);
            let [newest, ..] = set;
            *newest = actor;
        }
    }

    fn describe(&self, rest: &[u8], length: usize) -> Option<Actor> {
        let token = self.token.find(rest.get(..length)?)? + TOKEN.len();
        let within = rest.get(token..length)?;
        let near = |at: usize| u16::try_from(at).ok();
        Some(Actor {
            mark: mark(rest)?,
            length: near(length)?,
            token: near(token)?,
            pid: near(self.pid.find(within)?)?,
            version: near(self.version.find(within)?)?,
        })
    }
}

impl Actor {
    #[inline]
    fn read(&self, rest: &[u8]) -> Option<(ProcessKey, usize)> {
        let (length, token) = (usize::from(self.length), usize::from(self.token));
        let key = rest.get(token.checked_sub(TOKEN.len())?..token)?;
        let ends = matches!(rest.get(length.checked_sub(1)?..), Some([b'}', b',' | b'}', ..] | [b'}']));
        if !ends || key != TOKEN {
            return None;
        }
        let within = rest.get(token..length)?;
        let end = memchr(b'}', within.get(..LONGEST_TOKEN).unwrap_or(within))?;
        let pid = number(within, self.pid.into(), PID, end)?;
        let version = number(within, self.version.into(), VERSION, end)?;
        let key = ProcessKey { pid: Pid(pid.try_into().ok()?), version: version.try_into().ok()? };
        Some((key, length))
    }
}

/// The value of a key that stands at `at`, before `end`.
#[inline]
fn number<const N: usize>(token: &[u8], at: usize, key: &[u8; N], end: usize) -> Option<u64> {
    let (there, value) = token.get(at..)?.split_first_chunk()?;
    if at >= end || there != key {
        return None;
    }
    Some(leading_digits(value)?.0)
}

/// Some of the bytes of a process made one number, which is not zero. Of a process that is shorter than what is looked at,
/// some may be another's: it is met anew then.
#[inline]
fn mark(rest: &[u8]) -> Option<u64> {
    const EVERY: usize = 96;
    const LOOKED_AT: usize = 8 * EVERY;
    let (some, _) = rest.first_chunk::<LOOKED_AT>()?.as_chunks::<EVERY>();
    let mark = some.iter().fold(0u64, |mark, some| {
        let eight = some.first_chunk().map_or(0, |eight| u64::from_le_bytes(*eight));
        (mark.rotate_left(5) ^ eight).wrapping_mul(0x9e37_79b9_7f4a_7c15)
    });
    Some(mark | 1)
}

#[inline]
fn place(mark: u64) -> usize {
    (mark >> 48) as usize % SETS
}

#[cfg(test)]
mod tests {
    use super::*;

    fn process(name: &str, pid: i32, version: u32) -> String {
        let filling = "x".repeat(800);
        let parent = r#""parent_audit_token":{"pid":1,"pidversion":1}"#;
        let token = format!(r#""audit_token":{{"auid":5,"pid":{pid},"ruid":5,"pidversion":{version}}}"#);
        format!(r#"{{"path":"{filling}",{parent},{token},"name":"{name}"}}"#)
    }

    fn key(pid: i32, version: u32) -> ProcessKey {
        ProcessKey { pid: Pid(pid), version }
    }

    #[test]
    fn who_it_is_is_read_and_not_remembered() {
        let mut actors = Actors::new();
        let one = process("a", 1234, 99);
        assert_eq!(actors.recognise(one.as_bytes()), None);
        actors.remember(format!("{one},\"x\":1}}").as_bytes(), one.len(), key(1234, 99));
        assert_eq!(actors.recognise(one.as_bytes()), Some((key(1234, 99), one.len())));
        let two = process("b", 4321, 77);
        assert_eq!(actors.recognise(two.as_bytes()), Some((key(4321, 77), two.len())), "it looks the same");
        for other in [
            process("a", 123, 99),
            process("a", 1234, 9999),
            process("abc", 1234, 99),
            one.replace("audit_token", "audit-token"),
            one.replace("\"auid\":5", "\"auid\":{}"),
            one[..one.len() - 1].to_owned(),
        ] {
            assert_eq!(actors.recognise(other.as_bytes()), None, "{other}");
        }
    }

    #[test]
    fn what_cannot_be_known_again_is_not_kept() {
        let mut actors = Actors::new();
        let short = r#"{"audit_token":{"pid":1,"pidversion":2}}"#;
        let array = process("a", 1, 2).replace("\"audit_token\":{", "\"audit_token\":[1],\"b\":{");
        let long = process(&"y".repeat(70_000), 1, 2);
        for none in [short, &array, &long] {
            actors.remember(none.as_bytes(), none.len(), key(1, 2));
            assert_eq!(actors.recognise(none.as_bytes()), None);
        }
    }

    #[test]
    fn the_latest_are_known() {
        let mut actors = Actors::new();
        let line = |n: i32| process("a", 1000, 10).replacen("xxxxxxxx", &format!("x{n:05}xx"), 120);
        for n in 0..20_000 {
            actors.remember(line(n).as_bytes(), line(n).len(), key(1000, 10));
            assert!(actors.recognise(line(n).as_bytes()).is_some());
        }
        let known = (0..20_000).filter(|n| actors.recognise(line(*n).as_bytes()).is_some()).count();
        assert!((SETS..=SETS * WAYS).contains(&known), "{known}");
    }
}
