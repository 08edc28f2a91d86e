//! What was observed, from wherever it comes: one alert, or the sum of many in a history.

use std::collections::BTreeSet;

use crate::cli::alerts::Told;
use crate::cli::alerts::told::{Event, Named, Own, Process, Read, Signature, Tenant, User};
use crate::daemon::history::{Kept, Who};
use crate::model::CodeSigning;

/// Something that one entry would silence.
#[derive(Clone, Debug)]
pub struct Seen {
    /// For a sum: what all of it has in common.
    pub told: Told,
    pub alerts: u64,
    pub uploads: u64,
    /// RFC 3339, UTC.
    pub first: String,
    pub last: String,
    pub bytes_out: u64,
    /// In one alert or upload.
    pub most: u64,
    /// Of alerts; a history remembers the newest.
    pub ids: Vec<String>,
    pub folders: BTreeSet<String>,
}

impl From<Told> for Seen {
    fn from(told: Told) -> Self {
        let reads = told.cloudward.reads.iter().filter(|read| read.evidence != "taint");
        let folder =
            |read: &Read| read.path.rsplit_once('/').map_or(&*read.path, |(folder, _)| folder).to_owned();
        Self {
            alerts: 1,
            uploads: told.cloudward.count.max(1),
            first: told.time.clone(),
            last: told.time.clone(),
            bytes_out: told.cloudward.bytes_out,
            most: told.cloudward.bytes_out,
            ids: vec![told.event.id.clone()],
            folders: reads.map(folder).collect(),
            told,
        }
    }
}

impl From<&Kept> for Seen {
    fn from(kept: &Kept) -> Self {
        let script = kept.uploader.script.clone();
        // One read stands for all: of it only the sets are asked.
        let read = Read { sets: kept.key.sets.clone(), evidence: "open".to_owned(), ..Read::default() };
        let told = Told {
            time: kept.last().to_string(),
            event: Event { id: kept.ids.last().cloned().unwrap_or_default(), kind: "alert".to_owned() },
            process: Process {
                parent: kept.parent_program.as_ref().map(|parent| Box::new(process(parent))),
                ..process(&kept.uploader)
            },
            user: User { id: kept.key.user.to_string(), name: kept.user_name.clone() },
            cloudward: Own {
                reads: vec![read],
                script,
                runs_other_code: kept.uploader.runs_other_code,
                tenant: Tenant { name: kept.key.tenant.clone(), ..Tenant::default() },
                ..Own::default()
            },
            cloud: crate::cli::alerts::told::Cloud {
                service: Named { name: Some(kept.key.service.clone()) },
            },
        };
        Self {
            told,
            alerts: kept.alerts,
            uploads: kept.uploads,
            first: kept.first().to_string(),
            last: kept.last().to_string(),
            bytes_out: kept.bytes_out,
            most: kept.most,
            ids: kept.ids.clone(),
            folders: kept.folders.iter().cloned().collect(),
        }
    }
}

fn process(who: &Who) -> Process {
    let status = if who.invalidated { "invalidated" } else { "" };
    Process {
        executable: who.executable.clone(),
        code_signature: Signature {
            signing_id: who.signing_id.clone(),
            team_id: who.team_id.clone(),
            status: status.to_owned(),
            flags: format!("{:?}", CodeSigning(who.flags)),
        },
        hash: crate::cli::alerts::told::Hash { cdhash: who.cdhash.clone() },
        ..Process::default()
    }
}
