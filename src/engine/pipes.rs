//! Shell pipelines: siblings whom nothing joins but a pipe. What one that writes to it carries, those that read from it carry
//! too.

use crate::model::{ExecFacts, HopKind, PipeEnd, Timestamp};

use super::Engine;
use super::fifos::{MAX_FIFOS, is_fifo};
use super::identity;
use super::lineage::{Life, LifeId};
use super::window::Bearing;

/// Pipe ends of one process that are looked at, and ends of one pipe that are remembered.
pub const MAX_ENDS: usize = 64;
/// Stands for the descriptor of an end that a process must hold, though it was not started with it.
const PRESUMED: i32 = -1;
/// The same of an end that it reads from. They are part of saved state.
const PRESUMED_READER: i32 = -5;

impl Engine {
    /// Pipes of an exec'd image: descriptors 1 and 2 write, 0 reads, and so do higher ones (`-F f=@<(cat key)`). That higher
    /// ones may write too is left out: a build's shared job pipe would join strangers.
    pub(super) fn plug(&mut self, life: LifeId, time: Timestamp, facts: &ExecFacts) {
        let old = self.lineage.get_mut(life).map(|life| std::mem::take(&mut life.pipes)).unwrap_or_default();
        // Of its descriptors that are no pipes an exec does not tell what they lead to: a FIFO's may be kept.
        let (mut pipes, old): (Vec<PipeEnd>, Vec<PipeEnd>) = old.iter().partition(|end| is_fifo(end));
        for pipe in old {
            self.unplug(life, pipe.id);
        }
        pipes.extend(facts.pipes.iter().filter(|end| end.fd >= 0).take(MAX_ENDS));
        self.plug_ends(life, time, &pipes);
    }

    /// The life no longer holds an end of this pipe. A pipe that nobody holds is forgotten.
    pub(super) fn unplug(&mut self, life: LifeId, pipe: u64) {
        if let Some(ends) = self.pipes.get_mut(&pipe) {
            ends.retain(|(end, _)| *end != life);
            if ends.is_empty() {
                self.pipes.remove(&pipe);
            }
        }
    }

    pub(super) fn plug_ends(&mut self, life: LifeId, time: Timestamp, pipes: &[PipeEnd]) {
        let pipes = pipes.get(..MAX_ENDS + MAX_FIFOS).unwrap_or(pipes);
        self.presume_reader(life, pipes);
        for pipe in pipes {
            if is_fifo(pipe) {
                self.hold_fifo(life, pipe.id);
                continue;
            }
            let (reads, writes) = (pipe.fd == 0 || pipe.fd > 2, matches!(pipe.fd, 1 | 2));
            if writes {
                self.known_writer(pipe.id);
            } else if pipe.fd == 0
                && self.pipes.get(&pipe.id).is_none_or(|ends| ends.iter().all(|(_, reader)| *reader))
            {
                self.presume_writer(life, pipe.id);
            }
            let ends = self.pipes.or_insert_with(pipe.id, Vec::new);
            if ends.len() < MAX_ENDS {
                ends.extend(
                    [(reads, true), (writes, false)]
                        .into_iter()
                        .filter(|(is, _)| *is)
                        .map(|(_, reader)| (life, reader)),
                );
            }
            if reads {
                self.known_reader(pipe.id);
                let ends = self.pipes.get(&pipe.id).map_or(&[][..], Vec::as_slice);
                let writers: Vec<LifeId> = ends
                    .iter()
                    .filter(|(end, reader)| !reader && *end != life)
                    .map(|(end, _)| *end)
                    .collect();
                for writer in writers {
                    let carried =
                        self.lineage.get(writer).map(|life| life.bearings.clone()).unwrap_or_default();
                    self.hand_on(life, carried, HopKind::Pipe, time);
                }
            }
        }
        if let Some(life) = self.lineage.get_mut(life) {
            life.pipes = pipes.to_vec();
        }
    }

    /// Nobody was started with the other end of this standard input: whoever started the reader holds it.
    fn presume_writer(&mut self, reader: LifeId, pipe: u64) {
        let parent = self.lineage.get(reader).and_then(|life| life.parent);
        let Some(parent) = parent.and_then(|parent| self.lineage.get_mut(parent)) else { return };
        if parent.image.evidence.info.key.pid.0 > 1 && parent.pipes.len() < MAX_ENDS {
            parent.pipes.push(PipeEnd { fd: PRESUMED, id: pipe });
            let parent = parent.id;
            self.pipes.or_insert_with(pipe, Vec::new).push((parent, false));
        }
    }

    /// Who asks a program something by its standard input reads the answer, too: nobody else was started with that end. Shells
    /// start pipelines, whose other parts come later.
    fn presume_reader(&mut self, writer: LifeId, pipes: &[PipeEnd]) {
        let end = |fd: i32| pipes.iter().find(|end| end.fd == fd).map(|end| end.id);
        let (Some(input), Some(output)) = (end(0), end(1)) else { return };
        let known = |other: &(LifeId, bool)| other.1 || other.0 == writer;
        if self.pipes.get(&output).is_some_and(|ends| ends.iter().any(known)) {
            return;
        }
        let parent = self.lineage.get(writer).and_then(|life| life.parent);
        let Some(parent) = parent.and_then(|parent| self.lineage.get_mut(parent)) else { return };
        let info = &parent.image.evidence.info;
        let asks = self
            .pipes
            .get(&input)
            .is_none_or(|ends| ends.iter().all(|(other, reads)| *reads || *other == parent.id));
        let program = info.program.path.file_name();
        if asks && info.key.pid.0 > 1 && !is_shell(program) && parent.pipes.len() < MAX_ENDS {
            parent.pipes.push(PipeEnd { fd: PRESUMED_READER, id: output });
            let parent = parent.id;
            self.pipes.or_insert_with(output, Vec::new).push((parent, true));
        }
    }

    /// Somebody was started with the reading end: nobody need be presumed to.
    fn known_reader(&mut self, pipe: u64) {
        self.presumed_no_longer(pipe, PRESUMED_READER);
    }

    /// Somebody was started with the writing end: nobody need be presumed to hold it.
    fn known_writer(&mut self, pipe: u64) {
        self.presumed_no_longer(pipe, PRESUMED);
    }

    fn presumed_no_longer(&mut self, pipe: u64, fd: i32) {
        let held = self.pipes.get(&pipe).cloned().unwrap_or_default();
        let presumed = |end: &PipeEnd| end.id == pipe && end.fd == fd;
        for (holder, reads) in held.into_iter().filter(|(_, reads)| *reads == (fd == PRESUMED_READER)) {
            let Some(life) = self.lineage.get_mut(holder).filter(|life| life.pipes.iter().any(presumed))
            else {
                continue;
            };
            life.pipes.retain(|end| !presumed(end));
            if let Some(ends) = self.pipes.get_mut(&pipe) {
                ends.retain(|(end, reader)| *reader != reads || *end != holder);
            }
        }
    }

    /// A process ends. What it wrote into a pipe that nobody was started with to read went back to whoever started it:
    /// `$(cat key)`.
    pub(super) fn returned(&mut self, id: LifeId, time: Timestamp) {
        let Some(life) = self.lineage.get(id).filter(|life| !life.bearings.is_empty()) else { return };
        let read = |ends: &Vec<(LifeId, bool)>| ends.iter().any(|(end, reader)| *reader && *end != id);
        let unread = |pipe: &&PipeEnd| pipe.fd == 1 && !self.pipes.get(&pipe.id).is_some_and(read);
        let Some(parent) = life.parent.filter(|_| life.pipes.iter().any(|pipe| unread(&pipe))) else {
            return;
        };
        let reachable = |parent: &Life| parent.image.evidence.info.key.pid.0 > 1 && parent.ended.is_none();
        // A key that a shell asks for to use it is not told from one that it sends.
        if !self.lineage.get(parent).is_some_and(reachable)
            || self.lineage.get(id).is_some_and(|life| self.prints(life))
        {
            return;
        }
        let carried: Vec<Bearing> =
            life.bearings.iter().filter(|bearing| time <= bearing.until).cloned().collect();
        self.hand_on(parent, carried, HopKind::Pipe, time);
    }

    /// What came into a life flows on into the readers of the pipes it writes to: they are to carry it next.
    pub(super) fn pour(&self, life: LifeId, bearing: &Bearing, next: &mut Vec<(LifeId, Bearing)>) {
        let pipes = self.lineage.get(life).map_or(&[][..], |life| &life.pipes);
        for pipe in pipes.iter().filter(|pipe| matches!(pipe.fd, 1 | 2 | PRESUMED) || is_fifo(pipe)) {
            let ends = self.pipes.get(&pipe.id).map_or(&[][..], Vec::as_slice);
            for (reader, reads) in ends.iter().filter(|(reader, _)| *reader != life) {
                let reads =
                    *reads || is_fifo(pipe) && self.flows_through(pipe.id, life, *reader, bearing.since);
                let carries = |other: &Life| other.bearings.iter().any(|b| b.read.id == bearing.read.id);
                if reads && !self.lineage.get(*reader).is_none_or(carries) {
                    next.extend(self.piped(*reader, bearing).map(|bearing| (*reader, bearing)));
                }
            }
        }
        let asker = self.answers_to(life);
        next.extend(asker.and_then(|asker| Some((asker, self.piped(asker, bearing)?))));
    }

    /// Who gets whatever this life gets, by a pipe that is not seen: of a helper, the app that started it and is told what to
    /// do; of such an app, whoever started it with a pipe to tell it by.
    fn answers_to(&self, life: LifeId) -> Option<LifeId> {
        let life = self.lineage.get(life)?;
        let parent = self.lineage.get(life.parent?).filter(|parent| parent.ended.is_none())?;
        let (own, asks) = (&life.image.identity, &parent.image.identity);
        let led = || asks.runs_other_code && identity::helps(own, asks);
        let told = || identity::is_told_by_pipe(&life.image.evidence.args);
        let reachable = parent.image.evidence.info.key.pid.0 > 1;
        (reachable && own.runs_other_code && (led() || told())).then_some(parent.id)
    }
}

pub(super) fn is_shell(name: &[u8]) -> bool {
    const SHELLS: [&[u8]; 9] =
        [b"bash", b"csh", b"dash", b"fish", b"ksh", b"osascript", b"sh", b"tcsh", b"zsh"];
    SHELLS.contains(&name)
}
