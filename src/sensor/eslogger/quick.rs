//! Nearly every line is an open of a file that matters to nobody, or a close of a file that nobody changed. One pass over
//! the line, for all keys of the envelope at once, and a look at the event are enough to know it for one of these; any
//! doubt leaves it to the slower ways.
//!
//! A quote inside a JSON string is always escaped, so a key stands in the line only where an object has it. These two
//! events have no keys that a program chooses for itself; in a line of theirs each of the envelope's keys stands once (the
//! other tokens and times have longer names), and what `process` and the event have in common is told apart by where
//! `process` begins.

use aho_corasick::packed::{Config, Searcher};

use crate::model::{FileId, FilePath, OpenFlags, Pid, ProcessKey, Timestamp, What};
use crate::sensor::gate::Gate;

use super::events::{Body, Context};
use super::find::{Finders, Key};
use super::message::{Answer, Envelope, Event};
use super::quotes::closing_quote;
use super::scan::Scanner;
use super::text::Text;

/// The keys of the envelope, by the number of their place.
const PATTERNS: [&str; 6] =
    [r#""event":{""#, r#"seq_num":"#, r#""time":"#, r#""audit_token":"#, r#""action":"#, r#""process":"#];

const EVENT: usize = 0;
const GLOBAL: usize = 1;
const TIME: usize = 2;
const TOKEN: usize = 3;
const ACTION: usize = 4;
const PROCESS: usize = 5;
/// `seq_num` shares its pattern with `global_seq_num`.
const NUMBER: usize = 6;

/// Offsets of values; 0 where there is none, as no value stands at the front of a line. The event's is not among them.
type Places = [usize; NUMBER + 1];

/// The one pass. `None` inside on processors without the instructions it is made of.
#[derive(Debug)]
pub(super) struct Quick(Option<Searcher>);

impl Quick {
    pub(super) fn new() -> Self {
        Self(Config::new().builder().extend(PATTERNS).build())
    }

    /// What the line comes to, if it is one of the many.
    #[inline]
    pub(super) fn read<'a, G: Gate + ?Sized>(
        line: &'a [u8],
        context: &mut Context<'_, G>,
    ) -> Option<(Event<'a>, Envelope, Body)> {
        let Self(Some(searcher)) = &context.tools.finders.quick else { return None };
        if line.last() != Some(&b'}') {
            return None;
        }
        let (event, places) = places(searcher, line)?;
        let end = if places[PROCESS] > event.start { places[PROCESS] } else { line.len() };
        let inside = line.get(event.body..end)?;
        let body = match event.name {
            b"open" => open(inside, context)?,
            _ => close(inside, context.tools.finders)?,
        };
        let envelope = Envelope::new(
            time(line.get(places[TIME]..)?)?,
            (digits(line.get(places[GLOBAL]..)?)?.0, digits(line.get(places[NUMBER]..)?)?.0),
            actor(line.get(places[TOKEN]..)?)?,
            places[PROCESS],
            Answer::find(line.get(places[ACTION]..)?)?,
        );
        Some((event, envelope, body))
    }
}

/// Where everything stands in an `open` or `close`; `None` for other events, and unless each key stands there once.
#[inline]
fn places<'a>(searcher: &Searcher, line: &'a [u8]) -> Option<(Event<'a>, Places)> {
    let mut places: Places = [0; NUMBER + 1];
    let mut event = None;
    for found in searcher.find_iter(line) {
        let (start, end) = (found.start(), found.end());
        let slot = match found.pattern().as_usize() {
            EVENT => {
                let found = Event::at(line, start, end)?;
                if !matches!(found.name, b"open" | b"close") || event.replace(found).is_some() {
                    return None;
                }
                EVENT
            }
            GLOBAL => match line.get(..start)? {
                [.., b'"'] => NUMBER,
                before if before.ends_with(b"\"global_") => GLOBAL,
                _ => continue,
            },
            slot => slot,
        };
        if std::mem::replace(&mut places[slot], end) != 0 {
            return None;
        }
    }
    let all = places.iter().all(|place| *place != 0);
    all.then_some((event?, places))
}

/// An open of a file that matters is read whole instead.
#[inline]
fn open<G: Gate + ?Sized>(event: &[u8], context: &mut Context<'_, G>) -> Option<Body> {
    let finders = context.tools.finders;
    // The mask is an int in C and its high bits may be printed as a sign.
    let flags = value(event, &finders.flags)?;
    let flags = OpenFlags(Scanner::new(flags).number::<i64>().ok()?? as u32);
    let [b'"', path @ ..] = value(event, &finders.path)? else { return None };
    let path = path.get(..closing_quote(path)?)?;
    let interest = context.interest(Text(path));
    if interest.matters {
        return None;
    }
    if !flags.reads() {
        return Some(Body { what: None, wanted: flags.0 });
    }
    let (name, links) = if interest.named {
        let name = FilePath::new(Text(path).bytes(context.tools.scratch));
        (Some(name), finders.links.number_in(event).unwrap_or(0))
    } else {
        (None, 0)
    };
    let what = Some(What::Touch { path: interest.hash, id: id(event, finders), name, links });
    Some(Body { what, wanted: flags.0 })
}

#[inline]
fn id(event: &[u8], finders: &Finders) -> Option<FileId> {
    let device = finders.device.number_in(event)?;
    let inode = finders.inode.number_in(event)?;
    Some(FileId { device, inode })
}

/// A close of a file that was changed is read whole instead.
#[inline]
fn close(event: &[u8], finders: &Finders) -> Option<Body> {
    let unchanged = |value: &[u8]| value.starts_with(b"false");
    let told =
        unchanged(value(event, &finders.modified)?) && value(event, &finders.mapped).is_none_or(unchanged);
    told.then_some(Body { what: None, wanted: 0 })
}

#[inline]
fn value<'a>(event: &'a [u8], key: &Key) -> Option<&'a [u8]> {
    let (_, value) = key.find(event)?;
    event.get(value..)
}

/// A whole number without a sign that fits, and what follows it.
#[inline]
fn digits(text: &[u8]) -> Option<(u64, &[u8])> {
    /// So many digits always fit.
    const MAX: usize = 19;
    let mut number = 0u64;
    let mut length = 0;
    while let Some(digit @ b'0'..=b'9') = text.get(length) {
        number = number.wrapping_mul(10).wrapping_add(u64::from(digit - b'0'));
        length += 1;
    }
    let rest = text.get(length..)?;
    ((1..=MAX).contains(&length) && matches!(rest, [b',' | b'}', ..])).then_some((number, rest))
}

#[inline]
fn time(text: &[u8]) -> Option<Timestamp> {
    let [b'"', text @ ..] = text else { return None };
    Timestamp::parse(text.get(..closing_quote(text)?)?)
}

/// Whose token it is: an object of numbers alone.
#[inline]
fn actor(token: &[u8]) -> Option<ProcessKey> {
    let [b'{', rest @ ..] = token else { return None };
    let mut rest = rest;
    let (mut pid, mut version) = (None, None);
    loop {
        let [b'"', key @ ..] = rest else { return None };
        let length = closing_quote(key)?;
        let (key, after) = key.split_at_checked(length)?;
        let [b'"', b':', after @ ..] = after else { return None };
        let (number, after) = match key {
            // Of no account, and the audit session of a daemon is printed as it likes.
            b"asid" => (0, after.get(after.iter().position(|byte| matches!(byte, b',' | b'}'))?..)?),
            _ => digits(after)?,
        };
        match key {
            b"pid" => pid = i32::try_from(number).ok(),
            b"pidversion" => version = u32::try_from(number).ok(),
            _ => {}
        }
        match after {
            [b',', next @ ..] => rest = next,
            _ => break,
        }
    }
    Some(ProcessKey { pid: Pid(pid?), version: version? })
}
