//! What the children of one process send piecemeal: a loop starts a program for each file, and none of them sends much.
//!
//! A floor is meant for a chain: the same user, programs, sets and place. So what such children sent is summed, of reads that
//! none of them shares with another (what they share is summed by [`floors`](super::floors)). What launchd starts has nothing
//! in common.

use crate::model::Timestamp;
use crate::policy::SetId;

use super::Engine;
use super::completion::{Carried, Instance};
use super::fetched::Bytes;
use super::lineage::{Life, LifeId};
use super::tally::Tally;
use super::window::Bearing;

/// Children of one process whose bytes are summed: those that began to send last. 8 bytes each.
pub const MAX_SENDERS: usize = 64;
/// A child that carries more reads than this is judged by itself: a loop starts one for each file.
const FEW: usize = 8;

/// What a sibling has part in an upload with.
struct Part<'a> {
    life: &'a Life,
    at: u16,
    tally: &'a Tally,
    out: u64,
    into: u64,
    /// What had come with downloads by then.
    base_fetched: Bytes,
}

impl Engine {
    /// A child begins to send what it carries: from now on its bytes count with those of the others, and theirs with its.
    pub(super) fn stand_with_siblings(&mut self, id: LifeId) {
        let Some(parent) = self.lineage.get(id).and_then(|life| life.parent) else { return };
        let Some(parent) = self.lineage.get_mut(parent) else { return };
        if parent.image.evidence.info.key.pid.0 <= 1 || parent.senders.contains(&id) {
            return;
        }
        if parent.senders.len() >= MAX_SENDERS {
            parent.senders.remove(0);
        }
        parent.senders.push(id);
        for sender in parent.senders.clone() {
            let tallies = self.lineage.get_mut(sender).map(|life| &mut life.tallies);
            tallies.into_iter().flatten().for_each(|tally| tally.check_at = 0);
        }
    }

    pub(super) fn has_siblings(&self, life: &Life) -> bool {
        self.senders_beside(life).next().is_some()
    }

    fn senders_beside(&self, life: &Life) -> impl Iterator<Item = &Life> {
        let parent = life.parent.and_then(|parent| self.lineage.get(parent));
        let senders = parent.map_or(&[][..], |parent| &parent.senders).iter();
        let own = life.id;
        senders.filter(move |other| **other != own).filter_map(|other| self.lineage.get(*other))
    }

    /// Bytes that siblings sent where `tally` sends, of other reads of this set.
    pub(super) fn siblings_out(
        &self,
        life: &Life,
        tally: &Tally,
        bearing: &Bearing,
        set: SetId,
        time: Timestamp,
    ) -> u64 {
        self.parts(life, tally, bearing, set, time).map(|part| part.out).sum()
    }

    fn parts<'a>(
        &'a self,
        life: &'a Life,
        tally: &'a Tally,
        bearing: &'a Bearing,
        set: SetId,
        time: Timestamp,
    ) -> impl Iterator<Item = Part<'a>> {
        let few = life.bearings.len() <= FEW;
        self.senders_beside(life)
            .filter(move |other| few && other.bearings.len() <= FEW)
            .filter(|other| other.image.evidence.info.euid == life.image.evidence.info.euid)
            .filter(|other| other.bearings.iter().all(|theirs| theirs.read.id != bearing.read.id))
            .filter_map(move |other| {
                let same = |theirs: &&Tally| theirs.place == tally.place && theirs.code == tally.code;
                let at = other.tallies.iter().position(|theirs| same(&theirs))?;
                let theirs = other.tallies.get(at).filter(|theirs| !self.may(other, theirs, set))?;
                let at = at as u16;
                let marks = self.like(other, tally, bearing, set, time).map(|like| like.mark(at));
                let base = marks.min_by_key(|mark| (mark.base_out, mark.base_in))?;
                let out = theirs.out.saturating_sub(base.base_out);
                let into = theirs.into.saturating_sub(base.base_in);
                let base_fetched = base.base_fetched;
                (out > 0).then_some(Part { life: other, at, tally: theirs, out, into, base_fetched })
            })
    }

    /// The reads of `other` that are like that of `bearing`: of the set, by the same program, and not too old for an upload
    /// that runs at `time`.
    fn like<'a>(
        &'a self,
        other: &'a Life,
        tally: &'a Tally,
        bearing: &'a Bearing,
        set: SetId,
        time: Timestamp,
    ) -> impl Iterator<Item = &'a Bearing> {
        let window = self.policy.set(set).window;
        other.bearings.iter().filter(move |theirs| {
            theirs.read.code == bearing.read.code
                && self.sets_of(&theirs.read).contains(set)
                && theirs.covers(window, tally.run_began, time)
        })
    }

    /// Adds what siblings read and sent to an upload that reached its floor with their help alone.
    pub(super) fn add_siblings(
        &self,
        life: &Life,
        tally: &Tally,
        sent: u64,
        carried: &mut Vec<Carried>,
        kin: &mut Vec<Instance>,
    ) {
        let own = carried.clone();
        for Carried { bearing, sets, crossed } in &own {
            for set in sets.iter().filter(|set| self.policy.set(*set).min_bytes > sent) {
                for part in self.parts(life, tally, bearing, set, *crossed) {
                    for like in self.like(part.life, tally, bearing, set, *crossed) {
                        match carried.iter_mut().find(|known| known.bearing.read.id == like.read.id) {
                            Some(known) => known.sets.insert(set),
                            None => carried.push(Carried {
                                bearing: like.as_of(*crossed),
                                sets: [set].into_iter().collect(),
                                crossed: *crossed,
                            }),
                        }
                    }
                    if !kin.iter().any(|one| one.life == part.life.id) {
                        kin.push(part.instance(self.policy.options.min_ratio));
                    }
                }
            }
        }
    }
}

impl Part<'_> {
    fn instance(&self, ratio: f64) -> Instance {
        let flows = self.tally.flows.iter().map(|exchange| exchange.evidence.clone()).collect();
        let tally = Instance::tally_of(self.at, self.tally);
        let Self { out, into, base_fetched, .. } = *self;
        let fetched = self.tally.fetched(ratio).without(base_fetched);
        Instance { life: self.life.id, tally, out, into, fetched, flows }
    }
}
