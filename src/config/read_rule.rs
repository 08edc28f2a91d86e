//! `[[rule]]`: steps in their order, and what must not happen. The language is told in [`crate::policy::rule`].

use std::sync::Arc;

use crate::policy::rule::{Condition, Deed, LastStep, Leaving, MAX_COUNT, ReadStep, Rule, Step};
use crate::policy::{AllowEntry, Options, SensitiveSet, UnknownUpload};

use super::diagnostics::{Complaint, Place};
use super::read_allow::Context;
use super::read_catalogue::{SEVERITIES, plain};
use super::read_rule_step::{self, Taken};
use super::schema;
use super::section::{Section, boolean, expected, one_of, text};
use super::tree::Node;

/// What rules refer to.
pub(super) struct Known<'a> {
    pub context: &'a Context<'a>,
    pub allow: &'a [AllowEntry],
    pub options: &'a Options,
}

pub(super) fn read(root: &mut Section<'_, '_>, known: &Known<'_>) -> Vec<Rule> {
    let mut rules = Vec::new();
    for (table, at) in root.tables("rule") {
        let before = root.complaints.count();
        let mut section = Section::new(schema::RULE, "[[rule]]", &at, table, root.complaints);
        let rule = rule(&mut section, known);
        section.finish();
        // Half a rule is another rule than was meant.
        let sound = root.complaints.is_sound_since(before);
        rules.extend(rule.filter(|_| sound));
    }
    rules
}

fn rule(section: &mut Section<'_, '_>, known: &Known<'_>) -> Option<Rule> {
    let id = section.require("id", "every rule has an id of its own", text)?.value;
    section.set_title(format!("[[rule]] \"{id}\""));
    section.extends();
    let name = section.require("name", "what the rule sees, in a few words", text);
    let version = section.read("version", text);
    let severity = section.require("severity", "low, medium, high or critical", one_of(&SEVERITIES));
    let raises = section.read("raises", boolean);
    let techniques = section.list("techniques", technique);
    let when = section.former("when");
    let steps = if when.is_none() { steps(section, known) } else { None };
    let unless = unless(section, known);
    if let Some(node) = when {
        let complaint = Complaint::new("a rule is told in steps");
        section.complain(
            &node.at,
            "when",
            complaint.hint("[[rule.step]] with on = \"read\", then one with on = \"upload\""),
        );
        section.node("step");
    }
    let (before, last) = steps?;
    Some(Rule {
        id: Arc::from(id),
        name: Arc::from(name?.value),
        version: Arc::from(version.map_or_else(|| "1".to_owned(), |version| version.value)),
        severity: severity?.value,
        raises: raises.is_some_and(|truth| truth.value),
        techniques: plain(techniques),
        before,
        last,
        unless,
    })
}

/// The steps: the last one leaves, no other does.
fn steps(section: &mut Section<'_, '_>, known: &Known<'_>) -> Option<(Vec<Step>, LastStep)> {
    let tables = section.tables("step");
    if tables.is_empty() {
        let hint = "[[rule.step]] with on = \"read\", then one with on = \"upload\"";
        section.missing("step", hint);
        return None;
    }
    let (mut before, mut last): (Vec<Step>, Option<(LastStep, Place)>) = (Vec::new(), None);
    let mut whole = true;
    for (index, (table, at)) in tables.iter().enumerate() {
        let title = format!("{} step {}", section.title(), index + 1);
        let taken = read_rule_step::read(section, title, table, at, known);
        if let Some((_, early)) = last.take_if(|_| true) {
            let message = "data has left with this step: it must be the last one";
            section.complain(&early, "step", Complaint::new(message).hint("make two rules of it"));
        }
        match taken {
            Some(Taken::Before(step)) => before.push(step),
            Some(Taken::Last(step)) => last = Some((step, at.clone())),
            None => whole = false,
        }
    }
    let last_at = tables.last().map(|(_, at)| at.clone())?;
    let Some((last, _)) = last else {
        if whole {
            let message = "nothing leaves with the last step, so there is nothing to alert on";
            let hint = "end with on = \"upload\", \"sync-drop\", \"command\" or \"audit\"";
            section.complain(&last_at, "step", Complaint::new(message).hint(hint));
        }
        return None;
    };
    if whole {
        judge(section, &before, &last, &last_at, known);
    }
    Some((before, last))
}

fn unless(section: &mut Section<'_, '_>, known: &Known<'_>) -> Vec<Condition> {
    let mut conditions = Vec::new();
    for (index, (table, at)) in section.tables("unless").into_iter().enumerate() {
        let title = format!("{} unless {}", section.title(), index + 1);
        let taken = read_rule_step::read(section, title, table, &at, known);
        conditions.extend(taken.map(|taken| match taken {
            Taken::Before(step) => Condition::Before(step),
            Taken::Last(step) => Condition::Leaving(step.actor, step.leave),
        }));
    }
    conditions
}

/// Says what keeps the rule from ever firing.
fn judge(section: &mut Section<'_, '_>, before: &[Step], last: &LastStep, at: &Place, known: &Known<'_>) {
    let reads = || {
        before.iter().filter_map(|step| match &step.deed {
            Deed::Read(read) => Some(read),
            Deed::Stage { .. } | Deed::Exec => None,
        })
    };
    let elsewhere = |way: &Leaving| matches!(way, Leaving::Command(_) | Leaving::Audit(_));
    let commands = last.leave.ways.iter().all(elsewhere);
    if reads().next().is_none() && !commands {
        let message = "nothing sensitive is read: what leaves is looked at only after a sensitive read";
        section.complain(at, "step", Complaint::new(message).hint("begin with [[rule.step]] on = \"read\""));
    }
    if last.leave.ways == [Leaving::Nameless] && known.options.unknown != UnknownUpload::Alert {
        let message = "never fires: nameless uploads make no alert";
        section.warn(at, Complaint::new(message).hint("set [upload].unknown = \"alert\""));
    }
    let carried = reads().map(|read| longest(read, known)).max().unwrap_or_default();
    let spans = reads().filter_map(|read| read.span).chain(last.within);
    if let Some(span) = spans.max().filter(|span| *span > carried && !commands) {
        let message = format!("{span} is longer than reads are followed, which is {carried}");
        section.warn(at, Complaint::new(message).hint("widen the `window` of the sensitive set"));
    }
}

/// For how long reads like this are followed.
fn longest(read: &ReadStep, known: &Known<'_>) -> crate::model::Span {
    let sets = &known.context.sets.sets;
    let meant = |index: usize| match (read.sets, u8::try_from(index)) {
        (Some(mask), Ok(index)) => mask.contains(crate::policy::SetId(index)),
        (wanted, _) => wanted.is_none(),
    };
    let windows = sets.iter().enumerate().filter(|(index, _)| meant(*index));
    windows.map(|(_, set): (usize, &SensitiveSet)| set.window).max().unwrap_or(known.options.window_default)
}

/// How many different files: from 1 to [`MAX_COUNT`].
pub(super) fn count(node: &Node) -> Result<u32, Complaint> {
    match node.kind {
        super::tree::Kind::Integer(number) => match u32::try_from(number) {
            Ok(count) if (1..=MAX_COUNT).contains(&count) => Ok(count),
            _ => Err(Complaint::new(format!("a count is from 1 to {MAX_COUNT}"))
                .hint("so many reads are kept as the evidence of one chain")),
        },
        _ => Err(expected("a count", node)),
    }
}

/// An ATT&CK id: `T1567` or `T1567.002`.
fn technique(node: &Node) -> Result<Arc<str>, Complaint> {
    let id = node.text().ok_or_else(|| expected("a technique id", node))?;
    let digits = |part: &str, count: usize| part.len() == count && part.bytes().all(|b| b.is_ascii_digit());
    let fits = id.strip_prefix('T').is_some_and(|rest| match rest.split_once('.') {
        Some((technique, sub)) => digits(technique, 4) && digits(sub, 3),
        None => digits(rest, 4),
    });
    let wrong = || Complaint::new(format!("`{id}` is no ATT&CK technique")).hint("such as T1567.002");
    if fits { Ok(Arc::from(id)) } else { Err(wrong()) }
}
