//! What programs were seen to do on the network before, and what they usually do.
//!
//! [`Habits`] fill while the engine watches and answer first-seen conditions: they reach back as far as it has watched,
//! no further. A [`Baseline`] is brought along from elsewhere, for example from recordings of quiet weeks.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use crate::model::{ProcessEvidence, Table, Timestamp};

use super::identity;

/// Programs and pairs of program and service remembered; about 150 bytes each, 10 MB. Beyond it those first seen longest
/// ago are forgotten, counted: they are first seen again.
pub const MAX_HABITS: usize = 1 << 16;
/// Pairs of program and service in a baseline.
pub const MAX_BASELINE: usize = 1 << 16;

/// Stands for the whole network where a service is asked for.
const NETWORK: &str = "";

/// A program's code identity and the name of a service.
pub(super) type Pair = (Arc<str>, Arc<str>);

/// When each program first used the network, and each service.
#[derive(Debug)]
pub struct Habits {
    pub(super) first: Table<Pair, Timestamp>,
    pub(super) order: VecDeque<Pair>,
    pub(super) network: Arc<str>,
    pub(super) evicted: u64,
}

impl Default for Habits {
    fn default() -> Self {
        Self { first: Table::new(), order: VecDeque::new(), network: Arc::from(NETWORK), evicted: 0 }
    }
}

impl Habits {
    pub fn len(&self) -> usize {
        self.first.len()
    }

    pub fn is_empty(&self) -> bool {
        self.first.is_empty()
    }

    /// The program sent or received something; `service` if that was one.
    pub fn saw(&mut self, code: &Arc<str>, service: Option<&Arc<str>>, time: Timestamp) {
        let network = Arc::clone(&self.network);
        std::iter::once(&network).chain(service).for_each(|place| self.keep(code, place, time));
    }

    fn keep(&mut self, code: &Arc<str>, place: &Arc<str>, time: Timestamp) {
        let pair = (Arc::clone(code), Arc::clone(place));
        if let Some(first) = self.first.get_mut(&pair) {
            *first = time.min(*first);
            return;
        }
        if self.first.len() >= MAX_HABITS
            && let Some(oldest) = self.order.pop_front()
        {
            self.first.remove(&oldest);
            self.evicted += 1;
        }
        self.order.push_back(pair.clone());
        self.first.insert(pair, time);
    }

    /// When the program was first seen to use the network, or this service.
    pub fn first(&self, code: &Arc<str>, service: Option<&Arc<str>>) -> Option<Timestamp> {
        let place = service.unwrap_or(&self.network);
        self.first.get(&(Arc::clone(code), Arc::clone(place))).copied()
    }

    /// Forgotten early since last asked.
    pub fn take_evicted(&mut self) -> u64 {
        std::mem::take(&mut self.evicted)
    }
}

/// What programs usually send where. Plain data: whoever learns it fills it, the engine only asks.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Baseline {
    usual: BTreeMap<(Arc<str>, Arc<str>), u64>,
}

impl Baseline {
    /// The program of this code identity (see [`code_of`]) usually sends so many bytes in one go to this service. The greatest figure told
    /// for a pair counts. False if the baseline is full.
    pub fn tell(&mut self, code: &str, service: &str, bytes: u64) -> bool {
        let pair = (Arc::from(code), Arc::from(service));
        if self.usual.len() >= MAX_BASELINE && !self.usual.contains_key(&pair) {
            return false;
        }
        let known = self.usual.entry(pair).or_default();
        *known = bytes.max(*known);
        true
    }

    pub fn usual(&self, code: &Arc<str>, service: &Arc<str>) -> Option<u64> {
        self.usual.get(&(Arc::clone(code), Arc::clone(service))).copied()
    }

    pub fn len(&self) -> usize {
        self.usual.len()
    }

    pub fn is_empty(&self) -> bool {
        self.usual.is_empty()
    }
}

/// A program as a baseline knows it: signer and identifier, or path and hash, with the script it runs.
pub fn code_of(process: &ProcessEvidence) -> Arc<str> {
    identity::code_word(&identity::of_evidence(process))
}

#[cfg(test)]
pub use super::testing::evidence as evidence_for_tests;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_known_makes_room() {
        let mut habits = Habits::default();
        let service: Arc<str> = "s3".into();
        for at in 0..MAX_HABITS as i64 {
            habits.saw(&format!("p{at}").into(), Some(&service), Timestamp::from_nanos(at));
        }
        assert_eq!(habits.len(), MAX_HABITS);
        assert_eq!(habits.take_evicted(), MAX_HABITS as u64);
        assert_eq!(habits.first(&"p0".into(), None), None);
        let last: Arc<str> = format!("p{}", MAX_HABITS - 1).into();
        assert_eq!(habits.first(&last, Some(&service)), Some(Timestamp::from_nanos(MAX_HABITS as i64 - 1)));
    }

    #[test]
    fn a_baseline_keeps_the_most() {
        let mut baseline = Baseline::default();
        assert!(baseline.is_empty());
        assert!(baseline.tell("p", "s3", 10) && baseline.tell("p", "s3", 7));
        assert_eq!((baseline.usual(&"p".into(), &"s3".into()), baseline.len()), (Some(10), 1));
        assert_eq!(baseline.usual(&"p".into(), &"r2".into()), None);
    }
}
