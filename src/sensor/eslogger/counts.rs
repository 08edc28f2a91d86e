//! What became of the lines.

use std::collections::BTreeMap;

use super::fields::Fields;
use super::kind::Kind;

/// Event names told apart. A name beyond them is counted as `(other)`: only a hostile recording has so many.
const MAX_NAMES: usize = 256;
const OTHER: &[u8] = b"(other)";

/// Lines of one event.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct EventCount {
    pub lines: u64,
    /// Given on; the rest could matter to no verdict.
    pub emitted: u64,
    /// The system refused the operation.
    pub refused: u64,
}

/// What became of the lines so far.
#[derive(Clone, Debug, Default)]
pub struct Counts {
    pub lines: u64,
    /// Not understood: see [`LineError`](super::LineError).
    pub rejected: u64,
    /// Emitted only to introduce a process.
    pub introductions: u64,
    names: BTreeMap<Box<[u8]>, usize>,
    /// The numbers of the two events that most lines are of.
    open: Option<usize>,
    close: Option<usize>,
    events: Vec<EventCount>,
    pub(super) fields: Fields,
}

impl Counts {
    /// Every event seen, by name, in the order of the names.
    pub fn events(&self) -> impl Iterator<Item = (&[u8], EventCount)> {
        self.names.iter().filter_map(|(name, index)| Some((&**name, *self.events.get(*index)?)))
    }

    /// How often each event came that is not read at all, by name.
    pub fn unread(&self) -> impl Iterator<Item = (&[u8], u64)> {
        let unread = self.events().filter(|(name, _)| Kind::of(name) == Kind::Other);
        unread.map(|(name, count)| (name, count.lines))
    }

    /// Fields that this version does not know, as `object.name`, with how often they stood in the lines that were looked at
    /// for them.
    pub fn unknown_fields(&self) -> impl Iterator<Item = (&[u8], u64)> {
        self.fields.unknown()
    }

    /// Lines that were looked at for unknown fields: all of a short recording, some of a long one.
    pub fn looked_at(&self) -> u64 {
        self.fields.looked_at()
    }

    /// A small number that stands for the name from now on.
    #[inline]
    pub(super) fn index(&mut self, name: &[u8]) -> usize {
        let known = match name {
            b"open" => self.open,
            b"close" => self.close,
            _ => None,
        };
        known.unwrap_or_else(|| self.look_up(name))
    }

    fn look_up(&mut self, name: &[u8]) -> usize {
        let index = self.number(name);
        match name {
            b"open" => self.open = Some(index),
            b"close" => self.close = Some(index),
            _ => {}
        }
        index
    }

    fn number(&mut self, name: &[u8]) -> usize {
        if let Some(index) = self.names.get(name) {
            return *index;
        }
        let name = if self.names.len() < MAX_NAMES { name } else { OTHER };
        let events = &mut self.events;
        *self.names.entry(name.into()).or_insert_with(|| {
            events.push(EventCount::default());
            events.len() - 1
        })
    }

    pub(super) fn event(&mut self, index: usize) -> Option<&mut EventCount> {
        self.events.get_mut(index)
    }
}
