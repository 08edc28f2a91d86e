//! A read and what left after it, made a pair: what joins a chain.

use std::sync::Arc;

use crate::model::{
    Actor, Attribution, AuditEvent, FilePath, FlowEvidence, ProcessEvidence, Reason, SigningState, Timestamp,
    Uid,
};
use crate::policy::{Leaving, SetMask};

use super::deeds::DeedNote;
use super::fetched::Bytes;
use super::lineage::{LifeId, is_git};
use super::tally::{MAX_TALLIES, Tally};
use super::window::{Bearing, Place};

/// A crossed read, with the sets that the allow list does not let through.
#[derive(Clone, Debug)]
pub struct Carried {
    pub bearing: Bearing,
    pub sets: SetMask,
    pub crossed: Timestamp,
}

impl Carried {
    /// Was git handed this by a program that no signature answers for, from elsewhere than the repository? Then git was told
    /// to take it along, and whose account it takes it to does not matter.
    pub fn is_pressed_on(&self, git: &ProcessEvidence) -> bool {
        let (path, reader) = (self.bearing.read.path.as_bytes(), &self.bearing.read.reader);
        let is_answered_for = reader.info.program.flags.state() == SigningState::Trusted
            && reader.script.is_none()
            && !reader.runs_other_code
            && !reader.invalidated;
        // What a home keeps in hidden folders is nobody's repository, though git may run in the home itself.
        let lies_in = |folder: &FilePath| {
            let rest = path.strip_prefix(folder.as_bytes());
            rest.is_some_and(|rest| {
                rest.starts_with(b"/") && !rest.starts_with(b"/.") && !rest.starts_with(b"/Library/")
            })
        };
        !is_answered_for && !is_git(reader) && !git.cwd.as_ref().is_some_and(lies_in)
    }
}

/// One life's part in the upload.
#[derive(Clone, Debug)]
pub struct Instance {
    pub life: LifeId,
    pub tally: u16,
    pub out: u64,
    pub into: u64,
    /// Of these, what came with downloads.
    pub fetched: Bytes,
    pub flows: Vec<FlowEvidence>,
}

impl Instance {
    /// Of what sends nothing itself: a command that acts in the cloud, a file put into a synchronised folder.
    pub const NO_TALLY: u16 = u16::MAX;
    /// Of a wrapper, on whose line such a command stands.
    pub const WRAPPER: u16 = u16::MAX - 1;

    /// Names one tally of a life for as long as it is about the same bytes.
    pub fn tally_of(at: u16, tally: &Tally) -> u16 {
        const GENERATIONS: u16 = 2000;
        const _: () = assert!(GENERATIONS as usize * MAX_TALLIES < Instance::WRAPPER as usize);
        (tally.generation % GENERATIONS) * MAX_TALLIES as u16 + at
    }

    /// Is it the same life's part?
    pub fn is(&self, other: &Self) -> bool {
        self.life == other.life && self.tally == other.tally
    }
}

/// A completed pair, or more bytes of one.
#[derive(Clone, Debug)]
pub struct Completion {
    /// How the data left.
    pub way: Leaving,
    pub time: Timestamp,
    /// `None`: known from an audit log alone.
    pub user: Option<Uid>,
    pub uploader: Actor,
    pub code: Arc<str>,
    pub ancestors: Vec<Arc<ProcessEvidence>>,
    pub carried: Vec<Carried>,
    pub omitted: u64,
    pub place: Place,
    /// `None` where no life of this Mac took part.
    pub instance: Option<Instance>,
    /// Other lives of the same lineage that sent to the same place.
    pub kin: Vec<Instance>,
    pub attribution: Attribution,
    pub host_wide_name: bool,
    /// Something crossed since the last time; else only bytes were added.
    pub new_pair: bool,
    /// What the alert should say beside what every alert says.
    pub reasons: Vec<Reason>,
    pub deed: Option<DeedNote>,
    /// The record that tells of it.
    pub audit: Option<Arc<AuditEvent>>,
}
