//! What the sink can be asked for: `[[output]]`, `[spool]` and `[heartbeat]`, read and checked.

use std::path::PathBuf;
use std::time::Duration;

use hyper::Uri;

use crate::model::{Record, Span};

use super::format::{self, Format, Level};
use super::spool::{Entry, Head, Kind};

/// One place where records go.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Output {
    /// The spool remembers by this name what the receiver has.
    pub name: String,
    pub format: Format,
    pub choice: Choice,
    /// Records a second, at most; 0 is as many as the receiver takes. What comes faster waits in the spool.
    pub rate: u32,
    pub to: To,
}

/// Which records an output gets.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Choice {
    pub kinds: Vec<Kind>,
    /// Of alerts; other kinds have no severity to choose by.
    pub min_severity: Level,
    /// Ids of rules, of which an alert needs one; a `*` at the end stands for any rest. Empty is all.
    pub rules: Vec<String>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum To {
    Syslog(Syslog),
    File(File),
    Http(Http),
    Splunk(Splunk),
    Elastic(Elastic),
    UnifiedLog { subsystem: String },
}

/// RFC 5424 messages.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Syslog {
    pub to: SyslogTo,
    /// 0 to 23.
    pub facility: u8,
    /// In the name of our structured data, `cloudward@N`.
    pub enterprise: u32,
    pub max_octets: usize,
    pub hostname: Option<String>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum SyslogTo {
    /// The system's own socket; without a path `/var/run/syslog`, else `/dev/log`.
    Local(Option<PathBuf>),
    /// RFC 5426.
    Udp(Address),
    /// RFC 6587, octet counting.
    Tcp(Address),
    /// RFC 5425.
    Tls(Address, Tls),
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Address {
    pub host: String,
    pub port: u16,
}

/// How the other side proves who it is, and we who we are.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Tls {
    /// PEM; instead of the system's roots.
    pub ca_file: Option<PathBuf>,
    /// PEM, with the intermediate certificates.
    pub cert_file: Option<PathBuf>,
    pub key_file: Option<PathBuf>,
    /// The name that the certificate must bear, if it is not the host of the address.
    pub server_name: Option<String>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct File {
    pub path: PathBuf,
    /// Bytes after which a new file begins; 0 is never.
    pub rotate: u64,
    /// Age after which a new file begins; zero is never.
    pub rotate_after: Span,
    /// Old files that are kept.
    pub keep: u32,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Http {
    pub at: Endpoint,
    /// A bearer token.
    pub token_file: Option<PathBuf>,
    /// The key of the signature (Standard Webhooks).
    pub secret_file: Option<PathBuf>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Splunk {
    pub at: Endpoint,
    pub token_file: PathBuf,
    pub index: Option<String>,
    pub source: String,
    pub sourcetype: String,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Elastic {
    pub at: Endpoint,
    /// A data stream or an index.
    pub index: String,
    pub login: Login,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Login {
    Nobody,
    /// The base64 form that Elasticsearch gives out.
    ApiKey(PathBuf),
    Basic {
        username: String,
        password_file: PathBuf,
    },
}

/// Where an HTTP receiver listens.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Endpoint {
    pub tls: Option<Tls>,
    pub address: Address,
    /// As the `Host` header says it.
    pub authority: String,
    /// Path and query, from the first `/`.
    pub path: String,
    pub timeout: Duration,
    /// Asked for a tunnel there; with TLS only.
    pub proxy: Option<Proxy>,
}

/// An HTTP proxy that opens tunnels (`CONNECT`; RFC 9110, 9.3.6).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Proxy {
    pub address: Address,
    /// Holds `user:password` (RFC 7617).
    pub login_file: Option<PathBuf>,
}

/// `[heartbeat]`
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Heartbeats {
    /// Zero is never.
    pub every: Span,
}

impl Address {
    /// `host:port` or `[v6]:port`.
    pub fn parse(text: &str) -> Option<Self> {
        let (host, port) = text.rsplit_once(':')?;
        let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        let host = bare.unwrap_or(host);
        let clean = !host.is_empty() && !host.contains(|c: char| c.is_whitespace() || c == '/');
        let port = port.parse().ok().filter(|port| *port > 0)?;
        (clean && (bare.is_some() || !host.contains(':'))).then(|| Self { host: host.to_owned(), port })
    }
}

impl std::fmt::Display for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

impl Endpoint {
    /// An `http` or `https` address without a login in it. `default_path` stands where it names none.
    pub fn parse(url: &str, default_path: &str, tls: Tls, timeout: Duration) -> Option<Self> {
        let uri: Uri = url.parse().ok()?;
        let secure = match uri.scheme_str()? {
            "https" => true,
            "http" => false,
            _ => return None,
        };
        let authority = uri.authority()?;
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
        if host.is_empty() || authority.as_str().contains('@') {
            return None;
        }
        let port = authority.port_u16().unwrap_or(if secure { 443 } else { 80 });
        let path = uri.path_and_query().map_or("/", |path| path.as_str());
        let path = if path == "/" { default_path } else { path };
        Some(Self {
            tls: secure.then_some(tls),
            address: Address { host, port },
            authority: authority.as_str().to_owned(),
            path: path.to_owned(),
            timeout,
            proxy: None,
        })
    }
}

impl Choice {
    pub fn takes(&self, head: &Head) -> bool {
        match head.kind {
            Kind::Test => true,
            Kind::Alert => {
                self.kinds.contains(&Kind::Alert)
                    && head.level >= self.min_severity
                    && (self.rules.is_empty() || head.rules.iter().any(|rule| self.names(rule)))
            }
            kind => self.kinds.contains(&kind),
        }
    }

    fn names(&self, rule: &str) -> bool {
        self.rules.iter().any(|pattern| match pattern.strip_suffix('*') {
            Some(start) => rule.starts_with(start),
            None => rule == pattern,
        })
    }
}

impl Output {
    /// As configuration names it.
    pub fn type_name(&self) -> &'static str {
        match &self.to {
            To::Syslog(_) => "syslog",
            To::File(_) => "file",
            To::Http(_) => "http",
            To::Splunk(_) => "splunk-hec",
            To::Elastic(_) => "elasticsearch",
            To::UnifiedLog { .. } => "unified-log",
        }
    }
}

/// What outputs choose by, from the record itself.
pub fn head(record: &Record) -> Head {
    let (kind, revision, rules) = match record {
        Record::Alert(alert) => {
            let rules = alert.rules.iter().map(|rule| rule.id.to_string()).collect();
            (Kind::Alert, alert.revision, rules)
        }
        Record::Coverage(coverage) => (Kind::Coverage, 1, vec![coverage.kind.as_str().to_owned()]),
        Record::Heartbeat(beat) if beat.pulse == crate::model::Pulse::Test => (Kind::Test, 1, Vec::new()),
        Record::Heartbeat(_) => (Kind::Heartbeat, 1, Vec::new()),
    };
    let (level, id) = (format::level(record), format::id(record).to_string());
    Head { kind, level, id, revision, rules, time: record.time() }
}

/// The text that an output sends for an entry; nothing if the entry was raised before there was such an output.
pub fn text<'e>(entry: &'e Entry, key: &str) -> Option<&'e str> {
    entry.form(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        for (text, host, port) in [
            ("siem.example.com:6514", "siem.example.com", 6514),
            ("[::1]:514", "::1", 514),
            ("10.0.0.1:1", "10.0.0.1", 1),
        ] {
            let address = Address::parse(text).unwrap();
            assert_eq!((address.host.as_str(), address.port), (host, port));
            assert_eq!(address.to_string(), text);
        }
        for text in ["", "host", ":514", "host:0", "host:x", "::1:514", "a b:1", "http://x:1"] {
            assert_eq!(Address::parse(text), None, "{text}");
        }
    }

    #[test]
    fn endpoints() {
        let parse = |url| Endpoint::parse(url, "/default", Tls::default(), Duration::from_secs(1));
        let secure = parse("https://splunk.example.com").unwrap();
        assert_eq!(
            (secure.address.port, secure.path.as_str(), secure.tls.is_some()),
            (443, "/default", true)
        );
        let plain = parse("http://[::1]:8088/in?x=1").unwrap();
        assert_eq!((plain.address.host.as_str(), plain.path.as_str()), ("::1", "/in?x=1"));
        assert_eq!((plain.authority.as_str(), plain.tls), ("[::1]:8088", None));
        for url in ["", "splunk:8088", "ftp://x/", "https://", "https://user:secret@host/"] {
            assert_eq!(parse(url), None, "{url}");
        }
    }

    #[test]
    fn a_choice_of_severity_and_rules_is_about_alerts() {
        let head = |kind, level, rule: &str| Head {
            kind,
            level,
            id: String::new(),
            revision: 1,
            rules: vec![rule.to_owned()],
            time: crate::model::Timestamp::MIN,
        };
        let choice = Choice {
            kinds: vec![Kind::Alert, Kind::Coverage],
            min_severity: Level::High,
            rules: vec!["corp.*".to_owned(), "cloudward.upload".to_owned()],
        };
        for (kind, level, rule, takes) in [
            (Kind::Alert, Level::High, "corp.paste", true),
            (Kind::Alert, Level::Critical, "cloudward.upload", true),
            (Kind::Alert, Level::Medium, "corp.paste", false),
            (Kind::Alert, Level::High, "cloudward.upload.more", false),
            (Kind::Coverage, Level::Low, "event-loss", true),
            (Kind::Heartbeat, Level::Info, "", false),
            (Kind::Test, Level::Info, "", true),
        ] {
            assert_eq!(choice.takes(&head(kind, level, rule)), takes, "{kind:?} {level:?} {rule}");
        }
    }
}
