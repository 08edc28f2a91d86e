//! The queue between the sensors and the engine's thread.
//!
//! The engine holds every input back for a while anyway. So its thread sleeps until the first of them may go, and what
//! comes meanwhile gathers here without waking it: on a busy Mac a switch of threads for each event would cost more than
//! the event.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::model::Input;

/// A queue for `room` inputs; as many again may be with the one who takes them.
pub fn queue(room: usize) -> (Inputs, Outlet) {
    let waiting = Waiting { inputs: VecDeque::new(), room, wake_at: NOBODY_SLEEPS, given: true, taken: true };
    let shared = Arc::new(Shared { waiting: Mutex::new(waiting), filled: Condvar::new() });
    (Inputs(Arc::clone(&shared)), Outlet(shared))
}

/// More than ever wait.
const NOBODY_SLEEPS: usize = usize::MAX;

#[derive(Debug)]
struct Shared {
    waiting: Mutex<Waiting>,
    filled: Condvar,
}

#[derive(Debug)]
struct Waiting {
    inputs: VecDeque<Input>,
    room: usize,
    /// Whoever sleeps is woken when so many wait.
    wake_at: usize,
    /// Somebody is there to give, and to take.
    given: bool,
    taken: bool,
}

impl Shared {
    /// A fault while the lock was held leaves a queue that is whole.
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What became of an input.
#[derive(Debug)]
pub enum Offered {
    Taken,
    /// There is no room now.
    Full(Input),
    /// Nobody takes any more.
    Gone,
}

/// The end of the sensors. The queue is over when it is dropped.
#[derive(Debug)]
pub struct Inputs(Arc<Shared>);

impl Inputs {
    /// Never waits for room.
    pub fn offer(&self, input: Input) -> Offered {
        let mut waiting = self.0.lock();
        if !waiting.taken {
            return Offered::Gone;
        }
        if waiting.inputs.len() >= waiting.room {
            return Offered::Full(input);
        }
        waiting.inputs.push_back(input);
        let wake = waiting.inputs.len() >= waiting.wake_at;
        drop(waiting);
        if wake {
            self.0.filled.notify_one();
        }
        Offered::Taken
    }
}

impl Drop for Inputs {
    fn drop(&mut self) {
        self.0.lock().given = false;
        self.0.filled.notify_one();
    }
}

/// How long the one who takes may sleep where nothing waits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Patience {
    /// Until something comes.
    Any,
    /// So long, or until the queue is half full.
    Until(Duration),
}

/// What waiting came to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Taken {
    /// Perhaps nothing.
    Some,
    /// Nothing more will come.
    End,
}

/// The end of the engine.
#[derive(Debug)]
pub struct Outlet(Arc<Shared>);

impl Outlet {
    /// Moves all that waits into `batch`, which must be empty. Where that is nothing, sleeps first.
    pub fn take(&self, batch: &mut VecDeque<Input>, patience: Patience) -> Taken {
        let mut waiting = self.0.lock();
        if let Patience::Until(time) = patience {
            waiting = self.sleep(waiting, time);
        }
        while patience == Patience::Any && waiting.inputs.is_empty() && waiting.given {
            waiting.wake_at = 1;
            waiting = self.0.filled.wait(waiting).unwrap_or_else(PoisonError::into_inner);
        }
        waiting.wake_at = NOBODY_SLEEPS;
        std::mem::swap(&mut waiting.inputs, batch);
        if batch.is_empty() && !waiting.given { Taken::End } else { Taken::Some }
    }

    /// Until the time is over, the queue half full, or nobody left to fill it.
    fn sleep<'a>(&self, mut waiting: MutexGuard<'a, Waiting>, time: Duration) -> MutexGuard<'a, Waiting> {
        let until = Instant::now() + time;
        let enough = waiting.room.div_ceil(2);
        while waiting.inputs.len() < enough && waiting.given {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            waiting.wake_at = enough;
            let slept = self.0.filled.wait_timeout(waiting, left);
            waiting = slept.unwrap_or_else(PoisonError::into_inner).0;
        }
        waiting
    }

    /// All that will ever come.
    pub fn drain(self) -> Vec<Input> {
        let (mut all, mut batch) = (Vec::new(), VecDeque::new());
        while self.take(&mut batch, Patience::Any) == Taken::Some {
            all.extend(batch.drain(..));
        }
        all
    }
}

impl Drop for Outlet {
    fn drop(&mut self) {
        let mut waiting = self.0.lock();
        waiting.taken = false;
        waiting.inputs.clear();
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;
    use crate::model::Timestamp;

    fn tick(nanos: i64) -> Input {
        Input::Tick(Timestamp::from_nanos(nanos))
    }

    fn taken(inputs: &Inputs, nanos: i64) -> bool {
        matches!(inputs.offer(tick(nanos)), Offered::Taken)
    }

    #[test]
    fn nothing_beyond_its_room_and_all_in_order() {
        let (inputs, outlet) = queue(2);
        let mut batch = VecDeque::new();
        assert!([1, 2].into_iter().all(|at| taken(&inputs, at)));
        assert!(matches!(inputs.offer(tick(3)), Offered::Full(Input::Tick(_))));
        assert_eq!(outlet.take(&mut batch, Patience::Any), Taken::Some);
        assert_eq!(batch.drain(..).collect::<Vec<_>>(), [tick(1), tick(2)]);
        assert!(taken(&inputs, 3), "what was taken makes room");
        drop(inputs);
        assert_eq!(outlet.take(&mut batch, Patience::Any), Taken::Some);
        assert_eq!(batch.drain(..).collect::<Vec<_>>(), [tick(3)]);
        assert_eq!(outlet.take(&mut batch, Patience::Any), Taken::End);
    }

    #[test]
    fn nobody_to_take_is_said() {
        let (inputs, outlet) = queue(2);
        drop(outlet);
        assert!(matches!(inputs.offer(tick(1)), Offered::Gone));
    }

    #[test]
    fn one_who_sleeps_for_a_time_is_woken_by_a_queue_half_full_only() {
        let (inputs, outlet) = queue(4);
        let long = Duration::from_secs(600);
        let taker = thread::spawn(move || {
            let mut batch = VecDeque::new();
            outlet.take(&mut batch, Patience::Until(long));
            (batch.len(), outlet)
        });
        assert!(taken(&inputs, 1));
        assert!(taken(&inputs, 2));
        let (count, outlet) = taker.join().unwrap();
        assert_eq!(count, 2);
        let taker = thread::spawn(move || outlet.take(&mut VecDeque::new(), Patience::Until(long)));
        drop(inputs);
        assert_eq!(taker.join().unwrap(), Taken::End);
    }

    #[test]
    fn time_passes_where_nothing_comes() {
        let (_inputs, outlet) = queue(4);
        let nothing = outlet.take(&mut VecDeque::new(), Patience::Until(Duration::from_millis(1)));
        assert_eq!(nothing, Taken::Some);
    }

    #[test]
    fn one_who_sleeps_until_something_comes_is_woken_by_it() {
        let (inputs, outlet) = queue(4);
        let taker = thread::spawn(move || outlet.drain());
        assert!(taken(&inputs, 1));
        drop(inputs);
        assert_eq!(taker.join().unwrap(), [tick(1)]);
    }
}
