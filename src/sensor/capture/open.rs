//! From a path to plain bytes: opening, decompression, and a look at what it is.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Cursor, Read};

use flate2::read::MultiGzDecoder;
use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

use super::error::CaptureError;

/// zstd windows beyond this are refused: 128 MiB is what `zstd --long` makes by default.
const MAX_ZSTD_WINDOW: u64 = 128 << 20;
/// Decompressors ask for little at a time; the file is read in larger pieces.
const COMPRESSED_BUFFER: usize = 128 << 10;

/// Opens a file, a FIFO or, for `-`, standard input.
pub(super) fn open(path: &str) -> Result<Box<dyn Read + Send>, CaptureError> {
    Ok(match path {
        "-" => Box::new(io::stdin()),
        _ => Box::new(open_file(path)?),
    })
}

fn open_file(path: &str) -> Result<File, CaptureError> {
    let failed = |source| CaptureError::Open { path: path.to_owned(), source };
    let file = File::open(path).map_err(failed)?;
    match file.metadata().map_err(failed)?.is_dir() {
        true => Err(CaptureError::Directory { path: path.to_owned() }),
        false => Ok(file),
    }
}

/// Undoes gzip (RFC 1952) or zstd (RFC 8878) if the first bytes say so.
pub(super) fn plain(mut raw: Box<dyn Read + Send>) -> io::Result<Box<dyn Read + Send>> {
    let mut magic = Vec::with_capacity(4);
    raw.by_ref().take(4).read_to_end(&mut magic)?;
    let kind = magic.first_chunk::<4>().copied().unwrap_or_default();
    let whole = Cursor::new(magic).chain(raw);
    Ok(match kind {
        [0x1f, 0x8b, ..] => Box::new(MultiGzDecoder::new(BufReader::with_capacity(COMPRESSED_BUFFER, whole))),
        [0x28, 0xb5, 0x2f, 0xfd] | [0x50..=0x5f, 0x2a, 0x4d, 0x18] => {
            Box::new(ZstdFrames::new(Box::new(whole)))
        }
        _ => Box::new(whole),
    })
}

/// All zstd frames of a stream, one after another; skippable frames are skipped.
struct ZstdFrames {
    source: BufReader<Box<dyn Read + Send>>,
    decoder: FrameDecoder,
    inside: bool,
}

impl ZstdFrames {
    fn new(source: Box<dyn Read + Send>) -> Self {
        let mut decoder = FrameDecoder::new();
        decoder.set_max_window_size(MAX_ZSTD_WINDOW);
        Self { source: BufReader::with_capacity(COMPRESSED_BUFFER, source), decoder, inside: false }
    }

    /// Reads the header of the next frame. False at the end of the stream.
    fn next_frame(&mut self) -> io::Result<bool> {
        while !self.source.fill_buf()?.is_empty() {
            match self.decoder.init(&mut self.source) {
                Ok(()) => return Ok(true),
                Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame {
                    length,
                    ..
                })) => {
                    let length = u64::from(length);
                    if io::copy(&mut self.source.by_ref().take(length), &mut io::sink())? < length {
                        return Err(io::ErrorKind::UnexpectedEof.into());
                    }
                }
                Err(error) => return Err(io::Error::new(io::ErrorKind::InvalidData, error)),
            }
        }
        Ok(false)
    }
}

impl Read for ZstdFrames {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while !out.is_empty() {
            if !self.inside {
                if !self.next_frame()? {
                    break;
                }
                self.inside = true;
            }
            match self.decoder.read(out)? {
                0 if self.decoder.is_finished() => self.inside = false,
                0 => {
                    self.decoder
                        .decode_blocks(&mut self.source, BlockDecodingStrategy::UptoBlocks(1))
                        .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
                }
                count => return Ok(count),
            }
        }
        Ok(0)
    }
}

/// What a stream that is no capture seems to be.
pub(super) fn looks_like(head: &[u8]) -> &'static str {
    let text = head.iter().all(|byte| matches!(byte, b'\t' | b'\n' | b'\r' | 0x20..=0x7e | 0x80..));
    match head {
        [b'P', b'K', 3 | 5 | 7, ..] => "it looks like a zip archive",
        [b'B', b'Z', b'h', ..] => "it is compressed with bzip2, which is not read",
        [0xfd, b'7', b'z', ..] => "it is compressed with xz, which is not read",
        [0x7f, b'E', b'L', b'F', ..] | [0xcf, 0xfa, 0xed, 0xfe, ..] | [0xca, 0xfe, 0xba, 0xbe, ..] => {
            "it is an executable"
        }
        [b's', b'n', b'o', b'o', b'p', 0, ..] => "it is a snoop capture, which is not read",
        [b'b', b'p', b'l', b'i', b's', b't', ..] => "it is a property list",
        [b'{' | b'[', ..] => "it looks like JSON; event recordings go to --events",
        _ if text => "it looks like text",
        _ => "its first bytes are unknown",
    }
}
