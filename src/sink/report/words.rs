//! Times, sizes and names as people read them.

use crate::model::{Confidence, Severity, Timestamp};

use super::record::{Process, Story};

/// `22 Nov 2026`
pub fn date(time: Timestamp) -> String {
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let text = time.to_string();
    let part = |from: usize, to: usize| text.get(from..to).unwrap_or_default();
    let month = part(5, 7).parse::<usize>().ok().and_then(|month| MONTHS.get(month - 1)).copied();
    format!("{} {} {}", part(8, 10).trim_start_matches('0'), month.unwrap_or_default(), part(0, 4))
}

/// `13:45:27`
pub fn clock(time: Timestamp) -> String {
    time.to_string().get(11..19).unwrap_or_default().to_owned()
}

/// `13:45:27.639`
pub fn fine_clock(time: Timestamp) -> String {
    time.to_string().get(11..23).unwrap_or_default().to_owned()
}

/// `22 Nov 2026, 13:45:27 UTC`
pub fn moment(time: Timestamp) -> String {
    format!("{}, {} UTC", date(time), clock(time))
}

/// From one moment to another, without saying the day twice.
pub fn range(from: Timestamp, to: Timestamp) -> String {
    if clock(from) == clock(to) && date(from) == date(to) {
        moment(to)
    } else if date(from) == date(to) {
        format!("{}, {} to {} UTC", date(from), clock(from), clock(to))
    } else {
        format!("{} to {}", moment(from), moment(to))
    }
}

/// `2.1 s`, `4 min 10 s`, `3 h 5 min`
pub fn lasting(nanos: u64) -> String {
    let seconds = nanos / 1_000_000_000;
    match seconds {
        0 => format!("{} ms", nanos / 1_000_000),
        1..=59 => format!("{:.1} s", nanos as f64 / 1e9),
        60..=3599 => two(seconds / 60, "min", seconds % 60, "s"),
        3600..=86_399 => two(seconds / 3600, "h", seconds / 60 % 60, "min"),
        _ => two(seconds / 86_400, "d", seconds / 3600 % 24, "h"),
    }
}

fn two(big: u64, unit: &str, small: u64, small_unit: &str) -> String {
    if small == 0 { format!("{big} {unit}") } else { format!("{big} {unit} {small} {small_unit}") }
}

/// `1 alert`, `2 alerts`
pub fn many(count: u64, one: &str) -> String {
    match count {
        1 => format!("1 {one}"),
        _ if one.ends_with('y') && !one.ends_with("ay") => format!("{count} {}ies", &one[..one.len() - 1]),
        _ => format!("{count} {one}s"),
    }
}

/// `a`, `a and b`, `a, b and c`
pub fn listed(items: &[String]) -> String {
    match items {
        [] => String::new(),
        [one] => one.clone(),
        [head @ .., last] => format!("{} and {last}", head.join(", ")),
    }
}

/// The last component of a path.
pub fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// The program's name, and its script's where it runs one.
pub fn process_name(process: &Process) -> &str {
    let name = file_name(&process.path);
    if name.is_empty() { "a process" } else { name }
}

/// Who signed it, in a few words; and whether that is something to trust.
pub fn identity(process: &Process) -> (String, bool) {
    let id = process.signing_id.as_deref();
    let named = |words: &str| id.map_or_else(|| words.to_owned(), |id| format!("{words}, calls itself {id}"));
    match process.signature.as_deref() {
        Some("invalidated") => (named("signature no longer valid"), false),
        Some("invalid") => (named("invalid signature"), false),
        Some("ad-hoc") => (named("ad-hoc signed"), false),
        Some("unsigned") => ("unsigned".to_owned(), false),
        Some("account") => ("an account of the cloud, known from its audit log".to_owned(), true),
        _ if process.platform => (format!("part of macOS, {}", id.unwrap_or("no identifier")), true),
        _ => match (id, process.team_id.as_deref()) {
            (Some(id), Some(team)) => (format!("{id}, team {team}"), true),
            (Some(id), None) => (format!("{id}, no team"), false),
            (None, _) => ("identity not in the record".to_owned(), false),
        },
    }
}

/// Where the data went, as briefly as it is known.
pub fn place(story: &Story) -> String {
    let flow = story.flows.first();
    let host = flow.and_then(|flow| flow.domain.clone());
    host.or_else(|| story.service.clone())
        .or_else(|| flow.map(|flow| flow.server.clone()))
        .unwrap_or_else(|| "an unknown place".to_owned())
}

/// The login name, or the number.
pub fn user(story: &Story) -> String {
    match &story.user_name {
        Some(name) => name.clone(),
        None if story.user_id.is_empty() => "unknown user".to_owned(),
        None => format!("user {}", story.user_id),
    }
}

pub fn severity(severity: Option<Severity>) -> &'static str {
    severity.map_or("unrated", Severity::as_str)
}

pub fn confidence(confidence: Option<Confidence>) -> &'static str {
    confidence.map_or("unknown", Confidence::as_str)
}

/// Every set that any read is in, in the order of the record.
pub fn sets(story: &Story) -> Vec<String> {
    let mut sets: Vec<String> = Vec::new();
    for set in story.reads.iter().flat_map(|read| &read.sets) {
        if !sets.contains(set) {
            sets.push(set.clone());
        }
    }
    sets
}

/// The script that runs, its own or that of its nearest ancestor with one.
pub fn script(story: &Story) -> Option<(&Process, &str)> {
    let all = std::iter::once(&story.uploader).chain(&story.chain);
    all.filter_map(|process| Some((process, process.script.as_deref()?))).next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_counts_and_lists_for_people() {
        let of = [900_000_000, 2_050_000_000, 250_000_000_000, 11_100_000_000_000, 172_800_000_000_000];
        assert_eq!(of.map(lasting), ["900 ms", "2.0 s", "4 min 10 s", "3 h 5 min", "2 d"]);
        assert_eq!(
            [many(1, "alert"), many(0, "alert"), many(2, "query")],
            ["1 alert", "0 alerts", "2 queries"]
        );
        assert_eq!(listed(&["a".into(), "b".into(), "c".into()]), "a, b and c");
    }

    #[test]
    fn moments() {
        let time = |text: &str| Timestamp::parse(text.as_bytes()).unwrap();
        let (a, b) = (time("2026-11-02T13:45:27.6Z"), time("2026-11-02T14:00:00Z"));
        assert_eq!(moment(a), "2 Nov 2026, 13:45:27 UTC");
        assert_eq!(range(a, b), "2 Nov 2026, 13:45:27 to 14:00:00 UTC");
        assert_eq!(range(a, a), "2 Nov 2026, 13:45:27 UTC");
    }
}
