//! JA4, the TLS client fingerprint (FoxIO, `technical_details/JA4.md`; the method is under the BSD licence).

use std::fmt::Write;

use sha2::{Digest, Sha256};

use super::hello::Hello;

/// Extensions that name the destination and are left out of the hash: server_name and ALPN.
const NAMING: [u16; 2] = [0, 16];

/// `t` for TLS over TCP, `q` for QUIC, `d` for DTLS.
pub(super) fn fingerprint(hello: &Hello, transport: char) -> Box<str> {
    let mut text = String::with_capacity(40);
    let named = if hello.has_server_name { 'd' } else { 'i' };
    let (ciphers, extensions) = (hello.ciphers.len().min(99), hello.extensions.len().min(99));
    let version = version(hello.version);
    let _ = write!(text, "{transport}{version}{named}{ciphers:02}{extensions:02}");
    alpn(hello.alpn_ends, &mut text);
    text.push('_');
    let mut sorted = hello.ciphers.clone();
    sorted.sort_unstable();
    digest(&list(&sorted), &mut text);
    text.push('_');
    let mut sorted: Vec<u16> =
        hello.extensions.iter().copied().filter(|kind| !NAMING.contains(kind)).collect();
    sorted.sort_unstable();
    let mut described = list(&sorted);
    if !hello.signature_algorithms.is_empty() && !described.is_empty() {
        described.push('_');
        described.push_str(&list(&hello.signature_algorithms));
    }
    digest(&described, &mut text);
    text.into_boxed_str()
}

fn version(version: u16) -> &'static str {
    match version {
        0x0304 => "13",
        0x0303 => "12",
        0x0302 => "11",
        0x0301 => "10",
        0x0300 => "s3",
        0x0002 => "s2",
        _ => "00",
    }
}

/// First and last character of the first protocol; of their hexadecimal form if either is not alphanumeric.
fn alpn(ends: Option<(u8, u8)>, text: &mut String) {
    match ends {
        None => text.push_str("00"),
        Some((first, last)) if first.is_ascii_alphanumeric() && last.is_ascii_alphanumeric() => {
            text.extend([char::from(first), char::from(last)]);
        }
        Some((first, last)) => {
            let _ = write!(text, "{:x}{:x}", first >> 4, last & 0x0f);
        }
    }
}

fn list(values: &[u16]) -> String {
    let mut text = String::with_capacity(values.len() * 5);
    for value in values {
        for shift in [12, 8, 4, 0] {
            text.push(char::from_digit(u32::from(value >> shift & 0xf), 16).unwrap_or_default());
        }
        text.push(',');
    }
    text.pop();
    text
}

/// The first twelve hexadecimal digits of the SHA-256; zeros for an empty list.
fn digest(described: &str, text: &mut String) {
    if described.is_empty() {
        return text.push_str("000000000000");
    }
    for byte in &Sha256::digest(described.as_bytes())[..6] {
        let _ = write!(text, "{byte:02x}");
    }
}
