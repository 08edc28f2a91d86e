//! Stories in short form, played on the one engine: what `test` runs, and what `explain` asks to be sure.
//!
//! A story becomes the events that Endpoint Security would have told and the facts that the tap would have; they go
//! through the sensor's own gate and [`Engine::step`] like everything else.

mod world;

use std::sync::Arc;

use crate::config::suite::{Test, Verdict};
use crate::engine::{Engine, Stats};
use crate::model::{Alert, Confidence, Coverage, Input, Record, Span, Timestamp, What};
use crate::policy::{Policy, Sense};

use world::World;

pub use world::{home, program};

/// What tells this input; `None`: whatever is watched does.
fn sense_of(input: &Input) -> Option<Sense> {
    match input {
        Input::Net(_) => Some(Sense::Packets),
        Input::Audit(_) => Some(Sense::Audit),
        Input::Process(observed) => match observed.what {
            What::Exec { .. } => Some(Sense::Exec),
            What::Fork { .. }
            | What::Exit
            | What::CodeInvalidated
            | What::ThreadStarted { .. }
            | What::Seen => None,
            _ => Some(Sense::Files),
        },
        Input::Coverage(_) | Input::Tick(_) => None,
    }
}

/// What the engine made of a story.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The last revision of each, in the order in which they were first raised.
    pub alerts: Vec<Alert>,
    pub coverage: Vec<Coverage>,
    pub stats: Stats,
}

impl Outcome {
    /// In the verdict words; `None` when there are several alerts, for which there is no word.
    pub fn verdict(&self) -> Option<Verdict> {
        match &self.alerts[..] {
            [] if self.coverage.is_empty() => Some(Verdict::None),
            [] => Some(Verdict::Note),
            [alert] if alert.confidence == Confidence::Low => Some(Verdict::Low),
            [_] => Some(Verdict::Alert),
            _ => None,
        }
    }
}

/// Plays a story, everything watched.
pub fn play(policy: &Arc<Policy>, test: &Test) -> Outcome {
    play_watched(policy, test, &Sense::ALL)
}

/// Plays what sensors that watch only this tell of a story.
pub fn play_watched(policy: &Arc<Policy>, test: &Test, watched: &[Sense]) -> Outcome {
    let mut world = World::new(policy, test);
    test.steps.iter().for_each(|step| world.step(step));
    let mut inputs = world.into_inputs();
    inputs.retain(|input| sense_of(input).is_none_or(|sense| watched.contains(&sense)));
    inputs.sort_by_key(Input::time);
    let mut engine = Engine::new(Arc::clone(policy));
    let mut records = Vec::new();
    let last = inputs.last().map_or(Timestamp::MIN, Input::time);
    inputs.into_iter().for_each(|input| engine.step(input, &mut records));
    // Longer than any silence that a verdict waits for.
    engine.step(Input::Tick(last.plus(Span::from_secs(120))), &mut records);
    engine.finish(&mut records);
    gather(records, engine.stats)
}

fn gather(records: Vec<Record>, stats: Stats) -> Outcome {
    let mut outcome = Outcome { alerts: Vec::new(), coverage: Vec::new(), stats };
    for record in records {
        match record {
            Record::Coverage(coverage) => outcome.coverage.push(coverage),
            Record::Alert(alert) => keep_latest(&mut outcome.alerts, *alert),
            Record::Heartbeat(_) => {}
        }
    }
    outcome
}

/// Puts an alert in the place of an earlier revision of it.
pub fn keep_latest(alerts: &mut Vec<Alert>, alert: Alert) {
    match alerts.iter_mut().find(|other| other.id == alert.id) {
        Some(known) => *known = alert,
        None => alerts.push(alert),
    }
}
