//! UDP: datagrams, QUIC, DNS.

use std::sync::Arc;

use super::handshake::Run;
use super::table::{Flows, Seen};
use super::tcp::push_bytes;
use super::{DISORDER, Flow, INTO, NetFact, OUT, Pid, Shared, Timestamp, Transport, UnknownName, is_tunnel};
use crate::net::{dns, quic};

/// A DNS message over TCP has a 16-bit length (RFC 1035, section 4.2.2).
const MAX_DNS: usize = 2 + u16::MAX as usize;

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
        push_bytes(flow.id, seen.time, this, u64::from(count), out);
        if matches!(segment.src_port, dns::PORT | dns::MULTICAST_PORT) {
            let multicast = segment.src_port == dns::MULTICAST_PORT;
            flow.dns_message(segment.payload, multicast, seen.time, shared);
        }
        let mut look = first;
        if flow.transport == Transport::Quic && !flow.greeted {
            look |= flow.initial(from_client, seen.time, segment.payload, shared, out);
        }
        if first && !flow.greeted {
            match flow.transport {
                // The rest of the hello is on its way: no need to ask DNS yet.
                Transport::Quic if flow.opening.is_some() => {
                    flow.unnamed = Some((UnknownName::Unread, seen.time));
                }
                Transport::Quic => flow.want_name(UnknownName::Unread, seen.time, shared, out),
                _ => flow.want_name(UnknownName::PlainAddress, seen.time, shared, out),
            }
        }
        if look && let Some(due) = flow.wish() {
            self.schedule(slot, due);
        }
    }
}

impl Flow {
    /// A datagram that passes several interfaces (a tunnel, a bridge) is seen on each, and counts on one of them; on the
    /// tunnel's, if there is one. TCP needs no such care: its sequence numbers show repetitions.
    fn passes_again(&mut self, this: usize, seen: &Seen<'_>) -> bool {
        let Some(interface) = seen.interface else { return false };
        let last = self.last;
        let via = &mut self.halves[this].via;
        let again = via.as_ref().is_some_and(|via| {
            let other = !Arc::ptr_eq(via, interface) && via != interface;
            let better = is_tunnel(interface) && !is_tunnel(via);
            other && !better && seen.time.since(last) <= DISORDER
        });
        if !again && !via.as_ref().is_some_and(|via| Arc::ptr_eq(via, interface)) {
            *via = Some(interface.clone());
        }
        again
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
        shared.held = (shared.held + size).saturating_sub(before);
        match step {
            quic::Step::Nothing | quic::Step::Part => {
                if step == quic::Step::Part {
                    self.client_opened = from_client;
                }
                if shared.held > shared.limits.handshake_bytes {
                    shared.stats.hellos_given_up += 1;
                    self.give_up_hello(time, shared, out);
                }
                return news;
            }
            quic::Step::Hello(hello) => {
                self.client_opened = from_client;
                self.tell_hello(time, *hello, shared, out);
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
        shared.held = shared.held.saturating_sub(opening.size());
        if let Some(hello) = opening.give_up() {
            self.tell_hello(time, hello, shared, out);
        }
    }

    /// Learns from a DNS answer that this flow carried. Multicast DNS speaks for `.local` names only (RFC 6762).
    fn dns_message(&mut self, message: &[u8], multicast: bool, time: Timestamp, shared: &mut Shared) {
        if !dns::read(message, multicast, &mut shared.answers) {
            return;
        }
        let local = shared.answers.asked.as_ref().is_some_and(|name| name.as_str().ends_with(".local"));
        if multicast && !local {
            return;
        }
        shared.stats.dns_answers += 1;
        let [effective, own] = self.askers();
        shared.names.learn(time, effective.or(own), &shared.answers);
    }

    /// Who may have asked DNS for this flow: the process on whose behalf it is, then its owner.
    pub(super) fn askers(&self) -> [dns::Asker; 2] {
        let owner = self.owner.as_ref();
        let effective = owner.and_then(|owner| owner.effective).map(|(pid, _)| pid);
        [effective, owner.map(|owner| owner.pid).filter(|pid: &Pid| pid.0 > 0)]
    }

    /// The answering side of a DNS connection: messages with their length before them. Only in order; a gap ends it.
    pub(super) fn dns_over_tcp(&mut self, run: Run<'_>, shared: &mut Shared) {
        let whole = run.bytes.len() == run.len as usize;
        let in_order = shared.pieces.len() == 1 && self.halves[INTO].stream.is_whole();
        let buffer = self.dns.get_or_insert_default();
        if !whole || !in_order || buffer.len() + run.bytes.len() > 2 * MAX_DNS {
            buffer.clear();
            return;
        }
        let Some(piece) = shared.pieces.first().cloned() else { return };
        buffer.extend_from_slice(run.part(&piece).bytes);
        let mut buffer = std::mem::take(buffer);
        let mut at = 0;
        while let Some((length, rest)) = buffer.get(at..).and_then(|rest| rest.split_first_chunk::<2>()) {
            let length = usize::from(u16::from_be_bytes(*length));
            let Some(message) = rest.get(..length) else { break };
            self.dns_message(message, false, run.time, shared);
            at += 2 + length;
        }
        buffer.drain(..at);
        self.dns = Some(buffer);
    }
}
