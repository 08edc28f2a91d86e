//! The orders in which the keys of messages come, learnt from the messages.
//!
//! One run of `eslogger` writes its keys in few orders, and the bytes between the values that are read are the same in all
//! lines of an order. So the orders seen so far are kept as a tree: from the start of a line, each branch is what stood before
//! a value, and which value it was. A line that follows a branch from the root to its end is one of those orders, key for key;
//! to follow it costs a comparison for each value, where a walk has to find every key and to tell it from all others.

/// What a branch leads to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Slot {
    Action,
    Event,
    Global,
    Number,
    Process,
    Thread,
    Time,
    /// Digits that nobody asks for.
    Digits,
    /// Whatever a key has that is not known.
    Other,
    /// Of the line.
    End,
}

impl Slot {
    /// Where the value of a key of the envelope belongs. `None` for what is the same in every line of a run.
    pub(super) fn of(key: &[u8]) -> Option<Self> {
        Some(match key {
            b"version" | b"schema_version" | b"action_type" => return None,
            b"action" => Self::Action,
            b"event" => Self::Event,
            b"global_seq_num" => Self::Global,
            b"seq_num" => Self::Number,
            b"process" => Self::Process,
            b"thread" => Self::Thread,
            b"time" => Self::Time,
            b"event_type" | b"mach_time" => Self::Digits,
            _ => Self::Other,
        })
    }
}

/// A value and where it stands in its line.
#[derive(Clone, Copy, Debug)]
pub(super) struct Placed {
    pub(super) slot: Slot,
    pub(super) start: usize,
    pub(super) end: usize,
}

/// What stood before a value.
#[derive(Debug)]
struct Branch {
    /// Its first bytes, and those bits of them that it has.
    head: (u128, u128),
    /// What it has beyond them.
    tail: Box<[u8]>,
    length: usize,
    slot: Slot,
    /// The first branch behind the value; none that there is where the line ends.
    next: usize,
    /// Another branch from the same place.
    beside: usize,
}

/// A place in the tree: its first branch. [`Orders::START`] is the root.
pub(super) type Fork = usize;

/// The orders of one stream.
#[derive(Debug)]
pub(super) struct Orders {
    branches: Vec<Branch>,
}

/// Branches at most, of which an order has some ten. Real runs have a handful of orders; more are read without being kept.
pub(super) const MAX_BRANCHES: usize = 512;
/// The longest that what stands before a value may be.
const LONGEST: usize = 512;
const HEAD: usize = 16;
/// No branch.
const NONE: usize = usize::MAX;

impl Orders {
    pub(super) const START: Fork = 0;

    pub(super) fn new() -> Self {
        Self { branches: Vec::new() }
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.branches.len()
    }

    /// The value that comes next if `rest` goes on as an earlier line did: what it is, how far off it begins, and the fork
    /// behind it.
    #[inline]
    pub(super) fn next(&self, fork: Fork, rest: &[u8]) -> Option<(Slot, usize, Fork)> {
        let head = head(rest);
        let mut branch = self.branches.get(fork)?;
        loop {
            let (own, mask) = branch.head;
            // Zeros at the end of a line are not those that it lacks.
            if head & mask == own && rest.len() >= branch.length && branch.goes_on(rest) {
                return Some((branch.slot, branch.length, branch.next));
            }
            branch = self.branches.get(branch.beside)?;
        }
    }

    /// Keeps the order of a line, whose values are these. Two lines that share their beginning share its branches.
    pub(super) fn learn(&mut self, line: &[u8], values: &[Placed]) {
        let (mut before, mut from) = (None, 0);
        for value in values {
            let written = line.get(from..value.start).unwrap_or_default();
            if written.len() > LONGEST {
                return;
            }
            let Some(branch) = self.branch(before, written, value.slot) else { return };
            (before, from) = (Some(branch), value.end);
        }
    }

    /// The branch that begins behind the value of another, or at the root. It is made if there is none yet; `None` if there
    /// are too many.
    fn branch(&mut self, before: Option<usize>, written: &[u8], slot: Slot) -> Option<usize> {
        let first = match before {
            Some(before) => self.branches.get(before)?.next,
            None => Self::START,
        };
        let (mut last, mut at) = (None, first);
        while let Some(branch) = self.branches.get(at) {
            if branch.is(written, slot) {
                return Some(at);
            }
            (last, at) = (Some(at), branch.beside);
        }
        let new = self.branches.len();
        if new >= MAX_BRANCHES {
            return None;
        }
        self.branches.push(Branch::new(written, slot));
        match (last, before) {
            (Some(last), _) => self.branches.get_mut(last)?.beside = new,
            (None, Some(before)) => self.branches.get_mut(before)?.next = new,
            (None, None) => {}
        }
        Some(new)
    }
}

impl Branch {
    fn new(written: &[u8], slot: Slot) -> Self {
        let bits = 8 * written.len().min(HEAD) as u32;
        let mask = u128::MAX.checked_shr(u128::BITS - bits).unwrap_or(0);
        let tail = written.get(HEAD..).unwrap_or_default();
        let head = (head(written), mask);
        Self { head, tail: tail.into(), length: written.len(), slot, next: NONE, beside: NONE }
    }

    fn is(&self, written: &[u8], slot: Slot) -> bool {
        let (own, _) = self.head;
        let same = self.slot == slot && self.length == written.len() && own == head(written);
        same && written.get(HEAD..).unwrap_or_default() == &*self.tail
    }

    #[inline]
    fn goes_on(&self, rest: &[u8]) -> bool {
        self.tail.is_empty() || rest.get(HEAD..).is_some_and(|rest| rest.starts_with(&self.tail))
    }
}

/// The first bytes as a number; what lacks is zeros.
#[inline]
fn head(bytes: &[u8]) -> u128 {
    match bytes.first_chunk::<HEAD>() {
        Some(head) => u128::from_le_bytes(*head),
        None => short_head(bytes),
    }
}

#[cold]
fn short_head(bytes: &[u8]) -> u128 {
    bytes.iter().rev().fold(0, |head, byte| head << 8 | u128::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What follows a line of pieces and values of one byte each; values are `#`.
    fn follow(orders: &Orders, line: &[u8]) -> Vec<Slot> {
        let (mut fork, mut at, mut slots) = (Orders::START, 0, Vec::new());
        while let Some((slot, length, next)) = orders.next(fork, &line[at..]) {
            slots.push(slot);
            (fork, at) = (next, at + length + 1);
            if at > line.len() {
                break;
            }
        }
        slots
    }

    fn learn(orders: &mut Orders, line: &[u8], slots: &[Slot]) {
        let places = line.iter().enumerate().filter(|(_, byte)| **byte == b'#').map(|(at, _)| (at, at + 1));
        let places = places.chain([(line.len(), line.len())]);
        let values = slots.iter().zip(places).map(|(slot, (start, end))| Placed { slot: *slot, start, end });
        orders.learn(line, &values.collect::<Vec<_>>());
    }

    #[test]
    fn a_line_is_followed_as_far_as_one_went_that_way() {
        const LONG: &[u8] = b"{\"a\":#,\"a longer piece of a line\":#,\"c\":#}";
        const OTHER: &[u8] = b"{\"a\":#,\"a longer piece of a lime\":#}";
        let mut orders = Orders::new();
        assert_eq!(follow(&orders, LONG), []);
        learn(&mut orders, LONG, &[Slot::Time, Slot::Event, Slot::Global, Slot::End]);
        learn(&mut orders, OTHER, &[Slot::Time, Slot::Number, Slot::End]);
        learn(&mut orders, b"}", &[Slot::End]);
        let kept = orders.len();
        assert_eq!(kept, 4 + 2 + 1, "the first branch is shared");
        learn(&mut orders, OTHER, &[Slot::Time, Slot::Number, Slot::End]);
        assert_eq!(orders.len(), kept, "what is known is not kept twice");
        assert_eq!(follow(&orders, LONG), [Slot::Time, Slot::Event, Slot::Global, Slot::End]);
        assert_eq!(follow(&orders, OTHER), [Slot::Time, Slot::Number, Slot::End]);
        assert_eq!(follow(&orders, b"{\"a\":#,\"a longer piece of a lane\":#}"), [Slot::Time]);
        assert_eq!(follow(&orders, b"{\"a\":#,\"a longer piece"), [Slot::Time]);
        assert_eq!(follow(&orders, b"{\"a\""), []);
        assert_eq!(follow(&orders, b"}"), [Slot::End]);
        assert_eq!(follow(&orders, b""), []);
        learn(&mut orders, b"zeros\0\0\0", &[Slot::End]);
        assert_eq!(follow(&orders, b"zeros\0\0"), []);
    }
}
