//! How far long work has come, on a terminal's standard error.

use std::io::{self, IsTerminal as _, Write};
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::model::Timestamp;

/// Between two looks at it.
const EVERY: Duration = Duration::from_millis(200);

/// A line that a thread of its own draws again and again, so that it is there in time also while an input keeps the
/// others waiting. Without a terminal, nothing.
pub struct Progress(Option<Live>);

struct Live {
    shared: Arc<Shared>,
    drawing: Option<JoinHandle<()>>,
}

struct Shared {
    lines: AtomicU64,
    packets: AtomicU64,
    /// Up to when, in nanoseconds; the least there is for never.
    last: AtomicI64,
    start: Instant,
    screen: Mutex<Screen>,
    over: Condvar,
}

struct Screen {
    out: Box<dyn Write + Send>,
    /// The line is there.
    drawn: bool,
    over: bool,
}

impl Progress {
    /// On standard error, if somebody watches it.
    pub fn new() -> Self {
        if io::stderr().is_terminal() { Self::on(Box::new(io::stderr())) } else { Self(None) }
    }

    fn on(out: Box<dyn Write + Send>) -> Self {
        let shared = Arc::new(Shared {
            lines: AtomicU64::new(0),
            packets: AtomicU64::new(0),
            last: AtomicI64::new(i64::MIN),
            start: Instant::now(),
            screen: Mutex::new(Screen { out, drawn: false, over: false }),
            over: Condvar::new(),
        });
        let drawn = Arc::clone(&shared);
        let drawing = thread::Builder::new().name("progress".to_owned()).spawn(move || drawn.draw());
        // Work goes on without it.
        Self(Some(Live { shared, drawing: drawing.ok() }))
    }

    /// Takes note of how far it is. Cheap enough for every line and packet.
    #[inline]
    pub fn reached(&self, lines: u64, packets: u64, last: Option<Timestamp>) {
        if let Some(Live { shared, .. }) = &self.0 {
            shared.lines.store(lines, Ordering::Relaxed);
            shared.packets.store(packets, Ordering::Relaxed);
            shared.last.store(last.map_or(i64::MIN, Timestamp::as_nanos), Ordering::Relaxed);
        }
    }

    /// Does something else to the terminal; the line is out of its way meanwhile.
    pub fn aside<T>(&self, act: impl FnOnce() -> T) -> T {
        let screen = self.0.as_ref().map(|live| {
            let mut screen = live.shared.screen();
            screen.erase();
            screen
        });
        let done = act();
        drop(screen);
        done
    }

    /// A writer to the same terminal.
    pub fn beside<W: Write>(&self, out: W) -> Beside<'_, W> {
        Beside { progress: self, out }
    }
}

/// Takes the line away.
impl Drop for Progress {
    fn drop(&mut self) {
        let Some(live) = &mut self.0 else { return };
        live.shared.screen().over = true;
        live.shared.over.notify_all();
        if let Some(drawing) = live.drawing.take() {
            // Should it have failed, it has said so.
            _ = drawing.join();
        }
        live.shared.screen().erase();
    }
}

impl Shared {
    fn screen(&self) -> MutexGuard<'_, Screen> {
        self.screen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn draw(&self) {
        let mut screen = self.screen();
        loop {
            let waited = self.over.wait_timeout_while(screen, EVERY, |screen| !screen.over);
            (screen, _) = waited.unwrap_or_else(PoisonError::into_inner);
            if screen.over {
                return;
            }
            let (lines, packets) = (self.lines.load(Ordering::Relaxed), self.packets.load(Ordering::Relaxed));
            let last = Some(self.last.load(Ordering::Relaxed)).filter(|last| *last > i64::MIN);
            let text = line(lines, packets, last.map(Timestamp::from_nanos), self.start.elapsed());
            screen.put(&format!("\r\x1b[K{text}"));
            screen.drawn = true;
        }
    }
}

impl Screen {
    fn erase(&mut self) {
        if std::mem::take(&mut self.drawn) {
            self.put("\r\x1b[K");
        }
    }

    /// Nobody who works waits for a terminal that is gone.
    fn put(&mut self, text: &str) {
        _ = self.out.write_all(text.as_bytes()).and_then(|()| self.out.flush());
    }
}

/// Writes what may go to the terminal that the line is on.
pub struct Beside<'a, W> {
    progress: &'a Progress,
    out: W,
}

impl<W: Write> Write for Beside<'_, W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.progress.aside(|| self.out.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.progress.aside(|| self.out.flush())
    }
}

fn line(lines: u64, packets: u64, last: Option<Timestamp>, elapsed: Duration) -> String {
    let rate = ((lines + packets) as f64 / elapsed.as_secs_f64().max(0.001)) as u64;
    let until = last.map(|time| time.to_string().replace('T', " "));
    let until = until.and_then(|text| text.get(..19).map(|text| format!(", at {text}"))).unwrap_or_default();
    format!("{} lines, {} packets{until}; {} a second", grouped(lines), grouped(packets), grouped(rate))
}

/// With a separator between thousands.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let first = digits.len() % 3;
    let mut text = digits[..first].to_owned();
    for at in (first..digits.len()).step_by(3) {
        if !text.is_empty() {
            text.push(',');
        }
        text.push_str(&digits[at..at + 3]);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_says_how_far_and_how_fast() {
        let last = Timestamp::parse(b"2026-11-22T13:45:27.5Z");
        let told = line(1_234_567, 7, last, Duration::from_secs(2));
        assert_eq!(told, "1,234,567 lines, 7 packets, at 2026-11-22 13:45:27; 617,287 a second");
    }

    #[derive(Clone, Default)]
    struct Terminal(Arc<Mutex<Vec<u8>>>);

    impl Terminal {
        fn shown(&self) -> String {
            String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
        }

        fn wait_for(&self, text: &str) {
            let start = Instant::now();
            while !self.shown().contains(text) {
                assert!(start.elapsed() < Duration::from_secs(20), "{:?}", self.shown());
                thread::sleep(Duration::from_millis(5));
            }
        }
    }

    impl Write for Terminal {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn the_line_is_drawn_while_the_work_waits_and_gives_way() {
        let terminal = Terminal::default();
        let progress = Progress::on(Box::new(terminal.clone()));
        progress.reached(3, 0, None);
        terminal.wait_for("\r\x1b[K3 lines, 0 packets; ");
        progress.beside(terminal.clone()).write_all(b"<a record>").unwrap();
        progress.reached(3, 4, None);
        terminal.wait_for("a second\r\x1b[K<a record>");
        terminal.wait_for("\r\x1b[K3 lines, 4 packets; ");
        drop(progress);
        assert!(terminal.shown().ends_with(" a second\r\x1b[K"), "{:?}", terminal.shown());
    }

    #[test]
    fn short_work_shows_nothing() {
        let terminal = Terminal::default();
        let progress = Progress::on(Box::new(terminal.clone()));
        progress.aside(|| ());
        drop(progress);
        assert_eq!(terminal.shown(), "");
    }
}
