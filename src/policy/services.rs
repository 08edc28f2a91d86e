//! Which names are cloud services, and whose account a name tells.

use std::sync::Arc;

use super::domain::{DomainPattern, canonical_name};
use super::ids::ServiceId;
use super::names::NameTree;

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
    /// A public host of programs: at each name below it answers somebody's.
    AppHost,
}

impl Category {
    pub const ALL: [Self; 9] = [
        Self::FileSync,
        Self::ObjectStore,
        Self::FileTransfer,
        Self::Paste,
        Self::CodeHost,
        Self::Messaging,
        Self::Tunnel,
        Self::Backup,
        Self::AppHost,
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
            Self::AppHost => "app-host",
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
    /// The patterns of `entries`.
    names: NameTree,
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
                    compiled.names.insert(&pattern, compiled.entries.len() as u32);
                    compiled.entries.push(Entry { rank: pattern.rank(), service: id, list, index });
                }
            }
            compiled.list.push(names.service);
        }
        compiled
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
        let mut best: Option<(_, Option<&str>)> = None;
        self.names.matching(&name, |number, tenant| {
            // Of equals the later one: the administrator's come after the built-in ones.
            let rank = (self.entries[number as usize].rank, number);
            if best.is_none_or(|(least, _)| least < rank) {
                best = Some((rank, tenant));
            }
        });
        let ((_, number), tenant) = best?;
        let entry = &self.entries[number as usize];
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
