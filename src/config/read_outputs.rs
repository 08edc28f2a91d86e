//! `[[output]]`: where records go.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::model::Span;
use crate::policy::Rule;
use crate::sink::format::{DOCUMENTATION_ENTERPRISE, Format, LOCAL0, Level, MAX_OCTETS};
use crate::sink::output::{
    Address, Choice, Elastic, Endpoint, File, Heartbeats, Http, Login, Output, Proxy, Splunk, Syslog,
    SyslogTo, Tls, To,
};
use crate::sink::spool::{self, Kind};
use crate::sink::transport::UNIFIED_LOG_HERE;

use super::diagnostics::Complaint;
use super::read_spool::{self, at_least};
use super::schema;
use super::section::{Section, duration, expected, one_of, size, text};
use super::tree::{Kind as NodeKind, Node};

#[derive(Clone, Copy)]
pub(super) enum Type {
    Syslog,
    File,
    Http,
    Splunk,
    Elastic,
    UnifiedLog,
}

pub(super) const TYPES: [(&str, Type); 6] = [
    ("syslog", Type::Syslog),
    ("file", Type::File),
    ("http", Type::Http),
    ("splunk-hec", Type::Splunk),
    ("elasticsearch", Type::Elastic),
    ("unified-log", Type::UnifiedLog),
];

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Transport {
    Local,
    Udp,
    Tcp,
    Tls,
}

pub(super) const TRANSPORTS: [(&str, Transport); 4] =
    [("local", Transport::Local), ("udp", Transport::Udp), ("tcp", Transport::Tcp), ("tls", Transport::Tls)];

pub(super) const KINDS: [(&str, Kind); 3] =
    [("alert", Kind::Alert), ("coverage", Kind::Coverage), ("heartbeat", Kind::Heartbeat)];

pub(super) const SEVERITIES: [(&str, Level); 4] =
    [("low", Level::Low), ("medium", Level::Medium), ("high", Level::High), ("critical", Level::Critical)];

/// RFC 5424, 6.2.1, table 1: those that fit a program like this.
pub(super) const FACILITIES: [(&str, u8); 13] = [
    ("user", 1),
    ("daemon", 3),
    ("auth", 4),
    ("authpriv", 10),
    ("audit", 13),
    ("local0", LOCAL0),
    ("local1", 17),
    ("local2", 18),
    ("local3", 19),
    ("local4", 20),
    ("local5", 21),
    ("local6", 22),
    ("local7", 23),
];

/// RFC 5424, 6.1: what every receiver takes.
const LEAST_OCTETS: u64 = 480;
/// What fits a UDP datagram over IPv4.
const MOST_OCTETS: u64 = 65_507;
/// macOS takes 2,048 octets in a local datagram (`net.local.dgram.maxdgram`).
const LOCAL_OCTETS: usize = 2_048;
/// What an alert takes as ECS or OCSF when nothing more can be taken from it.
const JSON_OCTETS: usize = 4_096;
const TIMEOUT: Span = Span::from_secs(10);
/// In less no receiver on a network answers.
const LEAST_TIMEOUT: Span = Span::from_millis(100);

/// Everything about speaking.
pub(super) struct Speech {
    pub outputs: Vec<Output>,
    pub spool: spool::Options,
    pub heartbeats: Heartbeats,
}

/// `rules` are those there are.
pub(super) fn read(root: &mut Section<'_, '_>, rules: &[Rule]) -> Speech {
    let (spool, heartbeats) = (read_spool::spool(root), read_spool::heartbeats(root));
    Speech { outputs: outputs(root, rules), spool, heartbeats }
}

fn outputs(root: &mut Section<'_, '_>, rules: &[Rule]) -> Vec<Output> {
    let mut outputs: Vec<Output> = Vec::new();
    for (table, at) in root.tables("output") {
        let mut section = Section::new(schema::OUTPUT, "[[output]]", &at, table, root.complaints);
        let taken: Vec<&str> = outputs.iter().map(|output| output.name.as_str()).collect();
        let output = output(&mut section, &taken, rules);
        if let Some(path) = output.as_ref().and_then(file_of)
            && outputs.iter().any(|other| file_of(other) == Some(path))
        {
            let complaint =
                Complaint::new("another output writes this file: each would rotate it under the other");
            section.complain(&at, "path", complaint.hint("give each output a file of its own"));
        }
        outputs.extend(output);
        section.finish();
    }
    outputs
}

fn output(section: &mut Section<'_, '_>, taken: &[&str], rules: &[Rule]) -> Option<Output> {
    section.extends();
    let name = section.read("name", text).map(|name| name.value);
    if let Some(name) = &name {
        section.set_title(format!("[[output]] \"{name}\""));
    }
    let hint = "syslog, file, http, splunk-hec, elasticsearch or unified-log";
    let kind = section.require("type", hint, one_of(&TYPES))?.value;
    let formats = Format::ALL.map(|format| (format.as_str(), format));
    let format = section.read("format", one_of(&formats));
    if let Some(format) = format.as_ref().filter(|format| format.value == Format::Text)
        && !matches!(kind, Type::File | Type::UnifiedLog)
    {
        let complaint = Complaint::new("`text` is for people and has several lines");
        section.complain(&format.at, "format", complaint.hint("ecs, ocsf, cef or leef"));
    }
    let choice = choice(section, rules);
    let rate = section.read("rate", count).map_or(0, |rate| rate.value);
    if matches!(kind, Type::UnifiedLog) && !UNIFIED_LOG_HERE {
        let complaint = Complaint::new("this system has no unified log: nothing arrives there");
        let at = section.at().clone();
        section.warn(&at, complaint.hint("on a Mac it does"));
    }
    let to = destination(section, kind)?;
    let default = TYPES.iter().find(|(_, known)| *known as u8 == kind as u8).map_or("", |(word, _)| word);
    let name = name.unwrap_or_else(|| free_name(default, taken));
    let format = format.map_or(Format::Ecs, |format| format.value);
    warn_if_cramped(section, format, &choice, &to);
    Some(Output { name, format, choice, rate, to })
}

/// Of an alert in JSON what fits less room than that is its structured data.
fn warn_if_cramped(section: &mut Section<'_, '_>, format: Format, choice: &Choice, to: &To) {
    let cramped = matches!(to, To::Syslog(syslog) if syslog.max_octets < JSON_OCTETS);
    if cramped && matches!(format, Format::Ecs | Format::Ocsf) && choice.kinds.contains(&Kind::Alert) {
        let message = format!(
            "an alert as `{}` is longer than `max_message`: it comes without its text",
            format.as_str()
        );
        let hint = "write format = \"cef\" or \"leef\", which fit, or a larger max_message where the transport is not local";
        let at = section.at().clone();
        section.warn(&at, Complaint::new(message).hint(hint));
    }
}

fn file_of(output: &Output) -> Option<&Path> {
    match &output.to {
        To::File(file) => Some(&file.path),
        _ => None,
    }
}

/// The type, or the type and a number.
fn free_name(default: &str, taken: &[&str]) -> String {
    let names =
        (1..).map(|number| if number == 1 { default.to_owned() } else { format!("{default}-{number}") });
    names.into_iter().find(|name| !taken.contains(&name.as_str())).unwrap_or_default()
}

fn choice(section: &mut Section<'_, '_>, known: &[Rule]) -> Choice {
    let all = || KINDS.iter().map(|(_, kind)| *kind).collect();
    let kinds = section.filled("kinds", one_of(&KINDS));
    let kinds = kinds.map_or_else(all, |list| list.value.into_iter().map(|kind| kind.value).collect());
    let min = section.read("min_severity", one_of(&SEVERITIES)).map_or(Level::Low, |level| level.value);
    let mut rules = Vec::new();
    for rule in section.list("rules", text).into_iter().flat_map(|list| list.value) {
        let means = |id: &str| match rule.value.strip_suffix('*') {
            Some(start) => id.starts_with(start),
            None => id == rule.value,
        };
        if !known.iter().any(|known| means(&known.id)) {
            let complaint = Complaint::new(format!("`rules`: no rule has the id `{}`", rule.value));
            let ids = known.iter().map(|known| &*known.id);
            section.warn(&rule.at, complaint.did_you_mean(&rule.value, ids));
        }
        rules.push(rule.value);
    }
    Choice { kinds, min_severity: min, rules }
}

fn destination(section: &mut Section<'_, '_>, kind: Type) -> Option<To> {
    match kind {
        Type::Syslog => syslog(section).map(To::Syslog),
        Type::File => {
            let path = section.require("path", "path = \"/var/log/cloudward/alerts.ndjson\"", absolute);
            let rotate = section.read("rotate", size).map_or(64 << 20, |value| value.value);
            let rotate_after = section.read("rotate_after", duration).map_or(Span::ZERO, |value| value.value);
            let keep = section.read("keep", count).map_or(5, |value| value.value);
            Some(To::File(File { path: path?.value, rotate, rotate_after, keep }))
        }
        Type::Http => {
            let at = endpoint(section, "https://siem.example.com/ingest", "/");
            let token_file = optional(section, "token_file", absolute);
            let secret_file = optional(section, "secret_file", absolute);
            Some(To::Http(Http { at: at?, token_file, secret_file }))
        }
        Type::Splunk => {
            let at = endpoint(section, "https://splunk.example.com:8088", "/services/collector/event");
            let hint = "the file that holds the token, readable by root alone";
            let token_file = section.require("token_file", hint, absolute);
            let word = |section: &mut Section<'_, '_>, key, default: &str| {
                optional(section, key, text).unwrap_or_else(|| default.to_owned())
            };
            let index = optional(section, "index", text);
            let source = word(section, "source", "cloudward");
            let sourcetype = word(section, "sourcetype", "cloudward");
            Some(To::Splunk(Splunk { at: at?, token_file: token_file?.value, index, source, sourcetype }))
        }
        Type::Elastic => {
            let at = endpoint(section, "https://elastic.example.com:9200", "/_bulk");
            let index =
                optional(section, "index", text).unwrap_or_else(|| "logs-cloudward.alert-default".to_owned());
            Some(To::Elastic(Elastic { at: at?, index, login: login(section) }))
        }
        Type::UnifiedLog => {
            let subsystem = optional(section, "subsystem", text);
            Some(To::UnifiedLog { subsystem: subsystem.unwrap_or_else(|| "cloudward".to_owned()) })
        }
    }
}

fn syslog(section: &mut Section<'_, '_>) -> Option<Syslog> {
    let transport =
        section.read("transport", one_of(&TRANSPORTS)).map_or(Transport::Tls, |value| value.value);
    let to = match transport {
        Transport::Local => Some(SyslogTo::Local(optional(section, "path", absolute))),
        _ => {
            let address = section.require("address", "address = \"siem.example.com:6514\"", host_and_port);
            let tls = (transport == Transport::Tls).then(|| tls(section));
            address.map(|address| match (transport, tls) {
                (Transport::Udp, _) => SyslogTo::Udp(address.value),
                (_, Some(tls)) => SyslogTo::Tls(address.value, tls),
                (_, None) => SyslogTo::Tcp(address.value),
            })
        }
    };
    let facility = section.read("facility", one_of(&FACILITIES)).map_or(LOCAL0, |value| value.value);
    let enterprise =
        section.read("enterprise_id", count).map_or(DOCUMENTATION_ENTERPRISE, |value| value.value);
    let default = if transport == Transport::Local { LOCAL_OCTETS } else { MAX_OCTETS };
    let max_octets = section.read("max_message", |node| match size(node)? {
        octets if (LEAST_OCTETS..=MOST_OCTETS).contains(&octets) => Ok(octets as usize),
        _ => {
            Err(Complaint::new(format!("must be {LEAST_OCTETS} to {MOST_OCTETS} bytes")).hint("such as 2048"))
        }
    });
    let max_octets = max_octets.map_or(default, |value| value.value);
    let hostname = optional(section, "hostname", host_name);
    Some(Syslog { to: to?, facility, enterprise, max_octets, hostname })
}

fn login(section: &mut Section<'_, '_>) -> Login {
    let token = optional(section, "token_file", absolute);
    let username = section.read("username", text);
    let password = optional(section, "password_file", absolute);
    match (token, username, password) {
        (None, None, None) => Login::Nobody,
        (Some(file), None, None) => Login::ApiKey(file),
        (None, Some(username), Some(password_file)) => {
            Login::Basic { username: username.value, password_file }
        }
        _ => {
            let complaint = Complaint::new("one login: `token_file`, or `username` with `password_file`");
            let complaint = complaint.hint("take the keys of the other away, or add the one that is missing");
            let at = section.at().clone();
            section.complain(&at, "token_file", complaint);
            Login::Nobody
        }
    }
}

fn tls(section: &mut Section<'_, '_>) -> Tls {
    let ca_file = optional(section, "ca_file", absolute);
    let cert_file = optional(section, "client_cert_file", absolute);
    let key_file = optional(section, "client_key_file", absolute);
    if cert_file.is_some() != key_file.is_some() {
        let complaint = Complaint::new("a client certificate needs its key, and the key its certificate");
        let at = section.at().clone();
        section.complain(&at, "client_cert_file", complaint.hint("give both files, or none"));
    }
    Tls { ca_file, cert_file, key_file, server_name: optional(section, "server_name", text) }
}

fn endpoint(section: &mut Section<'_, '_>, example: &str, default_path: &str) -> Option<Endpoint> {
    let tls = tls(section);
    let timeout = section.read("timeout", |node| at_least(duration(node)?, LEAST_TIMEOUT, "100ms"));
    let timeout = timeout.map_or(TIMEOUT, |value| value.value);
    let timeout = Duration::from_nanos(timeout.as_nanos());
    let parse = |node: &Node| {
        let url = text(node)?;
        let wrong = || {
            let complaint = Complaint::new("is no http or https address (a login does not belong in it)");
            complaint.hint(format!("such as \"{example}\""))
        };
        Endpoint::parse(&url, default_path, tls.clone(), timeout).ok_or_else(wrong)
    };
    let at = section.require("url", &format!("url = \"{example}\""), parse)?;
    let own = |host: &str| matches!(host, "localhost" | "::1") || host.starts_with("127.");
    if at.value.tls.is_none() && !own(&at.value.address.host) {
        let complaint =
            Complaint::new("`url`: without TLS everybody on the way reads the alerts and the token");
        section.warn(&at.at, complaint.hint("use https"));
    }
    let proxy = proxy(section, at.value.tls.is_some());
    Some(Endpoint { proxy, ..at.value })
}

fn proxy(section: &mut Section<'_, '_>, secure: bool) -> Option<Proxy> {
    let address = section.read("proxy", proxy_address);
    let login = section.read("proxy_login_file", absolute);
    if let (None, Some(login)) = (&address, &login) {
        let complaint = Complaint::new("no `proxy` is named to log in to");
        section.complain(&login.at, "proxy_login_file", complaint.hint("add `proxy`, or take this key away"));
    }
    let address = address?;
    if !secure {
        let complaint =
            Complaint::new("the receiver is no https address, and only to such a tunnel is asked for");
        section.complain(&address.at, "proxy", complaint.hint("use https, or take `proxy` away"));
    }
    Some(Proxy { address: address.value, login_file: login.map(|login| login.value) })
}

/// `http://host:port`, or without the scheme.
fn proxy_address(node: &Node) -> Result<Address, Complaint> {
    let address = text(node)?;
    let bare = address.strip_prefix("http://").unwrap_or(&address);
    let wrong = || {
        let complaint = Complaint::new("is no address of an HTTP proxy (a login does not belong in it)");
        complaint.hint("such as \"http://proxy.example.com:3128\", and `proxy_login_file` beside it")
    };
    let parsed = Address::parse(bare.strip_suffix('/').unwrap_or(bare));
    parsed.filter(|address| !address.host.contains(['@', ':']) || bare.starts_with('[')).ok_or_else(wrong)
}

fn optional<T>(
    section: &mut Section<'_, '_>,
    key: &'static str,
    parse: impl Fn(&Node) -> Result<T, Complaint>,
) -> Option<T> {
    section.read(key, parse).map(|value| value.value)
}

pub(super) fn absolute(node: &Node) -> Result<PathBuf, Complaint> {
    let path = text(node)?;
    let wrong = || Complaint::new(format!("`{path}` is no absolute path")).hint("begin with `/`");
    if path.starts_with('/') { Ok(PathBuf::from(path)) } else { Err(wrong()) }
}

fn host_and_port(node: &Node) -> Result<Address, Complaint> {
    let address = text(node)?;
    let wrong = || {
        Complaint::new(format!("`{address}` is no host and port")).hint("such as \"siem.example.com:6514\"")
    };
    Address::parse(&address).ok_or_else(wrong)
}

/// RFC 5424, 6.2.4.
fn host_name(node: &Node) -> Result<String, Complaint> {
    let name = text(node)?;
    let good = name.len() <= 255 && name.bytes().all(|byte| (33..=126).contains(&byte));
    if good {
        Ok(name)
    } else {
        Err(Complaint::new("is no host name of printable ASCII").hint("such as \"mac-17\""))
    }
}

fn count(node: &Node) -> Result<u32, Complaint> {
    match node.kind {
        NodeKind::Integer(number) => {
            u32::try_from(number).map_err(|_| Complaint::new("the number is out of range"))
        }
        _ => Err(expected("an integer", node)),
    }
}
