//! Which servers take mail: what a program sends there is no upload to a cloud service, and is noted.

use super::domain::{DomainPattern, canonical_name};
use super::names::NameTree;

/// Servers of one kind.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct MailServers {
    /// Names and all below them.
    pub hosts: Vec<DomainPattern>,
    /// Customary first labels of a name; one that begins with `*` fits at the end.
    pub labels: Vec<Box<str>>,
    pub ports: Vec<u16>,
}

/// All of them.
#[derive(Clone, Debug, Default)]
pub struct Mail {
    hosts: NameTree,
    labels: Vec<Box<str>>,
    ports: Vec<u16>,
}

impl Mail {
    pub fn compile(servers: Vec<MailServers>) -> Self {
        let mut mail = Self::default();
        for (servers, number) in servers.into_iter().zip(0..) {
            servers.hosts.iter().for_each(|host| mail.hosts.insert(host, number));
            mail.labels.extend(servers.labels);
            mail.ports.extend(servers.ports);
        }
        mail
    }

    /// Does the host of this name take mail?
    pub fn takes(&self, host: &str) -> bool {
        let name = canonical_name(host);
        let first = name.split('.').next().unwrap_or_default();
        let customary = |label: &str| match label.strip_prefix('*') {
            Some(end) => first.ends_with(end),
            None => first == label,
        };
        let mut known = self.labels.iter().any(|label| customary(label));
        self.hosts.matching(&name, |_, _| known = true);
        known
    }

    /// Does whoever listens on this port?
    pub fn takes_at(&self, port: u16) -> bool {
        self.ports.contains(&port)
    }
}
