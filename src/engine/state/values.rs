//! How the values are kept that every room has: numbers, texts, lists, tables, what is shared.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::hash::Hash;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::num::NonZeroU64;
use std::sync::Arc;

use crate::model::{Set, Table};
use crate::policy::SetMask;

use super::codec::{Kept, Reader, Unreadable, Writer};

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

numbers! { u8 u16 u32 u64 NonZeroU64 }

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
