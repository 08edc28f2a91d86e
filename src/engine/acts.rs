//! What processes did: who they are, what they read, where they put it.
//!
//! In: [`Observed`] events. Each finds its life in `lineage` and goes to the part that it is about: `files`, `moves`, `pipes`,
//! `fifos`, `drops`, `served`, `commands`.

use std::sync::Arc;

use crate::model::{Evidence, ExecFacts, HopKind, Observed, ProcessInfo, Timestamp, What};

use super::Engine;
use super::argv::{self, Named};
use super::identity;
use super::lineage::{Image, LifeId};
use super::unseen::is_system_socket;

impl Engine {
    pub(super) fn act(&mut self, observed: Observed) {
        self.stats.events += 1;
        let Observed { time, actor, info, what, .. } = observed;
        let life = match self.lineage.by_key(actor) {
            Some(life) => life,
            None => {
                if let (What::Exec { target, facts }, None) = (&what, &info) {
                    // The old image was never introduced: the new one tells who the process is from now on.
                    return self.executed_stranger(target, facts, time);
                }
                let Some(life) = self.lineage.actor(actor, info.as_ref(), time) else {
                    self.stats.strangers += 1;
                    return;
                };
                self.inherit_unseen_fork(life, time);
                life
            }
        };
        match what {
            What::Exec { target, facts } => self.executed(life, time, &target, &facts),
            What::Fork { child } => self.forked(life, time, &child),
            What::Exit => {
                self.returned(life, time);
                self.lineage.end(life, time);
            }
            What::CodeInvalidated => self.lineage.invalidate(life),
            What::ThreadStarted { target } => self.injected(life, time, &target),
            What::Open { file, flags } => self.opened(life, time, &file, flags),
            What::Fifo { file, flags } => self.opened_fifo(life, time, &file, flags),
            What::Touch { path, id, name, links } => {
                self.touched(life, time, path, id, name.as_ref());
                if let Some(name) = name {
                    self.by_other_name(life, time, &name, id, links);
                }
            }
            What::Mounted { at, backing } => self.volume_appeared(life, time, &at, backing),
            What::Unmounted { at } => self.volume_gone(&at),
            What::Emptied { path, id } => self.emptied(life, path, id),
            What::Written { file } => self.wrote(life, time, &file, false),
            What::Marked { file, mark } => self.marked(life, time, &file, mark),
            What::Created { file } => self.wrote(life, time, &file, true),
            What::Renamed { from, to } => self.renamed(life, time, &from, &to),
            What::Exchanged { one, other } => self.exchanged(life, time, [&one, &other]),
            What::Removed { file } => {
                let hash = self.hash(file.path.as_bytes());
                self.taints.removed(hash, file.id, file.links);
                if let (Some(id), 0 | 1) = (file.id, file.links) {
                    self.aliases.forget(id);
                }
            }
            What::Linked { from, to } => self.duplicated(life, time, &from, &to, HopKind::Link),
            What::Copied { from, to, clone } => {
                self.duplicated(life, time, &from, &to, if clone { HopKind::Clone } else { HopKind::Copy });
            }
            What::ServiceAsked { name } => self.asked(life, time, !name.starts_with("com.apple.")),
            What::SocketAsked { path } => self.asked(life, time, !is_system_socket(&path)),
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
        self.serve_whom_its_app_serves(life);
        self.settle(life, time, facts);
    }

    fn executed(&mut self, life: LifeId, time: Timestamp, target: &Arc<ProcessInfo>, facts: &ExecFacts) {
        if self.lineage.by_key(target.key).is_some_and(|known| known == life)
            && target.key != self.key_of(life)
        {
            return;
        }
        self.lineage.reimage(life, target.key, Image::executed(target, facts, time));
        self.cast_again(life);
        self.serves_no_longer(life);
        self.serve_whom_its_app_serves(life);
        self.step_on(life, HopKind::Exec, time);
        self.settle(life, time, facts);
    }

    /// Whoever tells an app what to do, tells its helpers: a browser's files are read by one of them. Of an app that is not
    /// itself no helper is.
    fn serve_whom_its_app_serves(&mut self, life: LifeId) {
        let Some(helper) = self.lineage.get(life) else { return };
        let Some(app) = helper.parent.and_then(|parent| self.lineage.get(parent)) else { return };
        let (helper, app) = (&helper.image.identity, &app.image.identity);
        if app.runs_other_code && !helper.runs_other_code && identity::helps(helper, app) {
            self.lineage.take_over(life);
        }
    }

    /// Its signature says nothing any more about what it does; and what its master carried, it may have been given.
    fn injected(&mut self, life: LifeId, time: Timestamp, target: &Arc<ProcessInfo>) {
        let Some(other) = self.lineage.actor(target.key, Some(target), time) else { return };
        if other != life {
            let known = self.lineage.get(other).is_some_and(|other| other.image.identity.runs_other_code);
            self.lineage.take_over(other);
            // All lives are looked through, so once for each app.
            if !known {
                self.lineage
                    .children(other)
                    .into_iter()
                    .for_each(|child| self.serve_whom_its_app_serves(child));
            }
            self.asked(life, time, true);
        }
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
            && self.users.len() < super::sizes::MAX_USERS
        {
            self.users.or_insert_with(user, || Arc::from(&**name));
        }
        self.learn_home_elsewhere(variable("USER").map(|user| &**user), facts);
        self.plug(life, time, facts);
        self.pasted(life, time);
        self.hear_script(life, time, facts);
        self.name_files(life, time, facts);
    }

    /// Files that the arguments name.
    fn name_files(&mut self, life: LifeId, time: Timestamp, facts: &ExecFacts) {
        let understood = self.commanded(life, time, facts);
        // What every word said here would belong to.
        let mut here = None;
        for Named { path, clear } in argv::paths(facts, &understood) {
            let looked = self.look(life, &path, time);
            let mut looked = self.with_content(life, time, &path, looked);
            if !clear && !looked.sets.is_empty() {
                let any = here.unwrap_or_else(|| self.look(life, &argv::any_here(facts), time).class.sets);
                here = Some(any);
                looked.sets = looked.sets.without(any);
            }
            if !looked.sets.is_empty() {
                self.read(life, time, &path, &looked, Evidence::Argv, false);
            } else {
                self.touched(life, time, looked.hash, None, Some(&path));
                self.attaches(life, time, &path);
            }
        }
    }

    /// A home that is a link to another volume is known there only by its last name, the user's: the system reports working
    /// directories by their resolved path.
    fn learn_home_elsewhere(&mut self, user: Option<&str>, facts: &ExecFacts) {
        let (Some(user), Some(cwd)) = (user.filter(|user| !user.is_empty()), &facts.cwd) else { return };
        let Ok(cwd) = std::str::from_utf8(cwd.as_bytes()) else { return };
        let mut components = cwd.strip_prefix("/Volumes/").unwrap_or_default().split('/').skip(1);
        let Some(at) = components.position(|name| name == user).filter(|at| *at <= 1) else { return };
        let home: Vec<&str> = cwd.split('/').take(at + 4).collect();
        self.homes.learn(home.join("/").as_bytes());
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
        self.serves_too(parent, id);
        self.inherit(parent, id, time);
        let pipes = self.lineage.get(parent).map(|life| life.pipes.clone()).unwrap_or_default();
        self.plug_ends(id, time, &pipes);
    }

    fn key_of(&self, life: LifeId) -> crate::model::ProcessKey {
        let none = crate::model::ProcessKey { pid: crate::model::Pid(-1), version: 0 };
        self.lineage.get(life).map_or(none, |life| life.image.evidence.info.key)
    }
}
