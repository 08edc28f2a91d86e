//! Answers of a gate, remembered: the same few thousand paths are most of what a Mac opens.

use std::hash::BuildHasher;

use foldhash::quality::RandomState;

use crate::model::PathHash;

use super::gate::PathInterest;

/// Places for answers; a newer one takes the place of an older one that falls on it. With [`LONGEST`], half a megabyte:
/// what stays in a processor's second-level cache.
const PLACES: usize = 4096;
/// Bytes of the longest path that is remembered, as its carrier wrote it.
const LONGEST: usize = 118;

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

    fn index(&self, path: &[u8]) -> usize {
        (self.seed.hash_one(path) as usize) % PLACES
    }

    #[inline]
    pub fn get(&self, path: &[u8]) -> Option<PathInterest> {
        let place = self.places.get(self.index(path))?;
        let known = place.path.get(..usize::from(place.length))?;
        (known == path && !path.is_empty()).then_some(PathInterest {
            matters: place.matters,
            named: place.named,
            hash: place.hash,
        })
    }

    pub fn put(&mut self, path: &[u8], interest: PathInterest) {
        let index = self.index(path);
        let Some(place) = self.places.get_mut(index) else { return };
        let (Some(room), Ok(length)) = (place.path.get_mut(..path.len()), u8::try_from(path.len())) else {
            return;
        };
        room.copy_from_slice(path);
        (place.length, place.hash) = (length, interest.hash);
        (place.matters, place.named) = (interest.matters, interest.named);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_never_another_paths() {
        let mut recall = Recall::new();
        let answer = |n: u64| PathInterest {
            matters: n.is_multiple_of(3),
            named: n.is_multiple_of(2),
            hash: PathHash(n),
        };
        let path = |n: u64| format!("/Users/a/{n}").into_bytes();
        for n in 0..50_000 {
            recall.put(&path(n), answer(n));
        }
        let known = (0..50_000).filter(|n| match recall.get(&path(*n)) {
            Some(found) => {
                assert_eq!(found, answer(*n));
                true
            }
            None => false,
        });
        assert!((PLACES * 9 / 10..=PLACES).contains(&known.count()));
        assert_eq!(recall.get(b""), None);
    }

    #[test]
    fn long_paths_are_asked_again() {
        let mut recall = Recall::new();
        let interest = PathInterest { matters: true, named: true, hash: PathHash(7) };
        let long = vec![b'a'; LONGEST + 1];
        recall.put(&long, interest);
        assert_eq!(recall.get(&long), None);
        recall.put(&long[..LONGEST], interest);
        assert_eq!(recall.get(&long[..LONGEST]), Some(interest));
    }
}
