//! What several formats say alike: sentences, names, ids and sizes of alerts and coverage records.

use std::fmt::Write;

use sha2::{Digest, Sha256};

use crate::model::{
    Actor, Alert, AlertId, Coverage, FilePath, FlowEvidence, Lossy, NameSource, ProcessEvidence, ProcessKey,
    ReasonCode, SigningState, Timestamp, Transport,
};

/// Who says it.
pub const PRODUCT: &str = "cloudward";
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Stands where a text was cut.
pub const CUT: &str = "[cut]";

/// One sentence or two: what happened.
pub fn message(alert: &Alert) -> String {
    alert.reasons.iter().take(3).map(|reason| reason.text.as_str()).collect::<Vec<_>>().join("; ")
}

/// Every reason.
pub fn why(alert: &Alert) -> String {
    alert.reasons.iter().map(|reason| reason.text.as_str()).collect::<Vec<_>>().join("; ")
}

/// What was done with the data, and where to: one clause. What a command or a cloud's log tells by itself is its own.
pub fn deed(alert: &Alert) -> String {
    if let Some(handed) = handed_over(alert) {
        return handed.to_owned();
    }
    let host = alert.flows.iter().find_map(|flow| flow.domain.as_ref().map(ToString::to_string));
    let place = host.or_else(|| alert.service.as_deref().map(ToOwned::to_owned));
    let place = place.as_deref().unwrap_or("an unknown place");
    let name = actor_name(&alert.uploader);
    match alert.bytes_out {
        0 => format!("{name} put files up to {place}"),
        bytes => format!("{name} sent {} to {place}", size(bytes)),
    }
}

/// The sentence about data that was handed over without a read of a file here.
pub fn handed_over(alert: &Alert) -> Option<&str> {
    let untold = alert.reads.is_empty() || alert.uploader.account().is_some();
    let mut reasons = alert.reasons.iter().filter(|_| untold);
    reasons.find(|reason| reason.code == ReasonCode::ControlPlane).map(|reason| reason.text.as_str())
}

/// The codes of an alert's reasons, in their order.
pub fn reason_codes(alert: &Alert) -> String {
    alert.reasons.iter().map(|reason| reason.code.as_str()).collect::<Vec<_>>().join(" ")
}

/// The ids of all rules, where one alone does not say it.
pub fn several_rules(alert: &Alert) -> Option<String> {
    let ids: Vec<&str> = alert.rules.iter().map(|rule| &*rule.id).collect();
    (ids.len() > 1).then(|| ids.join(" "))
}

/// Techniques of every rule that fired, each once, sorted.
pub fn techniques(alert: &Alert) -> Vec<&str> {
    let mut ids: Vec<&str> =
        alert.rules.iter().flat_map(|rule| rule.techniques.iter().map(|id| &**id)).collect();
    ids.sort_unstable();
    ids.dedup();
    ids
}

/// Stable name of a process image on this Mac since boot: the pid with its version.
pub fn entity(key: ProcessKey) -> String {
    format!("{}-{}", key.pid.0, key.version)
}

pub fn file_name(path: &FilePath) -> String {
    Lossy(path.file_name()).to_string()
}

pub fn process_name(process: &ProcessEvidence) -> String {
    file_name(&process.info.program.path)
}

/// Who did it: the program's name, or the account's.
pub fn actor_name(actor: &Actor) -> String {
    match actor {
        Actor::Process(process) => process_name(process),
        Actor::Account(account) => account.name().to_owned(),
    }
}

/// On whose behalf: the login name, the number, or the account of the cloud.
pub fn user(alert: &Alert) -> String {
    match (&alert.uploader, &alert.user_name, alert.user) {
        (Actor::Account(account), ..) => account.name().to_owned(),
        (_, Some(name), _) => name.to_string(),
        (_, None, Some(uid)) => uid.0.to_string(),
        (_, None, None) => "unknown".to_owned(),
    }
}

/// What a program's signature is worth, in one word.
pub fn signature_status(process: &ProcessEvidence) -> &'static str {
    match process.info.program.flags.state() {
        _ if process.invalidated => "invalidated",
        SigningState::Trusted => "trusted",
        SigningState::AdHoc => "ad-hoc",
        SigningState::Invalid => "invalid",
        SigningState::Unsigned => "unsigned",
    }
}

/// What runs inside the transport, as far as it was understood.
pub fn protocol(flow: &FlowEvidence) -> &'static str {
    match flow.transport {
        Transport::Quic => "quic",
        _ if flow.hello.is_some() => "tls",
        _ => transport(flow),
    }
}

/// The transport on the wire.
pub fn transport(flow: &FlowEvidence) -> &'static str {
    match flow.transport {
        Transport::Tcp => "tcp",
        Transport::Udp | Transport::Quic => "udp",
    }
}

/// The name that the client itself asked the server for.
pub fn server_name(flow: &FlowEvidence) -> Option<&str> {
    let told = matches!(flow.source, Some(NameSource::TlsSni | NameSource::QuicSni));
    flow.domain.as_ref().filter(|_| told).map(|domain| domain.as_str())
}

/// The highest version that the client offered.
pub fn tls_version(flow: &FlowEvidence) -> Option<&'static str> {
    Some(match flow.hello.as_ref()?.version {
        0x0301 => "1.0",
        0x0302 => "1.1",
        0x0303 => "1.2",
        0x0304 => "1.3",
        _ => return None,
    })
}

/// Milliseconds since the epoch.
pub fn millis(time: Timestamp) -> i64 {
    time.as_nanos().div_euclid(1_000_000)
}

/// Stable name of a coverage record: a hash of what it says, grouped like an alert's id (RFC 9562, version 8).
pub fn coverage_id(coverage: &Coverage) -> AlertId {
    let said = format!(
        "{}\n{}\n{}\n{}\n{}",
        coverage.kind.as_str(),
        coverage.start.as_nanos(),
        coverage.end.as_nanos(),
        coverage.count,
        coverage.text
    );
    AlertId::of_hash(&Sha256::digest(said.as_bytes()).into())
}

/// Bytes in binary units, one decimal.
pub fn size(bytes: u64) -> String {
    const UNITS: [(u64, &str); 3] = [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
    match UNITS.iter().find(|(unit, _)| bytes >= *unit) {
        Some((unit, name)) => format!("{:.1} {name}", bytes as f64 / *unit as f64),
        None => format!("{bytes} B"),
    }
}

/// Marks that turn the text around, break lines beyond ASCII's, or hide in it.
pub const fn is_trick(c: char) -> bool {
    matches!(
        c,
        '\u{61c}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{2069}'
            | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e007f}'
    )
}

/// File names are hostile: what would draw, break lines or turn the text around is shown, not obeyed.
pub fn visible(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() || is_trick(c) {
            _ = write!(shown, "\\u{{{:x}}}", u32::from(c));
        } else {
            shown.push(c);
        }
    }
    shown
}

/// At most `limit` bytes, cut between characters and marked. A limit shorter than the mark leaves the mark.
pub fn within(text: &str, limit: usize) -> String {
    if text.len() <= limit {
        return text.to_owned();
    }
    let mut end = limit.saturating_sub(CUT.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}{CUT}", &text[..end])
}

/// `head` and as many of `pairs` as fit into `limit` octets, in their order. What is left out is said by a last pair; the
/// bool says so too. A head that is too long by itself stays as it is.
pub fn joined(head: String, pairs: &[String], separator: char, limit: usize) -> (String, bool) {
    const LEFT_OUT: &str = "truncated=true";
    let all = head.len() + pairs.iter().map(|pair| pair.len() + 1).sum::<usize>().saturating_sub(1);
    let whole = all <= limit;
    let room = if whole { limit } else { limit.saturating_sub(LEFT_OUT.len() + 1) };
    let mut line = head;
    let start = line.len();
    for pair in pairs {
        let gap = usize::from(line.len() > start);
        if line.len() + gap + pair.len() > room {
            break;
        }
        line.extend((gap == 1).then_some(separator));
        line.push_str(pair);
    }
    if !whole {
        line.extend((line.len() > start).then_some(separator));
        line.push_str(LEFT_OUT);
    }
    (line, !whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_names_cannot_draw_on_the_terminal() {
        assert_eq!(visible("a\u{1b}[2Jb\nc\u{202e}d\u{85}"), "a\\u{1b}[2Jb\\u{a}c\\u{202e}d\\u{85}");
    }

    #[test]
    fn a_cut_is_marked_and_never_splits_a_character() {
        assert_eq!(within("abc", 3), "abc");
        assert_eq!(within("abcdefghij", 8), "abc[cut]");
        assert_eq!(within("ääääääääää", 8), "ä[cut]");
        assert_eq!(within("abcdefghij", 2), "[cut]");
    }

    #[test]
    fn sizes_for_people() {
        assert_eq!(
            [size(0), size(1023), size(9_421), size(5 << 20)],
            ["0 B", "1023 B", "9.2 KiB", "5.0 MiB"]
        );
    }
}
