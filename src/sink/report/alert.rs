//! One alert: its story first, then everything that proves it.

use crate::model::Confidence;
use crate::sink::format::words::size;

use super::html::Html;
use super::record::{Flow, Process, Story};
use super::words::{self, many};
use super::{Told, chart, draw, story, tree};

pub fn article(html: &mut Html, number: usize, told: &Told) {
    let alert = &told.latest;
    let (id, heading) = (format!("a{number}"), format!("h{number}"));
    let severity = words::severity(alert.severity);
    let frame = [("id", &*id), ("class", "alert"), ("data-level", severity), ("aria-labelledby", &heading)];
    html.raw("\n").tag("article", &frame, |html| {
        html.tag("header", &[], |html| {
            html.raw("<p>");
            story::chips(html, alert);
            html.raw(" <span class=\"when\">").text(&words::moment(alert.time)).raw("</span></p>");
            html.tag("h3", &[("id", &heading)], |html| _ = html.name(&story::headline(alert)));
        });
        story::told(html, alert);
        html.raw("<h4>The path of the data</h4>");
        draw::figure(html, number, alert);
        html.raw("<h4>Step by step</h4>");
        story::time_line(html, alert);
        html.raw("<h4>Programs and who signed them</h4>");
        tree::tree(html, alert);
        command(html, &alert.uploader);
        flows(html, told);
        why(html, alert);
        evidence(html, alert);
        facts(html, told);
    });
}

/// The uploader's arguments, one box each: where one ends cannot be forged with spaces or quotes.
fn command(html: &mut Html, process: &Process) {
    if process.args.is_empty() {
        return;
    }
    html.raw("<h4>The command that sent it</h4><p class=\"command\">");
    process.args.iter().for_each(|arg| _ = html.raw("<code>").name(arg).raw("</code> "));
    html.raw("</p>");
    if let Some(cwd) = &process.cwd {
        html.raw("<p class=\"note\">in ").path(cwd).raw("</p>");
    }
}

fn flows(html: &mut Html, told: &Told) {
    let alert = &told.latest;
    if alert.flows.is_empty() {
        return;
    }
    html.raw("<h4>Flows</h4><div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Flows\"><table class=\"list\"><thead><tr>");
    html.raw("<th scope=\"col\">Host</th><th scope=\"col\">Address</th><th scope=\"col\">Protocol</th>");
    html.raw("<th scope=\"col\" class=\"num\">Out</th><th scope=\"col\" class=\"num\">In</th><th scope=\"col\">When</th></tr></thead><tbody>");
    let nanos = |time: Option<crate::model::Timestamp>| time.map(crate::model::Timestamp::as_nanos);
    let from = alert.flows.iter().filter_map(|flow| nanos(flow.start)).min().unwrap_or_default();
    let to = alert.flows.iter().filter_map(|flow| nanos(flow.end)).max().unwrap_or(from);
    let most = alert.flows.iter().map(|flow| flow.bytes_out.max(flow.bytes_in)).max().unwrap_or(1);
    for flow in &alert.flows {
        html.raw("<tr><td>");
        host(html, flow);
        html.raw("</td><td><code>")
            .text(&flow.server)
            .raw("</code><br><small>from <code>")
            .text(&flow.client);
        html.raw("</code></small></td><td>");
        protocol(html, flow);
        html.raw("</td><td class=\"num\">").text(&size(flow.bytes_out));
        chart::bar(html, flow.bytes_out, most, "fill out");
        html.raw("</td><td class=\"num\">").text(&size(flow.bytes_in));
        chart::bar(html, flow.bytes_in, most, "fill");
        html.raw("</td><td class=\"when\">");
        if let (Some(start), Some(end)) = (flow.start, flow.end) {
            html.text(&format!(
                "{}, {}",
                words::fine_clock(start),
                words::lasting(end.since(start).as_nanos())
            ));
            chart::stretch(html, start.as_nanos(), end.as_nanos(), (from, to));
        }
        html.raw("</td></tr>");
    }
    html.raw("</tbody></table></div>");
    growth(html, told);
}

fn host(html: &mut Html, flow: &Flow) {
    match &flow.domain {
        Some(domain) => html.raw("<strong>").name(domain).raw("</strong>"),
        None => html.raw("<em>no name</em>"),
    };
    let how = match flow.domain_source.as_str() {
        "tls_sni" => "named in the TLS handshake",
        "quic_sni" => "named in the QUIC handshake",
        "dns" => "from a DNS answer",
        "dns_cname" => "from a DNS alias",
        "none" | "" => "",
        other => other,
    };
    html.raw("<br><small>").name(how).raw("</small>");
}

fn protocol(html: &mut Html, flow: &Flow) {
    html.name(&flow.transport);
    if !flow.alpn.is_empty() {
        html.raw(", offers ").name(&flow.alpn.join(", "));
    }
    if flow.ech {
        html.raw(" <span class=\"chip warn\">Encrypted ClientHello</span>");
    }
    if let Some(ja4) = &flow.ja4 {
        html.raw("<br><small>JA4 <code>").name(ja4).raw("</code></small>");
    }
}

/// Bytes over time, as far as revisions tell.
fn growth(html: &mut Html, told: &Told) {
    let points: Vec<(i64, u64)> =
        told.revisions.iter().map(|((_, time), (out, _))| (time.as_nanos(), *out)).collect();
    let (Some(first), Some(last)) = (told.revisions.first_key_value(), told.revisions.last_key_value())
    else {
        return;
    };
    if points.len() < 2 {
        return;
    }
    let said = format!(
        "Bytes sent, from {} at {} to {} at {}, in {}",
        size(first.1.0),
        words::moment(first.0.1),
        size(last.1.0),
        words::moment(last.0.1),
        many(points.len() as u64, "revision")
    );
    html.raw("<figure class=\"growth\"><figcaption>").text(&said).raw("</figcaption>");
    chart::steps(html, &points, &said);
    html.raw("</figure>");
}

fn why(html: &mut Html, alert: &Story) {
    html.raw("<h4>Why this is an alert</h4><ul class=\"why\">");
    for (code, text) in &alert.reasons {
        html.raw("<li>").text(text).raw(" <code>").text(code).raw("</code>");
        match story::cap(code) {
            Some(Confidence::Low) => {
                _ = html.raw(" <span class=\"chip plain\">caps confidence at low</span>")
            }
            Some(_) => _ = html.raw(" <span class=\"chip plain\">caps confidence at medium</span>"),
            None => {}
        }
        html.raw("</li>");
    }
    for kind in &alert.degraded {
        html.raw("<li class=\"unseen\">Meanwhile not everything could be seen: <code>").name(kind);
        html.raw("</code>, see <a href=\"#unseen\">what could not be seen</a></li>");
    }
    html.raw("</ul>");
}

fn evidence(html: &mut Html, alert: &Story) {
    if alert.reads.is_empty() {
        return;
    }
    let count = alert.reads.len() as u64;
    html.raw("<h4>Evidence</h4><div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Reads\"><table class=\"list\"><caption>");
    html.text(&many(count, "read"));
    if alert.reads_omitted > 0 {
        html.text(&format!("; {} more are not in the record", alert.reads_omitted));
    }
    html.raw("</caption><thead><tr><th scope=\"col\">When</th><th scope=\"col\">File</th><th scope=\"col\">Sets</th>");
    html.raw("<th scope=\"col\">By</th><th scope=\"col\">Known by</th></tr></thead><tbody>");
    for read in &alert.reads {
        html.raw("<tr><td class=\"when\">").text(&read.time.map(words::fine_clock).unwrap_or_default());
        html.raw("</td><td class=\"file\">").whole(&read.path).raw("</td><td>").name(&read.sets.join(", "));
        html.raw("</td><td>").name(words::process_name(&read.process));
        if let Some(pid) = read.process.pid {
            html.raw(" <small>pid ").show(pid).raw("</small>");
        }
        html.raw("</td><td>").raw(match read.evidence.as_str() {
            "open" => "opening it",
            "argv" => "the command line",
            "taint" => "what it was made from",
            _ => "other evidence",
        });
        html.raw("</td></tr>");
    }
    html.raw("</tbody></table></div>");
}

fn facts(html: &mut Html, told: &Told) {
    let alert = &told.latest;
    html.raw("<h4>For the record</h4><dl class=\"facts\"><dt>Alert</dt><dd><code>")
        .name(&alert.id)
        .raw("</code>, ");
    html.text(&format!("revision {}, {}", alert.revision, many(told.revisions.len() as u64, "record")));
    html.text(&format!(", {} of read and upload", many(alert.count, "completed pair"))).raw("</dd>");
    for rule in &alert.rules {
        html.raw("<dt>Rule</dt><dd><code>").name(&rule.id).raw("</code> ").name(&rule.name);
        html.raw(" <small>version ").name(&rule.version).raw(", ").name(&rule.severity).raw("</small></dd>");
    }
    for (id, name) in &alert.techniques {
        html.raw("<dt>MITRE ATT&amp;CK</dt><dd><code>").name(id).raw("</code> ").name(name).raw("</dd>");
    }
    if let Some(service) = &alert.service {
        html.raw("<dt>Service</dt><dd>").name(service);
        if let Some(category) = &alert.category {
            html.raw(" (").name(category).raw(")");
        }
        html.raw("</dd>");
    }
    html.raw("<dt>Tenant</dt><dd>").name(alert.tenant.as_deref().unwrap_or("not visible")).raw(", ");
    html.raw(story::tenant_words(&alert.tenant_verdict)).raw("</dd>");
    html.raw("<dt>User</dt><dd>").name(&words::user(alert)).raw(" (").name(&alert.user_id).raw(")</dd>");
    html.raw("<dt>Attribution</dt><dd>").name(&alert.attribution.replace('_', " ")).raw("</dd>");
    if let (Some(start), Some(end)) = (alert.window.0, alert.window.1) {
        html.raw("<dt>Window</dt><dd>").text(&words::range(start, end));
        html.text(&format!(" of {} allowed", words::lasting(alert.window.2.saturating_mul(1_000_000_000))));
        html.raw("</dd>");
    }
    if let Some(hash) = &alert.uploader.cdhash {
        html.raw("<dt>Code hash</dt><dd><code>").name(hash).raw("</code></dd>");
    }
    html.raw("<dt>Configuration</dt><dd><code>").name(&alert.config_hash).raw("</code></dd></dl>");
}
