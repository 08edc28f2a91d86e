//! What came over a local port and leaves elsewhere: fetched from a server that held it (`python3 -m http.server`), or
//! through the pipe behind a listener (`nc -l 9999 | curl -T - ..`), to a program that the listener starts (`socat
//! TCP-LISTEN:9999 EXEC:..`), or by way of a file.

use std::sync::Arc;

use crate::model::{File, FlowId, Owner, PipeEnd, Timestamp};
use crate::policy::SetMask;

use super::Engine;
use super::fifos::is_fifo;
use super::flows::Target;
use super::lineage::{Life, LifeId};
use super::locals::{Before, HEADERS, LINGER, Local};
use super::taint::{Origin, Part};
use super::window::{Place, Read};

/// Programs of one pipeline that are looked through for whoever holds the local connection.
const MAX_UPSTREAM: usize = 16;
/// Shells between a listener and what it starts.
const MAX_SHELLS: usize = 2;
/// What a step in between may make of a byte: text of binary data has at most two.
const MOST_OF_A_BYTE: u64 = 2;

impl Engine {
    /// The local connection that a flow sends on what came over: the only one of its sender, or of whoever pipes into the
    /// sender, whose other end carries a read.
    ///
    /// Asked when what the flow has sent has doubled: a connection is often open before its input is there.
    pub(super) fn relayed(
        &mut self,
        id: FlowId,
        sender: LifeId,
        time: Timestamp,
        out: u64,
    ) -> Option<FlowId> {
        let flow = self.flows.get_mut(id)?;
        let (before, opened) = (flow.proxied, flow.opened);
        flow.proxied += out;
        if before.checked_ilog2() == flow.proxied.checked_ilog2() || self.carriers.is_empty() {
            return None;
        }
        let Target::Place(place) = flow.target.clone() else { return None };
        let relays = self.upstream(sender);
        let mut near = self.locals.by_flow.iter().filter(|(_, local)| {
            let late = time.since(local.last) <= LINGER;
            late && self.is_theirs(local, &relays) && (relays.len() > 1 || local.opened <= opened)
        });
        // Several: whose it is cannot be told.
        let (local, only) = (near.next()?, near.next().is_none());
        let (found, local) = (*local.0, local.1);
        if !only || local.next.is_some() || !self.holds(local, &relays, &place) {
            return None;
        }
        self.locals.by_flow.get_mut(&found)?.next = Some(id);
        self.flows.get_mut(id)?.before = Before::One(found);
        Some(found)
    }

    /// The life and whoever pipes into it, nearest first.
    pub(super) fn upstream(&self, life: LifeId) -> Vec<LifeId> {
        let mut all = vec![life];
        let mut at = 0;
        while let Some(reader) = all.get(at).copied() {
            at += 1;
            let pipes = self.lineage.get(reader).map_or(&[][..], |life| &life.pipes);
            if !pipes.iter().any(|end| end.fd == 0) {
                let servers = self.started_by_listener(reader).into_iter().flatten();
                let servers: Vec<LifeId> = servers.filter(|server| !all.contains(server)).collect();
                all.extend(servers);
                all.truncate(MAX_UPSTREAM);
            }
            for pipe in pipes.iter().filter(|end| end.fd == 0 || end.fd > 2 || is_fifo(end)) {
                for (writer, reads) in self.pipes.get(&pipe.id).into_iter().flatten() {
                    let feeds = || self.feeds(pipe, *writer, *reads, reader);
                    if all.len() < MAX_UPSTREAM && !all.contains(writer) && feeds() {
                        all.push(*writer);
                    }
                }
            }
        }
        all
    }

    /// The listener that started this life with a connection for its standard input, and the one that forked it for this
    /// connection.
    fn started_by_listener(&self, life: LifeId) -> [Option<LifeId>; 2] {
        let parent = |life: LifeId| self.lineage.get(self.lineage.get(life)?.parent?);
        let mut above = parent(life);
        for _ in 0..MAX_SHELLS {
            above = above.and_then(|life| if hands_on(life) { Some(life) } else { parent(life.id) });
        }
        let Some(server) = above.filter(|life| hands_on(life)) else { return [None; 2] };
        let listener = parent(server.id).filter(|other| hands_on(other));
        [Some(server.id), listener.map(|life| life.id)]
    }

    /// Does the program that has this connection from `giver` pipe into one that pipes into another, so that more or less may
    /// be sent on than came; and is that in reason?
    pub(super) fn is_reshaped(&self, local: FlowId, giver: LifeId) -> bool {
        let Some(local) = self.locals.by_flow.get(&local) else { return false };
        let at = |owner: Option<Owner>| self.lineage.at(owner?.pid, local.opened);
        let [client, server] = local.ends.map(at);
        let (holder, came) =
            if server == Some(giver) { (client, local.bytes[1]) } else { (server, local.bytes[0]) };
        let steps = || self.readers(holder?).into_iter().find(|step| !self.readers(*step).is_empty());
        local.sent_on <= came.saturating_mul(MOST_OF_A_BYTE).saturating_add(HEADERS) && steps().is_some()
    }

    /// Who was started with the other end of its standard output.
    fn readers(&self, life: LifeId) -> Vec<LifeId> {
        let pipes = self.lineage.get(life).map_or(&[][..], |life| &life.pipes);
        let ends = pipes.iter().filter(|end| end.fd == 1).filter_map(|end| self.pipes.get(&end.id)).flatten();
        ends.filter(|(other, reads)| *reads && *other != life).map(|(other, _)| *other).collect()
    }

    /// The one of these that has the connection.
    fn holder(&self, local: &Local, relays: &[LifeId]) -> Option<LifeId> {
        let at = |owner: Option<Owner>| self.lineage.at(owner?.pid, local.opened);
        local.ends.into_iter().filter_map(at).find(|life| relays.contains(life))
    }

    fn feeds(&self, pipe: &PipeEnd, writer: LifeId, reads: bool, reader: LifeId) -> bool {
        match is_fifo(pipe) {
            true => self.flows_through(pipe.id, writer, reader, self.now),
            false => !reads,
        }
    }

    /// Is it a connection that one of these opened, or one that somebody opened to what pipes into the sender?
    fn is_theirs(&self, local: &Local, relays: &[LifeId]) -> bool {
        let is = |end: usize, lives: &[LifeId]| {
            let Some(owner) = local.ends[end] else { return false };
            let pid = |life: &LifeId| self.lineage.get(*life).map(|life| life.image.evidence.info.key.pid);
            lives.iter().any(|life| pid(life) == Some(owner.pid))
        };
        is(0, relays) || is(1, relays.get(1..).unwrap_or_default())
    }

    /// Does the other end of it carry a read that may have come over it, and that the sender may not send there?
    fn holds(&self, local: &Local, relays: &[LifeId], place: &Place) -> bool {
        let Some((giver, came)) = self.giver(local, relays) else { return false };
        let Some(sender) = relays.first().and_then(|sender| self.lineage.get(*sender)) else { return false };
        let sender = self.subject(sender, local.last);
        let mut sets = self.carried_sets(giver, local.last).iter();
        sets.any(|set| came >= self.policy.set(set).min_bytes && !self.permits(&sender, set, place))
    }

    /// The other end of a connection that one of these has, and what it sent there.
    fn giver(&self, local: &Local, relays: &[LifeId]) -> Option<(&Life, u64)> {
        let [client, server] = local.ends.map(|owner| self.lineage.at(owner?.pid, local.opened));
        let (client, server) = (client?, server?);
        let (giver, came) =
            if relays.contains(&client) { (server, local.bytes[1]) } else { (client, local.bytes[0]) };
        let giver = self.lineage.get(giver).filter(|giver| !relays.contains(&giver.id))?;
        Some((giver, came))
    }

    /// What a file carries whose writer carries nothing, but had just as much over its only local connection from a process
    /// that does (`nc -l 9999 > file`, `curl -o file localhost:8000`).
    pub(super) fn received_part(
        &mut self,
        writer: LifeId,
        time: Timestamp,
        file: &File,
        created: bool,
    ) -> Option<Part> {
        if created || self.locals.is_empty() || self.carriers.is_empty() {
            return None;
        }
        let late = |local: &Local| time.since(local.last) <= LINGER;
        if !self.locals.by_flow.values().any(late) {
            return None;
        }
        let relays = self.upstream(writer);
        let near = |local: &&Local| late(local) && self.holder(local, &relays).is_some();
        let mut near = self.locals.by_flow.values().filter(near);
        let (local, None) = (near.next()?, near.next()) else { return None };
        let (giver, came) = self.giver(local, &relays)?;
        let direct = self.holder(local, &relays) == Some(writer);
        let least =
            self.carried_sets(giver, local.last).iter().map(|set| self.policy.set(set).min_bytes).min()?;
        let same = match direct {
            true => came >= file.size && came <= file.size.saturating_add(HEADERS),
            false => file.size <= came.saturating_mul(MOST_OF_A_BYTE).saturating_add(HEADERS),
        };
        let same = same && file.size >= least;
        let giver = giver.id;
        let load = self.own_part(giver, time).filter(|_| same)?.load;
        let relayed = |origin: &Origin| {
            let read = Read { relayed: true, ..(*origin.read).clone() };
            Origin { read: Arc::new(read), way: origin.way.clone() }
        };
        let load = self.new_load(load.origins.iter().map(relayed).collect(), load.until);
        Some(Part { load, hops: Vec::new() })
    }

    fn carried_sets(&self, life: &Life, time: Timestamp) -> SetMask {
        let carried = life.bearings.iter().filter(|bearing| bearing.since <= time && time <= bearing.until);
        carried.fold(SetMask::default(), |sets, bearing| sets.union(self.sets_of(&bearing.read)))
    }
}

/// Does it start programs that have its connections for their standard input and output?
fn hands_on(life: &Life) -> bool {
    let evidence = &life.image.evidence;
    let args = evidence.args.get(1..).unwrap_or_default();
    let begins = |arg: &str, front: &str| {
        arg.get(..front.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(front))
    };
    match evidence.info.program.path.file_name() {
        b"socat" | b"socat1" => {
            args.iter().any(|arg| ["exec:", "system:", "shell:"].iter().any(|front| begins(arg, front)))
        }
        b"ncat" | b"nc" | b"netcat" => args.iter().any(|arg| {
            matches!(&**arg, "-e" | "-c" | "--exec" | "--sh-exec")
                || begins(arg, "--exec=")
                || begins(arg, "--sh-exec=")
        }),
        b"tcpserver" | b"websocketd" | b"s6-tcpserver" => true,
        _ => false,
    }
}
