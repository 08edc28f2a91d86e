//! A line that is put together by hand: of a long capture writing is a good part of all the work, and the formatting
//! machinery costs ten times as much.

use std::io::{self, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::model::Timestamp;

/// Where lines are put together.
#[derive(Default)]
pub(super) struct Room {
    pub(super) line: Vec<u8>,
    /// The second that was written last, and how: most flows begin and end in those of others.
    second: Option<(i64, [u8; 30])>,
}

impl Room {
    pub(super) fn time(&mut self, time: Timestamp) -> [u8; 30] {
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

pub(super) struct Line(pub(super) Vec<u8>);

impl Line {
    #[inline(always)]
    pub(super) fn put(&mut self, text: &str) {
        self.0.extend_from_slice(text.as_bytes());
    }

    #[inline(always)]
    pub(super) fn digits(&mut self, number: u64) {
        if number < 10 {
            self.0.push(b'0' + number as u8);
        } else {
            self.put(itoa::Buffer::new().format(number));
        }
    }

    pub(super) fn ip(&mut self, ip: IpAddr) -> io::Result<()> {
        match ip {
            IpAddr::V4(ip) => {
                self.ipv4(ip);
                Ok(())
            }
            IpAddr::V6(ip) => self.ipv6(ip),
        }
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
}
