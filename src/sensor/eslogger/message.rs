//! The envelope: what every message has, whatever its event.

use memchr::memchr;

use crate::model::{ProcessKey, TimeReader, Timestamp};

use super::digits::leading_digits;
use super::error::LineError;
use super::find::{Finders, Outside};
use super::process::Token;
use super::quotes::closing_quote;
use super::scan::{Scan, Scanner};

/// Where a message's event stands: its name, and its value by offset in the line.
#[derive(Clone, Copy, Debug)]
pub(super) struct Event<'a> {
    pub(super) name: &'a [u8],
    /// Offset of `"event"`.
    pub(super) start: usize,
    /// Offset of the event's value.
    pub(super) body: usize,
}

impl<'a> Event<'a> {
    /// Finds the event by its bytes alone. The first `"event":{"` is the envelope's: what stands before it is the
    /// envelope and `process`, whose keys Apple chose, while the only object with keys that a program chooses for
    /// itself (`entitlements`) stands inside the event. `None` if the line is spaced otherwise or looks cut: then only
    /// a walk can tell.
    #[inline]
    pub(super) fn find(line: &'a [u8], finders: &Finders) -> Option<Self> {
        if line.last() != Some(&b'}') {
            return None;
        }
        let (start, name) = finders.event.find(line)?;
        Self::at(line, start, name)
    }

    /// The event whose name begins at `name`.
    #[inline]
    pub(super) fn at(line: &'a [u8], start: usize, name: usize) -> Option<Self> {
        let name = line.get(name..)?;
        let len = name.iter().take(MAX_NAME).position(|byte| *byte == b'"')?;
        let (name, rest) = name.split_at_checked(len)?;
        let body = line.len() - rest.strip_prefix(b"\":")?.len();
        Some(Self { name, start, body })
    }
}

/// The longest event name has 27 bytes.
const MAX_NAME: usize = 64;

/// What is used of the envelope.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct Envelope {
    pub(super) time: Option<Timestamp>,
    pub(super) global: Option<u64>,
    pub(super) number: Option<u64>,
    pub(super) actor: Option<ProcessKey>,
    /// Offset of the value of `process`; not known after a search.
    pub(super) process: Option<usize>,
    /// From where to where the event stands; known after a search only.
    event: Option<(usize, usize)>,
    pub(super) answer: Option<Answer>,
}

/// What the system answered when the operation asked for permission. A refused operation is told of like any other.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(super) struct Answer {
    /// `ES_AUTH_RESULT_DENY`.
    refused: bool,
    /// For an open: the flags that were allowed.
    flags: Option<u32>,
}

impl Answer {
    /// Whether an operation that asked for `wanted` (open flags; 0 for all others) was refused.
    pub(super) fn refuses(self, wanted: u32) -> bool {
        /// `FREAD | FWRITE`
        const ACCESS: u32 = 3;
        self.refused || self.flags.is_some_and(|flags| flags == 0 || wanted & ACCESS & !flags != 0)
    }

    /// Steps over an answer as nearly every one is written: allowed, in one of two orders and two kinds.
    #[inline]
    fn is_allowed(scanner: &mut Scanner<'_>) -> bool {
        scanner.passes(br#"{"result":{"result":{"auth":0},"result_type":0}}"#)
            || scanner.passes(br#"{"result":{"result_type":0,"result":{"auth":0}}}"#)
            || scanner.passes(br#"{"result":{"result":{"flags":4294967295},"result_type":1}}"#)
            || scanner.passes(br#"{"result":{"result_type":1,"result":{"flags":4294967295}}}"#)
    }

    /// Reads `{"result":{"result_type":0,"result":{"auth":0}}}`.
    #[inline]
    pub(super) fn read(scanner: &mut Scanner<'_>) -> Scan<Self> {
        let mut answer = Self::default();
        if Self::is_allowed(scanner) {
            return Ok(answer);
        }
        answer.read_level(scanner, 0)?;
        Ok(answer)
    }

    fn read_level(&mut self, scanner: &mut Scanner<'_>, depth: u32) -> Scan<()> {
        let entered = scanner.fields(|scanner, key| {
            match key {
                b"result" if depth < 2 => self.read_level(scanner, depth + 1)?,
                b"auth" => self.refused = scanner.number::<i64>()?.unwrap_or(0) != 0,
                b"flags" => self.flags = scanner.number()?,
                _ => scanner.skip()?,
            }
            Ok(())
        })?;
        if !entered {
            return Ok(());
        }
        Ok(())
    }
}

impl Envelope {
    /// Has it all that a message has?
    #[inline]
    pub(super) fn is_whole(&self) -> bool {
        self.time.is_some()
            && self.global.is_some()
            && self.number.is_some()
            && self.actor.is_some()
            && self.answer.is_some()
    }

    /// Finds each field by its bytes, in what is left of the line when the event (up to `end`) is taken out. There every
    /// one of the keys stands once: the other tokens of `process` have longer names, and so has its `start_time`.
    #[inline]
    pub(super) fn find(line: &[u8], event: Event<'_>, end: usize, finders: &Finders) -> Option<Self> {
        let outside = Outside::new(line, event.start, end)?;
        let digits = |key| Some(leading_digits(outside.value(key)?)?.0);
        Some(Self {
            time: Some(find_time(outside.value(&finders.time)?, &finders.times)?.0),
            global: Some(digits(&finders.global)?),
            number: Some(digits(&finders.number)?),
            actor: Some(Token::find_key(outside.value(&finders.token)?)?),
            process: None,
            event: Some((event.start, end)),
            answer: Some(Answer::read(&mut Scanner::new(outside.value(&finders.action)?)).ok()?),
        })
    }

    /// Offset of the value of `process`.
    pub(super) fn process(&self, line: &[u8], finders: &Finders) -> Option<usize> {
        let (start, end) = match (self.process, self.event) {
            (None, Some(event)) => event,
            (process, _) => return process,
        };
        Outside::new(line, start, end)?.place(&finders.process)
    }

    /// Walks the whole line: slower, and right for any spacing and any order.
    pub(super) fn walk(line: &[u8]) -> Result<(Option<Event<'_>>, Self), LineError> {
        let (mut event, mut envelope) = (None, Self::default());
        let mut scanner = Scanner::new(line);
        scanner.fields(|scanner, key| {
            match key {
                b"time" => envelope.time = read_time(scanner),
                b"global_seq_num" => envelope.global = scanner.number()?,
                b"seq_num" => envelope.number = scanner.number()?,
                b"action" => envelope.answer = Some(Answer::read(scanner)?),
                b"process" => {
                    scanner.peek()?;
                    envelope.process = Some(scanner.at());
                    envelope.actor = walk_token(scanner)?.map(|token| token.key);
                }
                b"event" => event = walk_event(scanner)?,
                _ => scanner.skip()?,
            }
            Ok(())
        })?;
        alone(line, scanner.at())?;
        Ok((event, envelope))
    }
}

/// Looks behind the message that `end` is behind. The comma and the bracket of an array that has one message a line hide
/// nothing, and neither does what a terminal may have put there.
fn alone(line: &[u8], end: usize) -> Result<(), LineError> {
    let rest = line.get(end..).unwrap_or_default();
    if rest.iter().all(|byte| matches!(byte, 0..=b' ' | b',' | b']')) {
        return Ok(());
    }
    let several = memchr(b'{', rest).is_some();
    Err(if several { LineError::SeveralObjects } else { LineError::Trailing })
}

/// Looks behind the message whose event, found by search, ends at `end`: only lines that may well hold two are walked on.
/// Of a line that breaks off or is spoilt behind its event, all that counts was found.
#[inline]
pub(super) fn stands_alone(line: &[u8], end: usize) -> Result<(), LineError> {
    if line.len() < TWO_MESSAGES { Ok(()) } else { walk_on(line, end) }
}

#[cold]
fn walk_on(line: &[u8], end: usize) -> Result<(), LineError> {
    let mut scanner = Scanner::starting_at(line, end);
    // Out of `event`, out of the message.
    let left = scanner.leave().and_then(|()| scanner.leave());
    if left.is_err() || alone(line, scanner.at()).is_ok() {
        return Ok(());
    }
    // Another program may have put the message into an object of its own.
    let mut whole = Scanner::new(line);
    if whole.skip().is_err() { Ok(()) } else { alone(line, whole.at()) }
}

/// The shortest real message (an `exit`) has some 1300 bytes, so two of them are no shorter than this. Of single messages
/// only execs are as a rule, which are few and walked through anyway.
const TWO_MESSAGES: usize = 2560;

/// The time that `value` begins with, in quotes, and how long that is with them.
#[inline]
pub(super) fn find_time(value: &[u8], times: &TimeReader) -> Option<(Timestamp, usize)> {
    /// As all are written but those that fall on the second.
    const LENGTH: usize = "2025-08-07T15:13:09.811587464Z".len();
    let text = value.strip_prefix(b"\"")?;
    // What reads as a time holds no quote, so this one is the first.
    if let Some((time, [b'"', ..])) = text.split_at_checked(LENGTH)
        && let Some(time) = times.parse(time)
    {
        return Some((time, LENGTH + 2));
    }
    let length = closing_quote(text)?;
    Some((times.parse(text.get(..length)?)?, length + 2))
}

fn read_time(scanner: &mut Scanner<'_>) -> Option<Timestamp> {
    Timestamp::parse(scanner.text().ok()??.0)
}

fn walk_token(scanner: &mut Scanner<'_>) -> Scan<Option<Token>> {
    let mut token = None;
    scanner.fields(|scanner, key| {
        match key {
            b"audit_token" => token = Token::read(scanner)?,
            _ => scanner.skip()?,
        }
        Ok(())
    })?;
    Ok(token)
}

/// The event's object has one key, its name.
fn walk_event<'a>(scanner: &mut Scanner<'a>) -> Scan<Option<Event<'a>>> {
    let mut event = None;
    let start = scanner.at();
    scanner.fields(|scanner, name| {
        scanner.peek()?;
        event = event.or(Some(Event { name, start, body: scanner.at() }));
        scanner.skip()?;
        Ok(())
    })?;
    Ok(event)
}
