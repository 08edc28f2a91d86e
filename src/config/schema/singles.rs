//! The tables of single values.

use crate::policy::UnknownUpload;

use super::{Key, Keys, Shape, key};

pub static WINDOW: Keys = &[
    key(
        "default",
        Shape::Duration,
        "From a sensitive read to the upload by the same process lineage; inclusive",
    ),
    key("file_taint", Shape::Duration, "How long a staged copy of sensitive data stays suspect"),
];

pub static UPLOAD: Keys = &[
    key("min_bytes", Shape::Size, "Payload sent after the read, over all flows to one service and tenant"),
    key("min_ratio", Shape::Real, "Bytes out for each byte in, over the same flows; 0 turns it off"),
    key(
        "unknown",
        Shape::Word(|| UnknownUpload::ALL.map(UnknownUpload::as_str).to_vec()),
        "A big upload to a nameless destination after a sensitive read: a coverage record, an alert of low confidence, or \
         nothing",
    ),
];

pub static PATHS: Keys = &[
    key("homes", Shape::List(&Shape::Text), "Homes beside /Users/*, /var/root and every HOME seen"),
    key("case_sensitive", Shape::List(&Shape::Text), "Mount points of volumes that tell ID_RSA from id_rsa"),
];

pub static SENSOR: Keys = &[key(
    "capture",
    Shape::Text,
    "Where packets come from: pktap, off, or the absolute path of a file or FIFO that tcpdump writes",
)];

pub static DAEMON: Keys = &[
    key("state", Shape::Text, "Folder of the lock and the mark of an orderly end, or auto"),
    key("socket", Shape::Text, "Where `cloudward status` asks: auto, off, or an absolute path"),
];

pub static ENGINE: Keys = &[key("hold", Shape::Duration, "How long live events wait for stragglers")];

pub static ALERT: Keys = &[key(
    "group",
    Shape::Duration,
    "Steps of one chain no further apart than this are one alert; 0s: each its own",
)];

const DISABLE: Key = key(
    "disable",
    Shape::List(&Shape::Text),
    "Names of built-in sets, services, sync roots, allow entries, rules or tools to switch off; * is all but rules and \
     tools",
);
pub static BUILTIN: Keys = &[DISABLE];
