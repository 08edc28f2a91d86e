//! What the command lines of cloud tools say beyond the bytes: which files they send, whose bucket it goes to, and what
//! they do in the cloud itself, of which this Mac sees nothing else.

use std::sync::Arc;

use crate::model::{
    Actor, Attribution, CoverageKind, Evidence, ExecFacts, FilePath, Reason, ReasonCode, Severity, Span,
    Timestamp,
};
use crate::policy::{
    Aim, CommandKind, Deed, LONG_LIVED, Leaving, Reading, ServiceId, SetId, SetMask, Transfer, grantee,
};

use super::Engine;
use super::argv::{self, Understood};
use super::chains::ChainId;
use super::completion::{Carried, Completion, Instance};
use super::deeds::DeedNote;
use super::describe;
use super::fetched::Bytes;
use super::files::Looked;
use super::lineage::{Life, LifeId};
use super::window::Place;

/// A link into one's own account that ends so soon is everyday work: S3 and gsutil sign for an hour unless told otherwise.
const SHORT_LIVED: Span = Span::from_secs(3600);

/// A tenant that the image's own command line names.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Named {
    /// `None`: whichever service its bytes go to.
    pub(super) service: Option<Arc<str>>,
    pub(super) tenant: Arc<str>,
}

/// The place with the tenant that its name does not tell but the command line does, if that names one only.
pub(super) fn told(life: &Life, place: &Place) -> Option<Place> {
    let Place::Service { name, tenant: None } = place else { return None };
    let fits = |named: &&Named| named.service.as_ref().is_none_or(|service| service == name);
    let mut fitting = life.image.named.iter().filter(fits);
    let first = fitting.next()?;
    let only = fitting.all(|other| other.tenant == first.tenant);
    only.then(|| Place::Service { name: Arc::clone(name), tenant: Some(Arc::clone(&first.tenant)) })
}

/// Something done in the cloud, weighed.
struct Weighed {
    kind: CommandKind,
    service: ServiceId,
    tenant: Option<Arc<str>>,
    text: String,
    cap: Option<Reason>,
    severity: Option<Severity>,
}

impl Engine {
    /// Reads the command line of a new image. Gives back the words that need no further look.
    pub(super) fn commanded(&mut self, life: LifeId, time: Timestamp, facts: &ExecFacts) -> Understood {
        let Some(subject) = self.lineage.get(life) else { return Understood::default() };
        let (policy, program) = (Arc::clone(&self.policy), Arc::clone(&subject.image.identity.program));
        let readings = policy.tools.read(&program, facts, &policy.services, time);
        self.remember_aims(life, &readings);
        for reading in &readings {
            for path in &reading.files {
                self.sends_file(life, time, &argv::resolved(path, facts));
            }
            // What one command does is one act.
            let mut chain = None;
            for deed in &reading.deeds {
                chain = self.did(life, time, reading, deed, chain).or(chain);
            }
        }
        let mut understood = Understood::default();
        for reading in readings {
            understood.spared.extend(reading.spared);
            understood.sent.extend(reading.files);
        }
        understood
    }

    fn remember_aims(&mut self, life: LifeId, readings: &[Reading]) {
        let services = &self.policy.services;
        let named = |aim: &Aim| {
            let tellable = aim.service.is_none_or(|service| services.has_tenants(service));
            let service = aim.service.map(|service| Arc::clone(&services.get(service).name));
            aim.tenant.clone().filter(|_| tellable).map(|tenant| Named { service, tenant })
        };
        let named: Vec<Named> = readings.iter().flat_map(|reading| &reading.aims).filter_map(named).collect();
        if readings.is_empty() {
            return;
        }
        if let Some(life) = self.lineage.get_mut(life) {
            life.image.named = named;
        }
    }

    /// A file or folder that the command names as what it sends. Being the tool's own key or configuration excuses it no
    /// longer.
    fn sends_file(&mut self, life: LifeId, time: Timestamp, path: &[u8]) {
        let path = FilePath::new(path);
        let looked = self.look(life, &path, time);
        let mut looked = self.with_content(life, time, &path, looked);
        if looked.class.sets.is_empty() {
            // A folder is sent with all that lies in it.
            let inside = FilePath::new(&[path.as_bytes(), b"/x"].concat());
            let Looked { class, .. } = self.look(life, &inside, time);
            let folder = self.policy.paths.canonical(path.as_bytes(), &mut self.scratch);
            looked.class.sets = class.sets.union(self.policy.paths.named_below(&folder, &self.homes));
        }
        looked.sets = self.unexcused_sending(life, looked.class.sets, &path, time);
        if looked.sets.is_empty() {
            self.touched(life, time, looked.hash, None, Some(&path));
        } else {
            self.read(life, time, &path, &looked, Evidence::Argv, false);
        }
    }

    /// Joins the deed to the chain that is given, or to whichever it belongs; says which it was.
    fn did(
        &mut self,
        life: LifeId,
        time: Timestamp,
        reading: &Reading,
        deed: &Deed,
        chain: Option<ChainId>,
    ) -> Option<ChainId> {
        let weighed = match deed {
            Deed::Copied { from, to } => self.copied(reading, from, to, time),
            Deed::Shared { service, with, hidden, ids } => {
                self.shared(reading, *service, (with, *ids), *hidden, time)
            }
            Deed::Linked { of, lives } => self.linked(reading, of, *lives, time),
        };
        let weighed = weighed?;
        if self.may_do_anything(life, time, &weighed) {
            return None;
        }
        let life = self.lineage.get(life)?;
        let name = Arc::clone(&self.policy.services.get(weighed.service).name);
        let place = Place::Service { name, tenant: weighed.tenant };
        let way = Leaving::Command(weighed.kind);
        let carried = self.asked_for(life, way, &place, time);
        let completion = Completion {
            way,
            time,
            user: Some(life.image.evidence.info.euid),
            uploader: Actor::Process(Arc::clone(&life.image.evidence)),
            // The tool, not its program: a wrapper and what it runs are one deed.
            code: format!("tool:{}", reading.tool).into(),
            ancestors: life.ancestors().map(|ancestor| Arc::clone(&ancestor.evidence)).collect(),
            carried,
            omitted: 0,
            place,
            instance: Some(Instance {
                life: life.id,
                tally: if reading.wrapped { Instance::WRAPPER } else { Instance::NO_TALLY },
                out: 0,
                into: 0,
                fetched: Bytes::default(),
                flows: Vec::new(),
            }),
            kin: Vec::new(),
            attribution: Attribution::Process,
            host_wide_name: false,
            new_pair: true,
            reasons: Vec::new(),
            deed: Some(DeedNote {
                text: weighed.text,
                cap: weighed.cap,
                severity: weighed.severity,
                wrapped: reading.wrapped,
            }),
            audit: None,
        };
        self.join_to(completion, chain)
    }

    /// The reads that the command's lineage carries, as far as a rule about such commands asks for them: nothing of them
    /// goes where the command leads, so that they are no part of its story otherwise.
    fn asked_for(&self, life: &Life, way: Leaving, place: &Place, time: Timestamp) -> Vec<Carried> {
        let category = describe::category(&self.policy, place);
        let subject = self.subject(life, time);
        let carried = life.bearings.iter().map(|bearing| {
            let asked = |set: &SetId| {
                self.policy.rules.ask_for(*set, way, category)
                    && bearing.covers(self.policy.set(*set).window, time, time)
                    && !self.permits(&subject, *set, place)
            };
            let sets = self.sets_of(&bearing.read).iter().filter(asked).collect();
            Carried { bearing: bearing.as_of(time), sets, crossed: time }
        });
        carried.filter(|carried| !carried.sets.is_empty()).collect()
    }

    /// From one place in the cloud to another.
    fn copied(&mut self, reading: &Reading, from: &Aim, to: &Aim, time: Timestamp) -> Option<Weighed> {
        let Some(service) = to.service else {
            let text = format!(
                "{} copied data between places that only its own configuration explains",
                reading.tool
            );
            self.note(CoverageKind::NameHidden, 1, &text);
            return None;
        };
        if to.tenant.as_ref().is_some_and(|tenant| self.is_own(reading, service, tenant, time)) {
            return None;
        }
        // The account that a profile's name tells may accuse: that it is one's own proves nothing.
        let caller = || reading.caller.clone().filter(|caller| !self.is_own(reading, service, caller, time));
        let to = &Aim { service: to.service, tenant: to.tenant.clone().or_else(caller) };
        let text = match from {
            Aim { service: None, tenant: None } => {
                format!("{} has data written to {}", reading.tool, self.words(to))
            }
            _ => format!("{} copies data from {} to {}", reading.tool, self.words(from), self.words(to)),
        };
        // A name that no entry names is a foreign one, whether or not entries name others.
        let cap = to.tenant.is_none().then(|| Reason {
            code: ReasonCode::TenantUnknown,
            text: "the receiving account or bucket cannot be seen".to_owned(),
        });
        Some(Weighed {
            kind: CommandKind::Copy,
            service,
            tenant: to.tenant.clone(),
            text,
            cap,
            severity: None,
        })
    }

    /// Somebody is let in.
    fn shared(
        &self,
        reading: &Reading,
        service: Option<ServiceId>,
        (with, ids): (&[Arc<str>], bool),
        hidden: bool,
        time: Timestamp,
    ) -> Option<Weighed> {
        let service = service?;
        let foreign: Vec<&str> = with
            .iter()
            .filter(|name| !self.is_own(reading, service, name, time))
            .map(|name| &**name)
            .collect();
        let blind = |name: &str| grantee::is_numbered(name) || ids && grantee::is_object_id(name);
        let first = foreign.iter().find(|name| !blind(name)).map(|name| Arc::from(*name));
        let name = &self.policy.services.get(service).name;
        let text = match foreign.as_slice() {
            [] if !hidden => return None,
            [] => format!("{} gives others access to data in {name}", reading.tool),
            names => format!("{} gives {} access to data in {name}", reading.tool, names.join(", ")),
        };
        let why = match foreign.as_slice() {
            [] => "whom it lets in stands in a file that the command only names",
            _ if ids => "the id of an object does not tell whose directory it is in",
            _ => "the number of a project does not tell whose it is",
        };
        let cap = first.is_none().then(|| Reason { code: ReasonCode::TenantUnknown, text: why.to_owned() });
        Some(Weighed { kind: CommandKind::Share, service, tenant: first, text, cap, severity: None })
    }

    /// A link that lets in whoever has it. What counts is for how long.
    fn linked(&self, reading: &Reading, of: &Aim, lives: Option<Span>, time: Timestamp) -> Option<Weighed> {
        let service = of.service?;
        let own = of.tenant.as_ref().is_some_and(|tenant| self.is_own(reading, service, tenant, time));
        if own && lives.is_some_and(|lives| lives <= SHORT_LIVED) {
            return None;
        }
        let lasting = lives.map_or_else(|| "with no end in sight".to_owned(), in_words);
        let severity = match lives {
            Some(lives) if lives <= SHORT_LIVED => Severity::Low,
            Some(lives) if lives <= LONG_LIVED => Severity::Medium,
            _ => Severity::High,
        };
        let text = format!("{} made a link to {}, valid {lasting}", reading.tool, self.words(of));
        let cap = Reason {
            code: ReasonCode::BearerLink,
            text: "whoever has the link is let in: who that will be cannot be seen".to_owned(),
        };
        Some(Weighed {
            kind: CommandKind::Link,
            service,
            tenant: of.tenant.clone(),
            text,
            cap: Some(cap),
            severity: Some(severity),
        })
    }

    /// The services whose allow entries may name an account of this one: all of the same cloud.
    fn accounts<'a>(
        &self,
        reading: &'a Reading,
        service: ServiceId,
    ) -> impl Iterator<Item = ServiceId> + use<'a> {
        let same_cloud = reading.accounts.contains(&service);
        let others = reading.accounts.iter().copied().filter(move |_| same_cloud);
        std::iter::once(service).chain(others)
    }

    fn is_own(&self, reading: &Reading, service: ServiceId, tenant: &str, time: Timestamp) -> bool {
        self.accounts(reading, service).any(|service| self.policy.allow.knows_tenant(service, tenant, time))
    }

    /// May this program send every set there? Then it may hand over what is there already.
    fn may_do_anything(&self, life: LifeId, time: Timestamp, deed: &Weighed) -> bool {
        let Some(life) = self.lineage.get(life) else { return false };
        let subject = self.subject(life, time);
        let sets = (0..self.policy.sets.len()).filter_map(|set| u8::try_from(set).ok()).map(SetId);
        let allow = &self.policy.allow;
        let may = |set: SetId| {
            allow
                .permits(&subject, Transfer { set, service: deed.service, tenant: deed.tenant.as_deref() })
                .is_ok()
        };
        !self.policy.sets.is_empty() && sets.into_iter().all(may)
    }

    fn words(&self, aim: &Aim) -> String {
        let service =
            aim.service.map_or("an unknown service", |service| &*self.policy.services.get(service).name);
        match &aim.tenant {
            Some(tenant) => format!("{tenant} ({service})"),
            None => service.to_owned(),
        }
    }

    fn unexcused_sending(
        &mut self,
        life: LifeId,
        sets: SetMask,
        path: &FilePath,
        time: Timestamp,
    ) -> SetMask {
        let mut scratch = std::mem::take(&mut self.scratch);
        let canonical = self.policy.paths.canonical(path.as_bytes(), &mut scratch);
        let left = match self.lineage.get(life) {
            None => SetMask::default(),
            Some(life) => {
                let (subject, allow) = (self.subject(life, time), &self.policy.allow);
                let excused = |set: &SetId| allow.excuses_sending(&subject, *set, &canonical);
                sets.iter().filter(|set| !excused(set)).collect()
            }
        };
        self.scratch = scratch;
        left
    }
}

/// A span as people say it: whole days from two on.
fn in_words(lives: Span) -> String {
    match lives.as_secs() / 86_400 {
        0 | 1 => format!("for {lives}"),
        days => format!("for {days} days"),
    }
}
