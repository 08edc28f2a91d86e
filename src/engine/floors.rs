//! Whether enough left: the bytes since a read, summed over every life that carries it and over [siblings](super::siblings)
//! that carry its like, against the floor of each set.

use crate::model::Timestamp;
use crate::policy::{SetId, SetMask};

use super::Engine;
use super::completion::Instance;
use super::fetched::Bytes;
use super::lineage::{Life, LifeId};
use super::tally::Tally;
use super::window::{Bearing, Mark, Place};

/// How far the bytes since a read have come.
pub(super) struct Reached {
    pub(super) sets: SetMask,
    /// Bytes that the nearest other set lacks.
    pub(super) missing: Option<u64>,
}

impl Engine {
    /// Which of the bearing's sets that may neither go there nor have expired have had their floor reached.
    pub(super) fn reached(
        &self,
        life: &Life,
        at: u16,
        bearing: &Bearing,
        permitted: SetMask,
        time: Timestamp,
    ) -> Reached {
        let tally = &life.tallies[usize::from(at)];
        let own = tally.out.saturating_sub(bearing.mark(at).base_out);
        let mut reached = Reached { sets: SetMask::default(), missing: None };
        for set in self.denied_sets(bearing, permitted, tally.run_began, time) {
            let floor = self.policy.set(set).min_bytes;
            let mut missing = floor.saturating_sub(own);
            if missing > 0 {
                missing = missing.saturating_sub(self.others_out(bearing, &tally.place, life.id, set));
            }
            if missing > 0 {
                missing = missing.saturating_sub(self.siblings_out(life, tally, bearing, set, time));
            }
            match missing {
                0 => reached.sets.insert(set),
                _ => reached.missing = Some(reached.missing.map_or(missing, |least| least.min(missing))),
            }
        }
        reached
    }

    fn denied_sets(
        &self,
        bearing: &Bearing,
        permitted: SetMask,
        began: Timestamp,
        time: Timestamp,
    ) -> impl Iterator<Item = SetId> {
        let sets = self.sets_of(&bearing.read).without(permitted);
        sets.iter().filter(move |set| bearing.covers(self.policy.set(*set).window, began, time))
    }

    /// Bytes that all other lives with this read sent to this place since they came to carry it, without those that the
    /// allow list lets through.
    fn others_out(&self, bearing: &Bearing, place: &Place, id: LifeId, set: SetId) -> u64 {
        let bearers = self.bearers.get(&bearing.read.id).map_or(&[][..], Vec::as_slice);
        let others =
            bearers.iter().filter(|other| **other != id).filter_map(|other| self.lineage.get(*other));
        let counts = |other: &Life, tally: &Tally| !self.may(other, tally, set);
        others.map(|other| since_read(other, bearing, place, |tally| counts(other, tally), sent).out).sum()
    }

    /// May what this tally sums go where it went?
    pub(super) fn may(&self, life: &Life, tally: &Tally, set: SetId) -> bool {
        if tally.epoch == self.epoch && tally.asked.contains(set) {
            return tally.permitted.contains(set);
        }
        let sender = &tally.sender;
        let subject = self.subject_as(life, &sender.evidence, &sender.identity, self.now);
        self.permits(&subject, set, &tally.place)
    }

    /// The sets whose floor a crossed bearing's bytes have reached by now. The least floor is one of them, whatever became of
    /// those that helped to reach it.
    pub(super) fn sets_crossed(
        &self,
        life: &Life,
        tally: &Tally,
        bearing: &Bearing,
        at: u16,
        crossed: Timestamp,
    ) -> SetMask {
        let floor = |set: SetId| self.policy.set(set).min_bytes;
        let denied = || self.denied_sets(bearing, tally.permitted, tally.run_began, crossed);
        let Some(least) = denied().map(floor).min() else { return SetMask::default() };
        let reached = self.reached(life, at, bearing, tally.permitted, crossed).sets;
        denied().filter(|set| floor(*set) == least || reached.contains(*set)).collect()
    }

    /// What other lives that carry a crossed read sent to the same place, each since it came to carry it.
    pub(super) fn kin(&self, life: &Life, tally: &Tally, at: u16) -> Vec<Instance> {
        let mut kin: Vec<Instance> = Vec::new();
        let ratio = self.policy.options.min_ratio;
        for bearing in life.bearings.iter().filter(|bearing| bearing.mark(at).crossed.is_some()) {
            let bearers = self.bearers.get(&bearing.read.id).map_or(&[][..], Vec::as_slice);
            for other in
                bearers.iter().filter(|other| **other != life.id).filter_map(|other| self.lineage.get(*other))
            {
                let sets = self.sets_of(&bearing.read).without(tally.permitted);
                let counts = |theirs: &Tally| sets.iter().any(|set| !self.may(other, theirs, set));
                let fetched = |tally: &Tally, mark: Mark| tally.fetched(ratio).without(mark.base_fetched);
                let sent = since_read(other, bearing, &tally.place, counts, sent);
                let fetched = since_read(other, bearing, &tally.place, counts, fetched);
                let tallies =
                    other.tallies.iter().filter(|theirs| theirs.place == tally.place && counts(theirs));
                let flows =
                    tallies.flat_map(|tally| &tally.flows).map(|flow| flow.evidence.clone()).collect();
                let mut there =
                    (0u16..).zip(&other.tallies).filter(|(_, theirs)| theirs.place == tally.place);
                let at = there.next().map_or(0, |(at, theirs)| Instance::tally_of(at, theirs));
                match kin.iter_mut().find(|one| one.life == other.id) {
                    Some(one) => {
                        (one.out, one.into) = (one.out.max(sent.out), one.into.max(sent.into));
                        one.fetched = one.fetched.max(fetched);
                    }
                    None if sent.out > 0 => {
                        let Bytes { out, into } = sent;
                        kin.push(Instance { life: other.id, tally: at, out, into, fetched, flows });
                    }
                    None => {}
                }
            }
        }
        kin
    }
}

/// Of what `life` exchanged with `place`, as far as it counts, what came since it carries the read of `bearing`: the sum of
/// what `of` says for each tally and where it stood at the read.
fn since_read(
    life: &Life,
    bearing: &Bearing,
    place: &Place,
    counts: impl Fn(&Tally) -> bool,
    of: impl Fn(&Tally, Mark) -> Bytes,
) -> Bytes {
    // Most of those that carry a read send nothing at all, or not there: no need to look for it among what they carry.
    let mut tallies = (0..).zip(&life.tallies).filter(|(_, tally)| tally.place == *place).peekable();
    if tallies.peek().is_none() {
        return Bytes::default();
    }
    let Some(own) = life.bearings.iter().find(|other| other.read.id == bearing.read.id) else {
        return Bytes::default();
    };
    let since = tallies.filter(|(_, tally)| counts(tally)).map(|(at, tally)| of(tally, own.mark(at)));
    since.fold(Bytes::default(), Bytes::and)
}

fn sent(tally: &Tally, mark: Mark) -> Bytes {
    let before = Bytes { out: mark.base_out, into: mark.base_in };
    Bytes { out: tally.out, into: tally.into }.without(before)
}
