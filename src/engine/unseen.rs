//! Uploads whose read no sensor could see: said, not guessed.

use std::collections::VecDeque;

use crate::model::{CoverageKind, FilePath, Timestamp};

use super::Engine;
use super::flows::Target;
use super::lineage::{Life, LifeId};
use super::window::Place;

/// Lives remembered as having read something sensitive themselves: the latest.
const MAX_CARRIERS: usize = 64;
/// Sockets that everybody asks for names, logs and devices.
const SYSTEM_SOCKETS: [&str; 7] =
    ["mDNSResponder", "syslog", "asl_input", "systemkeychaincheck", "usbmuxd", "cupsd", "Listeners"];

/// To the clipboard and from it.
const COPIES: &str = "/usr/bin/pbcopy";
const PASTES: &str = "/usr/bin/pbpaste";

/// What a life without a read did that may have brought it one unseen.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unseen {
    /// It opened a file that has further names.
    pub hard_link: Option<Timestamp>,
    /// It asked another process for something.
    pub asked: Option<Timestamp>,
    /// Bytes that it sent to cloud services since.
    pub(super) out: u64,
    pub(super) told: bool,
}

/// Lives that lately read something sensitive themselves, oldest first.
pub type Carriers = VecDeque<LifeId>;

/// Is it a socket of the system's own?
pub fn is_system_socket(path: &FilePath) -> bool {
    let name = path.file_name();
    SYSTEM_SOCKETS.iter().any(|known| name.starts_with(known.as_bytes()))
}

fn runs(life: &Life, path: &str) -> bool {
    life.image.evidence.info.program.path.as_bytes() == path.as_bytes()
}

/// Does it put on the clipboard what it carries?
pub(super) fn fills_clipboard(life: &Life) -> bool {
    runs(life, COPIES)
}

impl Engine {
    pub(super) fn unseen(&mut self, life: LifeId) -> Option<&mut Unseen> {
        self.lineage.get_mut(life).map(|life| &mut **life.unseen.get_or_insert_default())
    }

    /// A process spoke to another one.
    pub(super) fn asked(&mut self, life: LifeId, time: Timestamp, private: bool) {
        let Some(asker) = self.lineage.get(life) else { return };
        if asker.bearings.iter().any(|bearing| time <= bearing.until) {
            self.note(
                CoverageKind::IpcPossible,
                1,
                "a process that had read sensitive files spoke to another one; what it passed on is not visible",
            );
        } else if private && let Some(unseen) = self.unseen(life) {
            unseen.asked = Some(time);
        }
    }

    /// A program starts that takes from the clipboard what others put there: whether it is what one of them had read cannot
    /// be seen.
    pub(super) fn pasted(&mut self, life: LifeId, time: Timestamp) {
        let Some(taker) = self.lineage.get(life).filter(|life| runs(life, PASTES)) else { return };
        let user = taker.image.evidence.info.euid;
        let gave = |life: &LifeId| {
            let giver = self.lineage.get(*life).filter(|life| fills_clipboard(life));
            giver.is_some_and(|life| life.image.evidence.info.euid == user && life.carries_at(time))
        };
        if self.bearers.sorted().into_iter().flat_map(|(_, lives)| lives).any(gave) {
            self.note(
                CoverageKind::IpcPossible,
                1,
                "a program took from the clipboard after one that had read sensitive files put something there; what it was is \
                 not visible",
            );
        }
    }

    /// A life read something sensitive itself.
    pub(super) fn carries(&mut self, life: LifeId) {
        if self.carriers.back() == Some(&life) {
            return;
        }
        let was = self.carriers.iter().position(|other| *other == life);
        was.into_iter().for_each(|at| _ = self.carriers.remove(at));
        let full = self.carriers.len() >= MAX_CARRIERS;
        if full {
            self.carriers.pop_front();
        }
        self.carriers.push_back(life);
        self.cast_carrier(life, was, full);
        self.carried_version += 1;
    }

    /// Does another life carry a read of its own at this moment?
    fn others_carry(&self, life: LifeId, time: Timestamp) -> bool {
        let others = self.carriers.iter().filter(|other| **other != life);
        let mut lives = others.filter_map(|other| self.lineage.get(*other));
        lives.any(|other| other.bearings.iter().any(|bearing| time <= bearing.until))
    }

    /// A life that carries nothing sends to a cloud service.
    pub(super) fn sent_without_a_read(
        &mut self,
        life: LifeId,
        flow: crate::model::FlowId,
        time: Timestamp,
        out: u64,
    ) {
        let to_service = self
            .flows
            .get_mut(flow)
            .is_some_and(|flow| matches!(flow.target, Target::Place(Place::Service { .. })));
        let (floor, window) = (self.policy.options.min_bytes, self.policy.options.window_default);
        let Some(unseen) = self.lineage.get_mut(life).and_then(|life| life.unseen.as_deref_mut()) else {
            return;
        };
        if !to_service || unseen.told {
            return;
        }
        unseen.out += out;
        if unseen.out < floor {
            return;
        }
        let Unseen { hard_link, asked, .. } = *unseen;
        let lately = |at: Option<Timestamp>| at.is_some_and(|at| time <= at.plus(window));
        if lately(hard_link) {
            self.tell_unseen(
                life,
                CoverageKind::NameHidden,
                "an upload followed the opening of a file that has further names; whether one of them is sensitive is not known",
            );
        } else if lately(asked) && self.others_carry(life, time) {
            self.tell_unseen(
                life,
                CoverageKind::IpcPossible,
                "a process asked another one for something and then uploaded, while a process held sensitive data; what was passed on is not visible",
            );
        }
    }

    fn tell_unseen(&mut self, life: LifeId, kind: CoverageKind, text: &str) {
        if let Some(unseen) = self.unseen(life) {
            unseen.told = true;
        }
        self.note(kind, 1, text);
    }
}
