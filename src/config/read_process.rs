//! `process = { ... }`: which program is meant, and how surely it can be known.

use crate::model::CdHash;
use crate::policy::{ProcessMatcher, ProgramPath, Volumes, is_team_id};

use super::diagnostics::{Complaint, Place};
use super::schema;
use super::section::{Section, boolean, expected, text};
use super::tree::{Node, Table};

/// The programs of a key: one table or a list of them. `None` if the key is not there; unusable ones are left out.
pub(super) fn list(
    section: &mut Section<'_, '_>,
    key: &'static str,
    volumes: &Volumes,
) -> Option<Vec<ProcessMatcher>> {
    let tables = section.tables(key);
    section.complain_if_empty(key);
    let title = format!("{} `{key}`", section.title());
    let read = |(table, at): &(&Table, Place)| one(&title, table, at, volumes, section);
    let matchers: Vec<ProcessMatcher> = tables.iter().filter_map(read).collect();
    (!tables.is_empty()).then_some(matchers)
}

fn one(
    title: &str,
    table: &Table,
    at: &Place,
    volumes: &Volumes,
    parent: &mut Section<'_, '_>,
) -> Option<ProcessMatcher> {
    let before = parent.complaints.count();
    let mut section = Section::new(schema::PROCESS, title, at, table, parent.complaints);
    let team_id = section.read("team_id", |node| identifier(node, "team_id"));
    let signing_id = section.read("signing_id", |node| identifier(node, "signing_id"));
    let platform = section.read("platform", boolean);
    let signed = section.read("signed", boolean);
    let cdhash = section.read("cdhash", |node| super::values::hex(&text(node)?));
    let path = section.read("path", |node| Ok(ProgramPath::parse(&text(node)?, volumes)?));
    let unsigned = section.read("unsigned", boolean);
    let matcher = ProcessMatcher {
        team_id: team_id.map(|id| id.value.into_boxed_str()),
        signing_id: signing_id.map(|id| id.value.into_boxed_str()),
        platform: platform.is_some_and(|truth| truth.value),
        signed: signed.is_some_and(|truth| truth.value),
        cdhash: cdhash.map(|hash| CdHash(hash.value)),
        path: path.map(|path| path.value),
        unsigned: unsigned.is_some_and(|truth| truth.value),
    };
    warn_of_spelling(&mut section, &matcher);
    if section.complaints.is_sound_since(before) {
        judge(&mut section, &matcher);
    }
    section.finish();
    parent.complaints.is_sound_since(before).then_some(matcher)
}

/// An identifier that is empty would match every program without one.
pub(super) fn identifier(node: &Node, key: &str) -> Result<String, Complaint> {
    match node.text() {
        Some("") => Err(Complaint::new("an empty identifier names no program")
            .hint(format!("leave `{key}` out, or write what `codesign -dv` says"))),
        Some("*") => Err(Complaint::new("`*` is no identifier").hint(format!("leave `{key}` out"))),
        Some(id) => Ok(id.to_owned()),
        None => Err(expected("a string", node)),
    }
}

/// An identifier as no program has it would never match, and nobody would know why.
fn warn_of_spelling(section: &mut Section<'_, '_>, matcher: &ProcessMatcher) {
    let at = section.at().clone();
    if let Some(team) = matcher.team_id.as_deref().filter(|team| !is_team_id(team)) {
        let never = Complaint::new(format!("`{team}` is no team_id: no program has it"));
        section.warn(&at, never.hint("ten capital letters and digits, as `codesign -dv` says"));
    }
    if matcher.signing_id.as_deref().is_some_and(|id| id.contains(['*', '?', ' '])) {
        let never = Complaint::new("a signing_id is compared as it stands, `*` and `?` too");
        section.warn(&at, never.hint("write it out, or leave it out and keep the team_id"));
    }
}

/// Says what is wrong with the whole, or weak.
fn judge(section: &mut Section<'_, '_>, matcher: &ProcessMatcher) {
    let named = matcher.team_id.is_some() || matcher.signing_id.is_some() || matcher.platform;
    let signer = named || matcher.signed;
    let at = section.at().clone();
    let title = section.title().to_owned();
    let mut error = |message: &str, hint: &str| {
        section.complaints.error(&at, Complaint::new(format!("{title}: {message}")).hint(hint));
    };
    if !signer && matcher.cdhash.is_none() && matcher.path.is_none() {
        return error(
            "names no program",
            "give team_id and signing_id, platform and signing_id, cdhash, or path with unsigned = true",
        );
    }
    let sealed = matcher.path.as_ref().is_some_and(ProgramPath::is_in_sealed_folder);
    if matcher.platform && matcher.signing_id.is_none() && !sealed {
        return error(
            "`platform = true` alone admits curl, osascript and every other program of macOS",
            "add a signing_id, or the path of one program below /System/Library, /usr/bin, /usr/sbin or /usr/libexec",
        );
    }
    if matcher.platform && matcher.team_id.is_some() {
        return error("programs of macOS have no team", "leave out `team_id` or `platform`");
    }
    if matcher.unsigned && signer {
        return error("what is unsigned has no signer", "leave out `unsigned`, or the signer's ids");
    }
    if !signer && matcher.cdhash.is_none() && !matcher.unsigned {
        return error(
            "a path alone is no identity: whoever can write there can take it",
            "add team_id and signing_id, or say `unsigned = true` if the program has no signature",
        );
    }
    if matcher.signed && !named {
        let weak = Complaint::new("whoever has an identity of Apple's to sign with is let through");
        section.warn(&at, weak.hint("add the team_id"));
    } else if matcher.unsigned && matcher.cdhash.is_none() {
        let weak = Complaint::new("any program put at this path is let through");
        section.warn(&at, weak.hint("pin it with `cdhash`, or sign it and give its team_id"));
    } else if matcher.signing_id.is_some() && matcher.team_id.is_none() && !matcher.platform {
        let weak = Complaint::new("anybody may sign with this signing_id");
        section.warn(&at, weak.hint("add the team_id, or `platform = true` for programs of macOS"));
    }
}
