//! Why Endpoint Security or the packet tap cannot be used, and what mends it.

use thiserror::Error;

/// Every answer but success. Each is a state of its own, because each has another remedy.
#[derive(Error, Clone, PartialEq, Eq, Debug)]
pub enum Trouble {
    #[error("this program is not entitled to use Endpoint Security")]
    NotEntitled,
    #[error("Full Disk Access is not granted to cloudward")]
    NotPermitted,
    #[error("cloudward does not run as root")]
    NotPrivileged,
    #[error("too many Endpoint Security clients run on this Mac")]
    TooManyClients,
    #[error("the Endpoint Security subsystem does not answer")]
    Internal,
    #[error("Endpoint Security refused a call as wrong: {0}")]
    Refused(String),
    #[error("the Endpoint Security sensor ended by a fault of cloudward")]
    Ended,
    #[error("this system has no Endpoint Security")]
    NotThisSystem,
}

/// What the daemon should do next.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Next {
    /// Stay, say so, and try again: it may be mended meanwhile.
    Retry,
    /// Another sensor may do.
    Elsewhere,
    /// Nothing that this process could wait for.
    GiveUp,
}

impl Trouble {
    pub const fn remedy(&self) -> &'static str {
        match self {
            Self::NotEntitled => {
                "sign the app bundle with the entitlement com.apple.developer.endpoint-security.client and embed the \
                 provisioning profile that Apple grants for it, or run with `--sensor eslogger`"
            }
            Self::NotPermitted => {
                "grant it in System Settings > Privacy & Security > Full Disk Access, or by an MDM profile that allows \
                 SystemPolicyAllFiles; started by hand, the terminal needs it too"
            }
            Self::NotPrivileged => "start it by launchd, or with sudo",
            Self::TooManyClients => "stop another security agent; cloudward goes on trying",
            Self::Internal => {
                "nothing is to be done at once; cloudward goes on trying, and a restart of the Mac helps"
            }
            Self::Refused(_) => "report this: it is a fault of cloudward, or a macOS it does not know",
            Self::Ended => "it is started again; report this with the log",
            Self::NotThisSystem => {
                "Endpoint Security is part of macOS 10.15 and later; run with `--sensor eslogger`"
            }
        }
    }

    pub const fn next(&self) -> Next {
        match self {
            Self::NotPermitted | Self::TooManyClients | Self::Internal | Self::Ended => Next::Retry,
            Self::NotEntitled | Self::NotThisSystem => Next::Elsewhere,
            Self::NotPrivileged | Self::Refused(_) => Next::GiveUp,
        }
    }
}

/// Why no packets are seen. Each is a state of its own, because each has another remedy.
#[derive(Error, Clone, PartialEq, Eq, Debug)]
pub enum TapTrouble {
    #[error("this system has no packet tap")]
    NotThisSystem,
    #[error("the system's libpcap cannot be used: {0}")]
    NoLibrary(String),
    #[error("the packet tap is refused: {0}")]
    NotPermitted(String),
    #[error("there is no packet tap: {0}")]
    NoDevice(String),
    #[error("the packet tap failed: {0}")]
    Failed(String),
}

impl TapTrouble {
    pub const fn remedy(&self) -> &'static str {
        match self {
            Self::NotThisSystem => {
                "only macOS has it; elsewhere `[sensor] capture` may name a file or FIFO that tcpdump writes"
            }
            Self::NoLibrary(_) => "report this with the version of macOS; cloudward goes on trying",
            Self::NotPermitted(_) => "start cloudward by launchd, or with sudo: only root may capture",
            Self::NoDevice(_) | Self::Failed(_) => {
                "look for leaked interfaces with `ifconfig -l` (`sudo ifconfig pktap0 destroy`); cloudward goes on trying"
            }
        }
    }

    /// Whether it may be mended while this process waits.
    pub const fn may_pass(&self) -> bool {
        !matches!(self, Self::NotThisSystem)
    }
}
