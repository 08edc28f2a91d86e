//! A flow as one JSON object on a line.

use std::io::{self, Write};

use super::Service;
use super::line::{Line, Room};
use crate::model::{Endpoint, Owner};
use crate::net::FlowSummary;

pub(super) fn write(
    flow: &FlowSummary,
    service: Option<Service>,
    room: &mut Room,
    out: &mut impl Write,
) -> io::Result<()> {
    let (service, tenant) = service.map_or((None, None), |(service, tenant)| (Some(service), tenant));
    let hello = flow.hello.as_ref();
    let (start, end) = (room.time(flow.start), room.time(flow.end));
    let mut line = Line(std::mem::take(&mut room.line));
    line.0.clear();
    line.put("{\"start\":\"");
    line.0.extend_from_slice(&start);
    line.put("\",\"end\":\"");
    line.0.extend_from_slice(&end);
    line.plain("\",\"transport\":\"", flow.transport.as_str());
    line.end("\",\"client\":", flow.client)?;
    line.end(",\"server\":", flow.server)?;
    line.process(flow.owner)?;
    match &flow.name {
        // Host names need no escapes.
        Some((name, source, _)) => {
            line.plain(",\"domain\":\"", name.as_str());
            line.plain("\",\"domain_source\":\"", source.as_str());
            line.put("\"");
        }
        None => line.put(",\"domain\":null,\"domain_source\":\"none\""),
    }
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
    room.line = line.0;
    Ok(())
}

impl Line {
    /// A text that needs no escapes, its end quote left out.
    #[inline(always)]
    fn plain(&mut self, before: &str, text: &str) {
        self.put(before);
        self.put(text);
    }

    #[inline(always)]
    fn number(&mut self, before: &str, number: u64) {
        self.put(before);
        self.digits(number);
    }

    /// A string, or null.
    #[inline(always)]
    fn text(&mut self, before: &str, text: Option<&str>) -> io::Result<()> {
        self.put(before);
        match text {
            Some(text) => self.string(text),
            None => {
                self.put("null");
                Ok(())
            }
        }
    }

    fn string(&mut self, text: &str) -> io::Result<()> {
        let is_plain = |byte: &u8| matches!(byte, b' '..=b'~') & (*byte != b'"') & (*byte != b'\\');
        // All are looked at, whatever the first are: a loop without a way out is one over vectors.
        if !text.as_bytes().iter().fold(true, |plain, byte| plain & is_plain(byte)) {
            return Ok(serde_json::to_writer(&mut self.0, text)?);
        }
        self.0.push(b'"');
        self.put(text);
        self.0.push(b'"');
        Ok(())
    }

    #[inline(always)]
    fn end(&mut self, before: &str, end: Endpoint) -> io::Result<()> {
        self.put(before);
        self.put("{\"ip\":\"");
        self.ip(end.ip)?;
        self.number("\",\"port\":", end.port.into());
        self.0.push(b'}');
        Ok(())
    }

    fn process(&mut self, owner: Option<Owner>) -> io::Result<()> {
        let Some(owner) = owner else {
            self.put(",\"process\":null");
            return Ok(());
        };
        write!(self.0, ",\"process\":{{\"pid\":{}", owner.pid.0)?;
        self.text(",\"name\":", Some(&owner.name.to_string()))?;
        match owner.effective {
            Some((pid, name)) => {
                write!(self.0, ",\"effective_pid\":{}", pid.0)?;
                self.text(",\"effective_name\":", Some(&name.to_string()))?;
            }
            None => self.put(",\"effective_pid\":null,\"effective_name\":null"),
        }
        self.0.push(b'}');
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_needs_escapes_gets_them() {
        let mut line = Line(Vec::new());
        line.string("a \"b\" \\ \u{1}\u{e9}").unwrap();
        assert_eq!(String::from_utf8(line.0).unwrap(), "\"a \\\"b\\\" \\\\ \\u0001\u{e9}\"");
    }
}
