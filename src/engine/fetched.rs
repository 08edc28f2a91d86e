//! Downloads beside an upload: what one flow brings is no answer to what another one takes.
//!
//! The ratio of out to in is that of the flows that upload. So where the sum over all of them looks like a download, the runs
//! that are one by themselves are left out and the rest is judged: who fetches a tool, or a page, from the service that he
//! sends to hides nothing by it. A run is what one flow carries without a pause of [`SILENCE`].

use crate::model::{FlowEvidence, FlowId, Timestamp};

use super::Engine;
use super::completion::{Carried, Instance};
use super::lineage::LifeId;
use super::tally::{SILENCE, Tally};

/// Below this much coming in, a ratio says nothing: a response and its session tickets are no download.
const RATIO_FROM: u64 = 64 * 1024;

/// Payload in both directions.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Bytes {
    pub out: u64,
    pub into: u64,
}

impl Bytes {
    /// More came in than `ratio` (out / in; 0: no matter) lets pass for an upload.
    pub(super) fn are_a_download(self, ratio: f64) -> bool {
        self.into > RATIO_FROM && self.are_fewer_out(ratio)
    }

    fn are_fewer_out(self, ratio: f64) -> bool {
        ratio > 0.0 && (self.out as f64) < ratio * (self.into as f64)
    }

    pub(super) fn and(self, more: Self) -> Self {
        Self { out: self.out.saturating_add(more.out), into: self.into.saturating_add(more.into) }
    }

    pub(super) fn without(self, less: Self) -> Self {
        Self { out: self.out.saturating_sub(less.out), into: self.into.saturating_sub(less.into) }
    }

    pub(super) fn max(self, other: Self) -> Self {
        Self { out: self.out.max(other.out), into: self.into.max(other.into) }
    }
}

/// One flow's part in a tally.
#[derive(Clone, Debug)]
pub struct Exchange {
    pub flow: FlowId,
    pub evidence: FlowEvidence,
    /// Since its last pause.
    pub run: Bytes,
    /// Of that, what [`Tally::fetched`] has already.
    pub aside: Bytes,
}

impl Exchange {
    pub(super) fn new(flow: FlowId, evidence: FlowEvidence) -> Self {
        Self { flow, evidence, run: Bytes::default(), aside: Bytes::default() }
    }

    /// What this run fetched, as far as it is not set aside yet.
    fn fetched(&self, ratio: f64) -> Bytes {
        if self.run.are_a_download(ratio) { self.run.without(self.aside) } else { Bytes::default() }
    }

    fn set_aside(&mut self, ratio: f64) -> Bytes {
        let fetched = self.fetched(ratio);
        self.aside = self.aside.and(fetched);
        fetched
    }

    /// Adds bytes at `time`; gives back what a run that is over by then had fetched.
    pub(super) fn add(&mut self, time: Timestamp, more: Bytes, ratio: f64) -> Bytes {
        let mut fetched = Bytes::default();
        if time.since(self.evidence.end) > SILENCE {
            fetched = self.set_aside(ratio);
            (self.run, self.aside) = (Bytes::default(), Bytes::default());
        }
        self.run = self.run.and(more);
        fetched
    }
}

impl Tally {
    /// What was fetched up to now is counted so, whatever its flows go on to do. Reads that come now know it from what
    /// comes after them.
    pub(super) fn set_aside(&mut self, ratio: f64) {
        let fetched = self.flows.iter_mut().map(|exchange| exchange.set_aside(ratio));
        self.fetched = fetched.fold(self.fetched, Bytes::and);
    }

    /// Bytes of runs that were downloads, or are one as they stand.
    pub(super) fn fetched(&self, ratio: f64) -> Bytes {
        self.flows.iter().map(|exchange| exchange.fetched(ratio)).fold(self.fetched, Bytes::and)
    }
}

impl Engine {
    /// Are these bytes of one upload, by what went out and came in?
    pub(super) fn is_download(&self, own: &Instance, kin: &[Instance], carried: &[Carried]) -> bool {
        let ratio = self.policy.options.min_ratio;
        let parts = || std::iter::once(own).chain(kin);
        let all =
            parts().map(|part| Bytes { out: part.out, into: part.into }).fold(Bytes::default(), Bytes::and);
        if !all.are_a_download(ratio) {
            return false;
        }
        let rest = all.without(parts().map(|part| part.fetched).fold(Bytes::default(), Bytes::and));
        let floors = carried.iter().flat_map(|carried| carried.sets.iter());
        let least = floors.map(|set| self.policy.set(set).min_bytes).min().unwrap_or(u64::MAX);
        // The first 64 KiB of answers are not forgiven here: that is for flows that received little, and these did not.
        rest.out < least || rest.are_fewer_out(ratio)
    }

    /// Nothing left yet: what comes is looked at anew, and counts from when it comes.
    pub(super) fn only_fetched(&mut self, id: LifeId, at: u16) {
        let ratio = self.policy.options.min_ratio;
        let Some(life) = self.lineage.get_mut(id) else { return };
        let Some(tally) = life.tallies.get_mut(usize::from(at)).filter(|tally| tally.judged.is_none()) else {
            return;
        };
        tally.set_aside(ratio);
        (tally.pending, tally.crossed, tally.check_at) = (None, false, 0);
        life.uncross(at);
    }
}
