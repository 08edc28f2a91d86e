//! What a flow tells: who owns it, what its far side is called, what its hello said.

use std::sync::Arc;

use super::{
    DomainName, Flow, FlowFacts, NameScope, NameSource, Named, NetFact, NetKind, OUT, Owner, RawOwner,
    Shared, Timestamp, Transport, UnknownName, is_same_owner, owner_of,
};
use crate::net::known;
use crate::net::tls::Hello;

impl Flow {
    pub(super) fn tell(&self, time: Timestamp, kind: NetKind, out: &mut Vec<NetFact>) {
        if self.tells {
            out.push(NetFact { time, flow: self.id, kind });
        }
    }

    /// One fact, or as many as 32-bit counts need.
    #[inline]
    pub(super) fn tell_bytes(&self, time: Timestamp, half: usize, mut count: u64, out: &mut Vec<NetFact>) {
        if !self.tells {
            return;
        }
        while count > 0 {
            let part = u32::try_from(count).unwrap_or(u32::MAX);
            let (sent, got) = if half == OUT { (part, 0) } else { (0, part) };
            out.push(NetFact { time, flow: self.id, kind: NetKind::Bytes { out: sent, into: got } });
            count -= u64::from(part);
        }
    }

    pub(super) fn tell_opened(&self, time: Timestamp, out: &mut Vec<NetFact>) {
        if !self.tells {
            return;
        }
        let facts = FlowFacts {
            transport: self.transport,
            client: self.client(),
            server: self.server(),
            interface: self.interface.clone(),
            midstream: self.midstream,
        };
        self.tell(time, NetKind::Opened(Box::new(facts)), out);
    }

    /// The packet says whose it is. Cheap when that is known already.
    #[inline]
    pub(super) fn owned_by(
        &mut self,
        time: Timestamp,
        raw: &RawOwner<'_>,
        shared: &Shared,
        out: &mut Vec<NetFact>,
    ) {
        if !self.owner.as_ref().is_some_and(|owner| is_same_owner(raw, owner)) {
            self.set_owner(time, owner_of(raw), shared, out);
        }
    }

    pub(super) fn set_owner(
        &mut self,
        time: Timestamp,
        owner: Owner,
        shared: &Shared,
        out: &mut Vec<NetFact>,
    ) {
        // What the kernel sends by itself on a process's connection is still that process's.
        let is_kernel = owner.pid.0 == 0 && owner.effective.is_none();
        if self.owner == Some(owner) || is_kernel && self.owner.is_some() {
            return;
        }
        self.owner = Some(owner);
        self.tell(time, NetKind::Owned(owner), out);
        // The process may be the one that asked for the name.
        if matches!(self.name, Some((_, NameSource::Dns | NameSource::DnsCname, NameScope::HostWide))) {
            self.name_by_dns(time, shared, out);
        }
    }

    pub(super) fn tell_hello(
        &mut self,
        time: Timestamp,
        hello: &mut Hello,
        shared: &mut Shared,
        out: &mut Vec<NetFact>,
    ) {
        shared.stats.hellos += 1;
        let is_outer = |name: &DomainName| known::is_outer_name(name) || shared.names.is_outer(name);
        let outer = hello.name.as_ref().is_some_and(is_outer);
        let ech = hello.ech_extension && outer;
        let said = shared.kinds.of(hello, self.transport, ech, shared.limits.fingerprints);
        if self.client_opened && known::is_encrypted_dns(&said, hello.name.as_ref(), self.server_port()) {
            shared.stats.note_encrypted_dns(time);
        }
        self.greeted = true;
        self.carries_several = self.client_opened && Self::carries_several(&said.alpn);
        let relayed = known::speaks_stun(&said);
        self.hello = shared.limits.summaries.then(|| Arc::clone(&said));
        self.tell(time, NetKind::Hello(said), out);
        match hello.name.take() {
            // The name that a stranger calls this machine is not a place where data goes.
            Some(name) if !self.client_opened => {
                self.name = Some((name, self.in_hello(), NameScope::SameProcess));
                self.tell_nameless(time, UnknownName::PlainAddress, out);
            }
            Some(name) => self.named_by_hello(time, name, ech, shared, out),
            None if hello.whole || hello.has_server_name => {
                self.want_name(UnknownName::NoServerName, time, shared, out);
            }
            // The name may have stood in the part that is missing.
            None => self.want_name(UnknownName::Unread, time, shared, out),
        }
        if relayed {
            self.tell_nameless(time, UnknownName::PeerToPeer, out);
        }
    }

    /// A proxy was asked for a host by name: as good as if this process had asked DNS. A hello inside says it better.
    pub(super) fn asked_of_proxy(&mut self, time: Timestamp, target: DomainName, out: &mut Vec<NetFact>) {
        if self.client_opened && !self.greeted {
            self.unnamed = None;
            self.tell_name(time, (target, NameSource::Dns, NameScope::SameProcess), out);
        }
    }

    /// How a name in this flow's hello is learned.
    fn in_hello(&self) -> NameSource {
        if self.transport == Transport::Quic { NameSource::QuicSni } else { NameSource::TlsSni }
    }

    /// The name in the hello; before it, what that name is an alias of, link by link, if DNS said so.
    fn named_by_hello(
        &mut self,
        time: Timestamp,
        name: DomainName,
        ech: bool,
        shared: &Shared,
        out: &mut Vec<NetFact>,
    ) {
        self.unnamed = None;
        let (askers, server) = (self.askers(), self.server_address());
        let answer = shared.names.find(time, askers, server);
        let disputed = shared.names.dispute(time, askers, server, &name).filter(|_| !ech);
        let one_site = disputed.as_ref().is_some_and(|by_dns| by_dns.is_one_site(&name));
        if let Some(answer) = answer.filter(|answer| answer.asked == name)
            && let Some(aliases) = answer.aliases
        {
            self.tell_aliases(time, aliases, answer.scope, out);
        }
        self.tell_name(time, (name, self.in_hello(), NameScope::SameProcess), out);
        if let Some(by_dns) = disputed {
            // Hosts of one site share their addresses; which of its accounts is meant, the engine knows.
            self.disputed = Some(by_dns.clone()).filter(|_| !one_site);
            self.tell(time, NetKind::Disputed(by_dns), out);
        }
        if ech {
            self.tell_nameless(time, UnknownName::EncryptedHello, out);
        }
    }

    /// TLS or not is settled; without a hello that names it, the flow needs a name from elsewhere.
    pub(super) fn classify(
        &mut self,
        time: Timestamp,
        is_tls: bool,
        shared: &Shared,
        out: &mut Vec<NetFact>,
    ) {
        if self.name.is_none() && !self.greeted {
            let why = if is_tls { UnknownName::Unread } else { UnknownName::PlainAddress };
            self.want_name(why, time, shared, out);
        }
    }

    /// Looks for a name in DNS; if there is none yet, it may still come within the disorder.
    pub(super) fn want_name(
        &mut self,
        why: UnknownName,
        time: Timestamp,
        shared: &Shared,
        out: &mut Vec<NetFact>,
    ) {
        if self.name.is_some() || self.nameless.is_some() {
            return;
        }
        self.unnamed = Some((why, time));
        self.name_by_dns(time, shared, out);
    }

    /// The last look: after this, the flow has no name.
    pub(super) fn settle_name(&mut self, shared: &Shared, out: &mut Vec<NetFact>) {
        if let Some((why, since)) = self.unnamed {
            if !self.name_by_dns(since, shared, out) {
                self.tell_nameless(since, why, out);
            }
        } else if self.name.is_none() && self.nameless.is_none() {
            // Nothing but an attempt: not worth a fact, but a name is still worth having.
            self.name_by_dns(self.first, shared, out);
        }
    }

    fn name_by_dns(&mut self, time: Timestamp, shared: &Shared, out: &mut Vec<NetFact>) -> bool {
        let Some(answer) = shared.names.find(time, self.askers(), self.server_address()) else {
            return false;
        };
        self.unnamed = None;
        let better = |(_, _, scope): &Named| answer.scope < *scope;
        if self.name.as_ref().is_some_and(|known| !better(known)) {
            return true;
        }
        if let Some(aliases) = answer.aliases {
            self.tell_aliases(time, aliases, answer.scope, out);
        }
        self.tell_name(time, (answer.asked, NameSource::Dns, answer.scope), out);
        true
    }

    /// From the end of the chain on: a bucket's name stands before that of the machines which serve all buckets.
    fn tell_aliases(
        &mut self,
        time: Timestamp,
        aliases: Arc<[DomainName]>,
        scope: NameScope,
        out: &mut Vec<NetFact>,
    ) {
        for domain in aliases.iter().rev().cloned() {
            self.tell(time, NetKind::Named { domain, source: NameSource::DnsCname, scope }, out);
        }
        self.aliases = Some(aliases);
    }

    fn tell_name(&mut self, time: Timestamp, name: Named, out: &mut Vec<NetFact>) {
        let (domain, source, scope) = name.clone();
        self.name = Some(name);
        let relays = known::is_relay(&domain) || self.aliases().any(known::is_relay);
        self.tell(time, NetKind::Named { domain, source, scope }, out);
        if relays {
            self.tell_nameless(time, UnknownName::Relay, out);
        }
    }

    /// Bytes on this interface go to a device nearby, whatever its address.
    pub(super) fn look_nearby(&mut self, time: Timestamp, out: &mut Vec<NetFact>) {
        if self.interface.as_ref().is_some_and(|interface| known::is_nearby(interface)) {
            self.tell_nameless(time, UnknownName::Nearby, out);
        }
    }

    /// A connection that goes on under another address or port: what was known of it is known of this flow, its name no
    /// better than `at_best`.
    pub(super) fn continues(
        &mut self,
        time: Timestamp,
        before: &Self,
        at_best: NameScope,
        out: &mut Vec<NetFact>,
    ) {
        self.transport = Transport::Quic;
        self.greeted = before.greeted;
        self.chosen = before.chosen;
        self.hello = before.hello.clone();
        if let (None, Some(owner)) = (self.owner, before.owner) {
            self.owner = Some(owner);
            self.tell(time, NetKind::Owned(owner), out);
        }
        if let (Some(aliases), Some((.., scope))) = (&before.aliases, &before.name) {
            self.tell_aliases(time, Arc::clone(aliases), at_best.max(*scope), out);
        }
        if let Some((name, source, scope)) = &before.name {
            self.unnamed = None;
            self.tell_name(time, (name.clone(), *source, at_best.max(*scope)), out);
        }
        if let Some(why) = before.nameless {
            self.tell_nameless(time, why, out);
        }
    }

    pub(super) fn tell_nameless(&mut self, time: Timestamp, why: UnknownName, out: &mut Vec<NetFact>) {
        self.unnamed = None;
        if self.nameless.replace(why).is_none() {
            self.tell(time, NetKind::Nameless(why), out);
        }
    }
}
