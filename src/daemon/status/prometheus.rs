//! The status in the text format of Prometheus (0.0.4), for `--prometheus` and a collector of text files.

use std::fmt::{Display, Write};

use super::Status;

/// Every figure as a sample.
pub fn prometheus(status: &Status) -> String {
    let mut out = Samples(String::new());
    out.family("info", "gauge", "What runs; the value is always 1.");
    out.sample("info", &[("version", &status.version), ("config", &status.configuration.hash)], 1);
    out.family("uptime_seconds", "counter", "Since the daemon started.");
    out.sample("uptime_seconds", &[], status.uptime_seconds);
    out.family("config_rejected", "gauge", "1 while a newer configuration is refused.");
    out.sample("config_rejected", &[], u8::from(status.configuration.rejected.is_some()));
    let sensors = &status.sensors;
    out.family("sensor_up", "gauge", "1 while the sensor sees what it should.");
    sensors.iter().for_each(|it| out.sample("sensor_up", &[("sensor", &it.name)], u8::from(it.well)));
    out.family("sensor_heard_total", "counter", "Events or packets that the sensor was given.");
    sensors.iter().for_each(|it| out.sample("sensor_heard_total", &[("sensor", &it.name)], it.heard));
    out.family("sensor_lost_total", "counter", "Events or packets known to be lost.");
    sensors.iter().for_each(|it| out.sample("sensor_lost_total", &[("sensor", &it.name)], it.lost));
    out.family("table_used", "gauge", "Entries of a bounded table.");
    status.tables.iter().for_each(|it| out.sample("table_used", &[("table", &it.name)], it.used));
    out.family("table_limit", "gauge", "What the table never holds more than.");
    status.tables.iter().for_each(|it| out.sample("table_limit", &[("table", &it.name)], it.limit));
    out.family("events_total", "counter", "Totals since the start, by what they count.");
    status.totals.iter().for_each(|it| out.sample("events_total", &[("kind", &it.name)], it.count));
    out.family("output_sent_total", "counter", "Records given to an output.");
    status.outputs.iter().for_each(|it| out.sample("output_sent_total", &[("output", &it.name)], it.sent));
    out.family("output_spooled", "gauge", "Records that wait on disk for an output.");
    status.outputs.iter().for_each(|it| out.sample("output_spooled", &[("output", &it.name)], it.spooled));
    out.family("output_failures_total", "counter", "Failed tries of an output.");
    status
        .outputs
        .iter()
        .for_each(|it| out.sample("output_failures_total", &[("output", &it.name)], it.failures));
    out.family("output_refused_total", "counter", "Records that a receiver refused for good.");
    status
        .outputs
        .iter()
        .for_each(|it| out.sample("output_refused_total", &[("output", &it.name)], it.refused));
    out.0
}

struct Samples(String);

impl Samples {
    fn family(&mut self, name: &str, kind: &str, help: &str) {
        _ = writeln!(self.0, "# HELP cloudward_{name} {help}\n# TYPE cloudward_{name} {kind}");
    }

    fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: impl Display) {
        let labels: Vec<String> =
            labels.iter().map(|(key, value)| format!("{key}=\"{}\"", escaped(value))).collect();
        let labels = if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
        _ = writeln!(self.0, "cloudward_{name}{labels} {value}");
    }
}

/// As the format asks: backslash, quote and line feed.
fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::daemon::status::{Output, Table};

    #[test]
    fn every_line_is_a_comment_or_a_sample() {
        let status = Status {
            tables: vec![Table { name: "chains".into(), used: 3, limit: 4096 }],
            outputs: vec![Output { name: "a\"b\\c\nd".into(), spooled: 7, ..Output::default() }],
            ..Status::default()
        };
        let text = prometheus(&status);
        assert!(text.contains("cloudward_table_used{table=\"chains\"} 3\n"), "{text}");
        assert!(text.contains("cloudward_output_spooled{output=\"a\\\"b\\\\c\\nd\"} 7\n"), "{text}");
        for line in text.lines().filter(|line| !line.starts_with("# ")) {
            let (name, value) = line.rsplit_once(' ').unwrap();
            assert!(name.starts_with("cloudward_") && value.parse::<f64>().is_ok(), "{line}");
        }
    }
}
