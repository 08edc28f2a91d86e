//! What processes did: who they are, what they read, where they put it.

use std::sync::Arc;

use crate::model::{Evidence, ExecFacts, FilePath, HopKind, Observed, ProcessInfo, Timestamp, What};

use super::lineage::{Image, LifeId};
use super::{Engine, argv};

impl Engine {
    pub(super) fn act(&mut self, observed: Observed) {
        self.stats.events += 1;
        let Observed { time, actor, info, what, .. } = observed;
        if let (What::Exec { target, facts }, None) = (&what, self.lineage.by_key(actor)) {
            // The old image was never introduced: the new one tells who the process is from now on.
            if info.is_none() {
                return self.executed_stranger(target, facts, time);
            }
        }
        let known = self.lineage.by_key(actor).is_some();
        let Some(life) = self.lineage.actor(actor, info.as_ref(), time) else {
            self.stats.strangers += 1;
            return;
        };
        if !known {
            self.inherit_unseen_fork(life, time);
        }
        match what {
            What::Exec { target, facts } => self.executed(life, time, &target, &facts),
            What::Fork { child } => self.forked(life, time, &child),
            What::Exit => self.lineage.end(life, time),
            What::CodeInvalidated => self.lineage.invalidate(life),
            What::Open { file, flags } => self.opened(life, time, &file, flags),
            What::Touch { path, id } => self.touched(life, time, path, id),
            What::Written { file } | What::Created { file } => self.wrote(life, time, &file),
            What::Renamed { from, to } => self.renamed(life, time, &from, &to),
            What::Removed { file } => {
                let hash = self.hash(file.path.as_bytes());
                self.taints.removed(hash, file.links);
            }
            What::Linked { from, to } => self.duplicated(life, time, &from, &to, HopKind::Link),
            What::Copied { from, to, clone } => {
                self.duplicated(life, time, &from, &to, if clone { HopKind::Clone } else { HopKind::Copy });
            }
            What::ServiceAsked { .. } | What::SocketAsked { .. } => self.asked(life, time),
            What::Seen => {}
        }
    }

    fn executed_stranger(&mut self, target: &Arc<ProcessInfo>, facts: &ExecFacts, time: Timestamp) {
        if self.lineage.by_key(target.key).is_some() {
            return;
        }
        let born = target.started.unwrap_or(time).min(time);
        let life = self.lineage.begin(target, Image::executed(target, facts, time), born);
        self.inherit_unseen_fork(life, time);
        self.settle(life, time, facts);
    }

    fn executed(&mut self, life: LifeId, time: Timestamp, target: &Arc<ProcessInfo>, facts: &ExecFacts) {
        if self.lineage.by_key(target.key).is_some_and(|known| known == life)
            && target.key != self.key_of(life)
        {
            return;
        }
        self.lineage.reimage(life, target.key, Image::executed(target, facts, time));
        self.step_on(life, HopKind::Exec, time);
        self.settle(life, time, facts);
    }

    /// What every exec brings beside the new image: a home, pipes, files named by arguments.
    fn settle(&mut self, life: LifeId, time: Timestamp, facts: &ExecFacts) {
        let variable = |name: &str| facts.env.iter().find(|(key, _)| &**key == name).map(|(_, value)| value);
        if let Some(home) = variable("HOME") {
            self.homes.learn(home.as_bytes());
        }
        let Some(subject) = self.lineage.get(life) else { return };
        let user = subject.image.evidence.info.euid;
        if let (Some(name), Some(home)) = (variable("USER"), variable("HOME"))
            && !name.is_empty()
            && home.rsplit('/').next() == Some(name)
            && self.users.len() < 4096
        {
            self.users.or_insert_with(user, || Arc::from(&**name));
        }
        self.plug(life, time, facts);
        let mut named = Vec::new();
        argv::paths(facts, |path| named.push(FilePath::new(path)));
        for path in named {
            let looked = self.look(life, &path, time);
            if !looked.sets.is_empty() {
                self.read(life, time, &path, &looked, Evidence::Argv, false);
            } else {
                self.touched(life, time, looked.hash, None);
            }
        }
    }

    fn forked(&mut self, parent: LifeId, time: Timestamp, child: &Arc<ProcessInfo>) {
        if self.lineage.by_key(child.key).is_some() {
            return;
        }
        let Some(image) = self.lineage.get(parent).map(|life| Image::forked(child, &life.image, time)) else {
            return;
        };
        let id = self.lineage.begin(child, image, time);
        if let Some(life) = self.lineage.get_mut(id) {
            life.parent = Some(parent);
        }
        self.inherit(parent, id, time);
        let pipes = self.lineage.get(parent).map(|life| life.pipes.clone()).unwrap_or_default();
        self.plug_ends(id, time, &pipes);
    }

    fn key_of(&self, life: LifeId) -> crate::model::ProcessKey {
        let none = crate::model::ProcessKey { pid: crate::model::Pid(-1), version: 0 };
        self.lineage.get(life).map_or(none, |life| life.image.evidence.info.key)
    }
}
