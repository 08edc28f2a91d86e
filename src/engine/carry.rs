//! Who carries what was read: by reading it, by being forked, by taking over a file or a pipe.

use std::sync::Arc;

use crate::model::{CoverageKind, Evidence, FilePath, Hop, HopKind, Severity, Timestamp};
use crate::policy::{Scratch, SetId, SetMask};

use super::Engine;
use super::lineage::{Life, LifeId};
use super::taint::{Origin, Part};
use super::tally::Tally;
use super::window::{Bearing, MAX_BEARERS, MAX_BEARINGS, MAX_HANDED_ON, Mark, OVERHANG, Read, ReadId, Way};

impl Engine {
    /// A process that no fork event introduced was forked all the same, from the parent its token names, when it started.
    pub(super) fn inherit_unseen_fork(&mut self, life: LifeId, seen: Timestamp) {
        let Some((parent, born)) = self.lineage.get(life).and_then(|life| Some((life.parent?, life.born)))
        else {
            return;
        };
        // A start before the parent's own is no start at all: then the first sign of life must do.
        let before = self.lineage.get(parent).is_some_and(|parent| born <= parent.born);
        self.inherit(parent, life, if before { seen } else { born });
    }

    /// The child carries what the parent carried when it was forked. launchd's children are everybody's: nothing comes
    /// through it.
    pub(super) fn inherit(&mut self, parent: LifeId, child: LifeId, time: Timestamp) {
        let Some(life) = self.lineage.get(parent) else { return };
        if life.image.evidence.info.key.pid.0 <= 1 {
            return;
        }
        let mut scratch = std::mem::take(&mut self.scratch);
        let carried: Vec<Bearing> = life
            .bearings
            .iter()
            .filter(|bearing| bearing.since <= time && time <= bearing.until)
            .filter(|bearing| !self.keeps(life, bearing, time, &mut scratch))
            .cloned()
            .collect();
        self.scratch = scratch;
        self.hand_on(child, carried, HopKind::Fork, time);
    }

    /// Has the life read it by itself, and does policy say that what it starts goes without?
    fn keeps(&self, life: &Life, bearing: &Bearing, time: Timestamp, scratch: &mut Scratch) -> bool {
        if bearing.way.is_some() || bearing.through.is_some() {
            return false;
        }
        let canonical = self.policy.paths.canonical(bearing.read.path.as_bytes(), scratch);
        self.policy.allow.keeps(&self.subject(life, time), self.sets_of(&bearing.read), &canonical)
    }

    /// Gives bearings of another life to `life`, one step further.
    pub(super) fn hand_on(&mut self, life: LifeId, carried: Vec<Bearing>, kind: HopKind, time: Timestamp) {
        let Some(process) = self.lineage.get(life).map(|life| Arc::clone(&life.image.evidence)) else {
            return;
        };
        let mut step = Step::new(Hop { kind, time, process, path: None });
        for bearing in carried {
            self.bear(life, step.handed_on(bearing, time));
        }
    }

    /// What `life` is to carry when it reads from a pipe what another one has.
    pub(super) fn piped(&self, life: LifeId, bearing: &Bearing) -> Option<Bearing> {
        let process = Arc::clone(&self.lineage.get(life)?.image.evidence);
        let time = bearing.since;
        let mut step = Step::new(Hop { kind: HopKind::Pipe, time, process, path: None });
        Some(step.handed_on(bearing.clone(), time))
    }

    /// Every bearing of the life takes one step in place (exec).
    pub(super) fn step_on(&mut self, life: LifeId, kind: HopKind, time: Timestamp) {
        let Some(life) = self.lineage.get_mut(life) else { return };
        life.load = None;
        let process = Arc::clone(&life.image.evidence);
        let mut step = Step::new(Hop { kind, time, process, path: None });
        life.bearings.iter_mut().for_each(|bearing| step.take(bearing));
    }

    pub(super) fn new_read(
        &mut self,
        life: LifeId,
        time: Timestamp,
        path: &FilePath,
        sets: SetMask,
        evidence: Evidence,
    ) -> Option<Read> {
        let image = &self.lineage.get(life)?.image;
        let id = ReadId(self.next_read);
        self.next_read += 1;
        Some(Read {
            id,
            path: path.clone(),
            sets,
            epoch: self.epoch,
            time,
            reader: Arc::clone(&image.evidence),
            code: Arc::clone(&image.code),
            evidence,
            named: None,
            truncated: false,
            named_fork: false,
            nested: false,
            relayed: false,
        })
    }

    /// The life carries one read more, and so does whoever reads the pipes that it writes to, and so on. A pipeline may be
    /// as long as there are processes: what is still to be done stands in a list, not on the stack.
    pub(super) fn bear(&mut self, id: LifeId, bearing: Bearing) {
        let mut next = vec![(id, bearing)];
        while let Some((id, bearing)) = next.pop() {
            if let Some(bearing) = self.bear_alone(id, bearing) {
                let before = next.len();
                self.pour(id, &bearing, &mut next);
                // The first reader first, with all that comes after it.
                next[before..].reverse();
            }
        }
    }

    /// Gives the bearing back if the life did not carry it yet. Bytes it sent so far do not count against it.
    fn bear_alone(&mut self, id: LifeId, mut bearing: Bearing) -> Option<Bearing> {
        let now = self.now;
        let handed_on = bearing.way.is_some() || bearing.through.is_some();
        // A rule that counts files needs them all in one place.
        let handed_on_at_most = MAX_HANDED_ON.max(self.policy.rules.counted());
        let limit = if handed_on { handed_on_at_most } else { MAX_BEARINGS };
        let severity = |set: SetId| self.policy.sets.get(usize::from(set.0)).map(|set| set.severity);
        let life = self.lineage.get_mut(id)?;
        life.load = None;
        let mut gone = Vec::new();
        shed_overdue(life, now, &mut gone);
        let taken = if carries(life, &bearing) || confirms_announced(life, &bearing) {
            Taken::Not
        } else {
            let room = Room { limit, keeps_graver: handed_on, ratio: self.policy.options.min_ratio };
            take_on(life, &mut bearing, room, severity, &mut gone)
        };
        let crowded = taken != Taken::Not && !self.enlist(bearing.read.id, id);
        gone.into_iter().for_each(|read| self.unbear(id, read));
        if taken == Taken::Not {
            return None;
        }
        self.lineage.burden(id);
        if taken == Taken::InPlaceOfAnother && !handed_on {
            self.note(
                CoverageKind::TableFull,
                1,
                "sensitive reads beyond those that are remembered of one process",
            );
        }
        if crowded {
            self.note(
                CoverageKind::TableFull,
                1,
                "more processes carry one sensitive read than their uploads are summed of: each is judged by itself",
            );
        }
        Some(bearing)
    }

    /// Notes that the life carries the read. False where those that do are too many already.
    fn enlist(&mut self, read: ReadId, life: LifeId) -> bool {
        let bearers = self.bearers.or_insert_with(read, Vec::new);
        let room = bearers.len() < MAX_BEARERS;
        if room {
            bearers.push(life);
        }
        room
    }

    /// The life carries this read already: its window starts anew with the staged copy. The bytes count on. Whoever read
    /// it itself has it by way of the copy from then on.
    pub(super) fn renew(
        &mut self,
        id: LifeId,
        (part, origin): (&Part, &Origin),
        staged: &Arc<Read>,
        until: Timestamp,
    ) -> bool {
        let Some(life) = self.lineage.get_mut(id) else { return false };
        let now = self.now;
        let known = life.bearings.iter_mut().find(|bearing| bearing.read.id == origin.read.id);
        let Some(known) = known.filter(|bearing| bearing.until.plus(OVERHANG) >= now) else { return false };
        // What came in by itself does not come in less surely by a fork as well.
        let surer = known.by_itself() && staged.named_fork && staged.time <= known.until;
        if until > known.until && !surer {
            known.renew(staged, until);
            if known.way.is_none() && !staged.named_fork {
                known.way = part.way_of(origin);
            }
        }
        true
    }

    pub(super) fn unbear(&mut self, life: LifeId, read: ReadId) {
        if let Some(bearers) = self.bearers.get_mut(&read) {
            bearers.retain(|bearer| *bearer != life);
            if bearers.is_empty() {
                self.bearers.remove(&read);
            }
        }
    }
}

/// One step taken by many bearings: those that came the same way so far go on sharing it.
struct Step {
    hop: Hop,
    last: Option<(Option<Arc<Way>>, Arc<Way>)>,
}

impl Step {
    fn new(hop: Hop) -> Self {
        Self { hop, last: None }
    }

    /// The bearing as another life has it from then on.
    fn handed_on(&mut self, mut bearing: Bearing, time: Timestamp) -> Bearing {
        self.take(&mut bearing);
        bearing.since = time;
        bearing.marks.clear();
        bearing
    }

    fn take(&mut self, bearing: &mut Bearing) {
        let before = bearing.way.take();
        let same =
            |known: &Option<Arc<Way>>| known.as_ref().map(Arc::as_ptr) == before.as_ref().map(Arc::as_ptr);
        let way = match &self.last {
            Some((known, way)) if same(known) => Arc::clone(way),
            _ => Way::then(before.as_ref(), self.hop.clone()),
        };
        self.last = Some((before, Arc::clone(&way)));
        bearing.way = Some(way);
    }
}

/// The bearings that a life has room for.
#[derive(Clone, Copy, Debug)]
struct Room {
    limit: usize,
    /// What is less severe than all that is there finds no room.
    keeps_graver: bool,
    /// Tells downloads: bytes out / bytes in.
    ratio: f64,
}

/// What a life did with a bearing that came to it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Taken {
    Not,
    Beside,
    InPlaceOfAnother,
}

/// Bearings whose windows are over go.
fn shed_overdue(life: &mut Life, now: Timestamp, gone: &mut Vec<ReadId>) {
    life.bearings.retain(|bearing| {
        let keep = bearing.until.plus(OVERHANG) >= now;
        if !keep {
            gone.push(bearing.read.id);
        }
        keep
    });
}

fn carries(life: &Life, bearing: &Bearing) -> bool {
    life.bearings.iter().any(|other| other.read.id == bearing.read.id)
}

/// The open that the command line announced: the same read under the same number, better known. Where bytes left before
/// it, it was the command line alone that told of them.
fn confirms_announced(life: &mut Life, opened: &Bearing) -> bool {
    let announced = life.bearings.iter_mut().find(|other| {
        other.read.evidence == Evidence::Argv
            && opened.read.evidence == Evidence::Open
            && other.read.path == opened.read.path
    });
    let Some(announced) = announced else { return false };
    if announced.marks.iter().all(|mark| mark.crossed.is_none()) {
        let known = &announced.read;
        let read = Read {
            id: known.id,
            path: known.path.clone(),
            reader: Arc::clone(&known.reader),
            named: Some(known.time),
            ..(*opened.read).clone()
        };
        announced.read = Arc::new(read);
    }
    announced.until = announced.until.max(opened.until);
    true
}

/// Puts a bearing with the others of the life; where there are too many, in the place of the one worth least.
fn take_on(
    life: &mut Life,
    bearing: &mut Bearing,
    room: Room,
    severity: impl Fn(SetId) -> Option<Severity>,
    gone: &mut Vec<ReadId>,
) -> Taken {
    bearing.marks = marks_from_here(&mut life.tallies, room.ratio);
    let mut taken = Taken::Beside;
    if life.bearings.len() >= room.limit {
        life.bearings_omitted += 1;
        // The same file once more makes room for itself, so that it cannot push others out.
        let same = life.bearings.iter().rposition(|other| other.read.path == bearing.read.path);
        let (at, weight) = match same {
            Some(at) => (at, None),
            None => weakest(&life.bearings, &severity),
        };
        if room.keeps_graver && weight_of(bearing, &severity) < weight {
            return Taken::Not;
        }
        gone.push(life.bearings.swap_remove(at).read.id);
        taken = Taken::InPlaceOfAnother;
    }
    life.bearings.push(bearing.clone());
    taken
}

/// A mark for each tally: what it had sent does not count against a read that comes now. Each is looked at anew.
fn marks_from_here(tallies: &mut [Tally], ratio: f64) -> Vec<Mark> {
    let mark = |(at, tally): (u16, &mut Tally)| {
        tally.set_aside(ratio);
        tally.check_at = 0;
        Mark::from_here(at, tally)
    };
    (0..).zip(tallies).map(mark).collect()
}

/// How sensitive the most sensitive set of a bearing is.
fn weight_of(bearing: &Bearing, severity: impl Fn(SetId) -> Option<Severity>) -> Option<Severity> {
    bearing.read.sets.iter().filter_map(severity).max()
}

/// The bearing to give up in a full life, and its weight: least severe, then nearest its end.
fn weakest(bearings: &[Bearing], severity: impl Fn(SetId) -> Option<Severity>) -> (usize, Option<Severity>) {
    let weighed = bearings.iter().map(|bearing| (weight_of(bearing, &severity), bearing.until));
    let weakest = weighed.enumerate().min_by_key(|(_, weight)| *weight);
    weakest.map_or((0, None), |(at, (weight, _))| (at, weight))
}
