//! Detection rules, as data.
//!
//! A rule says what must have happened, step by step, within one lineage: the processes that carry the same sensitive
//! reads, by fork, exec, pipe or file. The last step is always one by which data leaves. What an allow entry lets through
//! never comes this far, so a rule need not repeat the allow list.
//!
//! # The language
//!
//! ```toml
//! [[rule]]
//! id         = "acme.many-documents"        # unique; [builtin].disable and the alert's rule.id name it
//! name       = "Many documents, then an upload"
//! version    = "1"
//! severity   = "high"                       # of several rules on one chain the most severe one leads the alert
//! raises     = true                         # the alert is at least as severe as the rule; false if not said
//! techniques = ["T1567.002"]
//!
//! [[rule.step]]
//! on      = "read"
//! sets    = ["documents"]
//! count   = 50                              # so many different files ...
//! span    = "30m"                           # ... within this much time
//!
//! [[rule.step]]
//! on         = "upload"
//! within     = "15m"                        # of the step before
//! categories = ["file-sync", "object-store"]
//! tenants    = ["foreign", "unknown"]
//! min_bytes  = "10MiB"
//! process    = { unsigned = true }
//!
//! [[rule.unless]]
//! on      = "exec"
//! process = { path = "/opt/corp/**" }
//! ```
//!
//! **Steps before the last**, each with `within` (of the step before it), `process` and `users`:
//!
//! * `on = "read"`: a sensitive file was read. `sets`, or all but `except_sets`; `paths`; `evidence` (`open`, `argv`); `count` different files, all
//!   within `span`; `same_process = true` if the process that sends must be the reader itself.
//! * `on = "stage"`: the data moved from file to file. `paths` of the file it came to; `how` (`stage`: written out,
//!   `rename`, `link`, `clone`, `copy`).
//! * `on = "exec"`: a program of the lineage: an ancestor of the sender, the reader, the sender, or one that the data
//!   went through.
//!
//! **The last step**, with `within`, `process`, `users`, `categories`, `services` and `tenants` (`"foreign"`, `"unknown"`,
//! `"allowed"`, or names in which `*` is any run of characters); `on` may name several of:
//!
//! * `upload`: bytes were sent. `min_bytes` of the whole chain, beside the floor of the sensitive set;
//!   `first_seen = "service"` (before the read this program was never seen to reach this service) or `"network"` (nor
//!   anything else); `times_usual = 10` (so many times what the baseline says it sends there).
//!   `nameless = true`: to a destination that has no name; these follow `[upload].unknown`.
//! * `sync-drop`: the file was put where a sync client uploads it.
//! * `command`: a command made the cloud itself hand data over; `commands` (`share`, `copy`, `link`). No read is
//!   needed; with one before it the rule is about what the command's lineage has read and still carries.
//! * `audit`: an audit log of the cloud, given with `replay --audit`, says that data was handed over. `deeds` (`share`,
//!   `copy`, `link`); `logs` (`cloudtrail`, `microsoft-365`, `google-workspace`, `google-cloud`, `azure-activity`);
//!   `operations` in the log's own words, such as `"ModifySnapshotAttribute"` or `"*Link*"`; `users` are accounts of the
//!   cloud there. No read is needed; with one before it the rule is about a sensitive file of this Mac that the log names,
//!   by the same user. The two clocks differ, so the read may be told later than the record; `within` counts either way.
//!
//! ```toml
//! [[rule]]                                  # any link that lets in whoever has it
//! id         = "acme.anonymous-link"
//! name       = "Anonymous link"
//! severity   = "medium"
//! techniques = ["T1537"]
//! step       = [{ on = "audit", deeds = ["link"], logs = ["microsoft-365"] }]
//!
//! [[rule]]                                  # a document of the board, read here and then shared outside
//! id         = "acme.board-shared"
//! name       = "Board paper shared outside"
//! severity   = "critical"
//! raises     = true
//! techniques = ["T1537"]
//!
//! [[rule.step]]
//! on    = "read"
//! paths = ["~/**/Board/**"]
//!
//! [[rule.step]]
//! on      = "audit"
//! deeds   = ["share", "link"]
//! within  = "1h"
//! tenants = ["foreign", "unknown"]
//! ```
//!
//! **`[[rule.unless]]`** is any of these steps; if it happened in the lineage, whenever, the rule does not fire. One that
//! leaves is a condition on how the data left.
//!
//! **`process`** is a table, or a list of tables any of which will do. In it: `team_id`, `signing_id`, `cdhash`, `path` and
//! `script` (globs), `name` (of the executable; `*` is any run of characters), `platform`, `unsigned` and `interpreter`
//! (true: runs a script or code that is not its own), and `allow` (the program that the allow entry of this name admits).
//! Identifiers count only with a valid signature.
//!
//! **What a rule costs.** Rules are found by the way and category in which data leaves, so nothing is tried before
//! something leaves. What a rule waits for is the evidence of the chain itself, whose size is bounded: at most
//! [`MAX_COUNT`] files are counted. First-seen conditions hold as far back as the engine has watched.

mod needs;
mod who;

use std::sync::Arc;

use crate::model::{AuditLog, Evidence, HopKind, Severity, Span};

use super::{Category, ServiceId, SetId, SetMask, TenantPattern, UserMatcher};

pub use crate::model::CommandKind;
pub use needs::{Chance, Sense};
pub use who::{PathPattern, Who};

/// How many different files a rule may count: as many reads are kept as the evidence of one chain.
pub const MAX_COUNT: u32 = 100;

/// How data left.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Leaving {
    /// Bytes to a service.
    Upload,
    /// Bytes to a destination that has no name.
    Nameless,
    /// A file put where a sync client uploads it.
    SyncDrop,
    /// A command had the cloud hand it over.
    Command(CommandKind),
    /// The cloud's own audit log says that it handed it over.
    Audit(CommandKind),
}

/// A detection.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Rule {
    pub id: Arc<str>,
    pub name: Arc<str>,
    pub version: Arc<str>,
    pub severity: Severity,
    /// An alert is at least as severe as the rule.
    pub raises: bool,
    /// ATT&CK technique ids, such as `T1567.002`.
    pub techniques: Vec<Arc<str>>,
    /// What must have happened before, in this order.
    pub before: Vec<Step>,
    pub last: LastStep,
    /// What must not have happened.
    pub unless: Vec<Condition>,
}

impl Rule {
    /// So many different files must have been read at least.
    pub fn files(&self) -> usize {
        let counts = self.before.iter().map(|step| match &step.deed {
            Deed::Read(read) => read.count as usize,
            Deed::Stage { .. } | Deed::Exec => 0,
        });
        counts.max().unwrap_or(0)
    }

    /// Must a step come at the same moment as the one before?
    pub fn waits_for_nothing(&self) -> bool {
        let later = self.before.iter().skip(1).map(|step| step.within);
        later.chain([self.last.within]).any(|within| within == Some(Span::ZERO))
    }

    /// Does it ask whether something of this set was read, or came from file to file?
    fn asks_for(&self, set: SetId) -> bool {
        let unless = self.unless.iter().filter_map(|condition| match condition {
            Condition::Before(step) => Some(step),
            Condition::Leaving(..) => None,
        });
        self.before.iter().chain(unless).any(|step| match &step.deed {
            Deed::Read(read) => read.sets.is_none_or(|sets| sets.contains(set)),
            Deed::Stage { .. } => true,
            Deed::Exec => false,
        })
    }
}

/// A step before the last.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Step {
    /// At most this long after the step before.
    pub within: Option<Span>,
    pub actor: Actor,
    pub deed: Deed,
}

/// Who took a step.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Actor {
    /// Any of these; empty: anybody.
    pub process: Vec<Who>,
    /// Any of these; empty: anybody.
    pub users: Vec<UserMatcher>,
}

/// What happened.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Deed {
    Read(ReadStep),
    Stage { paths: Vec<PathPattern>, how: Vec<HopKind> },
    Exec,
}

/// Sensitive files were read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ReadStep {
    /// `None`: any.
    pub sets: Option<SetMask>,
    /// Empty: any.
    pub paths: Vec<PathPattern>,
    /// Empty: any.
    pub evidence: Vec<Evidence>,
    /// So many different files; at least 1, at most [`MAX_COUNT`].
    pub count: u32,
    /// All within this much time; `None`: while they are carried.
    pub span: Option<Span>,
    /// The reader is the process that sends.
    pub same_process: bool,
}

/// Data left.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LastStep {
    pub within: Option<Span>,
    pub actor: Actor,
    pub leave: Leave,
}

/// How and where data leaves. Empty lists ask nothing.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Leave {
    pub ways: Vec<Leaving>,
    pub categories: Vec<Category>,
    /// `None`: any.
    pub services: Option<Vec<ServiceId>>,
    pub tenants: Vec<TenantCondition>,
    pub min_bytes: u64,
    pub first_seen: Option<FirstSeen>,
    pub times_usual: Option<u32>,
    /// Whose audit log says so.
    pub logs: Vec<AuditLog>,
    /// The log's own words for it; `*` is any run of characters.
    pub operations: Vec<TenantPattern>,
}

/// What an account must be.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum TenantCondition {
    Allowed,
    Foreign,
    Unknown,
    Named(TenantPattern),
}

/// What a program did for the first time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FirstSeen {
    Network,
    Service,
}

/// Something that must not have happened.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Condition {
    Before(Step),
    Leaving(Actor, Leave),
}

impl Leave {
    /// May a step like this be about something that leaves so, to a service of this category?
    pub fn concerns(&self, way: Leaving, category: Option<Category>) -> bool {
        let fits = self.categories.is_empty()
            || category.is_some_and(|category| self.categories.contains(&category));
        self.ways.contains(&way) && fits
    }
}

/// A way, and what the service is for.
type Ending = (Leaving, Option<Category>);

/// All rules, to be found by how data leaves.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Rules {
    list: Vec<Rule>,
    /// For each way and category the rules that may be about it, as indices. The way counts first.
    index: Vec<(Ending, Vec<u16>)>,
    counted: u32,
}

impl Rules {
    pub fn compile(list: Vec<Rule>) -> Self {
        let ways = [Leaving::Upload, Leaving::Nameless, Leaving::SyncDrop];
        let ways = ways.into_iter().chain(CommandKind::ALL.map(Leaving::Command));
        let ways = ways.chain(CommandKind::ALL.map(Leaving::Audit));
        let categories = || std::iter::once(None).chain(Category::ALL.map(Some));
        let mut index: Vec<(Ending, Vec<u16>)> = Vec::new();
        for key in ways.flat_map(|way| categories().map(move |category| (way, category))) {
            let concerned = (0..).zip(&list).filter(|(_, rule)| rule.last.leave.concerns(key.0, key.1));
            let concerned: Vec<u16> = concerned.map(|(at, _)| at).collect();
            if !concerned.is_empty() {
                index.push((key, concerned));
            }
        }
        index.sort_unstable();
        let counts = list.iter().flat_map(|rule| &rule.before).filter_map(|step| match &step.deed {
            Deed::Read(read) => Some(read.count),
            Deed::Stage { .. } | Deed::Exec => None,
        });
        let counted = counts.max().unwrap_or(1);
        Self { list, index, counted }
    }

    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// In the order of the configuration.
    pub fn iter(&self) -> impl Iterator<Item = &Rule> {
        self.list.iter()
    }

    /// Rules that end with data leaving in this way, to a service of this category.
    pub fn ending(&self, way: Leaving, category: Option<Category>) -> impl Iterator<Item = &Rule> {
        let found = self.index.binary_search_by_key(&(way, category), |(key, _)| *key);
        let concerned = found.map_or(&[][..], |at| &self.index[at].1);
        concerned.iter().map(|at| &self.list[usize::from(*at)])
    }

    /// Does a rule that ends so ask for reads of this set?
    pub fn ask_for(&self, set: SetId, way: Leaving, category: Option<Category>) -> bool {
        self.ending(way, category).any(|rule| rule.asks_for(set))
    }

    /// The greatest count of files that any rule asks for: so many reads must travel together.
    pub fn counted(&self) -> usize {
        self.counted as usize
    }
}
