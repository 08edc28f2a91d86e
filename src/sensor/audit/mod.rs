//! Audit logs of clouds: AWS CloudTrail, the unified audit log of Microsoft 365, the Drive log of Google Workspace, Google
//! Cloud's audit logs, the Azure Activity log.
//!
//! One reader for each log turns those records into [`AuditEvent`]s by which data was handed over; the rest is counted.
//! What failed raises nothing. Exports come in many wrappers, and all are opened: one JSON document or one on each line,
//! bare or under `Records`, `Events`, `items`, `value` or `records`, as text within JSON (`CloudTrailEvent`, `AuditData`), in
//! a CSV file with an `AuditData` column or with the columns of `AzureActivity`, and any of these compressed. Newest first or oldest first: events come out in the
//! order of their time.

mod azure;
mod cloudtrail;
mod csv;
mod google;
mod google_cloud;
mod google_policy;
mod json;
mod microsoft;
mod record;

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use thiserror::Error;

use crate::model::{AuditEvent, AuditLog};

use super::compressed;
use record::Record;

/// The largest export that is read, uncompressed. All of it is in memory for a while.
pub const MAX_BYTES: u64 = 512 * 1024 * 1024;
/// Events kept of one export (some 500 bytes each); others are counted as left out.
pub const MAX_EVENTS: usize = 1 << 17;
/// Complaints kept with their place; more are only counted.
const MAX_COMPLAINTS: usize = 20;

/// Why an export could not be read at all.
#[derive(Error, Debug)]
pub enum AuditError {
    #[error("{name}: {source}")]
    Read { name: String, source: io::Error },
    #[error("{name}: holds more than {} MiB; split it by day", MAX_BYTES >> 20)]
    TooLarge { name: String },
    #[error(
        "{name}: is no audit log that cloudward knows: give AWS CloudTrail, the unified audit log of Microsoft 365 (CSV or JSON), Google Workspace's Drive activities (JSON), Google Cloud's audit logs (JSON), or the Azure Activity log (JSON or CSV)"
    )]
    Unknown { name: String },
}

/// What an export holds.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Audit {
    /// By time.
    pub events: Vec<AuditEvent>,
    /// Records of a known log, whatever they tell.
    pub records: u64,
    /// What was no record of any known log, or could not be read.
    pub rejected: u64,
    /// Line, from 1, and what is wrong there.
    pub complaints: Vec<(u64, String)>,
    /// Events beyond [`MAX_EVENTS`].
    pub left_out: u64,
    begun: azure::Begun,
}

impl Audit {
    /// Opens an export; `-` is standard input. Fails where it cannot be read, is too large, or is the export of no log that
    /// is known.
    pub fn open(path: &Path) -> Result<Self, AuditError> {
        let name = path.display().to_string();
        let source: Box<dyn Read + Send> = if path.as_os_str() == "-" {
            Box::new(io::stdin())
        } else {
            match File::open(path) {
                Ok(file) => Box::new(file),
                Err(source) => return Err(AuditError::Read { name, source }),
            }
        };
        let mut bytes = Vec::new();
        let whole = compressed::detect(source)
            .and_then(|(_, source)| source.take(MAX_BYTES + 1).read_to_end(&mut bytes));
        match whole {
            Err(source) => Err(AuditError::Read { name, source }),
            Ok(_) if bytes.len() as u64 > MAX_BYTES => Err(AuditError::TooLarge { name }),
            Ok(_) => Self::read(&bytes).ok_or(AuditError::Unknown { name }),
        }
    }

    /// Reads an export; `None` if no record in it is of a log that is known.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        let mut audit = Self::default();
        let first = bytes.iter().find(|byte| !byte.is_ascii_whitespace())?;
        if matches!(first, b'{' | b'[') {
            json::read(bytes, &mut audit);
        } else {
            csv::read(bytes, &mut audit);
        }
        std::mem::take(&mut audit.begun).settle().for_each(|event| audit.keep(event));
        audit.events.sort_by_key(|event| event.time);
        (audit.records > 0).then_some(audit)
    }

    fn complain(&mut self, line: u64, what: impl Into<String>) {
        self.rejected += 1;
        if self.complaints.len() < MAX_COMPLAINTS {
            self.complaints.push((line, what.into()));
        }
    }

    /// Takes one record, whatever it is wrapped in.
    fn take(&mut self, record: &serde_json::Value, line: u64) {
        let inner = json::unwrapped(record);
        let record = Record(inner.as_ref().unwrap_or(record));
        let Some(log) = record.log() else {
            return self.complain(line, "no record of a log that is known");
        };
        self.records += 1;
        let told = match log {
            AuditLog::CloudTrail => cloudtrail::read(record),
            AuditLog::Microsoft365 => microsoft::read(record),
            AuditLog::GoogleWorkspace => google::read(record),
            AuditLog::GoogleCloud => google_cloud::read(record),
            AuditLog::Azure => azure::read(record, &mut self.begun),
        };
        for event in told {
            match event {
                Err(what) => self.complain(line, what),
                Ok(event) => self.keep(event),
            }
        }
    }

    fn keep(&mut self, event: AuditEvent) {
        if self.events.len() < MAX_EVENTS {
            self.events.push(event);
        } else {
            self.left_out += 1;
        }
    }
}

#[cfg(test)]
mod tests;
