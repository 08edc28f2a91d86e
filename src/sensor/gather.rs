//! A pipe that is read in portions, not a few bytes at a time.

use std::io::{self, Read};
use std::thread;
use std::time::Duration;

/// Between two readings of a pipe that holds little: far below the time that the engine waits for latecomers, so that no
/// alert is later for it. On a busy Mac a reading of each event by itself would cost more than the event.
const NAP: Duration = Duration::from_millis(2);
/// With so many bytes at once there is no time to wait: a pipe may hold no more than four times that.
const PLENTY: usize = 16 << 10;

/// Waits a little between two reads, so that one read returns many events. After a quiet time the next event is read at once.
#[derive(Debug)]
pub struct Gather<R> {
    pipe: R,
    last: usize,
}

impl<R> Gather<R> {
    pub fn new(pipe: R) -> Self {
        Self { pipe, last: PLENTY }
    }
}

impl<R: Read> Read for Gather<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.last < PLENTY {
            thread::sleep(NAP);
        }
        self.last = self.pipe.read(buffer)?;
        Ok(self.last)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::time::Instant;

    use super::*;

    #[test]
    fn what_comes_little_by_little_is_read_together() {
        let (reader, mut writer) = io::pipe().unwrap();
        let mut reader = Gather::new(reader);
        let mut buffer = [0; 64];
        writer.write_all(b"a").unwrap();
        assert_eq!(reader.read(&mut buffer).unwrap(), 1, "the first is not kept waiting");
        writer.write_all(b"b").unwrap();
        let began = Instant::now();
        let more = thread::spawn(move || writer.write_all(b"c").unwrap());
        assert!((1..=2).contains(&reader.read(&mut buffer).unwrap()));
        assert!(began.elapsed() >= NAP);
        more.join().unwrap();
    }

    #[test]
    fn plenty_is_read_without_a_wait() {
        let data = vec![7; PLENTY * 64];
        let mut read = Vec::new();
        Gather::new(&data[..]).read_to_end(&mut read).unwrap();
        assert_eq!(read, data);
    }
}
