//! Small numbers for what policy names: an index each, given out when the policy is compiled.

/// A sensitive set, as an index into [`super::Policy::sets`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct SetId(pub u8);

/// A service, as an index into [`super::Services`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ServiceId(pub u16);

/// A sync root, as an index into [`super::Policy::sync_roots`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct SyncRootId(pub u16);

/// Some of the sensitive sets. At most [`SetMask::LIMIT`] of them exist.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct SetMask(pub u128);

impl SetMask {
    /// How many sensitive sets a configuration may have.
    pub const LIMIT: usize = 128;
    pub const EMPTY: Self = Self(0);

    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub const fn len(self) -> u32 {
        self.0.count_ones()
    }

    pub const fn contains(self, set: SetId) -> bool {
        self.0 >> set.0 & 1 == 1
    }

    pub const fn insert(&mut self, set: SetId) {
        self.0 |= 1 << set.0;
    }

    pub const fn remove(&mut self, set: SetId) {
        self.0 &= !(1 << set.0);
    }

    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    #[must_use]
    pub const fn intersection(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// The sets in it, lowest index first.
    pub fn iter(self) -> impl Iterator<Item = SetId> {
        let mut rest = self.0;
        std::iter::from_fn(move || {
            let index = u8::try_from(rest.trailing_zeros()).ok().filter(|_| rest != 0)?;
            rest &= rest - 1;
            Some(SetId(index))
        })
    }
}

impl FromIterator<SetId> for SetMask {
    fn from_iter<I: IntoIterator<Item = SetId>>(sets: I) -> Self {
        let mut mask = Self::EMPTY;
        sets.into_iter().for_each(|set| mask.insert(set));
        mask
    }
}

impl std::fmt::Debug for SetMask {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.iter().map(|set| set.0)).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mask_holds_every_index_below_its_limit() {
        let all: SetMask = (0..128).map(SetId).collect();
        assert_eq!(all.len() as usize, SetMask::LIMIT);
        assert_eq!(all.iter().count(), SetMask::LIMIT);
        let mut some: SetMask = [SetId(0), SetId(127)].into_iter().collect();
        assert!(some.contains(SetId(127)) && !some.contains(SetId(1)));
        some.remove(SetId(0));
        assert_eq!(some.iter().collect::<Vec<_>>(), [SetId(127)]);
    }
}
