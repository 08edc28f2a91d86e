//! Event time. Made only by sensors from what the system stamped; the engine never asks a clock.

use std::cell::Cell;
use std::fmt;

/// Nanoseconds since the Unix epoch, UTC, as the sensor saw them.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(i64);

/// A length of time in nanoseconds; never negative.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Span(u64);

/// By how much a clock was set: forward, or back where it is negative.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct ClockStep(i64);

impl ClockStep {
    pub const NONE: Self = Self(0);

    pub const fn from_nanos(nanos: i64) -> Self {
        Self(nanos)
    }

    pub const fn as_nanos(self) -> i64 {
        self.0
    }
}

/// As it is said: `3600 s back`.
impl fmt::Display for ClockStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let way = if self.0 < 0 { "back" } else { "forward" };
        write!(f, "{} s {way}", self.0.unsigned_abs() / 1_000_000_000)
    }
}

impl fmt::Debug for ClockStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Timestamp {
    /// Before every event.
    pub const MIN: Self = Self(i64::MIN);
    /// After every event.
    pub const MAX: Self = Self(i64::MAX);

    pub const fn from_nanos(nanos: i64) -> Self {
        Self(nanos)
    }

    pub const fn as_nanos(self) -> i64 {
        self.0
    }

    /// How long after `earlier` this is; zero if it is not after it.
    pub const fn since(self, earlier: Self) -> Span {
        let delta = self.0.saturating_sub(earlier.0);
        Span(if delta > 0 { delta as u64 } else { 0 })
    }

    pub const fn plus(self, span: Span) -> Self {
        let nanos = if span.0 > i64::MAX as u64 { i64::MAX } else { span.0 as i64 };
        Self(self.0.saturating_add(nanos))
    }

    pub const fn minus(self, span: Span) -> Self {
        let nanos = if span.0 > i64::MAX as u64 { i64::MAX } else { span.0 as i64 };
        Self(self.0.saturating_sub(nanos))
    }
}

impl Timestamp {
    /// What a clock shows of this moment since it was set. What is before or after every event stays so.
    pub const fn set(self, step: ClockStep) -> Self {
        match self {
            Self::MIN | Self::MAX => self,
            Self(nanos) => Self(nanos.saturating_add(step.0)),
        }
    }
}

impl Span {
    pub const ZERO: Self = Self(0);

    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    pub const fn from_millis(millis: u64) -> Self {
        Self(millis.saturating_mul(1_000_000))
    }

    pub const fn from_secs(secs: u64) -> Self {
        Self(secs.saturating_mul(1_000_000_000))
    }

    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    pub const fn as_millis(self) -> u64 {
        self.0 / 1_000_000
    }

    pub const fn as_secs(self) -> u64 {
        self.0 / 1_000_000_000
    }
}

impl Timestamp {
    /// RFC 3339 in UTC with nine decimals, the form `eslogger` writes. Years outside 0..=9999 print as the nearest bound.
    pub fn to_text(self) -> [u8; 30] {
        const LOW: i64 = -62_135_596_800;
        const HIGH: i64 = 253_402_300_799;
        let seconds = self.0.div_euclid(1_000_000_000).clamp(LOW, HIGH);
        let nanos = self.0.rem_euclid(1_000_000_000);
        let (days, of_day) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
        let (year, month, day) = civil_from_days(days);
        // Every record has two of these, and the formatting machinery costs ten times as much.
        let mut text = *b"0000-00-00T00:00:00.000000000Z";
        put_digits(&mut text[..4], year.unsigned_abs());
        put_digits(&mut text[5..7], u64::from(month));
        put_digits(&mut text[8..10], u64::from(day));
        put_digits(&mut text[11..13], (of_day / 3600).unsigned_abs());
        put_digits(&mut text[14..16], (of_day / 60 % 60).unsigned_abs());
        put_digits(&mut text[17..19], (of_day % 60).unsigned_abs());
        put_digits(&mut text[20..29], nanos.unsigned_abs());
        text
    }
}

/// As [`Timestamp::to_text`] says.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(str::from_utf8(&self.to_text()).unwrap_or_default())
    }
}

/// The last digits of a number, as many as there is room for.
fn put_digits(room: &mut [u8], mut number: u64) {
    let (pairs, first) = (room.len() / 2, room.len() % 2);
    for pair in (0..pairs).rev() {
        let two = (number % 100) as u8;
        number /= 100;
        let at = first + 2 * pair;
        room[at..at + 2].copy_from_slice(&[b'0' + two / 10, b'0' + two % 10]);
    }
    if let (1, Some(digit)) = (first, room.first_mut()) {
        *digit = b'0' + (number % 10) as u8;
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// As configuration writes it: the largest unit that divides it (`15m`, `90s`, `500ms`).
impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: [(u64, &str); 5] = [
            (86_400_000_000_000, "d"),
            (3_600_000_000_000, "h"),
            (60_000_000_000, "m"),
            (1_000_000_000, "s"),
            (1_000_000, "ms"),
        ];
        match UNITS.iter().find(|(size, _)| self.0 >= *size && self.0.is_multiple_of(*size)) {
            Some((size, unit)) => write!(f, "{}{unit}", self.0 / size),
            None if self.0 == 0 => f.write_str("0s"),
            None => write!(f, "{}ns", self.0),
        }
    }
}

impl fmt::Debug for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Gregorian date of a day count since 1970-01-01 (Howard Hinnant's algorithm, public domain).
fn civil_from_days(days: i64) -> (i64, u32, u32) {
    let z = days + 719_468;
    let era = z.div_euclid(146_097);
    let doe = z.rem_euclid(146_097);
    let yoe = (doe - doe / 1460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let day = (doy - (153 * mp + 2) / 5 + 1) as u32;
    let month = if mp < 10 { mp + 3 } else { mp - 9 } as u32;
    (yoe + era * 400 + i64::from(month <= 2), month, day)
}

/// Days since 1970-01-01 of a Gregorian date. The inverse of the printing above; used by readers of timestamps.
pub(crate) fn days_from_civil(year: i64, month: u32, day: u32) -> i64 {
    let year = year - i64::from(month <= 2);
    let era = year.div_euclid(400);
    let yoe = year.rem_euclid(400);
    let mp = i64::from(if month > 2 { month - 3 } else { month + 9 });
    let doy = (153 * mp + 2) / 5 + i64::from(day) - 1;
    let doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
    era * 146_097 + doe - 719_468
}

impl Timestamp {
    /// RFC 3339 as `eslogger` writes it, `2025-08-07T15:13:09.811587464Z` with any number of decimals up to nine (or none), and
    /// with an offset as other writers have it (`+02:00`). `None` for anything else.
    pub fn parse(text: &[u8]) -> Option<Self> {
        let (second, decimals) = text.split_first_chunk()?;
        Self::from_parts(seconds(second)?, decimals)
    }

    fn from_parts(seconds: i64, rest: &[u8]) -> Option<Self> {
        let (decimals, offset) = match rest {
            [decimals @ .., b'Z'] => (decimals, 0),
            _ => {
                let (decimals, zone) = rest.split_last_chunk()?;
                (decimals, offset(zone)?)
            }
        };
        let nanos = match decimals {
            [] => 0,
            [b'.', decimals @ ..] if (1..=9).contains(&decimals.len()) => {
                number(decimals)? * 10i64.pow(9 - decimals.len() as u32)
            }
            _ => return None,
        };
        (seconds - offset).checked_mul(1_000_000_000)?.checked_add(nanos).map(Self)
    }
}

/// Seconds east of UTC, of `+02:00`.
fn offset(zone: &[u8; 6]) -> Option<i64> {
    let (hours, minutes) = (number(&zone[1..3])?, number(&zone[4..])?);
    let east = hours * 3600 + minutes * 60;
    match (zone[0], zone[3]) {
        _ if hours > 23 || minutes > 59 => None,
        (b'+', b':') => Some(east),
        (b'-', b':') => Some(-east),
        _ => None,
    }
}

/// A time to the second, as `eslogger` writes it.
type Second = [u8; 19];

fn seconds(text: &Second) -> Option<i64> {
    let ok = text[4] == b'-'
        && text[7] == b'-'
        && matches!(text[10], b'T' | b' ')
        && text[13] == b':'
        && text[16] == b':';
    let (year, month, day) = (number(&text[..4])?, number(&text[5..7])?, number(&text[8..10])?);
    let (hour, minute, second) = (number(&text[11..13])?, number(&text[14..16])?, number(&text[17..])?);
    if !ok
        || !(1..=12).contains(&month)
        || !(1..=31).contains(&day)
        || hour > 23
        || minute > 59
        || second > 60
    {
        return None;
    }
    let days = days_from_civil(year, month as u32, day as u32);
    Some(days * 86_400 + hour * 3600 + minute * 60 + second)
}

fn number(digits: &[u8]) -> Option<i64> {
    digits.iter().try_fold(0i64, |n, d| d.is_ascii_digit().then(|| n * 10 + i64::from(d - b'0')))
}

/// Reads the times of a stream, most of which lie in the second of the one before.
#[derive(Debug, Default)]
pub struct TimeReader(Cell<Option<(Second, i64)>>);

impl TimeReader {
    /// As [`Timestamp::parse`].
    #[inline]
    pub fn parse(&self, text: &[u8]) -> Option<Timestamp> {
        let (second, decimals) = text.split_first_chunk()?;
        let seconds = match self.0.get() {
            Some((known, seconds)) if known == *second => seconds,
            _ => {
                let seconds = seconds(second)?;
                self.0.set(Some((*second, seconds)));
                seconds
            }
        };
        Timestamp::from_parts(seconds, decimals)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_of_times_reads_as_each_alone() {
        let reader = TimeReader::default();
        for text in [
            "2025-08-07T15:13:09.811587464Z",
            "2025-08-07T15:13:09.1Z",
            "2025-08-07T15:13:09Z",
            "2025-08-07T15:13:09",
            "2025-08-07T15:13:10.000000001Z",
            "2025-08-07T15:13:61.5Z",
            "2025-08-07T15:13:10.000000002Z",
            "",
        ] {
            assert_eq!(reader.parse(text.as_bytes()), Timestamp::parse(text.as_bytes()), "{text}");
        }
    }

    #[test]
    fn prints_and_reads_back() {
        for text in [
            "2025-08-07T15:13:09.811587464Z",
            "1970-01-01T00:00:00.000000000Z",
            "2024-02-29T23:59:59.999999999Z",
        ] {
            assert_eq!(Timestamp::parse(text.as_bytes()).unwrap().to_string(), text);
        }
        assert_eq!(
            Timestamp::parse(b"2025-08-07T13:21:35.877422Z").unwrap().to_string(),
            "2025-08-07T13:21:35.877422000Z"
        );
        assert_eq!(Timestamp::parse(b"1969-12-31T23:59:59Z").unwrap().as_nanos(), -1_000_000_000);
        for (text, utc) in [
            ("2025-08-07T15:13:09.5+02:00", "2025-08-07T13:13:09.500000000Z"),
            ("2025-08-07T15:13:09-05:30", "2025-08-07T20:43:09.000000000Z"),
            ("2025-08-07T15:13:09-00:00", "2025-08-07T15:13:09.000000000Z"),
        ] {
            assert_eq!(Timestamp::parse(text.as_bytes()).unwrap().to_string(), utc);
        }
    }

    #[test]
    fn refuses_what_it_does_not_know() {
        for text in [
            "",
            "2025-08-07",
            "2025-08-07T15:13:09",
            "2025-13-07T15:13:09Z",
            "2025-08-07T15:13:09+0200",
            "2025-08-07T15:13:09+24:00",
            "2025-08-07T15:13:09*02:00",
            "2025-08-07T15:13:09.+02:00",
            "2025-08-07T15:13:09.Z",
        ] {
            assert_eq!(Timestamp::parse(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn spans_print_as_configuration_writes_them() {
        for (span, text) in [
            (Span::from_secs(900), "15m"),
            (Span::from_millis(500), "500ms"),
            (Span::ZERO, "0s"),
            (Span::from_secs(86_400), "1d"),
        ] {
            assert_eq!(span.to_string(), text);
        }
    }
}
