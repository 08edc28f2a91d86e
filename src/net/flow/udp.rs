//! UDP: what a datagram adds to a flow: its bytes; of QUIC the hello, which may lie in several; of DNS the answer. DNS over
//! TCP is read here, too.

use super::handshake::Run;
use super::table::{Flows, Seen};
use super::{Flow, INTO, NetFact, OUT, Pid, Shared, Timestamp, Transport, UnknownName};
use crate::net::dns::{self, Fit, Question};
use crate::net::{known, quic};

/// Datagrams of a flow that are looked at for STUN.
const MAX_STUN: u64 = 4;

impl Flows {
    /// Adds a datagram to its flow.
    pub(in crate::net) fn udp(
        &mut self,
        slot: u32,
        from_client: bool,
        seen: &Seen<'_>,
        shared: &mut Shared,
        out: &mut Vec<NetFact>,
    ) {
        let Some(flow) = self.flow(slot) else { return };
        let segment = &seen.segment;
        let this = if from_client { OUT } else { INTO };
        if flow.passes_again(this, seen) {
            return;
        }
        flow.touch(seen.time);
        let first = flow.halves.iter().all(|half| half.packets == 0);
        flow.halves[this].packets += 1;
        flow.halves[this].datagram_bytes += u64::from(segment.len);
        if flow.transport == Transport::Udp && !first && quic::is_quic(segment.payload) {
            flow.transport = Transport::Quic;
        }
        let count = match flow.transport {
            Transport::Quic => quic::application_bytes(segment.payload, segment.len),
            _ => segment.len,
        };
        flow.answered |= this != flow.opener() && count > 0;
        flow.tell_bytes(seen.time, this, u64::from(count), out);
        flow.read_names(seen, shared, out);
        let mut look = first;
        if flow.transport == Transport::Quic && !flow.greeted {
            look |= flow.initial(from_client, seen.time, segment.payload, shared, out);
        }
        if first && !flow.greeted {
            flow.want_name_of_datagrams(seen.time, shared, out);
        }
        let may_have_moved = first && from_client && flow.name.is_none() && flow.transport == Transport::Udp;
        let (id, names_itself) = (flow.id, flow.transport == Transport::Quic);
        if let Some(name) = quic::source_id(segment.payload).filter(|_| names_itself) {
            self.connections.learn((segment.src, segment.src_port), name, slot, id);
        }
        if may_have_moved && quic::is_short(segment.payload) {
            self.guess(slot, seen.time, out);
        }
        if look {
            self.note_shared(slot, shared);
        }
        self.share(seen.time, shared, out);
        if look && let Some(due) = self.flow(slot).and_then(|flow| flow.wish()) {
            self.schedule(slot, due);
        }
    }
}

impl Flow {
    /// What a datagram says of names: DNS tells them, STUN that there is none.
    #[inline]
    fn read_names(&mut self, seen: &Seen<'_>, shared: &mut Shared, out: &mut Vec<NetFact>) {
        let segment = &seen.segment;
        if segment.src_port == dns::PORT || segment.dst_port == dns::PORT {
            let answers = segment.src_port == dns::PORT;
            self.dns_message(segment.payload, answers, seen.time, shared);
        } else if segment.src_port == dns::MULTICAST_PORT {
            self.multicast_dns_message(segment.payload, seen.time, shared);
        }
        if self.transport == Transport::Udp
            && self.halves[OUT].packets + self.halves[INTO].packets <= MAX_STUN
            && known::is_stun(segment.payload)
        {
            self.tell_nameless(seen.time, UnknownName::PeerToPeer, out);
        }
    }

    fn want_name_of_datagrams(&mut self, time: Timestamp, shared: &mut Shared, out: &mut Vec<NetFact>) {
        match self.transport {
            // The rest of the hello is on its way: no need to ask DNS yet.
            Transport::Quic if self.opening.is_some() => {
                self.unnamed = Some((UnknownName::Unread, time));
            }
            Transport::Quic => self.want_name(UnknownName::Unread, time, shared, out),
            _ => self.want_name(UnknownName::PlainAddress, time, shared, out),
        }
    }

    /// Looks for the hello in a datagram of a QUIC connection. True if there is a reason to look at the flow again.
    fn initial(
        &mut self,
        from_client: bool,
        time: Timestamp,
        datagram: &[u8],
        shared: &mut Shared,
        out: &mut Vec<NetFact>,
    ) -> bool {
        // Short headers are what most datagrams have.
        if datagram.first().is_none_or(|first| first & 0x80 == 0) {
            return false;
        }
        let before = self.opening.as_ref().map_or(0, |opening| opening.size());
        let opening = self.opening.get_or_insert_with(|| Box::new(quic::Opening::new()));
        let news = opening.since.is_none();
        let step = opening.datagram(time, datagram, &mut shared.opened);
        let size = opening.size();
        self.chosen = opening.chosen();
        shared.held = (shared.held + size).saturating_sub(before);
        match step {
            quic::Step::Nothing | quic::Step::Part => {
                if step == quic::Step::Part {
                    self.client_opened = from_client;
                }
                if shared.held > shared.limits.handshake_bytes {
                    shared.stats.note_hello_given_up(time);
                    self.give_up_hello(time, shared, out);
                }
                return news;
            }
            quic::Step::Hello(mut hello) => {
                self.client_opened = from_client;
                self.tell_hello(time, &mut hello, shared, out);
            }
            quic::Step::NoHello => {
                self.greeted = true;
                self.want_name(UnknownName::Unread, time, shared, out);
            }
        }
        shared.held = shared.held.saturating_sub(size);
        self.opening = None;
        true
    }

    /// What is missing of a QUIC hello will not come any more: makes what it can of the rest.
    pub(super) fn give_up_hello(&mut self, time: Timestamp, shared: &mut Shared, out: &mut Vec<NetFact>) {
        let Some(opening) = self.opening.take() else { return };
        self.chosen = opening.chosen();
        shared.held = shared.held.saturating_sub(opening.size());
        if let Some(mut hello) = opening.give_up() {
            self.tell_hello(time, &mut hello, shared, out);
        }
    }

    /// Learns from a DNS message that this flow carried, in either direction. Of an answer that nobody asked for, nothing;
    /// of one whose question the capture may have missed, no more than any process's word.
    /// `answers`: it comes from the resolver's port.
    fn dns_message(&mut self, message: &[u8], answers: bool, time: Timestamp, shared: &mut Shared) {
        if let Some(question) = Question::of_query(message) {
            return self.dns.ask(question);
        }
        if !answers || !dns::read(message, false, &mut shared.answers) {
            return;
        }
        let question = shared.answers.question;
        let fit = self.dns.answer(question);
        let [effective, own] = self.askers();
        let asker = match fit {
            Fit::Asked => effective.or(own),
            Fit::NothingAsked => None,
            Fit::Unasked => {
                shared.stats.dns_unasked += 1;
                return;
            }
        };
        shared.stats.dns_answers += u64::from(!shared.answers.addresses.is_empty());
        shared.learn(time, asker);
    }

    /// Multicast DNS needs no question, and speaks for `.local` names only (RFC 6762).
    fn multicast_dns_message(&mut self, message: &[u8], time: Timestamp, shared: &mut Shared) {
        let read = dns::read(message, true, &mut shared.answers);
        let local = shared.answers.asked.as_ref().is_some_and(|name| name.as_str().ends_with(".local"));
        if read && local && !shared.answers.addresses.is_empty() {
            shared.stats.dns_answers += 1;
            let [effective, own] = self.askers();
            shared.learn(time, effective.or(own));
        }
    }

    /// Who may have asked DNS for this flow: the process on whose behalf it is, then its owner.
    pub(super) fn askers(&self) -> [dns::Asker; 2] {
        let owner = self.owner.as_ref();
        let effective = owner.and_then(|owner| owner.effective).map(|(pid, _)| pid);
        [effective, owner.map(|owner| owner.pid).filter(|pid: &Pid| pid.0 > 0)]
    }

    /// Messages with their length before them, in order however the segments come.
    #[cold]
    pub(super) fn dns_over_tcp(&mut self, this: usize, run: Run<'_>, shared: &mut Shared) {
        let start = self.halves[this].stream.start;
        let mut messages = std::mem::take(self.dns.side(this));
        for piece in &shared.pieces {
            messages.add(start, piece, run.part(piece).bytes);
        }
        messages.take(|message| self.dns_message(message, this == INTO, run.time, shared));
        *self.dns.side(this) = messages;
    }
}
