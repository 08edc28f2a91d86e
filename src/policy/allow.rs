//! Who may: the administrator's exceptions and the built-in ones.

pub(super) mod entry;

use std::sync::Arc;

use crate::model::{ExecFacts, FilePath, Program, Timestamp, Uid};

use super::SyncRoot;
use super::canonical::Canonical;
use super::glob::Glob;
use super::homes::Homes;
use super::identity::{Identity, ProcessMatcher, ProgramPath, Subject};
use super::ids::{ServiceId, SetId, SetMask, SyncRootId};
use super::interpreters;

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
    /// That what was read stays with the program: what it starts afterwards does not carry it.
    Keep,
}

/// A user, by number or by short name.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum UserMatcher {
    Id(Uid),
    Name(Box<str>),
}

impl UserMatcher {
    pub fn matches(&self, user: Uid, name: Option<&str>) -> bool {
        match self {
            Self::Id(id) => *id == user,
            Self::Name(wanted) => {
                name.is_some_and(|name| self.is_named(name)) || user == Uid(0) && &**wanted == "root"
            }
        }
    }

    /// Does it ask for this name? A number asks for none.
    pub fn is_named(&self, name: &str) -> bool {
        matches!(self, Self::Name(wanted) if name.eq_ignore_ascii_case(wanted))
    }
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
    /// What one of them must be told to do: its first argument is one of these. Empty: whatever it is told.
    pub commands: Vec<Box<str>>,
    pub paths: Vec<Glob>,
}

impl Owner {
    fn admits(&self, subject: &Subject<'_>) -> bool {
        let Subject { identity, homes, .. } = *subject;
        let program = self.process.iter().any(|matcher| matcher.matches(identity, homes));
        let any = self.process.is_empty() && self.script.is_some();
        let script = match (&self.script, &identity.script) {
            (Some(wanted), Some(script)) => wanted.matches_path(script, homes),
            (wanted, script) => wanted.is_none() && script.is_none(),
        };
        // Not what follows an option: who knows what that takes for its value?
        let told = subject.args.get(1).is_some_and(|told| self.commands.contains(told));
        (program || any && !identity.invalidated) && script && (self.commands.is_empty() || told)
    }

    /// Is the file one of theirs?
    fn names(&self, path: &Canonical<'_>, homes: &Homes) -> bool {
        self.paths.iter().any(|glob| entry::matches_anywhere(glob, path, homes))
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
    /// For entries about reading: only these programs, each for its own files.
    pub owners: Vec<Owner>,
    /// For entries about reading: also what lies in the program's own containers, as its signature names them.
    pub own_containers: bool,
    /// For entries about reading: also what lies in the sync roots of which the program is the client.
    pub own_roots: bool,
}

/// One of the things that an entry asks.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Dimension {
    Process,
    /// The program is pinned by its hash, and this one has another.
    Hash,
    Script,
    /// What the script holds.
    Content,
    Parent,
    Sensitive,
    Service,
    Tenant,
    User,
    Expired,
    /// For entries about reading: the file is none of the program's own.
    Owner,
}

impl Dimension {
    /// How far an entry that fails on this alone is from applying: whom it is about comes before what he may.
    const fn distance(self) -> u8 {
        match self {
            Self::Process => 2,
            Self::Hash => 1,
            _ => 0,
        }
    }

    /// The key of the entry that decides it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Process => "process",
            Self::Hash => "cdhash",
            Self::Script => "script",
            Self::Content => "script_sha256",
            Self::Parent => "parent",
            Self::Sensitive => "sensitive",
            Self::Service => "services",
            Self::Tenant => "tenants",
            Self::User => "users",
            Self::Expired => "expires",
            Self::Owner => "owners",
        }
    }
}

/// What is to go where.
#[derive(Clone, Copy, Debug)]
pub struct Transfer<'a> {
    pub set: SetId,
    pub service: ServiceId,
    /// `None` where the name does not tell it.
    pub tenant: Option<&'a str>,
}

/// The entry that came closest, and what it failed on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NearMiss {
    /// `None` when there is no entry at all.
    pub entry: Option<Arc<str>>,
    /// In the order of [`Dimension`]; never empty when there is an entry.
    pub failed: Vec<Dimension>,
}

/// An entry that was looked at.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Considered<'a> {
    pub entry: &'a AllowEntry,
    /// What it asks and does not get; empty if it applies.
    pub failed: Vec<Dimension>,
}

/// All exceptions.
#[derive(Clone, Debug, Default)]
pub struct Allow {
    entries: Vec<AllowEntry>,
    /// The clients of each sync root, by its id.
    clients: Vec<Vec<ProcessMatcher>>,
    /// Does any entry ask what a script holds?
    asks_contents: bool,
}

impl Allow {
    pub(super) fn new(entries: Vec<AllowEntry>, roots: &[SyncRoot]) -> Self {
        let asks_contents = entries.iter().any(|entry| entry.script_sha256.is_some());
        Self { entries, clients: roots.iter().map(|root| root.client.clone()).collect(), asks_contents }
    }

    /// The script that this exec runs, if some entry asks what it holds. The answer holds whatever homes become known
    /// later: this is asked before the exec itself tells of one.
    pub fn script_to_read(&self, program: &Program, facts: &ExecFacts) -> Option<FilePath> {
        if !self.asks_contents {
            return None;
        }
        let told = interpreters::told(program, facts).filter(|told| !told.other)?;
        let script = told.script.filter(|script| script.as_bytes().starts_with(b"/"))?;
        let mut entries = self.entries.iter().filter(|entry| entry.script_sha256.is_some());
        let asked = entries.any(|entry| entry.script.as_ref().is_none_or(|wanted| wanted.may_match(&script)));
        asked.then_some(script)
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
    ) -> Option<&AllowEntry> {
        self.entries.iter().find(|entry| entry.covers(Effect::Read, subject, set, path))
    }

    /// The same where the file itself is sent: being the program's own is no excuse then, so that built-in entries do not
    /// count.
    pub fn excuses_sending(&self, subject: &Subject<'_>, set: SetId, path: &Canonical<'_>) -> bool {
        self.entries.iter().any(|entry| !entry.builtin && entry.covers(Effect::Read, subject, set, path))
    }

    /// Does what the program starts go without what it has read here?
    pub fn keeps(&self, subject: &Subject<'_>, sets: SetMask, path: &Canonical<'_>) -> bool {
        let kept = |set| self.entries.iter().any(|entry| entry.covers(Effect::Keep, subject, set, path));
        !sets.is_empty() && sets.iter().all(kept)
    }

    /// Why a read is excused or not, or stays with the program or not: every entry of that effect, with the dimensions that
    /// fail. One without any excuses it, or keeps it.
    pub fn consider_read(
        &self,
        effect: Effect,
        subject: &Subject<'_>,
        set: SetId,
        path: &Canonical<'_>,
    ) -> Vec<Considered<'_>> {
        let reads = self.entries.iter().filter(|entry| entry.effect == effect);
        let failed = |entry: &AllowEntry| {
            let mut failed = entry.failed_by_subject(subject);
            failed.extend((!entry.sensitive.contains(set)).then_some(Dimension::Sensitive));
            failed.extend((!entry.owns(subject, path)).then_some(Dimension::Owner));
            failed
        };
        reads.map(|entry| Considered { entry, failed: failed(entry) }).collect()
    }

    /// Why [`permits`](Self::permits) says what it says: every entry about uploads, with the dimensions that fail.
    pub fn consider(&self, subject: &Subject<'_>, transfer: Transfer<'_>) -> Vec<Considered<'_>> {
        let uploads = self.entries.iter().filter(|entry| entry.effect == Effect::Upload);
        let failed = |entry: &AllowEntry| entry.failed_upload(subject, transfer);
        uploads.map(|entry| Considered { entry, failed: failed(entry) }).collect()
    }

    /// Why [`permits_drop`](Self::permits_drop) says what it says.
    pub fn consider_drop(
        &self,
        subject: &Subject<'_>,
        root: SyncRootId,
        transfer: Transfer<'_>,
    ) -> Vec<Considered<'_>> {
        let clients = self.clients_of(root);
        let uploads = self.entries.iter().filter(|entry| entry.effect == Effect::Upload);
        let failed = |entry: &AllowEntry| entry.failed_drop(subject, clients, transfer);
        uploads.map(|entry| Considered { entry, failed: failed(entry) }).collect()
    }

    /// May this subject send this set's data there? An unknown tenant is admitted by `*` only. The error is the entry that
    /// comes nearest.
    pub fn permits(&self, subject: &Subject<'_>, transfer: Transfer<'_>) -> Result<&AllowEntry, NearMiss> {
        self.decide(|entry| entry.failed_upload(subject, transfer))
    }

    /// May this set's data be put into this sync root: by this subject itself, or because the root's own client, which
    /// will upload it, may send it? The error is the entry that comes nearest.
    pub fn permits_drop(
        &self,
        subject: &Subject<'_>,
        root: SyncRootId,
        transfer: Transfer<'_>,
    ) -> Result<&AllowEntry, NearMiss> {
        let clients = self.clients_of(root);
        self.decide(|entry| entry.failed_drop(subject, clients, transfer))
    }

    fn clients_of(&self, root: SyncRootId) -> &[ProcessMatcher] {
        self.clients.get(usize::from(root.0)).map(Vec::as_slice).unwrap_or_default()
    }

    /// May this subject send this set's data to a destination that nobody can name? Only an entry for every service and
    /// tenant says so.
    pub fn permits_anywhere(&self, subject: &Subject<'_>, set: SetId) -> bool {
        let everywhere =
            |entry: &&AllowEntry| matches!((&entry.services, &entry.tenants), (Choice::Any, Choice::Any));
        let uploads = self.entries.iter().filter(|entry| entry.effect == Effect::Upload).filter(everywhere);
        uploads.filter(|entry| entry.sensitive.contains(set)).any(|entry| entry.applies_to(subject))
    }

    /// Is this program the client of the root, so that what it writes there came from the cloud?
    pub fn is_client(&self, identity: &Identity, root: SyncRootId, homes: &Homes) -> bool {
        let clients = self.clients.get(usize::from(root.0));
        let own_code = !identity.runs_other_code && identity.script.is_none();
        own_code
            && clients.is_some_and(|clients| clients.iter().any(|client| client.matches(identity, homes)))
    }

    /// Is it the client of this root, and do its reads there count for nothing? What it takes up from there was judged when
    /// it was put there, whatever sets it belongs to.
    pub fn takes_up(&self, subject: &Subject<'_>, root: SyncRootId) -> bool {
        self.is_client(subject.identity, root, subject.homes)
            && self.entries.iter().any(|entry| entry.own_roots && entry.applies_to(subject))
    }

    /// Does some entry name a tenant of this service, so that an unknown tenant is a question left open?
    pub fn names_tenants_of(&self, service: ServiceId, time: Timestamp) -> bool {
        self.uploads_to(service, time).any(|entry| matches!(entry.tenants, Choice::Only(_)))
    }

    /// Is this one of the tenants that some entry names? One that has expired names nobody.
    pub fn knows_tenant(&self, service: ServiceId, tenant: &str, time: Timestamp) -> bool {
        self.uploads_to(service, time).any(|entry| match &entry.tenants {
            Choice::Any => false,
            Choice::Only(list) => list.iter().any(|pattern| pattern.matches(tenant)),
        })
    }

    fn uploads_to(&self, service: ServiceId, time: Timestamp) -> impl Iterator<Item = &AllowEntry> {
        let holds = move |entry: &&AllowEntry| entry.effect == Effect::Upload && entry.holds_at(time);
        let uploads = self.entries.iter().filter(holds);
        uploads.filter(move |entry| match &entry.services {
            Choice::Any => true,
            Choice::Only(list) => list.contains(&service),
        })
    }

    fn decide(&self, failed: impl Fn(&AllowEntry) -> Vec<Dimension>) -> Result<&AllowEntry, NearMiss> {
        let mut nearest = NearMiss { entry: None, failed: Vec::new() };
        let distance =
            |failed: &[Dimension]| (failed.len(), failed.iter().map(|dimension| dimension.distance()).max());
        for entry in self.entries.iter().filter(|entry| entry.effect == Effect::Upload) {
            let failed = failed(entry);
            if failed.is_empty() {
                return Ok(entry);
            }
            if nearest.entry.is_none() || distance(&failed) < distance(&nearest.failed) {
                nearest = NearMiss { entry: Some(Arc::clone(&entry.name)), failed };
            }
        }
        Err(nearest)
    }
}
