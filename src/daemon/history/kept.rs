//! What is kept of uploads: sums, by who sent what of whose where.

use serde::{Deserialize, Serialize};

use crate::engine::habits::code_of;
use crate::model::{CodeSigning, FilePath, Lossy, ProcessEvidence, Timestamp, Upload, UploadOutcome};

/// Folders and alert ids of one entry; further folders are left out, older ids make room.
const MAX_LISTED: usize = 6;

/// Everything but sums.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct Key {
    /// The uploader's code identity, and its parent's.
    pub code: String,
    pub parent: Option<String>,
    /// Sorted.
    pub sets: Vec<String>,
    pub service: String,
    pub tenant: Option<String>,
    /// What the service is for.
    pub category: Option<String>,
    pub user: u32,
    /// The allow entry that let it through; nothing if it alerted.
    pub allowed_by: Option<String>,
}

/// A program as it last was.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Who {
    pub executable: String,
    pub signing_id: Option<String>,
    pub team_id: Option<String>,
    pub cdhash: Option<String>,
    /// The `CS_*` bits.
    pub flags: u32,
    pub invalidated: bool,
    pub script: Option<String>,
    pub runs_other_code: bool,
}

/// One entry of the history. Times are nanoseconds since the epoch.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Kept {
    #[serde(flatten)]
    pub key: Key,
    pub uploader: Who,
    pub parent_program: Option<Who>,
    pub user_name: Option<String>,
    pub uploads: u64,
    /// Different ones.
    pub alerts: u64,
    /// The newest of them.
    pub ids: Vec<String>,
    pub first: i64,
    pub last: i64,
    pub bytes_out: u64,
    pub bytes_in: u64,
    /// Out, in one upload or one alert.
    pub most: u64,
    pub folders: Vec<String>,
}

/// What an alert has told of itself so far: reports repeat it.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Counted {
    pub count: u64,
    pub bytes_out: u64,
    pub bytes_in: u64,
}

impl Key {
    pub fn of(upload: &Upload) -> Self {
        let text = |text: &std::sync::Arc<str>| text.to_string();
        Self {
            code: code_of(&upload.uploader).to_string(),
            parent: upload.parent.as_ref().map(|parent| code_of(parent).to_string()),
            sets: upload.sets.iter().map(text).collect(),
            service: upload.service.to_string(),
            tenant: upload.tenant.as_ref().map(text),
            category: upload.category.as_ref().map(text),
            user: upload.user.0,
            allowed_by: match &upload.outcome {
                UploadOutcome::Allowed(entry) => Some(entry.to_string()),
                UploadOutcome::Alerted(_) => None,
            },
        }
    }
}

impl Who {
    fn of(process: &ProcessEvidence) -> Self {
        let program = &process.info.program;
        Self {
            executable: program.path.to_string(),
            signing_id: program.signing_id.as_deref().map(str::to_owned),
            team_id: program.team_id.as_deref().map(str::to_owned),
            cdhash: program.cdhash.map(|hash| hash.to_string()),
            flags: program.flags.0 | if program.platform { CodeSigning::PLATFORM_BINARY } else { 0 },
            invalidated: process.invalidated,
            script: process.script.as_ref().map(|script| script.path.to_string()),
            runs_other_code: process.runs_other_code,
        }
    }
}

impl Kept {
    pub fn new(key: Key, upload: &Upload) -> Self {
        Self {
            key,
            uploader: Who::of(&upload.uploader),
            parent_program: upload.parent.as_deref().map(Who::of),
            user_name: None,
            uploads: 0,
            alerts: 0,
            ids: Vec::new(),
            first: upload.time.as_nanos(),
            last: upload.time.as_nanos(),
            bytes_out: 0,
            bytes_in: 0,
            most: 0,
            folders: Vec::new(),
        }
    }

    /// Adds an upload. `before` is what the same alert had told of itself earlier; `None` if nothing.
    pub fn add(&mut self, upload: &Upload, before: Option<Counted>) {
        let known = before.unwrap_or_default();
        self.uploader = Who::of(&upload.uploader);
        self.user_name = upload.user_name.as_ref().map(ToString::to_string).or_else(|| self.user_name.take());
        self.uploads = self.uploads.saturating_add(upload.count.saturating_sub(known.count));
        self.bytes_out = self.bytes_out.saturating_add(upload.bytes_out.saturating_sub(known.bytes_out));
        self.bytes_in = self.bytes_in.saturating_add(upload.bytes_in.saturating_sub(known.bytes_in));
        self.most = self.most.max(upload.bytes_out);
        self.first = self.first.min(upload.time.as_nanos());
        self.last = self.last.max(upload.time.as_nanos());
        if let UploadOutcome::Alerted(id) = upload.outcome
            && before.is_none()
        {
            self.alerts += 1;
            self.ids.push(id.to_string());
            self.ids.drain(..self.ids.len().saturating_sub(MAX_LISTED));
        }
        for folder in upload.paths.iter().map(folder) {
            if self.folders.len() < MAX_LISTED && !self.folders.contains(&folder) {
                self.folders.push(folder);
            }
        }
    }

    /// Bytes out in one upload, on average.
    pub fn usual(&self) -> u64 {
        self.bytes_out / self.uploads.max(1)
    }

    pub fn first(&self) -> Timestamp {
        Timestamp::from_nanos(self.first)
    }

    pub fn last(&self) -> Timestamp {
        Timestamp::from_nanos(self.last)
    }
}

/// Without its last part; what is no text is shown as such.
fn folder(path: &FilePath) -> String {
    let bytes = path.as_bytes();
    let end = bytes.iter().rposition(|byte| *byte == b'/').filter(|end| *end > 0).unwrap_or(bytes.len());
    Lossy(&bytes[..end]).to_string()
}
