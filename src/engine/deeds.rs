//! What commands did in the cloud itself, as evidence of a chain.

use std::sync::Arc;

use crate::model::{ProcessEvidence, Reason, Severity};

use super::chains::Chain;
use super::completion::Completion;

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
