//! Objects as `eslogger` writes them, with nothing between their parts: each key is known by its first bytes.
//!
//! All that is here says nothing of an object that is written otherwise, or has a key that the reader does not name; the
//! scanner is anywhere then. Whoever asks begins again with what reads any JSON.

use memchr::memchr;

use super::digits::{count_digits, leading_digits};
use super::quotes::closing_quote_from;
use super::scan::Scanner;
use super::text::Text;

/// The first eight bytes of a key or of what else stands in a line.
#[inline]
pub(super) const fn head(bytes: &[u8; 8]) -> u64 {
    u64::from_le_bytes(*bytes)
}

impl<'a> Scanner<'a> {
    /// The next eight bytes as [`head`] makes them; zero near the end.
    #[inline]
    pub(super) fn head(&self) -> u64 {
        self.rest().first_chunk().map_or(0, head)
    }

    /// Hands the head of every field of an object to `field`, which steps over the key it belongs to and over the value.
    #[inline]
    pub(super) fn near_fields(&mut self, mut field: impl FnMut(&mut Self, u64) -> Option<()>) -> Option<()> {
        self.passes(b"{").then_some(())?;
        loop {
            field(self, self.head())?;
            if !self.passes(b",") {
                return self.passes(b"}").then_some(());
            }
        }
    }

    /// What `read` makes of what is next. If that is nothing, the scanner stays where it is.
    #[inline(always)]
    pub(super) fn attempt<T>(&mut self, read: impl FnOnce(&mut Self) -> Option<T>) -> Option<T> {
        let mut ahead = *self;
        let told = read(&mut ahead)?;
        *self = ahead;
        Some(told)
    }

    /// Steps over these bytes; `None` if others are next.
    #[inline]
    pub(super) fn expect(&mut self, bytes: &[u8]) -> Option<()> {
        self.passes(bytes).then_some(())
    }

    /// A string that is longer than a key is as a rule: the scanner is behind its opening quote.
    #[inline]
    pub(super) fn near_path(&mut self) -> Option<Text<'a>> {
        let body = self.rest();
        let (text, _) = body.split_at_checked(closing_quote_from(body, memchr(b'"', body)?)?)?;
        self.advance(text.len() + 1);
        Some(Text(text))
    }

    /// `true` or `false`.
    #[inline]
    pub(super) fn near_flag(&mut self) -> Option<bool> {
        let flag = self.passes(b"true");
        (flag || self.passes(b"false")).then_some(flag)
    }

    /// A whole number without a sign that fits.
    #[inline]
    pub(super) fn near_number<N: TryFrom<u64>>(&mut self) -> Option<N> {
        let (value, length) = leading_digits(self.rest())?;
        self.advance(length);
        N::try_from(value).ok()
    }

    /// Steps over digits, of which there must be one.
    #[inline]
    pub(super) fn pass_digits(&mut self) -> Option<()> {
        let digits = count_digits(self.rest());
        self.advance(digits);
        (digits > 0).then_some(())
    }
}
