//! What addresses were last called, and by whom.
//!
//! In: the answers of DNS, with the process that asked where it is known. Out: the name that a flow to an address most likely
//! has: the one that its own process asked for, else one that anybody on this Mac did.

use std::collections::VecDeque;
use std::sync::Arc;

use super::Answers;
use crate::model::{DomainName, Hasher, NameScope, Pid, Set, Span, Table, Timestamp};
use crate::net::flow::DISORDER;
use crate::net::frame::Address;

/// Resolvers and programs go on using an answer for a while after it ran out.
const SLACK: Span = Span::from_secs(60);
/// A name may not vouch for an address longer than this, whatever its record says.
const MAX_LIFE: Span = Span::from_secs(24 * 3600);
/// An answer that ran out still names its address for so long, but is no better than another process's.
const STALE: Span = Span::from_secs(3600);
/// A process that asks for a name connects within this, as a rule.
const PROMPT: Span = Span::from_secs(30);
/// Outer names of encrypted hellos that are remembered, of about 100 bytes; every provider has one or two.
const MAX_OUTERS: usize = 1024;

/// Who asked: a process, or nobody in particular.
pub(in crate::net) type Asker = Option<Pid>;

/// A name for an address.
#[derive(Clone, Debug)]
pub(in crate::net) struct Name {
    pub(in crate::net) asked: DomainName,
    /// The names that it is an alias of, one by one, if it is one.
    pub(in crate::net) aliases: Option<Arc<[DomainName]>>,
    pub(in crate::net) scope: NameScope,
}

#[derive(Debug)]
struct Entry {
    asker: Asker,
    address: Address,
    asked: DomainName,
    aliases: Option<Arc<[DomainName]>>,
    time: Timestamp,
    until: Timestamp,
}

impl Entry {
    /// Asked for, or a link of the chain that the answer was.
    fn says(&self, name: &DomainName) -> bool {
        self.asked == *name || self.aliases.iter().any(|links| links.contains(name))
    }
}

/// Names by address, bounded: the oldest answer gives way. Each answer takes about 200 bytes for the host, as much for the
/// process that asked, and half as much for the name.
#[derive(Debug)]
pub(in crate::net) struct Names {
    limit: usize,
    /// In the order in which they came: what is written and what gives way lies side by side, and is not moved when the
    /// table below grows.
    entries: VecDeque<Entry>,
    /// The number of the first of them; the others follow.
    first: u32,
    hasher: Hasher,
    /// The newest entry of each asker and address, by a seeded hash of both, which two of so few do not share.
    newest: Table<u64, u32>,
    /// When each name was last asked for, and the names in the order in which they first were.
    asked: Table<DomainName, Timestamp>,
    asked_order: VecDeque<DomainName>,
    outers: Set<DomainName>,
    /// Answers that gave way before they ran out, since that was last told.
    evicted: u64,
}

impl Names {
    pub(in crate::net) fn new(limit: usize) -> Self {
        Self {
            limit,
            entries: VecDeque::new(),
            first: 0,
            hasher: Hasher::default(),
            newest: Table::new(),
            asked: Table::new(),
            asked_order: VecDeque::new(),
            outers: Set::new(),
            evicted: 0,
        }
    }

    /// Remembers an answer, for its asker and for the host. Says how many gave way that had not run out.
    pub(in crate::net) fn learn(&mut self, time: Timestamp, asker: Asker, answers: &Answers) -> u64 {
        let Some(asked) = &answers.asked else { return 0 };
        self.note_asked(time, asked);
        if let Some(outer) = answers.outer.as_ref().filter(|_| self.outers.len() < MAX_OUTERS) {
            self.outers.insert(outer.clone());
        }
        for (address, ttl) in &answers.addresses {
            let life = Span::from_secs(u64::from(*ttl)).max(SLACK).min(MAX_LIFE);
            let until = time.plus(life).plus(SLACK);
            self.put(None, *address, time, until, asked, answers.aliases.as_ref());
            if asker.is_some() {
                self.put(asker, *address, time, until, asked, answers.aliases.as_ref());
            }
        }
        std::mem::take(&mut self.evicted)
    }

    fn note_asked(&mut self, time: Timestamp, name: &DomainName) {
        if let Some(last) = self.asked.get_mut(name) {
            *last = time.max(*last);
            return;
        }
        self.asked.insert(name.clone(), time);
        self.asked_order.push_back(name.clone());
        if self.asked_order.len() > self.limit
            && let Some(oldest) = self.asked_order.pop_front()
        {
            self.asked.remove(&oldest);
        }
    }

    fn put(
        &mut self,
        asker: Asker,
        address: Address,
        time: Timestamp,
        until: Timestamp,
        asked: &DomainName,
        aliases: Option<&Arc<[DomainName]>>,
    ) {
        let address = address.translated();
        let hash = self.hasher.hash(&(asker, address));
        if self.known(hash, asker, address).is_some_and(|entry| entry.time > time) {
            return;
        }
        let number = self.first.wrapping_add(self.entries.len() as u32);
        self.newest.insert(hash, number);
        let (asked, aliases) = (asked.clone(), aliases.cloned());
        self.entries.push_back(Entry { asker, address, asked, aliases, time, until });
        while self.entries.len() > self.limit {
            let Some(oldest) = self.entries.pop_front() else { break };
            let hash = self.hasher.hash(&(oldest.asker, oldest.address));
            if self.newest.get(&hash) == Some(&self.first) {
                self.newest.remove(&hash);
                self.evicted += u64::from(oldest.until > time);
            }
            self.first = self.first.wrapping_add(1);
        }
    }

    /// The newest entry of an asker and an address.
    fn newest(&self, asker: Asker, address: Address) -> Option<&Entry> {
        self.known(self.hasher.hash(&(asker, address)), asker, address)
    }

    fn known(&self, hash: u64, asker: Asker, address: Address) -> Option<&Entry> {
        let place = self.newest.get(&hash)?.wrapping_sub(self.first);
        let entry = self.entries.get(place as usize)?;
        (entry.asker == asker && entry.address == address).then_some(entry)
    }

    /// What `address` was called at `time`: by one of `askers` if they asked, else by anyone.
    pub(in crate::net) fn find(&self, time: Timestamp, askers: [Asker; 2], address: Address) -> Option<Name> {
        let address = address.translated();
        let own = askers.into_iter().flatten().find_map(|asker| self.at(time, Some(asker), address));
        match own {
            Some((entry, true)) => Some(named(entry, NameScope::SameProcess)),
            Some((entry, false)) => Some(named(entry, NameScope::HostWide)),
            None => self.at(time, None, address).map(|(entry, _)| named(entry, NameScope::HostWide)),
        }
    }

    /// What one of `askers` asked for when it was led to `address` a moment ago, if its hello says `name`, by which nobody was
    /// ever led there.
    pub(in crate::net) fn dispute(
        &self,
        time: Timestamp,
        askers: [Asker; 2],
        address: Address,
        name: &DomainName,
    ) -> Option<DomainName> {
        let address = address.translated();
        let own = askers.into_iter().flatten().find_map(|asker| self.newest(Some(asker), address))?;
        let prompt = own.time <= time.plus(DISORDER) && time.since(own.time) <= PROMPT;
        (prompt && !own.says(name) && !self.led(name, address)).then(|| own.asked.clone())
    }

    /// Did an answer about this name hold the address? All answers are looked at, but only where a hello already disagrees with
    /// the newest.
    fn led(&self, name: &DomainName, address: Address) -> bool {
        self.asked.contains(name)
            && self.entries.iter().any(|entry| entry.address == address && entry.says(name))
    }

    /// DNS said that encrypted hellos show this name.
    pub(in crate::net) fn is_outer(&self, name: &DomainName) -> bool {
        self.outers.contains(name)
    }

    /// The entry, and whether it had not run out.
    fn at(&self, time: Timestamp, asker: Asker, address: Address) -> Option<(&Entry, bool)> {
        let entry = self.newest(asker, address)?;
        let known = entry.time <= time.plus(DISORDER) && time <= entry.until.plus(STALE);
        known.then_some((entry, time <= entry.until))
    }
}

fn named(entry: &Entry, scope: NameScope) -> Name {
    Name { asked: entry.asked.clone(), aliases: entry.aliases.clone(), scope }
}
