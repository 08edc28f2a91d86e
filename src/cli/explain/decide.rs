//! The verdict, which the engine gives, and the lines that it comes from.

use crate::config::Settings;
use crate::config::suite::Verdict;
use crate::model::{Alert, ReasonCode, Span};
use crate::policy::{Rule, Sense};

use super::parts::{Cited, Destination, Entry, ServiceAnswer, SetAnswer, VerdictAnswer, cited};
use super::rules;
use super::story::Played;
use super::who::Question;

/// What the engine said of the story, with the lines that decide.
pub fn verdict(
    settings: &Settings,
    question: &Question,
    sets: &[SetAnswer],
    destination: &Destination,
    played: &Played,
) -> VerdictAnswer {
    let outcome = &played.watched;
    let word = outcome.verdict().map_or("ALERT", Verdict::as_str);
    match outcome.alerts.first() {
        Some(alert) => alerted(word, sets, destination, alert, played.bytes),
        None => {
            let unseen = !played.whole.alerts.is_empty();
            let (sentence, decided_by) = match unseen {
                true => (unwatched(&question.sensors), Vec::new()),
                false => why_quiet(settings, question, sets, destination),
            };
            VerdictAnswer {
                verdict: word,
                seen: !unseen && sets.iter().any(SetAnswer::holds),
                sentence,
                severity: None,
                confidence: None,
                reasons: outcome.coverage.iter().map(|record| record.text.clone()).collect(),
                decided_by,
            }
        }
    }
}

fn alerted(
    word: &'static str,
    sets: &[SetAnswer],
    destination: &Destination,
    alert: &Alert,
    least: u64,
) -> VerdictAnswer {
    let guilty: Vec<&SetAnswer> =
        sets.iter().filter(|set| set.holds() && set.excused_by().is_none()).collect();
    let at_once = matches!(destination, Destination::Service(service) if service.name.starts_with('/'));
    let sentence = if at_once {
        "seen, and it alerts at once".to_owned()
    } else {
        let window = alert.window.2;
        format!("seen, and it alerts when {} or more leave within {window} of the read", bytes(least))
    };
    let mut decided_by: Vec<Cited> =
        guilty.iter().map(|set| entry_line("sensitive", &set.name, &set.pattern)).collect();
    match destination {
        Destination::Service(service) => {
            let list = if service.name.starts_with('/') { "sync_root" } else { "service" };
            decided_by.push(entry_line(list, &service.service, &service.pattern));
        }
        Destination::Nameless { unknown, .. } => decided_by.push(unknown.clone()),
        Destination::Elsewhere { .. } | Destination::Folder { .. } => {}
    }
    // The entry that comes nearest, where one thing more would have let it through.
    let nearly = guilty.iter().flat_map(|set| &set.sending).filter(|entry| entry.failed.len() == 1);
    let is_of_another = |entry: &&Entry| match entry.failed[0].text.as_str() {
        "process" => 2,
        "cdhash" => 1,
        _ => 0,
    };
    let near = nearly.min_by_key(is_of_another);
    decided_by.extend(near.map(|entry| {
        let failed = &entry.failed[0];
        let text = format!("[[allow]] \"{}\" had it not failed on {}", entry.name, failed.text);
        Cited { text, at: failed.at.clone() }
    }));
    decided_by.dedup();
    VerdictAnswer {
        verdict: word,
        seen: true,
        sentence,
        severity: Some(alert.severity.as_str()),
        confidence: Some(alert.confidence.as_str()),
        reasons: reasons(alert),
        decided_by,
    }
}

/// It would alert if more were watched.
fn unwatched(watched: &[Sense]) -> String {
    let missing = Sense::ALL.into_iter().filter(|sense| !watched.contains(sense)).map(rules::called);
    format!("not seen: no {}; if they were watched it would alert", missing.collect::<Vec<_>>().join(", no "))
}

/// What the alert would say, but for how much was sent: here nothing is.
fn reasons(alert: &Alert) -> Vec<String> {
    let told = alert.reasons.iter().filter(|reason| reason.code != ReasonCode::Uploaded);
    told.map(|reason| format!("{} ({})", reason.text, reason.code.as_str())).collect()
}

/// Why there is no alert: the first thing on the way from read to upload that says so.
fn why_quiet(
    settings: &Settings,
    question: &Question,
    sets: &[SetAnswer],
    destination: &Destination,
) -> (String, Vec<Cited>) {
    let held: Vec<&SetAnswer> = sets.iter().filter(|set| set.holds()).collect();
    if held.is_empty() {
        let line = |set: &SetAnswer| Some(entry_line("sensitive", &set.name, set.excluded.as_ref()?));
        let excluded: Vec<Cited> = sets.iter().filter_map(line).collect();
        let sentence = match excluded.is_empty() {
            true => "not sensitive: no pattern of any set matches the file",
            false => "not sensitive: its set leaves the file out",
        };
        return (sentence.to_owned(), excluded);
    }
    if question.path == question.program.path || Some(&question.path) == question.script.as_ref() {
        return ("a program that reads its own code reads nothing sensitive".to_owned(), Vec::new());
    }
    if let Some(excused) = held.iter().map(|set| set.excused_by()).collect::<Option<Vec<&Entry>>>() {
        return ("no sensitive read: an allow entry excuses it".to_owned(), entries(excused));
    }
    let guilty: Vec<&SetAnswer> = held.into_iter().filter(|set| set.excused_by().is_none()).collect();
    match destination {
        Destination::Folder { .. } => {
            ("the read is seen; no client synchronises that folder".to_owned(), Vec::new())
        }
        Destination::Elsewhere { except: Some(except), .. } => (
            "the read is seen; the service leaves that name out".to_owned(),
            vec![Cited { text: format!("except \"{}\"", except.text), at: except.at.clone() }],
        ),
        Destination::Elsewhere { .. } => (
            "the read is seen; the host is no cloud service that the configuration knows".to_owned(),
            Vec::new(),
        ),
        Destination::Nameless { unknown, .. } => {
            ("the read is seen; the destination has no name".to_owned(), vec![unknown.clone()])
        }
        Destination::Service(service) if service.own_client => (
            "the folder's own client wrote it: it came from the cloud".to_owned(),
            vec![entry_line("sync_root", &service.service, &service.pattern)],
        ),
        Destination::Service(service) if !service.upload => {
            let place = settings.place_of_key("service", &service.service, "upload");
            (
                "the read is seen; nothing is uploaded to that name".to_owned(),
                vec![cited("upload = false", place)],
            )
        }
        Destination::Service(service) => {
            match guilty.iter().map(|set| set.permitted_by()).collect::<Option<Vec<_>>>() {
                Some(permitted) => {
                    ("seen, and an allow entry lets it through".to_owned(), entries(permitted))
                }
                None => no_time(settings, &guilty, service).unwrap_or_else(|| (no_rule(service), Vec::new())),
            }
        }
    }
}

/// Nothing that is sent comes within no time.
fn no_time(
    settings: &Settings,
    guilty: &[&SetAnswer],
    service: &ServiceAnswer,
) -> Option<(String, Vec<Cited>)> {
    let policy = &settings.policy;
    let guilty = guilty.iter().filter(|set| set.permitted_by().is_none());
    let window = |set: &SetAnswer| {
        let id = policy.set_named(&set.name)?;
        let default = || settings.provenance.iter().find(|value| value.key == "window.default");
        let at = settings.place_of_key("sensitive", &set.name, "window");
        let at = at.or_else(|| default().map(|value| &value.at));
        (policy.set(id).window == Span::ZERO).then(|| cited("window = \"0s\"", at))
    };
    if let Some(mut windows) = guilty.map(|set| window(set)).collect::<Option<Vec<_>>>() {
        windows.dedup();
        return Some((
            "seen, and not allowed, but the window after the read has no length".to_owned(),
            windows,
        ));
    }
    let speaks = |rule: &&Rule| rules::speaks_of_uploads_to(rule, policy, &service.service);
    let line = |rule: &Rule| {
        let text = format!("[[rule]] \"{}\": within = \"0s\"", rule.id);
        rule.waits_for_nothing().then(|| cited(text, settings.place_of("rule", &rule.id)))
    };
    let hasty: Vec<Cited> = policy.rules.iter().filter(speaks).map(line).collect::<Option<_>>()?;
    let sentence = "seen, and not allowed, but the rule for it gives a step no time after the one before";
    (!hasty.is_empty()).then(|| (sentence.to_owned(), hasty))
}

fn no_rule(service: &ServiceAnswer) -> String {
    format!(
        "seen, and not allowed, but no rule speaks of uploads to services of the category {}",
        service.category
    )
}

fn entries(entries: Vec<&Entry>) -> Vec<Cited> {
    let mut cited: Vec<Cited> = entries
        .into_iter()
        .map(|entry| Cited { text: format!("[[allow]] \"{}\"", entry.name), at: entry.at.clone() })
        .collect();
    cited.dedup();
    cited
}

/// A pattern of an entry, as the entry's line.
fn entry_line(list: &str, name: &str, pattern: &Cited) -> Cited {
    Cited { text: format!("[[{list}]] \"{name}\": \"{}\"", pattern.text), at: pattern.at.clone() }
}

/// As configuration writes sizes.
pub fn bytes(bytes: u64) -> String {
    match bytes {
        0..1024 => format!("{bytes} B"),
        _ if bytes.is_multiple_of(1 << 20) => format!("{} MiB", bytes >> 20),
        _ if bytes.is_multiple_of(1024) => format!("{} KiB", bytes >> 10),
        _ => format!("{bytes} B"),
    }
}
