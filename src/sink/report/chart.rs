//! Small drawings: a bar, a stretch of time, totals that grow.

use super::html::Html;

/// One decimal is finer than a screen shows.
pub fn number(value: f64) -> String {
    let text = format!("{value:.1}");
    text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
}

/// How much of the most.
pub fn bar(html: &mut Html, value: u64, most: u64, class: &str) {
    let share = if most == 0 { 0.0 } else { value as f64 / most as f64 * 100.0 };
    // Something is never drawn as nothing.
    let width = number(if value > 0 { share.max(1.5) } else { 0.0 });
    on_a_line(html, &[("class", class), ("width", &width), ("height", "8")]);
}

/// A rectangle on a line that is a hundred wide.
fn on_a_line(html: &mut Html, filled: &[(&'static str, &str)]) {
    let frame = [
        ("class", "barline"),
        ("viewBox", "0 0 100 8"),
        ("preserveAspectRatio", "none"),
        ("aria-hidden", "true"),
    ];
    html.tag("svg", &frame, |html| {
        html.shape("rect", &[("class", "back"), ("width", "100"), ("height", "8")]);
        html.shape("rect", filled);
    });
}

/// From when to when, within a longer span; all in nanoseconds.
pub fn stretch(html: &mut Html, from: i64, to: i64, whole: (i64, i64)) {
    let long = (whole.1 - whole.0).max(1) as f64;
    let left = ((from - whole.0) as f64 / long * 100.0).clamp(0.0, 98.0);
    let width = ((to - from) as f64 / long * 100.0).clamp(2.0, 100.0 - left);
    let (left, width) = (number(left), number(width));
    on_a_line(html, &[("class", "fill"), ("x", &left), ("width", &width), ("height", "8")]);
}

/// Totals at moments: steps up from left to right, the last the highest. Nothing for fewer than two.
pub fn steps(html: &mut Html, points: &[(i64, u64)], label: &str) {
    let (Some(first), Some(last)) = (points.first(), points.last()) else { return };
    let most = points.iter().map(|point| point.1).max().unwrap_or(1).max(1);
    let long = (last.0 - first.0).max(1) as f64;
    let x = |time: i64| (time - first.0) as f64 / long * 560.0 + 20.0;
    let y = |bytes: u64| 92.0 - bytes as f64 / most as f64 * 80.0;
    let mut path = format!("M{},92", number(x(first.0)));
    for (time, bytes) in points {
        path += &format!("H{}V{}", number(x(*time)), number(y(*bytes)));
    }
    path += "V92Z";
    let frame = [("class", "steps"), ("viewBox", "0 0 600 100"), ("role", "img"), ("aria-label", label)];
    html.tag("svg", &frame, |html| {
        html.shape("path", &[("class", "area"), ("d", &path)]);
        html.shape("line", &[("class", "axis"), ("x1", "20"), ("x2", "580"), ("y1", "92"), ("y2", "92")]);
        for (time, bytes) in points {
            let (x, y) = (number(x(*time)), number(y(*bytes)));
            html.shape("circle", &[("class", "dot"), ("cx", &x), ("cy", &y), ("r", "3")]);
        }
    });
}
