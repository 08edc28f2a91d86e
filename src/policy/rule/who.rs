//! Which programs and files a step is about.

use std::sync::Arc;

use crate::model::FilePath;
use crate::policy::allow::entry::matches_anywhere;
use crate::policy::{AllowEntry, Glob, GlobError, Homes, Identity, ProcessMatcher, Scratch, Volumes};

/// A glob over whole paths; `~` is every home.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PathPattern {
    volumes: Volumes,
    glob: Glob,
}

impl PathPattern {
    /// Fails as [`Glob::parse`] does.
    pub fn parse(text: &str, volumes: &Volumes) -> Result<Self, GlobError> {
        Ok(Self { volumes: volumes.clone(), glob: Glob::parse(text, volumes)? })
    }

    /// Compares in canonical spelling.
    pub fn matches(&self, path: &FilePath, homes: &Homes) -> bool {
        let mut scratch = Scratch::new();
        let path = self.volumes.canonical(path.as_bytes(), &mut scratch);
        !path.named_fork() && matches_anywhere(&self.glob, &path, homes)
    }
}

/// A `process = { .. }` of a rule. Everything given must hold.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Who {
    /// Team, signing id and code hash.
    pub signed: Option<ProcessMatcher>,
    pub platform: Option<bool>,
    pub unsigned: Option<bool>,
    /// Runs a script, or code that is not its own.
    pub interpreter: Option<bool>,
    pub path: Option<PathPattern>,
    pub name: Option<PathPattern>,
    pub script: Option<PathPattern>,
    /// What this allow entry says of programs.
    pub entry: Option<Arc<AllowEntry>>,
}

impl Who {
    pub fn matches(&self, identity: &Identity, homes: &Homes) -> bool {
        let program = &identity.program.path;
        let at = |pattern: &PathPattern| !identity.program.path_truncated && pattern.matches(program, homes);
        let script = |pattern: &PathPattern| {
            identity.script.as_ref().is_some_and(|script| pattern.matches(script, homes))
        };
        let foreign = identity.runs_other_code || identity.script.is_some();
        let platform = identity.signing().is_some_and(|signing| signing.platform);
        // A signer's name says nothing about what his program is told to run.
        let speaks_for_itself = self.script.is_some() || self.interpreter == Some(true) || !foreign;
        self.signed.as_ref().is_none_or(|wanted| wanted.matches(identity, homes) && speaks_for_itself)
            && self.platform.is_none_or(|wanted| wanted == platform)
            && self.unsigned.is_none_or(|wanted| wanted == identity.unsigned())
            && self.interpreter.is_none_or(|wanted| wanted == foreign)
            && self.path.as_ref().is_none_or(at)
            && self.name.as_ref().is_none_or(at)
            && self.script.as_ref().is_none_or(script)
            && self.entry.as_ref().is_none_or(|entry| entry.admits_program(identity, homes))
    }
}
