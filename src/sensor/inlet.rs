//! Where a live sensor hands over what it heard: never waits, counts what is lost, says so when it can.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use crate::model::{Input, Observed, ProcessInfo, ProcessKey, Timestamp, What};

use super::gate::Gate;
use super::loss::{Losses, Numbers};
use super::processes::Processes;
use super::queue::{Inputs, Offered};

/// The way from one sensor to the engine. Shared by the threads of the sensor and the daemon that opened and closes it.
pub struct Inlet {
    hearing: Mutex<Hearing>,
    /// Who runs now.
    pub processes: Arc<Processes>,
}

struct Hearing {
    gate: Box<dyn Gate + Send>,
    losses: Losses,
    /// `None` once closed.
    inputs: Option<Inputs>,
    counts: Counts,
}

/// What went through since the start.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Counts {
    /// Messages that the sensor was given.
    pub heard: u64,
    /// Inputs that went on to the engine.
    pub told: u64,
    /// Messages known to be lost, by the system or because the engine was behind.
    pub lost: u64,
    /// Messages whose reading failed by a fault of ours; each is also lost.
    pub faults: u64,
}

impl Inlet {
    pub fn new(gate: Box<dyn Gate + Send>, inputs: Inputs, processes: Arc<Processes>) -> Self {
        let hearing =
            Hearing { gate, losses: Losses::default(), inputs: Some(inputs), counts: Counts::default() };
        Self { hearing: Mutex::new(hearing), processes }
    }

    /// Takes one message: `read` makes of it what may matter, and says `None` for the rest.
    pub fn hear(
        &self,
        numbers: Numbers,
        time: Timestamp,
        read: impl FnOnce(&mut dyn Gate, &Processes) -> Option<Observed>,
    ) {
        let mut hearing = self.lock();
        hearing.counts.heard += 1;
        hearing.losses.heard(numbers, time);
        if let Some(observed) = read(hearing.gate.as_mut(), &self.processes) {
            self.tell(&mut hearing, observed);
        }
    }

    /// What is lost here was the introduction of a process, perhaps: then its next event must introduce it again.
    fn tell(&self, hearing: &mut Hearing, observed: Observed) {
        let time = observed.time;
        let refused = if hearing.tell_losses() {
            hearing.offer(Input::Process(observed))
        } else {
            Some(Input::Process(observed))
        };
        if let Some(Input::Process(observed)) = refused {
            hearing.losses.refused(time);
            introduced(&observed).for_each(|key| self.processes.unseen(key));
        }
    }

    /// Takes one message of a sensor that keeps its own books of losses, and hands over what comes of it by itself.
    pub fn hear_with<T>(&self, read: impl FnOnce(&mut dyn Gate) -> T) -> T {
        let mut hearing = self.lock();
        hearing.counts.heard += 1;
        read(hearing.gate.as_mut())
    }

    /// Tells of processes that run already; each once, whoever else tells of it. Those that ended meanwhile are forgotten
    /// like any other.
    pub fn introduce(&self, running: impl Iterator<Item = Arc<ProcessInfo>>, time: Timestamp) {
        for info in running {
            let key = info.key;
            let since = info.started.map_or(time, |started| started.min(time));
            if !self.processes.seen(key, since) {
                continue;
            }
            let input =
                Input::Process(Observed { time, seq: 0, actor: key, info: Some(info), what: What::Seen });
            if self.offer(input).is_some() {
                // Its next event will introduce it.
                self.processes.unseen(key);
            }
        }
    }

    /// A message was given up because of a fault of ours.
    pub fn gave_up(&self, time: Timestamp) {
        let mut hearing = self.lock();
        hearing.counts.faults += 1;
        hearing.losses.refused(time);
    }

    /// Something that happened at `time` cannot be heard.
    pub fn missed(&self, time: Timestamp) {
        self.lock().losses.refused(time);
    }

    /// Hands over an input made elsewhere. It comes back if there is no room now; a closed inlet swallows it.
    #[must_use = "what comes back was not taken"]
    pub fn offer(&self, input: Input) -> Option<Input> {
        self.lock().offer(input)
    }

    /// New policy: from the next message on.
    pub fn adopt(&self, gate: Box<dyn Gate + Send>) {
        self.lock().gate = gate;
    }

    /// Nothing more goes through. What was lost and never told is told first, if the engine makes room within `grace`.
    pub fn close(&self, grace: Duration) {
        const STEP: Duration = Duration::from_millis(5);
        let mut waited = Duration::ZERO;
        while !self.lock().tell_losses() && waited < grace {
            thread::sleep(STEP);
            waited += STEP;
        }
        self.lock().inputs = None;
    }

    pub fn counts(&self) -> Counts {
        let hearing = self.lock();
        Counts { lost: hearing.losses.total(), ..hearing.counts }
    }

    /// A fault while the lock was held leaves counters and a gate, all of them whole between two messages.
    fn lock(&self) -> MutexGuard<'_, Hearing> {
        self.hearing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The processes that an event tells of for the first time.
fn introduced(observed: &Observed) -> impl Iterator<Item = ProcessKey> {
    let actor = observed.info.is_some().then_some(observed.actor);
    let other = match &observed.what {
        What::Exec { target: other, .. } | What::Fork { child: other } => Some(other.key),
        _ => None,
    };
    actor.into_iter().chain(other)
}

impl Hearing {
    /// True if there is nothing left to tell.
    fn tell_losses(&mut self) -> bool {
        let Some(coverage) = self.losses.take() else { return true };
        match self.offer(Input::Coverage(coverage)) {
            Some(Input::Coverage(coverage)) => {
                self.losses.untold(&coverage);
                false
            }
            _ => true,
        }
    }

    fn offer(&mut self, input: Input) -> Option<Input> {
        match self.inputs.as_ref()?.offer(input) {
            Offered::Taken => self.counts.told += 1,
            Offered::Full(input) => return Some(input),
            Offered::Gone => self.inputs = None,
        }
        None
    }
}

impl fmt::Debug for Inlet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inlet").field("counts", &self.counts()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use super::*;
    use crate::model::Pid;
    use crate::sensor::loss::Hearer;
    use crate::sensor::queue::{Outlet, Patience, queue};
    use crate::sensor::tap::testing::{Deaf, process};

    fn inlet(room: usize) -> (Inlet, Outlet) {
        let (inputs, heard) = queue(room);
        (Inlet::new(Box::new(Deaf), inputs, Arc::default()), heard)
    }

    fn told(outlet: &Outlet) -> VecDeque<Input> {
        let mut told = VecDeque::new();
        outlet.take(&mut told, Patience::Until(Duration::ZERO));
        told
    }

    fn hear(inlet: &Inlet, number: u64) {
        let numbers = Numbers { hearer: Hearer::Life, kind: 15, global: Some(number), of_kind: Some(number) };
        let time = Timestamp::from_nanos(number as i64);
        let actor = ProcessKey { pid: Pid(1), version: 1 };
        inlet.hear(numbers, time, |_, _| {
            Some(Observed { time, seq: number, actor, info: None, what: What::Exit })
        });
    }

    #[test]
    fn a_full_queue_loses_and_the_loss_is_told_before_the_next_event() {
        let (inlet, heard) = inlet(2);
        (0..5).for_each(|number| hear(&inlet, number));
        assert_eq!(told(&heard).len(), 2);
        hear(&inlet, 5);
        let told = Vec::from(told(&heard));
        assert!(
            matches!(&told[..], [Input::Coverage(lost), Input::Process(_)] if lost.count == 3),
            "{told:?}"
        );
        assert_eq!(inlet.counts(), Counts { heard: 6, told: 4, lost: 3, faults: 0 });
    }

    #[test]
    fn who_runs_is_introduced_once() {
        let (inlet, heard) = inlet(2);
        let running = |pid| Arc::new(process(ProcessKey { pid: Pid(pid), version: 3 }));
        let time = Timestamp::from_nanos(5);
        inlet.introduce([running(7), running(7), running(8), running(9)].into_iter(), time);
        let told: Vec<Pid> = told(&heard)
            .into_iter()
            .filter_map(|input| match input {
                Input::Process(seen) if seen.what == What::Seen && seen.info.is_some() => {
                    Some(seen.actor.pid)
                }
                _ => None,
            })
            .collect();
        assert_eq!(told, [Pid(7), Pid(8)]);
        assert!(inlet.processes.seen(ProcessKey { pid: Pid(9), version: 3 }, time), "not told, so still new");
    }

    #[test]
    fn closing_tells_the_last_loss_and_ends_the_queue() {
        let (inlet, heard) = inlet(1);
        hear(&inlet, 0);
        hear(&inlet, 1);
        let reader = thread::spawn(move || heard.drain());
        inlet.close(Duration::from_secs(5));
        hear(&inlet, 2);
        let told = reader.join().unwrap();
        assert!(
            matches!(&told[..], [Input::Process(_), Input::Coverage(lost)] if lost.count == 1),
            "{told:?}"
        );
    }

    #[test]
    fn an_engine_that_is_gone_is_no_fault_of_the_sensor() {
        let (inlet, heard) = inlet(1);
        drop(heard);
        hear(&inlet, 0);
        inlet.close(Duration::ZERO);
        assert_eq!(inlet.counts().heard, 1);
    }
}
