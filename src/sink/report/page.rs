//! The whole page: head with its policy, what it is about, the parts, the foot.

use sha2::{Digest, Sha256};

use crate::model::Severity;
use crate::sink::format::words::{VERSION, size};

use super::html::Html;
use super::words::{self, many};
use super::{Report, Told, alert, blind, overview, story};

const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("script.js");

pub fn page(report: &Report) -> String {
    let alerts = report.alerts();
    let mut html = Html::default();
    html.raw("<!DOCTYPE html>\n<html lang=\"en\">\n");
    html.tag("head", &[], |html| head(html, report, &alerts));
    html.raw("\n<body>\n<a class=\"skip\" href=\"#main\">Skip to the content</a>\n");
    masthead(&mut html, report, &alerts);
    html.tag("main", &[("id", "main")], |html| {
        overview::section(html, report, &alerts);
        told(html, report, &alerts);
        blind::section(html, report, &alerts);
    });
    foot(&mut html, report);
    html.raw("\n<script>").raw(SCRIPT).raw("</script>\n</body>\n</html>\n");
    html.into_string()
}

/// Nothing may be fetched, nothing runs but what this program printed.
fn head(html: &mut Html, report: &Report, alerts: &[&Told]) {
    let policy = format!(
        "default-src 'none'; style-src '{}'; script-src '{}'; base-uri 'none'; form-action 'none'",
        source(STYLE),
        source(SCRIPT)
    );
    html.raw("\n<meta charset=\"utf-8\">");
    html.shape("meta", &[("http-equiv", "Content-Security-Policy"), ("content", &policy)]);
    html.raw("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">");
    html.raw("<meta name=\"referrer\" content=\"no-referrer\">");
    html.raw("<meta name=\"color-scheme\" content=\"light dark\">\n");
    html.tag("title", &[], |html| _ = html.text_only(&format!("cloudward: {}", title(report, alerts))));
    html.raw("\n<style>").raw(STYLE).raw("</style>\n");
}

/// A source expression of Content Security Policy: the base64 of a SHA-256.
fn source(text: &str) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut base64 = String::from("sha256-");
    for group in Sha256::digest(text.as_bytes()).chunks(3) {
        let byte = |at: usize| u32::from(group.get(at).copied().unwrap_or_default());
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for digit in 0..4 {
            let index = (bits >> (18 - 6 * digit) & 63) as usize;
            base64.push(if digit <= group.len() { char::from(DIGITS[index]) } else { '=' });
        }
    }
    base64
}

/// The page in one line.
fn title(report: &Report, alerts: &[&Told]) -> String {
    match alerts {
        [] if report.blind.is_empty() => "no alerts".to_owned(),
        [] => format!("no alerts, {}", many(report.blind.len() as u64, "blind spot")),
        [one] => story::headline(&one.latest),
        _ => format!("{}: {}", many(report.told.len() as u64, "alert"), by_severity(report)),
    }
}

fn by_severity(report: &Report) -> String {
    let all =
        [Some(Severity::Critical), Some(Severity::High), Some(Severity::Medium), Some(Severity::Low), None];
    let count = |severity| report.told.values().filter(|told| told.latest.severity == severity).count();
    let said = all.map(|severity| (count(severity), words::severity(severity)));
    let said: Vec<String> =
        said.iter().filter(|(count, _)| *count > 0).map(|(count, word)| format!("{count} {word}")).collect();
    said.join(", ")
}

fn masthead(html: &mut Html, report: &Report, alerts: &[&Told]) {
    html.tag("header", &[("class", "masthead")], |html| {
        html.raw(concat!(
            "<p class=\"brand\"><svg viewBox=\"0 0 24 24\" width=\"20\" height=\"20\" aria-hidden=\"true\">",
            "<path class=\"mark\" d=\"M12 2 4 5v6c0 5 3.4 9.3 8 11 4.6-1.7 8-6 8-11V5z\"/>",
            "<path class=\"mark-in\" d=\"M8.5 15h7a2.5 2.5 0 0 0 .2-5 4 4 0 0 0-7.5-.6A2.9 2.9 0 0 0 8.5 15z\"/></svg>",
            " cloudward <span>report</span></p>"
        ));
        html.tag("h1", &[], |html| _ = html.text(&title(report, alerts)));
        html.tag("p", &[("class", "lead")], |html| lead(html, report));
        html.raw("<nav aria-label=\"Parts of this page\"><a href=\"#overview\">Overview</a>");
        if !alerts.is_empty() {
            html.raw("<a href=\"#alerts\">Alerts</a>");
        }
        html.raw("<a href=\"#unseen\">What could not be seen</a><a href=\"#about\">About this page</a></nav>");
    });
}

fn lead(html: &mut Html, report: &Report) {
    let Some((from, to)) = report.span() else {
        html.text("There is no record in the input.");
        return;
    };
    let sent: u64 = report.told.values().map(|told| told.latest.bytes_out).sum();
    html.text(&words::range(from, to));
    if sent > 0 {
        html.text(&format!(" · {} sent after sensitive reads", size(sent)));
    }
    match report.blind.len() as u64 {
        0 => html.text(" · no blind spot reported"),
        some => {
            html.raw(" · ").tag("a", &[("href", "#unseen")], |html| _ = html.text(&many(some, "blind spot")))
        }
    };
}

fn told(html: &mut Html, report: &Report, alerts: &[&Told]) {
    if alerts.is_empty() {
        return;
    }
    html.tag("section", &[("id", "alerts"), ("aria-label", "Alerts")], |html| {
        html.raw("<h2>Alerts</h2>");
        if alerts.len() > 1 {
            filter(html);
        }
        let beyond = report.told.len() - alerts.len();
        if beyond > 0 {
            html.tag("p", &[("class", "note")], |html| {
                html.text(&format!(
                    "The {} most severe are told here; {beyond} more are only counted in the overview.",
                    alerts.len()
                ));
            });
        }
        for (index, told) in alerts.iter().enumerate() {
            alert::article(html, index + 1, told);
        }
    });
}

/// Shown by the script only: without one it would do nothing.
fn filter(html: &mut Html) {
    html.raw(concat!(
        "<form id=\"filter\" hidden><label>Find <input type=\"search\" autocomplete=\"off\" spellcheck=\"false\" ",
        "placeholder=\"file, host, user, program\"></label><label>Severity <select><option value=\"\">all</option>",
        "<option>critical</option><option>high</option><option>medium</option><option>low</option></select></label>",
        "<output aria-live=\"polite\"></output></form>"
    ));
}

fn foot(html: &mut Html, report: &Report) {
    html.tag("footer", &[("id", "about")], |html| {
        html.raw("<h2>About this page</h2>");
        html.tag("p", &[], |html| {
            html.text(&format!(
                "Made by cloudward {VERSION} from {}. Times are UTC and those of the events; nothing here depends on \
                 when the page was made. It loads nothing from anywhere. ",
                many(report.records, "record")
            ));
            html.text("Secrets that cloudward recognises were taken out before these records were written.");
        });
        let hashes: std::collections::BTreeSet<&str> =
            report.told.values().map(|told| &*told.latest.config_hash).collect();
        html.raw("<dl class=\"facts\">");
        if !report.sources.is_empty() {
            html.raw("<dt>Input</dt><dd>").text(&report.sources.join(", ")).raw("</dd>");
        }
        if !hashes.is_empty() {
            let hashes: Vec<&str> = hashes.into_iter().take(20).collect();
            html.raw("<dt>Configuration</dt><dd><code>").text(&hashes.join(" ")).raw("</code></dd>");
        }
        html.raw("</dl>");
        let forgotten = report.forgotten + report.watch.forgotten;
        if forgotten > 0 {
            html.raw("<p class=\"note\">").text(&many(forgotten, "record"));
            html.text(" beyond what this page remembers: make it from fewer files.").raw("</p>");
        }
        unread(html, report);
    });
}

fn unread(html: &mut Html, report: &Report) {
    if report.unread == 0 {
        return;
    }
    html.raw("<h3>Lines that are no records: ").show(report.unread).raw("</h3><ul class=\"lines\">");
    for (source, line, why) in &report.unread_listed {
        html.tag("li", &[], |html| {
            html.name(source).text(&format!(", line {line}: ")).text(&why.to_string());
        });
    }
    let more = report.unread - report.unread_listed.len() as u64;
    if more > 0 {
        html.raw("<li>and ").show(more).raw(" more</li>");
    }
    html.raw("</ul>");
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `printf '' | openssl dgst -sha256 -binary | base64`, and the same of `abc`.
    #[test]
    fn sources_are_written_as_browsers_compare_them() {
        assert_eq!(source(""), "sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=");
        assert_eq!(source("abc"), "sha256-ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=");
    }
}
