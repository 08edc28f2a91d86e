//! Records on standard output, one JSON object a line: where a daemon without outputs speaks.

use std::io::{self, BufWriter, Write};

use crate::model::Record;

use super::house;

/// Writes records.
pub(super) struct Speaking<W: Write> {
    out: BufWriter<W>,
    line: Vec<u8>,
}

impl<W: Write> Speaking<W> {
    pub(super) fn new(out: W) -> Self {
        Self { out: BufWriter::new(out), line: Vec::new() }
    }

    /// All of them, and nothing stays in a buffer: a record that sits there warns nobody.
    pub(super) fn say(&mut self, records: impl Iterator<Item = Record>) -> io::Result<()> {
        for record in records {
            self.line.clear();
            house::write(&record, &mut self.line);
            self.out.write_all(&self.line)?;
        }
        self.out.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Coverage, CoverageKind, Timestamp};

    fn record() -> Record {
        let time = Timestamp::from_nanos(1);
        Record::Coverage(Coverage {
            kind: CoverageKind::EventLoss,
            start: time,
            end: time,
            count: 2,
            text: "x".into(),
        })
    }

    #[test]
    fn one_line_for_each_record() {
        let mut out = Vec::new();
        Speaking::new(&mut out).say((0..3).map(|_| record())).unwrap();
        assert_eq!(out.iter().filter(|byte| **byte == b'\n').count(), 3);
        assert_eq!(out.last(), Some(&b'\n'));
    }

    #[test]
    fn an_output_that_fails_ends_it() {
        struct Broken;
        impl Write for Broken {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::ErrorKind::BrokenPipe.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let said = Speaking::new(Broken).say(std::iter::once(record()));
        assert_eq!(said.unwrap_err().kind(), io::ErrorKind::BrokenPipe);
    }
}
