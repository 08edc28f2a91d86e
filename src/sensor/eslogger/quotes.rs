//! Finds where strings end.

use memchr::{memchr, memchr_iter, memchr3};

/// Whether `body`, which stops before a `}`, ends outside any string and opens nothing.
pub(super) fn is_flat(body: &[u8]) -> bool {
    memchr3(b'{', b'[', b'\\', body).is_none() && memchr_iter(b'"', body).count().is_multiple_of(2)
}

/// Where the string that `body` begins inside of ends: the first quote with an even number of backslashes before it.
#[inline]
pub(super) fn closing_quote(body: &[u8]) -> Option<usize> {
    closing_quote_from(body, quote(body)?)
}

/// The same, by whom the first quote was found already.
#[inline]
pub(super) fn closing_quote_from(body: &[u8], at: usize) -> Option<usize> {
    match at.checked_sub(1).and_then(|before| body.get(before)) {
        Some(b'\\') => closing_quote_after_escapes(body, at),
        _ => Some(at),
    }
}

/// `at` is the first quote, and a backslash stands before it.
#[cold]
fn closing_quote_after_escapes(body: &[u8], mut at: usize) -> Option<usize> {
    loop {
        let slashes = body.get(..at)?.iter().rev().take_while(|byte| **byte == b'\\').count();
        if slashes.is_multiple_of(2) {
            return Some(at);
        }
        at += 1 + quote(body.get(at + 1..)?)?;
    }
}

/// The first quote. Most strings are keys of a few bytes, for which a call would cost more than the search: the first
/// ones are compared eight at a time.
#[inline]
fn quote(body: &[u8]) -> Option<usize> {
    let mut rest = body;
    for round in 0..NEAR {
        let Some((eight, further)) = rest.split_first_chunk::<8>() else { break };
        if let Some(at) = first_of_eight(*eight, b'"') {
            return Some(round * 8 + at);
        }
        rest = further;
    }
    memchr(b'"', rest).map(|at| at + (body.len() - rest.len()))
}

/// Where the byte stands first among eight.
#[inline]
pub(super) fn first_of_eight(eight: [u8; 8], byte: u8) -> Option<usize> {
    const EACH: u64 = 0x0101_0101_0101_0101;
    // Zero where the byte is; the lowest byte that borrows is the first zero.
    let differs = u64::from_le_bytes(eight) ^ (EACH * u64::from(byte));
    let found = differs.wrapping_sub(EACH) & !differs & (EACH << 7);
    (found != 0).then(|| found.trailing_zeros() as usize / 8)
}

/// Rounds of eight bytes before the search is left to `memchr`.
const NEAR: usize = 3;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quote_is_found_wherever_it_stands() {
        for len in 0..70 {
            let plain = "#!\u{A2}x\0".repeat(len);
            let plain = plain.as_bytes().get(..len).unwrap();
            assert_eq!(quote(plain), None);
            assert_eq!(quote(&[plain, b"\"\""].concat()), Some(len));
        }
    }

    #[test]
    fn escaped_quotes_do_not_close() {
        for (body, at) in [
            (r#"""#, Some(0)),
            (r#"\"""#, Some(2)),
            (r#"\\"""#, Some(2)),
            (r#"\\\"x""#, Some(5)),
            (r#"a\"b\"c"#, None),
            ("", None),
        ] {
            assert_eq!(closing_quote(body.as_bytes()), at, "{body}");
        }
    }

    #[test]
    fn flat_or_not() {
        for (body, flat) in [
            (r#""a":1,"b":"x""#, true),
            (r#""a":"x"#, false),
            (r#""a":{"b":1"#, false),
            (r#""a":"\"""#, false),
        ] {
            assert_eq!(is_flat(body.as_bytes()), flat, "{body}");
        }
    }
}
