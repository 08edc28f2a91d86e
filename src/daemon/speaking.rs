//! The thread that writes records to standard output, one JSON object a line.

use std::io::{self, BufWriter, Write};
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel};
use std::thread::{self, JoinHandle};

use tokio::sync::oneshot;

use crate::model::Record;

use super::RunError;
use super::house;

/// Records on their way out. Above it the engine waits.
const RECORDS: usize = 1024;

/// The speaker at work. It ends when there are no more records, or when they cannot be written.
pub(super) struct Speaking {
    gone: oneshot::Receiver<()>,
    thread: JoinHandle<io::Result<()>>,
}

impl Speaking {
    pub(super) fn start() -> Result<(Self, SyncSender<Record>), RunError> {
        let (records, spoken) = sync_channel(RECORDS);
        let (here, gone) = oneshot::channel();
        let thread = thread::Builder::new().name("speaking".to_owned()).spawn(move || {
            let _here = here;
            speak(&spoken, BufWriter::new(io::stdout()))
        });
        let thread = thread.map_err(|error| RunError::Start("the output's thread", error))?;
        Ok((Self { gone, thread }, records))
    }

    pub(super) async fn gone(&mut self) {
        if !self.gone.is_terminated() {
            let _ = (&mut self.gone).await;
        }
    }

    /// Call when [`Speaking::gone`] has returned.
    pub(super) fn outcome(self) -> io::Result<()> {
        self.thread
            .join()
            .unwrap_or_else(|_| Err(io::Error::other("a fault of cloudward while writing a record")))
    }
}

/// Written at once whenever nothing more is waiting: a record that sits in a buffer warns nobody.
fn speak(records: &Receiver<Record>, mut out: impl Write) -> io::Result<()> {
    let mut line = Vec::new();
    while let Ok(record) = next(records, &mut out)? {
        line.clear();
        house::write(&record, &mut line);
        out.write_all(&line)?;
    }
    out.flush()
}

fn next(records: &Receiver<Record>, out: &mut impl Write) -> io::Result<Result<Record, TryRecvError>> {
    match records.try_recv() {
        Err(TryRecvError::Empty) => {
            out.flush()?;
            Ok(records.recv().map_err(|_| TryRecvError::Disconnected))
        }
        other => Ok(other),
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
        let (records, spoken) = sync_channel(8);
        (0..3).for_each(|_| records.send(record()).unwrap());
        drop(records);
        let mut out = Vec::new();
        speak(&spoken, &mut out).unwrap();
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
        let (records, spoken) = sync_channel(8);
        records.send(record()).unwrap();
        assert_eq!(speak(&spoken, Broken).unwrap_err().kind(), io::ErrorKind::BrokenPipe);
    }
}
