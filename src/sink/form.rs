//! How the text of a record is made for an output, and under which key the spool keeps it.

use crate::model::Record;

use super::format::{self, Body, Format, Sender};
use super::output::{Output, To};

/// How a record is written for an output. Outputs with equal forms share the text.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Form {
    /// Ends with a line feed.
    Line(&'static str),
    Syslog {
        format: &'static str,
        facility: u8,
        enterprise: u32,
        max_octets: usize,
        hostname: Option<String>,
    },
}

impl Output {
    pub fn form(&self) -> Form {
        let format = self.format.as_str();
        match &self.to {
            To::Syslog(syslog) => Form::Syslog {
                format,
                facility: syslog.facility,
                enterprise: syslog.enterprise,
                max_octets: syslog.max_octets,
                hostname: syslog.hostname.clone(),
            },
            _ => Form::Line(format),
        }
    }

    /// What the text of a record is kept under in the spool. The part before the colon is the family.
    pub fn form_key(&self) -> String {
        self.form().key()
    }
}

impl Form {
    pub fn key(&self) -> String {
        match self {
            Self::Line(format) => format!("line:{format}"),
            Self::Syslog { format, facility, enterprise, max_octets, hostname } => {
                let host = hostname.as_deref().unwrap_or("-");
                format!("syslog:{format}:{facility}:{enterprise}:{max_octets}:{host}")
            }
        }
    }

    /// The record in this form. `sequence` is its number in the spool.
    pub fn write(&self, record: &Record, sequence: u64) -> String {
        let named = |name: &str| Format::ALL.into_iter().find(|format| format.as_str() == name);
        match self {
            Self::Line(format) => named(format).unwrap_or(Format::Ecs).write(record),
            Self::Syslog { format, facility, enterprise, max_octets, hostname } => {
                let body = match named(format) {
                    Some(Format::Ocsf) => Body::Ocsf,
                    Some(Format::Cef) => Body::Cef,
                    Some(Format::Leef) => Body::Leef,
                    Some(Format::Ecs | Format::Text) | None => Body::Ecs,
                };
                let sender = Sender {
                    hostname: hostname.as_deref(),
                    process: Some(std::process::id()),
                    // RFC 5424, 7.3.1: 1 to 2147483647, then from 1 again.
                    sequence: (sequence.saturating_sub(1) % 2_147_483_647 + 1) as u32,
                    facility: *facility,
                    enterprise: *enterprise,
                    max_octets: *max_octets,
                };
                format::rfc5424(record, body, &sender)
            }
        }
    }
}
