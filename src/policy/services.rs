//! Which names are cloud services, and whose account a name tells.

use std::sync::Arc;

use crate::model::Table;

use super::domain::{DomainPattern, canonical_name};
use super::ids::ServiceId;

/// What a service is for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Category {
    FileSync,
    ObjectStore,
    FileTransfer,
    Paste,
    CodeHost,
    Messaging,
    Tunnel,
    Backup,
}

impl Category {
    pub const ALL: [Self; 8] = [
        Self::FileSync,
        Self::ObjectStore,
        Self::FileTransfer,
        Self::Paste,
        Self::CodeHost,
        Self::Messaging,
        Self::Tunnel,
        Self::Backup,
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::FileSync => "file-sync",
            Self::ObjectStore => "object-store",
            Self::FileTransfer => "file-transfer",
            Self::Paste => "paste",
            Self::CodeHost => "code-host",
            Self::Messaging => "messaging",
            Self::Tunnel => "tunnel",
            Self::Backup => "backup",
        }
    }
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Service {
    pub name: Arc<str>,
    pub category: Category,
    /// False: a name that is never an upload target by itself.
    pub upload: bool,
}

/// A service with the patterns of its names.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ServiceNames {
    pub service: Service,
    pub domains: Vec<DomainPattern>,
    pub tenants: Vec<DomainPattern>,
    /// Names below the others that are not this service, nor any other unless a pattern of it is more specific.
    pub except: Vec<DomainPattern>,
}

/// Where a name leads.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Destination {
    pub service: ServiceId,
    /// Account, bucket or organisation, where the name tells it. Lower case.
    pub tenant: Option<Arc<str>>,
}

/// Which list of a service a pattern stands in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NameList {
    Domains,
    Tenants,
    Except,
}

impl NameList {
    /// The key of the entry.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Domains => "domains",
            Self::Tenants => "tenants",
            Self::Except => "except",
        }
    }
}

/// The pattern that decides what a name is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NameHit {
    pub service: ServiceId,
    pub list: NameList,
    /// Which pattern of that list, from 0.
    pub index: u32,
    pub tenant: Option<Arc<str>>,
}

#[derive(Clone, Debug)]
struct Entry {
    pattern: DomainPattern,
    rank: (usize, bool),
    service: ServiceId,
    list: NameList,
    index: u32,
}

/// All services, findable by host name.
#[derive(Clone, Debug, Default)]
pub struct Services {
    list: Vec<Service>,
    tenants: Vec<bool>,
    entries: Vec<Entry>,
    /// From the literal end of a pattern to the patterns that have it.
    by_tail: Table<Box<str>, Vec<u32>>,
}

impl Services {
    /// Services get their ids in the order given.
    pub fn compile(services: Vec<ServiceNames>) -> Self {
        let mut compiled = Self::default();
        for (names, id) in services.into_iter().zip((0..).map(ServiceId)) {
            compiled.tenants.push(!names.tenants.is_empty());
            let lists = [
                (NameList::Domains, names.domains),
                (NameList::Tenants, names.tenants),
                (NameList::Except, names.except),
            ];
            for (list, patterns) in lists {
                for (pattern, index) in patterns.into_iter().zip(0..) {
                    compiled.insert(Entry { rank: pattern.rank(), pattern, service: id, list, index });
                }
            }
            compiled.list.push(names.service);
        }
        compiled
    }

    fn insert(&mut self, entry: Entry) {
        let tail = entry.pattern.tail().into_boxed_str();
        self.by_tail.or_insert_with(tail, Vec::new).push(self.entries.len() as u32);
        self.entries.push(entry);
    }

    /// The service behind a name, most specific pattern first. Any spelling of the name will do.
    pub fn lookup(&self, domain: &str) -> Option<Destination> {
        let hit = self.hit(domain)?;
        let found = || Destination { service: hit.service, tenant: hit.tenant };
        (hit.list != NameList::Except).then(found)
    }

    /// Why [`lookup`](Self::lookup) says what it says: the pattern that wins, if any matches.
    pub fn hit(&self, domain: &str) -> Option<NameHit> {
        let name = canonical_name(domain);
        let starts = memchr::memchr_iter(b'.', name.as_bytes()).map(|dot| dot + 1);
        let tails = std::iter::once(0).chain(starts).filter_map(|start| self.by_tail.get(&name[start..]));
        let candidates = tails.flatten().map(|index| &self.entries[*index as usize]);
        let matching = candidates.filter_map(|entry| Some((entry, entry.pattern.matches(&name)?)));
        // Of equals the later one: the administrator's come after the built-in ones.
        let (entry, tenant) = matching.max_by_key(|(entry, _)| (entry.rank, entry.service))?;
        Some(NameHit {
            service: entry.service,
            list: entry.list,
            index: entry.index,
            tenant: tenant.map(Arc::from),
        })
    }

    pub fn get(&self, id: ServiceId) -> &Service {
        &self.list[usize::from(id.0)]
    }

    pub fn by_name(&self, name: &str) -> Option<ServiceId> {
        let index = self.list.iter().position(|service| &*service.name == name)?;
        u16::try_from(index).ok().map(ServiceId)
    }

    /// Can names of this service tell a tenant at all?
    pub fn has_tenants(&self, id: ServiceId) -> bool {
        self.tenants.get(usize::from(id.0)).copied().unwrap_or_default()
    }

    pub fn iter(&self) -> impl Iterator<Item = (ServiceId, &Service)> {
        (0..).map(ServiceId).zip(&self.list)
    }
}
