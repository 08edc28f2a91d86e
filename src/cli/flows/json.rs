//! A flow as one JSON object on a line.
//!
//! Written by hand: of a long capture this is a good part of all the work, and every value but a few words is a number.

use std::io::{self, Write};
use std::net::IpAddr;

use super::Service;
use crate::model::{Endpoint, NameSource, Owner};
use crate::net::FlowSummary;

/// `room`: where the line is put together.
pub(super) fn write(
    flow: &FlowSummary,
    service: Option<Service>,
    room: &mut Vec<u8>,
    out: &mut impl Write,
) -> io::Result<()> {
    let (service, tenant) = service.map_or((None, None), |(service, tenant)| (Some(service), tenant));
    let hello = flow.hello.as_ref();
    let mut line = Line(std::mem::take(room));
    line.0.clear();
    line.0.push(b'{');
    line.show("\"start\":\"", &flow.start)?;
    line.show("\",\"end\":\"", &flow.end)?;
    line.text("\",\"transport\":", Some(flow.transport.as_str()))?;
    line.end(",\"client\":", flow.client)?;
    line.end(",\"server\":", flow.server)?;
    line.process(flow.owner)?;
    line.text(",\"domain\":", flow.name.as_ref().map(|(name, ..)| name.as_str()))?;
    let source = flow.name.as_ref().map_or("none", |(_, source, _)| NameSource::as_str(*source));
    line.text(",\"domain_source\":", Some(source))?;
    line.text(",\"tls_version\":", hello.and_then(|hello| super::text::version(hello.version)))?;
    line.put(",\"alpn\":[");
    for (index, alpn) in hello.map_or(&[][..], |hello| &hello.alpn).iter().enumerate() {
        line.text(if index == 0 { "" } else { "," }, Some(alpn))?;
    }
    line.put(if hello.is_some_and(|hello| hello.ech) { "],\"ech\":true" } else { "],\"ech\":false" });
    line.text(",\"ja4\":", hello.and_then(|hello| hello.ja4.as_deref()))?;
    line.text(",\"service\":", service.as_deref())?;
    line.text(",\"tenant\":", tenant.as_deref())?;
    line.number(",\"bytes_out\":", flow.bytes_out);
    line.number(",\"bytes_in\":", flow.bytes_in);
    line.number(",\"packets_out\":", flow.packets_out);
    line.number(",\"packets_in\":", flow.packets_in);
    line.text(",\"interface\":", flow.interface.as_deref())?;
    line.put("}\n");
    out.write_all(&line.0)?;
    *room = line.0;
    Ok(())
}

struct Line(Vec<u8>);

impl Line {
    fn put(&mut self, text: &str) {
        self.0.extend_from_slice(text.as_bytes());
    }

    /// A value whose text needs no escapes.
    fn show(&mut self, before: &str, value: &impl std::fmt::Display) -> io::Result<()> {
        self.put(before);
        write!(self.0, "{value}")
    }

    fn number(&mut self, before: &str, mut number: u64) {
        let mut digits = [0; 20];
        let mut at = digits.len();
        loop {
            at -= 1;
            digits[at] = b'0' + (number % 10) as u8;
            number /= 10;
            if number == 0 {
                break;
            }
        }
        self.put(before);
        self.0.extend_from_slice(&digits[at..]);
    }

    /// A string, or null.
    fn text(&mut self, before: &str, text: Option<&str>) -> io::Result<()> {
        self.put(before);
        let Some(text) = text else {
            self.put("null");
            return Ok(());
        };
        let is_plain = text.bytes().all(|byte| matches!(byte, b' '..=b'~') && byte != b'"' && byte != b'\\');
        if !is_plain {
            return Ok(serde_json::to_writer(&mut self.0, text)?);
        }
        self.0.push(b'"');
        self.put(text);
        self.0.push(b'"');
        Ok(())
    }

    fn end(&mut self, before: &str, end: Endpoint) -> io::Result<()> {
        self.put(before);
        match end.ip {
            IpAddr::V4(ip) => {
                let [a, b, c, d] = ip.octets();
                self.number("{\"ip\":\"", a.into());
                [b, c, d].into_iter().for_each(|octet| self.number(".", octet.into()));
            }
            IpAddr::V6(ip) => self.show("{\"ip\":\"", &ip)?,
        }
        self.number("\",\"port\":", end.port.into());
        self.0.push(b'}');
        Ok(())
    }

    fn process(&mut self, owner: Option<Owner>) -> io::Result<()> {
        let Some(owner) = owner else {
            self.put(",\"process\":null");
            return Ok(());
        };
        self.show(",\"process\":{\"pid\":", &owner.pid.0)?;
        self.text(",\"name\":", Some(&owner.name.to_string()))?;
        match owner.effective {
            Some((pid, name)) => {
                self.show(",\"effective_pid\":", &pid.0)?;
                self.text(",\"effective_name\":", Some(&name.to_string()))?;
            }
            None => self.put(",\"effective_pid\":null,\"effective_name\":null"),
        }
        self.0.push(b'}');
        Ok(())
    }
}
