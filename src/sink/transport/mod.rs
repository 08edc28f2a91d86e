//! How records reach a receiver, and what counts as reached.
//!
//! | to | a record has arrived when |
//! |---|---|
//! | file | it is synced |
//! | syslog over TCP or TLS | the receiver has read up to the end of the connection it came on, and lived on (`stream`) |
//! | syslog over UDP or a local socket, the unified log | the system took it: best effort, nobody answers |
//! | HTTP | the receiver said so: 2xx |
//! | Splunk HEC | the indexer acknowledged it, where the token asks for that; else 2xx |
//! | Elasticsearch | its item of the bulk answer says so |

mod backoff;
mod client;
mod connect;
mod datagram;
mod elastic;
mod file;
mod http;
mod reach;
mod secret;
#[cfg_attr(not(target_os = "macos"), allow(dead_code, reason = "only the unified log is so short"))]
mod short;
mod splunk;
mod stream;
mod tls;
#[cfg(target_os = "macos")]
mod unified_log;
#[cfg(not(target_os = "macos"))]
#[path = "unified_log_absent.rs"]
mod unified_log;

use std::sync::Arc;
use std::time::Duration;

pub use backoff::Backoff;
pub use file::make_room;
pub use reach::reach;
pub use unified_log::HERE as UNIFIED_LOG_HERE;

use super::output::{SyslogTo, To};
use super::spool::Entry;

use datagram::Datagram;
use elastic::ElasticLink;
use file::FileLink;
use http::HttpLink;
use splunk::SplunkLink;
use stream::Stream;
use unified_log::UnifiedLog;

/// A record on its way.
#[derive(Clone, Debug)]
pub struct Message {
    pub entry: Arc<Entry>,
    /// [`Entry::form`] of the output.
    pub text: String,
}

/// What became of a batch.
#[derive(Default, Debug)]
pub struct Outcome {
    /// The receiver has, or will never take, this many from the start.
    pub taken: usize,
    /// Those among them that it will never take, and what it said.
    pub refused: Vec<(usize, String)>,
    /// Why the rest is not taken; try again later.
    pub failure: Option<Failure>,
    /// What the receiver said to what it took, for a person.
    pub answer: String,
}

/// Why it did not work this time.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Failure {
    pub text: String,
    /// The receiver asked for this much patience.
    pub wait: Option<Duration>,
    /// The batch was too large.
    pub too_large: bool,
}

impl Failure {
    pub fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), wait: None, too_large: false }
    }
}

impl Outcome {
    fn all(batch: &[Message], answer: impl Into<String>) -> Self {
        Self { taken: batch.len(), answer: answer.into(), ..Self::default() }
    }

    /// The only message of a batch is not wanted; this is what the receiver said of it.
    fn refused_alone(answer: String) -> Self {
        Self { taken: 1, refused: vec![(0, answer)], ..Self::default() }
    }

    fn failed(failure: Failure) -> Self {
        Self { failure: Some(failure), ..Self::default() }
    }
}

/// The way to one receiver.
#[derive(Debug)]
pub enum Link {
    Stream(Box<Stream>),
    Datagram(Datagram),
    File(FileLink),
    Http(Box<HttpLink>),
    Splunk(Box<SplunkLink>),
    Elastic(Box<ElasticLink>),
    UnifiedLog(UnifiedLog),
}

impl Link {
    /// Connects to nothing yet.
    pub fn new(to: &To) -> Self {
        match to {
            To::Syslog(syslog) => match &syslog.to {
                SyslogTo::Local(path) => Self::Datagram(Datagram::local(path.clone())),
                SyslogTo::Udp(address) => Self::Datagram(Datagram::udp(address.clone())),
                SyslogTo::Tcp(address) => Self::Stream(Box::new(Stream::new(address.clone(), None))),
                SyslogTo::Tls(address, tls) => {
                    Self::Stream(Box::new(Stream::new(address.clone(), Some(tls.clone()))))
                }
            },
            To::File(file) => Self::File(FileLink::new(file.clone())),
            To::Http(http) => Self::Http(Box::new(HttpLink::new(http.clone()))),
            To::Splunk(splunk) => Self::Splunk(Box::new(SplunkLink::new(splunk.clone()))),
            To::Elastic(elastic) => Self::Elastic(Box::new(ElasticLink::new(elastic.clone()))),
            To::UnifiedLog { subsystem } => Self::UnifiedLog(UnifiedLog::new(subsystem)),
        }
    }

    /// Hands a batch over, in its order. What a stream or Splunk took is confirmed later: see [`Link::progress`].
    pub async fn send(&mut self, batch: &[Message]) -> Outcome {
        match self {
            Self::Stream(link) => link.send(batch).await,
            Self::Datagram(link) => link.send(batch).await,
            Self::File(link) => link.send(batch),
            Self::Http(link) => link.send(batch).await,
            Self::Splunk(link) => link.send(batch).await,
            Self::Elastic(link) => link.send(batch).await,
            Self::UnifiedLog(link) => link.send(batch),
        }
    }

    /// Whether what was sent is still to be confirmed by [`Link::progress`].
    pub fn confirms_later(&self) -> bool {
        matches!(self, Self::Stream(_) | Self::Splunk(_))
    }

    /// What a confirmation that comes later says, for a person.
    pub fn receipt(&self) -> &'static str {
        match self {
            Self::Splunk(_) => {
                "taken by the collector, and acknowledged by the indexers where the token asks for that"
            }
            _ => "read to the end by the receiver",
        }
    }

    /// Something is sent and not confirmed.
    pub fn waits(&self) -> bool {
        match self {
            Self::Stream(link) => link.waits(),
            Self::Splunk(link) => link.waits(),
            _ => false,
        }
    }

    /// The number before which everything has arrived, as soon as that is more than before. May be dropped and asked
    /// again; after a failure everything unconfirmed must be sent again. `asking`: ask the receiver for its word where
    /// it is time to, which should not be dropped at once.
    pub async fn progress(&mut self, asking: bool) -> Result<u64, Failure> {
        match self {
            Self::Stream(link) => link.progress(asking).await,
            Self::Splunk(link) => link.progress(asking).await,
            _ => std::future::pending().await,
        }
    }

    /// The end is near: confirm now rather than later.
    pub fn hurry(&mut self) {
        if let Self::Stream(link) = self {
            link.hurry();
        }
    }

    /// Forgets connections, and what was not confirmed.
    pub fn reset(&mut self) {
        match self {
            Self::Stream(link) => link.reset(),
            Self::Datagram(link) => link.reset(),
            Self::File(link) => link.reset(),
            Self::Http(link) => link.reset(),
            Self::Splunk(link) => link.reset(),
            Self::Elastic(link) => link.reset(),
            Self::UnifiedLog(_) => {}
        }
    }
}
