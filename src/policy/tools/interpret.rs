//! What the parts of a line amount to.

use std::sync::Arc;

use crate::model::{Span, Timestamp};
use crate::policy::ids::ServiceId;
use crate::policy::services::Services;

use super::line::Said;
use super::place::{self, Spot, Surroundings, Syntax};
use super::{
    ANYONE, Aim, Command, Deed, Does, Operand, Reading, Role, Tool, api, grantee, lifetime, line, shell,
    skeleton, statement,
};

/// Files and places kept of one line at most.
const MAX_KEPT: usize = 256;

pub(super) struct Context<'a> {
    pub env: &'a [(Box<str>, Box<str>)],
    /// What the tool is given to read, if the line says it and the tool takes commands that way.
    pub input: Option<&'a str>,
    pub services: &'a Services,
    pub time: Timestamp,
}

/// Everything said, sorted by what it is about.
#[derive(Default)]
struct Gathered<'a> {
    files: Vec<&'a str>,
    spared: Vec<&'a str>,
    from: Vec<Aim>,
    /// Accounts that something is copied from which lies in the cloud.
    owners: Vec<Arc<str>>,
    to: Vec<Aim>,
    caller: Option<Arc<str>>,
    tenant: Option<Arc<str>>,
    grants: grantee::Named,
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
    homes: Vec<&'a str>,
    /// The copy ends on this Mac.
    lands: bool,
    /// What a database is asked does not leave it.
    stays: bool,
}

pub(super) fn read(tool: &Tool, args: &[Box<str>], context: &Context<'_>) -> Option<Reading> {
    let args = skeleton::spelled_out(tool, args);
    let (command, said) = line::parse(tool, &args)?;
    let dry = is_dry(&said);
    let steps = steps(&said, context);
    let stepped = steps.iter().flat_map(|step| line::parse_step(tool, &step.words));
    let said: Vec<Said<'_>> = said.into_iter().chain(stepped).collect();
    let mut around = Surroundings {
        services: context.services,
        env: context.env,
        endpoint: None,
        service: None,
        home: None,
    };
    let by_env = tool.home_env.iter().find_map(|name| around.variable(name)).filter(|home| !home.is_empty());
    around.home = said.iter().find(|said| said.role == Role::Home).map(|said| said.value).or(by_env);
    let endpoint = said.iter().find(|said| said.role == Role::Endpoint).map(|said| said.value);
    let endpoint = endpoint.or_else(|| tool.endpoint_env.iter().find_map(|name| around.variable(name)));
    around.endpoint = endpoint.map(|address| place::url(address, context.services).service);
    let service = around.endpoint.unwrap_or(command.service.or(tool.service));
    around.service = service;
    let mut all = Gathered { homes: by_env.into_iter().collect(), ..Gathered::default() };
    let mut ends: Vec<(Role, &str)> = Vec::new();
    for said in &said {
        match said.role {
            Role::From if command.does == Does::Tunnel && is_port(said.value) => all.spared.push(said.value),
            Role::From | Role::To => ends.push((said.role, said.value)),
            Role::Statement => all.asked(tool, said.value, &around),
            Role::Skeleton => {
                all.grants.hidden |= skeleton::hides_whom(command, said.value);
                all.spared.push(said.value);
            }
            // A field of a request to change something: `private=false`.
            Role::Form if command.does == Does::Share => {
                all.take(Role::Form, said.value, service, &around);
                all.take(Role::Block, said.value, service, &around);
            }
            role => all.take(role, said.value, service, &around),
        }
    }
    // `::archive` and the like say where in the place that the environment names.
    let asks = |operand: &Operand| operand.role == Role::Statement;
    let asked = command.args.iter().chain(command.options.iter().map(|(_, operand)| operand)).any(asks);
    // What it is asked comes from elsewhere.
    all.stays |= asked && !said.iter().any(|said| said.role == Role::Statement);
    let told = |(role, value): &(Role, &str)| *role == Role::To && !value.starts_with("::");
    if !ends.iter().any(told) {
        ends.retain(|(role, _)| *role != Role::To || tool.to_env.is_empty());
        let named = tool.to_env.iter().find_map(|name| around.variable(name));
        ends.extend(named.map(|value| (Role::To, value)));
    }
    let takes = |role: Role| command.options.iter().any(|(_, operand)| operand.role == role);
    if takes(Role::From) && !ends.iter().any(|(role, _)| *role == Role::From) {
        let named = tool.from_env.iter().find_map(|name| around.variable(name));
        ends.extend(named.map(|value| (Role::From, value)));
    }
    all.take_ends(tool, &ends, &around);
    all.called(&around, context.time);
    let from_env = || tool.tenant_env.iter().find_map(|name| tenant_in(around.variable(name)?));
    // What is made in the project that one works in, if an option may name another.
    let own = || by_env.filter(|_| takes(Role::Tenant)).and_then(place::name);
    all.tenant = all.tenant.take().or_else(from_env).or_else(own);
    let profile = || tool.profile_env.iter().find_map(|name| account_in(around.variable(name)?));
    all.caller = all.caller.take().or_else(profile);
    let mut reading = all.conclude(tool, command, service, context.time);
    reading.files.extend(command.reads.iter().map(|path| in_home(path, around.home)));
    Some(if dry { reading.undone() } else { reading })
}

/// Does the last word on it say that nothing is to be done? `--dry-run=false` and `--no-dry-run` take it back.
fn is_dry(said: &[Said<'_>]) -> bool {
    let last = said.iter().rev().find(|said| said.role == Role::Dry);
    last.is_some_and(|said| {
        let value = said.value.split_once('=').map_or("", |(_, value)| value).to_ascii_lowercase();
        !said.value.starts_with("--no-") && !matches!(&*value, "false" | "f" | "0" | "no" | "off")
    })
}

/// A file of the tool's, in the folder that it works in if one is named.
fn in_home(path: &str, home: Option<&str>) -> Box<str> {
    let name = path.rsplit('/').next().unwrap_or(path);
    home.map_or_else(|| path.into(), |home| format!("{}/{name}", home.trim_end_matches('/')).into())
}

/// `3000`, `localhost:3000`: a tunnel may lead to a server in place of a folder.
fn is_port(text: &str) -> bool {
    text.rsplit(':').next().is_some_and(|port| !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit()))
}

/// The commands of the tool's own that the line holds.
fn steps(said: &[Said<'_>], context: &Context<'_>) -> Vec<shell::Call> {
    let scripts = said.iter().filter(|said| said.role == Role::Script).map(|said| said.value);
    scripts.chain(context.input).flat_map(|script| shell::commands(script, &|_| None)).collect()
}

/// `AdministratorAccess-111122223333`, as `aws configure sso` names profiles, or a role's ARN.
fn account_in(name: &str) -> Option<Arc<str>> {
    name.split(|c: char| !c.is_ascii_digit()).find(|digits| digits.len() == 12).map(Arc::from)
}

/// The account that a value names: itself, or what a connection string says. The rest of one is a secret.
fn tenant_in(value: &str) -> Option<Arc<str>> {
    let account = value.split(';').find_map(|part| part.strip_prefix("AccountName="));
    let plain = || Some(value).filter(|value| !value.contains(';'));
    place::name(account.or_else(plain)?)
}

impl<'a> Gathered<'a> {
    fn take(&mut self, role: Role, value: &'a str, service: Option<ServiceId>, around: &Surroundings<'_>) {
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
            Role::Statement | Role::Skeleton => {}
        }
    }

    fn grant(&mut self, named: grantee::Named) {
        self.grants.hidden |= named.hidden;
        self.grants.names.extend(named.names);
    }

    /// What calls of a cloud's interface do there.
    fn called(&mut self, around: &Surroundings<'_>, time: Timestamp) {
        for url in self.calls.iter().take(MAX_KEPT) {
            let sent = api::Sent { url, texts: &self.texts, hidden: self.enclosed };
            self.done.extend(api::deed(&sent, around, time));
        }
    }

    /// Where a statement has the database write, and whom it lets in.
    fn asked(&mut self, tool: &Tool, text: &'a str, around: &Surroundings<'_>) {
        self.spared.push(text);
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
    fn take_ends(&mut self, tool: &Tool, ends: &[(Role, &'a str)], around: &Surroundings<'_>) {
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
                (Role::From, Spot::Here(path)) => self.file(path),
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

    fn conclude(
        mut self,
        tool: &Tool,
        command: &Command,
        service: Option<ServiceId>,
        time: Timestamp,
    ) -> Reading {
        let mut aims = std::mem::take(&mut self.to);
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
                    self.from.push(Aim { service: None, tenant: None });
                }
                let pairs = self.from.iter().zip(std::iter::repeat(aims.first()));
                let copies = pairs.filter_map(|(from, to)| Some((from.clone(), to?.clone())));
                deeds.extend(
                    copies.filter(|(from, to)| from != to).map(|(from, to)| Deed::Copied { from, to }),
                );
                deeds.extend(self.moved(aims.first()));
                deeds.truncate(1);
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

impl Reading {
    /// The same of a line that only says what would be done: what it names is not sent, and nobody is let in.
    fn undone(mut self) -> Self {
        self.spared.append(&mut self.files);
        Self { aims: Vec::new(), deeds: Vec::new(), ..self }
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

/// From here on a link is said to live long: object stores sign for a week at most, longer ones rest on a stored policy.
pub const LONG_LIVED: Span = Span::from_secs(7 * 86_400);
