//! What each table keeps: every field that is named here, in this order. What can be made anew from the rest is not kept:
//! indices by key and pid, hashes of paths, which are seeded anew in every run.

use std::collections::BTreeSet;

use crate::engine::Timer;
use crate::engine::aliases::{Aliases, DiskImage, Moved, Volume};
use crate::engine::apps::{Laid, Told};
use crate::engine::chain::Chain;
use crate::engine::chains::{ChainId, Chains};
use crate::engine::commands::Named;
use crate::engine::completion::{Carried, Instance};
use crate::engine::coverage::CoverageLog;
use crate::engine::deeds::DeedNote;
use crate::engine::fetched::{Bytes, Exchange};
use crate::engine::flows::{Flow, Flows, Target};
use crate::engine::habits::{Habits, MAX_HABITS};
use crate::engine::lineage::{Ancestor, Image, Life, LifeId, Lineage, MAX_LIVES};
use crate::engine::locals::{Before, Local, Locals};
use crate::engine::outbox::Outbox;
use crate::engine::served::{Served, ServedVolume};
use crate::engine::taint::{Load, MAX_FILES, Origin, Part, Tainted, Taints};
use crate::engine::tally::{Sender, Tally};
use crate::engine::unseen::Unseen;
use crate::engine::window::{Bearing, Doubts, Mark, Place, Read, ReadId, Way};
use crate::model::{PathHash, Record, Table, Timestamp};
use crate::policy::SetMask;

use super::codec::{Kept, Reader, Unreadable, Writer, all, kept, newtypes, variants};

newtypes! { ReadId LifeId ChainId Doubts }

kept! {
    // Who is who.
    Image { since, evidence, identity, code, named, called }
    Ancestor { evidence, identity, parent, depth }
    Life {
        id, image, keys, ancestor, parent, born, ended, bearings, tallies, pipes, load, last_load, absorbed, unseen,
        bearings_omitted, senders,
    }
    Named { service, tenant }
    Unseen { hard_link, asked, out, told }
    Told { app, teller, time }
    // What they carry, and what they sent.
    Way { hop, before, steps }
    Bearing { read, through, former, way, since, until, marks }
    Sender { evidence, identity }
    Mark { tally, base_out, base_in, base_fetched, crossed }
    Bytes { out, into }
    Exchange { flow, evidence, run, aside }
    Tally {
        place, sender, code, out, into, attribution, doubts, local, host_wide_name, flows, fetched, run_began, last_out, last_any, check_at,
        generation, crossed, pending, timed, epoch, permitted, asked, judged, counted, counted_at,
        fetched_at,
    }
    // Files.
    Origin { read, way }
    Load { id, origins, until }
    Part { load, hops }
    Moved { from, to, hop, until }
    Volume { at, parts, until }
    DiskImage { at, image }
    Aliases { moved, inodes, oldest, volumes, images, attaching }
    ServedVolume { at, name, backing, caller, by, told }
    Served { volumes, evicted }
    // Flows.
    Laid { life, attribution, doubts }
    Flow {
        facts, owner, misnamed, opened, local, air, mail, suspects, asked, before, proxied, life, domain, alias, source, scope, disputed,
        unknown, hello, target, waiting, habitual,
    }
    Local { ends, opened, last, ended, bytes, next, sent_on, told }
    Locals { by_flow }
    // Chains.
    Carried { bearing, sets, crossed }
    Instance { life, tally, out, into, fetched, flows }
    DeedNote { text, cap, severity, wrapped }
    Chain {
        alert_id, key, other_key, who_where, code, first, last_step, last_pair, time, revision, count, reported, dirty, ways, fired,
        raised, user, uploader, ancestors, carried, omitted, place, instances, spilled, spilled_lately, attribution,
        host_wide_name, reasons, deeds, audit,
    }
    // What is said.
    CoverageLog { open, recent }
}

variants! {
    Place { 0 = Service { name, tenant }, 1 = Nameless }
    Target { 0 = Open, 1 = Place(place), 2 = Elsewhere }
    Before { 0 = NotAsked, 1 = Nothing, 2 = One(flow), 3 = Several }
    Timer { 0 = Silence(life, tally), 1 = Revise(chain), 2 = Forget(chain), 3 = Coverage }
}

/// With the sets as they are numbered now: earlier numberings are not kept.
impl Kept for Read {
    fn keep(&self, to: &mut Writer) {
        let Self {
            id,
            path,
            sets,
            epoch,
            time,
            reader,
            code,
            evidence,
            named,
            truncated,
            named_fork,
            nested,
            relayed,
        } = self;
        let sets = match to.epochs.get(*epoch as usize) {
            None => *sets,
            Some(now) => {
                let named = |set: crate::policy::SetId| now.get(usize::from(set.0)).copied().flatten();
                sets.iter().filter_map(named).collect::<SetMask>()
            }
        };
        all!(to; id, path, sets, time, reader, code);
        all!(to; evidence, named, truncated, named_fork, nested, relayed);
    }

    fn give(from: &mut Reader<'_>) -> Result<Self, Unreadable> {
        Ok(Self {
            id: Kept::give(from)?,
            path: Kept::give(from)?,
            sets: Kept::give(from)?,
            epoch: 0,
            time: Kept::give(from)?,
            reader: Kept::give(from)?,
            code: Kept::give(from)?,
            evidence: Kept::give(from)?,
            named: Kept::give(from)?,
            truncated: Kept::give(from)?,
            named_fork: Kept::give(from)?,
            nested: Kept::give(from)?,
            relayed: Kept::give(from)?,
        })
    }
}

/// Those that carry something first, then the youngest.
impl Kept for Lineage {
    fn keep(&self, to: &mut Writer) {
        let Self {
            lives,
            by_key: _,
            by_pid: _,
            next,
            oldest,
            idle,
            graves,
            idle_graves: _,
            evicted: _,
            recast: _,
            gone: _,
        } = self;
        all!(to; next, oldest);
        let mut order = lives.sorted();
        order.reverse();
        order.sort_by_key(|(id, _)| idle.contains(id));
        to.entries(order.into_iter(), |to, (id, life)| {
            life.keep(to);
            idle.contains(id).keep(to);
        });
        graves.keep(to);
    }

    fn give(from: &mut Reader<'_>) -> Result<Self, Unreadable> {
        let mut lineage = Self { next: from.counter()?, oldest: from.counter()?, ..Self::default() };
        let mut lives = from.entries(<(Life, bool)>::give)?;
        lives.sort_by_key(|(life, _)| life.id);
        if lives.len() > MAX_LIVES || lives.iter().any(|(life, _)| life.id.0 >= lineage.next) {
            return Err(Unreadable::Value);
        }
        for (life, idle) in lives {
            lineage.put_back(life, idle);
        }
        let graves: BTreeSet<(Timestamp, LifeId)> = Kept::give(from)?;
        lineage.graves = graves.into_iter().filter(|(_, id)| lineage.lives.contains(id)).collect();
        let idle = lineage.graves.iter().filter(|(_, id)| lineage.idle.contains(id));
        lineage.idle_graves = idle.copied().collect();
        Ok(lineage)
    }
}

/// The youngest first. Which of its names still lead to a file is kept beside it.
impl Kept for Taints {
    fn keep(&self, to: &mut Writer) {
        let Self { files, by_path, by_name, by_id, expiry: _, next, evicted: _, unnamed: _ } = self;
        to.number(*next);
        to.entries(files.sorted().into_iter().rev(), |to, (key, file)| {
            let Tainted { path, name, hash, id, parts, until } = file;
            all!(to; key, path, id, parts, until);
            (by_path.get(hash) == Some(key)).keep(to);
            (by_name.get(name) == Some(key)).keep(to);
            id.is_some_and(|id| by_id.get(&id) == Some(key)).keep(to);
        });
    }

    /// By path they are found only after [`Taints::rename_all`].
    fn give(from: &mut Reader<'_>) -> Result<Self, Unreadable> {
        let mut taints = Self { next: from.counter()?, ..Self::default() };
        let files = from.entries(|from| {
            let key = from.counter()?;
            let (path, id) = (Kept::give(from)?, Kept::give(from)?);
            let (parts, until) = (Kept::give(from)?, Kept::give(from)?);
            let file = Tainted { path, name: Box::default(), hash: PathHash(0), id, parts, until };
            Ok((key, file, <(bool, bool, bool)>::give(from)?))
        })?;
        if files.len() > MAX_FILES || files.iter().any(|(key, ..)| *key >= taints.next) {
            return Err(Unreadable::Value);
        }
        for (key, file, (by_path, by_name, by_id)) in files {
            if let Some(id) = file.id.filter(|_| by_id) {
                taints.by_id.insert(id, key);
            }
            taints.unnamed.push((key, by_path, by_name));
            taints.expiry.insert((file.until, key));
            taints.files.insert(key, file);
        }
        Ok(taints)
    }
}

/// Facts of flows that have not begun yet are not kept.
impl Kept for Flows {
    fn keep(&self, to: &mut Writer) {
        let Self { flows, newest, early: _, before } = self;
        all!(to; before, flows, newest);
    }

    fn give(from: &mut Reader<'_>) -> Result<Self, Unreadable> {
        Ok(Self {
            before: Kept::give(from)?,
            flows: Kept::give(from)?,
            newest: Kept::give(from)?,
            early: Table::new(),
        })
    }
}

/// The youngest first.
impl Kept for Chains {
    fn keep(&self, to: &mut Writer) {
        let Self { chains, ids, by_key, by_read, next, audited: _ } = self;
        to.number(*next);
        to.entries(ids.iter().rev().filter_map(|id| Some((id, chains.get(id)?))), |to, (id, chain)| {
            id.keep(to);
            chain.keep(to);
        });
        all!(to; by_key, by_read);
    }

    fn give(from: &mut Reader<'_>) -> Result<Self, Unreadable> {
        let next = from.counter()?;
        let mut all = Self { next, ..Self::default() };
        for (id, chain) in from.entries(<(ChainId, Chain)>::give)? {
            if id.0 >= next {
                return Err(Unreadable::Value);
            }
            if chain.uploader.account().is_some() {
                all.audited.insert(id);
            }
            all.chains.insert(id, chain);
            all.ids.insert(id);
        }
        (all.by_key, all.by_read) = (Kept::give(from)?, Kept::give(from)?);
        let chains = &all.chains;
        all.by_key.retain(|_, id| chains.contains(id));
        all.by_read.retain(|_, id| chains.contains(id));
        Ok(all)
    }
}

/// The latest first.
impl Kept for Habits {
    fn keep(&self, to: &mut Writer) {
        let Self { first, order, network: _, evicted: _ } = self;
        let known = order.iter().rev().filter_map(|pair| Some((pair, first.get(pair)?)));
        to.entries(known, |to, (pair, time)| {
            pair.keep(to);
            time.keep(to);
        });
    }

    fn give(from: &mut Reader<'_>) -> Result<Self, Unreadable> {
        let mut habits = Self::default();
        let known = from.entries(<((_, _), Timestamp)>::give)?;
        if known.len() > MAX_HABITS {
            return Err(Unreadable::Value);
        }
        for (pair, time) in known.into_iter().rev() {
            if habits.first.insert(pair.clone(), time).is_none() {
                habits.order.push_back(pair);
            }
        }
        Ok(habits)
    }
}

impl Kept for Outbox {
    fn keep(&self, to: &mut Writer) {
        let Self { waiting, next, released } = self;
        to.number(*next);
        released.keep(to);
        to.entries(waiting.iter(), |to, (key, record)| {
            key.keep(to);
            match record {
                Record::Alert(alert) => {
                    to.number(0);
                    alert.keep(to);
                }
                Record::Coverage(coverage) => {
                    to.number(1);
                    coverage.keep(to);
                }
                // The engine makes none.
                Record::Heartbeat(_) => to.number(2),
            }
        });
    }

    fn give(from: &mut Reader<'_>) -> Result<Self, Unreadable> {
        let (next, released) = (from.counter()?, Kept::give(from)?);
        let waiting = from.entries(|from| {
            let key = Kept::give(from)?;
            let record = match from.number()? {
                0 => Some(Record::Alert(Kept::give(from)?)),
                1 => Some(Record::Coverage(Kept::give(from)?)),
                _ => None,
            };
            Ok(record.map(|record| (key, record)))
        })?;
        Ok(Self { waiting: waiting.into_iter().flatten().collect(), next, released })
    }
}
