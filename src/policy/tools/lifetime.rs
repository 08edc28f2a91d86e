//! How long a link lives: a duration, a number of seconds, or a moment.

use crate::model::{Span, Timestamp};

const DAY: u64 = 86_400;

/// From `now` until what the text says; `None` if that cannot be told.
pub(super) fn parse(text: &str, now: Timestamp) -> Option<Span> {
    moment(text).map(|end| end.since(now)).or_else(|| duration(text))
}

/// `2030-01-01`, `2030-01-01T00:00Z`, `2030-01-01T00:00:00Z`, `2030-01-01 00:00:00`; without a zone it is taken as UTC.
fn moment(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    let (head, zone) = match text.strip_suffix('Z').or_else(|| text.strip_suffix("+00:00")) {
        Some(head) => (head, "Z"),
        None => (text, "Z"),
    };
    let full = match head.len() {
        10 => format!("{head}T00:00:00{zone}"),
        16 => format!("{head}:00{zone}"),
        _ => format!("{head}{zone}"),
    };
    Timestamp::parse(full.as_bytes())
}

/// `3600`, `10m`, `7d`, `1h30m`, `2w`, `1y`; `+2h` of tools that also take a moment.
fn duration(text: &str) -> Option<Span> {
    let mut seconds: u64 = 0;
    let mut number: Option<u64> = None;
    for byte in text.trim().trim_start_matches('+').bytes() {
        if byte.is_ascii_digit() {
            let digit = u64::from(byte - b'0');
            number = Some(number.unwrap_or(0).checked_mul(10)?.checked_add(digit)?);
            continue;
        }
        let unit = match byte.to_ascii_lowercase() {
            b's' => 1,
            b'm' => 60,
            b'h' => 3600,
            b'd' => DAY,
            b'w' => 7 * DAY,
            b'y' => 365 * DAY,
            _ => return None,
        };
        seconds = seconds.checked_add(number.take()?.checked_mul(unit)?)?;
    }
    let seconds = match number {
        Some(rest) => seconds.checked_add(rest)?,
        None if seconds == 0 => return None,
        None => seconds,
    };
    // Beyond what a span holds it does not end.
    (seconds <= u64::MAX / 1_000_000_000).then(|| Span::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_the_tools_take() {
        let now = Timestamp::parse(b"2026-01-01T00:00:00Z").unwrap();
        let table = [
            ("3600", Some(3600)),
            ("10m", Some(600)),
            ("7d", Some(7 * DAY)),
            ("1h30m", Some(5400)),
            ("+2h", Some(7200)),
            ("2026-01-02", Some(DAY)),
            ("2026-01-01T01:00Z", Some(3600)),
            ("2026-01-01T00:00:30Z", Some(30)),
            ("2025-01-01T00:00:00Z", Some(0)),
            ("soon", None),
            ("", None),
            ("d", None),
            ("99999999999999999999d", None),
        ];
        for (text, seconds) in table {
            assert_eq!(parse(text, now).map(Span::as_secs), seconds, "{text:?}");
        }
    }
}
