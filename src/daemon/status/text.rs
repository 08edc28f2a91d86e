//! The status for people.

use std::fmt::Write;

use super::{Status, Table};

/// Cells of the bar that shows how full a table is.
const CELLS: u64 = 20;

/// The status as a block of lines.
pub fn text(status: &Status) -> String {
    let mut out = String::new();
    let Status { version, pid, started, uptime_seconds, .. } = status;
    _ = writeln!(out, "cloudward {version}, pid {pid}, up {} (since {started})", lasting(*uptime_seconds));
    configuration(&mut out, status);
    sensors(&mut out, status);
    out += "\ntables\n";
    status.tables.iter().for_each(|table| _ = writeln!(out, "  {}", occupancy(table)));
    out += "\nsince the start\n";
    for row in status.totals.chunks(4) {
        let row: Vec<String> =
            row.iter().map(|total| format!("{:<16} {:<9}", total.name, total.count)).collect();
        _ = writeln!(out, "  {}", row.join(" ").trim_end());
    }
    outputs(&mut out, status);
    out += "\nlast alerts\n";
    if status.last_alerts.is_empty() {
        out += "  none\n";
    }
    status.last_alerts.iter().for_each(|alert| _ = writeln!(out, "  {alert}"));
    out
}

fn configuration(out: &mut String, status: &Status) {
    let own = &status.configuration;
    let file = own.file.as_deref().unwrap_or("built in");
    _ = writeln!(out, "configuration {} ({file}), in force since {}", own.hash, own.since);
    if let Some(why) = &own.rejected {
        _ = writeln!(out, "  A NEWER ONE WAS REFUSED:");
        why.lines().for_each(|line| _ = writeln!(out, "    {line}"));
    }
    for value in own.values.iter().filter(|value| !value.builtin) {
        let equals = if value.value.is_empty() { "" } else { " = " };
        _ = writeln!(out, "  {}{equals}{}  ({})", value.key, value.value, value.origin);
    }
}

fn sensors(out: &mut String, status: &Status) {
    *out += "\nsensors\n";
    for sensor in &status.sensors {
        let mark = if sensor.well { "ok   " } else { "BLIND" };
        _ = writeln!(
            out,
            "  {mark} {:<18} {:>8.1}/s  heard {}, lost {}  {}",
            sensor.name, sensor.per_second, sensor.heard, sensor.lost, sensor.state
        );
    }
}

fn outputs(out: &mut String, status: &Status) {
    *out += "\noutputs\n";
    if status.outputs.is_empty() {
        *out += "  standard output\n";
    }
    for output in &status.outputs {
        _ = write!(
            out,
            "  {:<18} {:<13} {}, sent {}, {} waiting ({} bytes), {} failures",
            output.name,
            output.kind,
            output.state,
            output.sent,
            output.spooled,
            output.spooled_bytes,
            output.failures
        );
        if output.refused > 0 {
            _ = write!(out, ", {} REFUSED for good by the receiver", output.refused);
        }
        out.push('\n');
        if let Some(error) = &output.last_error {
            _ = writeln!(out, "    last error: {error}");
        }
    }
}

fn occupancy(table: &Table) -> String {
    let limit = table.limit.max(1);
    let full = (table.used.min(limit) * CELLS).div_ceil(limit);
    let bar: String = (0..CELLS).map(|cell| if cell < full { '#' } else { '.' }).collect();
    let percent = table.used as f64 * 100.0 / limit as f64;
    format!("{:<16} {bar} {:>5.1} %  {} of {}", table.name, percent, table.used, table.limit)
}

fn lasting(seconds: u64) -> String {
    match seconds {
        0..=59 => format!("{seconds} s"),
        60..=3599 => format!("{} min {} s", seconds / 60, seconds % 60),
        3600..=86_399 => format!("{} h {} min", seconds / 3600, seconds / 60 % 60),
        _ => format!("{} d {} h", seconds / 86_400, seconds / 3600 % 24),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::daemon::status::{Configuration, Output, Sensor, Value};

    #[test]
    fn says_first_what_is_wrong() {
        let values =
            [("window.default", "\"30m\"", "a.toml:3:1", false), ("upload.unknown", "\"record\"", "x", true)];
        let value = |(key, value, origin, builtin): (&str, &str, &str, bool)| Value {
            key: key.into(),
            value: value.into(),
            origin: origin.into(),
            builtin,
        };
        let status = Status {
            uptime_seconds: 90_061,
            sensors: vec![Sensor { name: "eslogger".into(), state: "no root".into(), ..Sensor::default() }],
            tables: vec![Table { name: "processes".into(), used: 1, limit: 65_536 }],
            configuration: Configuration {
                rejected: Some("a.toml:1:1: error: no\nsecond".into()),
                values: values.map(value).to_vec(),
                ..Configuration::default()
            },
            ..Status::default()
        };
        let said = text(&status);
        for part in [
            "up 1 d 1 h",
            "A NEWER ONE WAS REFUSED:\n    a.toml:1:1: error: no\n    second",
            "window.default = \"30m\"  (a.toml:3:1)",
            "BLIND eslogger",
            "processes        #...................   0.0 %  1 of 65536",
        ] {
            assert!(said.contains(part), "{part}\n{said}");
        }
        assert!(!said.contains("upload.unknown"));
    }

    #[test]
    fn what_a_receiver_refused_does_not_look_delivered() {
        let well = Output {
            name: "siem".into(),
            kind: "elasticsearch".into(),
            state: "idle".into(),
            sent: 3,
            ..Output::default()
        };
        let refused = Output { name: "http".into(), kind: "http".into(), refused: 2, ..well.clone() };
        let said = text(&Status { outputs: vec![well, refused], ..Status::default() });
        assert!(
            said.contains("siem               elasticsearch idle, sent 3, 0 waiting (0 bytes), 0 failures\n"),
            "{said}"
        );
        assert!(
            said.contains("http          idle, sent 3, 0 waiting (0 bytes), 0 failures, 2 REFUSED for good"),
            "{said}"
        );
    }
}
