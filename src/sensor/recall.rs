//! Answers of a gate, remembered: the same few thousand paths are most of what a Mac opens.

use std::hash::BuildHasher;

use foldhash::quality::RandomState;

use crate::model::PathHash;

use super::gate::PathInterest;

/// Places for answers; a newer one takes the place of an older one that falls on it. 512 KiB: what is found costs a tenth of
/// what is asked for, even where it has to be fetched from behind the second-level cache.
const PLACES: usize = 32_768;

/// The bits of a place's key that say what was answered; the others are the path's hash.
const MATTERS: u64 = 1;
const NAMED: u64 = 2;
const ANSWER: u64 = MATTERS | NAMED;

/// An answer. Both are zero where there is none; should a real one be zeros too, it is asked for again.
#[derive(Clone, Copy)]
struct Place {
    key: u64,
    hash: PathHash,
}

/// One gate's memory. Paths are known by 62 bits of a hash whose seed nobody knows: to be taken for another path is to guess
/// those.
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
        let empty = Place { key: 0, hash: PathHash(0) };
        Self { seed: RandomState::default(), places: vec![empty; PLACES].into_boxed_slice() }
    }

    /// A number that no other has: 64 bits, drawn.
    pub fn drawn(&self) -> u64 {
        self.seed.hash_one(())
    }

    /// The answer to this path: the remembered one, or what `ask` says, which is remembered from now on.
    #[inline]
    pub fn answer(&mut self, path: &[u8], ask: impl FnOnce() -> PathInterest) -> PathInterest {
        let hash = self.seed.hash_one(path);
        // The upper bits choose the place; the lower ones are overwritten by the answer stored with them.
        let Some(place) = self.places.get_mut((hash >> 32) as usize % PLACES) else { return ask() };
        if let Some(known) = place.answer(hash) {
            return known;
        }
        let interest = ask();
        *place = Place::new(hash, interest);
        interest
    }
}

impl Place {
    #[inline]
    fn answer(self, hash: u64) -> Option<PathInterest> {
        let is_known = self.key & !ANSWER == hash & !ANSWER && (self.key | self.hash.0) != 0;
        is_known.then_some(PathInterest {
            matters: self.key & MATTERS != 0,
            named: self.key & NAMED != 0,
            hash: self.hash,
        })
    }

    fn new(hash: u64, interest: PathInterest) -> Self {
        let matters = if interest.matters { MATTERS } else { 0 };
        let named = if interest.named { NAMED } else { 0 };
        Self { key: hash & !ANSWER | matters | named, hash: interest.hash }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn interest(n: u64) -> PathInterest {
        PathInterest { matters: n.is_multiple_of(3), named: n.is_multiple_of(2), hash: PathHash(n) }
    }

    #[test]
    fn an_answer_is_not_another_paths() {
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
        let long = vec![b'a'; 5000];
        assert_eq!(recall.answer(&long, || interest(1)), interest(1));
        assert_eq!(recall.answer(&long, || interest(2)), interest(1), "however long it is");
    }

    #[test]
    fn what_was_never_asked_is_not_known() {
        let nothing = PathInterest { matters: false, named: false, hash: PathHash(0) };
        let place = Place::new(0, nothing);
        assert_eq!(place.answer(0), None, "an answer of zeros is asked for again");
        assert_eq!(Place::new(4, nothing).answer(4), Some(nothing));
    }
}
