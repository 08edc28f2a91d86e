use super::*;
use crate::model::ClockStep;

fn tick(millis: i64) -> Input {
    Input::Tick(Timestamp::from_nanos(millis * 1_000_000))
}

fn drain(order: &mut Order) -> Vec<i64> {
    std::iter::from_fn(|| order.pop()).map(|input| input.time().as_nanos() / 1_000_000).collect()
}

#[test]
fn waits_for_stragglers_and_for_silent_sources() {
    let mut order = Order::new(Span::from_millis(100));
    let (a, b) = (order.open(SourceRank(1)), order.open(SourceRank(2)));
    for at in [10, 5, 300] {
        order.push(a, tick(at));
    }
    assert_eq!(drain(&mut order), [] as [i64; 0], "b has said nothing yet");
    assert_eq!(order.due(), Some(Timestamp::from_nanos(105_000_000)));
    order.push(b, tick(120));
    assert_eq!(drain(&mut order), [5, 10]);
    order.close(b);
    assert_eq!(drain(&mut order), [120]);
    order.close(a);
    assert_eq!(drain(&mut order), [300]);
    assert_eq!(order.disorder(), (0, 0));
}

#[test]
fn latecomers_pass_and_are_counted() {
    let mut order = Order::new(Span::from_millis(10));
    let a = order.open(SourceRank(1));
    order.push(a, tick(1));
    order.push(a, tick(100));
    assert_eq!(drain(&mut order), [1]);
    order.push(a, tick(200));
    assert_eq!(drain(&mut order), [100]);
    order.push(a, tick(50));
    assert_eq!(drain(&mut order), [50]);
    assert_eq!(order.disorder().0, 1);
    assert_eq!(order.take_disordered(), Some(Timestamp::from_nanos(50_000_000)));
    assert_eq!(order.take_disordered(), None);
}

/// What is kept about the sources is what a look at all of them would find.
#[test]
fn what_is_kept_holds_after_each_move() {
    let mut order = Order::new(Span::from_millis(3));
    let mut chance = 1_u64;
    let mut next = |below: u64| {
        chance = chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (chance >> 33) % below
    };
    let mut ids: Vec<SourceId> = (0..3).map(|_| order.open(SourceRank(next(2)))).collect();
    for _ in 0..5_000 {
        let source = ids[next(ids.len() as u64) as usize];
        match next(40) {
            0 if ids.len() < 9 => ids.push(order.open(SourceRank(next(2)))),
            1 if ids.len() > 2 => order.close(ids.remove(0)),
            2..=9 => order.reached(source, Timestamp::from_nanos(next(200) as i64 * 1_000_000)),
            10..=24 => _ = order.push(source, tick(next(200) as i64)),
            _ => drop(order.pop()),
        }
        let kept = (order.hungriest, order.watermark, order.first);
        order.look_for_the_hungriest();
        order.look_for_the_first();
        assert_eq!(kept, (order.hungriest, order.watermark, order.first));
        let least = order.sources.iter().filter(|source| source.open).map(|source| source.reached).min();
        let mark = least.map(|least| least.map_or(Timestamp::MIN, |at| at.minus(Span::from_millis(3))));
        assert_eq!(order.watermark, mark);
        assert_eq!(order.first.1, order.sources.iter().map(Source::front).min().unwrap());
    }
}

#[test]
fn order_of_equal_times_does_not_depend_on_who_was_opened_first() {
    let run = |flip: bool| {
        let mut order = Order::new(Span::ZERO);
        let ranks = if flip { [SourceRank(2), SourceRank(1)] } else { [SourceRank(1), SourceRank(2)] };
        let ids = ranks.map(|rank| order.open(rank));
        let one = |rank: SourceRank| ids[ranks.iter().position(|r| *r == rank).unwrap()];
        order.push(one(SourceRank(2)), Input::Tick(Timestamp::from_nanos(7)));
        order.push(one(SourceRank(1)), Input::Tick(Timestamp::from_nanos(7)));
        (0..2)
            .map(|_| {
                let (first, _) = order.first;
                order.sources[first].take();
                order.look_for_the_first();
                order.sources[first].rank
            })
            .collect::<Vec<_>>()
    };
    assert_eq!(run(false), run(true));
}

/// What waits, what comes since, and what was stamped before and comes late.
#[test]
fn a_clock_is_set_while_inputs_wait() {
    let by = |seconds: i64| ClockStep::from_nanos(seconds * 1_000_000_000);
    for hour in [-3600, 3600] {
        let shown = |millis: i64| millis + hour * 1000;
        let mut order = Order::new(Span::from_secs(1));
        let (a, b) = (order.open(SourceRank(1)), order.open(SourceRank(2)));
        order.push(a, tick(4_999_500));
        order.push(a, tick(5_000_900));
        order.push(a, tick(5_000_800));
        order.push(b, tick(5_001_100));
        assert_eq!(drain(&mut order), [4_999_500]);
        order.clock_set(by(hour), Timestamp::from_nanos(shown(5_001_200) * 1_000_000));
        assert_eq!(order.due(), Some(Timestamp::from_nanos(shown(5_001_800) * 1_000_000)));
        order.push(a, tick(shown(5_001_300)));
        order.push(a, tick(5_001_150));
        order.push(b, tick(shown(5_002_200)));
        assert_eq!(drain(&mut order), [] as [i64; 0], "a is not so far yet");
        order.push(a, tick(shown(5_002_200)));
        assert_eq!(drain(&mut order), [5_000_800, 5_000_900, 5_001_100, 5_001_150].map(shown));
        order.push(a, tick(shown(5_032_000)));
        order.push(b, tick(shown(5_032_000)));
        order.push(b, tick(5_032_000));
        order.close(a);
        order.close(b);
        assert!(drain(&mut order).contains(&5_032_000), "half a minute later a time is what it shows");
        assert_eq!(order.disorder().0, u64::from(hour > 0));
    }
}

#[test]
fn by_the_nearer_clock_inputs_are_told_apart() {
    let at = |seconds: i64| Timestamp::from_nanos(seconds * 1_000_000_000);
    let put = |step: i64, stamped: i64| {
        let mut order = Order::new(Span::ZERO);
        let source = order.open(SourceRank(1));
        order.clock_set(ClockStep::from_nanos(step * 1_000_000_000), at(10_000));
        order.push(source, Input::Tick(at(stamped)));
        order.pop().map(|input| input.time().as_nanos() / 1_000_000_000)
    };
    let back = [(-3600, 13_599), (-3600, 9_999), (-3600, 10_029), (-8, 10_007), (-8, 10_003)];
    assert_eq!(back.map(|(step, at)| put(step, at)), [9_999, 9_999, 10_029, 9_999, 10_003].map(Some));
    let forward = [(3600, 6_399), (3600, 9_999), (3600, 10_029), (8, 9_991), (8, 9_997)];
    assert_eq!(forward.map(|(step, at)| put(step, at)), [9_999, 9_999, 10_029, 9_999, 9_997].map(Some));
}

/// Back and back again, forward and back: what was stamped by each of the clocks and is on its way still.
#[test]
fn a_clock_is_set_again_before_all_is_heard() {
    let at = |seconds: i64| Timestamp::from_nanos(seconds * 1_000_000_000);
    for (first, then) in [(-3600, -3600), (-3600, 3600), (3600, 7200), (7200, -3600), (60, -3600)] {
        for stamped in 0..3 {
            let mut order = Order::new(Span::ZERO);
            let source = order.open(SourceRank(1));
            order.clock_set(ClockStep::from_nanos(first * 1_000_000_000), at(50_000 + first));
            order.clock_set(ClockStep::from_nanos(then * 1_000_000_000), at(50_001 + first + then));
            let shown = [50_000, 50_000 + first, 50_000 + first + then][stamped];
            order.push(source, Input::Tick(at(shown)));
            let time = order.pop().map(|input| input.time());
            assert_eq!(time, Some(at(50_000 + first + then)), "{first} {then}, clock {stamped}");
        }
    }
}
