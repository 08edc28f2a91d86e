//! Syslog over TCP and TLS: octet counting (RFC 6587, 3.4.1; RFC 5425, 4.3), and a receipt that the protocol lacks.
//!
//! Nobody answers to syslog, and a write that succeeded is in some buffer, perhaps in one of a machine that is gone. But
//! TCP has one answer: whoever has read to the end of a connection closes it. So a connection is used for a while; then
//! a new one is opened, the old one is closed for writing, and when the receiver closes it too without a reset, it has
//! read all of it. A receiver may still lose what it has only read, if it is killed in that moment: so it must live on
//! for [`SETTLE`] more, which the new connection shows. A break of either before that sends everything again that was
//! not confirmed. (Its TLS begins with the first record: a receiver that serves one connection after another could not
//! answer earlier.)
//!
//! A receiver that never closes gets [`STRIKES`] chances; from then on silence for [`CONFIRM`] counts as its answer.

use std::collections::VecDeque;
use std::io::{self, ErrorKind};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until, timeout};

use crate::sink::output::{Address, Tls};

use super::connect::{Io, secure, tcp};
use super::{Failure, Message, Outcome};

/// For a receiver to take one batch.
const PATIENCE: Duration = Duration::from_secs(30);
/// Nothing more to write for so long: ask for a receipt.
const IDLE: Duration = Duration::from_millis(500);
/// The longest that a busy connection is used, in time and in bytes, before a receipt is asked for.
const BUSY: Duration = Duration::from_secs(1);
const BUSY_BYTES: u64 = 4 << 20;
/// For the receiver to close what we closed.
const CONFIRM: Duration = Duration::from_secs(10);
/// How long a receiver must live on before what it has read counts as arrived.
const SETTLE: Duration = Duration::from_secs(2);
const STRIKES: u32 = 3;

/// The way to one receiver.
#[derive(Debug)]
pub struct Stream {
    address: Address,
    tls: Option<Tls>,
    current: Option<Open>,
    /// The next connection, being opened.
    opening: Option<Opening>,
    closing: Option<Closing>,
    /// Read by the receiver, arrived at that time if it lives on.
    settling: VecDeque<(u64, Instant)>,
    strikes: u32,
    hurried: bool,
}

#[derive(Debug)]
struct Open {
    wire: Wire,
    written: Option<Written>,
}

#[derive(Debug)]
enum Wire {
    /// Nothing was said yet.
    Fresh(TcpStream),
    Ready(Box<dyn Io>),
}

#[derive(Clone, Copy, Debug)]
struct Written {
    /// The number behind the last record.
    next: u64,
    bytes: u64,
    first: Instant,
    last: Instant,
}

type Opening = JoinHandle<Result<TcpStream, Failure>>;

#[derive(Debug)]
struct Closing {
    wire: Wire,
    /// Closed for writing.
    shut: bool,
    next: u64,
    until: Instant,
}

impl Stream {
    pub fn new(address: Address, tls: Option<Tls>) -> Self {
        let settling = VecDeque::new();
        Self {
            address,
            tls,
            current: None,
            opening: None,
            closing: None,
            settling,
            strikes: 0,
            hurried: false,
        }
    }

    pub fn reset(&mut self) {
        (self.current, self.closing) = (None, None);
        if let Some(opening) = self.opening.take() {
            opening.abort();
        }
        self.settling.clear();
    }

    pub fn hurry(&mut self) {
        self.hurried = true;
    }

    pub fn waits(&self) -> bool {
        let written = self.current.as_ref().is_some_and(|open| open.written.is_some());
        written || self.closing.is_some() || !self.settling.is_empty()
    }

    pub async fn send(&mut self, batch: &[Message]) -> Outcome {
        match self.write(batch).await {
            Ok(()) => Outcome::all(batch, "written; the receiver does not answer to syslog"),
            Err(failure) => Outcome::failed(failure),
        }
    }

    async fn write(&mut self, batch: &[Message]) -> Result<(), Failure> {
        let Some(last) = batch.last() else { return Ok(()) };
        if self.due().is_some_and(|due| due <= Instant::now() && self.busy()) {
            self.turn().await?;
        }
        let Open { wire, written: before } = match self.current.take() {
            Some(open) => open,
            None => self.open().await?,
        };
        let io = match wire {
            Wire::Fresh(stream) => secure(stream, &self.address, self.tls.as_ref(), &[]).await?,
            Wire::Ready(io) => io,
        };
        let open = self.current.insert(Open { wire: Wire::Ready(io), written: before });
        let mut bytes = Vec::new();
        for message in batch {
            bytes.extend_from_slice(format!("{} ", message.text.len()).as_bytes());
            bytes.extend_from_slice(message.text.as_bytes());
        }
        // Before the write: a broken one may have arrived in part.
        let now = Instant::now();
        open.written = Some(Written {
            next: last.entry.seq + 1,
            bytes: before.map_or(0, |before| before.bytes) + bytes.len() as u64,
            first: before.map_or(now, |before| before.first),
            last: now,
        });
        let written = timeout(PATIENCE, async {
            let Wire::Ready(io) = &mut open.wire else { return Ok(()) };
            io.write_all(&bytes).await?;
            io.flush().await
        });
        match written.await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(self.broken(&error)),
            Err(_) => Err(Failure::new(format!("{}: nothing was taken in {PATIENCE:?}", self.address))),
        }
    }

    /// May be dropped: the connection goes on being opened.
    async fn open(&mut self) -> Result<Open, Failure> {
        let address = self.address.clone();
        let opening = self.opening.get_or_insert_with(|| tokio::spawn(async move { tcp(&address).await }));
        let opened = opening.await.unwrap_or_else(|error| Err(Failure::new(error.to_string())));
        self.opening = None;
        Ok(Open { wire: Wire::Fresh(opened?), written: None })
    }

    fn broken(&self, error: &io::Error) -> Failure {
        Failure::new(format!("{}: the connection broke: {error}", self.address))
    }

    /// A receipt is asked for although there is more to write.
    fn busy(&self) -> bool {
        let written = self.current.as_ref().and_then(|open| open.written);
        written.is_some_and(|written| written.bytes >= BUSY_BYTES || written.first.elapsed() >= BUSY)
    }

    /// When to ask for the next receipt, if one is to be asked for.
    fn due(&self) -> Option<Instant> {
        if self.closing.is_some() {
            return None;
        }
        let written = self.current.as_ref()?.written?;
        if self.hurried || written.bytes >= BUSY_BYTES {
            return Some(written.last);
        }
        Some((written.last + IDLE).min(written.first + BUSY))
    }

    /// Opens a new connection, then puts the old one among those to close. May be dropped and asked again.
    async fn turn(&mut self) -> Result<(), Failure> {
        let fresh = self.open().await?;
        let Some(old) = self.current.replace(fresh) else { return Ok(()) };
        let Some(written) = old.written else { return Ok(()) };
        self.closing = Some(Closing {
            wire: old.wire,
            shut: false,
            next: written.next,
            until: Instant::now() + CONFIRM,
        });
        Ok(())
    }

    /// See [`super::Link::progress`].
    pub async fn progress(&mut self, asking: bool) -> Result<u64, Failure> {
        loop {
            let (due, settled) = (self.due().filter(|_| asking), self.settling.front().map(|(_, at)| *at));
            let until = self.closing.as_ref().map(|closing| closing.until);
            let closing = self.closing.as_mut();
            let current = self.current.as_mut().map(|open| &mut open.wire);
            tokio::select! {
                biased;
                end = end(current) => self.ended(end)?,
                end = finish(closing) => self.closed(end)?,
                () = at(settled) => {
                    if let Some((next, _)) = self.settling.pop_front() {
                        return Ok(next);
                    }
                }
                () = at(until) => self.unconfirmed()?,
                () = at(due) => self.turn().await?,
            }
        }
    }

    /// The receiver left the connection in use.
    fn ended(&mut self, end: io::Result<()>) -> Result<(), Failure> {
        let address = &self.address;
        let text = match end {
            Ok(()) => format!("{address}: the receiver closed the connection"),
            Err(error) => format!("{address}: the connection broke: {error}"),
        };
        if self.waits() {
            return Err(Failure::new(text));
        }
        // Nothing was under way: the next record finds a new one.
        self.current = None;
        Ok(())
    }

    fn closed(&mut self, end: io::Result<()>) -> Result<(), Failure> {
        let Some(closing) = self.closing.take() else { return Ok(()) };
        match end {
            Ok(()) => {
                self.strikes = 0;
                self.settling.push_back((closing.next, Instant::now() + SETTLE));
                Ok(())
            }
            Err(error) => Err(self.broken(&error)),
        }
    }

    /// The receiver did not close in time.
    fn unconfirmed(&mut self) -> Result<(), Failure> {
        self.strikes += 1;
        if self.strikes < STRIKES {
            let text = format!("{}: the receiver did not close its side in {CONFIRM:?}", self.address);
            return Err(Failure::new(text));
        }
        if self.strikes == STRIKES {
            tracing::warn!(
                "{}: the receiver never closes a connection that was closed to it: from now on what it was sent \
                 counts as arrived when the connection has stood for {CONFIRM:?}",
                self.address
            );
        }
        if let Some(closing) = self.closing.take() {
            self.settling.push_back((closing.next, Instant::now() + SETTLE));
        }
        Ok(())
    }
}

async fn at(time: Option<Instant>) {
    match time {
        Some(time) => sleep_until(time).await,
        None => std::future::pending().await,
    }
}

/// Closes for writing, then reads until the other side has closed too. May be dropped and asked again.
async fn finish(closing: Option<&mut Closing>) -> io::Result<()> {
    let Some(closing) = closing else { return std::future::pending().await };
    if let Wire::Ready(io) = &mut closing.wire
        && !closing.shut
    {
        // If that fails, the end that is read for will not come in order either.
        let _ = io.shutdown().await;
        closing.shut = true;
    }
    end(Some(&mut closing.wire)).await
}

/// Reads until the other side ends. What it says is nobody's business.
async fn end(wire: Option<&mut Wire>) -> io::Result<()> {
    let Some(wire) = wire else { return std::future::pending().await };
    let mut heard = [0; 512];
    loop {
        let read = match wire {
            Wire::Fresh(stream) => stream.read(&mut heard).await,
            Wire::Ready(io) => io.read(&mut heard).await,
        };
        match read {
            Ok(0) => return Ok(()),
            Ok(_) => {}
            // TLS without a close_notify: GnuTLS in rsyslog leaves so. A reset is told otherwise.
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(()),
            Err(error) => return Err(error),
        }
    }
}
