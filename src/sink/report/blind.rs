//! What could not be seen: a page without alerts is only as good as what was watched.

use std::collections::BTreeMap;

use crate::model::Timestamp;

use super::html::Html;
use super::record::Blind;
use super::words::{self, many};
use super::{Report, Told};

/// Sentences listed of one kind.
const MAX_TEXTS: usize = 12;

/// All records that say the same.
struct Said<'a> {
    records: u64,
    count: u64,
    from: Timestamp,
    to: Timestamp,
    text: &'a str,
}

pub fn section(html: &mut Html, report: &Report, alerts: &[&Told]) {
    html.tag("section", &[("id", "unseen"), ("aria-label", "What could not be seen")], |html| {
        html.raw("<h2>What could not be seen</h2>");
        if report.blind.is_empty() {
            html.raw("<p>No record in the input tells of anything that could not be seen.");
            html.raw(" That is what the sensors know of; it is no proof that nothing else happened.</p>");
        } else {
            html.raw(
                "<p>Each of these is a place or a time where data could have left without an alert.</p>",
            );
            for (kind, said) in kinds(report.blind.values()) {
                one_kind(html, kind, said);
            }
        }
        report.watch.section(html);
        let degraded = alerts.iter().filter(|told| !told.latest.degraded.is_empty()).count() as u64;
        if degraded > 0 {
            html.raw("<p>").text(&many(degraded, "alert"));
            html.raw(
                " above happened while sensors were losing events: more may have gone the same way.</p>",
            );
        }
    });
}

fn kinds<'a>(blind: impl Iterator<Item = &'a Blind>) -> BTreeMap<&'a str, BTreeMap<&'a str, Said<'a>>> {
    let mut kinds: BTreeMap<&str, BTreeMap<&str, Said<'_>>> = BTreeMap::new();
    for one in blind {
        let (from, to, text) = (one.start, one.end, &*one.text);
        let fresh = Said { records: 0, count: 0, from, to, text };
        let said = kinds.entry(&one.kind).or_default().entry(text).or_insert(fresh);
        said.records += 1;
        said.count = said.count.saturating_add(one.count);
        (said.from, said.to) = (said.from.min(one.start), said.to.max(one.end));
    }
    kinds
}

fn one_kind(html: &mut Html, kind: &str, said: BTreeMap<&str, Said<'_>>) {
    let mut said: Vec<Said<'_>> = said.into_values().collect();
    said.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| (a.from, a.text).cmp(&(b.from, b.text))));
    html.raw("<div class=\"blind\"><h3><code>").name(kind).raw("</code></h3><p>").raw(meaning(kind));
    html.raw("</p><table class=\"list\"><thead><tr><th scope=\"col\">What</th><th scope=\"col\" class=\"num\">Times</th>");
    html.raw("<th scope=\"col\">When</th></tr></thead><tbody>");
    for one in said.iter().take(MAX_TEXTS) {
        html.raw("<tr><td>").whole(one.text).raw("</td><td class=\"num\">").show(one.count);
        html.raw("</td><td class=\"when\">").text(&words::range(one.from, one.to));
        if one.records > 1 {
            html.raw(" <small>").text(&many(one.records, "record")).raw("</small>");
        }
        html.raw("</td></tr>");
    }
    if said.len() > MAX_TEXTS {
        let (more, times) =
            (said.len() - MAX_TEXTS, said[MAX_TEXTS..].iter().map(|one| one.count).sum::<u64>());
        html.raw("<tr><td>and ")
            .show(more)
            .raw(" others</td><td class=\"num\">")
            .show(times)
            .raw("</td><td></td></tr>");
    }
    html.raw("</tbody></table></div>");
}

/// What a kind means for the reader, and what can be done about it.
fn meaning(kind: &str) -> &'static str {
    match kind {
        "event-loss" => {
            "Events were lost before they could be read: reads or copies of that time may be missing."
        }
        "capture-loss" => {
            "Packets were not captured: uploads of that time may be missing or counted too small."
        }
        "name-hidden" => "The name of the destination was hidden: it could be any service.",
        "unattributed-flow" => "Bytes left, but no process could be found for them.",
        "table-full" => "More was going on than is remembered: the oldest was forgotten early.",
        "config-rejected" => "A new configuration was wrong; the last good one stayed in force.",
        "permission-lost" => "The system does not let cloudward look: nothing is seen until that is mended.",
        "late-event" => "Events came too late to be put in order with the others.",
        "ipc-possible" => "Data may have been handed to another program without a file or a pipe.",
        "relay" => "Traffic went through a relay that hides where it goes.",
        "proxy" => "Traffic went through a proxy: the real destination is behind it.",
        "peer-to-peer" => "Bytes went directly to another machine.",
        "airdrop" => "Bytes went to a device nearby.",
        "nested-volume" => "A volume inside of a file was in use: what is in it has other paths.",
        "capture-drop-record" => "The capture itself says that it dropped packets.",
        "exec-not-seen" => "Processes were running before anything was watched: less is known of them.",
        "ratio-not-judged" => "Bytes out and in could not be compared.",
        _ => "Something could not be seen.",
    }
}
