//! What sensors say happened on the machine: an [`Observed`] for each thing that a process did; and [`Input`], which is all
//! that the engine is ever told.

use std::fmt;
use std::num::NonZeroU64;
use std::sync::Arc;

use super::{
    AuditEvent, Backing, ClockStep, Coverage, FilePath, NetFact, ProcessInfo, ProcessKey, Script, Timestamp,
};

/// Seeded hash of a canonical path; equal for every spelling of one file. Stable within one run only.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct PathHash(pub u64);

/// Device and inode: the file behind all its names.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct FileId {
    pub device: i64,
    pub inode: NonZeroU64,
}

impl FileId {
    /// `None` for inode 0, which no file has: it is how a missing one is written.
    #[inline]
    pub fn new(device: i64, inode: u64) -> Option<Self> {
        Some(Self { device, inode: NonZeroU64::new(inode)? })
    }
}

/// A file as an event carries it (`es_file_t`).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct File {
    pub path: FilePath,
    /// The system cut the path (over 16 KiB): only its beginning is known.
    pub truncated: bool,
    /// `None` when the event carried no stat.
    pub id: Option<FileId>,
    pub links: u32,
    pub size: u64,
    /// The stat says that it is a directory.
    pub directory: bool,
    /// It says that it is a symbolic link.
    pub symlink: bool,
}

/// Kernel open flags: `FREAD` and kin, not `O_RDONLY` (`bsd/sys/fcntl.h`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct OpenFlags(pub u32);

impl OpenFlags {
    pub const FREAD: u32 = 0x1;
    pub const FWRITE: u32 = 0x2;
    pub const O_TRUNC: u32 = 0x400;
    pub const O_EVTONLY: u32 = 0x8000;
    pub const O_DIRECTORY: u32 = 0x10_0000;

    /// Data may go through it, in either direction.
    pub const fn transfers(self) -> bool {
        self.reads() || self.writes()
    }

    /// Data may be read through it: `FREAD`, and neither a watch nor a directory.
    pub const fn reads(self) -> bool {
        self.0 & Self::FREAD != 0 && self.0 & (Self::O_EVTONLY | Self::O_DIRECTORY) == 0
    }

    pub const fn writes(self) -> bool {
        self.0 & Self::FWRITE != 0
    }

    /// To be written from the beginning, and not read.
    pub const fn empties(self) -> bool {
        self.writes() && self.0 & Self::O_TRUNC != 0 && !self.reads()
    }
}

/// A pipe that a program was started with, on a descriptor.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PipeEnd {
    pub fd: i32,
    pub id: u64,
}

/// What an exec event adds to the new image.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct ExecFacts {
    pub args: Vec<Box<str>>,
    /// Only the variables that the engine may need (`HOME`, `DYLD_INSERT_LIBRARIES`, `AWS_*`, ...); see the sensor.
    pub env: Vec<(Box<str>, Box<str>)>,
    pub cwd: Option<FilePath>,
    pub script: Option<Script>,
    /// The content of what an interpreter was told to run, where policy asks for it and it could be read. No event has it:
    /// the daemon adds it, and a recording knows of none.
    pub script_sha256: Option<[u8; 32]>,
    pub pipes: Vec<PipeEnd>,
}

/// Arguments and values of variables may hold keys and passwords, and this is what goes into logs: only how many arguments
/// there are is told, and the names of variables.
impl fmt::Debug for ExecFacts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.env.iter().map(|(name, _)| name).collect();
        f.debug_struct("ExecFacts")
            .field("args", &self.args.len())
            .field("env", &names)
            .field("cwd", &self.cwd)
            .field("script", &self.script)
            .field("script_sha256", &self.script_sha256.is_some())
            .field("pipes", &self.pipes)
            .finish()
    }
}

/// What the name of an extended attribute says of who set it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mark {
    /// One that apps set as they go, by way of what macOS gives them: where a download is from, when it was last used.
    Usual,
    /// Another under Apple's name: parts of macOS have theirs.
    Apple,
    /// Any other, and the resource fork.
    Free,
}

/// One kind of happening. Only what may matter to a verdict is carried; the rest is counted by the sensor. What is rare
/// and large is boxed: nearly every event is an open, and many of them wait to be put in order.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum What {
    /// A new image in the acting process; `target.key` has the same pid and a higher version.
    Exec {
        target: Arc<ProcessInfo>,
        facts: Box<ExecFacts>,
    },
    Fork {
        child: Arc<ProcessInfo>,
    },
    Exit,
    /// The kernel no longer vouches for the process's code.
    CodeInvalidated,
    /// Started a thread in another process (`remote_thread_create`): from now on that runs code of this one's choice.
    ThreadStarted {
        target: Arc<ProcessInfo>,
    },
    /// An open of a file that policy names: a sensitive set, a sync root, or a path that cannot be told.
    Open {
        file: File,
        flags: OpenFlags,
    },
    /// An open for reading of any other file: it matters only if that file is tainted by then, or is a sensitive one under
    /// another name.
    Touch {
        path: PathHash,
        id: Option<FileId>,
        /// The path, for files that lie where people's files do: what was moved there is known by it.
        name: Option<FilePath>,
        /// Names that the file has; 0 when `name` is absent or no stat came.
        links: u32,
    },
    /// An open of any other file that empties it and does not read: it matters only if that file is tainted by then.
    Emptied {
        path: PathHash,
        id: Option<FileId>,
    },
    /// An open of a named pipe, whatever policy says of its path: it joins who writes it with who reads it.
    Fifo {
        file: Box<File>,
        flags: OpenFlags,
    },
    /// Closed after it was changed.
    Written {
        file: File,
    },
    /// An extended attribute was set.
    Marked {
        file: Box<File>,
        mark: Mark,
    },
    Created {
        file: File,
    },
    Renamed {
        from: Box<File>,
        to: File,
    },
    /// Two files or folders changed places.
    Exchanged {
        one: Box<File>,
        other: Box<File>,
    },
    Removed {
        file: File,
    },
    /// A second name for the same file.
    Linked {
        from: Box<File>,
        to: FilePath,
    },
    /// A copy made by the system: `clonefile(2)` or `copyfile(2)`; no open event comes with it.
    Copied {
        from: Box<File>,
        to: FilePath,
        clone: bool,
    },
    /// A volume appeared.
    Mounted {
        at: FilePath,
        backing: Backing,
    },
    /// A volume is gone.
    Unmounted {
        at: FilePath,
    },
    /// Asked a service for something (`xpc_connect`): data may move where no sensor looks.
    ServiceAsked {
        name: Box<str>,
    },
    /// Connected to a Unix socket.
    SocketAsked {
        path: FilePath,
    },
    /// Nothing but the introduction of a process that no earlier event introduced.
    Seen,
}

/// One thing a process did.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Observed {
    pub time: Timestamp,
    /// The sensor's own running number (`global_seq_num`); orders events of one instant.
    pub seq: u64,
    pub actor: ProcessKey,
    /// The actor as this event describes it; `None` when an earlier event of the same sensor already did.
    pub info: Option<Arc<ProcessInfo>>,
    pub what: What,
}

/// Everything the engine is ever told, in the order it is told.
#[derive(Clone, PartialEq, Debug)]
pub enum Input {
    Process(Observed),
    Net(NetFact),
    /// A cloud's own log says that data was handed over.
    Audit(Arc<AuditEvent>),
    /// A sensor names something it could not see.
    Coverage(Coverage),
    /// Nothing more will be told from before this moment.
    Tick(Timestamp),
}

/// Larger ones are moved by a call each time, and every event is moved several times.
const _: () = assert!(size_of::<Input>() <= 96);

impl Input {
    #[inline]
    pub fn time(&self) -> Timestamp {
        match self {
            Self::Process(observed) => observed.time,
            Self::Net(fact) => fact.time,
            Self::Audit(event) => event.time,
            Self::Coverage(coverage) => coverage.end,
            Self::Tick(time) => *time,
        }
    }

    /// With the time that a clock shows of it since it was set. A cloud's log goes by the cloud's clock.
    #[must_use]
    pub fn set(mut self, step: ClockStep) -> Self {
        match &mut self {
            Self::Process(observed) => observed.time = observed.time.set(step),
            Self::Net(fact) => fact.time = fact.time.set(step),
            Self::Coverage(coverage) => {
                (coverage.start, coverage.end) = (coverage.start.set(step), coverage.end.set(step));
            }
            Self::Tick(time) => *time = time.set(step),
            Self::Audit(_) => {}
        }
        self
    }
}
