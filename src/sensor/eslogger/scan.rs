//! A pull scanner over the bytes of one JSON object: finds the fields that are asked for, in whatever order they come,
//! and steps over the rest without looking inside.
//!
//! It does not validate what it steps over; what it returns is what a validating parser would return on valid JSON
//! (`tests/eslogger/` compares the two). On anything else it gives a [`Fault`] or a harmless value, and never panics.
//! Stepping over a value takes constant memory at any depth, so no nesting that a program chooses for itself (its
//! entitlements are part of its exec event) can make its line unreadable.

use memchr::memchr;

use super::quotes::{closing_quote, is_flat};
use super::text::Text;

/// Why a line cannot be read on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Fault {
    /// The line ends inside a value.
    Ended,
    /// Something else stands where JSON wants a key, a colon or a value.
    Malformed,
}

pub(super) type Scan<T> = Result<T, Fault>;

#[derive(Clone, Copy, Debug)]
pub(super) struct Scanner<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Scanner<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    pub(super) fn starting_at(bytes: &'a [u8], at: usize) -> Self {
        Self { bytes, at }
    }

    /// Offset of the next unread byte.
    pub(super) fn at(&self) -> usize {
        self.at
    }

    /// The first byte of the next token.
    #[inline]
    pub(super) fn peek(&mut self) -> Scan<u8> {
        loop {
            match self.bytes.get(self.at) {
                None => return Err(Fault::Ended),
                Some(b' ' | b'\t' | b'\r' | b'\n') => self.at += 1,
                Some(byte) => return Ok(*byte),
            }
        }
    }

    /// Enters an object. Anything else (`null` above all) is stepped over, and the answer is `false`.
    #[inline]
    fn enter_object(&mut self) -> Scan<bool> {
        self.enter(b'{')
    }

    /// Enters an array, or steps over what is none.
    #[inline]
    pub(super) fn enter_array(&mut self) -> Scan<bool> {
        self.enter(b'[')
    }

    fn enter(&mut self, open: u8) -> Scan<bool> {
        if self.peek()? == open {
            self.at += 1;
            return Ok(true);
        }
        self.skip()?;
        Ok(false)
    }

    /// The next key of the object that was entered, with the scanner on its value; `None` behind the last one. Keys
    /// come as they are written: `eslogger` escapes none of the names that are looked for.
    #[inline]
    fn key(&mut self) -> Scan<Option<&'a [u8]>> {
        if let Some((key, value)) = self.near_key() {
            self.at = value;
            return Ok(Some(key));
        }
        self.any_key()
    }

    /// The next key as `eslogger` writes it, without space around, and where its value stands.
    #[inline]
    fn near_key(&self) -> Option<(&'a [u8], usize)> {
        let rest = self.bytes.get(self.at..)?;
        let (body, start) = match rest {
            [b',', b'"', body @ ..] => (body, self.at + 2),
            [b'"', body @ ..] => (body, self.at + 1),
            _ => return None,
        };
        let (key, rest) = body.split_at_checked(closing_quote(body)?)?;
        matches!(rest, [_, b':', ..]).then_some((key, start + key.len() + 2))
    }

    fn any_key(&mut self) -> Scan<Option<&'a [u8]>> {
        let mut byte = self.peek()?;
        if byte == b',' {
            self.at += 1;
            byte = self.peek()?;
        }
        match byte {
            b'"' => {
                let key = self.string()?;
                if self.peek()? != b':' {
                    return Err(Fault::Malformed);
                }
                self.at += 1;
                Ok(Some(key.0))
            }
            b'}' => {
                self.at += 1;
                Ok(None)
            }
            _ => Err(Fault::Malformed),
        }
    }

    /// Hands every field of an object to `field`, which must read or skip its value. `false` if the value is no object;
    /// it is stepped over then.
    #[inline]
    pub(super) fn fields(&mut self, mut field: impl FnMut(&mut Self, &'a [u8]) -> Scan<()>) -> Scan<bool> {
        if !self.enter_object()? {
            return Ok(false);
        }
        while let Some(key) = self.key()? {
            field(self, key)?;
        }
        Ok(true)
    }

    /// Steps out of the object that was entered, behind its bracket.
    pub(super) fn leave(&mut self) -> Scan<()> {
        while self.key()?.is_some() {
            self.skip()?;
        }
        Ok(())
    }

    /// Whether the array that was entered has another item, with the scanner on it.
    #[inline]
    pub(super) fn item(&mut self) -> Scan<bool> {
        match self.peek()? {
            b']' => {
                self.at += 1;
                Ok(false)
            }
            b',' => {
                self.at += 1;
                Ok(true)
            }
            _ => Ok(true),
        }
    }

    /// A string; `None` (and stepped over) if the value is something else.
    #[inline]
    pub(super) fn text(&mut self) -> Scan<Option<Text<'a>>> {
        if self.peek()? == b'"' {
            return self.string().map(Some);
        }
        self.skip()?;
        Ok(None)
    }

    /// `true` or `false`; `None` (and stepped over) if the value is something else.
    #[inline]
    pub(super) fn flag(&mut self) -> Scan<Option<bool>> {
        self.peek()?;
        let flag = if self.passes(b"false") {
            Some(false)
        } else if self.passes(b"true") {
            Some(true)
        } else {
            None
        };
        // What follows belongs to the value until something ends it.
        match (flag, self.bytes.get(self.at)) {
            (Some(_), Some(b',' | b'}' | b']')) => Ok(flag),
            (Some(_), _) => self.skip_scalar().map(|()| flag),
            (None, _) => self.skip().map(|()| None),
        }
    }

    /// Steps over these bytes, if they are the next.
    #[inline]
    fn passes(&mut self, bytes: &[u8]) -> bool {
        let passes = self.bytes.get(self.at..).is_some_and(|rest| rest.starts_with(bytes));
        self.at += if passes { bytes.len() } else { 0 };
        passes
    }

    /// A whole number that fits, else `None`, stepped over.
    #[inline]
    pub(super) fn number<N: TryFrom<u64> + TryFrom<i128>>(&mut self) -> Scan<Option<N>> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let Some((value, length)) = leading_digits(rest) else {
            return Ok(self.integer()?.and_then(|value| N::try_from(value).ok()));
        };
        self.at += length;
        Ok(N::try_from(value).ok())
    }

    /// A whole number; `None` (and stepped over) if the value is something else or beyond `i128`. Wide enough for
    /// every integer that the system has, signed or not.
    fn integer(&mut self) -> Scan<Option<i128>> {
        let negative = self.peek()? == b'-';
        let start = self.at;
        let first = start + usize::from(negative);
        let rest = self.bytes.get(first..).unwrap_or_default();
        let length = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        match rest.get(length) {
            None => return Err(Fault::Ended),
            Some(b'.' | b'e' | b'E') => {}
            Some(_) if length > 0 => {
                self.at = first + length;
                let digits =
                    self.bytes.get(start..self.at).and_then(|digits| std::str::from_utf8(digits).ok());
                return Ok(digits.and_then(|digits| digits.parse().ok()));
            }
            Some(_) => {}
        }
        self.skip()?;
        Ok(None)
    }

    /// The next value as it is written.
    #[inline]
    pub(super) fn raw(&mut self) -> Scan<&'a [u8]> {
        self.peek()?;
        let start = self.at;
        self.skip()?;
        self.bytes.get(start..self.at).ok_or(Fault::Ended)
    }

    /// The next value as it is written, where it is a `stat`: an object whose values are numbers and times, so that no
    /// string of it holds a bracket.
    #[inline]
    pub(super) fn flat(&mut self) -> Scan<&'a [u8]> {
        self.peek()?;
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        if let [b'{', body @ ..] = rest
            && let Some(end) = memchr(b'}', body.get(..FLAT_MAX).unwrap_or(body))
            && let (Some(flat), Some(b',' | b'}')) = (rest.get(..end + 2), rest.get(end + 2))
            && memchr(b'{', body.get(..end).unwrap_or_default()).is_none()
        {
            self.at += flat.len();
            return Ok(flat);
        }
        self.raw()
    }

    /// Steps over the next value.
    #[inline]
    pub(super) fn skip(&mut self) -> Scan<()> {
        match self.peek()? {
            b'"' => self.string().map(|_| ()),
            b'{' | b'[' => self.skip_container(),
            b',' | b':' | b'}' | b']' => Err(Fault::Malformed),
            _ => self.skip_scalar(),
        }
    }

    #[inline]
    fn skip_scalar(&mut self) -> Scan<()> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let len = rest
            .iter()
            .position(|byte| {
                matches!(byte, b',' | b'}' | b']' | b' ' | b'\t' | b'\r' | b'\n' | b'"' | b'{' | b'[')
            })
            .ok_or(Fault::Ended)?;
        self.at += len;
        Ok(())
    }

    /// The string whose opening quote is the next byte.
    #[inline]
    fn string(&mut self) -> Scan<Text<'a>> {
        let body = self.bytes.get(self.at + 1..).ok_or(Fault::Ended)?;
        let len = closing_quote(body).ok_or(Fault::Ended)?;
        let (text, _) = body.split_at_checked(len).ok_or(Fault::Ended)?;
        self.at += len + 2;
        Ok(Text(text))
    }

    /// The container whose bracket is the next byte.
    fn skip_container(&mut self) -> Scan<()> {
        let mut depth = 0u32;
        loop {
            match self.bytes.get(self.at).ok_or(Fault::Ended)? {
                b'"' => {
                    self.string()?;
                    continue;
                }
                b'{' | b'[' => {
                    if depth < FLAT_DEPTH
                        && let Some(len) = self.flat_container()
                    {
                        self.at += len;
                        if depth == 0 {
                            return Ok(());
                        }
                        continue;
                    }
                    depth = depth.saturating_add(1);
                }
                b'}' | b']' => {
                    depth -= 1;
                    if depth == 0 {
                        self.at += 1;
                        return Ok(());
                    }
                }
                _ => {}
            }
            self.at += 1;
        }
    }

    /// Length of the object at the scanner, brackets included, if it is one that holds no other container and no
    /// backslash: `stat`s and tokens are so, and they are most of every line.
    #[inline]
    fn flat_container(&self) -> Option<usize> {
        let (b'{', rest) = self.bytes.get(self.at..)?.split_first()? else { return None };
        let window = rest.get(..FLAT_MAX).unwrap_or(rest);
        let end = memchr(b'}', window)?;
        is_flat(window.get(..end)?).then_some(end + 2)
    }
}

/// A whole number without a sign that surely fits, as nearly all are, and how many digits it has.
#[inline]
pub(super) fn leading_digits(text: &[u8]) -> Option<(u64, usize)> {
    /// So many digits always fit.
    const MAX: usize = 19;
    let (mut value, mut length) = (0u64, 0);
    while let Some(digit @ b'0'..=b'9') = text.get(length) {
        value = value.wrapping_mul(10).wrapping_add(u64::from(digit - b'0'));
        length += 1;
    }
    let ends = matches!(text.get(length), Some(b',' | b'}' | b']'));
    (ends && (1..=MAX).contains(&length)).then_some((value, length))
}

/// Deeper than this no shortcut is tried, so that hostile nesting costs one look per byte.
const FLAT_DEPTH: u32 = 8;
/// The shortcut looks no further than this many bytes; a `stat` has about 480.
const FLAT_MAX: usize = 1024;

#[cfg(test)]
mod tests;
