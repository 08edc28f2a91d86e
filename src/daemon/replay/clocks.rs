//! What events know of the clock, for captures.
//!
//! Where the wall clock was set back, events tell by how much: their numbers and ticks go on. Packets show it as a fall,
//! which is too small by the time since the packet before; and not at all where none came before. Then events are read
//! ahead, as far as the clock may matter. Pipes are not: what they say may be long in coming.

use crate::engine::order::{MAX_HELD, Order};
use crate::model::{Span, Timestamp};
use crate::sensor::steady::{Doubt, LEAST, Step};

use super::Summary;
use super::sources::Events;

/// Events are read so far ahead of the moment that is in doubt: no window that ships is longer.
const AHEAD: Span = Span::from_secs(60 * 60);

/// What has to be added to the times of a capture from here on; `None` if events do not know.
#[cold]
pub(super) fn ask(
    events: &mut [Events],
    order: &mut Order,
    summary: &mut Summary,
    doubt: Doubt,
) -> Option<Span> {
    let lasting = || events.iter().filter(|events| !events.lines.grows());
    let began = lasting().filter_map(|events| events.decoder.began()).min()?;
    if matches!(doubt, Doubt::Begins(first) if first.plus(LEAST) >= began) {
        return None;
    }
    let mut found: Option<Step> = None;
    for events in events.iter_mut().filter(|events| !events.lines.grows()) {
        let step = read_ahead(events, order, summary, doubt);
        found = [found, step].into_iter().flatten().min_by_key(|step| (step.offset, step.before));
    }
    found.map(|step| step.offset)
}

/// Reads on until a step is known that answers, or none can be expected any more.
fn read_ahead(events: &mut Events, order: &mut Order, summary: &mut Summary, doubt: Doubt) -> Option<Step> {
    loop {
        if let Some(step) = events.decoder.steps().iter().find(|step| answers(step, doubt)) {
            return Some(*step);
        }
        let far = events.decoder.reached().is_some_and(|time| time > until(events, doubt));
        if far || order.held() > MAX_HELD / 2 || !order.is_open(events.source) {
            return None;
        }
        events.take(order, summary);
    }
}

fn until(events: &Events, doubt: Doubt) -> Timestamp {
    let from = match doubt {
        Doubt::Begins(_) => events.decoder.began().unwrap_or(Timestamp::MIN),
        Doubt::Fell { at, .. } => at,
    };
    from.plus(AHEAD)
}

fn answers(step: &Step, doubt: Doubt) -> bool {
    match doubt {
        Doubt::Begins(first) => first.plus(step.offset) >= step.before,
        Doubt::Fell { at, least } => {
            step.before <= at.plus(AHEAD)
                && step.offset.as_nanos().saturating_add(LEAST.as_nanos() / 2) >= least.as_nanos()
        }
    }
}
