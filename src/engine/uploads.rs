//! Uploads that the allow list let through, for whoever keeps a history. Alerts tell of the others.

use std::sync::Arc;

use crate::model::upload::MAX_PATHS;
use crate::model::{FlowId, Upload, UploadOutcome};
use crate::policy::{SetId, Transfer};

use super::Engine;
use super::lineage::LifeId;
use super::window::Place;

/// Told between two times that somebody asks; more are left out.
const MAX_UPLOADS: usize = 4096;

impl Engine {
    /// From now on they are kept for [`Engine::take_uploads`].
    pub fn tell_uploads(&mut self) {
        self.uploads.get_or_insert_default();
    }

    /// Those since last asked, each told when its flow ended.
    pub fn take_uploads(&mut self) -> Vec<Upload> {
        self.uploads.as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// A flow of this tally has ended: was it an upload that an entry lets through?
    pub(super) fn let_through(&mut self, id: LifeId, at: usize, flow: FlowId) {
        if self.uploads.as_ref().is_none_or(|told| told.len() >= MAX_UPLOADS) {
            return;
        }
        let upload = self.allowed(id, at, flow);
        self.uploads.iter_mut().for_each(|told| told.extend(upload.clone()));
    }

    fn allowed(&self, id: LifeId, at: usize, flow: FlowId) -> Option<Upload> {
        let life = self.lineage.get(id)?;
        let tally = life.tallies.get(at)?;
        let evidence = &tally.flows.iter().find(|known| known.flow == flow)?.evidence;
        let Place::Service { name, tenant } = &tally.place else { return None };
        let service = self.policy.services.by_name(name)?;
        let sender = &tally.sender;
        let subject = self.subject_as(life, &sender.evidence, &sender.identity, evidence.end);
        let entry = |set: SetId| {
            self.policy.allow.permits(&subject, Transfer { set, service, tenant: tenant.as_deref() }).ok()
        };
        let (mut sets, mut paths, mut by) = (Vec::new(), Vec::new(), None);
        for bearing in life.bearings.iter().filter(|bearing| bearing.since <= evidence.end) {
            let counts = |set: &SetId| {
                let set = self.policy.set(*set);
                evidence.bytes_out >= set.min_bytes
                    && bearing.covers(set.window, evidence.start, evidence.end)
            };
            for set in self.sets_of(&bearing.read).iter().filter(counts) {
                let Some(entry) = entry(set) else { continue };
                by.get_or_insert_with(|| Arc::clone(&entry.name));
                sets.push(Arc::clone(&self.policy.set(set).name));
                if paths.len() < MAX_PATHS && !paths.contains(&bearing.read.path) {
                    paths.push(bearing.read.path.clone());
                }
            }
        }
        sets.sort();
        sets.dedup();
        Some(Upload {
            time: evidence.end,
            user: subject.user,
            user_name: self.users.get(&subject.user).cloned(),
            uploader: Arc::clone(&sender.evidence),
            parent: life.ancestors().next().map(|parent| Arc::clone(&parent.evidence)),
            sets,
            paths,
            service: Arc::clone(name),
            tenant: tenant.clone(),
            category: Some(Arc::from(self.policy.services.get(service).category.as_str())),
            count: 1,
            bytes_out: evidence.bytes_out,
            bytes_in: evidence.bytes_in,
            outcome: UploadOutcome::Allowed(by?),
        })
    }
}
