//! How much of what: counts, a time line, and a table of all alerts.

use std::collections::BTreeMap;

use crate::sink::format::words::size;

use super::html::{Html, fitted};
use super::record::Story;
use super::words::{self, many};
use super::{Report, Told, chart, story, time_line};

/// Rows of one count; the rest is summed.
const MAX_BARS: usize = 8;

pub fn section(html: &mut Html, report: &Report, alerts: &[&Told]) {
    html.tag("section", &[("id", "overview"), ("aria-label", "Overview")], |html| {
        html.raw("<h2>Overview</h2>");
        tiles(html, report);
        if alerts.len() + report.blind.len() > 1 {
            time_line::figure(html, report, alerts);
        }
        if report.told.len() > 1 {
            counts(html, report);
            table(html, alerts);
        }
    });
}

/// What an alert counts for.
type Of = fn(&Story) -> Vec<String>;

fn distinct(report: &Report, of: Of) -> BTreeMap<String, u64> {
    let mut counts = BTreeMap::new();
    for told in report.told.values() {
        for name in of(&told.latest) {
            *counts.entry(name).or_default() += 1;
        }
    }
    counts
}

fn programs(story: &Story) -> Vec<String> {
    vec![words::process_name(&story.uploader).to_owned()]
}

fn services(story: &Story) -> Vec<String> {
    vec![story.service.clone().unwrap_or_else(|| "no known service".to_owned())]
}

fn users(story: &Story) -> Vec<String> {
    vec![words::user(story)]
}

fn techniques(story: &Story) -> Vec<String> {
    story.techniques.iter().map(|(id, name)| format!("{id} {name}")).collect()
}

fn severities(story: &Story) -> Vec<String> {
    vec![words::severity(story.severity).to_owned()]
}

fn tiles(html: &mut Html, report: &Report) {
    let names = |of: Of| -> (String, String) {
        let all: Vec<String> = distinct(report, of).into_keys().collect();
        let more = if all.len() > 3 { format!(" and {} more", all.len() - 3) } else { String::new() };
        let first: Vec<String> = all.iter().take(3).map(|name| fitted(name, 24)).collect();
        (all.len().to_string(), first.join(", ") + &more)
    };
    let sent: u64 = report.told.values().map(|told| told.latest.bytes_out).sum();
    let files: u64 =
        report.told.values().map(|told| told.latest.reads.len() as u64 + told.latest.reads_omitted).sum();
    let revisions: u64 = report.told.values().map(|told| told.revisions.len() as u64).sum();
    let alerts = format!("in {}", many(revisions, "record"));
    html.raw("<ul class=\"tiles\">");
    tile(html, "alerts", &report.told.len().to_string(), &alerts);
    tile(html, "sent", &size(sent), &format!("after {}", many(files, "sensitive read")));
    for (label, of) in [("services", services as Of), ("programs", programs), ("users", users)] {
        let (count, sub) = names(of);
        tile(html, label, &count, &sub);
    }
    let kinds: std::collections::BTreeSet<&str> = report.blind.values().map(|blind| &*blind.kind).collect();
    let sub = if kinds.is_empty() { "nothing reported".to_owned() } else { many(kinds.len() as u64, "kind") };
    tile(html, "blind spots", &report.blind.len().to_string(), &sub);
    html.raw("</ul>");
}

fn tile(html: &mut Html, label: &'static str, value: &str, sub: &str) {
    html.raw("<li><span class=\"label\">").raw(label).raw("</span><strong>").text(value);
    html.raw("</strong><span class=\"sub\">").name(sub).raw("</span></li>");
}

fn counts(html: &mut Html, report: &Report) {
    html.raw("<div class=\"grid\">");
    let parts: [(&'static str, Of); 5] = [
        ("By severity", severities),
        ("By service", services),
        ("By user", users),
        ("By program", programs),
        ("By technique (MITRE ATT&CK)", techniques),
    ];
    for (title, of) in parts {
        bars(html, title, distinct(report, of));
    }
    html.raw("</div>");
}

fn bars(html: &mut Html, title: &'static str, counts: BTreeMap<String, u64>) {
    let mut rows: Vec<(String, u64)> = counts.into_iter().collect();
    rows.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    let rest: u64 = rows.iter().skip(MAX_BARS).map(|(_, count)| count).sum();
    let others = rows.len().saturating_sub(MAX_BARS);
    rows.truncate(MAX_BARS);
    let most = rows.iter().map(|(_, count)| *count).max().unwrap_or(1);
    html.raw("<table class=\"bars\"><caption>").text(title).raw("</caption><tbody>");
    for (name, count) in &rows {
        let name = if name.is_empty() { "(no name)" } else { name };
        html.raw("<tr><th scope=\"row\">").name(name).raw("</th><td class=\"bar\">");
        let class = if title == "By severity" { format!("fill {name}") } else { "fill".to_owned() };
        chart::bar(html, *count, most, &class);
        html.raw("</td><td class=\"num\">").show(count).raw("</td></tr>");
    }
    if others > 0 {
        html.raw("<tr><th scope=\"row\">").show(others).raw(" others</th><td></td><td class=\"num\">");
        html.show(rest).raw("</td></tr>");
    }
    html.raw("</tbody></table>");
}

fn table(html: &mut Html, alerts: &[&Told]) {
    html.raw("<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"All alerts\"><table class=\"list\">");
    html.raw(
        "<caption>All alerts, the most severe first</caption><thead><tr><th scope=\"col\">Severity</th><th scope=\"col\">Confidence</th>",
    );
    html.raw("<th scope=\"col\">What</th><th scope=\"col\">User</th><th scope=\"col\">Sets</th>");
    html.raw(
        "<th scope=\"col\" class=\"num\">Sent</th><th scope=\"col\">When (UTC)</th></tr></thead><tbody>",
    );
    for (index, told) in alerts.iter().enumerate() {
        let story = &told.latest;
        let (anchor, row) = (format!("#a{}", index + 1), format!("r{}", index + 1));
        html.tag("tr", &[("id", &row)], |html| {
            html.raw("<td>");
            story::severity_chip(html, story);
            html.raw("</td><td>").text(words::confidence(story.confidence)).raw("</td><td>");
            html.tag("a", &[("href", &anchor)], |html| _ = html.name(&story::headline(story)));
            html.raw("</td><td>")
                .name(&words::user(story))
                .raw("</td><td>")
                .name(&words::sets(story).join(", "));
            html.raw("</td><td class=\"num\">").text(&sent(story)).raw("</td><td class=\"when\">");
            html.text(&format!("{} {}", words::date(story.time), words::clock(story.time))).raw("</td>");
        });
    }
    html.raw("</tbody></table></div>");
}

/// Files put where a sync client finds them have no bytes of their own.
fn sent(story: &Story) -> String {
    if story.bytes_out > 0 { size(story.bytes_out) } else { "not counted".to_owned() }
}
