//! Hash tables without an iteration order.
//!
//! Keys are chosen by whoever runs programs on the Mac, so the hash is seeded; because the seed differs from run to run,
//! nothing may depend on the order of entries, and these tables offer no way to walk them but in the order of their keys,
//! which costs a sort. What must be walked often is kept in a `Vec` or a `BTreeMap` beside the table.

#![allow(clippy::disallowed_types, reason = "the one place where the hash map is fenced in")]

use std::borrow::Borrow;
use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, Hash};

use foldhash::quality::RandomState;

/// A hash map that cannot be iterated.
#[derive(Clone, Debug)]
pub struct Table<K, V>(HashMap<K, V, RandomState>);

/// A hash set that cannot be iterated.
#[derive(Clone, Debug)]
pub struct Set<K>(HashSet<K, RandomState>);

/// Hashes as the tables do, for those who keep the hash of a key in its place.
#[derive(Clone, Debug, Default)]
pub struct Hasher(RandomState);

impl Hasher {
    pub fn hash(&self, key: &impl Hash) -> u64 {
        self.0.hash_one(key)
    }
}

impl<K: Eq + Hash, V> Table<K, V> {
    pub fn new() -> Self {
        Self(HashMap::default())
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn get<Q: Eq + Hash + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        self.0.get(key)
    }

    pub fn get_mut<Q: Eq + Hash + ?Sized>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
    {
        self.0.get_mut(key)
    }

    pub fn contains<Q: Eq + Hash + ?Sized>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        self.0.contains_key(key)
    }

    pub fn insert(&mut self, key: K, value: V) -> Option<V> {
        self.0.insert(key, value)
    }

    pub fn or_insert_with(&mut self, key: K, value: impl FnOnce() -> V) -> &mut V {
        self.0.entry(key).or_insert_with(value)
    }

    pub fn remove<Q: Eq + Hash + ?Sized>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        self.0.remove(key)
    }

    /// All entries, in the order of their keys: for snapshots, which are the same for the same contents.
    pub fn sorted(&self) -> Vec<(&K, &V)>
    where
        K: Ord,
    {
        let mut entries: Vec<_> = self.0.iter().collect();
        entries.sort_unstable_by_key(|(key, _)| *key);
        entries
    }

    /// Keeps what `keep` says. `keep` must not depend on the order in which it is asked.
    pub fn retain(&mut self, keep: impl FnMut(&K, &mut V) -> bool) {
        self.0.retain(keep);
    }

    pub fn clear(&mut self) {
        self.0.clear();
    }
}

impl<K: Eq + Hash, V> Default for Table<K, V> {
    fn default() -> Self {
        Self::new()
    }
}

impl<K: Eq + Hash> Set<K> {
    pub fn new() -> Self {
        Self(HashSet::default())
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn contains<Q: Eq + Hash + ?Sized>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        self.0.contains(key)
    }

    /// True if the key was not there before.
    pub fn insert(&mut self, key: K) -> bool {
        self.0.insert(key)
    }

    pub fn remove<Q: Eq + Hash + ?Sized>(&mut self, key: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        self.0.remove(key)
    }

    /// All keys in their order.
    pub fn sorted(&self) -> Vec<&K>
    where
        K: Ord,
    {
        let mut keys: Vec<_> = self.0.iter().collect();
        keys.sort_unstable();
        keys
    }

    pub fn clear(&mut self) {
        self.0.clear();
    }
}

impl<K: Eq + Hash> FromIterator<K> for Set<K> {
    fn from_iter<I: IntoIterator<Item = K>>(keys: I) -> Self {
        Self(keys.into_iter().collect())
    }
}

impl<K: Eq + Hash> Default for Set<K> {
    fn default() -> Self {
        Self::new()
    }
}
