//! What commands did in the cloud itself, as evidence of a chain.

use std::sync::Arc;

use crate::model::{ProcessEvidence, Reason, Severity};

use super::chain::Chain;
use super::chains::{ChainId, Chains};
use super::completion::{Completion, Instance};

/// Different deeds kept as evidence of one chain.
const MAX_DEEDS: usize = 16;

/// Something a command did in the cloud itself.
#[derive(Clone, PartialEq, Debug)]
pub struct DeedNote {
    pub text: String,
    /// Why it may be less than it looks.
    pub cap: Option<Reason>,
    /// Instead of the rule's.
    pub severity: Option<Severity>,
    /// Known from the line of a wrapper, before what it runs has come.
    pub wrapped: bool,
}

impl Chains {
    /// The chain of what the same command did in the cloud itself: a copy that also lets everybody read it is one act.
    pub(super) fn same_act(&self, completion: &Completion) -> Option<ChainId> {
        let own = completion.instance.as_ref().filter(|_| completion.deed.is_none())?;
        let did = |chain: &Chain| {
            let of_deed = |one: &Instance| one.life == own.life && one.tally == Instance::NO_TALLY;
            !chain.deeds.is_empty() && chain.instances.iter().any(of_deed)
        };
        // What forks of it send is its too, but for a wrapper's: below that there is more than this command.
        let forked = |chain: &Chain| {
            let key = chain.uploader.process().map(|process| process.info.key);
            let unwrapped = chain.deeds.iter().any(|deed| !deed.wrapped);
            unwrapped && completion.ancestors.iter().any(|ancestor| Some(ancestor.info.key) == key)
        };
        let same = |id: &&ChainId| self.chains.get(*id).is_some_and(|chain| did(chain) || forked(chain));
        self.ids.iter().rev().find(same).copied()
    }
}

impl Chain {
    /// Is it the deed of a wrapper once more, now by the program that the wrapper runs?
    pub(super) fn unwraps(&self, completion: &Completion) -> bool {
        let (Some(own), Some(other)) = (self.uploader.process(), completion.uploader.process()) else {
            return false;
        };
        let key = own.info.key;
        let runs = |process: &Arc<ProcessEvidence>| process.info.key == key;
        let below = other.info.key.pid == key.pid || completion.ancestors.iter().any(runs);
        let same = |deed: &DeedNote| self.deeds.iter().any(|known| known.wrapped && known.text == deed.text);
        below && completion.deed.as_ref().is_some_and(|deed| !deed.wrapped && same(deed))
    }

    pub(super) fn keep(&mut self, deed: DeedNote) {
        match self.deeds.iter().position(|known| known.text == deed.text) {
            Some(at) => self.deeds[at].wrapped &= deed.wrapped,
            None if self.deeds.len() < MAX_DEEDS => self.deeds.push(deed),
            None => {}
        }
    }
}
