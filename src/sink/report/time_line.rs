//! All alerts and blind spots on one axis of time.

use crate::model::{Severity, Timestamp};

use super::chart::number;
use super::html::Html;
use super::words::{self, many};
use super::{Report, Told, story};

const WIDTH: f64 = 1000.0;
const LEFT: f64 = 84.0;
const RIGHT: f64 = 24.0;
const LANE: f64 = 26.0;
/// Blind spots drawn; those beyond are in the table.
const MAX_DRAWN: usize = 500;

struct Axis {
    from: i64,
    long: f64,
}

impl Axis {
    fn x(&self, time: Timestamp) -> f64 {
        let at = (time.as_nanos().saturating_sub(self.from)) as f64 / self.long;
        LEFT + at.clamp(0.0, 1.0) * (WIDTH - LEFT - RIGHT)
    }
}

pub fn figure(html: &mut Html, report: &Report, alerts: &[&Told]) {
    let Some((from, to)) = report.span() else { return };
    let axis =
        Axis { from: from.as_nanos(), long: (to.as_nanos().saturating_sub(from.as_nanos())).max(1) as f64 };
    let lanes = lanes(alerts);
    let blind = !report.blind.is_empty();
    let bottom = LANE * (lanes.len() + usize::from(blind)) as f64 + 6.0;
    let size = format!("0 0 {WIDTH} {}", bottom + 26.0);
    let label = format!(
        "Time line from {} to {}: {}, {}",
        words::moment(from),
        words::moment(to),
        many(alerts.len() as u64, "alert"),
        many(report.blind.len() as u64, "blind spot")
    );
    html.raw("<figure class=\"timeline\">");
    html.tag("svg", &[("viewBox", &size), ("role", "group"), ("aria-label", &label)], |html| {
        ticks(html, &axis, to, bottom);
        for (index, severity) in lanes.iter().enumerate() {
            let y = LANE * index as f64 + LANE / 2.0 + 3.0;
            lane(html, words::severity(*severity), y);
            let own = alerts.iter().enumerate().filter(|(_, told)| told.latest.severity == *severity);
            own.for_each(|(index, told)| mark(html, &axis, index + 1, told, y));
        }
        if blind {
            let y = LANE * lanes.len() as f64 + LANE / 2.0 + 3.0;
            lane(html, "not seen", y);
            for blind in report.blind.values().take(MAX_DRAWN) {
                let (left, right) = (axis.x(blind.start), axis.x(blind.end));
                let (x, y, width) = (number(left), number(y - 7.0), number((right - left).max(4.0)));
                let place = [("class", "unseen"), ("x", &*x), ("y", &y), ("width", &width), ("height", "14")];
                html.tag("rect", &place, |html| {
                    html.tag("title", &[], |html| {
                        _ = html.text_only(&format!("{}: {}", blind.kind, blind.text))
                    });
                });
            }
        }
    });
    html.raw("</figure>");
}

/// The severities that occur, the highest first.
fn lanes(alerts: &[&Told]) -> Vec<Option<Severity>> {
    let mut lanes: Vec<_> = alerts.iter().map(|told| told.latest.severity).collect();
    lanes.sort_unstable();
    lanes.dedup();
    lanes.reverse();
    lanes
}

fn lane(html: &mut Html, name: &str, y: f64) {
    let (middle, text) = (number(y), number(y + 4.0));
    let (left, right) = (number(LEFT), number(WIDTH - RIGHT));
    html.shape("line", &[("class", "lane"), ("x1", &left), ("x2", &right), ("y1", &middle), ("y2", &middle)]);
    html.tag("text", &[("class", "lane-name"), ("x", "4"), ("y", &text)], |html| _ = html.text_only(name));
}

/// A span from read to upload, and the moment of the alert; leads to its story.
fn mark(html: &mut Html, axis: &Axis, number_of: usize, told: &Told, y: f64) {
    let story = &told.latest;
    let (href, class) = (format!("#a{number_of}"), format!("mark {}", words::severity(story.severity)));
    let (start, end) = (axis.x(story.window.0.unwrap_or(story.time)), axis.x(story.time));
    let said = format!("{}, {}", story::headline(story), words::moment(story.time));
    html.tag("a", &[("href", &href), ("class", &class)], |html| {
        html.tag("title", &[], |html| _ = html.text_only(&said));
        let (x1, x2, y) = (number(start), number(end), number(y));
        html.shape("line", &[("x1", &x1), ("x2", &x2), ("y1", &y), ("y2", &y)]);
        html.shape("circle", &[("cx", &x2), ("cy", &y), ("r", "6")]);
    });
}

/// Lengths of time that people count in, in seconds.
const STEPS: [f64; 26] = [
    0.001,
    0.005,
    0.01,
    0.05,
    0.1,
    0.5,
    1.0,
    2.0,
    5.0,
    10.0,
    30.0,
    60.0,
    120.0,
    300.0,
    600.0,
    1_800.0,
    3_600.0,
    7_200.0,
    10_800.0,
    21_600.0,
    43_200.0,
    86_400.0,
    172_800.0,
    604_800.0,
    2_592_000.0,
    7_776_000.0,
];

fn ticks(html: &mut Html, axis: &Axis, to: Timestamp, bottom: f64) {
    let seconds = axis.long / 1e9;
    let step = STEPS.into_iter().find(|step| seconds / step <= 7.0).unwrap_or(seconds / 6.0);
    let nanos = ((step * 1e9) as i64).max(1);
    let mut at = axis.from.div_euclid(nanos).saturating_add(1).saturating_mul(nanos);
    for _ in 0..10 {
        if at > to.as_nanos() {
            break;
        }
        let time = Timestamp::from_nanos(at);
        let (x, low, text) = (number(axis.x(time)), number(bottom), number(bottom + 16.0));
        html.shape("line", &[("class", "tick"), ("x1", &x), ("x2", &x), ("y1", "2"), ("y2", &low)]);
        let place = [("class", "tick-name"), ("x", &*x), ("y", &text), ("text-anchor", "middle")];
        html.tag("text", &place, |html| _ = html.text_only(&tick(time, step)));
        let Some(next) = at.checked_add(nanos) else { break };
        at = next;
    }
}

fn tick(time: Timestamp, step: f64) -> String {
    match step {
        ..1.0 => words::fine_clock(time),
        1.0..60.0 => words::clock(time),
        60.0..86_400.0 => format!(
            "{} {}",
            words::date(time).rsplit_once(' ').map_or("", |(day, _)| day),
            &words::clock(time)[..5]
        ),
        _ => words::date(time),
    }
}
