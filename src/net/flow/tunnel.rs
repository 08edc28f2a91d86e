//! Packets that pass several interfaces of one machine (a VPN's tunnel and the wire, a bridge): each counts once, and the
//! tunnel's side, if there is one, says whose they are, for there the owner is the program and not the VPN.

use std::sync::Arc;

use super::table::Seen;
use super::{Copies, DISORDER, Flow, Half};

/// Interfaces that packets pass before or after their real way.
const TUNNELS: [&str; 5] = ["utun", "ipsec", "ppp", "gif", "stf"];

pub(super) fn is_tunnel(interface: &str) -> bool {
    TUNNELS.iter().any(|name| interface.starts_with(name))
}

impl Flow {
    /// Nothing about this packet's interface needs a closer look.
    #[inline(always)]
    pub(super) fn passes_as_before(&self, this: usize, interface: Option<&Arc<str>>) -> bool {
        let half = &self.halves[this];
        let via = half.via.as_ref().filter(|_| half.ahead == 0);
        interface.is_none_or(|interface| via.is_some_and(|via| Arc::ptr_eq(via, interface)))
    }

    /// Whether this packet was seen on another interface before, or will be on a better one. Bytes of TCP need no such
    /// care: its sequence numbers show repetitions.
    #[inline]
    pub(super) fn passes_again(&mut self, this: usize, seen: &Seen<'_>) -> bool {
        match seen.interface {
            Some(interface) if !self.passes_as_before(this, Some(interface)) => match seen.segment.tcp {
                Some(_) => self.changes_interface(this, seen, interface),
                None => self.is_copy(this, seen, interface),
            },
            _ => false,
        }
    }

    #[cold]
    fn changes_interface(&mut self, this: usize, seen: &Seen<'_>, interface: &Arc<str>) -> bool {
        let (first, last) = (self.first, self.last);
        let half = &mut self.halves[this];
        let Some(via) = half.via.as_ref().filter(|via| via != &interface) else {
            half.via = Some(interface.clone());
            return half.seen_ahead();
        };
        if is_tunnel(interface) && !is_tunnel(via) {
            // The first packets were seen on the wire already, and are about to pass the tunnel.
            half.ahead = if seen.time.since(first) <= DISORDER { half.packets } else { 0 };
            half.via = Some(interface.clone());
            self.interface = Some(interface.clone());
            return self.halves[this].seen_ahead();
        }
        let again = seen.time.since(last) <= DISORDER;
        if !again {
            half.via = Some(interface.clone());
        }
        again
    }

    /// Whether this datagram was counted on another interface. The flow may as well have moved to this one, in which case
    /// nobody has seen it yet.
    #[cold]
    fn is_copy(&mut self, this: usize, seen: &Seen<'_>, interface: &Arc<str>) -> bool {
        let half = &mut self.halves[this];
        let copies = match (&mut half.copies, half.via.take()) {
            (Some(copies), _) => copies,
            (None, Some(via)) if via != *interface => {
                let fresh = seen.time.since(self.first) <= DISORDER;
                half.copies.insert(Box::new(Copies::new(via, if fresh { half.packets } else { 0 })))
            }
            (None, _) => {
                half.via = Some(interface.clone());
                return false;
            }
        };
        let is_copy = copies.has(interface, &seen.segment, seen.time);
        if is_tunnel(interface) && self.interface.as_ref().is_none_or(|own| !is_tunnel(own)) {
            self.interface = Some(interface.clone());
        }
        is_copy
    }

    /// Whose a packet is, is said by the tunnel's copy alone.
    #[inline]
    pub(super) fn is_outside(&self, interface: Option<&Arc<str>>) -> bool {
        match (&self.interface, interface) {
            (Some(own), Some(other)) if !Arc::ptr_eq(own, other) => is_tunnel(own) && !is_tunnel(other),
            _ => false,
        }
    }
}

impl Half {
    /// One of those that were counted on the wire before the tunnel was seen.
    fn seen_ahead(&mut self) -> bool {
        let is_ahead = self.ahead > 0;
        self.ahead = self.ahead.saturating_sub(1);
        is_ahead
    }
}
