//! Tells from its first bytes how a recording is compressed, and undoes it.

use std::io::{self, BufRead, BufReader, Cursor, ErrorKind, Read};

use flate2::bufread::MultiGzDecoder;
use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

/// Largest zstd window accepted: `zstd --ultra --long=27` needs this much; a frame that asks for more is refused.
const MAX_WINDOW: u64 = 128 * 1024 * 1024;
/// Decompressors ask for little at a time; the file is read in larger pieces.
const BUFFER: usize = 128 * 1024;
const GZIP: [u8; 2] = [0x1F, 0x8B];
const ZSTD: [u8; 4] = [0x28, 0xB5, 0x2F, 0xFD];

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Form {
    Plain,
    Gzip,
    Zstd,
}

impl Form {
    /// For messages; `None` if nothing is compressed.
    pub(super) fn name(self) -> Option<&'static str> {
        match self {
            Self::Plain => None,
            Self::Gzip => Some("gzip"),
            Self::Zstd => Some("zstd"),
        }
    }
}

/// Looks at the first bytes and puts the right decoder in front of the source.
pub(super) fn detect(mut source: Box<dyn Read + Send>) -> io::Result<(Form, Box<dyn Read + Send>)> {
    let magic = read_magic(&mut source)?;
    let form = if magic.starts_with(&GZIP) {
        Form::Gzip
    } else if magic.starts_with(&ZSTD) || is_skippable(&magic) {
        Form::Zstd
    } else {
        Form::Plain
    };
    let whole = Cursor::new(magic).chain(source);
    let reader: Box<dyn Read + Send> = match form {
        Form::Plain => Box::new(whole),
        Form::Gzip => Box::new(MultiGzDecoder::new(BufReader::with_capacity(BUFFER, whole))),
        Form::Zstd => Box::new(ZstdReader::new(BufReader::with_capacity(BUFFER, whole))),
    };
    Ok((form, reader))
}

/// Says so of a beginning that is compressed in a way that is not undone.
pub fn otherwise(head: &[u8]) -> Option<&'static str> {
    match head {
        [b'B', b'Z', b'h', b'1'..=b'9', ..] => Some("it is compressed with bzip2, which is not read"),
        [0xFD, b'7', b'z', b'X', b'Z', 0, ..] => Some("it is compressed with xz, which is not read"),
        _ => None,
    }
}

/// Up to four bytes; no more than one where that one already rules compression out, because a growing recording may keep
/// the rest waiting.
fn read_magic(source: &mut dyn Read) -> io::Result<Vec<u8>> {
    let mut magic = Vec::with_capacity(ZSTD.len());
    while magic.len() < ZSTD.len() && magic.first().is_none_or(|byte| may_begin(*byte)) {
        let mut byte = [0];
        match source.read(&mut byte) {
            Ok(0) => break,
            Ok(_) => magic.extend_from_slice(&byte),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(magic)
}

fn may_begin(byte: u8) -> bool {
    byte == GZIP[0] || byte == ZSTD[0] || byte & 0xF0 == 0x50
}

/// `0x184D2A5?`, little-endian: a zstd frame that holds something else, which may come first.
fn is_skippable(magic: &[u8]) -> bool {
    matches!(magic, [0x50..=0x5F, 0x2A, 0x4D, 0x18])
}

/// All frames of a zstd stream, one after another (the library's own reader stops behind the first).
struct ZstdReader<R> {
    source: R,
    decoder: FrameDecoder,
    place: Place,
}

/// Where in the stream a [`ZstdReader`] is.
enum Place {
    Between,
    Inside,
    /// Nothing more can be decoded. The error is told once what came before it has been given out.
    Over(Option<io::Error>),
}

/// A block that is the last of its frame and holds nothing, and a checksum.
const LAST_BLOCK: [u8; 7] = [1, 0, 0, 0, 0, 0, 0];

impl<R: BufRead> ZstdReader<R> {
    fn new(source: R) -> Self {
        let mut decoder = FrameDecoder::new();
        decoder.set_max_window_size(MAX_WINDOW);
        Self { source, decoder, place: Place::Between }
    }

    /// False at the end of the stream.
    fn next_frame(&mut self) -> io::Result<bool> {
        loop {
            if self.source.fill_buf()?.is_empty() {
                return Ok(false);
            }
            match self.decoder.reset(&mut self.source) {
                Ok(()) => return Ok(true),
                Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame {
                    length,
                    ..
                })) => {
                    io::copy(&mut (&mut self.source).take(u64::from(length)), &mut io::sink())?;
                }
                Err(error) => return Err(invalid(error)),
            }
        }
    }

    /// All of the frame has been given out: was it what was packed? Not every frame says.
    fn behind_frame(&self) -> Place {
        let promised = self.decoder.get_checksum_from_data();
        if promised.is_none() || promised == self.decoder.get_calculated_checksum() {
            return Place::Between;
        }
        let text = "corrupt zstd frame does not have a matching checksum";
        Place::Over(Some(io::Error::new(ErrorKind::InvalidData, text)))
    }

    /// Decodes a block. The decoder keeps back a window's length of what it decoded until the frame ends; where it cannot
    /// go on, an end is made up, so that this too is given out.
    fn next_block(&mut self) {
        let one = BlockDecodingStrategy::UptoBlocks(1);
        if let Err(error) = self.decoder.decode_blocks(&mut self.source, one) {
            // If that fails as well, what was kept back is lost, and the first error says enough.
            _ = self.decoder.decode_blocks(&LAST_BLOCK[..], BlockDecodingStrategy::UptoBlocks(1));
            self.place = Place::Over(Some(invalid(error)));
        }
    }
}

impl<R: BufRead> Read for ZstdReader<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if out.is_empty() {
            return Ok(0);
        }
        loop {
            if matches!(self.place, Place::Between) {
                if !self.next_frame()? {
                    return Ok(0);
                }
                self.place = Place::Inside;
            }
            let count = self.decoder.read(out)?;
            if count > 0 {
                return Ok(count);
            }
            match &mut self.place {
                Place::Over(error) => return error.take().map_or(Ok(0), Err),
                _ if self.decoder.is_finished() => self.place = self.behind_frame(),
                _ => self.next_block(),
            }
        }
    }
}

fn invalid(error: FrameDecoderError) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, error)
}
