//! Named pipes: processes that nothing joins but a file which holds nothing (`cat key > p & curl -T - .. < p`).
//!
//! Their ends stand among those of pipes, but a process opens them instead of being started with them, and no event tells
//! when it has them no longer: they are kept through an exec and until the process ends. Which way data goes is told by how
//! each process opened it.

use crate::model::{CoverageKind, File, FileId, HopKind, OpenFlags, PipeEnd, Timestamp};

use super::Engine;
use super::lineage::LifeId;
use super::pipes::MAX_ENDS;
use super::window::Bearing;

/// FIFOs of one process that are remembered beside its pipes, 16 bytes each; the one longest known makes room.
pub(super) const MAX_FIFOS: usize = 32;
/// Stand for the descriptor of an end that was opened to read, to write, or for both at once. They are part of saved state.
const READS: i32 = -2;
const WRITES: i32 = -3;
const READS_AND_WRITES: i32 = -4;

pub(super) fn is_fifo(end: &PipeEnd) -> bool {
    (READS_AND_WRITES..=READS).contains(&end.fd)
}

/// What a process is to a FIFO.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Role {
    None,
    Reader,
    Writer,
    /// Opened for both at once. A shell does so to keep it open for others (`exec 3<>p`).
    Holder,
    /// Opened once for each. What it writes there it or its like may read: the tokens of a build, whose processes are
    /// strangers to each other; or it keeps what it serves from ending.
    Pool,
}

impl Role {
    const fn feeds(self, other: Self) -> bool {
        match self {
            Self::Writer => matches!(other, Self::Reader | Self::Holder | Self::Pool),
            Self::Holder => matches!(other, Self::Reader),
            Self::None | Self::Reader | Self::Pool => false,
        }
    }
}

impl Engine {
    /// A process opened a FIFO: it takes what its writers carry, and what it carries its readers take.
    pub(super) fn opened_fifo(&mut self, life: LifeId, time: Timestamp, file: &File, flags: OpenFlags) {
        // A program may show secrets as a FIFO where others look for a file. What others wrote to it before it does not hold.
        if flags.reads() {
            self.opened_by_name(life, time, file);
        }
        let fifo = match file.id {
            Some(id) => number(id),
            None => number_of_path(&self.canonical(file.path.as_bytes())),
        };
        self.plug_fifo(life, fifo, flags);
        let ends = self.pipes.get(&fifo).cloned().unwrap_or_default();
        for (other, _) in ends.into_iter().filter(|(other, _)| *other != life) {
            for (writer, reader) in [(other, life), (life, other)] {
                if self.flows_through(fifo, writer, reader, time) {
                    let carried = self.carried_at(writer, time);
                    // An open that is told of late lets through what was read meanwhile.
                    let since = carried.iter().map(|bearing| bearing.since).max();
                    self.hand_on(reader, carried, HopKind::Pipe, since.map_or(time, |since| since.max(time)));
                }
            }
        }
    }

    /// Does what `writer` gets at this moment go on to `reader` through this FIFO?
    pub(super) fn flows_through(&self, fifo: u64, writer: LifeId, reader: LifeId, time: Timestamp) -> bool {
        let lives = self.lineage.get(reader).is_some_and(|reader| reader.lived_at(time));
        lives && self.role(writer, fifo).feeds(self.role(reader, fifo))
    }

    /// Counts the life among those that have this FIFO open; the one longest known makes room.
    pub(super) fn hold_fifo(&mut self, life: LifeId, fifo: u64) {
        let ends = self.pipes.or_insert_with(fifo, Vec::new);
        if ends.iter().any(|(other, _)| *other == life) {
            return;
        }
        let full = ends.len() >= MAX_ENDS;
        if full {
            ends.remove(0);
        }
        ends.push((life, false));
        if full {
            self.note(
                CoverageKind::TableFull,
                1,
                "processes that have one named pipe open beyond those that are remembered",
            );
        }
    }

    /// What it was opened for now says more than that somebody held it open for both.
    fn plug_fifo(&mut self, id: LifeId, fifo: u64, flags: OpenFlags) {
        let fd = match (flags.reads(), flags.writes()) {
            (true, true) => READS_AND_WRITES,
            (true, false) => READS,
            (false, true) => WRITES,
            (false, false) => return,
        };
        // launchd keeps ends for everybody.
        let Some(life) = self.lineage.get_mut(id).filter(|life| life.image.evidence.info.key.pid.0 > 1)
        else {
            return;
        };
        let settled = |end: &PipeEnd| end.fd == fd || fd == READS_AND_WRITES || end.fd == READS_AND_WRITES;
        life.pipes.retain(|end| end.id != fifo || !settled(end));
        let mut fifos = life.pipes.iter().enumerate().filter(|(_, end)| is_fifo(end)).map(|(at, _)| at);
        let oldest = fifos.next().filter(|_| fifos.count() + 1 >= MAX_FIFOS);
        let dropped = oldest.map(|at| life.pipes.remove(at));
        life.pipes.push(PipeEnd { fd, id: fifo });
        self.hold_fifo(id, fifo);
        let Some(dropped) = dropped else { return };
        if self.role(id, dropped.id) == Role::None {
            self.unplug(id, dropped.id);
        }
        self.note(CoverageKind::TableFull, 1, "named pipes of one process beyond those that are remembered");
    }

    fn role(&self, life: LifeId, fifo: u64) -> Role {
        let ends = self.lineage.get(life).map_or(&[][..], |life| &life.pipes);
        let opened = |fd| ends.iter().any(|end| end.id == fifo && end.fd == fd);
        match (opened(READS), opened(WRITES), opened(READS_AND_WRITES)) {
            (true, true, _) => Role::Pool,
            (true, false, _) => Role::Reader,
            (false, true, _) => Role::Writer,
            (false, false, true) => Role::Holder,
            (false, false, false) => Role::None,
        }
    }

    fn carried_at(&self, life: LifeId, time: Timestamp) -> Vec<Bearing> {
        let bearings = self.lineage.get(life).map_or(&[][..], |life| &life.bearings);
        bearings.iter().filter(|bearing| time <= bearing.until).cloned().collect()
    }
}

/// FIFOs are told by device and inode. Spread over all numbers, they meet none of the kernel's for its pipes.
fn number(id: FileId) -> u64 {
    id.inode.get().wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ id.device.cast_unsigned().rotate_left(40)
}

/// Where an event has no inode. The same in every run, for it is kept (FNV-1a).
fn number_of_path(path: &[u8]) -> u64 {
    let step = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    path.iter().fold(0xcbf2_9ce4_8422_2325, step)
}
