//! When cloudward was watching at all: heartbeats, and the silences between them.

use std::collections::BTreeMap;

use crate::model::Timestamp;

use super::html::Html;
use super::record::Beat;
use super::words::{self, many};

/// Heartbeats remembered: a week of one a minute.
const MAX_BEATS: usize = 10_080;
/// Silences listed.
const MAX_LISTED: usize = 50;

/// Every heartbeat of the input, in the order of time.
#[derive(Debug, Default)]
pub struct Watch {
    beats: BTreeMap<(Timestamp, u64), Beat>,
    pub forgotten: u64,
}

/// A time without a sign of life.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Silence {
    pub from: Timestamp,
    pub to: Timestamp,
    /// It had said that it would stop.
    pub stopped: bool,
}

impl Watch {
    pub fn take(&mut self, beat: Beat) {
        if self.beats.len() < MAX_BEATS {
            self.beats.insert((beat.time, beat.sequence), beat);
        } else {
            self.forgotten += 1;
        }
    }

    /// Times after a stop, and times longer than the daemon promised.
    pub fn silences(&self) -> Vec<Silence> {
        let beats: Vec<&Beat> = self.beats.values().filter(|beat| beat.pulse != "test").collect();
        let pairs = beats.iter().zip(beats.iter().skip(1));
        let silence = |(a, b): (&&Beat, &&Beat)| {
            let stopped = a.pulse == "stop";
            let promised = a.every.is_some_and(|every| b.time.since(a.time).as_secs() > every);
            (stopped || promised).then_some(Silence { from: a.time, to: b.time, stopped })
        };
        pairs.filter_map(silence).collect()
    }

    pub fn section(&self, html: &mut Html) {
        let (Some(first), Some(last)) = (self.beats.values().next(), self.beats.values().next_back()) else {
            html.raw(
                "<p>The input has no heartbeat: whether cloudward was running all the time is not known.</p>",
            );
            return;
        };
        html.raw("<p>").text(&many(self.beats.len() as u64, "heartbeat")).text(", ");
        html.text(&words::range(first.time, last.time)).raw(". ");
        let silences = self.silences();
        if silences.is_empty() {
            html.raw("cloudward was alive all that time.</p>");
            return;
        }
        html.text(&many(silences.len() as u64, "time"))
            .raw(" nothing was heard of it:</p><ul class=\"lines\">");
        for silence in silences.iter().take(MAX_LISTED) {
            let (span, long) = (words::range(silence.from, silence.to), silence.to.since(silence.from));
            let why = if silence.stopped { "stopped" } else { "silent for longer than it promised" };
            html.raw("<li class=\"unseen\">")
                .text(&format!("{span} ({}): {why}", words::lasting(long.as_nanos())));
            html.raw("</li>");
        }
        if silences.len() > MAX_LISTED {
            html.raw("<li>and ").show(silences.len() - MAX_LISTED).raw(" more</li>");
        }
        html.raw("</ul>");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn beat(seconds: i64, pulse: &str) -> Beat {
        let time = Timestamp::from_nanos(seconds * 1_000_000_000);
        Beat { time, pulse: pulse.to_owned(), sequence: 0, every: Some(60) }
    }

    #[test]
    fn silence_is_what_was_not_promised() {
        let mut watch = Watch::default();
        for (seconds, pulse) in [
            (0, "start"),
            (60, "alive"),
            (200, "alive"),
            (230, "test"),
            (260, "stop"),
            (270, "start"),
            (330, "alive"),
        ] {
            watch.take(beat(seconds, pulse));
        }
        let found: Vec<(i64, bool)> = watch
            .silences()
            .iter()
            .map(|silence| (silence.from.as_nanos() / 1_000_000_000, silence.stopped))
            .collect();
        assert_eq!(found, [(60, false), (260, true)]);
    }
}
