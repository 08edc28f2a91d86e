//! Where records go, and how they wait.

use crate::config::read_outputs::{FACILITIES, KINDS, SEVERITIES, TRANSPORTS, TYPES};
use crate::sink::format::Format;

use super::{Keys, Shape, key, words};

pub static SPOOL: Keys = &[
    key("path", Shape::Text, "Folder in which records wait until every output has them"),
    key("max_bytes", Shape::Size, "Above it the least severe go first, then the oldest"),
    key("max_age", Shape::Duration, "So long a record waits for a receiver that does not come back"),
];

pub static HEARTBEAT: Keys =
    &[key("every", Shape::Duration, "Between two signs of life to every output; 0s is never")];

pub static OUTPUT: Keys = &[
    key("name", Shape::Text, "The spool remembers by it what the receiver has; the type, if not said"),
    key("extend", Shape::Boolean, "Adds to the entry of the same name instead of replacing it"),
    key("type", Shape::Word(|| words(&TYPES)), "What kind of receiver it is"),
    key(
        "format",
        Shape::Word(|| Format::ALL.map(Format::as_str).to_vec()),
        "How records are written; text for file and unified-log only",
    ),
    key("kinds", Shape::List(&Shape::Word(|| words(&KINDS))), "Which records; all, if not said"),
    key("min_severity", Shape::Word(|| words(&SEVERITIES)), "Of alerts: these and graver ones"),
    key("rules", Shape::List(&Shape::Text), "Alerts of these rules only, such as corp.*"),
    key("rate", Shape::Integer, "Records a second at most; the rest waits. 0: no limit"),
    key("address", Shape::Text, "syslog: host and port, such as siem.example.com:6514"),
    key("transport", Shape::Word(|| words(&TRANSPORTS)), "syslog: the way there; tls if not said"),
    key("facility", Shape::Word(|| words(&FACILITIES)), "syslog: the facility; local0 if not said"),
    key("enterprise_id", Shape::Integer, "syslog: the organisation's own IANA number"),
    key("max_message", Shape::Size, "syslog: longer messages are shortened, and say so"),
    key("hostname", Shape::Text, "syslog: the name of this Mac in messages"),
    key("ca_file", Shape::Text, "TLS: certificates to trust instead of the system's roots"),
    key("client_cert_file", Shape::Text, "TLS: this Mac's own certificate"),
    key("client_key_file", Shape::Text, "TLS: the key of that certificate"),
    key("server_name", Shape::Text, "TLS: the name that the receiver's certificate must bear"),
    key("path", Shape::Text, "file: the absolute path; syslog over local: the socket"),
    key("rotate", Shape::Size, "file: a new one when it is so large; 0: not by size"),
    key("rotate_after", Shape::Duration, "file: a new one when it is so old; 0s: not by age"),
    key("keep", Shape::Integer, "file: how many old ones are kept"),
    key("url", Shape::Text, "http, splunk-hec, elasticsearch: the address, https"),
    key("timeout", Shape::Duration, "http, splunk-hec, elasticsearch: for an answer"),
    key(
        "proxy",
        Shape::Text,
        "http, splunk-hec, elasticsearch: an HTTP proxy on the way, such as http://proxy.example.com:3128",
    ),
    key("proxy_login_file", Shape::Text, "The file that holds the proxy's user:password"),
    key("token_file", Shape::Text, "http, splunk-hec, elasticsearch: the file that holds the token"),
    key("secret_file", Shape::Text, "http: the file that holds the secret by which requests are signed"),
    key("index", Shape::Text, "splunk-hec, elasticsearch: the index"),
    key("source", Shape::Text, "splunk-hec: the source"),
    key("sourcetype", Shape::Text, "splunk-hec: the source type"),
    key("username", Shape::Text, "elasticsearch: the user"),
    key("password_file", Shape::Text, "elasticsearch: the file that holds the password"),
    key("subsystem", Shape::Text, "unified-log: the subsystem, such as cloudward"),
];
