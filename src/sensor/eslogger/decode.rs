//! From a line to what happened.

use std::sync::Arc;

use memchr::memchr;

use crate::model::{Coverage, Observed, ProcessInfo, ProcessKey, Table, Timestamp, What};
use crate::sensor::gate::Gate;
use crate::sensor::steady::{Steady, Step};

use super::counts::Counts;
use super::error::LineError;
use super::events::{self, Body, Context};
use super::fields::Fields;
use super::file::Tools;
use super::find::Finders;
use super::kind::Kind;
use super::message::{Envelope, Event, stands_alone};
use super::names::Names;
use super::pass::{self, Known, Parts};
use super::process::RawProcess;
use super::scan::Scanner;
use super::sequence::{Mark, Sequence};

/// When something happened, and its running number.
type Moment = (Timestamp, u64);

/// Processes remembered as introduced. When it is full it is forgotten whole: to introduce one again does no harm.
pub const MAX_INTRODUCED: usize = 65_536;

/// Reads the lines of one stream.
///
/// Call [`decode`](Self::decode) with every line, in the order they stand in; [`take_coverage`](Self::take_coverage)
/// whenever the engine may be told of losses; [`finish`](Self::finish) once, at the end. Most lines give nothing: they
/// are counted and allocate nothing.
#[derive(Debug)]
pub struct Decoder {
    finders: Finders,
    known: Known,
    names: Names,
    scratch: Vec<u8>,
    introduced: Table<ProcessKey, Moment>,
    sequence: Sequence,
    steady: Steady,
    follows_wall: bool,
    counts: Counts,
}

impl Default for Decoder {
    fn default() -> Self {
        Self::new()
    }
}

impl Decoder {
    pub fn new() -> Self {
        Self {
            finders: Finders::new(),
            known: Known::new(),
            names: Names::new(),
            scratch: Vec::new(),
            introduced: Table::new(),
            sequence: Sequence::new(),
            steady: Steady::default(),
            follows_wall: false,
            counts: Counts::default(),
        }
    }

    /// Reads what is written now, beside packets that carry the wall clock: where that is set, they must agree, and who puts
    /// all of it in order knows by how much. In a recording it is made to go on.
    pub fn by_the_wall() -> Self {
        Self { follows_wall: true, sequence: Sequence::live(), ..Self::new() }
    }

    /// What one line (with or without its line feed) tells; `None` if it can matter to no verdict. Bytes before the
    /// first `{` are ignored: a terminal may have put them there.
    pub fn decode<G: Gate + ?Sized>(
        &mut self,
        line: &[u8],
        gate: &mut G,
    ) -> Result<Option<Observed>, LineError> {
        self.counts.lines += 1;
        let observed = self.read(line, gate);
        self.counts.rejected += u64::from(observed.is_err());
        observed
    }

    fn read<G: Gate + ?Sized>(&mut self, line: &[u8], gate: &mut G) -> Result<Option<Observed>, LineError> {
        let start = match line {
            [b'{', ..] => 0,
            _ => memchr(b'{', line).ok_or(LineError::NotJson)?,
        };
        let (before, line) = line.split_at_checked(start).unwrap_or_default();
        let line = line.trim_ascii_end();
        let tools = Tools { finders: &self.finders, names: &mut self.names, scratch: &mut self.scratch };
        let mut context = Context { gate, tools };
        // An array of messages is walked: it may hold more than one of any length.
        let (event, envelope, body) = match before.trim_ascii_end() {
            [.., b'['] => walk_parts(line, &mut context)?,
            _ => match pass::read(line, &mut context, &mut self.known) {
                Some((event, envelope, body)) => return self.conclude(line, event, envelope, body),
                None => search_parts(line, &mut context)?,
            },
        };
        self.conclude(line, event, envelope, body)
    }

    /// Puts event and envelope together, and the actor where nobody introduced it yet.
    fn conclude(
        &mut self,
        line: &[u8],
        event: Event<'_>,
        envelope: Envelope,
        body: Body,
    ) -> Result<Option<Observed>, LineError> {
        let time = envelope.time.ok_or(LineError::Missing("time"))?;
        let global = envelope.global.unwrap_or(0);
        let ticks = || self.finders.ticks.number_in(line);
        let time = if self.follows_wall { time } else { self.steady.message(time, global, ticks) };
        let actor = envelope.actor.ok_or(LineError::Missing("process.audit_token"))?;
        let info = self.introduce(line, actor, &envelope, (time, global))?;
        let index = self.counts.index(event.name);
        if let (Some(global), Some(number)) = (envelope.global, envelope.number) {
            self.sequence.note(index, event.name, Mark { time, global, number });
        }
        let refused = envelope.answer.unwrap_or_default().refuses(body.wanted);
        let what = body.what.filter(|_| !refused);
        if let Some(event) = self.counts.event(index) {
            event.lines += 1;
            event.refused += u64::from(refused);
            event.emitted += u64::from(what.is_some());
            if Fields::wants(event.lines) {
                self.counts.fields.look(line);
            }
        }
        let what = match what {
            Some(what) => what,
            None if info.is_some() => {
                self.counts.introductions += 1;
                What::Seen
            }
            None => return Ok(None),
        };
        self.follow(actor, &what, (time, global));
        Ok(Some(Observed { time, seq: envelope.global.unwrap_or(0), actor, info, what }))
    }

    /// The actor's description, the first time it acts: in the order of events, whatever order lines come in.
    fn introduce(
        &mut self,
        line: &[u8],
        actor: ProcessKey,
        envelope: &Envelope,
        moment: Moment,
    ) -> Result<Option<Arc<ProcessInfo>>, LineError> {
        if self.introduced.get(&actor).is_some_and(|known| *known <= moment) {
            return Ok(None);
        }
        let process = envelope.process(line, &self.finders).ok_or(LineError::Missing("process"))?;
        let process = RawProcess::read(&mut Scanner::starting_at(line, process))?;
        let info = process.ok_or(LineError::Missing("process"))?.build(&mut self.scratch)?;
        self.remember(actor, moment);
        Ok(Some(info))
    }

    fn remember(&mut self, key: ProcessKey, moment: Moment) {
        if self.introduced.len() >= MAX_INTRODUCED {
            self.introduced.clear();
        }
        self.introduced.insert(key, moment);
    }

    /// Remembers whom the event itself introduces, and forgets whom it ends.
    fn follow(&mut self, actor: ProcessKey, what: &What, moment: Moment) {
        match what {
            What::Exec { target, .. } => {
                self.introduced.remove(&actor);
                self.remember(target.key, moment);
            }
            What::Fork { child } => self.remember(child.key, moment),
            What::Exit => {
                self.introduced.remove(&actor);
            }
            _ => {}
        }
    }

    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    /// The time of the first line, once there was one.
    pub fn began(&self) -> Option<Timestamp> {
        self.steady.began()
    }

    /// The greatest time of a line.
    pub fn reached(&self) -> Option<Timestamp> {
        self.steady.reached()
    }

    /// How the wall clock was set back, as far as was read.
    pub fn steps(&self) -> &[Step] {
        self.steady.steps()
    }

    /// Losses that became certain since the last call.
    pub fn take_coverage(&mut self) -> Vec<Coverage> {
        let mut told = self.sequence.take_losses();
        told.extend(self.steady.take_coverage());
        told
    }

    /// The stream is over.
    pub fn finish(&mut self) -> Vec<Coverage> {
        let mut told = self.sequence.finish();
        told.extend(self.steady.take_coverage());
        told
    }
}

/// The parts of a line that was spoilt, or that somebody wrote otherwise: by search where that is certain, else by a walk.
#[cold]
fn search_parts<'a, G: Gate + ?Sized>(
    line: &'a [u8],
    context: &mut Context<'_, G>,
) -> Result<Parts<'a>, LineError> {
    if let Some(event) = Event::find(line, context.tools.finders) {
        let mut scanner = Scanner::starting_at(line, event.body);
        let body = events::read(Kind::of(event.name), &mut scanner, context);
        if let Ok(body) = body
            && let Some(envelope) = Envelope::find(line, event, scanner.at(), context.tools.finders)
        {
            stands_alone(line, scanner.at())?;
            return Ok((event, envelope, body));
        }
    }
    walk_parts(line, context)
}

/// The parts of a line by a walk, whatever its spacing and order.
fn walk_parts<'a, G: Gate + ?Sized>(
    line: &'a [u8],
    context: &mut Context<'_, G>,
) -> Result<Parts<'a>, LineError> {
    let (event, envelope) = Envelope::walk(line)?;
    let event = event.ok_or(LineError::Missing("event"))?;
    let mut scanner = Scanner::starting_at(line, event.body);
    let body = events::read(Kind::of(event.name), &mut scanner, context)?;
    Ok((event, envelope, body))
}
