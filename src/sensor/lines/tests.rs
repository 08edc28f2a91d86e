use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use super::*;

/// Gives `chunk` bytes at a time, then fails if told to.
struct Dripping {
    data: Vec<u8>,
    at: usize,
    chunk: usize,
    fails: bool,
}

impl Read for Dripping {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let rest = &self.data[self.at..];
        if rest.is_empty() && self.fails {
            return Err(io::Error::other("unplugged"));
        }
        let count = rest.len().min(self.chunk).min(out.len());
        out[..count].copy_from_slice(&rest[..count]);
        self.at += count;
        Ok(count)
    }
}

fn lines_of(data: &[u8], chunk: usize, fails: bool) -> Lines {
    let source = Dripping { data: data.to_vec(), at: 0, chunk, fails };
    Lines::new("test".into(), Box::new(source)).unwrap()
}

/// Every item as `number:text`, `number:text!` where incomplete, `number>length` where too long; then the error.
fn told(mut lines: Lines) -> String {
    let mut told = Vec::new();
    loop {
        match lines.next_line() {
            Ok(Some(Item::Line(line))) => {
                let text = String::from_utf8_lossy(line.bytes);
                told.push(format!("{}:{text}{}", line.number, if line.complete { "" } else { "!" }));
            }
            Ok(Some(Item::TooLong { number, bytes })) => told.push(format!("{number}>{bytes}")),
            Ok(None) => return told.join(" "),
            Err(error) => {
                told.push(error.to_string());
                assert!(lines.next_line().unwrap().is_none(), "nothing follows an error");
                return told.join(" ");
            }
        }
    }
}

#[test]
fn chunks_make_no_difference() {
    for chunk in [1, 2, 3, 7, 1 << 20] {
        let check = |data: &[u8], expected| assert_eq!(told(lines_of(data, chunk, false)), expected);
        check(b"a\nbc\n\nd\n", "1:a 2:bc 4:d");
        check(b"a\nbc", "1:a 2:bc!");
        check(b"", "");
        check(b"\n\n \r\n", "");
        check(b"(\n", "1:(");
    }
}

/// Counts how often it is asked.
struct Counted(Dripping, Arc<AtomicU32>);

impl Read for Counted {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        self.1.fetch_add(1, Ordering::Relaxed);
        self.0.read(out)
    }
}

#[test]
fn a_line_that_is_ready_is_not_waited_for() {
    for (chunk, expected) in [(1, 0..=0), (9, 1..=3), (1 << 20, 3..=3)] {
        let data = b"a\nbc\n\nd\n\ne\n\nf\ng\nh\nlast".to_vec();
        let asked = Arc::new(AtomicU32::new(0));
        let source = Counted(Dripping { data, at: 0, chunk, fails: false }, Arc::clone(&asked));
        let mut lines = Lines::new("test".into(), Box::new(source)).unwrap();
        let (mut told, mut ready) = (Vec::new(), 0);
        loop {
            let (is_ready, before) = (lines.is_ready(), asked.load(Ordering::Relaxed));
            let Some(Item::Line(line)) = lines.next_line().unwrap() else { break };
            told.push(String::from_utf8_lossy(line.bytes).into_owned());
            if is_ready {
                ready += 1;
                assert_eq!(asked.load(Ordering::Relaxed), before, "{told:?}");
            }
        }
        assert_eq!(told, ["a", "bc", "d", "e", "f", "g", "h", "last"]);
        // Behind an empty line, and where a line feed may still come, there may be a wait.
        assert!(expected.contains(&ready), "{ready} in chunks of {chunk}");
    }
}

#[test]
fn what_came_before_a_failure_is_delivered() {
    assert_eq!(told(lines_of(b"a\nb\nc", 2, true)), "1:a 2:b 3:c! test: unplugged");
}

#[test]
fn a_line_beyond_the_limit_is_passed_over() {
    let long = vec![b'x'; MAX_LINE * 2 + 5];
    let data = [b"a\n", long.as_slice(), b"\nb\n", &long].concat();
    let expected = format!("1:a 2>{0} 3:b 4>{0}", long.len());
    let mut lines = lines_of(&data, 1 << 20, false);
    for _ in 0..3 {
        lines.next_line().unwrap();
    }
    assert_eq!(lines.buffer.capacity(), BUFFER, "the room it took is given back");
    assert_eq!(told(lines_of(&data, 1 << 20, false)), expected);
}

#[test]
fn the_limit_does_not_depend_on_how_bytes_arrive() {
    let data = [vec![b'x'; MAX_LINE + 1], b"\nb\n".to_vec()].concat();
    for chunk in [4096, 1 << 20] {
        assert_eq!(told(lines_of(&data, chunk, false)), format!("1>{} 2:b", MAX_LINE + 1));
    }
}

#[test]
fn a_line_just_within_the_limit_is_handed_out() {
    let data = [vec![b'x'; MAX_LINE], b"\n".to_vec()].concat();
    let mut lines = lines_of(&data, 1 << 20, false);
    match lines.next_line().unwrap() {
        Some(Item::Line(line)) => assert_eq!(line.bytes.len(), MAX_LINE),
        other => panic!("{other:?}"),
    }
}

fn gzip(data: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(data).unwrap();
    encoder.finish().unwrap()
}

fn zstd(data: &[u8]) -> Vec<u8> {
    ruzstd::encoding::compress_to_vec(data, ruzstd::encoding::CompressionLevel::Fastest)
}

#[test]
fn compressed_recordings_of_several_parts() {
    let skippable = [0x50, 0x2A, 0x4D, 0x18, 3, 0, 0, 0, 1, 2, 3];
    for data in [
        [gzip(b"a\nb"), gzip(b"c\nd\n")].concat(),
        [zstd(b"a\nb"), zstd(b"c\nd\n")].concat(),
        [skippable.to_vec(), zstd(b"a\nb"), skippable.to_vec(), zstd(b"c\nd\n")].concat(),
    ] {
        for chunk in [1, 1 << 20] {
            assert_eq!(told(lines_of(&data, chunk, false)), "1:a 2:bc 3:d");
        }
    }
}

#[test]
fn damaged_compression_ends_with_an_error_behind_what_could_be_read() {
    let data: Vec<u8> =
        (0..60_000).flat_map(|n: u32| format!("{}\n", n.wrapping_mul(2_654_435_761)).into_bytes()).collect();
    for (packed, form) in [(gzip(&data), "gzip"), (zstd(&data), "zstd")] {
        let cut = &packed[..packed.len() * 2 / 3];
        let told = told(lines_of(cut, 1 << 20, false));
        assert!(told.starts_with("1:0 2:2654435761 "), "{form}");
        assert!(told.contains(&format!("test: damaged {form} data")), "{form}");
    }
}

/// A zstd frame of raw blocks, with a window of 1 MiB.
fn blocks(parts: &[&[u8]]) -> Vec<u8> {
    let mut frame = vec![0x28, 0xB5, 0x2F, 0xFD, 0x00, 0x50];
    for (index, part) in parts.iter().enumerate() {
        let header = u32::from(index + 1 == parts.len()) | u32::try_from(part.len()).unwrap() << 3;
        frame.extend_from_slice(&header.to_le_bytes()[..3]);
        frame.extend_from_slice(part);
    }
    frame
}

#[test]
fn a_cut_zstd_frame_gives_out_the_window_that_it_held_back() {
    let whole = blocks(&[b"a\nb", b"c\nd\n", b"e\nf\n"]);
    assert_eq!(told(lines_of(&whole, 1, false)), "1:a 2:bc 3:d 4:e 5:f");
    // In the last block, in its header, and right before that.
    for cut in [1, 3, 5, 7] {
        let told = told(lines_of(&whole[..whole.len() - cut], 1 << 20, false));
        assert!(told.starts_with("1:a 2:bc 3:d test: damaged zstd data: "), "{told}");
    }
    let mut reserved = whole.clone();
    reserved[whole.len() - 7] |= 6;
    let told = told(lines_of(&reserved, 1 << 20, false));
    assert!(told.starts_with("1:a 2:bc 3:d test: damaged zstd data: "), "{told}");
}

#[test]
fn a_wrong_checksum_is_said_behind_what_it_is_about() {
    let checked = |checksum: [u8; 4]| {
        let mut frame = blocks(&[b"a\nb", b"c\nd\n"]);
        frame[4] |= 4;
        [frame.as_slice(), &checksum, &blocks(&[b"e\n"])].concat()
    };
    // What `zstd --check` puts behind `a\nbc\nd\n`.
    let right = 0x64B9_873F_u32.to_le_bytes();
    let wrong = "1:a 2:bc 3:d test: damaged zstd data: corrupt zstd frame does not have a matching checksum";
    for chunk in [1, 1 << 20] {
        assert_eq!(told(lines_of(&checked(right), chunk, false)), "1:a 2:bc 3:d 4:e");
        assert_eq!(told(lines_of(&checked([0; 4]), chunk, false)), wrong);
    }
}

#[test]
fn what_cannot_be_opened_is_named() {
    let missing = Lines::open(Path::new("no/such.ndjson")).err().unwrap();
    assert_eq!(missing.to_string(), "no/such.ndjson: no such file");
    let directory = Lines::open(Path::new("src")).err().unwrap();
    assert_eq!(directory.to_string(), "src: is a directory");
}
