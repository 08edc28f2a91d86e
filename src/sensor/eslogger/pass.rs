//! Reads a message in one pass over its line, with nothing before it or behind it.
//!
//! No key is searched for. Where the values stand is told by [the order of an earlier line](super::orders) or, for the first
//! line of an order, by its keys one after another. The process, half of every line, is [stepped over](super::actors) as far
//! as one that looked like it reached, which is right if the line then reads to its end. What is read so is what a
//! [walk](super::message::Envelope::walk) reads. Of any other line nothing is said here.

use crate::model::ProcessKey;
use crate::sensor::gate::Gate;

use super::actors::Actors;
use super::events::{self, Body, Context};
use super::kind::Kind;
use super::message::{Answer, Envelope, Event, find_time};
use super::orders::{Orders, Placed, Slot};
use super::process::{Newcomer, RawProcess};
use super::scan::Scanner;

/// What a line is made of.
pub(super) type Parts<'a> = (Event<'a>, Envelope, Body);

/// What the lines so far had in common.
#[derive(Debug)]
pub(super) struct Known {
    actors: Actors,
    orders: Orders,
}

impl Known {
    pub(super) fn new() -> Self {
        Self { actors: Actors::new(), orders: Orders::new() }
    }
}

/// The parts of a line, if it is written so and has them all.
#[inline]
pub(super) fn read<'a, G: Gate + ?Sized>(
    line: &'a [u8],
    context: &mut Context<'_, G>,
    known: &mut Known,
) -> Option<Parts<'a>> {
    let mut pass = Pass::new(line, true);
    match pass.follow(context, known) {
        Some(()) => pass.parts(),
        None => walk(line, context, known),
    }
}

/// The same, of the first line of an order, and of one whose process was another than it seemed.
#[cold]
fn walk<'a, G: Gate + ?Sized>(
    line: &'a [u8],
    context: &mut Context<'_, G>,
    known: &mut Known,
) -> Option<Parts<'a>> {
    let (mut pass, mut values) = (Pass::new(line, false), Vec::new());
    pass.walk(context, known, &mut values)?;
    let parts = pass.parts()?;
    known.orders.learn(line, &values);
    Some(parts)
}

struct Pass<'a> {
    line: &'a [u8],
    /// Takes a process for the one that it looks like.
    believes: bool,
    scanner: Scanner<'a>,
    envelope: Envelope,
    event: Option<(Event<'a>, Body)>,
}

/// More keys than this no message has.
const MAX_VALUES: usize = 64;

impl<'a> Pass<'a> {
    #[inline]
    fn new(line: &'a [u8], believes: bool) -> Self {
        Self { line, believes, scanner: Scanner::new(line), envelope: Envelope::default(), event: None }
    }

    #[inline]
    fn parts(self) -> Option<Parts<'a>> {
        let (event, body) = self.event?;
        self.envelope.is_whole().then_some((event, self.envelope, body))
    }

    /// Reads the values of a line whose order is known.
    #[inline]
    fn follow<G: Gate + ?Sized>(&mut self, context: &mut Context<'_, G>, known: &mut Known) -> Option<()> {
        let mut fork = Orders::START;
        loop {
            let (slot, length, next) = known.orders.next(fork, self.scanner.rest())?;
            self.scanner.advance(length);
            if slot == Slot::End {
                return self.scanner.rest().is_empty().then_some(());
            }
            self.value(slot, context, &mut known.actors)?;
            fork = next;
        }
    }

    /// Reads the values of a line by its keys. Each that counts may stand in it once.
    fn walk<G: Gate + ?Sized>(
        &mut self,
        context: &mut Context<'_, G>,
        known: &mut Known,
        values: &mut Vec<Placed>,
    ) -> Option<()> {
        self.scanner.expect(b"{")?;
        while let Some(key) = self.scanner.key().ok()? {
            let (start, slot) = (self.scanner.at(), Slot::of(key));
            self.value(slot.unwrap_or(Slot::Other), context, &mut known.actors)?;
            let end = self.scanner.at();
            values.extend(slot.map(|slot| Placed { slot, start, end }));
            if values.len() > MAX_VALUES {
                return None;
            }
        }
        let end = self.scanner.at();
        values.push(Placed { slot: Slot::End, start: end, end });
        (end == self.line.len()).then_some(())
    }

    /// Reads the value that the scanner is on. Inlined into the loop that reads all lines but the first of an order: nine
    /// calls a line, for a few instructions each, were a tenth of it.
    #[inline(always)]
    fn value<G: Gate + ?Sized>(
        &mut self,
        slot: Slot,
        context: &mut Context<'_, G>,
        actors: &mut Actors,
    ) -> Option<()> {
        let Self { scanner, envelope, .. } = self;
        match slot {
            Slot::Action => once(&mut envelope.answer, Answer::read(scanner).ok()?),
            Slot::Event => self.event(context, actors),
            Slot::Global => once(&mut envelope.global, scanner.number().ok()??),
            Slot::Number => once(&mut envelope.number, scanner.number().ok()??),
            Slot::Process => self.process(actors),
            Slot::Thread => thread(scanner),
            Slot::Time => {
                let (time, length) = find_time(scanner.rest(), &context.tools.finders.times)?;
                scanner.advance(length);
                once(&mut envelope.time, time)
            }
            Slot::Digits => digits(scanner),
            Slot::Other | Slot::End => other(scanner),
        }
    }

    #[inline(always)]
    fn process(&mut self, actors: &mut Actors) -> Option<()> {
        let (at, rest) = (self.scanner.at(), self.scanner.rest());
        let known = if self.believes { actors.recognise(rest) } else { None };
        let (key, length) = match known {
            Some(known) => known,
            None => meet(rest, actors)?,
        };
        self.scanner.advance(length);
        self.envelope.process = Some(at);
        once(&mut self.envelope.actor, key)
    }

    /// `{"open":{}}`
    #[inline(always)]
    fn event<G: Gate + ?Sized>(&mut self, context: &mut Context<'_, G>, actors: &mut Actors) -> Option<()> {
        let start = self.scanner.at();
        self.scanner.expect(b"{\"")?;
        let event = Event::at(self.line, start, self.scanner.at())?;
        let mut scanner = Scanner::starting_at(self.line, event.body);
        let body = events::read(Kind::of(event.name), &mut scanner, context).ok()?;
        scanner.expect(b"}")?;
        self.scanner = scanner;
        if let Some(newcomer) = body.newcomer {
            introduce(self.line, newcomer, actors);
        }
        once(&mut self.event, (event, body))
    }
}

/// Whose object `rest` begins with and how long it is, by a walk through it.
#[cold]
fn meet(rest: &[u8], actors: &mut Actors) -> Option<(ProcessKey, usize)> {
    let mut scanner = Scanner::new(rest);
    let key = RawProcess::read(&mut scanner).ok()??.newcomer()?.key;
    actors.remember(rest, scanner.at(), key);
    Some((key, scanner.at()))
}

/// Who begins is known when it acts: most lines are of processes whose beginning was told.
#[cold]
fn introduce(line: &[u8], newcomer: Newcomer, actors: &mut Actors) {
    let described = line.get(newcomer.start..).unwrap_or_default();
    actors.remember(described, newcomer.end - newcomer.start, newcomer.key);
}

/// Steps over a number, as nearly all are written.
#[inline(always)]
fn digits(scanner: &mut Scanner<'_>) -> Option<()> {
    let digits = scanner.attempt(|scanner| {
        scanner.pass_digits()?;
        matches!(scanner.rest(), [b',' | b'}', ..]).then_some(())
    });
    digits.or_else(|| other(scanner))
}

/// Steps over `{"thread_id":1}`, or over `null`.
#[inline(always)]
fn thread(scanner: &mut Scanner<'_>) -> Option<()> {
    let thread = scanner.attempt(|scanner| {
        scanner.expect(b"{\"thread_id\":")?;
        scanner.pass_digits()?;
        scanner.expect(b"}")
    });
    thread.or_else(|| other(scanner))
}

/// Steps over any value.
#[cold]
fn other(scanner: &mut Scanner<'_>) -> Option<()> {
    scanner.skip().ok()
}

/// Keeps what is told the first time.
#[inline]
fn once<T>(kept: &mut Option<T>, told: T) -> Option<()> {
    kept.replace(told).is_none().then_some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Pid;
    use crate::sensor::eslogger::file::Tools;
    use crate::sensor::eslogger::find::Finders;
    use crate::sensor::eslogger::names::Names;
    use crate::sensor::eslogger::orders::MAX_BRANCHES;
    use crate::sensor::tap::testing::Deaf;

    const FIELDS: [&str; 12] = [
        r#""version":10"#,
        r#""action":{"result":{"result_type":0,"result":{"auth":1}}}"#,
        r#""action_type":1"#,
        r#""event":{"exit":{"stat":0}}"#,
        r#""event_type":15"#,
        r#""global_seq_num":123456789"#,
        r#""seq_num":7"#,
        r#""mach_time":240000232463"#,
        r#""process":{"tty":{"path":"}"},"audit_token":{"pid":5,"pidversion":6}}"#,
        r#""schema_version":1"#,
        r#""thread":{"thread_id":187380}"#,
        r#""time":"2025-11-01T12:26:40.009685682Z""#,
    ];

    /// Number, global number, process and refusal of a line that can be read in one pass.
    fn told(line: &str, known: &mut Known) -> Option<(u64, u64, i32, bool)> {
        let (finders, mut names, mut scratch) = (Finders::new(), Names::new(), Vec::new());
        let tools = Tools { finders: &finders, names: &mut names, scratch: &mut scratch };
        let mut context = Context { gate: &mut Deaf, tools };
        let (event, envelope, _) = read(line.as_bytes(), &mut context, known)?;
        assert_eq!(event.name, b"exit");
        Some((envelope.number?, envelope.global?, envelope.actor?.pid.0, envelope.answer?.refuses(0)))
    }

    const TOLD: Option<(u64, u64, i32, bool)> = Some((7, 123_456_789, 5, true));

    #[test]
    fn a_line_reads_in_any_order_of_its_keys_whether_it_came_before_or_not() {
        let (mut fields, mut known) = (FIELDS.to_vec(), Known::new());
        for turn in 0..400 {
            let other = if turn % 5 == 0 { r#","new":{"event":{"open":{}}}"# } else { "" };
            let line = format!("{{{}{other}}}", fields.join(","));
            assert_eq!(told(&line, &mut Known::new()), TOLD, "{line}");
            assert_eq!(told(&line, &mut known), TOLD, "{line}");
            assert_eq!(told(&line, &mut known), TOLD, "{line}");
            if turn % 3 == 0 {
                let from = turn * 7 % 11;
                fields.swap(from, from + 1);
                fields.rotate_left(turn % 2 * 5);
            }
        }
    }

    #[test]
    fn values_that_are_seldom_so_read_too() {
        let (line, mut known) = (format!("{{{}}}", FIELDS.join(",")), Known::new());
        for (usual, other) in [
            (r#"{"thread_id":187380}"#, "null"),
            (r#"{"thread_id":187380}"#, r#"{"thread_id":1,"x":[]}"#),
            ("240000232463", "1.5"),
            ("10", "\"ten\""),
            (":123456789", r#":123456789,"time_zone":"Z","events":1,"processes":[]"#),
            (",\"", " , \""),
        ] {
            let line = line.replacen(usual, other, 1);
            assert_eq!(told(&line, &mut known), TOLD, "{line}");
            assert_eq!(told(&line, &mut known), TOLD, "{line}");
        }
    }

    #[test]
    fn of_what_is_no_whole_line_nothing_is_said() {
        let (whole, mut known) = (format!("{{{}}}", FIELDS.join(",")), Known::new());
        assert_eq!(told(&whole, &mut known), TOLD);
        for at in 0..whole.len() {
            assert_eq!(told(&whole[..at], &mut known), None, "cut at {at}");
        }
        for behind in [" ", "}", ",", "{}", &whole] {
            assert_eq!(told(&format!("{whole}{behind}"), &mut known), None);
        }
        for field in FIELDS {
            let twice = format!("{},{field}}}", whole.strip_suffix('}').unwrap());
            let counts = ["time", "seq", "global", "action\"", "process", "event\""]
                .iter()
                .any(|name| field.starts_with(&format!("\"{name}")));
            assert_eq!(told(&twice, &mut known).is_none(), counts, "{twice}");
            let lacking = whole.replacen(field, "\"x\":1", 1);
            assert_eq!(told(&lacking, &mut known).is_none(), counts, "{lacking}");
        }
    }

    /// The second line's process ends before that of the first, and where the first one's ended stands what looks like the
    /// rest of a message, among what a program chose for itself.
    #[test]
    fn a_process_of_another_length_hides_nothing() {
        let process = |name: &str| {
            let filling = "x".repeat(800);
            format!(
                r#""process":{{"path":"{filling}","audit_token":{{"pid":5,"pidversion":6}},"name":"{name}"}}"#
            )
        };
        let rest: Vec<_> = FIELDS.into_iter().filter(|field| !field.starts_with("\"process")).collect();
        let rest = rest.join(",");
        let (long, short) = (process(&"y".repeat(200)), process("y"));
        let mut known = Known::new();
        for _ in 0..2 {
            assert_eq!(told(&format!("{{{long},{rest}}}"), &mut known), TOLD);
        }
        for closing in 0..6 {
            let start = format!(r#"{short},"event":{{"exit":{{"stat":0,"chosen":{{"p":""#);
            let filling = "z".repeat(long.len() - start.len() - r#"","q":{}"#.len());
            let fake = rest.replace(":7,", ":8,");
            let closing = "}".repeat(closing);
            let own = rest.replace(r#""event":{"exit":{"stat":0}},"#, "");
            let line = format!(r#"{{{start}{filling}","q":{{}},{fake}{closing},{own}}}"#);
            assert_eq!(&line[long.len()..=long.len()], "}");
            assert_eq!(told(&line, &mut known), told(&line, &mut Known::new()), "{line}");
            assert_eq!(told(&line, &mut known).is_some(), closing.len() == 3, "{line}");
        }
    }

    #[test]
    fn whoever_is_introduced_is_known() {
        let path = "x".repeat(800);
        let child = format!(
            r#"{{"codesigning_flags":1,"executable":{{"path":"/{path}"}},"audit_token":{{"pid":7,"pidversion":8}}}}"#
        );
        for event in [
            format!(r#"{{"fork":{{"child":{child}}}}}"#),
            format!(r#"{{"exec":{{"target":{child},"args":[]}}}}"#),
        ] {
            let line = format!("{{{}}}", FIELDS.join(",")).replace(r#"{"exit":{"stat":0}}"#, &event);
            let (finders, mut names, mut scratch) = (Finders::new(), Names::new(), Vec::new());
            let tools = Tools { finders: &finders, names: &mut names, scratch: &mut scratch };
            let mut known = Known::new();
            read(line.as_bytes(), &mut Context { gate: &mut Deaf, tools }, &mut known).unwrap();
            let key = ProcessKey { pid: Pid(7), version: 8 };
            assert_eq!(known.actors.recognise(child.as_bytes()), Some((key, child.len())), "{event}");
        }
    }

    #[test]
    fn orders_are_kept_up_to_a_limit_and_read_beyond_it() {
        let mut known = Known::new();
        for turn in 0..2000 {
            let fields: Vec<_> = (0..12).map(|at| FIELDS[(at * 5 + turn) % 12]).collect();
            let line = format!("{{\"n{turn}\":0,{}}}", fields.join(","));
            assert_eq!(told(&line, &mut known), TOLD, "{line}");
        }
        assert!(known.orders.len() <= MAX_BRANCHES);
    }
}
