//! Shell pipelines: siblings whom nothing joins but a pipe.

use crate::model::{ExecFacts, HopKind, PipeEnd, Timestamp};

use super::Engine;
use super::lineage::LifeId;
use super::window::Bearing;

/// Pipe ends of one process that are looked at, and ends of one pipe that are remembered.
pub const MAX_ENDS: usize = 64;

impl Engine {
    /// Pipes of an exec'd image: descriptors 1 and 2 write, 0 reads, and so do higher ones (`-F f=@<(cat key)`). That higher
    /// ones may write too is left out: a build's shared job pipe would join strangers.
    pub(super) fn plug(&mut self, life: LifeId, time: Timestamp, facts: &ExecFacts) {
        let old = self.lineage.get_mut(life).map(|life| std::mem::take(&mut life.pipes)).unwrap_or_default();
        for pipe in old {
            self.unplug(life, pipe.id);
        }
        self.plug_ends(life, time, &facts.pipes);
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
        for pipe in pipes.iter().take(MAX_ENDS) {
            let (reads, writes) = (pipe.fd == 0 || pipe.fd > 2, matches!(pipe.fd, 1 | 2));
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
            life.pipes = pipes.iter().take(MAX_ENDS).copied().collect();
        }
    }

    /// What came into a life flows on into the readers of the pipes it writes to.
    pub(super) fn pour(&mut self, life: LifeId, pipes: &[PipeEnd], bearing: &Bearing) {
        for pipe in pipes.iter().filter(|pipe| matches!(pipe.fd, 1 | 2)) {
            let ends = self.pipes.get(&pipe.id).cloned().unwrap_or_default();
            for (reader, reads) in ends {
                let carries = self
                    .lineage
                    .get(reader)
                    .is_none_or(|other| other.bearings.iter().any(|b| b.read.id == bearing.read.id));
                if reads && reader != life && !carries {
                    self.hand_on(reader, vec![bearing.clone()], HopKind::Pipe, bearing.since);
                }
            }
        }
    }
}
