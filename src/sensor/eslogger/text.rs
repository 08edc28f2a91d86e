//! JSON strings, borrowed from the line they stand in.

use memchr::{memchr, memchr_iter};

use super::quotes::first_of_eight;

/// What stands between the quotes of a JSON string, escapes and all.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Text<'a>(pub(super) &'a [u8]);

impl<'a> Text<'a> {
    /// The bytes that are meant: the line's own where nothing is escaped, else unescaped into `scratch`.
    ///
    /// Nothing fails here, because file names on disk may hold any bytes: raw ones pass as they are, an escape that
    /// JSON does not know gives U+FFFD, and so does half of a surrogate pair.
    pub(super) fn bytes<'s>(self, scratch: &'s mut Vec<u8>) -> &'s [u8]
    where
        'a: 's,
    {
        match memchr(b'\\', self.0) {
            None => self.0,
            Some(first) => {
                if let Some(length) = unescape_slashes(self.0, scratch) {
                    return scratch.get(..length).unwrap_or_default();
                }
                scratch.clear();
                unescape(self.0, first, scratch);
                scratch
            }
        }
    }

    /// As text for people: invalid UTF-8 becomes U+FFFD.
    pub(super) fn boxed_str(self, scratch: &mut Vec<u8>) -> Box<str> {
        String::from_utf8_lossy(self.bytes(scratch)).into_owned().into_boxed_str()
    }
}

/// Paths have a slash every ten bytes, and nothing else in them is escaped: such a text is undone eight bytes at a time, to
/// the front of `out`, and its length returned. `None` at any other escape.
#[inline]
fn unescape_slashes(raw: &[u8], out: &mut Vec<u8>) -> Option<usize> {
    const STEP: usize = 8;
    if out.len() < raw.len() + STEP {
        out.resize(raw.len() + STEP, 0);
    }
    let (mut from, mut to) = (0, 0);
    while let Some(step) = raw.get(from..).and_then(|rest| rest.first_chunk::<STEP>()) {
        out.get_mut(to..to + STEP)?.copy_from_slice(step);
        let plain = first_of_eight(*step, b'\\').unwrap_or(STEP);
        (from, to) = (from + plain, to + plain);
        if plain < STEP {
            *out.get_mut(to)? = *raw.get(from + 1).filter(|byte| **byte == b'/')?;
            (from, to) = (from + 2, to + 1);
        }
    }
    let mut rest = raw.get(from..)?.iter();
    while let Some(byte) = rest.next() {
        *out.get_mut(to)? = match byte {
            b'\\' => *rest.next().filter(|byte| **byte == b'/')?,
            byte => *byte,
        };
        to += 1;
    }
    Some(to)
}

/// `first` is where the first backslash of `raw` stands.
fn unescape(raw: &[u8], first: usize, out: &mut Vec<u8>) {
    let (plain, escaped) = raw.split_at(first);
    out.extend_from_slice(plain);
    let mut done = 0;
    for at in memchr_iter(b'\\', escaped) {
        // A backslash that an escape holds begins none.
        let Some(plain) = escaped.get(done..at) else { continue };
        out.extend_from_slice(plain);
        done = escaped.len() - one_escape(&escaped[at..], out).len();
    }
    out.extend_from_slice(&escaped[done..]);
}

const REPLACEMENT: char = char::REPLACEMENT_CHARACTER;

/// Undoes the escape at the start of `escape` (its backslash included) and returns what follows it.
#[inline]
fn one_escape<'a>(escape: &'a [u8], out: &mut Vec<u8>) -> &'a [u8] {
    let byte = match escape {
        [_, b'/', ..] => b'/',
        [_, b'"', ..] => b'"',
        [_, b'\\', ..] => b'\\',
        [_, b'n', ..] => b'\n',
        [_, b't', ..] => b'\t',
        [_, b'r', ..] => b'\r',
        [_, b'b', ..] => 0x08,
        [_, b'f', ..] => 0x0C,
        [_, b'u', digits @ ..] => return unicode(digits, out),
        [_, _, rest @ ..] => {
            push_char(REPLACEMENT, out);
            return rest;
        }
        _ => {
            push_char(REPLACEMENT, out);
            return &[];
        }
    };
    out.push(byte);
    escape.get(2..).unwrap_or_default()
}

/// `digits` begins behind `\u`.
fn unicode<'a>(digits: &'a [u8], out: &mut Vec<u8>) -> &'a [u8] {
    let Some((high, rest)) = hex4(digits) else {
        push_char(REPLACEMENT, out);
        return digits;
    };
    if let (0xD800..=0xDBFF, [b'\\', b'u', low @ ..]) = (high, rest)
        && let Some((low @ 0xDC00..=0xDFFF, rest)) = hex4(low)
    {
        let code = 0x1_0000 + ((high - 0xD800) << 10) + (low - 0xDC00);
        push_char(char::from_u32(code).unwrap_or(REPLACEMENT), out);
        return rest;
    }
    push_char(char::from_u32(high).unwrap_or(REPLACEMENT), out);
    rest
}

fn hex4(digits: &[u8]) -> Option<(u32, &[u8])> {
    let (four, rest) = digits.split_first_chunk::<4>()?;
    let value =
        four.iter().try_fold(0u32, |value, digit| Some(value << 4 | (*digit as char).to_digit(16)?))?;
    Some((value, rest))
}

fn push_char(c: char, out: &mut Vec<u8>) {
    out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(raw: &str, meant: &str) {
        assert_eq!(Text(raw.as_bytes()).bytes(&mut Vec::new()), meant.as_bytes(), "{raw}");
    }

    #[test]
    fn escapes_are_undone() {
        check("plain", "plain");
        check(r"\/private\/tmp\/a b", "/private/tmp/a b");
        check(r"\/Users\/al\/Library\/a long name.txt\/", "/Users/al/Library/a long name.txt/");
        check(r#"\/Users\/al\/Library\/a long \"name\"\/"#, "/Users/al/Library/a long \"name\"/");
        check(r"\/\/\/\/\/\/\/\/\/", "/////////");
        check(r#"a\"b\\c\n\t\r\b\f"#, "a\"b\\c\n\t\r\u{8}\u{c}");
        check(r"\u0041\u00e9\u20AC", "Aé€");
        check(r"\ud83d\ude00!", "😀!");
        check(r"\u0000", "\0");
        check(r"\\/", r"\/");
    }

    #[test]
    fn what_is_no_escape_is_replaced_not_refused() {
        check(r"\x41", "\u{FFFD}41");
        check(r"\u12", "\u{FFFD}12");
        check(r"\ud83d", "\u{FFFD}");
        check(r"\ud83d\ud83d\ude00", "\u{FFFD}😀");
        check(r"\ude00", "\u{FFFD}");
        check(r"end\", "end\u{FFFD}");
    }

    #[test]
    fn raw_bytes_pass() {
        assert_eq!(Text(b"\xff\\/\xc3").bytes(&mut Vec::new()), b"\xff/\xc3");
    }
}
