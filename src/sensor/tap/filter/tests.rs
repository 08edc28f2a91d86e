//! The program, run by a machine as the kernel has one.

use super::assembler::GO;
use super::*;
use crate::net::{Limits, LinkType, Packet, Tap};
use crate::sensor::capture::CaptureReader;

/// The machine of `bpf(4)`, as far as the program uses it. `None` is a fault: the kernel drops the packet.
fn run(program: &[Instruction], packet: &[u8], wire: usize) -> Option<u32> {
    let (mut a, mut x, mut memory, mut at) = (0u32, 0u32, [0u32; 16], 0usize);
    let load = |offset: u32, size: usize| {
        let bytes = packet.get(offset as usize..offset as usize + size)?;
        Some(bytes.iter().fold(0u32, |value, byte| value << 8 | u32::from(*byte)))
    };
    loop {
        let Instruction { code, jump_true, jump_false, operand } = *program.get(at)?;
        at += 1;
        let mut jump = |holds: bool| at += usize::from(if holds { jump_true } else { jump_false });
        match code {
            LOAD_BYTE => a = load(operand, 1)?,
            LOAD_BYTE_X => a = load(x + operand, 1)?,
            LOAD_HALF_X => a = load(x + operand, 2)?,
            LOAD_LENGTH => a = wire as u32,
            LOAD_MEMORY => a = memory[operand as usize],
            STORE => memory[operand as usize] = a,
            ADD => a += operand,
            ADD_X => a += x,
            AND => a &= operand,
            SHIFT_LEFT => a <<= operand,
            SHIFT_RIGHT => a >>= operand,
            TO_X => x = a,
            FROM_X => a = x,
            IF_EQUAL => jump(a == operand),
            IF_ANY_BIT => jump(a & operand != 0),
            IF_GREATER_X => jump(a > x),
            GO => at += operand as usize,
            RETURN => return Some(operand),
            RETURN_A => return Some(a),
            code => panic!("{code:#x} is no instruction of this program"),
        }
    }
}

fn kept(packet: &[u8]) -> usize {
    let kept = run(&program(), packet, packet.len()).unwrap_or(0);
    packet.len().min(kept as usize)
}

/// A PKTAP header for Ethernet, then the Ethernet header.
fn framed(outbound: bool, ethertype: u16, ip: &[u8]) -> Vec<u8> {
    let mut packet = vec![0; 156 + 12];
    packet[0] = 156;
    packet[4] = 1;
    packet[8] = 1;
    packet[36] = if outbound { 2 } else { 1 };
    packet.extend(ethertype.to_be_bytes());
    packet.extend(ip);
    packet
}

fn ipv4(protocol: u8, transport: &[u8]) -> Vec<u8> {
    let mut ip = vec![0; 20];
    (ip[0], ip[9]) = (0x45, protocol);
    ip.extend(transport);
    ip
}

fn tcp(source: u16, payload: &[u8]) -> Vec<u8> {
    let mut tcp = vec![0; 32];
    tcp[..2].copy_from_slice(&source.to_be_bytes());
    tcp[12] = 0x80;
    tcp.extend(payload);
    tcp
}

fn udp(source: u16, payload: &[u8]) -> Vec<u8> {
    [&source.to_be_bytes()[..], &[0; 6], payload].concat()
}

#[test]
fn headers_only_where_payload_says_nothing() {
    let headers = 156 + 14 + 20 + 32;
    let inbound = |transport: &[u8]| kept(&framed(false, 0x0800, &ipv4(6, transport)));
    assert_eq!(inbound(&tcp(443, &[0x17; 1400])), headers);
    assert_eq!(inbound(&tcp(443, &[])), headers, "an acknowledgment");
    assert_eq!(inbound(&tcp(443, &[0x16; 1400])), headers + 1400, "a handshake");
    assert_eq!(inbound(&tcp(53, &[0x17; 1400])), headers + 1400, "a DNS answer");
    let outbound = framed(true, 0x0800, &ipv4(6, &tcp(50_000, &[0x17; 60_000])));
    assert_eq!(kept(&outbound), headers + OPENING as usize, "a super-packet");
}

#[test]
fn datagrams_are_kept_where_names_may_be() {
    let headers = 156 + 14 + 20 + 8;
    let datagram = |transport: &[u8]| kept(&framed(false, 0x0800, &ipv4(17, transport)));
    assert_eq!(datagram(&udp(53, &[0; 500])), headers + 500);
    assert_eq!(datagram(&udp(5353, &[0; 500])), headers + 500);
    assert_eq!(datagram(&udp(443, &[0xc3; 1200])), headers + 1200, "an Initial packet");
    assert_eq!(datagram(&udp(443, &[0x43; 1200])), headers + 64);
    assert_eq!(datagram(&udp(443, &[])), headers);
}

#[test]
fn what_is_not_understood_is_whole_and_what_cannot_matter_is_not_copied() {
    let mut fragment = ipv4(6, &[0; 100]);
    fragment[7] = 9;
    let mut ipv6 = vec![0; 140];
    ipv6[0] = 0x60;
    for (packet, whole) in [
        (framed(true, 0x0800, &fragment), true),
        (framed(true, 0x8100, &[0; 80]), true),
        (framed(true, 0x86dd, &ipv6), true),
        (framed(true, 0x0806, &[0; 28]), false),
        (framed(true, 0x0800, &ipv4(1, &[0; 64])), false),
    ] {
        assert_eq!(kept(&packet), if whole { packet.len() } else { 0 });
    }
    for header in [43, 139, 140, 4, 41, 47] {
        ipv6[6] = header;
        assert_eq!(kept(&framed(true, 0x86dd, &ipv6)), 156 + 14 + 140, "{header}");
    }
    for carrier in [4, 41, 47, 51] {
        let packet = framed(true, 0x0800, &ipv4(carrier, &[0; 64]));
        assert_eq!(kept(&packet), packet.len(), "{carrier}");
    }
    assert_eq!(kept(&framed(true, 0x0800, &ipv4(50, &[0; 64]))), 156 + 14 + 20, "ESP");
    ipv6[6] = 17;
    assert_eq!(kept(&framed(false, 0x86dd, &ipv6)), 156 + 14 + 40 + 8 + 64);
}

/// Every jump lands inside the program, and the last instruction returns: the kernel refuses anything else.
#[test]
fn the_kernel_would_take_it() {
    let program = program();
    for (at, step) in program.iter().enumerate() {
        let furthest = match step.code {
            GO => step.operand as usize,
            _ => usize::from(step.jump_true.max(step.jump_false)),
        };
        assert!(at + 1 + furthest < program.len() || step.code & 7 == RETURN & 7, "{at}: {step:?}");
        assert!(step.jump_true < u8::MAX && step.jump_false < u8::MAX);
    }
    assert_eq!(program.last().map(|last| last.code), Some(RETURN));
}

/// Of real traffic, the tap tells the same whether it gets all or only what the kernel would copy.
#[test]
fn the_tap_misses_nothing_of_recorded_traffic() {
    let program = program();
    let mut copied = [0, 0];
    for name in ["demo", "awscli-s3", "curl-dropbox", "node-blob", "rclone-s3"] {
        let path = format!("{}/tests/recordings/{name}/capture.pcap.gz", env!("CARGO_MANIFEST_DIR"));
        let mut taps = [Tap::new(Limits::default()), Tap::new(Limits::default())];
        let mut told = [Vec::new(), Vec::new()];
        let mut reader = CaptureReader::open(&path).unwrap();
        while let Some(packet) = reader.next().unwrap() {
            assert_eq!(packet.link, LinkType::Pktap, "{name}");
            taps[0].packet(&packet, &mut told[0]);
            let kept = run(&program, packet.data, packet.wire_len as usize).unwrap_or(0);
            let data = &packet.data[..packet.data.len().min(kept as usize)];
            if !data.is_empty() {
                taps[1].packet(&Packet { data, ..packet }, &mut told[1]);
            }
            copied = [copied[0] + packet.data.len(), copied[1] + data.len()];
        }
        let [whole, cut] = told;
        assert!(whole.len() >= 20, "{name}: {}", whole.len());
        assert_eq!(whole, cut, "{name}");
    }
    assert!(copied[1] < copied[0], "{copied:?}");
}
