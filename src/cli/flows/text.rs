//! A flow as one aligned line for people.

use std::io::{self, Write};

use super::Service;
use super::line::{Line, Room};
use crate::model::{Endpoint, NameSource, Owner, UnknownName};
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

pub(super) fn write(
    flow: &FlowSummary,
    service: Option<Service>,
    room: &mut Room,
    out: &mut impl Write,
) -> io::Result<()> {
    let start = room.time(flow.start);
    let mut line = Line(std::mem::take(&mut room.line));
    line.0.clear();
    line.0.extend_from_slice(&start);
    column(&mut line, 4, |line| {
        line.put(flow.transport.as_str());
        Ok(())
    })?;
    column(&mut line, 22, |line| process(line, flow.owner))?;
    column(&mut line, 28, |line| end(line, flow.client))?;
    column(&mut line, 24, |line| end(line, flow.server))?;
    number(&mut line, flow.bytes_out);
    number(&mut line, flow.bytes_in);
    line.put("  ");
    domain(&mut line, flow, service)?;
    line.0.push(b'\n');
    out.write_all(&line.0)?;
    room.line = line.0;
    Ok(())
}

/// Two spaces, and a text of this many characters at least.
#[inline(always)]
fn column(line: &mut Line, width: usize, text: impl FnOnce(&mut Line) -> io::Result<()>) -> io::Result<()> {
    line.put("  ");
    let start = line.0.len();
    text(line)?;
    // Every character has one byte that continues none before it.
    let written = line.0.get(start..).unwrap_or_default();
    let chars = written.iter().filter(|byte| **byte & 0xc0 != 0x80).count();
    line.0.resize(line.0.len() + width.saturating_sub(chars), b' ');
    Ok(())
}

/// Two spaces, and a number that ends twelve characters behind them.
fn number(line: &mut Line, number: u64) {
    const WIDTH: usize = 12;
    let mut digits = itoa::Buffer::new();
    let digits = digits.format(number);
    line.0.resize(line.0.len() + 2 + WIDTH.saturating_sub(digits.len()), b' ');
    line.put(digits);
}

fn process(line: &mut Line, owner: Option<Owner>) -> io::Result<()> {
    let Some(owner) = owner else {
        line.put("-");
        return Ok(());
    };
    write!(line.0, "{}({})", owner.name, owner.pid.0)?;
    match owner.effective {
        Some((pid, name)) => write!(line.0, " for {}({})", name, pid.0),
        None => Ok(()),
    }
}

/// As `SocketAddr` is written.
fn end(line: &mut Line, end: Endpoint) -> io::Result<()> {
    let brackets = end.ip.is_ipv6();
    line.put(if brackets { "[" } else { "" });
    line.ip(end.ip)?;
    line.put(if brackets { "]:" } else { ":" });
    line.digits(end.port.into());
    Ok(())
}

fn domain(line: &mut Line, flow: &FlowSummary, service: Option<Service>) -> io::Result<()> {
    match &flow.name {
        Some((name, source, _)) => {
            line.put(name.as_str());
            line.put(match source {
                NameSource::TlsSni | NameSource::QuicSni => "",
                NameSource::Dns | NameSource::DnsCname => " (by DNS)",
            });
        }
        None => line.put(match flow.nameless {
            Some(UnknownName::NoServerName) => "- (TLS without a name)",
            Some(UnknownName::Unread) => "- (handshake not read)",
            Some(UnknownName::PeerToPeer) => "- (peer to peer)",
            Some(UnknownName::Nearby) => "- (a device nearby)",
            _ => "-",
        }),
    }
    if flow.hello.as_ref().is_some_and(|hello| hello.ech) {
        line.put(" (outer name, the real one is encrypted)");
    }
    if flow.nameless == Some(UnknownName::Relay) {
        line.put(" (a relay, which hides the destination)");
    }
    if let Some(by_dns) = &flow.disputed {
        write!(line.0, " (DNS was asked for {by_dns})")?;
    }
    if let Some((service, tenant)) = service {
        line.put(" [");
        line.put(&service);
        if let Some(tenant) = tenant {
            line.put("/");
            line.put(&tenant);
        }
        line.put("]");
    }
    Ok(())
}
