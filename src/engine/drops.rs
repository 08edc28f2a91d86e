//! Files put into synchronised folders: what is put there is uploaded.

use crate::model::{FileId, FilePath, PathHash, Timestamp};

use super::Engine;
use super::files::Looked;
use super::lineage::LifeId;
use super::taint::{Origin, Part};

/// What a life does to a file that it may have put there already: one file is created, written and closed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Put {
    New,
    /// There is more in it now.
    More,
    /// Another event tells of the same.
    Same,
}

impl Engine {
    /// To be asked before the file is stained with these parts.
    pub(super) fn put(
        &mut self,
        life: LifeId,
        path: &FilePath,
        hash: PathHash,
        id: Option<FileId>,
        parts: &[Part],
    ) -> Put {
        let key = self.lineage.get(life).map(|life| life.image.evidence.info.key);
        let Some(file) = self.taints.find(hash, id) else { return Put::New };
        let own = |part: &Part| {
            let here = |hop: &&crate::model::Hop| hop.path.as_ref() == Some(path);
            part.hops.last().filter(here).is_some_and(|hop| Some(hop.process.info.key) == key)
        };
        let known = |part: &Part| file.parts.iter().any(|other| other.load.id == part.load.id);
        match file.parts.iter().any(own) {
            false => Put::New,
            true if parts.iter().all(known) => Put::Same,
            true => Put::More,
        }
    }

    /// A file that carries these parts lies in a sync root now.
    pub(super) fn put_into_root(
        &mut self,
        life: LifeId,
        time: Timestamp,
        looked: &Looked,
        parts: &[Part],
        put: Put,
    ) {
        if put == Put::Same {
            return;
        }
        let origins: Vec<Origin> = parts.iter().flat_map(Part::origins).collect();
        self.dropped(life, time, looked, &origins, put == Put::New);
    }
}
