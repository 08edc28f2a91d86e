//! Tests of a policy, as security teams write them: events in short form, and the verdict they expect.
//!
//! ```toml
//! policy = "corp.toml"                 # beside this file; or policy_text = "..."; without both the built-in default
//!
//! [program]                            # who may act
//! curl = { path = "/usr/bin/curl", platform = true, signing_id = "com.apple.curl" }
//!
//! [[test]]
//! name   = "a key goes to Dropbox"
//! events = [                           # a step without `at` comes a second after the one before it
//!   { by = "curl", reads = "~/.ssh/id_rsa" },
//!   { by = "curl", uploads = "40KiB", to = "content.dropboxapi.com", at = "5s" },
//! ]
//! expect = { verdict = "ALERT", rules = ["cw.exfil.cloud-storage"], severity = "high", service = "dropbox" }
//! ```
//!
//! What a step can say beside `by` (a program, or a process that an earlier step named) and `at`:
//!
//! | key | what happens |
//! |---|---|
//! | `reads = PATH or [PATHS]` | opens for reading |
//! | `writes = PATH` | creates, writes and closes |
//! | `copies`, `clones`, `links`, `renames = PATH, to = PATH` | as the system does it, without an open |
//! | `drops = PATH, into = FOLDER` | a copy of the same name in that folder |
//! | `removes = PATH` | |
//! | `starts = PROGRAM` (`args`, `script`, `script_sha256`, `as = NAME`, `stdin`, `stdout = PIPE`) | a child process runs it |
//! | `becomes = PROGRAM` (the same) | the process itself runs it |
//! | `uploads = SIZE, to = HOST` (`receives = SIZE`, `hidden = true`) | a TLS connection; an address has no name, `hidden` hides it (ECH) |
//! | `tampered = true`, `exits = true` | its code loses its signature; it ends |
//!
//! `~` is the home of the test's `user` (`alice`, 501, unless said otherwise). `on` is the day it happens.

mod read;
mod steps;

use std::path::PathBuf;

use crate::model::{Confidence, Severity, Span, Timestamp};

use super::diagnostics::Place;
use super::tree::Source;

pub use read::read;

/// One file of tests.
#[derive(Clone, Debug)]
pub struct Suite {
    pub policy: PolicyUnderTest,
    pub tests: Vec<Test>,
}

/// Which policy the tests are about.
#[derive(Clone, Debug)]
pub enum PolicyUnderTest {
    /// The built-in default.
    BuiltIn,
    /// A file, by its path as it was written.
    File(PathBuf, Place),
    /// Written into the tests' own file.
    Inline(Source),
}

/// One story and its verdict.
#[derive(Clone, PartialEq, Debug)]
pub struct Test {
    pub name: String,
    pub at: Place,
    pub user: String,
    pub uid: u32,
    /// Midnight of the day on which it happens.
    pub on: Timestamp,
    pub steps: Vec<Step>,
    pub expected: Expected,
}

/// A program and what its signature is worth.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ProgramSpec {
    pub path: String,
    pub team_id: Option<String>,
    pub signing_id: Option<String>,
    pub platform: bool,
    pub cdhash: Option<[u8; 20]>,
    /// Signed by nobody: the identifiers are only claimed.
    pub ad_hoc: bool,
}

/// One step. Times count from the beginning of the story.
#[derive(Clone, PartialEq, Debug)]
pub struct Step {
    pub at: Place,
    pub time: Span,
    /// The process: the name of a program that runs once, or a name that an earlier step gave.
    pub by: String,
    /// The program to start first, when this is the first time it is heard of.
    pub first: Option<ProgramSpec>,
    pub deed: Deed,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Duplicate {
    Copy,
    Clone,
    Link,
    Rename,
}

/// A new image.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Run {
    pub program: ProgramSpec,
    pub args: Vec<String>,
    /// What a `#!` line named.
    pub script: Option<String>,
    /// What the script holds.
    pub script_sha256: Option<[u8; 32]>,
    /// Names of pipes: who writes into one and who reads from it.
    pub stdin: Option<String>,
    pub stdout: Option<String>,
    /// What later steps call the child; `None`: the process itself runs it.
    pub name: Option<String>,
}

#[derive(Clone, PartialEq, Debug)]
pub enum Deed {
    Reads(Vec<String>),
    Writes(String),
    Duplicates { how: Duplicate, from: String, to: String },
    Removes(String),
    Runs(Box<Run>),
    Uploads { bytes: u64, received: u64, to: String, hidden: bool },
    Tampered,
    Exits,
}

/// The verdict words of the contract.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// One alert of high or medium confidence.
    Alert,
    /// One alert of low confidence.
    Low,
    /// No alert.
    None,
    /// No alert, and a record of something that could not be seen.
    Note,
}

impl Verdict {
    pub const ALL: [Self; 4] = [Self::Alert, Self::Low, Self::None, Self::Note];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Alert => "ALERT",
            Self::Low => "LOW",
            Self::None => "NONE",
            Self::Note => "NOTE",
        }
    }
}

/// What must come out. What is not said is not asked.
#[derive(Clone, PartialEq, Debug)]
pub struct Expected {
    pub verdict: Verdict,
    /// All of these rules, among others.
    pub rules: Vec<String>,
    pub severity: Option<Severity>,
    pub confidence: Option<Confidence>,
    pub service: Option<String>,
    pub tenant: Option<String>,
    /// The codes of all of these reasons, among others.
    pub reasons: Vec<String>,
    /// All of these kinds of coverage records, among others.
    pub notes: Vec<String>,
}

impl Expected {
    /// This verdict, whatever else.
    pub fn only(verdict: Verdict) -> Self {
        Self {
            verdict,
            rules: Vec::new(),
            severity: None,
            confidence: None,
            service: None,
            tenant: None,
            reasons: Vec::new(),
            notes: Vec::new(),
        }
    }
}
