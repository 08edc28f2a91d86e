//! Numbers as nearly all are written: digits alone, eight of them read at once.

const EACH: u64 = 0x0101_0101_0101_0101;
const STEP: usize = 8;

/// How many of eight bytes are digits, from the first one on.
#[inline]
fn digits_of(eight: u64) -> usize {
    // Without the bits of `0` a digit is below ten, and one that is not carries into the highest bit of its byte. What it
    // may carry into the bytes behind it does not matter: the first such byte ends the number.
    let bare = eight ^ (EACH * 0x30);
    let ends = (bare | bare.wrapping_add(EACH * 0x76)) & (EACH * 0x80);
    ends.trailing_zeros() as usize / 8
}

/// What eight digits come to. A byte of zero counts as one.
#[inline]
fn eight_digits(eight: u64) -> u64 {
    let ones = eight & (EACH * 0x0f);
    let pairs = (ones.wrapping_mul(10) + (ones >> 8)) & 0x00ff_00ff_00ff_00ff;
    let fours = (pairs.wrapping_mul(100) + (pairs >> 16)) & 0x0000_ffff_0000_ffff;
    (fours.wrapping_mul(10_000) + (fours >> 32)) & 0xffff_ffff
}

/// A whole number without a sign that surely fits, as nearly all are, and how many digits it has.
#[inline(always)]
pub(super) fn leading_digits(text: &[u8]) -> Option<(u64, usize)> {
    let Some(eight) = text.first_chunk() else { return further_digits(text, 0, 0) };
    let eight = u64::from_le_bytes(*eight);
    match digits_of(eight) {
        0 => None,
        STEP => further_digits(text, eight_digits(eight), STEP),
        // Zeros come before the digits, in place of what stands behind them.
        digits => ends((eight >> (8 * digits)) as u8)
            .then(|| (eight_digits(eight << (8 * (STEP - digits))), digits)),
    }
}

/// The same, of a text whose first digits, so many, come to `value`.
fn further_digits(text: &[u8], mut value: u64, mut length: usize) -> Option<(u64, usize)> {
    /// So many digits always fit.
    const MAX: usize = 19;
    for byte in text.get(length..)? {
        if !byte.is_ascii_digit() {
            return (ends(*byte) && (1..=MAX).contains(&length)).then_some((value, length));
        }
        value = value.wrapping_mul(10).wrapping_add(u64::from(byte - b'0'));
        length += 1;
    }
    None
}

/// Does this byte end a number?
#[inline]
fn ends(byte: u8) -> bool {
    matches!(byte, b',' | b'}' | b']')
}

/// How many digits `text` begins with.
#[inline]
pub(super) fn count_digits(text: &[u8]) -> usize {
    let mut rest = text;
    while let Some((eight, further)) = rest.split_first_chunk::<STEP>() {
        let digits = digits_of(u64::from_le_bytes(*eight));
        if digits < STEP {
            return text.len() - rest.len() + digits;
        }
        rest = further;
    }
    text.len() - rest.len() + rest.iter().take_while(|byte| byte.is_ascii_digit()).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_read_as_the_number_they_are() {
        let mut number = 1u64;
        for length in 1..=19usize {
            number = number * 10 / 11 * 10 / 9 + 7;
            let digits = format!("{number:0length$}");
            let digits = &digits[digits.len() - length..];
            let value = digits.parse().unwrap();
            for behind in [",", "}", "]", ",\"st_gen\":0}", "},,,,,,,,,,", ",99999999", "]~~~~~~~~\u{ff}"] {
                let text = format!("{digits}{behind}");
                assert_eq!(leading_digits(text.as_bytes()), Some((value, length)), "{text}");
                assert_eq!(count_digits(text.as_bytes()), length);
            }
            number = number.wrapping_mul(9) % 10u64.pow(length as u32).max(11);
        }
    }

    #[test]
    fn every_byte_but_a_digit_ends_a_number() {
        for before in 0..20 {
            for byte in 0..=u8::MAX {
                let text = [&b"12345678901234567890"[..before], &[byte], &b"0,}]0000000"[..]].concat();
                let slow = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
                assert_eq!(count_digits(&text), slow);
                let ends = matches!(text.get(slow), Some(b',' | b'}' | b']'));
                let meant = (ends && (1..=19).contains(&slow))
                    .then(|| (std::str::from_utf8(&text[..slow]).unwrap().parse().unwrap(), slow));
                assert_eq!(leading_digits(&text), meant, "{before} {byte}");
            }
        }
    }

    #[test]
    fn what_surely_fits_is_read_and_no_more() {
        assert_eq!(leading_digits(b"9999999999999999999,"), Some((9_999_999_999_999_999_999, 19)));
        for text in
            ["", ",", "1", "12345678", "10000000000000000000,", "1.5,", "-1,", "1e5,", "1 ,", "12345678.0,"]
        {
            assert_eq!(leading_digits(text.as_bytes()), None, "{text}");
        }
    }
}
