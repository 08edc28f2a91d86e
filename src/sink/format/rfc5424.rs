//! A record as one syslog message (RFC 5424), without the framing that a transport adds.
//!
//! What a person greps for is in structured data of our own; the whole record is the MSG. JSON goes out in ASCII alone,
//! which RFC 5424 6.4 lets stand without a byte order mark: one receiver hands the mark through as part of the text.
//! A receiver must take 2,048 octets and usually takes 8,192 (RFC 5425, 4.3.1): what is longer loses the ends of its
//! lists, then of its texts, then the MSG, and says `truncated="true"`.

use crate::model::{Alert, Coverage, Heartbeat, Record, Timestamp};
use crate::sink::redact::{self, Redacted};

use super::levels::Level;
use super::words::{self, PRODUCT, VERSION, visible, within};
use super::{cef, ecs, heartbeat, json, leef, ocsf};

/// Octets of a message, unless an output says otherwise.
pub const MAX_OCTETS: usize = 8_000;
/// The number that RFC 5612 keeps for documentation. A release needs its own.
pub const DOCUMENTATION_ENTERPRISE: u32 = 32_473;
/// RFC 5424, 6.2.1: local use 0.
pub const LOCAL0: u8 = 16;

/// What stands in the MSG.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Body {
    Ecs,
    Ocsf,
    Cef,
    Leef,
}

/// What the message says of its sender; the record says the rest.
#[derive(Clone, Copy, Debug)]
pub struct Sender<'a> {
    pub hostname: Option<&'a str>,
    pub process: Option<u32>,
    /// Rises by one with each message; 1 to 2147483647, then 1 again.
    pub sequence: u32,
    /// 0 to 23.
    pub facility: u8,
    pub enterprise: u32,
    pub max_octets: usize,
}

impl Default for Sender<'_> {
    fn default() -> Self {
        Self {
            hostname: None,
            process: None,
            sequence: 1,
            facility: LOCAL0,
            enterprise: DOCUMENTATION_ENTERPRISE,
            max_octets: MAX_OCTETS,
        }
    }
}

/// The message: one line, without its line feed, in at most [`Sender::max_octets`] octets, but never without its header.
pub fn rfc5424(record: &Record, body: Body, sender: &Sender) -> String {
    let record = redact::record(record);
    let header = header(&record, body, sender);
    let own = own_data(&record);
    let mut frame = header.clone() + &data(&own, sender, false);
    let room = sender.max_octets.saturating_sub(frame.len() + TRUNCATED.len() + 1);
    match message(&record, body, room) {
        Some((text, false)) => {
            frame.push(' ');
            frame + &text
        }
        Some((text, true)) => format!("{header}{} {text}", data(&own, sender, true)),
        None => without_message(&header, own, sender),
    }
}

const TRUNCATED: &str = " truncated=\"true\"";

fn message(record: &Redacted, body: Body, room: usize) -> Option<(String, bool)> {
    match body {
        Body::Ecs => json::ascii_within(&ecs::value(record), room),
        Body::Ocsf => json::ascii_within(&ocsf::value(record), room),
        Body::Cef => Some(cef::within_octets(record, room)).filter(|(text, _)| text.len() <= room),
        Body::Leef => Some(leef::within_octets(record, room)).filter(|(text, _)| text.len() <= room),
    }
}

/// Structured data alone, its last pairs left out until it fits.
fn without_message(header: &str, mut own: Vec<(&str, String)>, sender: &Sender) -> String {
    loop {
        let frame = header.to_owned() + &data(&own, sender, true);
        if frame.len() <= sender.max_octets || own.pop().is_none() {
            return frame;
        }
    }
}

/// `<PRI>1 TIMESTAMP HOSTNAME APP-NAME PROCID MSGID `, 6.2.
fn header(record: &Redacted, body: Body, sender: &Sender) -> String {
    let (level, id) = match &**record {
        Record::Alert(alert) => (Level::from(alert.severity), "alert"),
        Record::Coverage(_) => (Level::COVERAGE, "coverage"),
        Record::Heartbeat(_) => (Level::Info, "heartbeat"),
    };
    let priority = u32::from(sender.facility.min(23)) * 8 + u32::from(level.scale().syslog);
    // QRadar reads exactly three decimals; the RFC allows six.
    let decimals = if body == Body::Leef { 3 } else { 6 };
    let time = time(record.time(), decimals);
    let host = sender.hostname.and_then(|name| printable(name, 255)).unwrap_or_else(|| "-".to_owned());
    let process = sender.process.map_or_else(|| "-".to_owned(), |pid| pid.to_string());
    format!("<{priority}>1 {time} {host} {PRODUCT} {process} {id} ")
}

/// 6.2.3: at most six decimals.
fn time(time: Timestamp, decimals: usize) -> String {
    let text = time.to_string();
    text.get(..20 + decimals).map_or_else(|| "-".to_owned(), |cut| format!("{cut}Z"))
}

/// Printable ASCII without spaces, or nothing.
fn printable(text: &str, limit: usize) -> Option<String> {
    let clean = text.bytes().all(|byte| (33..=126).contains(&byte));
    (clean && !text.is_empty()).then(|| text[..text.len().min(limit)].to_owned())
}

/// The elements of structured data, 6.3. `origin` and `meta` are IANA's (7.2, 7.3).
fn data(own: &[(&str, String)], sender: &Sender, truncated: bool) -> String {
    let mut element = format!("[{PRODUCT}@{}", sender.enterprise);
    for (name, value) in own {
        element.push_str(&format!(" {name}=\"{}\"", escape(value)));
    }
    element.push_str(if truncated { TRUNCATED } else { "" });
    let sequence = sender.sequence.clamp(1, 2_147_483_647);
    format!(
        "{element}][origin software=\"{PRODUCT}\" swVersion=\"{VERSION}\"][meta sequenceId=\"{sequence}\"]"
    )
}

/// 6.3.3: `"`, `\` and `]` are escaped; what is not to be printed is shown first.
fn escape(value: &str) -> String {
    let mut written = String::with_capacity(value.len() + 8);
    for c in visible(value).chars() {
        if matches!(c, '"' | '\\' | ']') {
            written.push('\\');
        }
        written.push(c);
    }
    written
}

/// Longest value of one parameter.
const LONG: usize = 256;

fn own_data(record: &Redacted) -> Vec<(&'static str, String)> {
    match &**record {
        Record::Alert(alert) => alert_data(alert),
        Record::Coverage(coverage) => coverage_data(coverage),
        Record::Heartbeat(beat) => heartbeat_data(beat),
    }
}

/// What matters most comes first: the last are left out first.
fn alert_data(alert: &Alert) -> Vec<(&'static str, String)> {
    let flow = alert.flows.first();
    let rule = alert.rules.first();
    let domain = flow.and_then(|flow| flow.domain.as_ref());
    let mut data = vec![
        ("kind", "alert".to_owned()),
        ("id", alert.id.to_string()),
        ("severity", alert.severity.as_str().to_owned()),
        ("confidence", alert.confidence.as_str().to_owned()),
        ("rule", rule.map_or_else(String::new, |rule| within(&rule.id, LONG))),
        ("revision", alert.revision.to_string()),
        ("count", alert.count.to_string()),
        ("bytesOut", alert.bytes_out.to_string()),
    ];
    if let Some(process) = alert.uploader.process() {
        data.push(("pid", process.info.key.pid.0.to_string()));
        data.push(("process", within(&process.info.program.path.to_string(), LONG)));
    }
    data.push(("user", within(&words::user(alert), LONG)));
    let mut add = |name, value: Option<String>| data.extend(value.map(|value| (name, within(&value, LONG))));
    add("service", alert.service.as_deref().map(ToOwned::to_owned));
    add("tenant", alert.tenant.as_deref().map(ToOwned::to_owned));
    add("domain", domain.map(ToString::to_string));
    add("ip", flow.map(|flow| flow.server.ip.to_string()));
    let record = alert.audit.first();
    add("log", record.map(|event| event.by.log.as_str().to_owned()));
    add("operation", record.map(|event| event.operation.to_string()));
    add("file", alert.reads.first().map(|read| read.path.to_string()));
    data
}

fn coverage_data(coverage: &Coverage) -> Vec<(&'static str, String)> {
    vec![
        ("kind", "coverage".to_owned()),
        ("id", words::coverage_id(coverage).to_string()),
        ("coverage", coverage.kind.as_str().to_owned()),
        ("count", coverage.count.to_string()),
        ("start", coverage.start.to_string()),
        ("end", coverage.end.to_string()),
        ("text", within(&coverage.text, LONG)),
    ]
}

fn heartbeat_data(beat: &Heartbeat) -> Vec<(&'static str, String)> {
    vec![
        ("kind", "heartbeat".to_owned()),
        ("id", heartbeat::id(beat).to_string()),
        ("pulse", beat.pulse.as_str().to_owned()),
        ("sequence", beat.sequence.to_string()),
        ("since", beat.since.to_string()),
        ("configHash", beat.config_hash.to_string()),
        ("counters", within(&heartbeat::sum(beat), 4 * LONG)),
    ]
}
