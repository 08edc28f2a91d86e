//! One capture, one packet after another: pcap or pcapng, plain or compressed, a file or a pipe that is still written.

use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use super::buffer::Window;
use super::error::{CaptureError, Fault};
use super::open;
use super::pcap::Pcap;
use super::pcapng::Pcapng;
use crate::model::{Direction, Owner, Timestamp};
use crate::net::{LinkType, Packet};
use crate::sensor::halt::{self, Halt};

/// Where a packet record lies in the window, and what its header said. Shared by both formats.
#[derive(Clone, Copy, Debug)]
pub(super) struct Record {
    pub(super) time: Timestamp,
    pub(super) link: LinkType,
    /// Distance of the packet's bytes from the window's position.
    pub(super) at: usize,
    pub(super) len: usize,
    pub(super) wire_len: u32,
    /// Bytes to step over once the packet was used.
    pub(super) size: usize,
    pub(super) direction: Option<Direction>,
    /// Index of the interface, in the order of their descriptions; pcapng only.
    pub(super) interface: Option<usize>,
    pub(super) owner: Option<Owner>,
}

impl Record {
    pub(super) const NONE: Self = Self {
        time: Timestamp::MIN,
        link: LinkType::Raw,
        at: 0,
        len: 0,
        wire_len: 0,
        size: 0,
        direction: None,
        interface: None,
        owner: None,
    };
}

enum Format {
    Pcap(Pcap),
    Pcapng(Box<Pcapng>),
}

/// Reads a capture as a stream.
///
/// Call [`Self::advance`], then [`Self::packet`] any number of times, or [`Self::next`] for both. After an error the
/// reader is at its end: what came before the error has been delivered.
pub struct CaptureReader {
    path: Arc<str>,
    window: Window,
    format: Format,
    /// The packet last stepped to; of no size if there is none.
    current: Record,
    done: bool,
    /// What may end it anywhere.
    halt: Halt,
}

impl CaptureReader {
    /// Opens a file, a FIFO or standard input (`-`) and reads its header. Fails where it cannot be opened, is empty or is
    /// no capture.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, CaptureError> {
        Self::open_until(path.as_ref(), &Halt::default())
    }

    /// The same; a pipe ends when that is said.
    pub fn open_until(path: &Path, halt: &Halt) -> Result<Self, CaptureError> {
        if path == Path::new("-") {
            let name = "standard input";
            let failed = |source| CaptureError::Open { path: name.to_owned(), source };
            let ends = halt::standard_input().map_or_else(|_| Halt::default(), |input| halt.of(&input));
            let reader = Self::from_stream(name, halt.over_input().map_err(failed)?)?;
            return Ok(Self { halt: ends, ..reader });
        }
        // Not every name is UTF-8: the file is opened by what it is called, and only messages say it as well as they can.
        let name = path.display().to_string();
        let file = open::open(path, &name)?;
        let ends = halt.of(&file);
        Ok(Self { halt: ends, ..Self::from_stream(&name, halt.over(file))? })
    }

    /// Reads any stream of bytes; `name` is for messages. Compression is undone, by its magic number.
    pub fn from_stream(name: &str, source: Box<dyn Read + Send>) -> Result<Self, CaptureError> {
        let unread = |source| CaptureError::Read { path: name.to_owned(), offset: 0, source };
        let source = open::plain(source).map_err(unread)?;
        let mut window = Window::new(source);
        let format = recognise(&mut window, name)?;
        let current = match &format {
            Format::Pcap(pcap) => pcap.blank(),
            Format::Pcapng(_) => Record::NONE,
        };
        let (path, halt) = (Arc::from(name), Halt::default());
        Ok(Self { path, window, format, current, done: false, halt })
    }

    /// As it was given, for messages.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Packets that the capture itself says it missed, as far as it was read; pcapng alone says so.
    pub fn dropped(&self) -> u64 {
        match &self.format {
            Format::Pcap(_) => 0,
            Format::Pcapng(pcapng) => pcapng.dropped(),
        }
    }

    /// Steps to the next packet. False at the end. Fails where the rest cannot be read; all packets before were given.
    #[inline(always)]
    pub fn advance(&mut self) -> Result<bool, CaptureError> {
        self.window.consume(self.current.size);
        if self.done {
            return Ok(false);
        }
        let read = match &mut self.format {
            Format::Pcap(pcap) => pcap.record(&mut self.window, &mut self.current),
            Format::Pcapng(pcapng) => pcapng.record(&mut self.window, &mut self.current),
        };
        if let Ok(true) = read { Ok(true) } else { self.end(read) }
    }

    /// Is the packet after the current one in memory, so that stepping to it need not wait for the stream?
    #[inline]
    pub(super) fn is_ready(&self) -> bool {
        let behind = self.window.known().get(self.current.size..).unwrap_or_default();
        match &self.format {
            Format::Pcap(pcap) => pcap.lies_in(behind),
            Format::Pcapng(pcapng) => pcapng.lies_in(behind),
        }
    }

    #[cold]
    fn end(&mut self, read: Result<bool, Fault>) -> Result<bool, CaptureError> {
        self.done = true;
        self.current = Record::NONE;
        read.map_err(|fault| match fault.cut_at() {
            Some(offset) if self.halt.is_being_said() => {
                CaptureError::Stopped { path: self.path.to_string(), offset }
            }
            _ => fault.of(&self.path),
        })
    }

    /// The time of the packet last stepped to.
    #[inline]
    pub(super) fn time(&self) -> Timestamp {
        self.current.time
    }

    /// The packet last stepped to.
    #[inline]
    pub fn packet(&self) -> Option<Packet<'_>> {
        self.packet_at(self.current.time)
    }

    /// The packet last stepped to, as if it had been captured at `time`.
    #[inline(always)]
    pub(super) fn packet_at(&self, time: Timestamp) -> Option<Packet<'_>> {
        let record = &self.current;
        if record.size == 0 {
            return None;
        }
        let interface = match (&self.format, record.interface) {
            (Format::Pcapng(pcapng), Some(index)) => pcapng.interface_name(index),
            _ => None,
        };
        Some(Packet {
            time,
            link: record.link,
            data: self.window.slice(record.at, record.len),
            wire_len: record.wire_len,
            interface,
            owner: record.owner.as_ref(),
            direction: record.direction,
        })
    }

    /// The next packet, or `None` at the end. Fails as [`advance`](Self::advance) does.
    #[inline]
    #[expect(
        clippy::should_implement_trait,
        reason = "packets borrow from the reader; Iterator cannot say that"
    )]
    pub fn next(&mut self) -> Result<Option<Packet<'_>>, CaptureError> {
        self.advance()?;
        Ok(self.packet())
    }
}

fn recognise(window: &mut Window, name: &str) -> Result<Format, CaptureError> {
    let path = || name.to_owned();
    let have = window.fill(4).map_err(|fault| fault.of(name))?;
    let Some(magic) = window.known().first_chunk::<4>().copied() else {
        return Err(match have {
            0 => CaptureError::Empty { path: path() },
            _ => CaptureError::Unrecognised { path: path(), looks: open::looks_like(window.known()) },
        });
    };
    if magic == [0x0a, 0x0d, 0x0d, 0x0a] {
        return Ok(Format::Pcapng(Box::default()));
    }
    let pcap = Pcap::header(magic, window).map_err(|fault: Fault| fault.of(name))?;
    pcap.map(Format::Pcap).ok_or_else(|| {
        let head = &window.known()[..window.known().len().min(64)];
        CaptureError::Unrecognised { path: path(), looks: open::looks_like(head) }
    })
}
