//! A flow as one JSON object on a line.

use std::io::{self, Write};
use std::sync::Arc;

use serde::Serialize;

use crate::model::{Endpoint, NameSource, Owner};
use crate::net::FlowSummary;

#[derive(Serialize)]
struct Line<'a> {
    start: String,
    end: String,
    transport: &'static str,
    client: End,
    server: End,
    process: Option<Process>,
    domain: Option<&'a str>,
    domain_source: &'static str,
    tls_version: Option<&'static str>,
    alpn: &'a [Box<str>],
    ech: bool,
    ja4: Option<&'a str>,
    service: Option<&'a str>,
    tenant: Option<&'a str>,
    bytes_out: u64,
    bytes_in: u64,
    packets_out: u64,
    packets_in: u64,
    interface: Option<&'a str>,
}

#[derive(Serialize)]
struct End {
    ip: String,
    port: u16,
}

#[derive(Serialize)]
struct Process {
    pid: i32,
    name: String,
    effective_pid: Option<i32>,
    effective_name: Option<String>,
}

impl From<Endpoint> for End {
    fn from(end: Endpoint) -> Self {
        Self { ip: end.ip.to_string(), port: end.port }
    }
}

impl From<Owner> for Process {
    fn from(owner: Owner) -> Self {
        Self {
            pid: owner.pid.0,
            name: owner.name.to_string(),
            effective_pid: owner.effective.map(|(pid, _)| pid.0),
            effective_name: owner.effective.map(|(_, name)| name.to_string()),
        }
    }
}

pub(super) fn write(
    flow: &FlowSummary,
    service: Option<(Arc<str>, Option<Arc<str>>)>,
    out: &mut impl Write,
) -> io::Result<()> {
    let (service, tenant) = service.map_or((None, None), |(service, tenant)| (Some(service), tenant));
    let hello = flow.hello.as_ref();
    let line = Line {
        start: flow.start.to_string(),
        end: flow.end.to_string(),
        transport: flow.transport.as_str(),
        client: flow.client.into(),
        server: flow.server.into(),
        process: flow.owner.map(Process::from),
        domain: flow.name.as_ref().map(|(name, ..)| name.as_str()),
        domain_source: flow.name.as_ref().map_or("none", |(_, source, _)| NameSource::as_str(*source)),
        tls_version: hello.and_then(|hello| super::text::version(hello.version)),
        alpn: hello.map_or(&[], |hello| &hello.alpn),
        ech: hello.is_some_and(|hello| hello.ech),
        ja4: hello.and_then(|hello| hello.ja4.as_deref()),
        service: service.as_deref(),
        tenant: tenant.as_deref(),
        bytes_out: flow.bytes_out,
        bytes_in: flow.bytes_in,
        packets_out: flow.packets_out,
        packets_in: flow.packets_in,
        interface: flow.interface.as_deref(),
    };
    serde_json::to_writer(&mut *out, &line)?;
    out.write_all(b"\n")
}
