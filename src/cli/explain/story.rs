//! The question as a story, played on the engine.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::cli::scenario::{self, Outcome};
use crate::config::suite::{Deed, Duplicate, Expected, Run, Step, Test, Verdict};
use crate::config::{Origin, Place, Source};
use crate::model::Span;
use crate::policy::{Policy, Sense};

use super::who::Question;

/// What comes of it with what is watched, and what would if everything were.
pub struct Played {
    pub watched: Outcome,
    pub whole: Outcome,
    /// The least that must leave for the alert; as it happens, something that did not if there is none.
    pub bytes: u64,
}

/// Plays the question, with more and more bytes: `floors` are those of the sets, to which the rules add theirs.
pub fn play(policy: &Arc<Policy>, question: &Question, floors: impl Iterator<Item = u64>) -> Played {
    let of_rules = policy.rules.iter().map(|rule| rule.last.leave.min_bytes);
    let amounts: BTreeSet<u64> = floors.chain(of_rules).filter(|bytes| *bytes > 0).collect();
    let first = |watched: &[Sense]| {
        let mut outcomes = amounts
            .iter()
            .map(|bytes| (*bytes, scenario::play_watched(policy, &story(question, *bytes), watched)));
        outcomes.find(|(_, outcome)| !outcome.alerts.is_empty())
    };
    let most = amounts.last().copied().unwrap_or(policy.options.min_bytes);
    let quiet = |watched: &[Sense]| (most, scenario::play_watched(policy, &story(question, most), watched));
    let (bytes, watched) = first(&question.sensors).unwrap_or_else(|| quiet(&question.sensors));
    let (_, whole) = first(&Sense::ALL).unwrap_or_else(|| quiet(&Sense::ALL));
    Played { watched, whole, bytes }
}

/// It reads, and right after sends so much.
fn story(question: &Question, bytes: u64) -> Test {
    let at = Place::whole(Origin::File, &Source::new(Origin::File, "explain", "").name);
    let run = Run {
        program: question.program.clone(),
        args: question.args.clone(),
        script: question.script.clone(),
        script_sha256: question.script_sha256,
        stdin: None,
        stdout: None,
        name: None,
    };
    let step = |seconds, first, deed| Step {
        at: at.clone(),
        time: Span::from_secs(seconds),
        by: "it".to_owned(),
        first,
        deed,
    };
    let before = question.parent.clone().unwrap_or_else(|| question.program.clone());
    let start = match &question.parent {
        // The parent starts a child, which is "it" from then on.
        Some(_) => Run { name: Some("it".to_owned()), ..run },
        None => run,
    };
    let mut steps = vec![step(1, Some(before), Deed::Runs(Box::new(start)))];
    if question.is_drop() {
        let deed =
            Deed::Duplicates { how: Duplicate::Copy, from: question.path.clone(), to: question.target() };
        steps.push(step(2, None, deed));
    } else {
        steps.push(step(2, None, Deed::Reads(vec![question.path.clone()])));
        let deed = Deed::Uploads { bytes, received: 300, to: question.to.clone(), hidden: false };
        steps.push(step(3, None, deed));
    }
    Test {
        name: String::new(),
        at,
        user: question.user.clone(),
        uid: question.uid,
        on: question.on,
        steps,
        expected: Expected::only(Verdict::None),
    }
}
