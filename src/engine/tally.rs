//! What each life has sent, place by place, since it first carried a read. Sums and forgets; only `judge` knows what it means.

use std::sync::Arc;

use crate::model::{Attribution, FlowEvidence, FlowId, ProcessEvidence, Span, Timestamp};
use crate::policy::{Identity, SetMask};

use super::fetched::{Bytes, Exchange};
use super::window::{Doubts, Place};

/// Destinations a life is tallied for at most (about 300 bytes each). Beyond it the least one makes room, counted.
pub const MAX_TALLIES: usize = 32;
/// Flows kept as evidence in one tally; the bytes of further ones are added to the last.
pub const MAX_TALLY_FLOWS: usize = 32;
/// Silence that ends an upload, in event time.
pub const SILENCE: Span = Span::from_secs(2);

/// Who sends: the image that a life had then.
#[derive(Clone, Debug)]
pub struct Sender {
    pub evidence: Arc<ProcessEvidence>,
    pub identity: Arc<Identity>,
}

/// What one image of a life sent to one place since it first carried a read.
#[derive(Debug)]
pub struct Tally {
    pub place: Place,
    /// The image, as it was when the bytes last crossed a floor: the process may be another program when they are judged.
    pub sender: Sender,
    /// The image's code identity: after an exec in place another tally is kept.
    pub code: Arc<str>,
    pub out: u64,
    pub into: u64,
    pub attribution: Attribution,
    pub doubts: Doubts,
    /// The local connection that this was sent on for.
    pub local: Option<FlowId>,
    /// Weakest way in which the destinations' names are known.
    pub host_wide_name: bool,
    pub flows: Vec<Exchange>,
    /// Of `out` and `into`, what came with downloads.
    pub fetched: Bytes,
    /// When the present run of outgoing bytes began: a run ends with [`SILENCE`].
    pub run_began: Timestamp,
    pub last_out: Timestamp,
    pub last_any: Timestamp,
    /// Below this many bytes out no bearing can cross its floor: nothing to evaluate.
    pub check_at: u64,
    /// How often its place was taken, or it was begun anew.
    pub generation: u16,
    /// A read has crossed a floor of it since it began.
    pub crossed: bool,
    /// Crossed, waiting to be judged: the moment of the earliest crossing.
    pub pending: Option<Timestamp>,
    /// A silence timer is set.
    pub timed: bool,
    /// The policy that `permitted` and `asked` are from.
    pub epoch: u32,
    /// Sets that the allow list lets this image send to this place, as far as asked.
    pub permitted: SetMask,
    pub asked: SetMask,
    /// Bytes out and in at the last judgement that raised or renewed an alert.
    pub judged: Option<(u64, u64)>,
    /// Bytes out and in that were told in alerts so far, and where the sums above stood then.
    pub counted: (u64, u64),
    pub counted_at: (u64, u64),
    /// Where `fetched` stood when it began.
    pub fetched_at: Bytes,
}

impl Tally {
    pub fn new(
        place: Place,
        sender: Sender,
        code: Arc<str>,
        time: Timestamp,
        attribution: Attribution,
    ) -> Self {
        Self {
            place,
            sender,
            code,
            out: 0,
            into: 0,
            attribution,
            doubts: Doubts::NONE,
            local: None,
            host_wide_name: false,
            flows: Vec::new(),
            fetched: Bytes::default(),
            run_began: time,
            last_out: Timestamp::MIN,
            last_any: time,
            check_at: 0,
            generation: 0,
            crossed: false,
            pending: None,
            timed: false,
            epoch: 0,
            permitted: SetMask::default(),
            asked: SetMask::default(),
            judged: None,
            counted: (0, 0),
            counted_at: (0, 0),
            fetched_at: Bytes::default(),
        }
    }

    /// When the run of outgoing bytes began that a byte at `time` belongs to.
    pub fn run_at(&self, time: Timestamp) -> Timestamp {
        let fresh = self.last_out == Timestamp::MIN || time.since(self.last_out) > SILENCE;
        if fresh { time } else { self.run_began }
    }

    /// Nothing that was told counts any more: the reads that led to it lie too far back. What the sums were goes on, so that
    /// reads know what was sent before them.
    pub fn begin_anew(&mut self, sender: Sender, time: Timestamp, attribution: Attribution) {
        let anew = Self::new(self.place.clone(), sender, Arc::clone(&self.code), time, attribution);
        let (out, into, timed, fetched) = (self.out, self.into, self.timed, self.fetched);
        let generation = self.generation.wrapping_add(1);
        let (counted_at, fetched_at, last_out) = ((out, into), fetched, self.last_out);
        *self = Self { out, into, timed, fetched, generation, counted_at, fetched_at, last_out, ..anew };
    }

    /// Adds payload of one flow at `time`. `ratio` tells downloads, `template` the flow's facts when it is new here.
    pub fn add(
        &mut self,
        flow: FlowId,
        time: Timestamp,
        Bytes { out, into }: Bytes,
        ratio: f64,
        template: impl FnOnce() -> FlowEvidence,
    ) {
        if out > 0 {
            self.run_began = self.run_at(time);
            self.last_out = self.last_out.max(time);
        }
        self.last_any = self.last_any.max(time);
        self.out += out;
        self.into += into;
        let at = match self.flows.iter().rposition(|known| known.flow == flow) {
            Some(at) => at,
            None if self.flows.len() >= MAX_TALLY_FLOWS => MAX_TALLY_FLOWS - 1,
            None => {
                self.flows.push(Exchange::new(flow, template()));
                self.flows.len() - 1
            }
        };
        self.fetched = self.fetched.and(self.flows[at].add(time, Bytes { out, into }, ratio));
        let evidence = &mut self.flows[at].evidence;
        evidence.bytes_out += out;
        evidence.bytes_in += into;
        evidence.start = evidence.start.min(time);
        evidence.end = evidence.end.max(time);
    }
}
