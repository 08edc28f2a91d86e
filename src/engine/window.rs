//! What each life has read, and where it stood with what it sends. Stores and forgets; only `judge` knows what it means.
//!
//! A [`Read`] is one sensitive file come into one process. A [`Bearing`] says that a life carries it: because it read, was
//! forked from the reader, read a file the reader wrote, or sits behind it in a pipe. A [`Tally`] sums the payload one
//! life sent to one service and tenant; each bearing remembers where the tally stood when it was acquired, so that bytes
//! before the read never count, whatever the number of reads, at one addition per packet.

use std::sync::Arc;

use crate::model::{Evidence, FilePath, Hop, ProcessEvidence, Reason, ReasonCode, Span, Timestamp};
use crate::policy::{Policy, SetId, SetMask};

use super::fetched::Bytes;
use super::tally::Tally;

/// Reads a life carries at most (about 200 bytes each). Beyond it the least sensitive and oldest make room, counted.
pub const MAX_BEARINGS: usize = 128;
/// Of those, reads that came from elsewhere: by fork, pipe or file. The first reader's own alert knows them all.
/// A rule that counts more files raises it, up to `policy::rule::MAX_COUNT`.
pub const MAX_HANDED_ON: usize = 32;
/// Lives whose bytes are summed for one read, 8 bytes each. What more of them send is judged life by life, and said.
pub const MAX_BEARERS: usize = 64;
/// Steps of the way kept as evidence.
pub const MAX_HOPS: u8 = 24;
/// An upload that began inside the window is followed at most this far beyond it.
pub const OVERHANG: Span = Span::from_secs(15 * 60);

/// Names one read for as long as the engine runs.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ReadId(pub u64);

/// One sensitive file come into one process.
#[derive(Clone, Debug)]
pub struct Read {
    pub id: ReadId,
    pub path: FilePath,
    /// In the numbering of the policy in force at `epoch`.
    pub sets: SetMask,
    pub epoch: u32,
    pub time: Timestamp,
    pub reader: Arc<ProcessEvidence>,
    /// The reader's code identity, see `identity::code_word`.
    pub code: Arc<str>,
    pub evidence: Evidence,
    /// When the command line of the process that opened it had named it.
    pub named: Option<Timestamp>,
    pub truncated: bool,
    pub named_fork: bool,
    /// On a volume that was attached from an image.
    pub nested: bool,
    /// It came over a local port, as far as sizes tell.
    pub relayed: bool,
}

impl Read {
    /// Is it known in this way, be it beside another?
    pub fn is_known_by(&self, evidence: Evidence) -> bool {
        self.evidence == evidence || evidence == Evidence::Argv && self.named.is_some()
    }
}

/// The way a read came, newest step first, shared between all that came the same way.
#[derive(Debug)]
pub struct Way {
    pub hop: Hop,
    pub before: Option<Arc<Way>>,
    pub steps: u8,
}

impl Way {
    /// One step more. Beyond [`MAX_HOPS`] the oldest are forgotten.
    pub fn then(before: Option<&Arc<Self>>, hop: Hop) -> Arc<Self> {
        let before = before.map(|way| {
            if way.steps < MAX_HOPS { Arc::clone(way) } else { Self::latest(way, usize::from(MAX_HOPS) - 1) }
        });
        Self::on(before, hop)
    }

    fn on(before: Option<Arc<Self>>, hop: Hop) -> Arc<Self> {
        let steps = before.as_ref().map_or(1, |way| way.steps + 1);
        Arc::new(Self { hop, before, steps })
    }

    /// So many of its steps, the newest.
    fn latest(way: &Arc<Self>, steps: usize) -> Arc<Self> {
        let kept: Vec<&Hop> = Self::steps(Some(way)).skip(1).take(steps - 1).collect();
        let before = kept.into_iter().rev().fold(None, |before, hop| Some(Self::on(before, hop.clone())));
        Self::on(before, way.hop.clone())
    }

    /// Newest step first.
    pub fn steps(way: Option<&Arc<Self>>) -> impl Iterator<Item = &Hop> {
        std::iter::successors(way, |way| way.before.as_ref()).map(|way| &way.hop)
    }

    /// Oldest step first.
    pub fn hops(way: Option<&Arc<Self>>) -> Vec<Hop> {
        let mut hops: Vec<Hop> = Self::steps(way).cloned().collect();
        hops.reverse();
        hops
    }
}

/// A life carries a read.
#[derive(Clone, Debug)]
pub struct Bearing {
    pub read: Arc<Read>,
    /// The staged file it came through last, if it did.
    pub through: Option<Arc<Read>>,
    /// Those before it, oldest first, since something of it was first sent: an upload is told by what led to it.
    pub former: Vec<Option<Arc<Read>>>,
    pub way: Option<Arc<Way>>,
    /// When this life came to carry it. Bytes before do not count.
    pub since: Timestamp,
    /// The last moment at which an upload may begin, inclusive.
    pub until: Timestamp,
    pub marks: Vec<Mark>,
}

/// Where one tally of the life stands against this bearing.
#[derive(Clone, Copy, Debug)]
pub struct Mark {
    pub tally: u16,
    pub base_out: u64,
    pub base_in: u64,
    pub base_fetched: Bytes,
    /// When the bytes since the read reached the floor.
    pub crossed: Option<Timestamp>,
}

/// Staged files that a bearing remembers having come through before.
const MAX_FORMER: usize = 8;

impl Bearing {
    /// Something of it was taken over from a staged file again: windows are counted from there.
    pub fn renew(&mut self, staged: &Arc<Read>, until: Timestamp) {
        self.until = until;
        let before = self.through.replace(Arc::clone(staged));
        if self.marks.iter().any(|mark| mark.crossed.is_some()) {
            if self.former.len() >= MAX_FORMER {
                // The oldest is what the first upload came through.
                self.former.remove(1);
            }
            self.former.push(before);
        }
    }

    /// Did the data come in as a file's own bytes, not by a fork?
    pub fn by_itself(&self) -> bool {
        let plain = |read: &Arc<Read>| !read.named_fork;
        plain(&self.read) && self.through.as_ref().is_none_or(plain)
    }

    /// As it stood at `time`, when its bytes crossed a floor: without what came to it since.
    pub fn as_of(&self, time: Timestamp) -> Self {
        let led_to = |staged: &Option<Arc<Read>>| staged.as_ref().is_none_or(|staged| staged.time <= time);
        let through =
            std::iter::once(&self.through).chain(self.former.iter().rev()).find(|staged| led_to(staged));
        let mut way = self.way.as_ref();
        while let Some(later) = way.filter(|way| way.hop.time > time) {
            way = later.before.as_ref();
        }
        Self { through: through.cloned().flatten(), way: way.cloned(), former: Vec::new(), ..self.clone() }
    }

    /// Until when a read taken at `from` may lead to an upload: the longest window of its sets.
    pub fn deadline(policy: &Policy, sets: SetMask, from: Timestamp) -> Timestamp {
        let longest = sets.iter().map(|set| policy.set(set).window).max();
        from.plus(longest.unwrap_or(policy.options.window_default))
    }

    /// An upload that began at `began` and still runs at `time` falls into the window of `set`.
    pub fn covers(&self, window: Span, began: Timestamp, time: Timestamp) -> bool {
        let until = self.window_start().plus(window);
        time <= until || (began <= until && time <= until.plus(OVERHANG))
    }

    /// An upload that began at `began` and still runs at `time` falls into the longest window of its sets.
    pub fn reaches(&self, began: Timestamp, time: Timestamp) -> bool {
        time <= self.until || (began <= self.until && time <= self.until.plus(OVERHANG))
    }

    /// What windows are counted from: the read of the staged file where there is one, else the read itself.
    pub fn window_start(&self) -> Timestamp {
        self.through.as_ref().map_or(self.read.time, |staged| staged.time)
    }

    pub fn mark(&self, tally: u16) -> Mark {
        let found = self.marks.iter().find(|mark| mark.tally == tally);
        found.copied().unwrap_or(Mark::of_new(tally))
    }

    pub fn mark_mut(&mut self, tally: u16) -> &mut Mark {
        let at = match self.marks.iter().position(|mark| mark.tally == tally) {
            Some(at) => at,
            None => {
                self.marks.push(Mark::of_new(tally));
                self.marks.len() - 1
            }
        };
        &mut self.marks[at]
    }
}

impl Mark {
    /// Of a tally that began after the read.
    fn of_new(tally: u16) -> Self {
        Self { tally, base_out: 0, base_in: 0, base_fetched: Bytes::default(), crossed: None }
    }

    /// What `tally` exchanges from now on counts.
    pub(super) fn from_here(at: u16, tally: &Tally) -> Self {
        Self {
            tally: at,
            base_out: tally.out,
            base_in: tally.into,
            base_fetched: tally.fetched,
            crossed: None,
        }
    }
}

/// Where bytes go, as verdicts see it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Place {
    /// By name, so that it outlives a change of policy.
    Service { name: Arc<str>, tenant: Option<Arc<str>> },
    /// No name could be had for it.
    Nameless,
}

/// What makes an upload less than certain, whatever else is known.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Doubts(pub(super) u8);

impl Doubts {
    pub const NONE: Self = Self(0);
    /// Through a local proxy or agent.
    pub const SECOND_HOP: Self = Self(1);
    /// Another app was told to do it.
    pub const APPLE_EVENTS: Self = Self(2);
    /// The name in the hello and the one DNS gave disagree.
    pub const FRONTING: Self = Self(4);
    /// Whose account it is stands in a path that is encrypted.
    pub const ACCOUNT: Self = Self(8);
    /// Packets name another program than the one that is known to run.
    pub const ANOTHER_IMAGE: Self = Self(16);

    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub fn reasons(self) -> Vec<Reason> {
        const ALL: [(Doubts, ReasonCode, &str); 5] = [
            (
                Doubts::ACCOUNT,
                ReasonCode::TenantUnknown,
                "git sends to an account that the name of the host does not tell",
            ),
            (
                Doubts::SECOND_HOP,
                ReasonCode::SecondHop,
                "the bytes went through a local proxy or agent, not from the process itself",
            ),
            (
                Doubts::ANOTHER_IMAGE,
                ReasonCode::ExecNotSeen,
                "packets name another program than the one that is known to run: which one sent is uncertain",
            ),
            (Doubts::APPLE_EVENTS, ReasonCode::AppleEvents, "a script told the app to do it"),
            (
                Doubts::FRONTING,
                ReasonCode::FrontingSuspected,
                "the name in the hello and the name that DNS gave for the address disagree",
            ),
        ];
        let those = ALL.iter().filter(|(doubt, ..)| self.0 & doubt.0 != 0);
        those.map(|(_, code, text)| Reason { code: *code, text: (*text).to_owned() }).collect()
    }
}

/// The sets of a read that the allow list does not let through, given those it does.
pub fn denied(sets: SetMask, permitted: SetMask) -> impl Iterator<Item = SetId> {
    sets.iter().filter(move |set| !permitted.contains(*set))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::testing::evidence;
    use crate::model::HopKind;

    #[test]
    fn a_long_way_keeps_its_latest_steps() {
        let hop = |n: i64| Hop {
            kind: HopKind::Fork,
            time: Timestamp::from_nanos(n),
            process: evidence(1, "/bin/sh"),
            path: None,
        };
        let mut way = None;
        for n in 0..100 {
            way = Some(Way::then(way.as_ref(), hop(n)));
            let hops = Way::hops(way.as_ref());
            let times: Vec<i64> = hops.iter().map(|hop| hop.time.as_nanos()).collect();
            let first = (n + 1 - i64::from(MAX_HOPS)).max(0);
            assert_eq!(times, (first..=n).collect::<Vec<_>>());
            assert_eq!(way.as_ref().map(|way| usize::from(way.steps)), Some(hops.len()));
        }
    }
}
