//! Secrets, taken out before anything is written.
//!
//! A format never sees a record as the engine made it: [`record`] gives the only form that formats take. What goes are
//! the values of options, variables, headers, fields and parameters that carry a secret by their name (`names`),
//! credentials in URLs, webhook addresses and private keys (`text`), and words shaped like well-known keys
//! (`shapes`). Better one word too many than one secret in a SIEM; but hosts and paths stay, they are the evidence.

mod command;
mod names;
mod programs;
mod shapes;
mod stdin;
mod text;

#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::ops::Deref;
use std::sync::Arc;

pub use command::args;
pub use text::text;

use crate::model::{
    Actor, Alert, AuditEvent, CloudAccount, Coverage, FilePath, Hop, ProcessEvidence, ProcessInfo,
    ReadEvidence, Reason, Record, Script,
};

/// What stands in the place of a secret.
pub const REDACTED: &str = "[redacted]";

/// A record without secrets. Only [`record`] makes one.
#[derive(Debug)]
pub struct Redacted(Record);

impl Deref for Redacted {
    type Target = Record;

    fn deref(&self) -> &Record {
        &self.0
    }
}

/// The record without its secrets.
pub fn record(record: &Record) -> Redacted {
    Redacted(match record {
        Record::Alert(whole) => Record::Alert(Box::new(alert(whole))),
        Record::Coverage(whole) => Record::Coverage(coverage(whole)),
        // Names of ours and numbers.
        Record::Heartbeat(whole) => Record::Heartbeat(whole.clone()),
    })
}

/// A coverage record without its secrets.
pub(in crate::sink) fn coverage(whole: &Coverage) -> Coverage {
    Coverage { text: text(&whole.text).into_owned(), ..whole.clone() }
}

fn alert(whole: &Alert) -> Alert {
    let reasons = whole
        .reasons
        .iter()
        .map(|reason| Reason { code: reason.code, text: text(&reason.text).into_owned() });
    let mut known = Known::default();
    Alert {
        reasons: reasons.collect(),
        uploader: actor(&whole.uploader, &mut known),
        audit: whole.audit.iter().map(audit).collect(),
        reads: whole.reads.iter().map(|read| self::read(read, &mut known)).collect(),
        hops: whole.hops.iter().map(|hop| self::hop(hop, &mut known)).collect(),
        chain: whole.chain.iter().map(|process| known.process(process)).collect(),
        ..whole.clone()
    }
}

fn actor<'a>(whole: &'a Actor, known: &mut Known<'a>) -> Actor {
    match whole {
        Actor::Process(process) => Actor::Process(known.process(process)),
        Actor::Account(it) => Actor::Account(account(it)),
    }
}

/// Names and addresses stay: they are whom it is about. Signed links and keys among them go.
fn account(whole: &Arc<CloudAccount>) -> Arc<CloudAccount> {
    Arc::new(CloudAccount {
        log: whole.log,
        user: whole.user.as_ref().map(words),
        principal: whole.principal.as_ref().map(words),
        account: whole.account.as_ref().map(words),
        address: whole.address.as_ref().map(words),
        agent: whole.agent.as_ref().map(words),
    })
}

fn audit(whole: &Arc<AuditEvent>) -> Arc<AuditEvent> {
    Arc::new(AuditEvent {
        by: account(&whole.by),
        record: words(&whole.record),
        operation: words(&whole.operation),
        with: whole.with.iter().map(words).collect(),
        into: whole.into.as_ref().map(words),
        items: whole.items.iter().map(words).collect(),
        ..AuditEvent::clone(whole)
    })
}

fn words(whole: &Arc<str>) -> Arc<str> {
    match text(whole) {
        Cow::Borrowed(_) => Arc::clone(whole),
        Cow::Owned(clean) => Arc::from(clean),
    }
}

fn read<'a>(whole: &'a ReadEvidence, known: &mut Known<'a>) -> ReadEvidence {
    ReadEvidence { path: path(&whole.path), process: known.process(&whole.process), ..whole.clone() }
}

fn hop<'a>(whole: &'a Hop, known: &mut Known<'a>) -> Hop {
    Hop { path: whole.path.as_ref().map(path), process: known.process(&whole.process), ..whole.clone() }
}

/// The processes of one record, with and without their secrets: most are in it several times.
#[derive(Default)]
struct Known<'a>(Vec<(&'a Arc<ProcessEvidence>, Arc<ProcessEvidence>)>);

impl<'a> Known<'a> {
    fn process(&mut self, whole: &'a Arc<ProcessEvidence>) -> Arc<ProcessEvidence> {
        if let Some((_, clean)) = self.0.iter().find(|(other, _)| Arc::ptr_eq(other, whole)) {
            return Arc::clone(clean);
        }
        let clean = process(whole);
        self.0.push((whole, Arc::clone(&clean)));
        clean
    }
}

fn process(whole: &Arc<ProcessEvidence>) -> Arc<ProcessEvidence> {
    let args = args(&whole.args).into_iter().map(String::into_boxed_str).collect();
    Arc::new(ProcessEvidence {
        info: info(&whole.info),
        args,
        cwd: whole.cwd.as_ref().map(path),
        script: whole.script.as_ref().map(|script| Script { path: path(&script.path) }),
        ..ProcessEvidence::clone(whole)
    })
}

fn info(whole: &Arc<ProcessInfo>) -> Arc<ProcessInfo> {
    let clean = path(&whole.program.path);
    if clean == whole.program.path {
        return Arc::clone(whole);
    }
    let mut program = (*whole.program).clone();
    program.path = clean;
    Arc::new(ProcessInfo { program: Arc::new(program), ..ProcessInfo::clone(whole) })
}

/// The bytes stay as they are where there is nothing to hide.
fn path(path: &FilePath) -> FilePath {
    match text::path(&path.to_string()) {
        Cow::Borrowed(_) => path.clone(),
        Cow::Owned(clean) => FilePath::from(clean.as_str()),
    }
}
