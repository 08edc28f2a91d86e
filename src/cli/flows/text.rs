//! A flow as one aligned line for people.

use std::io::{self, Write};

use super::Service;
use crate::model::{Endpoint, NameSource, UnknownName};
use crate::net::FlowSummary;

/// The TLS version as people write it.
pub(super) fn version(number: u16) -> Option<&'static str> {
    match number {
        0x0304 => Some("1.3"),
        0x0303 => Some("1.2"),
        0x0302 => Some("1.1"),
        0x0301 => Some("1.0"),
        0x0300 => Some("ssl3"),
        0x0002 => Some("ssl2"),
        _ => None,
    }
}

pub(super) fn header(out: &mut impl Write) -> io::Result<()> {
    writeln!(
        out,
        "{:<30}  {:<4}  {:<22}  {:<28}  {:<24}  {:>12}  {:>12}  DOMAIN",
        "START", "KIND", "PROCESS", "CLIENT", "SERVER", "OUT", "IN"
    )
}

pub(super) fn write(flow: &FlowSummary, service: Option<Service>, out: &mut impl Write) -> io::Result<()> {
    let process = match flow.owner {
        Some(owner) => match owner.effective {
            Some((pid, name)) => format!("{}({}) for {}({})", owner.name, owner.pid.0, name, pid.0),
            None => format!("{}({})", owner.name, owner.pid.0),
        },
        None => "-".to_owned(),
    };
    writeln!(
        out,
        "{}  {:<4}  {:<22}  {:<28}  {:<24}  {:>12}  {:>12}  {}",
        flow.start,
        flow.transport.as_str(),
        process,
        end(flow.client),
        end(flow.server),
        flow.bytes_out,
        flow.bytes_in,
        domain(flow, service),
    )
}

fn end(end: Endpoint) -> String {
    std::net::SocketAddr::new(end.ip, end.port).to_string()
}

fn domain(flow: &FlowSummary, service: Option<Service>) -> String {
    let mut text = match &flow.name {
        Some((name, source, _)) => match source {
            NameSource::TlsSni | NameSource::QuicSni => name.to_string(),
            NameSource::Dns | NameSource::DnsCname => format!("{name} (by DNS)"),
        },
        None => match flow.nameless {
            Some(UnknownName::NoServerName) => "- (TLS without a name)".to_owned(),
            Some(UnknownName::Unread) => "- (handshake not read)".to_owned(),
            Some(UnknownName::PeerToPeer) => "- (peer to peer)".to_owned(),
            Some(UnknownName::Nearby) => "- (a device nearby)".to_owned(),
            _ => "-".to_owned(),
        },
    };
    if flow.hello.as_ref().is_some_and(|hello| hello.ech) {
        text.push_str(" (outer name, the real one is encrypted)");
    }
    if flow.nameless == Some(UnknownName::Relay) {
        text.push_str(" (a relay, which hides the destination)");
    }
    if let Some(by_dns) = &flow.disputed {
        text.push_str(&format!(" (DNS was asked for {by_dns})"));
    }
    if let Some((service, tenant)) = service {
        let tenant = tenant.map_or_else(String::new, |tenant| format!("/{tenant}"));
        text.push_str(&format!(" [{service}{tenant}]"));
    }
    text
}
