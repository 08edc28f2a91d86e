//! One exception against one subject, dimension by dimension.

use crate::model::Timestamp;
use crate::policy::canonical::Canonical;
use crate::policy::glob::{Anchor, Glob};
use crate::policy::homes::Homes;
use crate::policy::identity::{Identity, ProcessMatcher, ProgramPath, Subject};
use crate::policy::ids::SetId;

use super::{AllowEntry, Choice, Dimension, Effect, Transfer};

impl AllowEntry {
    pub(super) fn applies_to(&self, subject: &Subject<'_>) -> bool {
        self.admits_code(subject.identity, subject.homes).is_none()
            && self.admits_parent(subject)
            && self.admits_user(subject)
            && self.holds_at(subject.time)
    }

    pub(super) fn failed_by_subject(&self, subject: &Subject<'_>) -> Vec<Dimension> {
        let mut failed = Vec::from_iter(self.admits_code(subject.identity, subject.homes));
        failed.extend((!self.admits_parent(subject)).then_some(Dimension::Parent));
        failed.extend((!self.admits_user(subject)).then_some(Dimension::User));
        failed.extend((!self.holds_at(subject.time)).then_some(Dimension::Expired));
        failed
    }

    pub(super) fn failed_upload(&self, subject: &Subject<'_>, transfer: Transfer<'_>) -> Vec<Dimension> {
        let mut failed = self.failed_by_subject(subject);
        failed.extend(self.failed_by_transfer(transfer));
        failed
    }

    /// Into a sync root: who puts the file there does not matter if the root's own client may send it.
    pub(super) fn failed_drop(
        &self,
        subject: &Subject<'_>,
        clients: &[ProcessMatcher],
        transfer: Transfer<'_>,
    ) -> Vec<Dimension> {
        let mut failed = self.failed_upload(subject, transfer);
        if self.names_client(clients) {
            use Dimension::{Content, Parent, Process, Script};
            failed.retain(|dimension| !matches!(dimension, Process | Script | Content | Parent));
        }
        failed
    }

    fn failed_by_transfer(&self, transfer: Transfer<'_>) -> impl Iterator<Item = Dimension> {
        let Transfer { set, service, tenant } = transfer;
        let sensitive = self.sensitive.contains(set);
        let service = self.services.admits(|one| *one == service);
        let tenant = self.tenants.admits(|pattern| tenant.is_some_and(|name| pattern.matches(name)));
        let judged =
            [(sensitive, Dimension::Sensitive), (service, Dimension::Service), (tenant, Dimension::Tenant)];
        judged.into_iter().filter(|(held, _)| !held).map(|(_, dimension)| dimension)
    }

    /// What of the running code the entry does not admit. An entry that names a program says nothing about what an
    /// interpreter is told to run, unless it names the script too.
    fn admits_code(&self, identity: &Identity, homes: &Homes) -> Option<Dimension> {
        let named = match &self.process {
            Choice::Any => None,
            Choice::Only(list) => Some(list),
        };
        if let Some(list) = named.filter(|list| !list.iter().any(|matcher| matcher.matches(identity, homes)))
        {
            let hash = list.iter().any(|matcher| matcher.fails_on_hash(identity, homes));
            return Some(if hash { Dimension::Hash } else { Dimension::Process });
        }
        let foreign = identity.runs_other_code || identity.script.is_some() && !self.names_script();
        if foreign && (named.is_some() || self.names_script()) {
            return Some(Dimension::Script);
        }
        if !self.admits_script(identity, homes) {
            return Some(Dimension::Script);
        }
        (!self.admits_content(identity)).then_some(Dimension::Content)
    }

    /// Is it a program that the entry is about, running what the entry says?
    pub fn admits_program(&self, identity: &Identity, homes: &Homes) -> bool {
        self.admits_code(identity, homes).is_none()
    }

    fn names_script(&self) -> bool {
        self.script.is_some() || self.script_sha256.is_some()
    }

    fn admits_script(&self, identity: &Identity, homes: &Homes) -> bool {
        let path = |wanted: &ProgramPath| {
            identity.script.as_ref().is_some_and(|path| wanted.matches_path(path, homes))
        };
        self.script.as_ref().is_none_or(path)
    }

    /// A content that is not known is another one.
    fn admits_content(&self, identity: &Identity) -> bool {
        self.script_sha256.is_none_or(|wanted| identity.script_sha256 == Some(wanted))
    }

    fn admits_parent(&self, subject: &Subject<'_>) -> bool {
        self.parent.as_ref().is_none_or(|wanted| {
            subject
                .parent
                .is_some_and(|parent| wanted.iter().any(|matcher| matcher.matches(parent, subject.homes)))
        })
    }

    fn admits_user(&self, subject: &Subject<'_>) -> bool {
        self.users.admits(|user| user.matches(subject.user, subject.user_name))
    }

    pub(super) fn holds_at(&self, time: Timestamp) -> bool {
        self.expires.is_none_or(|end| time < end)
    }

    /// Is it about this program's reading this file as a member of this set, and has it that effect?
    pub(super) fn covers(
        &self,
        effect: Effect,
        subject: &Subject<'_>,
        set: SetId,
        path: &Canonical<'_>,
    ) -> bool {
        self.effect == effect
            && self.sensitive.contains(set)
            && self.applies_to(subject)
            && self.owns(subject, path)
    }

    /// For entries about reading: is the file the program's own, where the entry asks that?
    pub(super) fn owns(&self, subject: &Subject<'_>, path: &Canonical<'_>) -> bool {
        let (identity, homes) = (subject.identity, subject.homes);
        if self.owners.is_empty() && !self.own_containers {
            return true;
        }
        if identity.runs_other_code {
            return false;
        }
        let listed = self.owners.iter().any(|owner| owner.admits(subject) && owner.names(path, homes));
        let itself = identity.script.is_none();
        // Whose a container is that the list names, the list says alone.
        let taken = || self.owners.iter().any(|owner| owner.names(path, homes));
        listed || self.own_containers && itself && in_own_container(identity, path, homes, taken)
    }

    /// Are the root's clients among the programs that the entry names?
    pub(super) fn names_client(&self, clients: &[ProcessMatcher]) -> bool {
        match &self.process {
            Choice::Any => true,
            Choice::Only(list) => {
                clients.iter().any(|client| list.iter().any(|matcher| matcher.admits_all_of(client)))
            }
        }
    }
}

/// Does the pattern fit the path, in whichever home it lies?
pub(in crate::policy) fn matches_anywhere(glob: &Glob, path: &Canonical<'_>, homes: &Homes) -> bool {
    match glob.anchor {
        Anchor::Root => glob.matches(path.bytes(), path.case_kept()),
        Anchor::Home => homes.rests(path.bytes()).any(|rest| glob.matches(rest, path.case_kept())),
    }
}

/// `~/Library/Containers/<signing id>/` and `~/Library/Group Containers/<team id>.<anything>/`: macOS itself keeps other
/// programs' names out of these. Anybody signs under any identifier: the first counts for a signer that Apple vouches for, and
/// not where it is `taken`.
fn in_own_container(
    identity: &Identity,
    path: &Canonical<'_>,
    homes: &Homes,
    taken: impl FnOnce() -> bool,
) -> bool {
    let Some(signing) = identity.signing() else { return false };
    let under = |rest: &[u8], folder: &str, owner: Option<&str>, end: u8| {
        let tail = strip_ignoring_case(rest, folder.as_bytes());
        let tail = tail.and_then(|tail| strip_ignoring_case(tail, owner?.as_bytes()));
        tail.is_some_and(|tail| tail.first() == Some(&end))
    };
    let lies = |folder: &str, owner: Option<&str>, end: u8| {
        homes.rests(path.bytes()).any(|rest| under(rest, folder, owner, end))
    };
    let vouched = signing.platform || signing.team_id.is_some();
    lies("/Library/Group Containers/", signing.team_id, b'.')
        || vouched && lies("/Library/Containers/", signing.signing_id, b'/') && !taken()
}

fn strip_ignoring_case<'p>(path: &'p [u8], prefix: &[u8]) -> Option<&'p [u8]> {
    let (front, rest) = path.split_at_checked(prefix.len())?;
    front.eq_ignore_ascii_case(prefix).then_some(rest)
}
