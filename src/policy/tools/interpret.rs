//! Reads one command line of a tool: its words taken apart, what the environment adds, and what they amount to.
//!
//! In: a [`Tool`], the arguments, the environment. Out: a [`Reading`]. `line` tells which word plays which [`Role`],
//! `gathered` sorts what is said by that and concludes.

use crate::model::{Span, Timestamp};
use crate::policy::services::Services;

use super::gathered::{Gathered, account_in, tenant_in};
use super::line::Said;
use super::place::{self, Surroundings};
use super::{Command, Does, Operand, Reading, Role, Tool, line, shell, skeleton};

/// What a line is read in.
pub(super) struct Context<'a> {
    pub env: &'a [(Box<str>, Box<str>)],
    /// What the tool is given to read, if the line says it and the tool takes commands that way.
    pub input: Option<&'a str>,
    pub services: &'a Services,
    pub time: Timestamp,
}

/// What the line does, if it calls a command of the tool.
pub(super) fn read(tool: &Tool, args: &[Box<str>], context: &Context<'_>) -> Option<Reading> {
    let args = skeleton::spelled_out(tool, args);
    let (command, said) = line::parse(tool, &args)?;
    let dry = is_dry(&said);
    let steps = steps(&said, context);
    let stepped = steps.iter().flat_map(|step| line::parse_step(tool, &step.words));
    let said: Vec<Said<'_>> = said.into_iter().chain(stepped).collect();
    let around = surroundings(tool, command, &said, context);
    let usual_home = home_by_env(tool, &around);
    let mut all = Gathered::default();
    all.homes.extend(usual_home);
    let ends = sort(tool, command, &said, &around, &mut all);
    all.take_ends(tool, &with_ends_of_env(tool, command, ends, &around), &around);
    all.called(&around, context.time);
    let by_variable = tool.tenant_env.iter().find_map(|name| tenant_in(around.variable(name)?));
    all.lie_in_account(tool, by_variable.as_ref());
    // An account tells whose it is only where the service that it belongs to is the one meant.
    let fits = |service| tool.account_of.is_none_or(|of| service == of);
    let by_env = || by_variable.filter(|_| around.service.is_some_and(fits));
    // What is made in the project that one works in, if an option may name another.
    let own = || usual_home.filter(|_| takes(command, Role::Tenant)).and_then(place::name);
    all.tenant = all.tenant.take().or_else(by_env).or_else(own);
    let profile = || tool.profile_env.iter().find_map(|name| account_in(around.variable(name)?));
    all.caller = all.caller.take().or_else(profile);
    let mut reading = all.conclude(tool, command, around.service, context.time);
    reading.files.extend(command.reads.iter().map(|path| in_home(path, around.home)));
    Some(if dry { reading.undone() } else { reading })
}

/// Which server and home the tool works with, by what is said, else by the environment.
fn surroundings<'a>(
    tool: &Tool,
    command: &Command,
    said: &[Said<'a>],
    context: &Context<'a>,
) -> Surroundings<'a> {
    let mut around = Surroundings {
        services: context.services,
        env: context.env,
        endpoint: None,
        service: None,
        home: None,
    };
    let first = |role: Role| said.iter().find(|said| said.role == role).map(|said| said.value);
    around.home = first(Role::Home).or_else(|| home_by_env(tool, &around));
    let endpoint = first(Role::Endpoint).or_else(|| around.first_of(&tool.endpoint_env));
    around.endpoint = endpoint.map(|address| place::url(address, context.services).service);
    around.service = around.endpoint.unwrap_or(command.service.or(tool.service));
    around
}

fn home_by_env<'a>(tool: &Tool, around: &Surroundings<'a>) -> Option<&'a str> {
    around.first_of(&tool.home_env).filter(|home| !home.is_empty())
}

/// Sorts what is said, but for the ends of a copy, which only tell together what they are: those are given back.
fn sort<'a>(
    tool: &Tool,
    command: &Command,
    said: &[Said<'a>],
    around: &Surroundings<'_>,
    all: &mut Gathered<'a>,
) -> Vec<(Role, &'a str)> {
    let mut ends = Vec::new();
    for said in said {
        match said.role {
            Role::From if command.does == Does::Tunnel && is_port(said.value) => all.spared.push(said.value),
            Role::From | Role::To => ends.push((said.role, said.value)),
            Role::Statement => all.asked(tool, said.value, around),
            Role::Skeleton => {
                all.grants.hidden |= skeleton::hides_whom(command, said.value);
                all.spared.push(said.value);
            }
            // A field of a request to change something: `private=false`.
            Role::Form if command.does == Does::Share => {
                all.take(Role::Form, said.value, around);
                all.take(Role::Block, said.value, around);
            }
            role => all.take(role, said.value, around),
        }
    }
    let asks = |operand: &Operand| operand.role == Role::Statement;
    let asked = command.args.iter().chain(command.options.iter().map(|(_, operand)| operand)).any(asks);
    // What it is asked comes from elsewhere.
    all.stays |= asked && !said.iter().any(|said| said.role == Role::Statement);
    ends
}

/// The ends of a copy, with those that only the environment names.
fn with_ends_of_env<'a>(
    tool: &Tool,
    command: &Command,
    mut ends: Vec<(Role, &'a str)>,
    around: &Surroundings<'a>,
) -> Vec<(Role, &'a str)> {
    // `::archive` and the like say where in the place that the environment names.
    let told = |(role, value): &(Role, &str)| *role == Role::To && !value.starts_with("::");
    if !ends.iter().any(told) {
        ends.retain(|(role, _)| *role != Role::To || tool.to_env.is_empty());
        ends.extend(around.first_of(&tool.to_env).map(|value| (Role::To, value)));
    }
    if takes(command, Role::From) && !ends.iter().any(|(role, _)| *role == Role::From) {
        ends.extend(around.first_of(&tool.from_env).map(|value| (Role::From, value)));
    }
    ends
}

/// Has the command an option for it?
fn takes(command: &Command, role: Role) -> bool {
    command.options.iter().any(|(_, operand)| operand.role == role)
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

impl Reading {
    /// The same of a line that only says what would be done: what it names is not sent, and nobody is let in.
    fn undone(mut self) -> Self {
        self.spared.append(&mut self.files);
        Self { aims: Vec::new(), deeds: Vec::new(), ..self }
    }
}

/// From here on a link is said to live long: object stores sign for a week at most, longer ones rest on a stored policy.
pub const LONG_LIVED: Span = Span::from_secs(7 * 86_400);
