//! Who acts, as far as it can be proved.

use std::sync::Arc;

use crate::model::{CdHash, CodeSigning, FilePath, Program, SigningState, Timestamp, Uid};

use super::allow::entry::matches_anywhere;
use super::canonical::{Scratch, Volumes};
use super::glob::{Anchor, Glob};
use super::homes::Homes;

/// A team identifier as Apple gives them out: ten capital letters and digits.
pub fn is_team_id(text: &str) -> bool {
    text.len() == 10 && text.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
}

/// A process's code, as allow entries see it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Identity {
    pub program: Arc<Program>,
    /// What an interpreter runs, resolved against its working directory.
    pub script: Option<FilePath>,
    /// The script's content, where it is known.
    pub script_sha256: Option<[u8; 32]>,
    /// It runs code that is not its own by other means than a script: `-e`, an injected library, an inspector,
    /// `ELECTRON_RUN_AS_NODE`. Then it is not the program that was signed, and no entry that names one applies.
    pub runs_other_code: bool,
    /// The kernel reported that its code no longer matches its signature.
    pub invalidated: bool,
}

/// What a signature proves.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Signing<'a> {
    pub team_id: Option<&'a str>,
    pub signing_id: Option<&'a str>,
    pub platform: bool,
}

impl Identity {
    pub fn new(program: Arc<Program>) -> Self {
        Self { program, script: None, script_sha256: None, runs_other_code: false, invalidated: false }
    }

    /// `None` unless the signature is valid, by a signer, and still holds. Empty identifiers are none.
    pub fn signing(&self) -> Option<Signing<'_>> {
        let program = &self.program;
        if self.invalidated || program.flags.state() != SigningState::Trusted {
            return None;
        }
        let some = |id: &'_ Option<Box<str>>| id.as_deref().is_some_and(|id| !id.is_empty());
        Some(Signing {
            team_id: program.team_id.as_deref().filter(|_| some(&program.team_id)),
            signing_id: program.signing_id.as_deref().filter(|_| some(&program.signing_id)),
            platform: program.platform,
        })
    }

    /// No valid signature, an ad-hoc or a linker-signed one. What lost its signature while running is neither signed
    /// nor unsigned: it is tampered with, and nothing applies to it.
    pub fn unsigned(&self) -> bool {
        !self.invalidated && self.program.flags.state() != SigningState::Trusted
    }

    /// The code directory hash, as long as the kernel vouches for the pages behind it.
    pub fn cdhash(&self) -> Option<CdHash> {
        let vouched = self.program.flags.0 & CodeSigning::VALID != 0 && !self.invalidated;
        self.program.cdhash.filter(|_| vouched)
    }
}

/// Who acts, where and when.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    pub identity: &'a Identity,
    /// As its exec told them, its name first; empty where nobody saw it.
    pub args: &'a [Box<str>],
    pub parent: Option<&'a Identity>,
    pub user: Uid,
    pub user_name: Option<&'a str>,
    pub time: Timestamp,
    /// What `~` may stand for where a program or a script lies.
    pub homes: &'a Homes,
}

/// What a `process = { ... }` table asks. Everything given must hold; it is built so that something is given.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ProcessMatcher {
    pub team_id: Option<Box<str>>,
    /// With a team, helpers below it (`id.helper`) count too; and parts of macOS with the place where they lie.
    pub signing_id: Option<Box<str>>,
    pub platform: bool,
    /// By some team that Apple gave out, whichever.
    pub signed: bool,
    pub cdhash: Option<CdHash>,
    pub path: Option<ProgramPath>,
    pub unsigned: bool,
}

impl ProcessMatcher {
    /// Is it this program? Says nothing about scripts or injected code.
    pub fn matches(&self, identity: &Identity, homes: &Homes) -> bool {
        if identity.invalidated || self.is_empty() {
            return false;
        }
        let wants_signer =
            self.team_id.is_some() || self.signing_id.is_some() || self.platform || self.signed;
        (!wants_signer || identity.signing().is_some_and(|signing| self.signed_by(&signing)))
            && (!self.unsigned || identity.unsigned())
            && self.cdhash.is_none_or(|cdhash| identity.cdhash() == Some(cdhash))
            && self.path.as_ref().is_none_or(|path| path.matches(&identity.program, homes))
    }

    /// Is it the hash alone that is another one?
    pub fn fails_on_hash(&self, identity: &Identity, homes: &Homes) -> bool {
        let rest = Self { cdhash: None, ..self.clone() };
        self.cdhash.is_some()
            && !self.matches(identity, homes)
            && (rest.is_empty() || rest.matches(identity, homes))
    }

    fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    fn signed_by(&self, signing: &Signing<'_>) -> bool {
        self.team_id.as_deref().is_none_or(|team| signing.team_id == Some(team))
            && (!self.platform || signing.platform)
            && (!self.signed || signing.team_id.is_some())
            && self.signing_id.as_deref().is_none_or(|id| self.is_or_helps(id, signing.signing_id))
    }

    /// A helper counts as its app where the team agrees and its id continues the app's after a dot. Programs of macOS have no
    /// team, and Apple's ids say little of who belongs to whom: there the folder has to say it too.
    fn is_or_helps(&self, app: &str, signing_id: Option<&str>) -> bool {
        let Some(id) = signing_id else { return false };
        let helper = || id.strip_prefix(app).is_some_and(|rest| rest.starts_with('.'));
        let told = self.team_id.is_some() || self.platform && self.path.is_some();
        id == app || told && helper()
    }

    /// Would every program that `other` names be admitted here? For sync roots, whose clients are named the same way.
    pub(super) fn admits_all_of(&self, other: &Self) -> bool {
        let team = self.team_id.is_none() || self.team_id == other.team_id;
        let id = match (&self.signing_id, &other.signing_id) {
            (None, _) => true,
            (Some(app), id) => self.is_or_helps(app, id.as_deref()),
        };
        let rest = self.cdhash.is_none() && self.path.is_none() && !self.unsigned;
        let signed = !self.signed || other.team_id.is_some() || other.signed;
        !self.is_empty() && team && id && rest && signed && (!self.platform || other.platform)
    }
}

/// Folders that System Integrity Protection and the signed system volume keep (`/System/Library/Sandbox/rootless.conf`), and
/// how many folders below them are to be named before a pattern may leave something open: a framework, an app.
const SEALED: [(&str, usize); 8] = [
    ("/System/Library/", 2),
    ("/System/Applications/", 1),
    ("/Library/Apple/System/Library/", 2),
    ("/usr/bin/", usize::MAX),
    ("/usr/sbin/", usize::MAX),
    ("/usr/libexec/", usize::MAX),
    ("/bin/", usize::MAX),
    ("/sbin/", usize::MAX),
];

/// Where a program lies.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ProgramPath {
    volumes: Volumes,
    globs: Vec<Glob>,
    /// As an interpreter's [`Told`](super::interpreters::Told) has it.
    module: Option<Box<[u8]>>,
}

impl ProgramPath {
    /// Reads a path pattern. The system reports programs by their resolved path, so a pattern for Homebrew's `bin`, which
    /// holds only links, names the Cellar too. Fails as [`Glob::parse`] does.
    pub fn parse(text: &str, volumes: &Volumes) -> Result<Self, super::glob::GlobError> {
        let mut globs = vec![Glob::parse(text, volumes)?];
        for prefix in ["/opt/homebrew", "/usr/local"] {
            let name = text.strip_prefix(prefix).and_then(|rest| rest.strip_prefix("/bin/"));
            if let Some(name) = name.filter(|name| !name.contains('/')) {
                globs.push(Glob::parse(&format!("{prefix}/Cellar/*/*/bin/{name}"), volumes)?);
                globs.push(Glob::parse(&format!("{prefix}/Caskroom/**/{name}"), volumes)?);
            }
        }
        Ok(Self { volumes: volumes.clone(), globs, module: None })
    }

    /// Reads the pattern of a script, or `-m NAME`: a module that Python is told to run from its own folders alone (`-I`).
    /// Fails as [`Glob::parse`] does.
    pub fn parse_script(text: &str, volumes: &Volumes) -> Result<Self, super::glob::GlobError> {
        match text.strip_prefix("-m ") {
            Some(_) => {
                Ok(Self { volumes: volumes.clone(), globs: Vec::new(), module: Some(text.as_bytes().into()) })
            }
            None => Self::parse(text, volumes),
        }
    }

    /// Is it one program, or one framework's, where nobody but macOS writes? What has the system's signature there is what
    /// it is called; elsewhere anybody may put a copy of `curl`, which keeps it.
    pub fn is_in_sealed_folder(&self) -> bool {
        let is_sealed = |text: &[u8], whole: bool| {
            SEALED.iter().any(|(folder, named)| {
                let folders = |rest: &[u8]| rest.iter().filter(|byte| **byte == b'/').count();
                text.strip_prefix(folder.as_bytes()).is_some_and(|rest| whole || folders(rest) >= *named)
            })
        };
        let branches = || self.globs.iter().flat_map(|glob| glob.reach().zip(glob.is_one_path()));
        !self.globs.is_empty()
            && branches().all(|(reach, whole)| reach.is_some_and(|text| is_sealed(text, whole)))
    }

    fn matches(&self, program: &Program, homes: &Homes) -> bool {
        !program.path_truncated && self.matches_path(&program.path, homes)
    }

    /// Could this be the path, whatever turns out to be a home?
    pub(super) fn may_match(&self, path: &FilePath) -> bool {
        let mut scratch = Scratch::new();
        let path = self.volumes.canonical(path.as_bytes(), &mut scratch);
        let bytes = path.bytes();
        let rests =
            || bytes.iter().enumerate().filter(|(_, byte)| **byte == b'/').map(|(at, _)| &bytes[at..]);
        self.globs.iter().any(|glob| match glob.anchor {
            Anchor::Root => glob.matches(bytes, path.case_kept()),
            Anchor::Home => rests().any(|rest| glob.matches(rest, path.case_kept())),
        })
    }

    /// Compares in canonical spelling.
    pub fn matches_path(&self, path: &FilePath, homes: &Homes) -> bool {
        if let Some(module) = &self.module {
            return path.as_bytes() == &**module;
        }
        let mut scratch = Scratch::new();
        let path = self.volumes.canonical(path.as_bytes(), &mut scratch);
        !path.named_fork() && self.globs.iter().any(|glob| matches_anywhere(glob, &path, homes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_nobody_but_macos_writes() {
        let sealed =
            |path: &str| ProgramPath::parse(path, &Volumes::default()).unwrap().is_in_sealed_folder();
        for path in [
            "/usr/bin/codesign",
            "/usr/{bin/{pkgbuild,productbuild},libexec/secd}",
            "/sbin/fsck_apfs",
            "/System/Library/CoreServices/iconservicesagent",
            "/System/Library/PrivateFrameworks/TCC.framework/**/tccd",
            "/System/Library/{Frameworks,PrivateFrameworks}/{A,B}.framework/**",
            "/System/Applications/Utilities/Migration Assistant.app/Contents/MacOS/*",
            "/Library/Apple/System/Library/CoreServices/XProtect.app/**",
        ] {
            assert!(sealed(path), "{path}");
        }
        for path in [
            "/usr/bin/*",
            "/usr/bin/**",
            "/usr/bin/c*",
            "/usr/libexec/ssh*/x",
            "/System/Library/Frameworks/Q*",
            "/System/Applications/*",
            "/usr/{bin,sbin}/*d",
            "/usr/local/bin/codesign",
            "/usr/{bin,local/bin}/codesign",
            "/System/Library/**",
            "/System/Library/*/x",
            "/System/Library/**/curl",
            "/System/Volumes/Data/Users/alice/System/Library/a/b",
            "/Applications/System/Library/Frameworks/x",
            "/Users/*/usr/bin/codesign",
            "/private/tmp/codesign",
            "~/bin/codesign",
            "~/System/Library/Frameworks/a",
            "**/usr/bin/codesign",
            "**/codesign",
        ] {
            assert!(!sealed(path), "{path}");
        }
    }
}
