//! Answers of a gate, remembered: the same few thousand paths are most of what a Mac opens.

use std::hash::BuildHasher;

use foldhash::quality::RandomState;

use crate::model::PathHash;

use super::gate::PathInterest;

/// Places for answers; a newer one takes the place of an older one that falls on it. With [`LONGEST`], 128 KiB: a part of a
/// processor's second-level cache, where the lines that are read want to be too.
const PLACES: usize = 1024;
/// Bytes of the longest path that is remembered.
const LONGEST: usize = 117;

#[derive(Clone)]
struct Place {
    hash: PathHash,
    matters: bool,
    named: bool,
    /// 0: nothing is remembered here. No path is empty.
    length: u8,
    path: [u8; LONGEST],
}

/// One gate's memory. The whole path is compared, so an answer is never another path's.
pub(super) struct Recall {
    seed: RandomState,
    places: Box<[Place]>,
}

impl std::fmt::Debug for Recall {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Recall").field("places", &self.places.len()).finish_non_exhaustive()
    }
}

impl Default for Recall {
    fn default() -> Self {
        Self::new()
    }
}

impl Recall {
    pub fn new() -> Self {
        let empty = Place { hash: PathHash(0), matters: false, named: false, length: 0, path: [0; LONGEST] };
        Self { seed: RandomState::default(), places: vec![empty; PLACES].into_boxed_slice() }
    }

    /// The answer to this path: the remembered one, or what `ask` says, which is remembered from now on.
    #[inline]
    pub fn answer(&mut self, path: &[u8], ask: impl FnOnce() -> PathInterest) -> PathInterest {
        let index = (self.seed.hash_one(path) as usize) % PLACES;
        let Some(place) = self.places.get_mut(index) else { return ask() };
        if let Some(known) = place.answer(path) {
            return known;
        }
        let interest = ask();
        place.put(path, interest);
        interest
    }
}

impl Place {
    #[inline]
    fn answer(&self, path: &[u8]) -> Option<PathInterest> {
        let known = self.path.get(..usize::from(self.length))?;
        let interest = PathInterest { matters: self.matters, named: self.named, hash: self.hash };
        (known == path && !path.is_empty()).then_some(interest)
    }

    fn put(&mut self, path: &[u8], interest: PathInterest) {
        let (Some(room), Ok(length)) = (self.path.get_mut(..path.len()), u8::try_from(path.len())) else {
            return;
        };
        room.copy_from_slice(path);
        (self.length, self.hash) = (length, interest.hash);
        (self.matters, self.named) = (interest.matters, interest.named);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn interest(n: u64) -> PathInterest {
        PathInterest { matters: n.is_multiple_of(3), named: n.is_multiple_of(2), hash: PathHash(n) }
    }

    #[test]
    fn an_answer_is_never_another_paths() {
        let mut recall = Recall::new();
        let path = |n: u64| format!("/Users/a/{n}").into_bytes();
        for n in 0..50_000 {
            assert_eq!(recall.answer(&path(n), || interest(n)), interest(n));
        }
        let mut asked = 0;
        for n in (0..50_000).rev() {
            let again = || {
                asked += 1u64;
                interest(n)
            };
            assert_eq!(recall.answer(&path(n), again), interest(n));
        }
        assert!((50_000 - PLACES as u64..50_000).contains(&asked), "the latest were remembered: {asked}");
        assert_eq!(recall.answer(b"", || interest(7)), interest(7));
        assert_eq!(
            recall.answer(b"", || interest(8)),
            interest(8),
            "no path is empty: nothing is known of it"
        );
    }

    #[test]
    fn long_paths_are_asked_again() {
        let mut recall = Recall::new();
        let long = vec![b'a'; LONGEST + 1];
        recall.answer(&long, || interest(1));
        assert_eq!(recall.answer(&long, || interest(2)), interest(2));
        recall.answer(&long[..LONGEST], || interest(3));
        assert_eq!(recall.answer(&long[..LONGEST], || interest(4)), interest(3));
    }
}
