//! The second witness: what audit logs of the cloud say was handed over there.
//!
//! A record makes a chain of its own, or joins the one in which this Mac saw the same: where the user and the name of a
//! file agree, or where the command that was seen here names the thing and the account that the record names. Either may
//! come first, for the clocks differ and logs often count whole seconds.

use std::sync::Arc;

use crate::model::{
    Actor, Attribution, AuditEvent, CommandKind, FilePath, Lossy, Reason, ReasonCode, Span, Timestamp, Uid,
};
use crate::policy::{Leaving, ServiceId, TenantPattern, grantee};

use super::Engine;
use super::chain::Chain;
use super::chains::ChainId;
use super::completion::{Carried, Completion};
use super::window::{Bearing, Place, Way};

/// Records kept as evidence of one chain.
const MAX_RECORDS: usize = 16;
/// A name shorter than this is in too many command lines to prove anything.
const MIN_NAME: usize = 5;
/// Services of Amazon's whose allow entries name accounts and buckets alike.
const AMAZON: [&str; 2] = ["aws", "s3"];
/// Services of Microsoft's whose allow entries name the same tenants.
const MICROSOFT: [&str; 2] = ["sharepoint", "onedrive"];
/// Of Google's, whose allow entries name projects, people and buckets alike.
const GOOGLE: [&str; 2] = ["gcp", "gcs"];
/// Of Azure's, whose allow entries name subscriptions, tenants and storage accounts alike.
const AZURE: [&str; 3] = ["azure", "azure-blob", "azure-files"];

impl Engine {
    /// A cloud's own log says that data was handed over.
    pub(super) fn audited(&mut self, event: &Arc<AuditEvent>) {
        self.stats.audit_events += 1;
        self.believe(event);
    }

    /// A sensitive file was read that a log may have told of before.
    pub(super) fn hear_again(&mut self, path: &FilePath) {
        if self.chains.audited.is_empty() {
            return;
        }
        let name = Lossy(path.file_name()).to_string().to_lowercase();
        let chains = self.chains.audited.iter().filter_map(|id| self.chains.chains.get(id));
        let events = chains.flat_map(|chain| &chain.audit).filter(|event| names(event, &name));
        let events: Vec<Arc<AuditEvent>> = events.cloned().collect();
        events.iter().for_each(|event| self.believe(event));
    }

    fn believe(&mut self, event: &Arc<AuditEvent>) {
        let foreign: Vec<Arc<str>> =
            event.with.iter().filter(|who| !self.is_ours(event, who)).cloned().collect();
        let into_ours = event.into.as_ref().is_some_and(|bucket| self.is_ours(event, bucket));
        if into_ours || (foreign.is_empty() && !event.with.is_empty()) {
            return;
        }
        let name = Arc::clone(&event.service);
        let tenant = foreign.iter().find(|who| tells_whose(who)).cloned();
        // Those that are one's own are no part of what is told.
        let all = foreign.len() == event.with.len();
        let event = if all { event } else { &Arc::new(AuditEvent { with: foreign, ..(**event).clone() }) };
        let (carried, user) = self.carried_here(event);
        self.join(Completion {
            way: Leaving::Audit(event.kind),
            time: event.time,
            user,
            uploader: Actor::Account(Arc::clone(&event.by)),
            code: format!("{}:{}", event.by.log.as_str(), event.by.name()).into(),
            ancestors: Vec::new(),
            carried,
            omitted: 0,
            place: Place::Service { name, tenant },
            instance: None,
            kin: Vec::new(),
            attribution: Attribution::Process,
            host_wide_name: false,
            new_pair: true,
            reasons: Vec::new(),
            deed: None,
            audit: Some(Arc::clone(event)),
        });
    }

    /// Is it the account whose log this is, or one that an allow entry for a service of the same cloud names, by itself,
    /// by the domain of its address, or by the project that it is an account of?
    fn is_ours(&self, event: &AuditEvent, who: &str) -> bool {
        let same_cloud: &[&str] = match &*event.service {
            service if AMAZON.contains(&service) => &AMAZON,
            service if MICROSOFT.contains(&service) => &MICROSOFT,
            service if GOOGLE.contains(&service) => &GOOGLE,
            service if AZURE.contains(&service) => &AZURE,
            _ => &[],
        };
        let services = std::iter::once(&*event.service).chain(same_cloud.iter().copied());
        let ids: Vec<ServiceId> = services.filter_map(|name| self.policy.services.by_name(name)).collect();
        let known = |name: &str| ids.iter().any(|id| self.policy.allow.knows_tenant(*id, name, event.time));
        let domain = who.rsplit_once('@').map(|(_, domain)| domain);
        event.by.account.as_deref() == Some(who)
            || known(who)
            || domain.is_some_and(known)
            || domain.and_then(|host| host.strip_suffix(".iam.gserviceaccount.com")).is_some_and(known)
    }

    /// Sensitive reads on this Mac of what the record names, by the same user, near in time; and who that is.
    fn carried_here(&self, event: &AuditEvent) -> (Vec<Carried>, Option<Uid>) {
        let (mut carried, mut user): (Vec<Carried>, Option<Uid>) = (Vec::new(), None);
        for life in self.carriers.iter().filter_map(|life| self.lineage.get(*life)) {
            let uid = life.image.evidence.info.euid;
            for bearing in &life.bearings {
                let near = apart(bearing.read.time, event.time) <= self.witnesses_apart();
                if near && names_in(bearing, event) && self.is_same_user(event, Some(uid), bearing) {
                    let sets = self.sets_of(&bearing.read);
                    let bearing = bearing.clone();
                    user = user.or(Some(uid));
                    if !carried.iter().any(|one| one.bearing.read.id == bearing.read.id) {
                        carried.push(Carried { bearing, sets, crossed: event.time });
                    }
                }
            }
        }
        (carried, user)
    }

    /// How far apart the two may have seen it.
    fn witnesses_apart(&self) -> Span {
        let longest = self.policy.sets.iter().map(|set| set.window).max().unwrap_or_default();
        longest.max(self.policy.options.window_default)
    }

    /// The chain in which the other witness told of the same.
    pub(super) fn other_witness(&self, completion: &Completion) -> Option<ChainId> {
        let chain = |id: &ChainId| self.chains.chains.get(id);
        match &completion.audit {
            Some(event) => {
                let near = |chain: &Chain| {
                    let within = self.witnesses_apart();
                    event.time.since(chain.time) <= within && chain.first.since(event.time) <= within
                };
                let meets = |chain: &Chain| near(chain) && (chain.tells(event) || self.saw(chain, event));
                self.chains.ids.iter().rev().find(|id| chain(id).is_some_and(meets)).copied()
            }
            None => {
                let meets = |chain: &Chain| chain.audit.iter().any(|event| self.is_same(completion, event));
                self.chains.audited.iter().rev().find(|id| chain(id).is_some_and(meets)).copied()
            }
        }
    }

    /// Did this Mac see what the record tells, in this chain?
    fn saw(&self, chain: &Chain, event: &AuditEvent) -> bool {
        let read = chain.carried.iter().any(|carried| {
            names_in(&carried.bearing, event) && self.is_same_user(event, chain.user, &carried.bearing)
        });
        read || chain.ways.iter().any(|way| matches!(way, Leaving::Command(_)))
            && commanded(&chain.uploader, &chain.place, event)
    }

    /// Is the pair that this Mac completes what the record told before?
    fn is_same(&self, completion: &Completion, event: &AuditEvent) -> bool {
        let near = apart(completion.time, event.time) <= self.witnesses_apart();
        let read = || {
            completion.carried.iter().any(|carried| {
                names_in(&carried.bearing, event)
                    && self.is_same_user(event, completion.user, &carried.bearing)
            })
        };
        near && match completion.way {
            Leaving::Command(_) => commanded(&completion.uploader, &completion.place, event),
            _ => read(),
        }
    }

    /// Does the account belong to the user of this Mac: by the login name, the home that the file lay in, or a sync
    /// folder named after the account?
    fn is_same_user(&self, event: &AuditEvent, user: Option<Uid>, bearing: &Bearing) -> bool {
        let Some(account) = event.by.user.as_deref() else { return false };
        let own = plain(account.split('@').next().unwrap_or(account));
        let login = user.and_then(|user| self.users.get(&user));
        if own.is_empty() || login.is_some_and(|login| plain(login) == own) {
            return !own.is_empty();
        }
        let hops = Way::steps(bearing.way.as_ref()).filter_map(|hop| hop.path.as_ref());
        std::iter::once(&bearing.read.path).chain(hops).any(|path| {
            let path = Lossy(path.as_bytes()).to_string().to_lowercase();
            let mut parts = path.split('/').skip_while(|part| *part != "users").skip(1);
            let home = parts.next().is_some_and(|home| plain(home) == own);
            home || account.contains('@') && path.contains(&format!("-{}/", account.to_lowercase()))
        })
    }
}

impl Chain {
    /// Does this pair bring the other witness's account of what the chain holds?
    pub(super) fn hears_second(&self, completion: &Completion) -> bool {
        match &completion.audit {
            Some(event) => self.uploader.process().is_some() || self.tells(event),
            None => self.uploader.account().is_some(),
        }
    }

    /// Takes from the other witness what this one could not see.
    pub(super) fn complete(&mut self, completion: &Completion) {
        if self.uploader.account().is_some() && completion.uploader.process().is_some() {
            self.give_to(completion);
        }
        self.user = self.user.or(completion.user);
        let unnamed = |place: &Place| match place {
            Place::Service { name, tenant: None } => Some(Arc::clone(name)),
            _ => None,
        };
        let same_service = |name: Arc<str>| matches!(&completion.place, Place::Service { name: other, .. } if *other == name);
        if unnamed(&self.place).is_some_and(same_service) {
            self.place = completion.place.clone();
        }
    }

    /// Has the log told of the same thing before, in another record? One click of a person often makes several.
    fn tells(&self, event: &AuditEvent) -> bool {
        self.audit.iter().any(|known| {
            known.by.name() == event.by.name()
                && known.service == event.service
                && known.items.iter().any(|item| event.items.contains(item))
        })
    }

    /// The process that did it is known from now on.
    pub(super) fn give_to(&mut self, completion: &Completion) {
        self.uploader = completion.uploader.clone();
        self.ancestors.clone_from(&completion.ancestors);
        self.user = completion.user.or(self.user);
    }

    pub(super) fn witness(&mut self, event: Arc<AuditEvent>) {
        if self.audit.len() < MAX_RECORDS && !self.audit.contains(&event) {
            self.audit.push(event);
        }
    }

    /// This Mac and the log of the cloud both saw it.
    pub fn seen_twice(&self) -> bool {
        !self.audit.is_empty() && (self.uploader.process().is_some() || !self.carried.is_empty())
    }
}

/// Why one record proves less than it looks.
pub fn doubt(event: &AuditEvent) -> Option<Reason> {
    let (code, text) = match event.kind {
        CommandKind::Link => {
            (ReasonCode::BearerLink, "whoever has the link is let in: who that will be cannot be seen")
        }
        CommandKind::Share | CommandKind::Copy if !event.with.iter().any(|who| tells_whose(who)) => {
            (ReasonCode::TenantUnknown, "the record does not say whose account receives")
        }
        CommandKind::Share | CommandKind::Copy => return None,
    };
    Some(Reason { code, text: text.to_owned() })
}

/// Has another witness answered what this reason leaves open?
pub fn is_settled(chain: &Chain, code: ReasonCode) -> bool {
    match code {
        // Some record says who, or that it is everybody.
        ReasonCode::TenantUnknown => {
            let says = |event: &AuditEvent| event.with.iter().any(|who| tells_whose(who));
            chain.audit.iter().any(|event| says(event) || event.kind == CommandKind::Link)
        }
        // What it opens is known to be sensitive: then it matters little who comes.
        ReasonCode::BearerLink => chain.seen_twice() && !chain.carried.is_empty(),
        _ => false,
    }
}

/// Does the name of an account tell whose it is? The number of a project of Google's does not.
fn tells_whose(who: &str) -> bool {
    !grantee::is_numbered(who)
}

/// The command that was seen here names the thing that the record names, and the account or bucket that receives it. A link
/// is for nobody in particular.
fn commanded(uploader: &Actor, place: &Place, event: &AuditEvent) -> bool {
    let (Some(process), Place::Service { tenant, .. }) = (uploader.process(), place) else { return false };
    let whom = match tenant {
        Some(tenant) => {
            event.with.iter().chain(&event.into).any(|with| TenantPattern::new(with).matches(tenant))
        }
        None => event.kind == CommandKind::Link,
    };
    let named =
        |item: &Arc<str>| item.len() >= MIN_NAME && process.args.iter().any(|arg| arg.contains(&**item));
    whom && event.items.iter().any(named)
}

/// Does the record name a file of the way that the read came?
fn names_in(bearing: &Bearing, event: &AuditEvent) -> bool {
    let hops = Way::steps(bearing.way.as_ref()).filter_map(|hop| hop.path.as_ref());
    let staged = bearing.through.iter().map(|read| &read.path);
    let mut paths = std::iter::once(&bearing.read.path).chain(staged).chain(hops);
    paths.any(|path| names(event, &Lossy(path.file_name()).to_string().to_lowercase()))
}

/// Is a file of this name, in lower case, among what the record is about?
fn names(event: &AuditEvent, name: &str) -> bool {
    event.items.iter().any(|item| file_name(item).to_lowercase() == *name)
}

/// The last part of a path or address.
fn file_name(item: &str) -> &str {
    item.trim_end_matches('/').rsplit('/').next().unwrap_or(item)
}

/// Letters and digits alone, in lower case: `Jane.Doe` is `janedoe`.
fn plain(name: &str) -> String {
    name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

fn apart(a: Timestamp, b: Timestamp) -> Span {
    a.since(b).max(b.since(a))
}
