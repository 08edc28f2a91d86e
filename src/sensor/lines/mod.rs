//! Lines of a recording: a file, a FIFO, standard input; plain, gzip or zstd.
//!
//! A line is lent from one buffer that is used again and again, and is handed out as soon as its line feed has been
//! read, so that a recording may still be growing.

use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::path::Path;

use memchr::memchr;
use thiserror::Error;

use crate::sensor::compressed::{self, Form};
use crate::sensor::halt::Halt;

/// Bytes the buffer starts with.
const BUFFER: usize = 512 * 1024;
/// Bytes asked for at once. Small enough that what was just read is still in the processor's cache when it is looked at.
const CHUNK: usize = 128 * 1024;
/// The longest line that is handed out. The longest real one seen has 6.4 KB; an exec can carry 1 MiB of arguments, and
/// six bytes for each where all are escaped.
pub const MAX_LINE: usize = 16 * 1024 * 1024;

/// Why a recording could not be read, or not to its end.
#[derive(Error, Debug)]
pub enum LinesError {
    #[error("{name}: no such file")]
    Missing { name: String },
    #[error("{name}: permission denied")]
    Denied { name: String },
    #[error("{name}: is a directory")]
    Directory { name: String },
    #[error("{name}: damaged {form} data: {source}")]
    Damaged { name: String, form: &'static str, source: io::Error },
    #[error("{name}: {source}")]
    Read { name: String, source: io::Error },
}

/// What a recording holds next.
#[derive(PartialEq, Eq, Debug)]
pub enum Item<'a> {
    Line(Line<'a>),
    /// A line longer than [`MAX_LINE`] was passed over.
    TooLong {
        number: u64,
        /// Its length.
        bytes: u64,
    },
}

/// One line, without its line feed. Empty lines are counted but not handed out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Line<'a> {
    pub bytes: &'a [u8],
    /// From 1.
    pub number: u64,
    /// False for what stands behind the last line feed: `eslogger` was killed there, or the file was cut, or it is a
    /// whole line and only its line feed is missing.
    pub complete: bool,
}

/// Hands out the lines of one recording, in order.
pub struct Lines {
    name: String,
    form: Form,
    /// A pipe: more may come any time, or nothing for long.
    grows: bool,
    source: Box<dyn Read + Send>,
    buffer: Vec<u8>,
    /// The unread part of `buffer`.
    start: usize,
    end: usize,
    /// `buffer[start..searched]` has no line feed.
    searched: usize,
    number: u64,
    /// Nothing comes any more.
    over: bool,
    /// Told once what came before it has been handed out.
    failure: Option<io::Error>,
}

/// Where a line lies in the buffer.
enum Found {
    Line { start: usize, end: usize, complete: bool },
    TooLong { bytes: u64 },
    End,
}

impl Found {
    /// The limit holds for a line that happens to be there whole, too: how the bytes arrived must not show.
    fn line(start: usize, end: usize, complete: bool) -> Self {
        match end - start {
            len if len > MAX_LINE => Self::TooLong { bytes: len as u64 },
            _ => Self::Line { start, end, complete },
        }
    }
}

impl Lines {
    /// Opens a file or FIFO; `-` is standard input. Fails where it cannot be opened, or its beginning cannot be read.
    pub fn open(path: &Path) -> Result<Self, LinesError> {
        Self::open_until(path, &Halt::default())
    }

    /// The same; a pipe ends when that is said.
    pub fn open_until(path: &Path, halt: &Halt) -> Result<Self, LinesError> {
        if path.as_os_str() == "-" {
            let name = "standard input".to_owned();
            let input = halt.over_input().map_err(|error| named(&name, Form::Plain, error))?;
            return Ok(Self { grows: true, ..Self::new(name, input)? });
        }
        let name = path.display().to_string();
        let file = File::open(path).map_err(|error| named(&name, Form::Plain, error))?;
        match file.metadata() {
            Ok(metadata) if metadata.is_dir() => Err(LinesError::Directory { name }),
            metadata => {
                let grows = metadata.is_ok_and(|metadata| !metadata.is_file());
                Ok(Self { grows, ..Self::new(name, halt.over(file))? })
            }
        }
    }

    /// Reads from `source`, which messages call `name`. Waits for its first bytes, which tell whether it is compressed.
    pub fn new(name: String, source: Box<dyn Read + Send>) -> Result<Self, LinesError> {
        let (form, source) = compressed::detect(source).map_err(|error| named(&name, Form::Plain, error))?;
        Ok(Self {
            name,
            form,
            grows: false,
            source,
            buffer: vec![0; BUFFER],
            start: 0,
            end: 0,
            searched: 0,
            number: 0,
            over: false,
            failure: None,
        })
    }

    /// The name for messages.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// May it have to be waited for?
    pub fn grows(&self) -> bool {
        self.grows
    }

    /// The next line; `None` at the end. After an error there is nothing more: all that could be read came before it.
    pub fn next_line(&mut self) -> Result<Option<Item<'_>>, LinesError> {
        loop {
            match self.find()? {
                Found::End => return Ok(None),
                Found::TooLong { bytes } => {
                    return Ok(Some(Item::TooLong { number: self.number, bytes }));
                }
                Found::Line { start, end, .. } if self.is_blank(start, end) => {}
                Found::Line { start, end, complete } => {
                    let bytes = self.buffer.get(start..end).unwrap_or_default();
                    return Ok(Some(Item::Line(Line { bytes, number: self.number, complete })));
                }
            }
        }
    }

    /// Is the next line in memory whole, so that [`Self::next_line`] need not wait for its source? False where it may have
    /// to.
    #[inline]
    pub fn is_ready(&mut self) -> bool {
        let unsearched = self.buffer.get(self.searched..self.end).unwrap_or_default();
        let found = memchr(b'\n', unsearched).map(|at| self.searched + at);
        // What was searched once is not searched again.
        self.searched = found.unwrap_or(self.end);
        found.is_some_and(|end| !self.is_blank(self.start, end))
    }

    fn is_blank(&self, start: usize, end: usize) -> bool {
        self.buffer.get(start..end).is_none_or(|line| line.iter().all(u8::is_ascii_whitespace))
    }

    /// Finds the next line, reading until its end is there.
    fn find(&mut self) -> Result<Found, LinesError> {
        loop {
            let unsearched = self.buffer.get(self.searched..self.end).unwrap_or_default();
            let found = match unsearched {
                // Whoever asked whether a line is ready had it searched for.
                [b'\n', ..] => Some(0),
                _ => memchr(b'\n', unsearched),
            };
            if let Some(at) = found {
                let (start, end) = (self.start, self.searched + at);
                (self.start, self.searched) = (end + 1, end + 1);
                self.number += 1;
                return Ok(Found::line(start, end, true));
            }
            self.searched = self.end;
            if self.over {
                return self.last();
            }
            if self.end - self.start > MAX_LINE {
                return self.pass_over();
            }
            self.fill();
        }
    }

    /// What stands behind the last line feed, then the failure if there was one, then the end.
    fn last(&mut self) -> Result<Found, LinesError> {
        if self.start < self.end {
            let (start, end) = (self.start, self.end);
            self.start = end;
            self.number += 1;
            return Ok(Found::line(start, end, false));
        }
        match self.failure.take() {
            Some(error) => Err(named(&self.name, self.form, error)),
            None => Ok(Found::End),
        }
    }

    /// Passes over the rest of a line that is longer than the buffer may grow.
    fn pass_over(&mut self) -> Result<Found, LinesError> {
        self.number += 1;
        let mut bytes = 0;
        loop {
            let rest = self.buffer.get(self.start..self.end).unwrap_or_default();
            let found = memchr(b'\n', rest);
            bytes += found.unwrap_or(rest.len()) as u64;
            self.start = found.map_or(self.end, |at| self.start + at + 1);
            self.searched = self.start;
            if found.is_some() || self.over {
                self.buffer.truncate(BUFFER.max(self.end));
                self.buffer.shrink_to_fit();
                return Ok(Found::TooLong { bytes });
            }
            self.fill();
        }
    }

    /// Reads once, making room first: by moving what is unread to the front, and by growing where that fills the buffer.
    fn fill(&mut self) {
        if self.start > 0 {
            self.buffer.copy_within(self.start..self.end, 0);
            self.searched -= self.start;
            self.end -= self.start;
            self.start = 0;
        }
        if self.end == self.buffer.len() {
            self.buffer.resize((self.end * 2).clamp(BUFFER, MAX_LINE + CHUNK), 0);
        }
        let until = self.buffer.len().min(self.end + CHUNK);
        let room = self.buffer.get_mut(self.end..until).unwrap_or_default();
        match self.source.read(room) {
            Ok(0) => self.over = true,
            Ok(count) => self.end += count.min(room.len()),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => (self.over, self.failure) = (true, Some(error)),
        }
    }
}

fn named(name: &str, form: Form, source: io::Error) -> LinesError {
    let name = name.to_owned();
    match (source.kind(), form.name()) {
        (ErrorKind::NotFound, _) => LinesError::Missing { name },
        (ErrorKind::PermissionDenied, _) => LinesError::Denied { name },
        (ErrorKind::IsADirectory, _) => LinesError::Directory { name },
        (_, Some(form)) => LinesError::Damaged { name, form, source },
        (_, None) => LinesError::Read { name, source },
    }
}

#[cfg(test)]
mod tests;
