//! Nearly every line is about files, and most are an open of one that matters to nobody, or a close of one that nobody
//! changed. One pass over the line finds all keys of the envelope at once; for those two events a look at the event is then
//! enough. Any doubt leaves a line to the slower ways.
//!
//! A quote inside a JSON string is always escaped, so a key stands in the line only where an object has it. Events that
//! are about files alone ([`Kind::is_about_files`]) have no keys that a program chooses for itself and hold no other
//! process; in a line of theirs each of the envelope's keys stands once (the other tokens and times have longer names), and
//! what `process` and the event have in common is told apart by where `process` begins.

use aho_corasick::packed::{Config, Searcher};
use memchr::memchr;

use crate::model::{FileId, FilePath, OpenFlags, Pid, ProcessKey, Timestamp, What};
use crate::sensor::gate::Gate;

use super::events::{self, Body, Context};
use super::find::{Finders, Key};
use super::kind::Kind;
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
        let (kind, event, places) = places(searcher, line)?;
        let end = if places[PROCESS] > event.start { places[PROCESS] } else { line.len() };
        let inside = line.get(event.body..end)?;
        let known = match kind {
            Kind::Open => open(inside, context),
            Kind::Close => close(inside, context.tools.finders),
            _ => None,
        };
        let body = match known {
            Some(body) => body,
            None => events::read(kind, &mut Scanner::starting_at(line, event.body), context).ok()?,
        };
        let envelope = Envelope::new(
            time(line.get(places[TIME]..)?)?,
            (digits(line.get(places[GLOBAL]..)?)?.0, digits(line.get(places[NUMBER]..)?)?.0),
            actor(line.get(places[TOKEN]..)?, context.tools.finders)?,
            places[PROCESS],
            Answer::find(line.get(places[ACTION]..)?)?,
        );
        Some((event, envelope, body))
    }
}

/// Where everything stands; `None` for events with keys like the envelope's, and unless each key stands there once.
#[inline]
fn places<'a>(searcher: &Searcher, line: &'a [u8]) -> Option<(Kind, Event<'a>, Places)> {
    let mut places: Places = [0; NUMBER + 1];
    let mut event = None;
    for found in searcher.find_iter(line) {
        let (start, end) = (found.start(), found.end());
        let slot = match found.pattern().as_usize() {
            EVENT => {
                let found = Event::at(line, start, end)?;
                let kind = Kind::of(found.name);
                if !kind.is_about_files() || event.replace((kind, found)).is_some() {
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
    let (kind, event) = event?;
    let all = places.iter().all(|place| *place != 0);
    all.then_some((kind, event, places))
}

/// `None` for an open of a file that matters: it is read whole instead.
#[inline]
fn open<G: Gate + ?Sized>(event: &[u8], context: &mut Context<'_, G>) -> Option<Body> {
    let finders = context.tools.finders;
    // The mask is an int in C and its high bits may be printed as a sign.
    let flags = OpenFlags(finders.flags.number_in::<i64>(event)? as u32);
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
        // What has several names is read whole: a directory's are no links.
        let links = number(event, &finders.links).filter(|links| *links <= 1)?;
        (Some(name), links)
    } else {
        (None, 0)
    };
    let file = FileId { device: number(event, &finders.device)?, inode: number(event, &finders.inode)? };
    // Nothing has inode 0: it is how a missing one is written.
    let id = (file.inode != 0).then_some(file);
    let what = Some(What::Touch { path: interest.hash, id, name, links });
    Some(Body { what, wanted: flags.0 })
}

/// `None` for a close of a file that was changed: it is read whole instead.
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

#[inline]
fn number<N: TryFrom<u64>>(object: &[u8], key: &Key) -> Option<N> {
    N::try_from(digits(value(object, key)?)?.0).ok()
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

/// Whose token it is: an object of numbers alone, so each of its keys stands once before the first bracket.
#[inline]
fn actor(token: &[u8], finders: &Finders) -> Option<ProcessKey> {
    /// Eight numbers and their names have at most 170 bytes.
    const LONGEST: usize = 256;
    let [b'{', rest @ ..] = token else { return None };
    let rest = rest.get(..LONGEST).unwrap_or(rest);
    let token = rest.get(..=memchr(b'}', rest)?)?;
    Some(ProcessKey { pid: Pid(number(token, &finders.pid)?), version: number(token, &finders.version)? })
}
