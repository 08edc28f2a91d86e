//! Volumes that programs of this Mac serve: `rclone mount`, `sshfs`, a file server on `localhost`, the agent that macOS has for
//! WebDAV. Whoever writes there gives it to the program, which opens no file and sends it on.
//!
//! No event says who serves a volume. It is told by who mounted it: a helper of the program, or of macOS for it.

use std::collections::VecDeque;

use crate::model::{Backing, CoverageKind, FilePath, Timestamp};
use crate::policy::Identity;

use super::Engine;
use super::aliases::below;
use super::files::{By, fresh};
use super::identity;
use super::lineage::{Life, LifeId, Lineage};
use super::pipes::is_shell;
use super::taint::Part;

/// Volumes remembered at most, the latest; some 300 bytes each.
pub const MAX_SERVED: usize = 64;
/// Processes that may serve one volume.
const MAX_SERVERS: usize = 8;
/// Between the program and the process that mounts for it.
const MAX_HELPERS: usize = 6;

/// A volume, and who may serve it.
#[derive(Debug)]
pub(super) struct ServedVolume {
    pub(super) at: FilePath,
    /// Canonical mount point.
    pub(super) name: Box<[u8]>,
    pub(super) backing: Backing,
    /// Who mounted it.
    pub(super) caller: LifeId,
    pub(super) by: Vec<LifeId>,
    /// It was said that its server is not known.
    pub(super) told: bool,
}

#[derive(Debug, Default)]
pub struct Served {
    pub(super) volumes: VecDeque<ServedVolume>,
    pub(super) evicted: u64,
}

impl Served {
    pub fn is_empty(&self) -> bool {
        self.volumes.is_empty()
    }

    /// Volumes pushed out of the full table, and servers that found no room, since last asked.
    pub fn take_evicted(&mut self) -> u64 {
        std::mem::take(&mut self.evicted)
    }

    fn put(&mut self, volume: ServedVolume) {
        if self.volumes.len() >= MAX_SERVED {
            self.volumes.pop_front();
            self.evicted += 1;
        }
        self.volumes.push_back(volume);
    }

    fn gone(&mut self, name: &[u8]) {
        self.volumes.retain(|volume| *volume.name != *name);
    }

    /// The innermost volume that holds this file.
    fn over(&self, name: &[u8]) -> Option<usize> {
        let holds = |volume: &ServedVolume| below(name, &volume.name).is_some();
        let all = self.volumes.iter().enumerate().filter(|(_, volume)| holds(volume));
        all.max_by_key(|(_, volume)| volume.name.len()).map(|(at, _)| at)
    }
}

/// What a process that led to a mount is to the volume.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Role {
    /// It mounts for another one.
    Helper,
    /// It serves what yet another one tells it (FUSE-T).
    Relay,
    Server,
    /// A person's wish, or launchd's: nobody beyond it serves.
    End,
}

fn role(life: &Life) -> Role {
    let (info, identity) = (&life.image.evidence.info, &life.image.identity);
    let path = info.program.path.as_bytes();
    let of_bundle = path.starts_with(b"/Library/Filesystems/") || holds(path, b".fs/Contents/Resources/");
    let of_system = info.program.platform && identity.script.is_none() && !identity.runs_other_code;
    match info.program.path.file_name() {
        _ if info.key.pid.0 <= 1 => Role::End,
        name if is_shell(name) => Role::End,
        _ if of_system || of_bundle => Role::Helper,
        name if name.starts_with(b"go-nfsv4") => Role::Relay,
        _ => Role::Server,
    }
}

fn holds(path: &[u8], part: &[u8]) -> bool {
    path.windows(part.len()).any(|window| window == part)
}

/// Is it what sends and fetches for a WebDAV volume?
fn is_web_agent(life: &Life) -> bool {
    let program = &life.image.evidence.info.program;
    program.platform && program.path.file_name() == b"webdavfs_agent"
}

/// Does it take a program's bytes to another machine (`sshfs`)?
fn is_ssh(life: &Life) -> bool {
    life.image.evidence.info.program.path.file_name() == b"ssh"
}

impl Engine {
    pub(super) fn volume_appeared(
        &mut self,
        caller: LifeId,
        time: Timestamp,
        at: &FilePath,
        backing: Backing,
    ) {
        if backing == Backing::Snapshot {
            self.shown_again(caller, time, at);
        }
        self.volume_gone(at);
        self.mounted(time, at);
        let name = self.canonical(at.as_bytes());
        if backing.is_served() && name != b"/" {
            let by = self.servers(caller, &backing);
            let (at, name) = (at.clone(), name.into());
            self.served.put(ServedVolume { at, name, backing, caller, by, told: false });
        }
    }

    pub(super) fn volume_gone(&mut self, at: &FilePath) {
        if !self.served.is_empty() || self.aliases.any_image() {
            let name = self.canonical(at.as_bytes());
            self.served.gone(&name);
            self.aliases.disappeared(&name);
        }
    }

    /// A server that goes on in a child (`sshfs`, once it has mounted) is its child from then on.
    pub(super) fn serves_too(&mut self, parent: LifeId, child: LifeId) {
        for volume in self.served.volumes.iter_mut().filter(|volume| volume.by.contains(&parent)) {
            if volume.by.len() >= MAX_SERVERS {
                volume.by.retain(|id| runs(&self.lineage, *id));
            }
            if volume.by.len() < MAX_SERVERS {
                volume.by.push(child);
            } else {
                self.served.evicted += 1;
            }
        }
    }

    /// A child of a server that becomes another program serves nothing, so long as others do. Who mounted may have handed on
    /// what it serves by.
    pub(super) fn serves_no_longer(&mut self, life: LifeId) {
        let parent = self.lineage.get(life).and_then(|life| life.parent);
        for volume in self.served.volumes.iter_mut().filter(|volume| volume.by.contains(&life)) {
            let is_child = parent.is_some_and(|parent| volume.by.contains(&parent));
            if is_child && volume.by.iter().any(|other| *other != life && runs(&self.lineage, *other)) {
                volume.by.retain(|other| *other != life);
            }
        }
    }

    /// Who may serve a volume that this life mounts: the first above it that does not only help, and the other parts of an app
    /// one of which may only mount.
    fn servers(&self, caller: LifeId, backing: &Backing) -> Vec<LifeId> {
        if matches!(backing, Backing::WebDav(_)) {
            return self.web_agents(caller);
        }
        let mut by = Vec::new();
        let mut next = self.lineage.get(caller);
        for _ in 0..MAX_HELPERS {
            let Some(life) = next else { break };
            let role = role(life);
            if matches!(role, Role::Relay | Role::Server) {
                by.push(life.id);
            }
            if matches!(role, Role::Server | Role::End) {
                break;
            }
            next = life.parent.and_then(|parent| self.lineage.get(parent));
        }
        if let Some(server) = by.last().and_then(|server| self.lineage.get(*server)) {
            let own = &server.image.identity;
            let kin = |other: &Identity| identity::helps(other, own) || identity::helps(own, other);
            let with =
                |life: &Life| life.parent == Some(server.id) && is_ssh(life) || kin(&life.image.identity);
            by.extend(self.lineage.running(with).into_iter().take(MAX_SERVERS - by.len()));
        }
        by
    }

    /// The agent that mounted, or that whoever mounted started; else the only one there is.
    fn web_agents(&self, caller: LifeId) -> Vec<LifeId> {
        let own = |life: &Life| is_web_agent(life) && (life.id == caller || life.parent == Some(caller));
        let mut by = self.lineage.running(own);
        if by.is_empty() {
            by = self.lineage.running(is_web_agent);
            by.truncate(if by.len() == 1 { 1 } else { 0 });
        }
        by.truncate(MAX_SERVERS);
        by
    }

    /// A file that carries these parts lies in a served volume now, perhaps: whoever serves that has got it.
    pub(super) fn hand_to_server(
        &mut self,
        writer: LifeId,
        time: Timestamp,
        path: &FilePath,
        name: &[u8],
        parts: &[Part],
    ) {
        let Some(at) = self.served.over(name) else { return };
        self.find_web_agent(at);
        let Some(volume) = self.served.volumes.get_mut(at) else { return };
        if volume.by.contains(&writer) {
            return;
        }
        let lives = |id: &&LifeId| self.lineage.get(**id).is_some_and(|life| life.lived_at(time));
        let servers: Vec<LifeId> = volume.by.iter().filter(lives).copied().collect();
        // With its server a volume is gone as a rule, and that is told: another one may have taken over.
        if servers.is_empty() && !std::mem::replace(&mut volume.told, true) {
            let text = unknown_server(volume);
            self.note(CoverageKind::IpcPossible, 1, &text);
        }
        for server in servers {
            let parts = self.lineage.get(server).map(|server| fresh(server, parts, time)).unwrap_or_default();
            if !parts.is_empty() {
                self.take_over(server, time, path, &parts, By::Itself);
            }
        }
    }

    /// The agent of a WebDAV volume may have been seen only after it was mounted.
    fn find_web_agent(&mut self, at: usize) {
        let Some(volume) = self.served.volumes.get(at) else { return };
        let (web, caller) = (matches!(volume.backing, Backing::WebDav(_)), volume.caller);
        if web && volume.by.is_empty() && !volume.told {
            let by = self.web_agents(caller);
            self.served.volumes.get_mut(at).into_iter().for_each(|volume| volume.by.clone_from(&by));
        }
    }
}

fn runs(lineage: &Lineage, life: LifeId) -> bool {
    lineage.get(life).is_some_and(|life| life.ended.is_none())
}

fn unknown_server(volume: &ServedVolume) -> String {
    let what = match &volume.backing {
        Backing::WebDav(Some(host)) => format!("a WebDAV volume of {host} whose agent"),
        Backing::WebDav(None) => "a WebDAV volume whose agent".to_owned(),
        _ => "a volume whose server on this Mac".to_owned(),
    };
    format!(
        "a process that had read sensitive files wrote into {}, {what} is not known; where it went from there is not visible",
        volume.at
    )
}
