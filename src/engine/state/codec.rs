//! How values become bytes and values again.
//!
//! Numbers are LEB128, texts and lists carry their length, tables end with a mark, so that writing one may stop when the
//! state is full. What several values share (`Arc`) is written once and named by its number from then on: a file that a
//! thousand processes carry costs a thousand numbers, and is one value in memory after reading, too.
//!
//! Bytes are read as what a stranger wrote: no length is believed before its bytes are there, nesting has a limit, and
//! whatever does not fit is [`Unreadable`].

use std::any::Any;

use crate::model::{ClockStep, Table};

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
    /// By how much the clock was set that times are written by.
    pub step: ClockStep,
}

impl Writer {
    /// `limit`: bytes at which tables stop.
    pub fn new(epochs: Vec<Vec<Option<crate::policy::SetId>>>, limit: usize) -> Self {
        Self { bytes: Vec::new(), limit, shared: Table::new(), epochs, omitted: 0, step: ClockStep::NONE }
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

    pub(super) fn shared(&mut self, at: usize, write: impl FnOnce(&mut Self)) {
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

    pub(super) fn byte(&mut self) -> Result<u8, Unreadable> {
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

    pub(super) fn shared<T: Clone + 'static>(
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

/// The variants of an enum, each by its number and with what it holds. One that is not listed does not compile.
macro_rules! variants {
    ($($type:ident {
        $($number:literal = $variant:ident $(($($value:ident),+))? $({ $($field:ident),+ })?),+ $(,)?
    })+) => { $(
        impl Kept for $type {
            fn keep(&self, to: &mut Writer) {
                match self {
                    $(Self::$variant $(($($value),+))? $({ $($field),+ })? => {
                        to.number($number);
                        $($($value.keep(to);)+)?
                        $($($field.keep(to);)+)?
                    })+
                }
            }

            fn give(from: &mut Reader<'_>) -> Result<Self, Unreadable> {
                match from.number()? {
                    $($number => {
                        $($(let $value = Kept::give(from)?;)+)?
                        $($(let $field = Kept::give(from)?;)+)?
                        Ok(Self::$variant $(($($value),+))? $({ $($field),+ })?)
                    })+
                    _ => Err(Unreadable::Value),
                }
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

pub(super) use {all, kept, newtypes, variants, words};
