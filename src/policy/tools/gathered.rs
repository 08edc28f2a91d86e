//! Everything that a line says, sorted by what it is about, and what that amounts to.
//!
//! In: values with their [`Role`]s, one by one. Out: a [`Reading`], which [`Gathered::conclude`] makes of them all.

use std::sync::Arc;

use crate::model::Timestamp;
use crate::policy::ids::ServiceId;

use super::place::{self, Spot, Surroundings, Syntax};
use super::{ANYONE, Aim, Command, Deed, Does, Reading, Role, Tool, api, grantee, lifetime, statement};

/// Files and places kept of one line at most.
const MAX_KEPT: usize = 256;

/// Everything said, sorted by what it is about.
#[derive(Default)]
pub(super) struct Gathered<'a> {
    files: Vec<&'a str>,
    pub(super) spared: Vec<&'a str>,
    from: Vec<Aim>,
    /// Files of those that may as well lie in a place that only the tool's own configuration explains.
    doubtful: Vec<Aim>,
    /// Accounts that something is copied from which lies in the cloud.
    owners: Vec<Arc<str>>,
    to: Vec<Aim>,
    pub(super) caller: Option<Arc<str>>,
    pub(super) tenant: Option<Arc<str>>,
    pub(super) grants: grantee::Named,
    /// Ids among those do not tell whose they are.
    ids: bool,
    /// Addresses that are called, and what is sent there.
    calls: Vec<&'a str>,
    texts: Vec<&'a str>,
    /// What is sent stands in a file.
    enclosed: bool,
    /// What the calls and statements do.
    done: Vec<Deed>,
    removes: bool,
    expiry: Option<&'a str>,
    pub(super) homes: Vec<&'a str>,
    /// The copy ends on this Mac.
    lands: bool,
    /// What a database is asked does not leave it.
    pub(super) stays: bool,
    /// What it is asked reads data, and where what it answers is written.
    reads: bool,
    results: Option<Arc<str>>,
    statements: Vec<&'a str>,
}

impl<'a> Gathered<'a> {
    pub(super) fn take(&mut self, role: Role, value: &'a str, around: &Surroundings<'_>) {
        let service = around.service;
        if role.names_no_file() {
            self.spared.push(value);
        }
        match role {
            Role::File => self.file(value),
            Role::Data | Role::Header => match value.strip_prefix('@') {
                Some(path) => {
                    self.enclosed |= role == Role::Data;
                    self.file(path);
                }
                None => {
                    self.texts.push(value);
                    self.spared.push(value);
                }
            },
            Role::Body => self.texts.push(value),
            Role::Form => {
                form(value).for_each(|path| self.file(path));
                self.spared.push(value);
                // An address stands among the fields of some tools.
                let list = if api::is_known(value) { &mut self.calls } else { &mut self.texts };
                list.push(value);
            }
            Role::Own | Role::Out => self.spared.push(value),
            Role::Url => {
                self.to.push(place::url(value, around.services));
                self.calls.push(value);
            }
            Role::Source => self.from.push(place::first_part(value, service)),
            Role::Path => self.to.push(place::first_part(value, service)),
            Role::Tenant => {
                self.tenant = place::owner_of_access_point(value).or_else(|| tenant_in(place::bare(value)))
            }
            Role::Location => {
                self.tenant = place::location(value);
                // A sink of logs: what is written there is in the cloud already.
                if value.contains(".googleapis.com/") {
                    self.from.push(Aim { service: None, tenant: None });
                }
            }
            Role::Grantee => self.grant(grantee::of(value)),
            Role::Principal => {
                self.ids = true;
                self.grant(grantee::of(value));
            }
            Role::Policy => self.grant(grantee::of_policy(value)),
            Role::Trust => self.grants.names.extend(grantee::of_policy(value).names),
            Role::Block if grantee::unblocks(value) => self.grants.names.push(Arc::from(ANYONE)),
            Role::Public => self.grants.names.push(Arc::from(ANYONE)),
            Role::Operation => self.removes |= value.eq_ignore_ascii_case("remove"),
            Role::Expiry => self.expiry = Some(value),
            Role::Home => self.homes.push(value),
            Role::Resource => self.owners.extend(place::account(value)),
            Role::Project => self.owners.extend(place::project(value)),
            Role::Profile => self.caller = account_in(value),
            Role::Script | Role::Block | Role::Skip | Role::Endpoint | Role::From | Role::To | Role::Dry => {}
            Role::Results => self.results = place::location(value),
            Role::Statement | Role::Skeleton => {}
        }
    }

    fn grant(&mut self, named: grantee::Named) {
        self.grants.hidden |= named.hidden;
        self.grants.names.extend(named.names);
    }

    /// Places of the service whose accounts the tool's variables name lie in the one named.
    pub(super) fn lie_in_account(&mut self, tool: &Tool, account: Option<&Arc<str>>) {
        let of_it = |aim: &&mut Aim| aim.tenant.is_none() && aim.service == tool.account_of;
        for aim in self.to.iter_mut().chain(&mut self.from).filter(of_it).filter(|aim| aim.service.is_some())
        {
            aim.tenant = account.cloned();
        }
    }

    /// What calls of a cloud's interface do there.
    pub(super) fn called(&mut self, around: &Surroundings<'_>, time: Timestamp) {
        for url in self.calls.iter().take(MAX_KEPT) {
            let sent = api::Sent { url, texts: &self.texts, hidden: self.enclosed };
            self.done.extend(api::deed(&sent, around, time));
        }
    }

    /// Where a statement has the database write, and whom it lets in.
    pub(super) fn asked(&mut self, tool: &Tool, text: &'a str, around: &Surroundings<'_>) {
        self.spared.push(text);
        self.reads |= statement::reads(text);
        self.statements.push(text);
        match statement::target(text).map(|target| place::address(tool, &target, around)) {
            Some(aim) => self.to.push(aim),
            None => self.stays = true,
        }
        for (service, with) in statement::grants(text) {
            let service = around.services.by_name(service);
            let with = with.iter().map(|name| Arc::from(&**name)).collect();
            self.done.push(Deed::Shared { service, with, hidden: false, ids: false });
        }
    }

    fn file(&mut self, path: &'a str) {
        if path != "-" && !path.is_empty() && self.files.len() < MAX_KEPT {
            self.files.push(path);
        }
    }

    /// Both ends of a copy. Where the tool's own configuration decides what is an alias, the destination is one, and
    /// what shares its first part is too.
    pub(super) fn take_ends(&mut self, tool: &Tool, ends: &[(Role, &'a str)], around: &Surroundings<'_>) {
        let aliases = tool.syntax == Syntax::Alias;
        let alias =
            |text: &'a str| text.split_once('/').map(|(alias, _)| alias).filter(|alias| !alias.is_empty());
        let target = ends.iter().find(|(role, _)| *role == Role::To).and_then(|(_, text)| alias(text));
        for (role, text) in ends.iter().take(MAX_KEPT) {
            let spot = match place::parse(tool, text, around) {
                Spot::Here(text) if aliases && (alias(text).is_some_and(|own| Some(own) == target)) => {
                    let path = text.split_once('/').map_or("", |(_, path)| path);
                    Spot::Cloud(place::first_part(path, around.endpoint.flatten().or(tool.service)))
                }
                spot => spot,
            };
            match (role, spot) {
                (Role::From, Spot::Here(path)) => {
                    let known = |alias: &str| !alias.is_empty() && !alias.contains('.');
                    if aliases && alias(path).is_some_and(known) {
                        self.doubtful
                            .push(Aim { service: None, tenant: place::first_part(path, None).tenant });
                    }
                    self.file(path);
                }
                (Role::From, Spot::Cloud(aim)) => {
                    self.from.push(aim);
                    self.spared.push(text);
                }
                // Into the project that one works in, whichever that is.
                (_, Spot::Cloud(Aim { tenant: None, .. })) if tool.syntax == Syntax::Project => {
                    self.lands = true;
                }
                (_, Spot::Here(path)) => {
                    self.lands = true;
                    self.spared.push(path);
                }
                (_, Spot::Cloud(aim)) => {
                    self.to.push(aim);
                    self.spared.push(text);
                }
            }
        }
    }

    pub(super) fn conclude(
        mut self,
        tool: &Tool,
        command: &Command,
        service: Option<ServiceId>,
        time: Timestamp,
    ) -> Reading {
        let mut aims = std::mem::take(&mut self.to);
        let results = self.results.take().filter(|_| self.reads && aims.is_empty());
        self.tenant = self.tenant.take().or(results);
        let named = || Aim { service, tenant: self.tenant.clone() };
        let by_default = service.is_some() && !self.stays;
        if aims.is_empty() && !self.lands && (self.tenant.is_some() || by_default) {
            aims.push(named());
        }
        // A place without a tenant of its own is in the account that the line names beside it.
        for aim in aims.iter_mut().filter(|aim| aim.tenant.is_none() && aim.service == service) {
            aim.tenant.clone_from(&self.tenant);
        }
        let mut deeds = Vec::new();
        match command.does {
            Does::Transfer if self.files.is_empty() => {
                if command.exports && self.from.is_empty() {
                    self.from.push(self.usual_source(tool, service, aims.first()));
                }
                let pairs = self.from.iter().zip(std::iter::repeat(aims.first()));
                let copies = pairs.filter_map(|(from, to)| Some((from.clone(), to?.clone())));
                deeds.extend(
                    copies.filter(|(from, to)| from != to).map(|(from, to)| Deed::Copied { from, to }),
                );
                deeds.extend(self.moved(aims.first()));
                deeds.truncate(1);
            }
            // `a/x b/y`: both may be aliases.
            Does::Transfer if self.doubtful.len() == self.files.len() => {
                let to = aims.first().filter(|to| to.service.is_none());
                let from = std::mem::take(&mut self.doubtful).into_iter().next();
                deeds.extend(from.zip(to.cloned()).map(|(from, to)| Deed::Copied { from, to }));
            }
            Does::Link => {
                let of = self.from.first().cloned().or_else(|| aims.first().cloned()).unwrap_or_else(named);
                let lives = self.expiry.map_or(command.lives, |text| lifetime::parse(text, time));
                deeds.push(Deed::Linked { of, lives });
            }
            Does::Transfer | Does::Share | Does::Tunnel | Does::Reveal => {}
        }
        let service = service.or_else(|| aims.first().and_then(|aim| aim.service));
        deeds.extend(self.shared(command, service));
        deeds.append(&mut self.done);
        deeds.truncate(MAX_KEPT);
        let boxed = |list: Vec<&str>| list.into_iter().map(Box::from).collect();
        Reading {
            tool: Arc::clone(&tool.name),
            files: boxed(self.files),
            spared: boxed(self.spared),
            aims: if command.does == Does::Transfer { aims } else { Vec::new() },
            deeds,
            accounts: tool.accounts.clone(),
            caller: self.caller,
            wrapped: false,
        }
    }

    /// Where a command that names no source has its data from. Of tables: the project that a statement names, if that receives,
    /// else the one that it works in.
    fn usual_source(&self, tool: &Tool, service: Option<ServiceId>, to: Option<&Aim>) -> Aim {
        let tables = tool.syntax == Syntax::Project;
        let named = |to: &&Aim| {
            let project = to.tenant.as_deref().filter(|_| tables);
            project.is_some_and(|project| self.statements.iter().any(|text| statement::names(text, project)))
        };
        if let Some(same) = to.filter(named) {
            return same.clone();
        }
        match self.homes.last().filter(|_| tables).and_then(|home| place::name(home)) {
            Some(project) => Aim { service, tenant: Some(project) },
            None => Aim { service: None, tenant: None },
        }
    }

    /// From one account of a cloud into another, where the line names both.
    fn moved(&self, to: Option<&Aim>) -> Option<Deed> {
        let to = to.filter(|to| to.tenant.is_some())?;
        let from =
            self.owners.first().map(|owner| Aim { service: to.service, tenant: Some(Arc::clone(owner)) })?;
        (from != *to).then(|| Deed::Copied { from, to: to.clone() })
    }

    /// Whom the line lets in, if it lets anybody in.
    fn shared(&mut self, command: &Command, service: Option<ServiceId>) -> Option<Deed> {
        if self.removes {
            return None;
        }
        let mut with = std::mem::take(&mut self.grants.names);
        // The service accounts of a project are not somebody else.
        let own = |name: &Arc<str>| {
            let (who, host) = name.split_once('@').unwrap_or(("", name));
            let project = if host == "appspot.gserviceaccount.com" {
                Some(who)
            } else {
                host.strip_suffix(".iam.gserviceaccount.com")
            };
            project.is_some_and(|project| self.homes.contains(&project))
        };
        with.retain(|name| !own(name));
        if command.public {
            with.push(Arc::from(ANYONE));
        }
        with.sort();
        with.dedup();
        let hidden = self.grants.hidden && with.is_empty();
        (hidden || !with.is_empty()).then_some(Deed::Shared { service, with, hidden, ids: self.ids })
    }
}

/// The files of a form field: `name=@a,b;type=x`, `name=<a`, `name@a`, `name:=@a`.
fn form(value: &str) -> impl Iterator<Item = &str> {
    let after = match (value.find(['=', '@']), value.as_bytes()) {
        (Some(at), bytes) if bytes[at] == b'=' => value[at + 1..].strip_prefix(['@', '<']),
        (Some(at), _) => Some(&value[at + 1..]),
        (None, _) => None,
    };
    let files =
        after.map(|files| files.split_once(';').map_or(files, |(files, _)| files)).unwrap_or_default();
    files.split(',').map(|file| file.trim_matches('"')).filter(|file| !file.is_empty() && *file != "-")
}

/// `AdministratorAccess-111122223333`, as `aws configure sso` names profiles, or a role's ARN.
pub(super) fn account_in(name: &str) -> Option<Arc<str>> {
    name.split(|c: char| !c.is_ascii_digit()).find(|digits| digits.len() == 12).map(Arc::from)
}

/// The account that a value names: itself, or what a connection string says. The rest of one is a secret.
pub(super) fn tenant_in(value: &str) -> Option<Arc<str>> {
    let account = value.split(';').find_map(|part| part.strip_prefix("AccountName="));
    let plain = || Some(value).filter(|value| !value.contains(';'));
    place::name(account.or_else(plain)?)
}
