//! Who acts: processes, programs, signatures.

use std::fmt;
use std::sync::Arc;

use super::{FilePath, Timestamp};

/// A process number. Reused by the system: never an identity by itself.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Pid(pub i32);

/// A numeric user id.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Uid(pub u32);

/// One image of one process: the pid and the kernel's pidversion, which rises at every exec (`audit_token_t`, values 5 and 7).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ProcessKey {
    pub pid: Pid,
    pub version: u32,
}

/// SHA-1-sized hash of a code directory, as `es_process_t.cdhash`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CdHash(pub [u8; 20]);

impl fmt::Display for CdHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut text = [0; 40];
        for (pair, byte) in text.chunks_exact_mut(2).zip(self.0) {
            pair.copy_from_slice(&[DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
        }
        f.write_str(str::from_utf8(&text).unwrap_or_default())
    }
}

impl fmt::Debug for CdHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The `CS_*` bits of a process (`osfmk/kern/cs_blobs.h` of xnu).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct CodeSigning(pub u32);

/// What the bits amount to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SigningState {
    /// CS_VALID and CS_SIGNED, not ad hoc: identifiers may be believed.
    Trusted,
    /// Ad hoc or linker-signed: a hash, no signer.
    AdHoc,
    /// Signed once, no longer valid.
    Invalid,
    /// No signature.
    Unsigned,
}

impl CodeSigning {
    pub const VALID: u32 = 0x1;
    pub const ADHOC: u32 = 0x2;
    pub const LINKER_SIGNED: u32 = 0x2_0000;
    pub const PLATFORM_BINARY: u32 = 0x400_0000;
    pub const SIGNED: u32 = 0x2000_0000;

    pub const fn state(self) -> SigningState {
        if self.0 & Self::ADHOC != 0 || self.0 & Self::LINKER_SIGNED != 0 {
            SigningState::AdHoc
        } else if self.0 & Self::SIGNED == 0 {
            SigningState::Unsigned
        } else if self.0 & Self::VALID == 0 {
            SigningState::Invalid
        } else {
            SigningState::Trusted
        }
    }
}

impl fmt::Debug for CodeSigning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#010x}", self.0)
    }
}

/// An executable image as the system describes it. Empty identifiers are `None`: empty never equals empty.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Program {
    pub path: FilePath,
    pub path_truncated: bool,
    pub signing_id: Option<Box<str>>,
    pub team_id: Option<Box<str>>,
    pub cdhash: Option<CdHash>,
    /// `is_platform_binary`: part of macOS, says the kernel.
    pub platform: bool,
    pub flags: CodeSigning,
}

/// What an interpreter was told to run, where the exec event says so.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Script {
    pub path: FilePath,
}

/// One process image with its place among the others, as an event carries it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ProcessInfo {
    pub key: ProcessKey,
    pub program: Arc<Program>,
    /// From the parent audit token: exact, also after reparenting.
    pub parent: Option<ProcessKey>,
    /// From the responsible audit token; often the process itself.
    pub responsible: Option<ProcessKey>,
    pub ppid: Pid,
    pub original_ppid: Pid,
    pub group_id: Pid,
    pub session_id: Pid,
    /// Effective user.
    pub euid: Uid,
    /// Real user.
    pub ruid: Uid,
    /// Audit (login) user; 4294967295 when nobody logged in.
    pub auid: Uid,
    pub started: Option<Timestamp>,
    pub has_tty: bool,
    /// The process is itself an Endpoint Security client.
    pub is_es_client: bool,
}

impl ProcessInfo {
    /// A process of which only this is told: a child of launchd's that leads its own group and session, all as one user.
    pub fn plain(key: ProcessKey, program: Arc<Program>, user: Uid) -> Self {
        Self {
            key,
            program,
            parent: None,
            responsible: None,
            ppid: Pid(1),
            original_ppid: Pid(1),
            group_id: key.pid,
            session_id: key.pid,
            euid: user,
            ruid: user,
            auid: user,
            started: None,
            has_tty: false,
            is_es_client: false,
        }
    }
}
