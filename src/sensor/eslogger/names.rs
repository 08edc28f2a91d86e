//! Paths that were read before, known again as they are written.
//!
//! The same few thousand files are most of what a Mac opens, and every line of one writes its path with the same escapes.
//! So policy is asked about a path once. A path that somebody keeps is undone and copied once; so long as it is remembered,
//! those who keep it share the copy. Those of no interest are never copied.

use crate::model::{FilePath, Hasher};
use crate::sensor::gate::{Gate, GateId, PathInterest};

use super::text::Text;

/// Places for paths of at most [`LONGEST`] bytes; a newer one takes the place of an older one that falls on it. 768 KiB, and
/// twice as much for the paths of a real Mac: 5 MB if all are long.
const PLACES: usize = 16_384;
/// Places before many paths have come.
const FEW: usize = 256;
/// Longer ones are undone each time.
const LONGEST: usize = 256;

/// A file by its path.
#[derive(Clone, Debug)]
pub(super) struct Name {
    /// 63 bits of a hash whose seed nobody knows, of the path as it is written: to be taken for another path is to guess
    /// those. Zero where there is none yet.
    hash: u64,
    /// Once somebody wanted it.
    path: Option<FilePath>,
    pub(super) stood: Stood,
    /// What the gate said.
    interest: Option<PathInterest>,
}

impl Name {
    fn none() -> Self {
        Self { hash: 0, path: None, stood: Stood::default(), interest: None }
    }

    /// Asks for the first time. What is of interest is wanted soon.
    fn ask<G: Gate + ?Sized>(&mut self, path: &[u8], gate: &mut G) -> PathInterest {
        let interest = gate.path(path);
        if interest.named || interest.matters {
            self.path.get_or_insert_with(|| FilePath::new(path));
        }
        *self.interest.insert(interest)
    }

    /// The path, which is `written` so.
    #[inline]
    pub(super) fn path(&mut self, written: Text<'_>, scratch: &mut Vec<u8>) -> FilePath {
        self.path.get_or_insert_with(|| FilePath::new(written.bytes(scratch))).clone()
    }
}

/// Where the keys of its `stat` stood the last time. Every file has its own order of keys in some recordings; in others
/// all have one, and a new file is looked at as the one before it.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct Stood {
    pub(super) inode: u16,
    pub(super) device: u16,
    pub(super) links: u16,
    pub(super) mode: u16,
}

/// The names of one stream.
#[derive(Debug)]
pub(super) struct Names {
    hasher: Hasher,
    places: Vec<Name>,
    /// Paths that were not known, since there are so many places.
    new: usize,
    /// One that is too long to be remembered.
    long: Name,
    latest: Stood,
    /// The gate that was asked.
    gate: Option<GateId>,
}

impl Names {
    pub(super) fn new() -> Self {
        let none = Name::none();
        let places = vec![none.clone(); FEW];
        Self { hasher: Hasher::default(), places, new: 0, long: none, latest: Stood::default(), gate: None }
    }

    /// The file of a path as it is written.
    #[inline]
    pub(super) fn of(&mut self, written: Text<'_>) -> &mut Name {
        let hash = self.hasher.hash(&written.0) | 1;
        if self.new > self.places.len() {
            self.grow();
        }
        let at = Self::place(hash, self.places.len());
        let place = match self.places.get_mut(at) {
            Some(place) if written.0.len() <= LONGEST => place,
            _ => &mut self.long,
        };
        if place.hash != hash {
            self.new += 1;
            *place = Name { hash, path: None, stood: self.latest, interest: None };
        }
        place
    }

    /// The file, and what the gate says of it: it is asked once, for as long as the path is remembered.
    #[inline]
    pub(super) fn asked<G: Gate + ?Sized>(
        &mut self,
        written: Text<'_>,
        scratch: &mut Vec<u8>,
        gate: &mut G,
    ) -> (&mut Name, PathInterest) {
        if self.gate != Some(gate.id()) {
            self.forget_answers(gate.id());
        }
        let name = self.of(written);
        let interest = match name.interest {
            Some(interest) => interest,
            None => name.ask(written.bytes(scratch), gate),
        };
        (name, interest)
    }

    /// Another policy, other answers.
    #[cold]
    fn forget_answers(&mut self, gate: GateId) {
        self.gate = Some(gate);
        self.places.iter_mut().chain([&mut self.long]).for_each(|name| name.interest = None);
    }

    #[inline]
    fn place(hash: u64, places: usize) -> usize {
        (hash >> 32) as usize & places.wrapping_sub(1)
    }

    /// More places, as long as they may be more: how many there are is a power of two.
    #[cold]
    fn grow(&mut self) {
        self.new = 0;
        if self.places.len() >= PLACES {
            return;
        }
        let places = self.places.len() * 2;
        for name in std::mem::replace(&mut self.places, vec![Name::none(); places]) {
            if let Some(place) = self.places.get_mut(Self::place(name.hash, places)) {
                *place = name;
            }
        }
    }

    /// Remembers where the keys of a `stat` stood, for the file that comes next.
    #[inline]
    pub(super) fn stood(&mut self, stood: Stood) {
        self.latest = stood;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::PathHash;

    #[test]
    fn a_name_is_the_path_that_is_written_whatever_came_before() {
        let (mut names, mut scratch) = (Names::new(), Vec::new());
        let long = "x".repeat(LONGEST);
        for round in 0..3 {
            for n in 0..80_000 {
                let (written, meant) = match n % 4 {
                    0 => (format!(r"\/a\/{n}"), format!("/a/{n}")),
                    1 => (format!("/a/{}", n - 1), format!("/a/{}", n - 1)),
                    2 => (format!(r"\/\u0041{n}\n"), format!("/A{n}\n")),
                    _ => (format!(r"\/{long}{}", n % 8), format!("/{long}{}", n % 8)),
                };
                let written = Text(written.as_bytes());
                let path = names.of(written).path(written, &mut scratch);
                assert_eq!(path.as_bytes(), meant.as_bytes(), "{round}");
            }
        }
        assert_eq!(names.places.len(), PLACES);
    }

    /// Says its number of everything.
    struct Says(u64, u32);

    impl Gate for Says {
        fn id(&self) -> GateId {
            GateId(self.0)
        }

        fn path(&mut self, _: &[u8]) -> PathInterest {
            self.1 += 1;
            PathInterest { matters: true, named: true, hash: PathHash(self.0) }
        }

        fn variable(&self, _: &[u8]) -> bool {
            false
        }
    }

    #[test]
    fn a_gate_is_asked_once_and_answers_for_itself_alone() {
        let (mut names, mut scratch) = (Names::new(), Vec::new());
        let long = "x".repeat(LONGEST + 1);
        for number in [1, 2, 1] {
            let mut gate = Says(number, 0);
            for _ in 0..3 {
                for written in ["/a", "/b", &long] {
                    let text = Text(written.as_bytes());
                    let (name, interest) = names.asked(text, &mut scratch, &mut gate);
                    assert_eq!(interest.hash, PathHash(number));
                    assert_eq!(name.path(text, &mut scratch).as_bytes(), written.as_bytes());
                }
            }
            assert_eq!(gate.1, 3);
        }
    }

    #[test]
    fn what_is_remembered_is_shared() {
        let (mut names, mut scratch) = (Names::new(), Vec::new());
        let mut of = |written: &str| {
            let written = Text(written.as_bytes());
            names.of(written).path(written, &mut scratch)
        };
        let (first, other, again) = (of(r"\/a\/b"), of(r"\/a\/c"), of(r"\/a\/b"));
        assert!(std::ptr::eq(first.as_bytes(), again.as_bytes()));
        assert_ne!(first, other);
    }
}
