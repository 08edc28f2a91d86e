//! A flow in one line, once it is over.

use std::sync::Arc;

use super::{Flow, INTO, Named, OUT};
use crate::model::{
    ClientHello, Close, DomainName, Endpoint, FlowId, Owner, Timestamp, Transport, UnknownName,
};

/// Everything the tap understood of one flow.
#[derive(Clone, PartialEq, Debug)]
pub struct FlowSummary {
    pub id: FlowId,
    /// Times of its earliest and latest packet.
    pub start: Timestamp,
    pub end: Timestamp,
    pub transport: Transport,
    pub client: Endpoint,
    pub server: Endpoint,
    /// The last owner that was told.
    pub owner: Option<Owner>,
    /// The best name, how it was learned, and whose it was.
    pub name: Option<Named>,
    /// What the name is an alias of, link by link, if DNS said so.
    pub aliases: Option<Arc<[DomainName]>>,
    pub nameless: Option<UnknownName>,
    /// What the process asked DNS for, where the hello names something else.
    pub disputed: Option<DomainName>,
    pub hello: Option<Arc<ClientHello>>,
    /// Transport payload, each byte once, whether it counts for detection or not.
    pub bytes_out: u64,
    pub bytes_in: u64,
    /// Bytes among them that passed while the capture missed them.
    pub bytes_lost: u64,
    pub packets_out: u64,
    pub packets_in: u64,
    pub interface: Option<Arc<str>>,
    pub midstream: bool,
    pub close: Close,
}

impl Flow {
    /// Takes what the line needs out of a flow that is over.
    pub(super) fn summary(&mut self) -> FlowSummary {
        let [out, into] = &self.halves;
        let aliases = self.aliases.take();
        let told = |(name, source, scope): Named| (name, source.over(aliases.is_some()), scope);
        FlowSummary {
            id: self.id,
            start: self.first,
            end: self.last,
            transport: self.transport,
            client: self.client(),
            server: self.server(),
            owner: self.owner,
            bytes_out: self.halves[OUT].bytes(),
            bytes_in: self.halves[INTO].bytes(),
            bytes_lost: out.stream.lost + into.stream.lost,
            packets_out: out.packets,
            packets_in: into.packets,
            midstream: self.midstream,
            close: self.closed.unwrap_or(Close::EndOfRecording),
            nameless: self.nameless,
            name: self.name.take().map(told),
            aliases,
            disputed: self.disputed.take(),
            hello: self.hello.take(),
            interface: self.interface.take(),
        }
    }
}
