//! A pull scanner over the bytes of one JSON object: finds the fields that are asked for, in whatever order they come,
//! and steps over the rest without looking inside.
//!
//! It does not validate what it steps over; what it returns is what a validating parser would return on valid JSON
//! (`tests/eslogger/` compares the two). On anything else it gives a [`Fault`] or a harmless value, and never panics.
//! Stepping over a value takes constant memory at any depth, so no nesting that a program chooses for itself (its
//! entitlements are part of its exec event) can make its line unreadable.

use memchr::{memchr, memchr2};

use super::digits::leading_digits;
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
    /// What is not read yet.
    rest: &'a [u8],
    /// Bytes that there were to read.
    len: usize,
}

impl<'a> Scanner<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes, len: bytes.len() }
    }

    pub(super) fn starting_at(bytes: &'a [u8], at: usize) -> Self {
        Self { rest: bytes.get(at..).unwrap_or_default(), len: bytes.len() }
    }

    /// Offset of the next unread byte.
    pub(super) fn at(&self) -> usize {
        self.len - self.rest.len()
    }

    /// The first byte of the next token.
    #[inline]
    pub(super) fn peek(&mut self) -> Scan<u8> {
        loop {
            match self.rest {
                [] => return Err(Fault::Ended),
                [b' ' | b'\t' | b'\r' | b'\n', rest @ ..] => self.rest = rest,
                [byte, ..] => return Ok(*byte),
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
            self.advance(1);
            return Ok(true);
        }
        self.skip()?;
        Ok(false)
    }

    /// The next key of the object that was entered, with the scanner on its value; `None` behind the last one. Keys
    /// come as they are written: `eslogger` escapes none of the names that are looked for.
    #[inline]
    pub(super) fn key(&mut self) -> Scan<Option<&'a [u8]>> {
        if let Some((key, rest)) = self.near_key() {
            self.rest = rest;
            return Ok(Some(key));
        }
        self.any_key()
    }

    /// The next key as `eslogger` writes it, without space around, and its value with what follows.
    #[inline]
    fn near_key(&self) -> Option<(&'a [u8], &'a [u8])> {
        let ([b',', b'"', body @ ..] | [b'"', body @ ..]) = self.rest else { return None };
        let (key, rest) = body.split_at_checked(closing_quote(body)?)?;
        match rest {
            [_, b':', value @ ..] => Some((key, value)),
            _ => None,
        }
    }

    fn any_key(&mut self) -> Scan<Option<&'a [u8]>> {
        let mut byte = self.peek()?;
        if byte == b',' {
            self.advance(1);
            byte = self.peek()?;
        }
        match byte {
            b'"' => {
                let key = self.string()?;
                if self.peek()? != b':' {
                    return Err(Fault::Malformed);
                }
                self.advance(1);
                Ok(Some(key.0))
            }
            b'}' => {
                self.advance(1);
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
                self.advance(1);
                Ok(false)
            }
            b',' => {
                self.advance(1);
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
        match (flag, self.rest.first()) {
            (Some(_), Some(b',' | b'}' | b']')) => Ok(flag),
            (Some(_), _) => self.skip_scalar().map(|()| flag),
            (None, _) => self.skip().map(|()| None),
        }
    }

    /// What is not read yet.
    #[inline]
    pub(super) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// Steps over so many bytes.
    #[inline]
    pub(super) fn advance(&mut self, bytes: usize) {
        self.rest = self.rest.get(bytes..).unwrap_or_default();
    }

    /// Steps over these bytes, if they are the next.
    #[inline]
    pub(super) fn passes(&mut self, bytes: &[u8]) -> bool {
        let Some(rest) = self.rest.strip_prefix(bytes) else { return false };
        self.rest = rest;
        true
    }

    /// A whole number that fits, else `None`, stepped over.
    #[inline]
    pub(super) fn number<N: TryFrom<u64> + TryFrom<i128>>(&mut self) -> Scan<Option<N>> {
        let Some((value, length)) = leading_digits(self.rest) else {
            return Ok(self.integer()?.and_then(|value| N::try_from(value).ok()));
        };
        self.advance(length);
        Ok(N::try_from(value).ok())
    }

    /// A whole number; `None` (and stepped over) if the value is something else or beyond `i128`. Wide enough for
    /// every integer that the system has, signed or not.
    fn integer(&mut self) -> Scan<Option<i128>> {
        let negative = self.peek()? == b'-';
        let digits = self.rest.get(usize::from(negative)..).unwrap_or_default();
        let length = digits.iter().take_while(|byte| byte.is_ascii_digit()).count();
        match digits.get(length) {
            None => return Err(Fault::Ended),
            Some(b'.' | b'e' | b'E') => {}
            Some(_) if length > 0 => {
                let (number, rest) = self.rest.split_at(length + usize::from(negative));
                self.rest = rest;
                return Ok(std::str::from_utf8(number).ok().and_then(|number| number.parse().ok()));
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
        let value = self.rest;
        self.skip()?;
        value.get(..value.len() - self.rest.len()).ok_or(Fault::Ended)
    }

    /// The next value as it is written, where it is a `stat`: an object whose values are numbers and times, so that no
    /// string of it holds a bracket.
    #[inline]
    pub(super) fn flat(&mut self) -> Scan<&'a [u8]> {
        self.peek()?;
        if let [b'{', body @ ..] = self.rest
            && let Some(end) = memchr2(b'{', b'}', body.get(..FLAT_MAX).unwrap_or(body))
            && let Some((flat @ [.., b'}'], rest @ [b',' | b'}', ..])) = self.rest.split_at_checked(end + 2)
        {
            self.rest = rest;
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
        let len = self
            .rest
            .iter()
            .position(|byte| {
                matches!(byte, b',' | b'}' | b']' | b' ' | b'\t' | b'\r' | b'\n' | b'"' | b'{' | b'[')
            })
            .ok_or(Fault::Ended)?;
        self.advance(len);
        Ok(())
    }

    /// The string whose opening quote is the next byte.
    #[inline]
    fn string(&mut self) -> Scan<Text<'a>> {
        let body = self.rest.get(1..).ok_or(Fault::Ended)?;
        let len = closing_quote(body).ok_or(Fault::Ended)?;
        let (text, rest) = body.split_at_checked(len).ok_or(Fault::Ended)?;
        self.rest = rest.get(1..).unwrap_or_default();
        Ok(Text(text))
    }

    /// The container whose bracket is the next byte.
    fn skip_container(&mut self) -> Scan<()> {
        let mut depth = 0u32;
        loop {
            match self.rest.first().ok_or(Fault::Ended)? {
                b'"' => {
                    self.string()?;
                    continue;
                }
                b'{' | b'[' => {
                    if depth < FLAT_DEPTH
                        && let Some(len) = self.flat_container()
                    {
                        self.advance(len);
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
                        self.advance(1);
                        return Ok(());
                    }
                }
                _ => {}
            }
            self.advance(1);
        }
    }

    /// Length of the object at the scanner, brackets included, if it is one that holds no other container and no
    /// backslash: `stat`s and tokens are so, and they are most of every line.
    #[inline]
    fn flat_container(&self) -> Option<usize> {
        let (b'{', rest) = self.rest.split_first()? else { return None };
        let window = rest.get(..FLAT_MAX).unwrap_or(rest);
        let end = memchr(b'}', window)?;
        is_flat(window.get(..end)?).then_some(end + 2)
    }
}

/// Deeper than this no shortcut is tried, so that hostile nesting costs one look per byte.
const FLAT_DEPTH: u32 = 8;
/// The shortcut looks no further than this many bytes; a `stat` has about 480.
const FLAT_MAX: usize = 1024;

#[cfg(test)]
mod tests;
