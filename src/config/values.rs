//! The small languages inside strings: durations, sizes, dates, hashes.

use toml::value::{Datetime, Offset};

use crate::model::{Span, Timestamp};

use super::diagnostics::Complaint;

/// The longest duration that makes sense anywhere: ten years.
const LONGEST: Span = Span::from_secs(3650 * 86_400);

/// `500ms`, `15m`, `1h30m`, `24h`, `1d`.
pub(super) fn duration(text: &str) -> Result<Span, Complaint> {
    let wrong = || {
        Complaint::new(format!("`{text}` is no duration"))
            .hint("a number and a unit: \"500ms\", \"90s\", \"15m\", \"24h\", \"1d\"")
    };
    let mut rest = text.trim();
    let mut total = 0u64;
    if rest.is_empty() {
        return Err(wrong());
    }
    while !rest.is_empty() {
        let (number, tail) = leading_number(rest).ok_or_else(wrong)?;
        let tail = tail.trim_start();
        let length = tail.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(tail.len());
        let unit: u64 = match &tail[..length] {
            "ns" => 1,
            "us" => 1_000,
            "ms" => 1_000_000,
            "s" => 1_000_000_000,
            "m" | "min" => 60_000_000_000,
            "h" => 3_600_000_000_000,
            "d" => 86_400_000_000_000,
            _ => return Err(wrong()),
        };
        let part = number.checked_mul(unit);
        total = part.and_then(|part| total.checked_add(part)).unwrap_or(u64::MAX);
        rest = tail[length..].trim_start();
    }
    if total > LONGEST.as_nanos() {
        return Err(Complaint::new(format!("`{text}` is longer than {LONGEST}")));
    }
    Ok(Span::from_nanos(total))
}

/// `4KiB`, `64 MiB`, `1GB`; a bare number is bytes.
pub(super) fn size(text: &str) -> Result<u64, Complaint> {
    let wrong = || {
        Complaint::new(format!("`{text}` is no size"))
            .hint("a number and a unit: \"256B\", \"4KiB\", \"64 MiB\"; integers are bytes")
    };
    let (number, unit) = leading_number(text.trim()).ok_or_else(wrong)?;
    let unit: u64 = match unit.trim().to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "kib" => 1 << 10,
        "mib" => 1 << 20,
        "gib" => 1 << 30,
        "kb" => 1_000,
        "mb" => 1_000_000,
        "gb" => 1_000_000_000,
        _ => return Err(wrong()),
    };
    number.checked_mul(unit).ok_or_else(|| Complaint::new(format!("`{text}` is too large")))
}

fn leading_number(text: &str) -> Option<(u64, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    Some((text[..end].parse().ok()?, &text[end..]))
}

/// The first moment after what was written: a date holds through its last second, in UTC.
pub(super) fn end_of(date: &Datetime) -> Result<Timestamp, Complaint> {
    const DAY: Span = Span::from_secs(86_400);
    let wrong = || Complaint::new(format!("`{date}` is no date")).hint("write a date: 2027-06-30");
    let day = date.date.ok_or_else(wrong)?;
    let clock = date.time.map_or_else(
        || "00:00:00".to_owned(),
        |time| format!("{:02}:{:02}:{:02}", time.hour, time.minute, time.second.unwrap_or_default()),
    );
    let text = format!("{:04}-{:02}-{:02}T{clock}Z", day.year, day.month, day.day);
    let moment = Timestamp::parse(text.as_bytes()).ok_or_else(wrong)?;
    let minutes = match date.offset {
        Some(Offset::Custom { minutes }) => minutes,
        Some(Offset::Z) | None => 0,
    };
    let shift = Span::from_secs(u64::from(minutes.unsigned_abs()) * 60);
    let utc = if minutes < 0 { moment.plus(shift) } else { moment.minus(shift) };
    Ok(if date.time.is_none() { utc.plus(DAY) } else { utc })
}

/// `N` bytes written as hexadecimal digits.
pub(super) fn hex<const N: usize>(text: &str) -> Result<[u8; N], Complaint> {
    let tool = if N == 32 {
        "`shasum -a 256 FILE` prints them"
    } else {
        "`codesign -dvvv PROGRAM` prints them: CDHash"
    };
    let wrong = || Complaint::new(format!("expected {} hexadecimal digits", N * 2)).hint(tool);
    let mut bytes = [0; N];
    if text.len() != N * 2 || !text.is_ascii() {
        return Err(wrong());
    }
    for (index, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[index * 2..index * 2 + 2], 16).map_err(|_| wrong())?;
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        for (text, nanos) in [
            ("500ms", 500_000_000),
            ("15m", 900_000_000_000),
            ("24h", 86_400_000_000_000),
            ("1d", 86_400_000_000_000),
            ("1h30m", 5_400_000_000_000),
            ("0s", 0),
        ] {
            assert_eq!(duration(text), Ok(Span::from_nanos(nanos)), "{text}");
        }
        for text in ["", "15", "m", "-1s", "15 minutes", "1.5h", "99999999999999999999s", "9999999d", "15m!"]
        {
            assert!(duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn sizes() {
        for (text, bytes) in [
            ("4KiB", 4096),
            ("64 MiB", 64 << 20),
            ("256", 256),
            ("256B", 256),
            ("1kb", 1000),
            ("2gib", 2 << 30),
        ] {
            assert_eq!(size(text), Ok(bytes), "{text}");
        }
        for text in ["", "KiB", "-4KiB", "4 KiBi", "1.5MiB", "99999999999GiB"] {
            assert!(size(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_date_holds_to_its_end() {
        for (text, end) in [
            ("2027-06-30", "2027-07-01T00:00:00Z"),
            ("2027-12-31", "2028-01-01T00:00:00Z"),
            ("2027-06-30T12:00:00Z", "2027-06-30T12:00:00Z"),
            ("2027-06-30T12:00:00+02:00", "2027-06-30T10:00:00Z"),
        ] {
            let date: Datetime = text.parse().unwrap();
            assert_eq!(end_of(&date).ok(), Timestamp::parse(end.as_bytes()), "{text}");
        }
        assert!(end_of(&"12:00:00".parse().unwrap()).is_err());
    }
}
