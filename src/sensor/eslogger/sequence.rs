//! Tells what never arrived, from the numbers that the kernel gives its messages.
//!
//! Every message has two: one of all messages of its client (`global_seq_num`) and one of its event type alone
//! (`seq_num`). A number that is missing was dropped before `eslogger` saw it, or left out of a recording by whoever
//! made it, and the two must not be confused:
//!
//! * A recording of everything has few gaps among many lines: there each gap in the global numbers is a loss.
//! * A recording filtered by event type has global gaps everywhere and none within a type: there each gap in a type's own
//!   numbers is a loss.
//! * A recording of hand-picked lines has both everywhere, and tells nothing.
//!
//! Lines may come in any order, so a gap counts only when nothing within [`STRAGGLE`] of it can still fill it.

use std::collections::VecDeque;

use crate::model::{Coverage, CoverageKind, Span, Timestamp};

/// How far apart, in event time, lines may come out of order.
const STRAGGLE: Span = Span::from_secs(10);
/// Unbroken stretches of numbers remembered of each series. Beyond it the oldest gap is taken as final.
const MAX_STRETCHES: usize = 1024;
/// Lines between two looks at which gaps have become final.
const LOOK_EVERY: u64 = 1024;
/// A series with fewer than one gap in so many lines is whole but for its losses.
const WHOLE: u64 = 8;
/// So many lines with a single gap among them are a short recording of everything, if the types' own numbers tell nothing.
const SHORT: u64 = 4;
/// A type with more gaps than this, and more than one in four lines, was picked by hand.
const PICKED: u64 = 8;

/// One message's place.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Mark {
    pub(super) time: Timestamp,
    /// `global_seq_num`
    pub(super) global: u64,
    /// `seq_num`
    pub(super) number: u64,
}

/// Numbers without a gap between them.
#[derive(Clone, Copy, Debug)]
struct Stretch {
    first: Mark,
    last: Mark,
}

/// The numbers between these two are missing.
#[derive(Clone, Copy, Debug)]
struct Gap {
    after: Mark,
    before: Mark,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Note {
    New,
    Again,
}

/// One series of numbers.
#[derive(Default, Debug)]
struct Series {
    name: Box<str>,
    /// In rising order, none touching another.
    stretches: VecDeque<Stretch>,
    lines: u64,
    /// Gaps already taken out of `stretches`.
    settled: u64,
}

impl Series {
    /// `of` says which of a mark's numbers the series counts.
    #[inline]
    fn note(&mut self, mark: Mark, of: fn(&Mark) -> u64) -> Note {
        let number = of(&mark);
        if let Some(newest) = self.stretches.back_mut()
            && of(&newest.last).checked_add(1) == Some(number)
        {
            newest.last = mark;
            self.lines += 1;
            return Note::New;
        }
        self.insert(mark, number, of)
    }

    fn insert(&mut self, mark: Mark, number: u64, of: fn(&Mark) -> u64) -> Note {
        if self.stretches.back().is_none_or(|newest| of(&newest.last) < number) {
            self.stretches.push_back(Stretch { first: mark, last: mark });
            self.lines += 1;
            return Note::New;
        }
        let at = self.stretches.partition_point(|stretch| of(&stretch.last) < number);
        if self.stretches.get(at).is_some_and(|stretch| of(&stretch.first) <= number) {
            return Note::Again;
        }
        self.lines += 1;
        self.stretches.insert(at, Stretch { first: mark, last: mark });
        self.join(at, of);
        if at > 0 {
            self.join(at - 1, of);
        }
        Note::New
    }

    /// Makes the stretch at `at` and the next one, if they touch now.
    fn join(&mut self, at: usize, of: fn(&Mark) -> u64) {
        if let (Some(left), Some(right)) = (self.stretches.get(at), self.stretches.get(at + 1))
            && of(&left.last).checked_add(1) == Some(of(&right.first))
        {
            let last = right.last;
            self.stretches.remove(at + 1);
            if let Some(left) = self.stretches.get_mut(at) {
                left.last = last;
            }
        }
    }

    /// Takes out the gaps that are over before `cutoff`, and the oldest of too many; hands them to `told`.
    fn settle(&mut self, cutoff: Timestamp, told: impl FnMut(Gap)) {
        let too_many = self.stretches.len().saturating_sub(MAX_STRETCHES);
        let starts = self.stretches.iter().map(|stretch| stretch.first.time).enumerate().skip(1);
        let over = starts.take_while(|(index, start)| *index <= too_many || *start < cutoff).count();
        let pairs = self.stretches.iter().zip(self.stretches.iter().skip(1)).take(over);
        pairs.map(|(left, right)| Gap { after: left.last, before: right.first }).for_each(told);
        if let (Some(first), Some(rest)) =
            (self.stretches.front().map(|stretch| stretch.first), self.stretches.get_mut(over))
        {
            rest.first = first;
        }
        self.stretches.drain(..over);
        self.settled += over as u64;
    }

    fn gaps(&self) -> u64 {
        self.settled + (self.stretches.len() as u64).saturating_sub(1)
    }

    fn newest(&self) -> Option<&Mark> {
        self.stretches.back().map(|stretch| &stretch.last)
    }

    fn clear(&mut self) {
        self.stretches.clear();
        (self.lines, self.settled) = (0, 0);
    }
}

/// Watches the numbers of one stream, which may be several recordings one after another.
#[derive(Debug)]
pub(super) struct Sequence {
    all: Series,
    types: Vec<Series>,
    newest: Timestamp,
    /// Two runs lie over each other: their numbers say nothing together.
    mixed: bool,
    /// Of one run, as it happens: where its time falls, the clock was set back.
    live: bool,
    since_look: u64,
    losses: Vec<Coverage>,
}

impl Sequence {
    pub(super) fn new() -> Self {
        Self {
            all: Series::default(),
            types: Vec::new(),
            newest: Timestamp::MIN,
            mixed: false,
            live: false,
            since_look: 0,
            losses: Vec::new(),
        }
    }

    /// Of what is written now, with the time that a clock shows which may be set.
    pub(super) fn live() -> Self {
        Self { live: true, ..Self::new() }
    }

    /// `index` stands for the event type that is called `name`.
    #[inline]
    pub(super) fn note(&mut self, index: usize, name: &[u8], mark: Mark) {
        self.notice_other_run(mark);
        if self.all.note(mark, |mark| mark.global) == Note::Again {
            return;
        }
        self.newest = self.newest.max(mark.time);
        if self.types.len() <= index {
            self.types.resize_with(index + 1, Series::default);
        }
        if let Some(series) = self.types.get_mut(index) {
            if series.name.is_empty() {
                series.name = String::from_utf8_lossy(name).into();
            }
            series.note(mark, |mark| mark.number);
        }
        self.since_look += 1;
        if self.since_look >= LOOK_EVERY {
            self.settle(self.newest.minus(STRAGGLE));
        }
    }

    /// Numbers are comparable inside one run of `eslogger` only, where they rise with time.
    #[inline]
    fn notice_other_run(&mut self, mark: Mark) {
        let Some(last) = self.all.newest() else { return };
        if mark.global > last.global {
            match mark.time.plus(STRAGGLE) < self.newest {
                true if self.live => self.clock_fell(mark.time),
                falls => self.mixed |= falls,
            }
            return;
        }
        let seen = self
            .all
            .stretches
            .iter()
            .rev()
            .any(|stretch| (stretch.first.global..=stretch.last.global).contains(&mark.global));
        let later = if seen { mark.time } else { mark.time.minus(STRAGGLE) };
        if later > self.newest {
            self.end_run();
        }
    }

    /// Numbers go on, and so does what is expected of them, by the new time.
    #[cold]
    fn clock_fell(&mut self, time: Timestamp) {
        self.settle(Timestamp::MAX);
        for series in self.types.iter_mut().chain([&mut self.all]) {
            let marks =
                series.stretches.iter_mut().flat_map(|stretch| [&mut stretch.first, &mut stretch.last]);
            marks.for_each(|mark| mark.time = mark.time.min(time));
        }
        self.newest = time;
    }

    fn end_run(&mut self) {
        self.settle(Timestamp::MAX);
        self.all.clear();
        self.types.iter_mut().for_each(Series::clear);
        self.newest = Timestamp::MIN;
        self.mixed = false;
    }

    fn settle(&mut self, cutoff: Timestamp) {
        self.since_look = 0;
        let whole = self.all.gaps() * WHOLE <= self.all.lines;
        let losses = &mut self.losses;
        let before = losses.len();
        for series in &mut self.types {
            let picked = series.gaps() > PICKED && series.gaps() * 4 > series.lines;
            let tells = !whole && !picked && !self.mixed;
            let what = format!("`{}` messages", series.name);
            series.settle(cutoff, |gap| {
                losses.extend(tells.then(|| loss(gap, |mark| mark.number, &what)).flatten());
            });
        }
        let short = self.all.gaps() == 1 && self.all.lines >= SHORT && losses.len() == before;
        let tells = (whole || short) && !self.mixed;
        self.all.settle(cutoff, |gap| {
            losses.extend(tells.then(|| loss(gap, |mark| mark.global, "messages")).flatten());
        });
    }

    /// The losses that became final since the last call.
    pub(super) fn take_losses(&mut self) -> Vec<Coverage> {
        std::mem::take(&mut self.losses)
    }

    /// The stream is over: what is missing now will not come.
    pub(super) fn finish(&mut self) -> Vec<Coverage> {
        self.end_run();
        self.take_losses()
    }
}

/// The record of a gap; `None` where its ends cannot belong to one run.
fn loss(gap: Gap, of: fn(&Mark) -> u64, what: &str) -> Option<Coverage> {
    let missing = of(&gap.before).checked_sub(of(&gap.after))?.checked_sub(1)?;
    let room = gap.before.global.checked_sub(gap.after.global)?.checked_sub(1)?;
    if missing == 0 || missing > room || gap.before.time < gap.after.time {
        return None;
    }
    let (from, to) = (of(&gap.after), of(&gap.before));
    Some(Coverage {
        kind: CoverageKind::EventLoss,
        start: gap.after.time,
        end: gap.before.time,
        count: missing,
        text: format!(
            "{missing} {what} are missing between numbers {from} and {to}: what they told is unknown"
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `(type, global, number)`, one a second unless the time is given.
    fn losses(lines: &[(usize, u64, u64, i64)]) -> Vec<(u64, i64, i64)> {
        let mut sequence = Sequence::new();
        for (index, global, number, second) in lines {
            let time = Timestamp::from_nanos(second * 1_000_000_000);
            sequence.note(*index, b"open", Mark { time, global: *global, number: *number });
        }
        let seconds = |time: Timestamp| time.as_nanos() / 1_000_000_000;
        let losses = sequence.finish();
        losses.iter().map(|loss| (loss.count, seconds(loss.start), seconds(loss.end))).collect()
    }

    fn run(globals: impl IntoIterator<Item = u64>) -> Vec<(usize, u64, u64, i64)> {
        globals.into_iter().map(|n| (0, n, n, n as i64)).collect()
    }

    #[test]
    fn a_whole_run_loses_nothing() {
        assert_eq!(losses(&run(0..5000)), []);
        assert_eq!(losses(&run((0..500).rev())), []);
        assert_eq!(losses(&[]), []);
    }

    #[test]
    fn a_gap_is_a_loss() {
        assert_eq!(losses(&run((0..100).chain(110..4000))), [(10, 99, 110)]);
        let mut shuffled = run((0..100).chain(110..200));
        shuffled.sort_by_key(|line| line.1 * 7919 % 211);
        assert_eq!(losses(&shuffled), [(10, 99, 110)]);
    }

    #[test]
    fn a_gap_in_a_short_story_is_a_loss() {
        assert_eq!(losses(&[(0, 0, 0, 0), (1, 1, 0, 1), (0, 9, 5, 2), (1, 10, 1, 3)]), [(4, 0, 2)]);
        // What is missing may be of types that do not come again, or the lines do not number their types.
        assert_eq!(losses(&[(0, 0, 0, 0), (1, 1, 0, 1), (2, 9, 0, 2), (0, 10, 1, 3)]), [(7, 1, 2)]);
        assert_eq!(losses(&[(0, 0, 0, 0), (1, 1, 0, 1), (0, 9, 0, 2), (1, 10, 0, 3)]), [(7, 1, 2)]);
        assert_eq!(losses(&[(0, 0, 0, 0), (1, 4, 0, 1), (0, 9, 1, 2), (1, 10, 1, 3)]), []);
    }

    #[test]
    fn types_left_out_are_no_loss() {
        let filtered: Vec<_> = (0..3000).map(|n| (0, n * 7, n, n as i64)).collect();
        assert_eq!(losses(&filtered), []);
        let lost: Vec<_> = filtered.into_iter().filter(|line| !(50..60).contains(&line.2)).collect();
        assert_eq!(losses(&lost), [(10, 49, 60)]);
    }

    #[test]
    fn hand_picked_lines_tell_nothing() {
        let picked: Vec<_> = (0..3000).map(|n| (0, n * 7, n * 3, n as i64)).collect();
        assert_eq!(losses(&picked), []);
    }

    #[test]
    fn runs_one_after_another_are_told_apart() {
        let first = run(0..50);
        let second = (0..40).map(|n| (0, n, n, 1000 + n as i64));
        let earlier_slice = (5000..5100).map(|n| (0, n, n, 100 + n as i64));
        assert_eq!(losses(&first.iter().copied().chain(second.clone()).collect::<Vec<_>>()), []);
        assert_eq!(
            losses(&earlier_slice.chain(second.map(|(t, g, n, s)| (t, g, n, s + 9000))).collect::<Vec<_>>()),
            []
        );
    }

    #[test]
    fn equal_numbers_and_repeated_files_are_no_loss() {
        assert_eq!(losses(&(0..300).map(|n| (0, 0, 0, n)).collect::<Vec<_>>()), []);
        assert_eq!(losses(&[run(0..300), run(0..300)].concat()), []);
    }

    /// What is missing before the clock is set back, while it is, and after: in a run of all types, and of some.
    #[test]
    fn a_clock_that_is_set_back_hides_no_loss() {
        for every in [1, 9] {
            let (mut sequence, mut told) = (Sequence::live(), Vec::new());
            for n in (0..2000).chain(2010..4000).chain(4020..6000).chain(6030..9000) {
                let second = if n < 4010 { 100_000 + n as i64 } else { n as i64 };
                let time = Timestamp::from_nanos(second * 1_000_000_000);
                sequence.note(0, b"open", Mark { time, global: n * every, number: n });
                told.extend(sequence.take_losses());
            }
            let counts: Vec<_> = told.iter().map(|loss| loss.count).collect();
            assert_eq!(counts, [10, 20, 30], "{told:?}");
        }
    }

    #[test]
    fn memory_is_bounded() {
        let mut sequence = Sequence::new();
        for n in 0..20_000u64 {
            let time = Timestamp::from_nanos(n as i64);
            sequence.note(0, b"open", Mark { time, global: n * 3, number: n * 3 });
        }
        assert!(sequence.all.stretches.len() <= MAX_STRETCHES + LOOK_EVERY as usize);
    }
}
