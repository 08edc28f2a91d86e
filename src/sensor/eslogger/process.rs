//! Processes as messages carry them: `es_process_t` and its audit tokens.

use std::sync::Arc;

use memchr::{memchr, memchr_iter};

use crate::model::{CdHash, CodeSigning, Pid, ProcessInfo, ProcessKey, Program, Timestamp, Uid};

use super::digits::leading_digits;
use super::error::LineError;
use super::file::RawFile;
use super::near::head;
use super::scan::{Scan, Scanner};
use super::text::Text;

/// What is used of an `audit_token_t`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Token {
    pub(super) key: ProcessKey,
    auid: Uid,
    euid: Uid,
    ruid: Uid,
}

/// Nobody: the kernel's own word for an unset audit user, used for every user id that a token lacks.
const NOBODY: u32 = u32::MAX;

impl Token {
    /// Reads either form that `eslogger` has: an object of eight numbers, or (one beta of macOS 26) the eight as an
    /// array. `None` without a pid and its version.
    #[inline]
    pub(super) fn read(scanner: &mut Scanner<'_>) -> Scan<Option<Self>> {
        if scanner.peek()? == b'[' { Self::read_array(scanner) } else { Self::read_object(scanner) }
    }

    /// Only whose token it is, as most messages need no more; `value` begins with the token. An object of numbers alone
    /// ends at its first bracket, and only these two of its keys begin with `p`.
    #[inline]
    pub(super) fn find_key(value: &[u8]) -> Option<ProcessKey> {
        /// Eight numbers and their names have at most 170 bytes.
        const LONGEST: usize = 256;
        if !value.starts_with(b"{") {
            return Some(Self::read(&mut Scanner::new(value)).ok()??.key);
        }
        let window = value.get(..LONGEST).unwrap_or(value);
        let token = window.get(..=memchr(b'}', window)?)?;
        let (mut pid, mut version) = (None, None);
        for at in memchr_iter(b'p', token) {
            let key = token.get(at - 1..)?;
            if let Some(value) = key.strip_prefix(b"\"pid\":") {
                pid = Some(i32::try_from(leading_digits(value)?.0).ok()?);
            } else if let Some(value) = key.strip_prefix(b"\"pidversion\":") {
                version = Some(u32::try_from(leading_digits(value)?.0).ok()?);
            }
        }
        Some(ProcessKey { pid: Pid(pid?), version: version? })
    }

    fn read_object(scanner: &mut Scanner<'_>) -> Scan<Option<Self>> {
        match scanner.attempt(Self::read_near) {
            Some(token) => Ok(Some(token)),
            None => Self::read_any_object(scanner),
        }
    }

    /// An object that is written as all are. All of its keys but two have four letters.
    #[inline]
    fn read_near(scanner: &mut Scanner<'_>) -> Option<Self> {
        const FOUR_LETTERS: u64 = u64::MAX >> 8;
        const AUID: u64 = head(b"\"auid\":\0");
        const EUID: u64 = head(b"\"euid\":\0");
        const RUID: u64 = head(b"\"ruid\":\0");
        const EGID: u64 = head(b"\"egid\":\0");
        const RGID: u64 = head(b"\"rgid\":\0");
        const ASID: u64 = head(b"\"asid\":\0");
        let (mut pid, mut version, mut users) = (None, None, [NOBODY; 3]);
        scanner.near_fields(|scanner, head| {
            let key = head & FOUR_LETTERS;
            if matches!(key, AUID | EUID | RUID | EGID | RGID | ASID) {
                scanner.advance(7);
                let id = scanner.near_number()?;
                match key {
                    AUID => users[0] = id,
                    EUID => users[1] = id,
                    RUID => users[2] = id,
                    _ => {}
                }
            } else if scanner.passes(b"\"pid\":") {
                pid = Some(scanner.near_number()?);
            } else {
                scanner.expect(b"\"pidversion\":")?;
                version = Some(scanner.near_number()?);
            }
            Some(())
        })?;
        Self::new(pid, version, users)
    }

    fn read_any_object(scanner: &mut Scanner<'_>) -> Scan<Option<Self>> {
        let (mut pid, mut version, mut users) = (None, None, [NOBODY; 3]);
        scanner.fields(|scanner, key| {
            match key {
                b"pid" => pid = scanner.number()?,
                b"pidversion" => version = scanner.number()?,
                b"auid" => users[0] = scanner.number()?.unwrap_or(NOBODY),
                b"euid" => users[1] = scanner.number()?.unwrap_or(NOBODY),
                b"ruid" => users[2] = scanner.number()?.unwrap_or(NOBODY),
                _ => scanner.skip()?,
            }
            Ok(())
        })?;
        Ok(Self::new(pid, version, users))
    }

    /// `[auid, euid, egid, ruid, rgid, pid, asid, pidversion]`
    fn read_array(scanner: &mut Scanner<'_>) -> Scan<Option<Self>> {
        let (mut pid, mut version, mut users) = (None, None, [NOBODY; 3]);
        scanner.enter_array()?;
        let mut index = 0u32;
        while scanner.item()? {
            match index {
                0 => users[0] = scanner.number()?.unwrap_or(NOBODY),
                1 => users[1] = scanner.number()?.unwrap_or(NOBODY),
                3 => users[2] = scanner.number()?.unwrap_or(NOBODY),
                5 => pid = scanner.number()?,
                7 => version = scanner.number()?,
                _ => scanner.skip()?,
            }
            index = index.saturating_add(1);
        }
        Ok(Self::new(pid, version, users))
    }

    fn new(pid: Option<i32>, version: Option<u32>, users: [u32; 3]) -> Option<Self> {
        let [auid, euid, ruid] = users.map(Uid);
        Some(Self { key: ProcessKey { pid: Pid(pid?), version: version? }, auid, euid, ruid })
    }
}

/// A process that begins, and from where to where in the line it is described: mostly as in its own lines later.
#[derive(Clone, Copy, Debug)]
pub(super) struct Newcomer {
    pub(super) key: ProcessKey,
    pub(super) start: usize,
    pub(super) end: usize,
}

/// A process whose parts are found but not yet copied.
#[derive(Default)]
pub(super) struct RawProcess<'a> {
    /// From where to where it stands in the line.
    place: (usize, usize),
    token: Option<Token>,
    parent: Option<Token>,
    responsible: Option<Token>,
    executable: Option<RawFile<'a>>,
    signing_id: Option<Text<'a>>,
    team_id: Option<Text<'a>>,
    cdhash: Option<Text<'a>>,
    flags: Option<u32>,
    platform: bool,
    is_es_client: bool,
    has_tty: bool,
    ppid: Option<i32>,
    original_ppid: Option<i32>,
    group_id: Option<i32>,
    session_id: Option<i32>,
    started: Option<Text<'a>>,
}

/// What is used of a process.
#[derive(Clone, Copy, Debug)]
enum Field {
    Token,
    Parent,
    Responsible,
    Executable,
    SigningId,
    TeamId,
    CdHash,
    Flags,
    Platform,
    EsClient,
    Tty,
    Ppid,
    OriginalPpid,
    GroupId,
    SessionId,
    Started,
}

impl Field {
    fn of(key: &[u8]) -> Option<Self> {
        Some(match key {
            b"audit_token" => Self::Token,
            b"parent_audit_token" => Self::Parent,
            b"responsible_audit_token" => Self::Responsible,
            b"executable" => Self::Executable,
            b"signing_id" => Self::SigningId,
            b"team_id" => Self::TeamId,
            b"cdhash" => Self::CdHash,
            b"codesigning_flags" => Self::Flags,
            b"is_platform_binary" => Self::Platform,
            b"is_es_client" => Self::EsClient,
            b"tty" => Self::Tty,
            b"ppid" => Self::Ppid,
            b"original_ppid" => Self::OriginalPpid,
            b"group_id" => Self::GroupId,
            b"session_id" => Self::SessionId,
            b"start_time" => Self::Started,
            _ => return None,
        })
    }

    /// Steps over the key that is next, of an object that is written as all are.
    #[inline]
    fn near(scanner: &mut Scanner<'_>, head: u64) -> Option<Self> {
        let (field, key): (Self, &[u8]) = match &head.to_le_bytes() {
            b"\"audit_t" => (Self::Token, b"\"audit_token\":"),
            b"\"parent_" => (Self::Parent, b"\"parent_audit_token\":"),
            b"\"respons" => (Self::Responsible, b"\"responsible_audit_token\":"),
            b"\"executa" => (Self::Executable, b"\"executable\":"),
            b"\"signing" => (Self::SigningId, b"\"signing_id\":"),
            b"\"team_id" => (Self::TeamId, b"\"team_id\":"),
            b"\"cdhash\"" => (Self::CdHash, b"\"cdhash\":"),
            b"\"codesig" => (Self::Flags, b"\"codesigning_flags\":"),
            b"\"is_plat" => (Self::Platform, b"\"is_platform_binary\":"),
            b"\"is_es_c" => (Self::EsClient, b"\"is_es_client\":"),
            b"\"origina" => (Self::OriginalPpid, b"\"original_ppid\":"),
            b"\"group_i" => (Self::GroupId, b"\"group_id\":"),
            b"\"session" => (Self::SessionId, b"\"session_id\":"),
            b"\"start_t" => (Self::Started, b"\"start_time\":"),
            [b'"', b'p', b'p', ..] => (Self::Ppid, b"\"ppid\":"),
            [b'"', b't', b't', ..] => (Self::Tty, b"\"tty\":"),
            _ => return None,
        };
        scanner.expect(key)?;
        Some(field)
    }
}

impl<'a> RawProcess<'a> {
    /// `None` for `null`.
    pub(super) fn read(scanner: &mut Scanner<'a>) -> Scan<Option<Self>> {
        scanner.peek()?;
        match scanner.attempt(Self::read_near) {
            Some(process) => Ok(Some(process)),
            None => Self::read_any(scanner),
        }
    }

    fn read_near(scanner: &mut Scanner<'a>) -> Option<Self> {
        let (mut process, start) = (Self::default(), scanner.at());
        scanner.near_fields(|scanner, head| {
            let field = Field::near(scanner, head)?;
            process.value(field, scanner).ok()
        })?;
        process.place = (start, scanner.at());
        Some(process)
    }

    fn read_any(scanner: &mut Scanner<'a>) -> Scan<Option<Self>> {
        let (mut process, start) = (Self::default(), scanner.at());
        let entered = scanner.fields(|scanner, key| match Field::of(key) {
            Some(field) => process.value(field, scanner),
            None => scanner.skip(),
        })?;
        process.place = (start, scanner.at());
        Ok(entered.then_some(process))
    }

    /// `None` without a token.
    pub(super) fn newcomer(&self) -> Option<Newcomer> {
        let (start, end) = self.place;
        self.token.map(|token| Newcomer { key: token.key, start, end })
    }

    #[inline]
    fn value(&mut self, field: Field, scanner: &mut Scanner<'a>) -> Scan<()> {
        match field {
            Field::Token => self.token = Token::read(scanner)?,
            Field::Parent => self.parent = Token::read(scanner)?,
            Field::Responsible => self.responsible = Token::read(scanner)?,
            Field::Executable => self.executable = RawFile::read(scanner)?,
            Field::SigningId => self.signing_id = scanner.text()?,
            Field::TeamId => self.team_id = scanner.text()?,
            Field::CdHash => self.cdhash = scanner.text()?,
            Field::Flags => self.flags = scanner.number()?,
            Field::Platform => self.platform = scanner.flag()?.unwrap_or(false),
            Field::EsClient => self.is_es_client = scanner.flag()?.unwrap_or(false),
            Field::Tty => {
                let device = scanner.attempt(RawFile::read_near);
                self.has_tty = device.is_some() || scanner.raw()?.starts_with(b"{");
            }
            Field::Ppid => self.ppid = scanner.number()?,
            Field::OriginalPpid => self.original_ppid = scanner.number()?,
            Field::GroupId => self.group_id = scanner.number()?,
            Field::SessionId => self.session_id = scanner.number()?,
            Field::Started => self.started = scanner.text()?,
        }
        Ok(())
    }

    /// Refuses a process without the parts that its identity is judged by: an absent signature must not pass for an
    /// unsigned program.
    pub(super) fn build(&self, scratch: &mut Vec<u8>) -> Result<Arc<ProcessInfo>, LineError> {
        let token = self.token.ok_or(LineError::Missing("process.audit_token"))?;
        let executable = self.executable.ok_or(LineError::Missing("process.executable.path"))?;
        let flags = self.flags.ok_or(LineError::Missing("process.codesigning_flags"))?;
        let program = Program {
            path: executable.path(scratch),
            path_truncated: executable.truncated,
            signing_id: identifier(self.signing_id, scratch),
            team_id: identifier(self.team_id, scratch),
            cdhash: self.cdhash.and_then(|text| cdhash(text.bytes(scratch))),
            platform: self.platform,
            flags: CodeSigning(flags),
        };
        Ok(Arc::new(ProcessInfo {
            key: token.key,
            program: Arc::new(program),
            parent: self.parent.map(|token| token.key),
            responsible: self.responsible.map(|token| token.key),
            ppid: Pid(self.ppid.unwrap_or(0)),
            original_ppid: Pid(self.original_ppid.unwrap_or(0)),
            group_id: Pid(self.group_id.unwrap_or(0)),
            session_id: Pid(self.session_id.unwrap_or(0)),
            euid: token.euid,
            ruid: token.ruid,
            auid: token.auid,
            started: self.started.and_then(|text| Timestamp::parse(text.bytes(scratch))),
            has_tty: self.has_tty,
            is_es_client: self.is_es_client,
        }))
    }
}

/// Empty identifiers are none: empty never equals empty.
fn identifier(text: Option<Text<'_>>, scratch: &mut Vec<u8>) -> Option<Box<str>> {
    text.map(|text| text.boxed_str(scratch)).filter(|name| !name.is_empty())
}

/// Forty hex digits of either case; all zeros (no code directory) is none.
fn cdhash(hex: &[u8]) -> Option<CdHash> {
    let hex: &[u8; 40] = hex.try_into().ok()?;
    let mut hash = [0u8; 20];
    for (byte, pair) in hash.iter_mut().zip(hex.chunks_exact(2)) {
        for digit in pair {
            *byte = *byte << 4 | (*digit as char).to_digit(16)? as u8;
        }
    }
    (hash != [0; 20]).then_some(CdHash(hash))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_of_a_token_say_the_same() {
        let object = br#"{"asid":100019,"auid":501,"egid":20,"euid":0,"pid":97391,"pidversion":149091,"rgid":20,"ruid":502}"#;
        let array = b"[501,0,20,502,20,97391,100019,149091]";
        let read = |json: &[u8]| Token::read(&mut Scanner::new(json)).unwrap().unwrap();
        assert_eq!(read(object), read(array));
        assert_eq!(read(array).key, ProcessKey { pid: Pid(97391), version: 149_091 });
        assert_eq!([read(array).auid, read(array).euid, read(array).ruid], [501, 0, 502].map(Uid));
    }

    #[test]
    fn tokens_without_a_pid_are_none() {
        for json in
            ["{}", "[]", "[1,2,3]", "null", r#"{"pid":1}"#, r#"{"pid":99999999999,"pidversion":1}"#, "\"x\""]
        {
            let line = format!("{json},");
            assert_eq!(Token::read(&mut Scanner::new(line.as_bytes())), Ok(None), "{json}");
        }
    }

    #[test]
    fn cdhashes() {
        let upper = b"FEDCBA98765432100123456789ABCDEF00000000";
        assert_eq!(cdhash(upper).unwrap().to_string().as_bytes(), upper.to_ascii_lowercase());
        assert_eq!(cdhash(&upper.to_ascii_lowercase()), cdhash(upper));
        assert_eq!(cdhash(&[b'0'; 40]), None);
        assert_eq!(cdhash(b""), None);
        assert_eq!(cdhash(&[b'g'; 40]), None);
    }
}
