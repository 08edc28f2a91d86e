//! `[[output]]`: where alerts go.

use crate::model::Span;

use super::diagnostics::Complaint;
use super::section::{Section, boolean, duration, expected, one_of, size, text};
use super::tree::{Kind, Node};

/// How a record is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Format {
    Text,
    Ecs,
    Ocsf,
    Cef,
}

/// How syslog messages travel.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SyslogTransport {
    Udp,
    Tcp,
    Tls,
}

/// One place where records go.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Output {
    pub name: String,
    pub format: Format,
    /// Coverage records too, not only alerts.
    pub coverage: bool,
    pub to: To,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum To {
    Syslog {
        address: String,
        transport: SyslogTransport,
        ca_file: Option<String>,
    },
    File {
        path: String,
        rotate: u64,
        keep: u32,
    },
    Http {
        url: String,
        token_file: Option<String>,
        ca_file: Option<String>,
        timeout: Span,
    },
    SplunkHec {
        url: String,
        token_file: String,
        index: Option<String>,
        ca_file: Option<String>,
        timeout: Span,
    },
    UnifiedLog {
        subsystem: String,
    },
}

#[derive(Clone, Copy)]
enum Type {
    Syslog,
    File,
    Http,
    SplunkHec,
    UnifiedLog,
}

const TYPES: [(&str, Type); 5] = [
    ("syslog", Type::Syslog),
    ("file", Type::File),
    ("http", Type::Http),
    ("splunk-hec", Type::SplunkHec),
    ("unified-log", Type::UnifiedLog),
];

const FORMATS: [(&str, Format); 4] =
    [("text", Format::Text), ("ecs", Format::Ecs), ("ocsf", Format::Ocsf), ("cef", Format::Cef)];

const TRANSPORTS: [(&str, SyslogTransport); 3] =
    [("udp", SyslogTransport::Udp), ("tcp", SyslogTransport::Tcp), ("tls", SyslogTransport::Tls)];

pub(super) fn read(root: &mut Section<'_, '_>) -> Vec<Output> {
    let mut outputs = Vec::new();
    for (table, at) in root.tables("output") {
        let mut section = Section::new("[[output]]", &at, table, root.complaints);
        outputs.extend(output(&mut section));
        section.finish();
    }
    outputs
}

fn output(section: &mut Section<'_, '_>) -> Option<Output> {
    section.node("extend");
    let name = section.read("name", text);
    let hint = "syslog, file, http, splunk-hec or unified-log";
    let kind = section.require("type", hint, one_of(&TYPES))?.value;
    let format = section.read("format", one_of(&FORMATS)).map_or(Format::Ecs, |format| format.value);
    let coverage = section.read("coverage", boolean).is_none_or(|truth| truth.value);
    let to = destination(section, kind)?;
    Some(Output { name: name.map_or_else(String::new, |name| name.value), format, coverage, to })
}

fn destination(section: &mut Section<'_, '_>, kind: Type) -> Option<To> {
    match kind {
        Type::Syslog => {
            let address = section.require("address", "address = \"siem.example.com:6514\"", host_and_port);
            let transport = section.read("transport", one_of(&TRANSPORTS));
            let ca_file = optional(section, "ca_file", absolute);
            let transport = transport.map_or(SyslogTransport::Tls, |value| value.value);
            Some(To::Syslog { address: address?.value, transport, ca_file })
        }
        Type::File => {
            let path = section.require("path", "path = \"/var/log/cloudward/alerts.ndjson\"", absolute);
            let rotate = section.read("rotate", size).map_or(64 << 20, |value| value.value);
            let keep = section.read("keep", count).map_or(5, |value| value.value);
            Some(To::File { path: path?.value, rotate, keep })
        }
        Type::Http => {
            let url = section.require("url", "url = \"https://siem.example.com/ingest\"", url);
            let token_file = optional(section, "token_file", absolute);
            let ca_file = optional(section, "ca_file", absolute);
            Some(To::Http { url: url?.value, token_file, ca_file, timeout: timeout(section) })
        }
        Type::SplunkHec => {
            let url = section.require("url", "url = \"https://splunk.example.com:8088\"", url);
            let hint = "the file that holds the token, readable by root alone";
            let token_file = section.require("token_file", hint, absolute);
            let (index, ca_file) = (optional(section, "index", text), optional(section, "ca_file", absolute));
            let timeout = timeout(section);
            Some(To::SplunkHec { url: url?.value, token_file: token_file?.value, index, ca_file, timeout })
        }
        Type::UnifiedLog => {
            let subsystem = optional(section, "subsystem", text);
            Some(To::UnifiedLog { subsystem: subsystem.unwrap_or_else(|| "cloudward".to_owned()) })
        }
    }
}

fn optional(
    section: &mut Section<'_, '_>,
    key: &'static str,
    parse: impl Fn(&Node) -> Result<String, Complaint>,
) -> Option<String> {
    section.read(key, parse).map(|value| value.value)
}

fn timeout(section: &mut Section<'_, '_>) -> Span {
    section.read("timeout", duration).map_or(Span::from_secs(10), |value| value.value)
}

fn absolute(node: &Node) -> Result<String, Complaint> {
    let path = text(node)?;
    let wrong = || Complaint::new(format!("`{path}` is no absolute path")).hint("begin with `/`");
    if path.starts_with('/') { Ok(path) } else { Err(wrong()) }
}

fn host_and_port(node: &Node) -> Result<String, Complaint> {
    let address = text(node)?;
    let port = address.rsplit_once(':').and_then(|(_, port)| port.parse::<u16>().ok());
    let wrong = || {
        Complaint::new(format!("`{address}` is no host and port")).hint("such as \"siem.example.com:6514\"")
    };
    if port.is_some_and(|port| port > 0) && !address.starts_with(':') { Ok(address) } else { Err(wrong()) }
}

fn url(node: &Node) -> Result<String, Complaint> {
    let url = text(node)?;
    let host = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    let wrong = || Complaint::new(format!("`{url}` is no http or https address"));
    if host.is_some_and(|host| !host.is_empty()) { Ok(url) } else { Err(wrong()) }
}

fn count(node: &Node) -> Result<u32, Complaint> {
    match node.kind {
        Kind::Integer(number) => {
            u32::try_from(number).map_err(|_| Complaint::new("the number is out of range"))
        }
        _ => Err(expected("an integer", node)),
    }
}
