//! What the administrator asked for, compiled: which paths are sensitive, which names are services, who may.
//!
//! A [`Policy`] is immutable and shared. It answers questions and remembers nothing: what was seen is the engine's
//! business. Its parts do not know each other:
//!
//! * [`Paths`]: path → sensitive sets and sync root, for the [`Homes`] known by then.
//! * [`Services`]: host name → service and tenant; [`Mail`]: whether it takes mail.
//! * [`Allow`]: who may read or send what, and for near misses why not.
//! * [`interpreters`]: what an interpreter is told to run.
//! * [`Rule`]s: what is worth an alert.
//! * [`Tools`]: what a command line sends, where to, and whom it lets in.
//!
//! `config` reads the text and builds it from a [`Draft`]; nothing here reads files, clocks or environments.

#![deny(clippy::disallowed_methods, clippy::disallowed_types)]

mod allow;
mod automaton;
mod canonical;
mod domain;
mod glob;
mod homes;
mod identity;
mod ids;
pub mod interpreters;
mod mail;
mod names;
mod paths;
pub mod rule;
mod services;
mod tools;

use std::sync::Arc;

use crate::model::{Severity, Span};

pub use allow::{
    Allow, AllowEntry, Choice, Considered, Dimension, Effect, NearMiss, Owner, TenantPattern, Transfer,
    UserMatcher,
};
pub use automaton::TooLarge;
pub use canonical::{Canonical, RESOURCE_FORK, Scratch, Spelling, Volumes, is_resource_fork};
pub use domain::{DomainError, DomainPattern, canonical_name};
pub use glob::{Glob, GlobError};
pub use homes::{Homes, Learned};
pub use identity::{Identity, ProcessMatcher, ProgramPath, Signing, Subject, is_team_id};
pub use ids::{ServiceId, SetId, SetMask, SyncRootId};
pub use mail::{Mail, MailServers};
pub use paths::{PathClass, Paths, PatternHit, Reach, SetPaths};
pub use rule::{Chance, CommandKind, Leaving, Rule, Rules, Sense};
pub use services::{Category, Destination, NameHit, NameList, Service, ServiceNames, Services};
pub use tools::grantee::{self, Named as Grantees};
pub use tools::{
    ANYONE, Aim, Command as ToolCommand, Deed, Does, LONG_LIVED, Operand, Options as ToolOptions, Reading,
    Role, Syntax, Tool, Tools,
};

/// What to do about a big upload to a nameless destination after a sensitive read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum UnknownUpload {
    /// A coverage record.
    Record,
    /// An alert of low confidence.
    Alert,
    Ignore,
}

impl UnknownUpload {
    pub const ALL: [Self; 3] = [Self::Record, Self::Alert, Self::Ignore];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Record => "record",
            Self::Alert => "alert",
            Self::Ignore => "ignore",
        }
    }
}

/// The single values.
#[derive(Clone, PartialEq, Debug)]
pub struct Options {
    /// From a sensitive read to the upload, within one lineage; inclusive.
    pub window_default: Span,
    /// How long a staged copy stays suspect.
    pub file_taint: Span,
    /// Payload bytes that make an upload.
    pub min_bytes: u64,
    /// Bytes out for each byte in that make an upload; 0 asks nothing.
    pub min_ratio: f64,
    pub unknown: UnknownUpload,
    /// How long live events wait for stragglers.
    pub hold: Span,
    /// Chains with no longer pause between their steps are one alert.
    pub group: Span,
}

/// Files that must not leave.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SensitiveSet {
    pub name: Arc<str>,
    pub severity: Severity,
    pub window: Span,
    pub min_bytes: u64,
    /// It bears the name of a built-in set: built-in allowances cover it.
    pub builtin: bool,
}

/// A folder whose contents a client uploads.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SyncRoot {
    pub name: Arc<str>,
    pub service: ServiceId,
    /// The root itself; may hold `{tenant}`.
    pub path: Glob,
    /// Who keeps it in step with the cloud.
    pub client: Vec<ProcessMatcher>,
    pub builtin: bool,
}

/// Everything a policy is made of, read and resolved but not yet compiled.
#[derive(Clone, Debug)]
pub struct Draft {
    pub options: Options,
    pub sets: Vec<SensitiveSet>,
    /// For each set, by its index.
    pub set_paths: Vec<SetPaths>,
    pub services: Vec<ServiceNames>,
    pub mail: Vec<MailServers>,
    pub sync_roots: Vec<SyncRoot>,
    pub allow: Vec<AllowEntry>,
    pub rules: Vec<Rule>,
    pub tools: Vec<Tool>,
    pub volumes: Volumes,
    pub homes: Vec<Box<str>>,
    pub hash: Arc<str>,
}

/// What the administrator asked for. Immutable once compiled.
#[derive(Clone, Debug)]
pub struct Policy {
    pub options: Options,
    /// By [`SetId`].
    pub sets: Vec<SensitiveSet>,
    pub paths: Arc<Paths>,
    pub services: Services,
    pub mail: Mail,
    /// By [`SyncRootId`].
    pub sync_roots: Vec<SyncRoot>,
    pub allow: Allow,
    pub rules: Rules,
    pub tools: Tools,
    /// 16 hex digits of the SHA-256 of the effective configuration.
    pub hash: Arc<str>,
}

impl Policy {
    /// Compiles. Whoever made the draft has checked what it says: only its size can be too much.
    pub fn compile(draft: Draft) -> Result<Self, TooLarge> {
        let roots = draft.sync_roots.iter().map(|root| root.path.clone()).collect();
        let paths = Paths::compile(&draft.set_paths, roots, draft.volumes, draft.homes)?;
        Ok(Self {
            options: draft.options,
            sets: draft.sets,
            paths: Arc::new(paths),
            services: Services::compile(draft.services),
            mail: Mail::compile(draft.mail),
            allow: Allow::new(draft.allow, &draft.sync_roots),
            sync_roots: draft.sync_roots,
            rules: Rules::compile(draft.rules),
            tools: Tools::compile(draft.tools),
            hash: draft.hash,
        })
    }

    pub fn set(&self, id: SetId) -> &SensitiveSet {
        &self.sets[usize::from(id.0)]
    }

    pub fn set_named(&self, name: &str) -> Option<SetId> {
        let index = self.sets.iter().position(|set| &*set.name == name)?;
        u8::try_from(index).ok().map(SetId)
    }

    pub fn sync_root(&self, id: SyncRootId) -> &SyncRoot {
        &self.sync_roots[usize::from(id.0)]
    }
}
