//! Programs as a tree: who started whom, who signed it, what each did.

use std::collections::BTreeMap;

use super::html::Html;
use super::record::{Process, Story};
use super::words;

#[derive(Default)]
struct Role {
    reads: u64,
    files: u64,
    sent: bool,
}

struct Part<'a> {
    process: &'a Process,
    role: Role,
}

pub fn tree(html: &mut Html, story: &Story) {
    let parts = parts(story);
    let mut children: BTreeMap<Option<&str>, Vec<&str>> = BTreeMap::new();
    for (entity, part) in &parts {
        let parent =
            part.process.parent.as_deref().filter(|parent| parts.contains_key(parent) && parent != entity);
        children.entry(parent).or_default().push(entity);
    }
    html.raw("<ul class=\"tree\">");
    let mut shown = Vec::new();
    branch(html, &parts, &children, None, &mut shown);
    // A record may name parents in a circle; then nothing leads there from a root.
    for parent in children.keys().flatten() {
        if !shown.contains(parent) {
            branch(html, &parts, &children, Some(parent), &mut shown);
        }
    }
    html.raw("</ul>");
}

/// Every process of the record, by its name in it.
fn parts(story: &Story) -> BTreeMap<&str, Part<'_>> {
    let mut parts: BTreeMap<&str, Part<'_>> = BTreeMap::new();
    for process in std::iter::once(&story.uploader).chain(&story.chain) {
        parts.entry(&process.entity).or_insert(Part { process, role: Role::default() });
    }
    let others = story.reads.iter().map(|read| (&read.process, true));
    for (process, reads) in others.chain(story.hops.iter().map(|hop| (&hop.process, false))) {
        let part = parts.entry(&process.entity).or_insert(Part { process, role: Role::default() });
        part.role.reads += u64::from(reads);
    }
    for hop in story.hops.iter().filter(|hop| hop.path.is_some()) {
        parts.entry(&hop.process.entity).and_modify(|part| part.role.files += 1);
    }
    parts.entry(&story.uploader.entity).and_modify(|part| part.role.sent = true);
    parts
}

fn branch<'a>(
    html: &mut Html,
    parts: &BTreeMap<&'a str, Part<'a>>,
    children: &BTreeMap<Option<&'a str>, Vec<&'a str>>,
    parent: Option<&'a str>,
    shown: &mut Vec<&'a str>,
) {
    for entity in children.get(&parent).into_iter().flatten() {
        let Some(part) = parts.get(entity) else { continue };
        if shown.contains(entity) {
            continue;
        }
        shown.push(entity);
        html.raw("<li>");
        one(html, part);
        if children.contains_key(&Some(*entity)) {
            html.raw("<ul>");
            branch(html, parts, children, Some(entity), shown);
            html.raw("</ul>");
        }
        html.raw("</li>");
    }
}

fn one(html: &mut Html, part: &Part<'_>) {
    let process = part.process;
    let (identity, trusted) = words::identity(process);
    html.raw("<div class=\"process\"><strong>").name(words::process_name(process)).raw("</strong> <small>");
    if let Some(pid) = process.pid {
        html.raw("pid ").show(pid);
    }
    html.raw("</small> ");
    html.raw(if trusted { "<span class=\"id good\">" } else { "<span class=\"id bad\">" });
    html.name(&identity).raw("</span>");
    if part.role.reads > 0 {
        html.raw(" <span class=\"chip plain\">read ").show(part.role.reads).raw("</span>");
    }
    if part.role.files > 0 {
        html.raw(" <span class=\"chip plain\">wrote ").show(part.role.files).raw("</span>");
    }
    if part.role.sent {
        html.raw(" <span class=\"chip sent\">sent the data</span>");
    }
    html.raw("<br>").path(&process.path);
    if let Some(script) = &process.script {
        html.raw(" <small>runs</small> ").path(script);
    }
    if process.exec_not_seen {
        html.raw(" <small>started before anything was watched</small>");
    }
    html.raw("</div>");
}
