//! A flow as one JSON object on a line.
//!
//! Written by hand: of a long capture this is a good part of all the work, and every value but a few words is a number.

use std::io::{self, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::Service;
use crate::model::{Endpoint, Owner, Timestamp};
use crate::net::FlowSummary;

/// Where lines are put together.
#[derive(Default)]
pub(super) struct Room {
    line: Vec<u8>,
    /// The second that was written last, and how: most flows begin and end in those of others.
    second: Option<(i64, [u8; 30])>,
}

impl Room {
    fn time(&mut self, time: Timestamp) -> [u8; 30] {
        let (second, nanos) = (time.as_nanos().div_euclid(SECOND), time.as_nanos().rem_euclid(SECOND));
        match &mut self.second {
            Some((known, text)) if *known == second => {
                let mut left = nanos as u32;
                for digit in text[20..29].iter_mut().rev() {
                    *digit = b'0' + (left % 10) as u8;
                    left /= 10;
                }
                *text
            }
            _ => {
                let text = time.to_text();
                self.second = Some((second, text));
                text
            }
        }
    }
}

const SECOND: i64 = 1_000_000_000;

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

/// The numbers of a byte in decimal, a dot behind them, and how many digits they have.
const OCTETS: [([u8; 4], usize); 256] = {
    let mut octets = [([b'.'; 4], 0); 256];
    let mut octet = 0;
    while octet < 256 {
        let all = [b'0' + (octet / 100) as u8, b'0' + (octet / 10 % 10) as u8, b'0' + (octet % 10) as u8];
        let skipped = if octet >= 100 { 0 } else { 2 - (octet >= 10) as usize };
        let (digits, len) = &mut octets[octet];
        while *len < 3 - skipped {
            digits[*len] = all[skipped + *len];
            *len += 1;
        }
        octet += 1;
    }
    octets
};

struct Line(Vec<u8>);

impl Line {
    #[inline(always)]
    fn put(&mut self, text: &str) {
        self.0.extend_from_slice(text.as_bytes());
    }

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

    #[inline(always)]
    fn digits(&mut self, number: u64) {
        if number < 10 {
            self.0.push(b'0' + number as u8);
        } else {
            self.put(itoa::Buffer::new().format(number));
        }
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
        match end.ip {
            IpAddr::V4(ip) => {
                self.put("{\"ip\":\"");
                self.ipv4(ip);
            }
            IpAddr::V6(ip) => {
                self.put("{\"ip\":\"");
                self.ipv6(ip)?;
            }
        }
        self.number("\",\"port\":", end.port.into());
        self.0.push(b'}');
        Ok(())
    }

    fn ipv4(&mut self, ip: Ipv4Addr) {
        let (mut text, mut at) = ([0; 16], 0);
        for octet in ip.octets() {
            let (digits, len) = OCTETS[usize::from(octet)];
            text[at..at + 4].copy_from_slice(&digits);
            at += len + 1;
        }
        self.0.extend_from_slice(&text[..at - 1]);
    }

    /// RFC 5952: the longest run of zeros, of two groups at least, is left out.
    fn ipv6(&mut self, ip: Ipv6Addr) -> io::Result<()> {
        if ip.to_ipv4_mapped().is_some() {
            return write!(self.0, "{ip}");
        }
        let groups = ip.segments();
        let (mut gap, mut run) = (0..0, 0..0);
        for (at, group) in groups.iter().enumerate() {
            run = if *group != 0 { at + 1..at + 1 } else { run.start..at + 1 };
            if run.len() > gap.len().max(1) {
                gap = run.clone();
            }
        }
        for (at, group) in groups.iter().enumerate() {
            if gap.contains(&at) {
                if at == gap.start {
                    self.put("::");
                }
                continue;
            }
            if at > 0 && at != gap.end {
                self.put(":");
            }
            let first = (group.leading_zeros() / 4).min(3);
            for shift in (0..4 - first).rev() {
                self.0.push(b"0123456789abcdef"[usize::from(group >> (4 * shift) & 0xf)]);
            }
        }
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
    fn addresses_are_written_as_the_standard_library_does() {
        // Every pattern of zero groups, with groups of one to four digits between.
        for zeros in 0..256u32 {
            let group = |at: u32| if zeros >> at & 1 == 1 { 0 } else { 0xfedc_u16 >> (4 * (at % 4)) };
            let ip = Ipv6Addr::from(std::array::from_fn::<u16, 8, _>(|at| group(at as u32)));
            let mut line = Line(Vec::new());
            line.ipv6(ip).unwrap();
            assert_eq!(String::from_utf8(line.0).unwrap(), ip.to_string());
        }
        for octet in 0..=255 {
            let ip = Ipv4Addr::new(octet, 255 - octet, octet / 2, octet);
            let mut line = Line(Vec::new());
            line.ipv4(ip);
            assert_eq!(String::from_utf8(line.0).unwrap(), ip.to_string());
        }
        let mut line = Line(Vec::new());
        line.ipv6("::ffff:1.2.3.4".parse().unwrap()).unwrap();
        assert_eq!(line.0, b"::ffff:1.2.3.4");
    }

    #[test]
    fn what_needs_escapes_gets_them() {
        let mut line = Line(Vec::new());
        line.string("a \"b\" \\ \u{1}\u{e9}").unwrap();
        assert_eq!(String::from_utf8(line.0).unwrap(), "\"a \\\"b\\\" \\\\ \\u0001\u{e9}\"");
    }
}
