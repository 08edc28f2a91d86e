//! Who may: the administrator's exceptions and the built-in ones.

use std::sync::Arc;

use crate::model::{Timestamp, Uid};

use super::SyncRoot;
use super::canonical::Canonical;
use super::glob::{Anchor, Glob};
use super::homes::Homes;
use super::identity::{Identity, ProcessMatcher, ProgramPath, Subject};
use super::ids::{ServiceId, SetId, SetMask, SyncRootId};

/// Everything, or only these.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Choice<T> {
    Any,
    Only(Vec<T>),
}

impl<T> Choice<T> {
    fn admits(&self, fits: impl Fn(&T) -> bool) -> bool {
        match self {
            Self::Any => true,
            Self::Only(list) => list.iter().any(fits),
        }
    }
}

/// What an entry excuses.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Effect {
    /// The upload of what was read.
    Upload,
    /// The read itself: it is not a sensitive one, and taints nothing.
    Read,
}

/// A user, by number or by short name.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum UserMatcher {
    Id(Uid),
    Name(Box<str>),
}

/// A tenant's name, or `*` for any run of characters in it. Lower case.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TenantPattern(Box<str>);

impl TenantPattern {
    pub fn new(text: &str) -> Self {
        Self(text.to_lowercase().into_boxed_str())
    }

    pub fn matches(&self, tenant: &str) -> bool {
        let tenant = tenant.to_lowercase();
        let mut parts = self.0.split('*');
        let first = parts.next().unwrap_or_default();
        let Some(mut rest) = tenant.strip_prefix(first) else { return false };
        let Some(last) = parts.next_back() else { return rest.is_empty() };
        for part in parts {
            match rest.find(part) {
                Some(at) => rest = &rest[at + part.len()..],
                None => return false,
            }
        }
        rest.ends_with(last)
    }
}

/// Programs and the files that are theirs.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Owner {
    /// Empty: any program that runs the script.
    pub process: Vec<ProcessMatcher>,
    /// What an interpreter among them must run.
    pub script: Option<ProgramPath>,
    pub paths: Vec<Glob>,
}

impl Owner {
    fn admits(&self, identity: &Identity) -> bool {
        let program = self.process.iter().any(|matcher| matcher.matches(identity));
        let any = self.process.is_empty() && self.script.is_some();
        let script = match (&self.script, &identity.script) {
            (Some(wanted), Some(script)) => wanted.matches_path(script),
            (wanted, script) => wanted.is_none() && script.is_none(),
        };
        (program || any && !identity.invalidated) && script
    }
}

/// One exception. Every dimension must match.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AllowEntry {
    pub name: Arc<str>,
    pub reason: Arc<str>,
    pub builtin: bool,
    pub effect: Effect,
    pub process: Choice<ProcessMatcher>,
    pub script: Option<ProgramPath>,
    pub script_sha256: Option<[u8; 32]>,
    pub parent: Option<Vec<ProcessMatcher>>,
    /// Resolved: `*` of a built-in entry holds the built-in sets only.
    pub sensitive: SetMask,
    pub services: Choice<ServiceId>,
    pub tenants: Choice<TenantPattern>,
    pub users: Choice<UserMatcher>,
    /// The first moment at which it no longer holds.
    pub expires: Option<Timestamp>,
    /// For [`Effect::Read`]: only these programs, each for its own files.
    pub owners: Vec<Owner>,
    /// For [`Effect::Read`]: also what lies in the program's own containers, as its signature names them.
    pub own_containers: bool,
}

/// One of the things that an entry asks.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Dimension {
    Process,
    Script,
    Parent,
    Sensitive,
    Service,
    Tenant,
    User,
    Expired,
}

impl Dimension {
    /// The key of the entry that decides it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Process => "process",
            Self::Script => "script",
            Self::Parent => "parent",
            Self::Sensitive => "sensitive",
            Self::Service => "services",
            Self::Tenant => "tenants",
            Self::User => "users",
            Self::Expired => "expires",
        }
    }
}

/// The entry that came closest, and what it failed on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NearMiss {
    /// `None` when there is no entry at all.
    pub entry: Option<Arc<str>>,
    /// In the order of [`Dimension`]; never empty when there is an entry.
    pub failed: Vec<Dimension>,
}

/// All exceptions.
#[derive(Clone, Debug, Default)]
pub struct Allow {
    entries: Vec<AllowEntry>,
    /// The clients of each sync root, by its id.
    clients: Vec<Vec<ProcessMatcher>>,
}

impl Allow {
    pub(super) fn new(entries: Vec<AllowEntry>, roots: &[SyncRoot]) -> Self {
        Self { entries, clients: roots.iter().map(|root| root.client.clone()).collect() }
    }

    pub fn entries(&self) -> &[AllowEntry] {
        &self.entries
    }

    /// Is this read, as far as this set is concerned, none that matters: a program at its own data, a credential read
    /// in order to be used, an indexer?
    pub fn excuses_read(
        &self,
        subject: &Subject<'_>,
        set: SetId,
        path: &Canonical<'_>,
        homes: &Homes,
    ) -> Option<&AllowEntry> {
        let reads = self.entries.iter().filter(|entry| entry.effect == Effect::Read);
        reads
            .filter(|entry| entry.sensitive.contains(set))
            .find(|entry| entry.applies_to(subject) && entry.owns(subject.identity, path, homes))
    }

    /// May this subject send this set's data there? An unknown tenant is admitted by `*` only.
    pub fn permits(
        &self,
        subject: &Subject<'_>,
        set: SetId,
        service: ServiceId,
        tenant: Option<&str>,
    ) -> Result<&AllowEntry, NearMiss> {
        self.decide(|entry| {
            let mut failed = entry.failed_by_subject(subject);
            failed.extend(entry.failed_by_transfer(set, service, tenant));
            failed
        })
    }

    /// May this set's data be put into this sync root: by this subject itself, or because the root's own client, which
    /// will upload it, may send it?
    pub fn permits_drop(
        &self,
        subject: &Subject<'_>,
        root: SyncRootId,
        set: SetId,
        service: ServiceId,
        tenant: Option<&str>,
    ) -> Result<&AllowEntry, NearMiss> {
        let clients = self.clients.get(usize::from(root.0)).map(Vec::as_slice).unwrap_or_default();
        self.decide(|entry| {
            let mut failed = entry.failed_by_subject(subject);
            if entry.names_client(clients) {
                failed.retain(|dimension| {
                    !matches!(dimension, Dimension::Process | Dimension::Script | Dimension::Parent)
                });
            }
            failed.extend(entry.failed_by_transfer(set, service, tenant));
            failed
        })
    }

    /// May this subject send this set's data to a destination that nobody can name? Only an entry for every service and
    /// tenant says so.
    pub fn permits_anywhere(&self, subject: &Subject<'_>, set: SetId) -> bool {
        let everywhere = |entry: &&AllowEntry| matches!((&entry.services, &entry.tenants), (Choice::Any, Choice::Any));
        let uploads = self.entries.iter().filter(|entry| entry.effect == Effect::Upload).filter(everywhere);
        uploads.filter(|entry| entry.sensitive.contains(set)).any(|entry| entry.applies_to(subject))
    }

    /// Is this program the client of the root, so that what it writes there came from the cloud?
    pub fn is_client(&self, identity: &Identity, root: SyncRootId) -> bool {
        let clients = self.clients.get(usize::from(root.0));
        let own_code = !identity.runs_other_code && identity.script.is_none();
        own_code && clients.is_some_and(|clients| clients.iter().any(|client| client.matches(identity)))
    }

    /// Does some entry name a tenant of this service, so that an unknown tenant is a question left open?
    pub fn names_tenants_of(&self, service: ServiceId) -> bool {
        self.uploads_to(service).any(|entry| matches!(entry.tenants, Choice::Only(_)))
    }

    /// Is this one of the tenants that some entry names?
    pub fn knows_tenant(&self, service: ServiceId, tenant: &str) -> bool {
        self.uploads_to(service).any(|entry| match &entry.tenants {
            Choice::Any => false,
            Choice::Only(list) => list.iter().any(|pattern| pattern.matches(tenant)),
        })
    }

    fn uploads_to(&self, service: ServiceId) -> impl Iterator<Item = &AllowEntry> {
        let uploads = self.entries.iter().filter(|entry| entry.effect == Effect::Upload);
        uploads.filter(move |entry| match &entry.services {
            Choice::Any => true,
            Choice::Only(list) => list.contains(&service),
        })
    }

    fn decide(&self, failed: impl Fn(&AllowEntry) -> Vec<Dimension>) -> Result<&AllowEntry, NearMiss> {
        let mut nearest = NearMiss { entry: None, failed: Vec::new() };
        for entry in self.entries.iter().filter(|entry| entry.effect == Effect::Upload) {
            let failed = failed(entry);
            if failed.is_empty() {
                return Ok(entry);
            }
            if nearest.entry.is_none() || failed.len() < nearest.failed.len() {
                nearest = NearMiss { entry: Some(Arc::clone(&entry.name)), failed };
            }
        }
        Err(nearest)
    }
}

impl AllowEntry {
    fn applies_to(&self, subject: &Subject<'_>) -> bool {
        self.admits_code(subject.identity).is_none()
            && self.admits_parent(subject)
            && self.admits_user(subject)
            && self.holds_at(subject.time)
    }

    fn failed_by_subject(&self, subject: &Subject<'_>) -> Vec<Dimension> {
        let mut failed = Vec::from_iter(self.admits_code(subject.identity));
        failed.extend((!self.admits_parent(subject)).then_some(Dimension::Parent));
        failed.extend((!self.admits_user(subject)).then_some(Dimension::User));
        failed.extend((!self.holds_at(subject.time)).then_some(Dimension::Expired));
        failed
    }

    fn failed_by_transfer(
        &self,
        set: SetId,
        service: ServiceId,
        tenant: Option<&str>,
    ) -> impl Iterator<Item = Dimension> {
        let sensitive = self.sensitive.contains(set);
        let service = self.services.admits(|one| *one == service);
        let tenant = self.tenants.admits(|pattern| tenant.is_some_and(|name| pattern.matches(name)));
        let judged =
            [(sensitive, Dimension::Sensitive), (service, Dimension::Service), (tenant, Dimension::Tenant)];
        judged.into_iter().filter(|(held, _)| !held).map(|(_, dimension)| dimension)
    }

    /// What of the running code the entry does not admit. An entry that names a program says nothing about what an
    /// interpreter is told to run, unless it names the script too.
    fn admits_code(&self, identity: &Identity) -> Option<Dimension> {
        let named = match &self.process {
            Choice::Any => None,
            Choice::Only(list) => Some(list),
        };
        if named.is_some_and(|list| !list.iter().any(|matcher| matcher.matches(identity))) {
            return Some(Dimension::Process);
        }
        let foreign = identity.runs_other_code || identity.script.is_some() && !self.names_script();
        if foreign && (named.is_some() || self.names_script()) {
            return Some(Dimension::Script);
        }
        (!self.admits_script(identity)).then_some(Dimension::Script)
    }

    fn names_script(&self) -> bool {
        self.script.is_some() || self.script_sha256.is_some()
    }

    fn admits_script(&self, identity: &Identity) -> bool {
        let path =
            |wanted: &ProgramPath| identity.script.as_ref().is_some_and(|path| wanted.matches_path(path));
        let content = |wanted: [u8; 32]| identity.script_sha256 == Some(wanted);
        self.script.as_ref().is_none_or(path) && self.script_sha256.is_none_or(content)
    }

    fn admits_parent(&self, subject: &Subject<'_>) -> bool {
        self.parent.as_ref().is_none_or(|wanted| {
            subject.parent.is_some_and(|parent| wanted.iter().any(|matcher| matcher.matches(parent)))
        })
    }

    fn admits_user(&self, subject: &Subject<'_>) -> bool {
        self.users.admits(|user| match user {
            UserMatcher::Id(id) => *id == subject.user,
            UserMatcher::Name(name) => {
                subject.user_name.is_some_and(|user| user.eq_ignore_ascii_case(name))
                    || subject.user == Uid(0) && &**name == "root"
            }
        })
    }

    fn holds_at(&self, time: Timestamp) -> bool {
        self.expires.is_none_or(|end| time < end)
    }

    /// For entries about reading: is the file the program's own, where the entry asks that?
    fn owns(&self, identity: &Identity, path: &Canonical<'_>, homes: &Homes) -> bool {
        if self.owners.is_empty() && !self.own_containers {
            return true;
        }
        if identity.runs_other_code {
            return false;
        }
        let listed = self.owners.iter().any(|owner| {
            owner.admits(identity) && owner.paths.iter().any(|glob| matches_anywhere(glob, path, homes))
        });
        let itself = identity.script.is_none();
        listed || self.own_containers && itself && in_own_container(identity, path, homes)
    }

    /// Are the root's clients among the programs that the entry names?
    fn names_client(&self, clients: &[ProcessMatcher]) -> bool {
        match &self.process {
            Choice::Any => true,
            Choice::Only(list) => {
                clients.iter().any(|client| list.iter().any(|matcher| matcher.admits_all_of(client)))
            }
        }
    }
}

fn matches_anywhere(glob: &Glob, path: &Canonical<'_>, homes: &Homes) -> bool {
    match glob.anchor {
        Anchor::Root => glob.matches(path.bytes(), path.case_kept()),
        Anchor::Home => homes.rests(path.bytes()).any(|rest| glob.matches(rest, path.case_kept())),
    }
}

/// `~/Library/Containers/<signing id>/` and `~/Library/Group Containers/<team id>.<anything>/`: macOS itself keeps other
/// programs' names out of these.
fn in_own_container(identity: &Identity, path: &Canonical<'_>, homes: &Homes) -> bool {
    let Some(signing) = identity.signing() else { return false };
    let under = |rest: &[u8], folder: &str, owner: Option<&str>, end: u8| {
        let tail = strip_ignoring_case(rest, folder.as_bytes());
        let tail = tail.and_then(|tail| strip_ignoring_case(tail, owner?.as_bytes()));
        tail.is_some_and(|tail| tail.first() == Some(&end))
    };
    homes.rests(path.bytes()).any(|rest| {
        under(rest, "/Library/Containers/", signing.signing_id, b'/')
            || under(rest, "/Library/Group Containers/", signing.team_id, b'.')
    })
}

fn strip_ignoring_case<'p>(path: &'p [u8], prefix: &[u8]) -> Option<&'p [u8]> {
    let (front, rest) = path.split_at_checked(prefix.len())?;
    front.eq_ignore_ascii_case(prefix).then_some(rest)
}
