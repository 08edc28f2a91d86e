//! Records on standard output, one JSON object a line: where a daemon without outputs speaks.
//!
//! A disk that is full takes none. They wait then, and what finds no room to wait is told of when there is some again.

use std::io::{self, ErrorKind, Write};

use crate::model::{Coverage, CoverageKind, Record, Timestamp};

use super::house;

/// Bytes that wait for a disk that is full.
const WAITING: usize = 4 << 20;

/// Writes records.
pub(super) struct Speaking<W: Write> {
    out: W,
    /// Lines that are not out yet; of the first a part may be.
    lines: Vec<u8>,
    dropped: Option<Dropped>,
    full: bool,
}

/// Records for which there was no room.
struct Dropped {
    start: Timestamp,
    end: Timestamp,
    count: u64,
}

impl<W: Write> Speaking<W> {
    pub(super) fn new(out: W) -> Self {
        Self { out, lines: Vec::new(), dropped: None, full: false }
    }

    /// All of them, and nothing stays here but what a full disk does not take: a record that sits there warns nobody.
    pub(super) fn say(&mut self, records: impl Iterator<Item = Record>) -> io::Result<()> {
        for record in records {
            self.take(&record);
        }
        self.tend()
    }

    fn take(&mut self, record: &Record) {
        if self.lines.len() < WAITING && self.dropped.is_none() {
            house::write(record, &mut self.lines);
            return;
        }
        let time = record.time();
        let dropped = self.dropped.get_or_insert(Dropped { start: time, end: time, count: 0 });
        (dropped.start, dropped.end) = (dropped.start.min(time), dropped.end.max(time));
        dropped.count += 1;
    }

    /// Tries again what waits.
    pub(super) fn tend(&mut self) -> io::Result<()> {
        while self.write()? {
            let Some(dropped) = self.dropped.take() else { break };
            self.take(&Record::Coverage(dropped.told()));
        }
        Ok(())
    }

    /// Is all out?
    fn write(&mut self) -> io::Result<bool> {
        let mut written = 0;
        let outcome = loop {
            let rest = self.lines.get(written..).unwrap_or_default();
            if rest.is_empty() {
                break self.out.flush();
            }
            match self.out.write(rest) {
                Ok(0) => break Err(ErrorKind::WriteZero.into()),
                Ok(count) => written += count,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => break Err(error),
            }
        };
        self.lines.drain(..written.min(self.lines.len()));
        match outcome {
            Ok(()) => self.full = false,
            Err(error) if matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded) => {
                if !self.full {
                    tracing::error!("records wait in memory: standard output takes none: {error}");
                }
                self.full = true;
            }
            Err(error) => return Err(error),
        }
        Ok(!self.full)
    }

    /// At the end: records that nobody will see.
    pub(super) fn close(mut self) -> io::Result<()> {
        self.tend()?;
        let lines = memchr::memchr_iter(b'\n', &self.lines).count() as u64;
        let lost = lines + self.dropped.map_or(0, |dropped| dropped.count);
        if lost > 0 {
            tracing::error!(lost, "records are lost: standard output took none until the end");
        }
        Ok(())
    }
}

impl Dropped {
    fn told(self) -> Coverage {
        let text =
            "records given up because standard output took none, and no more of them find room in memory";
        let kind = CoverageKind::OutputDropped;
        Coverage { kind, start: self.start, end: self.end, count: self.count, text: text.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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

    /// Takes so many bytes, and no more until there is room again.
    struct Disk<'a> {
        room: &'a std::cell::Cell<usize>,
        holds: &'a std::cell::RefCell<Vec<u8>>,
    }

    impl Write for Disk<'_> {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let taken = bytes.len().min(self.room.get());
            self.room.set(self.room.get() - taken);
            self.holds.borrow_mut().extend_from_slice(&bytes[..taken]);
            if taken == 0 { Err(ErrorKind::StorageFull.into()) } else { Ok(taken) }
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_full_disk_is_waited_for_and_what_finds_no_room_is_told() {
        let mut line = Vec::new();
        house::write(&record(), &mut line);
        let (room, holds) = (std::cell::Cell::new(line.len() * 3 / 2), std::cell::RefCell::default());
        let mut speaking = Speaking::new(Disk { room: &room, holds: &holds });
        speaking.say((0..3).map(|_| record())).unwrap();
        assert_eq!(holds.borrow().len(), line.len() * 3 / 2, "in the middle of a line");
        let many = WAITING / line.len() + 100;
        (0..many).for_each(|_| speaking.say(std::iter::once(record())).unwrap());
        assert!(speaking.lines.len() < WAITING + line.len());
        room.set(usize::MAX);
        speaking.tend().unwrap();
        speaking.say(std::iter::once(record())).unwrap();
        let holds = String::from_utf8(holds.take()).unwrap();
        let (told, records): (Vec<_>, Vec<_>) =
            holds.lines().partition(|line| line.contains("output-dropped"));
        assert!(records.iter().all(|found| found.as_bytes() == line.trim_ascii_end()), "all are whole");
        let count: serde_json::Value = serde_json::from_str(told[0]).unwrap();
        let count = count.pointer("/cloudward/coverage/count").unwrap().as_u64().unwrap();
        assert_eq!((told.len(), records.len() + count as usize), (1, 3 + many + 1));
        assert!(holds.ends_with(std::str::from_utf8(&line).unwrap()), "and it goes on");
    }
}
