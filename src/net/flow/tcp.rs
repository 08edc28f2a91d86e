//! TCP: what a segment adds to a flow: its bytes, each once, behind the handshake; gaps that nothing will fill; the end.

use super::handshake::{Run, Side};
use super::table::{Flows, Seen};
use super::{Close, DISORDER, Flow, INTO, MAX_SPARE, NetFact, NetKind, OUT, Shared, Timestamp, UnknownName};
use crate::net::dns;
use crate::net::frame::{Segment, TcpHeader};

impl Flows {
    /// Adds a segment to its flow.
    #[inline]
    pub(in crate::net) fn tcp(
        &mut self,
        slot: u32,
        from_client: bool,
        seen: &Seen<'_>,
        tcp: TcpHeader,
        shared: &mut Shared,
        out: &mut Vec<NetFact>,
    ) {
        let Some(flow) = self.flow(slot) else { return };
        let this = if from_client { OUT } else { INTO };
        let again = flow.passes_again(this, seen);
        flow.halves[this].packets += u64::from(!again);
        let greeted = flow.greeted;
        flow.segment(this, seen.time, tcp, &seen.segment, shared, out);
        if flow.greeted != greeted {
            self.note_shared(slot, shared);
        }
        self.share(seen.time, shared, out);
        let Some(flow) = self.flow(slot) else { return };
        let quiet =
            flow.settled && flow.closed.is_none() && flow.halves.iter().all(|half| half.stream.is_whole());
        if !quiet && let Some(due) = flow.wish() {
            self.schedule(slot, due);
        }
    }
}

impl Flow {
    /// Takes the next bytes in order of a connection that is under way, or an acknowledgment alone. False, and nothing is
    /// done, if there is more to it.
    #[inline(always)]
    pub(super) fn goes_on(
        &mut self,
        this: usize,
        time: Timestamp,
        tcp: TcpHeader,
        len: u32,
        out: &mut Vec<NetFact>,
    ) -> bool {
        // Of bytes it matters whether they belong to the handshake.
        let under_way = (self.settled || len == 0) && self.closed.is_none() && self.older.is_none();
        let plain = under_way && self.halves[1 - this].stream.is_whole() && self.server_port() != dns::PORT;
        if !(plain && self.halves[this].stream.extend(tcp.seq, len)) {
            return false;
        }
        self.halves[this].packets += 1;
        self.halves[1 - this].stream.acknowledge(tcp.ack);
        self.touch(time);
        if self.tells && (time >= self.answers_from || this == self.opener()) {
            self.tell_bytes(time, this, u64::from(len), out);
        }
        true
    }

    fn segment(
        &mut self,
        this: usize,
        time: Timestamp,
        tcp: TcpHeader,
        segment: &Segment<'_>,
        shared: &mut Shared,
        out: &mut Vec<NetFact>,
    ) {
        if tcp.has(TcpHeader::SYN) {
            if self.is_stray(this, tcp) || self.is_too_late(this, time, tcp) {
                shared.stats.out_of_window += 1;
                return;
            }
            self.syn(this == OUT, tcp);
        }
        self.touch(time);
        if tcp.has(TcpHeader::ACK) {
            self.halves[1 - this].stream.acknowledge(tcp.ack);
        }
        let half = &mut self.halves[this];
        let seq = tcp.seq.wrapping_add(u32::from(tcp.has(TcpHeader::SYN)));
        // A reset may carry a reason in words; those are no payload.
        let len = if tcp.has(TcpHeader::RST) { 0 } else { segment.len };
        shared.pieces.clear();
        let Some(start) = half.stream.add(seq, len, time, &mut shared.pieces) else {
            shared.stats.out_of_window += 1;
            return;
        };
        if tcp.has(TcpHeader::FIN) {
            half.stream.set_fin(start + i64::from(len));
        }
        if !shared.pieces.is_empty() {
            self.payload(this, Run { start, bytes: segment.payload, len, time }, shared, out);
        }
        if !half_whole(self) {
            self.close_holes(time, shared, out);
        }
        if tcp.has(TcpHeader::RST) {
            if self.halves[this].stream.is_next(start) {
                self.mark_closed(time, Close::Reset, out);
            }
        } else if self.closed.is_none() && self.halves.iter().all(|half| half.stream.finished()) {
            // Without the beginning, late segments may still show how it began.
            if self.halves.iter().all(|half| half.stream.start.is_some()) {
                self.conclude(shared, out);
            }
            self.mark_closed(time, Close::Finished, out);
        }
    }

    /// Of a flow that was picked up without its beginning, the SYN of the side that was called comes no later than packets
    /// are out of order: to believe one that does would be to believe that all from its number on had passed unseen.
    fn is_too_late(&self, half: usize, time: Timestamp, tcp: TcpHeader) -> bool {
        let calls = tcp.has(TcpHeader::SYN) && !tcp.has(TcpHeader::ACK);
        let stream = &self.halves[half].stream;
        let picked_up = half != self.opener() && stream.begun() && stream.start.is_none();
        calls && picked_up && self.closed.is_none() && time.since(self.first) > DISORDER
    }

    /// A SYN tells where its sender's stream begins, its answer where the other's does; both tell who opened.
    #[cold]
    fn syn(&mut self, from_client: bool, tcp: TcpHeader) {
        let this = if from_client { OUT } else { INTO };
        self.halves[this].stream.begin(tcp.seq.wrapping_add(1));
        let answers = tcp.has(TcpHeader::ACK);
        if answers && self.halves[1 - this].stream.start.is_none() {
            self.halves[1 - this].stream.begin(tcp.ack);
        }
        if !self.opener_known && self.handshake.is_none() {
            self.client_opened = from_client != answers;
        }
        self.opener_known = true;
        self.midstream = false;
    }

    /// New bytes, listed in `shared.pieces`.
    #[inline]
    fn payload(&mut self, this: usize, run: Run<'_>, shared: &mut Shared, out: &mut Vec<NetFact>) {
        if self.settled {
            if run.time < self.answers_from && this != self.opener() {
                return;
            }
            let new: i64 = shared.pieces.iter().map(|piece| piece.end - piece.start).sum();
            self.tell_bytes(run.time, this, new.unsigned_abs(), out);
        } else {
            self.opening(this, run, shared, out);
        }
        if self.server_port() == dns::PORT {
            self.dns_over_tcp(this, run, shared);
        }
    }

    /// New bytes of a flow whose handshake is not over.
    fn opening(&mut self, this: usize, run: Run<'_>, shared: &mut Shared, out: &mut Vec<NetFact>) {
        let opener = self.opener();
        let start = self.halves[opener].stream.start;
        let spare = &mut shared.spare;
        let handshake = self.handshake.get_or_insert_with(|| spare.pop().unwrap_or_default());
        let before = handshake.size();
        let progress = &mut shared.progress;
        for piece in &shared.pieces {
            if this == opener {
                handshake.opener(run.part(piece), start, progress);
            } else {
                handshake.answerer(run.time, (piece.end - piece.start).unsigned_abs(), progress);
            }
        }
        handshake.expire(run.time, progress);
        shared.held = (shared.held + handshake.size()).saturating_sub(before);
        if shared.held > shared.limits.handshake_bytes && handshake.size() > 0 {
            shared.stats.note_hello_given_up(run.time);
            shared.held -= handshake.size();
            handshake.conclude(run.time, progress);
            progress.settled = true;
        }
        self.follow(shared, out);
    }

    /// Tells what a handshake made known, and drops it once everything counts.
    pub(super) fn follow(&mut self, shared: &mut Shared, out: &mut Vec<NetFact>) {
        let opener = self.opener();
        if let Some((time, target)) = shared.progress.target.take() {
            self.asked_of_proxy(time, target, out);
        }
        if let Some(time) = shared.progress.peer.take() {
            self.tell_nameless(time, UnknownName::PeerToPeer, out);
        }
        if let Some((time, mut hello)) = shared.progress.hello.take() {
            self.tell_hello(time, &mut hello, shared, out);
            if let Some(handshake) = &mut self.handshake {
                handshake.give_back(hello);
            }
        }
        if let Some((time, is_tls)) = shared.progress.classified.take() {
            self.classify(time, is_tls, shared, out);
        }
        for (time, side, count) in shared.progress.bytes.drain(..) {
            let half = if side == Side::Opener { opener } else { 1 - opener };
            self.tell_bytes(time, half, count, out);
        }
        if let Some(time) = shared.progress.answers_from.take() {
            self.answers_from = time;
            self.halves[1 - opener].stream.end_handshake();
        }
        if std::mem::take(&mut shared.progress.settled) {
            self.settled = true;
            if let Some(mut handshake) = self.handshake.take() {
                shared.held = shared.held.saturating_sub(handshake.size());
                if shared.spare.len() < MAX_SPARE {
                    handshake.reset();
                    shared.spare.push(handshake);
                }
            }
        }
    }

    /// Gives up on holes that have been open too long; their bytes passed unseen.
    #[cold]
    pub(super) fn close_holes(&mut self, time: Timestamp, shared: &mut Shared, out: &mut Vec<NetFact>) {
        let before = time.minus(DISORDER);
        for this in [OUT, INTO] {
            while self.halves[this].stream.overdue(before) {
                self.close_hole(this, time, shared, out);
            }
        }
    }

    pub(super) fn close_hole(
        &mut self,
        this: usize,
        time: Timestamp,
        shared: &mut Shared,
        out: &mut Vec<NetFact>,
    ) {
        let Some((hole, counts)) = self.halves[this].stream.give_up() else { return };
        let length = (hole.end - hole.start).unsigned_abs();
        if !counts {
            return;
        }
        shared.stats.lost_bytes += length;
        shared.stats.note_loss(time);
        if self.settled || self.handshake.as_ref().is_some_and(|handshake| handshake.is_counting()) {
            let counted = self.halves[this].stream.countable(&hole);
            self.tell_bytes(time, this, counted, out);
        }
    }

    /// Everything that can still be concluded, is.
    pub(super) fn conclude(&mut self, shared: &mut Shared, out: &mut Vec<NetFact>) {
        for this in [OUT, INTO] {
            while !self.halves[this].stream.is_whole() {
                self.close_hole(this, self.last, shared, out);
            }
        }
        if let Some(handshake) = &mut self.handshake {
            let before = handshake.size();
            handshake.conclude(self.last, &mut shared.progress);
            shared.held = (shared.held + handshake.size()).saturating_sub(before);
            if self.closed.is_some() || !handshake.is_waiting() {
                shared.progress.settled = true;
            }
            self.follow(shared, out);
        }
        self.give_up_hello(self.last, shared, out);
        self.settle_name(shared, out);
    }

    /// A timer ran out: what has waited long enough is given up.
    pub(super) fn expire(&mut self, shared: &mut Shared, out: &mut Vec<NetFact>) {
        let now = shared.now;
        if self.halves.iter().any(|half| !half.stream.is_whole()) {
            self.close_holes(now, shared, out);
        }
        if let Some(handshake) = &mut self.handshake {
            let before = handshake.size();
            handshake.expire(now, &mut shared.progress);
            shared.held = (shared.held + handshake.size()).saturating_sub(before);
            self.follow(shared, out);
        }
        let since = self.opening.as_ref().and_then(|opening| opening.since);
        if since.is_some_and(|since| now.since(since) > DISORDER) {
            self.give_up_hello(now, shared, out);
        }
        if self.unnamed.is_some_and(|(_, since)| now.since(since) > DISORDER) {
            self.settle_name(shared, out);
        }
    }

    pub(super) fn mark_closed(&mut self, time: Timestamp, close: Close, out: &mut Vec<NetFact>) {
        if self.closed.is_none() {
            self.closed = Some(close);
            if self.halves[INTO].packets == 0 {
                self.tell(time, NetKind::Unanswered, out);
            }
            self.tell(time, NetKind::Closed(close), out);
        }
    }
}

#[inline]
fn half_whole(flow: &Flow) -> bool {
    flow.halves[OUT].stream.is_whole() && flow.halves[INTO].stream.is_whole()
}
