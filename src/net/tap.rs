//! The tap: packets in, facts out.
//!
//! A packet is taken out of its envelope (`frame`), put together if it comes in fragments, and given to its flow (`flow`).
//! What cannot be read is counted by kind and told as coverage.

use std::sync::Arc;

use super::flow::{Flows, Seen, Shared, Way, owner_of};
use super::frame::{self, Context, Datagram, Envelope, Fragments, IpPacket, RawOwner, Unread};
use super::packet::{LinkType, Packet};
use super::stats::Stats;
use crate::model::{Coverage, Direction, FlowId, NetFact, Owner, Timestamp};
use crate::net::FlowSummary;

/// Bounds of the tap's memory: `flows` times about 700 bytes, `handshake_bytes`, and `names` times about 200 bytes; with the
/// defaults 45 + 16 + 7 MiB, reached only by an attack. What is small beside that is bounded where it is; datagrams that pass
/// several interfaces take up to 1 KiB more for each flow.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Flows in the table, those that linger included.
    pub flows: usize,
    /// Bytes held for hellos that are incomplete or out of order, over all flows.
    pub handshake_bytes: usize,
    /// Addresses whose names are remembered.
    pub names: usize,
    /// Compute JA4 fingerprints.
    pub fingerprints: bool,
    /// Keep a summary of each flow that ends, for [`Tap::finished`].
    pub summaries: bool,
    /// Tell facts. Who reads summaries needs none.
    pub facts: bool,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            flows: 1 << 16,
            handshake_bytes: 16 << 20,
            names: 1 << 15,
            fingerprints: true,
            summaries: false,
            facts: true,
        }
    }
}

/// Interface names that are kept apart; a Mac has a few dozen.
const MAX_INTERFACES: usize = 1024;

/// Understands packets.
///
/// Feed packets in the order of the recording with [`Tap::packet`], then call [`Tap::finish`] once. Facts are appended to
/// `out` as they become known. Of each flow, `Opened` comes first; its other facts carry the time of the packet they are
/// about, which may lie up to two seconds before that of a fact told earlier when the recording is out of order.
/// Packet time drives all timers; nothing is read from a clock.
pub struct Tap {
    flows: Flows,
    shared: Shared,
    fragments: Fragments,
    interfaces: Interfaces,
}

impl Tap {
    pub fn new(limits: Limits) -> Self {
        let limits = Limits { flows: limits.flows.max(1), names: limits.names.max(1), ..limits };
        Self {
            flows: Flows::new(),
            shared: Shared::new(limits),
            fragments: Fragments::default(),
            interfaces: Interfaces::default(),
        }
    }

    /// Takes note of one packet.
    #[inline]
    pub fn packet(&mut self, packet: &Packet<'_>, out: &mut Vec<NetFact>) {
        let stats = &mut self.shared.stats;
        stats.packets += 1;
        stats.bytes += u64::from(packet.wire_len);
        if packet.time > self.shared.now {
            self.shared.now = packet.time;
            if packet.time >= self.flows.next_due() {
                self.flows.sweep(&mut self.shared, out);
            }
            while packet.time > self.fragments.due() {
                self.give_up_fragments(out);
            }
        }
        if let Err(unread) = self.understand(packet, out) {
            match unread {
                Unread::Fragment => self.fragment(packet, out),
                _ => self.shared.stats.note_unread(unread, packet.time),
            }
        }
    }

    /// One copy of the way down for packets with a PKTAP header, and one for those without: they have no envelope to look at.
    #[inline(always)]
    fn understand(&mut self, packet: &Packet<'_>, out: &mut Vec<NetFact>) -> Result<(), Unread> {
        if packet.link == LinkType::Pktap {
            let (envelope, ip) = frame::tapped(packet)?;
            let Envelope { direction, ref owner, interface } = envelope;
            self.enveloped(packet, direction, owner.as_ref(), interface, ip, out)
        } else {
            self.enveloped(packet, None, None, None, frame::bare(packet)?, out)
        }
    }

    /// `direction`, `owner` and `interface`: what the envelope says.
    #[inline(always)]
    fn enveloped(
        &mut self,
        packet: &Packet<'_>,
        direction: Option<Direction>,
        owner: Option<&RawOwner<'_>>,
        interface: Option<&[u8]>,
        ip: IpPacket<'_>,
        out: &mut Vec<NetFact>,
    ) -> Result<(), Unread> {
        let interface = match interface {
            Some(raw) => self.interfaces.named(raw),
            None => packet.interface,
        };
        let time = packet.time;
        let seen = |segment| Seen { time, direction: ip.direction(direction, packet), interface, segment };
        let Some(segment) = ip.plain() else {
            let seen = seen(ip.segment()?);
            note(&mut self.flows, &mut self.shared, None, &seen, owner, packet.owner, out);
            return Ok(());
        };
        let way = self.flows.way(&segment);
        if let (Some(way), None) = (way, packet.owner)
            && self.flows.goes_on(way, time, interface, owner, &segment, out)
        {
            return Ok(());
        }
        note(&mut self.flows, &mut self.shared, way, &seen(segment), owner, packet.owner, out);
        Ok(())
    }

    #[cold]
    fn fragment(&mut self, packet: &Packet<'_>, out: &mut Vec<NetFact>) {
        let interfaces = &mut self.interfaces;
        let gathered = frame::gather(packet, &mut self.fragments, |envelope, direction| Context {
            time: packet.time,
            direction,
            interface: match envelope.interface {
                Some(raw) => interfaces.named(raw).cloned(),
                None => packet.interface.cloned(),
            },
            owner: envelope.owner.as_ref().map(owner_of).or(packet.owner.copied()),
        });
        match gathered {
            Ok(Some(datagram)) => self.datagram(&datagram, out),
            Ok(None) => {}
            Err(unread) => self.shared.stats.note_unread(unread, packet.time),
        }
    }

    fn give_up_fragments(&mut self, out: &mut Vec<NetFact>) {
        if let Some(datagram) = self.fragments.give_up() {
            self.datagram(&datagram, out);
        }
    }

    fn datagram(&mut self, datagram: &Datagram, out: &mut Vec<NetFact>) {
        let Context { time, direction, ref interface, ref owner } = datagram.context;
        for _ in 0..datagram.unused {
            self.shared.stats.note_unread(Unread::Fragment, time);
        }
        match datagram.segment() {
            Ok(segment) => {
                let seen = Seen { time, direction, interface: interface.as_ref(), segment };
                note(&mut self.flows, &mut self.shared, None, &seen, None, owner.as_ref(), out);
            }
            Err(Unread::Fragment) => {}
            Err(unread) => self.shared.stats.note_unread(unread, time),
        }
    }

    /// The recording has ended: open flows end with it. `time`: the last moment it covers.
    pub fn finish(&mut self, time: Timestamp, out: &mut Vec<NetFact>) {
        self.shared.now = self.shared.now.max(time);
        while self.fragments.due() < Timestamp::MAX {
            self.give_up_fragments(out);
        }
        self.flows.end(&mut self.shared, out);
        self.shared.stats.finish();
    }

    /// Counters since the beginning.
    pub fn stats(&self) -> &Stats {
        &self.shared.stats
    }

    /// Flows in the table at this moment.
    pub fn open_flows(&self) -> usize {
        self.flows.len()
    }

    /// Takes the flows that opened, in the order of their ids, and when. Empty unless [`Limits::summaries`].
    pub fn opened(&mut self) -> impl Iterator<Item = (FlowId, Timestamp)> {
        self.flows.opened.drain(..)
    }

    /// Whether [`Self::finished`] has any.
    #[inline]
    pub fn has_finished(&self) -> bool {
        !self.flows.finished.is_empty()
    }

    /// Takes the summaries of flows that ended, in the order of their end. Empty unless [`Limits::summaries`].
    pub fn finished(&mut self) -> impl Iterator<Item = FlowSummary> {
        self.flows.finished.drain(..)
    }

    /// Takes what could not be seen since this was last asked. Packets that could not be read are told of once a minute,
    /// and at the end.
    pub fn coverage(&mut self) -> Vec<Coverage> {
        self.shared.stats.coverage(self.shared.now)
    }
}

/// Adds a segment to its flow. `way`: the flow that the last such segment belonged to; `raw` and `owner`: whose it is, as
/// the packet or the capture says.
#[inline(never)]
fn note(
    flows: &mut Flows,
    shared: &mut Shared,
    way: Option<Way>,
    seen: &Seen<'_>,
    raw: Option<&RawOwner<'_>>,
    owner: Option<&Owner>,
    out: &mut Vec<NetFact>,
) {
    let Some((slot, from_client)) = flows.find(way, seen, shared, out) else {
        shared.stats.stragglers += 1;
        return;
    };
    if raw.is_some() || owner.is_some() {
        flows.owned(slot, seen, raw, owner, shared, out);
    }
    match seen.segment.tcp {
        Some(tcp) => flows.tcp(slot, from_client, seen, tcp, shared, out),
        None => flows.udp(slot, from_client, seen, shared, out),
    }
}

/// How long the name of an interface is in a version 1 packet tap header, padding included.
const PADDED: usize = 24;

/// Names of interfaces, each held once.
#[derive(Default)]
struct Interfaces {
    known: Vec<Arc<str>>,
    /// The last name as it came, and which it is: nearly always that of the next packet too.
    recent: Option<([u8; PADDED], usize)>,
}

impl Interfaces {
    /// The shared form of a NUL-padded name.
    #[inline(always)]
    fn named(&mut self, raw: &[u8]) -> Option<&Arc<str>> {
        let padded = raw.first_chunk::<PADDED>();
        let index = match (padded, &self.recent) {
            (Some(padded), Some((recent, index))) if padded == recent => *index,
            _ => self.index(raw)?,
        };
        self.known.get(index)
    }

    #[cold]
    fn index(&mut self, raw: &[u8]) -> Option<usize> {
        let name = raw.split(|byte| *byte == 0).next().unwrap_or_default();
        let found = self.known.iter().position(|known| known.as_bytes() == name);
        let index = match found {
            Some(index) => index,
            None if name.is_empty() || self.known.len() >= MAX_INTERFACES => return None,
            None => {
                self.known.push(Arc::from(String::from_utf8_lossy(name)));
                self.known.len() - 1
            }
        };
        self.recent = raw.first_chunk::<PADDED>().map(|padded| (*padded, index));
        Some(index)
    }
}
