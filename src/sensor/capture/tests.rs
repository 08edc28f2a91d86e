//! Both formats, written here in every form; what is broken says where.

use std::io::{Cursor, Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use proptest::prelude::*;

use super::{CaptureError, CaptureReader, CaptureSet, MAX_RECORD, open};
use crate::model::{Direction, Timestamp};
use crate::net::LinkType;

const SECOND: u32 = 1_700_000_000;

struct Endian(bool);

impl Endian {
    fn u16(&self, value: u16) -> [u8; 2] {
        if self.0 { value.to_be_bytes() } else { value.to_le_bytes() }
    }

    fn u32(&self, value: u32) -> [u8; 4] {
        if self.0 { value.to_be_bytes() } else { value.to_le_bytes() }
    }

    fn pcap(&self, magic: u32, link: u32, packets: &[(u32, &[u8])]) -> Vec<u8> {
        let mut file = Vec::new();
        file.extend(self.u32(magic));
        file.extend([self.u16(2), self.u16(4)].concat());
        for word in [0, 0, 262_144, link] {
            file.extend(self.u32(word));
        }
        for (fraction, data) in packets {
            for word in [SECOND, *fraction, data.len() as u32, data.len() as u32 + 9] {
                file.extend(self.u32(word));
            }
            if magic == 0xa1b2_cd34 {
                file.extend([0; 8]);
            }
            file.extend(*data);
        }
        file
    }

    fn block(&self, kind: u32, body: &[u8]) -> Vec<u8> {
        let padding = vec![0; body.len().next_multiple_of(4) - body.len()];
        let length = self.u32(12 + (body.len() + padding.len()) as u32);
        [&self.u32(kind)[..], &length, body, &padding, &length].concat()
    }

    fn option(&self, code: u16, value: &[u8]) -> Vec<u8> {
        let padding = vec![0; value.len().next_multiple_of(4) - value.len()];
        [&self.u16(code)[..], &self.u16(value.len() as u16), value, &padding].concat()
    }

    fn section(&self) -> Vec<u8> {
        let body = [&self.u32(0x1a2b_3c4d)[..], &self.u16(1), &self.u16(0), &[0xff; 8]].concat();
        self.block(0x0a0d_0d0a, &body)
    }

    fn interface(&self, link: u16, options: &[Vec<u8>]) -> Vec<u8> {
        self.block(1, &[&self.u16(link)[..], &[0, 0], &self.u32(0), &options.concat()].concat())
    }

    fn packet(&self, interface: u32, units: u64, data: &[u8], options: &[Vec<u8>]) -> Vec<u8> {
        let mut body = Vec::new();
        for word in [interface, (units >> 32) as u32, units as u32, data.len() as u32, data.len() as u32] {
            body.extend(self.u32(word));
        }
        body.extend(data);
        body.resize(body.len().next_multiple_of(4), 0);
        body.extend(options.concat());
        self.block(6, &body)
    }
}

fn reader(bytes: Vec<u8>) -> Result<CaptureReader, CaptureError> {
    CaptureReader::from_stream("test", open::plain(Box::new(Cursor::new(bytes))).unwrap())
}

type Seen = (i64, LinkType, Vec<u8>, u32);

fn read(bytes: Vec<u8>) -> (Vec<Seen>, Option<CaptureError>) {
    let mut reader = match reader(bytes) {
        Ok(reader) => reader,
        Err(error) => return (Vec::new(), Some(error)),
    };
    let mut seen = Vec::new();
    loop {
        match reader.next() {
            Ok(Some(packet)) => {
                seen.push((packet.time.as_nanos(), packet.link, packet.data.to_vec(), packet.wire_len));
            }
            Ok(None) => return (seen, None),
            Err(error) => {
                assert!(matches!(reader.next(), Ok(None)), "after an error comes the end");
                return (seen, Some(error));
            }
        }
    }
}

const BOTH: [Endian; 2] = [Endian(false), Endian(true)];
const BASE: i64 = SECOND as i64 * 1_000_000_000;

#[test]
fn pcap_in_every_form() {
    for endian in BOTH {
        // Once with a frame check sequence of two words beside the link type.
        let forms = [(0xa1b2_c3d4, 1000, 1), (0xa1b2_3c4d, 1, 0x2400_0001), (0xa1b2_cd34, 1000, 0x03ff_0001)];
        for (magic, unit, link) in forms {
            let (seen, error) = read(endian.pcap(magic, link, &[(5, b"one"), (6, b"three")]));
            let expected = [(5, b"one".to_vec(), 12), (6, b"three".to_vec(), 14)]
                .map(|(at, data, wire)| (BASE + at * unit, LinkType::Ethernet, data, wire));
            assert!(error.is_none(), "{error:?}");
            assert_eq!(seen, expected, "{magic:x}");
        }
    }
}

#[test]
fn pcapng_in_every_form() {
    let micros = u64::from(SECOND) * 1_000_000;
    for endian in BOTH {
        let file = [
            endian.section(),
            endian.interface(1, &[endian.option(2, b"en0")]),
            endian.interface(101, &[endian.option(9, &[9]), endian.option(14, &offset(&endian, 3))]),
            endian.interface(113, &[endian.option(9, &[0x8a])]),
            endian.packet(0, micros + 5, b"micro", &[endian.option(2, &endian.u32(2))]),
            endian.block(0x0bad, b"a stranger's block"),
            endian.packet(1, u64::from(SECOND) * 1_000_000_000 + 7, b"nano", &[]),
            endian.packet(2, u64::from(SECOND) << 10 | 512, b"binary", &[]),
            endian.block(3, &[&endian.u32(6)[..], b"simple\0\0"].concat()),
        ]
        .concat();
        // A second section, in the other byte order, numbers its interfaces anew.
        let other = Endian(!endian.0);
        let second =
            [other.section(), other.interface(12, &[]), other.packet(0, micros, b"second", &[])].concat();
        let (seen, error) = read([file, second].concat());
        assert!(error.is_none(), "{error:?}");
        let expected = [
            (BASE + 5000, LinkType::Ethernet, &b"micro"[..]),
            (BASE + 3_000_000_007, LinkType::Raw, b"nano"),
            (BASE + 500_000_000, LinkType::Sll, b"binary"),
            (BASE + 500_000_000, LinkType::Ethernet, b"simple"),
            (BASE, LinkType::Raw, b"second"),
        ];
        assert_eq!(seen, expected.map(|(time, link, data)| (time, link, data.to_vec(), data.len() as u32)));
    }
}

fn offset(endian: &Endian, seconds: i64) -> [u8; 8] {
    if endian.0 { seconds.to_be_bytes() } else { seconds.to_le_bytes() }
}

#[test]
fn darwin_blocks_tell_the_owner() {
    for endian in BOTH {
        let process = |pid: u32, name: &[u8]| {
            endian.block(0x8000_0001, &[&endian.u32(pid)[..], &endian.option(2, name)].concat())
        };
        let owned = [endian.option(0x8001, &endian.u32(0)), endian.option(0x8003, &endian.u32(1))];
        let file = [
            endian.section(),
            endian.interface(1, &[endian.option(2, b"en0")]),
            process(4242, b"nsurlsessiond"),
            process(77, b"mail"),
            endian.packet(0, 1, b"x", &[&owned[..], &[endian.option(2, &endian.u32(2))]].concat()),
            endian.packet(0, 1, b"y", &[endian.option(0x8001, &endian.u32(9))]),
        ]
        .concat();
        let mut reader = reader(file).unwrap();
        let packet = reader.next().unwrap().unwrap();
        let owner = packet.owner.unwrap();
        assert_eq!((owner.pid.0, owner.name.to_string()), (4242, "nsurlsessiond".to_owned()));
        assert_eq!(
            owner.effective.map(|(pid, name)| (pid.0, name.to_string())),
            Some((77, "mail".to_owned()))
        );
        assert_eq!(
            (packet.direction, packet.interface.map(|name| &**name)),
            (Some(Direction::Out), Some("en0"))
        );
        assert!(reader.next().unwrap().unwrap().owner.is_none());
    }
}

#[test]
fn a_darwin_block_may_follow_its_packets() {
    for endian in BOTH {
        let process = |pid: u32| endian.block(0x8000_0001, &endian.u32(pid));
        let of = |index: u32| endian.packet(0, 1, b"x", &[endian.option(0x8001, &endian.u32(index))]);
        let section = [endian.section(), endian.interface(1, &[]), process(1), of(2), process(2), of(1)];
        let file = [section.concat(), process(3), of(2), of(3), section.concat(), process(3)].concat();
        let mut reader = reader(file).unwrap();
        let mut owners = Vec::new();
        while let Some(packet) = reader.next().unwrap() {
            owners.push(packet.owner.map(|owner| owner.pid.0));
        }
        assert_eq!(owners, [Some(3), Some(2), Some(3), None, Some(3), Some(2)]);
    }
}

#[test]
fn compression_is_undone() {
    let plain = Endian(false).pcap(0xa1b2_c3d4, 1, &[(5, b"one"), (6, b"two")]);
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gzip.write_all(&plain[..50]).unwrap();
    let mut members = gzip.finish().unwrap();
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gzip.write_all(&plain[50..]).unwrap();
    members.extend(gzip.finish().unwrap());
    let frame = |part: &[u8]| {
        ruzstd::encoding::compress_to_vec(part, ruzstd::encoding::CompressionLevel::Uncompressed)
    };
    let skipped = [&[0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0][..], b"abc"].concat();
    let frames = [skipped.clone(), frame(&plain[..50]), skipped, frame(&plain[50..])].concat();
    for compressed in [members, frames] {
        let (seen, error) = read(compressed);
        assert!(error.is_none() && seen.len() == 2, "{error:?} {seen:?}");
    }
}

#[test]
fn what_is_broken_says_where() {
    let whole = Endian(false).pcap(0xa1b2_c3d4, 1, &[(5, b"one"), (6, b"two")]);
    let (seen, error) = read(whole[..whole.len() - 1].to_vec());
    assert!(seen.len() == 1 && matches!(error, Some(CaptureError::Cut { offset: 43, .. })), "{error:?}");
    let (_, error) = read(whole[..50].to_vec());
    assert!(matches!(error, Some(CaptureError::Cut { offset: 43, .. })), "{error:?}");

    let mut absurd = whole.clone();
    absurd[51..55].copy_from_slice(&u32::MAX.to_le_bytes());
    let (seen, error) = read(absurd);
    assert_eq!(seen.len(), 1);
    let limit = MAX_RECORD as u64;
    assert!(matches!(error, Some(CaptureError::TooLong { offset: 43, limit: named, .. }) if named == limit));

    let endian = Endian(false);
    let stray = [endian.section(), endian.packet(3, 0, b"of no interface", &[])].concat();
    assert!(matches!(read(stray).1, Some(CaptureError::Malformed { offset: 28, .. })));
    for (bytes, text) in [
        (&b""[..], "test: is empty"),
        (b"{\"event\":1}\n", "JSON"),
        (b"PK\x03\x04abc", "zip"),
        (b"hello there", "text"),
        (b"\xd4\xc3\xb2\xa1\x02", "cut off at byte 0"),
        (b"\0\0\0\0\0\0\0\0", "unknown"),
    ] {
        let message = read(bytes.to_vec()).1.unwrap().to_string();
        assert!(message.contains(text), "{message}");
    }
    assert!(matches!(CaptureReader::open("/"), Err(CaptureError::Directory { .. })));
    assert!(matches!(CaptureReader::open("/nonexistent/x.pcap"), Err(CaptureError::Open { .. })));
}

/// Gives one byte at a time, as the slowest pipe would.
struct Drip(Cursor<Vec<u8>>);

impl Read for Drip {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        let end = out.len().min(1);
        self.0.read(&mut out[..end])
    }
}

#[test]
fn a_growing_recording_is_followed() {
    let bytes = Endian(false).pcap(0xa1b2_c3d4, 1, &[(5, b"one"), (6, b"two")]);
    let source = open::plain(Box::new(Drip(Cursor::new(bytes)))).unwrap();
    let mut reader = CaptureReader::from_stream("pipe", source).unwrap();
    assert_eq!(reader.next().unwrap().unwrap().data, b"one");
    assert_eq!(reader.next().unwrap().unwrap().data, b"two");
    assert!(reader.next().unwrap().is_none());
}

/// Gives so many bytes at a time, and counts how often it is asked.
struct Counted(Cursor<Vec<u8>>, usize, Arc<AtomicU32>);

impl Read for Counted {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        self.2.fetch_add(1, Ordering::Relaxed);
        let end = out.len().min(self.1);
        self.0.read(&mut out[..end])
    }
}

#[test]
fn a_packet_that_is_ready_is_not_waited_for() {
    for endian in BOTH {
        let packets: [(u32, &[u8]); 4] = [(5, b"one"), (6, b""), (7, b"three"), (8, &[4; 300])];
        let blocks = packets.map(|(at, data)| endian.packet(0, at.into(), data, &[])).concat();
        let files = [
            endian.pcap(0xa1b2_c3d4, 1, &packets),
            endian.pcap(0xa1b2_cd34, 1, &packets),
            [endian.section(), endian.interface(1, &[]), blocks].concat(),
        ];
        for (file, chunk, most) in
            files.iter().flat_map(|file| [(file, 1, 0), (file, 64, 3), (file, 1 << 20, 3)])
        {
            let asked = Arc::new(AtomicU32::new(0));
            let source = Counted(Cursor::new(file.clone()), chunk, Arc::clone(&asked));
            let reader = CaptureReader::from_stream("pipe", Box::new(source)).unwrap();
            let (mut set, mut lengths, mut ready) = (CaptureSet::new(vec![reader]), Vec::new(), 0);
            loop {
                let (is_ready, before) = (set.is_ready(), asked.load(Ordering::Relaxed));
                let Some(packet) = set.next().unwrap() else { break };
                lengths.push(packet.data.len());
                if is_ready {
                    ready += 1;
                    assert_eq!(asked.load(Ordering::Relaxed), before, "{lengths:?}");
                }
            }
            assert_eq!(lengths, [3, 0, 5, 300]);
            assert!(if chunk > 64 { ready == most } else { ready <= most }, "{ready} in chunks of {chunk}");
        }
    }
}

#[test]
fn long_captures_pass_through_the_window() {
    let big = vec![7; 200_000];
    let packets: Vec<(u32, &[u8])> = (0..40).map(|at| (at, &big[..(at as usize * 5003) % 200_000])).collect();
    let (seen, error) = read(Endian(true).pcap(0xa1b2_c3d4, 1, &packets));
    assert!(error.is_none());
    assert!(seen.iter().zip(&packets).all(|(seen, (_, data))| seen.2 == **data) && seen.len() == 40);
}

#[test]
fn a_merge_does_not_depend_on_the_order_given() {
    let file = |packets: &[(u32, &[u8])]| Endian(false).pcap(0xa1b2_c3d4, 1, packets);
    let files = [
        file(&[(10, b"a1"), (40, b"a2"), (20, b"a3 late"), (50, b"a4")]),
        file(&[(10, b"b1"), (45, b"b2")]),
        file(&[(12, b"c1"), (40, b"c2"), (41, b"c3")]),
    ];
    let merged = |order: [usize; 3]| {
        let mut set = CaptureSet::new(order.map(|at| reader(files[at].clone()).unwrap()).into());
        let mut seen = Vec::new();
        while let Some(packet) = set.next().unwrap() {
            seen.push((packet.time, String::from_utf8(packet.data.to_vec()).unwrap()));
        }
        seen
    };
    let first = merged([0, 1, 2]);
    for order in [[0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        assert_eq!(merged(order), first);
    }
    let mut reached = Timestamp::MIN;
    for (time, text) in &first {
        assert!(*time >= reached || text == "a3 late", "{first:?}");
        reached = reached.max(*time);
    }
    assert_eq!(first.len(), 9);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_bytes_panic(kind in 0u8..6, bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let endian = Endian(kind % 2 == 1);
        let file = match kind / 2 {
            0 => [endian.pcap(0xa1b2_c3d4, 1, &[(1, b"x")]), bytes].concat(),
            1 => [endian.section(), endian.interface(1, &[]), endian.block(u32::from(bytes.len() as u8 % 7), &bytes), bytes].concat(),
            _ => [endian.section(), endian.block(1, &bytes), endian.block(0x8000_0001, &bytes), endian.packet(0, 7, b"x", &[bytes])].concat(),
        };
        read(file);
    }

    #[test]
    fn damaged_captures_do_not_panic(hits in proptest::collection::vec((any::<u16>(), any::<u8>()), 1..10), big in any::<bool>()) {
        let endian = Endian(big);
        let options = [endian.option(2, &endian.u32(1)), endian.option(0x8001, &endian.u32(0))];
        let mut file = [
            endian.section(),
            endian.interface(1, &[endian.option(2, b"en0"), endian.option(9, &[9])]),
            endian.block(0x8000_0001, &[&endian.u32(3)[..], &endian.option(2, b"curl")].concat()),
            endian.packet(0, 7, b"some packet", &options),
            endian.packet(0, 8, b"some other packet", &options),
        ].concat();
        for (at, value) in hits {
            let at = usize::from(at) % file.len();
            file[at] = value;
        }
        read(file);
    }
}
