//! Packets that another program writes: a FIFO, or a file that grows, such as `tcpdump -U -w FILE` makes.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileTypeExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use super::listen::{Ended, Heard, Source};
use crate::sensor::capture::CaptureReader;
use crate::sensor::gather::Gather;

/// Bytes read at once, and how many such pieces wait: 4 MiB.
const PIECE: usize = 64 << 10;
const PIECES: usize = 64;
/// Between two looks whether it is time to stop, or whether a file has grown.
const PATIENCE: Duration = Duration::from_millis(100);

/// A capture as it is written. A FIFO ends when its writer does; a file never: more may be added.
///
/// Reading may block for as long as nobody writes, so a thread of its own does it, which is left behind at the end.
pub struct Stream {
    name: String,
    reader: CaptureReader,
    stop: Arc<AtomicBool>,
}

impl Stream {
    /// Waits for the capture's header, as long as that takes. `stop` ends every wait.
    pub fn open(path: &Path, stop: &Arc<AtomicBool>) -> Result<Self, Ended> {
        let name = path.display().to_string();
        let failed = |error: io::Error| Ended::Failed(format!("{name}: cannot be read: {error}"));
        let grows = !std::fs::metadata(path).map_err(failed)?.file_type().is_fifo();
        let (pieces, waiting) = sync_channel(PIECES);
        let (path, left) = (path.to_owned(), Arc::clone(stop));
        let read = move || pump(&path, grows, &pieces, &left);
        thread::Builder::new().name("capture-file".to_owned()).spawn(read).map_err(failed)?;
        let pipe = Pipe { waiting, piece: Vec::new(), at: 0, stop: Arc::clone(stop) };
        match CaptureReader::from_stream(&name, Box::new(pipe)) {
            Ok(reader) => Ok(Self { name, reader, stop: Arc::clone(stop) }),
            Err(_) if stop.load(Ordering::Relaxed) => Err(Ended::Stopped),
            Err(error) => Err(Ended::Failed(error.to_string())),
        }
    }
}

impl Source for Stream {
    fn next(&mut self) -> Result<Heard<'_>, Ended> {
        match self.reader.next() {
            Ok(Some(packet)) => Ok(Heard::Packet(packet)),
            _ if self.stop.load(Ordering::Relaxed) => Err(Ended::Stopped),
            Ok(None) => Err(Ended::Failed(format!("{}: its writer ended", self.name))),
            Err(error) => Err(Ended::Failed(error.to_string())),
        }
    }

    /// What the writer says that it lost: pcapng alone has room for that.
    fn dropped(&mut self) -> u64 {
        self.reader.dropped()
    }
}

/// Reads until the end, which a growing file has not.
fn pump(path: &Path, grows: bool, pieces: &SyncSender<io::Result<Vec<u8>>>, stop: &AtomicBool) {
    let mut file = match File::open(path) {
        Ok(file) => Gather::new(file),
        Err(error) => return drop(pieces.send(Err(error))),
    };
    let mut piece = vec![0; PIECE];
    while !stop.load(Ordering::Relaxed) {
        let read = match file.read(&mut piece) {
            Ok(0) if grows => {
                thread::sleep(PATIENCE);
                continue;
            }
            Ok(0) => return,
            Ok(count) => Ok(piece[..count].to_vec()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => Err(error),
        };
        let failed = read.is_err();
        if pieces.send(read).is_err() || failed {
            return;
        }
    }
}

/// The reading end. It is at its end, too, when it is time to stop.
struct Pipe {
    waiting: Receiver<io::Result<Vec<u8>>>,
    piece: Vec<u8>,
    at: usize,
    stop: Arc<AtomicBool>,
}

impl Read for Pipe {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.at == self.piece.len() {
            match self.waiting.recv_timeout(PATIENCE) {
                Ok(piece) => (self.piece, self.at) = (piece?, 0),
                Err(RecvTimeoutError::Timeout) if !self.stop.load(Ordering::Relaxed) => {}
                Err(_) => return Ok(0),
            }
        }
        let rest = &self.piece[self.at..];
        let count = rest.len().min(buffer.len());
        buffer[..count].copy_from_slice(&rest[..count]);
        self.at += count;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Write;

    use super::*;

    /// A capture of raw IP with one packet of four bytes, twice.
    fn capture() -> (Vec<u8>, Vec<u8>) {
        let header = [0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 101, 0, 0, 0];
        let record = [1, 0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 4, 0, 0, 0, 0x45, 0, 0, 0];
        (header.into(), record.into())
    }

    fn is_packet(heard: Result<Heard<'_>, Ended>) -> bool {
        matches!(heard, Ok(Heard::Packet(packet)) if packet.data == [0x45, 0, 0, 0])
    }

    #[test]
    fn a_file_is_followed_as_it_grows_until_it_is_time_to_stop() {
        let path = std::env::temp_dir().join(format!("cloudward-grows-{}.pcap", std::process::id()));
        let (header, record) = capture();
        fs::write(&path, [&header[..], &record].concat()).unwrap();
        let stop = Arc::new(AtomicBool::new(false));
        let mut stream = Stream::open(&path, &stop).unwrap();
        assert!(is_packet(stream.next()));
        fs::OpenOptions::new().append(true).open(&path).unwrap().write_all(&record).unwrap();
        assert!(is_packet(stream.next()));
        stop.store(true, Ordering::Relaxed);
        assert_eq!(stream.next().unwrap_err(), Ended::Stopped);
        fs::remove_file(&path).unwrap();
    }

    #[test]
    fn what_is_no_capture_is_said() {
        let stop = Arc::new(AtomicBool::new(false));
        let missing = Stream::open(Path::new("/nowhere/at-all.pcap"), &stop).err();
        assert!(matches!(&missing, Some(Ended::Failed(why)) if why.contains("/nowhere/at-all.pcap")));
        let text = Stream::open(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml")), &stop).err();
        assert!(matches!(&text, Some(Ended::Failed(why)) if why.contains("not a pcap")), "{text:?}");
    }
}
