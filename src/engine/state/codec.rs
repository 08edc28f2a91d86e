//! How values become bytes and values again.
//!
//! Numbers are LEB128, texts and lists carry their length, tables end with a mark, so that writing one may stop when the
//! state is full. What several values share (`Arc`) is written once and named by its number from then on: a file that a
//! thousand processes carry costs a thousand numbers, and is one value in memory after reading, too.
//!
//! Bytes are read as what a stranger wrote: no length is believed before its bytes are there, nesting has a limit, and
//! whatever does not fit is [`Unreadable`].

use std::any::Any;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::hash::Hash;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use crate::model::{Set, Table};
use crate::policy::SetMask;

/// Values within values, at most: the longest real way has 24 steps, each a few values deep.
const MAX_DEPTH: u32 = 200;

/// Why bytes are no state.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Unreadable {
    #[error("it ends too early")]
    Cut,
    #[error("it holds a value that cannot be")]
    Value,
    #[error("its values lie too deep in each other")]
    Deep,
}

/// What can be kept.
pub trait Kept: Sized {
    fn keep(&self, to: &mut Writer);
    fn give(from: &mut Reader<'_>) -> Result<Self, Unreadable>;
}

/// Takes values.
#[derive(Debug)]
pub struct Writer {
    pub bytes: Vec<u8>,
    limit: usize,
    /// Where shared values lie in memory, and their numbers here.
    shared: Table<usize, u64>,
    /// For each epoch of the past the sets as they are numbered now.
    pub epochs: Vec<Vec<Option<crate::policy::SetId>>>,
    /// Entries that found no room.
    pub omitted: u64,
}

impl Writer {
    /// `limit`: bytes at which tables stop.
    pub fn new(epochs: Vec<Vec<Option<crate::policy::SetId>>>, limit: usize) -> Self {
        Self { bytes: Vec::new(), limit, shared: Table::new(), epochs, omitted: 0 }
    }

    pub fn number(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.bytes.push(number as u8 | 0x80);
            number >>= 7;
        }
        self.bytes.push(number as u8);
    }

    pub fn text(&mut self, text: &[u8]) {
        self.number(text.len() as u64);
        self.bytes.extend_from_slice(text);
    }

    fn shared(&mut self, at: usize, write: impl FnOnce(&mut Self)) {
        if let Some(known) = self.shared.get(&at) {
            let known = *known;
            return self.number(known + 1);
        }
        self.number(0);
        write(self);
        let number = self.shared.len() as u64;
        self.shared.insert(at, number);
    }

    /// A table, the entries worth most first: it stops where the state is full.
    pub fn entries<T>(&mut self, entries: impl Iterator<Item = T>, mut write: impl FnMut(&mut Self, T)) {
        for entry in entries {
            if self.bytes.len() >= self.limit {
                self.omitted += 1;
                continue;
            }
            self.bytes.push(1);
            write(self, entry);
        }
        self.bytes.push(0);
    }
}

/// Gives values back.
pub struct Reader<'s> {
    rest: &'s [u8],
    shared: Vec<Box<dyn Any>>,
    depth: u32,
}

impl<'s> Reader<'s> {
    pub fn new(bytes: &'s [u8]) -> Self {
        Self { rest: bytes, shared: Vec::new(), depth: 0 }
    }

    pub fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    fn byte(&mut self) -> Result<u8, Unreadable> {
        let (first, rest) = self.rest.split_first().ok_or(Unreadable::Cut)?;
        self.rest = rest;
        Ok(*first)
    }

    fn take(&mut self, length: usize) -> Result<&'s [u8], Unreadable> {
        let (taken, rest) = self.rest.split_at_checked(length).ok_or(Unreadable::Cut)?;
        self.rest = rest;
        Ok(taken)
    }

    pub fn number(&mut self) -> Result<u64, Unreadable> {
        let mut number = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(number);
            }
        }
        Err(Unreadable::Value)
    }

    /// Numbers that only rise by ones: they stay far from their end.
    pub fn counter(&mut self) -> Result<u64, Unreadable> {
        self.number().and_then(|number| if number >> 62 == 0 { Ok(number) } else { Err(Unreadable::Value) })
    }

    pub fn text(&mut self) -> Result<&'s [u8], Unreadable> {
        let length = self.number()?;
        self.take(usize::try_from(length).map_err(|_| Unreadable::Cut)?)
    }

    fn shared<T: Clone + 'static>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<T, Unreadable>,
    ) -> Result<T, Unreadable> {
        if let Some(known) = self.number()?.checked_sub(1) {
            let known = usize::try_from(known).ok().and_then(|at| self.shared.get(at));
            return known.and_then(|known| known.downcast_ref::<T>()).cloned().ok_or(Unreadable::Value);
        }
        if self.depth >= MAX_DEPTH {
            return Err(Unreadable::Deep);
        }
        self.depth += 1;
        let value = read(self)?;
        self.depth -= 1;
        self.shared.push(Box::new(value.clone()));
        Ok(value)
    }

    /// What [`Writer::entries`] wrote.
    pub fn entries<T>(
        &mut self,
        mut read: impl FnMut(&mut Self) -> Result<T, Unreadable>,
    ) -> Result<Vec<T>, Unreadable> {
        let mut entries = Vec::new();
        while bool::give(self)? {
            entries.push(read(self)?);
        }
        Ok(entries)
    }
}

/// The fields of a struct, one after the other. One that is not listed does not compile.
macro_rules! kept {
    ($($type:ident { $($field:ident),* $(,)? })+) => { $(
        impl Kept for $type {
            fn keep(&self, to: &mut Writer) {
                let Self { $($field),* } = self;
                $($field.keep(to);)*
            }

            fn give(from: &mut Reader<'_>) -> Result<Self, Unreadable> {
                Ok(Self { $($field: Kept::give(from)?),* })
            }
        }
    )+ };
}

/// The words of an enum. One that is not listed does not compile.
macro_rules! words {
    ($($type:ident { $($word:ident),+ $(,)? })+) => { $(
        impl Kept for $type {
            fn keep(&self, to: &mut Writer) {
                match self {
                    $(Self::$word => {})+
                }
                let at = [$(Self::$word),+].iter().position(|word| word == self);
                to.number(at.map_or(0, |at| at as u64));
            }

            fn give(from: &mut Reader<'_>) -> Result<Self, Unreadable> {
                let at = usize::try_from(from.number()?).map_err(|_| Unreadable::Value)?;
                [$(Self::$word),+].get(at).copied().ok_or(Unreadable::Value)
            }
        }
    )+ };
}

/// Several values, one after the other.
macro_rules! all {
    ($to:expr; $($value:expr),+ $(,)?) => { $($value.keep($to);)+ };
}

/// Types around one value.
macro_rules! newtypes {
    ($($type:ident)+) => { $(
        impl Kept for $type {
            fn keep(&self, to: &mut Writer) {
                self.0.keep(to);
            }

            fn give(from: &mut Reader<'_>) -> Result<Self, Unreadable> {
                Kept::give(from).map(Self)
            }
        }
    )+ };
}

pub(super) use {all, kept, newtypes, words};

macro_rules! numbers {
    ($($type:ty)+) => { $(
        impl Kept for $type {
            fn keep(&self, to: &mut Writer) {
                to.number(u64::from(*self));
            }

            fn give(from: &mut Reader<'_>) -> Result<Self, Unreadable> {
                from.number()?.try_into().map_err(|_| Unreadable::Value)
            }
        }
    )+ };
}

numbers! { u8 u16 u32 u64 }

impl Kept for bool {
    fn keep(&self, to: &mut Writer) {
        to.bytes.push(u8::from(*self));
    }

    fn give(from: &mut Reader<'_>) -> Result<Self, Unreadable> {
        match from.byte()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(Unreadable::Value),
        }
    }
}

/// Zigzag: small numbers of either sign are short.
impl Kept for i64 {
    fn keep(&self, to: &mut Writer) {
        to.number(((self << 1) ^ (self >> 63)).cast_unsigned());
    }

    fn give(from: &mut Reader<'_>) -> Result<Self, Unreadable> {
        let number = from.number()?;
        Ok((number >> 1).cast_signed() ^ -((number & 1).cast_signed()))
    }
}

impl Kept for i32 {
    fn keep(&self, to: &mut Writer) {
        i64::from(*self).keep(to);
    }

    fn give(from: &mut Reader<'_>) -> Result<Self, Unreadable> {
        i64::give(from)?.try_into().map_err(|_| Unreadable::Value)
    }
}

impl<T: Kept, const N: usize> Kept for [T; N] {
    fn keep(&self, to: &mut Writer) {
        self.iter().for_each(|value| value.keep(to));
    }

    fn give(from: &mut Reader<'_>) -> Result<Self, Unreadable> {
        let values: Vec<T> = (0..N).map(|_| T::give(from)).collect::<Result<_, _>>()?;
        values.try_into().map_err(|_| Unreadable::Cut)
    }
}

impl Kept for SetMask {
    fn keep(&self, to: &mut Writer) {
        to.number(self.0 as u64);
        to.number((self.0 >> 64) as u64);
    }

    fn give(from: &mut Reader<'_>) -> Result<Self, Unreadable> {
        let (low, high) = (from.number()?, from.number()?);
        Ok(Self(u128::from(low) | u128::from(high) << 64))
    }
}

impl Kept for Box<str> {
    fn keep(&self, to: &mut Writer) {
        to.text(self.as_bytes());
    }

    fn give(from: &mut Reader<'_>) -> Result<Self, Unreadable> {
        std::str::from_utf8(from.text()?).map(Self::from).map_err(|_| Unreadable::Value)
    }
}

impl Kept for String {
    fn keep(&self, to: &mut Writer) {
        to.text(self.as_bytes());
    }

    fn give(from: &mut Reader<'_>) -> Result<Self, Unreadable> {
        <Box<str>>::give(from).map(Self::from)
    }
}

impl Kept for Box<[u8]> {
    fn keep(&self, to: &mut Writer) {
        to.text(self);
    }

    fn give(from: &mut Reader<'_>) -> Result<Self, Unreadable> {
        from.text().map(Self::from)
    }
}

impl Kept for IpAddr {
    fn keep(&self, to: &mut Writer) {
        match self {
            Self::V4(ip) => to.text(&ip.octets()),
            Self::V6(ip) => to.text(&ip.octets()),
        }
    }

    fn give(from: &mut Reader<'_>) -> Result<Self, Unreadable> {
        let octets = from.text()?;
        let v4 = || <[u8; 4]>::try_from(octets).map(|octets| Self::V4(Ipv4Addr::from(octets)));
        let v6 = || <[u8; 16]>::try_from(octets).map(|octets| Self::V6(Ipv6Addr::from(octets)));
        v4().or_else(|_| v6()).map_err(|_| Unreadable::Value)
    }
}

impl<T: Kept> Kept for Option<T> {
    fn keep(&self, to: &mut Writer) {
        self.is_some().keep(to);
        self.iter().for_each(|value| value.keep(to));
    }

    fn give(from: &mut Reader<'_>) -> Result<Self, Unreadable> {
        bool::give(from)?.then(|| T::give(from)).transpose()
    }
}

impl<T: Kept> Kept for Box<T> {
    fn keep(&self, to: &mut Writer) {
        (**self).keep(to);
    }

    fn give(from: &mut Reader<'_>) -> Result<Self, Unreadable> {
        T::give(from).map(Self::new)
    }
}

impl<T: Kept + 'static> Kept for Arc<T> {
    fn keep(&self, to: &mut Writer) {
        to.shared(Self::as_ptr(self).addr(), |to| (**self).keep(to));
    }

    fn give(from: &mut Reader<'_>) -> Result<Self, Unreadable> {
        from.shared(|from| T::give(from).map(Self::new))
    }
}

impl Kept for Arc<str> {
    fn keep(&self, to: &mut Writer) {
        to.shared(self.as_ptr().addr(), |to| to.text(self.as_bytes()));
    }

    fn give(from: &mut Reader<'_>) -> Result<Self, Unreadable> {
        from.shared(|from| <Box<str>>::give(from).map(Self::from))
    }
}

impl<T: Kept + 'static> Kept for Arc<[T]> {
    fn keep(&self, to: &mut Writer) {
        // Empty ones may lie nowhere of their own, and cost no more than their number.
        to.number(self.len() as u64);
        self.iter().for_each(|value| value.keep(to));
    }

    fn give(from: &mut Reader<'_>) -> Result<Self, Unreadable> {
        <Vec<T>>::give(from).map(Self::from)
    }
}

impl<T: Kept> Kept for Vec<T> {
    fn keep(&self, to: &mut Writer) {
        to.number(self.len() as u64);
        self.iter().for_each(|value| value.keep(to));
    }

    fn give(from: &mut Reader<'_>) -> Result<Self, Unreadable> {
        let length = from.number()?;
        (0..length).map(|_| T::give(from)).collect()
    }
}

impl<T: Kept> Kept for VecDeque<T> {
    fn keep(&self, to: &mut Writer) {
        to.number(self.len() as u64);
        self.iter().for_each(|value| value.keep(to));
    }

    fn give(from: &mut Reader<'_>) -> Result<Self, Unreadable> {
        <Vec<T>>::give(from).map(Self::from)
    }
}

impl<T: Kept + Ord> Kept for BTreeSet<T> {
    fn keep(&self, to: &mut Writer) {
        to.entries(self.iter(), |to, value| value.keep(to));
    }

    fn give(from: &mut Reader<'_>) -> Result<Self, Unreadable> {
        from.entries(T::give).map(Self::from_iter)
    }
}

impl<K: Kept + Ord, V: Kept> Kept for BTreeMap<K, V> {
    fn keep(&self, to: &mut Writer) {
        to.entries(self.iter(), |to, entry| {
            entry.0.keep(to);
            entry.1.keep(to);
        });
    }

    fn give(from: &mut Reader<'_>) -> Result<Self, Unreadable> {
        from.entries(<(K, V)>::give).map(Self::from_iter)
    }
}

impl<K: Kept + Ord + Hash, V: Kept> Kept for Table<K, V> {
    fn keep(&self, to: &mut Writer) {
        to.entries(self.sorted().into_iter(), |to, entry| {
            entry.0.keep(to);
            entry.1.keep(to);
        });
    }

    fn give(from: &mut Reader<'_>) -> Result<Self, Unreadable> {
        let mut table = Self::new();
        for (key, value) in from.entries(<(K, V)>::give)? {
            table.insert(key, value);
        }
        Ok(table)
    }
}

impl<K: Kept + Ord + Hash> Kept for Set<K> {
    fn keep(&self, to: &mut Writer) {
        to.entries(self.sorted().into_iter(), |to, key| key.keep(to));
    }

    fn give(from: &mut Reader<'_>) -> Result<Self, Unreadable> {
        let mut set = Self::new();
        for key in from.entries(K::give)? {
            set.insert(key);
        }
        Ok(set)
    }
}

macro_rules! tuples {
    ($(($($part:ident $at:tt),+))+) => { $(
        impl<$($part: Kept),+> Kept for ($($part,)+) {
            fn keep(&self, to: &mut Writer) {
                $(self.$at.keep(to);)+
            }

            fn give(from: &mut Reader<'_>) -> Result<Self, Unreadable> {
                Ok(($($part::give(from)?,)+))
            }
        }
    )+ };
}

tuples! { (A 0, B 1) (A 0, B 1, C 2) }

impl Kept for () {
    fn keep(&self, _: &mut Writer) {}

    fn give(_: &mut Reader<'_>) -> Result<Self, Unreadable> {
        Ok(())
    }
}
