//! Is it an upload, and may it be?
//!
//! A bearing *crosses* when the bytes since its read, summed over every life that carries the read or is a sibling with a
//! read like it, reach the floor of one of its sets that the allow list does not let through. A crossed tally is *judged* when
//! its flow ends, falls silent, has sent much more than it received, or the recording ends: only then is the ratio of out to
//! in known.

use std::sync::Arc;

use crate::model::{Actor, FlowId, ProcessEvidence, Severity, Timestamp, UnknownName};
use crate::policy::{
    Category, Identity, Leaving, SetId, SetMask, Subject, SyncRoot, SyncRootId, Transfer, UnknownUpload,
};

use super::Engine;
use super::completion::{Carried, Completion, Instance};
use super::fetched::Bytes;
use super::files::Looked;
use super::lineage::{Life, LifeId};
use super::taint::Origin;
use super::tally::Tally;
use super::window::{Bearing, Doubts, Mark, Place};

impl Engine {
    /// Marks the bearings of this life whose floor the tally has reached at `time`.
    pub(super) fn cross(&mut self, id: LifeId, at: u16, time: Timestamp) {
        let Some(life) = self.lineage.get(id) else { return };
        let Some(tally) = life.tallies.get(usize::from(at)) else { return };
        if tally.out < tally.check_at && tally.epoch == self.epoch {
            return;
        }
        let permitted = self.permissions(id, at, time);
        let Some(life) = self.lineage.get(id) else { return };
        let tally = &life.tallies[usize::from(at)];
        let mut crossed: Vec<usize> = Vec::new();
        let mut next = u64::MAX;
        for (index, bearing) in life.bearings.iter().enumerate() {
            if bearing.mark(at).crossed.is_some() {
                continue;
            }
            let reached = self.reached(life, at, bearing, permitted, time);
            let shared = self.bearers.get(&bearing.read.id).is_some_and(|bearers| bearers.len() > 1)
                || self.has_siblings(life);
            if !reached.sets.is_empty() {
                crossed.push(index);
            } else if let Some(missing) = reached.missing {
                // What other lives add is not announced here: with them about, look every time.
                next = next.min(if shared { 0 } else { tally.out + missing });
            }
        }
        let epoch = self.epoch;
        let Some(life) = self.lineage.get_mut(id) else { return };
        for index in &crossed {
            life.bearings[*index].mark_mut(at).crossed = Some(time);
        }
        let sender = life.image.sender();
        let tally = &mut life.tallies[usize::from(at)];
        if !crossed.is_empty() {
            (tally.sender, tally.crossed) = (sender, true);
        }
        tally.check_at = next;
        tally.epoch = epoch;
        if !crossed.is_empty() && tally.pending.is_none() {
            tally.pending = Some(time);
            self.pending.insert((time, id, at), ());
        }
    }

    /// The sets that this image of the life may send to this place; asked once per set and policy.
    fn permissions(&mut self, id: LifeId, at: u16, time: Timestamp) -> SetMask {
        let Some(life) = self.lineage.get(id) else { return SetMask::default() };
        let Some(tally) = life.tallies.get(usize::from(at)) else { return SetMask::default() };
        let fresh = tally.epoch != self.epoch;
        let (mut permitted, asked) =
            if fresh { (SetMask::default(), SetMask::default()) } else { (tally.permitted, tally.asked) };
        let mut wanted = SetMask::default();
        for bearing in &life.bearings {
            wanted = wanted.union(self.sets_of(&bearing.read));
        }
        let subject = self.subject(life, time);
        for set in wanted.without(asked).iter() {
            if self.permits(&subject, set, &tally.place) {
                permitted.insert(set);
            }
        }
        if let Some(tally) = self.lineage.get_mut(id).and_then(|life| life.tallies.get_mut(usize::from(at))) {
            tally.permitted = permitted;
            tally.asked = asked.union(wanted);
        }
        permitted
    }

    pub(super) fn permits(&self, subject: &Subject<'_>, set: SetId, place: &Place) -> bool {
        match place {
            Place::Service { name, tenant } => {
                let Some(service) = self.policy.services.by_name(name) else { return true };
                self.policy
                    .allow
                    .permits(subject, Transfer { set, service, tenant: tenant.as_deref() })
                    .is_ok()
            }
            Place::Nameless => self.policy.allow.permits_anywhere(subject, set),
        }
    }

    pub(super) fn subject<'a>(&'a self, life: &'a Life, time: Timestamp) -> Subject<'a> {
        self.subject_as(life, &life.image.evidence, &life.image.identity, time)
    }

    /// The same for an image that the life had once.
    pub(super) fn subject_as<'a>(
        &'a self,
        life: &'a Life,
        image: &'a ProcessEvidence,
        identity: &'a Identity,
        time: Timestamp,
    ) -> Subject<'a> {
        let user = image.info.euid;
        Subject {
            identity,
            args: &image.args,
            parent: life.ancestor.as_ref().map(|parent| &*parent.identity),
            user,
            user_name: self.users.get(&user).map(|name| &**name),
            time,
            homes: &self.homes,
        }
    }

    /// The tally's flow has ended, is silent, or clearly uploads: is it one, and of what?
    pub(super) fn judge(&mut self, id: LifeId, at: u16) {
        let Some(life) = self.lineage.get(id) else { return };
        let Some(tally) = life.tallies.get(usize::from(at)) else { return };
        let pending = tally.pending;
        if pending.is_none() && tally.judged.is_none_or(|before| before == (tally.out, tally.into)) {
            return;
        }
        let mut carried = self.carried_over(life, tally, at);
        let own = counted(life, tally, at, self.policy.options.min_ratio);
        let mut kin = self.kin(life, tally, at);
        let sent = own.out + kin.iter().map(|one| one.out).sum::<u64>();
        self.add_siblings(life, tally, sent, &mut carried, &mut kin);
        let download = self.is_download(&own, &kin, &carried);
        let giver = life.image.evidence.info.key.pid;
        let differs = |local: &FlowId| !self.locals.is_one_to_one(*local, giver);
        let partly = tally.local.filter(differs).is_some_and(|local| !self.is_reshaped(local, id));
        if carried.is_empty() || download || partly {
            // Not (yet) an upload: nothing waits for it, but more bytes may make it one.
            if let Some(crossed) = pending {
                self.pending.remove(&(crossed, id, at));
            }
            if partly {
                self.note_partly();
            } else if download {
                self.only_fetched(id, at);
            }
            return;
        }
        let sent = (own.out, own.into);
        let completion = self.completion(life, tally, carried, own, kin);
        let totals = (tally.out, tally.into);
        if let Some(tally) = self.lineage.get_mut(id).and_then(|life| life.tallies.get_mut(usize::from(at))) {
            tally.judged = Some(totals);
            (tally.counted, tally.counted_at) = (sent, totals);
            if let Some(crossed) = tally.pending.take() {
                self.pending.remove(&(crossed, id, at));
            }
        }
        let recorded =
            completion.place == Place::Nameless && self.policy.options.unknown == UnknownUpload::Record;
        self.conclude(completion);
        if recorded {
            self.count_anew(id, at);
        }
    }

    /// What was recorded is done with: the next upload is another one.
    fn count_anew(&mut self, id: LifeId, at: u16) {
        let Some(life) = self.lineage.get_mut(id) else { return };
        let Some(tally) = life.tallies.get_mut(usize::from(at)) else { return };
        let mark = Mark::from_here(at, tally);
        (tally.judged, tally.check_at, tally.crossed) = (None, 0, false);
        tally.flows.clear();
        for bearing in &mut life.bearings {
            *bearing.mark_mut(at) = mark;
        }
    }

    /// The crossed reads, each with the sets that are the trouble.
    fn carried_over(&self, life: &Life, tally: &Tally, at: u16) -> Vec<Carried> {
        let mut carried = Vec::new();
        for bearing in &life.bearings {
            let Some(crossed) = bearing.mark(at).crossed else { continue };
            let sets = self.sets_crossed(life, tally, bearing, at, crossed);
            if !sets.is_empty() {
                carried.push(Carried { bearing: bearing.as_of(crossed), sets, crossed });
            }
        }
        carried
    }

    fn completion(
        &self,
        life: &Life,
        tally: &Tally,
        carried: Vec<Carried>,
        own: Instance,
        kin: Vec<Instance>,
    ) -> Completion {
        let reasons = self.doubts(life, tally, &carried).reasons();
        Completion {
            way: if tally.place == Place::Nameless { Leaving::Nameless } else { Leaving::Upload },
            time: carried.iter().map(|carried| carried.crossed).max().unwrap_or(self.now),
            user: Some(tally.sender.evidence.info.euid),
            uploader: Actor::Process(Arc::clone(&tally.sender.evidence)),
            code: Arc::clone(&tally.code),
            ancestors: life.ancestors().map(|ancestor| Arc::clone(&ancestor.evidence)).collect(),
            carried,
            omitted: life.bearings_omitted,
            place: tally.place.clone(),
            instance: Some(own),
            kin,
            attribution: tally.attribution,
            host_wide_name: tally.host_wide_name,
            new_pair: tally.pending.is_some(),
            reasons,
            deed: None,
            audit: None,
        }
    }

    /// What speaks against the upload beside the way its bytes went.
    fn doubts(&self, life: &Life, tally: &Tally, carried: &[Carried]) -> Doubts {
        let mut doubts = tally.doubts;
        let crossed = carried.iter().map(|carried| carried.crossed).max().unwrap_or(self.now);
        if self.was_told(life, crossed) {
            doubts = doubts.with(Doubts::APPLE_EVENTS);
        }
        // A client that uploads whatever it finds in a folder: the hand that put it there did not send it.
        let staged = carried.iter().all(|carried| carried.bearing.through.is_some());
        let Place::Service { name, .. } = &tally.place else { return doubts };
        let service = self.policy.services.by_name(name);
        let is_code_host = |id| self.policy.services.get(id).category == Category::CodeHost;
        let is_grave = |carried: &Carried| {
            carried.sets.iter().any(|set| self.policy.set(set).severity >= Severity::High)
        };
        let git = &tally.sender.evidence;
        if matches!(tally.place, Place::Service { tenant: None, .. })
            && service.is_some_and(is_code_host)
            && life.is_git(git)
            && !carried.iter().any(|carried| is_grave(carried) && carried.is_pressed_on(git))
        {
            doubts = doubts.with(Doubts::ACCOUNT);
        }
        let mut roots = (0..).map(SyncRootId).zip(&self.policy.sync_roots);
        let client = |(id, root): (SyncRootId, &SyncRoot)| {
            Some(root.service) == service
                && self.policy.allow.is_client(&tally.sender.identity, id, &self.homes)
        };
        if staged && roots.any(client) { doubts.with(Doubts::SECOND_HOP) } else { doubts }
    }

    /// Something landed in a folder that a sync client uploads: that is an upload by that client, at that moment.
    pub(super) fn dropped(
        &mut self,
        id: LifeId,
        time: Timestamp,
        looked: &Looked,
        origins: &[Origin],
        new_pair: bool,
    ) {
        let Some((root_id, tenant)) = looked.class.root.clone() else { return };
        let Some(life) = self.lineage.get(id) else { return };
        if origins.is_empty() || self.policy.allow.is_client(&life.image.identity, root_id, &self.homes) {
            return;
        }
        let service_id = self.policy.sync_root(root_id).service;
        let service = self.policy.services.get(service_id);
        let place = Place::Service { name: Arc::clone(&service.name), tenant: tenant.clone() };
        let subject = self.subject(life, time);
        let allow = &self.policy.allow;
        let may = |set: &SetId| {
            let transfer = Transfer { set: *set, service: service_id, tenant: tenant.as_deref() };
            allow.permits_drop(&subject, root_id, transfer).is_ok()
        };
        let mut carried = Vec::new();
        for origin in origins {
            let sets: SetMask = self.sets_of(&origin.read).iter().filter(|set| !may(set)).collect();
            if !sets.is_empty() {
                let (read, way) = (Arc::clone(&origin.read), origin.way.clone());
                let bearing = Bearing {
                    read,
                    through: None,
                    former: Vec::new(),
                    way,
                    since: time,
                    until: time,
                    marks: Vec::new(),
                };
                carried.push(Carried { bearing, sets, crossed: time });
            }
        }
        if carried.is_empty() {
            return;
        }
        self.at_once(id, time, Leaving::SyncDrop, place, carried, new_pair);
    }

    /// Data left, or was handed over, in this very moment and without a byte on the wire.
    pub(super) fn at_once(
        &mut self,
        id: LifeId,
        time: Timestamp,
        way: Leaving,
        place: Place,
        carried: Vec<Carried>,
        new_pair: bool,
    ) {
        let Some(life) = self.lineage.get(id) else { return };
        let completion = Completion {
            way,
            time,
            user: Some(life.image.evidence.info.euid),
            uploader: Actor::Process(Arc::clone(&life.image.evidence)),
            code: Arc::clone(&life.image.code),
            ancestors: life.ancestors().map(|ancestor| Arc::clone(&ancestor.evidence)).collect(),
            carried,
            omitted: 0,
            place,
            instance: Some(Instance {
                life: id,
                tally: Instance::NO_TALLY,
                out: 0,
                into: 0,
                fetched: Bytes::default(),
                flows: Vec::new(),
            }),
            kin: Vec::new(),
            attribution: crate::model::Attribution::Process,
            host_wide_name: false,
            new_pair,
            reasons: Vec::new(),
            deed: None,
            audit: None,
        };
        self.conclude(completion);
    }

    /// A big upload without a name follows `upload.unknown`; everything else joins its chain.
    fn conclude(&mut self, completion: Completion) {
        if completion.place == Place::Nameless {
            match self.policy.options.unknown {
                UnknownUpload::Ignore => return,
                UnknownUpload::Record => return self.note_nameless(&completion),
                UnknownUpload::Alert => {}
            }
        }
        self.join(completion);
    }

    fn note_nameless(&mut self, completion: &Completion) {
        if completion.new_pair {
            let flows = completion.instance.iter().flat_map(|instance| &instance.flows);
            let why = flows.filter_map(|flow| flow.unknown).max_by_key(|why| (why.hides(), *why));
            let why = why.unwrap_or(UnknownName::PlainAddress);
            let program = completion.uploader.process().map(|process| &process.info.program.path);
            let program = program.map(ToString::to_string).unwrap_or_default();
            let text = format!("an upload after a sensitive read went {}: {program}", where_to(why));
            self.note(why.coverage(), 1, &text);
        }
    }
}

/// For a person, where bytes went whose destination is not known.
const fn where_to(why: UnknownName) -> &'static str {
    match why {
        UnknownName::NoServerName | UnknownName::PlainAddress | UnknownName::Unread => {
            "to a destination that has no name"
        }
        UnknownName::EncryptedHello => "to a destination whose name is encrypted",
        UnknownName::Relay => "through a relay that hides its destination",
        UnknownName::PeerToPeer => "to another user's machine, or through a server between the two",
        UnknownName::Nearby => "to a device nearby",
    }
}

/// Bytes of this tally that count: those since the earliest crossed read, each once, whatever reads expire meanwhile.
fn counted(life: &Life, tally: &Tally, at: u16, ratio: f64) -> Instance {
    let crossed = life.bearings.iter().map(|bearing| bearing.mark(at)).filter(|mark| mark.crossed.is_some());
    let earliest = crossed.min_by_key(|mark| (mark.base_out, mark.base_in));
    let base = earliest.unwrap_or_else(|| Mark::from_here(at, tally));
    let from = (base.base_out.max(tally.counted_at.0), base.base_in.max(tally.counted_at.1));
    let out = tally.counted.0 + tally.out.saturating_sub(from.0);
    let into = tally.counted.1 + tally.into.saturating_sub(from.1);
    let fetched = tally.fetched(ratio).without(base.base_fetched.max(tally.fetched_at));
    let flows = tally.flows.iter().map(|exchange| exchange.evidence.clone()).collect();
    Instance { life: life.id, tally: Instance::tally_of(at, tally), out, into, fetched, flows }
}
