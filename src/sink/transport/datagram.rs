//! Syslog in datagrams: UDP (RFC 5426), and the system's own socket. Best effort: nobody answers.

use std::io::{self, ErrorKind};
use std::path::PathBuf;
use std::time::Duration;

use tokio::net::{UdpSocket, UnixDatagram, lookup_host};
use tokio::time::timeout;

use crate::sink::output::Address;

use super::{Failure, Message, Outcome};

/// Where systems keep their socket: macOS, then Linux.
const LOCAL: [&str; 2] = ["/var/run/syslog", "/dev/log"];
const PATIENCE: Duration = Duration::from_secs(10);

#[derive(Debug)]
pub struct Datagram {
    to: Target,
    socket: Option<Socket>,
}

#[derive(Debug)]
enum Target {
    Local(Option<PathBuf>),
    Udp(Address),
}

#[derive(Debug)]
enum Socket {
    Local(UnixDatagram),
    Udp(UdpSocket),
}

impl Datagram {
    pub fn local(path: Option<PathBuf>) -> Self {
        Self { to: Target::Local(path), socket: None }
    }

    pub fn udp(address: Address) -> Self {
        Self { to: Target::Udp(address), socket: None }
    }

    /// What can be known without sending: that the socket is there, or the name known.
    pub async fn reach(&self) -> Result<String, Failure> {
        let failed = |why: &dyn std::fmt::Display| Failure::new(format!("{}: {why}", self.name()));
        match timeout(PATIENCE, self.open()).await {
            Ok(Ok(_)) => Ok(format!("{} takes messages; nobody answers there", self.name())),
            Ok(Err(error)) => Err(failed(&error)),
            Err(_) => Err(failed(&format!("no answer in {PATIENCE:?}"))),
        }
    }

    pub fn reset(&mut self) {
        self.socket = None;
    }

    pub async fn send(&mut self, batch: &[Message]) -> Outcome {
        let mut outcome =
            Outcome { answer: "handed to the system; nobody answers".to_owned(), ..Outcome::default() };
        for message in batch {
            match timeout(PATIENCE, self.one(message.text.as_bytes())).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) if too_long(&error) => {
                    outcome.refused.push((outcome.taken, format!("too long for a datagram: {error}")));
                }
                Ok(Err(error)) => {
                    outcome.failure = Some(Failure::new(format!("{}: {error}", self.name())));
                    return outcome;
                }
                Err(_) => {
                    let text = format!("{}: nothing was taken in {PATIENCE:?}", self.name());
                    outcome.failure = Some(Failure::new(text));
                    return outcome;
                }
            }
            outcome.taken += 1;
        }
        outcome
    }

    async fn one(&mut self, bytes: &[u8]) -> io::Result<()> {
        let socket = match self.socket.take() {
            Some(socket) => socket,
            None => self.open().await?,
        };
        let sent = match self.socket.insert(socket) {
            Socket::Local(socket) => socket.send(bytes).await,
            Socket::Udp(socket) => socket.send(bytes).await,
        };
        sent.map(|_| ())
    }

    async fn open(&self) -> io::Result<Socket> {
        match &self.to {
            Target::Local(path) => {
                let socket = UnixDatagram::unbound()?;
                let default = || LOCAL.iter().map(PathBuf::from).find(|path| path.exists());
                let path = path.clone().or_else(default);
                let absent = || io::Error::new(ErrorKind::NotFound, "the system has no such socket");
                socket.connect(path.ok_or_else(absent)?)?;
                Ok(Socket::Local(socket))
            }
            Target::Udp(address) => {
                let mut found = lookup_host((address.host.as_str(), address.port)).await?;
                let address = found.next().ok_or_else(|| io::Error::from(ErrorKind::NotFound))?;
                let any = if address.is_ipv6() { "[::]:0" } else { "0.0.0.0:0" };
                let socket = UdpSocket::bind(any).await?;
                socket.connect(address).await?;
                Ok(Socket::Udp(socket))
            }
        }
    }

    fn name(&self) -> String {
        match &self.to {
            Target::Local(Some(path)) => path.display().to_string(),
            Target::Local(None) => "the system's syslog socket".to_owned(),
            Target::Udp(address) => address.to_string(),
        }
    }
}

fn too_long(error: &io::Error) -> bool {
    error.raw_os_error() == Some(libc::EMSGSIZE)
}
